//! `crontower init` and `export` as transcripts.

use std::path::Path;

use crate::cli::{crontower, transcript};
use crate::cli_engine::Engine;

fn say_in(dir: &Path, args: &[&str]) -> String {
    transcript(&crontower(dir).env("HOME", "/home/me").args(args).output().unwrap(), dir)
}

#[test]
fn init_writes_a_file_that_is_right_and_never_over_another() {
    let dir = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(say_in(dir.path(), &["init"]), @"
    exit code 0
    -- stdout
    jobs.yaml is written: three jobs to try, change and delete
    next: `crontower` starts the engine and its screen; `crontower validate jobs.yaml` looks for mistakes
    ");
    insta::assert_snapshot!(say_in(dir.path(), &["init"]), @"
    exit code 2
    -- stderr
    error: jobs.yaml is there already, and was not touched
    hint: name another file
    ");
    insta::assert_snapshot!(say_in(dir.path(), &["validate"]), @"
    exit code 0
    -- stdout
    jobs.yaml: 3 jobs, no errors
    ");
    insta::assert_snapshot!(say_in(dir.path(), &["init", "no/where.yaml"]), @"
    exit code 1
    -- stderr
    error: no/where.yaml cannot be written: No such file or directory (os error 2)
    ");
    std::fs::create_dir(dir.path().join("d")).unwrap();
    assert!(say_in(dir.path(), &["init", "d"]).contains("`crontower --jobs d/jobs.yaml`"));
}

#[test]
fn what_is_exported_loads_to_the_same_jobs() {
    let engine = Engine::start();
    let said = engine.output(&["export"]);
    assert!(said.status.success());
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("jobs.yaml"), &said.stdout).unwrap();
    let transcript = transcript(&said, engine.path());
    insta::assert_snapshot!(transcript, @r#"
    exit code 0
    -- stdout
    jobs:
      - id: broken
        run: "exec 2>&1; echo before; echo oops >&2; exit 3"
        working_dir: [DATA]

      - id: gate
        run: "echo opened; timeout --foreground 60 cat gate"
        working_dir: [DATA]

      - id: hello
        name: Says hello
        run: "echo \"hello ${1:-world}\""
        working_dir: [DATA]

      - id: nightly
        schedule: daily at 2 AM
        timezone: UTC
        command: echo
        args: {message: good night}
        working_dir: [DATA]
    -- stderr
    exported 4 jobs
    "#);
    assert!(say_in(dir.path(), &["validate"]).contains("4 jobs, no errors"));
    let before = engine.json(&["export", "--json"]);
    std::fs::copy(dir.path().join("jobs.yaml"), engine.path().join("jobs.yaml")).unwrap();
    let plan = engine.json(&["reload", "--json"]);
    assert_eq!(plan["changed"].as_array().map(Vec::len), Some(0), "{plan}");
    assert_eq!(engine.json(&["export", "--json"]), before);
}

/// All that can stand at the top of a jobs file.
const TOP: &str = r#"
timezone: Europe/Berlin
on_stop: wait
shutdown_grace: 1m30s
workers:
  - { id: big, host: node-1, capacity: 8, labels: [db, "a b"] }
  - { id: small, capacity: 1 }
defaults: { timeout: 1h, retry: { type: exponential, max_retries: 3, delay: 1s, max_delay: 5m } }
limits: { db: 2, "1": 1 }
calendars: { de: { holidays: ["2026-12-25", "2026-12-26"] } }
retention: { days: 7, per_job: 10 }
jobs:
  - { id: a, run: "true", schedule: daily at 2 AM, limits: [db], calendar: { skip: de }, workers: { labels: [db] } }
"#;

#[test]
fn what_holds_for_all_is_exported_too() {
    let engine = Engine::with(TOP, &[]);
    let said = engine.output(&["export"]);
    let text = String::from_utf8(said.stdout).unwrap();
    insta::assert_snapshot!(text.split_once("jobs:").unwrap().0, @r#"
    calendars: {"de":{"holidays":["2026-12-25","2026-12-26"]}}
    limits: {"1":1,"db":2}
    on_stop: "wait"
    retention: {"days":7,"events":1000000,"output":10737418240,"per_job":10}
    shutdown_grace: "1m30s"
    timezone: "Europe/Berlin"
    workers: [{"capacity":8,"host":"node-1","id":"big","labels":["db","a b"]},{"capacity":1,"id":"small"}]
    "#);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("jobs.yaml"), &text).unwrap();
    let judged = say_in(dir.path(), &["validate"]);
    assert!(judged.starts_with("exit code 0\n"), "{judged}");
    // It means the same to another engine.
    let other = Engine::with(&text, &[]);
    let said_again = String::from_utf8(other.output(&["export"]).stdout).unwrap();
    assert_eq!(said_again, text);
    assert_eq!(other.json(&["export", "--json"]), engine.json(&["export", "--json"]));
    let next = |engine: &Engine| engine.json(&["show", "a", "--json"])["next_fire_time"].clone();
    assert!(next(&other).is_string());
    assert_eq!(next(&other), next(&engine));
}
