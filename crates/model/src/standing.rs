//! Where a job stands: what is known about it at run time, beside its definition, and what became of its fire times.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::execution::Summary;
use super::{Actor, ExecutionId, Job, JobId, OverlapSkips, Wrong, WrongFact, WrongKind};

/// Where a definition lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In jobs.yaml.
    File,
    /// In the store, made by a program.
    Api,
}

/// An operator's halt of a schedule, kept over restarts and reloads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pause {
    /// When it was set.
    pub at: DateTime<Utc>,
    /// When it ends by itself; `None` = with `resume` only.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// By whom.
    pub by: Actor,
}

/// A single fire time that an operator has called off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SkipNext {
    /// Which.
    pub fire_time: DateTime<Utc>,
    /// When it was called off.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Actor,
}

/// Someone has seen what is wrong with a job. Ends with its next success, when it becomes wrong in another way, or by
/// time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Acknowledgement {
    /// The failed or skipped execution that was looked at, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// In which ways the job was wrong then.
    #[serde(default = "failure_only")]
    pub kinds: Vec<WrongKind>,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Actor,
    /// What they noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it ends by itself; `None` = with the next success only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// What was acknowledged before other ways of being wrong were known.
fn failure_only() -> Vec<WrongKind> {
    vec![WrongKind::Failure]
}

/// A version of a definition, and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobVersion {
    /// From 1.
    pub version: u32,
    /// When it came.
    pub at: DateTime<Utc>,
    /// Who brought it.
    pub by: Actor,
    /// What it says.
    pub definition: Arc<Job>,
}

/// Fire times that have an execution though they lie in the future: the clock was ahead when they fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiredSpan {
    /// The first of them.
    pub first: DateTime<Utc>,
    /// The last of them; the schedule names none in between that has no execution.
    pub last: DateTime<Utc>,
}

impl FiredSpan {
    /// Whether an instant lies in it.
    #[must_use]
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.first <= at && at <= self.last
    }
}

/// What the engine must know about a job after a restart, beside its definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobState {
    /// Every fire time up to this instant has its row in the ledger, or stands in `catching_up`.
    pub accounted_until: DateTime<Utc>,
    /// The newest instant that the schedule named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fire_time: Option<DateTime<Utc>>,
    /// The pause in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// The fire time that was called off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_next: Option<SkipNext>,
    /// Who knows that it is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// The newest of its executions that has ended, skipped ones aside; `None` = an earlier version did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_ended: Option<ExecutionId>,
    /// How that one failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<WrongFact>,
    /// The newest due fire time, if it was not carried out and should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_carried_out: Option<WrongFact>,
    /// Fire times that `overlap` skips in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_skips: Option<OverlapSkips>,
    /// The execution that ended last, skipped ones aside: what dependents look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ran: Option<Summary>,
    /// When `last_ran` ended, in the order of all ends and firings of chains.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub last_ran_order: u64,
    /// When a chain fired last, or was made.
    pub chain_fired_at: DateTime<Utc>,
    /// The same in the order of all ends and firings: ends up to it do not count for the next firing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub chain_fired_order: u64,
    /// Missed fire times that become executions one after the other, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catching_up: Vec<DateTime<Utc>>,
    /// The fire time before the first of them: results of dependencies after it are fresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caught_up_to: Option<DateTime<Utc>>,
    /// Fire times beyond `accounted_until` that are not to fire once more, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fired_ahead: Vec<FiredSpan>,
}

const fn is_zero(order: &u64) -> bool {
    *order == 0
}

impl JobState {
    /// The state of a job that was first seen at `now`.
    #[must_use]
    pub const fn new(now: DateTime<Utc>) -> Self {
        Self {
            accounted_until: now,
            last_fire_time: None,
            pause: None,
            skip_next: None,
            acknowledged: None,
            newest_ended: None,
            last_failure: None,
            not_carried_out: None,
            overlap_skips: None,
            last_ran: None,
            last_ran_order: 0,
            chain_fired_at: now,
            chain_fired_order: 0,
            catching_up: Vec::new(),
            caught_up_to: None,
            fired_ahead: Vec::new(),
        }
    }

    /// The newest end or firing of a chain that it knows of.
    #[must_use]
    pub fn newest_order(&self) -> u64 {
        self.last_ran_order.max(self.chain_fired_order)
    }
}

/// A job as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// The definition in force.
    pub definition: Arc<Job>,
    /// Where it lives.
    pub source: Source,
    /// Numbered from 1; each change of the definition makes one more.
    pub version: u32,
    /// What is known at run time.
    pub state: Arc<JobState>,
}

/// A job as others see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobStatus {
    /// The definition in force.
    #[serde(flatten)]
    pub definition: Arc<Job>,
    /// Where it lives.
    pub source: Source,
    /// Its version.
    pub version: u32,
    /// The next instant its schedule names, if it is enabled and not paused for good.
    pub next_fire_time: Option<DateTime<Utc>>,
    /// The pause in force.
    pub paused: Option<Pause>,
    /// The fire time that was called off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_next: Option<SkipNext>,
    /// What is wrong with it and nobody has acknowledged. Nothing is of a job that is paused or disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Wrong>,
    /// Who knows that it is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// Its schedule in plain English, zone included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_in_words: Option<String>,
    /// Live (not final) executions.
    pub live: u32,
    /// What a chain (a job without a schedule) still waits for, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<JobId>,
    /// The newest execution.
    pub last_execution: Option<Summary>,
    /// The newest executions, oldest first, at most 20.
    #[serde(default)]
    pub recent: Vec<Summary>,
}

impl JobStatus {
    /// Whether something is wrong with it, acknowledged or not.
    #[must_use]
    pub const fn is_wrong_or_acknowledged(&self) -> bool {
        self.wrong.is_some() || self.acknowledged.is_some()
    }
}

/// What became of a range of fire times that did not become executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LedgerFate {
    /// No engine ran at them, and `catch_up` did not ask for them.
    Missed,
    /// The job was paused.
    Paused,
    /// The job was disabled.
    Disabled,
    /// An operator called it off (`skip-next`).
    CalledOff,
    /// The clock was set back before them: they have no fate yet, and an earlier range that said so no longer holds.
    TakenBack,
}

/// A row of the ledger: consecutive fire times of a job that share one fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LedgerRange {
    /// The job.
    pub job_id: JobId,
    /// First fire time of the range.
    pub first: DateTime<Utc>,
    /// Last fire time of the range.
    pub last: DateTime<Utc>,
    /// How many fire times it holds.
    pub count: u64,
    /// Their fate.
    pub fate: LedgerFate,
    /// Why, for people.
    pub reason: String,
}
