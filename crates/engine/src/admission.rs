//! How an execution comes into being and how it goes: creation, the judgement of `overlap`, and the final state.
//!
//! The judgement and the creation are one step, the same one for scheduled, manual, retried, caught-up and chained starts.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::attempts::deadline_of;
use super::queue::Entry;
use super::{Engine, Live, Timer};
use crontower_model::{
    Actor, Attempt, Execution, ExecutionId, ExecutionState, JobId, Now, Overlap, Reason, StateName,
    Transition, Trigger,
};

/// What is special about an execution that is to be made.
#[derive(Debug)]
pub(super) struct NewExecution {
    pub(super) args: Vec<String>,
    pub(super) forced: bool,
    pub(super) retry_of: Option<ExecutionId>,
    pub(super) requested_by: Option<Actor>,
    /// One of several missed fire times: overlap is not judged among them.
    pub(super) one_of_many: bool,
    /// It waits for those of its dependencies that are not fresh.
    pub(super) with_dependencies: bool,
    /// Of a caught-up one: the fire time before its own, after which a result is fresh.
    pub(super) after: Option<DateTime<Utc>>,
    /// Why it is made.
    pub(super) reason: Reason,
}

impl NewExecution {
    /// One without anything special.
    pub(super) const fn new(reason: Reason) -> Self {
        Self {
            args: Vec::new(),
            forced: false,
            retry_of: None,
            requested_by: None,
            one_of_many: false,
            with_dependencies: false,
            after: None,
            reason,
        }
    }
}

/// What `overlap` says about a new execution.
enum Verdict {
    Enter,
    Refuse(Reason),
    Replace,
}

impl Engine {
    /// Makes an execution. Returns its id; it may be final already (refused by `overlap`).
    pub(super) fn create(
        &mut self,
        now: Now,
        job: &JobId,
        trigger: Trigger,
        fire_time: DateTime<Utc>,
        new: NewExecution,
    ) -> Option<ExecutionId> {
        let verdict = self.check_overlap(job, &new)?;
        let entry = self.jobs.get_mut(job)?;
        let id = self.ids.next(now.wall);
        let scheduled = matches!(trigger, Trigger::Schedule | Trigger::CatchUp | Trigger::Reboot);
        let waits =
            (scheduled || new.with_dependencies) && !entry.definition.dependencies.is_empty();
        let state = if waits {
            let waiting_for = Vec::new();
            let caught_up = trigger == Trigger::CatchUp;
            let fresh_after = if caught_up { new.after } else { entry.fresh_after() };
            ExecutionState::Waiting { waiting_for, fresh_after }
        } else {
            ExecutionState::Queued
        };
        let first = Transition { at: now.wall, state: state.name(), reason: new.reason.clone() };
        let refused = matches!(verdict, Verdict::Refuse(_));
        let execution = Execution {
            id,
            job_id: job.clone(),
            job_version: entry.version,
            state,
            trigger,
            fire_time,
            created_at: now.wall,
            started_at: None,
            finished_at: None,
            attempts: Vec::new(),
            priority: entry.definition.priority,
            reason: new.reason,
            result: None,
            history: if refused { Vec::new() } else { vec![first] },
            retry_of: new.retry_of,
            args: new.args,
            forced: new.forced,
            requested_by: new.requested_by,
            cancelled_by: None,
        };
        let definition = Arc::clone(&entry.definition);
        entry.waiting.insert(id);
        self.live.insert(id, Live::new(Arc::new(execution), definition));
        self.touch(id);
        match verdict {
            Verdict::Refuse(reason) => {
                self.finish(now, id, ExecutionState::Skipped, reason);
                return Some(id);
            }
            Verdict::Replace => self.replace_live(now, job, id),
            Verdict::Enter => {}
        }
        self.plan_timers(now, id);
        if waits {
            self.to_judge.push(id);
        } else {
            self.admit(now, id, None);
        }
        Some(id)
    }

    fn check_overlap(&self, job: &JobId, new: &NewExecution) -> Option<Verdict> {
        let entry = self.jobs.get(job)?;
        let blocking = entry.blocking();
        if blocking == 0 || new.forced || new.one_of_many {
            return Some(Verdict::Enter);
        }
        let refused = || {
            let execution = entry.active.last().copied();
            let live = execution.and_then(|id| self.live.get(&id));
            let state = live.map_or(StateName::Running, |live| live.execution.state.name());
            Reason::OverlapSkip { execution, state }
        };
        Some(match entry.definition.overlap {
            Overlap::Allow | Overlap::QueueAll => Verdict::Enter,
            Overlap::Skip => Verdict::Refuse(refused()),
            Overlap::Queue if blocking >= 2 => Verdict::Refuse(Reason::OverlapQueueFull),
            Overlap::Queue => Verdict::Enter,
            Overlap::Replace => Verdict::Replace,
        })
    }

    /// Cancels all live executions of a job but `keep`.
    fn replace_live(&mut self, now: Now, job: &JobId, keep: ExecutionId) {
        let Some(entry) = self.jobs.get(job) else { return };
        let others: Vec<_> = entry.live().filter(|id| *id != keep).collect();
        for id in others {
            self.cancel(now, id, Actor::engine(), Reason::Replaced { execution: keep });
        }
    }

    pub(super) fn plan_timers(&mut self, now: Now, id: ExecutionId) {
        let Some(Live { execution, definition, .. }) = self.live.get(&id) else { return };
        let deadline = deadline_of(now, execution, definition);
        let waits = execution.state.name() == StateName::Waiting;
        let limit = definition.dependency_timeout.filter(|_| waits);
        let created_at = execution.created_at.min(now.wall);
        let wait_ends = limit.map(|it| now.monotonic_at(created_at).saturating_add(it));
        if let Some(due) = deadline {
            self.set_timer(id, due, Timer::Deadline(id));
        }
        if let Some(due) = wait_ends {
            self.set_timer(id, due, Timer::DependencyTimeout(id));
        }
        self.plan_overlap(now, id);
    }

    /// Brings an execution that waits for nothing more into the queue, or behind the others of its job.
    pub(super) fn admit(&mut self, now: Now, id: ExecutionId, reason: Option<Reason>) {
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        let (job, fire_time, forced) =
            (execution.job_id.clone(), execution.fire_time, execution.forced);
        if let Some(reason) = reason {
            self.transition(now, id, ExecutionState::Queued, reason);
        }
        let Some(entry) = self.jobs.get_mut(&job) else { return self.enqueue(now, id) };
        entry.waiting.remove(&id);
        if forced || !entry.is_serial() || entry.active.is_empty() {
            entry.active.insert(id);
            self.enqueue(now, id);
        } else {
            let reason = Reason::BehindExecution { execution: entry.active.last().copied() };
            entry.backlog.insert((fire_time, id));
            self.amend(id, |execution| execution.reason = reason);
        }
    }

    /// Puts an execution into the queue for a slot.
    pub(super) fn enqueue(&mut self, now: Now, id: ExecutionId) {
        let Some(Live { execution, definition, .. }) = self.live.get(&id) else { return };
        let current = self.jobs.get(&execution.job_id).map(|entry| &entry.definition);
        let definition = current.unwrap_or(definition);
        let since = execution.history.last().map_or(now.wall, |last| last.at).min(now.wall);
        self.queue.push(&Entry {
            id,
            priority: definition.priority,
            fire_time: execution.fire_time,
            since: now.monotonic_at(since),
            aging: definition.priority_aging,
        });
    }

    /// Ends a live execution for good.
    pub(super) fn finish(
        &mut self,
        now: Now,
        id: ExecutionId,
        state: ExecutionState,
        reason: Reason,
    ) {
        self.await_nothing(id);
        self.waits_no_longer(id);
        self.amend(id, |execution| execution.finished_at = Some(ended_at(now, execution)));
        self.transition(now, id, state, reason);
        let Some(Live { execution, definition, timers, .. }) = self.live.remove(&id) else {
            return;
        };
        for timer in timers {
            self.timers.remove(&timer);
        }
        self.notice_due(&execution, &definition);
        self.queue.remove(id);
        self.note_end(now, &execution);
        let job = execution.job_id.clone();
        self.order += 1;
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.waiting.remove(&id);
            entry.active.remove(&id);
            entry.backlog.remove(&(execution.fire_time, id));
            entry.remember(execution.summary(), self.order);
            self.touch_job(&job);
        } else {
            self.retired_ended(now, &execution, &definition);
        }
        let ended = execution.summary();
        if execution.state.name() == StateName::Succeeded {
            self.job_succeeded(&job);
        }
        self.out.executions.insert(id, Some(execution));
        self.next_of_backlog(now, &job);
        self.catch_up_in_turn(now, &job);
        self.dependency_ended(now, &job, &ended);
    }

    /// Lets the next execution of a serial job in, once no other one is active.
    fn next_of_backlog(&mut self, now: Now, job: &JobId) {
        let Some(entry) = self.jobs.get_mut(job) else { return };
        if !entry.active.is_empty() {
            return;
        }
        if let Some((_, id)) = entry.backlog.pop_first() {
            entry.active.insert(id);
            self.amend(id, |execution| execution.reason = Reason::ItsTurn);
            self.enqueue(now, id);
        }
    }
}

/// When an execution that becomes final ended: its command may have while no engine was there to hear of it.
fn ended_at(now: Now, execution: &Execution) -> DateTime<Utc> {
    let was_running = execution.state.name() == StateName::Running;
    let attempt = execution.attempt().filter(|_| was_running);
    attempt.and_then(Attempt::finished_at).map_or(now.wall, |at| at.min(now.wall))
}
