//! `crontower workers`, and what operators order for one: `drain`, `undrain`, `capacity`.

use serde_json::json;

use super::Context;
use super::exit::Failure;
use super::table::{Cell, Column, Table};
use super::times::local_or_dash;
use crate::api::List;
use crate::api::client::{Client, Method};
use crate::model::{Worker, WorkerState};

/// List the workers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower workers")]
pub(super) struct Workers {
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

const COLUMNS: [Column; 8] = [
    Column::new("ID", 0),
    Column::new("STATE", 0),
    Column::new("RUNNING", 1).right(),
    Column::new("SUCCEEDED", 5).right(),
    Column::new("FAILED", 4).right(),
    Column::new("HOST", 2).may_be_cut(),
    Column::new("LABELS", 6).may_be_cut(),
    Column::new("HEARTBEAT", 3).names_zone(),
];

impl Workers {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let text = client.get(&["workers"], &[]).await?;
        if self.json {
            return context.terminal.say(&text);
        }
        let list: List<Worker> = client.parse(&text)?;
        let mut table = Table::new(&COLUMNS);
        for worker in &list.items {
            table.row(row(worker));
        }
        context.terminal.say(&table.render(context.terminal.width, context.terminal.colour))
    }
}

/// Let a worker finish what it has and take no more.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower drain worker-1 --reason 'kernel update'")]
pub(super) struct Drain {
    /// The worker's id
    worker: String,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

/// Let a worker take attempts again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower undrain worker-1")]
pub(super) struct Undrain {
    /// The worker's id
    worker: String,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

/// Change how many attempts a worker runs at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower capacity worker-1 8
  crontower capacity worker-1 default      as jobs.yaml says")]
pub(super) struct Capacity {
    /// The worker's id
    worker: String,
    /// Slots, or `default`
    #[arg(value_parser = slots)]
    slots: Slots,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

/// Slots of a worker; `None` = as jobs.yaml says.
type Slots = Option<u32>;

fn slots(text: &str) -> Result<Slots, String> {
    match (text, text.parse()) {
        ("default", _) => Ok(None),
        (_, Ok(slots)) if slots > 0 => Ok(Some(slots)),
        _ => Err("it is a number from 1 on, or `default`".to_owned()),
    }
}

impl Drain {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let body = json!({ "reason": self.reason });
        let text = client.post(&["workers", &self.worker, "drain"], &[], &body).await?;
        tell(context, &client, text, self.json)
    }
}

impl Undrain {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let text = client.post(&["workers", &self.worker, "undrain"], &[], &json!({})).await?;
        tell(context, &client, text, self.json)
    }
}

impl Capacity {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let (path, body) = (["workers", &self.worker], json!({ "capacity": self.slots }));
        let text = client.send(Method::PATCH, &path, &[], None, &body).await?;
        tell(context, &client, text, self.json)
    }
}

fn tell(context: &Context, client: &Client, text: String, json: bool) -> Result<(), Failure> {
    if json {
        return context.terminal.say(&text);
    }
    let worker: Worker = client.parse(&text)?;
    let (id, state) = (&worker.id, worker.state.as_str());
    let (running, capacity) = (worker.running.len(), worker.capacity);
    context.terminal.say(&format!("{id} is {state} and runs {running} of {capacity}"))
}

fn row(worker: &Worker) -> Vec<Cell> {
    let colour = match worker.state {
        WorkerState::Online => "32",
        WorkerState::Draining | WorkerState::Suspect => "33",
        WorkerState::Offline => "31",
    };
    let host = match &worker.alias {
        Some(alias) => format!("{} ({alias})", worker.host),
        None => worker.host.clone(),
    };
    vec![
        worker.id.as_str().into(),
        Cell::coloured(worker.state.as_str(), colour),
        format!("{}/{}", worker.running.len(), worker.capacity).into(),
        worker.succeeded.to_string().into(),
        worker.failed.to_string().into(),
        host.into(),
        worker.labels.join(",").into(),
        local_or_dash(worker.last_heartbeat).into(),
    ]
}
