//! The place where a worker process is found: its lock and its socket in the data folder.
//!
//! Owns "one worker process to a data folder": the socket is made and removed only by who holds the
//! lock.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::error::WorkerError;

/// Where the socket is.
const SOCKET: &str = "worker.sock";

/// Where the lock is.
const LOCK: &str = "worker.lock";

/// The longest path that the address of a socket can hold.
const LONGEST_ADDRESS: usize = 100;

/// The data folder, made where it is missing, as an absolute path.
pub(super) fn data_dir(given: &Path) -> Result<PathBuf, WorkerError> {
    let fail = |source| WorkerError::DataDir { path: given.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(given).map_err(fail)?;
    given.canonicalize().map_err(fail)
}

/// Held as long as this process serves the data folder; released by the system when the process
/// ends in any way.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock and writes this process's id into it.
    pub(super) fn take(data_dir: &Path) -> Result<Self, WorkerError> {
        let path = data_dir.join(LOCK);
        let fail = |source| WorkerError::DataDir { path: path.clone(), source };
        let open = || {
            File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
        };
        let mut file = open().map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
                return Err(WorkerError::Served { path: data_dir.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        // The pid is for people; the lock holds without it.
        _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

/// The address of the socket. A path that is too long for one is reached through the open folder.
#[derive(Debug)]
struct Address {
    path: PathBuf,
    _dir: Option<File>,
}

fn address(data_dir: &Path) -> io::Result<Address> {
    let path = data_dir.join(SOCKET);
    if path.as_os_str().len() <= LONGEST_ADDRESS {
        return Ok(Address { path, _dir: None });
    }
    let dir = File::open(data_dir)?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", dir.as_raw_fd()).into();
    Ok(Address { path, _dir: Some(dir) })
}

/// Where engines come in.
#[derive(Debug)]
pub(super) struct Listener<'a> {
    data_dir: &'a Path,
    lock: &'a Lock,
    listener: UnixListener,
    /// The file that the socket is: another one of its name leads elsewhere.
    file: Option<(u64, u64)>,
    /// Whether it was logged that the socket is gone and cannot be opened again.
    is_logged: bool,
}

impl<'a> Listener<'a> {
    /// Opens the socket.
    pub(super) fn open(data_dir: &'a Path, lock: &'a Lock) -> Result<Self, WorkerError> {
        let listener = listen(data_dir, lock)?;
        Ok(Self { data_dir, lock, listener, file: identity(data_dir), is_logged: false })
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }

    /// Opens the socket again if someone has removed it.
    pub(super) fn reopen_if_removed(&mut self) {
        if self.file.is_some() && self.file == identity(self.data_dir) {
            return;
        }
        match listen(self.data_dir, self.lock) {
            Ok(listener) => {
                (self.listener, self.file) = (listener, identity(self.data_dir));
                self.is_logged = false;
                tracing::warn!("{SOCKET} was removed; it has been made again");
            }
            Err(error) if !self.is_logged => {
                self.is_logged = true;
                tracing::error!(%error, "{SOCKET} was removed and cannot be made again");
            }
            Err(_) => {}
        }
    }
}

fn identity(data_dir: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(data_dir.join(SOCKET)).ok().map(|found| (found.dev(), found.ino()))
}

/// Opens the socket in place of one that a dead predecessor left.
fn listen(data_dir: &Path, _lock: &Lock) -> Result<UnixListener, WorkerError> {
    let path = data_dir.join(SOCKET);
    let open = || {
        remove(data_dir)?;
        let address = address(data_dir)?;
        let listener = UnixListener::bind(&address.path)?;
        // The folder is open to its owner only, so there is no instant at which others could
        // connect.
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    open().map_err(|source| WorkerError::Socket { path: path.clone(), source })
}

/// Removes the socket.
pub(super) fn remove(data_dir: &Path) -> io::Result<()> {
    match fs::remove_file(data_dir.join(SOCKET)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Connects to the worker process of a data folder, if one serves it.
///
/// # Errors
/// When none answers.
pub(in crate::worker) async fn connect(data_dir: &Path) -> io::Result<UnixStream> {
    let address = address(data_dir)?;
    UnixStream::connect(&address.path).await
}
