//! Starts where not everything is as it should be: a full disk, a jobs file with errors, a store of another time.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::daemon::Daemon;
use super::faults::{SmallDisk, may_mount};

const TICK: &str =
    "timezone: UTC\njobs:\n  - { id: tick, schedule: '* * * * * *', catch_up: all, run: 'true' }\n";

fn json(daemon: &Daemon, args: &[&str]) -> Value {
    serde_json::from_str(&daemon.ask(&[args, &["--json"]].concat())).unwrap()
}

/// An engine that has run for a moment in a folder, and stopped.
fn a_history(folder: &Path, jobs: &str) {
    fs::write(folder.join("jobs.yaml"), jobs).unwrap();
    let daemon = Daemon::start(folder);
    daemon.ask(&["run", "tick"]);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn an_engine_that_finds_a_full_disk_at_its_start_waits_for_room() {
    if !may_mount() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    a_history(folder.path(), TICK);
    fs::rename(folder.path().join("data"), folder.path().join("before")).unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let full = r#"mount -t tmpfs -o size=3m,mode=700 tmpfs data && cp -a before/. data/ &&
        { cat /dev/zero > data/ballast 2>/dev/null; exec "$0" "$@"; }"#;
    let through = ["unshare", "--mount", "sh", "-c", full];
    let waiting = Daemon::start_through(folder.path(), &through);
    waiting.until_said("waits for its store");
    assert_eq!(waiting.stop(), Some(0), "it can be stopped while it waits");
    let daemon = Daemon::start_through(folder.path(), &through);
    daemon.until_said("waits for its store");
    let disk = SmallDisk::of(&daemon, folder.path());
    disk.free();
    daemon.until_said("ready");
    let data_dir = disk.seen_from_here.to_str().unwrap().to_owned();
    loop {
        let page = ["--data-dir", &data_dir, "executions", "--limit", "1", "--json"];
        let page: Value = serde_json::from_str(&daemon.ask(&page)).unwrap();
        let newest = &page["items"][0];
        if newest["trigger"] == "schedule" && newest["state"] == "succeeded" {
            break;
        }
        daemon.let_work(Duration::from_millis(100));
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_broken_jobs_file_at_the_start_leaves_the_last_good_one_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let good = "timezone: Europe/Berlin\nlimits: { db: 2 }\nworkers: [{ id: big, capacity: 3, labels: [db] }]\n\
        jobs:\n  - { id: tick, schedule: daily at 3 AM, limits: [db], workers: { labels: [db] }, run: 'true' }\n";
    a_history(folder.path(), good);
    let file = folder.path().join("jobs.yaml");
    fs::write(&file, "jobs:\n  - { id: tick, schedule: daily at 25:00, run: 'true' }\n").unwrap();
    let (code, said) = Daemon::start_through(folder.path(), &[]).ended();
    assert_eq!(code, Some(2), "without --last-good it is refused: {said}");
    for gone in [false, true] {
        if gone {
            fs::remove_file(&file).unwrap();
        }
        let daemon = Daemon::start_with(folder.path(), &[], &["--last-good"]);
        daemon.until_said("refused at the start");
        daemon.until_said("ready");
        let status = json(&daemon, &["status"]);
        assert_eq!(status["health"], "degraded", "{status}");
        let problem = status["problems"][0].as_str().unwrap().to_owned();
        assert!(problem.contains("definitions of the last good one are in force"), "{problem}");
        assert!(gone || problem.contains("25:00"), "{problem}");
        let job = json(&daemon, &["show", "tick"]);
        assert!(job.to_string().contains("daily at 3 AM"), "{job}");
        assert!(
            job.to_string().contains("+01:00")
                || job.to_string().contains("+02:00")
                || job.to_string().contains("Berlin"),
            "{job}"
        );
        let execution = json(&daemon, &["run", "tick"])["id"].as_str().unwrap().to_owned();
        loop {
            let execution = json(&daemon, &["show", &execution]);
            if execution.to_string().contains("\"succeeded\"") {
                break;
            }
            daemon.let_work(Duration::from_millis(50));
        }
        if gone {
            fs::write(&file, good).unwrap();
            daemon.ask(&["reload"]);
            let status = json(&daemon, &["status"]);
            assert_eq!(status["health"], "ok", "{status}");
        }
        assert_eq!(daemon.stop(), Some(0));
    }
}

#[test]
fn nothing_good_before_is_no_reason_to_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jobs.yaml"), "jobs: 5\n").unwrap();
    let (code, said) = Daemon::start_with(folder.path(), &[], &["--last-good"]).ended();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`jobs`: expected a list"), "{said}");
}
