//! What people and programs ask for, one function a request.

use chrono::{DateTime, Utc};

use super::admission::NewExecution;
use super::load::When;
use super::{Answer, Engine, Request};
use crontower_model::{
    Actor, EventKind, ExecutionId, JobId, LedgerFate, Now, Pause, Reason, Refusal, Trigger, text,
};

impl Engine {
    pub(super) fn request(&mut self, now: Now, request: Request) -> Result<Answer, Refusal> {
        let actor = self.out.actor.clone();
        let winds_down =
            matches!(request, Request::Halt { .. } | Request::CancelRunning | Request::Cancel(_));
        if self.halted && !winds_down {
            return Err(Refusal::Stopping);
        }
        match request {
            Request::Apply(set) => self.apply(now, *set, When::Running).map(|()| Answer::Done),
            Request::Run { job, args, force, with_dependencies, reason } => {
                self.known(&job)?;
                let new = NewExecution {
                    args,
                    forced: force,
                    with_dependencies,
                    requested_by: Some(actor.clone()),
                    ..NewExecution::new(Reason::Requested { by: actor, note: reason })
                };
                let id = self.create(now, &job, Trigger::Manual, now.wall, new);
                if let Some(id) = id.filter(|_| with_dependencies) {
                    self.run_dependencies(now, id, &job);
                }
                self.answer_with(now, id)
            }
            Request::Cancel(id) => self.cancel_request(now, id, &actor),
            Request::Retry(of) => {
                if !of.state.is_final() {
                    return Err(Refusal::StillLive { execution: of.id, state: of.state.name() });
                }
                self.known(&of.job_id)?;
                let id = self.run_again(now, &of, actor);
                self.answer_with(now, id)
            }
            Request::Pause { job, until, reason } => self.pause(now, &job, until, reason),
            Request::Resume(job) => self.resume(now, &job),
            Request::SkipNext { job, undo: false } => self.skip_next(now, &job),
            Request::SkipNext { job, undo: true } => self.undo_skip(&job),
            Request::AcknowledgeJob { job, note: Some((note, until)) } => {
                self.acknowledge_job(now, &job, note, until)
            }
            Request::AcknowledgeJob { job, note: None } => self.take_back_job(&job),
            Request::Acknowledge { execution, note: Some((note, until)) } => {
                self.acknowledge(now, &execution, note, until)
            }
            Request::Acknowledge { execution, note: None } => self.take_back(&execution),
            Request::Drain { worker, drain: true, reason } => self.drain(now, &worker, reason),
            Request::Drain { worker, drain: false, reason: _ } => self.undrain(&worker),
            Request::SetCapacity { worker, capacity } => self.set_capacity(&worker, capacity),
            Request::Put { job, expected } => self.put_request(now, *job, expected),
            Request::Delete { job, if_version } => self.delete_request(now, &job, if_version),
            Request::Halt { reason } => {
                self.halted = true;
                self.out.facts.push(EventKind::EngineStopping { reason });
                Ok(Answer::Done)
            }
            Request::CancelRunning => {
                for id in self.running_executions() {
                    self.cancel(now, id, actor.clone(), Reason::EngineStopping);
                }
                Ok(Answer::Done)
            }
        }
    }

    /// Refuses what names no job.
    pub fn known(&self, job: &JobId) -> Result<(), Refusal> {
        if self.jobs.contains_key(job) {
            return Ok(());
        }
        let nearest = text::nearest(job.as_str(), self.jobs.keys().map(JobId::as_str));
        Err(Refusal::UnknownJob {
            job: job.to_string(),
            nearest: nearest.and_then(|id| JobId::new(id).ok()),
        })
    }

    /// The execution as it is at the end of the step: it may be running already.
    fn answer_with(&mut self, now: Now, id: Option<ExecutionId>) -> Result<Answer, Refusal> {
        self.settle(now);
        let id = id.ok_or(Refusal::Stopping)?;
        let ended = self.out.executions.get(&id).cloned().flatten();
        let execution = ended.or_else(|| self.live_execution(id)).ok_or(Refusal::Stopping)?;
        Ok(Answer::Execution(execution))
    }

    fn cancel_request(
        &mut self,
        now: Now,
        id: ExecutionId,
        actor: &Actor,
    ) -> Result<Answer, Refusal> {
        if self.live_execution(id).is_none() {
            return Err(Refusal::UnknownExecution { execution: id.to_string() });
        }
        self.cancel(now, id, actor.clone(), Reason::Cancelled { by: actor.clone() });
        self.answer_with(now, Some(id))
    }

    fn pause(
        &mut self,
        now: Now,
        job: &JobId,
        until: Option<DateTime<Utc>>,
        reason: Option<String>,
    ) -> Result<Answer, Refusal> {
        self.known(job)?;
        let actor = self.out.actor.clone();
        let Some(entry) = self.jobs.get_mut(job) else { return Err(Refusal::Stopping) };
        let began = entry.state.pause.take();
        // What was due until now has its row already; from here on fire times belong to the pause.
        if began.is_none() && entry.definition.enabled {
            entry.state.accounted_until = entry.state.accounted_until.max(now.wall);
        }
        entry.state.pause = Some(Pause { at: now.wall, until, reason: reason.clone(), by: actor });
        let why = "were to be caught up when the job was paused";
        self.drop_catch_up(job, usize::MAX, LedgerFate::Paused, why);
        self.out.facts.push(EventKind::JobPaused { job_id: job.clone(), until, reason });
        self.touch_job(job);
        self.plan_next(job);
        self.job_answer(job)
    }

    fn resume(&mut self, now: Now, job: &JobId) -> Result<Answer, Refusal> {
        self.known(job)?;
        if self.jobs.get(job).is_some_and(|entry| entry.state.pause.is_none()) {
            return Err(Refusal::NotPaused { job: job.clone() });
        }
        let reason = format!("asked for by {}", self.out.actor);
        self.end_pause(job, now.wall, reason);
        self.plan_next(job);
        self.job_answer(job)
    }

    pub(super) fn job_answer(&self, job: &JobId) -> Result<Answer, Refusal> {
        let entry = self.jobs.get(job).ok_or(Refusal::Stopping)?;
        Ok(Answer::Job(self.status_of(entry)))
    }
}
