//! `on_failure`: what is started once for each execution that ended in `failed` or `timed_out`.
//!
//! Owns what is due and what was handed out. It takes no slot, is never retried, and its own failure is an event, never
//! another notice. It is due in the commit that ends the execution and done in the one that takes its end, so that a
//! restart between them hands it out again: the worker starts a key that it holds, or has ended, no second time.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::attempts::reason_of;
use super::{Effect, Engine};
use crontower_model::{
    Assignment, AttemptKey, Change, Ended, EventKind, Execution, ExecutionId, Failure, Job,
    JobCommand, LostCause, Now, ON_FAILURE, OnFailure, Reason, WorkerId,
};

/// So many are with the worker process at once; the others wait for their turn, oldest first.
const AT_ONCE: usize = 16;
/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// What it has between SIGTERM and SIGKILL.
const KILL_GRACE: Duration = Duration::from_secs(10);

/// A notice that has not ended.
#[derive(Debug)]
struct Notice {
    execution: Arc<Execution>,
    definition: Arc<Job>,
    /// The worker has acknowledged its start.
    started: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct OnFailures {
    open: BTreeMap<ExecutionId, Notice>,
    /// Those of them that were not handed out yet.
    waiting: BTreeSet<ExecutionId>,
}

impl OnFailures {
    /// Whether `on_failure` of this execution has not ended.
    pub(super) fn is_open(&self, id: ExecutionId) -> bool {
        self.open.contains_key(&id)
    }

    fn add(&mut self, execution: Arc<Execution>, definition: Arc<Job>) {
        let id = execution.id;
        self.open.insert(id, Notice { execution, definition, started: false });
        self.waiting.insert(id);
    }
}

impl Engine {
    /// An execution has ended: where it failed and its definition asks for it, its notice is due.
    pub(super) fn notice_due(&mut self, execution: &Arc<Execution>, definition: &Arc<Job>) {
        if execution.state.name().is_failure() && definition.on_failure.is_some() {
            self.out.on_failures.push(Change::NoticeDue(execution.id));
            self.on_failures.add(Arc::clone(execution), Arc::clone(definition));
        }
    }

    /// Takes over what was due when an engine stopped.
    pub(super) fn restore_notices(&mut self, due: &[(Arc<Execution>, Arc<Job>)]) {
        for (execution, definition) in due {
            if definition.on_failure.is_some() {
                self.on_failures.add(Arc::clone(execution), Arc::clone(definition));
            } else {
                self.out.on_failures.push(Change::NoticeDone(execution.id));
            }
        }
    }

    /// WorkerLinks out as many as may be with the worker process.
    pub(super) fn hand_out_notices(&mut self) {
        while self.on_failures.open.len() - self.on_failures.waiting.len() < AT_ONCE {
            let Some(id) = self.on_failures.waiting.pop_first() else { return };
            self.hand_out(id);
        }
    }

    fn hand_out(&mut self, id: ExecutionId) {
        let Some(notice) = self.on_failures.open.get(&id) else { return };
        let somewhere = || self.workers.any_id().or_else(|| WorkerId::new("local").ok());
        let worker_id = notice.execution.worker_id().cloned().or_else(somewhere);
        let assignment =
            worker_id.and_then(|id| assignment(&notice.execution, &notice.definition, id));
        self.out.acts.extend(assignment.map(|it| Effect::Start(Box::new(it))));
    }

    /// The worker has started one.
    pub(super) fn notice_started(&mut self, id: ExecutionId) {
        if let Some(notice) = self.on_failures.open.get_mut(&id) {
            notice.started = true;
            self.on_failures.waiting.remove(&id);
        }
    }

    /// One is over. A late or repeated report changes nothing.
    pub(super) fn notice_ended(&mut self, ended: &Ended) {
        let id = ended.key.execution_id;
        let Some(Notice { execution, .. }) = self.on_failures.open.remove(&id) else { return };
        self.on_failures.waiting.remove(&id);
        self.out.on_failures.push(Change::NoticeDone(id));
        let (execution_id, job_id, outcome) = (id, execution.job_id.clone(), ended.outcome);
        let error = match reason_of(ended) {
            Reason::Succeeded { .. } => None,
            // The outcome says the rest.
            Reason::WorkerLost(cause) => Some(cause.to_string()),
            Reason::Interrupted { error } => error,
            reason => Some(reason.to_string()),
        };
        self.out.facts.push(EventKind::OnFailureEnded { execution_id, job_id, outcome, error });
    }

    /// The worker process has told what it holds: what it never began is handed out again, what it began is lost.
    pub(super) fn reconcile_notices(&mut self, now: Now, known: &HashSet<AttemptKey>) {
        let given =
            self.on_failures.open.iter().filter(|(id, _)| !self.on_failures.waiting.contains(id));
        let given: Vec<(ExecutionId, bool)> = given.map(|(id, it)| (*id, it.started)).collect();
        for (id, started) in given {
            let key = AttemptKey { execution_id: id, attempt: ON_FAILURE };
            if known.contains(&key) {
                continue;
            }
            if started {
                self.lost(now, key, LostCause::ProcessEnded);
            } else {
                self.hand_out(id);
            }
        }
    }

    /// The lease of the worker process has run out: what it began is lost.
    pub(super) fn lose_notices(&mut self, now: Now) {
        let started = self.on_failures.open.iter().filter(|(_, notice)| notice.started);
        let started: Vec<ExecutionId> = started.map(|(id, _)| *id).collect();
        for execution_id in started {
            let key = AttemptKey { execution_id, attempt: ON_FAILURE };
            self.lost(now, key, LostCause::LeaseExpired);
        }
    }
}

/// The message that starts `on_failure` of an execution.
fn assignment(execution: &Execution, definition: &Job, worker_id: WorkerId) -> Option<Assignment> {
    let command = match definition.on_failure.as_ref()? {
        OnFailure::Run { run } => JobCommand::script(run),
        OnFailure::Url { url } => {
            let args = [("url", url.as_str()), ("method", "POST")];
            let args = args.map(|(key, value)| (key.to_owned(), Value::from(value)));
            JobCommand::Named { command: "api_call".to_owned(), args: Map::from_iter(args) }
        }
    };
    Some(Assignment {
        key: AttemptKey { execution_id: execution.id, attempt: ON_FAILURE },
        worker_id,
        job_id: execution.job_id.clone(),
        command,
        args: Vec::new(),
        env: definition.env.clone(),
        working_dir: definition.working_dir.clone(),
        timeout: Some(TIMEOUT),
        start_timeout: definition.start_timeout,
        kill_grace: KILL_GRACE,
        success_exit_codes: vec![0],
        output_limit: definition.output_limit,
        fire_time: execution.fire_time,
        trigger: execution.trigger,
        user: definition.user.clone(),
        failure: Some(Failure {
            state: execution.state.name(),
            attempt: execution.attempt_number(),
            reason: execution.reason.to_string(),
        }),
    })
}
