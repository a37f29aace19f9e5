//! Reading what is no history: all that an engine goes on with, events, the ledger, definitions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, PgPool, Row};

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
             greatest((SELECT max(fire_time) FROM fired AS f WHERE f.job_id = v.job_id), \
                 (SELECT last FROM ledger AS l WHERE l.job_id = v.job_id ORDER BY first DESC LIMIT 1)), \
             (SELECT state FROM jobs AS j WHERE j.id = v.job_id), \
             (SELECT source FROM jobs AS j WHERE j.id = v.job_id) FROM job_versions AS v WHERE ",
            $which,
            " GROUP BY v.job_id"
        )
    };
}

statements! {
    /// What is loaded is that of one instant.
    const ONE_INSTANT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    const JOBS: &str = "SELECT j.id, j.source, j.version, j.state, v.body FROM jobs AS j \
         LEFT JOIN job_versions AS v ON v.job_id = j.id AND v.version = j.version \
         WHERE j.removed_at = 0 ORDER BY j.id";
    const LIVE: &str = "SELECT id, body FROM live ORDER BY id";
    /// Executions whose `on_failure` has not ended. LIMIT in a LATERAL keeps the order of the tables: the few notices come
    /// first, whatever the server believes of their number.
    const NOTICES: &str = "SELECT e.id, e.body FROM notices AS n CROSS JOIN LATERAL (\
             SELECT id, body FROM live WHERE id = n.execution_id UNION ALL \
             SELECT id, body FROM executions WHERE id = n.execution_id LIMIT 1) AS e ORDER BY e.id";
    const OVERRIDES: &str = "SELECT id, body FROM worker_overrides ORDER BY id";
    /// Definitions of these executions that are not those in force.
    const OLDER: &str = "SELECT v.job_id, v.version, v.body FROM (\
             SELECT job_id, job_version FROM live UNION SELECT e.job_id, e.job_version FROM notices AS n \
             CROSS JOIN LATERAL (SELECT job_id, job_version FROM executions \
                 WHERE id = n.execution_id LIMIT 1) AS e) AS used \
         CROSS JOIN LATERAL (SELECT job_id, version, body FROM job_versions AS v WHERE v.job_id = used.job_id \
             AND v.version = used.job_version LIMIT 1) AS v \
         WHERE NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.id = v.job_id AND j.version = v.version \
             AND j.removed_at = 0)";
    /// Jobs that are no longer defined, each with its newest version and the newest fire time that has its fate.
    const RETIRED: &str =
        retired!("NOT EXISTS (SELECT 1 FROM jobs AS d WHERE d.id = v.job_id AND d.removed_at = 0)");
    /// The same of jobs that are defined and cannot be read.
    const UNREADABLE_JOBS: &str = retired!("v.job_id = ANY ($1)");
    /// Of each job, defined or removed, its newest final executions, oldest first.
    const RECENT_OF_EACH: &str = "SELECT j.id, e.id, e.state, e.fire_time, e.started_at, e.finished_at \
         FROM jobs AS j CROSS JOIN LATERAL (SELECT id, state, fire_time, started_at, finished_at \
             FROM executions AS e WHERE e.job_id = j.id ORDER BY e.id DESC LIMIT $1) AS e ORDER BY j.id, e.id";
    const LAST_SEQ: &str = "SELECT max(seq) FROM events";
    const META: &str = "SELECT value FROM meta WHERE key = $1";
    const EVENTS_AFTER: &str = "SELECT seq, body FROM events WHERE seq > $1 ORDER BY seq LIMIT $2";
    const NEWEST_EVENTS: &str = "SELECT seq, body FROM events ORDER BY seq DESC LIMIT $1";
    const LEDGER: &str = "SELECT first, body FROM ledger WHERE job_id = $1 AND first < $2 \
         ORDER BY first DESC LIMIT $3";
    /// Fire times of these jobs after an instant that have an execution.
    const FIRED_AHEAD: &str =
        "SELECT job_id, fire_time FROM fired WHERE job_id = ANY ($1) AND fire_time > $2";
    const LEDGER_AHEAD: &str = "SELECT first, body FROM ledger WHERE last > $1";
    const VERSIONS: &str = "SELECT job_id, version, body, at, by FROM job_versions \
         WHERE job_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3";
    const VERSION: &str = "SELECT job_id, version, body FROM job_versions WHERE job_id = $1 AND version = $2";
}

type Definitions = HashMap<(JobId, u32), Arc<Job>>;

fn corrupt(place: String, message: impl ToString) -> StoreError {
    StoreError::Corrupt { place, message: message.to_string() }
}

/// A column of a row that was named; what cannot be read is said with that name.
fn column<'r, T>(row: &'r PgRow, index: usize, name: &str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(index).map_err(|error| corrupt(name.to_owned(), error))
}

fn number(row: &PgRow, index: usize, name: &str) -> Result<u32, StoreError> {
    let number: i64 = column(row, index, name)?;
    u32::try_from(number).map_err(|error| corrupt(name.to_owned(), error))
}

fn parse<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(name.to_owned(), error))
}

/// The rows that are loaded, as of one instant.
struct Rows {
    jobs: Vec<PgRow>,
    older: Vec<PgRow>,
    live: Vec<PgRow>,
    notices: Vec<PgRow>,
    overrides: Vec<PgRow>,
    recent: Vec<PgRow>,
    retired: Vec<PgRow>,
    last_seq: Option<i64>,
    boot_id: Option<String>,
}

impl Rows {
    async fn read(connection: &mut PgConnection) -> sqlx::Result<Self> {
        let recent = i64::try_from(RECENT).unwrap_or(i64::MAX);
        Ok(Self {
            jobs: rows(connection, JOBS).await?,
            older: rows(connection, OLDER).await?,
            live: rows(connection, LIVE).await?,
            notices: rows(connection, NOTICES).await?,
            overrides: rows(connection, OVERRIDES).await?,
            recent: sqlx::query(RECENT_OF_EACH).bind(recent).fetch_all(&mut *connection).await?,
            retired: rows(connection, RETIRED).await?,
            last_seq: sqlx::query_scalar(LAST_SEQ).fetch_one(&mut *connection).await?,
            boot_id: meta(connection, BOOT_ID).await?,
        })
    }
}

/// All that an engine needs to go on, as of one instant.
pub(super) async fn load(readers: &PgPool, place: &str) -> Result<Image, StoreError> {
    let broken = |error: sqlx::Error| failed(place, "loading", &error);
    let mut connection = readers.acquire().await.map_err(broken)?;
    let mut transaction = connection.begin_with(ONE_INSTANT).await.map_err(broken)?;
    let mut found = Rows::read(&mut transaction).await.map_err(broken)?;
    let mut unreadable = Vec::new();
    let jobs = readable(&found.jobs, job, &mut unreadable);
    if jobs.len() < found.jobs.len() {
        let lost = sqlx::query(UNREADABLE_JOBS).bind(ids_but(&found.jobs, &jobs));
        found.retired.extend(lost.fetch_all(&mut *transaction).await.map_err(broken)?);
    }
    transaction.rollback().await.map_err(broken)?;
    let mut definitions: Definitions = jobs
        .iter()
        .map(|job| ((job.definition.id.clone(), job.version), Arc::clone(&job.definition)))
        .collect();
    definitions.extend(readable(&found.older, older_definition, &mut unreadable));
    let with_definition = |row: &PgRow| live_execution(row, &definitions);
    Ok(Image {
        workers: readable(&found.overrides, worker_overrides, &mut unreadable),
        notices: found.notices.iter().filter_map(|row| notice(row, &definitions)).collect(),
        jobs,
        live: readable(&found.live, with_definition, &mut unreadable),
        recent: recent(&found.recent, &mut unreadable),
        last_seq: found.last_seq.and_then(|seq| u64::try_from(seq).ok()).unwrap_or_default(),
        boot_id: found.boot_id,
        retired: readable(&found.retired, retired_job, &mut unreadable).into_iter().collect(),
        unreadable,
    })
}

/// What can be read of some rows; the others are named.
fn readable<T>(
    rows: &[PgRow],
    read: impl Fn(&PgRow) -> Result<T, StoreError>,
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

/// The ids of the rows of jobs that are not among these.
fn ids_but(rows: &[PgRow], jobs: &[JobRecord]) -> Vec<String> {
    let known: HashSet<&str> = jobs.iter().map(|job| job.definition.id.as_str()).collect();
    let ids = rows.iter().filter_map(|row| row.try_get::<String, _>(0).ok());
    ids.filter(|id| !known.contains(id.as_str())).collect()
}

/// What was saved under a key.
pub(super) async fn meta(
    executor: impl sqlx::PgExecutor<'_>,
    key: &str,
) -> sqlx::Result<Option<String>> {
    let value: Option<String> = sqlx::query_scalar(META).bind(key).fetch_optional(executor).await?;
    let text = |value: String| serde_json::from_str(&value);
    value.map(text).transpose().map_err(|error| sqlx::Error::Decode(error.into()))
}

async fn rows(connection: &mut PgConnection, sql: &'static str) -> sqlx::Result<Vec<PgRow>> {
    sqlx::query(sql).fetch_all(connection).await
}

fn job(row: &PgRow) -> Result<JobRecord, StoreError> {
    let id: String = column(row, 0, "jobs")?;
    let name = format!("jobs `{id}`");
    let source: String = column(row, 1, &name)?;
    let version = number(row, 2, &name)?;
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

fn older_definition(row: &PgRow) -> Result<((JobId, u32), Arc<Job>), StoreError> {
    let id: String = column(row, 0, "job_versions")?;
    let version = number(row, 1, "job_versions")?;
    let name = format!("job_versions `{id}` version {version}");
    let definition: Job = parse(&column::<String>(row, 2, &name)?, &name)?;
    if definition.id.as_str() != id {
        return Err(corrupt(name, format!("it is that of `{}`", definition.id)));
    }
    Ok(((definition.id.clone(), version), Arc::new(definition)))
}

fn live_execution(
    row: &PgRow,
    definitions: &Definitions,
) -> Result<(Arc<Execution>, Arc<Job>), StoreError> {
    let name = || format!("live {}", query::id_of(row));
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
fn notice(row: &PgRow, definitions: &Definitions) -> Option<(Arc<Execution>, Arc<Job>)> {
    let read = query::read(row).and_then(|execution| {
        let definition = definitions.get(&(execution.job_id.clone(), execution.job_version));
        let definition = definition.ok_or("the definition that it ran is missing")?;
        Ok((Arc::new(execution), Arc::clone(definition)))
    });
    read.inspect_err(|message| {
        let id = query::id_of(row);
        tracing::warn!(id, message, "the on_failure of an execution is not run");
    })
    .ok()
}

fn worker_overrides(row: &PgRow) -> Result<WorkerOverrides, StoreError> {
    let id: String = column(row, 0, "worker_overrides")?;
    let name = format!("worker_overrides `{id}`");
    let overrides: WorkerOverrides = parse(&column::<String>(row, 1, &name)?, &name)?;
    if overrides.worker_id.as_str() != id {
        return Err(corrupt(name, format!("it is that of `{}`", overrides.worker_id)));
    }
    Ok(overrides)
}

/// The rows of each job together.
fn recent(rows: &[PgRow], unreadable: &mut Vec<String>) -> Vec<(JobId, Vec<Summary>)> {
    let mut of_jobs: BTreeMap<JobId, Vec<Summary>> = BTreeMap::new();
    for (job, summary) in readable(rows, recent_execution, unreadable) {
        of_jobs.entry(job).or_default().push(summary);
    }
    of_jobs.into_iter().collect()
}

fn recent_execution(row: &PgRow) -> Result<(JobId, Summary), StoreError> {
    let id: String = column(row, 0, "jobs")?;
    let name = format!("executions of job `{id}`");
    let state: String = column(row, 2, &name)?;
    let instant = DateTime::from_timestamp_micros;
    let time =
        |index| Ok::<_, StoreError>(column::<Option<i64>>(row, index, &name)?.and_then(instant));
    let summary = Summary {
        id: ExecutionId::from_uuid(column(row, 1, &name)?),
        state: StateName::parse(&state)
            .ok_or_else(|| corrupt(name.clone(), format!("`{state}` is no state")))?,
        fire_time: instant(column(row, 3, &name)?)
            .ok_or_else(|| corrupt(name.clone(), "a fire time is no instant"))?,
        started_at: time(4)?,
        finished_at: time(5)?,
    };
    Ok((JobId::new(&id).map_err(|error| corrupt(name, error))?, summary))
}

fn retired_job(row: &PgRow) -> Result<(JobId, Retired), StoreError> {
    let id: String = column(row, 0, "job_versions")?;
    let version = number(row, 1, "job_versions")?;
    let newest: Option<i64> = column(row, 2, "job_versions")?;
    let accounted_until = newest.and_then(DateTime::from_timestamp_micros);
    let job = JobId::new(&id).map_err(|error| corrupt("job_versions".to_owned(), error))?;
    // Where it stood is good to know, and nothing depends on it.
    let state: Option<String> = column(row, 3, "jobs")?;
    let state = state.and_then(|state| serde_json::from_str(&state).ok()).map(Arc::new);
    let source: Option<String> = column(row, 4, "jobs")?;
    let source = source.and_then(|source| serde_json::from_value(source.into()).ok());
    Ok((job, Retired { version, accounted_until, source, state }))
}

/// Bodies of rows [key, body]; unreadable ones are left out with a warning.
fn bodies<T: DeserializeOwned>(table: &str, rows: &[PgRow]) -> Vec<T> {
    let readable = |row: &PgRow| {
        let body = row.try_get::<&str, _>(1).map_err(|error| error.to_string());
        let read = body.and_then(|body| serde_json::from_str(body).map_err(|e| e.to_string()));
        read.inspect_err(|message| {
            let key = row.try_get::<i64, _>(0).unwrap_or_default();
            tracing::warn!(table, key, message, "a row in the store is unreadable and left out");
        })
        .ok()
    };
    rows.iter().filter_map(readable).collect()
}

/// Events after `seq`, oldest first.
pub(super) async fn events_after(
    readers: &PgPool,
    seq: u64,
    limit: u32,
) -> sqlx::Result<Vec<Event>> {
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let rows = sqlx::query(EVENTS_AFTER).bind(seq).bind(i64::from(limit));
    Ok(bodies("events", &rows.fetch_all(readers).await?))
}

/// The newest events, newest first.
pub(super) async fn newest_events(readers: &PgPool, limit: u32) -> sqlx::Result<Vec<Event>> {
    let rows = sqlx::query(NEWEST_EVENTS).bind(i64::from(limit)).fetch_all(readers).await?;
    Ok(bodies("events", &rows))
}

/// The ranges of a job, newest first.
pub(super) async fn ledger(
    readers: &PgPool,
    job: &JobId,
    before: Option<DateTime<Utc>>,
    limit: u32,
) -> sqlx::Result<Vec<LedgerRange>> {
    let before = before.map_or(i64::MAX, |at| at.timestamp_micros());
    let query = sqlx::query(LEDGER).bind(job.to_string()).bind(before).bind(i64::from(limit));
    Ok(bodies("ledger", &query.fetch_all(readers).await?))
}

/// What jobs have beyond an instant.
pub(super) async fn ahead(
    readers: &PgPool,
    after: DateTime<Utc>,
    jobs: &[JobId],
) -> sqlx::Result<Ahead> {
    let asked: Vec<&str> = jobs.iter().map(JobId::as_str).collect();
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
    readers: &PgPool,
    job: &JobId,
    before: Option<u32>,
    limit: u32,
) -> sqlx::Result<Vec<JobVersion>> {
    let before = i64::from(before.unwrap_or(u32::MAX));
    let query = sqlx::query(VERSIONS).bind(job.to_string()).bind(before).bind(i64::from(limit));
    let rows = query.fetch_all(readers).await?;
    let readable = |row: &PgRow| {
        past_version(row)
            .inspect_err(|error| tracing::warn!(%error, "a definition is unreadable and left out"))
            .ok()
    };
    Ok(rows.iter().filter_map(readable).collect())
}

fn past_version(row: &PgRow) -> Result<JobVersion, StoreError> {
    let ((job, version), definition) = older_definition(row)?;
    let name = format!("job_versions `{job}` version {version}");
    let at = DateTime::from_timestamp_micros(column(row, 3, &name)?);
    let at = at.ok_or_else(|| corrupt(name.clone(), "its time is no instant"))?;
    let by = Actor::named(&column::<String>(row, 4, &name)?);
    Ok(JobVersion { version, at, by, definition })
}

/// A version of a definition.
pub(super) async fn job_version(
    readers: &PgPool,
    place: &str,
    job: &JobId,
    version: u32,
) -> Result<Option<Arc<Job>>, StoreError> {
    let query = sqlx::query(VERSION).bind(job.to_string()).bind(i64::from(version));
    let found = query.fetch_optional(readers).await;
    let found = found.map_err(|error| failed(place, "reading a definition", &error))?;
    found.map(|row| older_definition(&row).map(|(_, definition)| definition)).transpose()
}
