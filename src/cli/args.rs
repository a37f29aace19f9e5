//! All arguments, as clap reads them. What cannot be done yet does not stand here.

use clap::{Parser, Subcommand};

use super::engine::StartArgs;
use super::target::Target;
use super::times::instant_ahead;
use super::verb::Verb;
use super::{
    acknowledge, attach, completions, edit, events, executions, export, import, init, jobs, logs,
    man, migrate, next, run, show, status, token, validate, versions, why, worker_process, workers,
};
use crate::control::{
    CancelExecution, DeleteJob, DeleteWorker, DisableJob, DrainWorker, EnableJob, PauseJob,
    ReloadJobs, ResumeJob, RetryExecution, RollBackJob, SetWorkerCapacity, SkipNextFireTime,
    UndrainWorker,
};

const EXAMPLES: &str = "\
Examples:
  crontower                               the engine and its screen, or the screen of one that runs
  crontower --headless                    the engine alone
  crontower next 'weekdays at 9:30'       when a schedule fires
  crontower run nightly-backup --wait     run a job now and see its output
  crontower logs -f 1a2b3c4d              follow an execution

Exit codes: 0 done, 1 failed, 2 wrong use or invalid input, 3 no engine reachable, 4 not found, 5 not allowed,
130 left with Ctrl-C.";

/// A job scheduler that people watch and drive from a terminal.
#[derive(Debug, Parser)]
#[command(name = "crontower", version, about, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(super) target: Target,

    #[command(flatten)]
    pub(super) start: StartArgs,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a small jobs file to start from
    Init(init::Init),
    /// Make a jobs file of what another scheduler has
    Import(import::Import),
    /// Print all jobs in force as one jobs file
    Export(export::Export),
    /// Judge a jobs file
    Validate(validate::Validate),
    /// Tell when a schedule fires next
    Next(next::Next),
    /// List the jobs
    Jobs(jobs::Jobs),
    /// List executions, newest first
    Executions(executions::Executions),
    /// List the workers
    Workers(workers::Workers),
    /// Tell how the engine is
    Status(status::Status),
    /// List the newest events, or follow them
    Events(events::Events),
    /// Show a job or an execution
    Show(show::Show),
    /// Say why a job does or does not run, or why an execution waits
    Why(why::Why),
    /// Run a job now
    Run(run::Run),
    /// Stop the schedule of a job from firing
    #[command(mut_arg("until", |arg| arg.value_parser(instant_ahead)))]
    Pause(Verb<PauseJob>),
    /// End a pause
    Resume(Verb<ResumeJob>),
    /// Call off the next fire time of a job
    SkipNext(Verb<SkipNextFireTime>),
    /// Let the schedule of a job fire again
    Enable(Verb<EnableJob>),
    /// Let the schedule of a job fire no more
    Disable(Verb<DisableJob>),
    /// Make a job out of a file, or change it to what the file says
    Apply(edit::Apply),
    /// Change keys of a job
    Set(edit::Set),
    /// Delete a job; its history stays
    Delete(Verb<DeleteJob>),
    /// List the versions of a job
    Versions(versions::Versions),
    /// Go back to an earlier version of a job
    Rollback(Verb<RollBackJob>),
    /// End a live execution
    Cancel(Verb<CancelExecution>),
    /// Run a final execution again
    Retry(Verb<RetryExecution>),
    /// Note that a failure was seen
    #[command(mut_arg("until", |arg| arg.value_parser(instant_ahead)))]
    Acknowledge(acknowledge::Acknowledge),
    /// Print the output of an execution, or of a job's newest
    Logs(logs::Logs),
    /// Let a worker finish what it has and take no more
    Drain(Verb<DrainWorker>),
    /// Let a worker take attempts again
    Undrain(Verb<UndrainWorker>),
    /// Change how many attempts a worker runs at once
    Capacity(Verb<SetWorkerCapacity>),
    /// Remove an offline worker from the list
    DeleteWorker(Verb<DeleteWorker>),
    /// Read jobs.yaml again: all of it or, if it is wrong, nothing
    Reload(Verb<ReloadJobs>),
    /// Bring the schema of a PostgreSQL store up to date
    Migrate(migrate::Migrate),
    /// Make, list and revoke the tokens that let programs in over TCP
    Token(token::Token),
    /// Open the screen of a running engine
    Attach(attach::Attach),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Print a manual page
    Man(man::Man),
    /// Carry out attempts for the engine on the data folder
    #[command(hide = true)]
    WorkerProcess(worker_process::WorkerProcess),
}
