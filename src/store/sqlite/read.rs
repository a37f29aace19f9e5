//! Reading what is no history: all that an engine goes on with, events, the ledger, definitions.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::super::set_aside;
use super::failure::failed;
use super::{StoreError, query};
use crate::model::{
    Actor, Ahead, BOOT_ID, Event, Execution, ExecutionId, Image, Job, JobId, JobRecord, JobVersion,
    LedgerRange, RECENT, Retired, StateName, Summary, WorkerOverrides,
};

macro_rules! retired {
    ($which:expr) => {
        concat!(
            "SELECT v.job_id, max(v.version), \
             max(coalesce((SELECT max(fire_time) FROM executions AS e INDEXED BY executions_fire_once \
                     WHERE e.job_id = v.job_id AND e.trigger IN ('schedule', 'catch_up')), 0), \
                 coalesce((SELECT last FROM ledger AS l WHERE l.job_id = v.job_id \
                     ORDER BY first DESC LIMIT 1), 0)), \
             (SELECT state FROM jobs AS j WHERE j.id = v.job_id), \
             (SELECT source FROM jobs AS j WHERE j.id = v.job_id) FROM job_versions AS v WHERE ",
            $which,
            " GROUP BY v.job_id"
        )
    };
}

statements! {
    const JOBS: &str = "SELECT j.id, j.source, j.version, j.state, v.body FROM jobs AS j \
         LEFT JOIN job_versions AS v ON v.job_id = j.id AND v.version = j.version \
         WHERE j.gone = 0 ORDER BY j.id";
    const LIVE: &str = "SELECT e.id, b.body FROM executions AS e INDEXED BY executions_by_state \
         LEFT JOIN execution_bodies AS b ON b.id = e.id \
         WHERE e.state IN ('waiting', 'queued', 'running', 'retrying') ORDER BY e.id";
    /// Executions whose `on_failure` has not ended. CROSS JOIN keeps the order of the tables: the few notices come first.
    const NOTICES: &str = "SELECT e.id, b.body FROM notices AS n CROSS JOIN executions AS e \
         ON e.id = n.execution_id LEFT JOIN execution_bodies AS b ON b.id = e.id ORDER BY e.id";
    const WORKERS: &str = "SELECT id, body FROM workers ORDER BY id";
    /// Definitions of these executions that are not those in force.
    const OLDER: &str = "SELECT v.job_id, v.version, v.body FROM job_versions AS v \
         JOIN (SELECT job_id, job_version FROM executions INDEXED BY executions_by_state \
             WHERE state IN ('waiting', 'queued', 'running', 'retrying') \
             UNION SELECT e.job_id, e.job_version FROM notices AS n \
                 CROSS JOIN executions AS e ON e.id = n.execution_id) AS used \
         ON v.job_id = used.job_id AND v.version = used.job_version \
         WHERE NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.id = v.job_id AND j.version = v.version \
             AND j.gone = 0)";
    /// Jobs that are no longer defined, each with its newest version and the newest fire time that has its fate.
    const RETIRED: &str = retired!("v.job_id NOT IN (SELECT id FROM jobs WHERE gone = 0)");
    /// The same of jobs that are defined and cannot be read.
    const UNREADABLE_JOBS: &str = retired!("v.job_id IN (SELECT value FROM json_each(?1))");

    /// Of each job, defined or gone, its newest final executions, newest first, one after the other in one text a
    /// job.
    const RECENT_OF_EACH: &str = "SELECT j.id, (SELECT json_group_array(json_array(\
             id, state, fire_time, started_at, finished_at)) FROM (\
             SELECT id, state, fire_time, started_at, finished_at FROM executions AS e \
             INDEXED BY executions_by_job WHERE e.job_id = j.id \
             AND e.state NOT IN ('waiting', 'queued', 'running', 'retrying') \
             ORDER BY e.id DESC LIMIT ?1)) FROM jobs AS j \
         WHERE EXISTS (SELECT 1 FROM executions AS e WHERE e.job_id = j.id) ORDER BY j.id";

    const LAST_SEQ: &str = "SELECT max(seq) FROM events";
    const META: &str = "SELECT value FROM meta WHERE key = ?1";
    const EVENTS_AFTER: &str = "SELECT seq, body FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    const NEWEST_EVENTS: &str = "SELECT seq, body FROM events ORDER BY seq DESC LIMIT ?1";
    const LEDGER: &str = "SELECT first, body FROM ledger WHERE job_id = ?1 AND first < ?2 \
         ORDER BY first DESC LIMIT ?3";
    /// Fire times of these jobs after an instant that have an execution.
    const FIRED_AHEAD: &str = "SELECT e.job_id, e.fire_time FROM json_each(?1) AS asked \
         CROSS JOIN executions AS e INDEXED BY executions_fire_once ON e.job_id = asked.value \
         AND e.fire_time > ?2 AND e.trigger IN ('schedule', 'catch_up')";
    const LEDGER_AHEAD: &str = "SELECT first, body FROM ledger INDEXED BY ledger_by_end WHERE last > ?1";
    const VERSIONS: &str = "SELECT job_id, version, body, at, by FROM job_versions \
         WHERE job_id = ?1 AND version < ?2 ORDER BY version DESC LIMIT ?3";
    const VERSION: &str = "SELECT job_id, version, body FROM job_versions WHERE job_id = ?1 AND version = ?2";
}

type Definitions = HashMap<(JobId, u32), Arc<Job>>;

fn corrupt(place: String, message: impl ToString) -> StoreError {
    StoreError::Corrupt { place, message: message.to_string() }
}

/// A column of a row that was named; what cannot be read is told with that name.
fn column<'r, T>(row: &'r SqliteRow, index: usize, name: &str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(index).map_err(|error| corrupt(name.to_owned(), error))
}

fn parse<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(name.to_owned(), error))
}

/// All that an engine needs to go on, as of one instant.
pub(super) async fn load(readers: &SqlitePool, place: &str) -> Result<Image, StoreError> {
    let broken = |error: sqlx::Error| failed(place, "loading", &error);
    let mut transaction = readers.begin().await.map_err(broken)?;
    let connection = &mut *transaction;
    let jobs = rows(connection, JOBS).await.map_err(broken)?;
    let older = rows(connection, OLDER).await.map_err(broken)?;
    let live = rows(connection, LIVE).await.map_err(broken)?;
    let notices = rows(connection, NOTICES).await.map_err(broken)?;
    let workers = rows(connection, WORKERS).await.map_err(broken)?;
    let recent = sqlx::query(RECENT_OF_EACH).bind(RECENT as i64).fetch_all(&mut *connection).await;
    let recent = recent.map_err(broken)?;
    let retired = rows(connection, RETIRED).await.map_err(broken)?;
    let last_seq: Option<i64> =
        sqlx::query_scalar(LAST_SEQ).fetch_one(&mut *connection).await.map_err(broken)?;
    let boot_id = meta(&mut *connection, BOOT_ID).await.map_err(broken)?;
    let mut unreadable = Vec::new();
    let readable_jobs = readable(&jobs, job, &mut unreadable);
    let mut retired = retired;
    if readable_jobs.len() < jobs.len() {
        let lost = ids_but(&jobs, &readable_jobs);
        let found = sqlx::query(UNREADABLE_JOBS).bind(lost).fetch_all(connection).await;
        retired.extend(found.map_err(broken)?);
    }
    let jobs = readable_jobs;
    let mut definitions: Definitions = jobs
        .iter()
        .map(|job| ((job.definition.id.clone(), job.version), Arc::clone(&job.definition)))
        .collect();
    definitions.extend(readable(&older, older_definition, &mut unreadable));
    let with_definition = |row: &SqliteRow| live_execution(row, &definitions);
    Ok(Image {
        workers: readable(&workers, worker_orders, &mut unreadable),
        notices: notices.iter().filter_map(|row| notice(row, &definitions)).collect(),
        jobs,
        live: readable(&live, with_definition, &mut unreadable),
        recent: readable(&recent, recent_of_job, &mut unreadable).into_iter().flatten().collect(),
        last_seq: last_seq.and_then(|seq| u64::try_from(seq).ok()).unwrap_or_default(),
        boot_id,
        retired: readable(&retired, retired_job, &mut unreadable).into_iter().collect(),
        unreadable,
    })
}

/// What can be read of some rows; the others are named.
fn readable<T>(
    rows: &[SqliteRow],
    read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
    unreadable: &mut Vec<String>,
) -> Vec<T> {
    let name = |error| match error {
        StoreError::Corrupt { place, message } => set_aside(&place, &message),
        other => other.to_string(),
    };
    rows.iter()
        .filter_map(|row| read(row).map_err(|error| unreadable.push(name(error))).ok())
        .collect()
}

/// The ids of the rows of jobs that are not among these, as JSON.
fn ids_but(rows: &[SqliteRow], jobs: &[JobRecord]) -> String {
    let known: HashSet<&str> = jobs.iter().map(|job| job.definition.id.as_str()).collect();
    let ids = rows.iter().filter_map(|row| row.try_get::<String, _>(0).ok());
    let ids: Vec<String> = ids.filter(|id| !known.contains(id.as_str())).collect();
    serde_json::Value::from(ids).to_string()
}

/// What was saved under a key.
pub(super) async fn meta(
    executor: impl sqlx::SqliteExecutor<'_>,
    key: &str,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(META).bind(key).fetch_optional(executor).await
}

async fn rows(
    connection: &mut SqliteConnection,
    sql: &'static str,
) -> sqlx::Result<Vec<SqliteRow>> {
    sqlx::query(sql).fetch_all(connection).await
}

fn job(row: &SqliteRow) -> Result<JobRecord, StoreError> {
    let id: String = column(row, 0, "jobs")?;
    let name = format!("jobs `{id}`");
    let source: String = column(row, 1, &name)?;
    let version = column(row, 2, &name)?;
    let state: String = column(row, 3, &name)?;
    let body: Option<String> = column(row, 4, &name)?;
    let versions = format!("job_versions `{id}` version {version}");
    let body = body.ok_or_else(|| corrupt(versions.clone(), "it is missing"))?;
    let definition: Job = parse(&body, &versions)?;
    if definition.id.as_str() != id {
        return Err(corrupt(versions, format!("it is that of `{}`", definition.id)));
    }
    Ok(JobRecord {
        definition: Arc::new(definition),
        source: serde_json::from_value(source.into())
            .map_err(|error| corrupt(name.clone(), error))?,
        version,
        state: Arc::new(parse(&state, &name)?),
    })
}

fn older_definition(row: &SqliteRow) -> Result<((JobId, u32), Arc<Job>), StoreError> {
    let id: String = column(row, 0, "job_versions")?;
    let version: u32 = column(row, 1, "job_versions")?;
    let name = format!("job_versions `{id}` version {version}");
    let definition: Job = parse(&column::<String>(row, 2, &name)?, &name)?;
    if definition.id.as_str() != id {
        return Err(corrupt(name, format!("it is that of `{}`", definition.id)));
    }
    Ok(((definition.id.clone(), version), Arc::new(definition)))
}

fn live_execution(
    row: &SqliteRow,
    definitions: &Definitions,
) -> Result<(Arc<Execution>, Arc<Job>), StoreError> {
    let name = || format!("executions {}", row.try_get::<String, _>(0).unwrap_or_default());
    let execution = query::read(row).map_err(|message| corrupt(name(), message))?;
    if execution.state.is_final() {
        return Err(corrupt(name(), "its body is final and its row is not"));
    }
    let key = (execution.job_id.clone(), execution.job_version);
    let Some(definition) = definitions.get(&key) else {
        let missing = format!("job_versions `{}` version {}", key.0, key.1);
        return Err(corrupt(missing, format!("it is missing, and {} runs it", name())));
    };
    Ok((Arc::new(execution), Arc::clone(definition)))
}

/// One that cannot be told any more is left out with a warning: it must not keep the engine from starting.
fn notice(row: &SqliteRow, definitions: &Definitions) -> Option<(Arc<Execution>, Arc<Job>)> {
    let read = query::read(row).and_then(|execution| {
        let definition = definitions.get(&(execution.job_id.clone(), execution.job_version));
        let definition = definition.ok_or("the definition that it ran is missing")?;
        Ok((Arc::new(execution), Arc::clone(definition)))
    });
    read.inspect_err(|message| {
        let id = row.try_get::<String, _>(0).unwrap_or_default();
        tracing::warn!(id, message, "the failure of an execution is not told");
    })
    .ok()
}

fn worker_orders(row: &SqliteRow) -> Result<WorkerOverrides, StoreError> {
    let id: String = column(row, 0, "workers")?;
    let name = format!("workers `{id}`");
    let orders: WorkerOverrides = parse(&column::<String>(row, 1, &name)?, &name)?;
    if orders.worker_id.as_str() != id {
        return Err(corrupt(name, format!("it is that of `{}`", orders.worker_id)));
    }
    Ok(orders)
}

fn recent_of_job(row: &SqliteRow) -> Result<Option<(JobId, Vec<Summary>)>, StoreError> {
    type Facts = (ExecutionId, StateName, i64, Option<i64>, Option<i64>);
    let id: String = column(row, 0, "jobs")?;
    let name = format!("executions of job `{id}`");
    let mut facts: Vec<Facts> = parse(&column::<String>(row, 1, &name)?, &name)?;
    facts.reverse();
    let instant = DateTime::from_timestamp_micros;
    let summary = |(id, state, fire_time, started_at, finished_at): Facts| {
        Some(Summary {
            id,
            state,
            fire_time: instant(fire_time)?,
            started_at: started_at.and_then(instant),
            finished_at: finished_at.and_then(instant),
        })
    };
    let summaries: Option<Vec<_>> = facts.into_iter().map(summary).collect();
    let summaries = summaries.ok_or_else(|| corrupt(name.clone(), "a fire time is no instant"))?;
    let job = JobId::new(&id).map_err(|error| corrupt(name, error))?;
    Ok((!summaries.is_empty()).then_some((job, summaries)))
}

fn retired_job(row: &SqliteRow) -> Result<(JobId, Retired), StoreError> {
    let id: String = column(row, 0, "job_versions")?;
    let version = column(row, 1, "job_versions")?;
    let newest: i64 = column(row, 2, "job_versions")?;
    let accounted_until = if newest == 0 { None } else { DateTime::from_timestamp_micros(newest) };
    let job = JobId::new(&id).map_err(|error| corrupt("job_versions".to_owned(), error))?;
    // Where it stood is good to know, and nothing depends on it.
    let state: Option<String> = column(row, 3, "jobs")?;
    let state = state.and_then(|state| serde_json::from_str(&state).ok()).map(Arc::new);
    let source: Option<String> = column(row, 4, "jobs")?;
    let source = source.and_then(|source| serde_json::from_value(source.into()).ok());
    Ok((job, Retired { version, accounted_until, source, state }))
}

/// Bodies of rows [key, body]; unreadable ones are left out with a warning.
fn bodies<T: DeserializeOwned>(table: &str, rows: &[SqliteRow]) -> Vec<T> {
    let readable = |row: &SqliteRow| {
        let body = row.try_get::<String, _>(1).map_err(|error| error.to_string());
        let read = body.and_then(|body| serde_json::from_str(&body).map_err(|e| e.to_string()));
        read.inspect_err(|message| {
            let key = row.try_get_unchecked::<i64, _>(0).unwrap_or_default();
            tracing::warn!(table, key, message, "a row in the store is unreadable and left out");
        })
        .ok()
    };
    rows.iter().filter_map(readable).collect()
}

/// Events after `seq`, oldest first.
pub(super) async fn events_after(
    readers: &SqlitePool,
    seq: u64,
    limit: u32,
) -> sqlx::Result<Vec<Event>> {
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let rows = sqlx::query(EVENTS_AFTER).bind(seq).bind(limit).fetch_all(readers).await?;
    Ok(bodies("events", &rows))
}

/// The newest events, newest first.
pub(super) async fn newest_events(readers: &SqlitePool, limit: u32) -> sqlx::Result<Vec<Event>> {
    Ok(bodies("events", &sqlx::query(NEWEST_EVENTS).bind(limit).fetch_all(readers).await?))
}

/// The ranges of a job, newest first.
pub(super) async fn ledger(
    readers: &SqlitePool,
    job: &JobId,
    before: Option<DateTime<Utc>>,
    limit: u32,
) -> sqlx::Result<Vec<LedgerRange>> {
    let before = before.map_or(i64::MAX, |at| at.timestamp_micros());
    let query = sqlx::query(LEDGER).bind(job.to_string()).bind(before).bind(limit);
    let rows = query.fetch_all(readers).await?;
    Ok(bodies("ledger", &rows))
}

/// What jobs have beyond an instant.
pub(super) async fn ahead(
    readers: &SqlitePool,
    after: DateTime<Utc>,
    jobs: &[JobId],
) -> sqlx::Result<Ahead> {
    let asked = serde_json::to_string(jobs).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let instant = after.timestamp_micros();
    let fired: Vec<(String, i64)> =
        sqlx::query_as(FIRED_AHEAD).bind(asked).bind(instant).fetch_all(readers).await?;
    let fired = fired.into_iter().filter_map(|(job, at)| {
        Some((JobId::new(&job).ok()?, DateTime::from_timestamp_micros(at)?))
    });
    let rows = sqlx::query(LEDGER_AHEAD).bind(instant).fetch_all(readers).await?;
    let (fired, ledger) = (fired.collect(), bodies("ledger", &rows));
    Ok(Ahead { after, jobs: jobs.to_vec(), fired, ledger })
}

/// The versions of a definition, newest first; unreadable ones are left out with a warning.
pub(super) async fn job_versions(
    readers: &SqlitePool,
    job: &JobId,
    before: Option<u32>,
    limit: u32,
) -> sqlx::Result<Vec<JobVersion>> {
    let before = before.unwrap_or(u32::MAX);
    let query = sqlx::query(VERSIONS).bind(job.to_string()).bind(before).bind(limit);
    let rows = query.fetch_all(readers).await?;
    let readable = |row: &SqliteRow| {
        past_version(row)
            .inspect_err(|error| tracing::warn!(%error, "a definition is unreadable and left out"))
            .ok()
    };
    Ok(rows.iter().filter_map(readable).collect())
}

fn past_version(row: &SqliteRow) -> Result<JobVersion, StoreError> {
    let ((job, version), definition) = older_definition(row)?;
    let name = format!("job_versions `{job}` version {version}");
    let at = DateTime::from_timestamp_micros(column(row, 3, &name)?);
    let at = at.ok_or_else(|| corrupt(name.clone(), "its time is no instant"))?;
    let by = Actor::named(&column::<String>(row, 4, &name)?);
    Ok(JobVersion { version, at, by, definition })
}

/// A version of a definition.
pub(super) async fn job_version(
    readers: &SqlitePool,
    place: &str,
    job: &JobId,
    version: u32,
) -> Result<Option<Arc<Job>>, StoreError> {
    let found =
        sqlx::query(VERSION).bind(job.to_string()).bind(version).fetch_optional(readers).await;
    let found = found.map_err(|error| failed(place, "reading a definition", &error))?;
    found.map(|row| older_definition(&row).map(|(_, definition)| definition)).transpose()
}
