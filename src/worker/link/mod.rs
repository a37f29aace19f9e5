//! The engine's side of the local worker process: finds it, starts it when needed, and receives
//! its messages.
//!
//! Owns the connection and the starting of the process. Never decides what a message means: that is
//! the engine's.

mod start;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

pub(crate) use start::LinkOptions;

use super::frames;
pub(crate) use super::process::GroupNews;
use super::process::{connect, end_given_up};
use super::protocol::{FromWorker, ToWorker, VERSION};
use crate::model::AttemptKey;

/// Messages on their way to the worker process.
const HELD: usize = 4_096;

/// Messages written at once.
const BATCH: usize = 64;

/// A worker process that sends nothing for this long is silent.
const SILENT_AFTER: Duration = Duration::from_secs(10);

/// How long the answer to a hello may take: what is about to start must have started first.
const HELLO: Duration = Duration::from_secs(60);

/// The longest wait between two tries.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// What the engine learns about the worker process.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// It is connected. This is the first message of this connection: always a
    /// [`FromWorker::Hello`].
    Up {
        /// What it holds.
        hello: FromWorker,
        /// Where to send to it, as long as this connection lasts.
        connection: Connection,
    },
    /// It says something.
    Message(FromWorker),
    /// It has said nothing for ten seconds; whatever it says next ends that.
    Silent,
    /// The connection is gone. It is made again, and the process started again if it ended.
    Down {
        /// Why.
        reason: String,
    },
    /// What becomes of the processes that [`LocalLink::end_groups`] was to end.
    Group(GroupNews),
    /// It cannot be started, or speaks another version of the protocol. Tried again every few
    /// seconds.
    Refused {
        /// Why, and what to do about it.
        reason: String,
    },
}

/// Sends to the worker process over one connection; a message for a connection that is gone goes
/// nowhere.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    queue: mpsc::Sender<ToWorker>,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// The worker process does not read; try again when it has said something.
    #[error("the worker process does not take more messages now")]
    Full,
    /// The connection is gone.
    #[error("the worker process is not connected")]
    Gone,
}

impl Connection {
    /// Sends a message, in the order of the calls.
    ///
    /// # Errors
    /// When it was not taken.
    pub(crate) fn send(&self, message: ToWorker) -> Result<(), SendError> {
        self.queue.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Gone,
        })
    }
}

/// The link to the local worker process. Dropping it closes the connection; the process goes on.
#[derive(Debug)]
pub(crate) struct LocalLink {
    wake: Arc<Notify>,
    leaving: Arc<AtomicBool>,
    task: JoinHandle<()>,
    data_dir: PathBuf,
    events: mpsc::WeakSender<LinkEvent>,
}

impl LocalLink {
    /// Connects to a worker process that is there already; starts none before [`LocalLink::wake`].
    #[must_use]
    pub(crate) fn start(options: LinkOptions, events: mpsc::Sender<LinkEvent>) -> Self {
        Self::start_with(options, events, SILENT_AFTER)
    }

    fn start_with(
        options: LinkOptions,
        events: mpsc::Sender<LinkEvent>,
        silent_after: Duration,
    ) -> Self {
        let wake = Arc::new(Notify::new());
        let leaving = Arc::new(AtomicBool::new(false));
        let (data_dir, heard) = (options.data_dir.clone(), events.downgrade());
        let task = LinkTask {
            options,
            events,
            silent_after,
            wake: wake.clone(),
            leaving: leaving.clone(),
        };
        Self { wake, leaving, task: tokio::spawn(task.run()), data_dir, events: heard }
    }

    /// There is work for it: a worker process is kept running from now on. Also ends the wait
    /// before another try.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Ends the processes of attempts that a worker process out of reach has started, as its journal has them, on a thread
    /// of their own: a stopped worker process ends nothing, and a dead one may not be startable.
    pub(crate) fn end_groups(&self, keys: Vec<AttemptKey>) {
        let (data_dir, events) = (self.data_dir.clone(), self.events.clone());
        let lost = keys.clone();
        let run = move || {
            end_given_up(&data_dir, &keys, |news| {
                if let Some(events) = events.upgrade() {
                    // The engine may have ended: the next one does it again.
                    _ = events.blocking_send(LinkEvent::Group(news));
                }
            });
        };
        let thread = std::thread::Builder::new().name("end-groups".to_owned());
        if let Err(error) = thread.spawn(run) {
            tracing::error!(%error, count = lost.len(), "attempts that were given up are not ended: no thread");
        }
    }

    /// The engine stops: no worker process is started from now on, and a connection that ends is not made again.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }
}

impl Drop for LocalLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps the link.
struct LinkTask {
    options: LinkOptions,
    events: mpsc::Sender<LinkEvent>,
    silent_after: Duration,
    wake: Arc<Notify>,
    leaving: Arc<AtomicBool>,
}

/// How a connection ended.
enum Ended {
    /// The engine no longer listens.
    EngineGone,
    /// After its hello.
    Down(String),
    /// Before its hello: it was just ending, most likely.
    HungUp(String),
    /// By what it said first.
    Refused(String),
}

impl LinkTask {
    async fn run(self) {
        let mut failures = 0u32;
        // One that runs is found again; none is started unasked.
        let mut stream = connect(&self.options.data_dir).await.ok();
        if stream.is_none() {
            self.wake.notified().await;
        }
        while !self.leaving.load(Ordering::Relaxed) {
            let connected = match stream.take() {
                Some(stream) => Ok(stream),
                None => start::connect_or_start(&self.options).await,
            };
            let ended = match connected {
                Ok(stream) => self.serve_connection(stream).await,
                Err(reason) => Ended::Refused(reason),
            };
            let event = match ended {
                Ended::EngineGone => return,
                Ended::Down(reason) => {
                    failures = 0;
                    Some(LinkEvent::Down { reason })
                }
                Ended::HungUp(_) if failures == 0 => {
                    failures = 1;
                    None
                }
                Ended::HungUp(reason) | Ended::Refused(reason) => {
                    failures += 1;
                    Some(LinkEvent::Refused { reason })
                }
            };
            if let Some(event) = event
                && self.events.send(event).await.is_err()
            {
                return;
            }
            // At once after a success, then ever later; a wake does not wait.
            if let Some(wait) = backoff(failures) {
                _ = timeout(wait, self.wake.notified()).await;
            }
        }
    }

    /// From hello to end.
    async fn serve_connection(&self, stream: UnixStream) -> Ended {
        let (reader, mut writer) = stream.into_split();
        let mut reader = FramedRead::new(reader, frames::codec(frames::MAX_FROM_WORKER));
        let environment = Some(self.options.environment.clone());
        let hello = ToWorker::Hello { version: VERSION, environment };
        if let Err(error) = send(&mut writer, &[hello]).await {
            return Ended::HungUp(format!("the worker process hung up at once: {error}"));
        }
        let hello = match timeout(HELLO, first(&mut reader)).await {
            Ok(Ok(hello)) => hello,
            Ok(Err(ended)) => return ended,
            Err(_) => return Ended::Refused("the worker process does not answer".to_owned()),
        };
        let (queue, to_send) = mpsc::channel(HELD);
        let up = LinkEvent::Up { hello, connection: Connection { queue } };
        if self.events.send(up).await.is_err() {
            return Ended::EngineGone;
        }
        tokio::select! {
            ended = self.hear(&mut reader) => ended,
            error = speak(&mut writer, to_send) => Ended::Down(error.to_string()),
            () = self.events.closed() => Ended::EngineGone,
        }
    }

    async fn hear(&self, reader: &mut Reader) -> Ended {
        let mut silent = false;
        loop {
            let event = match timeout(self.silent_after, reader.next()).await {
                Err(_) if silent => continue,
                Err(_) => {
                    silent = true;
                    LinkEvent::Silent
                }
                Ok(None) => return Ended::Down("the worker process hung up".to_owned()),
                Ok(Some(frame)) => match frame.and_then(|frame| frames::decode(&frame)) {
                    Ok(message) => {
                        silent = false;
                        LinkEvent::Message(message)
                    }
                    Err(error) => return Ended::Down(format!("not understood: {error}")),
                },
            };
            if self.events.send(event).await.is_err() {
                return Ended::EngineGone;
            }
        }
    }
}

type Reader = FramedRead<OwnedReadHalf, LengthDelimitedCodec>;

/// The hello of a worker process that speaks this version. Signs of life and news may come before it, while it waits for
/// a start that takes long: the hello names all that matters of them.
async fn first(reader: &mut Reader) -> Result<FromWorker, Ended> {
    let hung_up = |why: String| Ended::HungUp(format!("the worker process hung up: {why}"));
    let frame = loop {
        let frame = match reader.next().await {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Err(hung_up(error.to_string())),
            None => return Err(hung_up("before its hello".to_owned())),
        };
        let is_hello = |said: &FromWorker| matches!(said, FromWorker::Hello { .. });
        match frames::decode::<FromWorker>(&frame) {
            Ok(said) if !is_hello(&said) => {}
            // A hello, or one of another version.
            Ok(_) | Err(_) => break frame,
        }
    };
    let refused = |what: String| {
        Ended::Refused(format!(
            "{what}: it is of another version of crontower; it ends when its attempts are over"
        ))
    };
    // The version is looked at first: the rest of another version's hello may look different.
    match frames::decode::<Version>(&frame) {
        Ok(Version { version: VERSION }) => {}
        Ok(Version { version }) => {
            let what = format!("the worker process speaks protocol {version}, not {VERSION}");
            return Err(refused(what));
        }
        Err(error) => {
            return Err(refused(format!("the worker process is not understood ({error})")));
        }
    }
    match frames::decode(&frame) {
        Ok(hello @ FromWorker::Hello { .. }) => Ok(hello),
        Ok(_) => Err(refused("the worker process did not say hello first".to_owned())),
        Err(error) => Err(refused(format!("the worker process is not understood ({error})"))),
    }
}

/// What every version's hello has.
#[derive(serde::Deserialize)]
struct Version {
    version: u32,
}

/// Writes what is sent, until that fails. When nothing more can come, the reading goes on.
async fn speak(writer: &mut OwnedWriteHalf, mut to_send: mpsc::Receiver<ToWorker>) -> io::Error {
    let mut messages = Vec::new();
    while to_send.recv_many(&mut messages, BATCH).await > 0 {
        if let Err(error) = send(writer, &messages).await {
            return error;
        }
        messages.clear();
    }
    std::future::pending().await
}

async fn send(writer: &mut OwnedWriteHalf, messages: &[ToWorker]) -> io::Result<()> {
    let mut bytes = Vec::new();
    for message in messages {
        frames::encode(message, &mut bytes)?;
    }
    writer.write_all(&bytes).await
}

/// How long to wait after this many failures in a row.
fn backoff(failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(1)?.min(16);
    Some((Duration::from_millis(100) * (1 << doublings)).min(LONGEST_BACKOFF))
}
