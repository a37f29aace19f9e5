//! The hands of the engine: the link to the worker process, and the commands that an embedding program registered, which
//! run inside this process.
//!
//! Owns what was said to whom. A message that could not be sent is not repeated here: whoever connects says what it holds,
//! and the engine tells it the rest.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::Duration;

use tokio::sync::mpsc;

use super::data_dir::DataDir;
use crate::clock::Clock;
use crate::commands::{Entry, Registry};
use crate::engine::{Holdings, WorkerInput};
use crate::model::{Assignment, AttemptKey, Ended, JobCommand, Pool, Running, StopCause};
use crate::worker::in_process::InProcess;
use crate::worker::link::{Connection, GroupNews, LinkEvent, LinkOptions, LocalLink, SendError};
use crate::worker::protocol::{FromWorker, ToWorker, VERSION};

/// How long the worker process may take to let go at the end.
const GOODBYE: Duration = Duration::from_secs(2);

/// See the module's first lines.
#[derive(Debug)]
pub(super) struct WorkerLinks {
    link: LocalLink,
    connection: Option<Connection>,
    /// What the connection would not take yet.
    unsent: VecDeque<ToWorker>,
    /// It has said nothing for a while, or is stopped.
    silent: bool,
    /// When it said something last, on the monotonic clock, and its process id.
    heard: (Duration, Option<u32>),
    forgotten: Vec<AttemptKey>,
    in_process: InProcess,
    registry: Registry,
    /// What runs in this process.
    own: HashMap<AttemptKey, Own>,
}

/// A sign of life comes every second; one that is this late is looked for in /proc.
const LATE: Duration = Duration::from_millis(1_500);

/// Whether a process is stopped by a signal or a tracer.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the program's name, which stands in parentheses and may hold anything.
    let name_end = stat.iter().rposition(|byte| *byte == b')');
    let state = name_end.and_then(|end| stat.get(end + 2));
    matches!(state, Some(b'T' | b't'))
}

/// An attempt in this process. Its end is told once, so it is held here until it is kept.
#[derive(Debug)]
struct Own {
    running: Running,
    ended: Option<Ended>,
}

impl WorkerLinks {
    pub(super) fn new(
        data_dir: &DataDir,
        program: std::path::PathBuf,
        registry: Registry,
        events: mpsc::Sender<LinkEvent>,
    ) -> io::Result<Self> {
        let options = LinkOptions::new(data_dir.root().to_owned(), program);
        Ok(Self {
            link: LocalLink::start(options, events.clone()),
            connection: None,
            unsent: VecDeque::new(),
            silent: false,
            heard: (Duration::ZERO, None),
            forgotten: Vec::new(),
            in_process: InProcess::new(data_dir.root(), registry.clone(), events)?,
            registry,
            own: HashMap::new(),
        })
    }

    /// Has the worker process started: something needs it.
    pub(super) fn wake(&self) {
        self.link.wake();
    }

    /// Whether a command runs in this process.
    pub(super) fn is_own(&self, command: &JobCommand) -> bool {
        matches!(self.registry.entry(command.name()), Some(Entry::Embedded(_)))
    }

    /// Tells the worker process which pools it hosts.
    pub(super) fn configure(&mut self, pools: Vec<Pool>) {
        self.send(ToWorker::Configure { pools });
    }

    pub(super) fn start(&mut self, assignment: Assignment) {
        if self.is_own(&assignment.command) {
            let (key, worker_id) = (assignment.key, assignment.worker_id.clone());
            let started_at = Clock.now().wall;
            let running = Running { key, worker_id, started_at, pid: None };
            self.own.insert(key, Own { running, ended: None });
            self.in_process.start(assignment);
        } else {
            if self.connection.is_none() {
                self.link.wake();
            }
            self.send(ToWorker::Start(Box::new(assignment)));
        }
    }

    pub(super) fn stop(&mut self, key: AttemptKey, cause: StopCause) {
        if self.own.contains_key(&key) {
            self.in_process.stop(key, cause);
        } else {
            self.send(ToWorker::Stop { key, cause });
        }
    }

    /// Gives up an attempt whose processes do not end; what runs in this process has none.
    pub(super) fn abandon(&mut self, key: AttemptKey) {
        self.send(ToWorker::Abandon { key });
    }

    /// Ends what is left of attempts whose worker is out of reach, beside the loop; link events say when it is gone.
    pub(super) fn end_groups(&self, keys: Vec<AttemptKey>) {
        if !keys.is_empty() {
            self.link.end_groups(keys);
        }
    }

    pub(super) fn forget(&mut self, key: AttemptKey) {
        if self.own.remove(&key).is_none() {
            self.forgotten.push(key);
        }
    }

    /// Sends what was collected in this turn, and what could not be sent before.
    pub(super) fn flush(&mut self) {
        if !self.forgotten.is_empty() {
            let keys = std::mem::take(&mut self.forgotten);
            self.send(ToWorker::Committed { keys });
        }
        self.push_on();
    }

    /// Asks the worker process once more what it holds.
    pub(super) fn ask_again(&mut self) {
        self.send(ToWorker::Hello { version: VERSION, environment: None });
        self.push_on();
    }

    fn send(&mut self, message: ToWorker) {
        if self.connection.is_some() {
            self.unsent.push_back(message);
        }
    }

    fn push_on(&mut self) {
        let Some(connection) = &self.connection else { return };
        while let Some(message) = self.unsent.pop_front() {
            match connection.send(message.clone()) {
                Ok(()) => {}
                Err(SendError::Full) => {
                    self.unsent.push_front(message);
                    return;
                }
                Err(SendError::Gone) => return self.unsent.clear(),
            }
        }
    }

    /// Looks whether a worker process that is late with a sign of life was stopped (SIGSTOP): it takes nothing then, and
    /// that is known before the link finds it silent.
    pub(super) fn stopped(&mut self) -> Option<WorkerInput> {
        let (at, pid) = self.heard;
        let is_late = || Clock.now().monotonic.saturating_sub(at) >= LATE;
        if self.connection.is_none() || self.silent || !is_late() || !is_stopped(pid?) {
            return None;
        }
        self.silent = true;
        let reason = "it is stopped (SIGSTOP)".to_owned();
        tracing::warn!("the worker process: {reason}");
        Some(WorkerInput::Down { reason })
    }

    /// What a link event means to the engine.
    pub(super) fn hear(&mut self, event: LinkEvent) -> Option<WorkerInput> {
        if self.silent && matches!(event, LinkEvent::Message(_)) {
            // It is back. What was decided meanwhile without it is brought in line with what it holds.
            self.silent = false;
            self.ask_again();
        }
        if matches!(event, LinkEvent::Message(_) | LinkEvent::Up { .. }) {
            self.heard.0 = Clock.now().monotonic;
        }
        match event {
            LinkEvent::Up { hello, connection } => {
                self.connection = Some(connection);
                self.silent = false;
                self.unsent.clear();
                self.holdings(hello).map(WorkerInput::Up)
            }
            LinkEvent::Down { reason } => {
                self.connection = None;
                self.unsent.clear();
                Some(WorkerInput::Down { reason })
            }
            LinkEvent::Group(GroupNews::Gone(key)) => Some(WorkerInput::Gone(key)),
            LinkEvent::Group(GroupNews::Says(message)) => self.said(message),
            LinkEvent::Refused { reason } => {
                tracing::error!(%reason, "the worker process cannot be had");
                Some(WorkerInput::Down { reason })
            }
            LinkEvent::Silent => {
                self.silent = true;
                let reason = "it has said nothing for ten seconds".to_owned();
                tracing::warn!("the worker process: {reason}");
                Some(WorkerInput::Down { reason })
            }
            LinkEvent::Message(message) => self.said(message),
        }
    }

    /// What a message means to the engine.
    fn said(&mut self, message: FromWorker) -> Option<WorkerInput> {
        match message {
            hello @ FromWorker::Hello { .. } => self.holdings(hello).map(WorkerInput::Up),
            FromWorker::Started(running) => Some(WorkerInput::Started(running)),
            FromWorker::Ended(ended) => {
                if let Some(own) = self.own.get_mut(&ended.key) {
                    own.ended = Some(Ended::clone(&ended));
                }
                Some(WorkerInput::Ended(*ended))
            }
            FromWorker::Heartbeat => Some(WorkerInput::Heartbeat),
            FromWorker::CannotStop { key, since, reason, processes } => {
                let execution = key.execution_id;
                tracing::warn!(%execution, %reason, ?processes, "an attempt cannot be ended");
                Some(WorkerInput::CannotStop { key, since, reason, processes })
            }
            FromWorker::OutputGrew { .. } => None,
        }
    }

    /// What is held, here and there.
    fn holdings(&mut self, hello: FromWorker) -> Option<Holdings> {
        let FromWorker::Hello { program, host, pid, mut running, mut ended, .. } = hello else {
            return None;
        };
        self.heard.1 = Some(pid);
        let runs = |own: &&Own| own.ended.is_none();
        running.extend(self.own.values().filter(runs).map(|own| own.running.clone()));
        ended.extend(self.own_ends());
        Some(Holdings { host, pid, program, running, ended })
    }

    /// The ends of what ran in this process that are not kept yet.
    pub(super) fn own_ends(&self) -> Vec<Ended> {
        self.own.values().filter_map(|own| own.ended.clone()).collect()
    }

    /// Gives what runs in this process so long to end, then interrupts it. The ends are told as link events.
    pub(super) async fn end_own(&self, grace: Duration) {
        if !self.own.is_empty() {
            self.in_process.shut_down(grace).await;
        }
    }

    /// Lets go of the worker process. What runs in it runs on.
    pub(super) async fn let_go(&mut self, events: &mut mpsc::Receiver<LinkEvent>) {
        self.link.leave();
        self.send(ToWorker::Goodbye);
        self.push_on();
        if self.connection.is_some() {
            let gone = async {
                while let Some(event) = events.recv().await {
                    if matches!(event, LinkEvent::Down { .. }) {
                        break;
                    }
                }
            };
            // A worker process that does not answer is left to find out by itself.
            let _ = tokio::time::timeout(GOODBYE, gone).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::process::{Pid, Signal, WaitIdOptions, kill_process, waitid};

    use super::*;

    #[test]
    fn a_stopped_process_is_told_from_a_sleeping_one() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!is_stopped(child.id()));
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::STOP).unwrap();
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
        waitid(rustix::process::WaitId::Pid(pid), stopped).unwrap();
        assert!(is_stopped(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_stopped(child.id()), "there is none");
    }
}
