//! "I have seen what is wrong": a note at a job, until its next success, until it becomes wrong in another way, until a
//! time, or until someone takes it back.

use std::sync::Arc;

use super::Engine;
use chrono::{DateTime, Utc};
use crontower_control::{
    AcknowledgeExecution, AcknowledgeJob, Authorized, Handles, UnacknowledgeExecution,
    UnacknowledgeJob,
};
use crontower_model::{
    Acknowledgement, Actor, EventKind, Execution, ExecutionId, JobId, JobStatus, Now, Refusal,
    WrongKind,
};

impl Handles<AcknowledgeExecution> for Engine {
    /// Notes that a failure was seen: the newest of its job, or there is nothing to note any more.
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<AcknowledgeExecution>,
        execution: Arc<Execution>,
    ) -> Result<JobStatus, Refusal> {
        let (by, AcknowledgeExecution { note, until, .. }) = call.into_parts();
        let job = &execution.job_id;
        self.known(job)?;
        let (id, state) = (execution.id, execution.state.name());
        let refuse =
            |why: String| Err(Refusal::NotPossible(format!("execution {} {why}", id.short())));
        if !state.is_failure() {
            return refuse(format!(
                "is {state}: only a failed or timed out one can be acknowledged"
            ));
        }
        let Some(entry) = self.jobs.get(job) else { return Err(Refusal::Stopping) };
        if let Some(last) = entry.state.last_ran.as_ref().filter(|last| last.id != id) {
            let (newer, ended) = (last.id.short(), last.state);
            return refuse(format!("is not the newest of job `{job}`: {newer} has {ended} since"));
        }
        self.note_acknowledged(now, job, (Some(id), by), note, until)
    }
}

impl Handles<AcknowledgeJob> for Engine {
    /// Notes that whatever is wrong with a job was seen.
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<AcknowledgeJob>,
        (): (),
    ) -> Result<JobStatus, Refusal> {
        let (by, AcknowledgeJob { id, note, until }) = call.into_parts();
        let job = &self.named(&id)?;
        let Some(entry) = self.jobs.get(job) else { return Err(Refusal::Stopping) };
        let wrong = entry.all_wrong();
        let Some(first) = wrong.first() else {
            let message = format!("nothing is wrong with job `{job}`");
            return Err(Refusal::NotPossible(message));
        };
        let facts = [&entry.state.not_carried_out, &entry.state.last_failure];
        let fact = facts.into_iter().flatten().find(|fact| fact.kind == first.kind);
        let execution = fact.and_then(|fact| fact.execution_id);
        self.note_acknowledged(now, job, (execution, by), note, until)
    }
}

impl Engine {
    fn note_acknowledged(
        &mut self,
        now: Now,
        job: &JobId,
        (execution_id, by): (Option<ExecutionId>, Actor),
        note: Option<String>,
        until: Option<DateTime<Utc>>,
    ) -> Result<JobStatus, Refusal> {
        let Some(entry) = self.jobs.get_mut(job) else { return Err(Refusal::Stopping) };
        let mut kinds: Vec<WrongKind> = entry.all_wrong().iter().map(|wrong| wrong.kind).collect();
        if kinds.is_empty() {
            // Nothing counts as wrong while a job is paused: it is the failure that was looked at.
            kinds.push(WrongKind::Failure);
        }
        entry.state.acknowledged = Some(Acknowledgement {
            execution_id,
            kinds,
            at: now.wall,
            by,
            note: note.clone(),
            until,
        });
        let job_id = job.clone();
        let fact = EventKind::FailureAcknowledged { job_id, execution_id, note, until };
        self.out.facts.push(fact);
        self.touch_job(job);
        self.plan_next(job);
        self.job_answer(job)
    }
}

impl Handles<UnacknowledgeJob> for Engine {
    /// Takes the note at a job back.
    fn carry_out(
        &mut self,
        _: Now,
        call: Authorized<UnacknowledgeJob>,
        (): (),
    ) -> Result<JobStatus, Refusal> {
        let (by, UnacknowledgeJob { id }) = call.into_parts();
        let job = &self.named(&id)?;
        if self.jobs.get(job).is_some_and(|entry| entry.state.acknowledged.is_none()) {
            let message = format!("job `{job}` is not acknowledged");
            return Err(Refusal::NotPossible(message));
        }
        self.end_acknowledgement(job, format!("taken back by {by}"));
        self.plan_next(job);
        self.job_answer(job)
    }
}

impl Handles<UnacknowledgeExecution> for Engine {
    /// Takes the note about an execution back.
    fn carry_out(
        &mut self,
        _: Now,
        call: Authorized<UnacknowledgeExecution>,
        execution: Arc<Execution>,
    ) -> Result<JobStatus, Refusal> {
        let (by, _) = call.into_parts();
        let job = &execution.job_id;
        self.known(job)?;
        let noted = self.jobs.get(job).and_then(|entry| entry.state.acknowledged.as_ref());
        if noted.is_none_or(|noted| noted.execution_id != Some(execution.id)) {
            let message = format!("execution {} is not acknowledged", execution.id.short());
            return Err(Refusal::NotPossible(message));
        }
        self.end_acknowledgement(job, format!("taken back by {by}"));
        self.plan_next(job);
        self.job_answer(job)
    }
}

impl Engine {
    /// Ends the note at a job, if there is one. Whoever calls plans the job anew.
    pub(super) fn end_acknowledgement(&mut self, job: &JobId, reason: String) {
        let ended = self.jobs.get_mut(job).and_then(|entry| entry.state.acknowledged.take());
        let Some(Acknowledgement { execution_id, .. }) = ended else { return };
        let job_id = job.clone();
        self.out.facts.push(EventKind::AcknowledgementEnded { job_id, execution_id, reason });
        self.touch_job(job);
    }

    /// A job has succeeded: what was noted about its failure is over.
    pub(super) fn job_succeeded(&mut self, job: &JobId) {
        if self.jobs.get(job).is_some_and(|entry| entry.state.acknowledged.is_some()) {
            self.end_acknowledgement(job, "the job has succeeded".to_owned());
            self.plan_next(job);
        }
    }
}
