//! The store on a PostgreSQL that others run: a schema of its own, one connection that writes, a few that read.
//!
//! Owns the connections and the lease. `url` reads where it is, `connect` makes sessions, `migrate` brings the schema up
//! to date, `lease` leads, `commit` writes, `read` and `query` find, `expire` deletes, `failure` says what went wrong.
//!
//! Only a leader writes: every transaction that writes begins by locking the epoch that it took (`lease`). A leader whose
//! connection is lost does not know what became of its last commit: it takes its epoch again, which waits for that commit,
//! and loads. So [`Store::load`] is where a leader begins, and begins again.

/// Constants that hold SQL, and the list of them.
macro_rules! statements {
    ($($(#[$doc:meta])* $vis:vis const $name:ident: &str = $sql:expr;)+) => {
        $($(#[$doc])* $vis const $name: &str = $sql;)+
        /// The statements of this file, by name.
        #[cfg(test)]
        pub(super) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

mod commit;
mod connect;
mod expire;
mod failure;
mod lease;
mod migrate;
mod query;
mod read;
#[cfg(test)]
pub(crate) mod server;
#[cfg(test)]
pub(super) mod tests;
pub(crate) mod url;

use std::fmt;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use tokio::sync::Mutex;

use super::search::{IdPart, LARGEST_LIST, Search, limit};
use super::{Expired, HistorySize, Leader, PruneBatch, Store, StoreError};
use crate::model::{
    Ahead, Change, Event, Execution, ExecutionId, ExecutionQuery, Image, Job, JobId, JobVersion,
    LedgerRange, Page, StateName,
};
use connect::{Session, connect, within_commit, within_read};
use failure::failed;
use lease::{Fence, Renewal};
pub(super) use migrate::MigrationPlan;
use url::Target;

/// Keeps everything in a schema of a PostgreSQL database.
pub(crate) struct PostgresStore {
    target: Target,
    readers: PgPool,
    writer: Mutex<Writer>,
    /// How far the look at jobs that have too many executions has come.
    round: Mutex<expire::Round>,
    /// What was found damaged.
    damage: std::sync::Mutex<Option<String>>,
}

/// The one that writes.
#[derive(Default)]
struct Writer {
    /// Whether it leads, or is to: a store that only reads never does.
    leads: bool,
    /// `None` where it was lost, or something on it was not waited for to its end.
    connection: Option<PgConnection>,
    /// The newest epoch that it took.
    fence: Option<Fence>,
    renewal: Option<Renewal>,
}

impl fmt::Debug for PostgresStore {
    // What is connected with holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("place", &self.target.place).finish_non_exhaustive()
    }
}

fn deposed(place: &str, fence: Fence) -> StoreError {
    StoreError::Deposed { place: place.to_owned(), epoch: fence.epoch }
}

impl PostgresStore {
    /// Opens the store that a URL names, and brings its schema up to date. It only reads until it leads.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] when a newer program has written it; [`StoreError::Open`] when the server cannot be reached
    /// or used, or the schema holds something else.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let target = Target::read(url)?;
        if !target.is_private() {
            tracing::warn!(
                store = target.place,
                "what is said to the database may not be encrypted: add ?sslmode=verify-full (or require) to its URL"
            );
        }
        migrate::bring_up_to_date(&target).await?;
        Ok(Self {
            readers: connect::readers(&target),
            target,
            writer: Mutex::default(),
            round: Mutex::default(),
            damage: std::sync::Mutex::default(),
        })
    }

    /// Takes the lease of the store: from now on this program is the one that writes.
    ///
    /// # Errors
    /// [`StoreError::Led`] where another does.
    pub(crate) async fn lead(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        writer.leads = true;
        self.make_ready(&mut writer).await
    }

    /// What [`PostgresStore::open`] would do to the schema.
    ///
    /// # Errors
    /// As [`PostgresStore::open`].
    pub(crate) async fn migration(url: &str) -> Result<MigrationPlan, StoreError> {
        migrate::plan(&Target::read(url)?).await
    }

    /// Brings the schema up to date and says how many steps that took.
    ///
    /// # Errors
    /// As [`PostgresStore::open`].
    pub(crate) async fn migrate(url: &str) -> Result<usize, StoreError> {
        migrate::bring_up_to_date(&Target::read(url)?).await
    }

    /// Makes sure that a leader has a connection under an epoch of its own.
    async fn make_ready(&self, writer: &mut Writer) -> Result<(), StoreError> {
        if !writer.leads || writer.connection.is_some() {
            return Ok(());
        }
        let mut connection = connect(&self.target, Session::Writer).await?;
        let taking = lease::take(&mut connection, writer.fence, &self.target.place);
        let fence = within_commit(taking, &self.target.place).await?;
        match &writer.renewal {
            Some(renewal) => renewal.follow(fence),
            None => {
                let renewal = Renewal::begin(self.target.clone(), fence);
                let renewal = renewal.map_err(|error| StoreError::Open {
                    place: self.target.place.clone(),
                    message: format!("no thread for its lease: {error}"),
                    may_pass: true,
                })?;
                writer.renewal = Some(renewal);
            }
        }
        tracing::info!(store = self.target.place, epoch = fence.epoch, "this engine leads");
        writer.fence = Some(fence);
        writer.connection = Some(connection);
        Ok(())
    }

    /// The connection under its epoch. It is put back by whoever used it to the end.
    fn take_writer(&self, writer: &mut Writer) -> Result<(PgConnection, Fence), StoreError> {
        match (writer.connection.take(), writer.fence) {
            (Some(connection), Some(fence)) => Ok((connection, fence)),
            _ => Err(StoreError::Failed {
                doing: "a commit",
                message: format!("{}: this engine does not lead it now", self.target.place),
            }),
        }
    }

    /// A failure in words; damage is remembered.
    fn failed(&self, doing: &'static str, error: &sqlx::Error) -> StoreError {
        let error = failed(&self.target.place, doing, error);
        if let StoreError::Corrupt { .. } = &error {
            // A lock that a panic has left is as good as another: it holds one text.
            let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
            damage.get_or_insert_with(|| error.to_string());
        }
        error
    }

    /// Finds something, within a limit of time.
    async fn find<T>(
        &self,
        doing: &'static str,
        finding: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, StoreError> {
        let finding = async { finding.await.map_err(|error| self.failed(doing, &error)) };
        within_read(finding, &self.target.place, doing).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(&self) -> Result<Image, StoreError> {
        self.make_ready(&mut *self.writer.lock().await).await?;
        let place = &self.target.place;
        within_read(read::load(&self.readers, place), place, "loading").await
    }

    async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.find("reading a setting", read::meta(&self.readers, key)).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let batch = commit::Batch::of(changes)?;
        let place = &self.target.place;
        let mut writer = self.writer.lock().await;
        // Whoever gives up waiting leaves no connection behind: what became of the commit is unknown then.
        let (mut connection, fence) = self.take_writer(&mut writer)?;
        let writing = commit::write(&mut connection, fence, batch, changes, place);
        let written = within_commit(writing, place).await;
        if !matches!(written, Err(StoreError::Failed { .. } | StoreError::Deposed { .. })) {
            writer.connection = Some(connection);
        }
        written
    }

    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<Arc<Execution>>, StoreError> {
        let search = Search::new(query);
        self.find("reading executions", query::page(&self.readers, &search)).await
    }

    async fn executions_named(&self, part: &str) -> Result<Vec<Arc<Execution>>, StoreError> {
        let Some(part) = IdPart::new(part) else { return Ok(Vec::new()) };
        self.find("looking for an execution", query::named(&self.readers, &part)).await
    }

    async fn counts(&self, since: DateTime<Utc>) -> Result<Vec<(StateName, u64)>, StoreError> {
        self.find("counting executions", query::counts(&self.readers, since)).await
    }

    async fn events_after(&self, seq: u64, most: u32) -> Result<Vec<Event>, StoreError> {
        let most = limit(most, LARGEST_LIST);
        self.find("reading events", read::events_after(&self.readers, seq, most)).await
    }

    async fn newest_events(&self, most: u32) -> Result<Vec<Event>, StoreError> {
        let most = limit(most, LARGEST_LIST);
        self.find("reading events", read::newest_events(&self.readers, most)).await
    }

    async fn ledger(
        &self,
        job: &JobId,
        before: Option<DateTime<Utc>>,
        most: u32,
    ) -> Result<Vec<LedgerRange>, StoreError> {
        let most = limit(most, LARGEST_LIST);
        self.find("reading the ledger", read::ledger(&self.readers, job, before, most)).await
    }

    async fn ahead(&self, after: DateTime<Utc>, jobs: &[JobId]) -> Result<Ahead, StoreError> {
        let finding = read::ahead(&self.readers, after, jobs);
        self.find("reading what lies ahead", finding).await
    }

    async fn job_versions(
        &self,
        job: &JobId,
        before: Option<u32>,
        most: u32,
    ) -> Result<Vec<JobVersion>, StoreError> {
        let most = limit(most, LARGEST_LIST);
        let finding = read::job_versions(&self.readers, job, before, most);
        self.find("reading definitions", finding).await
    }

    async fn delete_expired(&self, expired: &Expired) -> Result<PruneBatch, StoreError> {
        const DOING: &str = "deleting old history";
        let place = &self.target.place;
        let mut round = self.round.lock().await;
        let found = self.find(DOING, expire::find(&self.readers, expired, &mut round)).await?;
        if !found.is_empty() {
            let mut writer = self.writer.lock().await;
            let (mut connection, fence) = self.take_writer(&mut writer)?;
            let deleting = async { Ok(expire::delete(&mut connection, fence, &found).await) };
            let deleted = within_commit(deleting, place).await?;
            // A statement that failed was undone with all before it: what this engine holds is still what is kept.
            if deleted.as_ref().map_or_else(failure::is_about_a_statement, |fenced| *fenced) {
                writer.connection = Some(connection);
            }
            if !deleted.map_err(|error| self.failed(DOING, &error))? {
                return Err(deposed(place, fence));
            }
        }
        Ok(found.into_batch())
    }

    async fn removable(&self, ids: &[ExecutionId]) -> Result<Vec<ExecutionId>, StoreError> {
        self.find("looking for old output", expire::removable(&self.readers, ids)).await
    }

    fn damage(&self) -> Option<String> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn close(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        writer.leads = false;
        writer.connection = None;
        if let Some(renewal) = writer.renewal.take() {
            renewal.end().await;
        }
        Ok(())
    }

    async fn history_size(&self) -> Result<HistorySize, StoreError> {
        self.find("measuring the history", expire::history_size(&self.readers)).await
    }

    async fn missing(&self, ids: &[ExecutionId]) -> Result<Vec<ExecutionId>, StoreError> {
        self.find("looking for executions", expire::missing(&self.readers, ids)).await
    }

    async fn job_version(&self, job: &JobId, version: u32) -> Result<Option<Arc<Job>>, StoreError> {
        let place = &self.target.place;
        let finding = read::job_version(&self.readers, place, job, version);
        within_read(finding, place, "reading a definition").await
    }
}
