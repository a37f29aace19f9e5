//! jobs.yaml, read and judged: no panic, no hang, every error at a place that the file has.
//!
//! `cargo +nightly fuzz run jobs_file -- -max_len=2048 -timeout=5`

#![no_main]

use std::path::PathBuf;

use chrono::DateTime;
use chrono_tz::Tz;
use crontower::internals::{CommandCatalog, Rules, SourceText, parse};
use crontower::model::Problem;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

struct AnyArguments;

impl CommandCatalog for AnyArguments {
    fn names(&self) -> Vec<String> {
        vec!["shell".to_owned(), "echo".to_owned()]
    }

    fn check(&self, _: &str, _: &Map<String, Value>) -> Result<(), Vec<Problem>> {
        Ok(())
    }
}

fuzz_target!(|text: &str| {
    // A calendar in a file of its own is another input, and perhaps one of this machine.
    if text.contains("file") {
        return;
    }
    let sources = [SourceText { name: "jobs.yaml".to_owned(), text: text.to_owned() }];
    let rules = Rules {
        catalog: &AnyArguments,
        base_dir: PathBuf::from("/nowhere"),
        is_root: false,
        system_zone: Tz::Europe__Berlin,
        now: DateTime::UNIX_EPOCH,
    };
    // YAML knows more line breaks than `str::lines`; what is missing may be told behind the last one.
    let breaks = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
    let lines = text.chars().filter(|c| breaks.contains(c)).count() + 2;
    let told = match parse(&sources, &rules) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors.0,
    };
    for problem in told {
        assert!((1..=lines).contains(&problem.line) && problem.column >= 1, "{problem}");
    }
});
