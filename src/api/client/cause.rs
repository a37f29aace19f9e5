//! What lies beneath an error of the HTTP library: whose folder it is, and what is wrong with TLS.

use std::error::Error;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustls::{CertificateError, InvalidMessage};

use crate::model::passwd_entries;

/// What is wrong with TLS, where it can be said better than the library does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tls {
    /// The other side speaks something else.
    NotSpoken,
    /// The certificate is for these hosts.
    WrongHost(Vec<String>),
    /// The certificate is not to be trusted for another reason.
    Untrusted,
}

/// The errors beneath `error`, those that an I/O error wraps, too.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| beneath(*error))
}

fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
}

pub(super) fn of_tls(error: &(dyn Error + 'static)) -> Option<Tls> {
    match chain(error).find_map(|error| error.downcast_ref::<rustls::Error>())? {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(Tls::NotSpoken),
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        }) => Some(Tls::WrongHost(presented.iter().map(|name| bare(name)).collect())),
        rustls::Error::InvalidCertificate(_) => Some(Tls::Untrusted),
        _ => None,
    }
}

/// `db1` of `DnsName("db1")`, as the verifier writes it.
fn bare(name: &str) -> String {
    let inside = name.split_once('(').map_or(name, |(_, inside)| inside);
    inside.trim_end_matches(')').trim_matches('"').to_owned()
}

/// Whether the system has refused access.
pub(super) fn is_refused_access(error: &(dyn Error + 'static)) -> bool {
    let mut errors = chain(error).filter_map(|error| error.downcast_ref::<io::Error>());
    errors.any(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Whether nobody listens there, or nobody can be reached.
pub(super) fn is_nobody(error: &(dyn Error + 'static)) -> bool {
    let mut errors = chain(error).filter_map(|error| error.downcast_ref::<io::Error>());
    errors.any(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
        )
    })
}

/// Whose a path is, or the nearest folder above it that can be seen.
pub(super) fn owner(path: &Path) -> String {
    let seen = path.ancestors().find_map(|path| path.symlink_metadata().ok());
    let Some(uid) = seen.map(|metadata| metadata.uid()) else { return "another user".to_owned() };
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd_entries(&users).find(|entry| entry.uid == uid);
    named.map_or_else(|| format!("the user {uid}"), |entry| entry.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_certificate_are_reported_bare() {
        assert_eq!(bare("DnsName(\"db1\")"), "db1");
        assert_eq!(bare("IpAddress(127.0.0.1)"), "127.0.0.1");
        assert_eq!(bare("db1"), "db1");
    }

    #[test]
    fn a_path_is_whose_the_nearest_folder_is() {
        let folder = tempfile::tempdir().unwrap();
        let uid = folder.path().metadata().unwrap().uid();
        let described = owner(&folder.path().join("not/there"));
        assert!(uid != 0 || described == "root", "{described}");
    }
}
