//! The server as a value: it runs on threads of its own, so that however many read and write, the engine's loop is not held up.

use std::io;
use std::os::unix::net;
use std::path::PathBuf;
use std::thread;

use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::listen::Listeners;
use super::serve::serve;
use super::switch::Switch;
use super::tls::Tls;

/// More threads than this, HTTP does not need.
const THREADS: usize = 4;

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Server {
    ended: oneshot::Receiver<()>,
}

impl Server {
    /// Serves as [`serve`] does, until `shutdown`, on threads named `api`. To be called on a runtime.
    ///
    /// # Errors
    /// When the system gives no threads, or the listeners cannot be moved to them.
    pub(crate) async fn start(
        switch: Switch,
        tls: Option<Tls>,
        listeners: Listeners,
        shutdown: CancellationToken,
    ) -> io::Result<Self> {
        let listeners = Unheard::from(listeners)?;
        let (tell, described) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let life = move || {
            let (runtime, listeners) = match prepare(listeners) {
                Ok(prepared) => prepared,
                Err(error) => return drop(tell.send(Err(error))),
            };
            // Nobody may be waiting, here and at the end.
            let _ = tell.send(Ok(()));
            runtime.block_on(serve(switch, tls, listeners, shutdown));
            // A question to the system that hangs holds nobody up.
            runtime.shutdown_background();
            let _ = end.send(());
        };
        thread::Builder::new().name("api".to_owned()).spawn(life)?;
        described.await.map_err(io::Error::other)??;
        Ok(Self { ended })
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(self) {
        // One that panicked has said so.
        let _ = self.ended.await;
    }
}

/// The runtime, and the listeners on it.
fn prepare(listeners: Unheard) -> io::Result<(Runtime, Listeners)> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(THREADS))
        .thread_name("api")
        .enable_all()
        .build()?;
    let entered = runtime.enter();
    let listeners = listeners.heard()?;
    drop(entered);
    Ok((runtime, listeners))
}

/// Listeners that no runtime listens to.
struct Unheard {
    socket: Option<(net::UnixListener, PathBuf)>,
    tcp: Option<std::net::TcpListener>,
}

impl Unheard {
    fn from(listeners: Listeners) -> io::Result<Self> {
        let Listeners { socket, tcp, notice: _ } = listeners;
        let socket = socket.map(|(socket, path)| io::Result::Ok((socket.into_std()?, path)));
        Ok(Self { socket: socket.transpose()?, tcp: tcp.map(TcpListener::into_std).transpose()? })
    }

    /// The same on the runtime that was entered.
    fn heard(self) -> io::Result<Listeners> {
        let socket = self
            .socket
            .map(|(socket, path)| UnixListener::from_std(socket).map(|socket| (socket, path)));
        let tcp = self.tcp.map(TcpListener::from_std).transpose()?;
        Ok(Listeners { socket: socket.transpose()?, tcp, notice: None })
    }
}
