//! The command line: arguments, one file a subcommand, exit codes in one table.
//!
//! Owns how things are said to people and scripts on stdout and stderr. Decides nothing: every deed is asked of an engine
//! through its door, nearly always by the API's client.

mod acknowledge;
mod args;
mod attach;
mod completions;
mod edit;
mod engine;
mod events;
mod executions;
mod exit;
mod export;
#[cfg(test)]
mod help_tests;
mod import;
mod init;
mod jobs;
mod logging;
mod logs;
mod man;
mod migrate;
mod next;
mod pause;
mod reload;
mod run;
mod screen;
mod show;
mod signals;
mod status;
mod store;
mod table;
mod target;
mod terminal;
mod times;
mod token;
mod validate;
mod verb;
mod versions;
mod which;
mod why;
mod worker_process;
mod workers;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

pub(crate) use self::args::Cli;
use self::args::Command;
pub(crate) use self::exit::Exit;
use self::exit::Failure;
use self::target::Target;
use self::terminal::Terminal;

/// What every subcommand is given.
#[derive(Debug)]
struct Context {
    terminal: Terminal,
    target: Target,
}

/// Does what the arguments ask for.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli =
        match Cli::command().try_get_matches_from(args).and_then(|m| Cli::from_arg_matches(&m)) {
            Ok(cli) => cli,
            Err(error) => {
                // Help and version come this way, too. A reader that is gone has seen enough.
                let _ = error.print();
                return if error.use_stderr() { Exit::Usage } else { Exit::Done };
            }
        };
    let terminal = Terminal::detect();
    match start(cli, terminal) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            terminal.tell(&failure);
            failure.exit
        }
    }
}

fn start(cli: Cli, terminal: Terminal) -> Result<(), Failure> {
    // Fails only where it was done before: an embedding test.
    let _ = color_eyre::install();
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot start the threads of the program: {error}"))
    })?;
    let context = Context { terminal, target: cli.target };
    match (cli.command, cli.start.any()) {
        (None, _) => runtime.block_on(cli.start.run(&context)),
        (Some(command), false) => runtime.block_on(dispatch(command, context)),
        (Some(_), true) => Err(Failure::new(
            Exit::Usage,
            "--headless, --jobs, --store, --listen and --tls-cert start an engine: they take no command",
        )),
    }
}

async fn dispatch(command: Command, context: Context) -> Result<(), Failure> {
    match command {
        Command::Init(args) => args.run(&context),
        Command::Import(args) => args.run(&context),
        Command::Export(args) => args.run(&context).await,
        Command::Validate(args) => args.run(&context),
        Command::WorkerProcess(args) => args.run(&context).await,
        Command::Next(args) => args.run(&context),
        Command::Jobs(args) => args.run(&context).await,
        Command::Executions(args) => args.run(&context).await,
        Command::Workers(args) => args.run(&context).await,
        Command::Status(args) => args.run(&context).await,
        Command::Events(args) => args.run(&context).await,
        Command::Show(args) => args.run(&context).await,
        Command::Why(args) => args.run(&context).await,
        Command::Run(args) => args.run(&context).await,
        Command::Pause(args) => args.run(&context).await,
        Command::Resume(args) => args.run(&context).await,
        Command::SkipNext(args) => args.run(&context).await,
        Command::Enable(args) => args.run(&context).await,
        Command::Disable(args) => args.run(&context).await,
        Command::Apply(args) => args.run(&context).await,
        Command::Set(args) => args.run(&context).await,
        Command::Delete(args) => args.run(&context).await,
        Command::Versions(args) => args.run(&context).await,
        Command::Rollback(args) => args.run(&context).await,
        Command::Acknowledge(args) => args.run(&context).await,
        Command::Drain(args) => args.run(&context).await,
        Command::Undrain(args) => args.run(&context).await,
        Command::Capacity(args) => args.run(&context).await,
        Command::DeleteWorker(args) => args.run(&context).await,
        Command::Cancel(args) => args.run_named(&context).await,
        Command::Retry(args) => args.run_named(&context).await,
        Command::Logs(args) => args.run(&context).await,
        Command::Reload(args) => args.run(&context).await,
        Command::Migrate(args) => args.run(&context).await,
        Command::Token(args) => args.run(&context),
        Command::Attach(args) => args.run(&context).await,
        Command::Completions(args) => args.run(&context),
        Command::Man(args) => args.run(&context),
    }
}
