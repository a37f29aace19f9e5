//! Reasons as sentences for people: the only place that puts them into words.
//!
//! A sentence says why, never in which state the execution is: that stands beside it.

use std::fmt;

use chrono::SecondsFormat;

use super::{Awaited, AwaitedState, DependencyFate, LostCause, Reason, Unavailable};
use crate::{StateName, StuckProcess, WorkerId, describe_exit_code, text};

impl fmt::Display for Reason {
    #[expect(clippy::too_many_lines, reason = "an exhaustive match: each reason has its sentence")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Scheduled { late_seconds: 0 } => f.write_str("due by its schedule"),
            Self::Scheduled { late_seconds } => {
                write!(f, "due by its schedule, {} late", seconds(*late_seconds))
            }
            Self::CaughtUp { late_seconds } => {
                write!(f, "caught up: {} late", seconds(*late_seconds))
            }
            Self::Booted => f.write_str("the machine was booted"),
            Self::Requested { by, note } => write!(f, "requested by {by}{}", after_colon(note)),
            Self::RequestedForDependent { job, by } => {
                write!(f, "requested by {by} for `{job}`, which depends on it")
            }
            Self::RetryRequested { execution, by } => {
                write!(f, "retry of execution {}, requested by {by}", execution.short())
            }
            Self::DependenciesEnded => f.write_str("all dependencies have ended as asked"),
            Self::OverlapSkip { execution: Some(execution), state } => {
                write!(f, "overlap: {} is still {state}", execution.short())
            }
            Self::OverlapSkip { execution: None, state } => {
                write!(f, "overlap: an execution is still {state}")
            }
            Self::OverlapQueueFull => f.write_str("overlap: another one is queued already"),
            Self::Replaced { execution } => {
                write!(f, "overlap: replaced by {}", execution.short())
            }
            Self::WaitingFor { dependencies, more } => waiting_for(f, dependencies, *more),
            Self::DependenciesMet => f.write_str("all dependencies are met"),
            Self::DependencyTimeout { waiting } => {
                write!(f, "dependency_timeout has passed: {waiting}")
            }
            Self::Superseded { fire_time } => {
                let at = fire_time.to_rfc3339_opts(SecondsFormat::Secs, true);
                write!(f, "superseded by the fire time {at}")
            }
            Self::DependencyFailed { job, cause, fate } if job == cause => {
                write!(f, "its dependency `{job}` {fate}")
            }
            Self::DependencyFailed { job, cause, fate } => {
                write!(f, "its dependency `{job}` cannot run: `{cause}` {fate}")
            }
            Self::BehindExecution { execution: Some(execution) } => {
                write!(f, "waits for the end of execution {} of the same job", execution.short())
            }
            Self::BehindExecution { execution: None } => {
                f.write_str("waits for the end of another execution of the same job")
            }
            Self::ItsTurn => f.write_str("it is its turn"),
            Self::RetryQueued { attempt } => write!(f, "ready for attempt {attempt}"),
            Self::NoSlot(unavailable) => write!(f, "{unavailable}"),
            Self::ConcurrencyReached => f.write_str("the job's `concurrency` is used up"),
            Self::LimitReached { limit } => write!(f, "the limit `{limit}` is used up"),
            Self::Assigned { attempt, worker } => write!(f, "attempt {attempt} on {worker}"),
            Self::RetryIn { attempt, of, end, delay } => {
                let delay = text::format_duration(*delay);
                write!(f, "attempt {attempt} of {of}: {end}; next attempt in {delay}")
            }
            Self::CannotStop { processes } => f.write_str(&stuck(processes)),
            Self::NotRetried { end } => write!(f, "{end}; not retried: its job was removed"),
            Self::Succeeded { exit_code: None } => f.write_str("succeeded"),
            Self::Succeeded { exit_code: Some(code) } => {
                write!(f, "succeeded with {}", describe_exit_code(*code))
            }
            Self::ExitCode { exit_code } => f.write_str(&describe_exit_code(*exit_code)),
            Self::CommandFailed { error } => f.write_str(error.as_deref().unwrap_or("failed")),
            Self::NotStarted { error } => f.write_str(error.as_deref().unwrap_or("not started")),
            Self::TimedOut { error } => f.write_str(error.as_deref().unwrap_or("timed out")),
            Self::AttemptCancelled { error } => {
                f.write_str(error.as_deref().unwrap_or("cancelled"))
            }
            Self::WorkerLost(cause) => write!(f, "worker lost: {cause}"),
            Self::Interrupted { error } => write!(f, "interrupted{}", after_colon(error)),
            Self::DeadlinePassed => f.write_str("its deadline has passed"),
            Self::Cancelled { by } => write!(f, "cancelled by {by}"),
            Self::EngineStopping => f.write_str("the engine is stopping"),
            Self::JobRemoved => f.write_str("its job was removed"),
        }
    }
}

impl Reason {
    /// What the reason says beyond the state that it is for: `: exit code 1` of failed, ` by ann` of cancelled, nothing
    /// where it would only repeat the state.
    #[must_use]
    pub fn beyond(&self, state: StateName) -> String {
        match (self, state) {
            (Self::Succeeded { exit_code: None }, StateName::Succeeded)
            | (Self::CommandFailed { error: None }, StateName::Failed)
            | (Self::TimedOut { error: None }, StateName::TimedOut)
            | (Self::AttemptCancelled { error: None }, StateName::Cancelled) => String::new(),
            (Self::Succeeded { exit_code: Some(code) }, StateName::Succeeded) => {
                format!(" with {}", describe_exit_code(*code))
            }
            (Self::Cancelled { by }, StateName::Cancelled) => format!(" by {by}"),
            // Earlier versions stored the name of a state where there was nothing to add.
            (Self::Text(text), _) if *text == state.as_str().replace('_', " ") => String::new(),
            _ => format!(": {self}"),
        }
    }
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let job = &self.job;
        match self.state {
            AwaitedState::NoJob => write!(f, "{job} (no such job)"),
            AwaitedState::Live { state } => write!(f, "{job} ({state})"),
            AwaitedState::Ended { state } => write!(f, "{job} (last: {state})"),
            AwaitedState::NeverRan => write!(f, "{job} (never ran)"),
        }
    }
}

impl fmt::Display for DependencyFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (execution, state) = match self {
            Self::NoJob => return f.write_str("does not exist"),
            Self::DidNotRun => return f.write_str("did not run"),
            Self::Ended { execution, state } => (execution, state),
        };
        let ended = match state {
            StateName::Failed => "failed",
            StateName::TimedOut => "timed out",
            StateName::Cancelled => "was cancelled",
            StateName::Skipped => "was skipped",
            StateName::Succeeded => "succeeded",
            StateName::Waiting | StateName::Queued | StateName::Running | StateName::Retrying => {
                "has not ended"
            }
        };
        write!(f, "{ended} (execution {})", execution.short())
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (selected, full, draining) = match self {
            Self::Disconnected => return f.write_str("the worker process is not connected"),
            Self::Offline => return f.write_str("the worker process is offline"),
            Self::NoWorker => return f.write_str("there is no worker"),
            Self::NoMatch => {
                return f.write_str("no worker has the id or labels that it asks for");
            }
            Self::Busy { selected, full, draining } => (*selected, *full, draining),
        };
        let whom = if selected { " that it may use" } else { "" };
        let names: Vec<&str> = draining.iter().map(WorkerId::as_str).collect();
        let (s, are) = if names.len() == 1 { ("", "is") } else { ("s", "are") };
        let names = names.join(", ");
        match (full, names.is_empty()) {
            (_, true) => write!(f, "every worker{whom} is full"),
            (false, false) => write!(f, "worker{s} {names} {are} draining"),
            (true, false) => write!(f, "every worker{whom} is full, and {names} {are} draining"),
        }
    }
}

impl fmt::Display for LostCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self {
            Self::ProcessEnded => "the worker process that ran it has ended",
            Self::LeaseExpired => "its worker's lease has run out",
            Self::Booted => "the machine was booted",
            Self::Reported { error } => {
                return f.write_str(error.as_deref().unwrap_or("no cause was reported"));
            }
        };
        write!(f, "{how}; what the command did is not known")
    }
}

fn waiting_for(f: &mut fmt::Formatter<'_>, jobs: &[Awaited], more: usize) -> fmt::Result {
    f.write_str("waits for ")?;
    for (place, job) in jobs.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        write!(f, "{comma}{job}")?;
    }
    if more > 0 { write!(f, ", {more} more") } else { Ok(()) }
}

/// Which processes do not end, and why.
#[must_use]
pub fn stuck(processes: &[StuckProcess]) -> String {
    let one = |it: &StuckProcess| {
        let why = if it.is_refused { "may not be signalled" } else { "does not end" };
        format!("{} of {} {why}", it.pid, it.owner)
    };
    let shown: Vec<String> = processes.iter().map(one).collect();
    format!("process {}", shown.join(", "))
}

fn seconds(seconds: u64) -> String {
    text::format_duration(std::time::Duration::from_secs(seconds))
}

fn after_colon(note: &Option<String>) -> String {
    note.as_ref().map_or_else(String::new, |note| format!(": {note}"))
}
