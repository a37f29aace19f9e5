//! What others see of the engine: a picture at event `seq` n, then every change from n+1 on.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use utoipa::ToSchema;

use crate::model::{
    AttemptKey, Event, Execution, Health, JobId, JobStatus, Role, Worker, WorkerId, Wrong,
};

/// The engine at one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// The newest event that is in it.
    pub seq: u64,
    /// All jobs, by id.
    pub jobs: Vec<Arc<JobStatus>>,
    /// All live executions, oldest first.
    pub live: Vec<Arc<Execution>>,
    /// All workers, by id.
    pub workers: Vec<Worker>,
    /// How the engine is.
    pub health: Health,
    /// The engine itself.
    pub engine: EngineInfo,
    /// What whoever asked may do.
    #[serde(default = "Role::owner")]
    pub role: Role,
}

/// Whether a scheduler leads, or waits to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchedulerRole {
    /// It fires jobs and answers requests.
    #[default]
    Leader,
    /// Another one leads; this one passes requests on to it and takes over when its lease is over.
    Standby,
}

/// The scheduler that leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Leader {
    /// Host name.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// How often the lead has changed hands since the store was made; null where one engine alone uses the store.
    #[serde(default)]
    pub epoch: Option<i64>,
}

impl Snapshot {
    /// What is wrong with jobs and nobody has acknowledged, by job.
    pub fn wrong(&self) -> impl Iterator<Item = &Wrong> {
        self.jobs.iter().filter_map(|job| job.wrong.as_ref())
    }
}

/// Facts about the engine that do not change while it runs, and the state of its jobs file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EngineInfo {
    /// Version of the program.
    pub version: String,
    /// Host name of the machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// Whether it leads.
    #[serde(default)]
    pub scheduler: SchedulerRole,
    /// Which one does; absent from versions that knew one scheduler only.
    #[serde(default)]
    pub leader: Option<Leader>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Where its store is, without secrets.
    pub store: String,
    /// Its data folder.
    pub data_dir: String,
    /// Where HTTP is served, if it is.
    pub listen: Option<String>,
    /// Its jobs file.
    pub file: FileState,
    /// How much history there is, and whether it is kept within its bounds.
    #[serde(default)]
    pub history: HistoryState,
}

/// How much history there is, and whether `retention` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct HistoryState {
    /// Executions in the store, live ones too.
    pub executions: u64,
    /// Events in the store.
    pub events: u64,
    /// Bytes of the disk that output takes; absent until it has been counted after a start.
    pub output_bytes: Option<u64>,
    /// Whether some of it is beyond a bound of `retention` and being deleted.
    pub over: bool,
    /// Why old history cannot be deleted, where that is so.
    pub problem: Option<String>,
}

/// The jobs file as the engine sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileState {
    /// Its path, if there is one.
    pub path: Option<String>,
    /// Whether the built-in sample is in force.
    #[serde(default)]
    pub sample: bool,
    /// Whether it has changed since it was loaded.
    pub changed: bool,
}

/// What one commit changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Batch {
    /// The newest event that the receiver then knows.
    pub seq: u64,
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// Jobs that came or changed.
    pub jobs: Vec<Arc<JobStatus>>,
    /// Jobs that went.
    pub removed_jobs: Vec<JobId>,
    /// Executions that came or changed, each in its newest state.
    pub executions: Vec<Arc<Execution>>,
    /// Workers that came or changed.
    pub workers: Vec<Worker>,
    /// Workers that went.
    pub removed_workers: Vec<WorkerId>,
}

/// One message to a subscriber.
#[derive(Debug, Clone, PartialEq)]
pub enum Feed {
    /// A commit.
    Batch(Arc<Batch>),
    /// A running attempt has written output.
    OutputGrew {
        /// Which.
        key: AttemptKey,
        /// Bytes written so far.
        bytes: u64,
    },
    /// jobs.yaml was changed by hand, or is again as it was loaded.
    File(FileState),
    /// How the engine is from now on.
    Health(Health),
    /// The engine ends; nothing follows.
    Stopped,
}

/// A picture and what follows it. `Feed::Batch`es with `seq` up to the snapshot's are already in it.
#[derive(Debug)]
pub struct Subscription {
    /// The picture.
    pub snapshot: Snapshot,
    /// What follows; one that lags is told so by the channel and subscribes anew.
    pub feed: broadcast::Receiver<Feed>,
}
