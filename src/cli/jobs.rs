//! `crontower jobs`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Context;
use super::exit::Failure;
use super::table::{Cell, Column, Table};
use super::times::{local, local_or_dash};
use crate::api::List;
use crate::api::client::Client;
use crate::model::{JobStatus, StateName};

/// List the jobs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  crontower jobs\n  crontower jobs --json | jq '.items[].id'")]
pub(super) struct Jobs {
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

const COLUMNS: [Column; 7] = [
    Column::new("ID", 0),
    Column::new("STATE", 1),
    Column::new("NEXT", 2).names_zone(),
    Column::new("LAST", 3),
    Column::new("ENDED", 5),
    Column::new("SCHEDULE", 4).may_be_cut(),
    Column::new("NAME", 6).may_be_cut(),
];

impl Jobs {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let all = all_pages(&client).await?;
        if self.json {
            return context.terminal.say(&all.to_string());
        }
        let list: List<Arc<JobStatus>> = client.parse(&all.to_string())?;
        let mut table = Table::new(&COLUMNS);
        for job in &list.items {
            table.row(row(job));
        }
        context.terminal.say(&table.render(context.terminal.width, context.terminal.colour))
    }
}

/// The whole list, page after page, as one answer.
pub(super) async fn all_pages(client: &Client) -> Result<Value, Failure> {
    let mut items: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let query: Vec<(&str, &str)> =
            cursor.iter().map(|cursor| ("cursor", cursor.as_str())).collect();
        let page: List<Value> = client.parse(&client.get(&["jobs"], &query).await?)?;
        items.extend(page.items);
        if page.next_cursor.is_none() || page.next_cursor == cursor {
            return Ok(json!({ "items": items, "next_cursor": null }));
        }
        cursor = page.next_cursor;
    }
}

fn row(job: &JobStatus) -> Vec<Cell> {
    let definition = &job.definition;
    let last = job.last_execution.as_ref();
    let schedule = definition.schedule.as_deref().unwrap_or(match definition.dependencies.len() {
        0 => "by hand",
        _ => "after its dependencies",
    });
    vec![
        definition.id.as_str().into(),
        state_of(job),
        local_or_dash(job.next_fire_time).into(),
        last.map_or_else(|| "-".into(), |last| state_cell(last.state)),
        last.and_then(|last| last.finished_at).map_or_else(|| "-".to_owned(), local).into(),
        job.schedule_in_words.as_deref().unwrap_or(schedule).into(),
        definition.name.as_deref().unwrap_or_default().into(),
    ]
}

fn state_of(job: &JobStatus) -> Cell {
    if job.live > 0 {
        return Cell::coloured(&format!("{} live", job.live), "36");
    }
    match (&job.paused, job.definition.enabled) {
        (Some(_), _) => Cell::coloured("paused", "33"),
        (None, false) => Cell::coloured("disabled", "2"),
        (None, true) => "idle".into(),
    }
}

/// A state, in its colour.
pub(super) fn state_cell(state: StateName) -> Cell {
    let colour = match state {
        StateName::Succeeded => "32",
        StateName::Failed | StateName::TimedOut => "31",
        StateName::Running => "36",
        StateName::Waiting | StateName::Queued | StateName::Retrying => "33",
        StateName::Cancelled | StateName::Skipped => "2",
    };
    Cell::coloured(state.as_str(), colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighty_columns_show_whole_ids_and_the_beginning_of_the_schedule() {
        let mut table = Table::new(&COLUMNS);
        let cells = [
            "warehouse-synchronization-eu-west-1",
            "idle",
            "2026-11-23 14:03:18",
            "succeeded",
            "2026-11-23 13:03:19",
            "Every 15 minutes between 09:00 and 17:59 on weekdays, Europe/Berlin",
            "Synchronizes the warehouse",
        ];
        table.row(cells.map(Cell::from).to_vec());
        let text = table.render(Some(100), false);
        assert!(text.contains(cells[0]) && text.contains(" Every 15 mi"), "{text}");
        assert!(table.render(Some(80), false).contains(cells[0]));
    }
}
