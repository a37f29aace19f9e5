//! What a dead worker process left behind, brought to an end.
//!
//! Owns the step from its journal to the ends that its successor reports. What still runs is ended in parallel to
//! all other work, and reported as lost only when nothing of it is left, so that no retry runs beside it. Never starts anything.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Clock;
use crate::model::{AttemptKey, Ended, Outcome, Running};
use crate::worker::journal::{ProcessMark, Replayed, Starting};
use crate::worker::processes::{Leftover, LeftoverNews, Process, end_leftovers, own_group};
use crate::worker::runner::Report;
use crate::worker::stuck;

/// What a journal comes to.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// Ends that no engine has committed.
    pub(super) ended: Vec<Ended>,
    /// What still runs, as the journal has it.
    pub(super) unfinished: Vec<Replayed>,
    pub(super) orphans: Vec<Orphan>,
}

/// An attempt that still runs although its worker process is dead.
#[derive(Debug)]
pub(super) struct Orphan {
    starting: Starting,
    leftover: Leftover,
}

impl Recovered {
    /// Takes one look at what a predecessor's journal says.
    pub(super) fn of(replayed: BTreeMap<AttemptKey, Replayed>, boot_id: &str) -> Self {
        let mut recovered = Self::default();
        let all = if replayed.is_empty() { Vec::new() } else { Process::all() };
        for replayed in replayed.into_values() {
            let Replayed::Unfinished { by, starting, group } = &replayed else {
                let Replayed::Ended(ended) = replayed else { continue };
                recovered.ended.push(ended);
                continue;
            };
            let leftover = leftover(by, starting, *group, boot_id);
            match leftover.filter(|leftover| leftover.is_alive(&all)) {
                Some(leftover) => {
                    let starting = starting.clone();
                    recovered.orphans.push(Orphan { starting, leftover });
                    recovered.unfinished.push(replayed);
                }
                None => recovered.ended.push(lost(starting, by.boot_id == boot_id)),
            }
        }
        recovered
    }

    /// What still runs, as it is reported to an engine.
    pub(super) fn running(&self) -> Vec<Running> {
        let running = |orphan: &Orphan| Running {
            key: orphan.starting.key,
            worker_id: orphan.starting.worker_id.clone(),
            started_at: orphan.starting.at,
            pid: orphan.leftover.group.and_then(|group| u32::try_from(group).ok()),
        };
        self.orphans.iter().map(running).collect()
    }
}

/// Ends what still runs, and reports each attempt when nothing of it is left. Blocks its thread.
pub(super) fn end(orphans: Vec<Orphan>, mut report: impl FnMut(Report)) {
    if orphans.is_empty() {
        return;
    }
    tracing::warn!(count = orphans.len(), "ending what a dead worker process left behind");
    let (leftovers, starting): (Vec<_>, Vec<_>) =
        orphans.into_iter().map(|orphan| (orphan.leftover, orphan.starting)).unzip();
    let mut since = vec![None; starting.len()];
    end_leftovers(&leftovers, own_group(), |index, news| match news {
        LeftoverNews::Gone => report(Report::Ended(Box::new(lost(&starting[index], true)))),
        LeftoverNews::Stuck(processes) => {
            let (key, processes) = (starting[index].key, stuck::describe(processes));
            let reason = "its worker process died".to_owned();
            tracing::warn!(
                "cannot end what is left of an attempt: {}",
                crate::model::stuck(&processes)
            );
            let since = *since[index].get_or_insert_with(|| Clock.now().wall);
            report(Report::CannotStop { key, since, reason, processes });
        }
    });
}

fn lost(starting: &Starting, same_boot: bool) -> Ended {
    Ended {
        key: starting.key,
        started_at: Some(starting.at),
        finished_at: Clock.now().wall,
        outcome: Outcome::WorkerLost,
        exit_code: None,
        error: Some(reason(same_boot)),
        result: None,
        output_lost: 0,
    }
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
        kill_grace: starting.kill_grace,
    })
}
