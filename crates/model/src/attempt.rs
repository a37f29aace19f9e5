//! An attempt on its way: what a worker is given, and what it says of it.
//!
//! Owns the words that engine and workers share. How they travel is the link's.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    EnvValue, ExecutionId, JobCommand, JobId, Outcome, StateName, Trigger, WorkerId, text,
};

/// Names one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AttemptKey {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The number of the attempt, from 1; [`ON_FAILURE`] is the job's `on_failure`.
    pub attempt: u32,
}

/// All that a worker needs to carry out one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Which attempt.
    pub key: AttemptKey,
    /// The pool whose slot it takes.
    pub worker_id: WorkerId,
    /// The job.
    pub job_id: JobId,
    /// What to do.
    pub command: JobCommand,
    /// Arguments of the run: they reach a script as `$1 …`.
    #[serde(default)]
    pub args: Vec<String>,
    /// The job's environment, laid over the engine's.
    #[serde(default)]
    pub env: BTreeMap<String, EnvValue>,
    /// Where the command starts.
    #[serde(default)]
    pub working_dir: Option<String>,
    /// Bounds the attempt; the worker enforces it by itself.
    #[serde(default, with = "text::optional_duration")]
    pub timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL.
    #[serde(with = "text::duration")]
    pub kill_grace: Duration,
    /// Exit codes that count as success.
    pub success_exit_codes: Vec<i32>,
    /// Bytes of output kept.
    pub output_limit: u64,
    /// For CRONTOWER_FIRE_TIME.
    pub fire_time: DateTime<Utc>,
    /// For CRONTOWER_TRIGGER.
    pub trigger: Trigger,
    /// Whom the command runs as; `None` = whoever runs the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Of a job's `on_failure`: what it is told about. Its key has [`ON_FAILURE`] as its attempt, and it takes no slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// The number under which `on_failure` of an execution is carried out, beside its attempts from 1 on.
pub const ON_FAILURE: u32 = 0;

/// What `on_failure` is told about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The final state of the execution.
    pub state: StateName,
    /// Its last attempt, whose output's tail is told; 0 = it never ran.
    pub attempt: u32,
    /// Why it failed, for people.
    pub reason: String,
}

/// Why an attempt is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// Someone cancelled it: its outcome is `cancelled`.
    Cancel,
    /// The execution's deadline passed: its outcome is `timed_out`.
    Deadline,
}

/// What became of an attempt. Kept by the worker on disk until an engine has committed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Which.
    pub key: AttemptKey,
    /// When its main process (or built-in command) began; `None` if it never did.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: DateTime<Utc>,
    /// How.
    pub outcome: Outcome,
    /// Of a process that exited by itself.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// What went wrong, for people: one sentence.
    #[serde(default)]
    pub error: Option<String>,
    /// What a built-in command answered.
    #[serde(default)]
    pub result: Option<Value>,
    /// Bytes of output that were lost because the disk did not take them; what `output_limit` left out is not lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output_lost: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

/// An attempt that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Which.
    pub key: AttemptKey,
    /// The pool whose slot it takes.
    pub worker_id: WorkerId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Its process group; `None` of a built-in command without a process.
    pub pid: Option<u32>,
}

/// A process that SIGKILL did not end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StuckProcess {
    /// Its id.
    pub pid: u32,
    /// The user that it runs as: a name, or a number without one.
    pub owner: String,
    /// Whether the worker may not signal it (EPERM); else it hangs inside the kernel.
    pub is_refused: bool,
}
