//! Calling off a single fire time: nothing fires at it, the ledger says who called it off, and the job then goes on.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Engine;
use super::firing::Span;
use super::job::JobEntry;
use crontower_control::{Authorized, Handles, SkipNextFireTime};
use crontower_model::{Actor, EventKind, JobId, JobStatus, LedgerFate, Now, Refusal, SkipNext};

impl Handles<SkipNextFireTime> for Engine {
    /// Calls off the next fire time. Where one is called off already, that stays the only one.
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<SkipNextFireTime>,
        (): (),
    ) -> Result<JobStatus, Refusal> {
        let (by, SkipNextFireTime { id, undo }) = call.into_parts();
        let job = self.named(&id)?;
        if undo {
            return self.undo_skip(&job, &by);
        }
        let Some(entry) = self.jobs.get_mut(&job) else { return Err(Refusal::Stopping) };
        if entry.state.skip_next.is_none() {
            let Some(fire_time) = entry.next_fire else {
                return Err(Refusal::NotPossible(nothing_to_call_off(entry)));
            };
            entry.state.skip_next = Some(SkipNext { fire_time, at: now.wall, by });
            let job_id = job.clone();
            self.out.facts.push(EventKind::FireTimeCalledOff { job_id, fire_time });
            self.touch_job(&job);
            self.plan_next(&job);
        }
        self.job_answer(&job)
    }
}

impl Engine {
    /// Lets the fire time that was called off fire after all.
    fn undo_skip(&mut self, job: &JobId, by: &Actor) -> Result<JobStatus, Refusal> {
        if !self.restore_fire_time(job, format!("asked for by {by}")) {
            let message = format!("no fire time of job `{job}` is called off");
            return Err(Refusal::NotPossible(message));
        }
        self.plan_next(job);
        self.job_answer(job)
    }

    /// The instant that was called off has come.
    pub(super) fn pass_called_off(&mut self, job: &JobId) {
        let Some(entry) = self.jobs.get_mut(job) else { return };
        let Some(skip) = entry.state.skip_next.take() else { return };
        let at = skip.fire_time;
        if at > entry.state.accounted_until {
            let why = format!("was called off by {} at {}", skip.by, describe(skip.at));
            let span = Span { first: at, last: at, count: 1 };
            self.passed(job, span, LedgerFate::CalledOff, &why);
            self.account(job, at);
        }
        self.touch_job(job);
    }

    /// Forgets a fire time that was called off if the job's schedule no longer names it.
    pub(super) fn check_called_off(&mut self, job: &JobId) {
        let Some(entry) = self.jobs.get(job) else { return };
        let Some(at) = entry.called_off() else { return };
        let just_before = at - TimeDelta::nanoseconds(1);
        let named = entry.timetable.as_ref().and_then(|it| it.fire_time_after(just_before));
        if named != Some(at) {
            self.restore_fire_time(job, "the schedule does not name it any more".to_owned());
        }
    }

    fn restore_fire_time(&mut self, job: &JobId, reason: String) -> bool {
        let skip = self.jobs.get_mut(job).and_then(|entry| entry.state.skip_next.take());
        let Some(SkipNext { fire_time, .. }) = skip else { return false };
        let job_id = job.clone();
        self.out.facts.push(EventKind::FireTimeRestored { job_id, fire_time, reason });
        self.touch_job(job);
        true
    }
}

/// Why there is no fire time to call off.
fn nothing_to_call_off(entry: &JobEntry) -> String {
    let job = &entry.definition.id;
    let why = match &entry.timetable {
        _ if !entry.definition.enabled => "it is disabled, so nothing fires",
        _ if entry.state.pause.is_some() => "it is paused, so nothing fires",
        Some(timetable) if timetable.is_reboot() => "it fires at a boot, not at an instant",
        Some(_) => "its schedule names no instant any more",
        None if entry.definition.schedule.is_some() => "its schedule cannot be read any more",
        None if entry.is_chain() => "it has no schedule: it fires when its dependencies have ended",
        None => "it has no schedule: it runs when asked to",
    };
    format!("job `{job}` has no next fire time to call off: {why}")
}

fn describe(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
