//! `EngineApi`: everything that a screen, a program or the command line can ask of an engine. `Handle` answers it inside the
//! engine's process, the API client from any other.
//!
//! Owns the shape of reads. Verbs, which change something, are `control`'s and pass through one method, `call`.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::carried::{CarriedVerdicts, CarriedWork};
use super::feed::Subscription;
use crate::control::{
    Call, CreateJob, Definition, DeleteJob, EditedJob, Listed, PatchJob, ReplaceJob, RollBackJob,
    RunJob,
};
use crate::model::OutputChunk;
use crate::model::{
    AttemptKey, Event, Execution, ExecutionId, ExecutionQuery, Health, JobId, JobStatus,
    JobVersion, LedgerRange, Page, Refusal, Settings, Source, StateName, Why,
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

/// Has a verb answered by whoever answers all of them.
///
/// # Errors
/// Why it is refused.
pub async fn ask<C: Listed, A: EngineApi + ?Sized>(
    engine_api: &A,
    command: C,
) -> Result<C::Answer, Refusal> {
    // What a call that nobody answered has come to.
    let mut answer = Err(Refusal::Stopping);
    engine_api.call(command.call(&mut answer)).await;
    answer
}

/// Everything that can be asked of an engine.
#[async_trait]
pub trait EngineApi: Send + Sync + std::fmt::Debug {
    /// A picture of now and all that follows.
    async fn subscribe(&self) -> Result<Subscription, Refusal>;
    /// Has a verb answered: see [`ask`].
    async fn call(&self, call: Call<'_>);

    /// How the engine is; nothing else is asked of it.
    async fn health(&self) -> Result<Health, Refusal>;

    /// Creates an execution at once. One that `overlap` refuses comes back in state `skipped`.
    async fn run_job(&self, job: &JobId, options: RunOptions) -> Result<Arc<Execution>, Refusal> {
        let RunOptions { args, force, with_dependencies, reason } = options;
        let run = RunJob { id: job.to_string(), force, with_dependencies, reason, args };
        Ok(ask(self, run).await?.execution)
    }
    /// Changes a definition where it lives: in jobs.yaml (comments survive), or in the store.
    async fn edit_job(
        &self,
        job: &JobId,
        edit: JobEdit,
        options: EditOptions,
    ) -> Result<EditedJob, Refusal> {
        let EditOptions { dry_run, if_version } = options;
        let id = job.to_string();
        match edit {
            JobEdit::Create { mut definition, source } => {
                definition.entry("id").or_insert_with(|| id.into());
                ask(self, CreateJob { definition, source: Some(source), dry_run }).await
            }
            JobEdit::Replace(definition) => {
                ask(self, ReplaceJob { id, definition, dry_run, if_version }).await
            }
            JobEdit::Patch(patch) => ask(self, PatchJob { id, patch, dry_run, if_version }).await,
            JobEdit::RollBack(version) => {
                ask(self, RollBackJob { id, version, dry_run, if_version }).await
            }
            JobEdit::Delete => ask(self, DeleteJob { id, dry_run, if_version }).await,
        }
    }
    /// The versions of a definition, newest first: the newest of all, or those before a version. At most 1,000 at a time.
    async fn versions(
        &self,
        job: &JobId,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobVersion>, Refusal>;
    /// What a schedule means in a zone (`None` = the file's), as far as its texts tell.
    async fn preview(
        &self,
        schedule: &str,
        timezone: Option<&str>,
        count: usize,
    ) -> Result<Preview, Refusal>;
    /// What holds for the whole engine: the top of jobs.yaml as it is in force.
    async fn settings(&self) -> Result<Settings, Refusal>;
    /// A standby reports what its worker process still holds. Only an engine that leads can be told.
    async fn carry(&self, _work: CarriedWork) -> Result<CarriedVerdicts, Refusal> {
        Err(Refusal::NotPossible("only the engine that leads takes such a report".to_owned()))
    }
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
