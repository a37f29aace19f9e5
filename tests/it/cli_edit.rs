//! Definitions, orders for workers and notes on failures, changed by the command line on a real engine.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::cli_engine::Engine;

#[test]
fn a_job_is_made_changed_rolled_back_and_deleted() {
    let engine = Engine::start();
    let file = engine.path().join("new.yaml");
    std::fs::write(&file, "id: new\nrun: echo new\nschedule: daily at 3 AM\n").unwrap();
    insta::assert_snapshot!(engine.say(&["apply", "new.yaml", "--dry-run"]), @"
    exit code 0
    -- stdout
    + new
    -- stderr
    nothing was changed: this was a dry run
    ");
    insta::assert_snapshot!(engine.say(&["show", "new"]), @"
    exit code 4
    -- stderr
    error: no job named `new`
    hint: nor is it an execution
    ");
    insta::assert_snapshot!(engine.say(&["apply", "new.yaml"]), @"
    exit code 0
    -- stdout
    + new
    -- stderr
    job new has version 1
    ");
    insta::assert_snapshot!(engine.say(&["set", "new", "schedule=daily at 4 AM", "timeout=10m"]), @"
    exit code 0
    -- stdout
    ~ new
        schedule: daily at 3 AM → daily at 4 AM
        timeout: – → 10m
    -- stderr
    job new has version 2
    ");
    insta::assert_snapshot!(engine.say(&["set", "new", "scheduel=daily"]), @"
    exit code 2
    -- stderr
    error: scheduel: unknown key `scheduel`: did you mean `schedule`?
    ");
    insta::assert_snapshot!(engine.say(&["set", "new", "timeout=", "--if-version", "1"]), @"
    exit code 1
    -- stderr
    error: job `new` has version 2, not 1: look at it again
    ");
    insta::assert_snapshot!(engine.say(&["versions", "new"]), @"
    exit code 0
    -- stdout
    VERSION  AT (UTC)             BY           SCHEDULE
          2  DATE TIME  root@socket  daily at 4 AM
          1  DATE TIME  root@socket  daily at 3 AM
    ");
    insta::assert_snapshot!(engine.say(&["rollback", "new", "1", "--dry-run"]), @"
    exit code 0
    -- stdout
    ~ new
        schedule: daily at 4 AM → daily at 3 AM
        timeout: 10m → –
    -- stderr
    nothing was changed: this was a dry run
    ");
    insta::assert_snapshot!(engine.say(&["rollback", "new", "1"]), @"
    exit code 0
    -- stdout
    ~ new
        schedule: daily at 4 AM → daily at 3 AM
        timeout: 10m → –
    -- stderr
    job new has version 3
    ");
    insta::assert_snapshot!(engine.say(&["rollback", "new", "9"]), @"
    exit code 4
    -- stderr
    error: job `new` has no version 9
    ");
    insta::assert_snapshot!(engine.say(&["disable", "new"]), @"
    exit code 0
    -- stdout
    ~ new
        enabled: true → false
    -- stderr
    job new has version 4
    ");
    assert_eq!(engine.json(&["show", "new", "--json"])["enabled"], false);
    insta::assert_snapshot!(engine.say(&["enable", "new"]), @"
    exit code 0
    -- stdout
    ~ new
        enabled: false → true
    -- stderr
    job new has version 5
    ");
    insta::assert_snapshot!(engine.say(&["apply", "new.yaml"]), @"
    exit code 0
    -- stdout
    nothing changes
    -- stderr
    job new has version 5
    ");
    insta::assert_snapshot!(engine.say(&["delete", "new"]), @"
    exit code 0
    -- stdout
    - new
    -- stderr
    job new is gone; its history stays
    ");
    insta::assert_snapshot!(engine.say(&["delete", "new"]), @"
    exit code 4
    -- stderr
    error: no job named `new`
    ");
}

#[test]
fn a_job_of_the_file_is_edited_there_and_comments_stay() {
    let engine = Engine::start();
    let file = engine.path().join("jobs.yaml");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, before.replace("jobs:\n", "# ours\njobs:\n")).unwrap();
    assert!(engine.output(&["reload"]).status.success());
    insta::assert_snapshot!(engine.say(&["set", "hello", "name=Greets", "--dry-run"]), @r#"
    exit code 0
    -- stdout
    ~ hello
        name: Says hello → Greets
    --- [DATA]/jobs.yaml
    +++ [DATA]/jobs.yaml
    @@ -1,7 +1,7 @@
     # ours
     jobs:
       - id: hello
    -    name: Says hello
    +    name: Greets
         run: echo "hello ${1:-world}"
       - id: broken
         run: exec 2>&1; echo before; echo oops >&2; exit 3
    -- stderr
    nothing was changed: this was a dry run
    "#);
    insta::assert_snapshot!(engine.say(&["set", "hello", "name=Greets"]), @"
    exit code 0
    -- stdout
    ~ hello
        name: Says hello → Greets
    -- stderr
    job hello has version 2
    ");
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.contains("# ours\n") && after.contains("Greets"), "{after}");
    // Someone else was here.
    std::fs::write(&file, after + "\n# theirs\n").unwrap();
    let said = engine.say(&["set", "hello", "name=Other"]);
    assert!(said.starts_with("exit code 1\n") && said.contains("+    name: Other"), "{said}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("# theirs"));
}

#[test]
fn what_is_no_job_is_reported_before_anyone_is_asked() {
    let engine = Engine::start();
    let mut described = String::new();
    for (text, args) in [
        ("[1, 2]", &["apply", "x.yaml"][..]),
        ("id: [", &["apply", "x.yaml"]),
        ("run: true", &["apply", "x.yaml"]),
        ("id: x\nrun: 'true'\nschedule: sometimes\n", &["apply", "x.yaml"]),
        ("", &["apply", "y.yaml"]),
        ("", &["set", "hello"]),
        ("", &["set", "hello", "name"]),
        ("", &["set", "helo", "name=x"]),
        ("", &["capacity", "local", "0"]),
    ] {
        std::fs::write(engine.path().join("x.yaml"), text).unwrap();
        described += &format!("$ crontower {}\n{}\n", args.join(" "), engine.say(args));
    }
    insta::assert_snapshot!(described, @"
    $ crontower apply x.yaml
    exit code 2
    -- stderr
    error: x.yaml: it holds no job: a map with keys such as `id`, `schedule`, `run`
    hint: a whole jobs file is given to an engine with --jobs
    $ crontower apply x.yaml
    exit code 2
    -- stderr
    error: x.yaml: line 1 column 5: unclosed bracket '['
     --> <input>:1:5
      |
    1 | id: [
      |     ^ unclosed bracket '['
    $ crontower apply x.yaml
    exit code 2
    -- stderr
    error: id: a job needs an `id` such as `nightly-backup`
    $ crontower apply x.yaml
    exit code 2
    -- stderr
    error: schedule: `schedule`: `sometimes` was not understood
    $ crontower apply y.yaml
    exit code 2
    -- stderr
    error: y.yaml: No such file or directory (os error 2)
    $ crontower set hello
    exit code 2
    -- stderr
    error: the following required arguments were not provided:
      <KEY=VALUE>...

    Usage: crontower set <JOB> <KEY=VALUE>...

    For more information, try '--help'.
    $ crontower set hello name
    exit code 2
    -- stderr
    error: invalid value 'name' for '<KEY=VALUE>...': write it KEY=VALUE

    For more information, try '--help'.
    $ crontower set helo name=x
    exit code 4
    -- stderr
    error: no job named `helo`; did you mean `hello`?
    $ crontower capacity local 0
    exit code 2
    -- stderr
    error: invalid value '0' for '<SLOTS>': it is a number from 1 on, or `default`

    For more information, try '--help'.
    ");
}

#[test]
fn a_definition_comes_through_a_pipe() {
    let engine = Engine::start();
    let shown = engine.output(&["show", "hello", "--json"]).stdout;
    let mut child = crate::cli::crontower(engine.path())
        .args(["apply", "-", "--dry-run"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&shown).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = crate::cli::transcript(&output, engine.path());
    assert!(said.starts_with("exit code 0\n-- stdout\nnothing changes\n"), "{said}");
}

#[test]
fn operators_drain_call_off_and_acknowledge() {
    let engine = Engine::start();
    insta::assert_snapshot!(engine.say(&["skip-next", "nightly"]), @"
    exit code 0
    -- stdout
    nightly does not fire at DATE TIME
    ");
    insta::assert_snapshot!(engine.say(&["skip-next", "nightly", "--undo"]), @"
    exit code 0
    -- stdout
    no fire time of nightly is called off
    ");
    insta::assert_snapshot!(engine.say(&["skip-next", "hello"]), @"
    exit code 1
    -- stderr
    error: job `hello` has no next fire time to call off: it has no schedule: it runs when asked to
    ");
    assert!(!engine.output(&["run", "broken", "--wait"]).status.success());
    assert_eq!(engine.json(&["status", "--json"])["failing"], serde_json::json!(["broken"]));
    let failed = engine.json(&["executions", "--job", "broken", "--json"]);
    let id = failed["items"][0]["id"].as_str().unwrap();
    insta::assert_snapshot!(engine.say(&["acknowledge", id, "--note", "known"]), @"
    exit code 0
    -- stdout
    broken is acknowledged until its next success
    ");
    assert_eq!(engine.json(&["status", "--json"])["failing"], serde_json::json!([]));
    insta::assert_snapshot!(engine.say(&["acknowledge", id, "--undo"]), @"
    exit code 0
    -- stdout
    broken is no longer acknowledged
    ");
    let workers = engine.json(&["workers", "--json"]);
    let worker = workers["items"][0]["id"].as_str().unwrap();
    insta::assert_snapshot!(engine.say(&["capacity", worker, "7"]), @"
    exit code 0
    -- stdout
    local is online and runs 0 of 7
    ");
    insta::assert_snapshot!(engine.say(&["drain", worker, "--reason", "update"]), @"
    exit code 0
    -- stdout
    local is draining and runs 0 of 7
    ");
    insta::assert_snapshot!(engine.say(&["undrain", worker]), @"
    exit code 0
    -- stdout
    local is online and runs 0 of 7
    ");
    insta::assert_snapshot!(engine.say(&["drain", "nobody"]), @"
    exit code 4
    -- stderr
    error: no worker named `nobody`
    ");
}

#[test]
fn every_command_shows_an_example() {
    let whole = crate::cli::say(&["--help"]);
    let commands = whole.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names: Vec<&str> =
        commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let names = names.into_iter().filter(|name| !name.is_empty() && *name != "help");
    for name in names {
        let help = crate::cli::say(&[name, "--help"]);
        assert!(help.contains("Example"), "{name}: {help}");
    }
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("man1");
    let output =
        crate::cli::crontower(dir.path()).args(["man", "--out"]).arg(&out).output().unwrap();
    assert!(output.status.success());
    for page in ["crontower.1", "crontower-run.1", "crontower-apply.1", "crontower-drain.1"] {
        let text = std::fs::read_to_string(out.join(page)).unwrap();
        assert!(text.contains(".TH "), "{page}");
    }
    assert!(!out.join("crontower-worker-process.1").exists());
}

#[test]
fn the_session_of_the_readme_works_as_it_is_written() {
    let curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status();
    if !curl.is_ok_and(|status| status.success()) {
        return;
    }
    let readme = include_str!("../../README.md");
    let session = readme.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let engine = Engine::start();
    let address =
        engine.json(&["status", "--json"])["engine"]["listen"].as_str().unwrap().to_owned();
    let data = engine.path().to_str().unwrap();
    let script = session
        .replace("~/.local/share/crontower", data)
        .replace("http://127.0.0.1:7117", &format!("http://{address}"));
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("\"id\":\"job-id-2\""), "{said}");
    assert!(said.ends_with("hello from the API\n"), "{said}");
}
