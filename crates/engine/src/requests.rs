//! What people and programs ask for: one way in for all of it. Each verb is carried out in the file of what it is about.

use super::load::When;
use super::{Effect, Engine, Expected};
use crontower_control::{Authorized, ExecutionView, Mutation};
use crontower_model::{
    Actor, ExecutionId, Job, JobId, JobSet, JobStatus, Now, Refusal, WorkerId, text,
};

/// What a request leads to, and its answer: to be given once the effects are kept.
pub type Answered<T> = (Vec<Effect>, Result<T, Refusal>);

impl Engine {
    /// Carries out a verb, with its own answer. Whatever is due by `now` happens first.
    pub fn call<C: Mutation>(
        &mut self,
        now: Now,
        call: Authorized<C>,
        facts: C::Facts,
    ) -> Answered<C::Answer> {
        let actor = call.by().clone();
        self.request(now, actor, C::WHILE_STOPPING, |engine| {
            C::handled_by(call, facts, now, engine)
        })
    }

    /// Puts this set of file jobs in force: all of it, or nothing.
    pub fn apply_jobs(&mut self, now: Now, actor: Actor, set: JobSet) -> Answered<()> {
        self.request(now, actor, false, |engine| engine.apply(now, set, When::Running))
    }

    /// Puts a job of a program in force, new or in place of its definition. It was checked.
    pub fn put_job(
        &mut self,
        now: Now,
        actor: Actor,
        job: Job,
        expected: Expected,
    ) -> Answered<JobStatus> {
        self.request(now, actor, false, |engine| engine.put_request(now, job, expected))
    }

    /// Removes a job of a program, if it has this version.
    pub fn delete_job(
        &mut self,
        now: Now,
        actor: Actor,
        job: &JobId,
        if_version: Option<u32>,
    ) -> Answered<()> {
        self.request(now, actor, false, |engine| engine.delete_request(now, job, if_version))
    }

    /// Lets happen what is due, which is nobody's doing; then acts for someone.
    fn request<T>(
        &mut self,
        now: Now,
        actor: Actor,
        while_stopping: bool,
        act: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Answered<T> {
        self.advance(now);
        self.settle(now);
        let mut effects = self.flush(now);
        self.out.actor = actor;
        let refused = self.halted && !while_stopping;
        let answer = if refused { Err(Refusal::Stopping) } else { act(self) };
        self.settle(now);
        effects.append(&mut self.flush(now));
        (effects, answer)
    }

    /// Refuses what names no job.
    pub fn known(&self, job: &JobId) -> Result<(), Refusal> {
        self.named(job.as_str()).map(drop)
    }

    /// The id of the job that `text` names; else a refusal that says which may have been meant.
    pub fn named(&self, text: &str) -> Result<JobId, Refusal> {
        if let Some((id, _)) = self.jobs.get_key_value(text) {
            return Ok(id.clone());
        }
        let nearest = text::nearest(text, self.jobs.keys().map(JobId::as_str));
        Err(Refusal::UnknownJob {
            job: text::shortened(text),
            nearest: nearest.and_then(|id| JobId::new(id).ok()),
        })
    }

    /// The id of the worker that `text` names.
    pub(super) fn named_worker(&self, text: &str) -> Result<WorkerId, Refusal> {
        let unknown = || Refusal::UnknownWorker { worker: text::shortened(text) };
        let found = self.workers.pools.get_key_value(text).map(|(id, _)| id.clone());
        found.ok_or_else(unknown)
    }

    /// The execution as it is at the end of the step: it may be running already.
    pub(super) fn answer_with(
        &mut self,
        now: Now,
        id: Option<ExecutionId>,
    ) -> Result<ExecutionView, Refusal> {
        self.settle(now);
        let id = id.ok_or(Refusal::Stopping)?;
        let ended = self.out.executions.get(&id).cloned().flatten();
        let execution = ended.or_else(|| self.live_execution(id)).ok_or(Refusal::Stopping)?;
        Ok(execution.into())
    }

    pub(super) fn job_answer(&self, job: &JobId) -> Result<JobStatus, Refusal> {
        let entry = self.jobs.get(job).ok_or(Refusal::Stopping)?;
        Ok(JobStatus::clone(&self.status_of(entry)))
    }
}
