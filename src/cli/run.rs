//! `crontower run`: a job, now.

use std::cell::Cell;
use std::time::Duration;

use reqwest::Response;

use super::Context;
use super::exit::{Exit, Failure};
use super::logs::broke_off;
use super::signals::{Asked, Signals};
use super::terminal::{Scrubber, Terminal, plain};
use super::times::took;
use super::verb::{Describe, read};
use crate::api::SystemStatus;
use crate::api::client::{Client, Lines};
use crate::control::{CancelExecution, ExecutionView, RetryExecution, RunJob};
use crate::model::{Event, EventKind, StateName};

/// So often it is looked whether the engine can work, while one waits.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower run nightly-backup
  crontower run nightly-backup --wait        with its output; exit code 1 unless it succeeds
  crontower run deploy -- staging --fast     the script gets $1 and $2

Ctrl-C ends the waiting with exit code 130: the execution goes on, `crontower cancel` ends it.")]
pub(super) struct Run {
    #[command(flatten)]
    command: RunJob,
    /// Wait for the end and show the output
    #[arg(long, short)]
    wait: bool,
    /// Print what the API answers; with --wait: the execution after its end, without its output
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        // Listening begins before there is anything to hear.
        let shows_progress = self.wait && !self.json;
        let events = match shows_progress {
            true => Some(Lines::of(client.stream(&["events"], &[], "text/event-stream").await?)),
            false => None,
        };
        let text = client.ask_verb(&self.command).await?;
        let begun = read::<RunJob>(&client, &text)?;
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
        // From here on Ctrl-C ends the waiting with a word.
        let mut signals = Signals::new()?;
        let path = ["executions", id.as_str(), "output"];
        let answer = client.stream(&path, &[("follow", "true")], "text/plain").await?;
        let described = Progress::new(context.terminal, begun);
        let output = async {
            match events {
                None => drain(answer).await,
                Some(events) => {
                    let changes = tell_changes(client, &id, events, &described);
                    let output = described.pour(answer);
                    let (mut changes, mut output) =
                        (std::pin::pin!(changes), std::pin::pin!(output));
                    tokio::select! {
                        ended = output.as_mut() => ended,
                        () = changes.as_mut() => output.await,
                    }
                }
            }
        };
        let trouble = tell_trouble(client, &described);
        let (mut output, mut trouble) = (std::pin::pin!(output), std::pin::pin!(trouble));
        let ended = loop {
            tokio::select! {
                ended = output.as_mut() => break ended,
                () = trouble.as_mut() => break output.await,
                asked = signals.next() => if let Asked::Stop(_) = asked {
                    return Err(described.left(begun));
                },
            }
        };
        ended?;
        let text = client.get(&["executions", &id], &[]).await?;
        let ended: ExecutionView = client.parse(&text)?;
        if !self.json {
            described.changes(&ended);
        }
        described.end_line();
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

/// What of an execution was told, and where that has left the terminal.
struct Progress {
    terminal: Terminal,
    /// So much of its history.
    described: Cell<usize>,
    /// Whether output ended without a line end.
    mid_line: Cell<bool>,
}

impl Progress {
    /// What `begun` shows was told.
    fn new(terminal: Terminal, begun: &ExecutionView) -> Self {
        let described = begun.execution.history.len();
        Self { terminal, described: Cell::new(described), mid_line: Cell::new(false) }
    }

    fn note(&self, line: &str) {
        self.end_line();
        self.terminal.note(line);
    }

    /// Gives what comes on stderr a line of its own, where it is seen below stdout's.
    fn end_line(&self) {
        if self.mid_line.replace(false) && self.terminal.shares_output {
            self.terminal.note("");
        }
    }

    /// Tells what is new in the history; the end is told elsewhere.
    fn changes(&self, view: &ExecutionView) {
        let execution = &view.execution;
        let new = execution.history.iter().skip(self.described.get());
        for step in new.filter(|step| !step.state.is_final()) {
            let (job, id, state) = (&execution.job_id, execution.id.short(), step.state);
            self.note(&format!("{job} {id} {state}{}", plain(&step.reason.beyond(state))));
        }
        self.described.set(execution.history.len().max(self.described.get()));
    }

    async fn pour(&self, mut answer: Response) -> Result<(), Failure> {
        let mut scrubber = Scrubber::default();
        loop {
            match answer.chunk().await {
                Ok(Some(bytes)) => {
                    self.terminal.pour(&bytes, &mut scrubber)?;
                    let last = bytes.last();
                    self.mid_line.set(last.map_or(self.mid_line.get(), |last| *last != b'\n'));
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(broke_off(&error)),
            }
        }
    }

    /// Says what Ctrl-C does not do.
    fn left(&self, begun: &ExecutionView) -> Failure {
        let (job, id) = (&begun.execution.job_id, begun.execution.id.short());
        self.note(&format!(
            "{job} {id} goes on: `crontower cancel {id}` ends it, `crontower logs -f {id}` follows it"
        ));
        Failure::silent(Exit::Interrupted)
    }
}

/// Waits for the end of an answer.
async fn drain(mut answer: Response) -> Result<(), Failure> {
    while answer.chunk().await.ok().flatten().is_some() {}
    Ok(())
}

/// Notes each change of an execution's state. An event tells that there are some: the history has each of them.
async fn tell_changes(client: &Client, id: &str, mut events: Lines, described: &Progress) {
    while let Some(line) = events.next().await {
        let event = line.strip_prefix(b"data: ").map(serde_json::from_slice::<Event>);
        let Some(Ok(Event { kind, .. })) = event else { continue };
        let EventKind::ExecutionChanged { execution_id, state, .. } = &kind else { continue };
        if execution_id.to_string() != id {
            continue;
        }
        if state.is_final() {
            return;
        }
        let now = client.get(&["executions", id], &[]).await;
        if let Some(now) = now.ok().and_then(|now| client.parse(&now).ok()) {
            described.changes(&now);
        }
    }
}

/// Says once when the engine does not answer, or cannot work: an execution that is followed is then silent.
async fn tell_trouble(client: &Client, described: &Progress) {
    let client = client.clone().without_telling();
    // Trouble is no event that could be awaited: a store that fails keeps none.
    let mut looks = tokio::time::interval(LOOK);
    looks.tick().await;
    loop {
        looks.tick().await;
        let status = tokio::time::timeout(LOOK, client.get(&["status"], &[])).await;
        let trouble = match status {
            Err(_) => Some("it does not answer".to_owned()),
            Ok(Err(error)) => Some(error.to_string()),
            Ok(Ok(status)) => {
                let status: Option<SystemStatus> = client.parse(&status).ok();
                status.filter(|status| !status.problems.is_empty()).map(|s| s.problems.join("; "))
            }
        };
        if let Some(trouble) = trouble {
            described.note(&format!("waiting, but the engine is in trouble: {}", plain(&trouble)));
            return;
        }
    }
}

impl Describe for CancelExecution {
    fn describe(&self, answer: ExecutionView) -> String {
        sentence(&answer)
    }
}

impl Describe for RetryExecution {
    fn describe(&self, answer: ExecutionView) -> String {
        sentence(&answer)
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
    let more = execution.stopping().map_or_else(
        || execution.reason.beyond(state),
        |stopping| format!(": stopping: {}", stopping.reason),
    );
    format!("{job} {id} {state}{span}{}", plain(&more))
}
