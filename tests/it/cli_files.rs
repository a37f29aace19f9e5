//! `crontower init`, `import crontab` and `export` as transcripts.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

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
fn a_crontab_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let tab = "MAILTO=ops\n# The backup.\n0 2 * * * /usr/bin/backup.sh\n@daily mail me%hi\n";
    std::fs::write(dir.path().join("tab"), tab).unwrap();
    insta::assert_snapshot!(say_in(dir.path(), &["import", "crontab", "tab"]), @r#"
    exit code 0
    -- stdout
    # Made by `crontower import crontab` from tab.

    # As under cron: runs of a job may overlap, and what was missed is not made up for.
    defaults:
      overlap: allow
      catch_up: none
      working_dir: /home/me

    jobs:
      - id: backup
        description: The backup.
        schedule: 0 2 * * *
        run: /usr/bin/backup.sh

      - id: mail
        schedule: "@daily"
        run: |
          { mail me
          } <<'STDIN'
          hi
          STDIN
    -- stderr
    tab:1: MAILTO: crontower sends no mail; to hear of failures, give the jobs an `on_failure` such as {run: 'echo "$CRONTOWER_OUTPUT_TAIL" | mail -s "$CRONTOWER_JOB_ID: $CRONTOWER_REASON" ops'}
    imported 2 jobs, 1 thing to look at
    "#);
    let written = say_in(dir.path(), &["import", "crontab", "tab", "-o", "jobs.yaml"]);
    assert!(written.ends_with("imported 2 jobs, 1 thing to look at\n"), "{written}");
    assert!(say_in(dir.path(), &["validate"]).contains("jobs.yaml: 2 jobs, no errors"));
    insta::assert_snapshot!(say_in(dir.path(), &["import", "crontab", "tab", "-o", "jobs.yaml"]), @r#"
    exit code 2
    -- stderr
    tab:1: MAILTO: crontower sends no mail; to hear of failures, give the jobs an `on_failure` such as {run: 'echo "$CRONTOWER_OUTPUT_TAIL" | mail -s "$CRONTOWER_JOB_ID: $CRONTOWER_REASON" ops'}
    error: jobs.yaml is there already, and was not touched
    hint: name another file
    "#);
    let mut child = crontower(dir.path())
        .args(["import", "crontab", "-", "--system"])
        .env("HOME", "/home/me")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"* * * * * daemon true\n").unwrap();
    let said = transcript(&child.wait_with_output().unwrap(), dir.path());
    assert!(said.contains("    user: daemon\n") && said.ends_with("imported 1 job\n"), "{said}");
}

#[test]
fn a_crontab_without_entries_is_an_error_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    for text in ["", "# m h dom mon dow command\nPATH=/bin\n"] {
        std::fs::write(dir.path().join("tab"), text).unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(say_in(dir.path(), &["import", "crontab", "tab", "-o", "f"]), @"
            exit code 2
            -- stderr
            error: tab: no entries: nothing was written
            ");
        }
    }
    assert!(!dir.path().join("f").exists());
}

#[test]
fn what_all_entries_have_alike_is_imported_once() {
    let dir = tempfile::tempdir().unwrap();
    let tab = "SHELL=/bin/bash\nCRON_TZ=Asia/Tokyo\nPATH=/bin\nA=1\n@reboot one\nA=2\n@daily two\n";
    std::fs::write(dir.path().join("tab"), tab).unwrap();
    insta::assert_snapshot!(say_in(dir.path(), &["import", "crontab", "tab"]), @r#"
    exit code 0
    -- stdout
    # Made by `crontower import crontab` from tab.

    # As under cron: runs of a job may overlap, and what was missed is not made up for.
    defaults:
      overlap: allow
      catch_up: none
      working_dir: /home/me
      timezone: Asia/Tokyo
      shell: [/bin/bash, -c]
      env: {PATH: /bin}

    jobs:
      - id: one
        schedule: "@reboot"
        run: one
        env: {A: "1"}

      - id: two
        schedule: "@daily"
        run: two
        env: {A: "2"}
    -- stderr
    tab:5: @reboot: it runs at the engine's first start after each boot of the machine: the first time as soon as an engine has it, however long ago that boot was
    imported 2 jobs, 1 thing to look at
    "#);
}

#[test]
fn a_crontab_with_bad_lines_is_refused_unless_they_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tab"), "61 * * * * x\n* * * * * fine\nnonsense\n").unwrap();
    let file = dir.path().join("out.yaml");
    let args = ["import", "crontab", "tab", "-o", "out.yaml"];
    insta::assert_snapshot!(say_in(dir.path(), &args), @"
    exit code 2
    -- stderr
    tab:1: `schedule`: minute 61 is outside 0-59
    tab:3: `nonsense` has fewer than five fields and a command
    error: 2 lines cannot be read: nothing was imported
    hint: mend it, or leave it out with --skip-bad
    ");
    assert!(!file.exists());
    insta::assert_snapshot!(say_in(dir.path(), &[&args[..], &["--skip-bad"]].concat()), @"
    exit code 0
    -- stderr
    tab:1: `schedule`: minute 61 is outside 0-59
    tab:3: `nonsense` has fewer than five fields and a command
    imported 1 job, 2 things to look at
    ");
    assert!(file.exists());
    insta::assert_snapshot!(say_in(dir.path(), &["import", "crontab", "gone"]), @"
    exit code 2
    -- stderr
    error: gone: No such file or directory (os error 2)
    ");
    std::fs::write(dir.path().join("tab"), b"\xff").unwrap();
    assert!(say_in(dir.path(), &["import", "crontab", "tab"]).starts_with("exit code 2\n"));
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
