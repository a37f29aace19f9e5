//! Where everything that must survive is kept: one trait, one contract suite, a backend a file.
//!
//! Owns SQL and files of the database. Never decides anything: it keeps what it is given and finds what it is asked for.

use async_trait::async_trait;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::{
    Actor, Event, Execution, ExecutionId, Job, JobId, JobRecord, LedgerRange, StateName, Summary,
    Trigger, WorkerId,
};

/// A change to be kept. A commit takes a list of them and keeps all or none.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A job's record is new or has changed (source, version, run-time state; its definition is kept by `JobVersion`).
    Job(JobRecord),
    /// A definition, never changed afterwards.
    JobVersion {
        /// The definition.
        definition: Arc<Job>,
        /// Its version.
        version: u32,
        /// When it came.
        at: DateTime<Utc>,
        /// Who brought it.
        by: Actor,
    },
    /// A job is no longer defined. Its versions and its history stay.
    JobRemoved(JobId),
    /// An execution is new or has changed.
    Execution(Arc<Execution>),
    /// An event.
    Event(Event),
    /// A row of the ledger.
    Ledger(LedgerRange),
    /// A fact about the installation, such as the boot id.
    Meta {
        /// Its name.
        key: &'static str,
        /// Its value.
        value: String,
    },
}

/// How many past executions of a job an engine keeps at hand.
pub const RECENT: usize = 20;

/// All that an engine needs to go on where another stopped.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// The jobs.
    pub jobs: Vec<JobRecord>,
    /// Live executions, each with the definition it runs, oldest first.
    pub live: Vec<(Arc<Execution>, Arc<Job>)>,
    /// Of each job its newest final executions, oldest first, at most [`RECENT`].
    pub recent: Vec<(JobId, Vec<Summary>)>,
    /// The `seq` of the newest event; 0 before the first.
    pub last_seq: u64,
    /// The boot id that was kept last.
    pub boot_id: Option<String>,
}

/// Which executions are asked for; newest first (by id).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExecutionQuery {
    /// Of this job only.
    pub job: Option<JobId>,
    /// In one of these states; empty = any.
    pub states: Vec<StateName>,
    /// With this trigger only.
    pub trigger: Option<Trigger>,
    /// Whose newest attempt was on this worker.
    pub worker: Option<WorkerId>,
    /// Created at or after it.
    pub since: Option<DateTime<Utc>>,
    /// Created before it.
    pub until: Option<DateTime<Utc>>,
    /// Whose job id or reason contains each of these (case is ignored)…
    pub words: Vec<String>,
    /// …and none of these.
    pub without: Vec<String>,
    /// Continue below (older than) this one.
    pub before: Option<ExecutionId>,
    /// Continue above (newer than) this one; the page then holds the ones nearest to it, still newest first.
    pub after: Option<ExecutionId>,
    /// At most so many (1 to 1,000; others are brought into that range).
    pub limit: u32,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether more follow in the direction asked for.
    pub more: bool,
}

/// Why the store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened.
    #[error("cannot open the store {place}: {message}")]
    Open {
        /// Where it is.
        place: String,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// It was written by a newer program.
    #[error(
        "the store {place} has schema {found}, this program knows up to {known}: use the newer crontower"
    )]
    TooNew {
        /// Where it is.
        place: String,
        /// Its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// A row cannot be read.
    #[error("the store holds something unreadable in {place}: {message}")]
    Corrupt {
        /// Table and key.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The database failed.
    #[error("the store failed at {doing}: {message}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        message: String,
    },
}

/// Keeps and finds. One writer, many readers.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// All that an engine needs to go on.
    async fn load(&self) -> Result<Image, StoreError>;
    /// Keeps all of the changes, in their order, durably, or none.
    async fn commit(&self, changes: &[Change]) -> Result<(), StoreError>;
    /// A page of executions, newest first.
    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<Arc<Execution>>, StoreError>;
    /// The executions whose id begins or ends with `part` (a whole id too), at most 10.
    async fn executions_named(&self, part: &str) -> Result<Vec<Arc<Execution>>, StoreError>;
    /// How many executions created at or after `since` are in each state.
    async fn counts(&self, since: DateTime<Utc>) -> Result<Vec<(StateName, u64)>, StoreError>;
    /// Events after `seq`, oldest first, at most `limit`.
    async fn events_after(&self, seq: u64, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// The newest events, newest first, at most `limit`.
    async fn newest_events(&self, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// The ledger's ranges of a job, newest first, at most `limit`.
    async fn ledger(&self, job: &JobId, limit: u32) -> Result<Vec<LedgerRange>, StoreError>;
    /// A version of a definition.
    async fn job_version(&self, job: &JobId, version: u32) -> Result<Option<Arc<Job>>, StoreError>;
}
