//! Steps of the wall clock: each over ten seconds is an event, and one back by three hours or more is a correction.
//!
//! Owns the rule of Debian's cron(8): after a correction the new time counts at once, for every fire time that has no
//! execution yet, and ranges of the ledger beyond it are taken back. After a smaller step back, jobs wait until the clock
//! is where it was. Never reads a clock, and never knows which executions the store holds: it asks, by an effect.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::firing::{Span, before, span_of};
use super::job::JobEntry;
use super::{Effect, Engine};
use crontower_model::{
    Ahead, Change, EventKind, FiredSpan, JobId, LedgerFate, LedgerRange, Now, text::format_duration,
};
use crontower_schedule::Timetable;

/// A step that is told.
const TOLD: TimeDelta = TimeDelta::seconds(10);
/// A step back that is a correction.
const CORRECTION: TimeDelta = TimeDelta::hours(3);

/// What waits because the clock went back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockWait {
    /// How far it went back.
    pub back: Duration,
    /// How many jobs wait.
    pub jobs: usize,
    /// Until when the last of them does.
    pub until: DateTime<Utc>,
}

/// The clock as it was looked at last.
#[derive(Debug, Clone, Default)]
pub(super) struct ClockSteps {
    /// The wall clock less the monotonic one.
    offset: Option<DateTime<Utc>>,
    waits: Option<ClockWait>,
}

impl Engine {
    /// What waits because the clock went back.
    #[must_use]
    pub const fn clock_wait(&self) -> Option<&ClockWait> {
        self.clock.waits.as_ref()
    }

    /// Compares the two clocks with what they showed last.
    pub(super) fn watch_clock(&mut self, now: Now) {
        if self.clock.waits.as_ref().is_some_and(|wait| wait.until <= now.wall) {
            self.clock.waits = None;
        }
        let Some(offset) = offset_of(now) else { return };
        let Some(last) = self.clock.offset.replace(offset) else { return };
        let step = offset - last;
        if step.abs() <= TOLD {
            return;
        }
        let seconds = step.num_seconds();
        self.out.facts.push(EventKind::ClockStepped { seconds });
        if step < TimeDelta::zero() {
            self.began = self.began.min(now.wall);
            self.went_back(now, step.abs());
        }
    }

    /// Goes on from where another engine looked at the clocks.
    pub(super) fn watch_clock_from(&mut self, other: &Self) {
        self.clock.offset = other.clock.offset;
    }

    /// An engine begins: what is accounted for may lie in the future.
    pub(super) fn look_ahead(&mut self, now: Now) {
        let furthest = self.furthest_ahead(now);
        if furthest > TOLD {
            self.went_back(now, furthest);
        }
    }

    /// The same of the first engine of a process, which tells it.
    pub(super) fn look_ahead_at_start(&mut self, now: Now) {
        let furthest = self.furthest_ahead(now);
        if furthest > TOLD {
            self.out.facts.push(EventKind::ClockStepped { seconds: -furthest.num_seconds() });
        }
        self.look_ahead(now);
    }

    /// How far ahead of the clock the fire times of some job have their fate.
    fn furthest_ahead(&self, now: Now) -> TimeDelta {
        let accounted = self.jobs.values().map(|entry| entry.state.accounted_until);
        accounted.max().map_or_else(TimeDelta::zero, |at| at - now.wall)
    }

    /// The clock went back by this much, or an engine finds that it did while none ran.
    fn went_back(&mut self, now: Now, by: TimeDelta) {
        let is_ahead = |entry: &&JobEntry| entry.state.accounted_until > now.wall;
        let ahead = self.jobs.values().filter(is_ahead);
        if by >= CORRECTION || self.furthest_ahead(now) >= CORRECTION {
            let jobs: Vec<JobId> = ahead.map(|entry| entry.definition.id.clone()).collect();
            if !jobs.is_empty() {
                self.out.acts.push(Effect::FindAhead { after: now.wall, jobs });
            }
            return;
        }
        let waits = ahead.filter_map(|entry| {
            let next = entry.timetable.as_ref().filter(|_| entry.fires())?;
            let next = next.fire_time_after(now.wall)?;
            (next <= entry.state.accounted_until).then_some(entry.state.accounted_until)
        });
        let waits: Vec<DateTime<Utc>> = waits.collect();
        let (jobs, back) = (waits.len(), by.to_std().unwrap_or_default());
        self.clock.waits = waits.into_iter().max().map(|until| ClockWait { back, jobs, until });
    }

    /// The clock was corrected, and this is what the store holds beyond it: all else counts again.
    pub(super) fn correct(&mut self, now: Now, ahead: Ahead) {
        if now.wall < ahead.after {
            // It went back once more meanwhile: what lies between is not known.
            let (after, jobs) = (now.wall, ahead.jobs);
            self.out.acts.push(Effect::FindAhead { after, jobs });
            return;
        }
        self.clock.waits = None;
        let mut fired: BTreeMap<JobId, BTreeSet<DateTime<Utc>>> = BTreeMap::new();
        for (job, at) in ahead.fired.into_iter().filter(|(_, at)| *at > now.wall) {
            fired.entry(job).or_default().insert(at);
        }
        let corrected: BTreeSet<JobId> = ahead.jobs.into_iter().collect();
        for job in &corrected {
            self.correct_job(now, job, fired.remove(job).unwrap_or_default());
        }
        for range in ahead.ledger.into_iter().filter(|range| corrected.contains(&range.job_id)) {
            self.take_back_range(now, range);
        }
    }

    fn correct_job(&mut self, now: Now, job: &JobId, fired: BTreeSet<DateTime<Utc>>) {
        let Some(entry) = self.jobs.get_mut(job) else { return };
        let state = &mut entry.state;
        if state.accounted_until <= now.wall {
            return;
        }
        state.accounted_until = now.wall;
        state.fired_ahead = spans_of(entry.timetable.as_ref(), fired);
        state.catching_up.retain(|at| *at <= now.wall);
        let earlier = |at: &mut DateTime<Utc>| *at > now.wall;
        let newest = || entry.timetable.as_ref().and_then(|it| newest_until(it, now.wall));
        if state.last_fire_time.take_if(earlier).is_some() {
            state.last_fire_time = newest();
        }
        if state.caught_up_to.take_if(earlier).is_some() {
            state.caught_up_to = newest();
        }
        state.chain_fired_at = state.chain_fired_at.min(now.wall);
        self.touch_job(job);
        self.plan_next(job);
    }

    /// Takes back what of a range of the ledger lies beyond the corrected clock.
    fn take_back_range(&mut self, now: Now, range: LedgerRange) {
        let timetable = self.jobs.get(&range.job_id).and_then(|entry| entry.timetable.clone());
        let (Some(timetable), false) = (timetable, range.fate == LedgerFate::TakenBack) else {
            return;
        };
        let mut taken = Span { first: range.first, last: range.last, count: range.count };
        if range.first <= now.wall {
            let Some(kept) = span_of(&timetable, before(range.first), now.wall) else { return };
            let Some(rest) = span_of(&timetable, now.wall, range.last) else { return };
            let (last, count) = (kept.last, kept.count);
            self.out.changes.push(Change::Ledger(LedgerRange { last, count, ..range.clone() }));
            taken = rest;
        }
        let at = now.wall.to_rfc3339_opts(SecondsFormat::Secs, true);
        let why = format!("are taken back: the clock was set back to {at}, and they count again");
        self.passed(&range.job_id, taken, LedgerFate::TakenBack, &why);
    }

    /// Gives every fire time up to `until` its fate, past those that have an execution already.
    pub(super) fn past_fired_ahead(
        &mut self,
        job: &JobId,
        until: DateTime<Utc>,
        mut give: impl FnMut(&mut Self, DateTime<Utc>),
    ) {
        loop {
            let Some(entry) = self.jobs.get_mut(job) else { return };
            let accounted = entry.state.accounted_until;
            entry.state.fired_ahead.retain(|span| span.last > accounted);
            let span = entry.state.fired_ahead.first().filter(|span| span.first <= until).copied();
            let Some(FiredSpan { first, last }) = span else { break };
            if first > accounted {
                give(self, before(first));
            }
            if last > until {
                return;
            }
            self.account(job, last);
        }
        give(self, until);
    }

    /// The first fire time after an instant that is to become an execution: neither called off nor fired already.
    pub(super) fn next_open(
        &self,
        job: &JobId,
        timetable: &Timetable,
        after: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let entry = self.jobs.get(job)?;
        let mut next = timetable.fire_time_after(after)?;
        loop {
            let span = entry.state.fired_ahead.iter().find(|span| span.holds(next));
            next = match span {
                Some(span) => timetable.fire_time_after(span.last)?,
                None if entry.called_off() == Some(next) => timetable.fire_time_after(next)?,
                None => return Some(next),
            };
        }
    }

    /// A job comes back: it may have fired under a clock that was ahead.
    pub(super) fn look_ahead_of(&mut self, now: Now, job: &JobId) {
        let accounted = self.jobs.get(job).map(|entry| entry.state.accounted_until);
        if accounted.is_some_and(|at| at - now.wall >= CORRECTION) {
            let jobs = vec![job.clone()];
            self.out.acts.push(Effect::FindAhead { after: now.wall, jobs });
        }
    }
}

impl ClockWait {
    /// What is wrong, with its remedy.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (jobs, verb) = if self.jobs == 1 { ("job", "waits") } else { ("jobs", "wait") };
        let until = self.until.to_rfc3339_opts(SecondsFormat::Secs, true);
        let back = format_duration(Duration::from_secs(self.back.as_secs()));
        let count = self.jobs;
        format!(
            "the clock went back by {back}; {count} {jobs} {verb} until {until}, so that nothing fires twice: set the clock right, \
             or run what is urgent by hand"
        )
    }
}

fn offset_of(now: Now) -> Option<DateTime<Utc>> {
    now.wall.checked_sub_signed(TimeDelta::from_std(now.monotonic).ok()?)
}

fn newest_until(timetable: &Timetable, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let year_before = until.checked_sub_signed(TimeDelta::days(366))?;
    timetable.newest_fire_times(year_before, until, 1).pop()
}

/// Fire times as spans in which a timetable names no other one.
fn spans_of(timetable: Option<&Timetable>, times: BTreeSet<DateTime<Utc>>) -> Vec<FiredSpan> {
    let mut spans: Vec<FiredSpan> = Vec::new();
    for at in times {
        let follows = |span: &&mut FiredSpan| {
            timetable.and_then(|it| it.fire_time_after(span.last)) == Some(at)
        };
        match spans.last_mut().filter(follows) {
            Some(span) => span.last = at,
            None => spans.push(FiredSpan { first: at, last: at }),
        }
    }
    spans
}
