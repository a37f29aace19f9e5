//! The command line asked in the ways people try first: jobs where executions are meant, wall times, flags of a new engine.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::cli::{crontower, transcript};
use crate::cli_engine::Engine;

const JOBS: &str = "\
jobs:
  - id: twice
    run: echo \"attempt $CRONTOWER_ATTEMPT\"; test $CRONTOWER_ATTEMPT = 2
    retry: { type: fixed, max_retries: 3, delay: 100ms }
  - id: open-end
    run: printf 'no line end'
  - id: broken
    run: exit 3
  - id: gate
    run: echo opened; timeout --foreground 60 cat gate
    overlap: allow
  - id: month-end
    schedule: 0 0 31 * *
    timezone: UTC
    run: 'true'
";

/// An engine whose gate is closed.
fn engine() -> Engine {
    let engine = Engine::with(JOBS, &[]);
    let made = Command::new("mkfifo").arg(engine.path().join("gate")).status();
    assert!(made.unwrap().success());
    engine
}

#[test]
fn flags_for_a_new_engine_are_refused_where_one_runs() {
    let engine = Engine::start();
    let pid = engine.json(&["status", "--json"])["leader"]["pid"].to_string();
    let said = engine.say(&["--jobs", "other.yaml", "--listen", "127.0.0.1:7209"]);
    insta::assert_snapshot!(said.replace(&format!("pid {pid}"), "pid PID"), @"
    exit code 2
    -- stderr
    error: an engine already runs on [DATA] (pid PID) with [DATA]/jobs.yaml: flags for a new one do not reach it
    hint: `crontower` without them shows that engine; another --data-dir DIR beside them starts another one
    ");
    // Without them it would show the engine that runs, if there were a terminal.
    assert!(engine.say(&[]).contains("there is no terminal to show a screen on"));
    let said = engine.say(&["--server", "http://127.0.0.1:1", "--store", "memory"]);
    assert!(said.starts_with("exit code 2\n"), "{said}");
}

#[test]
fn a_job_stands_for_the_execution_that_is_meant() {
    let engine = engine();
    insta::assert_snapshot!(engine.say(&["logs", "twice"]), @"
    exit code 4
    -- stderr
    error: job `twice` has not run yet
    ");
    assert!(engine.say(&["run", "twice", "--wait"]).starts_with("exit code 0\n"));
    assert!(engine.say(&["run", "broken", "--wait"]).starts_with("exit code 1\n"));
    insta::assert_snapshot!(engine.say(&["logs", "twice"]), @"
    exit code 0
    -- stdout
    attempt 2
    -- stderr
    the newest execution of twice: ID of DATE TIME, succeeded
    ");
    insta::assert_snapshot!(engine.say(&["acknowledge", "twice"]), @"
    exit code 1
    -- stderr
    error: nothing is wrong with job `twice`
    ");
    insta::assert_snapshot!(engine.say(&["acknowledge", "broken", "--undo"]), @"
    exit code 1
    -- stderr
    error: job `broken` is not acknowledged
    ");
    insta::assert_snapshot!(engine.say(&["acknowledge", "broken"]), @"
    exit code 0
    -- stdout
    broken is acknowledged until its next success
    ");
    insta::assert_snapshot!(engine.say(&["acknowledge", "broken", "--undo"]), @"
    exit code 0
    -- stdout
    broken is no longer acknowledged
    ");
    let failed = engine.json(&["executions", "--job", "broken", "--json"]);
    let again = engine.json(&["retry", "broken", "--json"]);
    assert_eq!(again["retry_of"], failed["items"][0]["id"]);
    insta::assert_snapshot!(engine.say(&["cancel", "gate"]), @"
    exit code 4
    -- stderr
    error: job `gate` has no live execution
    ");
    let first = engine.json(&["run", "gate", "--json"])["id"].clone();
    let second = engine.json(&["run", "gate", "--json"])["id"].clone();
    insta::assert_snapshot!(engine.say(&["cancel", "gate"]), @"
    exit code 2
    -- stderr
    error: job `gate` has 2 live executions: ID, ID
    hint: name one of them
    ");
    engine.json(&["cancel", second.as_str().unwrap(), "--json"]);
    engine.say(&["logs", "-f", second.as_str().unwrap()]);
    assert_eq!(engine.json(&["cancel", "gate", "--json"])["id"], first);
    insta::assert_snapshot!(engine.say(&["retry", "nobody"]), @"
    exit code 4
    -- stderr
    error: no job named `nobody`
    hint: nor is it an execution
    ");
}

#[test]
fn an_execution_wins_over_a_job_of_the_same_name() {
    let engine = engine();
    let id = engine.json(&["run", "open-end", "--wait", "--json"])["id"].clone();
    let end = &id.as_str().unwrap()[24..];
    let file = engine.path().join("namesake.yaml");
    std::fs::write(&file, format!("id: '{end}'\nrun: echo namesake\n")).unwrap();
    assert!(engine.say(&["apply", "namesake.yaml"]).starts_with("exit code 0\n"));
    assert!(engine.say(&["run", end, "--wait"]).contains("namesake"));
    assert_eq!(engine.output(&["logs", end]).stdout, b"no line end");
}

#[test]
fn a_run_that_is_waited_for_tells_each_change() {
    let engine = engine();
    let said = engine.say(&["run", "twice", "--wait"]);
    let described: Vec<&str> = said.lines().filter(|line| line.contains(" ID ")).collect();
    let from = described.iter().position(|line| line.contains(" retrying")).unwrap_or_default();
    insta::assert_snapshot!(described[from..].join("\n"), @"
    twice ID retrying: attempt 1 of 4: exit code 1; next attempt in SPAN
    twice ID queued: ready for attempt 2
    twice ID running: attempt 2 on local
    twice ID succeeded after SPAN
    ");
    // Where stdout and stderr are one, the end has a line of its own.
    let log = std::fs::File::create(engine.path().join("log")).unwrap();
    let ended = crontower(engine.path())
        .args(["run", "open-end", "--wait"])
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .status();
    assert!(ended.unwrap().success());
    let log = std::fs::read_to_string(engine.path().join("log")).unwrap();
    assert!(log.contains("no line end\nopen-end "), "{log}");
    assert_eq!(engine.output(&["run", "open-end", "--wait"]).stdout, b"no line end");
}

/// `run --wait` of the job that opens a gate and waits.
fn waiting_for_the_gate(engine: &Engine) -> std::process::Child {
    let mut run = crontower(engine.path());
    run.args(["run", "gate", "--wait"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    run.spawn().unwrap()
}

#[test]
fn ctrl_c_ends_the_waiting_and_not_the_execution() {
    let engine = engine();
    let mut waiting = waiting_for_the_gate(&engine);
    let mut opened = String::new();
    let mut stdout = BufReader::new(waiting.stdout.take().unwrap());
    stdout.read_line(&mut opened).unwrap();
    assert_eq!(opened, "opened\n");
    crate::daemon::signal(waiting.id(), Signal::INT);
    let mut described = String::new();
    waiting.stderr.take().unwrap().read_to_string(&mut described).unwrap();
    assert_eq!(waiting.wait().unwrap().code(), Some(130));
    let list = engine.json(&["executions", "--job", "gate", "--json"]);
    let id = list["items"][0]["id"].as_str().unwrap();
    let short = &id[id.len() - 8..];
    let wanted = format!("gate {short} goes on: `crontower cancel {short}` ends it");
    assert!(described.contains(&wanted), "{described}");
    assert_eq!(list["items"][0]["state"], "running");
    assert!(engine.say(&["cancel", short]).starts_with("exit code 0\n"));
}

#[test]
fn an_engine_that_does_not_answer_is_reported_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut asking = crontower(dir.path())
        .args(["jobs", "--server", &url])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (connection, _) = listener.accept().unwrap();
    let mut stderr = BufReader::new(asking.stderr.take().unwrap());
    let mut described = String::new();
    stderr.read_line(&mut described).unwrap();
    assert_eq!(described, format!("no answer yet from the engine at {url}/: waiting\n"));
    drop((connection, listener));
    described.clear();
    stderr.read_to_string(&mut described).unwrap();
    assert!(described.starts_with("error: "), "{described}");
    assert_eq!(asking.wait().unwrap().code(), Some(3));
}

#[test]
fn an_engine_that_falls_silent_is_reported_to_who_waits_for_a_run() {
    let engine = engine();
    let pid = engine.json(&["status", "--json"])["leader"]["pid"].as_u64().unwrap();
    let pid = u32::try_from(pid).unwrap();
    let mut waiting = waiting_for_the_gate(&engine);
    let mut opened = String::new();
    BufReader::new(waiting.stdout.take().unwrap()).read_line(&mut opened).unwrap();
    assert_eq!(opened, "opened\n");
    crate::daemon::signal(pid, Signal::STOP);
    let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let described = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("trouble")));
    crate::daemon::signal(pid, Signal::CONT);
    let wanted = "waiting, but the engine is in trouble: it does not answer";
    assert_eq!(described.unwrap().unwrap(), wanted);
    assert!(engine.say(&["cancel", "gate"]).starts_with("exit code 0\n"));
    assert!(lines.all(|line| !line.unwrap().contains("trouble")), "once");
    assert_eq!(waiting.wait().unwrap().code(), Some(1));
}

#[test]
fn times_are_reported_as_people_tell_them() {
    let engine = engine();
    assert!(
        engine
            .say(&["pause", "month-end", "--until", "2099-11-30 08:00"])
            .starts_with("exit code 0\n")
    );
    let until = engine.json(&["show", "month-end", "--json"])["paused"]["until"].clone();
    assert_eq!(until, "2099-11-30T08:00:00Z");
    let in_berlin = crontower(engine.path())
        .env("TZ", "Europe/Berlin")
        .args(["pause", "month-end", "--until", "2099-11-30 08:00"])
        .output();
    insta::assert_snapshot!(
        String::from_utf8(in_berlin.unwrap().stdout).unwrap(),
        @"month-end is paused until 2099-11-30 08:00:00"
    );
    let until = engine.json(&["show", "month-end", "--json"])["paused"]["until"].clone();
    assert_eq!(until, "2099-11-30T07:00:00Z");
    engine.say(&["run", "open-end", "--wait"]);
    assert!(engine.say(&["executions", "--since", "yesterday"]).contains("open-end"));
    assert!(!engine.say(&["executions", "--since", "tomorrow 0:00"]).contains("open-end"));
    let said = engine.say(&["why", "month-end", "--at", "2098-12-31 00:00"]);
    assert!(said.starts_with("exit code 0\n"), "{said}");
}

#[test]
fn an_edit_tells_what_is_likely_wrong_with_its_own_job_only() {
    let engine = engine();
    let warned = |args: &[&str]| engine.say(args).contains("warning: ");
    assert!(!warned(&["set", "broken", "name=Broken"]));
    assert!(!warned(&["disable", "broken"]));
    assert!(warned(&["set", "month-end", "name=End"]));
    assert!(warned(&["reload"]));
}

#[test]
fn a_jobs_file_that_is_gone_is_reported() {
    let engine = engine();
    assert!(!engine.say(&["status"]).contains("gone"));
    std::fs::remove_file(engine.path().join("jobs.yaml")).unwrap();
    let said = engine.say(&["status"]);
    let wanted = "[DATA]/jobs.yaml (it is gone: the jobs that were read from it stay in force)";
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn the_engine_of_another_user_is_reported_as_such() {
    let engine = engine();
    let mut asking = crontower(engine.path());
    asking.arg("jobs");
    if rustix::process::geteuid().is_root() {
        asking.uid(65534).current_dir("/");
    } else {
        let closed = std::fs::Permissions::from_mode(0o0);
        std::fs::set_permissions(engine.path().join("crontower.sock"), closed).unwrap();
    }
    let output = match asking.output() {
        Ok(output) => output,
        // The other user cannot reach the program, either.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return,
        Err(error) => panic!("{error}"),
    };
    let said = transcript(&output, engine.path());
    assert!(said.starts_with("exit code 5\n"), "{said}");
    assert!(said.contains("the engine at [DATA]/crontower.sock belongs to "), "{said}");
}

#[test]
fn the_last_lines_of_an_output_have_their_times() {
    let jobs = "timezone: UTC\njobs: [{id: counts, run: 'seq 1 5; printf end'}]\n";
    let engine = Engine::with(jobs, &[]);
    let ended = engine.json(&["run", "counts", "--wait", "--json"]);
    let id = ended["id"].as_str().unwrap();
    let lines = |args: &[&str]| {
        let output = engine.output(&[&["logs", id], args].concat());
        assert!(output.status.success(), "{args:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(lines(&["--tail", "2"]), "5\nend");
    assert_eq!(lines(&["--tail", "0"]), "");
    assert_eq!(lines(&["--tail", "99", "-f"]), "1\n2\n3\n4\n5\nend");
    let timed = lines(&["-t", "--tail", "3"]);
    let (times, texts): (Vec<&str>, Vec<&str>) =
        timed.lines().map(|line| line.split_once("  ").unwrap()).unzip();
    assert_eq!(texts, ["4", "5", "end"]);
    assert!(times.iter().all(|time| time.len() == "2026-03-02 12:00:00".len()), "{timed}");
    assert_eq!(lines(&["--attempt", "0", "--tail", "5"]), "", "it has no on_failure");
}

#[test]
fn stop_ends_the_engine_and_waits_until_it_is_gone() {
    let jobs = "jobs: [{id: gate, run: 'echo opened; timeout --foreground 60 cat gate'}]\n";
    let mut engine = Engine::with(jobs, &[]);
    let gate = engine.path().join("gate");
    assert!(std::process::Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let begun = engine.json(&["run", "gate", "--json"]);
    let both = engine.output(&["stop", "--wait", "--cancel"]);
    assert_eq!(both.status.code(), Some(2));
    insta::assert_snapshot!(engine.say(&["stop", "--reason", "new disk"]), @"
    exit code 0
    -- stdout
    the engine has stopped
    ");
    insta::assert_snapshot!(engine.output(&["stop"]).status.code().unwrap(), @"3");
    engine.start_again("127.0.0.1:0");
    let events = engine.json(&["events", "--json", "--limit", "100"]).to_string();
    assert!(events.contains("requested by root@socket: new disk"), "{events}");
    // What ran goes on; this time its end is waited for.
    let mut stop = engine.command(&["stop", "--wait"]).spawn().unwrap();
    std::fs::write(&gate, "through").unwrap();
    assert!(stop.wait().unwrap().success());
    engine.start_again("127.0.0.1:0");
    let ended = engine.json(&["show", begun["id"].as_str().unwrap(), "--json"]);
    assert_eq!(ended["state"], "succeeded", "{ended}");
    engine.json(&["run", "gate", "--json"]);
    let cancelled = engine.output(&["stop", "--cancel"]);
    assert!(cancelled.status.success());
    engine.start_again("127.0.0.1:0");
    let newest = engine.json(&["executions", "--job", "gate", "--json"]);
    assert_eq!(newest["items"][0]["state"], "cancelled", "{newest}");
}
