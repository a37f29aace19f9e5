//! Where the file jobs come from: jobs.yaml, a folder of such files, or the built-in sample.
//!
//! Owns reading them and noticing that they, or a calendar that they name, have changed. What is right or wrong in them
//! is judged by `jobfile`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError, Weak};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sha2::{Digest as _, Sha256};

use super::watch::FileWatch;
use crate::commands::{ArgProblem, Args, Registry};
use crate::jobfile::{self, CommandCatalog, Loaded, Rules, SourceText};
use crate::model::{Problem, Refusal};

impl CommandCatalog for Registry {
    fn names(&self) -> Vec<String> {
        Self::names(self).map(str::to_owned).collect()
    }

    fn check(&self, command: &str, args: &Args) -> Result<(), Vec<Problem>> {
        let problem = |ArgProblem { path, message }| Problem { path, message };
        Self::check(self, command, args).map_err(|all| all.into_iter().map(problem).collect())
    }
}

/// Where the file jobs come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobsFrom {
    /// A file, or a folder of `*.yaml`.
    Path(PathBuf),
    /// The built-in sample.
    Sample,
    /// Nowhere: all jobs are made by programs.
    Nowhere,
}

impl JobsFrom {
    /// The file or folder.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Sample | Self::Nowhere => None,
        }
    }
}

/// See the module's first lines.
#[derive(Debug)]
pub(super) struct JobsSource {
    pub(super) from: JobsFrom,
    /// Where the sample's jobs work.
    sample_dir: PathBuf,
    registry: Registry,
    pub(super) system_zone: Tz,
    /// The fingerprint of what is in force. Whoever reads files in order to put them in force, or changes them, holds it:
    /// one at a time.
    pub(super) turn: tokio::sync::Mutex<u64>,
    seen: Mutex<Seen>,
    watch: OnceLock<Weak<FileWatch>>,
}

/// What tells a change of someone else from one of our own.
#[derive(Debug, Default)]
struct Seen {
    /// The calendars of the jobs in force.
    calendars: Vec<PathBuf>,
    /// The fingerprint of files that are being written by us.
    expected: Option<u64>,
}

/// A set of jobs, and what tells whether the files have changed since.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) loaded: Loaded,
    pub(super) fingerprint: u64,
}

impl JobsSource {
    pub(super) fn new(
        from: JobsFrom,
        sample_dir: PathBuf,
        registry: Registry,
        system_zone: Tz,
    ) -> Self {
        let (turn, seen, watch) =
            (tokio::sync::Mutex::default(), Mutex::default(), OnceLock::new());
        Self { from, sample_dir, registry, system_zone, turn, seen, watch }
    }

    /// Reads and judges the jobs.
    pub(super) fn load(&self, now: DateTime<Utc>) -> Result<Read, Refusal> {
        let texts = self.texts()?;
        let rules = self.rules(now);
        let loaded = jobfile::parse(&texts, &rules).map_err(|e| Refusal::File(e.to_string()))?;
        let fingerprint = fingerprint(&texts, &loaded.calendars);
        Ok(Read { loaded, fingerprint })
    }

    /// What jobs are judged against.
    pub(super) fn rules(&self, now: DateTime<Utc>) -> Rules<'_> {
        Rules {
            catalog: &self.registry,
            base_dir: self.base_dir(),
            system_zone: self.system_zone,
            now,
            is_root: rustix::process::geteuid().is_root(),
        }
    }

    /// Notes what is in force from now on.
    pub(super) fn put_in_force(&self, turn: &mut u64, read: &Read) {
        *turn = read.fingerprint;
        let mut seen = self.seen();
        seen.calendars.clone_from(&read.loaded.calendars);
        seen.expected = None;
        drop(seen);
        if let Some(watch) = self.watch.get().and_then(Weak::upgrade) {
            watch.follow(&read.loaded.calendars);
        }
    }

    /// Notes what watches the files, so that it can be told which.
    pub(super) fn watched_by(&self, watch: &std::sync::Arc<FileWatch>) {
        watch.follow(&self.seen().calendars);
        // There is one watch for each engine.
        let _ = self.watch.set(std::sync::Arc::downgrade(watch));
    }

    /// Whether the files are others than those in force, by someone else's doing.
    pub(super) fn is_changed(&self, in_force: u64) -> bool {
        let calendars = self.seen().calendars.clone();
        let now = self.texts().ok().map(|texts| fingerprint(&texts, &calendars));
        now != Some(in_force) && (now.is_none() || now != self.seen().expected)
    }

    /// Notes that the files will have this fingerprint by our own doing; `None` = no longer.
    pub(super) fn expect(&self, fingerprint: Option<u64>) {
        self.seen().expected = fingerprint;
    }

    /// The fingerprint of these texts beside the calendars in force.
    pub(super) fn fingerprint_of(&self, texts: &[SourceText]) -> u64 {
        fingerprint(texts, &self.seen().calendars.clone())
    }

    pub(super) fn texts(&self) -> Result<Vec<SourceText>, Refusal> {
        let built_in = |name: &str, text: &str| {
            vec![SourceText { name: name.to_owned(), text: text.to_owned() }]
        };
        match &self.from {
            JobsFrom::Path(path) => {
                jobfile::read(path).map_err(|error| Refusal::File(error.to_string()))
            }
            JobsFrom::Sample => Ok(built_in("the built-in sample", jobfile::SAMPLE)),
            JobsFrom::Nowhere => Ok(built_in("no jobs file", "jobs: []")),
        }
    }

    /// The folder that relative paths of the jobs are meant from.
    fn base_dir(&self) -> PathBuf {
        let Some(path) = self.from.path() else { return self.sample_dir.clone() };
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells whether files have changed: the same on every machine and in every version, for it is kept in the store. A
/// calendar counts with what is in it, and when it cannot be read, with that. Where the files are does not count.
pub(super) fn fingerprint(texts: &[SourceText], calendars: &[PathBuf]) -> u64 {
    let mut hasher = Sha256::new();
    let mut add = |text: &[u8]| {
        hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(text);
    };
    texts.iter().for_each(|source| add(source.text.as_bytes()));
    for calendar in calendars {
        match jobfile::calendar_text(calendar) {
            Some(text) => add(text.as_bytes()),
            None => add(b"\0unreadable"),
        }
    }
    hasher.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
