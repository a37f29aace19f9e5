//! What is wrong with a job: every rule of SEMANTICS about it, decided when something happens and never by asking again.
//!
//! Owns the facts (a failure, a fire time that was not carried out, fire times skipped behind one execution, a long wait
//! for a slot) and which of them counts. Waiting for a named limit, for `concurrency` or behind an execution of the same
//! job is no fact. Nothing is wrong with a job that is paused or disabled.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use super::job::JobEntry;
use super::queue::{Block, Selector};
use super::{Engine, Live, Timer};
use crontower_model::{
    CatchUp, Execution, ExecutionId, JobId, LedgerFate, Now, Outcome, OverlapSkips, Reason,
    StateName, Trigger, Wrong, WrongFact, WrongKind,
};

/// Behind an execution of this age, skipped fire times become wrong.
const OLD: Duration = Duration::from_secs(10 * 60);
/// So many of them in a row.
const IN_A_ROW: u64 = 3;
/// A wait of this length for a slot is wrong. What holds the slots is looked at again as often.
const LONG_WAIT: Duration = Duration::from_secs(60);
/// No more executions that hold slots are named.
const NAMED_MOST: usize = 3;

/// Executions of a job that have waited too long for a slot.
#[derive(Debug, Default)]
pub(super) struct Starved {
    /// By the beginning of the wait, oldest first.
    waiting: std::collections::BTreeSet<(DateTime<Utc>, ExecutionId)>,
    /// What they wait for, as it was when it was looked at last.
    reason: String,
}

impl JobEntry {
    /// Everything that is wrong with the job, the most pressing first, acknowledged or not.
    pub(super) fn all_wrong(&self) -> Vec<Wrong> {
        if !self.fires() {
            return Vec::new();
        }
        let wrong = |kind, since, reason: String| Wrong {
            job_id: self.definition.id.clone(),
            kind,
            since,
            reason,
        };
        let hung = self.state.overlap_skips.as_ref().filter(|skips| skips.is_wrong);
        let hung = hung.map(|skips| {
            let (count, id) = (skips.count, skips.execution_id.short());
            let reason = format!("the last {count} fire times were skipped: {id} has not ended");
            wrong(WrongKind::Overlap, skips.since, reason)
        });
        let queued = self
            .starved
            .waiting
            .first()
            .map(|(since, _)| wrong(WrongKind::Queued, *since, self.starved.reason.clone()));
        let not_carried_out = self.state.not_carried_out.as_ref();
        let not_carried_out =
            not_carried_out.map(|fact| wrong(fact.kind, fact.since, fact.reason.clone()));
        let mut past: Vec<Wrong> = self.failed().into_iter().chain(not_carried_out).collect();
        past.sort_by_key(|wrong| std::cmp::Reverse(wrong.since));
        hung.into_iter().chain(queued).chain(past).collect()
    }

    /// What is wrong with the job and nobody has acknowledged.
    pub(super) fn wrong(&self) -> Option<Wrong> {
        let open = self.state.acknowledged.is_none();
        if open { self.all_wrong().into_iter().next() } else { None }
    }

    /// The failure of the newest execution that was not skipped.
    fn failed(&self) -> Option<Wrong> {
        let wrong =
            |kind, since, reason| Wrong { job_id: self.definition.id.clone(), kind, since, reason };
        let all = self.recent.iter().chain(&self.state.last_ran);
        let newest = all.filter(|it| it.state != StateName::Skipped).max_by_key(|it| it.id);
        let noted = self.state.newest_ended;
        // One that an earlier version kept, or that ended while the job was removed, has no reason here.
        let Some(last) = newest.filter(|newest| noted.is_none_or(|noted| noted < newest.id)) else {
            let fact = self.state.last_failure.as_ref()?;
            return Some(wrong(fact.kind, fact.since, fact.reason.clone()));
        };
        let since = last.finished_at.unwrap_or(last.fire_time);
        let kind = match last.state {
            StateName::Failed => WrongKind::Failure,
            StateName::TimedOut => WrongKind::TimedOut,
            StateName::Waiting
            | StateName::Queued
            | StateName::Running
            | StateName::Retrying
            | StateName::Succeeded
            | StateName::Cancelled
            | StateName::Skipped => return None,
        };
        Some(wrong(kind, since, last.state.as_str().replace('_', " ")))
    }

    /// A fire time is carried out, or is none that should be: an earlier one that was not no longer counts.
    fn carried_out(&mut self, fire_time: DateTime<Utc>) {
        self.state.not_carried_out.take_if(|fact| fact.fire_time <= fire_time);
    }
}

impl Engine {
    /// An execution has become final. Called before the job remembers it.
    pub(super) fn note_end(&mut self, now: Now, execution: &Execution) {
        let oldest_active = |entry: &JobEntry| entry.active.first().copied();
        let Some(entry) = self.jobs.get_mut(&execution.job_id) else { return };
        let id = execution.id;
        entry.state.overlap_skips.take_if(|skips| skips.execution_id == id);
        let is_due = is_due(execution.trigger);
        let state = execution.state.name();
        if state != StateName::Skipped && entry.state.newest_ended.is_none_or(|it| it < id) {
            entry.state.newest_ended = Some(id);
            entry.state.last_failure = state.is_failure().then(|| failure(execution));
        }
        match state {
            StateName::Succeeded => entry.state.not_carried_out = None,
            StateName::Failed | StateName::TimedOut | StateName::Cancelled if is_due => {
                entry.carried_out(execution.fire_time);
            }
            StateName::Skipped if is_due => match &execution.reason {
                Reason::OverlapSkip { .. } | Reason::OverlapQueueFull => {
                    let behind = oldest_active(entry);
                    self.note_overlap_skip(now, execution, behind);
                }
                reason => {
                    let newer = |it: &crontower_model::Summary| {
                        it.state != StateName::Skipped && it.fire_time > execution.fire_time
                    };
                    if !entry.recent.iter().any(newer) {
                        entry.state.not_carried_out = Some(WrongFact {
                            kind: WrongKind::Skipped,
                            fire_time: execution.fire_time,
                            execution_id: Some(id),
                            since: now.wall,
                            reason: reason.to_string(),
                        });
                    }
                }
            },
            StateName::Failed
            | StateName::TimedOut
            | StateName::Cancelled
            | StateName::Skipped
            | StateName::Waiting
            | StateName::Queued
            | StateName::Running
            | StateName::Retrying => {}
        }
    }

    fn note_overlap_skip(&mut self, now: Now, skipped: &Execution, behind: Option<ExecutionId>) {
        let Some(entry) = self.jobs.get_mut(&skipped.job_id) else { return };
        let Some(behind) = behind else { return };
        let skips = entry.state.overlap_skips.take().filter(|it| it.execution_id == behind);
        let mut skips = skips.unwrap_or(OverlapSkips {
            execution_id: behind,
            count: 0,
            since: skipped.fire_time,
            is_wrong: false,
        });
        skips.count += 1;
        entry.state.overlap_skips = Some(skips);
        self.plan_overlap(now, behind);
    }

    /// Has the fire times that were skipped behind an execution become wrong once it is old enough.
    pub(super) fn plan_overlap(&mut self, now: Now, id: ExecutionId) {
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        let Some(entry) = self.jobs.get(&execution.job_id) else { return };
        let skips = entry.state.overlap_skips.as_ref().filter(|skips| skips.execution_id == id);
        if skips.is_none_or(|skips| skips.count < IN_A_ROW || skips.is_wrong) {
            return;
        }
        let due = now.monotonic_at(execution.created_at).saturating_add(OLD);
        if due <= now.monotonic {
            self.overlap_grows_old(id);
        } else {
            self.set_timer(id, due, Timer::OverlapGrowsOld(id));
        }
    }

    /// An execution behind which fire times were skipped is ten minutes old.
    pub(super) fn overlap_grows_old(&mut self, id: ExecutionId) {
        let Some(job) = self.live.get(&id).map(|live| live.execution.job_id.clone()) else {
            return;
        };
        let skips = self.jobs.get_mut(&job).and_then(|entry| entry.state.overlap_skips.as_mut());
        if let Some(skips) = skips.filter(|it| it.execution_id == id && it.count >= IN_A_ROW) {
            skips.is_wrong = true;
            self.touch_job(&job);
        }
    }

    /// An attempt of an execution is given to a worker.
    pub(super) fn note_assigned(&mut self, id: ExecutionId) {
        self.waits_no_longer(id);
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        let (job, fire_time) = (execution.job_id.clone(), execution.fire_time);
        let is_due = is_due(execution.trigger);
        let Some(entry) = self.jobs.get_mut(&job).filter(|_| is_due) else { return };
        let before = (entry.state.not_carried_out.is_some(), entry.state.overlap_skips.is_some());
        entry.carried_out(fire_time);
        // One that `overlap` let in ends the row of those that it did not.
        entry.state.overlap_skips.take_if(|skips| skips.execution_id != id);
        let after = (entry.state.not_carried_out.is_some(), entry.state.overlap_skips.is_some());
        if before != after {
            self.touch_job(&job);
        }
    }

    /// Fire times up to `last` got their fate without an execution.
    pub(super) fn note_passed(&mut self, job: &JobId, last: DateTime<Utc>, fate: LedgerFate) {
        let Some(entry) = self.jobs.get_mut(job) else { return };
        let counts = fate == LedgerFate::Missed && entry.definition.catch_up != CatchUp::None;
        if !counts && entry.state.not_carried_out.is_some() {
            entry.carried_out(last);
            self.touch_job(job);
        }
    }

    /// The newest fire time of a job was missed and is not caught up.
    pub(super) fn note_missed(&mut self, now: Now, job: &JobId, last: DateTime<Utc>, why: &str) {
        let Some(entry) = self.jobs.get_mut(job) else { return };
        if entry.definition.catch_up == CatchUp::None {
            return;
        }
        let at = last.to_rfc3339_opts(SecondsFormat::Secs, true);
        entry.state.not_carried_out = Some(WrongFact {
            kind: WrongKind::Missed,
            fire_time: last,
            execution_id: None,
            since: now.wall,
            reason: format!("the fire time {at} was missed: {why}"),
        });
        self.touch_job(job);
    }

    /// An execution begins or goes on to wait for a slot, or for a worker that does not exist.
    pub(super) fn waits_for_slot(&mut self, now: Now, id: ExecutionId) {
        let Some(live) = self.live.get_mut(&id) else { return };
        if live.slot_since.is_some() {
            return;
        }
        let execution = &live.execution;
        let since = match &execution.reason {
            // Until now it waited for something else.
            Reason::ConcurrencyReached
            | Reason::LimitReached { .. }
            | Reason::BehindExecution { .. }
            | Reason::ItsTurn => now.wall,
            _ => execution.history.last().map_or(now.wall, |last| last.at).min(now.wall),
        };
        live.slot_since = Some(since);
        let due = now.monotonic_at(since).saturating_add(LONG_WAIT);
        self.set_timer(id, due, Timer::LongWait(id));
    }

    /// An execution no longer waits for a slot.
    pub(super) fn waits_no_longer(&mut self, id: ExecutionId) {
        let Some(live) = self.live.get_mut(&id) else { return };
        let Some(since) = live.slot_since.take() else { return };
        let job = live.execution.job_id.clone();
        self.drop_timer(id, &Timer::LongWait(id));
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let was_first = entry.starved.waiting.first() == Some(&(since, id));
        if entry.starved.waiting.remove(&(since, id)) {
            self.out.shown_jobs.insert(job.clone());
            if was_first {
                self.explain_starved(&job);
            }
        }
    }

    /// An execution has waited for a slot for a minute, or for another one.
    pub(super) fn long_wait(&mut self, now: Now, id: ExecutionId) {
        let Some(live) = self.live.get(&id) else { return };
        let Some(since) = live.slot_since else { return };
        let job = live.execution.job_id.clone();
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let is_news = entry.starved.waiting.insert((since, id));
        if entry.starved.waiting.first() == Some(&(since, id)) {
            if is_news {
                self.out.shown_jobs.insert(job.clone());
            }
            self.explain_starved(&job);
        }
        let due = now.monotonic.saturating_add(LONG_WAIT);
        self.set_timer(id, due, Timer::LongWait(id));
    }

    /// Says what the oldest of the starved executions of a job waits for.
    fn explain_starved(&mut self, job: &JobId) {
        let Some(entry) = self.jobs.get(job) else { return };
        let Some((_, id)) = entry.starved.waiting.first().copied() else { return };
        let selector = match self.queue.place_of(id) {
            Some((_, Some(Block::Slot(selector)))) => selector.clone(),
            _ => Selector::of(entry.definition.workers.as_ref()),
        };
        let reason = format!("{} has no slot: {}", id.short(), self.no_slot(&selector));
        let reason = format!("{reason}{}", self.holders(&selector));
        let Some(entry) = self.jobs.get_mut(job) else { return };
        if entry.starved.reason != reason {
            entry.starved.reason = reason;
            self.out.shown_jobs.insert(job.clone());
        }
    }

    /// Who holds the slots that a selector matches, oldest first.
    fn holders(&self, selector: &Selector) -> String {
        let mut holders: Vec<ExecutionId> =
            self.workers.matching(selector).flat_map(|pool| pool.running.keys().copied()).collect();
        holders.sort_unstable();
        let more = holders.len().saturating_sub(NAMED_MOST);
        let named = holders.iter().take(NAMED_MOST).filter_map(|id| {
            let execution = &self.live.get(id)?.execution;
            Some(format!("{} {}", execution.job_id, id.short()))
        });
        let named: Vec<String> = named.collect();
        match (named.is_empty(), more) {
            (true, _) => String::new(),
            (false, 0) => format!("; running: {}", named.join(", ")),
            (false, more) => format!("; running: {} and {more} more", named.join(", ")),
        }
    }

    /// What was acknowledged no longer is where the job has become wrong in another way.
    pub(super) fn check_acknowledgements(&mut self) {
        let noted = |job: &&JobId| {
            self.jobs.get(*job).is_some_and(|entry| entry.state.acknowledged.is_some())
        };
        let jobs: Vec<JobId> = self.out.shown_jobs.iter().filter(noted).cloned().collect();
        for job in jobs {
            let Some(entry) = self.jobs.get(&job) else { continue };
            let Some(noted) = &entry.state.acknowledged else { continue };
            let known = |wrong: &Wrong| noted.kinds.iter().any(|it| wrong.kind.is_known_by(*it));
            let Some(news) = entry.all_wrong().into_iter().find(|wrong| !known(wrong)) else {
                continue;
            };
            self.end_acknowledgement(&job, format!("something else is wrong: {}", news.reason));
            self.plan_next(&job);
        }
    }
}

/// Whether an execution stands for a fire time, of a schedule or of a chain.
const fn is_due(trigger: Trigger) -> bool {
    match trigger {
        Trigger::Schedule | Trigger::CatchUp | Trigger::Dependency | Trigger::Reboot => true,
        Trigger::Manual | Trigger::Retry => false,
    }
}

fn failure(execution: &Execution) -> WrongFact {
    let never_began = execution.attempt().and_then(crontower_model::Attempt::outcome);
    let kind = match (execution.state.name(), never_began) {
        (StateName::TimedOut, _) => WrongKind::TimedOut,
        (_, Some(Outcome::NotStarted)) => WrongKind::NotStarted,
        _ => WrongKind::Failure,
    };
    WrongFact {
        kind,
        fire_time: execution.fire_time,
        execution_id: Some(execution.id),
        since: execution.finished_at.unwrap_or(execution.fire_time),
        reason: execution.reason.to_string(),
    }
}
