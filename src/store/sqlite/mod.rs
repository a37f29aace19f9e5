//! The store in a file, through SQLite: one writer, a few readers, write-ahead log, every commit on
//! disk before it is answered.
//!
//! Owns the connections. `open` makes them and brings the schema up to date, `commit` writes,
//! `read` and `query` find, `failure` says what went wrong. Each statement costs a change of
//! threads, so statements are few and take many rows.
//!
//! Every statement stands in a `statements!` block, so that a test can look at the plan of each of them: none may
//! walk through the history (`tests::plans`).

/// Constants that hold SQL, and the list of them for the test of their plans.
macro_rules! statements {
    ($($(#[$doc:meta])* $vis:vis const $name:ident: &str = $sql:expr;)+) => {
        $($(#[$doc])* $vis const $name: &str = $sql;)+
        /// The statements of this file, by name.
        #[cfg(test)]
        pub(super) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

mod commit;
mod expire;
mod failure;
mod open;
mod query;
mod read;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::Mutex;

use super::search::{IdPart, LARGEST_LIST, Search, limit};
use super::{Expired, HistorySize, PruneBatch, Store, StoreError};
use crate::model::{
    Ahead, Change, Event, Execution, ExecutionId, ExecutionQuery, Image, Job, JobId, JobVersion,
    LedgerRange, Page, StateName,
};
use failure::failed;
use open::FileId;

/// Keeps everything in one file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    /// The file, for messages.
    place: String,
    writer: Mutex<SqliteConnection>,
    readers: SqlitePool,
    /// Which file that is, by the file system: another one under the same name is not this store.
    file: FileId,
    /// What was found damaged.
    damage: std::sync::Mutex<Option<String>>,
    /// How far the look at jobs that have too many executions has come.
    round: Mutex<expire::Round>,
}

impl SqliteStore {
    /// Opens the database in the file at `path`, made (readable by its owner only) where there is
    /// none, and brings its schema up to date.
    ///
    /// # Errors `StoreError::TooNew` when a newer program has written it; `StoreError::Open`
    /// when it cannot be read or written, or is no database of crontower.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let mut writer = open::writer(path, &place).await?;
        open::bring_up_to_date(&mut writer, &place).await?;
        let readers = open::readers(path);
        let writer = Mutex::new(writer);
        let file = FileId::of(path).map_err(|error| StoreError::Open {
            message: format!("it cannot be looked at: {error}"),
            may_pass: false,
            place: place.clone(),
        })?;
        Ok(Self {
            path: path.to_owned(),
            place,
            writer,
            readers,
            file,
            damage: std::sync::Mutex::default(),
            round: Mutex::default(),
        })
    }

    /// Fails where the file was removed or replaced: what would be written is seen by nobody.
    fn check_file(&self) -> Result<(), StoreError> {
        if FileId::of(&self.path).is_ok_and(|found| found == self.file) {
            return Ok(());
        }
        Err(StoreError::Failed {
            doing: "a commit",
            message: format!(
                "{} was removed or replaced while the engine runs: stop this engine, then put the file back or start one \
                 on what is there now",
                self.place
            ),
        })
    }

    /// A failure in words; damage is remembered.
    fn failed(&self, doing: &'static str, error: &sqlx::Error) -> StoreError {
        self.remember(failed(&self.place, doing, error))
    }

    fn remember(&self, error: StoreError) -> StoreError {
        if let StoreError::Corrupt { .. } = &error {
            // A lock that a panic has left is as good as another: it holds one text.
            let mut damage = self.damage.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            damage.get_or_insert_with(|| error.to_string());
        }
        error
    }

    /// A full disk makes SQLite end the transaction by itself, of which the connection knows nothing: only a fresh one
    /// can be trusted. Where none is to be had now, the next commit fails, too, and tries again.
    async fn renew(&self, writer: &mut SqliteConnection) {
        // Opening makes a file where there is none.
        if self.check_file().is_err() {
            return;
        }
        if let Ok(fresh) = open::writer(&self.path, &self.place).await {
            *writer = fresh;
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self) -> Result<Image, StoreError> {
        read::load(&self.readers, &self.place).await.map_err(|error| self.remember(error))
    }

    async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        let value = read::meta(&self.readers, key).await;
        value.map_err(|error| self.failed("reading a setting", &error))
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let batch = commit::Batch::of(changes)?;
        let mut writer = self.writer.lock().await;
        self.check_file()?;
        let written = commit::write(&mut writer, batch, changes, &self.place).await;
        if written.is_err() {
            self.renew(&mut writer).await;
        }
        written.map_err(|error| self.remember(error))
    }

    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<Arc<Execution>>, StoreError> {
        let found = query::page(&self.readers, &Search::new(query)).await;
        found.map_err(|error| self.failed("reading executions", &error))
    }

    async fn executions_named(&self, part: &str) -> Result<Vec<Arc<Execution>>, StoreError> {
        let Some(part) = IdPart::new(part) else { return Ok(Vec::new()) };
        let found = query::named(&self.readers, &part).await;
        found.map_err(|error| self.failed("looking for an execution", &error))
    }

    async fn counts(&self, since: DateTime<Utc>) -> Result<Vec<(StateName, u64)>, StoreError> {
        let counts = query::counts(&self.readers, since).await;
        counts.map_err(|error| self.failed("counting executions", &error))
    }

    async fn events_after(&self, seq: u64, most: u32) -> Result<Vec<Event>, StoreError> {
        let events = read::events_after(&self.readers, seq, limit(most, LARGEST_LIST)).await;
        events.map_err(|error| self.failed("reading events", &error))
    }

    async fn newest_events(&self, most: u32) -> Result<Vec<Event>, StoreError> {
        let events = read::newest_events(&self.readers, limit(most, LARGEST_LIST)).await;
        events.map_err(|error| self.failed("reading events", &error))
    }

    async fn ledger(
        &self,
        job: &JobId,
        before: Option<DateTime<Utc>>,
        most: u32,
    ) -> Result<Vec<LedgerRange>, StoreError> {
        let most = limit(most, LARGEST_LIST);
        let ranges = read::ledger(&self.readers, job, before, most).await;
        ranges.map_err(|error| self.failed("reading the ledger", &error))
    }

    async fn ahead(&self, after: DateTime<Utc>, jobs: &[JobId]) -> Result<Ahead, StoreError> {
        let found = read::ahead(&self.readers, after, jobs).await;
        found.map_err(|error| self.failed("reading what lies ahead", &error))
    }

    async fn job_versions(
        &self,
        job: &JobId,
        before: Option<u32>,
        most: u32,
    ) -> Result<Vec<JobVersion>, StoreError> {
        let most = limit(most, LARGEST_LIST);
        let versions = read::job_versions(&self.readers, job, before, most).await;
        versions.map_err(|error| self.failed("reading definitions", &error))
    }

    async fn delete_expired(&self, expired: &Expired) -> Result<PruneBatch, StoreError> {
        let broken = |error: &sqlx::Error| self.failed("deleting old history", error);
        let mut round = self.round.lock().await;
        let found = expire::find(&self.readers, expired, &mut round).await;
        let found = found.map_err(|error| broken(&error))?;
        if !found.is_empty() {
            let mut writer = self.writer.lock().await;
            if let Err(error) = expire::delete(&mut writer, &found).await {
                self.renew(&mut writer).await;
                return Err(broken(&error));
            }
        }
        Ok(found.into_batch())
    }

    async fn removable(&self, ids: &[ExecutionId]) -> Result<Vec<ExecutionId>, StoreError> {
        let found = expire::removable(&self.readers, ids).await;
        found.map_err(|error| self.failed("looking for old output", &error))
    }

    fn damage(&self) -> Option<String> {
        self.damage.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    async fn close(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let emptied = open::empty_log(&mut writer).await;
        emptied.map_err(|error| self.failed("closing", &error))
    }

    async fn history_size(&self) -> Result<HistorySize, StoreError> {
        let size = expire::history_size(&self.readers).await;
        size.map_err(|error| self.failed("measuring the history", &error))
    }

    async fn missing(&self, ids: &[ExecutionId]) -> Result<Vec<ExecutionId>, StoreError> {
        let missing = expire::missing(&self.readers, ids).await;
        missing.map_err(|error| self.failed("looking for executions", &error))
    }

    async fn job_version(&self, job: &JobId, version: u32) -> Result<Option<Arc<Job>>, StoreError> {
        let found = read::job_version(&self.readers, &self.place, job, version).await;
        found.map_err(|error| self.remember(error))
    }
}
