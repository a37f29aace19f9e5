//! The plan of every statement: none walks through the history, however large it is.
//!
//! SQLite's own program of a statement is what is looked at: a walk from one end of a table or an index begins with
//! `Rewind`, `Last` or `Sort`, a search with `Seek…`. Walks that end early have a reason here.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, QueryBuilder, Row, Sqlite};

use super::super::super::Store;
use super::super::super::contract::{at, id, job_id};
use super::super::super::search::{IdPart, Search};
use super::super::{SqliteStore, commit, expire, open, query, read};
use crate::clock::Clock;
use crate::model::{ExecutionQuery, StateName, Trigger, WorkerId};

/// Tables that grow with the history.
const LARGE: [&str; 4] = ["executions", "execution_bodies", "events", "ledger"];

/// Walks that are wanted: statement, table, why it is short.
const SHORT: [(&str, &str, &str); 6] = [
    ("expire::SIZE", "events", "the first row and the last"),
    ("expire::TOO_OLD", "executions", "from the oldest to the instant that is asked for"),
    ("read::LAST_SEQ", "events", "the last row only"),
    ("read::NEWEST_EVENTS", "events", "as many rows as the page has, from the end"),
    (
        "expire::OLDEST_EVENTS",
        "events",
        "as many rows as one batch has, from the beginning; and the last row",
    ),
    ("expire::OLDEST_RANGES", "ledger", "as many rows as one batch has, from the beginning"),
];

/// Which large tables a statement walks through from an end of them.
async fn walks(store: &SqliteStore, mut explain: QueryBuilder<Sqlite>) -> Vec<String> {
    let roots: BTreeMap<i64, String> =
        sqlx::query_as("SELECT rootpage, tbl_name FROM sqlite_schema WHERE rootpage > 0")
            .fetch_all(&store.readers)
            .await
            .unwrap()
            .into_iter()
            .collect();
    let mut writer = store.writer.lock().await;
    let program = explain.build().fetch_all(&mut *writer).await.unwrap();
    let mut cursors = BTreeMap::new();
    let mut walked = Vec::new();
    for step in &program {
        let (code, cursor): (String, i64) = (step.get(1), step.get(2));
        match code.as_str() {
            "OpenRead" | "OpenWrite" => {
                if let Some(table) = roots.get(&step.get::<i64, _>(3)) {
                    cursors.insert(cursor, table.clone());
                }
            }
            "OpenEphemeral" | "OpenAutoindex" | "OpenPseudo" | "SorterOpen" | "VOpen" => {
                cursors.remove(&cursor);
            }
            _ => {}
        }
        let walks = ["Rewind", "Last", "Sort"].contains(&code.as_str());
        if let Some(table) = cursors.get(&cursor).filter(|_| walks)
            && LARGE.contains(&table.as_str())
            && !walked.contains(table)
        {
            walked.push(table.clone());
        }
    }
    walked
}

async fn store() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("x.db")).await.unwrap();
    (folder, store)
}

fn explain(sql: &str) -> QueryBuilder<Sqlite> {
    QueryBuilder::new(format!("EXPLAIN {sql}"))
}

#[tokio::test]
async fn no_statement_walks_through_the_history() {
    let (_folder, store) = store().await;
    let files = [
        ("commit", commit::STATEMENTS),
        ("expire", expire::STATEMENTS),
        ("open", open::STATEMENTS),
        ("query", query::STATEMENTS),
        ("read", read::STATEMENTS),
    ];
    let mut found = Vec::new();
    let mut number = 0;
    for (file, statements) in files {
        for (name, sql) in statements {
            let walked = walks(&store, explain(sql)).await;
            found.extend(walked.into_iter().map(|table| (format!("{file}::{name}"), table)));
            number += 1;
        }
    }
    assert!(number > 30, "{number} statements");
    let short = SHORT.map(|(statement, table, _)| (statement.to_owned(), table.to_owned()));
    let long: Vec<_> = found.iter().filter(|walk| !short.contains(walk)).collect();
    assert!(long.is_empty(), "walk through the history: {long:?}");
    let idle: Vec<_> = short.iter().filter(|walk| !found.contains(walk)).collect();
    assert!(idle.is_empty(), "do not walk any more: {idle:?}");
}

/// What the test above would say of the two that did it once, and of a sort.
#[tokio::test]
async fn a_walk_is_recognised() {
    let (_folder, store) = store().await;
    for (sql, walked) in [
        ("SELECT e.id FROM notices AS n JOIN executions AS e ON e.id = n.execution_id", true),
        ("SELECT count(*) FROM execution_bodies WHERE body LIKE '%x'", true),
        ("SELECT id FROM executions WHERE worker_id = 'w'", true),
        ("UPDATE executions SET said = '' WHERE worker_id = 'w'", true),
        ("SELECT id FROM executions WHERE job_id = 'a' ORDER BY id", false),
        (
            "SELECT e.id FROM notices AS n CROSS JOIN executions AS e ON e.id = n.execution_id",
            false,
        ),
        ("SELECT id FROM jobs", false),
    ] {
        assert_eq!(!walks(&store, explain(sql)).await.is_empty(), walked, "{sql}");
    }
}

/// Statements that are put together: each shape of a page, and the parts of ids.
#[tokio::test]
async fn a_page_walks_through_the_history_only_where_no_index_could_know_more() {
    let (_folder, store) = store().await;
    let shapes = |number: u32| {
        let set = |bit: u32| number & (1 << bit) != 0;
        ExecutionQuery {
            job: set(0).then(|| job_id("a")),
            states: if set(1) { vec![StateName::Failed, StateName::Running] } else { Vec::new() },
            before: set(2).then(|| id(9)),
            after: set(3).then(|| id(1)),
            since: set(4).then(|| at(0)),
            trigger: set(5).then_some(Trigger::Manual),
            worker: set(6).then(|| WorkerId::new("w").unwrap()),
            words: if set(7) { vec!["x".to_owned()] } else { Vec::new() },
            ..ExecutionQuery::default()
        }
    };
    for shape in (0..256).map(shapes) {
        let sql = query::statement("EXPLAIN ", &Search::new(&shape));
        let walked = walks(&store, sql).await;
        // In the order of ids, until the page is full or the bound is reached: from the newest where nothing is before it.
        let from_the_end = shape.job.is_none()
            && shape.states.is_empty()
            && shape.before.is_none()
            && shape.after.is_none();
        let expected: &[&str] = if from_the_end { &["executions"] } else { &[] };
        assert_eq!(walked, expected, "{shape:?}");
    }
    let part = IdPart::new("abc").unwrap();
    assert_eq!(walks(&store, query::named_statement("EXPLAIN ", &part)).await, [""; 0]);
}

/// SQL outside of a `statements!` block has no plan that is looked at. What is put together from parts is above.
#[test]
fn every_statement_is_in_a_list() {
    let files = [
        include_str!("../commit.rs"),
        include_str!("../expire.rs"),
        include_str!("../failure.rs"),
        include_str!("../mod.rs"),
        include_str!("../open.rs"),
        include_str!("../read.rs"),
    ];
    let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];
    for text in files {
        let mut listed = false;
        for line in text.lines() {
            listed = (listed || line == "statements! {" || line.starts_with("macro_rules!"))
                && line != "}";
            let is_sql = verbs.iter().any(|verb| line.contains(&format!("\"{verb}")));
            assert!(listed || !is_sql, "a statement of its own: {line}");
        }
    }
}

/// `cargo test --lib a_start_with_a_million -- --ignored --nocapture` says how long a start reads.
#[tokio::test]
#[ignore = "a measurement: it writes a million executions first"]
async fn a_start_with_a_million_executions_reads_few_of_them() {
    let (_folder, store) = store().await;
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) \
         INSERT INTO executions SELECT printf('%032x', i), 'job-' || (i % 100), 1, 'succeeded', 'schedule', \
         i, i, i, i, 'local', i, 'exit code 0' FROM n; \
         INSERT INTO execution_bodies SELECT id, printf('%.*c', 800, 'x') FROM executions; \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) \
         INSERT INTO job_versions SELECT 'job-' || i, 1, 0, 'tester', '{}' FROM n;";
    sqlx::raw_sql(AssertSqlSafe(fill)).execute(&mut *store.writer.lock().await).await.unwrap();
    for _ in 0..3 {
        let begun = Clock.now().monotonic;
        let saved = store.load().await.unwrap();
        let took = Clock.now().monotonic - begun;
        println!("{took:?} with {} retired jobs", saved.retired.len());
        assert!(took < std::time::Duration::from_millis(500), "{took:?}");
    }
}
