//! `crontower show`: a job or an execution, whole.

use std::fmt::Write;
use std::sync::Arc;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::plain;
use super::times::{local, local_or_dash, took};
use super::which::is_not_found;
use crate::api::List;
use crate::api::client::{Client, ClientError};
use crate::control::ExecutionView;
use crate::model::{Attempt, JobStatus, Reason, StateName};

/// Show a job or an execution.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  crontower show nightly-backup\n  crontower show 1a2b3c4d --json"
)]
pub(super) struct Show {
    /// A job's id, or any unique beginning or end of an execution's
    #[arg(value_name = "JOB|EXECUTION")]
    what: String,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let job = match client.get(&["jobs", &self.what], &[]).await {
            Ok(job) => job,
            Err(error) if is_not_found(&error) => {
                return self.show_execution(&client, context, error).await;
            }
            Err(error) => return Err(error.into()),
        };
        if self.json {
            return context.terminal.say(&job);
        }
        let job: Arc<JobStatus> = client.parse(&job)?;
        let next = client.get(&["jobs", &self.what, "next"], &[("count", "5")]).await?;
        let next: List<chrono::DateTime<chrono::Utc>> = client.parse(&next)?;
        context.terminal.say(&describe_job(&job, &next.items)?)
    }

    /// `no_job` is what is said when it is no execution, either.
    async fn show_execution(
        &self,
        client: &Client,
        context: &Context,
        no_job: ClientError,
    ) -> Result<(), Failure> {
        let text = match client.get(&["executions", &self.what], &[]).await {
            Ok(text) => text,
            Err(error) if is_not_found(&error) => {
                return Err(Failure::from(no_job).hint("nor is it an execution"));
            }
            Err(error) => return Err(error.into()),
        };
        if self.json {
            return context.terminal.say(&text);
        }
        context.terminal.say(&describe_execution(&client.parse(&text)?))
    }
}

/// The definition as YAML, then what is known at run time.
fn describe_job(
    job: &JobStatus,
    next: &[chrono::DateTime<chrono::Utc>],
) -> Result<String, Failure> {
    let definition = serde_yaml::to_string(&job.definition).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot write the job as YAML: {error}"))
    })?;
    let mut text: String = definition.lines().map(|line| plain(line) + "\n").collect();
    let mut say = |name: &str, value: &str| {
        let _ = writeln!(text, "# {name:<10} {}", plain(value));
    };
    say("version", &job.version.to_string());
    if let Some(words) = &job.schedule_in_words {
        say("fires", words);
    }
    if let Some(pause) = &job.paused {
        let until =
            pause.until.map_or_else(String::new, |until| format!(" until {}", local(until)));
        let reason = pause.reason.as_deref().unwrap_or("no reason given");
        say("paused", &format!("since {}{until} by {}: {reason}", local(pause.at), pause.by));
    }
    for at in next {
        say("next", &local(*at));
    }
    for past in job.recent.iter().rev().take(5) {
        say("past", &format!("{}  {}  {}", local(past.fire_time), past.id.short(), past.state));
    }
    Ok(text)
}

fn describe_execution(view: &ExecutionView) -> String {
    let execution = &view.execution;
    let mut text = String::new();
    let mut say = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {}", plain(value));
    };
    say("id", &execution.id.to_string());
    say("job", &format!("{} (version {})", execution.job_id, execution.job_version));
    say("state", &describe(execution.state.name(), &execution.reason));
    if let Some(stopping) = execution.stopping() {
        let since = stopping.since.map_or_else(String::new, |at| format!(" (since {})", local(at)));
        say("stopping", &format!("{}{since}", stopping.reason));
    }
    say("trigger", execution.trigger.as_str());
    if let Some(actor) = &execution.requested_by {
        say("asked by", actor.as_str());
    }
    if !execution.args.is_empty() {
        say("args", &execution.args.join(" "));
    }
    say("fire time", &local(execution.fire_time));
    say("started", &local_or_dash(execution.started_at));
    say("finished", &local_or_dash(execution.finished_at));
    for attempt in &execution.attempts {
        say(&format!("attempt {}", attempt.number), &describe_attempt(attempt));
    }
    if let Some(result) = &execution.result {
        say("result", &result.to_string());
    }
    for step in &execution.history {
        say("history", &format!("{}  {}", local(step.at), describe(step.state, &step.reason)));
    }
    text
}

/// `failed: exit code 1`.
fn describe(state: StateName, reason: &Reason) -> String {
    format!("{state}{}", reason.beyond(state))
}

fn describe_attempt(attempt: &Attempt) -> String {
    let mut text = format!("on {}", attempt.worker_id);
    match (attempt.started_at(), attempt.finished_at()) {
        (Some(start), Some(end)) => {
            let _ = write!(text, ", took {}", took(start, end));
        }
        (Some(start), None) => {
            let _ = write!(text, ", since {}", local(start));
        }
        (None, _) => text.push_str(", not started"),
    }
    if let Some(outcome) = attempt.outcome() {
        let _ = write!(text, ", {}", outcome.as_str());
    }
    if let Some(code) = attempt.exit_code() {
        let _ = write!(text, ", exit code {code}");
    }
    if let Some(error) = attempt.error() {
        let _ = write!(text, ": {error}");
    }
    if attempt.output_lost() > 0 {
        let lost = crate::model::text::format_size(attempt.output_lost());
        let _ = write!(text, "; {lost} of output lost (the disk did not take it)");
    }
    text
}
