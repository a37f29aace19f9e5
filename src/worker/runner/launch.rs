//! Starts the process of an attempt, in a group of its own, and says in plain words why one cannot
//! be started.
//!
//! Owns what a process is given: environment, folder, streams. Never waits for it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::io::Errno;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::environment::Environment;
use super::pipes::{Pipe, Pipes};
use super::script::{self, Invocation};
use crate::model::{Assignment, Stream};
use crate::worker::wait;

/// How often a script's file is tried while it is "busy".
const BUSY_TRIES: u32 = 50;

/// A process that was started.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) child: Child,
    pub(super) pipes: Pipes,
    /// Holds the script's file for as long as it may be read.
    pub(super) invocation: Invocation,
}

/// Starts the process of an attempt, unless that is given up before. Blocks its thread where a path does not respond.
///
/// # Errors
/// A sentence that says why it could not be started.
pub(super) async fn launch(
    data_dir: &Path,
    assignment: &Assignment,
    environment: &Environment,
    given_up: &CancellationToken,
) -> Result<Launched, String> {
    let run_as = environment.run_as.as_ref();
    let invocation = script::invocation(data_dir, assignment, run_as)?;
    let explain = |error: io::Error| explain(&error, &environment.dir, &invocation);
    let (out, out_end) = Pipe::new(Stream::Stdout).map_err(explain)?;
    let (err, err_end) = Pipe::new(Stream::Stderr).map_err(explain)?;
    let mut command = command(environment, &invocation)?;
    command.stdout(Stdio::from(out_end)).stderr(Stdio::from(err_end));
    // A path that does not respond hangs here, and not in a process that nobody knows yet. What is wrong with the
    // paths, the start itself says.
    _ = fs::metadata(&environment.dir);
    _ = fs::metadata(environment.dir.join(&invocation.program));
    let mut tries = 0;
    loop {
        if given_up.is_cancelled() {
            return Err("not started: it took too long".to_owned());
        }
        match command.spawn() {
            // The command holds writing ends of the pipes, and is dropped with them.
            Ok(child) => {
                let pipes = Pipes { out, err };
                return Ok(Launched { child, pipes, invocation });
            }
            Err(error) if is(&error, Errno::TXTBSY) && tries < BUSY_TRIES => {
                // A process that is being started elsewhere holds the script's file open until
                // its own exec: that is over in a moment, and there is no event for it.
                tries += 1;
                wait::at_most(Some(Duration::from_millis(2))).await;
            }
            Err(error) => return Err(explain(error)),
        }
    }
}

fn command(environment: &Environment, invocation: &Invocation) -> Result<Command, String> {
    let mut words = match &environment.run_as {
        Some(run_as) => run_as.prefix(environment.for_linker())?,
        None => Vec::new(),
    };
    let as_other = !words.is_empty();
    words.push(invocation.program.clone());
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .args(&invocation.args)
        .env_clear()
        .envs(environment.variables())
        .current_dir(&environment.dir)
        .stdin(Stdio::null())
        .process_group(0);
    if as_other {
        for (name, _) in environment.for_linker() {
            command.env_remove(name);
        }
    }
    Ok(command)
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// Why a process could not be started, and what to do about it.
fn explain(error: &io::Error, dir: &Path, invocation: &Invocation) -> String {
    let program = invocation.program.display();
    if is(error, Errno::MFILE) || is(error, Errno::NFILE) {
        return "not started: too many open files; raise the limit (ulimit -n)".to_owned();
    }
    if is(error, Errno::AGAIN) || is(error, Errno::NOMEM) {
        return format!(
            "not started: the system refused a new process ({error}); see its limits of \
             processes (ulimit -u, pids.max) and memory"
        );
    }
    if is(error, Errno::TOOBIG) {
        return "not started: arguments and environment are larger than the system takes"
            .to_owned();
    }
    if !dir.is_dir() {
        return format!(
            "not started: working_dir `{}` does not exist or is not a folder",
            dir.display()
        );
    }
    if let Some(file) = &invocation.file
        && is(error, Errno::NOENT)
        && let Some(interpreter) = interpreter(file.path())
    {
        return format!("not started: the script's interpreter `{interpreter}` does not exist");
    }
    if is(error, Errno::NOENT) {
        let looked = match invocation.program.to_str().is_some_and(|name| name.contains('/')) {
            true => "",
            false => " in PATH",
        };
        return format!("not started: cannot find the program `{program}`{looked}");
    }
    if is(error, Errno::NOEXEC) {
        return format!(
            "not started: `{program}` is not a program (a script needs a first line `#!…`)"
        );
    }
    if is(error, Errno::ACCESS) {
        return format!(
            "not started: `{program}` cannot be executed, or the folder `{}` cannot be entered ({error})",
            dir.display()
        );
    }
    if error.kind() == io::ErrorKind::InvalidInput {
        return "not started: a NUL character in the script, its arguments or its environment"
            .to_owned();
    }
    format!("not started: `{program}`: {error}")
}

/// The interpreter that a script's first line names.
fn interpreter(script: &Path) -> Option<String> {
    let mut line = String::new();
    BufReader::new(File::open(script).ok()?.take(256)).read_line(&mut line).ok()?;
    let interpreter = line.strip_prefix("#!")?.split_whitespace().next()?;
    (!Path::new(OsStr::new(interpreter)).exists()).then(|| interpreter.to_owned())
}
