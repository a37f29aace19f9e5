//! A standby's view of the lease: who leads, how the leader is reached, and when the lease is free.
//!
//! Owns one connection that only reads. A notice (NOTIFY) wakes it when a lease is given back; without any, for instance
//! behind a pooler that does not pass notices on, the row is read once a second.

use std::fmt;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;

use super::connect::{listener_pool, within_lease};
use super::failure::failed;
use super::url::Target;
use super::{Leader, Leading, Reach, StoreError, read};

/// How often the row is read where nothing is heard.
const POLL: Duration = Duration::from_secs(1);
/// The least time between two reads: notices of other schemas and clocks that disagree must not make it spin.
const LEAST: Duration = Duration::from_millis(20);

/// On which channel a leader says that it has given the lease back. The payload is the schema; all schemas of a database
/// share the channel, since the name of one may not be longer than 63 bytes.
const CHANNEL: &str = "crontower";

statements! {
    /// Says so.
    pub(super) const TELL: &str = "SELECT pg_notify('crontower', current_schema()::text)";
    /// Who leads, and for how long on the database's clock; a lease that was given back has ended at `-infinity`.
    const SEEN: &str = "SELECT host, pid, epoch, address, peer_secret, \
         greatest(0, extract(epoch FROM greatest(expires, clock_timestamp()) - clock_timestamp()))::float8 FROM leader";
}

/// See the module's first lines.
pub(crate) struct LeaderWatch {
    target: Target,
    pool: PgPool,
    /// `None` until it is connected, and after a failure.
    listener: Option<PgListener>,
    /// How long nothing need be read.
    quiet: Option<Duration>,
}

impl fmt::Debug for LeaderWatch {
    // What is connected with holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaderWatch").field("place", &self.target.place).finish_non_exhaustive()
    }
}

impl LeaderWatch {
    /// Watches the store that a URL names. Nothing is connected to before the first [`LeaderWatch::next`].
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub(crate) fn of(url: &str) -> Result<Self, StoreError> {
        let target = Target::read(url)?;
        Ok(Self { pool: listener_pool(&target), target, listener: None, quiet: None })
    }

    /// Waits until there may be something new, and says who leads then. The first call does not wait.
    ///
    /// # Errors
    /// When the server does not answer; the next call tries again, after [`POLL`].
    pub(crate) async fn next(&mut self) -> Result<Leading, StoreError> {
        if let Some(quiet) = self.quiet.replace(POLL) {
            pause(LEAST.min(quiet)).await;
            let left = quiet.saturating_sub(LEAST);
            match &mut self.listener {
                // Whether something was heard, or not, or the connection was lost: the row is read.
                Some(listener) => drop(tokio::time::timeout(left, listener.recv()).await),
                None => pause(left).await,
            }
        }
        let listener = self.listener.take();
        let looking = async {
            let mut listener = match listener {
                Some(listener) => listener,
                None => {
                    let mut listener = PgListener::connect_with(&self.pool).await?;
                    listener.listen(CHANNEL).await?;
                    listener
                }
            };
            let seen: Seen = sqlx::query_as(SEEN).fetch_one(&mut listener).await?;
            Ok((listener, seen))
        };
        let place = &self.target.place;
        let looked: sqlx::Result<(PgListener, Seen)> =
            within_lease(looking, place, "looking who leads").await?;
        let (listener, (host, pid, epoch, address, secret, left)) =
            looked.map_err(|error| failed(place, "looking who leads", &error))?;
        self.listener = Some(listener);
        let left = Duration::try_from_secs_f64(left).unwrap_or_default();
        // A lease that is free is tried for at once: whoever loses that race reads again when it matters.
        self.quiet = Some(if left.is_zero() { POLL } else { POLL.min(left + LEAST) });
        let address = Some(address).filter(|address| !address.is_empty());
        let leader = Leader { host, pid, epoch };
        Ok(Leading { leader, reach: Reach { address, secret }, is_free: left.is_zero() })
    }

    /// The value that the leader saved last under a key.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn meta(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let Some(listener) = &mut self.listener else { return Ok(None) };
        let place = &self.target.place;
        let reading = read::meta(listener, key);
        let read = within_lease(reading, place, "reading a setting").await?;
        read.map_err(|error| failed(place, "reading a setting", &error))
    }
}

/// Host, process, epoch, address, secret, and seconds that the lease has left.
type Seen = (String, i64, i64, String, String, f64);

/// A bounded wait for what is not heard of.
async fn pause(time: Duration) {
    // An error says that the time is over.
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}
