//! The client as an [`EngineApi`]: the same questions, answered by an engine in another process.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;

use super::{Client, ClientError, Lines};
use crate::api::SystemStatus;
use crate::api::dto::{FeedLine, List, OutputPage};
use crate::control::{Call, Endpoint, ExecutionView, Listed, http};
use crate::driver::{EngineApi, Feed, Preview, Subscription};
use crate::model::{
    AttemptKey, Event, Execution, ExecutionId, ExecutionQuery, Health, JobId, JobStatus,
    JobVersion, LedgerRange, OutputChunk, Page, Refusal, Settings, StateName, Why,
};

/// So many messages wait for a screen that is busy; one that falls further behind subscribes anew.
const BACKLOG: usize = 4_096;

impl Client {
    async fn ask<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Refusal> {
        Ok(self.parse(&self.get(path, query).await?)?)
    }

    /// The first `limit` rows of a list, as many pages as that takes.
    async fn gather<T: DeserializeOwned>(
        &self,
        path: &[&str],
        mut cursor: Option<String>,
        limit: u32,
    ) -> Result<Vec<T>, Refusal> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut rows = Vec::new();
        loop {
            let page = (limit - rows.len()).clamp(1, 1_000).to_string();
            let mut query = vec![("limit", page.as_str())];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let list: List<T> = self.ask(path, &query).await?;
            rows.extend(list.items);
            cursor = list.next_cursor;
            if cursor.is_none() || rows.len() >= limit {
                return Ok(rows);
            }
        }
    }
}

impl Endpoint for Client {
    async fn call<C: Listed>(&self, command: C) -> Result<C::Answer, Refusal> {
        let text = self.ask_verb(&command).await?;
        http::read_answer(&text).map_err(|error| self.not_understood(&error).into())
    }
}

#[async_trait]
impl EngineApi for Client {
    async fn subscribe(&self) -> Result<Subscription, Refusal> {
        let answer = self.stream(&["feed"], &[], "application/x-ndjson").await?;
        let mut lines = Lines::of(answer);
        let first = lines.next().await.and_then(|line| serde_json::from_slice(&line).ok());
        let Some(Err(snapshot)) = first.map(FeedLine::message) else {
            let message = "the feed does not begin with a snapshot".to_owned();
            let at = self.place().to_owned();
            return Err(ClientError::NotUnderstood { at, message }.into());
        };
        let (sender, feed) = broadcast::channel(BACKLOG);
        tokio::spawn(pass_on(lines, sender));
        Ok(Subscription { snapshot: *snapshot, feed })
    }

    async fn call(&self, call: Call<'_>) {
        call.answered_by(self).await;
    }

    async fn health(&self) -> Result<Health, Refusal> {
        let status: SystemStatus = self.ask(&["status"], &[]).await?;
        Ok(status.health())
    }

    async fn versions(
        &self,
        job: &JobId,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobVersion>, Refusal> {
        let cursor = before.map(|before| before.to_string());
        self.gather(&["jobs", job.as_str(), "versions"], cursor, limit).await
    }

    async fn preview(
        &self,
        schedule: &str,
        timezone: Option<&str>,
        count: usize,
    ) -> Result<Preview, Refusal> {
        let count = count.clamp(1, 1_000).to_string();
        let mut query = vec![("expr", schedule), ("count", count.as_str())];
        query.extend(timezone.map(|zone| ("tz", zone)));
        self.ask(&["schedule", "preview"], &query).await
    }

    async fn settings(&self) -> Result<Settings, Refusal> {
        self.ask(&["settings"], &[]).await
    }

    async fn job(&self, job: &JobId) -> Result<Arc<JobStatus>, Refusal> {
        self.ask(&["jobs", job.as_str()], &[]).await
    }

    async fn next_fire_times(
        &self,
        job: &JobId,
        from: DateTime<Utc>,
        count: usize,
    ) -> Result<Vec<DateTime<Utc>>, Refusal> {
        let query = [("from", rfc3339(from)), ("count", count.clamp(1, 1_000).to_string())];
        let path = ["jobs", job.as_str(), "next"];
        let list: List<DateTime<Utc>> = self.ask(&path, &borrowed(&query)).await?;
        Ok(list.items)
    }

    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<Arc<Execution>>, Refusal> {
        let pairs = execution_pairs(query);
        let list: List<ExecutionView> = self.ask(&["executions"], &borrowed(&pairs)).await?;
        let more = list.next_cursor.is_some();
        let items = list.items.into_iter().map(|view| view.execution).collect();
        Ok(Page { items, more })
    }

    async fn execution(&self, part: &str) -> Result<Arc<Execution>, Refusal> {
        let view: ExecutionView = self.ask(&["executions", part], &[]).await?;
        Ok(view.execution)
    }

    async fn counts(&self, since: DateTime<Utc>) -> Result<Vec<(StateName, u64)>, Refusal> {
        let query = [("since", rfc3339(since))];
        let counts: BTreeMap<StateName, u64> = self.ask(&["counts"], &borrowed(&query)).await?;
        Ok(counts.into_iter().collect())
    }

    async fn newest_events(&self, limit: u32) -> Result<Vec<Event>, Refusal> {
        let query = [("limit", limit.clamp(1, 1_000).to_string())];
        let list: List<Event> = self.ask(&["events"], &borrowed(&query)).await?;
        Ok(list.items)
    }

    async fn events_after(&self, seq: u64, limit: u32) -> Result<Vec<Event>, Refusal> {
        let query = [("after", seq.to_string()), ("limit", limit.clamp(1, 1_000).to_string())];
        let list: List<Event> = self.ask(&["events"], &borrowed(&query)).await?;
        Ok(list.items)
    }

    async fn ledger(
        &self,
        job: &JobId,
        before: Option<DateTime<Utc>>,
        limit: u32,
    ) -> Result<Vec<LedgerRange>, Refusal> {
        self.gather(&["jobs", job.as_str(), "ledger"], before.map(rfc3339), limit).await
    }

    async fn why_job(&self, job: &JobId, at: DateTime<Utc>) -> Result<Why, Refusal> {
        let query = [("at", rfc3339(at))];
        self.ask(&["jobs", job.as_str(), "why"], &borrowed(&query)).await
    }

    async fn why_execution(&self, execution: ExecutionId) -> Result<Why, Refusal> {
        self.ask(&["executions", &execution.to_string(), "why"], &[]).await
    }

    async fn output(
        &self,
        key: AttemptKey,
        from: u64,
        max_bytes: u64,
    ) -> Result<OutputChunk, Refusal> {
        let query = [
            ("attempt", key.attempt.to_string()),
            ("from", from.to_string()),
            ("max_bytes", max_bytes.clamp(1, 16 << 20).to_string()),
        ];
        let id = key.execution_id.to_string();
        let page: OutputPage = self.ask(&["executions", &id, "output"], &borrowed(&query)).await?;
        Ok(page.into())
    }
}

/// Passes the lines of a feed on. When they break off the channel closes without [`Feed::Stopped`]: whoever listens then
/// subscribes anew, and learns so whether there still is an engine.
async fn pass_on(mut lines: Lines, sender: broadcast::Sender<Feed>) {
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            () = sender.closed() => return,
        };
        let line = line.and_then(|line| serde_json::from_slice::<FeedLine>(&line).ok());
        let Some(Ok(message)) = line.map(FeedLine::message) else { return };
        if sender.send(message).is_err() {
            return;
        }
    }
}

/// A query as the API's parameters.
fn execution_pairs(query: &ExecutionQuery) -> Vec<(&'static str, String)> {
    let mut pairs = vec![("limit", query.limit.clamp(1, 1_000).to_string())];
    let mut push = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
    push("job", query.job.as_ref().map(JobId::to_string));
    push("worker", query.worker.as_ref().map(ToString::to_string));
    push("trigger", query.trigger.map(|trigger| trigger.as_str().to_owned()));
    push("since", query.since.map(rfc3339));
    push("until", query.until.map(rfc3339));
    push("cursor", query.before.map(|id| id.to_string()));
    push("after", query.after.map(|id| id.to_string()));
    let states: Vec<&str> = query.states.iter().map(|state| state.as_str()).collect();
    push("status", Some(states.join(",")).filter(|text| !text.is_empty()));
    let words = query.words.iter().cloned();
    let without = query.without.iter().map(|word| format!("!{word}"));
    let q: Vec<String> = words.chain(without).collect();
    push("q", Some(q.join(" ")).filter(|text| !text.is_empty()));
    pairs
}

fn borrowed<'a>(pairs: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    pairs.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
