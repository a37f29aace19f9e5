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
#[derive(Debug, Clone)]
pub(super) struct JobsSource {
    pub(super) from: JobsFrom,
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
        };
        let loaded = jobfile::parse(&texts, &rules).map_err(|e| Refusal::File(e.to_string()))?;
        Ok(Read { loaded, fingerprint: fingerprint(&texts) })
    }

    /// What tells whether the files have changed; `None` when they cannot be read.
    pub(super) fn fingerprint(&self) -> Option<u64> {
        self.texts().ok().map(|texts| fingerprint(&texts))
    }

    fn texts(&self) -> Result<Vec<SourceText>, Refusal> {
        let built_in = |name: &str, text: &str| {
            vec![SourceText { name: name.to_owned(), text: text.to_owned() }]
        };
        match &self.from {
            JobsFrom::Path(path) => {
                jobfile::read(path).map_err(|error| Refusal::File(error.to_string()))
            }
            JobsFrom::Sample => Ok(built_in("the built-in sample", jobfile::SAMPLE)),
            JobsFrom::Nowhere => Ok(built_in("no jobs file", "")),
        }
    }

    /// The folder that relative paths of the jobs are meant from.
    fn base_dir(&self) -> PathBuf {
        let Some(path) = self.from.path() else { return self.sample_dir.clone() };
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
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
