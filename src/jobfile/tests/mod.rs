//! The room as a whole: files in, jobs or errors out.

mod any_edit;
mod calendars;
mod crontabs;
mod edits;
mod errors;
mod files;
mod programs;
mod reference;
mod round_trip;
mod syntax;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::*;
use crate::model::{JobSet, Problem};

/// A few commands with the arguments that the tests need.
pub(super) struct Catalog;

impl CommandCatalog for Catalog {
    fn names(&self) -> Vec<String> {
        ["api_call", "backup", "calculate", "data_processing", "echo", "shell"]
            .map(str::to_owned)
            .into()
    }

    fn check(&self, command: &str, args: &Map<String, Value>) -> Result<(), Vec<Problem>> {
        let problem = |path: &str, message: &str| {
            Err(vec![Problem { path: path.to_owned(), message: message.to_owned() }])
        };
        match command {
            "calculate" if !args.contains_key("expression") => {
                problem("expression", "is missing: write it like 6 * 7")
            }
            "data_processing" if args["aggregate"]["op"] == "mode" => {
                problem("aggregate.op", "is none of count, sum, mean, min, max")
            }
            "shell" if args.is_empty() => problem("", "`script` or `argv` is missing"),
            _ => Ok(()),
        }
    }
}

pub(super) fn now() -> DateTime<Utc> {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(super) fn rules() -> Rules<'static> {
    let base_dir = PathBuf::from("/srv/jobs");
    Rules { catalog: &Catalog, base_dir, system_zone: Tz::UTC, now: now(), is_root: true }
}

fn sources(files: &[(&str, &str)]) -> Vec<SourceText> {
    let source = |(name, text): &(&str, &str)| SourceText {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
    };
    files.iter().map(source).collect()
}

/// Reads one file that is right.
pub(super) fn load(text: &str) -> Loaded {
    parse(&sources(&[("jobs.yaml", text)]), &rules()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// What is told about one file: its errors, else its warnings.
pub(super) fn describe(text: &str) -> String {
    reported_of(&[("jobs.yaml", text)])
}

fn reported_of(files: &[(&str, &str)]) -> String {
    match parse(&sources(files), &rules()) {
        Err(errors) => errors
            .0
            .iter()
            .map(|error| without_schedule_words(&error.to_string()))
            .collect::<Vec<_>>()
            .join("\n"),
        Ok(loaded) => {
            loaded.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect()
        }
    }
}

/// The line up to what `schedule` says about a schedule: its words are its own.
pub(super) fn without_schedule_words(line: &str) -> String {
    let begin = "`schedule`: `elephant`";
    line.find(begin)
        .map_or_else(|| line.to_owned(), |at| line[..at + begin.len()].to_owned() + " …")
}
