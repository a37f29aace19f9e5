//! `crontower validate` as transcripts.

use std::io::Write as _;
use std::process::Stdio;

use crate::cli::{crontower, transcript};

/// Validates a jobs.yaml with this text.
fn validate(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("jobs.yaml"), text).unwrap();
    let output = crontower(dir.path()).arg("validate").output().unwrap();
    transcript(&output, dir.path())
}

#[test]
fn the_sample_has_no_errors() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/jobs.yaml");
    let dir = tempfile::tempdir().unwrap();
    let output = crontower(dir.path()).args(["validate", sample]).output().unwrap();
    assert_eq!(
        transcript(&output, dir.path()),
        format!("exit code 0\n-- stdout\n{sample}: 5 jobs, no errors\n")
    );
}

#[test]
fn every_error_has_its_place() {
    insta::assert_snapshot!(validate("\
jobs:
  - id: Backup
    scheduel: daily at 3 AM
    run: 'true'
  - id: report
    schedule: daily at 25:00
    command: echoo
    dependencies: [report, nobody]
"), @"
    exit code 2
    -- stderr
    jobs.yaml:2:9: `id`: `Backup` is not a legal id: it takes 1 to 64 of a-z, 0-9, `.`, `_`, `-`, and begins with a letter or digit
    jobs.yaml:3:5: unknown key `scheduel`: did you mean `schedule`?
    jobs.yaml:6:24: `schedule`: hour 25 of `25:00` is outside 0-23 (understood: At 00:00 every day)
    jobs.yaml:7:14: `command`: unknown command `echoo`: did you mean `echo`?
    jobs.yaml:8:20: `dependencies`: `report` cannot depend on itself
    jobs.yaml:8:28: `dependencies`: no job named `nobody`
    ");
    insta::assert_snapshot!(validate("jobs:\n  - id: a\n    schedule: * * * * *\n    run: x\n"), @r#"
    exit code 2
    -- stderr
    jobs.yaml:3:15: put the schedule in quotes: `schedule: "* * * * *"`
    "#);
}

#[test]
fn what_is_likely_wrong_is_a_warning() {
    insta::assert_snapshot!(validate("jobs:\n  - id: a\n    schedule: 0 0 31 * *\n    run: x\n"), @"
    exit code 0
    -- stdout
    jobs.yaml: 1 job, no errors
    -- stderr
    jobs.yaml:3:15: warning: `schedule` of `a`: day 31 skips 5 months: February, April, June, September and November; `L` is the last day of every month
    ");
}

#[test]
fn a_file_that_is_not_there_is_exit_code_2() {
    let dir = tempfile::tempdir().unwrap();
    let output = crontower(dir.path()).arg("validate").output().unwrap();
    insta::assert_snapshot!(transcript(&output, dir.path()), @"
    exit code 2
    -- stderr
    error: jobs.yaml: no such file or folder
    ");
    let output = crontower(dir.path()).env("CRONTOWER_JOBS", "else.yaml").arg("validate").output();
    insta::assert_snapshot!(transcript(&output.unwrap(), dir.path()), @"
    exit code 2
    -- stderr
    error: else.yaml: no such file or folder
    ");
}

#[test]
fn a_file_comes_through_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let say = |text: &str| {
        let mut child = crontower(dir.path())
            .args(["validate", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        transcript(&child.wait_with_output().unwrap(), dir.path())
    };
    insta::assert_snapshot!(say("jobs:\n  - id: a\n    run: 'true'\n"), @"
    exit code 0
    -- stdout
    -: 1 job, no errors
    ");
    insta::assert_snapshot!(say("jobs:\n  - id: a\n    rnu: 'true'\n"), @"
    exit code 2
    -- stderr
    -:2:5: a job needs `run` (a script) or `command` (the name of a command)
    -:3:5: unknown key `rnu`: did you mean `run`?
    ");
}

#[test]
fn a_folder_without_jobs_files_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("conf")).unwrap();
    std::fs::write(dir.path().join("conf/jobs.yml"), "jobs: []\n").unwrap();
    let output = crontower(dir.path()).args(["validate", "conf"]).output().unwrap();
    insta::assert_snapshot!(transcript(&output, dir.path()), @"
    exit code 2
    -- stderr
    error: conf: no *.yaml file in this folder: to define no jobs, create one with `jobs: []`
    ");
}

#[test]
fn hostile_files_are_errors() {
    let long = "a".repeat(100_000);
    for text in ["\u{0}", "jobs: \u{1b}[2J", "- x", &"[".repeat(100_000), &format!("jobs: {long}")]
    {
        let said = validate(text);
        assert!(said.starts_with("exit code 2\n-- stderr\n"), "{said}");
        assert!(said.len() < 2_000 && !said.contains('\u{1b}'), "{said}");
    }
}
