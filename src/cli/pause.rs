//! `crontower pause`, `crontower resume` and `crontower skip-next`: what their answers say.

use super::times::local;
use super::verb::Describe;
use crate::control::{PauseJob, ResumeJob, SkipNextFireTime};
use crate::model::JobStatus;

impl Describe for PauseJob {
    fn describe(&self, job: JobStatus) -> String {
        let id = &job.definition.id;
        let until = job.paused.and_then(|pause| pause.until);
        let until = until.map_or_else(|| format!("`crontower resume {id}`"), local);
        format!("{id} is paused until {until}")
    }
}

impl Describe for ResumeJob {
    fn describe(&self, job: JobStatus) -> String {
        let next = job.next_fire_time.map_or_else(
            || "it has no fire time".to_owned(),
            |next| format!("its next fire time is {}", local(next)),
        );
        format!("{} is no longer paused: {next}", job.definition.id)
    }
}

impl Describe for SkipNextFireTime {
    fn describe(&self, job: JobStatus) -> String {
        let id = &job.definition.id;
        match &job.skip_next {
            Some(skip) => format!("{id} does not fire at {}", local(skip.fire_time)),
            None => format!("no fire time of {id} is called off"),
        }
    }
}
