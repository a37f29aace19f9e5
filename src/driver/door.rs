//! The one door, as a trait: everything that a screen, a program or the command line can ask of an engine. `Handle` answers it
//! inside the engine's process, the API client from any other.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::feed::Subscription;
use crate::jobfile::Plan;
use crate::model::{
    Event, Execution, ExecutionId, JobId, JobStatus, LedgerRange, Refusal, StateName, Why,
};
use crate::store::{ExecutionQuery, Page};
use crate::worker::output::OutputChunk;
use crate::worker::protocol::AttemptKey;

/// How a run by hand differs from a scheduled one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Reach a script as `$1 …`.
    pub args: Vec<String>,
    /// Pass `overlap`.
    pub force: bool,
    /// Why, for the record.
    pub reason: Option<String>,
}

/// Everything that can be asked of an engine.
#[async_trait]
pub trait Door: Send + Sync + std::fmt::Debug {
    /// A picture of now and all that follows.
    async fn subscribe(&self) -> Result<Subscription, Refusal>;
    /// Creates an execution at once. One that `overlap` refuses comes back in state `skipped`.
    async fn run_job(&self, job: &JobId, options: RunOptions) -> Result<Arc<Execution>, Refusal>;
    /// Ends a live execution. Comes back at once; the end follows when its processes are gone.
    async fn cancel(&self, execution: ExecutionId) -> Result<Arc<Execution>, Refusal>;
    /// Runs a final execution again, as a new one.
    async fn retry(&self, execution: ExecutionId) -> Result<Arc<Execution>, Refusal>;
    /// Stops the schedule of a job from firing.
    async fn pause(
        &self,
        job: &JobId,
        until: Option<DateTime<Utc>>,
        reason: Option<String>,
    ) -> Result<Arc<JobStatus>, Refusal>;
    /// Ends a pause.
    async fn resume(&self, job: &JobId) -> Result<Arc<JobStatus>, Refusal>;
    /// What a reload of jobs.yaml would change.
    async fn plan_reload(&self) -> Result<Plan, Refusal>;
    /// Reloads jobs.yaml: all or nothing.
    async fn reload(&self) -> Result<Plan, Refusal>;
    /// A job.
    async fn job(&self, job: &JobId) -> Result<Arc<JobStatus>, Refusal>;
    /// The next fire times of a job after `from`, oldest first.
    async fn next_fire_times(
        &self,
        job: &JobId,
        from: DateTime<Utc>,
        count: usize,
    ) -> Result<Vec<DateTime<Utc>>, Refusal>;
    /// A page of executions, newest first, live ones included.
    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<Arc<Execution>>, Refusal>;
    /// The execution whose id begins or ends with `part`.
    async fn execution(&self, part: &str) -> Result<Arc<Execution>, Refusal>;
    /// How many executions created at or after `since` are in each state.
    async fn counts(&self, since: DateTime<Utc>) -> Result<Vec<(StateName, u64)>, Refusal>;
    /// The newest events, newest first.
    async fn newest_events(&self, limit: u32) -> Result<Vec<Event>, Refusal>;
    /// Events after `seq`, oldest first.
    async fn events_after(&self, seq: u64, limit: u32) -> Result<Vec<Event>, Refusal>;
    /// The ledger's ranges of a job, newest first.
    async fn ledger(&self, job: &JobId, limit: u32) -> Result<Vec<LedgerRange>, Refusal>;
    /// Why a job does or does not run at an instant.
    async fn why_job(&self, job: &JobId, at: DateTime<Utc>) -> Result<Why, Refusal>;
    /// Why an execution stands where it does.
    async fn why_execution(&self, execution: ExecutionId) -> Result<Why, Refusal>;
    /// Output of an attempt from byte `from` of its stream on, at most about `max_bytes`.
    async fn output(
        &self,
        key: AttemptKey,
        from: u64,
        max_bytes: u64,
    ) -> Result<OutputChunk, Refusal>;
}
