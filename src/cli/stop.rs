//! `crontower stop`: ends the engine, and waits until it is gone.

use super::Context;
use super::exit::{Exit, Failure};
use crate::api::client::{Client, Lines};
use crate::control::StopEngine;
use crate::driver::data_dir::DataDir;

#[derive(Debug, clap::Args)]
pub(super) struct Stop {
    #[command(flatten)]
    command: StopEngine,
}

impl Stop {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        // Listening begins before there is anything to hear; what it says ends when the engine does.
        let feed = client.stream(&["feed"], &[], "application/x-ndjson").await?;
        client.ask_verb(&self.command).await?;
        if self.command.wait {
            context.terminal.note("waiting for running commands; Ctrl-C ends the waiting only");
        }
        gone(context, &client, Lines::of(feed)).await?;
        context.terminal.say("the engine has stopped")
    }
}

async fn gone(context: &Context, client: &Client, mut feed: Lines) -> Result<(), Failure> {
    while feed.next().await.is_some() {}
    if context.target.names_a_server() {
        return Ok(());
    }
    // The process lets go of its data folder last.
    let at = client.place().to_owned();
    let wrong = |error: String| Failure::new(Exit::Failed, format!("the engine {at}: {error}"));
    let data_dir = context.target.data_dir()?;
    let left = tokio::task::spawn_blocking(move || DataDir::wait_until_left(&data_dir)).await;
    left.map_err(|error| wrong(error.to_string()))?.map_err(|error| wrong(error.to_string()))
}
