//! The terminal: taken on entry, given back on every way out.
//!
//! Owns its modes, the two threads that read and write it, and the panic hook. A slow or frozen
//! terminal holds up the writing thread only: the screen then draws fewer frames, the engine
//! notices nothing. Never knows what is drawn.

mod decode;
mod guard;
mod paint;
mod tty_io;

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use ratatui::layout::Size;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::termios;
use tokio::sync::mpsc;

pub(crate) use decode::{Decoder, Mouse, Typed};
pub(crate) use guard::{Restore, in_screen};
pub(crate) use paint::Painter;
pub(crate) use tty_io::News;

use super::TuiError;

/// A terminal in raw mode, on its alternate screen, with the cursor hidden.
#[derive(Debug)]
pub(crate) struct Terminal {
    file: Arc<File>,
    /// News; `None` once dropped.
    news: Option<mpsc::Receiver<News>>,
    frames: Option<mpsc::Sender<Vec<u8>>>,
    wake: OwnedFd,
    threads: Vec<JoinHandle<()>>,
    restore: Restore,
}

impl Terminal {
    /// Takes the terminal that this process was started on.
    pub(crate) fn open() -> Result<Self, TuiError> {
        let no_terminal = |errno: Errno| TuiError::NoTerminal { source: errno.into() };
        Self::take(open_own().map_err(no_terminal)?)
    }

    /// Takes a terminal that was opened with [`open_tty`].
    pub(crate) fn take(tty: OwnedFd) -> Result<Self, TuiError> {
        let no_terminal = |errno: Errno| TuiError::NoTerminal { source: errno.into() };
        let file = Arc::new(File::from(tty));
        let original = termios::tcgetattr(&*file).map_err(no_terminal)?;
        let mut raw = original.clone();
        raw.make_raw();
        let failed = |doing| move |source: io::Error| TuiError::Terminal { doing, source };
        let (woken, wake) = pipe_with(PipeFlags::CLOEXEC)
            .map_err(|errno| failed("watch")(io::Error::from(errno)))?;
        // From here on every way out, a panic included, gives the terminal back.
        let restore = Restore::arm(&file, original);
        termios::tcsetattr(&*file, termios::OptionalActions::Now, &raw)
            .map_err(|errno| failed("set up")(io::Error::from(errno)))?;
        let (to_loop, news) = mpsc::channel(64);
        let (frames, to_write) = mpsc::channel(1);
        let woken = Arc::new(woken);
        let reader = tty_io::TtyIo::new(&file, &woken, to_loop.clone());
        let writer = tty_io::TtyIo::new(&file, &woken, to_loop);
        let threads = vec![
            spawn("crontower-keys", move || reader.read()).map_err(failed("read"))?,
            spawn("crontower-paint", move || writer.write(to_write)).map_err(failed("write"))?,
        ];
        let terminal =
            Self { file, news: Some(news), frames: Some(frames), wake, threads, restore };
        terminal.hand_over(guard::ENTER.to_vec());
        Ok(terminal)
    }

    /// Takes the modes again, after the shell had the terminal in between.
    pub(crate) fn retake(&self) {
        let raw = termios::tcgetattr(&*self.file).map(|mut modes| {
            modes.make_raw();
            modes
        });
        // That a terminal is gone is reported by its threads.
        let _ = raw
            .and_then(|raw| termios::tcsetattr(&*self.file, termios::OptionalActions::Now, &raw));
    }

    /// Its size; one that does not know it is taken for 80x24.
    pub(crate) fn size(&self) -> Size {
        match termios::tcgetwinsize(&*self.file) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size::new(size.ws_col, size.ws_row),
            _ => Size::new(80, 24),
        }
    }

    /// The next news; `None` when its threads are gone.
    pub(crate) async fn news(&mut self) -> Option<News> {
        self.news.as_mut()?.recv().await
    }

    /// News that is there already.
    pub(crate) fn news_now(&mut self) -> Option<News> {
        self.news.as_mut()?.try_recv().ok()
    }

    /// Sends a frame; whether it is still on its way. At most one is: the caller waits for
    /// [`News::Written`] before the next.
    pub(crate) fn send(&self, mut bytes: Vec<u8>) -> bool {
        // Almost always the system takes all of it at once, and no thread need be woken on a busy
        // machine. An error is reported by the thread, which meets it, too.
        match rustix::io::write(&*self.file, &bytes) {
            Ok(count) if count == bytes.len() => return false,
            Ok(count) => drop(bytes.drain(..count)),
            Err(_) => {}
        }
        self.hand_over(bytes)
    }

    /// WorkerLinks bytes to the writing thread, which answers [`News::Written`].
    fn hand_over(&self, bytes: Vec<u8>) -> bool {
        self.frames.as_ref().is_some_and(|frames| frames.try_send(bytes).is_ok())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.news = None;
        self.frames = None;
        // A wake-up that cannot be written means that the threads are gone already.
        let _ = rustix::io::write(&self.wake, b"x");
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.restore.now();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// Opens a terminal again, so that its non-blocking mode is ours alone and not the shell's too.
pub(crate) fn open_tty(path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

/// The terminal that this process was started on.
fn open_own() -> Result<OwnedFd, Errno> {
    let name = termios::ttyname(io::stdout(), Vec::new())
        .or_else(|_| termios::ttyname(io::stdin(), Vec::new()));
    name.and_then(|name| open_tty(&name)).or_else(|_| open_tty(c"/dev/tty"))
}
