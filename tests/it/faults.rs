//! What a machine does to an engine beside killing it: it is held for longer than any lease, and its disk is full.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::daemon::{Daemon, signal, until_gone, worker_pid};

/// Longer than a lease (30 s), and than any fire time may be late (10 s).
const HELD: Duration = Duration::from_secs(33);

/// What a client command answers as JSON.
fn json(daemon: &Daemon, args: &[&str]) -> Value {
    let mut args = args.to_vec();
    args.push("--json");
    serde_json::from_str(&daemon.ask(&args)).unwrap()
}

fn items(daemon: &Daemon, args: &[&str]) -> Vec<Value> {
    json(daemon, args)["items"].as_array().unwrap().clone()
}

/// Waits until an execution is in a state.
fn until_state(daemon: &Daemon, id: &str, state: &str) -> Value {
    loop {
        let execution = json(daemon, &["show", id]);
        if execution["state"] == state {
            return execution;
        }
        daemon.let_work(Duration::from_millis(50));
    }
}

fn end(daemon: Daemon, folder: &Path) {
    assert_eq!(daemon.stop(), Some(0));
    if let Some(pid) = worker_pid(folder) {
        until_gone(pid);
    }
}

#[test]
fn an_engine_that_was_held_for_longer_than_every_lease_declares_nobody_lost() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = r#"
timezone: UTC
workers: [{id: w, capacity: 5}]
jobs:
  - { id: tick, schedule: "* * * * * *", run: "true" }
  - { id: long, run: 'while [ ! -e go ]; do sleep 0.1; done; exit 7' }
"#;
    std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
    let daemon = Daemon::start(folder.path());
    let long = json(&daemon, &["run", "long"])["id"].as_str().unwrap().to_owned();
    let started = until_state(&daemon, &long, "running");
    signal(daemon.pid(), Signal::STOP);
    daemon.let_work(HELD);
    signal(daemon.pid(), Signal::CONT);
    std::fs::write(folder.path().join("go"), "").unwrap();
    let ended = until_state(&daemon, &long, "failed");
    assert_eq!(ended["attempts"].as_array().unwrap().len(), 1, "{ended}");
    assert_eq!(ended["attempts"][0]["exit_code"], 7, "{ended}");
    assert_eq!(ended["worker_id"], started["worker_id"]);
    // Of the fire times that were missed the newest is caught up (catch_up: latest), the others are told.
    let caught_up = loop {
        let found = items(&daemon, &["executions", "--job", "tick", "--limit", "1000"]);
        let found: Vec<Value> = found.into_iter().filter(|e| e["trigger"] == "catch_up").collect();
        if !found.is_empty() {
            break found;
        }
        daemon.let_work(Duration::from_millis(50));
    };
    assert_eq!(caught_up.len(), 1, "{caught_up:?}");
    let events = daemon.ask(&["events", "--limit", "1000"]);
    assert!(events.contains("fire times from"), "{events}");
    end(daemon, folder.path());
}

#[test]
fn a_worker_process_that_was_held_takes_work_again_when_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = "jobs:\n  - { id: long, run: 'while [ ! -e go ]; do sleep 0.1; done; exit 7' }\n  - { id: short, run: 'true' }\n";
    std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
    let daemon = Daemon::start(folder.path());
    let long = json(&daemon, &["run", "long"])["id"].as_str().unwrap().to_owned();
    while until_state(&daemon, &long, "running")["started_at"].is_null() {
        daemon.let_work(Duration::from_millis(50));
    }
    let worker = worker_pid(folder.path()).unwrap();
    signal(worker, Signal::STOP);
    daemon.until_said("said nothing for ten seconds");
    signal(worker, Signal::CONT);
    let short = json(&daemon, &["run", "short"])["id"].as_str().unwrap().to_owned();
    until_state(&daemon, &short, "succeeded");
    std::fs::write(folder.path().join("go"), "").unwrap();
    let ended = until_state(&daemon, &long, "failed");
    assert_eq!(ended["attempts"][0]["exit_code"], 7, "{ended}");
    end(daemon, folder.path());
}

/// A file system of a few megabytes that only an engine in a mount namespace of its own sees, reached from here through /proc.
pub(crate) struct SmallDisk {
    pub(crate) seen_from_here: PathBuf,
}

/// Whether these tests may mount anything.
pub(crate) fn may_mount() -> bool {
    let probe = ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"];
    Command::new("unshare").args(probe).status().is_ok_and(|status| status.success())
}

impl SmallDisk {
    /// The one that an engine sees as its data folder.
    pub(crate) fn of(daemon: &Daemon, folder: &Path) -> Self {
        let root = PathBuf::from(format!("/proc/{}/root", daemon.pid()));
        Self { seen_from_here: root.join(folder.strip_prefix("/").unwrap()).join("data") }
    }

    fn fill(&self) {
        let mut file = std::fs::File::create(self.seen_from_here.join("ballast")).unwrap();
        let full = std::io::copy(&mut std::io::repeat(0), &mut file).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }

    pub(crate) fn free(&self) {
        std::fs::remove_file(self.seen_from_here.join("ballast")).unwrap();
    }
}

#[test]
fn a_full_disk_is_reported_nothing_is_lost_and_it_goes_on_when_there_is_room() {
    if !may_mount() {
        eprintln!("skipped: a mount namespace needs root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let jobs = "timezone: UTC\njobs:\n  - { id: tick, schedule: '* * * * * *', catch_up: all, run: 'true' }\n";
    std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let mount = r#"mount -t tmpfs -o size=3m,mode=700 tmpfs data && exec "$0" "$@""#;
    let daemon = Daemon::start_through(folder.path(), &["unshare", "--mount", "sh", "-c", mount]);
    let disk = SmallDisk::of(&daemon, folder.path());
    daemon.until_said("ready");
    disk.fill();
    daemon.until_said("stops firing");
    daemon.let_work(Duration::from_secs(2));
    disk.free();
    daemon.until_said("the store works again");
    let client = |args: &[&str]| {
        let socket = disk.seen_from_here.to_str().unwrap().to_owned();
        let args = [&["--data-dir", &socket], args].concat();
        daemon.ask(&args)
    };
    let after: Value = serde_json::from_str(&client(&["status", "--json"])).unwrap();
    assert_eq!(after["health"], "ok", "{after}");
    let last =
        |text: &str| -> Value { serde_json::from_str::<Value>(text).unwrap()["items"][0].clone() };
    let newest = last(&client(&["executions", "--job", "tick", "--limit", "1", "--json"]));
    let newest = newest["fire_time"].as_str().unwrap().to_owned();
    loop {
        let now = last(&client(&["executions", "--job", "tick", "--limit", "1", "--json"]));
        if now["fire_time"].as_str().unwrap() > newest.as_str() && now["state"] == "succeeded" {
            break;
        }
        daemon.let_work(Duration::from_millis(100));
    }
    // Each second since the first fire time has exactly one execution or lies in one range.
    let rows = client(&["executions", "--job", "tick", "--limit", "1000", "--json"]);
    let rows: Value = serde_json::from_str(&rows).unwrap();
    let mut seconds: Vec<String> = rows["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["trigger"] != "manual")
        .map(|row| row["fire_time"].as_str().unwrap().to_owned())
        .collect();
    seconds.sort();
    let executions = seconds.len();
    seconds.dedup();
    assert_eq!(seconds.len(), executions, "no fire time has two executions");
    let at = |text: &String| chrono::DateTime::parse_from_rfc3339(text).unwrap();
    let span = (at(seconds.last().unwrap()) - at(&seconds[0])).num_seconds() + 1;
    assert_eq!(usize::try_from(span).unwrap(), executions, "catch_up: all leaves no second out");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn the_log_of_an_engine_without_a_screen_tells_what_fails() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = "jobs: [{ id: broken, run: 'exit 3' }, { id: long, run: 'sleep 1000' }]\n";
    std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
    let daemon = Daemon::start(folder.path());
    daemon.ask(&["run", "broken"]);
    daemon.until_said("WARN broken");
    daemon.ask(&["run", "long"]);
    let worker = loop {
        match worker_pid(folder.path()) {
            Some(pid) => break pid,
            None => daemon.let_work(Duration::from_millis(50)),
        }
    };
    signal(worker, Signal::KILL);
    daemon.until_said("WARN worker local is not connected");
    daemon.until_said("WARN long");
    daemon.ask(&["pause", "broken"]);
    daemon.until_said("INFO job broken paused by=");
    end(daemon, folder.path());
}

#[test]
fn nothing_starts_beside_what_a_stopped_worker_process_runs() {
    let folder = tempfile::tempdir().unwrap();
    // What runs beside another one says so.
    let jobs = r#"
timezone: UTC
workers: [{id: w, capacity: 5}]
limits: { one: 1 }
defaults: { limits: [one] }
jobs:
  - id: long
    retry: { type: fixed, max_retries: 1, delay: 100ms }
    run: &run |
      mkdir here || { echo beside >> trace; exit 9; }
      trap 'rmdir here; exit 143' TERM
      echo begun >> trace
      sleep 1000 & wait
  - { id: other, run: *run }
"#;
    std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
    let trace = || std::fs::read_to_string(folder.path().join("trace")).unwrap_or_default();
    let daemon = Daemon::start(folder.path());
    let long = json(&daemon, &["run", "long"])["id"].as_str().unwrap().to_owned();
    until_state(&daemon, &long, "running");
    while trace().is_empty() {
        daemon.let_work(Duration::from_millis(20));
    }
    let worker = worker_pid(folder.path()).unwrap();
    signal(worker, Signal::STOP);
    let other = json(&daemon, &["run", "other"])["id"].as_str().unwrap().to_owned();
    // Its lease runs out; then its processes are ended from here, and only then it is lost.
    let lost = until_state(&daemon, &long, "queued");
    assert_eq!(lost["attempts"][0]["outcome"], "worker_lost", "{lost}");
    assert!(!folder.path().join("here").exists(), "its processes are gone");
    signal(worker, Signal::CONT);
    let running = |id: &str| json(&daemon, &["show", id])["state"] == "running";
    while !running(&long) && !running(&other) {
        daemon.let_work(Duration::from_millis(50));
    }
    while trace().lines().count() < 2 {
        daemon.let_work(Duration::from_millis(20));
    }
    assert_eq!(trace(), "begun\nbegun\n");
    for id in [&other, &long] {
        daemon.ask(&["cancel", id]);
        until_state(&daemon, id, "cancelled");
    }
    end(daemon, folder.path());
}
