//! TLS for whoever comes over TCP: certificate and key out of PEM files, read at start and again when that is asked for.
//!
//! A file that is wrong changes nothing: what was read before goes on, and connections that stand are never touched.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Why TLS cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read as PEM.
    #[error("cannot read {}: {message}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Certificate and key do not fit each other, or are of a kind that is not taken.
    #[error("cannot use {} with {}: {source}", .cert.display(), .key.display())]
    Pair {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

/// Certificate and key, as they were read last. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    cert: PathBuf,
    key: PathBuf,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Tls {
    /// Reads both.
    ///
    /// # Errors
    /// When they cannot be read or used.
    pub(crate) fn load(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let current = Arc::new(RwLock::new(read(cert, key)?));
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), current })
    }

    /// Reads both again, for connections to come.
    ///
    /// # Errors
    /// When they cannot be read or used: those read before go on.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let fresh = read(&self.cert, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// For the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

fn read(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |path: &Path, message: String| TlsError::File { path: path.to_owned(), message };
    let text = |path: &Path| {
        std::fs::read(path).map_err(|error: io::Error| wrong(path, error.to_string()))
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text(cert)?).collect();
    let chain = chain.map_err(|error| wrong(cert, error.to_string()))?;
    if chain.is_empty() {
        let message = "it holds no certificate (-----BEGIN CERTIFICATE-----)";
        return Err(wrong(cert, message.to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&text(key)?)
        .map_err(|error| wrong(key, format!("it holds no private key: {error}")))?;
    let pair = |source| TlsError::Pair { cert: cert.to_owned(), key: key.to_owned(), source };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
