//! The pipes that a process writes its output to.
//!
//! Owns their reading ends. Reads without ever holding the process back for long, and without
//! waiting for an end that a process left behind may put off for ever.

use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

use crate::commands::OutputSink as _;
use crate::model::Stream;
use crate::worker::output_log::OutputLog;

/// Bytes read at once.
const READ_SIZE: usize = 16 << 10;

/// The most that a pipe can hold: reading so much after a process has ended finds all that it
/// wrote.
const MAX_PIPE_BYTES: usize = 1 << 20;

/// How long the output of processes left behind is still kept.
const LATE_OUTPUT: Duration = Duration::from_secs(1);

/// The reading end of one pipe.
#[derive(Debug)]
pub(super) struct Pipe {
    stream: Stream,
    /// `None` once every writer has closed it.
    from: Option<Receiver>,
}

impl Pipe {
    /// A new pipe and its writing end.
    pub(super) fn new(stream: Stream) -> io::Result<(Self, PipeWriter)> {
        let (from, to) = io::pipe()?;
        let from = Some(Receiver::from_owned_fd(OwnedFd::from(from))?);
        Ok((Self { stream, from }, to))
    }

    pub(super) fn is_open(&self) -> bool {
        self.from.is_some()
    }

    /// Comes back when there is something to read, or the end; never once it is closed.
    pub(super) async fn readable(&self) {
        match &self.from {
            // An error shows itself at the reading.
            Some(from) => _ = from.readable().await,
            None => std::future::pending().await,
        }
    }

    /// Reads one piece, if there is any.
    pub(super) fn read(&mut self, log: Option<&OutputLog>) {
        let mut piece = [0; READ_SIZE];
        let Some(from) = &self.from else { return };
        match from.try_read(&mut piece) {
            Ok(0) => self.from = None,
            Ok(length) => {
                if let Some(log) = log {
                    log.write(self.stream, &piece[..length]);
                }
            }
            Err(error) if is_passing(error.kind()) => {}
            Err(_) => self.from = None,
        }
    }

    /// Reads what is in the pipe now. Asks the pipe itself: what the runtime knows of it may be
    /// older.
    async fn read_rest(&mut self, log: &OutputLog) {
        let mut left = MAX_PIPE_BYTES;
        while left > 0
            && let Some(length) = self.read_now(log)
        {
            left = left.saturating_sub(length);
            log.room().await;
        }
    }

    /// Reads one piece that is in the pipe now; `None` if there is none.
    fn read_now(&mut self, log: &OutputLog) -> Option<usize> {
        let mut piece = [0; READ_SIZE];
        loop {
            match rustix::io::read(self.from.as_ref()?, &mut piece) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return None,
                Ok(0) | Err(_) => self.from = None,
                Ok(length) => {
                    log.write(self.stream, &piece[..length]);
                    return Some(length);
                }
            }
        }
    }
}

fn is_passing(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Both pipes of a process.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) out: Pipe,
    pub(super) err: Pipe,
}

impl Pipes {
    /// The process has ended: reads what it wrote.
    pub(super) async fn read_rest(&mut self, log: &OutputLog) {
        self.out.read_rest(log).await;
        self.err.read_rest(log).await;
    }

    pub(super) fn is_open(&self) -> bool {
        self.out.is_open() || self.err.is_open()
    }

    /// Waits for output and reads it.
    pub(super) async fn pump(&mut self, log: Option<&OutputLog>) {
        tokio::select! {
            () = self.out.readable(), if self.out.is_open() => self.out.read(log),
            () = self.err.readable(), if self.err.is_open() => self.err.read(log),
            else => return,
        }
        if let Some(log) = log {
            log.room().await;
        }
    }

    /// Processes left behind hold the pipes: keeps what they write for a moment, then reads it to
    /// nowhere for as long as they live, so that none of them blocks or dies of a closed pipe.
    pub(super) async fn drain(mut self, log: Arc<OutputLog>) {
        let late_output = async {
            while self.is_open() {
                self.pump(Some(&log)).await;
            }
        };
        // Either way the log is closed next.
        _ = timeout(LATE_OUTPUT, late_output).await;
        log.close();
        drop(log);
        while self.is_open() {
            self.pump(None).await;
        }
    }
}
