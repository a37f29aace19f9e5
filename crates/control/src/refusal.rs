//! How each refusal stands in HTTP: one table, which a new refusal does not compile without.

use crontower_model::Refusal;

/// What holds for all refusals of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The HTTP status.
    pub status: u16,
    /// The stable name: the last segment of a problem's `type`.
    pub name: &'static str,
    /// The kind in words.
    pub title: &'static str,
}

/// The kind of a refusal.
#[must_use]
pub const fn kind(refusal: &Refusal) -> Kind {
    let (status, name, title) = match refusal {
        Refusal::UnknownJob { .. } => (404, "unknown-job", "No such job"),
        Refusal::UnknownExecution { .. } => (404, "unknown-execution", "No such execution"),
        Refusal::AmbiguousExecution { .. } => {
            (400, "ambiguous-execution", "More than one execution")
        }
        Refusal::UnknownWorker { .. } => (404, "unknown-worker", "No such worker"),
        Refusal::AlreadyFinal { .. } => (409, "already-final", "Execution is over"),
        Refusal::StillLive { .. } => (409, "still-live", "Execution is not over"),
        Refusal::NotPaused { .. } => (409, "not-paused", "Job is not paused"),
        Refusal::JobExists { .. } => (409, "job-exists", "Job id is taken"),
        Refusal::UnknownVersion { .. } => (404, "unknown-version", "No such version"),
        Refusal::AnotherVersion { .. } => (412, "another-version", "Job has changed"),
        Refusal::FileLeftAlone { .. } => (409, "file-left-alone", "Jobs file left alone"),
        Refusal::NotPossible(_) => (409, "not-possible", "Not possible"),
        Refusal::Invalid(_) => (422, "invalid-jobs", "Invalid jobs"),
        Refusal::File(_) => (422, "invalid-file", "Invalid jobs file"),
        Refusal::Malformed(_) => (400, "bad-body", "Request body not understood"),
        Refusal::Forbidden { .. } => (403, "forbidden", "Not allowed"),
        Refusal::Store(_) => (503, "store-unavailable", "Store unavailable"),
        Refusal::Stopping => (503, "stopping", "Engine is stopping"),
        Refusal::Unreachable(_) => (502, "unreachable", "Engine not reachable"),
        Refusal::Other(_) => (502, "not-understood", "Answer not understood"),
    };
    Kind { status, name, title }
}
