//! Who leads: taking the lease, taking the own epoch again, renewing it, giving it back.
//!
//! A leader is whoever's epoch and token stand in the `epoch` row. The lease in the `leader` row says when another may
//! take over; both are on the database's clock. Nothing here decides what a leader does.
//!
//! Every statement that locks both rows locks `leader` before `epoch`: two that disagreed would be deadlocked.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::connect::{Session, connect};
use super::failure::{failed, is_locked};
use super::url::Target;
use super::{Leader, Reach, StoreError, watch};

/// How long a lease holds after its last renewal.
pub(super) const LEASE: Duration = Duration::from_secs(3);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(1);
/// How long one renewal, or giving the lease back, may take on this side.
const ANSWER: Duration = Duration::from_secs(2);
/// How often a take-over waits for a commit that is in the way; each wait is half a second.
const TRIES: u32 = 8;

statements! {
    /// The first half of a take-over. No row: somebody leads.
    pub(super) const TAKE_OVER: &str = "WITH free AS (SELECT 1 FROM leader WHERE expires < clock_timestamp() FOR UPDATE SKIP LOCKED) \
         UPDATE epoch SET epoch = epoch.epoch + 1, token = gen_random_uuid(), backend_pid = pg_backend_pid(), \
         backend_start = (SELECT a.backend_start FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid()) \
         WHERE EXISTS (SELECT 1 FROM free) RETURNING epoch, token";
    /// The same where the epoch is the own one: it waits for an own commit whose fate is unknown, so what is loaded then
    /// is definite. No row: deposed.
    const TAKE_AGAIN: &str = "WITH own AS (SELECT 1 FROM leader WHERE leader.epoch = $1 FOR UPDATE) \
         UPDATE epoch SET epoch = epoch.epoch + 1, token = gen_random_uuid(), backend_pid = pg_backend_pid(), \
         backend_start = (SELECT a.backend_start FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid()) \
         WHERE epoch.epoch = $1 AND token = $2 AND EXISTS (SELECT 1 FROM own) RETURNING epoch, token";
    /// The second half of both.
    const LEAD: &str = "UPDATE leader SET epoch = $1, expires = clock_timestamp() + $2, host = $3, pid = $4, version = $5, \
         address = $6, peer_secret = $7";
    /// Ends the session that may hold the fence, if it is still the one that took it.
    const END_HOLDER: &str = "SELECT pg_terminate_backend(a.pid) FROM epoch AS e JOIN pg_stat_activity AS a \
         ON a.pid = e.backend_pid AND a.backend_start = e.backend_start";
    const WHO: &str = "SELECT host, pid, epoch FROM leader";
    /// No row: deposed.
    const RENEW: &str = "UPDATE leader SET expires = clock_timestamp() + $2 WHERE epoch = $1 RETURNING 1";
    const GIVE_BACK: &str = "UPDATE leader SET expires = '-infinity' WHERE epoch = $1";
    /// The fence. No row: deposed. Without the lock it would be none: a take-over would not wait for this commit.
    pub(super) const FENCE: &str = "SELECT 1 FROM epoch WHERE epoch = $1 AND token = $2 FOR SHARE";
}

/// What every commit of a leader has to show. The number alone is not enough: after a failover that lost data it repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    pub(super) epoch: i64,
    pub(super) token: Uuid,
}

impl Fence {
    /// Locks the epoch for the rest of the transaction. False where it is over.
    pub(super) async fn holds(self, connection: &mut PgConnection) -> sqlx::Result<bool> {
        let row = sqlx::query(FENCE).bind(self.epoch).bind(self.token).fetch_optional(connection);
        Ok(row.await?.is_some())
    }
}

/// Takes the lease: the own epoch again where there was one, else where it is free.
///
/// # Errors
/// [`StoreError::Led`] where another leads.
pub(super) async fn take(
    connection: &mut PgConnection,
    own: Option<Fence>,
    reach: &Reach,
    place: &str,
) -> Result<Fence, StoreError> {
    let broken = |error| failed(place, "taking the lease", &error);
    if let Some(own) = own
        && let Some(fence) = take_patiently(connection, Some(own), reach).await.map_err(broken)?
    {
        return Ok(fence);
    }
    match take_patiently(connection, None, reach).await.map_err(broken)? {
        Some(fence) => Ok(fence),
        None => {
            let who = sqlx::query_as(WHO).fetch_one(connection).await;
            let (host, pid, epoch): (String, i64, i64) = who.map_err(broken)?;
            Err(StoreError::Led { place: place.to_owned(), leader: Leader { host, pid, epoch } })
        }
    }
}

/// A leader that stopped in the middle of a commit holds the fence: its session is ended.
async fn take_patiently(
    connection: &mut PgConnection,
    own: Option<Fence>,
    reach: &Reach,
) -> sqlx::Result<Option<Fence>> {
    let mut tries = 0;
    loop {
        tries += 1;
        match take_once(connection, own, reach).await {
            Err(error) if is_locked(&error) && tries < TRIES => {
                // Where this may not be done, the server ends an idle session of a leader by itself, after 2 s.
                if let Err(error) = sqlx::query(END_HOLDER).execute(&mut *connection).await {
                    tracing::warn!(%error, "the session that holds up a take-over cannot be ended");
                }
            }
            taken => return taken,
        }
    }
}

async fn take_once(
    connection: &mut PgConnection,
    own: Option<Fence>,
    reach: &Reach,
) -> sqlx::Result<Option<Fence>> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql("SET LOCAL lock_timeout = '500ms'").execute(&mut *transaction).await?;
    let taken = match own {
        Some(own) => sqlx::query_as(TAKE_AGAIN).bind(own.epoch).bind(own.token),
        None => sqlx::query_as(TAKE_OVER),
    };
    let taken: Option<(i64, Uuid)> = taken.fetch_optional(&mut *transaction).await?;
    let Some((epoch, token)) = taken else {
        transaction.rollback().await?;
        return Ok(None);
    };
    sqlx::query(LEAD)
        .bind(epoch)
        .bind(LEASE)
        .bind(rustix::system::uname().nodename().to_string_lossy().into_owned())
        .bind(i64::from(std::process::id()))
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(reach.address.as_deref().unwrap_or_default())
        .bind(&reach.secret)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Some(Fence { epoch, token }))
}

/// The renewal of a lease, on a thread and a connection of its own: neither load nor a slow commit holds it up.
#[derive(Debug)]
pub(super) struct Renewal {
    stop: CancellationToken,
    epoch: Arc<AtomicI64>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    thread: Option<JoinHandle<()>>,
}

impl Renewal {
    /// Begins to renew the lease of an epoch. `lost` is set when another has taken it over.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn begin(
        target: Target,
        fence: Fence,
        lost: CancellationToken,
    ) -> std::io::Result<Self> {
        let stop = CancellationToken::new();
        let epoch = Arc::new(AtomicI64::new(fence.epoch));
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stopped, current) = (stop.clone(), Arc::clone(&epoch));
        let thread = std::thread::Builder::new().name("lease".to_owned()).spawn(move || {
            runtime.block_on(renew_until(&stopped, &lost, &current, &target));
            // Whoever waited may have gone.
            let _ = end.send(());
        })?;
        Ok(Self { stop, epoch, ended: Mutex::new(Some(ended)), thread: Some(thread) })
    }

    /// The epoch was taken again: it has another number.
    pub(super) fn follow(&self, fence: Fence) {
        self.epoch.store(fence.epoch, Ordering::Release);
    }

    /// Gives the lease back, so that another may take it at once, and waits until that is done.
    pub(super) async fn end(&self) {
        self.stop.cancel();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended {
            // An error says that the thread is gone already.
            let _ = ended.await;
        }
    }
}

impl Drop for Renewal {
    /// Gives the lease back where nobody did: whoever starts next need not wait for its end. That takes no longer than
    /// a server needs to answer, and never longer than [`ANSWER`].
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic there is reported by the thread itself.
            let _ = thread.join();
        }
    }
}

async fn renew_until(
    stop: &CancellationToken,
    lost: &CancellationToken,
    epoch: &AtomicI64,
    target: &Target,
) {
    let mut ticks = tokio::time::interval(RENEWAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut connection = None;
    let mut trouble = false;
    let mut over = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        let current = epoch.load(Ordering::Acquire);
        let renewed = tokio::select! {
            () = stop.cancelled() => break,
            renewed = renew(&mut connection, current, target) => renewed,
        };
        // Once may mean that the epoch is being taken again.
        if matches!(renewed, Ok(false)) && over.replace(current) == Some(current) {
            lost.cancel();
        }
        if let Err(error) = &renewed {
            connection = None;
            if !trouble {
                tracing::warn!(%error, "the lease of the store cannot be renewed");
            }
        }
        trouble = renewed.is_err();
    }
    let epoch = epoch.load(Ordering::Acquire);
    let given_back = tokio::time::timeout(ANSWER, give_back(connection, epoch, target)).await;
    if !matches!(given_back, Ok(Ok(()))) {
        tracing::warn!("the lease of the store could not be given back: it ends by itself");
    }
}

/// A renewal. False where the epoch is over.
async fn renew(
    connection: &mut Option<PgConnection>,
    epoch: i64,
    target: &Target,
) -> Result<bool, StoreError> {
    let open = match connection {
        Some(open) => open,
        None => connection.insert(connect(target, Session::Lease).await?),
    };
    let renewal = sqlx::query(RENEW).bind(epoch).bind(LEASE).execute(open);
    match tokio::time::timeout(ANSWER, renewal).await {
        Ok(done) => {
            let done = done.map(|done| done.rows_affected() > 0);
            done.map_err(|error| failed(&target.place, "renewing the lease", &error))
        }
        Err(_) => Err(super::failure::timed_out(&target.place, "renewing the lease", ANSWER)),
    }
}

async fn give_back(
    connection: Option<PgConnection>,
    epoch: i64,
    target: &Target,
) -> Result<(), StoreError> {
    let broken = |error| failed(&target.place, "giving the lease back", &error);
    let mut connection = match connection {
        Some(open) => open,
        None => connect(target, Session::Lease).await?,
    };
    sqlx::query(GIVE_BACK).bind(epoch).execute(&mut connection).await.map_err(broken)?;
    // A standby takes over at once, not at its next look.
    sqlx::query(watch::TELL).execute(&mut connection).await.map_err(broken)?;
    connection.close().await.map_err(broken)
}
