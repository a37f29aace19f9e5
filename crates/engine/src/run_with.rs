//! A run by hand with its dependencies: those that are not fresh run first, and those they wait for before them.
//!
//! The execution that was asked for waits as long as something is on its way that can meet what it waits for. When the
//! last of that has ended otherwise it is skipped, with the reason: whoever pressed the key learns it, and nothing
//! waits for a day that may never come.

use std::collections::{HashMap, HashSet};

use super::admission::NewExecution;
use super::{Engine, Live};
use crontower_control::{Authorized, ExecutionView, Handles, RunJob};
use crontower_model::{
    DependencyFate, Execution, ExecutionId, ExecutionState, JobId, Now, Problem, Reason, Refusal,
    StateName, Summary, Trigger,
};

/// Behind so many that wait for each other no end is looked for.
const DEEPEST: usize = 200;

impl Handles<RunJob> for Engine {
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<RunJob>,
        (): (),
    ) -> Result<ExecutionView, Refusal> {
        let (by, RunJob { id, force, with_dependencies, reason, args }) = call.into_parts();
        let job = self.named(&id)?;
        if !args.is_empty() {
            self.check_run_args(&job)?;
        }
        let new = NewExecution {
            args,
            forced: force,
            with_dependencies,
            requested_by: Some(by.clone()),
            ..NewExecution::new(Reason::Requested { by, note: reason })
        };
        let id = self.create(now, &job, Trigger::Manual, now.wall, new);
        if let Some(id) = id.filter(|_| with_dependencies) {
            self.run_dependencies(now, id, &job);
        }
        self.answer_with(now, id)
    }
}

impl Engine {
    /// Whoever may run a job decides nothing about what it runs: arguments pass where the definition lets them.
    pub(super) fn check_run_args(&self, job: &JobId) -> Result<(), Refusal> {
        let entry = self.jobs.get(job);
        if entry.is_none_or(|entry| entry.definition.takes_run_args()) {
            return Ok(());
        }
        let message = format!(
            "job `{job}` takes no arguments: run it without, or say `run_args: allowed` in its definition"
        );
        Err(Refusal::Invalid(vec![Problem { path: "run_args".to_owned(), message }]))
    }

    /// Makes an execution of every job that the one asked for waits for in vain, directly or not. One that is live
    /// already is waited for as it is.
    pub(super) fn run_dependencies(&mut self, now: Now, asked: ExecutionId, of: &JobId) {
        let mut seen = HashSet::from([asked]);
        let mut open = vec![asked];
        while let Some(id) = open.pop() {
            for job in self.unmet(id) {
                let live = self.jobs.get(&job).and_then(|entry| entry.newest_live());
                let Some(on_its_way) = live.or_else(|| self.run_dependency(now, &job, of)) else {
                    continue;
                };
                if seen.insert(on_its_way) {
                    open.push(on_its_way);
                }
            }
        }
    }

    fn run_dependency(&mut self, now: Now, job: &JobId, of: &JobId) -> Option<ExecutionId> {
        let actor = self.out.actor.clone();
        let reason = Reason::RequestedForDependent { job: of.clone(), by: actor.clone() };
        let new = NewExecution {
            with_dependencies: true,
            requested_by: Some(actor),
            ..NewExecution::new(reason)
        };
        self.create(now, job, Trigger::Manual, now.wall, new)
    }

    /// What an execution waits for in vain as things are; nothing of one that does not wait.
    fn unmet(&self, id: ExecutionId) -> Vec<JobId> {
        let Some(Live { execution, definition, .. }) = self.live.get(&id) else {
            return Vec::new();
        };
        let ExecutionState::Waiting { fresh_after, .. } = execution.state else {
            return Vec::new();
        };
        let is_met = |on: &&_| self.is_met(on, execution.fire_time, fresh_after);
        let unmet = definition.dependencies.iter().filter(|on| !is_met(on));
        unmet.map(|on| on.job.clone()).collect()
    }

    /// Whether an execution waits because someone asked for it with its dependencies.
    pub(super) fn is_asked_for(&self, id: ExecutionId) -> bool {
        let waits = |execution: &Execution| {
            execution.trigger == Trigger::Manual && execution.state.name() == StateName::Waiting
        };
        self.live.get(&id).is_some_and(|live| waits(&live.execution))
    }

    /// Has everything looked after that was asked for and still waits for a job, directly or behind others that wait.
    pub(super) fn look_after(&mut self, job: &JobId) {
        let mut seen = HashSet::new();
        let mut open = vec![job.clone()];
        while let Some(job) = open.pop() {
            for id in self.awaited.get(&job).into_iter().flatten() {
                if self.is_asked_for(*id) {
                    self.unsatisfiable.push(*id);
                } else if let Some(live) = self.live.get(id)
                    && seen.insert(live.execution.job_id.clone())
                {
                    open.push(live.execution.job_id.clone());
                }
            }
        }
    }

    /// Ends those executions asked for with their dependencies that nothing on its way can help any more.
    pub(super) fn end_unsatisfiable(&mut self, now: Now) {
        while let Some(id) = self.unsatisfiable.pop() {
            if !self.is_asked_for(id) {
                continue;
            }
            let Some(Live { execution, .. }) = self.live.get(&id) else { continue };
            let ExecutionState::Waiting { waiting_for, .. } = &execution.state else { continue };
            let mut known = HashMap::new();
            let in_vain = waiting_for.iter().find(|job| !self.is_on_its_way(job, &mut known, 0));
            if let Some(job) = in_vain {
                let reason = self.ended_otherwise(job);
                self.finish(now, id, ExecutionState::Skipped, reason);
            }
        }
    }

    /// Whether an execution of the job (of one that was removed, too) is live and goes on by itself: one that waits
    /// does if all that it waits for is on its way.
    fn is_on_its_way<'a>(
        &'a self,
        job: &'a JobId,
        known: &mut HashMap<&'a JobId, bool>,
        depth: usize,
    ) -> bool {
        let Some(entry) = self.jobs.get(job) else {
            return self.live.values().any(|live| live.execution.job_id == *job);
        };
        if entry.blocking() > 0 || depth > DEEPEST {
            return true;
        }
        if let Some(known) = known.get(job) {
            return *known;
        }
        // Until it is known otherwise: versions of definitions may wait for each other in a circle.
        known.insert(job, true);
        let on_its_way = entry.waiting.iter().any(|id| {
            let state = self.live.get(id).map(|live| &live.execution.state);
            let Some(ExecutionState::Waiting { waiting_for, .. }) = state else { return true };
            waiting_for.iter().all(|job| self.is_on_its_way(job, known, depth + 1))
        });
        known.insert(job, on_its_way);
        on_its_way
    }

    fn ended_otherwise(&self, job: &JobId) -> Reason {
        let mut root = job;
        for _ in 0..DEEPEST {
            let waiting = self.jobs.get(root).and_then(|entry| entry.waiting.last());
            let state = waiting.and_then(|id| self.live.get(id)).map(|live| &live.execution.state);
            let Some(ExecutionState::Waiting { waiting_for, .. }) = state else { break };
            let in_vain = |job: &&JobId| !self.is_on_its_way(job, &mut HashMap::new(), 0);
            let Some(next) = waiting_for.iter().find(in_vain) else { break };
            root = next;
        }
        let (fate, cause) = (self.fate_of(root), root.clone());
        Reason::DependencyFailed { job: job.clone(), cause, fate }
    }

    /// What became of a job that others wait for.
    fn fate_of(&self, job: &JobId) -> DependencyFate {
        let Some(entry) = self.jobs.get(job) else { return DependencyFate::NoJob };
        match entry.recent.back() {
            None => DependencyFate::DidNotRun,
            Some(Summary { id, state, .. }) => {
                DependencyFate::Ended { execution: *id, state: *state }
            }
        }
    }
}
