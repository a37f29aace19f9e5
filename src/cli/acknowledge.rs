//! `crontower acknowledge`: someone has seen what is wrong with a job.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::Context;
use super::exit::Failure;
use super::times::{instant_ahead, local};
use super::which::{self, Target};
use crate::api::client::Method;
use crate::model::JobStatus;

/// Acknowledge a failure, or whatever is wrong with a job: it counts as wrong again after its next success, or when
/// something else is wrong with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower acknowledge nightly-backup --note 'disk is ordered'
  crontower acknowledge 1a2b3c4d --note 'disk is ordered' --until 2d
  crontower acknowledge 1a2b3c4d --undo")]
pub(super) struct Acknowledge {
    /// A job's id (whatever is wrong with it), or any unique beginning or end of a failed execution's, which wins
    #[arg(value_name = "JOB|EXECUTION")]
    what: String,
    /// What is known about it
    #[arg(long, conflicts_with = "undo")]
    note: Option<String>,
    /// The note ends at a time ('2026-12-24 18:00', 'tomorrow 8:00'), or after so long (2d); without it: with the next success
    #[arg(long, value_name = "TIME", value_parser = instant_ahead, conflicts_with = "undo")]
    until: Option<DateTime<Utc>>,
    /// Take the note back
    #[arg(long)]
    undo: bool,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Acknowledge {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let (kind, id) = match which::target(&client, &self.what).await? {
            Target::Execution(id) => ("executions", id),
            Target::Job(job) => ("jobs", job.definition.id.to_string()),
        };
        let path = [kind, &id, "acknowledge"];
        let text = if self.undo {
            client.send(Method::DELETE, &path, &[], None, &json!({})).await?
        } else {
            client.post(&path, &[], &json!({ "note": self.note, "until": self.until })).await?
        };
        if self.json {
            return context.terminal.say(&text);
        }
        let job: Arc<JobStatus> = client.parse(&text)?;
        let id = &job.definition.id;
        context.terminal.say(&match &job.acknowledged {
            None => format!("{id} is no longer acknowledged"),
            Some(note) => {
                let until = note.until.map_or_else(|| "its next success".to_owned(), local);
                format!("{id} is acknowledged until {until}")
            }
        })
    }
}
