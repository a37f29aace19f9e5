//! `crontower pause`, `crontower resume` and `crontower skip-next`: operators' words on a schedule.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::Context;
use super::exit::Failure;
use super::times::{instant_ahead, local};
use crate::model::JobStatus;

/// Stop the schedule of a job from firing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower pause nightly-backup --for 2h --reason 'disk is being replaced'
  crontower pause nightly-backup --until '2026-12-24 18:00'")]
pub(super) struct Pause {
    /// The job's id
    job: String,
    /// Until a time ('2026-12-24 18:00', 'tomorrow 8:00'), or for so long (2h); without it: until `resume`
    #[arg(long, visible_alias = "for", value_name = "TIME", value_parser = instant_ahead)]
    until: Option<DateTime<Utc>>,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Pause {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let body = json!({ "until": self.until, "reason": self.reason });
        let text = client.post(&["jobs", &self.job, "pause"], &[], &body).await?;
        if self.json {
            return context.terminal.say(&text);
        }
        let job: Arc<JobStatus> = client.parse(&text)?;
        let until = job
            .paused
            .as_ref()
            .and_then(|pause| pause.until)
            .map_or_else(|| format!("`crontower resume {}`", job.definition.id), local);
        context.terminal.say(&format!("{} is paused until {until}", job.definition.id))
    }
}

/// End a pause.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower resume nightly-backup")]
pub(super) struct Resume {
    /// The job's id
    job: String,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Resume {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let text = client.post(&["jobs", &self.job, "resume"], &[], &()).await?;
        if self.json {
            return context.terminal.say(&text);
        }
        let job: Arc<JobStatus> = client.parse(&text)?;
        let next = job.next_fire_time.map_or_else(
            || "it has no fire time".to_owned(),
            |next| format!("its next fire time is {}", local(next)),
        );
        context.terminal.say(&format!("{} is no longer paused: {next}", job.definition.id))
    }
}

/// Call off the next fire time of a job, and only that.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower skip-next nightly-backup
  crontower skip-next nightly-backup --undo")]
pub(super) struct SkipNext {
    /// The job's id
    job: String,
    /// Let it fire after all
    #[arg(long)]
    undo: bool,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl SkipNext {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let body = json!({ "undo": self.undo });
        let text = client.post(&["jobs", &self.job, "skip-next"], &[], &body).await?;
        if self.json {
            return context.terminal.say(&text);
        }
        let job: Arc<JobStatus> = client.parse(&text)?;
        let id = &job.definition.id;
        context.terminal.say(&match &job.skip_next {
            Some(skip) => format!("{id} does not fire at {}", local(skip.fire_time)),
            None => format!("no fire time of {id} is called off"),
        })
    }
}
