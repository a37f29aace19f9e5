//! What is counted while the engine runs: executions, attempts, lateness, commits. Read by whoever tells Prometheus.
//!
//! Counts only what is committed, and from the events of the commit: each fact once. Knows no names of metrics.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::{Change, EventKind, Execution, ExecutionId, StateName, Trigger};

/// Bounds of a commit's duration, in milliseconds.
const COMMIT_BOUNDS: [u64; 9] = [1, 2, 5, 10, 25, 50, 100, 500, 2_500];
/// Bounds of lateness, in milliseconds.
const LATE_BOUNDS: [u64; 10] = [5, 10, 25, 50, 100, 500, 1_000, 10_000, 60_000, 600_000];
/// The states that are counted.
const FINAL: [StateName; 5] = [
    StateName::Succeeded,
    StateName::Failed,
    StateName::TimedOut,
    StateName::Cancelled,
    StateName::Skipped,
];

/// Counters since the start of the engine's process.
#[derive(Debug, Default)]
pub struct Metrics {
    ended: [AtomicU64; FINAL.len()],
    attempts: AtomicU64,
    lateness: Histogram<{ LATE_BOUNDS.len() }>,
    commits: Histogram<{ COMMIT_BOUNDS.len() }>,
}

/// How often durations fell under each bound.
#[derive(Debug)]
struct Histogram<const N: usize> {
    buckets: [AtomicU64; N],
    count: AtomicU64,
    microseconds: AtomicU64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            count: AtomicU64::new(0),
            microseconds: AtomicU64::new(0),
        }
    }
}

/// A histogram as it stands at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// An upper bound, and how many were not above it.
    pub buckets: Vec<(Duration, u64)>,
    /// How many there were.
    pub count: u64,
    /// All of them together.
    pub sum: Duration,
}

impl<const N: usize> Histogram<N> {
    fn note(&self, bounds: &[u64; N], took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(at) = bounds.iter().position(|bound| microseconds <= bound * 1_000) {
            self.buckets[at].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    fn spread(&self, bounds: &[u64; N]) -> Spread {
        let mut below = 0;
        let bucket = |(bound, bucket): (&u64, &AtomicU64)| {
            below += bucket.load(Ordering::Relaxed);
            (Duration::from_millis(*bound), below)
        };
        let buckets = bounds.iter().zip(&self.buckets).map(bucket).collect();
        Spread {
            buckets,
            // One that is noted this instant may be in a bucket already.
            count: self.count.load(Ordering::Relaxed).max(below),
            sum: Duration::from_micros(self.microseconds.load(Ordering::Relaxed)),
        }
    }
}

impl Metrics {
    /// These changes were committed, which took so long.
    pub(super) fn committed(&self, took: Duration, changes: &[Change]) {
        self.commits.note(&COMMIT_BOUNDS, took);
        let mut executions = None;
        for change in changes {
            let Change::Event(event) = change else { continue };
            match &event.kind {
                EventKind::ExecutionChanged { state, .. } => {
                    if let Some(at) = FINAL.iter().position(|known| known == state) {
                        self.ended[at].fetch_add(1, Ordering::Relaxed);
                    }
                }
                EventKind::AttemptStarted { execution_id, attempt, .. } => {
                    self.attempts.fetch_add(1, Ordering::Relaxed);
                    let started = executions.get_or_insert_with(|| by_id(changes));
                    let started = started.get(execution_id);
                    if let Some(late) = started.and_then(|one| lateness(one, *attempt)) {
                        self.lateness.note(&LATE_BOUNDS, late);
                    }
                }
                _ => {}
            }
        }
    }

    /// Executions that became final, by state.
    pub fn ended(&self) -> impl Iterator<Item = (StateName, u64)> {
        FINAL.into_iter().zip(&self.ended).map(|(state, n)| (state, n.load(Ordering::Relaxed)))
    }

    /// Attempts that a worker acknowledged as started.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Between a fire time of a schedule and the start of its first attempt.
    #[must_use]
    pub fn lateness(&self) -> Spread {
        self.lateness.spread(&LATE_BOUNDS)
    }

    /// How long commits took.
    #[must_use]
    pub fn commits(&self) -> Spread {
        self.commits.spread(&COMMIT_BOUNDS)
    }
}

/// The executions among the changes; of one that changed twice, as it was left.
fn by_id(changes: &[Change]) -> HashMap<ExecutionId, &Execution> {
    let mut found = HashMap::new();
    for change in changes {
        if let Change::Execution(execution) = change {
            found.insert(execution.id, &**execution);
        }
    }
    found
}

/// How long after its fire time a scheduled execution started; of no other is that anyone's fault.
fn lateness(execution: &Execution, attempt: u32) -> Option<Duration> {
    let is_first = attempt == 1 && execution.trigger == Trigger::Schedule;
    let started = execution.started_at.filter(|_| is_first)?;
    Some((started - execution.fire_time).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_each_duration_under_every_bound_that_is_not_below_it() {
        let metrics = Metrics::default();
        for milliseconds in [0, 1, 3, 3_000] {
            metrics.committed(Duration::from_millis(milliseconds), &[]);
        }
        let spread = metrics.commits();
        let below: Vec<u64> = spread.buckets.iter().map(|(_, below)| *below).collect();
        assert_eq!(below, [2, 2, 3, 3, 3, 3, 3, 3, 3]);
        assert_eq!((spread.count, spread.sum), (4, Duration::from_millis(3_004)));
    }
}
