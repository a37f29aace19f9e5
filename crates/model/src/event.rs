//! Events: numbered facts that the engine published.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ExecutionId, Health, JobId, Outcome, Reason, StateName, WorkerId, text};

/// Who did something: `engine`, or a person or program with the way it came (`root@socket`, `screen`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Actor(String);

impl Actor {
    /// The engine itself.
    #[must_use]
    pub fn engine() -> Self {
        Self("engine".to_owned())
    }

    /// A person or program; control characters are dropped and the length is bounded.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.chars().filter(|c| !c.is_control()).take(100).collect())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How loudly an event is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The ordinary course.
    Info,
    /// Someone may want to know.
    Warning,
    /// Someone should look.
    Error,
}

/// A fact that the engine published, numbered by `seq` without a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Event {
    /// From 1, one more with each event.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who caused it.
    pub actor: Actor,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// An execution changed its state.
    ExecutionChanged {
        /// Which.
        execution_id: ExecutionId,
        /// Of which job.
        job_id: JobId,
        /// Into which state.
        state: StateName,
        /// The number of its newest attempt; 0 before the first.
        attempt: u32,
        /// Why.
        #[serde(flatten)]
        reason: Reason,
    },
    /// A worker has acknowledged that an attempt is running.
    AttemptStarted {
        /// Of which execution.
        execution_id: ExecutionId,
        /// Of which job.
        job_id: JobId,
        /// Its number.
        attempt: u32,
    },
    /// An attempt is being stopped: its processes are told to end.
    AttemptStopping {
        /// Of which execution.
        execution_id: ExecutionId,
        /// Of which job.
        job_id: JobId,
        /// Its number.
        attempt: u32,
        /// Why.
        #[serde(flatten)]
        reason: Reason,
    },
    /// A job came.
    JobAdded {
        /// Which.
        job_id: JobId,
        /// Its version.
        version: u32,
    },
    /// A definition changed.
    JobChanged {
        /// Which.
        job_id: JobId,
        /// The new version.
        version: u32,
        /// The keys that changed.
        changed: Vec<String>,
    },
    /// A job went; its history stays.
    JobRemoved {
        /// Which.
        job_id: JobId,
    },
    /// An operator paused a job.
    JobPaused {
        /// Which.
        job_id: JobId,
        /// Until when.
        until: Option<DateTime<Utc>>,
        /// Why.
        reason: Option<String>,
    },
    /// A pause ended.
    JobResumed {
        /// Which.
        job_id: JobId,
        /// Why: asked for, or its time was over.
        reason: String,
    },
    /// Fire times passed that did not become executions.
    FireTimesPassed {
        /// Of which job.
        job_id: JobId,
        /// The first.
        first: DateTime<Utc>,
        /// The last.
        last: DateTime<Utc>,
        /// How many.
        count: u64,
        /// Why.
        reason: String,
    },
    /// An operator called off a single fire time.
    FireTimeCalledOff {
        /// Of which job.
        job_id: JobId,
        /// Which.
        fire_time: DateTime<Utc>,
    },
    /// A fire time that was called off fires after all, or is none any more.
    FireTimeRestored {
        /// Of which job.
        job_id: JobId,
        /// Which.
        fire_time: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// Someone has seen what is wrong with a job.
    FailureAcknowledged {
        /// Which job.
        job_id: JobId,
        /// The failed or skipped execution that was looked at, where it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        execution_id: Option<ExecutionId>,
        /// What they noted.
        note: Option<String>,
        /// When the note ends by itself.
        until: Option<DateTime<Utc>>,
    },
    /// What was acknowledged of a job no longer is.
    AcknowledgementEnded {
        /// Which job.
        job_id: JobId,
        /// The execution that it was about, where it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        execution_id: Option<ExecutionId>,
        /// Why: a success, its time, something else that is wrong, or someone took it back.
        reason: String,
    },
    /// `on_failure` of an execution is over. Its own failure leads to nothing more.
    OnFailureEnded {
        /// The failed execution.
        execution_id: ExecutionId,
        /// Of which job.
        job_id: JobId,
        /// How it ended.
        outcome: Outcome,
        /// What went wrong with it, for people.
        error: Option<String>,
    },
    /// A worker changed its state.
    WorkerChanged {
        /// Which.
        worker_id: WorkerId,
        /// What happened to it, in words.
        reason: String,
    },
    /// The health of the engine changed.
    HealthChanged {
        /// How it is from now on.
        #[serde(flatten)]
        health: Health,
    },
    /// A set of jobs was loaded.
    Reloaded {
        /// How many jobs came.
        added: usize,
        /// How many changed.
        changed: usize,
        /// How many went.
        removed: usize,
    },
    /// The engine started.
    EngineStarted {
        /// Version of the program.
        version: String,
    },
    /// An attempt whose processes do not end was given up: they are left to themselves.
    AttemptAbandoned {
        /// Of which execution.
        execution_id: ExecutionId,
        /// Of which job.
        job_id: JobId,
        /// Its number.
        attempt: u32,
        /// The processes, as far as they are known.
        pids: Vec<u32>,
    },
    /// The wall clock was set: by more than ten seconds against the clock that counts since boot.
    ClockStepped {
        /// How far, in whole seconds; below 0 = back.
        seconds: i64,
    },
    /// The engine was asked to end.
    EngineStopping {
        /// By what.
        reason: String,
    },
}

impl EventKind {
    /// How loudly it is told.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::ExecutionChanged { state, .. } if state.is_failure() => Severity::Error,
            Self::OnFailureEnded { outcome, .. } if !matches!(outcome, Outcome::Succeeded) => {
                Severity::Error
            }
            Self::HealthChanged { health: Health::Degraded { .. } | Health::Down { .. } } => {
                Severity::Error
            }
            Self::FireTimesPassed { .. }
            | Self::WorkerChanged { .. }
            | Self::AttemptAbandoned { .. }
            | Self::ClockStepped { .. } => Severity::Warning,
            _ => Severity::Info,
        }
    }

    /// The job it is about.
    #[must_use]
    pub const fn job_id(&self) -> Option<&JobId> {
        match self {
            Self::ExecutionChanged { job_id, .. }
            | Self::AttemptStarted { job_id, .. }
            | Self::AttemptStopping { job_id, .. }
            | Self::AttemptAbandoned { job_id, .. }
            | Self::JobAdded { job_id, .. }
            | Self::JobChanged { job_id, .. }
            | Self::JobRemoved { job_id }
            | Self::JobPaused { job_id, .. }
            | Self::JobResumed { job_id, .. }
            | Self::FireTimeCalledOff { job_id, .. }
            | Self::FireTimeRestored { job_id, .. }
            | Self::FailureAcknowledged { job_id, .. }
            | Self::AcknowledgementEnded { job_id, .. }
            | Self::OnFailureEnded { job_id, .. }
            | Self::FireTimesPassed { job_id, .. } => Some(job_id),
            _ => None,
        }
    }

    /// The fact as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::ExecutionChanged { execution_id, job_id, state, reason, .. } => {
                let more = reason.beyond(*state);
                format!("{job_id} {} {state}{more}", execution_id.short())
            }
            Self::AttemptStarted { execution_id, job_id, attempt } => {
                format!("{job_id} {} attempt {attempt} has started", execution_id.short())
            }
            Self::AttemptStopping { execution_id, job_id, attempt, reason } => {
                format!("{job_id} {} attempt {attempt} is stopping: {reason}", execution_id.short())
            }
            Self::JobAdded { job_id, .. } => format!("job {job_id} added"),
            Self::JobChanged { job_id, version, changed } => {
                format!("job {job_id} changed to version {version}: {}", changed.join(", "))
            }
            Self::JobRemoved { job_id } => format!("job {job_id} removed"),
            Self::JobPaused { job_id, until, reason } => {
                format!(
                    "job {job_id} paused{}{}",
                    reported_until(*until),
                    describe(reason.as_ref())
                )
            }
            Self::JobResumed { job_id, reason } => format!("job {job_id} resumed: {reason}"),
            Self::FireTimeCalledOff { job_id, fire_time } => {
                format!("{job_id}: the fire time {} is called off", fire_time.to_rfc3339())
            }
            Self::FireTimeRestored { job_id, fire_time, reason } => {
                let at = fire_time.to_rfc3339();
                format!("{job_id}: the fire time {at} is no longer called off: {reason}")
            }
            Self::FailureAcknowledged { job_id, execution_id, note, until } => {
                let (until, note) = (reported_until(*until), describe(note.as_ref()));
                let id = execution_id.map_or_else(String::new, |id| format!(" {}", id.short()));
                format!("{job_id}{id} acknowledged{until}{note}")
            }
            Self::AcknowledgementEnded { job_id, execution_id, reason } => {
                let id = execution_id.map_or_else(String::new, |id| format!(" {}", id.short()));
                format!("{job_id}{id} no longer acknowledged: {reason}")
            }
            Self::OnFailureEnded { execution_id, job_id, outcome, error } => {
                let (id, outcome) = (execution_id.short(), outcome.as_str().replace('_', " "));
                format!("{job_id} {id} on_failure {outcome}{}", describe(error.as_ref()))
            }
            Self::FireTimesPassed { job_id, first, last, count, reason } => {
                format!("{job_id}: {} {reason}", fire_times(*first, *last, *count))
            }
            Self::WorkerChanged { worker_id, reason } => format!("worker {worker_id} {reason}"),
            Self::HealthChanged { health } => health.to_string(),
            Self::Reloaded { added, changed, removed } => {
                format!("jobs loaded: {added} added, {changed} changed, {removed} removed")
            }
            Self::EngineStarted { version } => format!("engine {version} started"),
            Self::AttemptAbandoned { execution_id, job_id, attempt, pids } => {
                let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
                let (id, pids) = (execution_id.short(), pids.join(", "));
                format!(
                    "{job_id} {id} attempt {attempt} given up, its processes left running: {pids}"
                )
            }
            Self::ClockStepped { seconds } => clock_stepped(*seconds),
            Self::EngineStopping { reason } => format!("engine stopping: {reason}"),
        }
    }
}

fn clock_stepped(seconds: i64) -> String {
    let way = if seconds < 0 { "back" } else { "forward" };
    let by = std::time::Duration::from_secs(seconds.unsigned_abs());
    format!("the clock was set {way} by {}", text::format_duration(by))
}

fn fire_times(first: DateTime<Utc>, last: DateTime<Utc>, count: u64) -> String {
    let (first, last) = (first.to_rfc3339(), last.to_rfc3339());
    match count {
        1 => format!("1 fire time at {first}"),
        count => format!("{count} fire times from {first} to {last}"),
    }
}

fn describe(reason: Option<&String>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

fn reported_until(until: Option<DateTime<Utc>>) -> String {
    until.map_or_else(String::new, |until| format!(" until {}", until.to_rfc3339()))
}
