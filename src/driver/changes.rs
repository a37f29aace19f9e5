//! What a commit saves: each thing once, and what of it goes to the log.
//!
//! Owns no state beyond one commit.

use std::collections::HashMap;

use crate::model::{Change, EventKind, ExecutionId, Health, JobId, Outcome};

/// The changes of one commit: of a thing that changed more than once, only the last state.
#[derive(Default)]
pub(super) struct Coalesced {
    changes: Vec<Option<Change>>,
    places: HashMap<Subject, usize>,
}

#[derive(PartialEq, Eq, Hash)]
enum Subject {
    Execution(ExecutionId),
    Job(JobId),
}

impl Coalesced {
    pub(super) fn add(&mut self, change: Change) {
        let subject = match &change {
            Change::Execution(execution) => Some(Subject::Execution(execution.id)),
            Change::Job(record) => Some(Subject::Job(record.definition.id.clone())),
            Change::JobRemoved { record, .. } => Some(Subject::Job(record.definition.id.clone())),
            _ => None,
        };
        if let Some(subject) = subject
            && let Some(earlier) = self.places.insert(subject, self.changes.len())
            && let Some(earlier) = self.changes.get_mut(earlier)
        {
            *earlier = None;
        }
        self.changes.push(Some(change));
    }

    pub(super) fn into_changes(self) -> Vec<Change> {
        self.changes.into_iter().flatten().collect()
    }
}

/// What the log tells of what is kept: all that nobody asked for and somebody should know, and what people did.
pub(super) fn log(change: &Change) {
    let Change::Event(event) = change else { return };
    match &event.kind {
        EventKind::ExecutionChanged { state, .. } if state.is_failure() => {
            tracing::warn!("{}", event.kind.sentence());
        }
        EventKind::WorkerChanged { .. }
        | EventKind::AttemptAbandoned { .. }
        | EventKind::ClockStepped { .. }
        | EventKind::HealthChanged { health: Health::Degraded { .. } | Health::Down { .. } } => {
            tracing::warn!("{}", event.kind.sentence());
        }
        EventKind::OnFailureEnded { outcome, .. } if *outcome != Outcome::Succeeded => {
            tracing::warn!("{}", event.kind.sentence());
        }
        EventKind::ExecutionChanged { .. }
        | EventKind::AttemptStarted { .. }
        | EventKind::OnFailureEnded { .. }
        | EventKind::JobAdded { .. }
        | EventKind::JobChanged { .. }
        | EventKind::JobRemoved { .. } => {
            tracing::debug!(by = %event.actor, "{}", event.kind.sentence());
        }
        _ => tracing::info!(by = %event.actor, "{}", event.kind.sentence()),
    }
}
