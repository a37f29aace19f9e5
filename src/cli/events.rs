//! `crontower events`.

use super::Context;
use super::exit::{Exit, Failure};
use super::table::{Cell, Column, Table};
use super::terminal::plain;
use super::times::local;
use crate::api::List;
use crate::api::client::Lines;
use crate::model::{Event, Severity};

/// List the newest events, oldest of them first, or follow them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  crontower events --limit 100\n  crontower events -f --json")]
pub(super) struct Events {
    /// Go on with each event as it happens
    #[arg(long, short)]
    follow: bool,
    /// At most so many of the past
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Print what the API answers; when following, one event a line
    #[arg(long)]
    json: bool,
}

const COLUMNS: [Column; 4] = [
    Column::new("SEQ", 1).right(),
    Column::new("AT", 0).names_zone(),
    Column::new("ACTOR", 2),
    Column::new("EVENT", 0).may_be_cut(),
];

impl Events {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        if self.follow {
            return self.follow(context).await;
        }
        let client = context.target.client()?;
        let limit = self.limit.to_string();
        let text = client.get(&["events"], &[("limit", &limit)]).await?;
        if self.json {
            return context.terminal.say(&text);
        }
        let list: List<Event> = client.parse(&text)?;
        let mut table = Table::new(&COLUMNS);
        for event in list.items.iter().rev() {
            table.row(row(event));
        }
        context.terminal.say(&table.render(context.terminal.width, context.terminal.colour))
    }

    async fn follow(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let answer = client.stream(&["events"], &[], "text/event-stream").await?;
        let mut lines = Lines::of(answer);
        while let Some(line) = lines.next().await {
            let Some(data) = line.strip_prefix(b"data: ") else { continue };
            let text = String::from_utf8_lossy(data);
            if self.json {
                context.terminal.say(&text)?;
                continue;
            }
            let event: Event = client.parse(&text)?;
            let sentence = plain(&event.kind.sentence());
            let line = format!("{}  {}  {sentence}", local(event.at), plain(event.actor.as_str()));
            context.terminal.say(&line)?;
        }
        Err(Failure::new(Exit::Unreachable, "the engine has ended, and with it its events"))
    }
}

fn row(event: &Event) -> Vec<Cell> {
    let colour = match event.kind.severity() {
        Severity::Info => "",
        Severity::Warning => "33",
        Severity::Error => "31",
    };
    vec![
        event.seq.to_string().into(),
        local(event.at).into(),
        event.actor.as_str().into(),
        Cell::coloured(&event.kind.sentence(), colour),
    ]
}
