//! What one step leads to, collected while it happens and told once at its end: an execution that changed three times in
//! a step is kept once, with all three transitions in its history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::input::{Effect, View};
use super::{Engine, Live};
use crontower_model::{
    Actor, Change, Event, EventKind, Execution, ExecutionId, ExecutionState, JobId, Now, Reason,
    Transition, WorkerId,
};

/// See the module's first lines.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Who causes what happens now.
    pub(super) actor: Actor,
    /// Changes other than executions, jobs' run-time states and events.
    pub(super) changes: Vec<Change>,
    /// What `on_failure` is due or done: kept after the executions that it is about.
    pub(super) on_failures: Vec<Change>,
    /// Facts other than changes of executions.
    pub(super) facts: Vec<EventKind>,
    /// Executions that changed; `Some` = final, so no longer among the live ones.
    pub(super) executions: BTreeMap<ExecutionId, Option<Arc<Execution>>>,
    /// Those of them whose change is told as another fact.
    pub(super) quiet: BTreeSet<ExecutionId>,
    /// Jobs whose record changed.
    pub(super) jobs: BTreeSet<JobId>,
    /// Jobs that look different.
    pub(super) shown_jobs: BTreeSet<JobId>,
    pub(super) removed_jobs: Vec<JobId>,
    pub(super) shown_workers: BTreeSet<WorkerId>,
    pub(super) removed_workers: Vec<WorkerId>,
    /// Starts, stops and the like, in their order.
    pub(super) acts: Vec<Effect>,
    /// Whether the slots of workers are others now.
    pub(super) slots_changed: bool,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            actor: Actor::engine(),
            changes: Vec::new(),
            on_failures: Vec::new(),
            facts: Vec::new(),
            executions: BTreeMap::new(),
            quiet: BTreeSet::new(),
            jobs: BTreeSet::new(),
            shown_jobs: BTreeSet::new(),
            removed_jobs: Vec::new(),
            shown_workers: BTreeSet::new(),
            removed_workers: Vec::new(),
            acts: Vec::new(),
            slots_changed: false,
        }
    }
}

impl Engine {
    /// Moves a live execution into `state`, for a reason.
    pub(super) fn transition(
        &mut self,
        now: Now,
        id: ExecutionId,
        state: ExecutionState,
        reason: Reason,
    ) {
        let Some(live) = self.live.get_mut(&id) else { return };
        let execution = Arc::make_mut(&mut live.execution);
        let transition = Transition { at: now.wall, state: state.name(), reason: reason.clone() };
        execution.history.push(transition);
        execution.state = state;
        execution.reason = reason;
        self.out.quiet.remove(&id);
        self.touch(id);
    }

    /// Changes a live execution without moving it.
    pub(super) fn amend(&mut self, id: ExecutionId, change: impl FnOnce(&mut Execution)) {
        if let Some(live) = self.live.get_mut(&id) {
            change(Arc::make_mut(&mut live.execution));
            self.touch(id);
        }
    }

    /// Has an execution kept and shown at the end of the step.
    pub(super) fn touch(&mut self, id: ExecutionId) {
        if let Some(Live { execution, .. }) = self.live.get(&id) {
            self.out.shown_jobs.insert(execution.job_id.clone());
            self.out.executions.entry(id).or_default();
        }
    }

    /// Has a job's record kept, and the job shown, at the end of the step.
    pub(super) fn touch_job(&mut self, job: &JobId) {
        self.out.jobs.insert(job.clone());
        self.out.shown_jobs.insert(job.clone());
    }

    /// Turns what was collected into effects, saves first.
    pub(super) fn flush(&mut self, now: Now) -> Vec<Effect> {
        self.check_acknowledgements();
        let out = std::mem::replace(&mut self.out, Outbox::new());
        let mut effects: Vec<Effect> = out.changes.into_iter().map(Effect::Save).collect();
        let jobs = out.jobs.iter().filter_map(|job| self.jobs.get(job));
        effects.extend(jobs.map(|entry| Effect::Save(Change::Job(entry.record()))));
        for kind in out.facts {
            effects.push(self.event(now, &out.actor, kind));
        }
        for (id, execution) in out.executions {
            let live = || self.live.get(&id).map(|live| Arc::clone(&live.execution));
            let Some(execution) = execution.or_else(live) else { continue };
            let kind = EventKind::ExecutionChanged {
                execution_id: id,
                job_id: execution.job_id.clone(),
                state: execution.state.name(),
                attempt: execution.attempt_number(),
                reason: execution.reason.clone(),
            };
            effects.push(Effect::Save(Change::Execution(execution)));
            if !out.quiet.contains(&id) {
                effects.push(self.event(now, &out.actor, kind));
            }
        }
        effects.extend(self.show_health(now));
        effects.extend(out.on_failures.into_iter().map(Effect::Save));
        effects.extend(out.shown_jobs.iter().filter_map(|job| self.show(job)));
        effects.extend(out.removed_jobs.into_iter().map(|job| Effect::Show(View::JobRemoved(job))));
        let workers = out.shown_workers.iter();
        let workers = workers.filter_map(|id| self.workers.view(&self.config, id));
        effects.extend(workers.map(|worker| Effect::Show(View::Worker(Box::new(worker)))));
        let gone = out.removed_workers.into_iter();
        effects.extend(gone.map(|worker| Effect::Show(View::WorkerRemoved(worker))));
        effects.extend(out.slots_changed.then(|| Effect::Configure(self.pools())));
        effects.extend(out.acts);
        effects
    }

    fn show(&mut self, job: &JobId) -> Option<Effect> {
        let status = self.jobs.get(job).map(|entry| self.status_of(entry))?;
        self.jobs.get_mut(job)?.shown = Some(Arc::clone(&status));
        Some(Effect::Show(View::Job(status)))
    }

    pub(super) fn event(&mut self, now: Now, actor: &Actor, kind: EventKind) -> Effect {
        self.seq += 1;
        let event = Event { seq: self.seq, at: now.wall, actor: actor.clone(), kind };
        Effect::Save(Change::Event(event))
    }
}
