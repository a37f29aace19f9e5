//! Deleting what has expired, a batch at a time.
//!
//! What is to go is found by readers, along indexes, so the writer is held only for the deletion itself: one short
//! transaction. That is safe since nothing comes to be kept again: no transition leaves a final state, and a failure that
//! is not its job's newest never becomes it. The file never shrinks by itself: freed pages are used again, so it stays at
//! the most that retention ever kept. (Measured on 100,000 executions: with `auto_vacuum = INCREMENTAL` a commit takes 5 %
//! more CPU, and giving back 200 pages 2-3 ms with the writer held. That could be borne, but it can be had only by
//! rewriting every file there is, with the writer held for seconds, and what is given back is taken again by the next
//! days' history. `VACUUM` on the file of a stopped engine gives all of it back.)

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::{Connection, SqliteConnection, SqlitePool};

use super::super::{Expired, HistorySize, PruneBatch};
use crate::model::ExecutionId;

/// Whether an execution `e` may go at all: it is final, its `on_failure` has ended, and it is not its job's newest failure.
macro_rules! may_go {
    () => {
        "e.state IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'skipped') \
         AND NOT EXISTS (SELECT 1 FROM notices AS n WHERE n.execution_id = e.id) \
         AND (e.state NOT IN ('failed', 'timed_out') OR EXISTS (SELECT 1 FROM executions AS f \
             INDEXED BY executions_failed WHERE f.job_id = e.job_id AND f.id > e.id \
             AND f.state IN ('failed', 'timed_out')))"
    };
}

/// How many attempts the execution `found` had; none where that cannot be read.
macro_rules! with_attempts {
    ($found:expr) => {
        concat!(
            "SELECT found.id, coalesce(CASE WHEN json_valid(b.body) \
             THEN json_array_length(b.body, '$.attempts') END, 0) FROM (",
            $found,
            ") AS found LEFT JOIN execution_bodies AS b ON b.id = found.id"
        )
    };
}

/// So many jobs that have too many executions are looked at for one batch.
const JOBS: u32 = 200;

/// A look at all jobs that have too many executions, some at a time.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The job at which the last batch stopped.
    after: String,
    /// Whether a batch of this round has taken anything: then it may have left some of the same jobs.
    found: bool,
}

statements! {
    /// Those that ended before ?1: among those created before it, oldest first.
    pub(super) const TOO_OLD: &str = with_attempts!(concat!(
        "SELECT e.id FROM executions AS e INDEXED BY executions_by_creation \
         WHERE e.created_at < ?1 AND coalesce(e.finished_at, e.created_at) < ?1 AND ",
        may_go!(),
        " ORDER BY e.created_at LIMIT ?2"
    ));

    /// Jobs after ?2 that have more than ?1 executions.
    pub(super) const OVERFULL: &str = "SELECT job_id, count FROM execution_counts \
         WHERE job_id > ?2 AND count > ?1 ORDER BY job_id LIMIT ?3";

    /// Of the ?2 oldest executions of a job those that may go.
    pub(super) const TOO_MANY: &str = with_attempts!(concat!(
        "SELECT e.id FROM (SELECT id, job_id, state FROM executions INDEXED BY executions_by_job \
             WHERE job_id = ?1 ORDER BY id LIMIT ?2) AS e WHERE ",
        may_go!(),
        " LIMIT ?3"
    ));

    /// Those of the ids that may go.
    const REMOVABLE: &str = concat!(
        "SELECT e.id FROM json_each(?1) AS asked CROSS JOIN executions AS e ON e.id = asked.value WHERE ",
        may_go!()
    );

    /// How many executions there are; the oldest and the newest event.
    const SIZE: &str = "SELECT (SELECT sum(count) FROM execution_counts), \
         (SELECT min(seq) FROM events), (SELECT max(seq) FROM events)";

    /// The oldest events, each with whether it is beyond the ?2 newest, and never the newest: the numbers go on from it.
    const OLDEST_EVENTS: &str = "SELECT seq, body, seq <= (SELECT max(seq) FROM events) - ?2 FROM events \
         WHERE seq < (SELECT max(seq) FROM events) ORDER BY seq LIMIT ?1";

    pub(super) const OLDEST_RANGES: &str =
        "SELECT job_id, first FROM ledger INDEXED BY ledger_by_end WHERE last < ?1 LIMIT ?2";

    /// Jobs that went before ?1 and have no execution any more.
    pub(super) const OLD_JOBS: &str = "SELECT j.id FROM jobs AS j INDEXED BY jobs_gone \
         WHERE j.gone > 0 AND j.gone < ?1 AND NOT EXISTS (SELECT 1 FROM executions AS e \
             INDEXED BY executions_by_job WHERE e.job_id = j.id) ORDER BY j.gone LIMIT ?2";

    const DELETE_JOBS: &str = "DELETE FROM jobs WHERE gone > 0 \
         AND id IN (SELECT value FROM json_each(?1))";
    const DELETE_VERSIONS: &str = "DELETE FROM job_versions \
         WHERE job_id IN (SELECT value FROM json_each(?1)) \
         AND NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.id = job_versions.job_id)";
    const DELETE_COUNTS: &str = "DELETE FROM execution_counts \
         WHERE job_id IN (SELECT value FROM json_each(?1)) AND count = 0";
    const DELETE_EXECUTIONS: &str = "DELETE FROM executions AS e \
         WHERE e.id IN (SELECT value FROM json_each(?1)) \
         AND NOT EXISTS (SELECT 1 FROM notices AS n WHERE n.execution_id = e.id)";
    const DELETE_BODIES: &str = "DELETE FROM execution_bodies \
         WHERE id IN (SELECT value FROM json_each(?1)) \
         AND NOT EXISTS (SELECT 1 FROM executions AS e WHERE e.id = execution_bodies.id)";
    const DELETE_EVENTS: &str = "DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?1))";
    const DELETE_RANGES: &str = "DELETE FROM ledger WHERE (job_id, first) IN \
         (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

    /// Those of the ids that are not kept.
    const MISSING: &str = "SELECT value FROM json_each(?1) \
         WHERE NOT EXISTS (SELECT 1 FROM executions AS e WHERE e.id = value)";
}

/// What a batch takes.
#[derive(Debug, Default)]
pub(super) struct Found {
    executions: Vec<(String, u32)>,
    events: Vec<i64>,
    ranges: Vec<(String, i64)>,
    jobs: Vec<String>,
    more: bool,
}

/// What has expired, at most so much as asked for. Jobs that have too many executions are looked at in turn.
pub(super) async fn find(
    readers: &SqlitePool,
    expired: &Expired,
    round: &mut Round,
) -> sqlx::Result<Found> {
    let before = expired.before.timestamp_micros();
    let most = expired.at_most.max(1);
    let mut executions: Vec<(String, u32)> =
        sqlx::query_as(TOO_OLD).bind(before).bind(most).fetch_all(readers).await?;
    let mut more = executions.len() == most as usize;
    if !more {
        let (too_many, jobs_left) = too_many(readers, expired, round).await?;
        more = jobs_left;
        executions.extend(too_many);
        executions.sort_unstable();
        executions.dedup();
        more |= executions.len() >= most as usize;
        executions.truncate(most as usize);
    }
    let bound = i64::try_from(expired.events).unwrap_or(i64::MAX);
    let events: Vec<(i64, String, bool)> =
        sqlx::query_as(OLDEST_EVENTS).bind(most).bind(bound).fetch_all(readers).await?;
    let events = old_events(&events, expired.before);
    let ranges: Vec<(String, i64)> =
        sqlx::query_as(OLDEST_RANGES).bind(before).bind(most).fetch_all(readers).await?;
    let jobs: Vec<String> =
        sqlx::query_scalar(OLD_JOBS).bind(before).bind(most).fetch_all(readers).await?;
    more |= [events.len(), ranges.len(), jobs.len()].contains(&(most as usize));
    Ok(Found { executions, events, ranges, jobs, more })
}

/// Executions beyond the newest of their jobs, and whether there may be more: true until a whole round has found none.
async fn too_many(
    readers: &SqlitePool,
    expired: &Expired,
    round: &mut Round,
) -> sqlx::Result<(Vec<(String, u32)>, bool)> {
    let most = expired.at_most.max(1);
    let jobs: Vec<(String, i64)> = sqlx::query_as(OVERFULL)
        .bind(expired.per_job)
        .bind(round.after.as_str())
        .bind(JOBS)
        .fetch_all(readers)
        .await?;
    let mut found = Vec::new();
    let last_ones = jobs.len() < JOBS as usize;
    // A few of each job: those are of the same time and lie side by side, so fewer pages are written than for many of one.
    let share = most.div_ceil(u32::try_from(jobs.len()).unwrap_or(JOBS).max(1));
    for (job, count) in jobs {
        let surplus = count.saturating_sub(expired.per_job.into());
        // Of a job that has far too many, not all need to be looked at for one batch.
        let looked_at = surplus.min(4 * i64::from(most));
        let of_job: Vec<(String, u32)> = sqlx::query_as(TOO_MANY)
            .bind(&job)
            .bind(looked_at)
            .bind(share)
            .fetch_all(readers)
            .await?;
        round.found |= !of_job.is_empty();
        found.extend(of_job);
        if found.len() >= most as usize {
            // It may have more of them: the next batch begins with it.
            return Ok((found, true));
        }
        round.after = job;
    }
    let more = if last_ones { std::mem::take(round).found } else { true };
    Ok((found, more))
}

/// Those of the events that are beyond the bound or came before an instant; unreadable ones go with a later one that did.
fn old_events(events: &[(i64, String, bool)], before: DateTime<Utc>) -> Vec<i64> {
    #[derive(Deserialize)]
    struct Time {
        at: DateTime<Utc>,
    }
    let at = |body: &str| serde_json::from_str::<Time>(body).ok().map(|time| time.at);
    let mut old = Vec::new();
    let mut unreadable = Vec::new();
    for (seq, body, beyond) in events {
        match at(body) {
            None if !beyond => unreadable.push(*seq),
            at if *beyond || at.is_some_and(|at| at < before) => {
                old.append(&mut unreadable);
                old.push(*seq);
            }
            _ => {}
        }
    }
    old
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        self.executions.is_empty()
            && self.events.is_empty()
            && self.ranges.is_empty()
            && self.jobs.is_empty()
    }

    pub(super) fn into_batch(self) -> PruneBatch {
        let readable = |(id, attempts): (String, u32)| Some((id.parse().ok()?, attempts));
        let executions = self.executions.into_iter().filter_map(readable).collect();
        PruneBatch { executions, more: self.more }
    }
}

/// Deletes it: all, on disk when this returns, or nothing.
pub(super) async fn delete(connection: &mut SqliteConnection, found: &Found) -> sqlx::Result<()> {
    let json = |rows: serde_json::Result<String>| rows.map_err(|e| sqlx::Error::Encode(e.into()));
    let ids: Vec<&str> = found.executions.iter().map(|(id, _)| id.as_str()).collect();
    let ids = json(serde_json::to_string(&ids))?;
    let jobs = json(serde_json::to_string(&found.jobs))?;
    let no_jobs = found.jobs.is_empty();
    let statements = [
        (DELETE_JOBS, jobs.clone(), no_jobs),
        (DELETE_VERSIONS, jobs.clone(), no_jobs),
        (DELETE_COUNTS, jobs, no_jobs),
        (DELETE_EXECUTIONS, ids.clone(), found.executions.is_empty()),
        (DELETE_BODIES, ids, found.executions.is_empty()),
        (DELETE_EVENTS, json(serde_json::to_string(&found.events))?, found.events.is_empty()),
        (DELETE_RANGES, json(serde_json::to_string(&found.ranges))?, found.ranges.is_empty()),
    ];
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for (statement, rows, _) in statements.into_iter().filter(|(.., nothing)| !nothing) {
        sqlx::query(statement).bind(rows).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// Those of the executions that may go.
pub(super) async fn removable(
    readers: &SqlitePool,
    ids: &[ExecutionId],
) -> sqlx::Result<Vec<ExecutionId>> {
    named(readers, REMOVABLE, ids).await
}

/// How much history there is. Events have consecutive numbers, so the oldest and the newest say how many there are.
pub(super) async fn history_size(readers: &SqlitePool) -> sqlx::Result<HistorySize> {
    let (executions, oldest, newest): (Option<i64>, Option<i64>, Option<i64>) =
        sqlx::query_as(SIZE).fetch_one(readers).await?;
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    let events = oldest.zip(newest).map_or(0, |(oldest, newest)| newest - oldest + 1);
    Ok(HistorySize { executions: count(executions.unwrap_or_default()), events: count(events) })
}

/// Those of the executions that are not kept.
pub(super) async fn missing(
    readers: &SqlitePool,
    ids: &[ExecutionId],
) -> sqlx::Result<Vec<ExecutionId>> {
    named(readers, MISSING, ids).await
}

/// What a statement answers about a list of executions.
async fn named(
    readers: &SqlitePool,
    statement: &'static str,
    ids: &[ExecutionId],
) -> sqlx::Result<Vec<ExecutionId>> {
    let ids = serde_json::to_string(ids).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let found: Vec<String> = sqlx::query_scalar(statement).bind(ids).fetch_all(readers).await?;
    Ok(found.iter().filter_map(|id| id.parse().ok()).collect())
}
