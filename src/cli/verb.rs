//! Verbs as subcommands: their flags are those of the verb's own type, and `--json` prints what the API answers.
//!
//! Owns how a verb is asked from the command line. What its answer says in words stands with its subject.

use super::Context;
use super::exit::Failure;
use super::which::{self, Wanted};
use crate::api::client::{Client, ClientError};
use crate::control::{CancelExecution, Command, RetryExecution, http};

/// Words for the answer of a verb.
pub(super) trait Describe: Command {
    /// For stdout.
    fn describe(&self, answer: Self::Answer) -> String;

    /// What is beside the point, for stderr.
    fn note(&self, answer: &Self::Answer) -> Option<String> {
        let _ = answer;
        None
    }
}

/// The execution that a verb is about.
pub(super) trait OfExecution: Describe {
    /// Which of a job's executions is meant where the job is named.
    const WANTED: Wanted;
    /// The text that names the job or the execution.
    fn named(&mut self) -> &mut String;
}

// A comment of its own would be the help of every verb.
#[derive(Debug, clap::Args)]
pub(super) struct Verb<C: clap::Args> {
    #[command(flatten)]
    command: C,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl<C: Describe + clap::Args> Verb<C> {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        ask(context, &client, &self.command, self.json).await
    }
}

impl<C: OfExecution + clap::Args> Verb<C> {
    /// The same, where a job may be named, too.
    pub(super) async fn run_named(mut self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        self.command.resolve(&client).await?;
        ask(context, &client, &self.command, self.json).await
    }
}

/// Puts the execution's id in the place of its job's.
pub(super) trait Resolve {
    async fn resolve(&mut self, client: &Client) -> Result<(), Failure>;
}

impl<C: OfExecution> Resolve for C {
    async fn resolve(&mut self, client: &Client) -> Result<(), Failure> {
        let (id, _) = which::execution(client, self.named(), C::WANTED).await?;
        *self.named() = id;
        Ok(())
    }
}

impl OfExecution for CancelExecution {
    const WANTED: Wanted = Wanted::Live;
    fn named(&mut self) -> &mut String {
        &mut self.id
    }
}

impl OfExecution for RetryExecution {
    const WANTED: Wanted = Wanted::Over;
    fn named(&mut self) -> &mut String {
        &mut self.id
    }
}

/// Asks a verb and prints its answer.
pub(super) async fn ask<C: Describe>(
    context: &Context,
    client: &Client,
    command: &C,
    json: bool,
) -> Result<(), Failure> {
    let text = client.ask_verb(command).await?;
    print(context, client, command, &text, json)
}

/// Prints the answer of a verb: in words, or as the API answered it.
pub(super) fn print<C: Describe>(
    context: &Context,
    client: &Client,
    command: &C,
    text: &str,
    json: bool,
) -> Result<(), Failure> {
    if json {
        return context.terminal.say(text);
    }
    let answer = read::<C>(client, text)?;
    let note = command.note(&answer);
    context.terminal.say(&command.describe(answer))?;
    if let Some(note) = note {
        context.terminal.note(&note);
    }
    Ok(())
}

/// Reads the answer of a verb.
pub(super) fn read<C: Command>(client: &Client, text: &str) -> Result<C::Answer, ClientError> {
    http::read_answer(text).map_err(|error| client.not_understood(&error))
}
