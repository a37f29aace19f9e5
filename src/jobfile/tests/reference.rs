//! docs/jobs-yaml.md says what the table of keys says, and its examples are right.

use super::*;
use crate::jobfile::keys::{self, Scope};

const REFERENCE: &str = include_str!("../../../docs/jobs-yaml.md");

/// The rows of the table below a heading, each as its cells.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let section = REFERENCE.split("\n## ").find(|section| section.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("no section {heading}"));
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    section.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn the_reference_says_what_the_table_says() {
    let sections = [
        ("Top level", Scope::Top),
        ("Worker", Scope::Worker),
        ("Calendar", Scope::Calendar),
        ("Job\n", Scope::Job),
        ("Retention", Scope::Retention),
        ("Retry", Scope::Retry),
        ("Dependency", Scope::Dependency),
        ("When an execution has failed", Scope::OnFailure),
    ];
    for (heading, scope) in sections {
        let rows = rows(heading);
        let told: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
        let keys: Vec<&str> = keys::in_scope(scope).map(|key| key.name).collect();
        assert_eq!(told, keys, "{heading}");
        for (row, key) in rows.iter().zip(keys::in_scope(scope)) {
            let default = if key.default.is_empty() { "–" } else { key.default };
            assert_eq!((row[1].as_str(), row[2].as_str()), (key.takes, default), "{}", key.name);
            let own = row[3].to_lowercase().replace(';', ".").replace(", own", ". own");
            let own = own.split(". ").any(|part| part.trim_end_matches('.') == "own");
            assert_eq!(own, key.own, "{}: own", key.name);
        }
    }
}

#[test]
fn the_defaults_that_the_table_names_hold() {
    let job = &load("jobs: [{id: a, run: x}]").set.jobs[0];
    let definition = crate::jobfile::write::definition(job);
    let mut checked = 0;
    for (name, value) in definition {
        let key = keys::in_scope(Scope::Job).find(|key| key.name == name).unwrap();
        let written = crate::jobfile::write::one_line(&value);
        if !key.default.is_empty() && name != "working_dir" {
            let default = key.default.trim_matches('`');
            // A day and 24 hours are the same.
            assert_eq!(written.replace("1d", "24h"), default, "{name}");
            checked += 1;
        }
    }
    assert!(checked >= 8, "{checked}");
}

#[test]
fn every_example_is_right() {
    let examples: Vec<&str> = REFERENCE
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    assert!(examples.len() > 4);
    for example in examples {
        let told = told(example);
        // What they name is not on the machine of the test.
        let elsewhere = |line: &&str| {
            line.ends_with("attempts fail until it is")
                || line.ends_with("attempts fail until it is one")
        };
        let told = told.lines().filter(|line| !elsewhere(line));
        assert_eq!(told.collect::<Vec<_>>(), [""; 0], "{example}");
    }
}
