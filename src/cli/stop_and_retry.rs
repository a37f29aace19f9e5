//! `crontower cancel` and `crontower retry`.

use super::Context;
use super::exit::Failure;
use super::run::sentence;

/// End a live execution: SIGTERM to its processes, after their grace SIGKILL.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower cancel 1a2b3c4d")]
pub(super) struct Cancel {
    /// Any unique beginning or end of an execution's id
    execution: String,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

/// Run a final execution again, as a new one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower retry 1a2b3c4d")]
pub(super) struct Retry {
    /// Any unique beginning or end of an execution's id
    execution: String,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Cancel {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        ask(context, &self.execution, "cancel", self.json).await
    }
}

impl Retry {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        ask(context, &self.execution, "retry", self.json).await
    }
}

async fn ask(context: &Context, execution: &str, what: &str, json: bool) -> Result<(), Failure> {
    let client = context.place.client()?;
    let text = client.post(&["executions", execution, what], &[], &()).await?;
    let said = if json { text } else { sentence(&client.parse(&text)?) };
    context.terminal.say(&said)
}
