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
        eprintln!("skipped: a mount namespace needs root");
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
        daemon.until_said("engine degraded: the jobs file was refused at the start");
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
            daemon.until_said("engine ok again");
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

/// docs/operations.md, "Backup": the file of a stopped engine is a whole backup, and goes back as it says there.
#[test]
fn a_store_from_a_backup_goes_back_and_one_of_another_time_is_not_taken_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = "timezone: UTC\njobs:\n  - { id: tick, run: 'true' }\n";
    a_history(folder.path(), jobs);
    let data = folder.path().join("data");
    let (store, backup) = (data.join("crontower.db"), folder.path().join("backup.db"));
    fs::copy(&store, &backup).unwrap();
    let daemon = Daemon::start(folder.path());
    daemon.ask(&["run", "tick"]);
    daemon.ask(&["run", "tick"]);
    assert_eq!(json(&daemon, &["executions"])["items"].as_array().unwrap().len(), 3);
    assert_eq!(daemon.stop(), Some(0));
    let no_side_files = || {
        for side in ["crontower.db-wal", "crontower.db-shm"] {
            let _ = fs::remove_file(data.join(side));
        }
    };
    no_side_files();
    fs::copy(&backup, &store).unwrap();
    let (code, said) = Daemon::start_through(folder.path(), &[]).ended();
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("older than this folder") && said.contains("--accept-older-store"),
        "{said}"
    );
    let daemon = Daemon::start_with(folder.path(), &[], &["--accept-older-store"]);
    daemon.until_said("ready");
    assert_eq!(json(&daemon, &["executions"])["items"].as_array().unwrap().len(), 1);
    daemon.ask(&["run", "tick"]);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(Daemon::start(folder.path()).stop(), Some(0), "it is the folder's from then on");
    no_side_files();
    fs::remove_file(&store).unwrap();
    for empty in [false, true] {
        if empty {
            fs::write(&store, "").unwrap();
        }
        let (code, said) = Daemon::start_through(folder.path(), &[]).ended();
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("missing or empty") && said.contains("--new-store"), "{said}");
        assert_eq!(store.exists(), empty, "nothing is made in its place");
    }
    let daemon = Daemon::start_with(folder.path(), &[], &["--new-store"]);
    daemon.until_said("was set aside");
    daemon.until_said("ready");
    assert_eq!(json(&daemon, &["executions"])["items"].as_array().unwrap().len(), 0);
    assert_eq!(daemon.stop(), Some(0));
    no_side_files();
    fs::copy(&backup, &store).unwrap();
    let (code, said) = Daemon::start_through(folder.path(), &[]).ended();
    assert!(code == Some(2) && said.contains("is not the one that was here"), "{said}");
    fs::write(&store, "no database ".repeat(500)).unwrap();
    let daemon = Daemon::start_with(folder.path(), &[], &["--new-store"]);
    daemon.until_said("set-aside");
    daemon.until_said("ready");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn an_engine_whose_data_folder_is_taken_away_fires_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = TICK
        .replace("'true'", "'echo $PPID >> ../ticks'")
        .replace("run:", "working_dir: data, run:");
    fs::write(folder.path().join("jobs.yaml"), &jobs).unwrap();
    let daemon = Daemon::start(folder.path());
    let (data, moved) = (folder.path().join("data"), folder.path().join("moved"));
    let ticks = || fs::read_to_string(folder.path().join("ticks")).unwrap_or_default();
    while ticks().lines().count() < 2 {
        daemon.let_work(Duration::from_millis(50));
    }
    fs::rename(&data, &moved).unwrap();
    daemon.until_said("was removed or replaced");
    let before = ticks();
    daemon.let_work(Duration::from_millis(2_500));
    assert_eq!(ticks(), before, "nothing fires");
    assert!(!data.join("crontower.db").exists(), "nothing is made in its place");
    fs::rename(&moved, &data).unwrap();
    daemon.until_said("the store works again");
    while ticks().lines().count() < before.lines().count() + 2 {
        daemon.let_work(Duration::from_millis(50));
    }
    assert_eq!(daemon.stop(), Some(0));
}
