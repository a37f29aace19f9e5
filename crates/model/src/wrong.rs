//! What is wrong with a job, as one fact that screen, status, metrics and alerts share.
//!
//! Owns the kinds and what is kept of a fact. Never decides whether one holds: that is the engine's.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ExecutionId, JobId};

/// In which way a job is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WrongKind {
    /// Its newest execution failed.
    Failure,
    /// Its newest execution ran into `timeout` or `deadline`.
    TimedOut,
    /// The command of its newest execution could not be started.
    NotStarted,
    /// Its newest due fire time was skipped: for a dependency, or because the next fire time came first.
    Skipped,
    /// Its newest due fire time was missed and is not caught up.
    Missed,
    /// Its fire times are skipped one after the other behind the same long execution (`overlap`).
    Overlap,
    /// An execution has waited for over a minute for a slot, or for a worker that does not exist.
    Queued,
}

impl WrongKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Failure,
        Self::TimedOut,
        Self::NotStarted,
        Self::Skipped,
        Self::Missed,
        Self::Overlap,
        Self::Queued,
    ];

    /// The word used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::TimedOut => "timed_out",
            Self::NotStarted => "not_started",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
            Self::Overlap => "overlap",
            Self::Queued => "queued",
        }
    }

    /// Whether it is a failed execution.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        match self {
            Self::Failure | Self::TimedOut | Self::NotStarted => true,
            Self::Skipped | Self::Missed | Self::Overlap | Self::Queued => false,
        }
    }

    /// Whether it is no news to someone who knows of `other`: a job that fails again fails, however it does.
    #[must_use]
    pub fn is_known_by(self, other: Self) -> bool {
        self == other || (self.is_failure() && other.is_failure())
    }
}

/// What is wrong with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Wrong {
    /// Which job.
    pub job_id: JobId,
    /// In which way.
    pub kind: WrongKind,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, as a sentence.
    pub reason: String,
}

/// A fact about the past of a job that makes it wrong, as its record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongFact {
    /// In which way.
    pub kind: WrongKind,
    /// The fire time that it is about.
    pub fire_time: DateTime<Utc>,
    /// The execution that it is about; `None` of a fire time without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, as a sentence.
    pub reason: String,
}

/// Fire times in a row that `overlap` skipped behind one and the same execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapSkips {
    /// The execution that was live each time.
    pub execution_id: ExecutionId,
    /// How many were skipped.
    pub count: u64,
    /// The first of them.
    pub since: DateTime<Utc>,
    /// It has become too many behind too old an execution.
    #[serde(default)]
    pub is_wrong: bool,
}
