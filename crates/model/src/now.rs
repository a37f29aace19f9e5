//! An instant on both of the clocks that a scheduler needs.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// One reading of the two clocks, made by the driver only and handed down as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The wall clock: fire times, windows and display use it. It may jump either way.
    pub wall: DateTime<Utc>,
    /// Time since boot, suspend included (CLOCK_BOOTTIME): time-outs, delays, leases and ageing use it. It never jumps back.
    pub monotonic: Duration,
}

impl Now {
    /// The wall instant at which the monotonic clock will show `due`, if the wall clock is not set until then.
    #[must_use]
    pub fn wall_at(&self, due: Duration) -> DateTime<Utc> {
        let offset = if due >= self.monotonic {
            chrono::TimeDelta::from_std(due - self.monotonic)
        } else {
            chrono::TimeDelta::from_std(self.monotonic - due).map(|past| -past)
        };
        offset
            .ok()
            .and_then(|offset| self.wall.checked_add_signed(offset))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The monotonic instant that stands for the wall instant `at`: how stored instants are re-anchored at load.
    #[must_use]
    pub fn monotonic_at(&self, at: DateTime<Utc>) -> Duration {
        match (at - self.wall).to_std() {
            Ok(ahead) => self.monotonic.saturating_add(ahead),
            Err(_) => self.monotonic.saturating_sub((self.wall - at).to_std().unwrap_or_default()),
        }
    }
}
