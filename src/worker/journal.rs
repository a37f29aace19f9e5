//! What a worker process must not forget: which attempts it starts, has started and has ended,
//! until an engine has committed their ends.
//!
//! Owns `worker.journal`: a JSON text a line, only ever appended to, and rewritten when most of
//! it is no longer needed. Nothing is synced to the disk: a line in the page cache survives the
//! death of the process, and a power cut ends all attempts anyway (the boot id shows it). Never knows
//! what an attempt does.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::atomic_file::AtomicFile;
use crate::model::{AttemptKey, Ended, Running, WorkerId};

/// Where the journal of a data folder is.
const NAME: &str = "worker.journal";

/// A file up to this size is not worth rewriting.
const SMALL: u64 = 256 << 10;

/// A line beyond this is garbage.
const LONGEST_LINE: u64 = 8 << 20;

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub(super) enum Entry {
    /// The worker process that wrote the lines after it.
    Process(ProcessMark),
    /// An attempt is about to be started: from here on it may have run.
    Starting(Starting),
    /// Its process group.
    Started {
        running: Running,
        /// Since the boot, in milliseconds.
        monotonic_ms: u64,
    },
    /// It is over.
    Ended(Box<Ended>),
    /// An engine has committed its end.
    Committed { keys: Vec<AttemptKey> },
}

/// A life of a worker process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessMark {
    pub(super) boot_id: String,
    pub(super) session: i32,
}

/// An attempt that is about to be started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Starting {
    pub(super) key: AttemptKey,
    pub(super) worker_id: WorkerId,
    pub(super) at: DateTime<Utc>,
    /// Since the boot, in milliseconds.
    pub(super) monotonic_ms: u64,
    #[serde(with = "crate::model::text::duration")]
    pub(super) kill_grace: Duration,
    /// Whether it has a process of its own.
    pub(super) process: bool,
}

/// What a journal says about an attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Replayed {
    /// It may have run when its worker process died.
    Unfinished {
        by: ProcessMark,
        starting: Starting,
        /// Its process group and when that was known, since the boot in milliseconds.
        group: Option<(u32, u64)>,
    },
    /// It is over, and no engine has committed that.
    Ended(Ended),
}

/// The journal of a running worker process.
#[derive(Debug)]
pub(super) struct Journal {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: File,
    size: u64,
    /// The first line.
    process: Vec<u8>,
    /// The lines that are still needed, by attempt.
    needed: HashMap<AttemptKey, Vec<u8>>,
    needed_bytes: u64,
    /// Whether the last write failed: the file may end in half a line, so it is rewritten before
    /// anything else.
    torn: bool,
}

impl Journal {
    /// Reads what a predecessor left; lines that cannot be read are passed over.
    pub(super) fn replay(data_dir: &Path) -> io::Result<BTreeMap<AttemptKey, Replayed>> {
        let mut replayed = BTreeMap::new();
        let file = match File::open(data_dir.join(NAME)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(replayed),
            Err(error) => return Err(error),
        };
        let mut reader = BufReader::new(file);
        let mut process = ProcessMark::default();
        let mut line = Vec::new();
        while reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? > 0 {
            match serde_json::from_slice(&line) {
                Ok(Entry::Process(mark)) => process = mark,
                Ok(entry) => apply(&mut replayed, &process, entry),
                Err(error) => {
                    let bytes = line.len();
                    tracing::warn!(%error, bytes, "worker.journal: skipped a line");
                }
            }
            line.clear();
        }
        Ok(replayed)
    }

    /// Begins a new journal in place of the old, with the ends that no engine has committed, and with what still runs
    /// of a predecessor: should this process die, too, its successor must know whose it was.
    pub(super) fn begin(
        data_dir: &Path,
        by: ProcessMark,
        ended: &[Ended],
        unfinished: &[Replayed],
    ) -> io::Result<Self> {
        let path = data_dir.join(NAME);
        let process = line(&Entry::Process(by))?;
        let mut needed = HashMap::new();
        for end in ended {
            needed.insert(end.key, line(&Entry::Ended(Box::new(end.clone())))?);
        }
        for replayed in unfinished {
            if let Replayed::Unfinished { by, starting, group } = replayed {
                needed.insert(starting.key, inherited(by, starting, *group, &process)?);
            }
        }
        let (file, size) = rewrite(&path, &process, &needed)?;
        let needed_bytes = needed.values().map(|lines| lines.len() as u64).sum();
        let inner = Inner { path, file, size, process, needed, needed_bytes, torn: false };
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// An attempt is about to be started.
    ///
    /// # Errors
    /// When that cannot be written; it must then not be started.
    pub(super) fn starting(&self, starting: Starting) -> io::Result<()> {
        let key = starting.key;
        let bytes = line(&Entry::Starting(starting))?;
        let mut inner = self.lock();
        inner.keep(key, &bytes);
        inner.append(&bytes).inspect_err(|_| {
            // It is not started, so there is nothing to remember of it.
            inner.forget(&[key]);
        })
    }

    /// An attempt runs. Where this cannot be written now, it is with the next line; a successor
    /// would find the process by its environment.
    pub(super) fn started(&self, running: &Running, monotonic: Duration) {
        let monotonic_ms = u64::try_from(monotonic.as_millis()).unwrap_or(u64::MAX);
        let entry = Entry::Started { running: running.clone(), monotonic_ms };
        self.lock().record(running.key, &entry);
    }

    /// Attempts are over.
    pub(super) fn ended<'a>(&self, ends: impl Iterator<Item = &'a Ended>) {
        let mut inner = self.lock();
        let mut batch = Vec::new();
        for end in ends {
            if let Ok(bytes) = line(&Entry::Ended(Box::new(end.clone()))) {
                inner.forget(&[end.key]);
                inner.keep(end.key, &bytes);
                batch.extend_from_slice(&bytes);
            }
        }
        inner.append_or_log(&batch);
    }

    /// An engine has committed the ends of these.
    pub(super) fn committed(&self, keys: &[AttemptKey]) {
        let mut inner = self.lock();
        inner.forget(keys);
        if inner.needed.is_empty() && !inner.torn {
            // The cheapest way to forget: nothing before the end of the first line is needed any
            // more.
            let first = inner.process.len() as u64;
            if inner.file.set_len(first).is_ok() {
                inner.size = first;
                return;
            }
        }
        if let Ok(bytes) = line(&Entry::Committed { keys: keys.to_vec() }) {
            inner.append_or_log(&bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn keep(&mut self, key: AttemptKey, bytes: &[u8]) {
        self.needed.entry(key).or_default().extend_from_slice(bytes);
        self.needed_bytes += bytes.len() as u64;
    }

    fn forget(&mut self, keys: &[AttemptKey]) {
        for key in keys {
            if let Some(lines) = self.needed.remove(key) {
                self.needed_bytes -= lines.len() as u64;
            }
        }
    }

    fn record(&mut self, key: AttemptKey, entry: &Entry) {
        if let Ok(bytes) = line(entry) {
            self.keep(key, &bytes);
            self.append_or_log(&bytes);
        }
    }

    fn append_or_log(&mut self, bytes: &[u8]) {
        if let Err(error) = self.append(bytes) {
            tracing::error!(%error, "worker.journal cannot be written; the next write tries again");
        }
    }

    /// Appends lines whose content is in `needed` already, so that rewriting the file writes
    /// them too.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn || self.size > SMALL.max(4 * self.needed_bytes) {
            self.torn = true;
            (self.file, self.size) = rewrite(&self.path, &self.process, &self.needed)?;
            self.torn = false;
            return Ok(());
        }
        self.file.write_all(bytes).inspect_err(|_| self.torn = true)?;
        self.size += bytes.len() as u64;
        Ok(())
    }
}

fn line(entry: &Entry) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(entry)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The lines of an attempt that a predecessor started, between those that say whose the lines after them are.
fn inherited(
    by: &ProcessMark,
    starting: &Starting,
    group: Option<(u32, u64)>,
    process: &[u8],
) -> io::Result<Vec<u8>> {
    let mut lines = line(&Entry::Process(by.clone()))?;
    lines.append(&mut line(&Entry::Starting(starting.clone()))?);
    if let Some((pid, monotonic_ms)) = group {
        let Starting { key, worker_id, at: started_at, .. } = starting.clone();
        let running = Running { key, worker_id, started_at, pid: Some(pid) };
        lines.append(&mut line(&Entry::Started { running, monotonic_ms })?);
    }
    lines.extend_from_slice(process);
    Ok(lines)
}

/// Writes a journal beside the old one and puts it in its place.
fn rewrite(
    path: &Path,
    process: &[u8],
    needed: &HashMap<AttemptKey, Vec<u8>>,
) -> io::Result<(File, u64)> {
    let beside = path.with_extension("journal.new");
    let mut content = process.to_vec();
    for lines in needed.values() {
        content.extend_from_slice(lines);
    }
    let mut file = AtomicFile::replace_leftover(beside, path.to_owned(), 0o600)?;
    file.write_all(&content)?;
    Ok((file.commit_unsynced()?, content.len() as u64))
}

fn apply(replayed: &mut BTreeMap<AttemptKey, Replayed>, process: &ProcessMark, entry: Entry) {
    match entry {
        Entry::Process(_) => {}
        Entry::Starting(starting) => {
            let by = process.clone();
            replayed.insert(starting.key, Replayed::Unfinished { by, starting, group: None });
        }
        Entry::Started { running, monotonic_ms } => {
            if let Some(Replayed::Unfinished { group, .. }) = replayed.get_mut(&running.key) {
                *group = running.pid.map(|pid| (pid, monotonic_ms));
            }
        }
        Entry::Ended(ended) => {
            replayed.insert(ended.key, Replayed::Ended(*ended));
        }
        Entry::Committed { keys } => {
            for key in keys {
                replayed.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::Outcome;

    fn key(attempt: u32) -> AttemptKey {
        AttemptKey { execution_id: "0192f0c123457abc8def0123456789ab".parse().unwrap(), attempt }
    }

    fn starting(attempt: u32) -> Starting {
        Starting {
            key: key(attempt),
            worker_id: WorkerId::new("w").unwrap(),
            at: DateTime::UNIX_EPOCH,
            monotonic_ms: 1_000,
            kill_grace: Duration::from_secs(1),
            process: true,
        }
    }

    fn running(attempt: u32) -> Running {
        Running {
            key: key(attempt),
            worker_id: WorkerId::new("w").unwrap(),
            started_at: DateTime::UNIX_EPOCH,
            pid: Some(40 + attempt),
        }
    }

    fn ended(attempt: u32) -> Ended {
        Ended {
            key: key(attempt),
            started_at: Some(DateTime::UNIX_EPOCH),
            finished_at: DateTime::UNIX_EPOCH,
            outcome: Outcome::Succeeded,
            exit_code: Some(0),
            error: None,
            result: None,
            output_lost: 0,
        }
    }

    fn mark() -> ProcessMark {
        ProcessMark { boot_id: "b".to_owned(), session: 7 }
    }

    #[test]
    fn a_successor_knows_what_ran_what_ended_and_what_was_committed() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::begin(dir.path(), mark(), &[ended(9)], &[]).unwrap();
        for attempt in 1..=4 {
            journal.starting(starting(attempt)).unwrap();
        }
        journal.started(&running(2), Duration::from_secs(2));
        journal.ended([ended(3), ended(4)].iter());
        journal.committed(&[key(4)]);
        let replayed = Journal::replay(dir.path()).unwrap();
        let unfinished = |attempt, group| Replayed::Unfinished {
            by: mark(),
            starting: starting(attempt),
            group,
        };
        assert_eq!(replayed.len(), 4);
        assert_eq!(replayed[&key(1)], unfinished(1, None));
        assert_eq!(replayed[&key(2)], unfinished(2, Some((42, 2_000))));
        assert_eq!(replayed[&key(3)], Replayed::Ended(ended(3)));
        assert_eq!(replayed[&key(9)], Replayed::Ended(ended(9)));
    }

    #[test]
    fn what_a_predecessor_started_stays_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let by = ProcessMark { boot_id: "b".to_owned(), session: 1 };
        let old = |attempt, group| {
            let (by, starting) = (by.clone(), starting(attempt));
            Replayed::Unfinished { by, starting, group }
        };
        let unfinished = [old(1, Some((41, 5))), old(2, None)];
        let journal = Journal::begin(dir.path(), mark(), &[], &unfinished).unwrap();
        journal.starting(starting(3)).unwrap();
        let replayed = Journal::replay(dir.path()).unwrap();
        assert_eq!((&replayed[&key(1)], &replayed[&key(2)]), (&unfinished[0], &unfinished[1]));
        let new = Replayed::Unfinished { by: mark(), starting: starting(3), group: None };
        assert_eq!(replayed[&key(3)], new);
        journal.ended([ended(1)].iter());
        let replayed = Journal::replay(dir.path()).unwrap();
        assert_eq!(replayed[&key(1)], Replayed::Ended(ended(1)));
    }

    #[test]
    fn a_torn_or_strange_line_hides_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::begin(dir.path(), mark(), &[], &[]).unwrap();
        journal.starting(starting(1)).unwrap();
        drop(journal);
        let path = dir.path().join(NAME);
        let mut content = fs::read(&path).unwrap();
        content.extend_from_slice(b"\xff\x00{}\n[1]\n");
        let mut half = line(&Entry::Ended(Box::new(ended(1)))).unwrap();
        half.truncate(half.len() / 2);
        content.extend_from_slice(&half);
        fs::write(&path, content).unwrap();
        let replayed = Journal::replay(dir.path()).unwrap();
        assert!(matches!(replayed[&key(1)], Replayed::Unfinished { .. }));
        assert_eq!(replayed.len(), 1);
    }

    #[test]
    fn it_does_not_grow_with_the_attempts_that_are_over() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::begin(dir.path(), mark(), &[], &[]).unwrap();
        journal.starting(starting(1)).unwrap();
        let mut largest = 0;
        for attempt in 2..100_000 {
            journal.starting(starting(attempt)).unwrap();
            journal.started(&running(attempt), Duration::ZERO);
            journal.ended([ended(attempt)].iter());
            journal.committed(&[key(attempt)]);
            largest = largest.max(journal.lock().size);
        }
        let size = fs::metadata(dir.path().join(NAME)).unwrap().len();
        assert!(size <= largest && largest <= SMALL + 4_096, "{size} {largest}");
        assert_eq!(Journal::replay(dir.path()).unwrap().len(), 1);
        journal.ended([ended(1)].iter());
        journal.committed(&[key(1)]);
        assert!(fs::metadata(dir.path().join(NAME)).unwrap().len() < 200);
        assert!(Journal::replay(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn a_write_that_failed_is_made_good_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::begin(dir.path(), mark(), &[], &[]).unwrap();
        // A file open for reading only refuses every write.
        journal.lock().file = File::open(dir.path().join(NAME)).unwrap();
        assert!(journal.starting(starting(1)).is_err());
        journal.lock().torn = false;
        journal.lock().file = File::open(dir.path().join(NAME)).unwrap();
        journal.started(&running(2), Duration::ZERO);
        journal.starting(starting(3)).unwrap();
        let replayed = Journal::replay(dir.path()).unwrap();
        assert_eq!(replayed.keys().copied().collect::<Vec<_>>(), [key(3)]);
    }
}
