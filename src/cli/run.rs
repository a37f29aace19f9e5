//! `crontower run`: a job, now.

use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::logs::pour;
use super::terminal::{Terminal, plain};
use super::times::took;
use crate::api::ExecutionView;
use crate::api::client::{Client, Lines};
use crate::model::{Event, EventKind, Execution, StateName, beyond};

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
    /// Run those of its dependencies that are not fresh first
    #[arg(long)]
    with_dependencies: bool,
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
        let body = json!({
            "args": self.args,
            "force": self.force,
            "with_dependencies": self.with_dependencies,
            "reason": self.reason,
        });
        // Listening begins before there is anything to hear.
        let shows_progress = self.wait && !self.json;
        let events = match shows_progress {
            true => Some(Lines::of(client.stream(&["events"], &[], "text/event-stream").await?)),
            false => None,
        };
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
        self.follow(context, &client, &begun, events).await
    }

    async fn follow(
        &self,
        context: &Context,
        client: &Client,
        begun: &ExecutionView,
        events: Option<Lines>,
    ) -> Result<(), Failure> {
        let id = begun.execution.id.to_string();
        let path = ["executions", id.as_str(), "output"];
        let mut answer = client.stream(&path, &[("follow", "true")], "text/plain").await?;
        match events {
            None => while answer.chunk().await.ok().flatten().is_some() {},
            Some(events) => {
                let changes = tell_changes(context.terminal, events, &begun.execution);
                let output = pour(context.terminal, answer);
                let (mut changes, mut output) = (std::pin::pin!(changes), std::pin::pin!(output));
                tokio::select! {
                    ended = output.as_mut() => ended?,
                    () = changes.as_mut() => output.await?,
                }
            }
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

/// Notes each change of an execution's state that comes after those it has seen, up to its end, which is told elsewhere.
async fn tell_changes(terminal: Terminal, mut events: Lines, begun: &Execution) {
    let mut seen = begun.history.len();
    while let Some(line) = events.next().await {
        let event = line.strip_prefix(b"data: ").map(serde_json::from_slice::<Event>);
        let Some(Ok(Event { kind, .. })) = event else { continue };
        let EventKind::ExecutionChanged { execution_id, state, .. } = &kind else { continue };
        if *execution_id != begun.id {
            continue;
        }
        if state.is_final() {
            return;
        }
        if seen > 0 {
            seen -= 1;
            continue;
        }
        terminal.note(&plain(&kind.sentence()));
    }
}

/// `backup 1a2b3c4d failed after 3.2s: exit code 1`.
pub(super) fn sentence(view: &ExecutionView) -> String {
    let execution = &view.execution;
    let span = match (execution.started_at, execution.finished_at) {
        (Some(start), Some(end)) => format!(" after {}", took(start, end)),
        _ => String::new(),
    };
    let (job, id, state) = (&execution.job_id, execution.id.short(), execution.state.name());
    format!("{job} {id} {state}{span}{}", beyond(state, &plain(&execution.reason)))
}
