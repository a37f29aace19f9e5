//! The bounded waits of this room.
//!
//! Owns the only sleep. Each caller says why there is no event to await.

use std::future::pending;
use std::time::Duration;

use crate::clock::Clock;

/// No wait is longer in one piece: timers stand still while the machine is suspended, so whoever
/// waits for an instant looks at the clock that counts suspend at least this often.
const LONGEST: Duration = Duration::from_secs(10);

/// Returns after this long, or earlier; never for `None`. The caller looks at the clock and waits
/// again.
pub(super) async fn at_most(wait: Option<Duration>) {
    match wait {
        #[expect(clippy::disallowed_methods, reason = "bounded; callers say why no event tells")]
        Some(wait) => tokio::time::sleep(wait.min(LONGEST)).await,
        None => pending().await,
    }
}

/// How long until an instant of the clock that counts suspend.
pub(super) fn until(due: Option<Duration>) -> Option<Duration> {
    due.map(|due| due.saturating_sub(Clock.now().monotonic))
}
