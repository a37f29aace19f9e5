//! `crontower acknowledge`: someone has seen what is wrong with a job.

use super::Context;
use super::exit::Failure;
use super::times::local;
use super::verb::{Describe, ask};
use super::which::{self, Target};
use crate::control::{
    AcknowledgeExecution, AcknowledgeJob, UnacknowledgeExecution, UnacknowledgeJob,
};
use crate::model::JobStatus;

/// Acknowledge a failure, or whatever is wrong with a job: it counts as wrong again after its next success, or when
/// something else is wrong with it.
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
        let AcknowledgeExecution { id, note, until } = self.command;
        match (which::target(&client, &id).await?, self.undo) {
            (Target::Execution(id), false) => {
                ask(context, &client, &AcknowledgeExecution { id, note, until }, self.json).await
            }
            (Target::Execution(id), true) => {
                ask(context, &client, &UnacknowledgeExecution { id }, self.json).await
            }
            (Target::Job(job), undo) => {
                let id = job.definition.id.to_string();
                if undo {
                    return ask(context, &client, &UnacknowledgeJob { id }, self.json).await;
                }
                ask(context, &client, &AcknowledgeJob { id, note, until }, self.json).await
            }
        }
    }
}

macro_rules! describes_the_job {
    ($($verb:ty),+) => {$(
        impl Describe for $verb {
            fn describe(&self, job: JobStatus) -> String {
                describe(&job)
            }
        }
    )+};
}

describes_the_job!(AcknowledgeExecution, AcknowledgeJob, UnacknowledgeExecution, UnacknowledgeJob);

fn describe(job: &JobStatus) -> String {
    let id = &job.definition.id;
    match &job.acknowledged {
        None => format!("{id} is no longer acknowledged"),
        Some(note) => {
            let until = note.until.map_or_else(|| "its next success".to_owned(), local);
            format!("{id} is acknowledged until {until}")
        }
    }
}
