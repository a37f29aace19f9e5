//! `crontower export`: all jobs in force, of the file and of programs, and what holds for all of them, as one jobs file.

use std::sync::Arc;

use serde_json::Value;

use super::Context;
use super::exit::Failure;
use super::import::counted;
use crate::api::List;
use crate::jobfile;
use crate::model::{Job, JobStatus, Source};

/// Print all jobs in force as one jobs file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower export > all-jobs.yaml
  crontower export --json | jq '.[].id'

Its top says what stands at the top of jobs.yaml: zone, workers, limits, calendars, retention. What `defaults` there
say stands in each job.")]
pub(super) struct Export {
    /// Print the definitions as JSON
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let all = super::jobs::all_pages(&client).await?;
        let list: List<Arc<JobStatus>> = client.parse(&all.to_string())?;
        let jobs: Vec<&Job> = list.items.iter().map(|status| &*status.definition).collect();
        if self.json {
            let definitions: Vec<Value> =
                jobs.iter().filter_map(|job| serde_json::to_value(job).ok()).collect();
            return context.terminal.say(&Value::from(definitions).to_string());
        }
        let settings = client.parse(&client.get(&["settings"], &[]).await?)?;
        context.terminal.say(&(jobfile::as_top(&settings) + &jobfile::as_file(&jobs)))?;
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
