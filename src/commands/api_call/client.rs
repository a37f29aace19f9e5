//! The HTTP client: TLS by rustls with ring, trusting the roots of the machine.
//!
//! Owns everything about TLS that a request needs. Knows nothing of requests.

use std::path::PathBuf;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use rustls::crypto::ring;

use crate::commands::blocking;
use crate::commands::command::CommandError;

/// Makes a client. A new one for every call: so roots that were replaced meanwhile count, and no
/// connection outlives its call.
pub(super) async fn build(scheme: &str, ca_file: Option<PathBuf>) -> Result<Client, CommandError> {
    let plain = scheme == "http";
    // Reading the roots is file work.
    blocking::run(move || {
        // Whoever installed a provider first, in this process or in an embedding program, wins.
        let _ = ring::default_provider().install_default();
        let extra = ca_file.map(read_certificates).transpose()?.unwrap_or_default();
        let builder = || {
            Client::builder()
                .user_agent(concat!("crontower/", env!("CARGO_PKG_VERSION")))
                // `redirects` follows them: what goes along depends on where they lead.
                .redirect(Policy::none())
                .referer(false)
        };
        match builder().tls_certs_merge(extra).build() {
            // A machine without any root certificate can still speak plain HTTP.
            Err(_) if plain => builder().tls_certs_only([]).build(),
            built => built,
        }
        .map_err(|fault| {
            let cause = std::error::Error::source(&fault).map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| fault.to_string());
            CommandError(format!(
                "TLS cannot be set up: {cause}; install the machine's CA certificates \
                 (`ca-certificates`) or name a file of them as `ca_file`"
            ))
        })
    })
    .await
}

fn read_certificates(path: PathBuf) -> Result<Vec<Certificate>, CommandError> {
    let wrong = |what: String| {
        CommandError(format!("`ca_file` {}: {what}; a PEM file is needed", path.display()))
    };
    let pem = std::fs::read(&path).map_err(|fault| wrong(fault.to_string()))?;
    let certificates =
        Certificate::from_pem_bundle(&pem).map_err(|fault| wrong(fault.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong("holds no certificate".to_owned()));
    }
    Ok(certificates)
}
