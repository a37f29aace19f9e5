//! What PostgreSQL says, in words for people: what failed, where, and what to do.
//!
//! Never repeats what a server says in DETAIL: it may hold what is kept.

use std::time::Duration;

use super::StoreError;

/// What the server calls a failure (SQLSTATE).
fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// What was said, without sqlx's frame around it.
fn said(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}

/// Whether it was the encryption that failed; a certificate may be another's.
fn is_tls(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>()),
        _ => false,
    }
}

/// What to do about a failure.
fn remedy(error: &sqlx::Error) -> &'static str {
    match code(error).as_deref() {
        Some("28P01" | "28000") => {
            "check user and password: in the URL, in PGPASSWORD, or in the file that PGPASSFILE names, and pg_hba.conf"
        }
        Some("3D000") => "there is no such database; create it",
        Some("42501") => {
            "the user may not do that; grant it CREATE on the database, or the schema with all in it"
        }
        Some("53100") => "the server's disk is full; make room there",
        Some("53300") => {
            "the server has no connection left; raise max_connections or stop other programs"
        }
        Some("57P01" | "57P02" | "57P03") => "the server stops or starts",
        Some("55P03" | "57014") => "another session is in the way, or the server is too slow",
        Some("25006") => "the server is read-only; name the primary",
        Some(code) if code.starts_with("XX") => {
            "the server finds its own files damaged; see its log"
        }
        Some(_) => "see the server's log",
        None => match error {
            _ if is_tls(error) => "check sslmode and sslrootcert, and the server's certificate",
            sqlx::Error::PoolTimedOut => "the server does not answer, or all connections are busy",
            _ => "check that the server runs and can be reached",
        },
    }
}

/// A failure of a store that is open.
pub(super) fn failed(place: &str, doing: &'static str, error: &sqlx::Error) -> StoreError {
    if code(error).is_some_and(|code| code.starts_with("XX")) {
        let message = format!("{} ({})", remedy(error), said(error));
        return StoreError::Corrupt { place: place.to_owned(), message };
    }
    StoreError::Failed { doing, message: format!("{place}: {} ({})", remedy(error), said(error)) }
}

/// Something that took too long on this side of the wire.
pub(super) fn timed_out(place: &str, doing: &'static str, limit: Duration) -> StoreError {
    let message = format!(
        "{place}: no answer within {} s; check the server and the network between",
        limit.as_secs()
    );
    StoreError::Failed { doing, message }
}

/// A failure to open it.
pub(super) fn cannot_open(place: &str, error: &sqlx::Error) -> StoreError {
    // A server that is down, full or busy may come back; one that knows no such user or database will not.
    let may_pass = match code(error) {
        Some(code) => ["08", "53", "55", "57", "25"].iter().any(|class| code.starts_with(class)),
        None => matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) && !is_tls(error),
    };
    let message = format!("{} ({})", remedy(error), said(error));
    StoreError::Open { place: place.to_owned(), message, may_pass }
}

/// The primary key that a write would have broken, by its table.
pub(super) fn broken_key(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error().filter(|error| error.is_unique_violation())?;
    error.table().map(str::to_owned)
}

/// Whether a statement failed, not its session or the server.
pub(super) fn is_about_a_statement(error: &sqlx::Error) -> bool {
    code(error)
        .is_some_and(|code| code == "57014" || !["57", "08", "XX", "58"].contains(&&code[..2]))
}

/// Whether another session's lock was in the way for too long.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some("55P03")
}
