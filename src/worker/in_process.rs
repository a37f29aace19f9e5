//! Carries out commands that an embedding program registered, inside its own process.
//!
//! Owns their tasks. Tells of them in the words of a worker process, but keeps nothing on disk except their output: they end
//! with their process, so their outcome is known or `interrupted`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::link::LinkEvent;
use super::output_log::OutputWriter;
use super::protocol::{Assignment, AttemptKey, FromWorker, Running, StopCause};
use super::registry::{Command, Registry};
use super::runner::{Bounds, Cause, Stop, Verdict, context, run_command};
use crate::driver::clock::Clock;
use crate::model::JobCommand;

/// Runs commands as tasks of this process.
#[derive(Debug)]
pub struct InProcess {
    registry: Registry,
    output: OutputWriter,
    events: mpsc::Sender<LinkEvent>,
    running: Arc<Mutex<HashMap<AttemptKey, Stop>>>,
    tasks: TaskTracker,
}

impl InProcess {
    /// Tells of its attempts by [`LinkEvent::Message`] only.
    ///
    /// # Errors
    /// When the system gives no thread for output.
    pub fn new(
        data_dir: &Path,
        registry: Registry,
        events: mpsc::Sender<LinkEvent>,
    ) -> std::io::Result<Self> {
        let news = events.clone();
        let grew = move |key, bytes| {
            // News that find no place are followed by others.
            _ = news.try_send(LinkEvent::Message(FromWorker::OutputGrew { key, bytes }));
        };
        let output = OutputWriter::start(data_dir, Box::new(grew))?;
        Ok(Self { registry, output, events, running: Arc::default(), tasks: TaskTracker::new() })
    }

    /// Whether it knows the command.
    #[must_use]
    pub fn knows(&self, command: &str) -> bool {
        self.registry.get(command).is_some()
    }

    /// Carries out an attempt. One that runs is not started again.
    pub fn start(&self, assignment: Assignment) {
        let stop = Stop::default();
        {
            let mut running = held(&self.running);
            if running.contains_key(&assignment.key) {
                return;
            }
            running.insert(assignment.key, stop.clone());
        }
        let known = self.registry.get(assignment.command.name()).cloned();
        let (output, events) = (self.output.clone(), self.events.clone());
        let running = self.running.clone();
        self.tasks.spawn(async move {
            let key = assignment.key;
            let ended = carry_out(&assignment, known, &output, &events, &stop).await;
            held(&running).remove(&key);
            // Nobody listens any more only when the engine ends.
            _ = events.send(LinkEvent::Message(ended)).await;
        });
    }

    /// Ends an attempt; unknown keys are ignored.
    pub fn stop(&self, key: AttemptKey, cause: StopCause) {
        if let Some(stop) = held(&self.running).get(&key) {
            stop.set(Cause::Asked(cause));
        }
    }

    /// Gives everything that runs so long to end, then ends it as interrupted. Comes back when all ends have been told.
    pub async fn shut_down(&self, grace: Duration) {
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            for stop in held(&self.running).values() {
                stop.set(Cause::Interrupted);
            }
            self.tasks.wait().await;
        }
    }
}

fn held(running: &Mutex<HashMap<AttemptKey, Stop>>) -> MutexGuard<'_, HashMap<AttemptKey, Stop>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn carry_out(
    assignment: &Assignment,
    known: Option<Arc<dyn Command>>,
    output: &OutputWriter,
    events: &mpsc::Sender<LinkEvent>,
    stop: &Stop,
) -> FromWorker {
    let now = Clock.now();
    let (JobCommand::Named { args, .. }, Some(known)) = (&assignment.command, known) else {
        let name = assignment.command.name();
        let verdict = Verdict::failed(format!("this process knows no command `{name}`"));
        return FromWorker::Ended(Box::new(verdict.ended(assignment, None)));
    };
    let (key, worker_id) = (assignment.key, assignment.worker_id.clone());
    let running = Running { key, worker_id, started_at: now.wall, pid: None };
    _ = events.send(LinkEvent::Message(FromWorker::Started(running))).await;
    let bounds = Bounds {
        due: assignment.timeout.map(|timeout| now.monotonic.saturating_add(timeout)),
        timeout: assignment.timeout,
        kill_grace: assignment.kill_grace,
    };
    let log = output.log(key, assignment.output_limit);
    let context = context(assignment, &log, stop);
    let verdict = run_command(known, context, args.clone(), bounds, stop).await;
    log.settle().await;
    log.close();
    FromWorker::Ended(Box::new(verdict.ended(assignment, Some(now.wall))))
}
