//! Finding executions: pages of the history, parts of ids, counts.
//!
//! Every page is a few walks in the order of ids, newest first, each along one index and no longer than the page: through
//! the live executions, which are few, and through the history.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::super::search::{IdPart, MOST_NAMED, Search, highest_id, lowest_id};
use crate::model::{Execution, ExecutionId, Page, StateName};

statements! {
    const COUNTS: &str = "SELECT state, sum(count)::bigint FROM (\
         SELECT state, count(*) FROM live WHERE created_at >= $1 GROUP BY state UNION ALL \
         SELECT state, count(*) FROM executions WHERE created_at >= $1 GROUP BY state) AS e GROUP BY state";
}

/// A page of executions.
pub(super) async fn page(
    readers: &PgPool,
    search: &Search<'_>,
) -> sqlx::Result<Page<Arc<Execution>>> {
    let mut rows = statement("", search).build().fetch_all(readers).await?;
    let limit = search.limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    if search.goes_up() {
        rows.reverse();
    }
    Ok(Page { items: rows.iter().filter_map(execution).collect(), more })
}

/// The statement that finds a page, and one row more.
pub(super) fn statement(prefix: &str, search: &Search<'_>) -> QueryBuilder<Postgres> {
    let order = if search.goes_up() { "ASC" } else { "DESC" };
    let mut states = search.query.states.clone();
    states.sort_unstable();
    states.dedup();
    let mut sql = QueryBuilder::new(prefix);
    sql.push("SELECT id, body FROM (");
    let mut walks = 0;
    let mut walk = |table: &str, states: &[StateName]| {
        sql.push(if walks == 0 { "(" } else { " UNION ALL (" });
        walks += 1;
        walk_through(&mut sql, table, search, states);
        sql.push(format_args!(" ORDER BY e.id {order} LIMIT {})", search.limit + 1));
    };
    let (past, live): (Vec<_>, Vec<_>) = states.into_iter().partition(|state| state.is_final());
    if past.is_empty() && live.is_empty() {
        walk("live", &[]);
        walk("executions", &[]);
    } else {
        if !live.is_empty() {
            walk("live", &live);
        }
        match search.query.job {
            Some(_) if !past.is_empty() => walk("executions", &past),
            // Each state along its own part of an index.
            _ => past.iter().for_each(|state| walk("executions", std::slice::from_ref(state))),
        }
    }
    sql.push(format_args!(") AS e ORDER BY id {order} LIMIT {}", search.limit + 1));
    sql
}

fn walk_through(
    sql: &mut QueryBuilder<Postgres>,
    table: &str,
    search: &Search<'_>,
    states: &[StateName],
) {
    let query = search.query;
    sql.push(format_args!("SELECT e.id, e.body FROM {table} AS e WHERE true"));
    if let Some(job) = &query.job {
        sql.push(" AND e.job_id = ").push_bind(job.to_string());
    }
    match states {
        [] => {}
        [state] => {
            sql.push(" AND e.state = ").push_bind(state.as_str());
        }
        _ => {
            let names: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
            sql.push(" AND e.state = ANY (").push_bind(names).push(")");
        }
    }
    conditions(sql, search);
}

/// What is checked row by row, and the bounds of the walk.
fn conditions(sql: &mut QueryBuilder<Postgres>, search: &Search<'_>) {
    let query = search.query;
    if let Some(trigger) = query.trigger {
        sql.push(" AND e.trigger = ").push_bind(trigger.as_str());
    }
    if let Some(worker) = &query.worker {
        sql.push(" AND e.worker_id = ").push_bind(worker.to_string());
    }
    if let Some(since) = query.since {
        sql.push(" AND e.id >= ").push_bind(filled(&lowest_id(since), 0));
        sql.push(" AND e.created_at >= ").push_bind(since.timestamp_micros());
    }
    if let Some(until) = query.until {
        sql.push(" AND e.id <= ").push_bind(filled(&highest_id(until), u128::MAX));
        sql.push(" AND e.created_at < ").push_bind(until.timestamp_micros());
    }
    if let Some(before) = query.before {
        sql.push(" AND e.id < ").push_bind(before.uuid());
    }
    if let Some(after) = query.after {
        sql.push(" AND e.id > ").push_bind(after.uuid());
    }
    for (words, wanted) in [(&search.words, "AND"), (&search.without, "AND NOT")] {
        for word in words {
            sql.push(format_args!(" {wanted} (strpos(e.job_id, ")).push_bind(word.clone());
            sql.push(") > 0 OR strpos(e.reason_folded, ").push_bind(word.clone()).push(") > 0)");
        }
    }
}

/// The id that begins with these digits and goes on with those of `rest`.
fn filled(digits: &str, rest: u128) -> Uuid {
    let digits: String = digits.chars().take_while(char::is_ascii_hexdigit).take(32).collect();
    let bits = 4 * digits.len();
    let begin = u128::from_str_radix(&digits, 16).unwrap_or_default();
    let shift = u32::try_from(128 - bits).unwrap_or_default();
    let begin = begin.checked_shl(shift).unwrap_or_default();
    let rest = rest.checked_shr(u32::try_from(bits).unwrap_or_default()).unwrap_or_default();
    Uuid::from_u128(begin | rest)
}

/// The executions whose id begins or ends with `part`.
pub(super) async fn named(readers: &PgPool, part: &IdPart) -> sqlx::Result<Vec<Arc<Execution>>> {
    let rows = named_statement("", part).build().fetch_all(readers).await?;
    Ok(rows.iter().filter_map(execution).collect())
}

pub(super) fn named_statement(prefix: &str, part: &IdPart) -> QueryBuilder<Postgres> {
    let digits = part.as_str();
    let tails = part.tails();
    let mut sql = QueryBuilder::new(prefix);
    sql.push("SELECT DISTINCT ON (id) id, body FROM (");
    for (number, table) in ["live", "executions"].into_iter().enumerate() {
        sql.push(if number == 0 { "(" } else { " UNION ALL (" });
        sql.push(format_args!("SELECT id, body FROM {table} WHERE id BETWEEN "));
        sql.push_bind(filled(digits, 0)).push(" AND ").push_bind(filled(digits, u128::MAX));
        sql.push(format_args!(" ORDER BY id DESC LIMIT {MOST_NAMED}) UNION ALL ("));
        sql.push(format_args!("SELECT id, body FROM {table} WHERE tail >= "))
            .push_bind(tails.start);
        sql.push(" AND tail < ").push_bind(tails.end);
        sql.push(format_args!(" AND right(replace(id::text, '-', ''), {}) = ", digits.len()));
        sql.push_bind(digits.to_owned()).push(format_args!(" LIMIT {MOST_NAMED})"));
    }
    sql.push(format_args!(") AS e ORDER BY id DESC LIMIT {MOST_NAMED}"));
    sql
}

/// How many executions created at or after `since` are in each state.
pub(super) async fn counts(
    readers: &PgPool,
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
fn execution(row: &PgRow) -> Option<Arc<Execution>> {
    match read(row) {
        Ok(execution) => Some(Arc::new(execution)),
        Err(message) => {
            let id = id_of(row);
            tracing::warn!(id, message, "an execution in the store is unreadable and left out");
            None
        }
    }
}

/// The id in the first column, for messages.
pub(super) fn id_of(row: &PgRow) -> String {
    row.try_get::<Uuid, _>(0).map(|id| id.as_simple().to_string()).unwrap_or_default()
}

/// Reads a row of id and body.
pub(super) fn read(row: &PgRow) -> Result<Execution, String> {
    let id: Uuid = row.try_get(0).map_err(|error| error.to_string())?;
    let body: &str = row.try_get(1).map_err(|error| error.to_string())?;
    let execution: Execution = serde_json::from_str(body).map_err(|error| error.to_string())?;
    if ExecutionId::from_uuid(id) == execution.id {
        Ok(execution.from_stored())
    } else {
        Err(format!("its body is that of {}", execution.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_id_is_a_range_of_ids() {
        let range = |digits| {
            [filled(digits, 0), filled(digits, u128::MAX)].map(|it| it.as_simple().to_string())
        };
        assert_eq!(
            range("0192"),
            [format!("0192{}", "0".repeat(28)), format!("0192{}", "f".repeat(28))]
        );
        let whole = "0192f0c123457abc8def0123456789ab";
        assert_eq!(range(whole), [whole, whole]);
        assert_eq!(range(""), ["0".repeat(32), "f".repeat(32)]);
    }
}
