//! What comes of reading jobs files: the set of jobs with its warnings, or everything that is wrong, each with its place.
//!
//! Owns how a place in a file is printed. Knows nothing of how files are read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::model::{JobId, JobSet};

/// A jobs file that was read and judged.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub set: JobSet,
    /// What is legal but likely wrong.
    pub warnings: Vec<Located>,
    /// Where each job stands.
    pub places: BTreeMap<JobId, Place>,
    /// The calendars that were read with it.
    pub calendars: Vec<PathBuf>,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user gave it.
    pub file: String,
    /// The line of its `id`, from 1.
    pub line: usize,
}

/// A sentence about a place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The file, as the user gave it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// Everything that is wrong with jobs files, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileErrors(pub Vec<Located>);

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
