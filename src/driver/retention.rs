//! Deleting what `retention` says is old enough, together with its output.
//!
//! Owns the pace: small bites, five a second while there is more, else one a minute, so that it is never in the way of
//! what fires; and the order: first the rows, then their files, so that a crash between leaves files without rows, which
//! are looked for one folder a minute and go once they are as old as retention allows (the output of a run that a store
//! in memory has forgotten goes that way too). Never decides what must stay: the store does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::data_dir::DataDir;
use super::handle::Message;
use crate::clock::Clock;
use crate::model::{AttemptKey, ExecutionId, ON_FAILURE, Retention};
use crate::store::{Expired, Store};
use crate::worker::output_log::{kept_outputs, last_written, remove_output};

/// Rows of a kind in one bite.
const BITE: u32 = 100;
/// Between two bites while there is more.
const PACE: Duration = Duration::from_millis(200);
/// Between two looks while there is not.
const IDLE: Duration = Duration::from_secs(60);

/// Deletes what is old enough. See the module's first lines.
#[derive(Debug)]
pub(super) struct Keeper {
    store: Arc<dyn Store>,
    data_dir: PathBuf,
    to_loop: mpsc::WeakSender<Message>,
    /// Whether output without an execution is looked for.
    sweeps: bool,
    /// The folder of output that is looked at next.
    shard: u8,
    /// What went wrong last, so that it is told once.
    trouble: Option<String>,
}

impl Keeper {
    pub(super) fn new(
        kind: &str,
        store: Arc<dyn Store>,
        data_dir: &DataDir,
        to_loop: mpsc::WeakSender<Message>,
    ) -> Self {
        let data_dir = data_dir.root().to_owned();
        // Someone who tries something out in memory must not lose the output of what the database knows.
        let sweeps = kind != "memory" || !data_dir.join("crontower.db").exists();
        Self { store, data_dir, to_loop, sweeps, shard: 0, trouble: None }
    }

    /// Runs until the engine has ended.
    pub(super) async fn run(mut self, stopped: CancellationToken) {
        let mut pause = IDLE;
        // Nothing becoming older is no event.
        while timeout(pause, stopped.cancelled()).await.is_err() {
            let more = match self.settings().await {
                Some(retention) => self.step(Clock.now().wall, retention).await,
                None => false,
            };
            pause = if more { PACE } else { IDLE };
        }
    }

    /// What is in force now; `None` while the engine does not answer.
    async fn settings(&self) -> Option<Retention> {
        let (reply, answer) = oneshot::channel();
        let look = Message::Look(Box::new(move |engine| {
            // Whoever asked may have gone.
            _ = reply.send(engine.map(|engine| engine.settings().retention));
        }));
        // Held for a moment only: the engine ends when nobody else can talk to it.
        self.to_loop.upgrade()?.send(look).await.ok()?;
        answer.await.ok()?.ok()
    }

    /// Takes a bite. Whether there is more to take.
    async fn step(&mut self, now: DateTime<Utc>, retention: Retention) -> bool {
        let kept = TimeDelta::try_days(retention.days.into());
        let before = kept.and_then(|kept| now.checked_sub_signed(kept));
        let before = before.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let expired = Expired { before, per_job: retention.per_job, at_most: BITE };
        let taken = self.take(&expired).await;
        self.tell_once(taken.as_ref().err());
        taken.unwrap_or(false)
    }

    async fn take(&mut self, expired: &Expired) -> Result<bool, String> {
        let bite = self.store.delete_expired(expired).await.map_err(|error| error.to_string())?;
        let attempts_of = |(execution_id, attempts): (ExecutionId, u32)| {
            (ON_FAILURE..=attempts).map(move |attempt| AttemptKey { execution_id, attempt })
        };
        let outputs: Vec<_> = bite.executions.into_iter().flat_map(attempts_of).collect();
        let removed = self.remove(outputs).await;
        if !bite.more && self.sweeps {
            self.sweep(expired.before).await?;
        }
        removed.map(|()| bite.more)
    }

    /// Removes outputs; one that cannot be removed keeps no other.
    async fn remove(&self, outputs: Vec<AttemptKey>) -> Result<(), String> {
        let data_dir = self.data_dir.clone();
        blocking(move || {
            let remove = |key: AttemptKey| {
                remove_output(&data_dir, key).map_err(|error| {
                    let AttemptKey { execution_id, attempt } = key;
                    format!("the output of {execution_id}, attempt {attempt}, stays: {error}")
                })
            };
            let results: Vec<_> = outputs.into_iter().map(remove).collect();
            results.into_iter().collect()
        })
        .await
    }

    /// Looks through one folder for output that no execution has and that is as old as retention allows. The folder is
    /// read before the store is asked: an execution is kept before its output begins.
    async fn sweep(&mut self, before: DateTime<Utc>) -> Result<(), String> {
        let shard = self.shard;
        self.shard = shard.wrapping_add(1);
        let data_dir = self.data_dir.clone();
        let kept = blocking(move || {
            kept_outputs(&data_dir, shard)
                .map_err(|error| format!("output/{shard:02x} cannot be looked through: {error}"))
        });
        let kept = kept.await?;
        let mut ids: Vec<_> = kept.iter().map(|key| key.execution_id).collect();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        let missing = self.store.missing(&ids).await.map_err(|error| error.to_string())?;
        let missing: std::collections::HashSet<_> = missing.into_iter().collect();
        let data_dir = self.data_dir.clone();
        let old = move |key: &AttemptKey| {
            missing.contains(&key.execution_id)
                && last_written(&data_dir, *key).is_some_and(|last| last < before)
        };
        let orphans =
            blocking(move || Ok(kept.into_iter().filter(old).collect::<Vec<_>>())).await?;
        self.remove(orphans).await
    }

    /// Says what went wrong, unless it is what went wrong before.
    fn tell_once(&mut self, trouble: Option<&String>) {
        if let Some(error) = trouble
            && self.trouble.as_ref() != Some(error)
        {
            tracing::warn!(%error, "old history is not deleted");
        }
        self.trouble = trouble.cloned();
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;
    use std::time::SystemTime;

    use super::*;
    use crate::model::{Execution, ExecutionState};
    use crate::store::SqliteStore;
    use crate::store::contract::{at, execution, id, kept};

    const RETENTION: Retention = Retention { days: 30, per_job: 3 };

    async fn keeper(folder: &Path) -> Keeper {
        let data_dir = DataDir::open(folder).unwrap();
        let store = SqliteStore::open(&data_dir.root().join("crontower.db")).await.unwrap();
        let (to_loop, _) = mpsc::channel(1);
        Keeper::new("sqlite", Arc::new(store), &data_dir, to_loop.downgrade())
    }

    /// The output of an attempt, as its writer lays it down.
    fn write(data_dir: &Path, execution: ExecutionId, attempt: u32) -> PathBuf {
        let id = execution.to_string();
        let shard = data_dir.join("output").join(&id[30..]);
        fs::create_dir_all(&shard).unwrap();
        let head = shard.join(format!("{id}.{attempt}"));
        fs::write(&head, "@0 o 3\nhi\n").unwrap();
        fs::create_dir_all(shard.join(format!("{id}.{attempt}.tail"))).unwrap();
        fs::write(shard.join(format!("{id}.{attempt}.tail/0")), "x").unwrap();
        head
    }

    fn age(path: &Path, at: DateTime<Utc>) {
        for path in [path.to_owned(), path.with_added_extension("tail")] {
            File::open(path).unwrap().set_modified(SystemTime::from(at)).unwrap();
        }
    }

    /// So many days after what the executions of these tests did.
    fn day(days: i64) -> DateTime<Utc> {
        at(0) + TimeDelta::days(days)
    }

    #[tokio::test]
    async fn output_goes_with_its_execution_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path()).await;
        let rows = (1..=5).map(|number| kept(execution(number, ExecutionState::Succeeded)));
        keeper.store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
        let outputs: Vec<_> = (1..=5).map(|number| write(folder.path(), id(number), 1)).collect();
        let notice = write(folder.path(), id(1), ON_FAILURE);
        assert!(!keeper.step(day(1), RETENTION).await);
        let there: Vec<_> = outputs.iter().map(|output| output.exists()).collect();
        assert_eq!(there, [false, false, true, true, true]);
        assert!(!notice.exists() && !outputs[0].with_added_extension("tail").exists());
        assert!(!keeper.step(day(31), RETENTION).await);
        assert!(outputs.iter().all(|output| !output.exists()));
    }

    #[tokio::test]
    async fn old_output_without_an_execution_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path()).await;
        let failed = Execution { finished_at: None, ..execution(1, ExecutionState::Failed) };
        keeper.store.commit(&[kept(failed)]).await.unwrap();
        let known = write(folder.path(), id(1), 1);
        let orphan = write(folder.path(), id(2), 7);
        let fresh = write(folder.path(), id(3), 1);
        let stranger = orphan.with_file_name("notes.txt");
        fs::write(&stranger, "mine").unwrap();
        for (path, days) in [(&known, 0), (&orphan, 0), (&fresh, 20)] {
            age(path, day(days));
        }
        for _ in 0..=u8::MAX {
            assert!(!keeper.step(day(40), RETENTION).await);
        }
        assert!(known.exists() && fresh.exists() && stranger.exists());
        assert!(!orphan.exists() && !orphan.with_added_extension("tail").exists());
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_once_and_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path()).await;
        let rows = (1..=3).map(|number| kept(execution(number, ExecutionState::Succeeded)));
        keeper.store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
        let outputs: Vec<_> = (1..=3).map(|number| write(folder.path(), id(number), 1)).collect();
        // What is no file cannot be removed as one.
        fs::remove_file(&outputs[0]).unwrap();
        fs::create_dir(&outputs[0]).unwrap();
        keeper.step(day(31), RETENTION).await;
        let trouble = keeper.trouble.clone().unwrap();
        assert!(trouble.starts_with(&format!("the output of {}, attempt 1, stays", id(1))));
        assert!(!outputs[1].exists() && !outputs[2].exists());
        keeper.step(day(31), RETENTION).await;
        assert_eq!(keeper.trouble, None);
    }

    #[tokio::test]
    async fn it_ends_with_the_engine() {
        let folder = tempfile::tempdir().unwrap();
        let stopped = CancellationToken::new();
        let running = tokio::spawn(keeper(folder.path()).await.run(stopped.clone()));
        stopped.cancel();
        running.await.unwrap();
    }

    #[tokio::test]
    async fn a_store_in_memory_leaves_the_output_of_a_database_alone() {
        let folder = tempfile::tempdir().unwrap();
        let beside = keeper(folder.path()).await;
        let data_dir = DataDir::open(folder.path()).unwrap();
        let memory = Keeper::new("memory", beside.store.clone(), &data_dir, beside.to_loop.clone());
        assert!(beside.sweeps && !memory.sweeps);
    }
}
