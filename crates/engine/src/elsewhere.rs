//! Attempts that run in a worker process that this engine is not connected to: those of the scheduler that led before, on
//! another machine.
//!
//! Owns how long they are waited for. What that worker process has to say comes in reports, each of which renews the lease
//! of what it names; an attempt whose lease is over is given up like those of a worker that was lost.

use std::collections::BTreeMap;
use std::time::Duration;

use super::attempts::deadline_of;
use super::workers::{LEASE, STALLED};
use super::{Engine, Timer};
use crontower_model::{
    AttemptKey, Ended, ExecutionId, LostCause, Now, Running, StateName, StopCause,
};

/// The attempts, and when the lease of each is over.
#[derive(Debug, Default, Clone)]
pub(super) struct Elsewhere {
    leases: BTreeMap<AttemptKey, Duration>,
}

impl Elsewhere {
    pub(super) fn holds(&self, key: AttemptKey) -> bool {
        self.leases.contains_key(&key)
    }

    pub(super) fn forget(&mut self, key: AttemptKey) {
        self.leases.remove(&key);
    }
}

/// What is to be done with the attempts of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// End these, each for its cause.
    pub stop: Vec<(AttemptKey, StopCause)>,
    /// The end of these is kept, or means nothing any more: forget them.
    pub forget: Vec<AttemptKey>,
}

impl Engine {
    /// Whatever runs was begun by the scheduler that led before, somewhere else: it is waited for as long as a lease lasts.
    /// To be called before anything else is told about workers.
    pub fn expect_elsewhere(&mut self, now: Now) {
        let ids = self.running_executions();
        let keys: Vec<AttemptKey> =
            ids.into_iter().filter_map(|id| self.open_attempt(id)).collect();
        for key in keys {
            self.lease_elsewhere(now, key);
        }
    }

    /// The open attempt of a running execution, where a worker process carries it out.
    fn open_attempt(&self, id: ExecutionId) -> Option<AttemptKey> {
        let live = self.live.get(&id).filter(|live| !self.config.runs_itself(&live.definition))?;
        let attempt = live.execution.attempt().filter(|attempt| !attempt.has_ended())?;
        Some(AttemptKey { execution_id: id, attempt: attempt.number })
    }

    fn lease_elsewhere(&mut self, now: Now, key: AttemptKey) {
        let until = now.monotonic.saturating_add(LEASE);
        if self.elsewhere.leases.insert(key, until).is_none() {
            self.timers.insert((until, Timer::LeaseElsewhere(key)));
        }
    }

    /// A worker process elsewhere says what it holds.
    pub(super) fn elsewhere_reports(&mut self, now: Now, running: &[Running], ended: Vec<Ended>) {
        for running in running {
            let key = running.key;
            if self.open_attempt(key.execution_id) == Some(key) {
                self.lease_elsewhere(now, key);
                self.attempt_started(running);
            }
        }
        for ended in ended {
            self.attempt_ended(now, ended);
        }
    }

    /// What a worker process elsewhere is to do with what it reported.
    #[must_use]
    pub fn verdicts(&self, now: Now, running: &[Running], ended: &[AttemptKey]) -> Verdicts {
        let is_open = |key: AttemptKey| self.open_attempt(key.execution_id) == Some(key);
        let cause = |key: AttemptKey| -> Option<StopCause> {
            let live = self.live.get(&key.execution_id).filter(|_| is_open(key));
            let Some(live) = live else { return Some(StopCause::Cancel) };
            let overdue = deadline_of(now, &live.execution, &live.definition);
            match overdue.is_some_and(|due| due <= now.monotonic) {
                _ if live.execution.cancelled_by.is_some() => Some(StopCause::Cancel),
                true => Some(StopCause::Deadline),
                false => None,
            }
        };
        let stop = running.iter().filter_map(|it| Some((it.key, cause(it.key)?))).collect();
        let forget = ended.iter().copied().filter(|key| !is_open(*key)).collect();
        Verdicts { stop, forget }
    }

    /// The lease of an attempt elsewhere may be over.
    pub(super) fn lease_elsewhere_over(&mut self, now: Now, due: Duration, key: AttemptKey) {
        let Some(until) = self.elsewhere.leases.get(&key).copied() else { return };
        let stalled = now.monotonic.saturating_sub(due) > STALLED;
        if until > now.monotonic || stalled {
            let again = if stalled { now.monotonic.saturating_add(LEASE) } else { until };
            self.elsewhere.leases.insert(key, again);
            self.timers.insert((again, Timer::LeaseElsewhere(key)));
            return;
        }
        self.elsewhere.forget(key);
        let live = self.live.get(&key.execution_id);
        let is_running = live.is_some_and(|it| it.execution.state.name() == StateName::Running);
        if !is_running || self.open_attempt(key.execution_id) != Some(key) {
            return;
        }
        let began = live.and_then(|live| live.execution.attempt()?.started_at()).is_some();
        if began {
            self.lost(now, key, LostCause::LeaseExpired);
        } else {
            self.reconcile(now, key.execution_id, &std::collections::HashSet::new());
        }
    }

    /// The same leases after the engine was rebuilt.
    pub(super) fn keep_elsewhere(&mut self, of: &Elsewhere) {
        self.elsewhere = of.clone();
        let timers = of.leases.iter().map(|(key, until)| (*until, Timer::LeaseElsewhere(*key)));
        self.timers.extend(timers);
    }
}
