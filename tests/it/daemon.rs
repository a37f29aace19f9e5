//! The real binary, headless, in a folder of its own, for tests that kill it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long anything in these tests may take before it counts as hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A headless engine.
pub(crate) struct Daemon {
    child: Child,
    lines: Receiver<String>,
    folder: PathBuf,
}

impl Daemon {
    /// Starts an engine on `folder/jobs.yaml` and `folder/data`, and waits until it says that it runs.
    pub(crate) fn start(folder: &Path) -> Self {
        let daemon = Self::start_through(folder, &[]);
        daemon.until_said("ready");
        daemon
    }

    /// Starts one through another program that becomes it, which is given the engine's words behind its own. Whoever
    /// calls waits until it says that it runs.
    pub(crate) fn start_through(folder: &Path, program: &[&str]) -> Self {
        Self::start_with(folder, program, &[])
    }

    /// The same with more arguments for the engine.
    pub(crate) fn start_with(folder: &Path, program: &[&str], more: &[&str]) -> Self {
        let more = [&["--listen", "none"], more].concat();
        Self::spawn(folder, program, &more)
    }

    /// The same; the arguments say where it listens.
    pub(crate) fn start_listening(folder: &Path, more: &[&str]) -> Self {
        Self::spawn(folder, &[], more)
    }

    fn spawn(folder: &Path, program: &[&str], more: &[&str]) -> Self {
        let mut engine = crontower(folder);
        engine.args(["--headless", "--jobs"]).arg(folder.join("jobs.yaml"));
        engine.args(more);
        let mut child = through(program, engine)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (described, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if described.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, folder: folder.to_owned() }
    }

    /// Waits for its end by itself: its exit code and what it said.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let said = self.lines.iter().collect::<Vec<_>>().join("\n");
        (self.child.wait().unwrap().code(), said)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of its log.
    pub(crate) fn until_said(&self, words: &str) {
        let mut said = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return,
                Ok(line) => said.push(line),
                Err(error) => panic!("waiting for {words:?}: {error}\n{}", said.join("\n")),
            }
        }
    }

    /// Lets it work for so long, or until it ends.
    pub(crate) fn let_work(&self, time: Duration) {
        let now = || crontower::internals::Clock.now().monotonic;
        let until = now() + time;
        while let Some(left) = until.checked_sub(now()).filter(|left| !left.is_zero()) {
            if let Err(RecvTimeoutError::Disconnected) = self.lines.recv_timeout(left) {
                return;
            }
        }
    }

    /// Ends it without a word.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and returns its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        signal(self.child.id(), Signal::TERM);
        self.child.wait().unwrap().code()
    }

    /// The answer of a client command.
    pub(crate) fn ask(&self, args: &[&str]) -> String {
        let output = crontower(&self.folder).args(args).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A command with another one's program, arguments and environment behind its own words.
fn through(program: &[&str], engine: Command) -> Command {
    let Some((first, more)) = program.split_first() else { return engine };
    let mut command = Command::new(first);
    command.args(more).arg(engine.get_program()).args(engine.get_args());
    for (name, value) in engine.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// The program with a clean environment and the data folder of a test.
pub(crate) fn crontower(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crontower"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CRONTOWER") {
            command.env_remove(name);
        }
    }
    command.env("CRONTOWER_DATA_DIR", folder.join("data")).env("NO_COLOR", "1");
    command
}

/// Sends a signal to a process that a test started.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// The worker process of a data folder, if one runs.
pub(crate) fn worker_pid(folder: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(folder.join("data/worker.lock")).ok()?;
    let pid: u32 = text.trim().parse().ok()?;
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    command.contains("worker-process").then_some(pid)
}

/// Waits for the end of a process that is not a child of this one.
pub(crate) fn until_gone(pid: u32) {
    let Some(pid) = Pid::from_raw(i32::try_from(pid).unwrap()) else { return };
    let Ok(fd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) else {
        return;
    };
    let mut watched = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
    let patience = rustix::time::Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let ended = rustix::event::poll(&mut watched, Some(&patience)).unwrap();
    assert_eq!(ended, 1, "process {} does not end", pid.as_raw_nonzero());
}
