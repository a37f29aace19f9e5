//! Connections: how each kind of session is set up, how long anything may take, and which servers are refused.
//!
//! Owns the limits of time. A limit of the server's alone is not enough: a server that hangs, or one behind a cut wire,
//! says nothing, so every wait has an end on this side, too.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

use super::StoreError;
use super::failure::{cannot_open, timed_out};
use super::url::Target;

/// The oldest PostgreSQL that is taken, as `server_version_num` has it.
const OLDEST: i32 = 140_000;
/// Connections for reading, opened when first needed.
const READERS: u32 = 4;
/// How long a connection may take to come up.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long a commit may take on this side; the server gives each of its statements less.
const COMMIT: Duration = Duration::from_secs(60);
/// How long finding something may take on this side.
const READ: Duration = Duration::from_secs(60);

statements! {
    /// What a server has to be: new enough, no standby, able to hold any text.
    const SERVER: &str = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
         pg_is_in_recovery(), current_setting('server_encoding')";
    /// Of the writer's session: plans that are kept must not have been made for tables that were still small.
    const ALONG_INDEXES: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Session {
    /// Commits. One that stops in the middle holds the fence: the server ends it after 2 s.
    Writer,
    /// Finding; loading may take longer than anything else.
    Reader,
    /// The lease: whatever takes longer is as bad as a failure.
    Lease,
    /// Changes of the schema: they must not hold up others behind a lock that they wait for.
    Migration,
}

impl Session {
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Writer => &[
                ("idle_in_transaction_session_timeout", "2s"),
                ("lock_timeout", "2s"),
                ("statement_timeout", "30s"),
            ],
            Self::Reader => &[
                ("idle_in_transaction_session_timeout", "30s"),
                ("lock_timeout", "5s"),
                ("statement_timeout", "30s"),
                ("default_transaction_read_only", "on"),
                // What is asked for differs too much for one plan.
                ("plan_cache_mode", "force_custom_plan"),
            ],
            Self::Lease => &[
                ("idle_in_transaction_session_timeout", "2s"),
                ("lock_timeout", "500ms"),
                ("statement_timeout", "1s"),
            ],
            Self::Migration => &[
                ("idle_in_transaction_session_timeout", "30s"),
                ("lock_timeout", "500ms"),
                ("statement_timeout", "10min"),
            ],
        }
    }

    fn options(self, target: &Target) -> PgConnectOptions {
        let common = [
            ("search_path", target.schema.as_str()),
            // A peer that is gone without a word is noticed within seconds.
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "1"),
            ("tcp_keepalives_count", "3"),
            ("client_connection_check_interval", "2s"),
        ];
        let options = target.options.clone().disable_statement_logging();
        let options = match target.options.get_application_name() {
            Some(_) => options,
            None => options.application_name("crontower"),
        };
        options.options(common).options(self.settings().iter().copied())
    }
}

/// A connection of its own.
pub(super) async fn connect(target: &Target, session: Session) -> Result<PgConnection, StoreError> {
    let options = session.options(target);
    let connected = tokio::time::timeout(CONNECTING, PgConnection::connect_with(&options)).await;
    let connected = connected.map_err(|_| StoreError::Open {
        place: target.place.clone(),
        message: format!(
            "the server does not answer within {} s; check host and port",
            CONNECTING.as_secs()
        ),
        may_pass: true,
    })?;
    let mut connection = connected.map_err(|error| cannot_open(&target.place, &error))?;
    check_server(&mut connection, &target.place).await?;
    if session == Session::Writer {
        let set = sqlx::raw_sql(ALONG_INDEXES).execute(&mut connection).await;
        set.map_err(|error| cannot_open(&target.place, &error))?;
    }
    Ok(connection)
}

/// The connections that read.
pub(super) fn readers(target: &Target) -> PgPool {
    PgPoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(CONNECTING * 2)
        .connect_lazy_with(Session::Reader.options(target))
}

/// The one connection of a standby, which hears of a lease that is given back.
pub(super) fn listener_pool(target: &Target) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECTING)
        .connect_lazy_with(Session::Lease.options(target))
}

/// What is read beside the lease, or a failure after a while.
pub(super) async fn within_lease<T>(
    work: impl Future<Output = T>,
    place: &str,
    doing: &'static str,
) -> Result<T, StoreError> {
    let done = tokio::time::timeout(CONNECTING, work).await;
    done.map_err(|_| timed_out(place, doing, CONNECTING))
}

/// A commit, or its failure after a while: what became of it is unknown then.
pub(super) async fn within_commit<T>(
    work: impl Future<Output = Result<T, StoreError>>,
    place: &str,
) -> Result<T, StoreError> {
    let done = tokio::time::timeout(COMMIT, work).await;
    done.unwrap_or_else(|_| Err(timed_out(place, "a commit", COMMIT)))
}

/// Something found, or a failure after a while.
pub(super) async fn within_read<T>(
    work: impl Future<Output = Result<T, StoreError>>,
    place: &str,
    doing: &'static str,
) -> Result<T, StoreError> {
    let done = tokio::time::timeout(READ, work).await;
    done.unwrap_or_else(|_| Err(timed_out(place, doing, READ)))
}

async fn check_server(connection: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let facts = sqlx::query_as(SERVER).fetch_one(connection).await;
    let facts: (i32, String, bool, String) = facts.map_err(|error| cannot_open(place, &error))?;
    refuse_server(&facts).map_or(Ok(()), |(message, may_pass)| {
        Err(StoreError::Open { place: place.to_owned(), message, may_pass })
    })
}

/// Why a server cannot be used, and whether that may pass.
fn refuse_server(
    (number, version, standby, encoding): &(i32, String, bool, String),
) -> Option<(String, bool)> {
    if *number < OLDEST {
        let message = format!("the server is PostgreSQL {version}: 14 or newer is needed");
        return Some((message, false));
    }
    if *standby {
        let message = "the server is a standby and takes no commits: name the primary".to_owned();
        return Some((message, true));
    }
    let message = format!("the database's encoding is {encoding}: create one with ENCODING 'UTF8'");
    (encoding != "UTF8").then_some((message, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_old_read_only_or_knows_not_all_texts_is_refused_by_name() {
        let refusal = |number, version: &str, standby, encoding: &str| {
            refuse_server(&(number, version.to_owned(), standby, encoding.to_owned()))
        };
        assert_eq!(refusal(140_000, "14.0", false, "UTF8"), None);
        assert_eq!(refusal(180_001, "18.1", false, "UTF8"), None);
        let (old, may_pass) = refusal(130_022, "13.22 (Debian)", false, "UTF8").unwrap();
        assert_eq!(old, "the server is PostgreSQL 13.22 (Debian): 14 or newer is needed");
        assert!(!may_pass);
        assert!(refusal(150_000, "15.0", true, "UTF8").is_some_and(|(_, may_pass)| may_pass));
        assert!(
            refusal(150_000, "15.0", false, "SQL_ASCII")
                .is_some_and(|(it, _)| it.contains("SQL_ASCII"))
        );
    }
}
