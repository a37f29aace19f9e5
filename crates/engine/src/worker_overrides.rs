//! What operators order of a worker at run time: take nothing more, have so many slots. Kept over restarts, beside what
//! jobs.yaml says.

use super::Engine;
use super::workers::PoolEntry;
use crontower_control::{
    Authorized, DeleteWorker, DrainWorker, Handles, SetWorkerCapacity, UndrainWorker,
};
use crontower_model::{Change, Drain, EventKind, Now, Refusal, Worker, WorkerId, WorkerOverrides};

impl Handles<DrainWorker> for Engine {
    /// A worker takes no more. One that is drained already stays as it is.
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<DrainWorker>,
        (): (),
    ) -> Result<Worker, Refusal> {
        let (by, DrainWorker { id, reason }) = call.into_parts();
        let worker = self.named_worker(&id)?;
        let entry = self.in_file(&worker)?;
        if entry.overrides.drained.is_none() {
            let why = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            let described = format!("is drained by {by}{why}");
            entry.overrides.drained = Some(Drain { at: now.wall, by, reason });
            self.changed_override(&worker, described);
        }
        self.worker_answer(&worker)
    }
}

impl Handles<UndrainWorker> for Engine {
    /// A worker takes attempts again.
    fn carry_out(
        &mut self,
        _: Now,
        call: Authorized<UndrainWorker>,
        (): (),
    ) -> Result<Worker, Refusal> {
        let (by, UndrainWorker { id, reason }) = call.into_parts();
        let worker = self.named_worker(&id)?;
        if self.in_file(&worker)?.overrides.drained.take().is_some() {
            let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            self.changed_override(&worker, format!("takes attempts again, requested by {by}{why}"));
        }
        self.worker_answer(&worker)
    }
}

impl Handles<SetWorkerCapacity> for Engine {
    /// How many slots a worker has from now on. Where more run, they go on.
    fn carry_out(
        &mut self,
        _: Now,
        call: Authorized<SetWorkerCapacity>,
        (): (),
    ) -> Result<Worker, Refusal> {
        let (by, SetWorkerCapacity { id, capacity }) = call.into_parts();
        let worker = self.named_worker(&id)?;
        let entry = self.in_file(&worker)?;
        let of_file = entry.pool.capacity;
        // What the file says anyway overrides nothing.
        let capacity = capacity.filter(|slots| *slots != of_file);
        let before = std::mem::replace(&mut entry.overrides.capacity, capacity);
        entry.overrides.file_capacity = capacity.map(|_| of_file);
        if before != capacity {
            let from = before.unwrap_or(of_file);
            let described = match capacity {
                Some(slots) => format!("has capacity {slots} instead of {from}, set by {by}"),
                None => format!("has capacity {of_file} as jobs.yaml says, requested by {by}"),
            };
            self.changed_override(&worker, described);
        }
        self.out.slots_changed = true;
        self.worker_answer(&worker)
    }
}

impl Handles<DeleteWorker> for Engine {
    /// Removes a worker that is gone for good.
    fn carry_out(&mut self, _: Now, call: Authorized<DeleteWorker>, (): ()) -> Result<(), Refusal> {
        let worker = self.named_worker(&call.command().id)?;
        let refuse = |why: &str| Err(Refusal::NotPossible(format!("worker `{worker}` {why}")));
        let Some(entry) = self.workers.pools.get(&worker) else { return Err(Refusal::Stopping) };
        if !entry.leaving {
            return refuse(
                "is a pool of jobs.yaml: take it out of `workers` there and reload, or drain it",
            );
        }
        if !entry.running.is_empty() {
            return refuse("still runs attempts: it is removed by itself once they have ended");
        }
        if self.workers.is_connected() {
            return refuse("is online: it is removed by itself once it runs nothing");
        }
        self.workers.pools.remove(&worker);
        self.out.removed_workers.push(worker);
        Ok(())
    }
}

impl Engine {
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
            self.changed_override(&worker, described);
        }
        for worker in self.overrides_without_worker() {
            self.out.changes.push(Change::Worker(WorkerOverrides::none(worker)));
        }
    }

    fn in_file(&mut self, worker: &WorkerId) -> Result<&mut PoolEntry, Refusal> {
        match self.workers.pools.get_mut(worker) {
            None => Err(Refusal::UnknownWorker { worker: worker.to_string() }),
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
    fn changed_override(&mut self, worker: &WorkerId, reason: String) {
        let Some(entry) = self.workers.pools.get(worker) else { return };
        self.out.changes.push(Change::Worker(entry.overrides.clone()));
        self.out.facts.push(EventKind::WorkerChanged { worker_id: worker.clone(), reason });
        self.out.shown_workers.insert(worker.clone());
    }

    fn worker_answer(&self, worker: &WorkerId) -> Result<Worker, Refusal> {
        self.workers.view(&self.config, worker).ok_or(Refusal::Stopping)
    }
}
