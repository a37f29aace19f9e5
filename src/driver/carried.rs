//! What the worker process of a standby still holds from the time when this scheduler led, and what the leader says to it.
//!
//! Owns the connection to that worker process while this scheduler stands by. What it holds is reported to the leader by
//! whoever serves this one; nothing is started here and nothing is decided.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::data_dir::DataDir;
use crate::engine::Verdicts;
use crate::model::{AttemptKey, Ended, Running, StopCause};
use crate::worker::link::{Connection, LinkEvent, LinkOptions, LocalLink};
use crate::worker::protocol::{FromWorker, ToWorker};

/// How many messages of the worker process may wait.
const QUEUE_BOUND: usize = 256;
/// So many ends are in one report: each may hold 64 KiB of result.
const ENDS: usize = 8;

/// A report of what a worker process holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CarriedWork {
    /// Attempts that run.
    pub running: Vec<Running>,
    /// Attempts whose end no leader has kept yet, the first few.
    pub ended: Vec<Ended>,
}

impl CarriedWork {
    /// Whether there is nothing to report.
    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.ended.is_empty()
    }
}

/// What the leader answers to a report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CarriedVerdicts {
    /// End these, each for its cause.
    pub stop: Vec<(AttemptKey, StopCause)>,
    /// Forget these: their end is kept, or means nothing any more.
    pub forget: Vec<AttemptKey>,
}

impl From<Verdicts> for CarriedVerdicts {
    fn from(Verdicts { stop, forget }: Verdicts) -> Self {
        Self { stop, forget }
    }
}

/// Where reports and answers cross between this and whoever serves the standby.
#[derive(Debug, Clone)]
pub(crate) struct CarriedPort {
    /// What is held now.
    pub(crate) work: watch::Receiver<CarriedWork>,
    /// What the leader said to it.
    pub(crate) verdicts: mpsc::Sender<CarriedVerdicts>,
}

/// The other ends of a port, which outlive connections.
#[derive(Debug, Clone)]
pub(super) struct CarriedWires {
    work: watch::Sender<CarriedWork>,
    verdicts: Arc<Mutex<mpsc::Receiver<CarriedVerdicts>>>,
}

/// A port and its other ends.
pub(super) fn port() -> (CarriedPort, CarriedWires) {
    let (work, shown) = watch::channel(CarriedWork::default());
    let (answer, verdicts) = mpsc::channel(1);
    let port = CarriedPort { work: shown, verdicts: answer };
    (port, CarriedWires { work, verdicts: Arc::new(Mutex::new(verdicts)) })
}

/// The connection to the worker process; dropping it ends the connection, not the process.
#[derive(Debug)]
pub(super) struct Carrier {
    _task: AbortOnDropHandle<()>,
}

impl Carrier {
    /// Connects to the worker process of a data folder, which is started where it does not run: it may keep the end of
    /// something. One that holds nothing is let go at once.
    pub(super) fn start(data_dir: &DataDir, program: PathBuf, wires: CarriedWires) -> Self {
        let (events, heard) = mpsc::channel(QUEUE_BOUND);
        let link = LocalLink::start(LinkOptions::new(data_dir.root().to_owned(), program), events);
        link.wake();
        let held =
            Held { link, running: BTreeMap::new(), ended: BTreeMap::new(), connection: None };
        Self { _task: AbortOnDropHandle::new(tokio::spawn(held.carry(heard, wires))) }
    }
}

/// What is held, as far as it was said.
struct Held {
    link: LocalLink,
    running: BTreeMap<AttemptKey, Running>,
    ended: BTreeMap<AttemptKey, Ended>,
    connection: Option<Connection>,
}

impl Held {
    /// Until nothing is held any more.
    async fn carry(mut self, mut heard: mpsc::Receiver<LinkEvent>, wires: CarriedWires) {
        let mut verdicts = wires.verdicts.lock().await;
        loop {
            tokio::select! {
                event = heard.recv() => match event {
                    Some(event) => self.hear(event),
                    None => break,
                },
                Some(said) = verdicts.recv() => self.obey(said),
            }
            let work = self.work();
            wires.work.send_if_modified(|shown| {
                let changed = *shown != work;
                shown.clone_from(&work);
                changed
            });
            if work.is_empty() && self.connection.is_some() {
                self.link.leave();
                self.send(ToWorker::Goodbye);
            }
        }
    }

    fn hear(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up { hello, connection } => {
                self.connection = Some(connection);
                self.hear_message(hello);
            }
            LinkEvent::Message(message) => self.hear_message(message),
            // It is connected to again; what it held is its own until it says otherwise.
            LinkEvent::Down { .. } => self.connection = None,
            LinkEvent::Refused { reason } => {
                tracing::warn!(%reason, "what this scheduler began as the leader cannot be reported");
            }
            // Only an engine that leads has groups ended.
            LinkEvent::Silent | LinkEvent::Group(_) => {}
        }
    }

    fn hear_message(&mut self, message: FromWorker) {
        match message {
            FromWorker::Hello { running, ended, .. } => {
                self.running = running.into_iter().map(|it| (it.key, it)).collect();
                self.ended = ended.into_iter().map(|it| (it.key, it)).collect();
            }
            FromWorker::Started(running) => _ = self.running.insert(running.key, running),
            FromWorker::Ended(ended) => {
                self.running.remove(&ended.key);
                self.ended.insert(ended.key, *ended);
            }
            FromWorker::CannotStop { .. }
            | FromWorker::OutputGrew { .. }
            | FromWorker::Heartbeat => {}
        }
    }

    fn obey(&mut self, CarriedVerdicts { stop, forget }: CarriedVerdicts) {
        for (key, cause) in stop {
            self.send(ToWorker::Stop { key, cause });
        }
        if !forget.is_empty() {
            forget.iter().for_each(|key| _ = self.ended.remove(key));
            self.send(ToWorker::Committed { keys: forget });
        }
    }

    /// What cannot be sent now is said again after the next report.
    fn send(&self, message: ToWorker) {
        if let Some(connection) = &self.connection
            && let Err(error) = connection.send(message)
        {
            tracing::debug!(%error, "a word of the leader to the worker process");
        }
    }

    fn work(&self) -> CarriedWork {
        let running = self.running.values().cloned().collect();
        CarriedWork { running, ended: self.ended.values().take(ENDS).cloned().collect() }
    }
}
