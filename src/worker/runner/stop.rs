//! How an attempt is asked to end, and how that decides its outcome.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::verdict::Verdict;
use crate::model::{Outcome, StopCause, text};

/// Why an attempt is ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::worker) enum Cause {
    /// Someone asked for it.
    Asked(StopCause),
    /// It ran longer than this.
    Timeout(Duration),
    /// The worker process was asked to stop.
    ProcessEnds,
    /// The process that it ran in ends.
    Interrupted,
}

impl Cause {
    pub(in crate::worker) fn outcome(self) -> Outcome {
        match self {
            Self::Asked(StopCause::Cancel) | Self::ProcessEnds => Outcome::Cancelled,
            Self::Asked(StopCause::Deadline) | Self::Timeout(_) => Outcome::TimedOut,
            Self::Interrupted => Outcome::Interrupted,
        }
    }

    pub(in crate::worker) fn reason(self) -> String {
        match self {
            Self::Asked(StopCause::Cancel) => "cancelled".to_owned(),
            Self::Asked(StopCause::Deadline) => "the execution's deadline passed".to_owned(),
            Self::Timeout(timeout) => {
                format!("ran longer than its timeout of {}", text::format_duration(timeout))
            }
            Self::ProcessEnds => "the worker process was asked to stop".to_owned(),
            Self::Interrupted => "the process that it ran in ends".to_owned(),
        }
    }

    /// The end of an attempt that never began.
    pub(in crate::worker) fn before_start(self) -> Verdict {
        let error = format!("{} before it was started", self.reason());
        Verdict { outcome: self.outcome(), exit_code: None, error: Some(error), result: None }
    }
}

/// Ends one attempt. The first cause counts.
#[derive(Debug, Clone, Default)]
pub(in crate::worker) struct Stop {
    cause: Arc<OnceLock<Cause>>,
    token: CancellationToken,
    abandoned: CancellationToken,
}

impl Stop {
    /// The attempt is over even if processes of it live on.
    pub(in crate::worker) fn abandon(&self) {
        self.abandoned.cancel();
    }

    /// Set when the attempt was given up.
    pub(super) fn abandoned(&self) -> &CancellationToken {
        &self.abandoned
    }

    /// Asks the attempt to end.
    pub(in crate::worker) fn set(&self, cause: Cause) {
        // Set already: the first cause counts.
        _ = self.cause.set(cause);
        self.token.cancel();
    }

    /// Why it is to end, if it is.
    pub(in crate::worker) fn cause(&self) -> Option<Cause> {
        self.cause.get().copied()
    }

    /// Set when it is to end.
    pub(in crate::worker) fn token(&self) -> &CancellationToken {
        &self.token
    }
}
