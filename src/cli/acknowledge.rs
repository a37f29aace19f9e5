//! `crontower acknowledge`: someone has seen that a job fails.

use super::Context;
use super::exit::Failure;
use super::times::local;
use super::verb::{Describe, OfExecution, Resolve as _, ask};
use super::which::Wanted;
use crate::control::{AcknowledgeExecution, UnacknowledgeExecution};
use crate::model::JobStatus;

#[derive(Debug, clap::Args)]
pub(super) struct Acknowledge {
    #[command(flatten)]
    command: AcknowledgeExecution,
    /// Take the note back
    #[arg(long, conflicts_with_all = ["note", "until"])]
    undo: bool,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Acknowledge {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let mut command = self.command;
        if self.undo {
            let mut undo = UnacknowledgeExecution { id: command.id };
            undo.resolve(&client).await?;
            return ask(context, &client, &undo, self.json).await;
        }
        command.resolve(&client).await?;
        ask(context, &client, &command, self.json).await
    }
}

impl OfExecution for AcknowledgeExecution {
    const WANTED: Wanted = Wanted::Failed;
    fn named(&mut self) -> &mut String {
        &mut self.id
    }
}

impl OfExecution for UnacknowledgeExecution {
    const WANTED: Wanted = Wanted::Acknowledged;
    fn named(&mut self) -> &mut String {
        &mut self.id
    }
}

impl Describe for AcknowledgeExecution {
    fn describe(&self, job: JobStatus) -> String {
        describe(&job)
    }
}

impl Describe for UnacknowledgeExecution {
    fn describe(&self, job: JobStatus) -> String {
        describe(&job)
    }
}

fn describe(job: &JobStatus) -> String {
    let id = &job.definition.id;
    match &job.acknowledged {
        None => format!("the failure of {id} is no longer acknowledged"),
        Some(note) => {
            let until = note.until.map_or_else(|| "its next success".to_owned(), local);
            format!("the failure of {id} is acknowledged until {until}")
        }
    }
}
