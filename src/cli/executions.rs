//! `crontower executions`.

use chrono::{DateTime, SecondsFormat, Utc};

use super::Context;
use super::exit::Failure;
use super::jobs::state_cell;
use super::table::{Cell, Column, Table};
use super::times::{instant_ago, local, now, took};
use crate::api::List;
use crate::control::ExecutionView;

/// List executions, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower executions --status failed,timed_out --since 24h
  crontower executions --job nightly-backup --limit 5 --json")]
pub(super) struct Executions {
    /// Of this job only
    #[arg(long)]
    job: Option<String>,
    /// In these states only (failed,timed_out …)
    #[arg(long, value_name = "STATE")]
    status: Vec<String>,
    /// With this trigger only
    #[arg(long)]
    trigger: Option<String>,
    /// Of this worker only
    #[arg(long)]
    worker: Option<String>,
    /// Created at or after a time ('2026-12-24 18:00', yesterday), or so long ago (2h)
    #[arg(long, value_name = "TIME", value_parser = instant_ago)]
    since: Option<DateTime<Utc>>,
    /// Created before a time, or so long ago
    #[arg(long, value_name = "TIME", value_parser = instant_ago)]
    until: Option<DateTime<Utc>>,
    /// Whose job id or reason contains these words (`!word`: does not)
    #[arg(long, short, value_name = "WORDS")]
    query: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Go on where `next_cursor` of a list before says
    #[arg(long)]
    cursor: Option<String>,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

const COLUMNS: [Column; 9] = [
    Column::new("ID", 0),
    Column::new("JOB", 0),
    Column::new("STATE", 0),
    Column::new("FIRE TIME", 2).names_zone(),
    Column::new("TOOK", 3).right(),
    Column::new("TRY", 5).right(),
    Column::new("TRIGGER", 6),
    Column::new("WORKER", 7),
    Column::new("REASON", 4).may_be_cut(),
];

impl Executions {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let pairs = self.pairs();
        let query: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let text = client.get(&["executions"], &query).await?;
        if self.json {
            return context.terminal.say(&text);
        }
        let list: List<ExecutionView> = client.parse(&text)?;
        let mut table = Table::new(&COLUMNS);
        for view in &list.items {
            table.row(row(view));
        }
        context.terminal.say(&table.render(context.terminal.width, context.terminal.colour))
    }

    fn pairs(&self) -> Vec<(&'static str, String)> {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let wishes = [
            ("job", self.job.clone()),
            ("status", Some(self.status.join(","))),
            ("trigger", self.trigger.clone()),
            ("worker", self.worker.clone()),
            ("since", self.since.map(time)),
            ("until", self.until.map(time)),
            ("q", self.query.clone()),
            ("limit", Some(self.limit.to_string())),
            ("cursor", self.cursor.clone()),
        ];
        let given = |(name, value): (_, Option<String>)| Some((name, value?));
        wishes.into_iter().filter_map(given).filter(|(_, value)| !value.is_empty()).collect()
    }
}

fn row(view: &ExecutionView) -> Vec<Cell> {
    let execution = &view.execution;
    let took =
        execution.started_at.map(|start| took(start, execution.finished_at.unwrap_or_else(now)));
    vec![
        execution.id.short().into(),
        execution.job_id.as_str().into(),
        state_cell(execution.state.name()),
        local(execution.fire_time).into(),
        took.as_deref().unwrap_or("-").into(),
        view.attempt.to_string().into(),
        execution.trigger.as_str().into(),
        view.worker_id.as_ref().map_or("-", |id| id.as_str()).into(),
        execution.reason.to_string().into(),
    ]
}
