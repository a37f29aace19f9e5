//! The list of workers: order, selection.
//!
//! Owns which worker stands where. The selection is a worker, not a row.

use std::cmp::{Ordering, Reverse};

use super::world::World;
use crate::model::{Worker, WorkerId, WorkerState};
use crate::tui::cursor::{Cursor, Move};

/// A column to sort by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum WorkerOrder {
    /// Those that are not there first.
    State,
    /// By id.
    #[default]
    Id,
    /// The fullest first.
    Load,
    /// Those that were not heard of for longest first.
    Heartbeat,
    /// By host.
    Host,
    /// Most succeeded attempts first.
    Succeeded,
    /// Most failed attempts first.
    Failed,
    /// By labels.
    Labels,
    /// The oldest version first.
    Version,
}

impl WorkerOrder {
    /// As the columns stand.
    const ALL: [Self; 9] = [
        Self::State,
        Self::Id,
        Self::Load,
        Self::Heartbeat,
        Self::Host,
        Self::Succeeded,
        Self::Failed,
        Self::Labels,
        Self::Version,
    ];

    /// The column's title.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Id => "worker",
            Self::Load => "slots",
            Self::Heartbeat => "heartbeat",
            Self::Host => "host",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Labels => "labels",
            Self::Version => "version",
        }
    }

    fn compare(self, a: &Worker, b: &Worker) -> Ordering {
        match self {
            Self::Id => Ordering::Equal, // They come in the order of ids.
            Self::State => rank(a.state).cmp(&rank(b.state)),
            Self::Load => {
                // a/b against c/d without division: a·d against c·b.
                let part = |it: &Worker, other: &Worker| {
                    it.running.len() as u128 * u128::from(other.capacity.max(1))
                };
                part(b, a).cmp(&part(a, b))
            }
            Self::Heartbeat => a.last_heartbeat.cmp(&b.last_heartbeat),
            Self::Host => a.host.cmp(&b.host),
            Self::Succeeded => Reverse(a.succeeded).cmp(&Reverse(b.succeeded)),
            Self::Failed => Reverse(a.failed).cmp(&Reverse(b.failed)),
            Self::Labels => (a.labels.is_empty(), &a.labels).cmp(&(b.labels.is_empty(), &b.labels)),
            Self::Version => a.version.cmp(&b.version),
        }
    }
}

const fn rank(state: WorkerState) -> u8 {
    match state {
        WorkerState::Offline => 0,
        WorkerState::Suspect => 1,
        WorkerState::Draining => 2,
        WorkerState::Online => 3,
    }
}

/// The list of workers.
#[derive(Debug, Default)]
pub(crate) struct WorkerList {
    /// The order.
    pub(crate) order: WorkerOrder,
    /// Whether it is reversed.
    pub(crate) reversed: bool,
    /// Selection and window.
    pub(crate) cursor: Cursor,
    rows: Vec<WorkerId>,
    selected: Option<WorkerId>,
}

impl WorkerList {
    /// The workers in their order.
    pub(crate) fn rows(&self) -> &[WorkerId] {
        &self.rows
    }

    /// The selected worker.
    pub(crate) const fn selected(&self) -> Option<&WorkerId> {
        self.selected.as_ref()
    }

    /// Sorts by the next column.
    pub(crate) fn next_order(&mut self) {
        let at = WorkerOrder::ALL.iter().position(|order| *order == self.order).unwrap_or(0);
        self.order = WorkerOrder::ALL[(at + 1) % WorkerOrder::ALL.len()];
    }

    pub(crate) fn go(&mut self, step: Move, height: usize) {
        self.cursor.go(step, self.rows.len(), height);
        self.selected = self.rows.get(self.cursor.at).cloned();
    }

    /// Orders what there is, and keeps selection and window inside. Workers are few: it is done
    /// before each frame that shows them.
    pub(crate) fn settle(&mut self, world: &World, height: usize) {
        let mut workers: Vec<&Worker> = world.workers().collect();
        workers.sort_by(|a, b| self.order.compare(a, b));
        if self.reversed {
            workers.reverse();
        }
        self.rows = workers.into_iter().map(|worker| worker.id.clone()).collect();
        if let Some(at) = self.rows.iter().position(|id| Some(id) == self.selected.as_ref()) {
            self.cursor.at = at;
        }
        self.cursor.settle(self.rows.len(), height);
        self.selected = self.rows.get(self.cursor.at).cloned();
    }
}
