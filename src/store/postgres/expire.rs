//! Deleting what has expired, a batch at a time.
//!
//! What is to go is found by readers, along indexes, so the writer is held only for the deletion itself: one short
//! transaction with the fence. That is safe since nothing comes to be kept again: no transition leaves a final state, and
//! a failure that is not its job's newest never becomes it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::super::{Expired, HistorySize, PruneBatch};
use super::lease::Fence;
use crate::model::ExecutionId;

/// Whether a final execution `e` may go at all: its `on_failure` has ended, and it is not its job's newest failure.
macro_rules! may_go {
    () => {
        "NOT EXISTS (SELECT 1 FROM notices AS n WHERE n.execution_id = e.id) \
         AND (e.state NOT IN ('failed', 'timed_out') OR EXISTS (SELECT 1 FROM executions AS f \
             WHERE f.job_id = e.job_id AND f.id > e.id AND f.state IN ('failed', 'timed_out')))"
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
    /// Those that ended before $1: among those created before it, oldest first.
    const TOO_OLD: &str = concat!(
        "SELECT e.id, e.body FROM executions AS e \
         WHERE e.created_at < $1 AND coalesce(e.finished_at, e.created_at) < $1 AND ",
        may_go!(),
        " ORDER BY e.created_at LIMIT $2"
    );
    /// Jobs after $2 that have more than $1 executions.
    const OVERFULL: &str = "SELECT job_id, count FROM execution_counts \
         WHERE job_id > $2 AND count > $1 ORDER BY job_id LIMIT $3";
    /// Of the $2 oldest executions of a job, live ones too, those that may go.
    const TOO_MANY: &str = concat!(
        "SELECT e.id, e.body FROM (SELECT id FROM ((SELECT id FROM live WHERE job_id = $1 ORDER BY id LIMIT $2) \
             UNION ALL (SELECT id FROM executions WHERE job_id = $1 ORDER BY id LIMIT $2)) AS all_of_it \
             ORDER BY id LIMIT $2) AS oldest JOIN executions AS e ON e.id = oldest.id WHERE ",
        may_go!(),
        " ORDER BY e.id LIMIT $3"
    );
    /// Those of the ids that may go.
    const REMOVABLE: &str = concat!("SELECT e.id FROM executions AS e WHERE e.id = ANY ($1) AND ", may_go!());
    /// How many executions there are; the oldest and the newest event.
    const SIZE: &str = "SELECT (SELECT sum(count)::bigint FROM execution_counts), \
         (SELECT min(seq) FROM events), (SELECT max(seq) FROM events)";
    /// The oldest events, each with whether it is beyond the $2 newest, and never the newest: the numbers go on from it.
    const OLDEST_EVENTS: &str = "SELECT seq, body, seq <= (SELECT max(seq) FROM events) - $2 FROM events \
         WHERE seq < (SELECT max(seq) FROM events) ORDER BY seq LIMIT $1";
    const OLDEST_RANGES: &str = "SELECT job_id, first FROM ledger WHERE last < $1 ORDER BY last LIMIT $2";
    /// Jobs that were removed before $1 and have no execution any more.
    const OLD_JOBS: &str = "SELECT j.id FROM jobs AS j WHERE j.removed_at > 0 AND j.removed_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM executions AS e WHERE e.job_id = j.id) \
         AND NOT EXISTS (SELECT 1 FROM live AS e WHERE e.job_id = j.id) ORDER BY j.removed_at LIMIT $2";

    const DELETE_JOBS: &str = "DELETE FROM jobs WHERE removed_at > 0 AND id = ANY ($1)";
    const DELETE_VERSIONS: &str = "DELETE FROM job_versions WHERE job_id = ANY ($1) \
         AND NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.id = job_versions.job_id)";
    const DELETE_COUNTS: &str = "DELETE FROM execution_counts WHERE job_id = ANY ($1) AND count = 0";
    /// With them go their claims and their place in the counts.
    const DELETE_EXECUTIONS: &str = "WITH deleted AS (DELETE FROM executions AS e WHERE e.id = ANY ($1) \
             AND NOT EXISTS (SELECT 1 FROM notices AS n WHERE n.execution_id = e.id) \
             RETURNING e.id, e.job_id, e.fire_time), \
         unclaimed AS (DELETE FROM fired AS f USING deleted AS d WHERE f.job_id = d.job_id \
             AND f.fire_time = d.fire_time AND f.execution = d.id) \
         UPDATE execution_counts AS kept SET count = kept.count - d.number \
         FROM (SELECT job_id, count(*) AS number FROM deleted GROUP BY job_id) AS d WHERE kept.job_id = d.job_id";
    const DELETE_EVENTS: &str = "DELETE FROM events WHERE seq = ANY ($1)";
    const DELETE_RANGES: &str = "DELETE FROM ledger AS l USING unnest($1::text[], $2::bigint[]) AS old(job_id, first) \
         WHERE l.job_id = old.job_id AND l.first = old.first";
    /// Those of the ids that are not kept.
    const MISSING: &str = "SELECT asked.id FROM unnest($1::uuid[]) AS asked(id) \
         WHERE NOT EXISTS (SELECT 1 FROM live AS e WHERE e.id = asked.id) \
         AND NOT EXISTS (SELECT 1 FROM executions AS e WHERE e.id = asked.id)";
}

/// What a batch takes.
#[derive(Debug, Default)]
pub(super) struct Found {
    executions: Vec<(Uuid, u32)>,
    events: Vec<i64>,
    ranges: (Vec<String>, Vec<i64>),
    jobs: Vec<String>,
    more: bool,
}

/// How many attempts an execution had; none where that cannot be read.
fn attempts((id, body): (Uuid, String)) -> (Uuid, u32) {
    #[derive(Deserialize)]
    struct Attempts {
        #[serde(default)]
        attempts: Vec<IgnoredAny>,
    }
    let read = serde_json::from_str::<Attempts>(&body).map_or(0, |it| it.attempts.len());
    (id, u32::try_from(read).unwrap_or(u32::MAX))
}

/// What has expired, at most so much as asked for. Jobs that have too many executions are looked at in turn.
pub(super) async fn find(
    readers: &PgPool,
    expired: &Expired,
    round: &mut Round,
) -> sqlx::Result<Found> {
    let before = expired.before.timestamp_micros();
    let most = expired.at_most.max(1);
    let rows = i64::from(most);
    let too_old = sqlx::query_as(TOO_OLD).bind(before).bind(rows).fetch_all(readers).await?;
    let mut executions: Vec<_> = too_old.into_iter().map(attempts).collect();
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
        sqlx::query_as(OLDEST_EVENTS).bind(rows).bind(bound).fetch_all(readers).await?;
    let events = old_events(&events, expired.before);
    let ranges: Vec<(String, i64)> =
        sqlx::query_as(OLDEST_RANGES).bind(before).bind(rows).fetch_all(readers).await?;
    let jobs: Vec<String> =
        sqlx::query_scalar(OLD_JOBS).bind(before).bind(rows).fetch_all(readers).await?;
    more |= [events.len(), ranges.len(), jobs.len()].contains(&(most as usize));
    Ok(Found { executions, events, ranges: ranges.into_iter().unzip(), jobs, more })
}

/// Executions beyond the newest of their jobs, and whether there may be more: true until a whole round has found none.
async fn too_many(
    readers: &PgPool,
    expired: &Expired,
    round: &mut Round,
) -> sqlx::Result<(Vec<(Uuid, u32)>, bool)> {
    let most = expired.at_most.max(1);
    let jobs: Vec<(String, i64)> = sqlx::query_as(OVERFULL)
        .bind(i64::from(expired.per_job))
        .bind(round.after.as_str())
        .bind(i64::from(JOBS))
        .fetch_all(readers)
        .await?;
    let mut found = Vec::new();
    let last_ones = jobs.len() < JOBS as usize;
    // A few of each job: those are of the same time and lie side by side.
    let share = most.div_ceil(u32::try_from(jobs.len()).unwrap_or(JOBS).max(1));
    for (job, count) in jobs {
        let surplus = count.saturating_sub(expired.per_job.into());
        // Of a job that has far too many, not all need to be looked at for one batch.
        let looked_at = surplus.min(4 * i64::from(most));
        let of_job: Vec<(Uuid, String)> = sqlx::query_as(TOO_MANY)
            .bind(&job)
            .bind(looked_at)
            .bind(i64::from(share))
            .fetch_all(readers)
            .await?;
        round.found |= !of_job.is_empty();
        found.extend(of_job.into_iter().map(attempts));
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
            && self.ranges.0.is_empty()
            && self.jobs.is_empty()
    }

    pub(super) fn into_batch(self) -> PruneBatch {
        let named = |(id, attempts)| (ExecutionId::from_uuid(id), attempts);
        PruneBatch { executions: self.executions.into_iter().map(named).collect(), more: self.more }
    }
}

/// Deletes it as the leader of an epoch: all, on disk when this returns, or nothing. False where the epoch is over.
pub(super) async fn delete(
    connection: &mut PgConnection,
    fence: Fence,
    found: &Found,
) -> sqlx::Result<bool> {
    let ids: Vec<Uuid> = found.executions.iter().map(|(id, _)| *id).collect();
    let mut transaction = connection.begin().await?;
    if !fence.holds(&mut transaction).await? {
        transaction.rollback().await?;
        return Ok(false);
    }
    for statement in [DELETE_JOBS, DELETE_VERSIONS, DELETE_COUNTS] {
        if !found.jobs.is_empty() {
            sqlx::query(statement).bind(&found.jobs).execute(&mut *transaction).await?;
        }
    }
    if !ids.is_empty() {
        sqlx::query(DELETE_EXECUTIONS).bind(ids).execute(&mut *transaction).await?;
    }
    if !found.events.is_empty() {
        sqlx::query(DELETE_EVENTS).bind(&found.events).execute(&mut *transaction).await?;
    }
    let (jobs, first) = &found.ranges;
    if !jobs.is_empty() {
        sqlx::query(DELETE_RANGES).bind(jobs).bind(first).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

/// Those of the executions that may go.
pub(super) async fn removable(
    readers: &PgPool,
    ids: &[ExecutionId],
) -> sqlx::Result<Vec<ExecutionId>> {
    named(readers, REMOVABLE, ids).await
}

/// How much history there is. Events have consecutive numbers, so the oldest and the newest say how many there are.
pub(super) async fn history_size(readers: &PgPool) -> sqlx::Result<HistorySize> {
    let (executions, oldest, newest): (Option<i64>, Option<i64>, Option<i64>) =
        sqlx::query_as(SIZE).fetch_one(readers).await?;
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    let events = oldest.zip(newest).map_or(0, |(oldest, newest)| newest - oldest + 1);
    Ok(HistorySize { executions: count(executions.unwrap_or_default()), events: count(events) })
}

/// Those of the executions that are not kept.
pub(super) async fn missing(
    readers: &PgPool,
    ids: &[ExecutionId],
) -> sqlx::Result<Vec<ExecutionId>> {
    named(readers, MISSING, ids).await
}

/// What a statement answers about a list of executions.
async fn named(
    readers: &PgPool,
    statement: &'static str,
    ids: &[ExecutionId],
) -> sqlx::Result<Vec<ExecutionId>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let found: Vec<Uuid> = sqlx::query_scalar(statement).bind(ids).fetch_all(readers).await?;
    Ok(found.into_iter().map(ExecutionId::from_uuid).collect())
}
