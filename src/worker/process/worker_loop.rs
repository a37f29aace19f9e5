//! The loop of the worker process: what the engine asks, what the attempts report.
//!
//! Owns which attempts are held, and which of their ends are still to be committed. Never blocks:
//! each thing that takes time has a task or a thread of its own.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::connection::{Acceptor, ConnectionId, Inbound};
use super::outbox::Outbox;
use super::recovery::Recovered;
use super::socket::Listener;
use crate::clock::Clock;
use crate::model::{Assignment, AttemptKey, Ended, Outcome, Pool, Running};
use crate::worker::journal::Journal;
use crate::worker::protocol::{FromWorker, ToWorker, VERSION};
use crate::worker::runner::{Cause, Report, Runner, Stop};
use crate::worker::wait;

/// Attempts that one worker process holds at once.
const MOST_HELD: usize = 10_000;

/// Reports taken in one go: their ends are written to the journal and to the engine together.
const BATCH: usize = 256;

/// How often it is looked whether the socket is still in its place, while something runs and no engine is connected.
const SOCKET_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long the answer to a hello waits for attempts that are about to start. One that hangs is left out: the engine
/// sends it once more, which starts nothing, and is answered when it has started or failed to.
const HELLO_WAIT: Duration = Duration::from_secs(1);

/// Descriptors that an attempt may need, and that the process needs itself.
const DESCRIPTORS: (u64, u64) = (6, 256);

/// Where the loop's input comes from.
pub(super) struct Inputs<'a> {
    pub(super) listener: Listener<'a>,
    pub(super) signals: &'a mut Signals,
    pub(super) reported: mpsc::Receiver<Report>,
}

/// The signals that a worker process hears. Handled, not ignored: an ignored signal would be
/// ignored by every command too.
pub(super) struct Signals {
    handlers: Option<(Signal, Signal, Signal)>,
}

impl Signals {
    pub(super) fn new(heard: bool) -> io::Result<Self> {
        let handlers = if heard {
            let (term, int) = (SignalKind::terminate(), SignalKind::interrupt());
            Some((signal(term)?, signal(int)?, signal(SignalKind::hangup())?))
        } else {
            None
        };
        Ok(Self { handlers })
    }

    /// Comes back at SIGTERM.
    pub(super) async fn terminated(&mut self) {
        let Some((term, int, hup)) = &mut self.handlers else {
            return std::future::pending().await;
        };
        loop {
            tokio::select! {
                _ = term.recv() => return,
                _ = int.recv() => {}
                _ = hup.recv() => {}
            }
        }
    }
}

/// An attempt that is carried out.
struct Held {
    stop: Stop,
    /// Once it has started.
    running: Option<Running>,
    /// While processes of it cannot be ended: what was last reported of them.
    cannot_stop: Option<FromWorker>,
}

/// Whether more attempts are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Serving,
    /// The engine has said goodbye.
    Leaving,
    /// Replayed to end by a signal.
    Ending,
    /// Another process is to serve: this one only drains pipes.
    HandingOver,
}

/// How the loop ended.
pub(super) struct End {
    /// Whether pipes of processes left behind are to be drained.
    pub(super) drains: bool,
    /// The engine that is to find a successor.
    pub(super) displaced: Option<Arc<Outbox>>,
}

/// What a worker process knows.
pub(super) struct WorkerLoop {
    runner: Arc<Runner>,
    journal: Arc<Journal>,
    held: HashMap<AttemptKey, Held>,
    ended: BTreeMap<AttemptKey, Ended>,
    /// The engine that is connected.
    engine: Option<(ConnectionId, Arc<Outbox>)>,
    /// While it waits for the answer to its hello: when that is sent at the latest. Before, all that is held must have
    /// started or ended, so that the answer leaves nothing out.
    hello_due: Option<Duration>,
    /// The engine once more, for those who have news of output.
    outbox: Arc<Mutex<Option<Arc<Outbox>>>>,
    mode: Mode,
    /// What attempts inherit: the environment of the engine that starts them.
    environment: Arc<Vec<(OsString, OsString)>>,
    /// Whether the engine is of this version, and knows what earlier ones do not.
    is_current: bool,
    /// An engine that is to find a successor of this process.
    displaced: Option<Arc<Outbox>>,
    idle_grace: Duration,
    host: String,
}

impl WorkerLoop {
    pub(super) fn new(
        runner: Arc<Runner>,
        journal: Arc<Journal>,
        outbox: Arc<Mutex<Option<Arc<Outbox>>>>,
        left: &Recovered,
        environment: Arc<Vec<(OsString, OsString)>>,
        idle_grace: Duration,
    ) -> Self {
        let ended = left.ended.iter().map(|ended| (ended.key, ended.clone())).collect();
        let held = left.running().into_iter().map(|running| {
            // It is being ended already: nothing hears its stop.
            (running.key, Held { stop: Stop::default(), running: Some(running), cannot_stop: None })
        });
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            runner,
            journal,
            held: held.collect(),
            ended,
            engine: None,
            hello_due: None,
            outbox,
            mode: Mode::Serving,
            environment,
            is_current: false,
            displaced: None,
            idle_grace,
            host: host.trim().to_owned(),
        }
    }

    /// Serves until there is nothing left to do.
    pub(super) async fn run(mut self, inputs: &mut Inputs<'_>) -> End {
        let (inbound, mut from_engine) = mpsc::channel(256);
        let mut acceptor = Acceptor::new(inbound);
        let mut reports = Vec::with_capacity(BATCH);
        // A tracker reports that its tasks are gone only once it is closed; it still takes tasks.
        self.runner.draining.close();
        let mut alone_since = Some(Clock.now().monotonic);
        let mut connected = false;
        loop {
            // Only what runs must be found again; a folder that is being removed is not written to.
            let sought = self.engine.is_none() && !self.held.is_empty();
            if std::mem::replace(&mut connected, self.engine.is_some()) && sought {
                inputs.listener.reopen_if_removed();
            }
            let alone = self.engine.is_none() && self.held.is_empty();
            alone_since = alone.then(|| alone_since.unwrap_or(Clock.now().monotonic));
            if self.held.is_empty() && matches!(self.mode, Mode::Ending | Mode::HandingOver) {
                break;
            }
            tokio::select! {
                count = inputs.reported.recv_many(&mut reports, BATCH) => {
                    debug_assert!(count > 0, "the runner holds a sender");
                    self.take_reports(&mut reports);
                }
                Some((id, inbound)) = from_engine.recv() => self.take_inbound(id, inbound),
                accepted = inputs.listener.accept() => match accepted {
                    Ok(stream) => acceptor.take(stream),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        // Out of descriptors, most likely; no event tells when there are some
                        // again.
                        wait::at_most(Some(Duration::from_millis(50))).await;
                    }
                },
                () = inputs.signals.terminated() => self.end_all(),
                // A file that goes is an event only to who watches it; while an engine is connected nobody needs it.
                () = wait::at_most(sought.then_some(SOCKET_CHECK_INTERVAL)) => inputs.listener.reopen_if_removed(),
                // A start that hangs is no event.
                () = wait::at_most(wait::until(self.hello_due)) => self.answer_hello(),
                () = idle(alone_since, self.grace()) => break,
            }
        }
        self.disconnect();
        End { drains: self.mode != Mode::Ending, displaced: self.displaced }
    }

    fn grace(&self) -> Duration {
        if self.mode == Mode::Leaving { Duration::ZERO } else { self.idle_grace }
    }

    /// SIGTERM: ends everything and takes nothing more.
    fn end_all(&mut self) {
        self.mode = Mode::Ending;
        for held in self.held.values() {
            held.stop.set(Cause::ProcessEnds);
        }
    }

    fn take_reports(&mut self, reports: &mut Vec<Report>) {
        let ends = reports.iter().filter_map(|report| match report {
            Report::Ended(ended) => Some(&**ended),
            Report::Started(_) | Report::CannotStop { .. } => None,
        });
        self.journal.ended(ends);
        let mut messages = Vec::with_capacity(reports.len());
        for report in reports.drain(..) {
            match report {
                Report::Started(running) => {
                    if let Some(held) = self.held.get_mut(&running.key) {
                        held.running = Some(running.clone());
                    }
                    messages.push(FromWorker::Started(running));
                }
                Report::CannotStop { key, since, reason, processes } => {
                    let message = FromWorker::CannotStop { key, since, reason, processes };
                    if let Some(held) = self.held.get_mut(&key) {
                        held.cannot_stop = Some(message.clone());
                    }
                    messages.push(message);
                }
                Report::Ended(ended) => {
                    self.held.remove(&ended.key);
                    self.ended.insert(ended.key, (*ended).clone());
                    messages.push(FromWorker::Ended(ended));
                }
            }
        }
        self.say(messages);
        self.answer_hello();
    }

    fn take_inbound(&mut self, id: ConnectionId, inbound: Inbound) {
        let current = self.engine.as_ref().is_some_and(|(engine, _)| *engine == id);
        match inbound {
            Inbound::Hello { version, environment, outbox } => {
                self.greet(id, version, environment, outbox);
            }
            Inbound::Closed if current => self.disconnect(),
            Inbound::Message(message) if current => self.take_message(message),
            // Of an engine that another has displaced.
            Inbound::Closed | Inbound::Message(_) => {}
        }
    }

    /// A newer engine displaces an older one; one of another protocol version is refused.
    fn greet(
        &mut self,
        id: ConnectionId,
        version: u32,
        environment: Option<Vec<(OsString, OsString)>>,
        outbox: Arc<Outbox>,
    ) {
        if version != VERSION {
            tracing::warn!(version, ours = VERSION, "an engine of another version was refused");
            // It may be gone already.
            _ = outbox.push([self.hello(Vec::new(), Vec::new())]);
            outbox.close();
            return;
        }
        self.disconnect();
        if self.held.is_empty() && !self.runner.draining.is_empty() && self.mode != Mode::Ending {
            // It only drains pipes of processes that were left behind: what this engine starts gets a process of the
            // engine's own program and limits.
            self.mode = Mode::HandingOver;
            self.displaced = Some(outbox);
            return;
        }
        if self.mode == Mode::Leaving {
            self.mode = Mode::Serving;
        }
        self.is_current = environment.is_some();
        if let Some(environment) = environment {
            self.environment = Arc::new(environment);
        }
        self.engine = Some((id, outbox));
        self.hello_due = Some(Clock.now().monotonic + HELLO_WAIT);
        self.answer_hello();
    }

    /// Answers a hello as soon as the answer is complete.
    fn answer_hello(&mut self) {
        let Some(due) = self.hello_due else { return };
        let is_complete = self.held.values().all(|held| held.running.is_some());
        if is_complete || due <= Clock.now().monotonic {
            self.send_hello();
        }
    }

    fn send_hello(&mut self) {
        self.hello_due = None;
        let running = self.held.values().filter_map(|held| held.running.clone()).collect();
        let ended = self.ended.values().cloned().collect();
        let hello = self.hello(running, ended);
        let cannot_stop = self.held.values().filter_map(|held| held.cannot_stop.clone());
        let messages = std::iter::once(hello).chain(cannot_stop).collect();
        self.say(messages);
        let outbox = self.engine.as_ref().map(|(_, outbox)| outbox.clone());
        *self.outbox.lock().unwrap_or_else(PoisonError::into_inner) = outbox;
    }

    fn hello(&self, running: Vec<Running>, ended: Vec<Ended>) -> FromWorker {
        let (version, program) = (VERSION, env!("CARGO_PKG_VERSION").to_owned());
        let (host, pid) = (self.host.clone(), std::process::id());
        FromWorker::Hello { version, program, host, pid, running, ended }
    }

    fn disconnect(&mut self) {
        *self.outbox.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.hello_due = None;
        if let Some((_, outbox)) = self.engine.take() {
            outbox.close();
        }
    }

    /// Says something to the engine. Where there is none, or one whose hello is not answered yet,
    /// that hello reports it.
    fn say(&mut self, mut messages: Vec<FromWorker>) {
        if !self.is_current {
            messages.retain(|message| !matches!(message, FromWorker::CannotStop { .. }));
            messages.iter_mut().for_each(as_before);
        }
        if let Some((_, outbox)) = &self.engine
            && self.hello_due.is_none()
            && outbox.push(messages).is_err()
        {
            tracing::warn!("the engine does not read; it gets everything when it reconnects");
            self.disconnect();
        }
    }

    fn take_message(&mut self, message: ToWorker) {
        match message {
            ToWorker::Hello { .. } => {
                self.hello_due = Some(Clock.now().monotonic + HELLO_WAIT);
                self.answer_hello();
            }
            ToWorker::Configure { pools } => provide_for(&pools),
            ToWorker::Start(assignment) => self.start(*assignment),
            ToWorker::Stop { key, cause } => {
                if let Some(held) = self.held.get(&key) {
                    held.stop.set(Cause::Asked(cause));
                }
            }
            ToWorker::Abandon { key } => {
                if let Some(held) = self.held.get(&key).filter(|held| held.cannot_stop.is_some()) {
                    held.stop.abandon();
                }
            }
            ToWorker::Committed { keys } => {
                for key in &keys {
                    self.ended.remove(key);
                }
                self.journal.committed(&keys);
            }
            ToWorker::Goodbye => {
                if self.mode == Mode::Serving {
                    self.mode = Mode::Leaving;
                }
                self.disconnect();
            }
        }
    }

    fn start(&mut self, assignment: Assignment) {
        let key = assignment.key;
        if let Some(held) = self.held.get(&key) {
            // One that is about to start is reported when it has.
            let started = held.running.clone().map(FromWorker::Started);
            return self.say(started.into_iter().collect());
        }
        if let Some(ended) = self.ended.get(&key) {
            let ended = FromWorker::Ended(Box::new(ended.clone()));
            return self.say(vec![ended]);
        }
        if matches!(self.mode, Mode::Ending | Mode::HandingOver) {
            // Not taken, so the next hello does not name it and the engine places it again.
            return;
        }
        if self.held.len() >= MOST_HELD {
            let ended = too_many(&assignment);
            self.journal.ended(std::iter::once(&ended));
            self.ended.insert(key, ended.clone());
            return self.say(vec![FromWorker::Ended(Box::new(ended))]);
        }
        let stop = Stop::default();
        self.held.insert(key, Held { stop: stop.clone(), running: None, cannot_stop: None });
        let environment = Arc::clone(&self.environment);
        tokio::spawn(self.runner.clone().carry_out(assignment, environment, stop));
    }
}

/// Turns what an engine of an earlier version does not know into what it does.
fn as_before(message: &mut FromWorker) {
    let known = |ended: &mut Ended| {
        if ended.outcome == Outcome::NotStarted {
            ended.outcome = Outcome::Failed;
        }
    };
    match message {
        FromWorker::Hello { ended, .. } => ended.iter_mut().for_each(known),
        FromWorker::Ended(ended) => known(ended),
        FromWorker::Started(_)
        | FromWorker::CannotStop { .. }
        | FromWorker::OutputGrew { .. }
        | FromWorker::Heartbeat => {}
    }
}

fn too_many(assignment: &Assignment) -> Ended {
    let error = format!("not started: the worker process carries out {MOST_HELD} attempts already");
    Ended {
        key: assignment.key,
        started_at: None,
        finished_at: Clock.now().wall,
        outcome: Outcome::NotStarted,
        exit_code: None,
        error: Some(error),
        result: None,
        output_lost: 0,
    }
}

/// Comes back when there has been nothing to do for the whole grace.
async fn idle(alone_since: Option<Duration>, grace: Duration) {
    let Some(since) = alone_since else { return std::future::pending().await };
    loop {
        let left = (since + grace).saturating_sub(Clock.now().monotonic);
        if left.is_zero() {
            return;
        }
        // Nothing happening is no event.
        wait::at_most(Some(left)).await;
    }
}

/// Raises the limit of open files where the pools could need more: not before, since commands
/// inherit it.
fn provide_for(pools: &[Pool]) {
    let slots: u64 = pools.iter().map(|pool| u64::from(pool.capacity)).sum();
    let needed = slots.saturating_mul(DESCRIPTORS.0).saturating_add(DESCRIPTORS.1);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = Some(limit.maximum.map_or(needed, |maximum| needed.min(maximum)));
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, needed, "the limit of open files stays as it is");
        }
    }
}
