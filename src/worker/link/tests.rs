//! A link to a worker process that really is one: this test binary, started again as
//! `worker_program` below.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, getsid, kill_process};
use tokio::net::UnixListener;

use super::*;
use crate::clock::Clock;
use crate::commands::Registry;
use crate::model::Ended as AttemptEnded;
use crate::model::{AttemptKey, Outcome, Running, StopCause};
use crate::worker::process::tests::{assignment, lives, number_in, output};
use crate::worker::process::{ServeOptions, serve};

const TEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Not a test: the program that the tests here start as a worker process.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the worker process of the other tests"]
async fn worker_program() {
    let Some(data_dir) = std::env::var_os("WORKER_DATA_DIR") else { return };
    let options = ServeOptions::new(data_dir.into(), Registry::default());
    let idle_grace = Duration::from_millis(50);
    serve(ServeOptions { idle_grace, ..options }).await.unwrap();
}

/// Started by way of a shell, which turns `--data-dir DIR` into what a test binary understands.
fn options(data_dir: &Path) -> LinkOptions {
    let test = std::env::current_exe().unwrap();
    let script = format!(
        "WORKER_DATA_DIR=\"$1\" exec '{}' worker::link::tests::worker_program --exact --ignored --nocapture",
        test.display()
    );
    let args = vec!["-c".into(), script.into()];
    let options = LinkOptions::new(data_dir.to_owned(), "/bin/sh".into());
    LinkOptions { args, ..options }
}

/// A data folder. A test that fails leaves no worker process and nothing that one runs.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let holder = fs::read_to_string(self.path().join("worker.lock")).unwrap_or_default();
        if let Ok(pid) = holder.trim().parse()
            && lives(pid)
        {
            signal(pid, Signal::TERM);
            let begin = Clock.now().monotonic;
            while lives(pid) && Clock.now().monotonic - begin < TEST_TIMEOUT {
                std::thread::yield_now();
            }
        }
    }
}

struct Engine {
    link: LocalLink,
    events: mpsc::Receiver<LinkEvent>,
}

/// What a hello says.
struct Up {
    pid: i32,
    running: Vec<Running>,
    ended: Vec<AttemptEnded>,
    connection: Connection,
}

impl Engine {
    fn start(options: LinkOptions) -> Self {
        let (tell, events) = mpsc::channel(64);
        Self { link: LocalLink::start(options, tell), events }
    }

    async fn next(&mut self) -> LinkEvent {
        timeout(TEST_TIMEOUT, self.events.recv())
            .await
            .expect("no event came")
            .expect("the link ended")
    }

    async fn up(&mut self) -> Up {
        loop {
            if let LinkEvent::Up { hello, connection } = self.next().await {
                let FromWorker::Hello { pid, running, ended, .. } = hello else {
                    panic!("not a hello: {hello:?}")
                };
                return Up { pid: i32::try_from(pid).unwrap(), running, ended, connection };
            }
        }
    }

    async fn down(&mut self) {
        while !matches!(self.next().await, LinkEvent::Down { .. }) {}
    }

    async fn started(&mut self, key: AttemptKey) -> Running {
        loop {
            match self.next().await {
                LinkEvent::Message(FromWorker::Started(running)) if running.key == key => {
                    return running;
                }
                _ => {}
            }
        }
    }

    async fn ended(&mut self, key: AttemptKey) -> AttemptEnded {
        loop {
            match self.next().await {
                LinkEvent::Message(FromWorker::Ended(ended)) if ended.key == key => return *ended,
                _ => {}
            }
        }
    }
}

async fn say(stream: &mut UnixStream, text: &[u8]) {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, text].concat()).await.unwrap();
}

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Waits for the end of a process that is not a child, or whose end someone else takes.
async fn gone(pid: i32) {
    let begin = Clock.now().monotonic;
    while lives(pid) {
        assert!(Clock.now().monotonic - begin < TEST_TIMEOUT, "{pid} lives on");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn commands_outlive_the_engine_and_the_next_one_finds_them() {
    let dir = Folder::new();
    let mut first = Engine::start(options(dir.path()));
    first.link.wake();
    let up = first.up().await;
    let worker = Pid::from_raw(up.pid).unwrap();
    assert_eq!(getsid(Some(worker)).unwrap(), worker, "a session of its own");
    let go = dir.path().join("go");
    let work = assignment(&format!("umask; until test -e {}; do sleep 0.01; done", go.display()));
    up.connection.send(ToWorker::Start(Box::new(work.clone()))).unwrap();
    let running = first.started(work.key).await;
    drop(first);

    let mut second = Engine::start(options(dir.path()));
    // Not woken: what runs is found all the same.
    let again = second.up().await;
    assert_eq!((again.pid, &again.running), (up.pid, &vec![running]));
    assert_eq!(up.connection.send(ToWorker::Goodbye), Err(SendError::Gone));
    fs::write(&go, "").unwrap();
    let ended = second.ended(work.key).await;
    assert_eq!((ended.outcome, ended.exit_code), (Outcome::Succeeded, Some(0)));
    assert_eq!(output(dir.path(), work.key), "o 0022\n");
    again.connection.send(ToWorker::Committed { keys: vec![work.key] }).unwrap();
    again.connection.send(ToWorker::Goodbye).unwrap();
    gone(up.pid).await;
    let mode = fs::metadata(dir.path().join("worker.log")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
}

#[tokio::test]
async fn after_a_kill_of_the_worker_process_its_attempts_are_lost_and_nothing_of_them_is_left() {
    let dir = Folder::new();
    let mut engine = Engine::start(options(dir.path()));
    engine.link.wake();
    let up = engine.up().await;
    let pid_file = dir.path().join("pid");
    let script =
        format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", pid_file.display());
    let lost = assignment(&script);
    let done = assignment("exit 6");
    for work in [&lost, &done] {
        up.connection.send(ToWorker::Start(Box::new(work.clone()))).unwrap();
    }
    let ended = engine.ended(done.key).await;
    let grandchild = number_in(&pid_file);
    signal(up.pid, Signal::KILL);
    engine.down().await;
    let again = engine.up().await;
    assert_ne!(again.pid, up.pid);
    assert!(again.ended.contains(&ended));
    // It runs until it is known to have ended, which may be before the hello.
    let described = again.ended.iter().find(|ended| ended.key == lost.key).cloned();
    let outcome = match described {
        Some(described) => described.outcome,
        None => {
            assert!(again.running.iter().any(|running| running.key == lost.key));
            engine.ended(lost.key).await.outcome
        }
    };
    assert_eq!(outcome, Outcome::WorkerLost);
    assert!(!lives(grandchild));
    again.connection.send(ToWorker::Goodbye).unwrap();
    gone(again.pid).await;
}

#[tokio::test]
async fn sigterm_cancels_what_runs_and_keeps_the_ends() {
    let dir = Folder::new();
    let mut engine = Engine::start(options(dir.path()));
    engine.link.wake();
    let up = engine.up().await;
    let work = assignment("exec sleep 1000");
    up.connection.send(ToWorker::Start(Box::new(work.clone()))).unwrap();
    engine.started(work.key).await;
    for ignored in [Signal::INT, Signal::HUP] {
        signal(up.pid, ignored);
    }
    signal(up.pid, Signal::TERM);
    let ended = engine.ended(work.key).await;
    assert_eq!(ended.outcome, Outcome::Cancelled);
    let again = engine.up().await;
    assert_ne!(again.pid, up.pid);
    assert_eq!(again.ended, [ended]);
    again.connection.send(ToWorker::Stop { key: work.key, cause: StopCause::Cancel }).unwrap();
    again.connection.send(ToWorker::Goodbye).unwrap();
    gone(again.pid).await;
}

#[tokio::test]
async fn a_program_that_cannot_be_started_or_does_not_serve_is_a_refusal() {
    let dir = Folder::new();
    for program in ["/no/such/program", "/bin/true"] {
        let mut engine = Engine::start(LinkOptions::new(dir.path().to_owned(), program.into()));
        engine.link.wake();
        let LinkEvent::Refused { reason } = engine.next().await else { panic!("not refused") };
        assert!(reason.contains(program), "{reason}");
    }
}

#[tokio::test]
async fn a_worker_process_of_another_version_is_a_refusal_that_says_so() {
    let dir = Folder::new();
    let listener = UnixListener::bind(dir.path().join("worker.sock")).unwrap();
    let mut engine = Engine::start(LinkOptions::new(dir.path().to_owned(), "/bin/true".into()));
    for answer in [&br#"{"type":"hello","version":99,"new":true}"#[..], b"[]", b"{\"type\":"] {
        let (mut stream, _) = listener.accept().await.unwrap();
        say(&mut stream, answer).await;
        let LinkEvent::Refused { reason } = engine.next().await else { panic!("not refused") };
        assert!(reason.contains("another version of crontower"), "{reason}");
        engine.link.wake();
    }
}

#[tokio::test]
async fn what_precedes_the_hello_is_passed_over() {
    let dir = Folder::new();
    let listener = UnixListener::bind(dir.path().join("worker.sock")).unwrap();
    let mut engine = Engine::start(LinkOptions::new(dir.path().to_owned(), "/bin/true".into()));
    let (mut stream, _) = listener.accept().await.unwrap();
    // One start takes long: the worker process waits for it with its hello, and is alive meanwhile.
    for _ in 0..3 {
        say(&mut stream, br#"{"type":"heartbeat"}"#).await;
    }
    let hello =
        br#"{"type":"hello","version":1,"program":"","host":"","pid":7,"running":[],"ended":[]}"#;
    say(&mut stream, hello).await;
    assert_eq!(engine.up().await.pid, 7);
    say(&mut stream, br#"{"type":"heartbeat"}"#).await;
    assert!(matches!(engine.next().await, LinkEvent::Message(FromWorker::Heartbeat)));
}

#[tokio::test]
async fn a_worker_process_that_says_nothing_is_silent_until_it_does() {
    let dir = Folder::new();
    let listener = UnixListener::bind(dir.path().join("worker.sock")).unwrap();
    let options = LinkOptions::new(dir.path().to_owned(), "/bin/true".into());
    let (tell, events) = mpsc::channel(64);
    let link = LocalLink::start_with(options, tell, Duration::from_millis(50));
    let mut engine = Engine { link, events };
    let (mut stream, _) = listener.accept().await.unwrap();
    let hello =
        br#"{"type":"hello","version":1,"program":"","host":"","pid":1,"running":[],"ended":[]}"#;
    say(&mut stream, hello).await;
    let up = engine.up().await;
    assert!(matches!(engine.next().await, LinkEvent::Silent));
    say(&mut stream, br#"{"type":"heartbeat"}"#).await;
    assert!(matches!(engine.next().await, LinkEvent::Message(FromWorker::Heartbeat)));
    assert!(matches!(engine.next().await, LinkEvent::Silent));
    // It does not read either: the queue says so instead of growing.
    let goodbyes = std::iter::repeat_with(|| up.connection.send(ToWorker::Goodbye));
    assert!(goodbyes.take(2 * HELD).any(|sent| sent == Err(SendError::Full)));
    drop(stream);
    engine.down().await;
}

#[test]
fn tries_come_at_once_and_then_ever_later() {
    let waits: Vec<_> = (0..9).map(|n| backoff(n).map(|wait| wait.as_millis())).collect();
    let later = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000];
    assert_eq!(waits[0], None);
    assert_eq!(waits[1..], later.map(Some));
    assert_eq!(backoff(u32::MAX), Some(LONGEST_BACKOFF));
}
