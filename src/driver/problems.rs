//! What keeps the engine from being well: one sentence a cause, for screen, status and probes.
//!
//! Owns the list. Never decides what follows from it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is not as it should be, in the order in which problems are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// The store holds rows that cannot be read.
    Unreadable,
    /// The clock went back, and jobs wait until it is where it was.
    Clock,
    /// The jobs file was refused, and the definitions in the store are in force.
    JobsFile,
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct Problems {
    by_cause: Mutex<BTreeMap<Cause, String>>,
}

impl Problems {
    /// Notes a problem in place of what was noted for its cause before. Whether it is news.
    pub(super) fn note(&self, cause: Cause, sentence: String) -> bool {
        self.lock().insert(cause, sentence.clone()).as_ref() != Some(&sentence)
    }

    /// Takes a problem off the list.
    pub(super) fn clear(&self, cause: Cause) {
        self.lock().remove(&cause);
    }

    /// All of them.
    pub(super) fn list(&self) -> Vec<String> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Cause, String>> {
        // Each change is a single one: a panic leaves nothing half done.
        self.by_cause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_has_one_sentence() {
        let problems = Problems::default();
        assert!(problems.note(Cause::Unreadable, "one row".to_owned()));
        assert!(!problems.note(Cause::Unreadable, "one row".to_owned()));
        assert!(problems.note(Cause::Unreadable, "two rows".to_owned()));
        assert!(problems.note(Cause::JobsFile, "removed".to_owned()));
        assert_eq!(problems.list(), ["two rows", "removed"]);
        problems.clear(Cause::Unreadable);
        assert_eq!(problems.list(), ["removed"]);
    }
}
