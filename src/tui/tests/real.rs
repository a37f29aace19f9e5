//! The loop on a real pseudo-terminal, seen through a terminal emulator.

use std::ffi::CString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use portable_pty::{MasterPty, PtySize, SlavePty, native_pty_system};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::engine_api::FakeEngineApi;
use super::fixtures::{at, executions, snapshot};
use crate::driver::Feed;
use crate::tui::options::{Exit, Hosting, TuiError, TuiOptions};
use crate::tui::run::show;
use crate::tui::terminal::{Terminal, in_screen, open_tty};
use crate::tui::theme::{Charset, Colours};

/// Longer than anything here takes on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A pseudo-terminal with a screen on it.
struct Pty {
    master: Box<dyn MasterPty + Send>,
    _slave: Box<dyn SlavePty + Send>,
    path: PathBuf,
    seen: mpsc::Receiver<Vec<u8>>,
    emulator: vt100::Parser,
    bytes: Vec<u8>,
    stop: CancellationToken,
    engine_api: Arc<FakeEngineApi>,
    screen: JoinHandle<Result<Exit, TuiError>>,
}

impl Pty {
    fn start() -> Self {
        Self::with_editor(|_| None)
    }

    /// With an editor, as a line for the shell; it is told the terminal's path.
    fn with_editor(editor: impl FnOnce(&Path) -> Option<String>) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let path = pair.master.tty_name().unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        // Without room: while a test does not look, the line fills up as that of a frozen terminal
        // does.
        let (sender, seen) = mpsc::sync_channel(0);
        std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let stop = CancellationToken::new();
        let options = TuiOptions {
            clock: || at(0),
            zone: chrono_tz::Tz::UTC,
            colours: Colours::Sixteen,
            charset: Charset::Unicode,
            hosting: Hosting::Elsewhere,
            attached: None,
            config: crate::tui::Config::default(),
            // So that no file of this machine is taken for the engine's.
            host: "another".to_owned(),
            editor: editor(&path),
            editing: Arc::default(),
            stop: stop.clone(),
        };
        let engine_api = Arc::new(FakeEngineApi::new(snapshot(), executions()));
        let name = CString::new(path.to_str().unwrap()).unwrap();
        let open = move || Terminal::take(open_tty(&name).unwrap());
        let screen = tokio::spawn(show(engine_api.clone(), options, Box::new(open)));
        let emulator = vt100::Parser::new(24, 80, 0);
        let bytes = Vec::new();
        Self {
            master: pair.master,
            _slave: pair.slave,
            path,
            seen,
            emulator,
            bytes,
            stop,
            engine_api,
            screen,
        }
    }

    /// Reads until the screen shows something.
    fn wait_for(&mut self, shown: impl Fn(&vt100::Screen) -> bool) {
        while !shown(self.emulator.screen()) {
            let bytes = self.seen.recv_timeout(PATIENCE).unwrap();
            self.emulator.process(&bytes);
            self.bytes.extend(bytes);
        }
    }

    fn wait_for_text(&mut self, text: &str) {
        self.wait_for(|screen| screen.contents().contains(text));
    }

    fn press(&mut self, keys: &[u8]) {
        self.master.take_writer().unwrap().write_all(keys).unwrap();
    }

    /// The modes that a shell would find.
    fn is_raw(&self) -> bool {
        let name = CString::new(self.path.to_str().unwrap()).unwrap();
        let modes = rustix::termios::tcgetattr(open_tty(&name).unwrap()).unwrap();
        !modes.local_modes.contains(rustix::termios::LocalModes::ECHO)
    }

    async fn end(&mut self) -> Exit {
        tokio::time::timeout(PATIENCE, &mut self.screen).await.unwrap().unwrap().unwrap()
    }
}

/// Whether the terminal tells what the mouse does.
fn listens(screen: &vt100::Screen) -> bool {
    screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_answered_and_the_terminal_is_given_back() {
    let mut pty = Pty::start();
    pty.wait_for_text("report-generation");
    assert!(pty.emulator.screen().alternate_screen() && pty.emulator.screen().hide_cursor());
    assert!(pty.is_raw());
    let mut writer = pty.master.take_writer().unwrap();
    writer.write_all(b"2").unwrap();
    pty.wait_for_text("exit or reason");
    writer.write_all(b"\x1b[B\x1b[B\r").unwrap();
    pty.wait_for_text("started on worker-2");
    writer.write_all(b"\x1b").unwrap();
    pty.wait_for_text("exit or reason");
    writer.write_all(b"q").unwrap();
    assert_eq!(pty.end().await, Exit::Quit);
    pty.wait_for(|screen| !screen.alternate_screen() && !screen.hide_cursor());
    assert!(!pty.is_raw());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_editor_finds_the_terminal_as_it_was_and_the_screen_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let modes = folder.path().join("modes");
    let shown_text = modes.display().to_string();
    let mut pty = Pty::with_editor(move |terminal| {
        let script =
            format!("stty -a -F {} > {shown_text}; echo tags: [x] >> \"$1\"", terminal.display());
        Some(format!("sh -c '{script}' sh"))
    });
    pty.wait_for_text("report-generation");
    let mut writer = pty.master.take_writer().unwrap();
    writer.write_all(b":mouse\r").unwrap();
    pty.wait_for(listens);
    // A press on the last of five rows.
    writer.write_all(b"\x1b[<0;9;8M\x1b[<0;9;8mE").unwrap();
    pty.wait_for_text("change report-generation. Enter writes it");
    assert!(listens(pty.emulator.screen()), "the mouse is listened to again");
    assert!(pty.emulator.screen().alternate_screen() && pty.is_raw(), "taken again");
    let modes = std::fs::read_to_string(modes).unwrap();
    assert!(modes.contains(" echo ") && modes.contains(" icanon"), "given back: {modes}");
    let left = pty.bytes.windows(8).filter(|it| it == b"\x1b[?1049l").count();
    assert_eq!(left, 1, "the editor did not write over the screen");
    writer.write_all(b"\x1b").unwrap();
    pty.wait_for(|screen| !screen.contents().contains("change report-generation"));
    writer.write_all(b"q").unwrap();
    assert_eq!(pty.end().await, Exit::Quit);
    assert!(!pty.is_raw());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn being_stopped_from_outside_gives_the_terminal_back() {
    let mut pty = Pty::start();
    pty.wait_for_text("report-generation");
    assert!(!listens(pty.emulator.screen()), "the mouse is the terminal's own");
    pty.press(b":mouse\r");
    pty.wait_for(listens);
    pty.stop.cancel();
    assert_eq!(pty.end().await, Exit::Cancelled);
    pty.wait_for(|screen| !screen.alternate_screen());
    assert!(!pty.is_raw() && !listens(pty.emulator.screen()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_goes_is_noticed() {
    let mut pty = Pty::start();
    pty.wait_for_text("report-generation");
    let Pty { master, _slave, seen, screen, .. } = pty;
    // The reading thread holds the terminal open too: it ends with the next bytes, which nobody
    // takes.
    drop(seen);
    master.take_writer().unwrap().write_all(b"j").unwrap();
    drop((master, _slave));
    let ended = tokio::time::timeout(PATIENCE, screen).await.unwrap().unwrap().unwrap();
    assert_eq!(ended, Exit::TerminalLost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_goes_is_shown_and_the_screen_stays() {
    let mut pty = Pty::start();
    pty.wait_for_text("report-generation");
    pty.engine_api.feed.send(Feed::Stopped).unwrap();
    pty.wait_for_text("no engine");
    pty.wait_for(|screen| !screen.contents().contains("no engine: it"));
    pty.press(b"q");
    assert_eq!(pty.end().await, Exit::Quit, "it is back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_takes_nothing_holds_nothing_up() {
    let mut pty = Pty::start();
    pty.wait_for_text("report-generation");
    // From here on nobody reads: the line fills up, and frames with it.
    let mut writer = pty.master.take_writer().unwrap();
    for _ in 0..500 {
        writer.write_all(b"\x0c").unwrap();
    }
    pty.stop.cancel();
    assert_eq!(pty.end().await, Exit::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_gives_the_terminal_back_before_it_is_shown() {
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let name = CString::new(pair.master.tty_name().unwrap().to_str().unwrap()).unwrap();
    let is_raw = {
        let name = name.clone();
        move || {
            let modes = rustix::termios::tcgetattr(open_tty(&name).unwrap()).unwrap();
            !modes.local_modes.contains(rustix::termios::LocalModes::ECHO)
        }
    };
    let terminal = Terminal::take(open_tty(&name).unwrap()).unwrap();
    assert!(is_raw());
    // Held outside, so that only the hook can give it back.
    let panicking = tokio::spawn(in_screen(async { panic!("as a test") }));
    let ended: Result<(), _> = panicking.await;
    assert!(ended.is_err());
    assert!(!is_raw());
    drop(terminal);
}
