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
mod start;
mod stop;
mod verdict;

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use rustix::process::Signal;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(super) use environment::Environment;
use launch::{Launched, launch};
pub(super) use named::{Bounds, run_command};
pub(super) use script::remove_leftover_scripts;
pub(super) use start::{START_TIMEOUT, on_own_thread};
pub(super) use stop::{Cause, Stop};
pub(super) use verdict::Verdict;

use super::journal::{Journal, Starting};
use super::output_log::{OutputLog, OutputWriter};
use super::processes::signal_group;
use crate::clock::Clock;
use crate::commands::{Context, OutputSink as _, Registry};
use crate::model::{Assignment, AttemptKey, Ended, JobCommand, Running, Stream, StuckProcess};

/// How long a stopped attempt waits for its own start. A start that takes longer hangs.
const STOPPED_START: Duration = Duration::from_secs(1);

/// What a runner reports about its attempts.
#[derive(Debug)]
pub(super) enum Report {
    Started(Running),
    Ended(Box<Ended>),
    /// It is being ended, and these processes live on.
    CannotStop {
        key: AttemptKey,
        since: DateTime<Utc>,
        reason: String,
        processes: Vec<StuckProcess>,
    },
}

/// An attempt that is ready to be supervised.
struct Begun {
    environment: Environment,
    /// Of a command that is one.
    process: Option<Launched>,
}

/// Carries out attempts.
pub(super) struct Runner {
    pub(super) data_dir: PathBuf,
    pub(super) registry: Registry,
    /// How long a start may take.
    pub(super) start_timeout: Duration,
    pub(super) output: OutputWriter,
    pub(super) journal: Arc<Journal>,
    pub(super) reports: mpsc::Sender<Report>,
    /// Tasks that drain the pipes of processes left behind.
    pub(super) draining: TaskTracker,
}

impl Runner {
    /// Carries out an attempt and reports it; whatever goes wrong, it gets an end.
    pub(super) async fn carry_out(
        self: Arc<Self>,
        assignment: Assignment,
        inherited: Arc<Vec<(OsString, OsString)>>,
        stop: Stop,
    ) {
        let work = AssertUnwindSafe(self.work(&assignment, inherited, &stop)).catch_unwind();
        let ended = work.await.unwrap_or_else(|_| {
            let key = assignment.key;
            tracing::error!(execution = %key.execution_id, key.attempt, "a runner panicked");
            let error = "crontower itself failed; worker.log says where".to_owned();
            Verdict::failed(error).ended(&assignment, None)
        });
        // Nobody listens only when the process ends.
        _ = self.reports.send(Report::Ended(Box::new(ended))).await;
    }

    async fn work(
        self: &Arc<Self>,
        assignment: &Assignment,
        inherited: Arc<Vec<(OsString, OsString)>>,
        stop: &Stop,
    ) -> Ended {
        let now = Clock.now();
        let starting = Starting {
            key: assignment.key,
            worker_id: assignment.worker_id.clone(),
            at: now.wall,
            monotonic_ms: u64::try_from(now.monotonic.as_millis()).unwrap_or(u64::MAX),
            kill_grace: assignment.kill_grace,
            process: environment::is_process(&assignment.command),
        };
        if let Some(cause) = stop.cause() {
            return cause.before_start().ended(assignment, None);
        }
        if let Err(error) = self.journal.starting(starting) {
            let error = format!("not started: worker.journal cannot be written: {error}");
            return Verdict::not_started(error).ended(assignment, None);
        }
        let begun = match self.begin_unless_stopped(assignment, inherited, stop).await {
            Ok(begun) => begun,
            Err(cause) => return cause.before_start().ended(assignment, None),
        };
        let Begun { environment, process } = match begun {
            Ok(begun) => begun,
            Err(error) => return Verdict::not_started(error).ended(assignment, None),
        };
        let redact = environment.redact.clone();
        let log = self.output.redacted_log(assignment.key, assignment.output_limit, redact);
        for fallback in &environment.fallbacks {
            log.write(Stream::Stderr, format!("crontower: {fallback}\n").as_bytes());
        }
        let bounds = Bounds {
            due: assignment.timeout.map(|timeout| now.monotonic.saturating_add(timeout)),
            timeout: assignment.timeout,
            kill_grace: assignment.kill_grace,
        };
        match process {
            Some(process) => {
                self.run_shell(assignment, process, &environment, &log, bounds, stop).await
            }
            None => {
                self.started(assignment, None, now.wall).await;
                let verdict = self.run_named(assignment, &environment, &log, bounds, stop).await;
                log.settle().await;
                log.close();
                let verdict = verdict.redacted(environment.redact.as_deref());
                Ended { output_lost: log.lost(), ..verdict.ended(assignment, Some(now.wall)) }
            }
        }
    }

    /// Begins an attempt; stopped meanwhile, it starts nothing more. A process that runs by then is supervised, so that
    /// its attempt ends when its whole group has; a start that hangs is left behind.
    async fn begin_unless_stopped(
        self: &Arc<Self>,
        assignment: &Assignment,
        inherited: Arc<Vec<(OsString, OsString)>>,
        stop: &Stop,
    ) -> Result<Result<Begun, String>, Cause> {
        let given_up = CancellationToken::new();
        let mut begin = std::pin::pin!(self.begin(assignment, inherited, given_up.clone()));
        tokio::select! {
            begun = &mut begin => return Ok(begun),
            () = stop.token().cancelled() => given_up.cancel(),
        }
        match tokio::time::timeout(STOPPED_START, begin).await {
            Ok(Ok(begun @ Begun { process: Some(_), .. })) => Ok(Ok(begun)),
            _ => Err(stop.cause().unwrap_or(Cause::ProcessEnds)),
        }
    }

    /// Prepares an attempt and, of one that is a process, starts it: everything that touches the job's paths.
    async fn begin(
        self: &Arc<Self>,
        assignment: &Assignment,
        inherited: Arc<Vec<(OsString, OsString)>>,
        given_up: CancellationToken,
    ) -> Result<Begun, String> {
        let (runner, assignment) = (Arc::clone(self), assignment.clone());
        let watched = given_up.clone();
        let work = async move {
            let environment = Environment::of(&assignment, &runner.data_dir, inherited).await?;
            let process = match environment::is_process(&assignment.command) {
                true => Some(launch(&runner.data_dir, &assignment, &environment, &watched).await),
                false => None,
            };
            let redacted = |error: String| match &environment.redact {
                Some(redact) => redact.redact_text(&error),
                None => error,
            };
            let process = process.transpose().map_err(redacted)?;
            Ok(Begun { environment, process })
        };
        // A process that came up too late must not run: its attempt has another end.
        let discard = |late: Result<Begun, String>| {
            if let Ok(Begun { process: Some(late), .. }) = late
                && let Some(id) = late.child.id().and_then(|pid| i32::try_from(pid).ok())
            {
                signal_group(id, Signal::KILL);
            }
        };
        start::on_own_thread(self.start_timeout, given_up, work, discard).await?
    }

    async fn run_named(
        &self,
        assignment: &Assignment,
        environment: &Environment,
        log: &Arc<OutputLog>,
        bounds: Bounds,
        stop: &Stop,
    ) -> Verdict {
        let JobCommand::Named { command, args } = &assignment.command else {
            return Verdict::failed("a script that is no script".to_owned());
        };
        let Some(known) = self.registry.get(command) else {
            return Verdict::failed(format!("this worker knows no command `{command}`"));
        };
        let args = environment.args(command, args);
        match context(assignment, environment, log, stop) {
            Ok(context) => run_command(known.clone(), context, args, bounds, stop).await,
            Err(error) => Verdict::failed(error),
        }
    }

    /// Writes down and reports that an attempt runs.
    async fn started(&self, assignment: &Assignment, pid: Option<u32>, started_at: DateTime<Utc>) {
        let (key, worker_id) = (assignment.key, assignment.worker_id.clone());
        let running = Running { key, worker_id, started_at, pid };
        self.journal.started(&running, Clock.now().monotonic);
        _ = self.reports.send(Report::Started(running)).await;
    }
}

/// What a command of the registry receives.
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
