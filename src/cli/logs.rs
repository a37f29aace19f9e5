//! `crontower logs`: the output of an execution.

use reqwest::Response;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Scrubber, Terminal};
use super::times::local;
use super::which::{self, Wanted, began};

/// Print the output of an execution, or of a job's newest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower logs nightly-backup              of its newest execution
  crontower logs 1a2b3c4d
  crontower logs -f 1a2b3c4d --attempt 2")]
pub(super) struct Logs {
    /// A job's id (its newest execution is meant), or any unique beginning or end of an execution's, which wins
    #[arg(value_name = "JOB|EXECUTION")]
    what: String,
    /// Go on until the execution is over
    #[arg(long, short)]
    follow: bool,
    /// Of this attempt (default: the newest; 0: of `on_failure`)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
}

impl Logs {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let attempt = self.attempt.map(|attempt| attempt.to_string());
        let mut query: Vec<(&str, &str)> =
            vec![("follow", if self.follow { "true" } else { "false" })];
        query.extend(attempt.iter().map(|attempt| ("attempt", attempt.as_str())));
        let (id, of_job) = which::execution(&client, &self.what, Wanted::Newest).await?;
        if let Some(newest) = of_job {
            let (execution, began) = (&newest.execution, local(began(&newest)));
            let (job, id, state) = (&execution.job_id, execution.id.short(), &execution.state);
            let state = state.name();
            let line = format!("the newest execution of {job}: {id} of {began}, {state}");
            context.terminal.note(&line);
        }
        let path = ["executions", &id, "output"];
        let answer = client.stream(&path, &query, "text/plain").await?;
        pour(context.terminal, answer).await
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
