//! jobs.yaml ⇄ model: parse, check, locate errors, diff two versions.
//!
//! Owns the spelling of a job in YAML and JSON. Never touches the engine; checks with `schedule`
//! and a list of known commands.
//!
//! A text becomes a `tree` in which everything knows its place (`syntax` explains what YAML cannot
//! read), an object of JSON likewise (`json`); `fields` reads keys by the table in `keys`;
//! `settings`, `job`, `command`, `timing`, `environment` and `placement` say what they mean against
//! the `context`, `ics` reads calendars from files of their own, `machine` looks for what jobs want of
//! the machine, `schedules`, `graph` and `lints` check what jobs are by themselves and to each
//! other; `check` and `program` run all this over a file and over an object of a program. The way back
//! is `write`; `diff` compares; `edit` changes one job in the text of a file.
//!
//! This file only declares and re-exports, so that the files of the room can lean on each other without circles.

mod check;
mod command;
mod context;
mod crontab;
mod diagnostics;
mod diff;
mod edit;
mod environment;
mod fields;
mod graph;
mod ics;
mod job;
mod json;
mod keys;
mod lints;
mod loaded;
mod machine;
mod patch;
mod placement;
mod program;
mod rules;
mod schedules;
mod settings;
mod source;
mod syntax;
#[cfg(test)]
mod tests;
mod timing;
mod tree;
mod write;

pub use check::parse;
pub(crate) use crontab::{
    Imported, Kind as CrontabKind, Machine as CrontabMachine, Origin as CrontabOrigin, SixthColumn,
    as_file, as_top, import_crontab,
};
pub(crate) use diff::diff;
pub(crate) use edit::{Edit, EditError, Edited, edit, unified_diff};
pub(crate) use loaded::{FileDiagnostic, FileErrors, Loaded};
pub(crate) use program::{CurrentJobs, parse_job, patch_job};
pub use rules::{CommandCatalog, Rules};
pub use source::SourceText;
pub(crate) use source::{calendar_text, read};
pub(crate) use write::to_yaml;

/// For other files that people write by hand: YAML in which everything knows its place.
pub(crate) mod located {
    pub(crate) use super::diagnostics::{Diagnostics, quoted};
    pub(crate) use super::syntax::read;
    pub(crate) use super::tree::{Content, Entry, Node};
}

/// The sample jobs file: what is in force where there is no other.
pub(crate) const SAMPLE: &str = include_str!("../../jobs.yaml");
