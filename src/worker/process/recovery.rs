//! What a dead worker process left behind, brought to an end.
//!
//! Owns the step from its journal to the ends that its successor reports. What still runs is ended in parallel to
//! all other work, and reported as lost only when nothing of it is left, so that no retry runs beside it. Never starts anything.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::clock::{self, Clock};
use crate::model::{AttemptKey, Ended, Outcome, Running};
use crate::worker::journal::{Journal, ProcessMark, Replayed, Starting};
use crate::worker::processes::{Leftover, LeftoverNews, Process, end_leftovers, own_group};
use crate::worker::protocol::FromWorker;
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
    tracing::warn!(
        count = orphans.len(),
        "ending what a worker process left behind that is dead or out of reach"
    );
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

/// What becomes of the processes of attempts that were given up.
#[derive(Debug)]
pub(crate) enum GroupNews {
    /// Nothing of this attempt is left.
    Gone(AttemptKey),
    /// What its worker process would say of it.
    Says(FromWorker),
}

/// Ends what is left of attempts whose worker process is out of reach (stopped, or dead and not startable), as its journal
/// has them. `news` hears of each key when nothing of it is left, or of the processes that do not end. Blocks its thread.
pub(in crate::worker) fn end_given_up(
    data_dir: &Path,
    keys: &[AttemptKey],
    mut news: impl FnMut(GroupNews),
) {
    let replayed = Journal::replay(data_dir).unwrap_or_else(|error| {
        tracing::error!(%error, "worker.journal cannot be read: what is left of attempts that were given up is not ended");
        BTreeMap::new()
    });
    let named: BTreeMap<_, _> =
        replayed.into_iter().filter(|(key, _)| keys.contains(key)).collect();
    let ended = |key| match named.get(key) {
        Some(Replayed::Ended(ended)) => Some(Box::new(ended.clone())),
        Some(Replayed::Unfinished { .. }) | None => None,
    };
    let mut known: BTreeMap<AttemptKey, _> = keys.iter().map(|key| (*key, ended(key))).collect();
    let recovered = Recovered::of(named, &clock::boot_id());
    for orphan in &recovered.orphans {
        known.remove(&orphan.starting.key);
    }
    for (key, ended) in known {
        // One that had ended by itself is not lost.
        news(ended.map_or(GroupNews::Gone(key), |ended| GroupNews::Says(FromWorker::Ended(ended))));
    }
    end(recovered.orphans, |report| match report {
        Report::Ended(ended) => news(GroupNews::Gone(ended.key)),
        Report::CannotStop { key, since, reason, processes } => {
            news(GroupNews::Says(FromWorker::CannotStop { key, since, reason, processes }));
        }
        Report::Started(_) => {}
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
