//! `crontower why`: why a job does or does not run, or why an execution stands where it does.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::plain;
use super::times::instant_ahead;
use super::which::is_not_found;
use crate::api::client::{Client, ClientError};
use crate::model::Why as Answer;

/// Say why a job does or does not run, or why an execution waits.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower why nightly-backup
  crontower why nightly-backup --at '2026-12-24 02:00'
  crontower why 1a2b3c4d")]
pub(super) struct Why {
    /// A job's id, or any unique beginning or end of an execution's
    #[arg(value_name = "JOB|EXECUTION")]
    what: String,
    /// At this instant ('2026-12-24 18:00', 'yesterday 2:00'), or so long from now (2h); of a job only
    #[arg(long, value_name = "TIME", value_parser = instant_ahead)]
    at: Option<DateTime<Utc>>,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Why {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let at = self.at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let query: Vec<(&str, &str)> = at.iter().map(|at| ("at", at.as_str())).collect();
        let text = match client.get(&["jobs", &self.what, "why"], &query).await {
            Ok(text) => text,
            Err(error) if is_not_found(&error) => self.execution(&client, error).await?,
            Err(error) => return Err(error.into()),
        };
        if self.json {
            return context.terminal.say(&text);
        }
        context.terminal.say(&describe(&client.parse(&text)?))
    }

    /// `no_job` is what is said when it is no execution, either.
    async fn execution(&self, client: &Client, no_job: ClientError) -> Result<String, Failure> {
        match client.get(&["executions", &self.what, "why"], &[]).await {
            Ok(_) if self.at.is_some() => {
                Err(Failure::new(Exit::Usage, "--at asks about a job, and this is an execution"))
            }
            Ok(text) => Ok(text),
            Err(error) if is_not_found(&error) => {
                Err(Failure::from(no_job).hint("nor is it an execution"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The sentences, then the fields of the schedule.
fn describe(why: &Answer) -> String {
    let mut lines: Vec<String> = why.lines.iter().map(|line| plain(line)).collect();
    let verdicts = why.explanation.as_ref().and_then(|it| it["verdicts"].as_array());
    for verdict in verdicts.into_iter().flatten() {
        let word = |key: &str| verdict[key].as_str().unwrap_or_default();
        let sign = if verdict["fits"] == Value::Bool(true) { "yes" } else { "no " };
        let (field, found, wanted) = (word("field"), word("found"), word("wanted"));
        lines.push(plain(&format!("  {sign}  {field}: {found}; wanted: {wanted}")));
    }
    lines.join("\n")
}
