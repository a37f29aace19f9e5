//! What SQLite says, in words for people: what failed, where, and what to do.

use super::StoreError;

const BUSY: u32 = 5;
const READ_ONLY: u32 = 8;
const IO_ERROR: u32 = 10;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANNOT_OPEN: u32 = 14;
const NOT_A_DATABASE: u32 = 26;

/// SQLite's own number of a failure, without what its upper bits add.
fn code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

/// Whether another program's lock was in the way.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    code(error) == Some(BUSY)
}

/// What SQLite said, without sqlx's frame around it.
fn said(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}

/// What to do about a failure.
fn remedy(error: &sqlx::Error) -> &'static str {
    match code(error) {
        Some(BUSY) => "another program holds it locked; end that program and try again",
        Some(READ_ONLY) => "it, or the folder it is in, cannot be written; check owner and rights",
        Some(IO_ERROR) => "the disk could not be read or written; check it",
        Some(CORRUPT) => "it is damaged; restore it from a backup, or move it away to begin anew",
        Some(FULL) => "the disk is full; make room and try again",
        Some(CANNOT_OPEN) => {
            "check that the folder exists, that this is a file, and who may read and write it"
        }
        Some(NOT_A_DATABASE) => {
            "it is no SQLite database; name another data folder, or move the file away"
        }
        _ => "see the log",
    }
}

/// A failure of a store that is open.
pub(super) fn failed(place: &str, doing: &'static str, error: &sqlx::Error) -> StoreError {
    let message = format!("{place}: {} ({})", remedy(error), said(error));
    match code(error) {
        Some(CORRUPT | NOT_A_DATABASE) => {
            let message = format!("{} ({})", remedy(error), said(error));
            StoreError::Corrupt { place: place.to_owned(), message }
        }
        _ => StoreError::Failed { doing, message },
    }
}

/// A failure to open it.
pub(super) fn cannot_open(place: &str, error: &sqlx::Error) -> StoreError {
    let message = format!("{} ({})", remedy(error), said(error));
    let may_pass = matches!(code(error), Some(BUSY | FULL | IO_ERROR));
    StoreError::Open { place: place.to_owned(), message, may_pass }
}

/// The columns (`table.column, …`) whose uniqueness a write would have broken.
pub(super) fn broken_key(error: &sqlx::Error) -> Option<&str> {
    let error = error.as_database_error().filter(|error| error.is_unique_violation())?;
    error.message().strip_prefix("UNIQUE constraint failed: ")
}
