//! An execution: one firing of a job from its creation to its final state, with its attempts.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Actor, ExecutionId, JobId, Priority, Reason, Stopping, WorkerId};

/// Why an execution exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The schedule named this instant.
    Schedule,
    /// The schedule named this instant while no engine ran.
    CatchUp,
    /// Someone asked for it.
    Manual,
    /// All dependencies of a chain were met.
    Dependency,
    /// A final execution is run again on request.
    Retry,
    /// The machine was booted.
    Reboot,
}

impl Trigger {
    /// The word used in JSON, the environment and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::CatchUp => "catch_up",
            Self::Manual => "manual",
            Self::Dependency => "dependency",
            Self::Retry => "retry",
            Self::Reboot => "reboot",
        }
    }
}

/// Where an execution stands. Each variant holds exactly what is true in it; no transition leaves a final one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ExecutionState {
    /// For dependencies.
    Waiting {
        /// Those not met yet.
        #[serde(default)]
        waiting_for: Vec<JobId>,
        /// An end counts as fresh if it lies after this instant; `None` = any does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fresh_after: Option<DateTime<Utc>>,
    },
    /// For a slot.
    Queued,
    /// Its newest attempt is with a worker.
    Running {
        /// Set while that attempt is being stopped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopping: Option<Stopping>,
    },
    /// The last attempt failed; another follows.
    Retrying {
        /// When it goes back to the queue.
        until: DateTime<Utc>,
    },
    /// Final: the command succeeded.
    Succeeded,
    /// Final: the last attempt allowed failed.
    Failed,
    /// Final: the last attempt allowed, or the whole execution, ran out of time.
    TimedOut,
    /// Final: someone ended it.
    Cancelled,
    /// Final: it never ran.
    Skipped,
}

/// The name of a state, without what is true in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// See [`ExecutionState::Waiting`].
    Waiting,
    /// See [`ExecutionState::Queued`].
    Queued,
    /// See [`ExecutionState::Running`].
    Running,
    /// See [`ExecutionState::Retrying`].
    Retrying,
    /// See [`ExecutionState::Succeeded`].
    Succeeded,
    /// See [`ExecutionState::Failed`].
    Failed,
    /// See [`ExecutionState::TimedOut`].
    TimedOut,
    /// See [`ExecutionState::Cancelled`].
    Cancelled,
    /// See [`ExecutionState::Skipped`].
    Skipped,
}

impl StateName {
    /// All of them, live ones first.
    pub const ALL: [Self; 9] = [
        Self::Waiting,
        Self::Queued,
        Self::Running,
        Self::Retrying,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Skipped,
    ];

    /// The word used in JSON and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// The state of that name, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether no transition leaves it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Queued | Self::Running | Self::Retrying)
    }

    /// Whether it is an end that someone should look at.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut)
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl ExecutionState {
    /// With a worker, and not being stopped.
    pub const RUNNING: Self = Self::Running { stopping: None };

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> StateName {
        match self {
            Self::Waiting { .. } => StateName::Waiting,
            Self::Queued => StateName::Queued,
            Self::Running { .. } => StateName::Running,
            Self::Retrying { .. } => StateName::Retrying,
            Self::Succeeded => StateName::Succeeded,
            Self::Failed => StateName::Failed,
            Self::TimedOut => StateName::TimedOut,
            Self::Cancelled => StateName::Cancelled,
            Self::Skipped => StateName::Skipped,
        }
    }

    /// Whether no transition leaves it.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.name().is_final()
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The exit code was one of `success_exit_codes`, or the built-in command did its work.
    Succeeded,
    /// It was not.
    Failed,
    /// It ran longer than `timeout`, or the execution passed its `deadline`.
    TimedOut,
    /// Someone ended it.
    Cancelled,
    /// Its worker died or lost its lease: what the command did is not known.
    WorkerLost,
    /// It could not be started: its user, its folder, a secret file or its program is missing or did not respond.
    NotStarted,
    /// It ran inside a process that ended.
    Interrupted,
}

impl Outcome {
    /// The word used in JSON and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::WorkerLost => "worker_lost",
            Self::NotStarted => "not_started",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One start of the execution's command on one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AttemptFields", into = "AttemptFields")]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Who carries it out.
    pub worker_id: WorkerId,
    /// When it was given to the worker.
    pub assigned_at: DateTime<Utc>,
    /// How far it has come.
    pub progress: AttemptProgress,
}

/// How far an attempt has come. Each variant holds what is true in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptProgress {
    /// It was given to the worker, which has not started it as far as is known.
    Assigned,
    /// The worker has started it.
    Started {
        /// When.
        started_at: DateTime<Utc>,
        /// Its process group; `None` of a command without a process.
        pid: Option<u32>,
    },
    /// It has ended.
    Ended {
        /// When it was started; `None` if it never was, as far as is known.
        started_at: Option<DateTime<Utc>>,
        /// When it ended.
        finished_at: DateTime<Utc>,
        /// How it ended.
        outcome: Outcome,
        /// Of a process that exited by itself.
        exit_code: Option<i32>,
        /// What went wrong, for people.
        error: Option<String>,
        /// Bytes of output that were lost because the disk did not take them.
        output_lost: u64,
    },
}

// An attempt in JSON: the fields of all variants side by side. (What the schema says of it comes first.)
/// One start of the execution's command on one worker.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = Attempt))]
struct AttemptFields {
    /// From 1.
    number: u32,
    /// Who carries it out.
    worker_id: WorkerId,
    /// When it was given to the worker.
    assigned_at: DateTime<Utc>,
    /// When the worker started it.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
    /// How it ended.
    outcome: Option<Outcome>,
    /// Of a process that exited by itself.
    exit_code: Option<i32>,
    /// What went wrong, for people.
    error: Option<String>,
    /// Bytes of output that were lost because the disk did not take them.
    #[serde(default, skip_serializing_if = "super::attempt::is_zero")]
    output_lost: u64,
    /// Its process group, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
}

impl From<AttemptFields> for Attempt {
    fn from(fields: AttemptFields) -> Self {
        let AttemptFields { number, worker_id, assigned_at, started_at, .. } = fields;
        let progress = match (fields.outcome, fields.finished_at, started_at) {
            (Some(outcome), Some(finished_at), _) => AttemptProgress::Ended {
                started_at,
                finished_at,
                outcome,
                exit_code: fields.exit_code,
                error: fields.error,
                output_lost: fields.output_lost,
            },
            (_, _, Some(started_at)) => AttemptProgress::Started { started_at, pid: fields.pid },
            (_, _, None) => AttemptProgress::Assigned,
        };
        Self { number, worker_id, assigned_at, progress }
    }
}

impl From<Attempt> for AttemptFields {
    fn from(attempt: Attempt) -> Self {
        let (started_at, finished_at) = (attempt.started_at(), attempt.finished_at());
        let (outcome, exit_code, pid) = (attempt.outcome(), attempt.exit_code(), attempt.pid());
        let output_lost = attempt.output_lost();
        let error = match attempt.progress {
            AttemptProgress::Ended { error, .. } => error,
            AttemptProgress::Assigned | AttemptProgress::Started { .. } => None,
        };
        let Attempt { number, worker_id, assigned_at, .. } = attempt;
        Self {
            number,
            worker_id,
            assigned_at,
            started_at,
            finished_at,
            outcome,
            exit_code,
            error,
            output_lost,
            pid,
        }
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Attempt {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        AttemptFields::schema()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Attempt {
    fn schemas(
        schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>,
    ) {
        AttemptFields::schemas(schemas);
    }
}

impl Attempt {
    /// When the worker started it.
    #[must_use]
    pub const fn started_at(&self) -> Option<DateTime<Utc>> {
        match self.progress {
            AttemptProgress::Assigned => None,
            AttemptProgress::Started { started_at, .. } => Some(started_at),
            AttemptProgress::Ended { started_at, .. } => started_at,
        }
    }

    /// When it ended.
    #[must_use]
    pub const fn finished_at(&self) -> Option<DateTime<Utc>> {
        match self.progress {
            AttemptProgress::Ended { finished_at, .. } => Some(finished_at),
            AttemptProgress::Assigned | AttemptProgress::Started { .. } => None,
        }
    }

    /// How it ended.
    #[must_use]
    pub const fn outcome(&self) -> Option<Outcome> {
        match self.progress {
            AttemptProgress::Ended { outcome, .. } => Some(outcome),
            AttemptProgress::Assigned | AttemptProgress::Started { .. } => None,
        }
    }

    /// The exit code of a process that exited by itself.
    #[must_use]
    pub const fn exit_code(&self) -> Option<i32> {
        match self.progress {
            AttemptProgress::Ended { exit_code, .. } => exit_code,
            AttemptProgress::Assigned | AttemptProgress::Started { .. } => None,
        }
    }

    /// What went wrong, for people.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match &self.progress {
            AttemptProgress::Ended { error, .. } => error.as_deref(),
            AttemptProgress::Assigned | AttemptProgress::Started { .. } => None,
        }
    }

    /// Bytes of output that were lost because the disk did not take them.
    #[must_use]
    pub const fn output_lost(&self) -> u64 {
        match self.progress {
            AttemptProgress::Ended { output_lost, .. } => output_lost,
            AttemptProgress::Assigned | AttemptProgress::Started { .. } => 0,
        }
    }

    /// Its process group, while it runs.
    #[must_use]
    pub const fn pid(&self) -> Option<u32> {
        match self.progress {
            AttemptProgress::Started { pid, .. } => pid,
            AttemptProgress::Assigned | AttemptProgress::Ended { .. } => None,
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.progress, AttemptProgress::Ended { .. })
    }
}

/// A change of state, with its time and a reason that a person can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Transition {
    /// When.
    pub at: DateTime<Utc>,
    /// Into which state.
    pub state: StateName,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// One firing of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// The job it is a firing of.
    pub job_id: JobId,
    /// The version of the job's definition that it runs.
    pub job_version: u32,
    /// Where it stands.
    #[serde(flatten)]
    pub state: ExecutionState,
    /// Why it exists.
    pub trigger: Trigger,
    /// The instant the schedule named; of others, when they were asked for.
    pub fire_time: DateTime<Utc>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its first attempt started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it became final.
    pub finished_at: Option<DateTime<Utc>>,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// Its rank in the queue.
    pub priority: Priority,
    /// Why it is in this state.
    #[serde(flatten)]
    pub reason: Reason,
    /// What the command answered.
    pub result: Option<Value>,
    /// Every change of state so far, oldest first.
    pub history: Vec<Transition>,
    /// The execution that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<ExecutionId>,
    /// Arguments of a manual run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Whether it passed `overlap` by force.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Actor>,
    /// Who asked for its end while it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<Actor>,
}

impl Execution {
    /// Why and since when its attempt is being stopped.
    #[must_use]
    pub const fn stopping(&self) -> Option<&Stopping> {
        match &self.state {
            ExecutionState::Running { stopping } => stopping.as_ref(),
            ExecutionState::Waiting { .. }
            | ExecutionState::Queued
            | ExecutionState::Retrying { .. }
            | ExecutionState::Succeeded
            | ExecutionState::Failed
            | ExecutionState::TimedOut
            | ExecutionState::Cancelled
            | ExecutionState::Skipped => None,
        }
    }

    /// The newest attempt.
    #[must_use]
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The number of the newest attempt; 0 before the first.
    #[must_use]
    pub fn attempt_number(&self) -> u32 {
        self.attempts.last().map_or(0, |attempt| attempt.number)
    }

    /// The worker of the newest attempt.
    #[must_use]
    pub fn worker_id(&self) -> Option<&WorkerId> {
        self.attempts.last().map(|attempt| &attempt.worker_id)
    }

    /// The few facts that a list of past executions needs.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            id: self.id,
            state: self.state.name(),
            fire_time: self.fire_time,
            started_at: self.started_at,
            finished_at: self.finished_at,
        }
    }
}

/// The few facts about an execution that a list of past ones needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Summary {
    /// Its id.
    pub id: ExecutionId,
    /// The state it was in.
    pub state: StateName,
    /// Its fire time.
    pub fire_time: DateTime<Utc>,
    /// When its first attempt started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it became final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
}
