//! What comes of reading jobs files: the set of jobs with its warnings, or everything that is wrong, each with its place.
//!
//! Owns how a place in a file is printed. Knows nothing of how files are read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::model::{JobId, JobSet};

/// A jobs file that was read and checked.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub set: JobSet,
    /// What is legal but likely wrong.
    pub warnings: Vec<FileDiagnostic>,
    /// Where each job is defined.
    pub places: BTreeMap<JobId, JobLocation>,
    /// The calendars that were read with it.
    pub calendars: Vec<PathBuf>,
}

/// Where a job is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLocation {
    /// The file, as the user gave it.
    pub file: String,
    /// The line of its `id`, from 1.
    pub line: usize,
}

/// A sentence about a place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiagnostic {
    /// The file, as the user gave it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The key it is about, as the reference names it; `None` where it is about no key, or an unknown one.
    pub key: Option<&'static str>,
    /// What is wrong and how to fix it.
    pub message: String,
}

impl fmt::Display for FileDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// Everything that is wrong with jobs files, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileErrors(pub Vec<FileDiagnostic>);

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FileErrors {}
