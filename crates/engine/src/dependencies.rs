//! Dependencies: whether what a job waits for has happened. All of it is decided when something ends, never by asking again.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::admission::NewExecution;
use super::firing::Span;
use super::job::JobEntry;
use super::{Engine, Live};
use crontower_model::{
    Awaited, AwaitedState, Condition, Dependency, ExecutionId, ExecutionState, JobId, LedgerFate,
    Now, Reason, StateName, Summary, Trigger,
};

/// No more dependencies are named in one sentence.
const NAMED_MOST: usize = 20;

impl Engine {
    /// Judges the executions that were created in this step with dependencies.
    pub(super) fn check_waiting(&mut self, now: Now) {
        for id in std::mem::take(&mut self.to_judge) {
            let Some(Live { execution, definition, .. }) = self.live.get(&id) else { continue };
            let ExecutionState::Waiting { fresh_after, .. } = execution.state else { continue };
            let fire_time = execution.fire_time;
            let unmet: Vec<JobId> = definition
                .dependencies
                .iter()
                .filter(|dependency| !self.is_met(dependency, fire_time, fresh_after))
                .map(|dependency| dependency.job.clone())
                .collect();
            self.await_jobs(id, &unmet);
            self.wait_for(now, id, unmet, fresh_after);
        }
    }

    /// Leaves an execution waiting for `unmet`, or lets it go on where nothing is left.
    fn wait_for(
        &mut self,
        now: Now,
        id: ExecutionId,
        unmet: Vec<JobId>,
        fresh_after: Option<DateTime<Utc>>,
    ) {
        if unmet.is_empty() {
            return self.admit(now, id, Some(Reason::DependenciesMet));
        }
        if self.is_asked_for(id) {
            self.unsatisfiable.push(id);
        }
        let dependencies: Vec<Awaited> =
            unmet.iter().take(NAMED_MOST).map(|job| self.awaited_job(job)).collect();
        let more = unmet.len() - dependencies.len();
        let reason = Reason::WaitingFor { dependencies, more };
        self.amend(id, |execution| {
            execution.state = ExecutionState::Waiting { waiting_for: unmet, fresh_after };
            if let Some(last) = execution.history.last_mut() {
                last.reason.clone_from(&reason);
            }
            execution.reason = reason;
        });
    }

    /// A job waited for, with what is known about it.
    fn awaited_job(&self, job: &JobId) -> Awaited {
        let entry = self.jobs.get(job);
        let live = entry.and_then(JobEntry::newest_live).and_then(|id| self.live.get(&id));
        let state = match (live, entry.map(|entry| &entry.state.last_ran)) {
            (_, None) => AwaitedState::NoJob,
            (Some(live), _) => AwaitedState::Live { state: live.execution.state.name() },
            (None, Some(Some(last))) => AwaitedState::Ended { state: last.state },
            (None, Some(None)) => AwaitedState::NeverRan,
        };
        Awaited { job: job.clone(), state }
    }

    /// Notes for which jobs an execution waits.
    pub(super) fn await_jobs(&mut self, id: ExecutionId, jobs: &[JobId]) {
        for job in jobs {
            self.awaited.entry(job.clone()).or_default().insert(id);
        }
    }

    /// Notes that an execution does not wait for a job any more.
    fn await_no_more(&mut self, id: ExecutionId, job: &JobId) {
        if let Some(waiting) = self.awaited.get_mut(job) {
            waiting.remove(&id);
            if waiting.is_empty() {
                self.awaited.remove(job);
            }
        }
    }

    /// The same of all that it waits for: it ends.
    pub(super) fn await_nothing(&mut self, id: ExecutionId) {
        let state = self.live.get(&id).map(|live| &live.execution.state);
        let Some(ExecutionState::Waiting { waiting_for, .. }) = state else { return };
        for job in waiting_for.clone() {
            self.await_no_more(id, &job);
        }
    }

    /// Whether a dependency of an execution with this fire time is met by what has been so far.
    pub(super) fn is_met(
        &self,
        dependency: &Dependency,
        fire_time: DateTime<Utc>,
        fresh_after: Option<DateTime<Utc>>,
    ) -> bool {
        let Some(entry) = self.jobs.get(&dependency.job) else { return false };
        let concerns = |id: &ExecutionId| {
            self.live.get(id).is_some_and(|live| live.execution.fire_time <= fire_time)
        };
        if entry.live().any(|id| concerns(&id)) {
            return false;
        }
        let newest = entry
            .recent
            .iter()
            .chain(&entry.state.last_ran)
            .filter(|summary| summary.state != StateName::Skipped && summary.fire_time <= fire_time)
            .max_by_key(|summary| (summary.fire_time, summary.finished_at));
        newest.is_some_and(|newest| {
            meets(newest, dependency.on) && is_fresh(newest, dependency, fire_time, fresh_after)
        })
    }

    /// Tells those that wait for `job` that an execution of it has ended. A skipped one is no result to a schedule.
    pub(super) fn dependency_ended(&mut self, now: Now, job: &JobId, ended: &Summary) {
        let skipped = ended.state == StateName::Skipped;
        let dependents = self.jobs.get(job).filter(|_| !skipped).map(|it| it.dependents.clone());
        for (dependent, place) in dependents.unwrap_or_default() {
            if self.jobs.get(&dependent).is_some_and(JobEntry::is_chain) {
                self.chain(now, &dependent, place, ended);
            }
        }
        for id in self.awaited.get(job).cloned().unwrap_or_default() {
            if !skipped {
                self.one_ended(now, id, job, ended);
            }
        }
        self.look_after(job);
    }

    /// After its fire time, any execution of a dependency that ends with the asked result meets it.
    fn one_ended(&mut self, now: Now, id: ExecutionId, job: &JobId, last: &Summary) {
        let Some(Live { execution, definition, .. }) = self.live.get(&id) else { return };
        let ExecutionState::Waiting { waiting_for, fresh_after } = &execution.state else { return };
        let (mut unmet, fresh_after) = (waiting_for.clone(), *fresh_after);
        let asked = definition.dependencies.iter().find(|dependency| dependency.job == *job);
        if asked.is_some_and(|asked| meets(last, asked.on)) {
            unmet.retain(|waited| waited != job);
            self.await_no_more(id, job);
        }
        self.wait_for(now, id, unmet, fresh_after);
    }

    /// The dependency at `place` of a chain has ended: fires it if every one has the asked result since it last fired.
    fn chain(&mut self, now: Now, job: &JobId, place: usize, ended: &Summary) {
        let Some(entry) = self.jobs.get_mut(job) else { return };
        let definition = Arc::clone(&entry.definition);
        let Some(dependency) = definition.dependencies.get(place) else { return };
        if meets(ended, dependency.on) {
            entry.open.remove(&place);
        } else {
            entry.open.insert(place);
        }
        if !entry.open.is_empty() {
            self.out.shown_jobs.insert(job.clone());
            return;
        }
        self.order += 1;
        entry.state.chain_fired_at = now.wall;
        entry.state.chain_fired_order = self.order;
        let fires = entry.fires();
        let waiting: Vec<ExecutionId> = entry.waiting.iter().copied().collect();
        self.open_chain(job);
        self.touch_job(job);
        if waiting.iter().any(|id| self.is_asked_for(*id)) {
            // Someone asked for it with its dependencies: that execution is this firing.
            return;
        }
        if fires {
            let new = NewExecution::new(Reason::DependenciesEnded);
            self.create(now, job, Trigger::Dependency, now.wall, new);
        } else {
            self.chain_passed(now, job);
        }
    }

    /// A chain was complete while its job was paused or disabled.
    fn chain_passed(&mut self, now: Now, job: &JobId) {
        let paused = self.jobs.get(job).is_some_and(|entry| entry.state.pause.is_some());
        let (fate, reason) = if paused {
            (LedgerFate::Paused, "its dependencies ended while the job was paused")
        } else {
            (LedgerFate::Disabled, "its dependencies ended while the job was disabled")
        };
        self.passed(job, Span { first: now.wall, last: now.wall, count: 1 }, fate, reason);
    }

    /// What a chain still waits for, at most so many; nothing of any other job.
    pub(super) fn chain_waits_for(entry: &JobEntry, most: usize) -> Vec<JobId> {
        let dependency = |place: &usize| entry.definition.dependencies.get(*place);
        let open = entry.open.iter().take(most).filter_map(dependency);
        open.map(|dependency| dependency.job.clone()).collect()
    }

    /// Looks anew at all that chains wait for: definitions have changed.
    pub(super) fn open_chains(&mut self) {
        let jobs: Vec<JobId> = self.jobs.keys().cloned().collect();
        for job in jobs {
            self.open_chain(&job);
        }
    }

    fn open_chain(&mut self, job: &JobId) {
        let Some(entry) = self.jobs.get(job) else { return };
        let open = self.open_of(entry);
        if let Some(entry) = self.jobs.get_mut(job) {
            entry.open = open;
        }
    }

    /// The places of the dependencies that have not ended as asked since a chain last fired.
    pub(super) fn open_of(&self, entry: &JobEntry) -> BTreeSet<usize> {
        if !entry.is_chain() {
            return BTreeSet::new();
        }
        let fired = entry.state.chain_fired_order;
        let is_open = |dependency: &Dependency| {
            let state = self.jobs.get(&dependency.job).map(|it| &it.state);
            let since = state.filter(|state| state.last_ran_order > fired);
            let last = since.and_then(|state| state.last_ran.as_ref());
            !last.is_some_and(|last| meets(last, dependency.on))
        };
        let dependencies = entry.definition.dependencies.iter().enumerate();
        dependencies.filter(|(_, it)| is_open(it)).map(|(place, _)| place).collect()
    }
}

fn meets(ended: &Summary, asked: Condition) -> bool {
    match ended.state {
        StateName::Succeeded => matches!(asked, Condition::Success | Condition::Completion),
        StateName::Failed | StateName::TimedOut => {
            matches!(asked, Condition::Failure | Condition::Completion)
        }
        StateName::Cancelled => asked == Condition::Completion,
        _ => false,
    }
}

fn is_fresh(
    ended: &Summary,
    dependency: &Dependency,
    fire_time: DateTime<Utc>,
    fresh_after: Option<DateTime<Utc>>,
) -> bool {
    let Some(finished_at) = ended.finished_at else { return false };
    match dependency.within.map(TimeDelta::from_std) {
        Some(Ok(within)) => finished_at >= fire_time - within,
        Some(Err(_)) => true,
        None => fresh_after.is_none_or(|after| finished_at > after),
    }
}
