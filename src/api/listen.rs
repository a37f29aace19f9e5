//! Where HTTP is served: binding the unix socket (mode 0600) and the TCP listener.
//!
//! Whoever binds the socket must hold the lock of the data folder: a socket file that is found there is a dead engine's.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::{TcpListener, UnixListener};

/// Where TCP is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Listen {
    /// 127.0.0.1:7117, and if that is taken, nowhere.
    #[default]
    Default,
    /// Nowhere.
    None,
    /// Here; if that cannot be, it is an error.
    At(SocketAddr),
}

impl Listen {
    /// Where TCP is served if nothing is asked for.
    pub(crate) const DEFAULT: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7117);
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => Self::DEFAULT.fmt(f),
            Self::None => f.write_str("none"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        let address = text.parse().map_err(|_| {
            "write it like 127.0.0.1:7117, or `none` to serve the socket only".to_owned()
        })?;
        Ok(Self::At(address))
    }
}

/// Why HTTP cannot be served as asked.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken or not this machine's.
    #[error(
        "cannot listen on {address}: {source}; give another with --listen ADDR:PORT, or `none`"
    )]
    Tcp {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Others than this machine could listen in.
    #[error(
        "{address} is no loopback address, and without TLS others could read the tokens on their way: give --tls-cert and \
         --tls-key, put a proxy with TLS or an SSH tunnel before 127.0.0.1, or give --insecure-listen"
    )]
    Insecure {
        /// Which.
        address: SocketAddr,
    },
    /// The socket file cannot be made.
    #[error("cannot make the socket {}: {source}{}", .path.display(), long_path(.path))]
    Socket {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn long_path(path: &Path) -> &'static str {
    if path.as_os_str().len() >= 100 {
        "; the path of a socket holds at most 107 bytes: use a shorter --data-dir"
    } else {
        ""
    }
}

/// What is served on.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    /// The unix socket, the whole API, and its path.
    pub socket: Option<(UnixListener, PathBuf)>,
    /// TCP: the same, behind tokens.
    pub tcp: Option<TcpListener>,
    /// A sentence for people when the default port was taken.
    pub notice: Option<String>,
}

impl Listeners {
    /// Binds TCP as `listen` says; the socket is still to come. An address that others can reach is taken only if that is
    /// said to be wanted, or TLS guards it (`exposed`).
    ///
    /// # Errors
    /// When an address that was asked for cannot be had.
    pub(crate) async fn tcp(listen: Listen, exposed: bool) -> Result<Self, ListenError> {
        let mut listeners = Self::default();
        let address = match listen {
            Listen::None => return Ok(listeners),
            Listen::Default => Listen::DEFAULT,
            Listen::At(address) if !exposed && !address.ip().is_loopback() => {
                return Err(ListenError::Insecure { address });
            }
            Listen::At(address) => address,
        };
        match TcpListener::bind(address).await {
            Ok(tcp) => listeners.tcp = Some(tcp),
            Err(source) if listen == Listen::Default => {
                listeners.notice = Some(format!(
                    "cannot listen on {address} ({source}): HTTP is served on the socket only"
                ));
            }
            Err(source) => return Err(ListenError::Tcp { address, source }),
        }
        Ok(listeners)
    }

    /// Adds the socket. Whoever calls this holds the lock of the data folder.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn with_socket(self, path: &Path) -> Result<Self, ListenError> {
        Ok(Self { socket: Some((bind_socket(path)?, path.to_owned())), ..self })
    }

    /// The address that TCP is served on, its port as it really is.
    #[must_use]
    pub(crate) fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|tcp| tcp.local_addr().ok())
    }
}

/// Makes the socket beside its place and moves it there, so that it never stands there with another mode than 0600.
pub(super) fn bind_socket(path: &Path) -> Result<UnixListener, ListenError> {
    let failed = |source| ListenError::Socket { path: path.to_owned(), source };
    let beside = path.with_extension("new");
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&beside).map_err(failed)?;
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)?;
    Ok(listener)
}
