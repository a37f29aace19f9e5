//! What goes into the engine and what comes out: facts and wishes in, effects out, all of it plain data.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crontower_model::{
    Actor, Assignment, AttemptKey, Change, Ended, Execution, ExecutionId, Health, Job, JobId,
    JobSet, JobStatus, Pool, ProblemCause, Refusal, Running, StopCause, Worker, WorkerId,
};

/// Names a request, so that its answer finds the way back.
pub type Ticket = u64;

/// What the engine is told. It learns of nothing else.
#[derive(Debug, Clone)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// Someone asks for something.
    Request {
        /// Where the answer goes.
        ticket: Ticket,
        /// Who asks.
        actor: Actor,
        /// For what.
        request: Request,
    },
    /// The local worker process says or shows something.
    Worker(WorkerInput),
    /// Something beside workers makes the engine degraded, or no longer does.
    Problem {
        /// What.
        cause: ProblemCause,
        /// A sentence; `None` = it is as it should be.
        problem: Option<String>,
    },
}

/// What people and programs ask for.
#[derive(Debug, Clone)]
pub enum Request {
    /// Put this set of file jobs in force.
    Apply(Box<JobSet>),
    /// Create an execution now.
    Run {
        /// Of this job.
        job: JobId,
        /// Arguments for a script.
        args: Vec<String>,
        /// Pass `overlap`.
        force: bool,
        /// Run those of its dependencies that are not fresh first.
        with_dependencies: bool,
        /// Why.
        reason: Option<String>,
    },
    /// End a live execution.
    Cancel(ExecutionId),
    /// Run a final execution again.
    Retry(Arc<Execution>),
    /// Stop a schedule.
    Pause {
        /// Of this job.
        job: JobId,
        /// Until when.
        until: Option<DateTime<Utc>>,
        /// Why.
        reason: Option<String>,
    },
    /// End a pause.
    Resume(JobId),
    /// Call off the next fire time, or let it fire after all.
    SkipNext {
        /// Of this job.
        job: JobId,
        /// Let it fire after all.
        undo: bool,
    },
    /// Note that what is wrong with a job was seen, or take the note back.
    AcknowledgeJob {
        /// The job.
        job: JobId,
        /// In words, and when the note ends; `None` = take it back.
        note: Option<(Option<String>, Option<DateTime<Utc>>)>,
    },
    /// Note that a failure was seen, or take the note back.
    Acknowledge {
        /// The failed execution.
        execution: Arc<Execution>,
        /// In words, and when the note ends; `None` = take it back.
        note: Option<(Option<String>, Option<DateTime<Utc>>)>,
    },
    /// Put a job of a program in force: new, or in place of its definition.
    Put {
        /// The definition, judged.
        job: Box<Job>,
        /// What must hold.
        expected: Expected,
    },
    /// Remove a job of a program.
    Delete {
        /// Which.
        job: JobId,
        /// The version that it must have.
        if_version: Option<u32>,
    },
    /// A worker takes no more, or takes attempts again.
    Drain {
        /// Which.
        worker: WorkerId,
        /// It takes no more.
        drain: bool,
        /// Why.
        reason: Option<String>,
    },
    /// Slots of a worker from now on.
    SetCapacity {
        /// Which.
        worker: WorkerId,
        /// How many; `None` = as jobs.yaml says.
        capacity: Option<u32>,
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
    /// A sign of life.
    Heartbeat,
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
    /// Tell the worker process which pools it hosts.
    Configure(Vec<Pool>),
    /// The end of this attempt is known: the worker may forget it.
    Forget(AttemptKey),
    /// Answer a request, once what it did is kept.
    Answer {
        /// Which request.
        ticket: Ticket,
        /// The answer.
        answer: Result<Answer, Refusal>,
    },
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

/// The answer to a request that was carried out.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The execution it made or changed.
    Execution(Arc<Execution>),
    /// The job it changed.
    Job(Arc<JobStatus>),
    /// The worker it changed.
    Worker(Box<Worker>),
    /// Nothing more to say.
    Done,
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
