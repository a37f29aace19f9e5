//! `crontower versions`.

use super::Context;
use super::exit::Failure;
use super::table::{Cell, Column, Table};
use super::times::local;
use crate::api::List;
use crate::model::JobVersion;

/// List the versions of a job's definition, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower versions nightly-backup
  crontower versions nightly-backup --json | jq '.items[1].definition'")]
pub(super) struct Versions {
    /// The job's id
    job: String,
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

const COLUMNS: [Column; 4] = [
    Column::new("VERSION", 0).right(),
    Column::new("AT", 1).names_zone(),
    Column::new("BY", 2).may_be_cut(),
    Column::new("SCHEDULE", 3).may_be_cut(),
];

impl Versions {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let limit = self.limit.to_string();
        let text = client.get(&["jobs", &self.job, "versions"], &[("limit", &limit)]).await?;
        if self.json {
            return context.terminal.say(&text);
        }
        let list: List<JobVersion> = client.parse(&text)?;
        let mut table = Table::new(&COLUMNS);
        for version in &list.items {
            table.row(row(version));
        }
        context.terminal.say(&table.render(context.terminal.width, context.terminal.colour))
    }
}

fn row(version: &JobVersion) -> Vec<Cell> {
    vec![
        version.version.to_string().into(),
        local(version.at).into(),
        version.by.as_str().into(),
        version.definition.schedule.as_deref().unwrap_or("-").into(),
    ]
}
