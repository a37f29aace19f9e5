//! Carries out attempts, from an assignment to what became of it.
//!
//! Owns the way of one attempt: written to the journal, started, bounded, ended, reported. Never
//! decides whether an attempt is started, and never keeps what became of it.

mod launch;
mod named;
mod pipes;
mod script;
mod shell;
mod stop;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

pub(super) use named::{Bounds, run_command};
pub(super) use script::remove_leftover_scripts;
pub(super) use stop::{Cause, Stop};

use super::journal::{Journal, Starting};
use super::output_log::{OutputLog, OutputWriter};
use super::protocol::{Assignment, Ended, Running};
use super::registry::{Context, Registry};
use crate::driver::clock::Clock;
use crate::model::{EnvValue, JobCommand, Outcome};

/// The longest error that is passed on.
const LONGEST_ERROR: usize = 4 << 10;

/// The largest result that is passed on.
const LARGEST_RESULT: usize = 64 << 10;

/// What a runner tells of its attempts.
#[derive(Debug)]
pub(super) enum Report {
    Started(Running),
    Ended(Box<Ended>),
}

/// How an attempt ended.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) exit_code: Option<i32>,
    pub(super) error: Option<String>,
    pub(super) result: Option<Value>,
}

impl Verdict {
    pub(super) fn failed(error: String) -> Self {
        Self { outcome: Outcome::Failed, exit_code: None, error: Some(error), result: None }
    }

    /// As a report, with what is beyond all bounds left out.
    pub(super) fn ended(self, assignment: &Assignment, started_at: Option<DateTime<Utc>>) -> Ended {
        Ended {
            key: assignment.key,
            started_at,
            finished_at: Clock.now().wall,
            outcome: self.outcome,
            exit_code: self.exit_code,
            error: self.error.map(shortened),
            result: self.result.map(bounded),
        }
    }
}

fn shortened(mut error: String) -> String {
    if error.len() > LONGEST_ERROR {
        error.truncate(error.floor_char_boundary(LONGEST_ERROR));
        error.push('…');
    }
    error
}

fn bounded(result: Value) -> Value {
    let length = serde_json::to_vec(&result).map_or(0, |text| text.len());
    if length <= LARGEST_RESULT {
        return result;
    }
    Value::String(format!(
        "a result of {length} bytes was left out: at most {LARGEST_RESULT} are kept"
    ))
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
        let shell = matches!(assignment.command.name(), "shell");
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
        let log = self.output.log(assignment.key, assignment.output_limit);
        let bounds = Bounds {
            due: assignment.timeout.map(|timeout| now.monotonic.saturating_add(timeout)),
            timeout: assignment.timeout,
            kill_grace: assignment.kill_grace,
        };
        if shell {
            return self.run_shell(assignment, &log, bounds, stop).await;
        }
        self.started(assignment, None, now.wall).await;
        let verdict = match &assignment.command {
            JobCommand::Named { command, args } => match self.registry.get(command) {
                Some(known) => {
                    let context = context(assignment, &log, stop);
                    run_command(known.clone(), context, args.clone(), bounds, stop).await
                }
                None => Verdict::failed(format!("this worker knows no command `{command}`")),
            },
            JobCommand::Run { .. } => Verdict::failed("a script that is no script".to_owned()),
        };
        log.settle().await;
        log.close();
        verdict.ended(assignment, Some(now.wall))
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
pub(super) fn context(assignment: &Assignment, log: &Arc<OutputLog>, stop: &Stop) -> Context {
    Context {
        key: assignment.key,
        job_id: assignment.job_id.clone(),
        fire_time: assignment.fire_time,
        trigger: assignment.trigger,
        working_dir: working_dir(assignment),
        env: texts(&assignment.env),
        output: log.clone(),
        stop: stop.token().child_token(),
    }
}

/// The environment of a job.
fn texts(env: &BTreeMap<String, EnvValue>) -> BTreeMap<String, String> {
    let texts = env.iter().filter_map(|(name, value)| match value {
        EnvValue::Text(text) => Some((name.clone(), text.clone())),
        EnvValue::SecretFile { .. } => None,
    });
    texts.collect()
}

/// Where an attempt works: as the job says, else at home.
fn working_dir(assignment: &Assignment) -> PathBuf {
    let home = || std::env::home_dir().filter(|home| home.is_dir());
    let given = assignment.working_dir.as_ref().map(PathBuf::from);
    given.or_else(home).unwrap_or_else(|| Path::new("/").to_owned())
}

/// How long until an instant of the clock that counts suspend.
fn until(due: Option<Duration>) -> Option<Duration> {
    due.map(|due| due.saturating_sub(Clock.now().monotonic))
}
