//! Why a worker process cannot start.

use std::io;
use std::path::PathBuf;

/// Why a worker process does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    /// Another one does.
    #[error("the worker process {holder} serves the data folder {} already", .path.display())]
    Served {
        /// The data folder.
        path: PathBuf,
        /// Its process id.
        holder: String,
    },
    /// The data folder cannot be used.
    #[error(
        "cannot use {}: {source}; check that it can be written to, or name another --data-dir",
        .path.display()
    )]
    DataDir {
        /// What cannot be used.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The socket cannot be opened.
    #[error("cannot listen on {}: {source}", .path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot leave its terminal.
    #[error("cannot begin a session of its own: {0}; crontower starts its worker process itself")]
    Session(io::Error),
    /// The system refuses what it needs.
    #[error("the system refuses {what}: {source}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}
