//! The list of workers: order, selection.
//!
//! Owns which worker stands where. The selection is a worker, not a row.

use std::cmp::{Ordering, Reverse};

use super::cursor::{Cursor, Move};
use super::world::World;
use crate::model::{Worker, WorkerId, WorkerState};

/// A column to sort by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum WorkerOrder {
    /// By id.
    #[default]
    Id,
    /// Those that are not there first.
    State,
    /// The fullest first.
    Load,
    /// Most attempts that did not end well first.
    Failed,
}

impl WorkerOrder {
    const ALL: [Self; 4] = [Self::Id, Self::State, Self::Load, Self::Failed];

    /// The column's title.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Id => "worker",
            Self::State => "state",
            Self::Load => "slots",
            Self::Failed => "not ok",
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
            Self::Failed => Reverse(a.failed).cmp(&Reverse(b.failed)),
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
