//! What goes into the engine and what comes out: facts in, effects out, all of it plain data.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crontower_model::{
    Ahead, Assignment, AttemptKey, Change, Ended, Health, Job, JobId, JobStatus, Pool,
    ProblemCause, Running, StopCause, StuckProcess, Worker, WorkerId,
};

/// What the engine is told. It learns of nothing else.
#[derive(Debug, Clone)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The local worker process says or shows something.
    Worker(WorkerInput),
    /// What [`Effect::FindAhead`] asked for.
    Ahead(Ahead),
    /// Something beside workers makes the engine degraded, or no longer does.
    Problem {
        /// What.
        cause: ProblemCause,
        /// A sentence; `None` = it is as it should be.
        problem: Option<String>,
    },
    /// Fire and start nothing more: the engine is ending.
    Halt {
        /// By what.
        reason: String,
    },
    /// Cancel all that is with workers.
    CancelRunning,
}

/// What must hold for a definition to be put in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// There is no such job yet.
    Absent,
    /// There is one, whatever its version.
    Present,
    /// There is one, of this version.
    Version(u32),
}

/// What the local worker process says or shows.
#[derive(Debug, Clone)]
pub enum WorkerInput {
    /// It is connected, and this is what it holds.
    Up(Holdings),
    /// The connection is gone.
    Down {
        /// Why, for people.
        reason: String,
    },
    /// An attempt has started.
    Started(Running),
    /// An attempt is over.
    Ended(Ended),
    /// An attempt is being ended, and processes of it do not end.
    CannotStop {
        /// Which.
        key: AttemptKey,
        /// Since when.
        since: DateTime<Utc>,
        /// Why it is being ended, for people.
        reason: String,
        /// The processes.
        processes: Vec<StuckProcess>,
    },
    /// Nothing is left of an attempt that [`Effect::EndGroup`] named.
    Gone(AttemptKey),
    /// A sign of life.
    Heartbeat,
    /// A worker process of another scheduler, which led before, says what it holds of that time.
    Elsewhere {
        /// Attempts that run.
        running: Vec<Running>,
        /// Attempts whose end was never committed.
        ended: Vec<Ended>,
    },
}

/// What a worker process holds when it connects.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// The host name of its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// Version of its program.
    pub program: String,
    /// Attempts that run.
    pub running: Vec<Running>,
    /// Attempts whose end was never committed.
    pub ended: Vec<Ended>,
}

/// What the engine wants done, in this order; saves before all else.
#[derive(Debug, Clone)]
#[must_use]
pub enum Effect {
    /// Keep this.
    Save(Change),
    /// Show this to whoever watches, once it is kept.
    Show(View),
    /// Hand an attempt to the worker process.
    Start(Box<Assignment>),
    /// End an attempt.
    Stop {
        /// Which.
        key: AttemptKey,
        /// Why.
        cause: StopCause,
    },
    /// Give up an attempt whose processes do not end.
    Abandon(AttemptKey),
    /// The worker's claim on this attempt is over: end what is left of its processes, and say when nothing is
    /// ([`WorkerInput::Gone`]), for what comes after it must not run beside it.
    EndGroup(AttemptKey),
    /// The end of this attempt is known: the worker may forget it.
    Forget(AttemptKey),
    /// Find what the store holds beyond an instant, after what is to be kept is kept: the clock was set back.
    FindAhead {
        /// The instant.
        after: DateTime<Utc>,
        /// Of these jobs.
        jobs: Vec<JobId>,
    },
    /// Tell the worker process which pools it hosts, with how many slots.
    Configure(Vec<Pool>),
}

/// Something that others see and that is not itself kept.
#[derive(Debug, Clone)]
pub enum View {
    /// A job as it is now.
    Job(Arc<JobStatus>),
    /// A job went.
    JobRemoved(JobId),
    /// A worker as it is now.
    Worker(Box<Worker>),
    /// A worker went.
    WorkerRemoved(WorkerId),
    /// How the engine is from now on.
    Health(Health),
}

/// What the engine must know about where it runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Host name of the machine.
    pub host: String,
    /// Cores of the machine: the pool `local`, where the file names no workers, goes by them.
    pub cores: u32,
    /// Zone of jobs that name none.
    pub system_zone: Tz,
    /// Seed of the ids that the engine makes.
    pub seed: u64,
    /// Boot id of the machine.
    pub boot_id: String,
    /// Version of the program.
    pub version: String,
    /// Commands that run inside the engine's process: they end with it, not with the worker process.
    pub own_commands: BTreeSet<String>,
}

impl Config {
    /// Whether a job's command runs inside the engine's process.
    pub(super) fn runs_itself(&self, job: &Job) -> bool {
        self.own_commands.contains(job.command.name())
    }
}
