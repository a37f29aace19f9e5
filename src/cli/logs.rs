//! `crontower logs`: the output of an execution.

use reqwest::Response;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Scrubber, Terminal};

/// Print the output of an execution.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  crontower logs 1a2b3c4d\n  crontower logs -f 1a2b3c4d --attempt 2"
)]
pub(super) struct Logs {
    /// Any unique beginning or end of an execution's id
    execution: String,
    /// Go on until the execution is over
    #[arg(long, short)]
    follow: bool,
    /// Of this attempt (default: the newest)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
}

impl Logs {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.place.client()?;
        let attempt = self.attempt.map(|attempt| attempt.to_string());
        let mut query: Vec<(&str, &str)> =
            vec![("follow", if self.follow { "true" } else { "false" })];
        query.extend(attempt.iter().map(|attempt| ("attempt", attempt.as_str())));
        let path = ["executions", &self.execution, "output"];
        let answer = client.stream(&path, &query, "text/plain").await?;
        pour(context.terminal, answer).await
    }
}

/// Prints an answer while it comes.
pub(super) async fn pour(terminal: Terminal, mut answer: Response) -> Result<(), Failure> {
    let mut scrubber = Scrubber::default();
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => terminal.pour(&bytes, &mut scrubber)?,
            Ok(None) => return Ok(()),
            Err(error) => {
                let message = format!("the output broke off: {error}");
                return Err(Failure::new(Exit::Unreachable, message));
            }
        }
    }
}
