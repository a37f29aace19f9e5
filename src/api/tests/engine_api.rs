//! A door whose other side is a test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast;

use super::noon;
use crate::control::{Call, Change, EditedJob};
use crate::driver::played::{PlayedNote, PlayedVerbs};
use crate::driver::{
    Batch, EditOptions, EngineApi, EngineInfo, Feed, FileState, JobEdit, Preview, RunOptions,
    Snapshot, Subscription,
};
use crate::model::*;
use crate::model::{AttemptKey, ExecutionQuery, Page};
use crate::model::{FieldChange, JobChange, Plan};
use crate::model::{OutputChunk, OutputLine, Stream};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) seq: u64,
    pub(super) jobs: Vec<Arc<JobStatus>>,
    /// Oldest first.
    pub(super) executions: Vec<Arc<Execution>>,
    pub(super) workers: Vec<Worker>,
    pub(super) events: Vec<Event>,
    pub(super) output: HashMap<AttemptKey, Vec<OutputLine>>,
    pub(super) reloads: usize,
    pub(super) runs: Vec<RunOptions>,
    pub(super) abandoned: Vec<ExecutionId>,
    pub(super) queries: Vec<ExecutionQuery>,
    pub(super) edits: Vec<(JobId, JobEdit, EditOptions)>,
    pub(super) notes: Vec<(ExecutionId, Option<PlayedNote>)>,
    pub(super) store_is_down: bool,
    pub(super) health: Health,
}

#[derive(Debug)]
pub(super) struct PlayedEngineApi {
    state: Mutex<State>,
    sender: broadcast::Sender<Feed>,
}

pub(super) fn job(id: &str) -> JobId {
    JobId::new(id).unwrap()
}

/// The execution numbered `n`: its id sorts by it.
pub(super) fn execution_id(n: u128) -> ExecutionId {
    ExecutionId::from_uuid(uuid::Uuid::from_u128(0x0192_f0c1_2345_7abc_8def_0000_0000_0000 + n))
}

pub(super) fn execution(n: u128, job_id: &str, state: ExecutionState) -> Execution {
    let at = noon() - TimeDelta::minutes(10);
    let reason = Reason::from("a slot was free");
    Execution {
        id: execution_id(n),
        job_id: job(job_id),
        job_version: 1,
        trigger: Trigger::Schedule,
        fire_time: at,
        created_at: at,
        started_at: None,
        finished_at: None,
        attempts: Vec::new(),
        priority: Priority::Medium,
        history: vec![Transition { at, state: state.name(), reason: reason.clone() }],
        state,
        reason,
        result: None,
        retry_of: None,
        args: Vec::new(),
        forced: false,
        requested_by: None,
        cancelled_by: None,
    }
}

pub(super) fn attempt(number: u32) -> Attempt {
    let at = noon() - TimeDelta::minutes(9);
    Attempt {
        number,
        worker_id: WorkerId::new("worker-1").unwrap(),
        assigned_at: at,
        progress: AttemptProgress::Started { started_at: at, pid: None },
    }
}

pub(super) fn line(text: &[u8]) -> OutputLine {
    OutputLine { at: noon(), stream: Stream::Stdout, text: text.to_vec(), complete: true }
}

fn status(id: &str, minutes: i64) -> Arc<JobStatus> {
    let definition = Arc::new(Job::new(job(id), JobCommand::script("true")));
    let text = serde_json::json!({
        "source": "file", "version": 1, "paused": null, "live": 0, "last_execution": null,
        "next_fire_time": noon() + TimeDelta::minutes(minutes),
    });
    let mut value = serde_json::to_value(&definition).unwrap();
    value.as_object_mut().unwrap().extend(text.as_object().unwrap().clone());
    Arc::new(serde_json::from_value(value).unwrap())
}

impl PlayedEngineApi {
    /// Three jobs, two executions, a worker, five events.
    pub(super) fn sample() -> Self {
        let mut state = State {
            jobs: vec![status("backup", 5), status("clean-up", 3), status("report", 9)],
            ..State::default()
        };
        let mut ended = execution(1, "backup", ExecutionState::Succeeded);
        ended.attempts = vec![Attempt {
            progress: AttemptProgress::Ended {
                started_at: attempt(1).started_at(),
                finished_at: noon() - TimeDelta::minutes(8),
                outcome: Outcome::Succeeded,
                exit_code: Some(0),
                error: None,
                output_lost: 0,
            },
            ..attempt(1)
        }];
        let mut running = execution(2, "report", ExecutionState::RUNNING);
        running.attempts = vec![attempt(1)];
        state.workers = vec![Worker {
            id: WorkerId::new("worker-1").unwrap(),
            state: WorkerState::Online,
            host: "db1".to_owned(),
            alias: None,
            capacity: 5,
            drained: None,
            labels: vec!["db".to_owned()],
            running: vec![running.id],
            last_heartbeat: Some(noon()),
            version: None,
            pid: Some(7),
            succeeded: 1,
            failed: 0,
        }];
        state.executions = vec![Arc::new(ended), Arc::new(running)];
        let engine_api = Self { state: Mutex::new(state), sender: broadcast::channel(8).0 };
        for _ in 0..5 {
            engine_api.publish();
        }
        engine_api
    }

    /// How many hear what it tells.
    pub(super) fn listeners(&self) -> usize {
        self.sender.receiver_count()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Commits one event and tells it.
    pub(super) fn publish(&self) {
        let mut state = self.state();
        state.seq += 1;
        let kind = EventKind::WorkerChanged {
            worker_id: WorkerId::new("worker-1").unwrap(),
            reason: "came".to_owned(),
        };
        let event = Event { seq: state.seq, at: noon(), actor: Actor::engine(), kind };
        state.events.push(event.clone());
        let batch = Batch { seq: state.seq, events: vec![event], ..Batch::default() };
        let _ = self.sender.send(Feed::Batch(Arc::new(batch)));
    }

    /// Commits a change of an execution and tells it.
    pub(super) fn change(&self, change: Execution) {
        let mut state = self.state();
        state.seq += 1;
        let change = Arc::new(change);
        match state.executions.iter_mut().find(|one| one.id == change.id) {
            Some(one) => *one = change.clone(),
            None => state.executions.push(change.clone()),
        }
        let batch = Batch { seq: state.seq, executions: vec![change], ..Batch::default() };
        let _ = self.sender.send(Feed::Batch(Arc::new(batch)));
    }

    /// Writes a line of output and tells it.
    pub(super) fn write(&self, key: AttemptKey, text: &[u8]) {
        self.state().output.entry(key).or_default().push(line(text));
        let _ = self.sender.send(Feed::OutputGrew { key, bytes: 1 });
    }

    pub(super) fn tell(&self, message: Feed) {
        let _ = self.sender.send(message);
    }

    pub(super) fn find(&self, id: ExecutionId) -> Arc<Execution> {
        self.state().executions.iter().find(|one| one.id == id).unwrap().clone()
    }

    fn worker(&self, id: &WorkerId) -> Result<Worker, Refusal> {
        let found = self.state().workers.iter().find(|worker| worker.id == *id).cloned();
        found.ok_or_else(|| Refusal::UnknownWorker { worker: id.to_string() })
    }

    fn known(&self, id: &JobId) -> Result<Arc<JobStatus>, Refusal> {
        let state = self.state();
        let ids = state.jobs.iter().map(|job| job.definition.id.as_str());
        let nearest = text::nearest(id.as_str(), ids).map(job);
        let found = state.jobs.iter().find(|job| job.definition.id == *id);
        found.cloned().ok_or_else(|| Refusal::UnknownJob { job: id.to_string(), nearest })
    }
}

#[async_trait]
impl PlayedVerbs for PlayedEngineApi {
    fn now(&self) -> DateTime<Utc> {
        noon()
    }

    async fn found(&self, part: &str) -> Result<ExecutionId, Refusal> {
        Ok(EngineApi::execution(self, part).await?.id)
    }

    async fn run(&self, id: &JobId, options: RunOptions) -> Result<Arc<Execution>, Refusal> {
        self.known(id)?;
        let n = self.state().executions.len() as u128 + 1;
        let mut created = execution(n, id.as_str(), ExecutionState::Queued);
        created.args = options.args.clone();
        self.state().runs.push(options);
        self.change(created);
        Ok(self.find(execution_id(n)))
    }

    async fn abandon(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        self.state().abandoned.push(id);
        self.cancel(id).await
    }

    async fn cancel(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        let found = self.find(id);
        let state = found.state.name();
        if state.is_final() {
            return Err(Refusal::AlreadyFinal { execution: id, state });
        }
        self.change(Execution { state: ExecutionState::Cancelled, ..(*found).clone() });
        Ok(self.find(id))
    }

    async fn retry(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        let found = self.find(id);
        let state = found.state.name();
        if !state.is_final() {
            return Err(Refusal::StillLive { execution: id, state });
        }
        PlayedVerbs::run(self, &found.job_id, RunOptions::default()).await
    }

    async fn pause(
        &self,
        id: &JobId,
        until: Option<DateTime<Utc>>,
        reason: Option<String>,
    ) -> Result<JobStatus, Refusal> {
        let mut changed = (*self.known(id)?).clone();
        changed.paused = Some(Pause { at: noon(), until, reason, by: Actor::named("test") });
        Ok(changed)
    }

    async fn resume(&self, id: &JobId) -> Result<JobStatus, Refusal> {
        self.known(id)?;
        Err(Refusal::NotPaused { job: id.clone() })
    }

    async fn skip_next(&self, id: &JobId, undo: bool) -> Result<JobStatus, Refusal> {
        let mut changed = (*self.known(id)?).clone();
        let skip = SkipNext {
            fire_time: changed.next_fire_time.unwrap(),
            at: noon(),
            by: Actor::named("test"),
        };
        changed.skip_next = Some(skip).filter(|_| !undo);
        Ok(changed)
    }

    async fn acknowledge(
        &self,
        id: ExecutionId,
        note: Option<PlayedNote>,
    ) -> Result<JobStatus, Refusal> {
        let mut changed = (*self.known(&self.find(id).job_id)?).clone();
        changed.acknowledged = note.clone().map(|note| Acknowledgement {
            execution_id: Some(id),
            kinds: vec![WrongKind::Failure],
            at: noon(),
            by: Actor::named("test"),
            note: note.0,
            until: note.1,
        });
        self.state().notes.push((id, note));
        Ok(changed)
    }

    async fn acknowledge_job(
        &self,
        job: &JobId,
        note: Option<PlayedNote>,
    ) -> Result<JobStatus, Refusal> {
        let last = self.known(job)?.last_execution.as_ref().map(|last| last.id);
        self.acknowledge(last.ok_or(Refusal::Stopping)?, note).await
    }

    /// Every job has version 1, and version 2 after an edit.
    async fn edit(
        &self,
        id: &JobId,
        edit: JobEdit,
        options: EditOptions,
    ) -> Result<EditedJob, Refusal> {
        let known = self.known(id);
        let creates = matches!(edit, JobEdit::Create { .. });
        self.state().edits.push((id.clone(), edit.clone(), options));
        let job = match (known, creates) {
            (Ok(_), true) => return Err(Refusal::JobExists { job: id.clone() }),
            (Err(refusal), false) => return Err(refusal),
            (Ok(known), false) => known,
            (Err(_), true) => status(id.as_str(), 1),
        };
        if let Some(expected) = options.if_version.filter(|wanted| *wanted != job.version) {
            let (job, current) = (id.clone(), job.version);
            return Err(Refusal::AnotherVersion { job, expected, current });
        }
        if let JobEdit::RollBack(version) = edit
            && version > 1
        {
            return Err(Refusal::UnknownVersion { job: id.clone(), version });
        }
        if let JobEdit::Replace(definition) = &edit
            && definition.contains_key("scheduel")
        {
            let message = "unknown key; did you mean `schedule`?".to_owned();
            return Err(Refusal::Invalid(vec![Problem { path: "scheduel".to_owned(), message }]));
        }
        let change = FieldChange {
            key: "run".to_owned(),
            before: Some("true".to_owned()),
            after: Some("false".to_owned()),
        };
        let plan = match creates {
            true => Plan { added: vec![id.clone()], ..Plan::default() },
            false => Plan {
                changed: vec![JobChange { job: id.clone(), fields: vec![change] }],
                ..Plan::default()
            },
        };
        let version = if creates { 1 } else { job.version + 1 };
        let gone = edit == JobEdit::Delete || options.dry_run;
        let job = (!gone).then(|| Arc::new(JobStatus { version, ..(*job).clone() }));
        Ok(EditedJob {
            job,
            change: Change { plan, diff: Some("-run: true\n+run: false\n".to_owned()) },
        })
    }

    async fn drain(
        &self,
        id: &WorkerId,
        drain: bool,
        reason: Option<String>,
    ) -> Result<Worker, Refusal> {
        let mut worker = self.worker(id)?;
        let order = Drain { at: noon(), by: Actor::named("test"), reason };
        worker.drained = Some(order).filter(|_| drain);
        worker.state = if drain { WorkerState::Draining } else { WorkerState::Online };
        Ok(worker)
    }

    async fn set_capacity(&self, id: &WorkerId, slots: Option<u32>) -> Result<Worker, Refusal> {
        let worker = self.worker(id)?;
        Ok(Worker { capacity: slots.unwrap_or(worker.capacity), ..worker })
    }

    async fn reload(&self, dry_run: bool) -> Result<Plan, Refusal> {
        if dry_run {
            return Ok(Plan { added: vec![job("new")], ..Plan::default() });
        }
        self.state().reloads += 1;
        Err(Refusal::File("jobs.yaml:3:5: unknown key `scheduel`".to_owned()))
    }

    async fn delete_worker(&self, id: &WorkerId) -> Result<(), Refusal> {
        self.worker(id)?;
        Err(Refusal::NotPossible(format!("worker `{id}` is a pool of jobs.yaml")))
    }
}

#[async_trait]
impl EngineApi for PlayedEngineApi {
    async fn health(&self) -> Result<Health, Refusal> {
        Ok(self.subscribe().await?.snapshot.health)
    }

    async fn call(&self, call: Call<'_>) {
        self.play(call).await;
    }

    async fn subscribe(&self) -> Result<Subscription, Refusal> {
        let feed = self.sender.subscribe();
        let state = self.state();
        if state.store_is_down {
            return Err(Refusal::Store("password=hunter2 refused".to_owned()));
        }
        let live = state.executions.iter().filter(|one| !one.state.is_final());
        let engine = EngineInfo {
            version: "0.1.0".to_owned(),
            host: "db1".to_owned(),
            pid: 42,
            scheduler: crate::driver::SchedulerRole::Leader,
            leader: None,
            started_at: noon() - TimeDelta::minutes(100),
            store: "sqlite".to_owned(),
            data_dir: "/data".to_owned(),
            listen: None,
            file: FileState { path: Some("jobs.yaml".to_owned()), sample: false, changed: false },
            history: crate::driver::HistoryState::default(),
        };
        let snapshot = Snapshot {
            seq: state.seq,
            jobs: state.jobs.clone(),
            live: live.cloned().collect(),
            workers: state.workers.clone(),
            health: state.health.clone(),
            engine,
            role: Role::Admin,
        };
        Ok(Subscription { snapshot, feed })
    }

    async fn versions(
        &self,
        id: &JobId,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobVersion>, Refusal> {
        let job = self.known(id)?;
        let version = |version| JobVersion {
            version,
            at: noon(),
            by: Actor::named("test"),
            definition: job.definition.clone(),
        };
        let end = before.unwrap_or(2_501).min(2_501);
        Ok((1..end).rev().map(version).take(limit as usize).collect())
    }

    async fn preview(
        &self,
        schedule: &str,
        timezone: Option<&str>,
        count: usize,
    ) -> Result<Preview, Refusal> {
        if schedule == "nonsense" {
            let message = "`nonsense` is not understood".to_owned();
            return Err(Refusal::Invalid(vec![Problem { path: "schedule".to_owned(), message }]));
        }
        Ok(Preview {
            in_words: format!("At {schedule}"),
            cron: Some("0 0 * * *".to_owned()),
            timezone: timezone.unwrap_or("UTC").to_owned(),
            warnings: vec!["rarely".to_owned()],
            fire_times: (1..=count).map(|n| noon() + TimeDelta::days(n as i64)).collect(),
        })
    }

    async fn settings(&self) -> Result<Settings, Refusal> {
        let limits = std::iter::once(("db".to_owned(), 2)).collect();
        Ok(Settings { limits, ..Settings::default() })
    }

    async fn job(&self, id: &JobId) -> Result<Arc<JobStatus>, Refusal> {
        self.known(id)
    }

    async fn next_fire_times(
        &self,
        id: &JobId,
        from: DateTime<Utc>,
        count: usize,
    ) -> Result<Vec<DateTime<Utc>>, Refusal> {
        self.known(id)?;
        Ok((1..=count).map(|n| from + TimeDelta::minutes(n as i64)).collect())
    }

    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<Arc<Execution>>, Refusal> {
        let mut state = self.state();
        state.queries.push(query.clone());
        let fits = |one: &&Arc<Execution>| {
            query.job.as_ref().is_none_or(|job| *job == one.job_id)
                && (query.states.is_empty() || query.states.contains(&one.state.name()))
                && query.before.is_none_or(|before| one.id < before)
        };
        let all: Vec<_> = state.executions.iter().rev().filter(fits).cloned().collect();
        let limit = query.limit as usize;
        Ok(Page { more: all.len() > limit, items: all.into_iter().take(limit).collect() })
    }

    async fn execution(&self, part: &str) -> Result<Arc<Execution>, Refusal> {
        let state = self.state();
        let fits = |one: &&Arc<Execution>| {
            let id = one.id.to_string();
            id.starts_with(part) || id.ends_with(part)
        };
        let found: Vec<_> = state.executions.iter().filter(fits).collect();
        match found.as_slice() {
            [] => Err(Refusal::UnknownExecution { execution: text::shortened(part) }),
            [one] => Ok((*one).clone()),
            more => {
                let count = more.len();
                Err(Refusal::AmbiguousExecution { execution: part.to_owned(), count })
            }
        }
    }

    async fn counts(&self, _: DateTime<Utc>) -> Result<Vec<(StateName, u64)>, Refusal> {
        Ok(vec![(StateName::Running, 9), (StateName::Succeeded, 4)])
    }

    async fn newest_events(&self, limit: u32) -> Result<Vec<Event>, Refusal> {
        Ok(self.state().events.iter().rev().take(limit as usize).cloned().collect())
    }

    async fn events_after(&self, seq: u64, limit: u32) -> Result<Vec<Event>, Refusal> {
        let state = self.state();
        let after = state.events.iter().filter(|event| event.seq > seq);
        // Smaller pages than asked for, so that replays take more than one.
        Ok(after.take(limit.min(3) as usize).cloned().collect())
    }

    /// Three ranges of an hour each, newest first.
    async fn ledger(
        &self,
        id: &JobId,
        before: Option<DateTime<Utc>>,
        limit: u32,
    ) -> Result<Vec<LedgerRange>, Refusal> {
        let hours = 1..=3;
        let range = |hours: u32| LedgerRange {
            job_id: id.clone(),
            first: noon() - TimeDelta::hours(i64::from(hours)),
            last: noon() - TimeDelta::hours(i64::from(hours)),
            count: 1,
            fate: LedgerFate::Missed,
            reason: "no engine ran".to_owned(),
        };
        let wanted = |range: &LedgerRange| before.is_none_or(|before| range.first < before);
        Ok(hours.map(range).filter(wanted).take(limit as usize).collect())
    }

    async fn why_job(&self, id: &JobId, at: DateTime<Utc>) -> Result<Why, Refusal> {
        self.known(id)?;
        let lines = vec!["it is paused".to_owned(), "its schedule says so".to_owned()];
        let explanation = Some(serde_json::json!({ "fires": false, "verdicts": [] }));
        Ok(Why { subject: id.to_string(), at, lines, explanation })
    }

    async fn why_execution(&self, id: ExecutionId) -> Result<Why, Refusal> {
        let lines = vec![format!("it is {}", self.find(id).state.name())];
        Ok(Why { subject: id.to_string(), at: noon(), lines, explanation: None })
    }

    /// Offsets count lines here; two of them are given at a time.
    async fn output(&self, key: AttemptKey, from: u64, _: u64) -> Result<OutputChunk, Refusal> {
        let state = self.state();
        let lines = state.output.get(&key).map(Vec::as_slice).unwrap_or_default();
        let begin = lines.len().min(from as usize);
        let end = lines.len().min(begin + 2);
        let at_end = end == lines.len();
        Ok(OutputChunk { lines: lines[begin..end].to_vec(), next: end as u64, at_end })
    }
}
