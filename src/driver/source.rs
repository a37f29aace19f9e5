//! Where the file jobs come from: jobs.yaml, a folder of such files, or the built-in sample.
//!
//! Owns reading them and noticing that they have changed. What is right or wrong in them is judged by `jobfile`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::jobfile::{self, CommandCatalog, Loaded, Rules, SourceText};
use crate::model::Refusal;
use crate::worker::registry::{ArgProblem, Args, Registry};

impl CommandCatalog for Registry {
    fn names(&self) -> Vec<String> {
        Self::names(self).map(str::to_owned).collect()
    }

    fn check(&self, command: &str, args: &Args) -> Result<(), Vec<ArgProblem>> {
        Self::check(self, command, args)
    }
}

/// See the module's first lines.
#[derive(Debug, Clone)]
pub(super) struct JobsSource {
    /// A file or a folder; `None` = the built-in sample.
    pub(super) path: Option<PathBuf>,
    /// Where the sample's jobs work.
    pub(super) sample_dir: PathBuf,
    pub(super) registry: Registry,
    pub(super) system_zone: Tz,
}

/// A set of jobs, and what tells whether the files have changed since.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) loaded: Loaded,
    pub(super) fingerprint: u64,
}

impl JobsSource {
    /// Reads and judges the jobs.
    pub(super) fn load(&self, now: DateTime<Utc>) -> Result<Read, Refusal> {
        let texts = self.texts()?;
        let rules = Rules {
            catalog: &self.registry,
            base_dir: self.base_dir(),
            system_zone: self.system_zone,
            now,
            is_root: rustix::process::geteuid().is_root(),
        };
        let loaded = jobfile::parse(&texts, &rules).map_err(|e| Refusal::File(e.to_string()))?;
        Ok(Read { loaded, fingerprint: fingerprint(&texts) })
    }

    /// What tells whether the files have changed; `None` when they cannot be read.
    pub(super) fn fingerprint(&self) -> Option<u64> {
        self.texts().ok().map(|texts| fingerprint(&texts))
    }

    fn texts(&self) -> Result<Vec<SourceText>, Refusal> {
        let Some(path) = &self.path else {
            let name = "the built-in sample".to_owned();
            return Ok(vec![SourceText { name, text: jobfile::SAMPLE.to_owned() }]);
        };
        jobfile::read(path).map_err(|error| Refusal::File(error.to_string()))
    }

    /// The folder that relative paths of the jobs are meant from.
    fn base_dir(&self) -> PathBuf {
        let Some(path) = &self.path else { return self.sample_dir.clone() };
        let folder = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(path) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
    }
}

fn fingerprint(texts: &[SourceText]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for source in texts {
        (&source.name, &source.text).hash(&mut hasher);
    }
    hasher.finish()
}
