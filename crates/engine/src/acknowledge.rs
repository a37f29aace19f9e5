//! "I have seen that it fails": a note at a job, until its next success, until a time, or until someone takes it back.

use std::sync::Arc;

use super::Engine;
use crontower_control::{AcknowledgeExecution, Authorized, Handles, UnacknowledgeExecution};
use crontower_model::{Acknowledgement, EventKind, Execution, JobId, JobStatus, Now, Refusal};

impl Handles<AcknowledgeExecution> for Engine {
    /// Notes that a failure was seen: the newest of its job, or there is nothing to note any more.
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<AcknowledgeExecution>,
        execution: Arc<Execution>,
    ) -> Result<JobStatus, Refusal> {
        let (by, AcknowledgeExecution { note, until, .. }) = call.into_parts();
        let job = &execution.job_id;
        self.known(job)?;
        let (id, state) = (execution.id, execution.state.name());
        let refuse =
            |why: String| Err(Refusal::NotPossible(format!("execution {} {why}", id.short())));
        if !state.is_failure() {
            return refuse(format!(
                "is {state}: only a failed or timed out one can be acknowledged"
            ));
        }
        if until.is_some_and(|until| until <= now.wall) {
            let message = "the end of the acknowledgement lies in the past".to_owned();
            return Err(Refusal::NotPossible(message));
        }
        let Some(entry) = self.jobs.get_mut(job) else { return Err(Refusal::Stopping) };
        if let Some(last) = entry.state.last_ran.as_ref().filter(|last| last.id != id) {
            let (newer, ended) = (last.id.short(), last.state);
            return refuse(format!("is not the newest of job `{job}`: {newer} has {ended} since"));
        }
        entry.state.acknowledged =
            Some(Acknowledgement { execution_id: id, at: now.wall, by, note: note.clone(), until });
        let (job_id, execution_id) = (job.clone(), id);
        let fact = EventKind::FailureAcknowledged { job_id, execution_id, note, until };
        self.out.facts.push(fact);
        self.touch_job(job);
        self.plan_next(job);
        self.job_answer(job)
    }
}

impl Handles<UnacknowledgeExecution> for Engine {
    /// Takes the note about an execution back.
    fn carry_out(
        &mut self,
        _: Now,
        call: Authorized<UnacknowledgeExecution>,
        execution: Arc<Execution>,
    ) -> Result<JobStatus, Refusal> {
        let (by, _) = call.into_parts();
        let job = &execution.job_id;
        self.known(job)?;
        let noted = self.jobs.get(job).and_then(|entry| entry.state.acknowledged.as_ref());
        if noted.is_none_or(|noted| noted.execution_id != execution.id) {
            let message = format!("execution {} is not acknowledged", execution.id.short());
            return Err(Refusal::NotPossible(message));
        }
        self.end_acknowledgement(job, format!("taken back by {by}"));
        self.plan_next(job);
        self.job_answer(job)
    }
}

impl Engine {
    /// Ends the note at a job, if there is one. Whoever calls plans the job anew.
    pub(super) fn end_acknowledgement(&mut self, job: &JobId, reason: String) {
        let ended = self.jobs.get_mut(job).and_then(|entry| entry.state.acknowledged.take());
        let Some(Acknowledgement { execution_id, .. }) = ended else { return };
        let job_id = job.clone();
        self.out.facts.push(EventKind::AcknowledgementEnded { job_id, execution_id, reason });
        self.touch_job(job);
    }

    /// A job has succeeded: what was noted about its failure is over.
    pub(super) fn job_succeeded(&mut self, job: &JobId) {
        if self.jobs.get(job).is_some_and(|entry| entry.state.acknowledged.is_some()) {
            self.end_acknowledgement(job, "the job has succeeded".to_owned());
            self.plan_next(job);
        }
    }
}
