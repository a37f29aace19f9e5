//! Jobs of programs: put in force, replaced and removed one by one, beside those of jobs.yaml.

use super::load::Tally;
use super::{Engine, Expected, graph};
use crontower_model::{Job, JobId, JobStatus, Now, Problem, Refusal, Source};
use crontower_schedule::Timetable;

impl Engine {
    /// Puts a job in force, new or in place of its definition.
    pub(super) fn put_request(
        &mut self,
        now: Now,
        job: Job,
        expected: Expected,
    ) -> Result<JobStatus, Refusal> {
        let id = job.id.clone();
        match expected {
            Expected::Absent if self.jobs.contains_key(&id) => {
                return Err(Refusal::JobExists { job: id });
            }
            Expected::Absent => {}
            Expected::Present => self.of_program(&id, None)?,
            Expected::Version(version) => self.of_program(&id, Some(version))?,
        }
        let timetable = self.check_alone(&job)?;
        self.put(now, job, timetable, Source::Api, &mut Tally::default());
        self.link_dependents();
        self.job_answer(&id)
    }

    /// Removes a job that no other one waits for.
    pub(super) fn delete_request(
        &mut self,
        now: Now,
        job: &JobId,
        if_version: Option<u32>,
    ) -> Result<(), Refusal> {
        self.of_program(job, if_version)?;
        let dependents = self.jobs.get(job).map(|entry| entry.dependents.as_slice());
        if let Some(dependents) = dependents.filter(|dependents| !dependents.is_empty()) {
            let names: Vec<String> = dependents.iter().map(|(id, _)| format!("`{id}`")).collect();
            let names = names.join(", ");
            let message =
                format!("job `{job}` is waited for by {names}: take the dependency away first");
            return Err(Refusal::NotPossible(message));
        }
        self.remove_job(now, job);
        self.link_dependents();
        Ok(())
    }

    /// Refuses what is no job of a program, or has another version than the one that was looked at.
    fn of_program(&self, job: &JobId, version: Option<u32>) -> Result<(), Refusal> {
        self.known(job)?;
        let Some(entry) = self.jobs.get(job) else { return Err(Refusal::Stopping) };
        if entry.source == Source::File {
            let message = format!("job `{job}` lives in jobs.yaml: it is changed there");
            return Err(Refusal::NotPossible(message));
        }
        match version {
            Some(expected) if expected != entry.version => {
                let (job, current) = (job.clone(), entry.version);
                Err(Refusal::AnotherVersion { job, expected, current })
            }
            _ => Ok(()),
        }
    }

    /// The timetable of a job that is to come, if it fits among the others.
    fn check_alone(&self, job: &Job) -> Result<Option<Timetable>, Refusal> {
        let mut problems = Vec::new();
        let timetable = job.timetable(&self.settings, self.config.system_zone);
        let timetable = timetable.unwrap_or_else(|error| {
            problems.push(Problem { path: "schedule".into(), message: error.to_string() });
            None
        });
        let others = self.jobs.values().map(|entry| &*entry.definition);
        let others = others.filter(|other| other.id != job.id);
        let faults = graph::check(others.chain([job])).into_iter();
        // What another job waits for in vain is not this one's doing; a circle can only come with it.
        let own = faults.filter(|fault| fault.missing.is_none() || fault.job == job.id);
        problems.extend(
            own.map(|fault| Problem { path: "dependencies".into(), message: fault.message }),
        );
        if problems.is_empty() { Ok(timetable) } else { Err(Refusal::Invalid(problems)) }
    }
}
