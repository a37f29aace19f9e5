//! Workers as the engine knows them: pools of slots, the link to the process that hosts them, and its lease.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::dispatch::assignment;
use super::queue::Selector;
use super::{Config, Effect, Engine, Holdings, Live, Timer};
use crontower_model::{
    Attempt, AttemptKey, Ended, EventKind, ExecutionId, ExecutionState, LostCause, Now, ON_FAILURE,
    Outcome, Pool, Reason, Settings, StateName, StopCause, Stopping, Unavailable, Worker, WorkerId,
    WorkerOverrides, WorkerState,
};

/// How long a worker's claim on its attempts holds without a sign of life.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// An observer that looks this much too late was itself stalled, and declares nobody lost.
pub(super) const STALLED: Duration = Duration::from_secs(5);

/// A pool and what it runs: each execution with the limits it holds.
#[derive(Debug)]
pub(super) struct PoolEntry {
    /// As the file has it.
    pub(super) pool: Pool,
    /// What operators ordered beside that.
    pub(super) overrides: WorkerOverrides,
    pub(super) running: BTreeMap<ExecutionId, Vec<String>>,
    /// It is no longer in the file: it finishes what it has.
    pub(super) leaving: bool,
    succeeded: u64,
    failed: u64,
}

/// The connection to the local worker process.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Link {
    /// It was not needed yet.
    Idle,
    /// It is connected.
    Up,
    /// It was lost; what it runs is still its own until the lease is over.
    Suspect,
    /// Its lease ran out.
    Lost,
}

/// All workers.
#[derive(Debug)]
pub(super) struct Workers {
    pub(super) pools: BTreeMap<WorkerId, PoolEntry>,
    /// Orders that were kept for workers which are not there yet.
    kept: BTreeMap<WorkerId, WorkerOverrides>,
    link: Link,
    process: Option<(u32, String)>,
    heartbeat: Option<DateTime<Utc>>,
}

impl Workers {
    pub(super) fn new(kept: &[WorkerOverrides]) -> Self {
        Self {
            pools: BTreeMap::new(),
            kept: kept.iter().map(|it| (it.worker_id.clone(), it.clone())).collect(),
            link: Link::Idle,
            process: None,
            heartbeat: None,
        }
    }

    /// The least loaded worker with a free slot that the selector matches; ties go to the smaller id.
    pub(super) fn choose(&self, selector: &Selector) -> Option<WorkerId> {
        if !self.is_connected() {
            return None;
        }
        let free = self.pools.values().filter(|entry| entry.takes() && entry.free() > 0);
        free.filter(|entry| entry.matches(selector))
            .min_by(|a, b| {
                // a.running / a.capacity < b.running / b.capacity, without a fraction
                let left = a.running.len() as u64 * u64::from(b.capacity());
                let right = b.running.len() as u64 * u64::from(a.capacity());
                left.cmp(&right).then_with(|| a.pool.id.cmp(&b.pool.id))
            })
            .map(|entry| entry.pool.id.clone())
    }

    /// The workers that may carry it out, free or not, drained or not.
    pub(super) fn matching(&self, selector: &Selector) -> impl Iterator<Item = &PoolEntry> {
        self.pools.values().filter(|entry| !entry.leaving && entry.matches(selector))
    }

    /// Why no worker takes what asks for this. Where no worker matches at all: `None`.
    pub(super) fn unavailable_reason(&self, selector: &Selector) -> Option<Unavailable> {
        match self.link {
            Link::Idle | Link::Up => {}
            Link::Suspect => return Some(Unavailable::Disconnected),
            Link::Lost => return Some(Unavailable::Offline),
        }
        let (mut draining, mut full) = (Vec::new(), false);
        for entry in self.matching(selector) {
            match &entry.overrides.drained {
                Some(_) => draining.push(entry.pool.id.clone()),
                None => full = true,
            }
        }
        let selected = *selector != Selector::default();
        let any = full || !draining.is_empty();
        any.then_some(Unavailable::Busy { selected, full, draining })
    }

    pub(super) fn take_slot(&mut self, worker: &WorkerId, id: ExecutionId, limits: Vec<String>) {
        if let Some(entry) = self.pools.get_mut(worker) {
            entry.running.insert(id, limits);
        }
    }

    /// Frees the slot that an execution holds; returns the limits it held, `None` if it held no slot.
    pub(super) fn free_slot(&mut self, worker: &WorkerId, id: ExecutionId) -> Option<Vec<String>> {
        self.pools.get_mut(worker)?.running.remove(&id)
    }

    fn count(&mut self, worker: &WorkerId, outcome: Outcome) {
        if let Some(entry) = self.pools.get_mut(worker) {
            match outcome {
                Outcome::Succeeded => entry.succeeded += 1,
                _ => entry.failed += 1,
            }
        }
    }

    pub(super) fn view(&self, config: &Config, id: &WorkerId) -> Option<Worker> {
        let entry = self.pools.get(id)?;
        let state = match self.link {
            Link::Lost => WorkerState::Offline,
            Link::Suspect => WorkerState::Suspect,
            Link::Idle | Link::Up if !entry.takes() => WorkerState::Draining,
            Link::Idle | Link::Up => WorkerState::Online,
        };
        Some(Worker {
            id: id.clone(),
            state,
            host: config.host.clone(),
            alias: entry.pool.host.clone(),
            capacity: entry.capacity(),
            drained: entry.overrides.drained.clone(),
            labels: entry.pool.labels.clone(),
            running: entry.running.keys().copied().collect(),
            last_heartbeat: self.heartbeat,
            version: self.process.as_ref().map(|(_, version)| version.clone()),
            pid: self.process.as_ref().map(|(pid, _)| *pid),
            succeeded: entry.succeeded,
            failed: entry.failed,
        })
    }

    pub(super) fn views(&self, config: &Config) -> Vec<Worker> {
        self.pools.keys().filter_map(|id| self.view(config, id)).collect()
    }

    /// Whether the worker process can be had, as far as is known.
    pub(super) const fn is_connected(&self) -> bool {
        matches!(self.link, Link::Idle | Link::Up)
    }

    /// A worker, whichever.
    pub(super) fn any_id(&self) -> Option<WorkerId> {
        self.pools.keys().next().cloned()
    }

    fn ids(&self) -> Vec<WorkerId> {
        self.pools.keys().cloned().collect()
    }
}

impl PoolEntry {
    fn new(pool: Pool, overrides: WorkerOverrides, leaving: bool) -> Self {
        let running = BTreeMap::new();
        Self { pool, overrides, running, leaving, succeeded: 0, failed: 0 }
    }

    /// Whether it takes attempts at all.
    pub(super) const fn takes(&self) -> bool {
        !self.leaving && self.overrides.drained.is_none()
    }

    /// Slots: what was ordered goes before what the file says.
    pub(super) fn capacity(&self) -> u32 {
        self.overrides.capacity.unwrap_or(self.pool.capacity)
    }

    fn free(&self) -> usize {
        (self.capacity() as usize).saturating_sub(self.running.len())
    }

    fn matches(&self, selector: &Selector) -> bool {
        (selector.ids.is_empty() || selector.ids.contains(&self.pool.id))
            && selector.labels.iter().all(|label| self.pool.labels.contains(label))
    }
}

/// The pools that a file asks for: without a word about them, one of 16 slots or 4 a core, for commands mostly wait.
fn pools_of(settings: &Settings, cores: u32) -> Vec<Pool> {
    settings.workers.clone().unwrap_or_else(|| {
        let id = WorkerId::new("local").into_iter();
        id.map(|id| Pool {
            id,
            host: None,
            capacity: cores.saturating_mul(4).max(16),
            labels: Vec::new(),
        })
        .collect()
    })
}

impl Engine {
    /// Puts the pools of the settings in force. One that went finishes what it has.
    pub(super) fn configure_workers(&mut self) {
        let wanted = pools_of(&self.settings, self.config.cores);
        for entry in self.workers.pools.values_mut() {
            entry.leaving = true;
        }
        let Workers { pools, kept, .. } = &mut self.workers;
        for pool in wanted {
            let id = pool.id.clone();
            let entry = pools.entry(id.clone()).or_insert_with(|| {
                PoolEntry::new(pool.clone(), WorkerOverrides::none(id.clone()), false)
            });
            if let Some(overrides) = kept.remove(&id) {
                entry.overrides = overrides;
            }
            entry.pool = pool;
            entry.leaving = false;
        }
        self.out.slots_changed = true;
        self.out.shown_workers.extend(self.workers.ids());
        self.check_overrides();
        self.drop_left_pools();
    }

    /// Forgets pools that are no longer in the file and run nothing more.
    pub(super) fn drop_left_pools(&mut self) {
        let is_gone = |entry: &PoolEntry| entry.leaving && entry.running.is_empty();
        let pools = &mut self.workers.pools;
        let gone: Vec<_> =
            pools.iter().filter(|(_, entry)| is_gone(entry)).map(|(id, _)| id.clone()).collect();
        for id in gone {
            pools.remove(&id);
            self.out.removed_workers.push(id);
        }
    }

    /// Takes over an attempt that was running when an engine stopped.
    pub(super) fn hold_slot(&mut self, worker: &WorkerId, id: ExecutionId, limits: Vec<String>) {
        let pool = Pool { id: worker.clone(), host: None, capacity: 1, labels: Vec::new() };
        let overrides = WorkerOverrides::none(worker.clone());
        let pools = &mut self.workers.pools;
        let entry =
            pools.entry(worker.clone()).or_insert_with(|| PoolEntry::new(pool, overrides, true));
        self.limits.take(&limits);
        entry.running.insert(id, limits);
    }

    /// The worker process is connected and says what it holds: what the engine believes is brought in line with that.
    pub(super) fn worker_up(&mut self, now: Now, holdings: Holdings) {
        let was_away = matches!(self.workers.link, Link::Suspect | Link::Lost);
        self.workers.link = Link::Up;
        self.workers.process = Some((holdings.pid, holdings.program));
        self.workers.heartbeat = Some(now.wall);
        // A worker process that is new knows no slots yet.
        self.out.slots_changed = true;
        self.timers.retain(|(_, timer)| *timer != Timer::Lease);
        if was_away {
            self.tell_workers("is connected again");
        }
        let known: std::collections::HashSet<AttemptKey> =
            holdings.running.iter().map(|running| running.key).collect();
        for running in &holdings.running {
            self.elsewhere.forget(running.key);
            self.attempt_started(running);
            self.stop_if_unwanted(running.key);
            self.stop_if_overdue(now, running.key);
        }
        for ended in holdings.ended {
            self.attempt_ended(now, ended);
        }
        for id in self.running_executions() {
            self.reconcile(now, id, &known);
        }
        self.reconcile_notices(now, &known);
        self.out.shown_workers.extend(self.workers.ids());
    }

    /// Orders for workers that are in no file any more.
    pub(super) fn overrides_without_worker(&mut self) -> Vec<WorkerId> {
        let kept = std::mem::take(&mut self.workers.kept);
        let pools = &mut self.workers.pools;
        let left = pools.values_mut().filter(|it| it.leaving && it.overrides.is_any());
        let left = left.map(|entry| {
            entry.overrides = WorkerOverrides::none(entry.pool.id.clone());
            entry.pool.id.clone()
        });
        kept.into_keys().chain(left).collect()
    }

    pub(super) fn running_executions(&self) -> Vec<ExecutionId> {
        let is_running = |live: &&Live| live.execution.state.name() == StateName::Running;
        let mut ids: Vec<_> =
            self.live.values().filter(is_running).map(|l| l.execution.id).collect();
        ids.sort_unstable();
        ids
    }

    /// An attempt that the worker should have: start it if it never began, else it is lost.
    pub(super) fn reconcile(
        &mut self,
        now: Now,
        id: ExecutionId,
        known: &std::collections::HashSet<AttemptKey>,
    ) {
        let overdue = self.is_overdue(now, id);
        let Some(Live { execution, definition, .. }) = self.live.get(&id) else { return };
        let Some(attempt) = execution.attempt() else { return };
        let key = AttemptKey { execution_id: id, attempt: attempt.number };
        if known.contains(&key) || self.elsewhere.holds(key) {
            return;
        }
        if attempt.started_at().is_some() {
            self.lost(now, key, LostCause::ProcessEnded);
        } else if execution.cancelled_by.is_some() {
            self.ended_unstarted(now, key, Reason::AttemptCancelled { error: None });
        } else if !self.jobs.contains_key(&execution.job_id) {
            self.ended_unstarted(now, key, Reason::JobRemoved);
        } else if overdue {
            self.ended_unstarted(now, key, Reason::DeadlinePassed);
        } else if let Some(assignment) = assignment(execution, definition) {
            // Given to the worker, but it never heard of it. Starting a key twice starts nothing twice.
            self.out.acts.push(Effect::Start(Box::new(assignment)));
        }
    }

    /// A running attempt that nobody waits for any more, or that someone cancelled meanwhile, is ended.
    pub(super) fn stop_if_unwanted(&mut self, key: AttemptKey) {
        let of_notice = key.attempt == ON_FAILURE && self.on_failures.is_open(key.execution_id);
        let wanted = of_notice
            || self.live.get(&key.execution_id).is_some_and(|live| {
                live.execution.cancelled_by.is_none()
                    && live.execution.attempt_number() == key.attempt
                    && live.execution.state.name() == StateName::Running
            });
        if !wanted {
            self.out.acts.push(Effect::Stop { key, cause: StopCause::Cancel });
        }
    }

    /// A deadline that passed while the worker was out of reach.
    fn stop_if_overdue(&mut self, now: Now, key: AttemptKey) {
        let live = self.live.get(&key.execution_id);
        let is_newest = live.is_some_and(|live| live.execution.attempt_number() == key.attempt);
        if is_newest && self.is_overdue(now, key.execution_id) {
            self.out.acts.push(Effect::Stop { key, cause: StopCause::Deadline });
        }
    }

    /// The connection is gone, or cannot be made. Nothing is lost yet: the process may be there.
    pub(super) fn worker_down(&mut self, now: Now, reason: &str) {
        if matches!(self.workers.link, Link::Suspect | Link::Lost) {
            return;
        }
        self.workers.link = Link::Suspect;
        self.timers.insert((now.monotonic.saturating_add(LEASE), Timer::Lease));
        self.tell_workers(&format!("is not connected: {reason}"));
    }

    /// The lease of the worker process has run out.
    pub(super) fn lease_over(&mut self, now: Now, due: Duration) {
        if now.monotonic.saturating_sub(due) > STALLED {
            self.timers.insert((now.monotonic.saturating_add(LEASE), Timer::Lease));
            return;
        }
        self.workers.link = Link::Lost;
        self.tell_workers("is offline: its lease has run out");
        for id in self.running_executions() {
            let live = self.live.get(&id).filter(|live| !self.config.runs_itself(&live.definition));
            let attempt = live.and_then(|live| live.execution.attempt());
            let Some(attempt) = attempt.filter(|attempt| attempt.started_at().is_some()) else {
                continue;
            };
            let key = AttemptKey { execution_id: id, attempt: attempt.number };
            // Another scheduler's worker process holds it.
            if self.elsewhere.holds(key) {
                continue;
            }
            match attempt.pid() {
                Some(_) => self.give_up(now, key),
                // It has no process that could run beside what follows.
                None => self.lost(now, key, LostCause::LeaseExpired),
            }
        }
        self.lose_notices(now);
    }

    /// Has the processes of an attempt ended whose worker is out of reach. It is lost when nothing of them is left: until
    /// then it holds what it holds.
    fn give_up(&mut self, now: Now, key: AttemptKey) {
        let id = key.execution_id;
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        if execution.stopping().is_none() {
            let reason = Reason::WorkerLost(LostCause::LeaseExpired);
            let pids = execution.attempt().and_then(Attempt::pid).into_iter().collect();
            let stopping = Stopping { since: Some(now.wall), reason: reason.clone(), pids };
            let (execution_id, job_id, attempt) = (id, execution.job_id.clone(), key.attempt);
            let fact = EventKind::AttemptStopping { execution_id, job_id, attempt, reason };
            self.out.facts.push(fact);
            if !self.out.executions.contains_key(&id) {
                self.out.quiet.insert(id);
            }
            let state = ExecutionState::Running { stopping: Some(stopping) };
            self.amend(id, |execution| execution.state = state);
        }
        self.out.acts.push(Effect::EndGroup(key));
    }

    /// Nothing is left of an attempt that was given up. Where its worker came back meanwhile, that says what became of it.
    pub(super) fn group_gone(&mut self, now: Now, key: AttemptKey) {
        if self.workers.link == Link::Lost && self.is_current(key) {
            self.lost(now, key, LostCause::LeaseExpired);
        }
    }

    /// Whether an attempt is being ended because its worker's lease ran out.
    pub(super) fn is_given_up(&self, key: AttemptKey) -> bool {
        let stopping = self.live.get(&key.execution_id).and_then(|live| live.execution.stopping());
        let given_up = Reason::WorkerLost(LostCause::LeaseExpired);
        self.is_current(key) && stopping.is_some_and(|stopping| stopping.reason == given_up)
    }

    fn tell_workers(&mut self, reason: &str) {
        for worker_id in self.workers.ids() {
            self.out.shown_workers.insert(worker_id.clone());
            self.out.facts.push(EventKind::WorkerChanged { worker_id, reason: reason.to_owned() });
        }
    }

    /// Ends an attempt whose command may have done anything.
    pub(super) fn lost(&mut self, now: Now, key: AttemptKey, cause: LostCause) {
        let ended = Ended {
            key,
            started_at: None,
            finished_at: now.wall,
            outcome: Outcome::WorkerLost,
            exit_code: None,
            error: Some(cause.to_string()),
            result: None,
            output_lost: 0,
        };
        self.end_attempt(now, ended, Reason::WorkerLost(cause));
    }

    fn ended_unstarted(&mut self, now: Now, key: AttemptKey, reason: Reason) {
        let timed_out = reason == Reason::DeadlinePassed;
        let outcome = if timed_out { Outcome::TimedOut } else { Outcome::Cancelled };
        let error = timed_out.then(|| reason.to_string());
        let ended = Ended {
            key,
            started_at: None,
            finished_at: now.wall,
            outcome,
            exit_code: None,
            error,
            result: None,
            output_lost: 0,
        };
        self.end_attempt(now, ended, reason);
    }

    /// A sign of life; shown no more often than people can read it.
    pub(super) fn heartbeat(&mut self, now: Now) {
        let shown = self.workers.heartbeat;
        if shown.is_none_or(|shown| (now.wall - shown).abs() >= chrono::TimeDelta::seconds(5)) {
            self.workers.heartbeat = Some(now.wall);
            self.out.shown_workers.extend(self.workers.ids());
        }
    }

    /// Counts the end of an attempt for its worker.
    pub(super) fn count_outcome(&mut self, id: ExecutionId, outcome: Outcome) {
        if let Some(worker) = self.worker_of(id).cloned() {
            self.workers.count(&worker, outcome);
        }
    }

    /// The pools as the worker process hosts them.
    pub(super) fn pools(&self) -> Vec<Pool> {
        let pools = self.workers.pools.values().filter(|entry| !entry.leaving);
        let pool = |entry: &PoolEntry| Pool { capacity: entry.capacity(), ..entry.pool.clone() };
        pools.map(pool).collect()
    }

    /// The definition that a live execution runs.
    #[must_use]
    pub fn live_definition(&self, id: ExecutionId) -> Option<Arc<crontower_model::Job>> {
        self.live.get(&id).map(|live| Arc::clone(&live.definition))
    }
}
