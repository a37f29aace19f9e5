//! `crontower export`: all jobs in force, of the file and of programs, as one jobs file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use super::Context;
use super::exit::Failure;
use super::import::counted;
use crate::api::List;
use crate::jobfile;
use crate::model::{CalendarRule, Job, JobStatus, Source};

/// Print all jobs in force as one jobs file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower export > all-jobs.yaml
  crontower export --json | jq '.[].id'

What stands at the top of jobs.yaml (zone, workers, limits, calendars, retention) is not in it: limits and
calendars that the jobs name, and must be copied there, are told in its first lines.")]
pub(super) struct Export {
    /// Print the definitions as JSON
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.place.client()?;
        let all = super::jobs::all_pages(&client).await?;
        let list: List<Arc<JobStatus>> = client.parse(&all.to_string())?;
        let jobs: Vec<&Job> = list.items.iter().map(|status| &*status.definition).collect();
        if self.json {
            let definitions: Vec<Value> =
                jobs.iter().filter_map(|job| serde_json::to_value(job).ok()).collect();
            return context.terminal.say(&Value::from(definitions).to_string());
        }
        context.terminal.say(&(needs(&jobs) + &jobfile::as_file(&jobs)))?;
        let homeless = list.items.iter().filter(|status| {
            status.source == Source::Api && status.definition.working_dir.is_none()
        });
        let note = match homeless.count() {
            0 => String::new(),
            count => format!(
                "; {} made by the API had no `working_dir`: from a file, they work in its folder",
                counted(count, "job")
            ),
        };
        context.terminal.note(&format!("exported {}{note}", counted(jobs.len(), "job")));
        Ok(())
    }
}

/// What of the top of jobs.yaml the jobs rely on.
fn needs(jobs: &[&Job]) -> String {
    let limits: BTreeSet<&str> =
        jobs.iter().flat_map(|job| &job.limits).map(String::as_str).collect();
    let calendar = |job: &&&Job| match job.calendar.as_ref() {
        Some(CalendarRule::Skip(name) | CalendarRule::Only(name)) => Some(name.clone()),
        None => None,
    };
    let calendars: BTreeSet<String> = jobs.iter().filter_map(|job| calendar(&job)).collect();
    let calendars: Vec<&str> = calendars.iter().map(String::as_str).collect();
    let limits: Vec<&str> = limits.into_iter().collect();
    let mut out = String::new();
    for (key, names) in [("limits", limits), ("calendars", calendars)] {
        if !names.is_empty() {
            let _ = writeln!(
                out,
                "# Needs `{key}` with {}: copy them from jobs.yaml.",
                names.join(", ")
            );
        }
    }
    out
}
