//! For tests of the screen and the API: an engine that is played, not one that runs.
//!
//! Owns the way from a verb to the one method that plays it.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::engine_api::{EditOptions, JobEdit, RunOptions};
use super::local::creation;
use crate::control::{Call, Caller, Command, EditedJob, enables};
use crate::model::{
    Actor, Execution, ExecutionId, JobId, JobStatus, Plan, Refusal, Worker, WorkerId, text,
};

/// What an acknowledgement says: a note, and when it ends.
pub(crate) type PlayedNote = (Option<String>, Option<DateTime<Utc>>);

/// Answers a verb whose values are legal.
macro_rules! play {
    ($self:ident, $command:ident, $answer:ident => $played:expr) => {
        *$answer = match checked(&$command, $self.now()) {
            Ok(()) => async { $played }.await,
            Err(refusal) => Err(refusal),
        }
    };
}

/// The same for an edit of one job.
macro_rules! edit {
    ($self:ident, $command:ident, $answer:ident => $edit:expr) => {{
        let options = EditOptions { dry_run: $command.dry_run, if_version: $command.if_version };
        play!($self, $command, $answer => $self.edit(&job(&$command.id)?, $edit, options).await)
    }};
}

/// Plays each verb.
#[async_trait]
pub(crate) trait PlayedVerbs: Sync {
    fn now(&self) -> DateTime<Utc>;
    async fn found(&self, part: &str) -> Result<ExecutionId, Refusal>;
    async fn run(&self, job: &JobId, options: RunOptions) -> Result<Arc<Execution>, Refusal>;
    async fn cancel(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal>;
    async fn abandon(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        self.cancel(id).await
    }
    async fn retry(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal>;
    async fn pause(
        &self,
        job: &JobId,
        until: Option<DateTime<Utc>>,
        reason: Option<String>,
    ) -> Result<JobStatus, Refusal>;
    async fn resume(&self, job: &JobId) -> Result<JobStatus, Refusal>;
    async fn skip_next(&self, job: &JobId, undo: bool) -> Result<JobStatus, Refusal>;
    async fn acknowledge(
        &self,
        id: ExecutionId,
        note: Option<PlayedNote>,
    ) -> Result<JobStatus, Refusal>;
    async fn acknowledge_job(
        &self,
        job: &JobId,
        note: Option<PlayedNote>,
    ) -> Result<JobStatus, Refusal>;
    async fn drain(
        &self,
        worker: &WorkerId,
        drain: bool,
        reason: Option<String>,
    ) -> Result<Worker, Refusal>;
    async fn set_capacity(&self, id: &WorkerId, slots: Option<u32>) -> Result<Worker, Refusal>;
    async fn delete_worker(&self, id: &WorkerId) -> Result<(), Refusal>;
    async fn edit(
        &self,
        job: &JobId,
        edit: JobEdit,
        options: EditOptions,
    ) -> Result<EditedJob, Refusal>;
    async fn reload(&self, dry_run: bool) -> Result<Plan, Refusal>;

    /// Plays a verb; what is wrong with it in itself is refused as the engine does.
    async fn play(&self, call: Call<'_>) {
        match call {
            Call::RunJob(c, a) => play!(self, c, a => {
                let (force, with_dependencies) = (c.force, c.with_dependencies);
                let options = RunOptions { args: c.args, force, with_dependencies, reason: c.reason };
                Ok(self.run(&job(&c.id)?, options).await?.into())
            }),
            Call::PauseJob(c, a) => {
                play!(self, c, a => self.pause(&job(&c.id)?, c.until, c.reason).await)
            }
            Call::ResumeJob(c, a) => play!(self, c, a => self.resume(&job(&c.id)?).await),
            Call::SkipNextFireTime(c, a) => {
                play!(self, c, a => self.skip_next(&job(&c.id)?, c.undo).await)
            }
            Call::DrainWorker(c, a) => {
                play!(self, c, a => self.drain(&worker(&c.id)?, true, c.reason).await)
            }
            Call::UndrainWorker(c, a) => {
                play!(self, c, a => self.drain(&worker(&c.id)?, false, c.reason).await)
            }
            Call::SetWorkerCapacity(c, a) => {
                play!(self, c, a => self.set_capacity(&worker(&c.id)?, c.capacity).await)
            }
            Call::DeleteWorker(c, a) => {
                play!(self, c, a => self.delete_worker(&worker(&c.id)?).await)
            }
            Call::CancelExecution(c, a) => {
                play!(self, c, a => {
                    let id = self.found(&c.id).await?;
                    let ended = if c.abandon { self.abandon(id).await } else { self.cancel(id).await };
                    Ok(ended?.into())
                })
            }
            Call::RetryExecution(c, a) => {
                play!(self, c, a => Ok(self.retry(self.found(&c.id).await?).await?.into()))
            }
            Call::AcknowledgeJob(c, a) => play!(self, c, a => {
                self.acknowledge_job(&job(&c.id)?, Some((c.note, c.until))).await
            }),
            Call::UnacknowledgeJob(c, a) => {
                play!(self, c, a => self.acknowledge_job(&job(&c.id)?, None).await)
            }
            Call::AcknowledgeExecution(c, a) => play!(self, c, a => {
                self.acknowledge(self.found(&c.id).await?, Some((c.note, c.until))).await
            }),
            Call::UnacknowledgeExecution(c, a) => {
                play!(self, c, a => self.acknowledge(self.found(&c.id).await?, None).await)
            }
            Call::CreateJob(c, a) => play!(self, c, a => {
                let options = EditOptions { dry_run: c.dry_run, if_version: None };
                let (id, edit) = creation(c)?;
                self.edit(&id, edit, options).await
            }),
            Call::ReplaceJob(c, a) => edit!(self, c, a => JobEdit::Replace(c.definition)),
            Call::PatchJob(c, a) => edit!(self, c, a => JobEdit::Patch(c.patch)),
            Call::DeleteJob(c, a) => edit!(self, c, a => JobEdit::Delete),
            Call::EnableJob(c, a) => edit!(self, c, a => JobEdit::Patch(enables(true))),
            Call::DisableJob(c, a) => edit!(self, c, a => JobEdit::Patch(enables(false))),
            Call::RollBackJob(c, a) => edit!(self, c, a => JobEdit::RollBack(c.version)),
            Call::StopEngine(c, a) => play!(self, c, a => Ok(())),
            Call::ReloadJobs(c, a) => play!(self, c, a => self.reload(c.dry_run).await),
        }
    }
}

fn checked<C: Command>(command: &C, now: DateTime<Utc>) -> Result<(), Refusal> {
    Caller::owner(Actor::named("test")).authorize(command.clone(), now).map(drop)
}

fn job(id: &str) -> Result<JobId, Refusal> {
    let unknown = |_| Refusal::UnknownJob { job: text::shortened(id), nearest: None };
    JobId::new(id).map_err(unknown)
}

fn worker(id: &str) -> Result<WorkerId, Refusal> {
    WorkerId::new(id).map_err(|_| Refusal::UnknownWorker { worker: text::shortened(id) })
}
