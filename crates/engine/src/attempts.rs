//! Attempts: what their start and their end lead to, and retries.

use std::sync::Arc;
use std::time::Duration;

use super::{Effect, Engine, Live, Timer};
use crontower_model::{
    Actor, AttemptKey, Ended, EventKind, Execution, ExecutionId, ExecutionState, Job, JobId,
    NamedCause, Now, ON_FAILURE, Outcome, RetryCause, Running, StateName, StopCause, Trigger, text,
};
use crontower_schedule::mix;

/// Begins the reason of an execution whose processes are being ended.
const ENDING: &str = "ending: ";

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
        if execution.attempt().is_some_and(|attempt| attempt.started_at.is_some()) {
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
                attempt.started_at.get_or_insert(running.started_at);
            }
        });
    }

    /// An attempt is over. A late or repeated report changes nothing.
    pub(super) fn attempt_ended(&mut self, now: Now, ended: Ended) {
        let id = ended.key.execution_id;
        self.out.acts.push(Effect::Forget(ended.key));
        if ended.key.attempt == ON_FAILURE {
            return self.notice_ended(&ended);
        }
        if !self.is_current(ended.key) {
            return;
        }
        self.count_outcome(id, ended.outcome);
        self.release(id);
        self.drop_left_pools();
        let (outcome, exit_code) = (ended.outcome, ended.exit_code);
        let reason = describe(&ended);
        self.amend(id, |execution| {
            if let Some(attempt) = execution.attempts.last_mut() {
                attempt.started_at = attempt.started_at.or(ended.started_at);
                attempt.finished_at = Some(ended.finished_at);
                attempt.outcome = Some(ended.outcome);
                attempt.exit_code = ended.exit_code;
                attempt.output_lost = ended.output_lost;
                attempt.error = ended.error;
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
        reason: String,
    ) {
        let Some(Live { execution, definition, .. }) = self.live.get(&id) else { return };
        if outcome == Outcome::Succeeded {
            return self.finish(now, id, ExecutionState::Succeeded, reason);
        }
        if outcome == Outcome::Cancelled || execution.cancelled_by.is_some() {
            let asked = execution.reason.strip_prefix(ENDING).map(str::to_owned);
            let reason = asked.unwrap_or(reason);
            return self.finish(now, id, ExecutionState::Cancelled, reason);
        }
        let number = execution.attempt_number();
        let spread = spread(id, number);
        let delay = definition.retry.delay_after(number, spread);
        let in_time = deadline_of(now, execution, definition).is_none_or(|due| now.monotonic < due);
        let delay = delay.filter(|_| in_time && is_retried(definition, outcome, exit_code));
        if let Some(delay) = delay {
            let most = definition.retry.max_retries() + 1;
            let reason = format!(
                "attempt {number} of {most}: {reason}; the next follows in {}",
                text::format_duration(delay)
            );
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
        let number = execution.attempt_number() + 1;
        let reason = format!("queued for attempt {number}");
        self.transition(now, id, ExecutionState::Queued, reason);
        self.enqueue(now, id);
    }

    /// Ends a live execution on request: at once, or by ending its processes.
    pub(super) fn cancel(&mut self, now: Now, id: ExecutionId, actor: Actor, reason: &str) {
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        if execution.state.name() != StateName::Running {
            self.amend(id, |execution| execution.cancelled_by = Some(actor));
            return self.finish(now, id, ExecutionState::Cancelled, reason.to_owned());
        }
        let key = AttemptKey { execution_id: id, attempt: execution.attempt_number() };
        self.amend(id, |execution| {
            execution.cancelled_by.get_or_insert(actor);
            execution.reason = format!("{ENDING}{reason}");
        });
        self.out.acts.push(Effect::Stop { key, cause: StopCause::Cancel });
    }

    /// An execution has taken longer than its `deadline`.
    pub(super) fn deadline_passed(&mut self, now: Now, id: ExecutionId) {
        let Some(Live { execution, .. }) = self.live.get(&id) else { return };
        if execution.state.name() == StateName::Running {
            let key = AttemptKey { execution_id: id, attempt: execution.attempt_number() };
            self.out.acts.push(Effect::Stop { key, cause: StopCause::Deadline });
        } else {
            let reason = "its deadline has passed".to_owned();
            self.finish(now, id, ExecutionState::TimedOut, reason);
        }
    }

    /// Whether this attempt is the newest of a live execution and still open.
    fn is_current(&self, key: AttemptKey) -> bool {
        self.live.get(&key.execution_id).is_some_and(|live| {
            live.execution.state.name() == StateName::Running
                && live.execution.attempt().is_some_and(|attempt| {
                    attempt.number == key.attempt && attempt.finished_at.is_none()
                })
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
        let new_execution = super::admission::NewExecution {
            args: of.args.clone(),
            retry_of: Some(of.id),
            reason: format!("retry of execution {}, asked for by {actor}", of.id.short()),
            requested_by: Some(actor),
            ..Default::default()
        };
        self.create(now, &job, Trigger::Retry, of.fire_time, new_execution)
    }
}

/// When an execution's `deadline` is over, on the monotonic clock. One that was caught up counts from its creation.
pub(super) fn deadline_of(now: Now, execution: &Execution, definition: &Job) -> Option<Duration> {
    let from = match execution.trigger {
        Trigger::CatchUp => execution.created_at,
        _ => execution.fire_time.max(execution.created_at),
    };
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

/// Where within the retry policy's jitter this attempt's delay lies: the same after every restart.
fn spread(id: ExecutionId, attempt: u32) -> f64 {
    let bits = mix(id.uuid().as_u128() as u64 ^ u64::from(attempt)) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

/// The end of an attempt in words.
pub(super) fn describe(ended: &Ended) -> String {
    match (ended.outcome, ended.exit_code, &ended.error) {
        (Outcome::Succeeded, Some(0) | None, _) => "succeeded".to_owned(),
        (Outcome::Succeeded, Some(code), _) => format!("succeeded with exit code {code}"),
        (_, _, Some(error)) => error.clone(),
        (Outcome::TimedOut, ..) => "timed out".to_owned(),
        (Outcome::Failed, Some(code), None) => format!("exit code {code}"),
        (outcome, ..) => outcome.as_str().replace('_', " "),
    }
}
