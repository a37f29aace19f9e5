//! An operator's halt of a schedule, and its end.

use super::Engine;
use crontower_control::{Authorized, Handles, PauseJob, ResumeJob};
use crontower_model::{EventKind, JobStatus, LedgerFate, Now, Pause, Refusal};

impl Handles<PauseJob> for Engine {
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<PauseJob>,
        (): (),
    ) -> Result<JobStatus, Refusal> {
        let (by, PauseJob { id, until, reason }) = call.into_parts();
        let job = self.named(&id)?;
        let Some(entry) = self.jobs.get_mut(&job) else { return Err(Refusal::Stopping) };
        let began = entry.state.pause.take();
        // What was due until now has its row already; from here on fire times belong to the pause.
        if began.is_none() && entry.definition.enabled {
            entry.state.accounted_until = entry.state.accounted_until.max(now.wall);
        }
        entry.state.pause = Some(Pause { at: now.wall, until, reason: reason.clone(), by });
        let why = "were to be caught up when the job was paused";
        self.drop_catch_up(&job, usize::MAX, LedgerFate::Paused, why);
        self.out.facts.push(EventKind::JobPaused { job_id: job.clone(), until, reason });
        self.touch_job(&job);
        self.plan_next(&job);
        self.job_answer(&job)
    }
}

impl Handles<ResumeJob> for Engine {
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<ResumeJob>,
        (): (),
    ) -> Result<JobStatus, Refusal> {
        let (by, ResumeJob { id }) = call.into_parts();
        let job = self.named(&id)?;
        if self.jobs.get(&job).is_some_and(|entry| entry.state.pause.is_none()) {
            return Err(Refusal::NotPaused { job });
        }
        self.end_pause(&job, now.wall, format!("asked for by {by}"));
        self.plan_next(&job);
        self.job_answer(&job)
    }
}
