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
        ("Worker\n", Scope::Worker),
        ("Calendar\n", Scope::Calendar),
        ("Job\n", Scope::Job),
        ("Retention", Scope::Retention),
        ("Retry", Scope::Retry),
        ("Dependency", Scope::Dependency),
        ("Calendar rule", Scope::CalendarRule),
        ("Worker selector", Scope::Selector),
        ("Environment value", Scope::EnvValue),
        ("on_failure", Scope::OnFailure),
    ];
    for (heading, scope) in sections {
        let rows = rows(heading);
        let described: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
        let keys: Vec<&str> = keys::keys_of(scope).map(|key| key.name).collect();
        assert_eq!(described, keys, "{heading}");
        for (row, key) in rows.iter().zip(keys::keys_of(scope)) {
            let default = if key.default.is_empty() { "–" } else { key.default };
            assert_eq!((row[1].as_str(), row[2].as_str()), (key.takes, default), "{}", key.name);
            let own = row[3].contains("Not in `defaults`.");
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
        let key = keys::keys_of(Scope::Job).find(|key| key.name == name).unwrap();
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
        let described = describe(example);
        // What they name is not on the machine of the test.
        let elsewhere = |line: &&str| {
            line.ends_with("attempts will fail until it does")
                || line.ends_with("attempts will fail until it is")
        };
        let described = described.lines().filter(|line| !elsewhere(line));
        assert_eq!(described.collect::<Vec<_>>(), [""; 0], "{example}");
    }
}

#[test]
fn every_key_of_a_job_has_an_example() {
    let section = REFERENCE.split("\n## ").find(|section| section.starts_with("Job\n")).unwrap();
    let yaml = section.split("```yaml\n").nth(1).unwrap();
    for key in keys::keys_of(Scope::Job) {
        let line = format!("\n    {}: ", key.name);
        assert!(yaml.replace("  - ", "    ").contains(&line), "{}", key.name);
    }
}

/// The keys that the table says decide when a job fires are those that do, and no others.
#[test]
fn what_the_table_says_of_firing_holds() {
    let set = load(include_str!("every_key.yaml")).set;
    let text = |job: &crate::model::Job| serde_json::to_value(job).unwrap();
    let plain = serde_json::json!({"id": "plain", "run": "x", "schedule": "daily at 1 AM"});
    let among = CurrentJobs { settings: &set.settings, jobs: set.jobs.iter().collect() };
    let fires = |value: &serde_json::Value| -> Vec<String> {
        let job = parse_job(value, &rules(), &among).unwrap_or_else(|all| panic!("{all:?}"));
        let Some(table) = job.timetable(&set.settings, Tz::UTC).unwrap() else { return Vec::new() };
        let mut at = now();
        let next = |_| {
            at = table.fire_time_after(at)?;
            job.enabled.then(|| at.to_string())
        };
        (0..60).map_while(next).collect()
    };
    let before = fires(&plain);
    let mut checked = 0;
    for key in
        keys::keys_of(Scope::Job).filter(|key| !matches!(key.name, "id" | "command" | "args"))
    {
        let given = set.jobs.iter().find_map(|job| text(job).get(key.name).cloned());
        let mut value = plain.clone();
        value[key.name] = given.unwrap_or_else(|| panic!("no value for {}", key.name));
        if key.name == "enabled" {
            value[key.name] = false.into();
        }
        assert_eq!(fires(&value) != before, key.affects_firing, "{}", key.name);
        checked += 1;
    }
    assert!(checked > 30, "{checked}");
}
