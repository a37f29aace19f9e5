//! The scheduler itself: a pure state machine. All that decides (what fires, waits, runs, where, again, never) is one
//! deterministic function of (state, now, input), so that whole days of it can be replayed in a test.
//!
//! Owns every rule of SEMANTICS about firing, dependencies, attempts and the queue. Never asks the clock, never does
//! I/O, never waits, never fails: it can only refuse, and a refusal is a value.

mod acknowledge;
mod admission;
mod attempts;
mod cancel_retry;
mod clock_steps;
mod dependencies;
mod dispatch;
mod edits;
mod elsewhere;
mod firing;
mod forecast;
mod graph;
mod health;
mod ids;
mod input;
mod job;
mod load;
mod on_failures;
mod outbox;
mod pause;
mod queue;
mod requests;
mod run_with;
mod skip_next;
mod start;
#[cfg(test)]
mod tests;
mod why;
mod worker_overrides;
mod workers;
mod wrong;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crontower_model::{
    Actor, AttemptKey, EventKind, Execution, ExecutionId, Health, Job, JobId, JobSet, JobStatus,
    Now, ProblemCause, Reason, Retired, Settings, StateName, Summary, Worker, WorkerId,
};

pub use clock_steps::ClockWait;
pub use elsewhere::Verdicts;
pub use input::{Config, Effect, Expected, Holdings, Input, View, WorkerInput};
pub use requests::Answered;
pub use why::Past;

use clock_steps::ClockSteps;
use dispatch::Limits;
use elsewhere::Elsewhere;
use ids::IdSource;
use job::JobEntry;
use on_failures::OnFailures;
use outbox::Outbox;
use queue::Queue;
use workers::Workers;

/// So many of the dependencies that a chain waits for are shown with the job.
const WAITED_FOR_SHOWN: usize = 100;

/// A live execution and the definition it runs.
#[derive(Debug)]
struct Live {
    execution: Arc<Execution>,
    definition: Arc<Job>,
    /// Its timers: they go with it.
    timers: Vec<(Duration, Timer)>,
    /// Since when nothing but a slot holds it back.
    slot_since: Option<DateTime<Utc>>,
}

impl Live {
    const fn new(execution: Arc<Execution>, definition: Arc<Job>) -> Self {
        Self { execution, definition, timers: Vec::new(), slot_since: None }
    }
}

/// Something that is due on the monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A retry's delay is over.
    Retry(ExecutionId),
    /// An execution's deadline has come.
    Deadline(ExecutionId),
    /// An execution has waited for its dependencies as long as it may.
    DependencyTimeout(ExecutionId),
    /// An execution has waited for a slot for a minute more.
    LongWait(ExecutionId),
    /// An execution behind which fire times are skipped is ten minutes old.
    OverlapGrowsOld(ExecutionId),
    /// The next of several caught-up executions may be created.
    CatchUp(JobId),
    /// The lease of the local worker process has run out.
    Lease,
    /// The lease of an attempt that runs elsewhere has run out.
    LeaseElsewhere(AttemptKey),
}

/// When the engine wants to be asked again if nothing else happens: on either clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wakeup {
    /// At this instant of the wall clock.
    pub wall: Option<DateTime<Utc>>,
    /// At this instant of the monotonic clock.
    pub monotonic: Option<Duration>,
}

/// The scheduler. See the module's first lines.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    settings: Settings,
    jobs: BTreeMap<JobId, JobEntry>,
    /// Where jobs that are no longer defined stopped.
    retired: BTreeMap<JobId, Retired>,
    /// Their newest executions.
    gone_recent: BTreeMap<JobId, VecDeque<Summary>>,
    live: HashMap<ExecutionId, Live>,
    queue: Queue,
    workers: Workers,
    limits: Limits,
    /// Attempts in worker processes that this engine is not connected to.
    elsewhere: Elsewhere,
    on_failures: OnFailures,
    /// Next fire times, ends of pauses and of acknowledgements.
    agenda: BTreeSet<(DateTime<Utc>, JobId)>,
    timers: BTreeSet<(Duration, Timer)>,
    /// Executions created in this step whose dependencies are judged at its end.
    to_judge: Vec<ExecutionId>,
    /// By job: the executions that wait for it.
    awaited: BTreeMap<JobId, BTreeSet<ExecutionId>>,
    /// Executions asked for with their dependencies, one of which may have ended otherwise.
    unsatisfiable: Vec<ExecutionId>,
    ids: IdSource,
    seq: u64,
    /// Counts the ends of executions and the firings of chains: which came first is told by it, whatever the clock does.
    order: u64,
    /// What was reported from outside and makes the engine degraded.
    problems: BTreeMap<ProblemCause, String>,
    /// Why the store takes no commits, while that is so.
    down: Option<String>,
    /// The health that was shown last.
    shown_health: Health,
    /// Fire times up to here had no engine that ran at them.
    began: DateTime<Utc>,
    clock: ClockSteps,
    /// Nothing fires and nothing starts any more.
    halted: bool,
    out: Outbox,
}

impl Engine {
    /// Takes one input and says what should happen. Whatever is due by `now` happens first.
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        self.advance(now);
        match input {
            Input::Tick => {}
            Input::Worker(input) => self.worker_input(now, input),
            Input::Problem { cause, problem } => self.note_problem(cause, problem),
            Input::Halt { reason } => {
                self.halted = true;
                self.out.facts.push(EventKind::EngineStopping { reason });
            }
            Input::CancelRunning => {
                for id in self.running_executions() {
                    self.cancel(now, id, Actor::engine(), Reason::EngineStopping);
                }
            }
            Input::Ahead(ahead) => {
                self.correct(now, ahead);
                self.advance(now);
            }
        }
        self.settle(now);
        self.flush(now)
    }

    /// When time alone will change something.
    #[must_use]
    pub fn next_wakeup(&self) -> Wakeup {
        if self.halted {
            return Wakeup::default();
        }
        Wakeup {
            wall: [self.agenda.first().map(|(at, _)| *at), self.clock_wait().map(|it| it.until)]
                .into_iter()
                .flatten()
                .min(),
            monotonic: self.timers.first().map(|(at, _)| *at),
        }
    }

    /// What holds for the whole engine.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The `seq` of the newest event.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The job as others see it.
    #[must_use]
    pub fn job_status(&self, job: &str) -> Option<Arc<JobStatus>> {
        self.jobs.get(job).map(|entry| self.shown(entry))
    }

    /// All jobs as others see them, by id.
    #[must_use]
    pub fn job_statuses(&self) -> Vec<Arc<JobStatus>> {
        self.jobs.values().map(|entry| self.shown(entry)).collect()
    }

    /// All live executions, oldest first.
    #[must_use]
    pub fn live_executions(&self) -> Vec<Arc<Execution>> {
        let mut live: Vec<_> = self.live.values().map(|live| Arc::clone(&live.execution)).collect();
        live.sort_by_key(|execution| execution.id);
        live
    }

    /// A live execution.
    #[must_use]
    pub fn live_execution(&self, id: ExecutionId) -> Option<Arc<Execution>> {
        self.live.get(&id).map(|live| Arc::clone(&live.execution))
    }

    /// Whether any attempt is with a worker.
    #[must_use]
    pub fn has_running(&self) -> bool {
        self.live.values().any(|live| live.execution.state.name() == StateName::Running)
    }

    /// The longest time that a running command has between SIGTERM and SIGKILL.
    #[must_use]
    pub fn longest_kill_grace(&self) -> Duration {
        self.live.values().map(|live| live.definition.kill_grace).max().unwrap_or_default()
    }

    /// All workers, by id.
    #[must_use]
    pub fn worker_views(&self) -> Vec<Worker> {
        self.workers.views(&self.config)
    }

    /// The file jobs in force, as a set that a jobs file could be compared with.
    #[must_use]
    pub fn file_jobs(&self) -> JobSet {
        let from_file = |entry: &&JobEntry| entry.source == crontower_model::Source::File;
        JobSet {
            settings: self.settings.clone(),
            jobs: self
                .jobs
                .values()
                .filter(from_file)
                .map(|entry| Job::clone(&entry.definition))
                .collect(),
        }
    }

    /// The next fire times of a job after `from`, oldest first, at most `count`. One that is called off is not among them.
    #[must_use]
    pub fn fire_times(&self, job: &str, from: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        let Some(timetable) = self.jobs.get(job).and_then(|entry| entry.timetable.as_ref()) else {
            return Vec::new();
        };
        let called_off = self.jobs.get(job).and_then(JobEntry::called_off);
        let has_fired =
            |at: &DateTime<Utc>| self.jobs.get(job).is_some_and(|entry| entry.has_fired(*at));
        std::iter::successors(timetable.fire_time_after(from), |last| {
            timetable.fire_time_after(*last)
        })
        .filter(|at| Some(*at) != called_off && !has_fired(at))
        .take(count)
        .collect()
    }

    /// Lets happen what is due: ends of pauses, fire times, timers.
    fn advance(&mut self, now: Now) {
        self.out.actor = Actor::engine();
        if self.halted {
            return;
        }
        self.watch_clock(now);
        self.fire_due(now);
        while let Some((due, timer)) = self.timers.first().cloned() {
            if due > now.monotonic {
                break;
            }
            self.timers.pop_first();
            self.timer(now, due, timer);
        }
    }

    /// Has a timer of a live execution go off at `due`, in place of an earlier one of its kind.
    fn set_timer(&mut self, id: ExecutionId, due: Duration, timer: Timer) {
        let Some(live) = self.live.get_mut(&id) else { return };
        if let Some(place) = live.timers.iter().position(|(_, set)| *set == timer) {
            self.timers.remove(&live.timers.swap_remove(place));
        }
        live.timers.push((due, timer.clone()));
        self.timers.insert((due, timer));
    }

    /// Takes a timer of a live execution back.
    fn drop_timer(&mut self, id: ExecutionId, timer: &Timer) {
        let Some(live) = self.live.get_mut(&id) else { return };
        if let Some(place) = live.timers.iter().position(|(_, set)| set == timer) {
            self.timers.remove(&live.timers.swap_remove(place));
        }
    }

    fn timer(&mut self, now: Now, due: Duration, timer: Timer) {
        match timer {
            Timer::Retry(id) => self.retry_due(now, id),
            Timer::Deadline(id) => self.deadline_passed(now, id),
            Timer::DependencyTimeout(id) => self.dependency_timeout(now, id),
            Timer::LongWait(id) => self.long_wait(now, id),
            Timer::OverlapGrowsOld(id) => self.overlap_grows_old(id),
            Timer::CatchUp(job) => self.catch_up_due(now, &job),
            Timer::Lease => self.lease_over(now, due),
            Timer::LeaseElsewhere(key) => self.lease_elsewhere_over(now, due, key),
        }
    }

    /// Judges what was created in this step, then gives slots away.
    fn settle(&mut self, now: Now) {
        while !self.to_judge.is_empty() || !self.unsatisfiable.is_empty() {
            self.check_waiting(now);
            self.end_unsatisfiable(now);
        }
        if !self.halted {
            self.dispatch(now);
        }
        self.hand_out_notices();
    }

    fn worker_input(&mut self, now: Now, input: WorkerInput) {
        match input {
            WorkerInput::Up(holdings) => self.worker_up(now, holdings),
            WorkerInput::Down { reason } => self.worker_down(now, &reason),
            WorkerInput::Started(running) => {
                self.attempt_started(&running);
                // It may have been cancelled while it was about to start and no hello named it.
                self.stop_if_unwanted(running.key);
            }
            WorkerInput::CannotStop { key, since, reason, processes } => {
                self.cannot_stop(key, since, reason, processes);
            }
            WorkerInput::Gone(key) => self.group_gone(now, key),
            WorkerInput::Ended(ended) => self.attempt_ended(now, ended),
            WorkerInput::Heartbeat => self.heartbeat(now),
            WorkerInput::Elsewhere { running, ended } => {
                self.elsewhere_reports(now, &running, ended);
            }
        }
    }

    fn shown(&self, entry: &JobEntry) -> Arc<JobStatus> {
        entry.shown.clone().unwrap_or_else(|| self.status_of(entry))
    }

    /// A job that looks otherwise than it was shown last.
    #[cfg(test)]
    fn shown_wrongly(&self) -> Option<&JobId> {
        let wrong = |entry: &JobEntry| entry.shown.as_ref() != Some(&self.status_of(entry));
        self.jobs.iter().find(|(_, entry)| wrong(entry)).map(|(job, _)| job)
    }

    /// The job as it is at this moment of a step.
    fn status_of(&self, entry: &JobEntry) -> Arc<JobStatus> {
        let newest_live = entry.newest_live().and_then(|id| self.live.get(&id));
        let newest_live = newest_live.map(|live| live.execution.summary());
        Arc::new(entry.status(newest_live, Self::chain_waits_for(entry, WAITED_FOR_SHOWN)))
    }

    fn worker_of(&self, id: ExecutionId) -> Option<&WorkerId> {
        self.live.get(&id).and_then(|live| live.execution.worker_id())
    }
}
