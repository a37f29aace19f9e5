//! A worker: a pool of slots in a worker process, as the engine and the screens know it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Actor, ExecutionId, WorkerId};

/// Whether a worker takes attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// Takes attempts.
    Online,
    /// Finishes what it has, takes no more.
    Draining,
    /// Missed heartbeats; its lease still holds.
    Suspect,
    /// Not connected.
    Offline,
}

impl WorkerState {
    /// The word used in JSON and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Draining => "draining",
            Self::Suspect => "suspect",
            Self::Offline => "offline",
        }
    }
}

/// An operator's word that a worker takes no more attempts; kept over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Drain {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Actor,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What operators ordered for a worker at run time, as the store keeps it. Without any order there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerOverrides {
    /// Which worker.
    pub worker_id: WorkerId,
    /// It takes no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained: Option<Drain>,
    /// Slots, instead of what jobs.yaml says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// The slots that jobs.yaml gave it when others were ordered: where it gives another number, that order is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_capacity: Option<u32>,
}

impl WorkerOverrides {
    /// No orders at all.
    #[must_use]
    pub const fn none(worker_id: WorkerId) -> Self {
        Self { worker_id, drained: None, capacity: None, file_capacity: None }
    }

    /// Whether anything is ordered.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.drained.is_some() || self.capacity.is_some()
    }
}

impl WorkerOverrides {
    /// Whether nothing is ordered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.drained.is_none() && self.capacity.is_none()
    }
}

/// A worker as others see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Worker {
    /// Its id.
    pub id: WorkerId,
    /// Whether it takes attempts.
    pub state: WorkerState,
    /// The host name of the machine it really runs on.
    pub host: String,
    /// The `host` that jobs.yaml gives it: an alias, never a fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Slots: how many attempts it runs at once.
    pub capacity: u32,
    /// An operator's word that it takes no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained: Option<Drain>,
    /// What it can be selected by.
    pub labels: Vec<String>,
    /// What it is running.
    pub running: Vec<ExecutionId>,
    /// Its last sign of life.
    pub last_heartbeat: Option<DateTime<Utc>>,
    /// Version of its program.
    pub version: Option<String>,
    /// Process id of its worker process.
    pub pid: Option<u32>,
    /// Attempts it has ended well since the engine started.
    pub succeeded: u64,
    /// Attempts it has ended otherwise since the engine started.
    pub failed: u64,
}
