//! Starting the worker process.
//!
//! Owns what it is given: no terminal, no stream of ours, and a log of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

use crate::worker::process::{READY, connect, inherited_environment};

/// How long it may take to open its socket.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// The log is rotated above this size.
const LARGEST_LOG: u64 = 1 << 20;

/// Where the worker process is and how it is started.
#[derive(Debug, Clone)]
pub(crate) struct LinkOptions {
    /// The data folder.
    pub data_dir: PathBuf,
    /// The program; crontower's own, usually.
    pub program: PathBuf,
    /// Its arguments; `--data-dir` and the data folder follow them.
    pub args: Vec<OsString>,
    /// What attempts inherit.
    pub environment: Vec<(OsString, OsString)>,
}

impl LinkOptions {
    /// `program worker-process --data-dir DIR`.
    #[must_use]
    pub(crate) fn new(data_dir: PathBuf, program: PathBuf) -> Self {
        let args = vec!["worker-process".into()];
        Self { data_dir, program, args, environment: inherited_environment() }
    }
}

/// Connects to the worker process; starts it if none answers.
///
/// # Errors
/// A sentence that says why there is none.
pub(super) async fn connect_or_start(options: &LinkOptions) -> Result<UnixStream, String> {
    if let Ok(stream) = connect(&options.data_dir).await {
        return Ok(stream);
    }
    let log_path = options.data_dir.join("worker.log");
    let program = options.program.display();
    let log = log_file(&options.data_dir, &log_path)
        .map_err(|error| format!("{} cannot be written: {error}", log_path.display()))?;
    let mut child = Command::new(&options.program)
        .args(&options.args)
        .arg("--data-dir")
        .arg(&options.data_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(|error| format!("the worker process `{program}` cannot be started: {error}"))?;
    let stdout = child.stdout.take();
    let pid = child.id();
    // It outlives us; while we live, its status must be taken when it ends.
    tokio::spawn(async move {
        let ended = child.wait().await;
        tracing::debug!(pid, ?ended, "the worker process ended");
    });
    let ready = match stdout {
        Some(stdout) => timeout(READY_TIMEOUT, ready(stdout)).await,
        None => Ok(false),
    };
    match ready {
        // It may have ended because another one serves already.
        Ok(_) => connect(&options.data_dir).await.map_err(|error| {
            format!(
                "the worker process `{program}` did not open its socket ({error}): see {}",
                log_path.display()
            )
        }),
        Err(_) => Err(format!("the worker process `{program}` does not get ready")),
    }
}

/// Whether it says that its socket is open; comes back as soon as it does, or ends.
async fn ready(stdout: ChildStdout) -> bool {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line == READY {
            return true;
        }
    }
    false
}

fn log_file(data_dir: &Path, path: &Path) -> io::Result<File> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir)?;
    if fs::metadata(path).is_ok_and(|log| log.len() > LARGEST_LOG) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    File::options().append(true).create(true).mode(0o600).open(path)
}
