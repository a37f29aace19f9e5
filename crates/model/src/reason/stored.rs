//! What earlier versions stored where this one stores values. The only place that reads a sentence.

use super::{Reason, Stopping};
use crate::{Execution, ExecutionState};

/// Began the reason of an execution whose attempt was being stopped, when that was no value of its own.
const ENDING: &str = "ending: ";

impl Execution {
    /// The execution as this version would have stored it. Called on whatever is read from a store; nothing is written.
    #[must_use]
    pub fn from_stored(mut self) -> Self {
        let ExecutionState::Running { stopping: stopping @ None } = &mut self.state else {
            return self;
        };
        let Reason::Text(text) = &self.reason else { return self };
        let Some(why) = text.strip_prefix(ENDING) else { return self };
        *stopping =
            Some(Stopping { since: None, reason: Reason::Text(why.to_owned()), pids: Vec::new() });
        if let Some(last) = self.history.last() {
            self.reason = last.reason.clone();
        }
        self
    }
}
