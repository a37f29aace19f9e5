//! jobs.yaml ⇄ model: parse, judge, locate errors, diff two versions.
//!
//! Owns the spelling of a job in YAML and JSON. Never touches the engine; judges with `schedule`
//! and a list of known commands.
//!
//! A text becomes a `tree` in which everything knows its place (`syntax` tells what YAML cannot
//! read); `fields` reads keys by the table in `keys`; `settings`, `job`, `command`, `timing`,
//! `surroundings` and `placement` say what they mean, `ics` reads calendars from files of their own, `machine` looks
//! for what jobs want of the machine, `graph` and `foresight` say what jobs are to each other; `judge` and `program` run all this over a file and
//! over an object of a program. The way back is `write`; `diff` compares; `edit`
//! changes one job in the text of a file.

mod command;
mod crontab;
mod diff;
mod edit;
mod fields;
mod findings;
mod foresight;
mod graph;
mod ics;
mod job;
mod judge;
mod keys;
mod machine;
mod placement;
mod plan;
mod program;
mod settings;
mod source;
mod surroundings;
mod syntax;
#[cfg(test)]
mod tests;
mod timing;
mod tree;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use crate::model::{JobId, JobSet};
use crate::worker::registry::ArgProblem;

pub use crontab::{
    Imported, Kind as CrontabKind, Machine as CrontabMachine, Origin as CrontabOrigin, SixthColumn,
    Unclear, as_file, as_top, import_crontab,
};
pub use diff::diff;
pub use edit::{Edit, EditError, Edited, edit, unified_diff};
pub use judge::parse;
pub use keys::{JobKey, job_keys};
pub use plan::{FieldChange, JobChange, Plan};
pub use program::{Among, parse_job, patch_job};
pub use source::{ReadError, SourceText, calendar_text, read};
pub use write::to_yaml;

/// For other files that people write by hand: YAML in which everything knows its place.
pub(crate) mod located {
    pub(crate) use super::findings::{Findings, quoted};
    pub(crate) use super::syntax::read;
    pub(crate) use super::tree::{Content, Entry, Node};
}

/// The sample jobs file: what is in force where there is no other.
pub const SAMPLE: &str = include_str!("../../jobs.yaml");

/// What the judge knows about commands.
pub trait CommandCatalog {
    /// All names.
    fn names(&self) -> Vec<String>;

    /// Judges the arguments of a command that is one of [`CommandCatalog::names`].
    ///
    /// # Errors
    /// Everything that is wrong with them.
    fn check(&self, command: &str, args: &Map<String, Value>) -> Result<(), Vec<ArgProblem>>;
}

/// What a jobs file is judged against.
pub struct Rules<'a> {
    /// The commands that jobs can name.
    pub catalog: &'a dyn CommandCatalog,
    /// Absolute path of the folder that relative paths are meant from, and where jobs work if they
    /// do not say: the jobs file's.
    pub base_dir: PathBuf,
    /// The zone of jobs where neither they nor the file name one.
    pub system_zone: Tz,
    /// For warnings such as "ends in the past".
    pub now: DateTime<Utc>,
    /// Whether the engine runs as root: only then can a job be another user's.
    pub is_root: bool,
}

impl fmt::Debug for Rules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("base_dir", &self.base_dir).finish_non_exhaustive()
    }
}

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
