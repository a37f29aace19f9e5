//! The command line against a real engine, as transcripts.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;

use crate::cli::{crontower, transcript};

const JOBS: &str = "\
jobs:
  - id: hello
    name: Says hello
    run: echo \"hello ${1:-world}\"
  - id: broken
    run: exec 2>&1; echo before; echo oops >&2; exit 3
  - id: gate
    run: echo opened; timeout --foreground 60 cat gate
  - id: nightly
    schedule: daily at 2 AM
    timezone: UTC
    command: echo
    args: { message: good night }
";

/// An engine without a screen, in a folder of its own; it ends with this value.
pub(crate) struct Engine {
    dir: tempfile::TempDir,
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Engine {
    pub(crate) fn start() -> Self {
        Self::with(JOBS, &[])
    }

    pub(crate) fn with(jobs: &str, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("jobs.yaml"), jobs).unwrap();
        let (child, stderr) = Self::spawn(dir.path(), "127.0.0.1:0", args);
        let mut engine = Self { dir, child, stderr };
        engine.wait_for("ready");
        engine
    }

    fn spawn(dir: &Path, listen: &str, args: &[&str]) -> (Child, BufReader<ChildStderr>) {
        let mut command = crontower(dir);
        command.args(["--headless", "--listen", listen]).args(args);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        (child, stderr)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Another one in its place, after it has ended.
    pub(crate) fn start_again(&mut self, listen: &str) {
        (self.child, self.stderr) = Self::spawn(self.dir.path(), listen, &[]);
        self.wait_for("ready");
    }

    /// The address that it says it serves.
    pub(crate) fn address(&self) -> String {
        self.json(&["status", "--json"])["engine"]["listen"].as_str().unwrap().to_owned()
    }

    /// Reads the log up to a line that contains `words`.
    fn wait_for(&mut self, words: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "no `{words}` in:\n{all}");
            all += &line;
            if line.contains(words) {
                return line;
            }
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = crontower(self.dir.path());
        command.args(args);
        command
    }

    pub(crate) fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What came out, with all that differs from run to run left out.
    pub(crate) fn say(&self, args: &[&str]) -> String {
        settle(&transcript(&self.output(args), self.dir.path()))
    }

    /// `run --wait` without the line that says how it began: it may have waited for its worker.
    fn run(&self, args: &[&str]) -> String {
        let said = self.say(&[&["run", "--wait"], args].concat());
        let began = |line: &&str| line.contains(" ID running: ") || line.contains(" ID queued: ");
        said.lines().filter(|line| !began(line)).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.output(args);
        assert!(output.status.success(), "{args:?}: {}", transcript(&output, self.dir.path()));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_some() {
            return;
        }
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        if !std::thread::panicking() {
            assert_eq!(status.code(), Some(0), "SIGTERM ends an engine with 0");
        }
    }
}

/// Ids, times and spans as words, so that transcripts can be compared.
fn settle(text: &str) -> String {
    let mut settled = Vec::new();
    for line in text.lines() {
        let words: Vec<String> = line.split(' ').map(settle_word).collect();
        // What stands below a title moves with the width of ids and spans.
        settled.push(words.join(" ").trim_end().to_owned());
    }
    settled.join("\n")
}

fn settle_word(word: &str) -> String {
    let core = word.trim_end_matches([':', ',', ';']);
    let rest = &word[core.len()..];
    let hex = core.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let digits = core.bytes().filter(u8::is_ascii_digit).count();
    let shape = if hex && (core.len() == 8 || core.len() == 32) {
        "ID"
    } else if core.len() == 10 && digits == 8 && core.contains('-') {
        "DATE"
    } else if core.len() == 8 && digits == 6 && core.contains(':') {
        "TIME"
    } else if core.len() == 20 && core.ends_with('Z') && digits == 14 {
        "INSTANT"
    } else if core.ends_with('s') && digits > 0 && core.starts_with(|c: char| c.is_ascii_digit()) {
        "SPAN"
    } else {
        return word.to_owned();
    };
    format!("{shape}{rest}")
}

#[test]
fn a_job_is_run_and_its_output_read() {
    let engine = Engine::start();
    insta::assert_snapshot!(engine.run(&["hello"]), @"
    exit code 0
    -- stdout
    hello world
    -- stderr
    hello ID succeeded after SPAN
    ");
    insta::assert_snapshot!(engine.run(&["hello", "--", "big world"]), @"
    exit code 0
    -- stdout
    hello big world
    -- stderr
    hello ID succeeded after SPAN
    ");
    insta::assert_snapshot!(engine.run(&["broken"]), @"
    exit code 1
    -- stdout
    before
    oops
    -- stderr
    broken ID failed after SPAN: exit code 3
    ");
    let list = engine.json(&["executions", "--job", "broken", "--json"]);
    let id = list["items"][0]["id"].as_str().unwrap();
    insta::assert_snapshot!(engine.say(&["logs", id]), @"
    exit code 0
    -- stdout
    before
    oops
    ");
    insta::assert_snapshot!(engine.say(&["show", &id[24..]]), @"
    exit code 0
    -- stdout
    id         ID
    job        broken (version 1)
    state      failed: exit code 3
    trigger    manual
    asked by   root@socket
    fire time  DATE TIME
    started    DATE TIME
    finished   DATE TIME
    attempt 1  on local, took SPAN, failed, exit code 3: exit code 3
    history    DATE TIME  queued: requested by root@socket
    history    DATE TIME  running: attempt 1 on local
    history    DATE TIME  failed: exit code 3
    ");
    let ended = engine.output(&["run", "broken", "--wait", "--json"]);
    let ended: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&ended["state"], &ended["attempt"]), (&"failed".into(), &1.into()));
    assert_eq!(ended["attempts"][0]["exit_code"], 3);
    assert_eq!(ended["worker_id"], "local");
}

#[test]
fn what_is_not_there_is_exit_code_4() {
    let engine = Engine::start();
    insta::assert_snapshot!(engine.say(&["run", "helo"]), @"
    exit code 4
    -- stderr
    error: no job named `helo`; did you mean `hello`?
    ");
    insta::assert_snapshot!(engine.say(&["show", "ffff"]), @"
    exit code 4
    -- stderr
    error: no job named `ffff`
    hint: nor is it an execution
    ");
    for args in [
        &["pause", "nobody"][..],
        &["resume", "nobody"],
        &["cancel", "ffff"],
        &["retry", "x/y"],
        &["logs", "ffff"],
        &["show", "../jobs"],
        &["executions", "--job", "NO"],
    ] {
        assert!(engine.say(args).starts_with("exit code 4\n-- stderr\n"), "{args:?}");
    }
    // A URL would swallow these, and another route would answer.
    for args in [["show", ".."], ["why", "."], ["logs", ""], ["versions", ".."], ["run", ".."]] {
        let said = engine.say(&args);
        assert!(said.starts_with("exit code 2\n") && said.contains("is no id"), "{args:?}: {said}");
    }
    insta::assert_snapshot!(engine.say(&["executions", "--status", "faild"]), @"
    exit code 2
    -- stderr
    error: unknown value of `status`: `faild`; did you mean `failed`?
    ");
}

#[test]
fn lists_are_tables_or_what_the_api_answers() {
    let engine = Engine::start();
    engine.say(&["run", "hello", "--wait"]);
    insta::assert_snapshot!(engine.say(&["jobs"]), @"
    exit code 0
    -- stdout
    ID       STATE  NEXT (UTC)           LAST       ENDED                SCHEDULE                 NAME
    broken   idle   -                    -          -                    by hand
    gate     idle   -                    -          -                    by hand
    hello    idle   -                    succeeded  DATE TIME  by hand                  Says hello
    nightly  idle   DATE TIME  -          -                    At 02:00 every day, UTC
    ");
    let jobs = engine.json(&["jobs", "--json"]);
    assert_eq!(jobs["items"].as_array().unwrap().len(), 4);
    assert_eq!(
        jobs["items"][3]["next_fire_time"].as_str().unwrap().split_once('T').unwrap().1,
        "02:00:00Z"
    );
    let hello = engine.json(&["show", "hello", "--json"]);
    assert_eq!(hello["last_execution"]["state"], "succeeded");
    let workers = engine.json(&["workers", "--json"]);
    assert_eq!(workers["items"][0]["state"], "online");
    let status = engine.json(&["status", "--json"]);
    assert_eq!((&status["health"], &status["counts"]["succeeded"]), (&"ok".into(), &1.into()));
    assert_eq!(status["upcoming"][0]["job_id"], "nightly");
    let events = engine.json(&["events", "--json", "--limit", "1000"]);
    let seqs: Vec<u64> =
        events["items"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    let wanted: Vec<u64> = (1..=seqs[0]).rev().collect();
    assert_eq!(seqs, wanted, "numbered without a gap, newest first");
    assert!(engine.say(&["workers"]).contains("local"));
    assert!(engine.say(&["status"]).contains("health      ok"));
    assert!(engine.say(&["executions"]).contains("hello"));
    assert!(engine.say(&["events"]).contains("hello ID succeeded"));
}

#[test]
fn a_running_job_is_followed_cancelled_and_retried() {
    let engine = Engine::start();
    let made = Command::new("mkfifo").arg(engine.dir.path().join("gate")).status().unwrap();
    assert!(made.success());
    let begun = engine.json(&["run", "gate", "--json"]);
    let id = begun["id"].as_str().unwrap();
    let mut follower = engine.command(&["logs", "-f", id]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "opened\n", "a line comes while the job runs");
    insta::assert_snapshot!(engine.say(&["retry", id]), @"
    exit code 1
    -- stderr
    error: execution ID is still running: cancel it first, or wait for its end
    ");
    insta::assert_snapshot!(engine.say(&["run", "gate", "--wait"]), @"
    exit code 1
    -- stderr
    gate ID skipped: overlap: ID is still running
    ");
    let mut gate =
        std::fs::OpenOptions::new().write(true).open(engine.dir.path().join("gate")).unwrap();
    gate.write_all(b"through\n").unwrap();
    line.clear();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "through\n");
    insta::assert_snapshot!(engine.say(&["cancel", id]), @"
    exit code 0
    -- stdout
    gate ID running: stopping: cancelled by root@socket
    ");
    lines.read_to_string(&mut line).unwrap();
    assert_eq!(
        follower.wait().unwrap().code(),
        Some(0),
        "the end of the execution ends the follower"
    );
    drop(gate);
    let ended = engine.json(&["show", id, "--json"]);
    assert_eq!(ended["state"], "cancelled");
    insta::assert_snapshot!(engine.say(&["cancel", id]), @"
    exit code 1
    -- stderr
    error: execution ID is already cancelled
    ");
    let again = engine.json(&["retry", id, "--json"]);
    assert_eq!((&again["trigger"], &again["retry_of"]), (&"retry".into(), &id.into()));
    let again = again["id"].as_str().unwrap();
    engine.json(&["cancel", again, "--json"]);
    engine.say(&["logs", "-f", again]);
    assert_eq!(engine.json(&["show", again, "--json"])["state"], "cancelled");
}

#[test]
fn a_pause_is_kept_and_ended() {
    let engine = Engine::start();
    let said =
        engine.say(&["pause", "nightly", "--until", "2099-01-01T00:00:00Z", "--reason", "work"]);
    insta::assert_snapshot!(said, @"
    exit code 0
    -- stdout
    nightly is paused until DATE TIME
    ");
    let job = engine.json(&["show", "nightly", "--json"]);
    assert_eq!(job["paused"]["reason"], "work");
    assert!(engine.say(&["jobs"]).contains("paused"));
    insta::assert_snapshot!(engine.say(&["pause", "nightly", "--until", "2020-01-01T00:00:00Z"]), @"
    exit code 2
    -- stderr
    error: `until` is over already: 2020-01-01T00:00:00+00:00
    ");
    assert!(engine.say(&["resume", "nightly"]).starts_with("exit code 0\n"));
    insta::assert_snapshot!(engine.say(&["resume", "nightly"]), @"
    exit code 1
    -- stderr
    error: job `nightly` is not paused
    ");
}

#[test]
fn a_reload_is_all_or_nothing() {
    let mut engine = Engine::start();
    let file = engine.dir.path().join("jobs.yaml");
    std::fs::write(
        &file,
        JOBS.replace("daily at 2 AM", "daily at 3 AM") + "  - id: more\n    run: 'true'\n",
    )
    .unwrap();
    insta::assert_snapshot!(engine.say(&["reload", "--dry-run"]), @"
    exit code 0
    -- stdout
    + more
    ~ nightly
        schedule: daily at 2 AM → daily at 3 AM
    ");
    assert!(!engine.say(&["jobs"]).contains("more"));
    engine.signal("HUP");
    engine.wait_for("jobs.yaml was read again");
    assert!(engine.say(&["jobs"]).contains("more"));
    insta::assert_snapshot!(engine.say(&["reload"]), @"
    exit code 0
    -- stdout
    nothing changes
    ");
    std::fs::write(&file, "jobs:\n  - id: a\n    schedule: never ever\n    run: x\n").unwrap();
    insta::assert_snapshot!(engine.say(&["reload"]), @"
    exit code 2
    -- stderr
    error: [DATA]/jobs.yaml:3:15: `schedule`: `never` was not understood
    ");
    engine.signal("HUP");
    engine.wait_for("the jobs stay as they were");
    assert!(engine.say(&["jobs"]).contains("more"));
}

#[test]
fn an_engine_says_why_it_does_not_start() {
    let engine = Engine::start();
    let said = settle(&engine.say(&["--headless"]));
    assert!(
        said.starts_with("exit code 1\n") && said.contains("an engine already runs on [DATA]"),
        "{said}"
    );
    let dir = tempfile::tempdir().unwrap();
    let say = |args: &[&str]| {
        let output = crontower(dir.path()).args(args).output().unwrap();
        transcript(&output, dir.path())
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = say(&["--headless", "--listen", &address]).replace(&address, "ADDRESS");
    insta::assert_snapshot!(said, @"
    exit code 1
    -- stderr
    error: cannot listen on ADDRESS: Address already in use (os error 98); give another with --listen ADDR:PORT, or `none`
    ");
    insta::assert_snapshot!(say(&["--headless", "--listen", "0.0.0.0:7117"]), @"
    exit code 2
    -- stderr
    error: 0.0.0.0:7117 is no loopback address, and without TLS others could read the tokens on their way: give --tls-cert and --tls-key, put a proxy with TLS or an SSH tunnel before 127.0.0.1, or give --insecure-listen
    ");
    insta::assert_snapshot!(say(&["--headless", "jobs"]), @"
    exit code 2
    -- stderr
    error: --headless, --jobs, --store, --listen and --tls-cert start an engine: they take no command
    ");
    insta::assert_snapshot!(say(&["--headless", "--listen", "none", "--jobs", "gone.yaml"]), @"
    exit code 2
    -- stderr
    error: [DATA]/gone.yaml: no such file or folder
    ");
    insta::assert_snapshot!(say(&[]), @"
    exit code 2
    -- stderr
    error: there is no terminal to show a screen on
    hint: `crontower --headless` runs an engine without one
    ");
    std::fs::write(dir.path().join("jobs.yaml"), "jobs:\n  - id: a\n    run: x\n    scheduel: x\n")
        .unwrap();
    insta::assert_snapshot!(say(&["--headless", "--listen", "none"]), @"
    exit code 2
    -- stderr
    error: [DATA]/jobs.yaml:4:5: unknown key `scheduel`: did you mean `schedule`?
    ");
}

#[test]
fn nonsense_on_the_socket_harms_nobody() {
    let engine = Engine::start();
    let socket: &Path = &engine.dir.path().join("crontower.sock");
    for nonsense in [&b"\0\0\0\0"[..], b"GET / HTTP/9.9\r\n\r\n", &[0xff; 100_000], b"GET /"] {
        let mut stream = UnixStream::connect(socket).unwrap();
        // The other side may have had enough before it has read all.
        let _ = stream.write_all(nonsense);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(engine.say(&["status"]).starts_with("exit code 0\n"));
}

#[test]
fn why_tells_what_stands_in_the_way() {
    let engine = Engine::start();
    insta::assert_snapshot!(engine.say(&["why", "hello"]), @"
    exit code 0
    -- stdout
    it has no schedule and no dependencies: it runs when asked to
    ");
    engine.say(&["pause", "nightly", "--until", "2099-01-01T00:00:00Z", "--reason", "work"]);
    insta::assert_snapshot!(engine.say(&["why", "nightly", "--at", "2098-01-01T02:30:00Z"]), @"
    exit code 0
    -- stdout
    it is paused by root@socket since INSTANT until INSTANT: work
    Wed DATE TIME +00:00 is no fire time of: At 02:00 every day, UTC: minute is 30, wanted 0
    its first fire time after the pause is INSTANT
      yes  second: 0; wanted: 0
      no   minute: 30; wanted: 0
      yes  hour: 2; wanted: 2
      yes  month: January; wanted: *
      yes  day: Wednesday the 1; wanted: day of month * and day of week *
    ");
    let why = engine.json(&["why", "nightly", "--at", "2098-01-01T02:00:00Z", "--json"]);
    assert_eq!((&why["subject"], &why["explanation"]["fires"]), (&"nightly".into(), &true.into()));
    let ended = engine.json(&["run", "hello", "--wait", "--json"]);
    let id = ended["id"].as_str().unwrap();
    insta::assert_snapshot!(engine.say(&["why", id]), @"
    exit code 0
    -- stdout
    it is succeeded
    attempt 1 on local: succeeded
    it was asked for by root@socket at INSTANT
    INSTANT succeeded
    INSTANT running: attempt 1 on local
    INSTANT queued: requested by root@socket
    ");
    let fire_time = ended["fire_time"].as_str().unwrap();
    let said = engine.say(&["why", "hello", "--at", fire_time]);
    assert!(said.contains("execution ID (manual) was made for it and is succeeded"), "{said}");
    assert!(engine.say(&["why", "nobody"]).starts_with("exit code 4\n"));
    assert!(engine.say(&["why", id, "--at", "2h"]).starts_with("exit code 2\n"));
}
