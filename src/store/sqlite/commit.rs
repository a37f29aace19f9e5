//! Writing: a list of changes becomes a few statements in one transaction.
//!
//! A kind of change is one statement over a JSON array of rows, however many there are. Where a
//! list changes a thing twice, the last one counts and alone is written.

use std::fmt::Display;

use chrono::DateTime;
use serde::Serialize;
use sqlx::{Connection, SqliteConnection};

use super::super::news::{News, claims, version_taken};
use super::super::search::{said, tail};
use super::StoreError;
use super::failure::{broken_key, failed};
use crate::model::{Change, Execution, JobId};

/// A text of rows is cut where it passes so many bytes.
const LARGEST_TEXT: usize = 4 << 20;

statements! {
    const ADD_VERSIONS: &str = "INSERT INTO job_versions (job_id, version, at, by, body) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 \
         FROM json_each(?1) AS new WHERE NOT EXISTS (SELECT 1 FROM job_versions AS kept \
             WHERE kept.job_id = new.value ->> 0 AND kept.version = new.value ->> 1 \
             AND kept.body = new.value ->> 4)";
    const KEEP_JOBS: &str = "INSERT INTO jobs (id, source, version, state, gone) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 \
         FROM json_each(?1) WHERE true ON CONFLICT (id) DO UPDATE \
         SET source = excluded.source, version = excluded.version, state = excluded.state, \
         gone = excluded.gone";
    /// What an execution is by its creation is not written again.
    const KEEP_EXECUTIONS: &str = "INSERT INTO executions (id, job_id, job_version, state, trigger, \
         fire_time, created_at, started_at, finished_at, worker_id, tail, said) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
         value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11 \
         FROM json_each(?1) WHERE true ON CONFLICT (id) DO UPDATE \
         SET state = excluded.state, started_at = excluded.started_at, \
         finished_at = excluded.finished_at, worker_id = excluded.worker_id, said = excluded.said";
    const KEEP_BODIES: &str = "INSERT INTO execution_bodies (id, body) \
         SELECT key, value FROM json_each(?1) WHERE true \
         ON CONFLICT (id) DO UPDATE SET body = excluded.body";
    const ADD_EVENTS: &str = "INSERT INTO events (seq, body) SELECT key, value FROM json_each(?1)";
    const KEEP_LEDGER: &str = "INSERT INTO ledger (job_id, first, last, body) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1) WHERE true \
         ON CONFLICT (job_id, first) DO UPDATE SET last = excluded.last, body = excluded.body";
    const KEEP_WORKERS: &str = "INSERT INTO workers (id, body) \
         SELECT key, value FROM json_each(?1) WHERE true \
         ON CONFLICT (id) DO UPDATE SET body = excluded.body";
    const REMOVE_WORKERS: &str =
        "DELETE FROM workers WHERE id IN (SELECT value ->> 0 FROM json_each(?1))";
    const ADD_NOTICES: &str = "INSERT INTO notices (execution_id) \
         SELECT value ->> 0 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING";
    const REMOVE_NOTICES: &str =
        "DELETE FROM notices WHERE execution_id IN (SELECT value ->> 0 FROM json_each(?1))";
    const KEEP_META: &str = "INSERT INTO meta (key, value) \
         SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";

    /// Those of the executions [job, fire time, id] whose fire time another execution holds.
    const FIND_FIRED: &str = "SELECT new.value ->> 0, new.value ->> 1 \
         FROM json_each(?1) AS new CROSS JOIN executions AS kept INDEXED BY executions_fire_once \
         ON kept.job_id = new.value ->> 0 AND kept.fire_time = new.value ->> 1 \
         AND kept.trigger IN ('schedule', 'catch_up') AND kept.id <> new.value ->> 2 LIMIT 1";
    /// The first of the numbers that is an event already.
    const FIND_EVENT: &str =
        "SELECT seq FROM events WHERE seq IN (SELECT value FROM json_each(?1)) ORDER BY seq LIMIT 1";
    const VERSION_BODY: &str = "SELECT body FROM job_versions WHERE job_id = ?1 AND version = ?2";
}

/// Rows as JSON, in texts of bounded size: arrays in an array, or bodies by key in an object. (A
/// body goes in as it is, since JSON within a string within JSON costs twice.)
struct Rows {
    texts: Vec<String>,
    brackets: [char; 2],
}

impl Rows {
    fn arrays() -> Self {
        Self { texts: Vec::new(), brackets: ['[', ']'] }
    }

    fn bodies() -> Self {
        Self { texts: Vec::new(), brackets: ['{', '}'] }
    }

    fn push(&mut self, row: impl Serialize) -> serde_json::Result<()> {
        let row = serde_json::to_string(&row)?;
        self.open_text().push_str(&row);
        Ok(())
    }

    fn push_body(&mut self, key: impl Display, body: impl Serialize) -> serde_json::Result<()> {
        let body = serde_json::to_string(&body)?;
        let text = self.open_text();
        text.push_str(&format!("\"{key}\":"));
        text.push_str(&body);
        Ok(())
    }

    /// The text that takes the next row, ready for it.
    fn open_text(&mut self) -> &mut String {
        match self.texts.last_mut() {
            Some(text) if text.len() < LARGEST_TEXT => text.push(','),
            _ => self.texts.push(self.brackets[0].to_string()),
        }
        let last = self.texts.len() - 1;
        &mut self.texts[last]
    }

    fn into_texts(self) -> impl Iterator<Item = String> {
        self.texts.into_iter().map(move |mut text| {
            text.push(self.brackets[1]);
            text
        })
    }
}

/// The statements that a list of changes comes to, each with its rows.
pub(super) struct Batch(Vec<(&'static str, String)>);

impl Batch {
    /// Refuses what contradicts itself; what contradicts the store shows when it is written.
    pub(super) fn of(changes: &[Change]) -> Result<Self, StoreError> {
        let news = News::of(changes)?;
        statements(news).map_err(|error| StoreError::Failed {
            doing: "a commit",
            message: format!("it cannot be written as JSON: {error}"),
        })
    }
}

/// The statements that they come to.
fn statements(news: News<'_>) -> serde_json::Result<Batch> {
    let mut statements = Vec::new();
    let mut add = |statement, rows: Rows| {
        statements.extend(rows.into_texts().map(|text| (statement, text)));
    };
    let mut rows = Rows::arrays();
    for (job, (record, gone)) in news.jobs {
        let state = serde_json::to_string(&record.state)?;
        rows.push((job, record.source, record.version, state, gone))?;
    }
    add(KEEP_JOBS, rows);
    let mut rows = Rows::arrays();
    for ((job, version), (definition, at, by)) in news.versions {
        rows.push((job, version, at, by, serde_json::to_string(definition)?))?;
    }
    add(ADD_VERSIONS, rows);
    let (mut rows, mut bodies) = (Rows::arrays(), Rows::bodies());
    for execution in news.executions {
        rows.push(execution_row(execution))?;
        bodies.push_body(execution.id, execution)?;
    }
    add(KEEP_EXECUTIONS, rows);
    add(KEEP_BODIES, bodies);
    let mut bodies = Rows::bodies();
    for event in news.events {
        bodies.push_body(event.seq, event)?;
    }
    add(ADD_EVENTS, bodies);
    let mut rows = Rows::arrays();
    for ((job, first), range) in news.ledger {
        let last = range.last.timestamp_micros();
        rows.push((job, first, last, serde_json::to_string(range)?))?;
    }
    add(KEEP_LEDGER, rows);
    let (mut removed, mut kept) = (Rows::arrays(), Rows::bodies());
    for (worker, orders) in news.workers {
        match orders.is_empty() {
            true => removed.push([worker])?,
            false => kept.push_body(worker, orders)?,
        }
    }
    add(REMOVE_WORKERS, removed);
    add(KEEP_WORKERS, kept);
    let (mut done, mut due) = (Rows::arrays(), Rows::arrays());
    for (execution, is_due) in news.notices {
        if is_due { &mut due } else { &mut done }.push([execution])?;
    }
    add(REMOVE_NOTICES, done);
    add(ADD_NOTICES, due);
    let mut rows = Rows::arrays();
    for fact in news.meta {
        rows.push(fact)?;
    }
    add(KEEP_META, rows);
    Ok(Batch(statements))
}

fn execution_row(execution: &Execution) -> impl Serialize {
    (
        execution.id,
        execution.job_id.clone(),
        execution.job_version,
        execution.state.name(),
        execution.trigger,
        execution.fire_time.timestamp_micros(),
        execution.created_at.timestamp_micros(),
        execution.started_at.map(|at| at.timestamp_micros()),
        execution.finished_at.map(|at| at.timestamp_micros()),
        execution.worker_id().cloned(),
        tail(execution.id),
        said(execution),
    )
}

/// Writes a batch, made of these changes: all of it, on disk when this returns, or nothing.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    batch: Batch,
    changes: &[Change],
    place: &str,
) -> Result<(), StoreError> {
    match transact(connection, batch).await {
        Ok(()) => Ok(()),
        Err(error) => {
            let named = match broken_key(&error) {
                Some(key) => name_conflict(connection, key, changes).await,
                None => None,
            };
            Err(named.unwrap_or_else(|| failed(place, "a commit", &error)))
        }
    }
}

async fn transact(connection: &mut SqliteConnection, batch: Batch) -> sqlx::Result<()> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for (statement, rows) in batch.0 {
        sqlx::query(statement).bind(rows).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// Which of the changes contradicts what is kept under that key.
async fn name_conflict(
    connection: &mut SqliteConnection,
    key: &str,
    changes: &[Change],
) -> Option<StoreError> {
    let news = News::of(changes).ok()?;
    match key.split_once('.')?.0 {
        "executions" => fired_twice(connection, &news.executions).await,
        "job_versions" => changed_version(connection, news).await,
        "events" => {
            let seqs: Vec<u64> = news.events.iter().map(|event| event.seq).collect();
            let seqs = serde_json::to_string(&seqs).ok()?;
            let found = sqlx::query_scalar(FIND_EVENT).bind(seqs).fetch_optional(connection).await;
            // What is not kept yet was there twice in the list.
            let seq: Option<i64> = found.ok()?;
            let what = seq.map_or("event with its seq".to_owned(), |seq| format!("event {seq}"));
            Some(StoreError::Conflict { what })
        }
        _ => None,
    }
}

async fn fired_twice(
    connection: &mut SqliteConnection,
    executions: &[&Execution],
) -> Option<StoreError> {
    let executions = executions.iter().filter(|execution| claims(execution));
    let claims = executions.map(|it| (&it.job_id, it.fire_time.timestamp_micros(), it.id));
    let claims = serde_json::to_string(&claims.collect::<Vec<_>>()).ok()?;
    let found = sqlx::query_as(FIND_FIRED).bind(claims).fetch_one(connection).await;
    let (job, fire_time): (String, i64) = found.ok()?;
    let fire_time = DateTime::from_timestamp_micros(fire_time)?;
    Some(StoreError::FiredTwice { job: JobId::new(&job).ok()?, fire_time })
}

async fn changed_version(connection: &mut SqliteConnection, news: News<'_>) -> Option<StoreError> {
    for ((job, version), (definition, ..)) in news.versions {
        let kept = sqlx::query_scalar(VERSION_BODY).bind(job.as_str()).bind(version);
        let kept: Option<String> = kept.fetch_optional(&mut *connection).await.ok()?;
        if kept.is_some_and(|kept| serde_json::to_string(definition).ok() != Some(kept)) {
            return Some(version_taken(job, version));
        }
    }
    None
}
