//! Deleting what `retention` says is old enough, together with its output.
//!
//! Owns the pace: small batches, five a second while there is more, else a look three times a minute, so that it is
//! never in the way of what fires; and the order: first the rows, then their files, so that a crash between leaves files without rows, which
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
use super::feed::HistoryState;
use super::handle::Message;
use super::identity::StoreMark;
use super::output_space::{History, OutputSpace, remove};
use crate::clock::Clock;
use crate::model::{AttemptKey, ExecutionId, ON_FAILURE, Retention};
use crate::store::{Expired, Store};
use crate::worker::output_log::{kept_outputs, last_written};

/// Rows of a kind in one batch.
const BATCH: u32 = 100;
/// Between two batches while there is more.
const PACE: Duration = Duration::from_millis(200);
/// Between two looks while there is not.
const IDLE: Duration = Duration::from_secs(20);
/// Looks that find nothing to delete, until the next folder is searched for output without an execution.
const LOOKS_A_SWEEP: u32 = 3;

/// Deletes what is old enough. See the module's first lines.
#[derive(Debug)]
pub(super) struct Keeper {
    store: Arc<dyn Store>,
    data_dir: PathBuf,
    to_loop: mpsc::WeakSender<Message>,
    /// Whether output without an execution is looked for.
    sweeps: bool,
    /// The folder of output that is searched next, and how many looks have passed since the last one.
    shard: u8,
    looks: u32,
    space: OutputSpace,
    /// Where it is noted once a minute how far the store has come.
    mark: Option<Arc<StoreMark>>,
    steps: u32,
    history: Arc<History>,
    /// What went wrong last, so that it is told once.
    trouble: Option<String>,
}

impl Keeper {
    pub(super) fn new(
        kind: &str,
        store: Arc<dyn Store>,
        data_dir: &DataDir,
        to_loop: mpsc::WeakSender<Message>,
        history: Arc<History>,
    ) -> Self {
        let data_dir = data_dir.root().to_owned();
        // Someone who tries another store out must not lose the output of what the database in the folder knows.
        let sweeps = kind == "sqlite" || !data_dir.join("crontower.db").exists();
        let space = OutputSpace::new(data_dir.clone(), Arc::clone(&history));
        let (shard, looks, trouble) = (0, 0, None);
        let (mark, steps) = (None, 0);
        Self {
            store,
            data_dir,
            to_loop,
            sweeps,
            shard,
            looks,
            space,
            mark,
            steps,
            history,
            trouble,
        }
    }

    /// Has it note how far the store has come.
    pub(super) fn marking(mut self, mark: Option<Arc<StoreMark>>) -> Self {
        self.mark = mark;
        self
    }

    /// Notes how far the store has come, once in so many looks as come to a minute.
    async fn note_progress(&mut self) {
        self.steps = self.steps.wrapping_add(1);
        let Some(mark) = self.mark.clone().filter(|_| self.steps.is_multiple_of(LOOKS_A_SWEEP))
        else {
            return;
        };
        // Where the store does not answer, others say so.
        let Ok(newest) = self.store.newest_events(1).await else { return };
        if let Some(seq) = newest.first().map(|event| event.seq) {
            // Its own warnings say what went wrong.
            let write = move || {
                mark.write(seq);
                Ok(())
            };
            let _ = blocking(write).await;
        }
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
            if !more {
                self.note_progress().await;
            }
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

    /// Takes a batch of what is beyond each bound. Whether there is more to take.
    async fn step(&mut self, now: DateTime<Utc>, retention: Retention) -> bool {
        let days = TimeDelta::try_days(retention.days.into());
        let before = days.and_then(|days| now.checked_sub_signed(days));
        let before = before.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let Retention { per_job, events, .. } = retention;
        let expired = Expired { before, per_job, events, at_most: BATCH };
        let rows = self.take(&expired).await;
        let output = self.space.bound(&*self.store, retention.output, now).await;
        let trouble = rows.as_ref().err().or(output.as_ref().err()).cloned();
        let more = rows.unwrap_or(false) | output.unwrap_or(false);
        self.publish(more, trouble.clone()).await;
        self.tell_once(trouble.as_ref());
        more
    }

    /// Says how much history there is.
    async fn publish(&self, over: bool, problem: Option<String>) {
        // Where the store does not answer, others say so; the numbers are those of before.
        let Ok(size) = self.store.history_size().await else { return };
        self.history.found(HistoryState {
            executions: size.executions,
            events: size.events,
            output_bytes: self.space.used(),
            over,
            problem,
        });
    }

    async fn take(&mut self, expired: &Expired) -> Result<bool, String> {
        let batch = self.store.delete_expired(expired).await.map_err(|error| error.to_string())?;
        let attempts_of = |(execution_id, attempts): (ExecutionId, u32)| {
            (ON_FAILURE..=attempts).map(move |attempt| AttemptKey { execution_id, attempt })
        };
        let outputs: Vec<_> = batch.executions.into_iter().flat_map(attempts_of).collect();
        let removed = self.remove(outputs).await;
        if !batch.more && self.sweeps {
            let due = self.looks.is_multiple_of(LOOKS_A_SWEEP);
            self.looks = self.looks.wrapping_add(1);
            if due {
                self.sweep(expired.before).await?;
            }
        }
        removed.map(|()| batch.more)
    }

    async fn remove(&mut self, outputs: Vec<AttemptKey>) -> Result<(), String> {
        let removed = remove(self.data_dir.clone(), outputs).await?;
        self.space.removed(&removed);
        removed.into_iter().try_for_each(|(_, result)| result.map(drop))
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

pub(super) async fn blocking<T: Send + 'static>(
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
    use crate::model::{
        Actor, Change, Event, EventKind, Execution, ExecutionState, JobId, StateName,
    };
    use crate::store::SqliteStore;
    use crate::store::contract::{at, execution, id, kept};

    const RETENTION: Retention =
        Retention { days: 30, per_job: 3, output: u64::MAX, events: u64::MAX };

    async fn keeper(folder: &Path) -> Keeper {
        let data_dir = DataDir::open(folder).unwrap();
        let store = SqliteStore::open(&data_dir.root().join("crontower.db")).await.unwrap();
        let (to_loop, _) = mpsc::channel(1);
        Keeper::new("sqlite", Arc::new(store), &data_dir, to_loop.downgrade(), Arc::default())
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
        while keeper.step(day(1), RETENTION).await {}
        let there: Vec<_> = outputs.iter().map(|output| output.exists()).collect();
        assert_eq!(there, [false, false, true, true, true]);
        assert!(!notice.exists() && !outputs[0].with_added_extension("tail").exists());
        while keeper.step(day(31), RETENTION).await {}
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
        for _ in 0..256 * LOOKS_A_SWEEP {
            assert!(!keeper.step(day(40), RETENTION).await);
        }
        assert!(known.exists() && fresh.exists() && stranger.exists());
        assert!(!orphan.exists() && !orphan.with_added_extension("tail").exists());
    }

    #[tokio::test]
    async fn what_goes_wrong_is_reported_once_and_stops_nothing() {
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

    /// Output of an attempt, of so many KiB.
    fn write_kib(data_dir: &Path, execution: ExecutionId, kib: usize) -> PathBuf {
        let head = write(data_dir, execution, 1);
        fs::write(&head, vec![b'x'; kib << 10]).unwrap();
        head
    }

    /// The event that an execution became final with its first attempt.
    fn ended(number: u32, state: StateName) -> Change {
        let kind = EventKind::ExecutionChanged {
            execution_id: id(number),
            job_id: JobId::new("a").unwrap(),
            state,
            attempt: 1,
            reason: crate::model::Reason::ItsTurn,
        };
        let seq = u64::from(number);
        Change::Event(Event { seq, at: at(0), actor: Actor::engine(), kind })
    }

    #[tokio::test]
    async fn the_oldest_output_goes_where_all_of_it_takes_too_much_room() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path()).await;
        let state = |number| match number {
            2 => ExecutionState::Failed,
            4 => ExecutionState::RUNNING,
            _ => ExecutionState::Succeeded,
        };
        let rows = (1..=40).map(|number| kept(execution(number, state(number))));
        keeper.store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
        let outputs: Vec<_> =
            (1..=40).map(|number| write_kib(folder.path(), id(number), 256)).collect();
        let kept_of =
            || -> Vec<usize> { (1..=40).filter(|number| outputs[number - 1].exists()).collect() };
        let retention = |mib: u64| Retention { per_job: 1_000, output: mib << 20, ..RETENTION };
        while keeper.step(day(1), retention(20)).await {}
        assert_eq!(kept_of().len(), 40);
        while keeper.step(day(1), retention(4)).await {}
        // The only failure of its job and what still runs keep theirs.
        let expected: Vec<usize> = [2, 4].into_iter().chain(28..=40).collect();
        assert_eq!(kept_of(), expected);
        let state = keeper.history.state();
        assert!(state.output_bytes.is_some_and(|bytes| bytes <= 4 << 20), "{state:?}");
        assert_eq!((state.executions, state.over, state.problem), (40, false, None), "rows stay");
    }

    #[tokio::test]
    async fn output_that_is_written_later_counts_as_soon_as_its_attempt_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path()).await;
        let retention = Retention { per_job: 1_000, output: 4 << 20, ..RETENTION };
        let (early, late) = (at(-1_000), day(1));
        while keeper.step(early, retention).await {}
        assert_eq!(keeper.space.used(), Some(0));
        let mut outputs = Vec::new();
        for number in 1..=60 {
            let row = kept(execution(number, ExecutionState::Succeeded));
            let changes = [row, ended(number, StateName::Succeeded)];
            keeper.store.commit(&changes).await.unwrap();
            keeper.history.committed(&changes);
            outputs.push(write_kib(folder.path(), id(number), 512));
            while keeper.step(late, retention).await {}
            let used = outputs.iter().filter(|output| output.exists()).count();
            assert!(used <= 8, "{used} of 512 KiB after {number}");
            assert_eq!(outputs.last().map(|last| last.exists()), Some(true));
        }
    }

    #[tokio::test]
    async fn an_attempt_is_counted_once_however_its_execution_goes_on() {
        let history = History::default();
        for state in [StateName::Retrying, StateName::Queued, StateName::Cancelled] {
            history.committed(&[ended(1, state)]);
        }
        history.committed(&[ended(2, StateName::Succeeded), ended(3, StateName::Running)]);
        let keys = history.take_ended().unwrap();
        let numbers: Vec<_> = keys.iter().map(|key| (key.execution_id, key.attempt)).collect();
        assert_eq!(numbers, [(id(1), 1), (id(2), 1)]);
        assert_eq!(history.take_ended(), Some(Vec::new()));
    }

    /// A minute and a half of 50 executions a second, four events each, as the pace has it: never more than a minute's
    /// worth beyond a bound, and nothing in the end.
    #[tokio::test]
    async fn bounds_hold_within_a_minute_under_fifty_executions_a_second() {
        const JOBS: u32 = 300;
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path()).await;
        let retention = Retention { days: 30, per_job: 3, output: u64::MAX, events: 2_000 };
        let a_look = u32::try_from(IDLE.as_secs()).unwrap();
        let (mut number, mut seq) = (0, 0);
        for _ in 0..5 {
            let mut changes = Vec::new();
            for _ in 0..50 * a_look {
                number += 1;
                let job_id = JobId::new(&format!("job-{}", number % JOBS)).unwrap();
                changes.push(kept(Execution {
                    job_id,
                    ..execution(number, ExecutionState::Succeeded)
                }));
                for _ in 0..4 {
                    seq += 1;
                    let kind = EventKind::EngineStarted { version: String::new() };
                    changes.push(Change::Event(Event {
                        seq,
                        at: at(0),
                        actor: Actor::engine(),
                        kind,
                    }));
                }
            }
            keeper.store.commit(&changes).await.unwrap();
            let mut batches = 1;
            while keeper.step(day(1), retention).await {
                batches += 1;
            }
            assert!(PACE * batches < Duration::from_secs(40), "{batches} batches");
            let size = keeper.store.history_size().await.unwrap();
            assert!(size.executions <= u64::from(3 * JOBS) && size.events <= 2_000, "{size:?}");
        }
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
        let memory = Keeper::new(
            "memory",
            beside.store.clone(),
            &data_dir,
            beside.to_loop.clone(),
            Arc::default(),
        );
        assert!(beside.sweeps && !memory.sweeps);
    }
}
