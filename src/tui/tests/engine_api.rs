//! A door with nothing behind it but fixtures: it answers at once and remembers what was asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast;

use super::fixtures;
use crate::control::{Call, Change, EditedJob};
use crate::driver::played::{PlayedNote, PlayedVerbs};
use crate::driver::{
    EditOptions, EngineApi, Feed, JobEdit, Preview, RunOptions, Snapshot, Subscription,
};
use crate::model::{
    Acknowledgement, Actor, AttemptKey, Drain, Event, Execution, ExecutionId, ExecutionQuery,
    Health, JobId, JobStatus, JobVersion, LedgerRange, Page, Pause, Problem, Refusal, SkipNext,
    StateName, Why, Worker, WorkerId, WrongKind,
};
use crate::model::{FieldChange, JobChange, Plan};
use crate::model::{OutputChunk, OutputLine, Stream};

#[derive(Debug)]
pub(crate) struct FakeEngineApi {
    pub(crate) snapshot: Snapshot,
    /// Newest first.
    pub(crate) executions: Vec<Arc<Execution>>,
    pub(crate) plan: Result<Plan, Refusal>,
    pub(crate) output: Vec<String>,
    /// What every edit that is not only looked at is answered with, if it is refused.
    pub(crate) edits: Result<(), Refusal>,
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) feed: broadcast::Sender<Feed>,
}

impl FakeEngineApi {
    pub(crate) fn new(snapshot: Snapshot, executions: Vec<Arc<Execution>>) -> Self {
        Self {
            snapshot,
            executions,
            plan: Ok(Plan::default()),
            edits: Ok(()),
            output: (1..=60)
                .map(|n| format!("line {n}: \x1b[32mok\x1b[0m all went well"))
                .collect(),
            asked: Mutex::new(Vec::new()),
            feed: broadcast::channel(64).0,
        }
    }

    fn note(&self, asked: String) {
        self.asked.lock().unwrap().push(asked);
    }

    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> String {
        std::mem::take(&mut *self.asked.lock().unwrap()).join("\n")
    }
}

impl FakeEngineApi {
    fn worker(&self, id: &WorkerId) -> Result<Worker, Refusal> {
        let found = self.snapshot.workers.iter().find(|it| it.id == *id);
        found.cloned().ok_or_else(|| Refusal::UnknownWorker { worker: id.to_string() })
    }
}

#[async_trait]
impl PlayedVerbs for FakeEngineApi {
    fn now(&self) -> DateTime<Utc> {
        fixtures::at(0)
    }

    async fn found(&self, part: &str) -> Result<ExecutionId, Refusal> {
        Ok(part.parse().unwrap_or_else(|_| panic!("{part} is no id")))
    }

    async fn run(&self, job: &JobId, with: RunOptions) -> Result<Arc<Execution>, Refusal> {
        let forced = if with.force { " by force" } else { "" };
        let forced = if with.with_dependencies { " with dependencies" } else { forced };
        let words = [vec![job.to_string()], with.args].concat().join(" ");
        self.note(format!("run {words}{forced}"));
        let queued = fixtures::execution(2_000, job.as_str(), StateName::Queued, 0);
        Ok(Arc::new(queued))
    }

    async fn abandon(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        self.note(format!("abandon {}", id.short()));
        self.execution(&id.to_string()).await
    }

    async fn cancel(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        self.note(format!("cancel {}", id.short()));
        EngineApi::execution(self, &id.to_string()).await
    }

    async fn retry(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        self.note(format!("retry {}", id.short()));
        EngineApi::execution(self, &id.to_string()).await
    }

    async fn pause(
        &self,
        job: &JobId,
        until: Option<DateTime<Utc>>,
        reason: Option<String>,
    ) -> Result<JobStatus, Refusal> {
        let words: Vec<String> = [
            Some(format!("pause {job}")),
            until.map(|at| format!("until {}", at.format("%d %H:%M"))),
            reason.clone().map(|reason| format!("because {reason}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        self.note(words.join(" "));
        let mut status = Arc::unwrap_or_clone(self.job(job).await?);
        let by = crate::model::Actor::named("screen");
        status.paused = Some(Pause { at: fixtures::at(0), until, reason, by });
        Ok(status)
    }

    async fn resume(&self, job: &JobId) -> Result<JobStatus, Refusal> {
        self.note(format!("resume {job}"));
        self.job(job).await.map(Arc::unwrap_or_clone)
    }

    async fn skip_next(&self, job: &JobId, undo: bool) -> Result<JobStatus, Refusal> {
        self.note(format!("{} {job}", if undo { "unskip" } else { "skip" }));
        let mut status = Arc::unwrap_or_clone(self.job(job).await?);
        let fire_time = status.next_fire_time.unwrap_or(fixtures::at(0));
        let skip = SkipNext { fire_time, at: fixtures::at(0), by: Actor::named("screen") };
        status.skip_next = (!undo).then_some(skip);
        Ok(status)
    }

    async fn acknowledge(
        &self,
        id: ExecutionId,
        note: Option<PlayedNote>,
    ) -> Result<JobStatus, Refusal> {
        let words = note.as_ref().map(|note| {
            let until = note.1.map(|at| at.format(" until %d %H:%M").to_string());
            format!("{}{}", note.0.as_deref().unwrap_or("-"), until.unwrap_or_default())
        });
        self.note(format!("acknowledge {}", words.as_deref().unwrap_or("no more")));
        let last = |it: &&Arc<JobStatus>| it.last_execution.as_ref().is_some_and(|it| it.id == id);
        let job = self.snapshot.jobs.iter().find(last).cloned();
        let unknown = Refusal::UnknownExecution { execution: id.to_string() };
        let mut status = Arc::unwrap_or_clone(job.ok_or(unknown)?);
        status.acknowledged = note.map(|note| Acknowledgement {
            execution_id: Some(id),
            kinds: vec![WrongKind::Failure],
            at: fixtures::at(0),
            by: Actor::named("screen"),
            note: note.0,
            until: note.1,
        });
        Ok(status)
    }

    async fn acknowledge_job(
        &self,
        job: &JobId,
        note: Option<PlayedNote>,
    ) -> Result<JobStatus, Refusal> {
        let of_it = |it: &&Arc<JobStatus>| it.definition.id == *job;
        let last = self.snapshot.jobs.iter().find(of_it).and_then(|it| it.last_execution.as_ref());
        self.acknowledge(last.ok_or(Refusal::Stopping)?.id, note).await
    }

    async fn edit(
        &self,
        job: &JobId,
        edit: JobEdit,
        options: EditOptions,
    ) -> Result<EditedJob, Refusal> {
        let words = match &edit {
            JobEdit::Create { definition, source } => {
                format!("create in {source:?} {}", serde_json::to_string(definition).unwrap())
            }
            JobEdit::Replace(to) => format!("replace {job} {}", serde_json::to_string(to).unwrap()),
            JobEdit::Patch(with) => format!("patch {job} {}", serde_json::to_string(with).unwrap()),
            JobEdit::RollBack(version) => format!("roll back {job} to {version}"),
            JobEdit::Delete => format!("delete {job}"),
        };
        let version = options.if_version.map(|version| format!(" if {version}"));
        if !options.dry_run {
            self.note(format!("{words}{}", version.unwrap_or_default()));
            self.edits.clone()?;
        }
        let shown_text = |text: &str| words.contains(text);
        if shown_text("bad") {
            let problem =
                |path: &str| Problem { path: path.to_owned(), message: "it is bad".to_owned() };
            return Err(Refusal::Invalid(vec![problem("jobs[0].retry.delay"), problem("x")]));
        }
        if shown_text("needs-run") {
            // The path of a missing key is the one that it would have.
            let message = "a job needs `run` (a script) or `command` (the name of a command)";
            let problem = Problem { path: "run".to_owned(), message: message.to_owned() };
            return Err(Refusal::Invalid(vec![problem]));
        }
        let field = FieldChange {
            key: "schedule".to_owned(),
            before: Some("daily at 1 AM".to_owned()),
            after: Some("hourly".to_owned()),
        };
        let change = JobChange { job: job.clone(), fields: vec![field] };
        let plan = Plan { changed: vec![change], ..Plan::default() };
        let diff = "@@ -3,2 +3,2 @@\n   - id: cleanup\n-    schedule: daily at 1 AM\n+    schedule: hourly\n";
        Ok(EditedJob { job: None, change: Change { plan, diff: Some(diff.to_owned()) } })
    }

    async fn drain(
        &self,
        id: &WorkerId,
        drain: bool,
        reason: Option<String>,
    ) -> Result<Worker, Refusal> {
        let because = reason.clone().map(|reason| format!(" because {reason}"));
        let verb = if drain { "drain" } else { "undrain" };
        self.note(format!("{verb} {id}{}", because.unwrap_or_default()));
        let mut worker = self.worker(id)?;
        worker.drained =
            drain.then(|| Drain { at: fixtures::at(0), by: Actor::named("screen"), reason });
        Ok(worker)
    }

    async fn set_capacity(&self, id: &WorkerId, capacity: Option<u32>) -> Result<Worker, Refusal> {
        self.note(format!("capacity {id} {capacity:?}"));
        let mut worker = self.worker(id)?;
        worker.capacity = capacity.unwrap_or(worker.capacity);
        Ok(worker)
    }

    async fn reload(&self, dry_run: bool) -> Result<Plan, Refusal> {
        self.note(if dry_run { "plan" } else { "reload" }.to_owned());
        self.plan.clone()
    }

    async fn delete_worker(&self, id: &WorkerId) -> Result<(), Refusal> {
        self.note(format!("delete {id}"));
        self.worker(id).map(drop)
    }
}

#[async_trait]
impl EngineApi for FakeEngineApi {
    async fn health(&self) -> Result<Health, Refusal> {
        Ok(self.snapshot.health.clone())
    }

    async fn call(&self, call: Call<'_>) {
        self.play(call).await;
    }

    async fn subscribe(&self) -> Result<Subscription, Refusal> {
        Ok(Subscription { snapshot: self.snapshot.clone(), feed: self.feed.subscribe() })
    }

    async fn settings(&self) -> Result<crate::model::Settings, Refusal> {
        Ok(crate::model::Settings::default())
    }

    async fn versions(
        &self,
        job: &JobId,
        _: Option<u32>,
        _: u32,
    ) -> Result<Vec<JobVersion>, Refusal> {
        let definition = Arc::clone(&self.job(job).await?.definition);
        let mut before = crate::model::Job::clone(&definition);
        before.schedule = Some("daily at 4 AM".to_owned());
        before.description = Some("as it was".to_owned());
        let version = |version: u32, by, definition| JobVersion {
            version,
            at: fixtures::at(-86_400 * i64::from(3 - version)),
            by: Actor::named(by),
            definition,
        };
        Ok(vec![version(2, "root@socket", definition), version(1, "file", Arc::new(before))])
    }

    async fn preview(
        &self,
        schedule: &str,
        timezone: Option<&str>,
        count: usize,
    ) -> Result<Preview, Refusal> {
        if schedule.contains("elephant") {
            return Err(Refusal::NotPossible("`elephant` is not understood".to_owned()));
        }
        Ok(Preview {
            in_words: format!("Told: {schedule}"),
            cron: None,
            timezone: timezone.unwrap_or("UTC").to_owned(),
            warnings: Vec::new(),
            fire_times: (1..).take(count).map(|hour| fixtures::at(3_600 * hour - 198)).collect(),
        })
    }

    async fn job(&self, job: &JobId) -> Result<Arc<JobStatus>, Refusal> {
        let found = self.snapshot.jobs.iter().find(|it| it.definition.id == *job);
        let unknown = || Refusal::UnknownJob { job: job.to_string(), nearest: None };
        found.cloned().ok_or_else(unknown)
    }

    async fn next_fire_times(
        &self,
        job: &JobId,
        from: DateTime<Utc>,
        count: usize,
    ) -> Result<Vec<DateTime<Utc>>, Refusal> {
        let first = self.job(job).await?.next_fire_time.unwrap_or(from);
        Ok((0..).take(count).map(|day| first + TimeDelta::days(day)).collect())
    }

    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<Arc<Execution>>, Refusal> {
        let limit = usize::try_from(query.limit).unwrap();
        let has = |it: &Execution, word: &String| {
            it.job_id.as_str().contains(word.as_str())
                || it.reason.to_string().contains(word.as_str())
        };
        let fits = |it: &&Arc<Execution>| {
            query.job.as_ref().is_none_or(|job| *job == it.job_id)
                && (query.states.is_empty() || query.states.contains(&it.state.name()))
                && query.before.is_none_or(|before| it.id < before)
                && query.after.is_none_or(|after| it.id > after)
                && query.words.iter().all(|word| has(it, word))
                && !query.without.iter().any(|word| has(it, word))
        };
        let all: Vec<_> = self.executions.iter().filter(fits).cloned().collect();
        let more = all.len() > limit;
        let skip = if query.after.is_some() { all.len().saturating_sub(limit) } else { 0 };
        Ok(Page { items: all.into_iter().skip(skip).take(limit).collect(), more })
    }

    async fn execution(&self, part: &str) -> Result<Arc<Execution>, Refusal> {
        let found = self.executions.iter().find(|it| it.id.to_string().ends_with(part));
        let unknown = || Refusal::UnknownExecution { execution: part.to_owned() };
        found.cloned().ok_or_else(unknown)
    }

    async fn counts(&self, since: DateTime<Utc>) -> Result<Vec<(StateName, u64)>, Refusal> {
        let count = |state| {
            let mine = |it: &&Arc<Execution>| it.state.name() == state && it.created_at >= since;
            (state, self.executions.iter().filter(mine).count() as u64)
        };
        Ok(StateName::ALL.map(count).to_vec())
    }

    async fn newest_events(&self, _: u32) -> Result<Vec<Event>, Refusal> {
        Ok(fixtures::events())
    }

    async fn events_after(&self, _seq: u64, _limit: u32) -> Result<Vec<Event>, Refusal> {
        Ok(Vec::new())
    }

    async fn ledger(
        &self,
        _: &JobId,
        _: Option<DateTime<Utc>>,
        _: u32,
    ) -> Result<Vec<LedgerRange>, Refusal> {
        Ok(Vec::new())
    }

    async fn why_job(&self, job: &JobId, at: DateTime<Utc>) -> Result<Why, Refusal> {
        self.note(format!("why {job} at {}", at.to_rfc3339()));
        self.job(job).await?;
        let lines = vec!["it is no fire time".to_owned()];
        Ok(Why { subject: job.to_string(), at, lines, explanation: None })
    }

    async fn why_execution(&self, id: ExecutionId) -> Result<Why, Refusal> {
        let execution = self.execution(&id.to_string()).await?;
        let lines = vec![format!("it is {}", execution.state.name())];
        Ok(Why { subject: id.to_string(), at: fixtures::at(0), lines, explanation: None })
    }

    async fn output(&self, _: AttemptKey, from: u64, _: u64) -> Result<OutputChunk, Refusal> {
        let skip = usize::try_from(from).unwrap();
        let lines = self.output.iter().enumerate().skip(skip).map(|(at, text)| OutputLine {
            at: fixtures::at(i64::try_from(at).unwrap() - 60),
            stream: if at == 2 { Stream::Stderr } else { Stream::Stdout },
            text: text.clone().into_bytes(),
            complete: true,
        });
        Ok(OutputChunk { lines: lines.collect(), next: self.output.len() as u64, at_end: true })
    }
}
