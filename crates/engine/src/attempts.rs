//! Attempts: what their start and their end lead to, and retries.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::admission::NewExecution;
use super::{Effect, Engine, Live, Timer};
use crontower_model::{
    Actor, AttemptKey, AttemptProgress, Ended, EventKind, Execution, ExecutionId, ExecutionState,
    Job, JobId, LostCause, NamedCause, Now, ON_FAILURE, Outcome, Reason, Refusal, RetryCause,
    Running, StateName, StopCause, Stopping, StuckProcess, Trigger, says_only_exit_code,
};
use crontower_schedule::mix;

impl Engine {
    /// A worker has acknowledged that an attempt is running.
    pub(super) fn attempt_started(&mut self, running: &Running) {
        if running.key.attempt == ON_FAILURE {
            return self.notice_started(running.key.execution_id);
        }
        if !self.is_current(running.key) {
            return;
        }
        let AttemptKey { execution_id, attempt } = running.key;
        let Some(Live { execution, .. }) = self.live.get(&execution_id) else { return };
        if execution.attempt().is_some_and(|attempt| attempt.started_at().is_some()) {
            return;
        }
        let job_id = execution.job_id.clone();
        self.out.facts.push(EventKind::AttemptStarted { execution_id, job_id, attempt });
        if !self.out.executions.contains_key(&execution_id) {
            self.out.quiet.insert(execution_id);
        }
        self.amend(execution_id, |execution| {
            execution.started_at.get_or_insert(running.started_at);
            if let Some(attempt) = execution.attempts.last_mut() {
                let Running { started_at, pid, .. } = *running;
                attempt.progress = AttemptProgress::Started { started_at, pid };
            }
            if let ExecutionState::Running { stopping: Some(stopping) } = &mut execution.state {
                stopping.pids.extend(running.pid);
            }
        });
    }

    /// A worker says that an attempt is over. A late or repeated report changes nothing.
    pub(super) fn attempt_ended(&mut self, now: Now, ended: Ended) {
        if self.is_given_up(ended.key) && ended.outcome != Outcome::Succeeded {
            // Its processes were ended from here, whatever its worker took that for.
            return self.lost(now, ended.key, LostCause::LeaseExpired);
        }
        let reason = reason_of(&ended);
        self.end_attempt(now, ended, reason);
    }

    /// An attempt is over, for this reason.
    pub(super) fn end_attempt(&mut self, now: Now, ended: Ended, reason: Reason) {
        let id = ended.key.execution_id;
        self.out.acts.push(Effect::Forget(ended.key));
        self.elsewhere.forget(ended.key);
        if ended.key.attempt == ON_FAILURE {
            return self.notice_ended(&ended);
        }
        if !self.is_current(ended.key) {
            return;
        }
        self.count_outcome(id, ended.outcome);
        self.note_output_lost(id, ended.output_lost);
        self.release(id);
        self.drop_left_pools();
        let (outcome, exit_code) = (ended.outcome, ended.exit_code);
        self.amend(id, |execution| {
            if let Some(attempt) = execution.attempts.last_mut() {
                attempt.progress = AttemptProgress::Ended {
                    started_at: attempt.started_at().or(ended.started_at),
                    finished_at: ended.finished_at,
                    outcome,
                    exit_code,
                    error: ended.error,
                    output_lost: ended.output_lost,
                };
            }
            execution.started_at = execution.started_at.or(ended.started_at);
            execution.result = ended.result;
        });
        self.after_attempt(now, id, outcome, exit_code, reason);
    }

    /// Decides what the end of an attempt leads to.
    fn after_attempt(
        &mut self,
        now: Now,
        id: ExecutionId,
        outcome: Outcome,
        exit_code: Option<i32>,
        reason: Reason,
    ) {
        let Some(Live { execution, definition, .. }) = self.live.get(&id) else { return };
        if outcome == Outcome::Succeeded {
            return self.finish(now, id, ExecutionState::Succeeded, reason);
        }
        if outcome == Outcome::Cancelled || execution.cancelled_by.is_some() {
            let asked = execution.stopping().map(|stopping| stopping.reason.clone());
            let reason = asked.unwrap_or(reason);
            return self.finish(now, id, ExecutionState::Cancelled, reason);
        }
        let number = execution.attempt_number();
        let delay = delay_after(id, number, definition);
        let in_time = !self.is_overdue(now, id);
        let delay = delay.filter(|_| in_time && is_retried(definition, outcome, exit_code));
        let removed = !self.jobs.contains_key(&execution.job_id);
        let reason = match delay {
            Some(_) if removed => Reason::NotRetried { end: Box::new(reason) },
            _ => reason,
        };
        if let Some(delay) = delay.filter(|_| !removed) {
            let of = definition.retry.max_retries() + 1;
            let reason = Reason::RetryIn { attempt: number, of, end: Box::new(reason), delay };
            let due = now.monotonic.saturating_add(delay);
            self.set_timer(id, due, Timer::Retry(id));
            let until = now.wall_at(due);
            return self.transition(now, id, ExecutionState::Retrying { until }, reason);
        }
        let state = match outcome {
            Outcome::TimedOut => ExecutionState::TimedOut,
            _ => ExecutionState::Failed,
        };
        self.finish(now, id, state, reason);
    }

    /// A retry's delay is over.
    pub(super) fn retry_due(&mut self, now: Now, id: ExecutionId) {
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        if execution.state.name() != StateName::Retrying {
            return;
        }
        let reason = Reason::RetryQueued { attempt: execution.attempt_number() + 1 };
        self.transition(now, id, ExecutionState::Queued, reason);
        self.enqueue(now, id);
    }

    /// Ends a live execution on request: at once, or by ending its processes.
    pub(super) fn cancel(&mut self, now: Now, id: ExecutionId, actor: Actor, reason: Reason) {
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        if execution.state.name() != StateName::Running {
            self.amend(id, |execution| execution.cancelled_by = Some(actor));
            return self.finish(now, id, ExecutionState::Cancelled, reason);
        }
        self.stop_attempt(now, id, StopCause::Cancel, reason);
        self.amend(id, |execution| _ = execution.cancelled_by.get_or_insert(actor));
    }

    /// Has the processes of a running attempt ended: it is `stopping` until they are gone. The first cause counts, but a
    /// cancellation goes before a deadline, as in what becomes of the execution.
    fn stop_attempt(&mut self, now: Now, id: ExecutionId, cause: StopCause, reason: Reason) {
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        let Some(attempt) = execution.attempt() else { return };
        let (number, pid) = (attempt.number, attempt.pid());
        let before = execution.stopping().cloned();
        let counts = cause == StopCause::Cancel && execution.cancelled_by.is_none();
        if before.is_none() || counts {
            let (execution_id, job_id) = (id, execution.job_id.clone());
            let since = before.as_ref().and_then(|before| before.since).or(Some(now.wall));
            let pids = before.map_or_else(|| pid.into_iter().collect(), |before| before.pids);
            let stopping = Stopping { since, reason, pids };
            let reason = stopping.reason.clone();
            let attempt = number;
            let fact = EventKind::AttemptStopping { execution_id, job_id, attempt, reason };
            self.out.facts.push(fact);
            if !self.out.executions.contains_key(&id) {
                self.out.quiet.insert(id);
            }
            let state = ExecutionState::Running { stopping: Some(stopping) };
            self.amend(id, |execution| execution.state = state);
        }
        let key = AttemptKey { execution_id: id, attempt: number };
        self.out.acts.push(Effect::Stop { key, cause });
    }

    /// Processes of an attempt that is being ended do not end: it stays `stopping`, with them in it.
    pub(super) fn cannot_stop(
        &mut self,
        key: AttemptKey,
        since: DateTime<Utc>,
        why: String,
        processes: Vec<StuckProcess>,
    ) {
        if !self.is_current(key) {
            return;
        }
        let id = key.execution_id;
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        let pids = processes.iter().map(|process| process.pid).collect();
        let reason = Reason::CannotStop { processes };
        if execution.reason == reason {
            return;
        }
        let (execution_id, job_id) = (id, execution.job_id.clone());
        // What its worker ends by itself, a time-out say, nobody here has asked for.
        let unasked =
            || Stopping { since: Some(since), reason: Reason::Text(why), pids: Vec::new() };
        let stopping = execution.stopping().cloned().unwrap_or_else(unasked);
        let state = ExecutionState::Running { stopping: Some(Stopping { pids, ..stopping }) };
        let (attempt, told) = (key.attempt, reason.clone());
        let fact = EventKind::AttemptStopping { execution_id, job_id, attempt, reason: told };
        self.out.facts.push(fact);
        if !self.out.executions.contains_key(&id) {
            self.out.quiet.insert(id);
        }
        self.amend(id, |execution| (execution.state, execution.reason) = (state, reason));
    }

    /// Gives up an attempt whose processes do not end, and with it the execution.
    pub(super) fn abandon(&mut self, now: Now, id: ExecutionId, by: Actor) -> Result<(), Refusal> {
        let unknown = || Refusal::UnknownExecution { execution: id.to_string() };
        let execution = Arc::clone(&self.live.get(&id).ok_or_else(unknown)?.execution);
        let refuse =
            |why: &str| Err(Refusal::NotPossible(format!("execution {} {why}", id.short())));
        if !matches!(execution.reason, Reason::CannotStop { .. }) {
            return refuse("has no process that does not end: cancel it without giving it up");
        }
        if !self.workers.is_connected() {
            return refuse("is with a worker process that is not connected: try again once it is");
        }
        self.cancel(now, id, by.clone(), Reason::Cancelled { by });
        let pids = execution.stopping().map(|it| it.pids.clone()).unwrap_or_default();
        let (job_id, attempt) = (execution.job_id.clone(), execution.attempt_number());
        let fact = EventKind::AttemptAbandoned { execution_id: id, job_id, attempt, pids };
        self.out.facts.push(fact);
        self.out.acts.push(Effect::Abandon(AttemptKey { execution_id: id, attempt }));
        Ok(())
    }

    /// An execution has taken longer than its `deadline`.
    pub(super) fn deadline_passed(&mut self, now: Now, id: ExecutionId) {
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        if execution.state.name() == StateName::Running {
            self.stop_attempt(now, id, StopCause::Deadline, Reason::DeadlinePassed);
        } else {
            self.finish(now, id, ExecutionState::TimedOut, Reason::DeadlinePassed);
        }
    }

    /// Whether an execution has taken longer than its `deadline`.
    pub(super) fn is_overdue(&self, now: Now, id: ExecutionId) -> bool {
        let timers = self.live.get(&id).map(|live| live.timers.iter());
        let deadline = |(_, timer): &&(Duration, Timer)| *timer == Timer::Deadline(id);
        let due = timers.and_then(|mut timers| timers.find(deadline));
        due.is_some_and(|(due, _)| *due <= now.monotonic)
    }

    /// Whether this attempt is the newest of a live execution and still open.
    pub(super) fn is_current(&self, key: AttemptKey) -> bool {
        self.live.get(&key.execution_id).is_some_and(|live| {
            live.execution.state.name() == StateName::Running
                && live
                    .execution
                    .attempt()
                    .is_some_and(|attempt| attempt.number == key.attempt && !attempt.has_ended())
        })
    }

    /// Makes a new execution of the job of a final one.
    pub(super) fn run_again(
        &mut self,
        now: Now,
        of: &Arc<Execution>,
        actor: Actor,
    ) -> Option<ExecutionId> {
        let job: JobId = of.job_id.clone();
        let reason = Reason::RetryRequested { execution: of.id, by: actor.clone() };
        let new = NewExecution {
            args: of.args.clone(),
            retry_of: Some(of.id),
            requested_by: Some(actor),
            ..NewExecution::new(reason)
        };
        self.create(now, &job, Trigger::Retry, of.fire_time, new)
    }
}

/// When an execution's `deadline` is over, on the monotonic clock. One that was caught up counts from its creation, and
/// one from a time when the clock was ahead counts from now. Its timer holds this from then on, whatever the clock does.
pub(super) fn deadline_of(now: Now, execution: &Execution, definition: &Job) -> Option<Duration> {
    let from = match execution.trigger {
        Trigger::CatchUp => execution.created_at,
        _ => execution.fire_time.max(execution.created_at),
    };
    let from = from.min(now.wall);
    definition.deadline.map(|deadline| now.monotonic_at(from).saturating_add(deadline))
}

/// Whether the policy asks for another attempt after this end.
fn is_retried(definition: &Job, outcome: Outcome, exit_code: Option<i32>) -> bool {
    let is_cause = |cause: &RetryCause| match cause {
        RetryCause::ExitCode(code) => exit_code == Some(*code),
        RetryCause::Named(NamedCause::Timeout) => outcome == Outcome::TimedOut,
        RetryCause::Named(NamedCause::WorkerLost) => outcome == Outcome::WorkerLost,
        RetryCause::Named(NamedCause::NotStarted) => outcome == Outcome::NotStarted,
    };
    let asked = definition.retry_on.is_empty() || definition.retry_on.iter().any(is_cause);
    asked && !definition.no_retry_on.iter().any(is_cause)
}

/// How long the wait after this attempt is, where the policy asks for another one.
pub(super) fn delay_after(id: ExecutionId, attempt: u32, definition: &Job) -> Option<Duration> {
    definition.retry.delay_after(attempt, spread(id, attempt))
}

/// Where within the retry policy's jitter this attempt's delay lies: the same after every restart.
fn spread(id: ExecutionId, attempt: u32) -> f64 {
    let bits = mix(id.uuid().as_u128() as u64 ^ u64::from(attempt)) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

/// What a worker's report says of the end of an attempt.
pub(super) fn reason_of(ended: &Ended) -> Reason {
    let error = ended.error.clone();
    match (ended.outcome, ended.exit_code) {
        (Outcome::Succeeded, code) => Reason::Succeeded { exit_code: code.filter(|it| *it != 0) },
        (Outcome::Failed, Some(exit_code))
            if error.as_deref().is_none_or(|error| says_only_exit_code(error, exit_code)) =>
        {
            Reason::ExitCode { exit_code }
        }
        (Outcome::Failed, _) => Reason::CommandFailed { error },
        (Outcome::NotStarted, _) => Reason::NotStarted { error },
        (Outcome::TimedOut, _) => Reason::TimedOut { error },
        (Outcome::Cancelled, _) => Reason::AttemptCancelled { error },
        (Outcome::WorkerLost, _) => Reason::WorkerLost(LostCause::Reported { error }),
        (Outcome::Interrupted, _) => Reason::Interrupted { error },
    }
}
