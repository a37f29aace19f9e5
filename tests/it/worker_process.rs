//! The worker process as a program of its own: what it inherits, what it logs, and when it is gone.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use super::daemon::{Daemon, crontower, signal, until_gone, worker_pid};

/// A worker process started by a shell that has descriptor 7 open, as a wrapper with flock(1) has.
fn start(folder: &Path) -> Child {
    let program = crontower(folder);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "exec 7>\"$0\"; exec \"$@\""])
        .arg(folder.join("lock"))
        .arg(program.get_program())
        .args(["worker-process", "--data-dir"])
        .arg(folder.join("data"))
        .env_remove("CRONTOWER_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("worker process ready")));
    child
}

#[test]
fn nothing_but_the_standard_streams_is_inherited_and_warnings_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = start(folder.path());
    let open: Vec<_> = std::fs::read_dir(format!("/proc/{}/fd", worker.id()))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .collect();
    assert!(open.iter().any(|path| path.ends_with("worker.lock")), "{open:?}");
    assert!(!open.contains(&folder.path().join("lock")), "{open:?}");
    let mut stream = UnixStream::connect(folder.path().join("data/worker.sock")).unwrap();
    stream.write_all(b"\0\0\0\x02[]").unwrap();
    // It closes the connection.
    assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0);
    signal(worker.id(), Signal::TERM);
    worker.wait().unwrap();
    let mut log = String::new();
    worker.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("WARN") && log.contains("a connection was closed"), "{log}");
}

#[test]
fn after_a_clean_stop_no_worker_process_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = "jobs: [{id: a, schedule: '* * * * * *', overlap: allow, run: 'true'}]";
    std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
    for _ in 0..5 {
        let daemon = Daemon::start(folder.path());
        daemon.ask(&["run", "a", "--wait"]);
        let worker = worker_pid(folder.path()).unwrap();
        assert_eq!(daemon.stop(), Some(0));
        until_gone(worker);
        let left = worker_pid(folder.path()).filter(|pid| *pid != worker);
        assert_eq!(left, None, "a new worker process was started while the engine stopped");
    }
}
