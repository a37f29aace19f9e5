//! Carries out commands that an embedding program registered, inside its own process.
//!
//! Owns their tasks. Reports them with a worker process's messages, but keeps nothing on disk
//! except their output: they end with their process, so their outcome is known or `interrupted`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::link::LinkEvent;
use super::output_log::OutputWriter;
use super::protocol::FromWorker;
use super::runner::{
    Bounds, Cause, Environment, START_TIMEOUT, Stop, Verdict, context, on_own_thread, run_command,
};
use crate::clock::Clock;
use crate::commands::{Command, Registry};
use crate::model::{Assignment, AttemptKey, Ended, JobCommand, Running, StopCause};

/// Runs commands as tasks of this process.
#[derive(Debug)]
pub(crate) struct InProcess {
    registry: Registry,
    output: OutputWriter,
    events: mpsc::Sender<LinkEvent>,
    running: Arc<Mutex<HashMap<AttemptKey, Stop>>>,
    tasks: TaskTracker,
}

impl InProcess {
    /// Reports its attempts by [`LinkEvent::Message`] only.
    ///
    /// # Errors
    /// When the system gives no thread for output.
    pub(crate) fn new(
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

    /// Carries out an attempt. One that runs is not started again.
    pub(crate) fn start(&self, assignment: Assignment) {
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
            // Nobody listens only when the engine ends.
            _ = events.send(LinkEvent::Message(ended)).await;
        });
    }

    /// Ends an attempt; unknown keys are ignored.
    pub(crate) fn stop(&self, key: AttemptKey, cause: StopCause) {
        if let Some(stop) = held(&self.running).get(&key) {
            stop.set(Cause::Asked(cause));
        }
    }

    /// Gives everything that runs this long to end, then interrupts it. Returns when all ends have
    /// been reported.
    pub(crate) async fn shut_down(&self, grace: Duration) {
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
    let bounds = Bounds {
        due: assignment.timeout.map(|timeout| now.monotonic.saturating_add(timeout)),
        timeout: assignment.timeout,
        kill_grace: assignment.kill_grace,
    };
    let (work, data_dir) = (assignment.clone(), output.data_dir().to_owned());
    // What its paths are on may hang.
    let prepare = async move { Environment::of(&work, &data_dir, Arc::default()).await };
    let prepared = tokio::select! {
        prepared = on_own_thread(START_TIMEOUT, CancellationToken::new(), prepare, drop) => prepared,
        () = stop.token().cancelled() => {
            let cause = stop.cause().unwrap_or(Cause::Interrupted);
            let ended = cause.before_start().ended(assignment, None);
            return FromWorker::Ended(Box::new(ended));
        }
    };
    let environment = match prepared.and_then(|environment| environment) {
        Ok(environment) => environment,
        Err(error) => {
            let ended = Verdict::not_started(error).ended(assignment, None);
            return FromWorker::Ended(Box::new(ended));
        }
    };
    let (key, worker_id) = (assignment.key, assignment.worker_id.clone());
    let running = Running { key, worker_id, started_at: now.wall, pid: None };
    _ = events.send(LinkEvent::Message(FromWorker::Started(running))).await;
    let redact = environment.redact.clone();
    let log = output.redacted_log(key, assignment.output_limit, redact);
    let verdict = match context(assignment, &environment, &log, stop) {
        Ok(context) => run_command(known, context, args.clone(), bounds, stop).await,
        Err(error) => Verdict::failed(error),
    };
    log.settle().await;
    log.close();
    let verdict = verdict.redacted(environment.redact.as_deref());
    let ended = verdict.ended(assignment, Some(now.wall));
    FromWorker::Ended(Box::new(Ended { output_lost: log.lost(), ..ended }))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::{Value, json};

    use super::*;
    use crate::commands::{ArgProblem, Args, CommandError, Context};
    use crate::model::Outcome;
    use crate::worker::process::tests::{assignment, output};

    /// Says a word, then answers or waits for its stop.
    struct Probe;

    #[async_trait]
    impl Command for Probe {
        fn check(&self, _args: &Args) -> Result<(), Vec<ArgProblem>> {
            Ok(())
        }

        async fn run(&self, context: Context, args: Args) -> Result<Value, CommandError> {
            context.say("begun");
            if args.contains_key("wait") {
                context.stop.cancelled().await;
                context.say("stopped");
            }
            Ok(json!(42))
        }
    }

    fn named(args: Value) -> Assignment {
        let Value::Object(args) = args else { panic!("arguments are a map") };
        let command = JobCommand::Named { command: "probe".to_owned(), args };
        Assignment { command, ..assignment("") }
    }

    struct Bench {
        dir: tempfile::TempDir,
        engine: InProcess,
        events: mpsc::Receiver<LinkEvent>,
    }

    fn bench() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = Registry::default();
        registry.register("probe", Arc::new(Probe));
        let (tell, events) = mpsc::channel(64);
        let engine = InProcess::new(dir.path(), registry, tell).unwrap();
        Bench { dir, engine, events }
    }

    impl Bench {
        async fn news(&mut self) -> FromWorker {
            loop {
                match self.events.recv().await.unwrap() {
                    LinkEvent::Message(FromWorker::OutputGrew { .. }) => {}
                    LinkEvent::Message(message) => return message,
                    other => panic!("{other:?}"),
                }
            }
        }

        async fn started(&mut self) -> AttemptKey {
            match self.news().await {
                FromWorker::Started(running) => running.key,
                other => panic!("{other:?}"),
            }
        }

        async fn ended(&mut self) -> Ended {
            match self.news().await {
                FromWorker::Ended(ended) => *ended,
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_command_runs_here_and_its_answer_and_output_are_kept() {
        let mut bench = bench();
        let work = named(json!({}));
        bench.engine.start(work.clone());
        assert_eq!(bench.started().await, work.key);
        let ended = bench.ended().await;
        assert_eq!((ended.outcome, ended.result), (Outcome::Succeeded, Some(json!(42))));
        assert_eq!(output(bench.dir.path(), work.key), "o begun\n");
    }

    #[tokio::test]
    async fn a_stop_ends_it_and_a_second_start_is_none() {
        let mut bench = bench();
        let work = named(json!({"wait": true}));
        bench.engine.start(work.clone());
        bench.engine.start(work.clone());
        bench.started().await;
        bench.engine.stop(work.key, StopCause::Cancel);
        assert_eq!(bench.ended().await.outcome, Outcome::Cancelled);
        assert_eq!(output(bench.dir.path(), work.key), "o begun\no stopped\n");
    }

    #[tokio::test]
    async fn a_shut_down_interrupts_what_does_not_end_in_time() {
        let mut bench = bench();
        let work = named(json!({"wait": true}));
        bench.engine.start(work.clone());
        bench.started().await;
        bench.engine.shut_down(Duration::from_millis(10)).await;
        assert_eq!(bench.ended().await.outcome, Outcome::Interrupted);
    }

    #[tokio::test]
    async fn what_is_not_registered_fails() {
        let mut bench = bench();
        bench.engine.start(assignment("true"));
        let ended = bench.ended().await;
        assert_eq!(ended.error.as_deref(), Some("this process knows no command `shell`"));
    }
}
