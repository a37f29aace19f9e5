//! Accepting connections and speaking HTTP on them, until told to stop.
//!
//! Owns the bounds of a connection: how many there are, how long a request may take to arrive, how long an ending server
//! waits for answers that are under way.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::Access;
use super::app::WallClock;
use super::listen::{Listeners, bind_socket};
use super::switch::Switch;
use super::tls::Tls;
use super::write_timeout::Impatient;
use crate::driver::{EngineApi, Metrics};

/// So many connections a listener holds at once; others wait in the system's queue.
const CONNECTIONS: usize = 4_096;
/// From so many on, the limit of open files is raised, which is often 1,024: not before, since a worker process inherits it.
const MANY: usize = 512;
/// The head of a request is no longer, and of an answer whose reader is slow no more is kept.
const BUFFER: usize = 32 << 10;
/// The head of a request must have arrived within it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// TLS must have been agreed on within it.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// What is to be written to a connection must be taken, bit by bit, within it.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked whether the socket's file is still there.
const SOCKET_CHECK: Duration = Duration::from_secs(5);
/// What is under way when serving ends gets so long.
const GRACE: Duration = Duration::from_secs(2);

/// What is served.
#[derive(Clone)]
pub(crate) struct Service {
    /// Answers whoever comes through the socket.
    pub engine_api: Arc<dyn EngineApi>,
    /// Whom TCP lets in; without it nothing is served there.
    pub access: Option<Access>,
    /// What the engine has counted.
    pub metrics: Arc<Metrics>,
    /// Reads the wall clock.
    pub clock: WallClock,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("access", &self.access).finish_non_exhaustive()
    }
}

/// Serves until `shutdown`: on the socket whoever may open it, over TCP whoever has a token.
pub(crate) async fn serve(
    switch: Switch,
    tls: Option<Tls>,
    listeners: Listeners,
    shutdown: CancellationToken,
) {
    let connections = TaskTracker::new();
    let Listeners { socket, tcp, notice: _ } = listeners;
    let socket = async {
        if let Some((socket, path)) = socket {
            let switch = switch.clone();
            let routes = move || switch.socket();
            keep_socket(socket, &path, routes, &connections, &shutdown).await;
        }
    };
    let tcp = async {
        if let (Some(tcp), Some(_)) = (tcp, switch.tcp()) {
            let switch = switch.clone();
            let routes = move || switch.tcp().unwrap_or_default();
            accept(tcp, routes, tls, &connections, &shutdown).await;
        }
    };
    tokio::join!(socket, tcp);
    connections.close();
    connections.wait().await;
}

/// Accepts on the socket; when its file is deleted it is made again, so that the engine stays within reach.
async fn keep_socket(
    mut socket: UnixListener,
    path: &Path,
    routes: impl Fn() -> Router + Clone + Send + Sync + 'static,
    connections: &TaskTracker,
    shutdown: &CancellationToken,
) {
    loop {
        let gone = until_gone(path);
        tokio::select! {
            () = accept(socket, routes.clone(), None, connections, shutdown) => return,
            () = gone => {}
        }
        tracing::warn!(socket = %path.display(), "the socket's file is gone: it is made again");
        let mut tries = tokio::time::interval(SOCKET_CHECK);
        socket = loop {
            tokio::select! {
                _ = tries.tick() => {}
                () = shutdown.cancelled() => return,
            }
            match bind_socket(path) {
                Ok(socket) => break socket,
                Err(error) => tracing::error!(%error, "the engine is not within reach of clients"),
            }
        };
    }
}

/// Waits until there is nothing at `path`, or something else than now.
async fn until_gone(path: &Path) {
    let inode = || std::fs::symlink_metadata(path).map(|found| found.ino()).ok();
    let own = inode();
    let mut looks = tokio::time::interval(SOCKET_CHECK);
    while own.is_some() && inode() == own {
        looks.tick().await;
    }
}

async fn accept<L: Listener>(
    mut listener: L,
    routes: impl Fn() -> Router + Clone + Send + Sync + 'static,
    tls: Option<Tls>,
    connections: &TaskTracker,
    shutdown: &CancellationToken,
) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = async {
            let permit = Arc::clone(&free).acquire_owned().await;
            if free.available_permits() == CONNECTIONS - MANY {
                make_room();
            }
            (permit, listener.accept().await.0)
        };
        let (permit, stream) = tokio::select! {
            accepted = accepted => accepted,
            () = shutdown.cancelled() => return,
        };
        let (routes, shutdown) = (routes.clone(), shutdown.clone());
        let acceptor = tls.as_ref().map(Tls::acceptor);
        connections.spawn(async move {
            match acceptor {
                None => converse(stream, routes, shutdown).await,
                Some(acceptor) => {
                    let worker_links =
                        tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
                    // Who does not finish it has nothing to say to us.
                    if let Ok(Ok(stream)) = worker_links.await {
                        converse(stream, routes, shutdown).await;
                    }
                }
            }
            drop(permit);
        });
    }
}

/// Raises the limit of open files so far that connections do not come up against it.
fn make_room() {
    let needed = u64::try_from(3 * CONNECTIONS).unwrap_or(u64::MAX);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = Some(limit.maximum.map_or(needed, |maximum| needed.min(maximum)));
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, needed, "the limit of open files stays as it is");
        }
    }
}

/// One connection from its first byte to its end.
pub(super) async fn converse<S>(stream: S, routes: impl Fn() -> Router, shutdown: CancellationToken)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service =
        service_fn(|request: Request<Incoming>| TowerToHyperService::new(routes()).call(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Impatient::new(stream, READ_WITHIN)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = shutdown.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(GRACE, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
