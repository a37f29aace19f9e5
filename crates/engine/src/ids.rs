//! Execution ids: UUIDv7 that only grow, made from the time and a seed that come in as arguments.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crontower_model::ExecutionId;
use crontower_schedule::mix;

/// Makes ids. Each is greater than all before, even if the wall clock is set back.
#[derive(Debug, Clone)]
pub(super) struct IdSource {
    seed: u64,
    made: u64,
    /// Milliseconds and place within them of the newest id.
    last: (u64, u16),
}

impl IdSource {
    /// Ids in one millisecond before the next one is borrowed (12 bits).
    const PER_MILLISECOND: u16 = 1 << 12;

    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, made: 0, last: (0, 0) }
    }

    /// No id made from now on is smaller than `id`.
    pub(super) fn stay_above(&mut self, id: ExecutionId) {
        let milliseconds = (id.uuid().as_u128() >> 80) as u64;
        if milliseconds >= self.last.0 {
            self.last = (milliseconds + 1, 0);
        }
    }

    pub(super) fn next(&mut self, now: DateTime<Utc>) -> ExecutionId {
        let milliseconds = u64::try_from(now.timestamp_millis()).unwrap_or(0) & ((1 << 48) - 1);
        self.last = match self.last {
            (last, _) if milliseconds > last => (milliseconds, 0),
            (last, place) if place + 1 < Self::PER_MILLISECOND => (last, place + 1),
            (last, _) => (last + 1, 0),
        };
        self.made += 1;
        let random = mix(self.seed ^ mix(self.made)) >> 2;
        let bits = (u128::from(self.last.0) << 80)
            | (0x7 << 76)
            | (u128::from(self.last.1) << 64)
            | (0b10 << 62)
            | u128::from(random);
        ExecutionId::from_uuid(Uuid::from_u128(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_does_not() {
        let mut ids = IdSource::new(7);
        let instant = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut last = ids.next(instant);
        for step in 0..10_000i64 {
            let next = ids.next(instant - chrono::TimeDelta::milliseconds(step % 3));
            assert!(next > last);
            last = next;
        }
        assert_eq!(last.uuid().get_version_num(), 7);
    }

    #[test]
    fn ids_stay_above_those_of_an_engine_before() {
        let instant = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let before = IdSource::new(1).next(instant);
        let mut ids = IdSource::new(2);
        ids.stay_above(before);
        assert!(ids.next(instant - chrono::TimeDelta::days(1)) > before);
    }
}
