//! `crontower logs`: the output of an execution.

use std::collections::VecDeque;

use reqwest::Response;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Scrubber, Terminal};
use super::times::local;
use super::which::{self, Wanted, began};
use crate::api::client::Client;
use crate::api::{LineDto, OutputPage, TextDto};
use crate::control::ExecutionView;

/// Print the output of an execution, or of a job's newest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower logs nightly-backup              of its newest execution
  crontower logs 1a2b3c4d
  crontower logs -f 1a2b3c4d --attempt 2
  crontower logs nightly-backup --tail 20 -t the last 20 lines, each with its time
  crontower logs nightly-backup --attempt 0  of what `on_failure` ran")]
pub(super) struct Logs {
    /// A job's id (its newest execution is meant), or any unique beginning or end of an execution's, which wins
    #[arg(value_name = "JOB|EXECUTION")]
    what: String,
    /// Go on until the execution is over
    #[arg(long, short)]
    follow: bool,
    /// Of this attempt (default: the newest; 0: of `on_failure`)
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// Only the last lines
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
    /// The time of each line before it, in your time zone
    #[arg(long, short)]
    timestamps: bool,
}

impl Logs {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let (id, of_job) = which::execution(&client, &self.what, Wanted::Newest).await?;
        if let Some(newest) = of_job {
            let (execution, began) = (&newest.execution, local(began(&newest)));
            let (job, id, state) = (&execution.job_id, execution.id.short(), &execution.state);
            let state = state.name();
            let line = format!("the newest execution of {job}: {id} of {began}, {state}");
            context.terminal.note(&line);
        }
        if self.tail.is_none() && !self.timestamps {
            let answer = self.stream(&client, &id, 0).await?;
            return pour(context.terminal, answer).await;
        }
        self.by_line(context, &client, &id).await
    }

    async fn stream(&self, client: &Client, id: &str, from: u64) -> Result<Response, Failure> {
        let (attempt, from) = (self.attempt.map(|it| it.to_string()), from.to_string());
        let follow = if self.follow { "true" } else { "false" };
        let mut query = vec![("follow", follow), ("from", from.as_str())];
        query.extend(attempt.iter().map(|attempt| ("attempt", attempt.as_str())));
        Ok(client.stream(&["executions", id, "output"], &query, "text/plain").await?)
    }

    /// The attempt that is meant; `None` = there is none yet.
    async fn newest(&self, client: &Client, id: &str) -> Result<Option<u32>, Failure> {
        if self.attempt.is_some() {
            return Ok(self.attempt);
        }
        let execution: ExecutionView =
            client.parse(&client.get(&["executions", id], &[]).await?)?;
        Ok(Some(execution.attempt).filter(|number| *number > 0))
    }

    /// Line by line: what there is, of it the last lines where that is asked, and what follows.
    async fn by_line(&self, context: &Context, client: &Client, id: &str) -> Result<(), Failure> {
        let mut attempt = self.newest(client, id).await?;
        let mut printer = Printer::new(context.terminal, self.timestamps);
        let mut last = VecDeque::new();
        let mut next = read(client, id, attempt, 0, |line| {
            last.push_back(line);
            if self.tail.is_some_and(|tail| last.len() > tail) {
                last.pop_front();
            }
            Ok(())
        })
        .await?;
        last.into_iter().try_for_each(|line| printer.print(line))?;
        if !self.follow {
            return Ok(());
        }
        // The bytes only say that there is more: lines have their times in the pages.
        let mut grows = self.stream(client, id, next).await?;
        loop {
            let more = grows.chunk().await.map_err(|error| broke_off(&error))?.is_some();
            next = read(client, id, attempt, next, |line| printer.print(line)).await?;
            let newest = self.newest(client, id).await?;
            while attempt < newest {
                attempt = Some(attempt.map_or(1, |number| number + 1));
                next = read(client, id, attempt, 0, |line| printer.print(line)).await?;
            }
            if !more {
                return Ok(());
            }
        }
    }
}

/// Reads the lines of an attempt from an offset on; gives back where to go on.
async fn read(
    client: &Client,
    id: &str,
    attempt: Option<u32>,
    mut from: u64,
    mut each: impl FnMut(LineDto) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    loop {
        let (number, at) = (attempt.map(|it| it.to_string()), from.to_string());
        let mut query = vec![("from", at.as_str())];
        query.extend(number.iter().map(|number| ("attempt", number.as_str())));
        let page = client.get(&["executions", id, "output"], &query).await?;
        let page: OutputPage = client.parse(&page)?;
        let stuck = page.next <= from;
        from = page.next;
        page.lines.into_iter().try_for_each(&mut each)?;
        if page.at_end || stuck {
            return Ok(from);
        }
    }
}

/// Prints lines with their times, if these are wanted.
struct Printer {
    terminal: Terminal,
    timestamps: bool,
    scrubber: Scrubber,
    /// The line before had no end: what follows belongs to it.
    mid_line: bool,
}

impl Printer {
    fn new(terminal: Terminal, timestamps: bool) -> Self {
        Self { terminal, timestamps, scrubber: Scrubber::default(), mid_line: false }
    }

    fn print(&mut self, line: LineDto) -> Result<(), Failure> {
        let mut bytes = match (self.timestamps, self.mid_line) {
            (true, false) => format!("{}  ", local(line.at)).into_bytes(),
            _ => Vec::new(),
        };
        match line.text {
            TextDto::Text(text) => bytes.extend(text.into_bytes()),
            TextDto::Bytes(text) => bytes.extend(text),
        }
        if line.complete {
            bytes.push(b'\n');
        }
        self.mid_line = !line.complete;
        self.terminal.pour(&bytes, &mut self.scrubber)
    }
}

/// Prints an answer while it comes.
async fn pour(terminal: Terminal, mut answer: Response) -> Result<(), Failure> {
    let mut scrubber = Scrubber::default();
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => terminal.pour(&bytes, &mut scrubber)?,
            Ok(None) => return Ok(()),
            Err(error) => return Err(broke_off(&error)),
        }
    }
}

/// The engine, or the way to it, has gone.
pub(super) fn broke_off(error: &reqwest::Error) -> Failure {
    Failure::new(Exit::Unreachable, format!("the output broke off: {error}"))
}
