//! The one place that reads the clocks of the machine.
//!
//! Owns both clocks and the boot they belong to. Everything else is told the time by whoever calls
//! it.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use rustix::time::{ClockId, clock_gettime};

use crate::model::Now;

/// Reads the clocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock;

impl Clock {
    /// Both clocks, read now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others are told by")]
    pub fn now(&self) -> Now {
        let boot = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(boot.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(boot.tv_nsec).unwrap_or_default();
        Now {
            wall: DateTime::<Utc>::from(SystemTime::now()),
            monotonic: Duration::new(seconds, nanos),
        }
    }
}

/// Names the machine's current boot: the monotonic clock, process ids and start times mean
/// something within it only. Empty where the kernel does not tell.
#[must_use]
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_does_not_go_back_and_counts_from_the_boot() {
        let first = Clock.now();
        let second = Clock.now();
        assert!(second.monotonic >= first.monotonic);
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        assert!((uptime - second.monotonic.as_secs_f64()).abs() < 5.0);
    }

    #[test]
    fn a_boot_has_a_name() {
        assert_eq!(boot_id().len(), 36);
        assert_eq!(boot_id(), boot_id());
    }
}
