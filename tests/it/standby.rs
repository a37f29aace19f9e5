//! Two real schedulers on a real PostgreSQL: one leads, the other stands by, answers the same, and takes over.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::{Daemon, PATIENCE, signal};
use crate::postgres::{fired_once, look};
use crate::postgres_server::{Server, server};

const JOBS: &str = "jobs:\n  - id: hello\n    run: echo hello from the job\n  - id: tick\n    schedule: '@every 1s'\n    run: 'true'\n";

/// A scheduler that takes over after a kill -9 does so within it.
const AFTER_A_KILL: Duration = Duration::from_secs(5);
/// After a clean stop it takes half a second at most on a machine that does nothing else. A test may run on one that is
/// busy: here it must only be plain that nobody waited for the end of a lease, of which two seconds are left at least.
const AFTER_A_STOP: Duration = Duration::from_millis(1_900);

/// A scheduler in a folder of its own.
struct Scheduler {
    daemon: Daemon,
    folder: TempDir,
}

impl Scheduler {
    fn start(url: &str) -> Self {
        Self::start_with(url, JOBS)
    }

    fn start_with(url: &str, jobs: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
        Self::start_in(folder, url)
    }

    fn start_in(folder: TempDir, url: &str) -> Self {
        let listen = ["--store", url, "--listen", "127.0.0.1:0"];
        let daemon = Daemon::start_listening(folder.path(), &listen);
        daemon.until_said("ready");
        Self { daemon, folder }
    }

    /// Stops it; gives its folder.
    fn stop(self) -> TempDir {
        assert_eq!(self.daemon.stop(), Some(0));
        self.folder
    }

    /// Ends it without a word; gives its folder.
    fn kill(self) -> TempDir {
        self.daemon.kill();
        self.folder
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.daemon.ask(&[args, &["--json"]].concat())).unwrap()
    }

    fn role(&self) -> String {
        self.json(&["status"])["scheduler"].as_str().unwrap().to_owned()
    }

    /// Its address and the admin token of its folder.
    fn api(&self) -> (String, String) {
        let status = self.json(&["status"]);
        let address = status["engine"]["listen"].as_str().unwrap().to_owned();
        let token = fs::read_to_string(self.folder.path().join("data/token")).unwrap();
        (format!("http://{address}"), token.trim().to_owned())
    }
}

fn now() -> Duration {
    crontower::internals::Clock.now().monotonic
}

/// A plain GET without a token.
fn get(url: &str) -> (u16, String) {
    with_cryptography();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

/// Clients of HTTP want one, even where no TLS is spoken.
fn with_cryptography() {
    // A second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn events_of(server: &Server, schema: &str, kind: &str) -> Vec<Value> {
    let sql = format!("SELECT body FROM {schema}.events ORDER BY seq");
    let rows = look(server, &sql);
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|event| event.to_string().contains(kind)).collect()
}

#[test]
fn a_standby_answers_what_the_leader_answers_and_says_what_it_is() {
    let Some(server) = server("standby::a_standby_answers") else { return };
    let url = server.url("answers");
    let (leader, standby) = (Scheduler::start(&url), Scheduler::start(&url));
    assert_eq!((leader.role(), standby.role()), ("leader".to_owned(), "standby".to_owned()));
    let status = standby.json(&["status"]);
    assert_eq!(status["leader"]["pid"], leader.daemon.pid(), "{status}");
    assert_eq!(status["leader"]["epoch"], 1, "{status}");
    assert_eq!(status["engine"]["pid"], standby.daemon.pid(), "{status}");
    assert_eq!(leader.json(&["status"])["leader"], status["leader"]);
    let sentence = standby.daemon.ask(&["status"]);
    assert!(sentence.contains("stands by"), "{sentence}");
    let (addresses, ready) = ([leader.api().0, standby.api().0], ["leader\n", "standby\n"]);
    for (address, ready) in addresses.iter().zip(ready) {
        assert_eq!(get(&format!("{address}/readyz")), (200, ready.to_owned()));
        assert_eq!(get(&format!("{address}/healthz")).0, 200);
        assert_eq!(get(&format!("{address}/api/v1/jobs")).0, 401, "no token, no answer");
    }
    // What is asked of it is done by the leader, and it is known who asked.
    standby.daemon.ask(&["run", "hello", "--wait"]);
    let executions = leader.json(&["executions", "--job", "hello"]);
    assert_eq!(executions["items"][0]["state"], "succeeded");
    let id = executions["items"][0]["id"].as_str().unwrap();
    assert_eq!(standby.daemon.ask(&["logs", id]), "hello from the job\n");
    standby.daemon.ask(&["pause", "hello", "--reason", "by the standby"]);
    let paused = leader.json(&["jobs"]);
    assert!(paused.to_string().contains("by the standby"), "{paused}");
    let actors = events_of(server, "answers", "by the standby");
    assert!(actors[0]["actor"].as_str().unwrap().ends_with("@socket"), "{actors:?}");
    for scheduler in [standby, leader] {
        assert_eq!(scheduler.daemon.stop(), Some(0));
    }
}

#[test]
fn a_standby_takes_over_at_once_from_a_leader_that_stops_and_soon_from_one_that_is_killed() {
    let Some(server) = server("standby::a_standby_takes_over") else { return };
    let url = server.url("takes_over");
    let (mut leader, mut standby) = (Scheduler::start(&url), Scheduler::start(&url));
    // From the word to stop on: what the leader still has to do counts, too.
    let mut took = Vec::new();
    for _ in 0..4 {
        let stopped = now();
        let folder = leader.stop();
        standby.daemon.until_said("this scheduler leads now");
        took.push(now() - stopped);
        standby.daemon.ask(&["run", "hello", "--wait"]);
        (leader, standby) = (standby, Scheduler::start_in(folder, &url));
    }
    assert!(took.iter().all(|took| *took < AFTER_A_STOP), "after a stop: {took:?}");
    let killed = now();
    leader.daemon.kill();
    standby.daemon.until_said("this scheduler leads now");
    let took = now() - killed;
    assert!(took < AFTER_A_KILL, "after a kill: {took:?}");
    assert_eq!(standby.role(), "leader");
    assert_eq!(standby.json(&["status"])["leader"]["epoch"], 6);
    standby.daemon.ask(&["run", "hello", "--wait"]);
    let listed = standby.json(&["executions", "--job", "hello"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 5);
    standby.daemon.let_work(Duration::from_secs(2));
    assert_eq!(look(server, &fired_once("takes_over")), "t|t");
    standby.stop();
}

#[test]
fn a_leader_that_stood_still_steps_down_and_passes_on_what_it_is_asked() {
    let Some(server) = server("standby::a_leader_that_stood_still") else { return };
    let url = server.url("stood_still");
    let (zombie, other) = (Scheduler::start(&url), Scheduler::start(&url));
    signal(zombie.daemon.pid(), Signal::STOP);
    other.daemon.until_said("this scheduler leads now");
    signal(zombie.daemon.pid(), Signal::CONT);
    zombie.daemon.until_said("this scheduler stands by now");
    assert_eq!(zombie.role(), "standby");
    zombie.daemon.ask(&["run", "hello", "--wait"]);
    let leads = "SELECT pid FROM stood_still.leader";
    assert_eq!(look(server, leads), other.daemon.pid().to_string());
    // Now the other one stops, and it leads again.
    assert_eq!(other.daemon.stop(), Some(0));
    zombie.daemon.until_said("this scheduler leads now");
    assert_eq!(look(server, leads), zombie.daemon.pid().to_string());
    let listed = zombie.json(&["executions", "--job", "hello"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(zombie.daemon.stop(), Some(0));
    assert_eq!(look(server, &fired_once("stood_still")), "t|t");
}

#[test]
fn a_take_over_changes_no_job_and_each_scheduler_shows_whether_its_file_is_another() {
    let Some(server) = server("standby::a_take_over_changes_no_job") else { return };
    let url = server.url("files");
    let other_jobs = "jobs:\n  - id: hello\n    run: echo another\n  - id: new\n    run: 'true'\n";
    let (first, same) = (Scheduler::start(&url), Scheduler::start(&url));
    let differs = Scheduler::start_with(&url, other_jobs);
    let changed =
        |scheduler: &Scheduler| scheduler.json(&["status"])["engine"]["file"]["changed"].clone();
    assert_eq!(
        [changed(&first), changed(&same), changed(&differs)],
        [json!(false), json!(false), json!(true)]
    );
    assert_eq!(same.daemon.stop(), Some(0));
    let jobs = first.json(&["jobs"]);
    assert_eq!(first.daemon.stop(), Some(0));
    differs.daemon.until_said("this scheduler leads now");
    let ids = |jobs: &Value| -> Vec<String> {
        let jobs = jobs["items"].as_array().unwrap();
        jobs.iter().map(|job| format!("{}@{}", job["id"], job["version"])).collect()
    };
    assert_eq!(ids(&differs.json(&["jobs"])), ids(&jobs));
    assert_eq!(changed(&differs), json!(true));
    // The file of whoever leads counts, once somebody says so.
    differs.daemon.ask(&["reload"]);
    assert!(ids(&differs.json(&["jobs"])).contains(&"\"new\"@1".to_owned()));
    assert_eq!(changed(&differs), json!(false));
    let first = Scheduler::start(&url);
    assert_eq!((first.role(), changed(&first)), ("standby".to_owned(), json!(true)));
    for scheduler in [first, differs] {
        assert_eq!(scheduler.daemon.stop(), Some(0));
    }
}

const SLOW: &str = "jobs:\n  - id: slow\n    run: echo begun; while [ ! -e go ]; do sleep 0.05; done; echo done\n    \
                    retry: { type: fixed, max_retries: 2, delay: 1ms }\n";

#[test]
fn a_command_that_runs_when_its_leader_goes_is_carried_on_and_ends_once() {
    let Some(server) = server("standby::a_command_that_runs") else { return };
    let url = server.url("carried");
    for killed in [false, true] {
        let (first, second) =
            (Scheduler::start_with(&url, SLOW), Scheduler::start_with(&url, SLOW));
        first.daemon.ask(&["run", "slow"]);
        let execution = |scheduler: &Scheduler| scheduler.json(&["executions"])["items"][0].clone();
        let id = execution(&first)["id"].as_str().unwrap().to_owned();
        while first.daemon.ask(&["logs", &id]) != "begun\n" {}
        let folder = if killed { first.kill() } else { first.stop() };
        second.daemon.until_said("this scheduler leads now");
        // The scheduler is started again, as a service is, and finds its worker process.
        let first = Scheduler::start_in(folder, &url);
        assert_eq!((first.role(), second.role()), ("standby".to_owned(), "leader".to_owned()));
        assert_eq!(execution(&second)["state"], "running");
        fs::write(first.folder.path().join("go"), "").unwrap();
        let ended = until_final(&second, &id);
        assert_eq!(ended["state"], "succeeded", "{ended}");
        assert_eq!(ended["attempts"].as_array().unwrap().len(), 1, "{ended}");
        let ends = events_of(server, "carried", &id);
        let ends = ends.iter().filter(|event| event.to_string().contains("succeeded"));
        assert_eq!(ends.count(), 1, "one fate");
        for scheduler in [first, second] {
            scheduler.stop();
        }
    }
}

/// Waits for the end of an execution.
fn until_final(scheduler: &Scheduler, id: &str) -> Value {
    let end = now() + PATIENCE;
    loop {
        let execution = scheduler.json(&["show", id]);
        if !["queued", "running", "retrying"].contains(&execution["state"].as_str().unwrap()) {
            return execution;
        }
        assert!(now() < end, "{execution}");
    }
}

#[test]
fn who_cannot_show_the_secret_is_nobody() {
    let Some(server) = server("standby::who_cannot_show_the_secret") else { return };
    let url = server.url("secrets");
    let (leader, standby) = (Scheduler::start(&url), Scheduler::start(&url));
    let secret = look(server, "SELECT peer_secret FROM secrets.leader");
    assert!(secret.len() > 60 && !leader.daemon.ask(&["status", "--json"]).contains(&secret));
    let (leads, waits) = (leader.api().0, standby.api().0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    with_cryptography();
    let pause = |address: &str, secret: &str| {
        let request = reqwest::Client::new()
            .post(format!("{address}/api/v1/jobs/hello/pause"))
            .header("x-crontower-peer", secret)
            .header("x-crontower-actor", "token:mallory")
            .header("x-crontower-role", "admin");
        runtime.block_on(async { request.send().await.unwrap().status().as_u16() })
    };
    for wrong in ["", "x", &secret[1..], &secret.to_uppercase()] {
        assert_eq!(pause(&leads, wrong), 503, "{wrong}");
    }
    assert_eq!(pause(&waits, &secret), 503, "a standby takes nothing that was passed on");
    assert_eq!(pause(&leads, &secret), 200);
    for scheduler in [standby, leader] {
        assert_eq!(scheduler.daemon.stop(), Some(0));
    }
}
