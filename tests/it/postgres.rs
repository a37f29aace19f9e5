//! The real binary on a real PostgreSQL: one engine leads, whatever is killed, and no password is shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::daemon::{Daemon, crontower, signal};
use crate::postgres_server::{PASSWORD, Server, server};

const JOBS: &str = "jobs:\n  - id: hello\n    run: echo hello from the job\n  - id: tick\n    schedule: '@every 1s'\n    run: 'true'\n";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jobs.yaml"), JOBS).unwrap();
    folder
}

/// Starts an engine on a store again and again until it leads; says how often it was refused.
fn start_when_free(folder: &Path, url: &str) -> (Daemon, u32) {
    for refused in 0.. {
        let daemon = Daemon::start_with(folder, &[], &["--store", url]);
        if daemon.until_one_of(&["ready", "is led by another engine"]) == 0 {
            return (daemon, refused);
        }
        assert_eq!(daemon.ended().0, Some(1));
    }
    unreachable!("the numbers do not end")
}

fn said_of(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = crontower(folder).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn one_engine_leads_and_another_goes_on_after_it_was_killed_or_has_stopped() {
    let Some(server) = server("postgres::one_engine_leads") else { return };
    let (first, second) = (folder(), folder());
    let url = server.url("one_engine");
    let daemon = Daemon::start_with(first.path(), &[], &["--store", &url]);
    daemon.until_said("ready");
    daemon.ask(&["run", "hello", "--wait"]);
    let refused = Daemon::start_with(second.path(), &[], &["--store", &url]).ended();
    let who = format!("process {}, epoch 1", daemon.pid());
    assert!(refused.0 == Some(1) && refused.1.contains(&who), "{refused:?}");
    daemon.kill();
    let (daemon, _) = start_when_free(second.path(), &url);
    let listed = daemon.ask(&["executions", "--job", "hello"]);
    assert!(listed.contains("succeeded"), "what the first did is there: {listed}");
    daemon.ask(&["run", "hello", "--wait"]);
    assert_eq!(daemon.stop(), Some(0));
    let (daemon, refused) = start_when_free(first.path(), &url);
    assert_eq!(refused, 0, "a clean stop gives the lease back");
    let listed = daemon.ask(&["executions", "--job", "hello", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let states: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|it| &it["state"]).collect();
    assert_eq!(states, ["succeeded", "succeeded"]);
    // No fire time has two executions: neither by another engine nor by the same one again.
    assert_eq!(look(server, &fired_once("one_engine")), "t|t");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn an_engine_that_stood_still_and_was_followed_fires_nothing_more() {
    let Some(server) = server("postgres::an_engine_that_stood_still") else { return };
    let (first, second) = (folder(), folder());
    let url = server.url("stood_still");
    let zombie = Daemon::start_with(first.path(), &[], &["--store", &url]);
    zombie.until_said("ready");
    signal(zombie.pid(), Signal::STOP);
    let (leader, _) = start_when_free(second.path(), &url);
    let events = || look(server, "SELECT max(seq) FROM stood_still.events");
    signal(zombie.pid(), Signal::CONT);
    // It has a fire time a second, and each would be a commit.
    zombie.until_said("a commit failed; the engine stops firing");
    let refused = crontower(first.path()).args(["run", "hello"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("the store is unavailable"), "{said}");
    let before = events();
    leader.ask(&["run", "hello", "--wait"]);
    assert_ne!(before, events(), "the leader goes on");
    let leader_of = "SELECT pid FROM stood_still.leader";
    assert_eq!(look(server, leader_of), leader.pid().to_string());
    assert_eq!(look(server, &fired_once("stood_still")), "t|t");
    assert_eq!(leader.stop(), Some(0));
    // Now it is free, and the other goes on with what is kept.
    zombie.until_said("the store works again");
    zombie.ask(&["run", "hello", "--wait"]);
    assert_eq!(look(server, leader_of), zombie.pid().to_string());
    assert_eq!(zombie.stop(), Some(0));
    assert_eq!(look(server, &fired_once("stood_still")), "t|t");
}

#[test]
fn a_start_that_fails_gives_the_lease_back() {
    let Some(server) = server("postgres::a_start_that_fails") else { return };
    let folder = folder();
    let url = server.url("failing");
    fs::write(folder.path().join("jobs.yaml"), "jobs: 7\n").unwrap();
    let (code, said) = Daemon::start_with(folder.path(), &[], &["--store", &url]).ended();
    assert_eq!(code, Some(2), "{said}");
    fs::write(folder.path().join("jobs.yaml"), JOBS).unwrap();
    let (daemon, refused) = start_when_free(folder.path(), &url);
    assert_eq!((refused, daemon.stop()), (0, Some(0)));
}

/// Asks whether job `tick` has fired, and whether no fire time of it has two executions.
fn fired_once(schema: &str) -> String {
    format!(
        "SELECT count(*) > 0, count(*) = count(DISTINCT fire_time) FROM (SELECT fire_time, trigger FROM {schema}.live \
         WHERE job_id = 'tick' UNION ALL SELECT fire_time, trigger FROM {schema}.executions WHERE job_id = 'tick') AS e \
         WHERE trigger IN ('schedule', 'catch_up')"
    )
}

/// What the database itself answers.
fn look(server: &Server, sql: &str) -> String {
    let mut psql = std::process::Command::new(&server.psql);
    psql.args(["-qAtX", "-h", server.folder.to_str().unwrap(), "-p", &server.port.to_string()]);
    let output = psql.args(["-U", "tester", "-d", "postgres", "-c", sql]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Ways to name a store with its password, as words before those of the engine.
fn ways(server: &Server, folder: &Path) -> [Vec<String>; 3] {
    let url = |user: &str| {
        format!("postgres://{user}@localhost:{}/postgres?schema=ways&sslmode=require", server.port)
    };
    let private = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let whole = url(&format!("tester:{PASSWORD}"));
    let file = private("store-url", format!("{whole}\n"));
    let passes = private("pgpass", format!("localhost:*:*:tester:{PASSWORD}\n"));
    let env = || "env".to_owned();
    [
        vec![env(), format!("CRONTOWER_STORE={whole}")],
        vec![env(), format!("CRONTOWER_STORE_FILE={file}")],
        vec![env(), format!("CRONTOWER_STORE={}", url("tester")), format!("PGPASSFILE={passes}")],
    ]
}

#[test]
fn a_password_comes_from_the_environment_or_a_file_and_is_shown_nowhere() {
    let Some(server) = server("postgres::a_password_comes") else { return };
    let folder = folder();
    for way in ways(server, folder.path()) {
        let words: Vec<&str> = way.iter().map(String::as_str).collect();
        let daemon = Daemon::start_through(folder.path(), &words);
        daemon.until_said("ready");
        let status = daemon.ask(&["status", "--json"]);
        assert!(status.contains("postgres://tester@localhost"), "{status}");
        let page = daemon.ask(&["run", "hello", "--wait"]);
        assert!(!status.contains(PASSWORD) && !page.contains(PASSWORD));
        signal(daemon.pid(), Signal::TERM);
        let (code, log) = daemon.ended();
        assert!(code == Some(0) && !log.contains(PASSWORD), "{log}");
    }
    let wrong = format!("postgres://tester:x{PASSWORD}@localhost:{}/postgres", server.port);
    let (code, said) =
        said_of(folder.path(), &["--store", &wrong, "--headless", "--listen", "none"]);
    assert!(code == Some(1) && said.contains("check user and password"), "{said}");
    assert!(!said.contains(PASSWORD), "{said}");
    for misspelt in ["postgre://me:s3cret@h/x", "postgres://me:s3cret@h/x?sslmode=of"] {
        let (code, said) = said_of(folder.path(), &["--headless", "--store", misspelt]);
        assert!(code == Some(2) && !said.contains("s3cret"), "{code:?} {said}");
    }
}

#[test]
fn a_migration_is_printed_before_it_is_done() {
    let Some(server) = server("postgres::a_migration") else { return };
    let folder = folder();
    let url = server.url("migrated");
    let migrate = |more: &[&str]| {
        let (code, said) = said_of(folder.path(), &[&["migrate", "--store", &url], more].concat());
        (code, said.split_once("=migrated: ").map(|it| it.1.trim().to_owned()).unwrap_or(said))
    };
    let done = |said: &str| (Some(0), said.to_owned());
    assert_eq!(migrate(&["--dry-run"]), done("schema 0 would become 1: steps 1 (first)"));
    assert_eq!(migrate(&[]), done("schema 0 became 1: steps 1 (first)"));
    assert_eq!(migrate(&["--dry-run"]), done("schema 1 is up to date"));
    assert_eq!(migrate(&[]), done("schema 1 is up to date"));
    let (code, said) = said_of(folder.path(), &["migrate"]);
    assert!(code == Some(2) && said.contains("needs no migration"), "{said}");
}
