//! The two threads on the terminal: one reads, one writes. Either can be woken to end, and either
//! tells when the terminal is gone. Owns the waiting for readiness; never looks at what passes
//! through.

use std::fs::File;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use tokio::sync::mpsc;

/// News from the terminal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Bytes that were typed.
    Bytes(Vec<u8>),
    /// The last frame is on its way: another may be sent.
    Written,
    /// It is gone.
    Lost,
}

/// One end of the terminal.
#[derive(Debug)]
pub(super) struct TtyIo {
    file: Arc<File>,
    woken: Arc<OwnedFd>,
    to_loop: mpsc::Sender<News>,
}

/// What the waiting came to.
enum Ready {
    Yes,
    End,
    Lost,
}

impl TtyIo {
    pub(super) fn new(file: &Arc<File>, woken: &Arc<OwnedFd>, to_loop: mpsc::Sender<News>) -> Self {
        Self { file: Arc::clone(file), woken: Arc::clone(woken), to_loop }
    }

    /// Reads until it is woken or the terminal is gone.
    pub(super) fn read(self) {
        let mut bytes = [0; 4096];
        loop {
            match self.wait(PollFlags::IN) {
                Ready::Yes => {}
                Ready::End => return,
                Ready::Lost => break,
            }
            match rustix::io::read(&*self.file, &mut bytes) {
                Ok(0) => break,
                Ok(count) => {
                    if self.to_loop.blocking_send(News::Bytes(bytes[..count].to_vec())).is_err() {
                        return;
                    }
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => break,
            }
        }
        // The loop may have ended first.
        let _ = self.to_loop.blocking_send(News::Lost);
    }

    /// Writes what it is given until there is no more, it is woken, or the terminal is gone.
    pub(super) fn write(self, mut frames: mpsc::Receiver<Vec<u8>>) {
        while let Some(frame) = frames.blocking_recv() {
            let news = match self.write_all(&frame) {
                Ready::Yes => News::Written,
                Ready::End => return,
                Ready::Lost => News::Lost,
            };
            let lost = news == News::Lost;
            if self.to_loop.blocking_send(news).is_err() || lost {
                return;
            }
        }
    }

    fn write_all(&self, mut bytes: &[u8]) -> Ready {
        while !bytes.is_empty() {
            match rustix::io::write(&*self.file, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => match self.wait(PollFlags::OUT) {
                    Ready::Yes => {}
                    other => return other,
                },
                Err(_) => return Ready::Lost,
            }
        }
        Ready::Yes
    }

    fn wait(&self, readiness: PollFlags) -> Ready {
        loop {
            let mut watched =
                [PollFd::new(&*self.file, readiness), PollFd::new(&*self.woken, PollFlags::IN)];
            match poll(&mut watched, None) {
                Err(Errno::INTR) => {}
                Err(_) => return Ready::Lost,
                Ok(_) if !watched[1].revents().is_empty() => return Ready::End,
                Ok(_) => {
                    let seen = watched[0].revents();
                    // What was typed before the line was cut is still read.
                    if seen.contains(readiness) {
                        return Ready::Yes;
                    }
                    if seen.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                        return Ready::Lost;
                    }
                }
            }
        }
    }
}
