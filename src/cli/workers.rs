//! `crontower workers`, and what the answers of the verbs about one say: `drain`, `undrain`, `capacity`, `delete-worker`.

use super::Context;
use super::exit::Failure;
use super::table::{Cell, Column, Table};
use super::times::local_or_dash;
use super::verb::Describe;
use crate::api::List;
use crate::control::{DeleteWorker, DrainWorker, SetWorkerCapacity, UndrainWorker};
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

impl Describe for DrainWorker {
    fn describe(&self, worker: Worker) -> String {
        describe(&worker)
    }
}

impl Describe for UndrainWorker {
    fn describe(&self, worker: Worker) -> String {
        describe(&worker)
    }
}

impl Describe for SetWorkerCapacity {
    fn describe(&self, worker: Worker) -> String {
        describe(&worker)
    }
}

impl Describe for DeleteWorker {
    fn describe(&self, (): ()) -> String {
        format!("{} is no longer in the list", self.id)
    }
}

fn describe(worker: &Worker) -> String {
    let (id, state) = (&worker.id, worker.state.as_str());
    format!("{id} is {state} and runs {} of {}", worker.running.len(), worker.capacity)
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
