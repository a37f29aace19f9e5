//! What is known of the engine: a snapshot, kept up to date by batches.
//!
//! Owns the one copy of jobs, live executions and workers on this side. Never knows what is
//! selected or shown.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::driver::{Batch, EngineInfo, Snapshot};
use crate::model::{
    Execution, ExecutionId, Health, JobId, JobStatus, Role, StateName, Summary, Worker, WorkerId,
    WrongKind,
};

/// Where a job stands, as one word: the first that applies, from the most pressing down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum JobCondition {
    /// It has a live execution; this is the furthest state of them.
    Live(StateName),
    /// It is wrong, in this way.
    Wrong(WrongKind),
    /// It is wrong, and someone has acknowledged that.
    Acknowledged,
    /// An operator has paused it.
    Paused,
    /// Its newest result is neither a success nor a failure: it was cancelled, or it never ran.
    Ended(StateName),
    /// Its newest result is a success.
    Ok,
    /// It has never run.
    New,
    /// Its definition says `enabled: false`.
    Disabled,
}

/// Numbers for the header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Jobs that are wrong and that nobody has acknowledged.
    pub(crate) wrong: usize,
    /// Executions that run.
    pub(crate) running: usize,
    /// Executions that wait for a slot, a retry or a dependency.
    pub(crate) queued: usize,
    /// Jobs whose schedule is paused.
    pub(crate) paused: usize,
    /// The nearest fire time of all jobs.
    pub(crate) next: Option<DateTime<Utc>>,
}

/// What a batch changed, as far as lists care.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// A job came, went, or has another definition.
    pub(crate) job_set: bool,
    /// A job came, went or changed.
    pub(crate) jobs: bool,
    /// An execution came or changed.
    pub(crate) executions: bool,
}

/// What is known of the engine.
#[derive(Debug)]
pub(crate) struct World {
    seq: u64,
    /// By id.
    jobs: Vec<Arc<JobStatus>>,
    index: HashMap<JobId, usize>,
    /// The jobs that wait for each, as places in `jobs`.
    dependents: HashMap<JobId, Vec<usize>>,
    live: BTreeMap<ExecutionId, Arc<Execution>>,
    live_of: HashMap<JobId, LiveOf>,
    workers: BTreeMap<WorkerId, Worker>,
    /// How the engine is.
    pub(crate) health: Health,
    /// The engine itself.
    pub(crate) engine: EngineInfo,
    /// The role of the user.
    pub(crate) role: Role,
}

/// The live executions of a job: there may be a hundred thousand of them.
#[derive(Debug, Default)]
struct LiveOf {
    /// The oldest first.
    ids: BTreeSet<ExecutionId>,
    /// How many are in each state; none is 0.
    counts: BTreeMap<StateName, usize>,
}

impl LiveOf {
    fn count(&self, state: StateName) -> usize {
        self.counts.get(&state).copied().unwrap_or(0)
    }

    fn enter(&mut self, id: ExecutionId, state: StateName) {
        self.ids.insert(id);
        *self.counts.entry(state).or_default() += 1;
    }

    fn leave(&mut self, id: ExecutionId, state: StateName) {
        self.ids.remove(&id);
        if let Some(count) = self.counts.get_mut(&state) {
            *count -= 1;
        }
        self.counts.retain(|_, count| *count > 0);
    }
}

impl World {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        let mut jobs = snapshot.jobs;
        jobs.sort_by(|a, b| a.definition.id.cmp(&b.definition.id));
        let mut world = Self {
            seq: snapshot.seq,
            jobs,
            index: HashMap::new(),
            dependents: HashMap::new(),
            live: BTreeMap::new(),
            live_of: HashMap::new(),
            workers: snapshot
                .workers
                .into_iter()
                .map(|worker| (worker.id.clone(), worker))
                .collect(),
            health: snapshot.health,
            engine: snapshot.engine,
            role: snapshot.role,
        };
        world.build_index();
        for execution in snapshot.live {
            world.put_execution(&execution);
        }
        world
    }

    /// Takes in a batch; `None` when the snapshot held it already.
    pub(crate) fn apply(&mut self, batch: &Batch) -> Option<Changes> {
        // A batch without events (heartbeats) carries the seq that is known already.
        if batch.seq < self.seq || (batch.seq == self.seq && !batch.events.is_empty()) {
            return None;
        }
        self.seq = batch.seq;
        let known = self.jobs.len();
        let mut changes = Changes {
            job_set: false,
            jobs: !batch.jobs.is_empty() || !batch.removed_jobs.is_empty(),
            executions: !batch.executions.is_empty(),
        };
        changes.job_set = self.apply_jobs(batch);
        changes.job_set |= self.jobs.len() != known || !batch.removed_jobs.is_empty();
        for execution in &batch.executions {
            self.put_execution(execution);
        }
        for worker in &batch.workers {
            self.workers.insert(worker.id.clone(), worker.clone());
        }
        for id in &batch.removed_workers {
            self.workers.remove(id);
        }
        Some(changes)
    }

    /// Answers whether a job has another definition now.
    fn apply_jobs(&mut self, batch: &Batch) -> bool {
        let mut redefined = false;
        let before = self.jobs.len();
        for job in &batch.jobs {
            match self.index.get(&job.definition.id) {
                Some(&at) if at < before => {
                    // A fire time that is called off widens its column.
                    redefined |= self.jobs[at].version != job.version
                        || self.jobs[at].skip_next.is_some() != job.skip_next.is_some();
                    self.jobs[at] = Arc::clone(job);
                }
                _ => self.jobs.push(Arc::clone(job)),
            }
        }
        let gone = |job: &Arc<JobStatus>| batch.removed_jobs.contains(&job.definition.id);
        if self.jobs.len() > before || !batch.removed_jobs.is_empty() {
            self.jobs.retain(|job| !gone(job));
            self.jobs.sort_by(|a, b| a.definition.id.cmp(&b.definition.id));
            self.build_index();
        } else if redefined {
            self.find_dependents();
        }
        redefined
    }

    fn build_index(&mut self) {
        let ids = self.jobs.iter().map(|job| job.definition.id.clone());
        self.index = ids.zip(0..).collect();
        self.find_dependents();
    }

    fn find_dependents(&mut self) {
        self.dependents.clear();
        for (at, job) in self.jobs.iter().enumerate() {
            for dependency in &job.definition.dependencies {
                self.dependents.entry(dependency.job.clone()).or_default().push(at);
            }
        }
    }

    /// The jobs that wait for this one, by id.
    pub(crate) fn dependents(&self, job: &JobId) -> impl Iterator<Item = &JobStatus> {
        let places = self.dependents.get(job).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|at| self.jobs.get(*at)).map(AsRef::as_ref)
    }

    fn put_execution(&mut self, execution: &Arc<Execution>) {
        let id = execution.id;
        let before = if execution.state.is_final() {
            self.live.remove(&id)
        } else {
            self.live.insert(id, Arc::clone(execution))
        };
        if let Some(before) = before
            && let Some(of_job) = self.live_of.get_mut(&before.job_id)
        {
            of_job.leave(id, before.state.name());
            if of_job.ids.is_empty() {
                self.live_of.remove(&before.job_id);
            }
        }
        if !execution.state.is_final() {
            let of_job = self.live_of.entry(execution.job_id.clone()).or_default();
            of_job.enter(id, execution.state.name());
        }
    }

    /// All jobs, by id.
    pub(crate) fn jobs(&self) -> &[Arc<JobStatus>] {
        &self.jobs
    }

    pub(crate) fn job(&self, id: &JobId) -> Option<&Arc<JobStatus>> {
        self.jobs.get(*self.index.get(id)?)
    }

    /// All workers, by id.
    pub(crate) fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.workers.values()
    }

    pub(crate) fn worker(&self, id: &WorkerId) -> Option<&Worker> {
        self.workers.get(id)
    }

    pub(crate) fn worker_count(&self) -> usize {
        self.workers.len()
    }

    pub(crate) fn live_execution(&self, id: ExecutionId) -> Option<&Arc<Execution>> {
        self.live.get(&id)
    }

    /// The live executions of a job, oldest first.
    pub(crate) fn live_of(&self, job: &JobId) -> impl DoubleEndedIterator<Item = &Arc<Execution>> {
        let ids = self.live_of.get(job).into_iter().flat_map(|it| it.ids.iter());
        ids.filter_map(|id| self.live.get(id))
    }

    /// How many live executions of a job are in that state.
    pub(crate) fn count_of(&self, job: &JobId, state: StateName) -> usize {
        self.live_of.get(job).map_or(0, |it| it.count(state))
    }

    /// Where a job stands.
    pub(crate) fn condition(&self, job: &JobStatus) -> JobCondition {
        let states = self.live_of.get(&job.definition.id).into_iter();
        let states = states.flat_map(|it| it.counts.keys().copied());
        let furthest = states.max_by_key(|it| match it {
            StateName::Running => 3,
            StateName::Retrying => 2,
            StateName::Queued => 1,
            _ => 0,
        });
        if let Some(state) = furthest {
            return JobCondition::Live(state);
        }
        if !job.definition.enabled {
            return JobCondition::Disabled;
        }
        if job.paused.is_some() {
            return JobCondition::Paused;
        }
        if job.acknowledged.is_some() {
            return JobCondition::Acknowledged;
        }
        if let Some(wrong) = &job.wrong {
            return JobCondition::Wrong(wrong.kind);
        }
        match last_result(job) {
            Some(summary) if summary.state == StateName::Succeeded => JobCondition::Ok,
            Some(summary) => JobCondition::Ended(summary.state),
            // What was skipped only counts where nothing else ever came of the job.
            None => match job.last_execution.as_ref().or(job.recent.last()) {
                Some(skipped) if skipped.state.is_final() => JobCondition::Ended(skipped.state),
                _ => JobCondition::New,
            },
        }
    }

    /// Whether the newest result of a job is a failure, whatever else it is doing.
    pub(crate) fn has_failed(job: &JobStatus) -> bool {
        last_result(job).is_some_and(|summary| summary.state.is_failure())
    }

    /// Numbers for the header.
    pub(crate) fn totals(&self) -> Totals {
        let running = self.live_of.values().map(|it| it.count(StateName::Running)).sum();
        Totals {
            wrong: self.jobs.iter().filter(|job| job.wrong.is_some()).count(),
            running,
            queued: self.live.len() - running,
            paused: self.jobs.iter().filter(|job| job.paused.is_some()).count(),
            next: self.jobs.iter().filter_map(|job| job.next_fire_time).min(),
        }
    }
}

/// The newest final execution of a job that was not skipped.
pub(crate) fn last_result(job: &JobStatus) -> Option<&Summary> {
    job.recent
        .iter()
        .rev()
        .chain(job.last_execution.as_ref())
        .find(|summary| summary.state.is_final() && summary.state != StateName::Skipped)
}
