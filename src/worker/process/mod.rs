//! The worker process: carries out attempts for whichever engine is connected, and goes on when
//! none is.
//!
//! Owns its life: alone on its data folder, out of the terminal's reach, found by its socket, ends
//! when idle and alone. Never decides what runs; it does what the engine says, and remembers what
//! became of it until that is committed.

mod connection;
mod descriptors;
mod error;
mod outbox;
mod recovery;
mod socket;
#[cfg(test)]
pub(super) mod tests;
mod worker_loop;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::Mode;
use rustix::process::{Pid, getpid, setsid, umask};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

pub(crate) use error::WorkerError;
pub(crate) use recovery::GroupNews;
pub(super) use recovery::end_given_up;
pub(super) use socket::connect;

use super::journal::{Journal, ProcessMark};
use super::output_log::OutputWriter;
use super::processes::own_session;
use super::protocol::FromWorker;
use super::runner::{Report, Runner, START_TIMEOUT, remove_leftover_scripts};
use crate::clock;
use crate::commands::Registry;
use outbox::Outbox;
use recovery::Recovered;
use worker_loop::{Inputs, WorkerLoop};

/// The line on standard output that says that the socket is open.
pub(super) const READY: &str = "crontower: worker process ready";

/// How a worker process serves.
#[derive(Debug)]
pub(crate) struct ServeOptions {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Commands that have no process of their own.
    pub registry: Registry,
    /// How long it stays when nothing runs and no engine is connected.
    pub idle_grace: Duration,
    /// What attempts inherit from an engine that does not say what its own do (one of an earlier version).
    pub environment: Vec<(OsString, OsString)>,
    /// How long the start of an attempt may take, before it ends as `not_started`.
    pub start_timeout: Duration,
    /// Whether this process is a worker process and nothing else: it then leaves its terminal,
    /// obeys signals, and says on standard output when its socket is open.
    pub alone: bool,
}

impl ServeOptions {
    /// Those of a real worker process: the environment of this process goes on, without what is
    /// crontower's own.
    #[must_use]
    pub(crate) fn new(data_dir: PathBuf, registry: Registry) -> Self {
        let (environment, idle_grace) = (inherited_environment(), Duration::from_secs(5));
        let start_timeout = START_TIMEOUT;
        Self { data_dir, registry, idle_grace, environment, start_timeout, alone: true }
    }
}

/// The environment of this process without crontower's own variables: what attempts inherit from it.
pub(super) fn inherited_environment() -> Vec<(OsString, OsString)> {
    let ours = |name: &OsString| name.to_string_lossy().starts_with("CRONTOWER_");
    std::env::vars_os().filter(|(name, _)| !ours(name)).collect()
}

/// Serves a data folder until nothing runs and no engine is connected.
///
/// # Errors
/// When it cannot begin to.
pub(crate) async fn serve(options: ServeOptions) -> Result<(), WorkerError> {
    if options.alone {
        leave_the_terminal()?;
        descriptors::close_inherited().map_err(system("closing inherited descriptors"))?;
    }
    let data_dir = socket::data_dir(&options.data_dir)?;
    let lock = socket::Lock::take(&data_dir)?;
    if options.alone {
        umask(Mode::WGRP | Mode::WOTH);
        // So that it keeps no file system from being unmounted; the data folder is in use anyway.
        std::env::set_current_dir(&data_dir).map_err(system("its folder"))?;
    }
    let mut signals =
        worker_loop::Signals::new(options.alone).map_err(system("signal handlers"))?;
    let listener = socket::Listener::open(&data_dir, &lock)?;
    if options.alone {
        say_ready();
    }
    let (journal, left) = begin(data_dir.clone()).await.map_err(system("its journal"))?;

    let outbox: Arc<Mutex<Option<Arc<Outbox>>>> = Arc::default();
    let engine = outbox.clone();
    let grew = move |key, bytes| {
        if let Some(outbox) = &*engine.lock().unwrap_or_else(PoisonError::into_inner) {
            outbox.push_news(FromWorker::OutputGrew { key, bytes });
        }
    };
    let output =
        OutputWriter::start(&data_dir, Box::new(grew)).map_err(system("a thread for output"))?;
    let (reports, reported) = mpsc::channel(1024);
    let orphans_reports = reports.clone();
    let draining = TaskTracker::new();
    let runner = Arc::new(Runner {
        data_dir: data_dir.clone(),
        registry: options.registry,
        start_timeout: options.start_timeout,
        output,
        journal: journal.clone(),
        reports,
        draining: draining.clone(),
    });
    let mut inputs = Inputs { listener, signals: &mut signals, reported };
    let environment = Arc::new(options.environment);
    let worker_loop =
        WorkerLoop::new(runner, journal, outbox, &left, environment, options.idle_grace);
    end_orphans(left.orphans, orphans_reports).map_err(system("a thread for leftovers"))?;
    let end = worker_loop.run(&mut inputs).await;
    // A stale socket does no harm: the next worker process replaces it under the lock.
    _ = socket::remove(&data_dir);
    drop(inputs);
    // From here on a successor can serve the data folder.
    drop(lock);
    if let Some(outbox) = end.displaced {
        // Only now, so that its engine does not come back to this process.
        outbox.close();
    }
    if end.drains {
        // Processes that commands left behind still write to their pipes, and would die of closed ones.
        tokio::select! {
            () = draining.wait() => {}
            () = signals.terminated() => {}
        }
    }
    Ok(())
}

/// Where there is no terminal, nothing that is typed or lost there reaches this process or what it
/// starts.
fn leave_the_terminal() -> Result<(), WorkerError> {
    match setsid() {
        Ok(_) => Ok(()),
        // It leads a session already, as under a supervisor.
        Err(_) if own_session() == Pid::as_raw_pid(getpid()) => Ok(()),
        Err(error) => Err(WorkerError::Session(error.into())),
    }
}

fn system(what: &'static str) -> impl Fn(io::Error) -> WorkerError {
    move |source| WorkerError::System { what, source }
}

fn say_ready() {
    // Whoever started this may be gone: then nobody reads it.
    _ = writeln!(io::stdout(), "\n{READY}").and_then(|()| io::stdout().flush());
}

/// Reads the predecessor's journal, and begins a new one with what is left of it.
async fn begin(data_dir: PathBuf) -> io::Result<(Arc<Journal>, Recovered)> {
    let work = move || {
        let boot_id = clock::boot_id();
        let left = Recovered::of(Journal::replay(&data_dir)?, &boot_id);
        remove_leftover_scripts(&data_dir);
        let mark = ProcessMark { boot_id, session: own_session() };
        let journal = Journal::begin(&data_dir, mark, &left.ended, &left.unfinished)?;
        Ok((Arc::new(journal), left))
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Ends what still runs of a dead predecessor's attempts, on a thread of its own.
fn end_orphans(orphans: Vec<recovery::Orphan>, reports: mpsc::Sender<Report>) -> io::Result<()> {
    if orphans.is_empty() {
        return Ok(());
    }
    let work = move || {
        recovery::end(orphans, |report| {
            // Nobody listens only when the process ends.
            _ = reports.blocking_send(report);
        });
    };
    std::thread::Builder::new().name("leftovers".to_owned()).spawn(work).map(drop)
}

/// `crontower worker-process --data-dir DIR` of a program that embeds crontower, without what comes before it: a worker process's
/// whole life.
#[must_use]
pub(crate) fn main_worker(args: &[OsString], registry: Registry) -> std::process::ExitCode {
    match run_worker(args, registry) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be gone; the exit code says it, too.
            _ = writeln!(io::stderr(), "crontower worker-process: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run_worker(args: &[OsString], registry: Registry) -> Result<(), Box<dyn std::error::Error>> {
    let [flag, data_dir] = args else { return Err("takes --data-dir DIR".into()) };
    if flag != "--data-dir" {
        return Err("takes --data-dir DIR".into());
    }
    // Standard error is worker.log. An embedding program may have said where its log goes: then it stays so.
    _ = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let options = ServeOptions::new(data_dir.into(), registry);
    Ok(runtime.block_on(serve(options))?)
}
