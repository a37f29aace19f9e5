//! A connection of an engine, as the worker process sees it.
//!
//! Owns reading from the socket: whatever comes that is not a message ends the connection and
//! nothing else.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::codec::FramedRead;

use super::outbox::Outbox;
use crate::worker::frames;
use crate::worker::protocol::ToWorker;

/// Connections that have not said hello yet.
const MAX_PENDING_HELLOS: usize = 16;

/// How long they have for it.
const HELLO: Duration = Duration::from_secs(10);

/// Names a connection within this process.
pub(super) type ConnectionId = u64;

/// What comes from a connection.
#[derive(Debug)]
pub(super) enum Inbound {
    /// It said hello, in this version of the protocol.
    Hello {
        version: u32,
        environment: Option<Vec<(OsString, OsString)>>,
        outbox: Arc<Outbox>,
    },
    Message(ToWorker),
    Closed,
}

/// Takes connections.
#[derive(Debug)]
pub(super) struct Acceptor {
    pending_hellos: Arc<Semaphore>,
    inbound: mpsc::Sender<(ConnectionId, Inbound)>,
    last: ConnectionId,
}

impl Acceptor {
    pub(super) fn new(inbound: mpsc::Sender<(ConnectionId, Inbound)>) -> Self {
        Self { pending_hellos: Arc::new(Semaphore::new(MAX_PENDING_HELLOS)), inbound, last: 0 }
    }

    /// Reads from a connection on a task of its own. One too many is closed at once.
    pub(super) fn take(&mut self, stream: UnixStream) {
        let Ok(place) = self.pending_hellos.clone().try_acquire_owned() else { return };
        self.last += 1;
        let (id, inbound) = (self.last, self.inbound.clone());
        tokio::spawn(async move {
            let hello = greet(stream).await;
            drop(place);
            let ended = match hello {
                Ok((version, environment, outbox, reader)) => {
                    let hello = Inbound::Hello { version, environment, outbox: outbox.clone() };
                    let ended = match inbound.send((id, hello)).await {
                        Ok(()) => read(id, reader, &inbound).await,
                        Err(_) => Ok(()),
                    };
                    outbox.close();
                    ended
                }
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                tracing::warn!(%error, "a connection was closed");
            }
            // Nobody listens only when the process ends.
            _ = inbound.send((id, Inbound::Closed)).await;
        });
    }
}

type Reader = FramedRead<OwnedReadHalf, tokio_util::codec::LengthDelimitedCodec>;

/// What an engine says first: the version of its protocol, and its environment.
type Greeting = (u32, Option<Vec<(OsString, OsString)>>, Arc<Outbox>, Reader);

/// The first message must be a hello.
async fn greet(stream: UnixStream) -> io::Result<Greeting> {
    if stream.peer_cred()?.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user's process"));
    }
    let socket = stream.as_fd().try_clone_to_owned()?;
    // Dropping the writing half alone would shut the socket down for writing.
    let (reader, writer) = stream.into_split();
    writer.forget();
    let mut reader = FramedRead::new(reader, frames::codec(frames::MAX_TO_WORKER));
    match timeout(HELLO, next(&mut reader)).await?? {
        Some(ToWorker::Hello { version, environment }) => {
            Ok((version, environment, Outbox::open(socket)?, reader))
        }
        Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a first message but hello")),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

async fn read(
    id: ConnectionId,
    mut reader: Reader,
    inbound: &mpsc::Sender<(ConnectionId, Inbound)>,
) -> io::Result<()> {
    while let Some(message) = next(&mut reader).await? {
        if inbound.send((id, Inbound::Message(message))).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn next(reader: &mut Reader) -> io::Result<Option<ToWorker>> {
    match reader.next().await {
        Some(frame) => frames::decode(&frame?).map(Some),
        None => Ok(None),
    }
}
