//! Giving slots away: the check of limits and the claim of a slot are one step.
//!
//! Owns named limits, `concurrency` and placement (the least loaded worker that fits). The order is the queue's.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::queue::{Block, Selector};
use super::{Effect, Engine};
use crontower_model::{
    Assignment, Attempt, AttemptKey, AttemptProgress, Execution, ExecutionId, ExecutionState, Job,
    Now, Reason, Unavailable, WorkerId,
};

/// Named limits: how many attempts hold each.
#[derive(Debug, Default)]
pub(super) struct Limits {
    held: BTreeMap<String, u32>,
}

impl Limits {
    fn has_room(&self, name: &str, most: u32) -> bool {
        self.held.get(name).copied().unwrap_or(0) < most
    }

    /// How many attempts hold a limit.
    #[cfg(test)]
    pub(super) fn held(&self, name: &str) -> u32 {
        self.held.get(name).copied().unwrap_or(0)
    }

    pub(super) fn take(&mut self, names: &[String]) {
        for name in names {
            *self.held.entry(name.clone()).or_default() += 1;
        }
    }

    fn give_back(&mut self, names: &[String]) {
        for name in names {
            if let Some(held) = self.held.get_mut(name) {
                *held = held.saturating_sub(1);
            }
        }
    }
}

impl Engine {
    /// Gives free slots to those whose turn it is.
    pub(super) fn dispatch(&mut self, now: Now) {
        self.queue.promote(now.monotonic);
        while self.unpark_lifted() || self.queue.first().is_some() {
            let Some(id) = self.queue.first() else { continue };
            if self.ends_with_its_job(now, id) {
                continue;
            }
            match self.place(id) {
                Ok(worker) => self.assign(now, id, &worker),
                // No slot anywhere: whoever comes next in the queue finds none either.
                Err(Block::Slot(selector)) if selector == Selector::default() => {
                    return self.explain_full(now);
                }
                Err(block) => {
                    match block {
                        Block::Slot(_) => self.waits_for_slot(now, id),
                        Block::Limit(_) | Block::Concurrency(_) => self.waits_no_longer(id),
                    }
                    self.explain(id, self.why_blocked(&block));
                    self.queue.park(id, block);
                }
            }
        }
    }

    /// Of a removed job no attempt starts: cancels what an earlier version left in the queue.
    fn ends_with_its_job(&mut self, now: Now, id: ExecutionId) -> bool {
        let job = self.live.get(&id).map(|live| &live.execution.job_id);
        let removed = job.is_some_and(|job| !self.jobs.contains_key(job));
        if removed {
            self.finish(now, id, ExecutionState::Cancelled, Reason::JobRemoved);
        }
        removed
    }

    /// Tells those that nothing but a slot holds back since this step why they wait.
    fn explain_full(&mut self, now: Now) {
        let fresh = self.queue.take_fresh();
        if fresh.is_empty() {
            return;
        }
        let reason = self.no_slot(&Selector::default());
        for id in fresh {
            self.waits_for_slot(now, id);
            self.explain(id, reason.clone());
        }
    }

    /// Says why an execution waits, where that is another reason than before.
    fn explain(&mut self, id: ExecutionId, reason: Reason) {
        if self.live.get(&id).is_some_and(|live| live.execution.reason != reason) {
            self.amend(id, |execution| execution.reason = reason);
        }
    }

    /// The worker that gets an execution, or what holds it back.
    fn place(&self, id: ExecutionId) -> Result<WorkerId, Block> {
        let Some(definition) = self.current_definition(id) else {
            return Err(Block::Slot(Selector::default()));
        };
        if let Some(most) = definition.concurrency
            && self.jobs.get(&definition.id).is_some_and(|entry| entry.running >= most)
        {
            return Err(Block::Concurrency(definition.id.clone()));
        }
        let full = |name: &&String| {
            self.settings.limits.get(*name).is_some_and(|most| !self.limits.has_room(name, *most))
        };
        if let Some(name) = definition.limits.iter().find(full) {
            return Err(Block::Limit(name.clone()));
        }
        let selector = Selector::of(definition.workers.as_ref());
        self.workers.choose(&selector).ok_or(Block::Slot(selector))
    }

    /// Today's definition of the job: priority, limits and selector are read anew while an execution is queued.
    fn current_definition(&self, id: ExecutionId) -> Option<&Arc<Job>> {
        let live = self.live.get(&id)?;
        let entry = self.jobs.get(&live.execution.job_id);
        Some(entry.map_or(&live.definition, |entry| &entry.definition))
    }

    fn why_blocked(&self, block: &Block) -> Reason {
        match block {
            Block::Concurrency(_) => Reason::ConcurrencyReached,
            Block::Limit(name) => Reason::LimitReached { limit: name.clone() },
            Block::Slot(selector) => self.no_slot(selector),
        }
    }

    pub(super) fn no_slot(&self, selector: &Selector) -> Reason {
        let none = || match *selector == Selector::default() {
            true => Unavailable::NoWorker,
            false => Unavailable::NoMatch,
        };
        Reason::NoSlot(self.workers.unavailable_reason(selector).unwrap_or_else(none))
    }

    fn assign(&mut self, now: Now, id: ExecutionId, worker: &WorkerId) {
        self.queue.remove(id);
        self.note_assigned(id);
        let limits = self.current_definition(id).map(|job| job.limits.clone()).unwrap_or_default();
        self.limits.take(&limits);
        self.workers.take_slot(worker, id, limits);
        self.out.shown_workers.insert(worker.clone());
        let Some(live) = self.live.get_mut(&id) else { return };
        let execution = Arc::make_mut(&mut live.execution);
        let number = execution.attempt_number() + 1;
        execution.attempts.push(Attempt {
            number,
            worker_id: worker.clone(),
            assigned_at: now.wall,
            progress: AttemptProgress::Assigned,
        });
        let assignment = assignment(&live.execution, &live.definition);
        if let Some(entry) = self.jobs.get_mut(&live.execution.job_id) {
            entry.running += 1;
        }
        self.out.acts.extend(assignment.map(|it| Effect::Start(Box::new(it))));
        let reason = Reason::Assigned { attempt: number, worker: worker.clone() };
        self.transition(now, id, ExecutionState::RUNNING, reason);
    }

    /// Frees what an attempt held, and brings back those that waited for it.
    pub(super) fn release(&mut self, id: ExecutionId) {
        let Some(worker) = self.worker_of(id).cloned() else { return };
        let Some(limits) = self.workers.free_slot(&worker, id) else { return };
        self.out.shown_workers.insert(worker);
        self.limits.give_back(&limits);
        let job = self.live.get(&id).map(|live| &live.execution.job_id);
        if let Some(entry) = job.and_then(|job| self.jobs.get_mut(job)) {
            entry.running = entry.running.saturating_sub(1);
        }
    }

    /// Brings back one execution for each thing that has room again. Says whether there was one.
    fn unpark_lifted(&mut self) -> bool {
        let lifted: Vec<Block> =
            self.queue.blocks().filter(|block| self.has_room(block)).cloned().collect();
        lifted.iter().filter(|block| self.queue.unpark_one(block)).count() > 0
    }

    /// Whether the reason for parking is gone.
    fn has_room(&self, block: &Block) -> bool {
        match block {
            Block::Slot(selector) => self.workers.choose(selector).is_some(),
            Block::Limit(name) => {
                self.settings.limits.get(name).is_none_or(|most| self.limits.has_room(name, *most))
            }
            Block::Concurrency(job) => self.jobs.get(job).is_none_or(|entry| {
                entry.definition.concurrency.is_none_or(|most| entry.running < most)
            }),
        }
    }
}

/// The message that starts the newest attempt of an execution.
pub(super) fn assignment(execution: &Execution, definition: &Job) -> Option<Assignment> {
    let attempt = execution.attempt()?;
    Some(Assignment {
        key: AttemptKey { execution_id: execution.id, attempt: attempt.number },
        worker_id: attempt.worker_id.clone(),
        job_id: execution.job_id.clone(),
        command: definition.command.clone(),
        args: execution.args.clone(),
        env: definition.env.clone(),
        working_dir: definition.working_dir.clone(),
        timeout: definition.timeout,
        start_timeout: definition.start_timeout,
        kill_grace: definition.kill_grace,
        success_exit_codes: definition.success_exit_codes.clone(),
        output_limit: definition.output_limit,
        fire_time: execution.fire_time,
        trigger: execution.trigger,
        user: definition.user.clone(),
        failure: None,
    })
}
