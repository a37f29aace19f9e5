//! Messages of a worker process on their way to the engine.
//!
//! Owns the thread that writes to the socket, and with it the heartbeat: no output, disk or busy
//! runtime can hold that up. Never reads, and never decides what is said.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{Shutdown, shutdown};

use crate::clock::Clock;
use crate::model::Now;
use crate::worker::frames;
use crate::worker::protocol::FromWorker;

/// Messages held for an engine that does not read. Beyond, the connection ends: its next hello
/// has everything.
const HELD: usize = 65_536;

/// Above this many held messages, news that can be left out is.
const HELD_NEWS: usize = 4_096;

/// Between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long the engine's side may take nothing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The messages on their way to one engine.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    held: Mutex<Held>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Held {
    messages: VecDeque<FromWorker>,
    closed: bool,
}

/// There is no place for more, or no one to read it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Undeliverable;

impl Outbox {
    /// Starts to write to `socket`, until it fails or the outbox is closed; the socket is then shut
    /// down.
    pub(super) fn open(socket: OwnedFd) -> io::Result<Arc<Self>> {
        let outbox = Arc::new(Self::default());
        let held = outbox.clone();
        std::thread::Builder::new().name("to-engine".to_owned()).spawn(move || {
            if let Err(error) = held.write_all(&socket) {
                tracing::info!(%error, "the engine's connection ended");
            }
            held.close();
            // Its reader then sees the end, too. It may be shut down already.
            _ = shutdown(&socket, Shutdown::Both);
        })?;
        Ok(outbox)
    }

    /// Adds messages.
    pub(super) fn push(
        &self,
        messages: impl IntoIterator<Item = FromWorker>,
    ) -> Result<(), Undeliverable> {
        let mut held = self.held();
        held.messages.extend(messages);
        if held.messages.len() > HELD {
            held.closed = true;
        }
        self.more.notify_one();
        if held.closed { Err(Undeliverable) } else { Ok(()) }
    }

    /// Adds a message that others may replace, unless there is much to say already.
    pub(super) fn push_news(&self, message: FromWorker) {
        let mut held = self.held();
        if held.messages.len() < HELD_NEWS {
            held.messages.push_back(message);
            self.more.notify_one();
        }
    }

    /// Writes what is held, then ends.
    pub(super) fn close(&self) {
        self.held().closed = true;
        self.more.notify_one();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, socket: &OwnedFd) -> io::Result<()> {
        let mut next_heartbeat = monotonic() + HEARTBEAT;
        let mut bytes = Vec::new();
        loop {
            let (messages, closed) = self.take(next_heartbeat.saturating_sub(monotonic()));
            for message in &messages {
                frames::encode(message, &mut bytes)?;
            }
            if monotonic() >= next_heartbeat {
                frames::encode(&FromWorker::Heartbeat, &mut bytes)?;
                next_heartbeat = monotonic() + HEARTBEAT;
            }
            write(socket, &bytes)?;
            bytes.clear();
            bytes.shrink_to(64 << 10);
            if closed {
                return Ok(());
            }
        }
    }

    /// All that is held; waits at most this long for something to send.
    fn take(&self, at_most: Duration) -> (VecDeque<FromWorker>, bool) {
        let idle = |held: &mut Held| held.messages.is_empty() && !held.closed;
        let waited = self.more.wait_timeout_while(self.held(), at_most, idle);
        let (mut held, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut held.messages), held.closed)
    }
}

fn monotonic() -> Duration {
    let Now { monotonic, .. } = Clock.now();
    monotonic
}

/// Writes everything to a socket that does not block by itself.
fn write(socket: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::net::send(socket, bytes, rustix::net::SendFlags::NOSIGNAL) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => wait_until_writable(socket)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn wait_until_writable(socket: &OwnedFd) -> io::Result<()> {
    let mut fds = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::OUT)];
    let timeout = Timespec::try_from(WRITE_TIMEOUT).ok();
    match poll(&mut fds, timeout.as_ref()) {
        Ok(0) => Err(io::Error::new(io::ErrorKind::TimedOut, "the engine reads nothing")),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::unix::net::UnixStream;

    #[test]
    fn heartbeats_come_by_themselves_and_a_close_writes_what_is_held() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::open(ours.into()).unwrap();
        let mut length = [0; 4];
        theirs.read_exact(&mut length).unwrap();
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        theirs.read_exact(&mut frame).unwrap();
        assert_eq!(frames::decode::<FromWorker>(&frame).unwrap(), FromWorker::Heartbeat);
        outbox.push([FromWorker::Heartbeat, FromWorker::Heartbeat]).unwrap();
        outbox.close();
        let mut rest = Vec::new();
        theirs.read_to_end(&mut rest).unwrap();
        assert!(rest.len() >= 2 * (4 + frame.len()));
        assert_eq!(outbox.push([FromWorker::Heartbeat]), Err(Undeliverable));
    }

    #[test]
    fn an_engine_that_does_not_read_is_given_up() {
        let outbox = Outbox::default();
        let many = |count| std::iter::repeat_n(FromWorker::Heartbeat, count);
        assert_eq!(outbox.push(many(HELD)), Ok(()));
        outbox.push_news(FromWorker::Heartbeat);
        assert_eq!(outbox.held().messages.len(), HELD);
        assert_eq!(outbox.push(many(1)), Err(Undeliverable));
    }
}
