//! `crontower run`: a job, now.

use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::logs::pour;
use super::terminal::plain;
use super::times::took;
use crate::api::ExecutionView;
use crate::api::client::Client;
use crate::model::StateName;

/// Run a job now.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower run nightly-backup
  crontower run nightly-backup --wait        with its output; exit code 1 unless it succeeds
  crontower run deploy -- staging --fast     the script gets $1 and $2")]
pub(super) struct Run {
    /// The job's id
    job: String,
    /// Wait for the end and show the output
    #[arg(long, short)]
    wait: bool,
    /// Run even though `overlap` would not have it
    #[arg(long)]
    force: bool,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    /// Print what the API answers; with --wait: the execution after its end, without its output
    #[arg(long)]
    json: bool,
    /// Arguments for the script
    #[arg(last = true)]
    args: Vec<String>,
}

impl Run {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.place.client()?;
        let body = json!({ "args": self.args, "force": self.force, "reason": self.reason });
        let text = client.post(&["jobs", &self.job, "run"], &[], &body).await?;
        let begun: ExecutionView = client.parse(&text)?;
        if !self.wait {
            let said = if self.json { text } else { sentence(&begun) };
            return context.terminal.say(&said);
        }
        if begun.execution.state.is_final() {
            return self.tell_end(context, &text, &begun);
        }
        if !self.json {
            context.terminal.note(&sentence(&begun));
        }
        self.follow(context, &client, &begun).await
    }

    async fn follow(
        &self,
        context: &Context,
        client: &Client,
        begun: &ExecutionView,
    ) -> Result<(), Failure> {
        let id = begun.execution.id.to_string();
        let path = ["executions", id.as_str(), "output"];
        let mut answer = client.stream(&path, &[("follow", "true")], "text/plain").await?;
        if self.json {
            while answer.chunk().await.ok().flatten().is_some() {}
        } else {
            pour(context.terminal, answer).await?;
        }
        let text = client.get(&["executions", &id], &[]).await?;
        let ended: ExecutionView = client.parse(&text)?;
        self.tell_end(context, &text, &ended)
    }

    /// Tells what became of the execution (`text` is the same as the API said it).
    fn tell_end(
        &self,
        context: &Context,
        text: &str,
        ended: &ExecutionView,
    ) -> Result<(), Failure> {
        if self.json {
            context.terminal.say(text)?;
        } else {
            context.terminal.note(&sentence(ended));
        }
        let id = ended.execution.id;
        match ended.execution.state.name() {
            StateName::Succeeded => Ok(()),
            state if state.is_final() => Err(Failure::silent(Exit::Failed)),
            _ => Err(Failure::new(Exit::Unreachable, format!("the engine ended while {id} ran"))
                .hint(format!("the command runs on; `crontower logs -f {id}` follows it"))),
        }
    }
}

/// `backup 1a2b3c4d succeeded after 3.2s: exit code 0`.
pub(super) fn sentence(view: &ExecutionView) -> String {
    let execution = &view.execution;
    let span = match (execution.started_at, execution.finished_at) {
        (Some(start), Some(end)) => format!(" after {}", took(start, end)),
        _ => String::new(),
    };
    let (job, id, state) = (&execution.job_id, execution.id.short(), execution.state.name());
    format!("{job} {id} {state}{span}: {}", plain(&execution.reason))
}
