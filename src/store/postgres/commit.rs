//! Writing: a list of changes becomes a few statements in one transaction, which begins with the fence.
//!
//! A kind of change is one statement over arrays of columns, however many rows there are. Everything is made into
//! columns before the transaction begins: it holds the fence, so it must not wait for this side.

use serde::Serialize;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Connection, PgConnection, Postgres};
use uuid::Uuid;

use super::super::news::{News, claims, version_taken};
use super::super::search::{said, tail};
use super::StoreError;
use super::failure::{broken_key, failed};
use super::lease::Fence;
use crate::model::{Change, Execution, JobId};

/// A statement takes so many bytes of bodies at most, and one row more.
const LARGEST: usize = 16 << 20;

/// The columns of an execution, from arrays.
macro_rules! execution_columns {
    () => {
        "(id, job_id, job_version, state, trigger, fire_time, created_at, started_at, finished_at, \
         worker_id, tail, reason_folded, body) \
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], \
         $7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::text[], $13::text[]) \
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, started_at = excluded.started_at, \
         finished_at = excluded.finished_at, worker_id = excluded.worker_id, \
         reason_folded = excluded.reason_folded, body = excluded.body"
    };
}

statements! {
    const ADD_VERSIONS: &str = "INSERT INTO job_versions (job_id, version, at, by, body) \
         SELECT new.job_id, new.version, new.at, new.by, new.body \
         FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]) \
             AS new(job_id, version, at, by, body) \
         WHERE NOT EXISTS (SELECT 1 FROM job_versions AS kept WHERE kept.job_id = new.job_id \
             AND kept.version = new.version AND kept.body = new.body)";
    const KEEP_JOBS: &str = "INSERT INTO jobs (id, source, version, state, removed_at) \
         SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[]) \
         ON CONFLICT (id) DO UPDATE SET source = excluded.source, version = excluded.version, \
         state = excluded.state, removed_at = excluded.removed_at";
    /// Counts those that are new. It comes before they are written.
    const COUNT_NEW: &str = "INSERT INTO execution_counts AS kept (job_id, count) \
         SELECT new.job_id, count(*) FROM unnest($1::uuid[], $2::text[]) AS new(id, job_id) \
         WHERE NOT EXISTS (SELECT 1 FROM live AS e WHERE e.id = new.id) \
         AND NOT EXISTS (SELECT 1 FROM executions AS e WHERE e.id = new.id) \
         GROUP BY new.job_id ON CONFLICT (job_id) DO UPDATE SET count = kept.count + excluded.count";
    /// Claims fire times; one that another execution holds breaks the key.
    const CLAIM: &str = "INSERT INTO fired (job_id, fire_time, execution) \
         SELECT new.job_id, new.fire_time, new.execution \
         FROM unnest($1::text[], $2::bigint[], $3::uuid[]) AS new(job_id, fire_time, execution) \
         WHERE NOT EXISTS (SELECT 1 FROM fired AS kept WHERE kept.job_id = new.job_id \
             AND kept.fire_time = new.fire_time AND kept.execution = new.execution)";
    /// What an execution is by its creation is not written again.
    const KEEP_LIVE: &str = concat!(
        "WITH back AS (DELETE FROM executions WHERE id = ANY ($1)) INSERT INTO live ", execution_columns!()
    );
    /// A final one is moved.
    const KEEP_FINAL: &str = concat!(
        "WITH ended AS (DELETE FROM live WHERE id = ANY ($1)) INSERT INTO executions ", execution_columns!()
    );
    const ADD_EVENTS: &str =
        "INSERT INTO events (seq, body) SELECT * FROM unnest($1::bigint[], $2::text[])";
    const KEEP_LEDGER: &str = "INSERT INTO ledger (job_id, first, last, body) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) \
         ON CONFLICT (job_id, first) DO UPDATE SET last = excluded.last, body = excluded.body";
    const REMOVE_OVERRIDES: &str = "DELETE FROM worker_overrides WHERE id = ANY ($1)";
    const KEEP_OVERRIDES: &str = "INSERT INTO worker_overrides (id, body) \
         SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
    const REMOVE_NOTICES: &str = "DELETE FROM notices WHERE execution_id = ANY ($1)";
    const ADD_NOTICES: &str = "INSERT INTO notices (execution_id) SELECT * FROM unnest($1::uuid[]) \
         ON CONFLICT DO NOTHING";
    const KEEP_META: &str = "INSERT INTO meta (key, value) SELECT * FROM unnest($1::text[], $2::text[]) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";

    /// The first of the claims whose fire time another execution holds.
    const FIND_FIRED: &str = "SELECT kept.job_id, kept.fire_time \
         FROM unnest($1::text[], $2::bigint[], $3::uuid[]) AS new(job_id, fire_time, execution) \
         JOIN fired AS kept ON kept.job_id = new.job_id AND kept.fire_time = new.fire_time \
         WHERE kept.execution <> new.execution LIMIT 1";
    /// The first of the numbers that is an event already.
    const FIND_EVENT: &str = "SELECT seq FROM events WHERE seq = ANY ($1) ORDER BY seq LIMIT 1";
    const VERSION_BODY: &str = "SELECT body FROM job_versions WHERE job_id = $1 AND version = $2";
}

/// Versions, in columns.
#[derive(Default)]
struct Versions(Vec<String>, Vec<i64>, Vec<i64>, Vec<String>, Vec<String>);

/// Jobs, in columns.
#[derive(Default)]
struct Jobs(Vec<String>, Vec<String>, Vec<i64>, Vec<String>, Vec<i64>);

/// Claims of fire times, in columns.
#[derive(Default)]
struct Claims(Vec<String>, Vec<i64>, Vec<Uuid>);

/// Executions, in columns.
#[derive(Default)]
struct Executions {
    ids: Vec<Uuid>,
    jobs: Vec<String>,
    versions: Vec<i64>,
    states: Vec<&'static str>,
    triggers: Vec<&'static str>,
    fire_times: Vec<i64>,
    created: Vec<i64>,
    started: Vec<Option<i64>>,
    finished: Vec<Option<i64>>,
    workers: Vec<Option<String>>,
    tails: Vec<i64>,
    reasons: Vec<String>,
    bodies: Vec<String>,
    bytes: usize,
}

impl Executions {
    fn push(&mut self, execution: &Execution) -> serde_json::Result<()> {
        let body = serde_json::to_string(execution)?;
        self.bytes += body.len();
        self.ids.push(execution.id.uuid());
        self.jobs.push(execution.job_id.to_string());
        self.versions.push(execution.job_version.into());
        self.states.push(execution.state.name().as_str());
        self.triggers.push(execution.trigger.as_str());
        self.fire_times.push(execution.fire_time.timestamp_micros());
        self.created.push(execution.created_at.timestamp_micros());
        self.started.push(execution.started_at.map(|at| at.timestamp_micros()));
        self.finished.push(execution.finished_at.map(|at| at.timestamp_micros()));
        self.workers.push(execution.worker_id().map(ToString::to_string));
        self.tails.push(tail(execution.id));
        self.reasons.push(said(execution));
        self.bodies.push(body);
        Ok(())
    }
}

/// Keys with their bodies, in columns.
struct Bodies<K>(Vec<K>, Vec<String>, usize);

impl<K> Default for Bodies<K> {
    fn default() -> Self {
        Self(Vec::new(), Vec::new(), 0)
    }
}

impl<K> Bodies<K> {
    fn push(&mut self, key: K, body: impl Serialize) -> serde_json::Result<()> {
        let body = serde_json::to_string(&body)?;
        self.2 += body.len();
        self.0.push(key);
        self.1.push(body);
        Ok(())
    }
}

/// The part that takes the next row: a new one where the last is large enough.
fn open_part<T: Default>(parts: &mut Vec<T>, bytes: impl Fn(&T) -> usize) -> &mut T {
    if parts.last().is_none_or(|last| bytes(last) >= LARGEST) {
        parts.push(T::default());
    }
    let last = parts.len() - 1;
    &mut parts[last]
}

/// What a list of changes comes to, ready to be sent.
#[derive(Default)]
pub(super) struct Batch {
    versions: Versions,
    jobs: Jobs,
    claims: Claims,
    live: Vec<Executions>,
    last: Vec<Executions>,
    events: Vec<Bodies<i64>>,
    ledger: Bodies<(String, i64, i64)>,
    overrides: Bodies<String>,
    no_overrides: Vec<String>,
    notices: Vec<Uuid>,
    no_notices: Vec<Uuid>,
    meta: Bodies<String>,
}

impl Batch {
    /// Refuses what contradicts itself; what contradicts the store shows when it is written.
    pub(super) fn of(changes: &[Change]) -> Result<Self, StoreError> {
        let news = News::of(changes)?;
        Self::made_of(&news).map_err(|error| StoreError::Failed {
            doing: "a commit",
            message: format!("it cannot be written as JSON: {error}"),
        })
    }

    fn made_of(news: &News<'_>) -> serde_json::Result<Self> {
        let mut batch = Self::default();
        for ((job, version), (definition, at, by)) in &news.versions {
            batch.versions.0.push(job.to_string());
            batch.versions.1.push((*version).into());
            batch.versions.2.push(*at);
            batch.versions.3.push(by.to_string());
            batch.versions.4.push(serde_json::to_string(definition)?);
        }
        for (job, (record, removed_at)) in &news.jobs {
            batch.jobs.0.push(job.to_string());
            batch.jobs.1.push(text_of(record.source)?);
            batch.jobs.2.push(record.version.into());
            batch.jobs.3.push(serde_json::to_string(&record.state)?);
            batch.jobs.4.push(*removed_at);
        }
        for execution in &news.executions {
            let parts = if execution.state.is_final() { &mut batch.last } else { &mut batch.live };
            open_part(parts, |part| part.bytes).push(execution)?;
        }
        batch.claims = claims_of(news);
        for event in &news.events {
            let seq = i64::try_from(event.seq).unwrap_or(i64::MAX);
            open_part(&mut batch.events, |part| part.2).push(seq, event)?;
        }
        for ((job, first), range) in &news.ledger {
            let key = (job.to_string(), *first, range.last.timestamp_micros());
            batch.ledger.push(key, range)?;
        }
        for (worker, overrides) in &news.workers {
            match overrides.is_empty() {
                true => batch.no_overrides.push(worker.to_string()),
                false => batch.overrides.push(worker.to_string(), overrides)?,
            }
        }
        for (execution, is_due) in &news.notices {
            let notices = if *is_due { &mut batch.notices } else { &mut batch.no_notices };
            notices.push(execution.uuid());
        }
        for (key, value) in &news.meta {
            batch.meta.push((*key).to_owned(), value)?;
        }
        Ok(batch)
    }

    /// Sends all of it.
    async fn send(self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let Versions(jobs, versions, at, by, bodies) = self.versions;
        let rows = jobs.len();
        let query =
            sqlx::query(ADD_VERSIONS).bind(jobs).bind(versions).bind(at).bind(by).bind(bodies);
        run(connection, query, rows).await?;
        let Jobs(ids, sources, versions, states, removed) = self.jobs;
        let rows = ids.len();
        let query = sqlx::query(KEEP_JOBS)
            .bind(ids)
            .bind(sources)
            .bind(versions)
            .bind(states)
            .bind(removed);
        run(connection, query, rows).await?;
        for part in self.live.iter().chain(&self.last) {
            let query = sqlx::query(COUNT_NEW).bind(&part.ids).bind(&part.jobs);
            run(connection, query, part.ids.len()).await?;
        }
        let Claims(jobs, fire_times, ids) = self.claims;
        let rows = jobs.len();
        run(connection, sqlx::query(CLAIM).bind(jobs).bind(fire_times).bind(ids), rows).await?;
        for part in self.live {
            keep(connection, KEEP_LIVE, part).await?;
        }
        for part in self.last {
            keep(connection, KEEP_FINAL, part).await?;
        }
        for Bodies(seqs, bodies, _) in self.events {
            let rows = seqs.len();
            run(connection, sqlx::query(ADD_EVENTS).bind(seqs).bind(bodies), rows).await?;
        }
        let Bodies(keys, bodies, _) = self.ledger;
        let rows = keys.len();
        let ((jobs, first), last): ((Vec<_>, Vec<_>), Vec<_>) =
            keys.into_iter().map(|(job, first, last)| ((job, first), last)).unzip();
        let query = sqlx::query(KEEP_LEDGER).bind(jobs).bind(first).bind(last).bind(bodies);
        run(connection, query, rows).await?;
        let rows = self.no_overrides.len();
        run(connection, sqlx::query(REMOVE_OVERRIDES).bind(self.no_overrides), rows).await?;
        let rows = self.no_notices.len();
        run(connection, sqlx::query(REMOVE_NOTICES).bind(self.no_notices), rows).await?;
        let rows = self.notices.len();
        run(connection, sqlx::query(ADD_NOTICES).bind(self.notices), rows).await?;
        for (statement, Bodies(keys, bodies, _)) in
            [(KEEP_OVERRIDES, self.overrides), (KEEP_META, self.meta)]
        {
            let rows = keys.len();
            run(connection, sqlx::query(statement).bind(keys).bind(bodies), rows).await?;
        }
        Ok(())
    }
}

/// A value that is a string in JSON, as that string.
fn text_of(value: impl Serialize) -> serde_json::Result<String> {
    serde_json::to_value(value).and_then(serde_json::from_value)
}

fn claims_of(news: &News<'_>) -> Claims {
    let mut rows = Claims::default();
    for execution in news.executions.iter().filter(|execution| claims(execution)) {
        rows.0.push(execution.job_id.to_string());
        rows.1.push(execution.fire_time.timestamp_micros());
        rows.2.push(execution.id.uuid());
    }
    rows
}

/// Runs a statement that has rows.
async fn run(
    connection: &mut PgConnection,
    query: Query<'_, Postgres, PgArguments>,
    rows: usize,
) -> sqlx::Result<()> {
    match rows {
        0 => Ok(()),
        _ => query.execute(connection).await.map(drop),
    }
}

async fn keep(
    connection: &mut PgConnection,
    statement: &'static str,
    rows: Executions,
) -> sqlx::Result<()> {
    let count = rows.ids.len();
    let query = sqlx::query(statement)
        .bind(rows.ids)
        .bind(rows.jobs)
        .bind(rows.versions)
        .bind(rows.states)
        .bind(rows.triggers)
        .bind(rows.fire_times)
        .bind(rows.created)
        .bind(rows.started)
        .bind(rows.finished)
        .bind(rows.workers)
        .bind(rows.tails)
        .bind(rows.reasons)
        .bind(rows.bodies);
    run(connection, query, count).await
}

/// What became of a transaction.
enum Broken {
    /// The epoch is over.
    Deposed,
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// Writes a batch, made of these changes, as the leader of an epoch: all of it, on disk when this returns, or nothing.
pub(super) async fn write(
    connection: &mut PgConnection,
    fence: Fence,
    batch: Batch,
    changes: &[Change],
    place: &str,
) -> Result<(), StoreError> {
    match transact(connection, fence, batch).await {
        Ok(()) => Ok(()),
        Err(Broken::Deposed) => Err(super::deposed(place, fence)),
        Err(Broken::Sql(error)) => {
            let named = match broken_key(&error) {
                Some(table) => name_conflict(connection, &table, changes).await,
                None => None,
            };
            Err(named.unwrap_or_else(|| failed(place, "a commit", &error)))
        }
    }
}

async fn transact(connection: &mut PgConnection, fence: Fence, batch: Batch) -> Result<(), Broken> {
    let mut transaction = connection.begin().await?;
    if !fence.holds(&mut transaction).await? {
        transaction.rollback().await?;
        return Err(Broken::Deposed);
    }
    match batch.send(&mut transaction).await {
        Ok(()) => Ok(transaction.commit().await?),
        Err(error) => {
            transaction.rollback().await?;
            Err(Broken::Sql(error))
        }
    }
}

/// Which of the changes contradicts what is kept in that table.
async fn name_conflict(
    connection: &mut PgConnection,
    table: &str,
    changes: &[Change],
) -> Option<StoreError> {
    let news = News::of(changes).ok()?;
    match table {
        "fired" => {
            let Claims(jobs, fire_times, ids) = claims_of(&news);
            let found = sqlx::query_as(FIND_FIRED).bind(jobs).bind(fire_times).bind(ids);
            let (job, fire_time): (String, i64) = found.fetch_one(connection).await.ok()?;
            let fire_time = chrono::DateTime::from_timestamp_micros(fire_time)?;
            Some(StoreError::FiredTwice { job: JobId::new(&job).ok()?, fire_time })
        }
        "job_versions" => changed_version(connection, news).await,
        "events" => {
            let seqs = news.events.iter().filter_map(|event| i64::try_from(event.seq).ok());
            let found = sqlx::query_scalar(FIND_EVENT).bind(seqs.collect::<Vec<_>>());
            let seq: Option<i64> = found.fetch_optional(connection).await.ok()?;
            // What is not kept yet was there twice in the list.
            let what = seq.map_or("event with its seq".to_owned(), |seq| format!("event {seq}"));
            Some(StoreError::Conflict { what })
        }
        _ => None,
    }
}

async fn changed_version(connection: &mut PgConnection, news: News<'_>) -> Option<StoreError> {
    for ((job, version), (definition, ..)) in news.versions {
        let kept = sqlx::query_scalar(VERSION_BODY).bind(job.as_str()).bind(i64::from(version));
        let kept: Option<String> = kept.fetch_optional(&mut *connection).await.ok()?;
        if kept.is_some_and(|kept| serde_json::to_string(definition).ok() != Some(kept)) {
            return Some(version_taken(job, version));
        }
    }
    None
}
