//! Finding executions: pages of the history, parts of ids, counts.
//!
//! Every page is a walk along one index in the order of ids, newest first, that ends with the last
//! row of the page. The index is named in the statement, since a plan that sorts is right but too
//! slow once.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqlitePool};

use super::super::search::{IdPart, MOST_NAMED, Search, highest_id, lowest_id};
use crate::model::{Execution, ExecutionId, Page, StateName};

statements! {
    const COUNTS: &str = "SELECT state, count(*) FROM executions INDEXED BY executions_by_creation \
         WHERE created_at >= ?1 GROUP BY state";
}

/// A page of executions.
pub(super) async fn page(
    readers: &SqlitePool,
    search: &Search<'_>,
) -> sqlx::Result<Page<Arc<Execution>>> {
    let mut rows = statement("", search).build().fetch_all(readers).await?;
    let limit = search.limit as usize;
    let more = rows.len() > limit;
    // Rows come in the order of the walk, which says which of them is one too many.
    sort(&mut rows, search.goes_up());
    rows.truncate(limit);
    sort(&mut rows, false);
    Ok(Page { items: rows.iter().filter_map(execution).collect(), more })
}

fn sort(rows: &mut [SqliteRow], goes_up: bool) {
    rows.sort_by_cached_key(|row| row.try_get::<String, _>(0).unwrap_or_default());
    if !goes_up {
        rows.reverse();
    }
}

/// The statement that finds a page, and one row more: a walk for each state where states are asked
/// for but no job.
pub(super) fn statement(prefix: &str, search: &Search<'_>) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new(prefix);
    sql.push("SELECT found.id, b.body FROM (");
    let mut states = search.query.states.clone();
    states.sort_unstable();
    states.dedup();
    if search.query.job.is_some() || states.is_empty() {
        walk(&mut sql, search, &states);
    } else {
        let order = if search.goes_up() { "ASC" } else { "DESC" };
        for (number, state) in states.iter().enumerate() {
            sql.push(if number == 0 { "SELECT id FROM (" } else { ") UNION ALL SELECT id FROM (" });
            walk(&mut sql, search, std::slice::from_ref(state));
        }
        sql.push(format_args!(") ORDER BY id {order} LIMIT {}", search.limit + 1));
    }
    sql.push(") AS found LEFT JOIN execution_bodies AS b ON b.id = found.id");
    sql
}

/// One walk along one index.
fn walk(sql: &mut QueryBuilder<Sqlite>, search: &Search<'_>, states: &[StateName]) {
    let query = search.query;
    sql.push("SELECT e.id FROM executions AS e ");
    match (&query.job, states) {
        (Some(job), _) => {
            sql.push("INDEXED BY executions_by_job WHERE e.job_id = ").push_bind(job.to_string());
        }
        (None, [state]) => {
            sql.push("INDEXED BY executions_by_state WHERE e.state = ").push_bind(state.as_str());
        }
        _ => {
            sql.push("NOT INDEXED WHERE true");
        }
    }
    if query.job.is_some() && !states.is_empty() {
        let mut list = sql.push(" AND e.state IN (").separated(", ");
        for state in states {
            list.push_bind(state.as_str());
        }
        sql.push(")");
    }
    conditions(sql, search);
    let order = if search.goes_up() { "ASC" } else { "DESC" };
    sql.push(format_args!(" ORDER BY e.id {order} LIMIT {}", search.limit + 1));
}

/// What is judged row by row, and the bounds of the walk.
fn conditions(sql: &mut QueryBuilder<Sqlite>, search: &Search<'_>) {
    let query = search.query;
    if let Some(trigger) = query.trigger {
        sql.push(" AND e.trigger = ").push_bind(trigger.as_str());
    }
    if let Some(worker) = &query.worker {
        sql.push(" AND e.worker_id = ").push_bind(worker.to_string());
    }
    if let Some(since) = query.since {
        sql.push(" AND e.id >= ").push_bind(lowest_id(since));
        sql.push(" AND e.created_at >= ").push_bind(since.timestamp_micros());
    }
    if let Some(until) = query.until {
        sql.push(" AND e.id < ").push_bind(highest_id(until));
        sql.push(" AND e.created_at < ").push_bind(until.timestamp_micros());
    }
    if let Some(before) = query.before {
        sql.push(" AND e.id < ").push_bind(before.to_string());
    }
    if let Some(after) = query.after {
        sql.push(" AND e.id > ").push_bind(after.to_string());
    }
    for (words, wanted) in [(&search.words, "AND"), (&search.without, "AND NOT")] {
        for word in words {
            sql.push(format_args!(" {wanted} (instr(e.job_id, ")).push_bind(word.clone());
            sql.push(") OR instr(e.said, ").push_bind(word.clone()).push("))");
        }
    }
}

/// The executions whose id begins or ends with `part`.
pub(super) async fn named(
    readers: &SqlitePool,
    part: &IdPart,
) -> sqlx::Result<Vec<Arc<Execution>>> {
    let mut sql = named_statement("", part);
    let mut rows = sql.build().fetch_all(readers).await?;
    sort(&mut rows, false);
    Ok(rows.iter().filter_map(execution).collect())
}

pub(super) fn named_statement(prefix: &str, part: &IdPart) -> QueryBuilder<Sqlite> {
    let digits = part.as_str();
    let tails = part.tails();
    let mut sql = QueryBuilder::new(prefix);
    sql.push("SELECT found.id, b.body FROM (");
    sql.push("SELECT id FROM (SELECT id FROM executions NOT INDEXED WHERE id >= ");
    sql.push_bind(digits.to_owned()).push(" AND id < ").push_bind(format!("{digits}g"));
    sql.push(format_args!(" ORDER BY id DESC LIMIT {MOST_NAMED})"));
    sql.push(" UNION SELECT id FROM (SELECT id FROM executions INDEXED BY executions_by_tail ");
    sql.push("WHERE tail >= ").push_bind(tails.start).push(" AND tail < ").push_bind(tails.end);
    sql.push(format_args!(" AND substr(id, -{}) = ", digits.len())).push_bind(digits.to_owned());
    sql.push(format_args!(" LIMIT {MOST_NAMED}) LIMIT {MOST_NAMED}"));
    sql.push(") AS found LEFT JOIN execution_bodies AS b ON b.id = found.id");
    sql
}

/// How many executions created at or after `since` are in each state.
pub(super) async fn counts(
    readers: &SqlitePool,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<(StateName, u64)>> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as(COUNTS).bind(since.timestamp_micros()).fetch_all(readers).await?;
    let mut counts: Vec<_> = rows
        .into_iter()
        .filter_map(|(state, count)| {
            let name = StateName::parse(&state);
            if name.is_none() {
                tracing::warn!(state, count, "executions in an unknown state are left out");
            }
            Some((name?, u64::try_from(count).ok()?))
        })
        .collect();
    counts.sort_unstable();
    Ok(counts)
}

/// Reads a row of id and body; one that is unreadable is left out with a warning.
fn execution(row: &SqliteRow) -> Option<Arc<Execution>> {
    match read(row) {
        Ok(execution) => Some(Arc::new(execution)),
        Err(message) => {
            let id = row.try_get::<String, _>(0).unwrap_or_default();
            tracing::warn!(id, message, "an execution in the store is unreadable and left out");
            None
        }
    }
}

/// Reads a row of id and body.
pub(super) fn read(row: &SqliteRow) -> Result<Execution, String> {
    let id: String = row.try_get(0).map_err(|error| error.to_string())?;
    let body: Option<String> = row.try_get(1).map_err(|error| error.to_string())?;
    let body = body.ok_or("its body is missing")?;
    let execution: Execution = serde_json::from_str(&body).map_err(|error| error.to_string())?;
    if id.parse::<ExecutionId>().ok() == Some(execution.id) {
        Ok(execution.from_stored())
    } else {
        Err(format!("its body is that of {}", execution.id))
    }
}
