//! What of the history is asked for, and a page of the answer.

use chrono::{DateTime, Utc};

use super::{ExecutionId, JobId, StateName, Trigger, WorkerId};

/// Which executions are asked for; newest first (by id).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExecutionQuery {
    /// Of this job only.
    pub job: Option<JobId>,
    /// In one of these states; empty = any.
    pub states: Vec<StateName>,
    /// With this trigger only.
    pub trigger: Option<Trigger>,
    /// Whose newest attempt was on this worker.
    pub worker: Option<WorkerId>,
    /// Created at or after it. (Ids tell the time of creation to within a day: both bounds rest on
    /// it.)
    pub since: Option<DateTime<Utc>>,
    /// Created before it.
    pub until: Option<DateTime<Utc>>,
    /// Whose job id or reason contains each of these (case is ignored; the first 32 words and the
    /// first 1,000 characters of a reason are looked at)…
    pub words: Vec<String>,
    /// …and none of these.
    pub without: Vec<String>,
    /// Continue below (older than) this one.
    pub before: Option<ExecutionId>,
    /// Continue above (newer than) this one; the page then holds the ones nearest to it, still
    /// newest first.
    pub after: Option<ExecutionId>,
    /// At most so many (1 to 1,000; others are brought into that range).
    pub limit: u32,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether more follow in the direction asked for.
    pub more: bool,
}
