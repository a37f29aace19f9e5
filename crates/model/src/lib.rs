//! The words of crontower as types: jobs, executions, attempts, workers, events and the policies between them.
//!
//! Owns what a thing *is* and the invariants it can check alone. Never does I/O, never asks the clock, never decides
//! what happens next: that is the engine's.

mod attempt;
mod dependency_graph;
mod event;
mod execution;
mod exit_code;
mod health;
mod id;
mod job;
mod kept;
mod keys;
mod now;
mod output;
mod passwd;
mod plan;
mod query;
mod reason;
mod refusal;
mod retry;
mod role;
mod settings;
mod standing;
pub mod text;
mod timing;
mod why;
mod worker;
mod wrong;

pub use attempt::{
    Assignment, AttemptKey, Ended, Failure, ON_FAILURE, Running, StopCause, StuckProcess,
};
pub use dependency_graph::{DependencyFault, DependencyNode, check_dependencies};
pub use event::{Actor, Event, EventKind, Severity};
pub use execution::{
    Attempt, AttemptProgress, Execution, ExecutionState, Outcome, StateName, Summary, Transition,
    Trigger,
};
pub use exit_code::{describe_exit_code, says_only_exit_code};
pub use health::{Health, ProblemCause};
pub use id::{ExecutionId, InvalidId, JobId, WorkerId};
pub use job::{
    CalendarRule, CatchUp, Condition, Dependency, EnvValue, Job, JobCommand, OnFailure, Overlap,
    Priority, RunArgs, WorkerSelector,
};
pub use kept::{Ahead, BOOT_ID, Change, Image, RECENT, Retired};
pub use keys::{JsonType, KEYS, Key, Scope, keys_of};
pub use now::Now;
pub use output::{OutputChunk, OutputLine, Stream};
pub use passwd::{PasswdEntry, passwd_entries};
pub use plan::{FieldChange, JobChange, Plan};
pub use query::{ExecutionQuery, Page};
pub use reason::{
    Awaited, AwaitedState, DependencyFate, LostCause, Reason, Stopping, Unavailable, stuck,
};
pub use refusal::{Problem, Refusal};
pub use retry::{NamedCause, Retry, RetryCause};
pub use role::Role;
pub use settings::{Calendar, JobSet, OnStop, Pool, Retention, Settings};
pub use standing::{
    Acknowledgement, FiredSpan, JobRecord, JobState, JobStatus, JobVersion, LedgerFate,
    LedgerRange, Pause, SkipNext, Source,
};
pub use why::Why;
pub use worker::{Drain, Worker, WorkerOverrides, WorkerState};
pub use wrong::{OverlapSkips, Wrong, WrongFact, WrongKind};
