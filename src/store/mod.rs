//! Where everything that must survive is kept: one trait, one contract suite, a backend a file.
//!
//! Owns SQL and files of the database. Never decides anything: it keeps what it is given and finds
//! what it is asked for. What it reads back is as untrusted as any input: an unreadable row is an
//! error or a warning, never a panic.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    Ahead, Change, Event, Execution, ExecutionId, ExecutionQuery, Image, Job, JobId, JobVersion,
    LedgerRange, Page, StateName,
};

#[cfg(test)]
pub(crate) mod contract;
mod memory;
mod news;
mod postgres;
mod search;
mod sqlite;

pub(crate) use memory::MemoryStore;
pub(crate) use postgres::PostgresStore;
pub use sqlite::SqliteStore;

/// What may be deleted of the history. Live executions, those whose `on_failure` has not ended, and the newest failure of
/// each job always stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// Executions that ended before it, events before it, and ranges of the ledger that ended before it.
    pub before: DateTime<Utc>,
    /// All but so many newest executions of a job.
    pub per_job: u32,
    /// All but so many newest events.
    pub events: u64,
    /// At most so many rows of a kind in one go.
    pub at_most: u32,
}

/// What one call of [`Store::delete_expired`] took of the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PruneBatch {
    /// Which executions went, and how many attempts each had: their output is the caller's to remove.
    pub executions: Vec<(ExecutionId, u32)>,
    /// Whether there may be more to take: true until a whole look at all jobs has found nothing.
    pub more: bool,
}

/// How much history there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistorySize {
    /// Executions, live ones too.
    pub executions: u64,
    /// Events.
    pub events: u64,
}

/// The engine that leads a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// The machine that it runs on.
    pub host: String,
    /// Its process.
    pub pid: i64,
    /// How often the lead has changed hands since the store was made.
    pub epoch: i64,
}

impl std::fmt::Display for Leader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "host {}, process {}, epoch {}", self.host, self.pid, self.epoch)
    }
}

/// Why the store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened.
    #[error("cannot open the store {place}: {message}")]
    Open {
        /// Where it is.
        place: String,
        /// What is wrong and what to do.
        message: String,
        /// Whether it may work again by itself: a full disk, another program's lock.
        may_pass: bool,
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
    /// A fire time of a job has an execution already. Nothing of the commit was kept.
    #[error("job `{job}` has already fired for {}", .fire_time.to_rfc3339())]
    FiredTwice {
        /// The job.
        job: JobId,
        /// The fire time.
        fire_time: DateTime<Utc>,
    },
    /// Another engine leads it.
    #[error(
        "the store {place} is led by another engine: {leader}. Stop that one first, or name another store or `?schema=`"
    )]
    Led {
        /// Where it is.
        place: String,
        /// The one that does.
        leader: Leader,
    },
    /// Another engine took the lease over. Nothing of the commit was kept.
    #[error(
        "the store {place} was taken over by another engine: epoch {epoch} of this one is over"
    )]
    Deposed {
        /// Where it is.
        place: String,
        /// The epoch that is over.
        epoch: i64,
    },
    /// What is there already, and never changes, was to be written otherwise. Nothing of the commit
    /// was kept.
    #[error("the store already holds another {what}")]
    Conflict {
        /// What, with its key.
        what: String,
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

impl StoreError {
    /// Whether the store may work again without anybody changing anything but the room on the disk: the same may be tried
    /// again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Open { may_pass, .. } => *may_pass,
            Self::Failed { .. } => true,
            Self::TooNew { .. }
            | Self::FiredTwice { .. }
            | Self::Led { .. }
            | Self::Deposed { .. }
            | Self::Conflict { .. }
            | Self::Corrupt { .. } => false,
        }
    }
}

/// What is said of a row that an engine goes on without.
fn set_aside(place: &str, message: &str) -> String {
    format!(
        "{place} in the store cannot be read and is set aside: {message}; a backup of the store may still have it"
    )
}

/// Opens the store that `kind` names to write it: `sqlite` (the file `crontower.db` in `data_dir`), `memory`, or the URL of
/// a PostgreSQL (`postgres://…`), of which it takes the lease.
///
/// # Errors
/// When there is no such kind of store, or it cannot be opened, or another engine leads it.
pub async fn open(kind: &str, data_dir: &Path) -> Result<Arc<dyn Store>, StoreError> {
    match kind {
        url if is_postgres(url) => {
            let store = PostgresStore::open(url).await?;
            store.lead().await?;
            Ok(Arc::new(store))
        }
        "sqlite" => Ok(Arc::new(SqliteStore::open(&data_dir.join("crontower.db")).await?)),
        "memory" => Ok(Arc::new(MemoryStore::default())),
        other => Err(unsupported(other)),
    }
}

/// The name of a store that people may see: a URL without its password.
#[must_use]
pub(crate) fn shown(kind: &str) -> String {
    if is_postgres(kind) { postgres::url::shown(kind) } else { kind.to_owned() }
}

/// Whether that names a PostgreSQL.
#[must_use]
pub(crate) fn is_postgres(kind: &str) -> bool {
    postgres::url::is_url(kind)
}

/// Whether there may be such a store: it is a name that [`open`] knows, and a URL can be read. Nothing is connected to.
///
/// # Errors
/// [`StoreError::Open`] with what is wrong; it never repeats a password.
pub(crate) fn check_name(kind: &str) -> Result<(), StoreError> {
    match kind {
        "sqlite" | "memory" => Ok(()),
        url if is_postgres(url) => postgres::url::check(url),
        other => Err(unsupported(other)),
    }
}

/// Says what is supported. What follows a URL's scheme is not repeated: it may hold a password.
fn unsupported(kind: &str) -> StoreError {
    let scheme = kind.split_once("://").map_or(kind, |(scheme, _)| scheme);
    let scheme: String = scheme.chars().filter(|c| !c.is_control()).take(30).collect();
    let message =
        "there is no such kind of store: use `sqlite`, `memory` or the URL of a PostgreSQL, postgres://…".to_owned();
    StoreError::Open { place: format!("`{scheme}`"), message, may_pass: false }
}

/// Keeps and finds. One writer, many readers.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// All that an engine needs to go on, as of one instant. A row that cannot be read is left out and named in
    /// [`Image::unreadable`]; of a job that is left out so, [`Image::retired`] says where it stood.
    async fn load(&self) -> Result<Image, StoreError>;
    /// The value that was saved last under a key ([`Change::Meta`]).
    async fn meta(&self, key: &str) -> Result<Option<String>, StoreError>;
    /// Keeps all of the changes, in their order, durably, or none. Fails, and keeps nothing, where what the store is kept in
    /// is not what was opened any more: removed or replaced by another.
    async fn commit(&self, changes: &[Change]) -> Result<(), StoreError>;
    /// A page of executions, newest first.
    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<Arc<Execution>>, StoreError>;
    /// The executions whose id begins or ends with `part` (a whole id too), at most 10.
    async fn executions_named(&self, part: &str) -> Result<Vec<Arc<Execution>>, StoreError>;
    /// How many executions created at or after `since` are in each state; states without any are
    /// left out.
    async fn counts(&self, since: DateTime<Utc>) -> Result<Vec<(StateName, u64)>, StoreError>;
    /// Events after `seq`, oldest first, at most `limit`.
    async fn events_after(&self, seq: u64, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// The newest events, newest first, at most `limit`.
    async fn newest_events(&self, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// The ledger's ranges of a job that began before an instant (`None`: all), newest first, at most `limit`.
    async fn ledger(
        &self,
        job: &JobId,
        before: Option<DateTime<Utc>>,
        limit: u32,
    ) -> Result<Vec<LedgerRange>, StoreError>;
    /// What these jobs have beyond an instant: executions whose fire time lies after it, and ranges of the ledger that end
    /// after it (those of other jobs, too). There is any only where the clock was set back.
    async fn ahead(&self, after: DateTime<Utc>, jobs: &[JobId]) -> Result<Ahead, StoreError>;
    /// The versions of a definition before one (`None`: all), newest first, at most `limit`; those of a job that is no
    /// longer defined too.
    async fn job_versions(
        &self,
        job: &JobId,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobVersion>, StoreError>;
    /// Deletes what has expired, a batch at a time. The newest event always stays: the numbers go on from it.
    async fn delete_expired(&self, expired: &Expired) -> Result<PruneBatch, StoreError>;
    /// Those of the executions whose output may be deleted while they stay, in any order: they are final, their
    /// `on_failure` has ended, and they are not the newest failure of their job.
    async fn removable(&self, ids: &[ExecutionId]) -> Result<Vec<ExecutionId>, StoreError>;
    /// What was found damaged since the store was opened: `None` as long as every page could be read.
    fn damage(&self) -> Option<String>;
    /// Ends a time of writing: a copy of the file alone is whole then. It may still be read.
    async fn close(&self) -> Result<(), StoreError>;
    /// How much history there is; it is cheap to ask.
    async fn history_size(&self) -> Result<HistorySize, StoreError>;
    /// Those of the executions that are not kept, in any order.
    async fn missing(&self, ids: &[ExecutionId]) -> Result<Vec<ExecutionId>, StoreError>;
    /// A version of a definition.
    async fn job_version(&self, job: &JobId, version: u32) -> Result<Option<Arc<Job>>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(kind: &str) -> String {
        open(kind, Path::new("/nonexistent")).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn another_kind_of_store_is_refused_without_repeating_its_password() {
        insta::assert_snapshot!(refused("mysql").await, @"cannot open the store `mysql`: there is no such kind of store: use `sqlite`, `memory` or the URL of a PostgreSQL, postgres://…");
        insta::assert_snapshot!(refused("").await, @"cannot open the store ``: there is no such kind of store: use `sqlite`, `memory` or the URL of a PostgreSQL, postgres://…");
        for url in ["postgres://me:secret@[", "postgres://me:secret@127.0.0.1:1/x"] {
            assert!(!refused(url).await.contains("secret"));
        }
        assert!(!refused("redis://me:secret@db").await.contains("secret"));
    }
}
