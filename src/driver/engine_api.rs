//! The one door, as a trait: everything that a screen, a program or the command line can ask of an engine. `Handle` answers it
//! inside the engine's process, the API client from any other.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::feed::Subscription;
use crate::jobfile::Plan;
use crate::model::OutputChunk;
use crate::model::{
    AttemptKey, Event, Execution, ExecutionId, ExecutionQuery, Health, JobId, JobStatus,
    JobVersion, LedgerRange, Page, Refusal, Settings, Source, StateName, Why, Worker, WorkerId,
};

/// How a run by hand differs from a scheduled one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Reach a script as `$1 …`.
    pub args: Vec<String>,
    /// Pass `overlap`.
    pub force: bool,
    /// Run those of its dependencies that are not fresh first.
    pub with_dependencies: bool,
    /// Why, for the record.
    pub reason: Option<String>,
}

/// What is noted about a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// In words.
    pub text: Option<String>,
    /// When the note ends by itself; `None` = with the next success.
    pub until: Option<DateTime<Utc>>,
}

/// A definition as a program or a person gives it: the keys of jobs.yaml.
pub(crate) type Definition = serde_json::Map<String, serde_json::Value>;

/// How a definition is to change.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEdit {
    /// A new job.
    Create {
        /// What it says.
        definition: Definition,
        /// Where it is to live.
        source: Source,
    },
    /// It says this from now on, and no more.
    Replace(Definition),
    /// These keys change; one that is `null` goes (RFC 7396).
    Patch(Definition),
    /// It says again what it said in this version.
    RollBack(u32),
    /// It goes; its history stays.
    Delete,
}

/// What holds for an edit as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EditOptions {
    /// Say what would happen, and do nothing.
    pub dry_run: bool,
    /// Refuse unless the job has this version.
    pub if_version: Option<u32>,
}

/// What an edit changed, or would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The job as it is now; `None` when it went, and when nothing was done.
    pub job: Option<Arc<JobStatus>>,
    /// The difference between the definitions.
    pub plan: Plan,
    /// Of a job of jobs.yaml: the difference in the file, as a unified diff.
    pub diff: Option<String>,
}

/// What a schedule means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// In plain English.
    pub in_words: String,
    /// The cron expression that says the same, where there is one.
    pub cron: Option<String>,
    /// The zone that it is read in.
    pub timezone: String,
    /// What is legal but likely wrong.
    pub warnings: Vec<String>,
    /// The next fire times.
    pub fire_times: Vec<DateTime<Utc>>,
}

/// Everything that can be asked of an engine.
#[async_trait]
pub trait EngineApi: Send + Sync + std::fmt::Debug {
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
    /// Calls off the next fire time of a job, and only that; or, with `undo`, lets it fire after all.
    async fn skip_next(&self, job: &JobId, undo: bool) -> Result<Arc<JobStatus>, Refusal>;
    /// Notes that a failure was seen. `None` takes the note back.
    async fn acknowledge(
        &self,
        execution: ExecutionId,
        note: Option<Note>,
    ) -> Result<Arc<JobStatus>, Refusal>;
    /// Notes that whatever is wrong with a job was seen. `None` takes the note back.
    async fn acknowledge_job(
        &self,
        job: &JobId,
        note: Option<Note>,
    ) -> Result<Arc<JobStatus>, Refusal>;
    /// How the engine is; nothing else is asked of it.
    async fn health(&self) -> Result<Health, Refusal>;
    /// Changes a definition where it lives: in jobs.yaml (comments survive), or in the store.
    async fn edit_job(
        &self,
        job: &JobId,
        edit: JobEdit,
        options: EditOptions,
    ) -> Result<Edited, Refusal>;
    /// The versions of a definition, newest first: the newest of all, or those before a version. At most 1,000 at a time.
    async fn versions(
        &self,
        job: &JobId,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobVersion>, Refusal>;
    /// A worker takes no more attempts, or takes them again.
    async fn drain(
        &self,
        worker: &WorkerId,
        drain: bool,
        reason: Option<String>,
    ) -> Result<Worker, Refusal>;
    /// How many attempts a worker runs at once from now on; `None` = as jobs.yaml says.
    async fn set_capacity(
        &self,
        worker: &WorkerId,
        capacity: Option<u32>,
    ) -> Result<Worker, Refusal>;
    /// What a schedule means in a zone (`None` = the file's), as far as its texts tell.
    async fn preview(
        &self,
        schedule: &str,
        timezone: Option<&str>,
        count: usize,
    ) -> Result<Preview, Refusal>;
    /// What holds for the whole engine: the top of jobs.yaml as it is in force.
    async fn settings(&self) -> Result<Settings, Refusal>;
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
    /// The ledger's ranges of a job, newest first: the newest of all, or those that began before an instant. At most 1,000
    /// at a time.
    async fn ledger(
        &self,
        job: &JobId,
        before: Option<DateTime<Utc>>,
        limit: u32,
    ) -> Result<Vec<LedgerRange>, Refusal>;
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
