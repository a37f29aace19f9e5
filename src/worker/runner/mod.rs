//! Carries out attempts, from an assignment to what became of it.
//!
//! Owns the way of one attempt: written to the journal, started, bounded, ended, reported. Never
//! decides whether an attempt is started, and never keeps what became of it.

mod environment;
mod launch;
mod named;
mod pipes;
mod run_as;
mod script;
mod secrets;
mod shell;
mod stop;
mod verdict;

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

pub(super) use environment::Environment;
pub(super) use named::{Bounds, run_command};
pub(super) use script::remove_leftover_scripts;
pub(super) use stop::{Cause, Stop};
pub(super) use verdict::Verdict;

use super::journal::{Journal, Starting};
use super::output_log::{OutputLog, OutputWriter};
use crate::clock::Clock;
use crate::commands::{Context, Registry};
use crate::model::{Assignment, Ended, JobCommand, Running};

/// What a runner tells of its attempts.
#[derive(Debug)]
pub(super) enum Report {
    Started(Running),
    Ended(Box<Ended>),
}

/// Carries out attempts.
pub(super) struct Runner {
    pub(super) data_dir: PathBuf,
    pub(super) registry: Registry,
    /// What every process inherits.
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) output: OutputWriter,
    pub(super) journal: Arc<Journal>,
    pub(super) reports: mpsc::Sender<Report>,
    /// Tasks that drain the pipes of processes left behind.
    pub(super) draining: TaskTracker,
}

impl Runner {
    /// Carries out an attempt and reports of it; nothing that goes wrong leaves it without an end.
    pub(super) async fn carry_out(self: Arc<Self>, assignment: Assignment, stop: Stop) {
        let work = AssertUnwindSafe(self.work(&assignment, &stop)).catch_unwind();
        let ended = work.await.unwrap_or_else(|_| {
            let key = assignment.key;
            tracing::error!(execution = %key.execution_id, key.attempt, "a runner panicked");
            let error = "crontower itself failed; worker.log says where".to_owned();
            Verdict::failed(error).ended(&assignment, None)
        });
        // Nobody listens any more only when the process ends.
        _ = self.reports.send(Report::Ended(Box::new(ended))).await;
    }

    async fn work(&self, assignment: &Assignment, stop: &Stop) -> Ended {
        let now = Clock.now();
        let shell = environment::is_process(&assignment.command);
        let starting = Starting {
            key: assignment.key,
            worker_id: assignment.worker_id.clone(),
            at: now.wall,
            monotonic_ms: u64::try_from(now.monotonic.as_millis()).unwrap_or(u64::MAX),
            kill_grace: assignment.kill_grace,
            process: shell,
        };
        if let Some(cause) = stop.cause() {
            return cause.before_start().ended(assignment, None);
        }
        if let Err(error) = self.journal.starting(starting) {
            let error = format!("not started: worker.journal cannot be written: {error}");
            return Verdict::failed(error).ended(assignment, None);
        }
        let environment = match Environment::of(assignment, &self.data_dir).await {
            Ok(environment) => environment,
            Err(error) => return Verdict::failed(error).ended(assignment, None),
        };
        let redact = environment.redact.clone();
        let log = self.output.redacted_log(assignment.key, assignment.output_limit, redact);
        let bounds = Bounds {
            due: assignment.timeout.map(|timeout| now.monotonic.saturating_add(timeout)),
            timeout: assignment.timeout,
            kill_grace: assignment.kill_grace,
        };
        if shell {
            return self.run_shell(assignment, &environment, &log, bounds, stop).await;
        }
        self.started(assignment, None, now.wall).await;
        let verdict = match &assignment.command {
            JobCommand::Named { command, args } => match self.registry.get(command) {
                Some(known) => {
                    let args = environment.args(command, args);
                    match context(assignment, &environment, &log, stop) {
                        Ok(context) => {
                            run_command(known.clone(), context, args, bounds, stop).await
                        }
                        Err(error) => Verdict::failed(error),
                    }
                }
                None => Verdict::failed(format!("this worker knows no command `{command}`")),
            },
            JobCommand::Run { .. } => Verdict::failed("a script that is no script".to_owned()),
        };
        log.settle().await;
        log.close();
        let verdict = verdict.redacted(environment.redact.as_deref());
        Ended { output_lost: log.lost(), ..verdict.ended(assignment, Some(now.wall)) }
    }

    /// Writes down and reports that an attempt runs.
    async fn started(&self, assignment: &Assignment, pid: Option<u32>, started_at: DateTime<Utc>) {
        let (key, worker_id) = (assignment.key, assignment.worker_id.clone());
        let running = Running { key, worker_id, started_at, pid };
        self.journal.started(&running, Clock.now().monotonic);
        _ = self.reports.send(Report::Started(running)).await;
    }
}

/// What a command of the registry is told.
///
/// # Errors
/// When a variable is no text.
pub(super) fn context(
    assignment: &Assignment,
    environment: &Environment,
    log: &Arc<OutputLog>,
    stop: &Stop,
) -> Result<Context, String> {
    Ok(Context {
        key: assignment.key,
        job_id: assignment.job_id.clone(),
        fire_time: assignment.fire_time,
        trigger: assignment.trigger,
        working_dir: environment.dir.clone(),
        env: environment.texts()?,
        output: log.clone(),
        stop: stop.token().child_token(),
    })
}
