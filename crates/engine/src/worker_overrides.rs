//! What operators order of a worker at run time: take nothing more, have so many slots. Kept over restarts, beside what
//! jobs.yaml says.

use super::workers::PoolEntry;
use super::{Answer, Engine};
use crontower_model::{Change, Drain, EventKind, Now, Refusal, WorkerId, WorkerOverrides};

/// The most slots that jobs.yaml takes, too.
const MOST_SLOTS: u32 = 10_000;

impl Engine {
    /// A worker takes no more. One that is drained already stays as it is.
    pub(super) fn drain(
        &mut self,
        now: Now,
        worker: &WorkerId,
        reason: Option<String>,
    ) -> Result<Answer, Refusal> {
        let by = self.out.actor.clone();
        let entry = self.in_file(worker)?;
        if entry.overrides.drained.is_none() {
            let why = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            let described = format!("is drained by {by}{why}");
            entry.overrides.drained = Some(Drain { at: now.wall, by, reason });
            self.ordered(worker, described);
        }
        self.worker_answer(worker)
    }

    /// A worker takes attempts again.
    pub(super) fn undrain(&mut self, worker: &WorkerId) -> Result<Answer, Refusal> {
        let by = self.out.actor.clone();
        if self.in_file(worker)?.overrides.drained.take().is_some() {
            self.ordered(worker, format!("takes attempts again, asked for by {by}"));
        }
        self.worker_answer(worker)
    }

    /// How many slots a worker has from now on. Where more run, they go on.
    pub(super) fn set_capacity(
        &mut self,
        worker: &WorkerId,
        capacity: Option<u32>,
    ) -> Result<Answer, Refusal> {
        let by = self.out.actor.clone();
        let entry = self.in_file(worker)?;
        let of_file = entry.pool.capacity;
        match capacity {
            Some(0) => {
                let message = format!(
                    "a worker has at least one slot: drain `{worker}` to have it take nothing more"
                );
                return Err(Refusal::NotPossible(message));
            }
            Some(slots) if slots > MOST_SLOTS => {
                let message =
                    format!("{slots} slots are too many: a worker has at most {MOST_SLOTS}");
                return Err(Refusal::NotPossible(message));
            }
            _ => {}
        }
        // What the file says anyway is no order.
        let capacity = capacity.filter(|slots| *slots != of_file);
        let before = std::mem::replace(&mut entry.overrides.capacity, capacity);
        entry.overrides.file_capacity = capacity.map(|_| of_file);
        if before != capacity {
            let from = before.unwrap_or(of_file);
            let described = match capacity {
                Some(slots) => format!("has capacity {slots} instead of {from}, ordered by {by}"),
                None => format!("has capacity {of_file} as jobs.yaml says, asked for by {by}"),
            };
            self.ordered(worker, described);
            self.tell_pools();
        }
        self.worker_answer(worker)
    }

    /// After jobs.yaml was put in force: orders end where it has a new number, or the worker no more.
    pub(super) fn check_overrides(&mut self) {
        let is_over = |entry: &&mut PoolEntry| {
            let overrides = &entry.overrides;
            !entry.leaving
                && overrides.capacity.is_some()
                && overrides.file_capacity.is_some_and(|was| was != entry.pool.capacity)
        };
        let over: Vec<(WorkerId, u32)> = self
            .workers
            .pools
            .values_mut()
            .filter(is_over)
            .map(|entry| {
                (entry.overrides.capacity, entry.overrides.file_capacity) = (None, None);
                (entry.pool.id.clone(), entry.pool.capacity)
            })
            .collect();
        for (worker, slots) in over {
            let described = format!(
                "has capacity {slots}: jobs.yaml says another number than when one was ordered"
            );
            self.ordered(&worker, described);
        }
        for worker in self.overrides_without_worker() {
            self.out.changes.push(Change::Worker(WorkerOverrides::none(worker)));
        }
    }

    fn in_file(&mut self, worker: &WorkerId) -> Result<&mut PoolEntry, Refusal> {
        match self.workers.pools.get_mut(worker) {
            None => Err(Refusal::UnknownWorker { worker: worker.clone() }),
            Some(entry) if entry.leaving => {
                let message = format!(
                    "worker `{worker}` is no longer in jobs.yaml: it goes when what it runs has ended"
                );
                Err(Refusal::NotPossible(message))
            }
            Some(entry) => Ok(entry),
        }
    }

    /// Has the orders of a worker kept, and what happened to it told.
    fn ordered(&mut self, worker: &WorkerId, reason: String) {
        let Some(entry) = self.workers.pools.get(worker) else { return };
        self.out.changes.push(Change::Worker(entry.overrides.clone()));
        self.out.facts.push(EventKind::WorkerChanged { worker_id: worker.clone(), reason });
        self.out.shown_workers.insert(worker.clone());
    }

    fn worker_answer(&self, worker: &WorkerId) -> Result<Answer, Refusal> {
        let view = self.workers.view(&self.config, worker);
        view.map(|view| Answer::Worker(Box::new(view))).ok_or(Refusal::Stopping)
    }
}
