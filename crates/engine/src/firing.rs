//! Fire times: which are due, late or missed, and what becomes of each. Every fire time lies in exactly one row of the
//! ledger: an execution, or a range that shares one fate.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::admission::NewExecution;
use super::{Engine, Timer};
use crontower_model::{
    CatchUp, Change, EventKind, ExecutionState, JobId, LedgerFate, LedgerRange, Now, Overlap,
    Reason, StateName, Trigger,
};
use crontower_schedule::{FireTimes, Timetable};

/// Later than this a fire time counts as missed, not as late.
const MISSED_AFTER: TimeDelta = TimeDelta::seconds(10);
/// How many missed fire times `catch_up: all` makes up for at most.
const CATCH_UP_MOST: usize = 100;
/// How often `catch_up: all` with `overlap: allow` creates an execution.
const CATCH_UP_PACE: Duration = Duration::from_millis(100);

/// Fire times in a span of time.
pub(super) struct Span {
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
    pub(super) count: u64,
}

impl Engine {
    /// Deals with everything on the agenda up to `now`: all executions due are created before any dependency is judged.
    pub(super) fn fire_due(&mut self, now: Now) {
        while let Some((at, job)) = self.agenda.first().cloned() {
            if at > now.wall {
                return;
            }
            self.agenda.pop_first();
            let over = |until: Option<DateTime<Utc>>| until.is_some_and(|until| until <= now.wall);
            let state = self.jobs.get(&job).map(|entry| &entry.state);
            let pause = state.and_then(|state| state.pause.as_ref());
            let note = state.and_then(|state| state.acknowledged.as_ref());
            if pause.is_some_and(|pause| over(pause.until)) {
                self.end_pause(&job, at, "the time it was set for is over".to_owned());
            } else if note.is_some_and(|note| over(note.until)) {
                self.end_acknowledgement(&job, "the time it was set for is over".to_owned());
            } else {
                self.fire_job(now, &job);
            }
            self.plan_next(&job);
        }
    }

    /// Puts what time alone brings to this job on the agenda, in place of what stood there.
    pub(super) fn plan_next(&mut self, job: &JobId) {
        let Some(entry) = self.jobs.get_mut(job) else { return };
        for at in std::mem::take(&mut entry.planned).into_iter().flatten() {
            self.agenda.remove(&(at, job.clone()));
        }
        let due = entry.due();
        entry.next_fire = match (due, &entry.timetable) {
            (Some(at), Some(timetable)) if entry.called_off() == due => {
                timetable.fire_time_after(at)
            }
            _ => due,
        };
        let pause_ends = entry.state.pause.as_ref().and_then(|pause| pause.until);
        let note_ends = entry.state.acknowledged.as_ref().and_then(|note| note.until);
        entry.planned = [pause_ends, note_ends, due];
        for at in entry.planned.into_iter().flatten() {
            self.agenda.insert((at, job.clone()));
        }
        self.out.shown_jobs.insert(job.clone());
    }

    fn fire_job(&mut self, now: Now, job: &JobId) {
        let Some(entry) = self.jobs.get(job).filter(|entry| entry.fires()) else { return };
        let Some(timetable) = entry.timetable.clone() else { return };
        if let Some(at) = entry.called_off().filter(|at| *at <= now.wall) {
            self.fire_past(now, job, &timetable, before(at));
            self.pass_called_off(job);
        }
        self.fire_past(now, job, &timetable, now.wall);
    }

    /// Gives every fire time up to `until` its fate that has no execution yet.
    fn fire_past(&mut self, now: Now, job: &JobId, timetable: &Timetable, until: DateTime<Utc>) {
        self.past_fired_ahead(job, until, |engine, until| {
            let next = engine.next_open(job, timetable, until);
            let newer = next.is_some_and(|next| next <= engine.missed_before(now));
            engine.fire_up_to(now, job, timetable, until, newer);
        });
    }

    /// Fire times up to this instant were missed.
    fn missed_before(&self, now: Now) -> DateTime<Utc> {
        before(now.wall - MISSED_AFTER).max(self.began)
    }

    /// Gives every fire time up to `until` its fate. `newer`: others after it were missed, too.
    fn fire_up_to(
        &mut self,
        now: Now,
        job: &JobId,
        timetable: &Timetable,
        until: DateTime<Utc>,
        newer: bool,
    ) {
        let Some(entry) = self.jobs.get(job) else { return };
        let mut accounted = entry.state.accounted_until;
        let missed_before = self.missed_before(now).min(until);
        if let Some(span) = span_of(timetable, accounted, missed_before) {
            accounted = span.last;
            self.missed(now, job, timetable, span, newer);
        }
        while let Some(at) = timetable.fire_time_after(accounted) {
            if at > until {
                break;
            }
            accounted = at;
            self.fire(now, job, at);
        }
    }

    /// Makes the execution for one fire time; one that still waits for dependencies gives way.
    fn fire(&mut self, now: Now, job: &JobId, at: DateTime<Utc>) {
        self.supersede(now, job, at);
        let reason = Reason::Scheduled { late_seconds: late_seconds(now, at) };
        self.create(now, job, Trigger::Schedule, at, NewExecution::new(reason));
        self.account(job, at);
    }

    fn supersede(&mut self, now: Now, job: &JobId, at: DateTime<Utc>) {
        let Some(entry) = self.jobs.get(job) else { return };
        let waiting: Vec<_> = entry.waiting.iter().copied().collect();
        for id in waiting {
            let reason = Reason::Superseded { fire_time: at };
            self.finish(now, id, ExecutionState::Skipped, reason);
        }
    }

    /// Notes that every fire time up to `at` has its fate.
    pub(super) fn account(&mut self, job: &JobId, at: DateTime<Utc>) {
        if let Some(entry) = self.jobs.get_mut(job) {
            entry.state.accounted_until = entry.state.accounted_until.max(at);
            entry.state.last_fire_time = Some(at);
            self.touch_job(job);
        }
    }

    fn missed(&mut self, now: Now, job: &JobId, timetable: &Timetable, span: Span, newer: bool) {
        let Some(entry) = self.jobs.get(job) else { return };
        let (policy, window) = (entry.definition.catch_up, entry.definition.catch_up_window);
        let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
        let opens = now.wall.checked_sub_signed(window).unwrap_or(DateTime::<Utc>::MIN_UTC);
        let wanted = match policy {
            CatchUp::None => Vec::new(),
            CatchUp::Latest if newer => Vec::new(),
            CatchUp::Latest => newest_of(timetable, &span, opens, 1),
            CatchUp::All => newest_of(timetable, &span, opens, CATCH_UP_MOST),
        };
        let unwanted = wanted.first().copied().map_or_else(
            || Some(Span { ..span }),
            |first| span_of(timetable, span.first - TimeDelta::nanoseconds(1), before(first)),
        );
        let unwanted_last = unwanted.as_ref().map(|span| span.last);
        if let Some(unwanted) = unwanted {
            let why = match policy {
                CatchUp::None => "were missed: no engine got to them in time (catch_up: none)",
                CatchUp::Latest if wanted.is_empty() && !newer => {
                    "were missed: no engine got to them in time, and they lie outside catch_up_window"
                }
                CatchUp::Latest => {
                    "were missed: no engine got to them in time; the newest is caught up (catch_up: latest)"
                }
                CatchUp::All => {
                    "were missed: no engine got to them in time, and they are too old or too many to be caught up"
                }
            };
            self.passed(job, unwanted, LedgerFate::Missed, why);
        }
        let before_wanted =
            unwanted_last.or(self.jobs.get(job).and_then(|it| it.state.last_fire_time));
        let last = span.last;
        self.account(job, last);
        if wanted.is_empty() && !newer {
            let why = "no engine ran at it, and it lies outside catch_up_window";
            self.note_missed(now, job, last, why);
        }
        if let Some(entry) = self.jobs.get_mut(job) {
            if entry.state.catching_up.is_empty() {
                entry.state.caught_up_to = before_wanted;
            }
            entry.state.catching_up.extend(wanted);
            let too_many = entry.state.catching_up.len().saturating_sub(CATCH_UP_MOST);
            let why = "were missed, and newer ones are to be caught up: at most 100";
            self.drop_catch_up(job, too_many, LedgerFate::Missed, why);
        }
        self.catch_up_in_turn(now, job);
        self.catch_up_paced(now, job);
    }

    /// Writes off the oldest fire times that were still to be caught up, at most so many.
    pub(super) fn drop_catch_up(&mut self, job: &JobId, most: usize, fate: LedgerFate, why: &str) {
        let Some(entry) = self.jobs.get_mut(job) else { return };
        let pending = &mut entry.state.catching_up;
        let dropped: Vec<_> = pending.drain(..most.min(pending.len())).collect();
        entry.state.caught_up_to = dropped.last().copied().or(entry.state.caught_up_to);
        let timetable = entry.timetable.clone();
        let follows =
            |last, next| timetable.as_ref().and_then(|t| t.fire_time_after(last)) == Some(next);
        let mut spans: Vec<Span> = Vec::new();
        for at in dropped {
            match spans.last_mut().filter(|span| follows(span.last, at)) {
                Some(span) => (span.last, span.count) = (at, span.count + 1),
                None => spans.push(Span { first: at, last: at, count: 1 }),
            }
        }
        for span in spans {
            self.passed(job, span, fate, why);
        }
    }

    /// Creates the next caught-up execution of a job that catches up one after the other, if the one before is final.
    pub(super) fn catch_up_in_turn(&mut self, now: Now, job: &JobId) {
        let Some(entry) = self.jobs.get(job) else { return };
        let one_of_many = entry.definition.catch_up == CatchUp::All;
        let is_free = entry.blocking() == 0 && entry.waiting.is_empty();
        if entry.definition.overlap != Overlap::Allow && (is_free || !one_of_many) {
            self.catch_up_next(now, job);
        }
    }

    /// The same where they may overlap: the next comes at its time, not when another one ends.
    pub(super) fn catch_up_paced(&mut self, now: Now, job: &JobId) {
        let Some(entry) = self.jobs.get(job) else { return };
        if entry.definition.overlap == Overlap::Allow && !entry.catch_up_timer {
            self.catch_up_due(now, job);
        }
    }

    /// It is time for the next of several caught-up executions that may overlap.
    pub(super) fn catch_up_due(&mut self, now: Now, job: &JobId) {
        if let Some(entry) = self.jobs.get_mut(job)
            && entry.definition.overlap != Overlap::Allow
        {
            entry.catch_up_timer = false;
            return self.catch_up_in_turn(now, job);
        }
        self.catch_up_next(now, job);
        let Some(entry) = self.jobs.get_mut(job) else { return };
        entry.catch_up_timer = !entry.state.catching_up.is_empty() && entry.fires();
        if entry.catch_up_timer {
            let due = now.monotonic.saturating_add(CATCH_UP_PACE);
            self.timers.insert((due, Timer::CatchUp(job.clone())));
        }
    }

    fn catch_up_next(&mut self, now: Now, job: &JobId) {
        let Some(entry) = self.jobs.get_mut(job) else { return };
        if entry.state.catching_up.is_empty() || !entry.fires() {
            return;
        }
        let at = entry.state.catching_up.remove(0);
        let after = entry.state.caught_up_to.replace(at);
        let one_of_many = entry.definition.catch_up == CatchUp::All;
        self.touch_job(job);
        let reason = Reason::CaughtUp { late_seconds: late_seconds(now, at) };
        let new = NewExecution { one_of_many, after, ..NewExecution::new(reason) };
        self.create(now, job, Trigger::CatchUp, at, new);
    }

    /// Writes a range of fire times that become no executions into the ledger.
    pub(super) fn passed(&mut self, job: &JobId, span: Span, fate: LedgerFate, why: &str) {
        let Span { first, last, count } = span;
        self.note_passed(job, last, fate);
        let reason = why.to_owned();
        let fact = EventKind::FireTimesPassed {
            job_id: job.clone(),
            first,
            last,
            count,
            reason: reason.clone(),
        };
        self.out.facts.push(fact);
        let row = LedgerRange { job_id: job.clone(), first, last, count, fate, reason };
        self.out.changes.push(Change::Ledger(row));
    }

    /// Closes the time in which a job did not fire: its fire times up to `until` get their row in the ledger.
    pub(super) fn close_silence(
        &mut self,
        job: &JobId,
        until: DateTime<Utc>,
        fate: LedgerFate,
        why: &str,
    ) {
        self.past_fired_ahead(job, until, |engine, until| {
            let Some(entry) = engine.jobs.get(job) else { return };
            let after = entry.state.accounted_until;
            let span = entry.timetable.as_ref().and_then(|t| span_of(t, after, until));
            if let Some(span) = span {
                let last = span.last;
                engine.passed(job, span, fate, why);
                engine.account(job, last);
            }
        });
        if let Some(entry) = self.jobs.get_mut(job) {
            let accounted = entry.state.accounted_until.max(until);
            entry.state.accounted_until = accounted;
            // One that was called off lies in that row now.
            entry.state.skip_next.take_if(|skip| skip.fire_time <= accounted);
            self.touch_job(job);
        }
    }

    /// Ends a pause as of `until`; fire times after it are treated as if it had never been.
    pub(super) fn end_pause(&mut self, job: &JobId, until: DateTime<Utc>, reason: String) {
        self.close_silence(job, until, LedgerFate::Paused, "passed while the job was paused");
        if let Some(entry) = self.jobs.get_mut(job) {
            entry.state.pause = None;
            self.touch_job(job);
            self.out.facts.push(EventKind::JobResumed { job_id: job.clone(), reason });
        }
    }

    /// Fires `@reboot` jobs: the machine was booted since an engine last looked.
    pub(super) fn fire_reboot(&mut self, now: Now) {
        let reboot = |timetable: &Timetable| timetable.is_reboot();
        let due: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, entry)| entry.fires() && entry.timetable.as_ref().is_some_and(reboot))
            .map(|(job, _)| job.clone())
            .collect();
        for job in due {
            let new = NewExecution::new(Reason::Booted);
            self.create(now, &job, Trigger::Reboot, now.wall, new);
        }
    }

    /// Ends the wait of an execution whose `dependency_timeout` is over.
    pub(super) fn dependency_timeout(&mut self, now: Now, id: crontower_model::ExecutionId) {
        let Some(live) = self.live.get(&id) else { return };
        if live.execution.state.name() == StateName::Waiting {
            let waiting = Box::new(live.execution.reason.clone());
            let reason = Reason::DependencyTimeout { waiting };
            self.finish(now, id, ExecutionState::Skipped, reason);
        }
    }
}

fn late_seconds(now: Now, at: DateTime<Utc>) -> u64 {
    (now.wall - at).to_std().unwrap_or_default().as_secs()
}

pub(super) fn before(at: DateTime<Utc>) -> DateTime<Utc> {
    at - TimeDelta::nanoseconds(1)
}

/// The fire times after `after` up to and including `until`, if there are any.
pub(super) fn span_of(
    timetable: &Timetable,
    after: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Option<Span> {
    let FireTimes { first, last, count } = timetable.fire_times(after, until)?;
    Some(Span { first, last, count })
}

/// The newest `most` fire times of a span that lie at or after `opens`, oldest first.
fn newest_of(
    timetable: &Timetable,
    span: &Span,
    opens: DateTime<Utc>,
    most: usize,
) -> Vec<DateTime<Utc>> {
    let after = opens.max(span.first).checked_sub_signed(TimeDelta::nanoseconds(1));
    timetable.newest_fire_times(after.unwrap_or(opens), span.last, most)
}
