//! A door with nothing behind it but fixtures: it answers at once and remembers what was asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast;

use super::fixtures;
use crate::driver::{Door, Feed, RunOptions, Snapshot, Subscription};
use crate::jobfile::Plan;
use crate::model::{
    Event, Execution, ExecutionId, JobId, JobStatus, LedgerRange, Pause, Refusal, StateName, Why,
};
use crate::store::{ExecutionQuery, Page};
use crate::worker::output::{OutputChunk, OutputLine, Stream};
use crate::worker::protocol::AttemptKey;

#[derive(Debug)]
pub(crate) struct FakeDoor {
    pub(crate) snapshot: Snapshot,
    /// Newest first.
    pub(crate) executions: Vec<Arc<Execution>>,
    pub(crate) plan: Result<Plan, Refusal>,
    pub(crate) output: Vec<String>,
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) feed: broadcast::Sender<Feed>,
}

impl FakeDoor {
    pub(crate) fn new(snapshot: Snapshot, executions: Vec<Arc<Execution>>) -> Self {
        Self {
            snapshot,
            executions,
            plan: Ok(Plan::default()),
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

#[async_trait]
impl Door for FakeDoor {
    async fn subscribe(&self) -> Result<Subscription, Refusal> {
        Ok(Subscription { snapshot: self.snapshot.clone(), feed: self.feed.subscribe() })
    }

    async fn run_job(&self, job: &JobId, with: RunOptions) -> Result<Arc<Execution>, Refusal> {
        let forced = if with.force { " by force" } else { "" };
        let words = [vec![job.to_string()], with.args].concat().join(" ");
        self.note(format!("run {words}{forced}"));
        let queued = fixtures::execution(2_000, job.as_str(), StateName::Queued, 0);
        Ok(Arc::new(queued))
    }

    async fn cancel(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        self.note(format!("cancel {}", id.short()));
        self.execution(&id.to_string()).await
    }

    async fn retry(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        self.note(format!("retry {}", id.short()));
        self.execution(&id.to_string()).await
    }

    async fn pause(
        &self,
        job: &JobId,
        until: Option<DateTime<Utc>>,
        reason: Option<String>,
    ) -> Result<Arc<JobStatus>, Refusal> {
        self.note(format!("pause {job}"));
        let mut status = Arc::unwrap_or_clone(self.job(job).await?);
        let by = crate::model::Actor::named("screen");
        status.paused = Some(Pause { at: fixtures::at(0), until, reason, by });
        Ok(Arc::new(status))
    }

    async fn resume(&self, job: &JobId) -> Result<Arc<JobStatus>, Refusal> {
        self.note(format!("resume {job}"));
        self.job(job).await
    }

    async fn plan_reload(&self) -> Result<Plan, Refusal> {
        self.note("plan".to_owned());
        self.plan.clone()
    }

    async fn reload(&self) -> Result<Plan, Refusal> {
        self.note("reload".to_owned());
        self.plan.clone()
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
            it.job_id.as_str().contains(word.as_str()) || it.reason.contains(word.as_str())
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

    async fn ledger(&self, _: &JobId, _: u32) -> Result<Vec<LedgerRange>, Refusal> {
        Ok(Vec::new())
    }

    async fn why_job(&self, job: &JobId, at: DateTime<Utc>) -> Result<Why, Refusal> {
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
