//! That no statement has to walk through what grows: each can be answered along an index.

use sqlx::{AssertSqlSafe, Row};

use super::super::{commit, connect, expire, lease, migrate, query, read, watch};
use super::*;
use crate::model::{StateName, Trigger, WorkerId};
use crate::store::contract::{at, job_id};

/// Tables that grow with the history.
const LARGE: [&str; 5] = ["executions", "events", "fired", "ledger", "job_versions"];

/// Statements that read all of such a table, and why.
const WALKS: [(&str, &str, &str); 1] =
    [("read::RETIRED", "job_versions", "it looks at each job that there ever was, once a start")];

/// The large tables that a plan walks through; asked of a session that avoids it wherever there is another way.
async fn walks(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let prepare = format!("DEALLOCATE ALL; PREPARE looked_at AS {sql}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await.unwrap();
    let count = "SELECT coalesce(array_length(parameter_types, 1), 0)::int FROM pg_prepared_statements \
                 WHERE name = 'looked_at'";
    let count = sqlx::raw_sql(count).fetch_one(&mut *connection).await.unwrap();
    let count: i32 = count.get(0);
    let nulls = vec!["NULL"; usize::try_from(count).unwrap()].join(", ");
    let list = if count == 0 { String::new() } else { format!("({nulls})") };
    let explain = format!("EXPLAIN EXECUTE looked_at{list}");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *connection).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let depth = |step: &str| step.find("->").unwrap_or_default();
    // A scan that ends with a page is as long as the page.
    let bounded = |number: usize| {
        let mut above = depth(&steps[number]);
        steps[..number].iter().rev().any(|step| {
            let is_above = (step.contains("->") || !step.starts_with(' ')) && depth(step) < above;
            above = if is_above { depth(step) } else { above };
            is_above && step.contains("Limit ")
        })
    };
    let walked = |table: &str| {
        let whole = format!("Seq Scan on {table} ");
        let indexed = [format!(" on {table} "), format!("Bitmap Index Scan on {table}_")];
        steps.iter().enumerate().any(|(number, step)| {
            let condition = steps.get(number + 1).is_some_and(|next| next.contains("Index Cond"));
            let by_index = step.contains("Index") && indexed.iter().any(|it| step.contains(it));
            step.contains(&whole) || (by_index && !condition && !bounded(number))
        })
    };
    LARGE.into_iter().filter(|table| walked(table)).map(str::to_owned).collect()
}

async fn along_indexes(store: &PostgresStore) -> PgConnection {
    let mut connection = beside(store, Session::Writer).await;
    // With the plan for any parameters.
    let settings = "SET plan_cache_mode = force_generic_plan";
    sqlx::raw_sql(settings).execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn no_statement_walks_through_the_history() {
    let Some(store) = in_new_schema("store::postgres::tests::plans::no_statement").await else {
        return;
    };
    let mut connection = along_indexes(&store).await;
    let files = [
        ("commit", commit::STATEMENTS),
        ("connect", connect::STATEMENTS),
        ("expire", expire::STATEMENTS),
        ("lease", lease::STATEMENTS),
        ("migrate", migrate::STATEMENTS),
        ("query", query::STATEMENTS),
        ("read", read::STATEMENTS),
        ("watch", watch::STATEMENTS),
    ];
    let mut found = Vec::new();
    for (file, statements) in files {
        let planned = |sql: &str| !sql.starts_with("BEGIN") && !sql.starts_with("SET ");
        for (name, sql) in statements.iter().filter(|(_, sql)| planned(sql)) {
            let walked = walks(&mut connection, sql).await;
            found.extend(walked.into_iter().map(|table| (format!("{file}::{name}"), table)));
        }
    }
    let known = WALKS.map(|(name, table, _)| (name.to_owned(), table.to_owned()));
    assert_eq!(found, known);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_walk_is_recognised() {
    let Some(store) = in_new_schema("store::postgres::tests::plans::a_walk").await else {
        return;
    };
    let mut connection = along_indexes(&store).await;
    for (sql, walked) in [
        ("SELECT id FROM executions WHERE worker_id = $1", true),
        ("DELETE FROM events WHERE body = $1", true),
        ("SELECT id FROM executions WHERE job_id = $1 ORDER BY id", false),
        ("SELECT id FROM executions ORDER BY id", true),
        ("SELECT id FROM executions ORDER BY id LIMIT 9", false),
        ("SELECT id FROM live WHERE worker_id = $1", false),
    ] {
        assert_eq!(!walks(&mut connection, sql).await.is_empty(), walked, "{sql}");
    }
    store.close().await.unwrap();
}

/// Statements that are put together: each shape of a page, and the parts of ids.
#[tokio::test]
async fn a_page_walks_along_an_index_and_ends_with_the_page() {
    let Some(store) = in_new_schema("store::postgres::tests::plans::a_page").await else {
        return;
    };
    let mut connection = along_indexes(&store).await;
    let shapes = |number: u32| {
        let set = |bit: u32| number & (1 << bit) != 0;
        ExecutionQuery {
            job: set(0).then(|| job_id("a")),
            states: if set(1) { vec![StateName::Failed, StateName::Running] } else { Vec::new() },
            before: set(2).then(|| id(9)),
            after: set(3).then(|| id(1)),
            since: set(4).then(|| at(0)),
            trigger: set(5).then_some(Trigger::Manual),
            worker: set(5).then(|| WorkerId::new("w").unwrap()),
            words: if set(5) { vec!["x".to_owned()] } else { Vec::new() },
            ..ExecutionQuery::default()
        }
    };
    for shape in (0..64).map(shapes) {
        let sql = query::statement("", &Search::new(&shape)).sql().as_str().to_owned();
        assert_eq!(walks(&mut connection, &sql).await, [""; 0], "{shape:?}");
    }
    let part = IdPart::new("abc").unwrap();
    let sql = query::named_statement("", &part).sql().as_str().to_owned();
    assert_eq!(walks(&mut connection, &sql).await, [""; 0]);
    store.close().await.unwrap();
}
