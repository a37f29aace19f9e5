//! Why an execution is in its state, and why an attempt is being stopped: values that code can compare, with the
//! sentences that people read in [`sentence`].
//!
//! Owns the codes and their details, and how both travel in JSON: `reason` (the sentence), `reason_code` (a stable name)
//! and `reason_details` (what the sentence is made of; left out where there is nothing). A code that this version does not
//! know, and a sentence that an earlier version stored without a code, are read as [`Reason::Text`]. Never knows who asks.

mod sentence;
mod stored;
#[cfg(test)]
mod tests;

pub use sentence::stuck;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Actor, ExecutionId, JobId, StateName, StuckProcess, WorkerId, text};

/// The code of [`Reason::Text`].
const OTHER: &str = "other";

/// Why an execution is in its state, or why an attempt is being stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    remote = "Self",
    tag = "reason_code",
    content = "reason_details",
    rename_all = "snake_case"
)]
pub enum Reason {
    /// A sentence without a known code (`other`): of an earlier version, or of a later one.
    #[serde(skip)]
    Text(String),
    /// The schedule named this instant.
    Scheduled {
        /// Whole seconds between the fire time and the creation.
        late_seconds: u64,
    },
    /// The fire time was missed and is caught up.
    CaughtUp {
        /// Whole seconds between the fire time and the creation.
        late_seconds: u64,
    },
    /// The machine was booted.
    Booted,
    /// Someone asked for a run.
    Requested {
        /// Who.
        by: Actor,
        /// Why, in their words.
        note: Option<String>,
    },
    /// Someone asked for a run of a job that depends on this one, with its dependencies.
    RequestedForDependent {
        /// The job that was asked for.
        job: JobId,
        /// Who asked.
        by: Actor,
    },
    /// Someone asked for another run of a final execution.
    RetryRequested {
        /// The final execution.
        execution: ExecutionId,
        /// Who asked.
        by: Actor,
    },
    /// All dependencies of a job without a schedule have ended with the result that it asks for.
    DependenciesEnded,
    /// `overlap: skip`, and another execution of the job is live.
    OverlapSkip {
        /// The live one, where one is past its queue of the job.
        execution: Option<ExecutionId>,
        /// Its state.
        state: StateName,
    },
    /// `overlap: queue`, and one execution waits already.
    OverlapQueueFull,
    /// `overlap: replace`, and a newer execution takes its place.
    Replaced {
        /// The newer one.
        execution: ExecutionId,
    },
    /// Dependencies are not met yet.
    WaitingFor {
        /// Which, the first of them.
        dependencies: Vec<Awaited>,
        /// How many there are beside these.
        more: usize,
    },
    /// All dependencies are met.
    DependenciesMet,
    /// `dependency_timeout` has passed.
    DependencyTimeout {
        /// What it waited for.
        waiting: Box<Self>,
    },
    /// The job's next fire time came while this one waited for dependencies.
    Superseded {
        /// That fire time.
        fire_time: DateTime<Utc>,
    },
    /// It was asked for with its dependencies, and one of them can no longer be met.
    DependencyFailed {
        /// The dependency.
        job: JobId,
        /// The job whose end is the cause: the dependency itself, or one that it waits for.
        cause: JobId,
        /// What became of that job.
        fate: DependencyFate,
    },
    /// It waits for the end of an execution of the same job.
    BehindExecution {
        /// The one before it.
        execution: Option<ExecutionId>,
    },
    /// The execution of the same job before it has ended.
    ItsTurn,
    /// A retry's delay has passed.
    RetryQueued {
        /// The number of the attempt to come.
        attempt: u32,
    },
    /// No worker that it may use takes it.
    NoSlot(Unavailable),
    /// The job's `concurrency` is used up.
    ConcurrencyReached,
    /// A named limit is used up.
    LimitReached {
        /// Which.
        limit: String,
    },
    /// An attempt was given to a worker.
    Assigned {
        /// Its number.
        attempt: u32,
        /// The worker.
        worker: WorkerId,
    },
    /// An attempt failed, and another one follows.
    RetryIn {
        /// The number of the attempt that failed.
        attempt: u32,
        /// How many there may be in all.
        of: u32,
        /// How it ended.
        end: Box<Self>,
        /// Until the next one.
        #[serde(with = "text::duration")]
        delay: Duration,
    },
    /// The attempt is being stopped, and processes of it do not end.
    CannotStop {
        /// Which; of very many only the first.
        processes: Vec<StuckProcess>,
    },
    /// An attempt failed, and no other one follows because the job was removed.
    NotRetried {
        /// How it ended.
        end: Box<Self>,
    },
    /// The command succeeded.
    Succeeded {
        /// Its exit code, where that is not 0.
        exit_code: Option<i32>,
    },
    /// The command ended with an exit code that is no success.
    ExitCode {
        /// Which.
        exit_code: i32,
    },
    /// The command failed.
    CommandFailed {
        /// What the worker said of it.
        error: Option<String>,
    },
    /// The command did not start.
    NotStarted {
        /// What the worker said of it.
        error: Option<String>,
    },
    /// The attempt ran into its time-out, or the execution into its deadline, while the command ran.
    TimedOut {
        /// What the worker said of it.
        error: Option<String>,
    },
    /// The attempt was ended without a word of the engine.
    AttemptCancelled {
        /// What the worker said of it.
        error: Option<String>,
    },
    /// The attempt's worker is gone: what the command did is not known.
    WorkerLost(LostCause),
    /// The process in which the command ran has ended.
    Interrupted {
        /// What was said of it.
        error: Option<String>,
    },
    /// The execution's `deadline` has passed.
    DeadlinePassed,
    /// Someone cancelled it.
    Cancelled {
        /// Who.
        by: Actor,
    },
    /// The engine stops, and ends what runs.
    EngineStopping,
    /// The job was removed.
    JobRemoved,
}

/// A dependency that is not met yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// The job.
    pub job: JobId,
    /// What is known of it.
    #[serde(flatten)]
    pub state: AwaitedState,
}

/// What is known of a job that another one waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum AwaitedState {
    /// There is no such job.
    NoJob,
    /// An execution of it is live.
    Live {
        /// In this state.
        state: StateName,
    },
    /// Its last execution has ended.
    Ended {
        /// In this state.
        state: StateName,
    },
    /// It never ran.
    NeverRan,
}

/// What became of a job that can no longer meet what another one waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum DependencyFate {
    /// It does not exist.
    NoJob,
    /// It did not run.
    DidNotRun,
    /// Its newest execution has another result than the one asked for.
    Ended {
        /// Which.
        execution: ExecutionId,
        /// Its state.
        state: StateName,
    },
}

/// Why no worker takes an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "unavailable", rename_all = "snake_case")]
pub enum Unavailable {
    /// The worker process is not connected.
    Disconnected,
    /// The worker process is offline: its lease has run out.
    Offline,
    /// There is no worker.
    NoWorker,
    /// No worker has the id or labels that the job asks for.
    NoMatch,
    /// Every worker that it may use is full, draining, or the one or the other.
    Busy {
        /// Whether the job asks for particular workers.
        selected: bool,
        /// Whether one that takes attempts is full.
        full: bool,
        /// Those that take no more.
        draining: Vec<WorkerId>,
    },
}

/// How an attempt's worker was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "lost", rename_all = "snake_case")]
pub enum LostCause {
    /// The worker process that ran it has ended.
    ProcessEnded,
    /// The worker's lease has run out.
    LeaseExpired,
    /// The machine was booted.
    Booted,
    /// As a worker says.
    Reported {
        /// What it says.
        error: Option<String>,
    },
}

/// An attempt that is being stopped: its processes have not all ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Stopping {
    /// Since when; `None` where an earlier version did not note it.
    pub since: Option<DateTime<Utc>>,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
    /// The process group that is being ended, as far as it is known.
    #[serde(default)]
    pub pids: Vec<u32>,
}

impl Reason {
    /// The stable name of the reason: what programs compare.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Text(_) => OTHER,
            Self::Scheduled { .. } => "scheduled",
            Self::CaughtUp { .. } => "caught_up",
            Self::Booted => "booted",
            Self::Requested { .. } => "requested",
            Self::RequestedForDependent { .. } => "requested_for_dependent",
            Self::RetryRequested { .. } => "retry_requested",
            Self::DependenciesEnded => "dependencies_ended",
            Self::OverlapSkip { .. } => "overlap_skip",
            Self::OverlapQueueFull => "overlap_queue_full",
            Self::Replaced { .. } => "replaced",
            Self::WaitingFor { .. } => "waiting_for",
            Self::DependenciesMet => "dependencies_met",
            Self::DependencyTimeout { .. } => "dependency_timeout",
            Self::Superseded { .. } => "superseded",
            Self::DependencyFailed { .. } => "dependency_failed",
            Self::BehindExecution { .. } => "behind_execution",
            Self::ItsTurn => "its_turn",
            Self::RetryQueued { .. } => "retry_queued",
            Self::NoSlot(_) => "no_slot",
            Self::ConcurrencyReached => "concurrency_reached",
            Self::LimitReached { .. } => "limit_reached",
            Self::Assigned { .. } => "assigned",
            Self::RetryIn { .. } => "retry_in",
            Self::CannotStop { .. } => "cannot_stop",
            Self::NotRetried { .. } => "not_retried",
            Self::Succeeded { .. } => "succeeded",
            Self::ExitCode { .. } => "exit_code",
            Self::CommandFailed { .. } => "command_failed",
            Self::NotStarted { .. } => "not_started",
            Self::TimedOut { .. } => "timed_out",
            Self::AttemptCancelled { .. } => "attempt_cancelled",
            Self::WorkerLost(_) => "worker_lost",
            Self::Interrupted { .. } => "interrupted",
            Self::DeadlinePassed => "deadline_passed",
            Self::Cancelled { .. } => "cancelled",
            Self::EngineStopping => "engine_stopping",
            Self::JobRemoved => "job_removed",
        }
    }
}

impl From<&str> for Reason {
    fn from(sentence: &str) -> Self {
        Self::Text(sentence.to_owned())
    }
}

/// A reason's code and details, by the derived implementation.
struct Tagged<'a>(&'a Reason);

impl Serialize for Tagged<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Reason::serialize(self.0, to)
    }
}

#[derive(Serialize)]
struct Coded<'a> {
    reason: String,
    #[serde(flatten)]
    tagged: Tagged<'a>,
}

#[derive(Serialize)]
struct Uncoded<'a> {
    reason: &'a str,
    reason_code: &'static str,
}

/// Why something is as it is: a sentence, with a stable name for programs.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = Reason))]
struct Fields {
    /// The reason as a sentence.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    reason: String,
    /// Its stable name; `other` where there is none.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = String, required))]
    reason_code: Option<String>,
    /// What the sentence is made of.
    #[serde(default)]
    reason_details: Option<Value>,
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(reason) => Uncoded { reason, reason_code: OTHER }.serialize(to),
            _ => Coded { reason: self.to_string(), tagged: Tagged(self) }.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Fields { reason, reason_code, reason_details } = Fields::deserialize(from)?;
        let Some(code) = reason_code.filter(|code| code != OTHER) else {
            return Ok(Self::Text(reason));
        };
        let mut tagged = serde_json::Map::from_iter([("reason_code".to_owned(), code.into())]);
        tagged.extend(reason_details.map(|details| ("reason_details".to_owned(), details)));
        Ok(Self::deserialize(Value::Object(tagged)).unwrap_or(Self::Text(reason)))
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Reason {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Fields::schema()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Reason {}
