//! The real binary on a real PostgreSQL: one engine goes on where another stopped, and no password is shown.

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

/// Starts a scheduler that leads at once.
fn start_leading(folder: &Path, url: &str) -> Daemon {
    let daemon = Daemon::start_with(folder, &[], &["--store", url]);
    daemon.until_said("ready: the engine runs");
    daemon
}

fn said_of(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = crontower(folder).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn an_engine_goes_on_where_another_one_has_stopped() {
    let Some(server) = server("postgres::an_engine_goes_on") else { return };
    let (first, second) = (folder(), folder());
    let url = server.url("one_engine");
    for folder in [&first, &second, &first] {
        // A clean stop gives the lease back: nobody waits for it.
        let daemon = start_leading(folder.path(), &url);
        daemon.ask(&["run", "hello", "--wait"]);
        assert_eq!(daemon.stop(), Some(0));
    }
    let daemon = start_leading(second.path(), &url);
    let listed = daemon.ask(&["executions", "--job", "hello", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let states: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|it| &it["state"]).collect();
    assert_eq!(states, ["succeeded", "succeeded", "succeeded"]);
    // No fire time has two executions: neither by another engine nor by the same one again.
    assert_eq!(look(server, &fired_once("one_engine")), "t|t");
    assert_eq!(daemon.stop(), Some(0));
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
    let daemon = start_leading(folder.path(), &url);
    assert_eq!(daemon.stop(), Some(0));
}

/// Asks whether job `tick` has fired, and whether no fire time of it has two executions.
pub(crate) fn fired_once(schema: &str) -> String {
    format!(
        "SELECT count(*) > 0, count(*) = count(DISTINCT fire_time) FROM (SELECT fire_time, trigger FROM {schema}.live \
         WHERE job_id = 'tick' UNION ALL SELECT fire_time, trigger FROM {schema}.executions WHERE job_id = 'tick') AS e \
         WHERE trigger IN ('schedule', 'catch_up')"
    )
}

/// What the database itself answers.
pub(crate) fn look(server: &Server, sql: &str) -> String {
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
    let dry = migrate(&["--dry-run"]);
    let (first, steps) = dry.1.split_once(": steps ").unwrap();
    let newest = first.rsplit_once(' ').unwrap().1.to_owned();
    assert!(dry.0 == Some(0) && first.starts_with("schema 0 would become "), "{dry:?}");
    assert!(steps.starts_with("1 (first), 2 (leader_address)"), "{steps}");
    let done = |said: String| (Some(0), said);
    assert_eq!(migrate(&[]), done(format!("schema 0 became {newest}: steps {steps}")));
    assert_eq!(migrate(&["--dry-run"]), done(format!("schema {newest} is up to date")));
    assert_eq!(migrate(&[]), done(format!("schema {newest} is up to date")));
    let (code, said) = said_of(folder.path(), &["migrate"]);
    assert!(code == Some(2) && said.contains("needs no migration"), "{said}");
}
