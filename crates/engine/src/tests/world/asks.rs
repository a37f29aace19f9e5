//! What people and programs ask of the world's engine.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;
use crontower_control::{
    AcknowledgeExecution, AcknowledgeJob, Caller, CancelExecution, DrainWorker, History, Mutation,
    PauseJob, ResumeJob, RetryExecution, RunJob, SetWorkerCapacity, SkipNextFireTime,
    UndrainWorker,
};
use crontower_model::JobStatus;

/// The value of a future that waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for something"),
    }
}

impl History for World {
    async fn execution(&self, part: &str) -> Result<Arc<Execution>, Refusal> {
        let known = |id: &&ExecutionId| id.to_string() == part;
        let found = self.executions.keys().find(known).map(|id| &self.executions[id]);
        found.cloned().ok_or_else(|| Refusal::UnknownExecution { execution: part.to_owned() })
    }
}

impl World {
    /// Asks a verb as `ann`, who may do everything.
    pub(in crate::tests) fn ask<C: Mutation>(&mut self, command: C) -> Result<C::Answer, Refusal> {
        let caller = Caller::owner(Actor::named("ann"));
        let call = caller.authorize(command, self.now.wall)?;
        let facts = at_once(call.command().facts(self))?;
        self.step(|engine, now| engine.call(now, call, facts))
    }

    /// Edits definitions as `ann`.
    pub(in crate::tests) fn edit<T>(
        &mut self,
        edit: impl FnOnce(&mut Engine, Now, Actor) -> Answered<T>,
    ) -> Result<T, Refusal> {
        self.step(|engine, now| edit(engine, now, Actor::named("ann")))
    }

    /// What a verb is refused with.
    pub(in crate::tests) fn refused<C: Mutation>(&mut self, command: C) -> String {
        let answer = self.ask(command);
        self.refusal(answer)
    }

    /// A refusal in words.
    pub(in crate::tests) fn refusal<T: std::fmt::Debug>(
        &self,
        answer: Result<T, Refusal>,
    ) -> String {
        self.named(&answer.expect_err("it is refused").to_string())
    }

    pub(in crate::tests) fn try_set(&mut self, set: JobSet) -> Result<(), Refusal> {
        self.edit(|engine, now, by| engine.apply_jobs(now, by, set))
    }

    pub(in crate::tests) fn run(&mut self, job: &str) -> &mut Self {
        self.run_with(job, false)
    }

    pub(in crate::tests) fn run_with(&mut self, job: &str, force: bool) -> &mut Self {
        self.ask(RunJob { id: job.to_owned(), force, ..RunJob::default() }).unwrap();
        self
    }

    /// Runs a job after those of its dependencies that are not fresh, if nothing breaks.
    pub(in crate::tests) fn run_after(&mut self, job: &str) -> &mut Self {
        _ = self.ask(RunJob { id: job.to_owned(), with_dependencies: true, ..RunJob::default() });
        self
    }

    pub(in crate::tests) fn apply(&mut self, jobs: Vec<Job>) -> &mut Self {
        self.set.jobs = jobs;
        self.try_set(self.set.clone()).unwrap();
        self
    }

    /// Puts other settings in force, as a reload does.
    pub(in crate::tests) fn configure(&mut self, change: impl FnOnce(&mut Settings)) -> &mut Self {
        change(&mut self.set.settings);
        self.try_set(self.set.clone()).unwrap();
        self
    }

    /// The same as it would be told in the file before the next start.
    pub(in crate::tests) fn edit_settings(
        &mut self,
        change: impl FnOnce(&mut Settings),
    ) -> &mut Self {
        change(&mut self.set.settings);
        self
    }

    pub(in crate::tests) fn drain(&mut self, worker: &str, drain: bool) -> &mut Self {
        let id = worker.to_owned();
        match drain {
            true => self.ask(DrainWorker { id, reason: Some("new disk".to_owned()) }),
            false => self.ask(UndrainWorker { id, ..UndrainWorker::default() }),
        }
        .unwrap();
        self
    }

    pub(in crate::tests) fn set_capacity(
        &mut self,
        worker: &str,
        capacity: Option<u32>,
    ) -> &mut Self {
        self.ask(SetWorkerCapacity { id: worker.to_owned(), capacity }).unwrap();
        self
    }

    /// Runs a job if it is there and nothing breaks.
    pub(in crate::tests) fn try_run(&mut self, job: &str, force: bool) -> &mut Self {
        _ = self.ask(RunJob { id: job.to_owned(), force, ..RunJob::default() });
        self
    }

    pub(in crate::tests) fn run_again(&mut self, name: &str) -> &mut Self {
        _ = self.ask(RetryExecution { id: self.id(name).to_string() });
        self
    }

    pub(in crate::tests) fn try_pause(&mut self, job: &str, for_a_while: bool) {
        let until = for_a_while.then(|| self.now.wall + TimeDelta::minutes(4));
        _ = self.ask(PauseJob { id: job.to_owned(), until, reason: None });
    }

    pub(in crate::tests) fn try_resume(&mut self, job: &str) {
        _ = self.ask(ResumeJob { id: job.to_owned() });
    }

    pub(in crate::tests) fn try_apply(&mut self, jobs: Vec<Job>) -> &mut Self {
        let before = std::mem::replace(&mut self.set.jobs, jobs);
        if self.try_set(self.set.clone()).is_err() {
            self.set.jobs = before;
        }
        self
    }

    pub(in crate::tests) fn cancel(&mut self, name: &str) -> &mut Self {
        _ = self.ask(CancelExecution { id: self.id(name).to_string(), abandon: false });
        self
    }

    pub(in crate::tests) fn try_delete(&mut self, job: &str) {
        _ = self.try_remove(job, None);
    }

    pub(in crate::tests) fn skip_next(&mut self, job: &str) -> &mut Self {
        self.ask(SkipNextFireTime { id: job.to_owned(), undo: false }).unwrap();
        self
    }

    /// What a reload to these jobs is refused with.
    pub(in crate::tests) fn refused_set(&mut self, jobs: Vec<Job>) -> String {
        let answer = self.try_set(JobSet { jobs, ..self.set.clone() });
        self.refusal(answer)
    }

    pub(in crate::tests) fn try_put(
        &mut self,
        job: Job,
        expected: Expected,
    ) -> Result<JobStatus, Refusal> {
        self.edit(|engine, now, by| engine.put_job(now, by, job, expected))
    }

    pub(in crate::tests) fn try_remove(
        &mut self,
        job: &str,
        if_version: Option<u32>,
    ) -> Result<(), Refusal> {
        let job = JobId::new(job).unwrap();
        self.edit(|engine, now, by| engine.delete_job(now, by, &job, if_version))
    }

    /// What the file says at the next start.
    pub(in crate::tests) fn edit_jobs(&mut self, jobs: Vec<Job>) -> &mut Self {
        self.set.jobs = jobs;
        self
    }

    pub(in crate::tests) fn put(&mut self, job: Job, expected: Expected) -> &mut Self {
        self.try_put(job, expected).unwrap();
        self
    }

    pub(in crate::tests) fn delete(&mut self, job: &str) -> &mut Self {
        self.try_remove(job, None).unwrap();
        self
    }

    /// Notes that a failure was seen, until so long after the beginning.
    pub(in crate::tests) fn acknowledge(&mut self, name: &str, until: Option<&str>) -> &mut Self {
        let until = until.map(|at| self.instant(at));
        let (id, note) = (self.id(name).to_string(), Some("we know".to_owned()));
        self.ask(AcknowledgeExecution { id, note, until }).unwrap();
        self
    }

    /// Notes that whatever is wrong with a job was seen.
    pub(in crate::tests) fn acknowledge_job(&mut self, job: &str) -> &mut Self {
        let (id, note) = (job.to_owned(), Some("we know".to_owned()));
        self.ask(AcknowledgeJob { id, note, until: None }).unwrap();
        self
    }

    pub(in crate::tests) fn pause(&mut self, job: &str) -> &mut Self {
        self.ask(PauseJob { id: job.to_owned(), until: None, reason: None }).unwrap();
        self
    }

    pub(in crate::tests) fn resume(&mut self, job: &str) -> &mut Self {
        self.ask(ResumeJob { id: job.to_owned() }).unwrap();
        self
    }
}
