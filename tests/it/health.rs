//! How an engine is, seen from outside: a worker process that is stopped, busy and idle, and what people and programs
//! are told of it.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::daemon::{Daemon, signal, until_gone, worker_pid};

fn json(daemon: &Daemon, args: &[&str]) -> Value {
    let mut args = args.to_vec();
    args.push("--json");
    serde_json::from_str(&daemon.ask(&args)).unwrap()
}

fn status(daemon: &Daemon) -> Value {
    json(daemon, &["status"])
}

/// Waits until the engine is like that.
fn until_health(daemon: &Daemon, health: &str) -> Value {
    loop {
        let status = status(daemon);
        if status["health"] == health {
            return status;
        }
        daemon.let_work(Duration::from_millis(50));
    }
}

fn until_state(daemon: &Daemon, id: &str, state: &str) -> Value {
    loop {
        let execution = json(daemon, &["show", id]);
        if execution["state"] == state {
            return execution;
        }
        daemon.let_work(Duration::from_millis(50));
    }
}

fn run(daemon: &Daemon, job: &str) -> String {
    json(daemon, &["run", job])["id"].as_str().unwrap().to_owned()
}

fn end(daemon: Daemon, folder: &Path) {
    assert_eq!(daemon.stop(), Some(0));
    if let Some(pid) = worker_pid(folder) {
        until_gone(pid);
    }
}

fn started(jobs: &str) -> (tempfile::TempDir, Daemon) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
    let daemon = Daemon::start(folder.path());
    (folder, daemon)
}

/// What was degraded, then ok again, as the events have it.
fn changes_of_health(daemon: &Daemon) -> Vec<String> {
    let events = json(daemon, &["events", "--limit", "1000"]);
    let events = events["items"].as_array().unwrap().iter();
    let changes = events.filter(|event| event["type"] == "health_changed");
    changes.map(|event| event["health"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_idle_worker_that_is_stopped_is_noticed_and_gets_nothing_to_do() {
    let (folder, daemon) = started("jobs: [{id: short, run: 'true'}]");
    until_state(&daemon, &run(&daemon, "short"), "succeeded");
    assert_eq!(status(&daemon)["health"], "ok");
    let worker = worker_pid(folder.path()).unwrap();
    signal(worker, Signal::STOP);
    // Two signs of life are missing: whatever comes next has the engine look.
    daemon.let_work(Duration::from_secs(2));
    let next = run(&daemon, "short");
    let queued = json(&daemon, &["show", &next]);
    assert_eq!(queued["state"], "queued", "{queued}");
    assert_eq!(queued["reason"], "the worker process is not connected");
    let degraded = status(&daemon);
    assert_eq!(degraded["health"], "degraded");
    assert_eq!(degraded["problems"], serde_json::json!(["worker local is suspect"]));
    signal(worker, Signal::CONT);
    until_state(&daemon, &next, "succeeded");
    assert_eq!(until_health(&daemon, "ok")["problems"], serde_json::json!([]));
    let mut changes = changes_of_health(&daemon);
    changes.sort();
    assert_eq!(changes, ["degraded", "ok"]);
    end(daemon, folder.path());
}

#[test]
fn a_busy_worker_that_is_stopped_makes_the_engine_degraded_until_it_goes_on() {
    let (folder, daemon) =
        started("jobs: [{id: long, run: 'while [ ! -e go ]; do sleep 0.1; done'}]");
    let long = run(&daemon, "long");
    while until_state(&daemon, &long, "running")["started_at"].is_null() {
        daemon.let_work(Duration::from_millis(50));
    }
    let worker = worker_pid(folder.path()).unwrap();
    signal(worker, Signal::STOP);
    let degraded = until_health(&daemon, "degraded");
    assert_eq!(degraded["problems"], serde_json::json!(["worker local is suspect"]));
    assert_eq!(degraded["wrong"], serde_json::json!([]), "no job is wrong yet");
    signal(worker, Signal::CONT);
    until_health(&daemon, "ok");
    std::fs::write(folder.path().join("go"), "").unwrap();
    until_state(&daemon, &long, "succeeded");
    end(daemon, folder.path());
}

#[test]
fn what_is_wrong_stands_in_the_status_until_someone_acknowledges_it() {
    let (folder, daemon) = started("jobs: [{id: broken, run: 'exit 3'}]");
    until_state(&daemon, &run(&daemon, "broken"), "failed");
    let wrong = status(&daemon)["wrong"].clone();
    assert_eq!(wrong[0]["job_id"], "broken", "{wrong}");
    assert_eq!(wrong[0]["kind"], "failure");
    assert_eq!(wrong[0]["reason"], "exit code 3");
    let text = daemon.ask(&["status"]);
    assert!(text.contains("wrong       broken  failing since "), "{text}");
    daemon.ask(&["acknowledge", "broken"]);
    assert_eq!(status(&daemon)["wrong"], serde_json::json!([]));
    end(daemon, folder.path());
}
