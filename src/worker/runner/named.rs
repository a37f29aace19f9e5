//! Carries out a command of the registry, which has no process of its own.
//!
//! Owns its bounds: a command is asked to end, given its grace, then dropped. A panic is a failure
//! like any other.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::{JoinError, JoinHandle};

use super::stop::{Cause, Stop};
use super::verdict::Verdict;
use crate::clock::Clock;
use crate::commands::{Args, Command, CommandError, Context};
use crate::model::Outcome;
use crate::worker::wait;

/// How long a dropped command may take to let go. One that blocks its thread never does.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// How long an attempt may take.
#[derive(Debug, Clone, Copy)]
pub(in crate::worker) struct Bounds {
    /// When its time is out, since the boot.
    pub(in crate::worker) due: Option<Duration>,
    pub(in crate::worker) timeout: Option<Duration>,
    pub(in crate::worker) kill_grace: Duration,
}

impl Bounds {
    /// Whether its time is out.
    pub(super) fn passed(&self) -> Option<Cause> {
        let passed = self.due.is_some_and(|due| due <= Clock.now().monotonic);
        passed.then(|| Cause::Timeout(self.timeout.unwrap_or_default()))
    }
}

/// Carries a command out on a task of its own.
pub(in crate::worker) async fn run_command(
    command: Arc<dyn Command>,
    context: Context,
    args: Args,
    bounds: Bounds,
    stop: &Stop,
) -> Verdict {
    let mut task = tokio::spawn(async move { command.run(context, args).await });
    loop {
        tokio::select! {
            done = &mut task => match stop.cause() {
                // It ended because it was asked to.
                Some(cause) => return stopped(cause, ""),
                None => return verdict(done),
            },
            () = stop.token().cancelled() => {
                return give_up(&mut task, bounds.kill_grace, stop).await;
            }
            // There is no event for a clock that counts suspend.
            () = wait::at_most(wait::until(bounds.due)) => {
                if let Some(cause) = bounds.passed() {
                    stop.set(cause);
                }
            }
        }
    }
}

fn verdict(done: Result<Result<Value, CommandError>, JoinError>) -> Verdict {
    match done {
        Ok(Ok(result)) => {
            let result = Some(result).filter(|result| !result.is_null());
            Verdict { outcome: Outcome::Succeeded, exit_code: None, error: None, result }
        }
        Ok(Err(error)) => Verdict::failed(error.0),
        Err(error) => Verdict::failed(panic_text(error)),
    }
}

fn panic_text(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "the command was dropped".to_owned() };
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the command panicked: {}", text.unwrap_or("no reason given"))
}

/// Waits for a command that was asked to end; drops it when its grace is over.
async fn give_up(
    task: &mut JoinHandle<Result<Value, CommandError>>,
    grace: Duration,
    stop: &Stop,
) -> Verdict {
    let cause = stop.cause().unwrap_or(Cause::Interrupted);
    if tokio::time::timeout(grace, &mut *task).await.is_err() {
        task.abort();
        if tokio::time::timeout(ABORT_GRACE, task).await.is_err() {
            let more = "; the command blocks its thread and does not end";
            return stopped(cause, more);
        }
    }
    stopped(cause, "")
}

fn stopped(cause: Cause, more: &str) -> Verdict {
    let error = Some(cause.reason() + more);
    Verdict { outcome: cause.outcome(), exit_code: None, error, result: None }
}
