//! `crontower cancel` and `crontower retry`.

use super::Context;
use super::exit::Failure;
use super::run::sentence;
use super::which::{self, Wanted};

/// End a live execution: SIGTERM to its processes, after their grace SIGKILL.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower cancel nightly-backup            its live execution, if there is one only
  crontower cancel 1a2b3c4d")]
pub(super) struct Cancel {
    /// A job's id (its only live execution is meant), or any unique beginning or end of an execution's, which wins
    #[arg(value_name = "JOB|EXECUTION")]
    what: String,
    /// Give it up where its processes do not end (role admin): they are left to themselves
    #[arg(long)]
    abandon: bool,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

/// Run a final execution again, as a new one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower retry nightly-backup             its newest execution that is over
  crontower retry 1a2b3c4d")]
pub(super) struct Retry {
    /// A job's id (its newest execution that is over is meant), or any unique beginning or end of an execution's, which wins
    #[arg(value_name = "JOB|EXECUTION")]
    what: String,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Cancel {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let body = self.abandon.then(|| serde_json::json!({ "abandon": true }));
        ask(context, &self.what, Wanted::Live, "cancel", body, self.json).await
    }
}

impl Retry {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        ask(context, &self.what, Wanted::Over, "retry", None, self.json).await
    }
}

async fn ask(
    context: &Context,
    what: &str,
    wanted: Wanted,
    post: &str,
    body: Option<serde_json::Value>,
    json: bool,
) -> Result<(), Failure> {
    let client = context.target.client()?;
    let (id, _) = which::execution(&client, what, wanted).await?;
    let text = client.post(&["executions", &id, post], &[], &body).await?;
    let said = if json { text } else { sentence(&client.parse(&text)?) };
    context.terminal.say(&said)
}
