//! An execution: one firing of a job from its creation to its final state, with its attempts.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Actor, ExecutionId, JobId, Priority, WorkerId};

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
    Running,
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
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> StateName {
        match self {
            Self::Waiting { .. } => StateName::Waiting,
            Self::Queued => StateName::Queued,
            Self::Running => StateName::Running,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Who carries it out.
    pub worker_id: WorkerId,
    /// When it was given to the worker.
    pub assigned_at: DateTime<Utc>,
    /// When the worker said that it had started it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Of a process that exited by itself.
    pub exit_code: Option<i32>,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// Bytes of output that were lost because the disk did not take them.
    #[serde(default, skip_serializing_if = "super::attempt::is_zero")]
    pub output_lost: u64,
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
    pub reason: String,
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
    /// Why it is in this state: the newest transition's reason.
    pub reason: String,
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
