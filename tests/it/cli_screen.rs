//! The ways out of the screen, in a real terminal: left, lost, and ended from outside.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::Signal;
use serde_json::Value;

use crate::cli::crontower;
use crate::cli_engine::Engine;

/// What takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const JOBS: &str = "jobs:\n  - id: gate\n    run: echo opened; timeout --foreground 60 cat gate\n";

/// The program on a terminal of 80x24.
pub(crate) struct Screen {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    drawn: Receiver<Vec<u8>>,
    terminal: vt100::Parser,
}

impl Screen {
    fn open(dir: &Path) -> Self {
        Self::with(dir, &["--listen", "none"])
    }

    pub(crate) fn with(dir: &Path, args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_crontower"));
        command.args(args);
        Self::run(dir, command)
    }

    fn run(dir: &Path, mut command: CommandBuilder) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        command.env_clear();
        for (name, value) in [("PATH", "/usr/bin:/bin"), ("TERM", "xterm"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        command.env("CRONTOWER_DATA_DIR", dir);
        command.env("HOME", dir);
        command.cwd(dir);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (described, drawn) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if described.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let terminal = vt100::Parser::new(24, 80, 0);
        Self { child, master: pair.master, keys, drawn, terminal }
    }

    /// Waits until some words stand on the terminal.
    pub(crate) fn until_drawn(&mut self, words: &str) {
        self.until(&format!("`{words}`"), |text| text.contains(words));
    }

    /// Waits until what stands on the terminal is as `holds` says.
    #[expect(clippy::disallowed_methods, reason = "the clock of a test that must not hang")]
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(&self.terminal.screen().contents()) {
            let left = until.saturating_duration_since(Instant::now());
            match self.drawn.recv_timeout(left) {
                Ok(more) => self.terminal.process(&more),
                Err(_) => panic!("no {what} in\n{}", self.terminal.screen().contents()),
            }
        }
    }

    pub(crate) fn press(&mut self, key: &str) {
        self.keys.write_all(key.as_bytes()).unwrap();
    }

    fn pid(&self) -> u64 {
        u64::from(self.child.process_id().unwrap())
    }
}

fn json(dir: &Path, args: &[&str]) -> Value {
    let output = crontower(dir).args(args).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn leader(dir: &Path) -> u64 {
    json(dir, &["status", "--json"])["leader"]["pid"].as_u64().unwrap()
}

/// A folder with a job that runs until its gate is opened, and that gate.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("jobs.yaml"), JOBS).unwrap();
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("gate")).status();
    assert!(made.unwrap().success());
    dir
}

fn open_gate(dir: &Path) {
    std::fs::OpenOptions::new().write(true).open(dir.join("gate")).unwrap();
}

/// Ends the engine that leads, and waits until nobody answers and its lock is free.
fn end(dir: &Path) {
    crate::daemon::signal(u32::try_from(leader(dir)).unwrap(), Signal::TERM);
    let lock = std::fs::File::open(dir.join("crontower.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
}

#[test]
fn an_engine_left_to_itself_goes_on_in_another_process_with_the_same_attempt() {
    let dir = folder();
    let mut screen = Screen::open(dir.path());
    screen.until_drawn("gate");
    let begun = json(dir.path(), &["run", "gate", "--json"]);
    let id = begun["id"].as_str().unwrap();
    screen.until_drawn("running");
    screen.press("q");
    screen.until_drawn("leave the engine running");
    screen.press("\r");
    screen.until_drawn("shows it again");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
    assert_ne!(leader(dir.path()), screen.pid());
    open_gate(dir.path());
    let followed = crontower(dir.path()).args(["logs", "-f", id]).output().unwrap();
    assert_eq!(followed.stdout, b"opened\n");
    let ended = json(dir.path(), &["show", id, "--json"]);
    assert_eq!((&ended["state"], &ended["attempt"]), (&"succeeded".into(), &1.into()));
    let mut second = Screen::with(dir.path(), &[]);
    second.until_drawn("gate");
    assert_ne!(leader(dir.path()), second.pid(), "a second screen is attached to the engine");
    second.press("q");
    second.until_drawn("the engine goes on");
    assert_eq!(second.child.wait().unwrap().exit_code(), 0);
    end(dir.path());
}

#[test]
fn an_engine_whose_terminal_is_lost_goes_on() {
    let dir = folder();
    let mut screen = Screen::open(dir.path());
    screen.until_drawn("gate");
    let Screen { mut child, master, keys, drawn, .. } = screen;
    let pid = u64::from(child.process_id().unwrap());
    drop((master, keys, drawn));
    let begun = json(dir.path(), &["run", "gate", "--json"]);
    open_gate(dir.path());
    let followed =
        crontower(dir.path()).args(["logs", "-f", begun["id"].as_str().unwrap()]).output().unwrap();
    assert_eq!(followed.stdout, b"opened\n");
    assert_eq!(leader(dir.path()), pid, "it is the same process");
    end(dir.path());
    assert_eq!(child.wait().unwrap().exit_code(), 0);
}

#[test]
fn who_leaves_while_nothing_runs_is_reported_that_nothing_fires_any_more() {
    let dir = folder();
    let scheduled = "  - { id: yearly, schedule: \"0 0 1 1 *\", run: echo }\n";
    std::fs::write(dir.path().join("jobs.yaml"), format!("{JOBS}{scheduled}")).unwrap();
    let mut screen = Screen::open(dir.path());
    screen.until_drawn("yearly");
    screen.press("q");
    screen.until_drawn("no execution is running");
    screen.press("j\r");
    screen.until_drawn("without a screen");
    let described = screen.terminal.screen().contents().replace('\n', "");
    let begin =
        "the engine has stopped: nothing fires until it is started again (yearly would at 2";
    assert!(
        described.contains(begin) && described.contains("`crontower --headless` runs it"),
        "{described}"
    );
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
}

#[test]
fn an_attached_screen_is_suspended_and_the_engine_is_not() {
    let dir = folder();
    let mut screen = Screen::open(dir.path());
    screen.until_drawn("gate");
    crate::daemon::signal(u32::try_from(screen.pid()).unwrap(), Signal::TSTP);
    screen.press("\x1a");
    screen.until_drawn("Leave: choose one");
    // A shell with job control: it goes on as soon as the screen is stopped, and continues it on Enter.
    let mut shell = CommandBuilder::new("/bin/sh");
    let program = env!("CARGO_BIN_EXE_crontower");
    shell.args(["-c", &format!("set -m; {program}; echo suspended; read -r _; fg; echo left")]);
    let mut attached = Screen::run(dir.path(), shell);
    attached.until_drawn("gate");
    attached.press("\x1a");
    attached.until_drawn("suspended");
    attached.press("\n");
    attached.until_drawn("1 Jobs");
    attached.press("q");
    attached.until_drawn("left");
    assert_eq!(attached.child.wait().unwrap().exit_code(), 0);
    screen.press("j\r");
    screen.until_drawn("the engine has stopped");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
}

#[test]
fn sigterm_ends_the_screen_and_the_engine() {
    let dir = folder();
    let mut screen = Screen::open(dir.path());
    screen.until_drawn("gate");
    crate::daemon::signal(u32::try_from(screen.pid()).unwrap(), Signal::TERM);
    screen.until_drawn("the engine has stopped");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
}

#[test]
fn a_screen_over_tcp_waits_for_the_next_engine_and_misses_nothing() {
    let mut engine = Engine::start();
    let address = engine.address();
    let token = engine.output(&["token", "create", "ops", "--role", "operator"]).stdout;
    let token = String::from_utf8(token).unwrap();
    let args = ["attach", &format!("http://{address}"), "--token", token.trim()];
    let elsewhere = tempfile::tempdir().unwrap();
    let mut screen = Screen::with(elsewhere.path(), &args);
    screen.until_drawn("as operator");
    screen.until_drawn("✓ ok");
    engine.kill();
    screen.until_drawn("reconnecting");
    engine.start_again(&address);
    // It may happen before the screen is back, and is seen all the same.
    assert!(engine.say(&["run", "hello", "--wait"]).starts_with("exit code 0\n"));
    screen.until_drawn("✓ ok");
    screen.until_drawn("as operator");
    screen.until_drawn("✓ ok         hello");
    assert!(engine.say(&["run", "broken", "--wait"]).starts_with("exit code 1\n"));
    screen.until_drawn("✗ failing");
    screen.press("q");
    screen.until_drawn("the engine goes on");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
    // A token that is revoked while nobody shows it opens nothing.
    assert!(engine.say(&["token", "revoke", "ops"]).starts_with("exit code 0"));
    let mut late = Screen::with(elsewhere.path(), &args);
    late.until_drawn("the token is not known here");
    assert_eq!(late.child.wait().unwrap().exit_code(), 5);
}

#[test]
fn a_config_file_that_is_wrong_is_reported_on_a_screen_that_works() {
    let dir = folder();
    let config = dir.path().join(".config/crontower");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.yaml"), "utc: true\nkeys:\n  quti: Q\n").unwrap();
    let mut screen = Screen::open(dir.path());
    screen.until_drawn("config.yaml:3:3: no action is named `quti`");
    screen.press("q");
    screen.until_drawn("Leave: choose one");
    screen.press("j\r");
    screen.until_drawn("the engine has stopped");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
}
