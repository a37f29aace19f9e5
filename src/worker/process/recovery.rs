//! What a dead worker process left behind, brought to an end.
//!
//! Owns the step from its journal to the ends that its successor reports. Never starts anything.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::driver::clock::Clock;
use crate::model::Outcome;
use crate::worker::journal::{ProcessMark, Starting, Told};
use crate::worker::processes::{Leftover, end_leftovers, own_group};
use crate::worker::protocol::{AttemptKey, Ended};

/// A successor says hello only when nothing of its predecessor is left, so it gives no more grace
/// than this.
const LONGEST_GRACE: Duration = Duration::from_secs(10);

/// Ends what is left of the attempts that the journal knows as unfinished, and answers all ends
/// that no engine has committed. Blocks its thread.
pub(super) fn recover(told: BTreeMap<AttemptKey, Told>, boot_id: &str) -> Vec<Ended> {
    let mut ends = Vec::new();
    let mut lost = Vec::new();
    let mut leftovers = Vec::new();
    for told in told.into_values() {
        match told {
            Told::Ended(ended) => ends.push(ended),
            Told::Unfinished { by, starting, group } => {
                leftovers.extend(leftover(&by, &starting, group, boot_id));
                lost.push((by.boot_id == boot_id, starting));
            }
        }
    }
    if !leftovers.is_empty() {
        tracing::warn!(count = leftovers.len(), "ending what a dead worker process left behind");
        end_leftovers(&leftovers, own_group());
    }
    let finished_at = Clock.now().wall;
    ends.extend(lost.into_iter().map(|(same_boot, starting)| Ended {
        key: starting.key,
        started_at: Some(starting.at),
        finished_at,
        outcome: Outcome::WorkerLost,
        exit_code: None,
        error: Some(reason(same_boot)),
        result: None,
    }));
    ends
}

fn reason(same_boot: bool) -> String {
    match same_boot {
        true => "its worker process died; what was left of it has been ended".to_owned(),
        false => "the machine went down while it ran".to_owned(),
    }
}

fn leftover(
    by: &ProcessMark,
    starting: &Starting,
    group: Option<(u32, u64)>,
    boot_id: &str,
) -> Option<Leftover> {
    if !starting.process || by.boot_id != boot_id {
        return None;
    }
    let begun = Duration::from_millis(starting.monotonic_ms);
    let known = group.map_or(Duration::MAX, |(_, at)| Duration::from_millis(at));
    Some(Leftover {
        key: starting.key,
        group: group.and_then(|(pid, _)| i32::try_from(pid).ok()),
        session: by.session,
        started: (begun, known),
        kill_grace: starting.kill_grace.min(LONGEST_GRACE),
    })
}
