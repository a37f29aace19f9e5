//! What a command is: its arguments, what it knows while it runs, and the trait that carries it out.
//!
//! Owns the interface between a command and whatever runs it. Knows no command by name and starts nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::model::{AttemptKey, JobId, Stream, Trigger};

/// The arguments of a command as jobs.yaml gives them.
pub type Args = Map<String, Value>;

/// Something wrong with an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgProblem {
    /// Which: `url`, `aggregate.op`; empty = the arguments as a whole.
    pub path: String,
    /// What is wrong and how to fix it.
    pub message: String,
}

/// Why a command did not do its work: one sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CommandError(pub String);

/// Where a command's output goes. Never blocks; what is beyond the limit is left out.
pub trait OutputSink: Send + Sync {
    /// Appends bytes; lines are put together by the sink.
    fn write(&self, stream: Stream, bytes: &[u8]);
}

/// What a command knows about the attempt it carries out.
#[derive(Clone)]
pub struct Context {
    /// Which attempt.
    pub key: AttemptKey,
    /// Of which job.
    pub job_id: JobId,
    /// The execution's fire time.
    pub fire_time: DateTime<Utc>,
    /// Why the execution exists.
    pub trigger: Trigger,
    /// Relative paths are meant from here.
    pub working_dir: PathBuf,
    /// The job's environment.
    pub env: BTreeMap<String, String>,
    /// Where output goes.
    pub output: Arc<dyn OutputSink>,
    /// Set on cancel and on time-out: the command then ends at once and leaves nothing half done.
    pub stop: CancellationToken,
}

impl Context {
    /// Writes a line of output.
    pub fn say(&self, line: &str) {
        self.output.write(Stream::Stdout, format!("{line}\n").as_bytes());
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("key", &self.key).field("job_id", &self.job_id).finish()
    }
}

/// A command that runs inside a process of crontower or of an embedding program.
#[async_trait]
pub trait Command: Send + Sync {
    /// Checks arguments when a job is loaded.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    fn check(&self, args: &Args) -> Result<(), Vec<ArgProblem>>;

    /// Does the work; the answer is kept as the execution's `result`.
    async fn run(&self, context: Context, args: Args) -> Result<Value, CommandError>;
}
