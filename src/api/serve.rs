//! Accepting connections and speaking HTTP on them, until told to stop.
//!
//! Owns the bounds of a connection: how many there are, how long a request may take to arrive, how long an ending server
//! waits for answers that are under way.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::Access;
use super::app::{App, WallClock};
use super::listen::Listeners;
use super::router;
use crate::driver::Door;
use crate::model::Role;

/// So many connections a listener holds at once; others wait in the system's queue.
const CONNECTIONS: usize = 1_024;
/// The head of a request must have arrived within it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// What is under way when serving ends gets so long.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until `shutdown`: on the socket whoever may open it, over TCP whoever has a token. Without `access` nothing is
/// served over TCP. `clock` reads the wall clock.
pub async fn serve(
    door: Arc<dyn Door>,
    access: Option<Access>,
    listeners: Listeners,
    clock: WallClock,
    shutdown: CancellationToken,
) {
    // The guard puts each caller's own door and role in their place.
    let app = App { door, role: Role::Viewer, clock, stopping: shutdown.clone() };
    let connections = TaskTracker::new();
    let Listeners { socket, tcp, notice: _ } = listeners;
    let socket = async {
        if let Some(socket) = socket {
            accept(socket, router::socket(app.clone()), &connections, &shutdown).await;
        }
    };
    let tcp = async {
        if let (Some(tcp), Some(access)) = (tcp, access) {
            accept(tcp, router::tcp(app.clone(), access), &connections, &shutdown).await;
        }
    };
    tokio::join!(socket, tcp);
    connections.close();
    connections.wait().await;
}

async fn accept<L: Listener>(
    mut listener: L,
    router: Router,
    connections: &TaskTracker,
    shutdown: &CancellationToken,
) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = async {
            let permit = Arc::clone(&free).acquire_owned().await;
            (permit, listener.accept().await.0)
        };
        let (permit, stream) = tokio::select! {
            accepted = accepted => accepted,
            () = shutdown.cancelled() => return,
        };
        let connection = converse(stream, router.clone(), shutdown.clone());
        connections.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
}

/// One connection from its first byte to its end.
async fn converse<S>(stream: S, router: Router, shutdown: CancellationToken)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
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
