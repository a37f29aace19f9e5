//! What only a file can show: reopening, rights, damage, plans, and two programs at once.

mod plans;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Row};
use tempfile::TempDir;

use super::super::contract::{at, event, execution, id, job, job_id, kept};
use super::super::{Expired, Reach, open as open_kind};
use super::*;
use crate::model::{BOOT_ID, ExecutionState, Trigger};

/// A folder with a store in it, and the file's path.
async fn store() -> (TempDir, PathBuf, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crontower.db");
    let store = SqliteStore::open(&path).await.unwrap();
    (folder, path, store)
}

/// A job, a live execution of it and an event.
fn some_changes() -> Vec<Change> {
    let mut changes = job("a", 1).to_vec();
    changes.extend([kept(execution(1, ExecutionState::RUNNING)), event(1)]);
    changes
}

/// Changes the file behind the store's back.
async fn tamper(store: &SqliteStore, sql: &str) {
    let mut writer = store.writer.lock().await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *writer).await.unwrap();
}

/// What opening that file says, with the folder's name taken out.
async fn refusal(folder: &TempDir, path: &Path) -> String {
    let error = SqliteStore::open(path).await.unwrap_err();
    error.to_string().replace(folder.path().to_str().unwrap(), "DIR")
}

#[tokio::test]
async fn a_file_that_was_not_closed_is_found_whole() {
    let (folder, path, store) = store().await;
    store.commit(&some_changes()).await.unwrap();
    // What lies on the disk while the program runs is what a crash leaves.
    let crashed = folder.path().join("crashed.db");
    for side in ["", "-wal"] {
        let from = format!("{}{side}", path.display());
        fs::copy(from, format!("{}{side}", crashed.display())).unwrap();
    }
    drop(store);
    for path in [crashed, path] {
        let image = SqliteStore::open(&path).await.unwrap().load().await.unwrap();
        assert_eq!((image.jobs.len(), image.live.len(), image.last_seq), (1, 1, 1));
    }
}

#[tokio::test]
async fn another_program_reads_while_one_writes() {
    let (_folder, path, store) = store().await;
    store.commit(&some_changes()).await.unwrap();
    let mut writer = store.writer.lock().await;
    sqlx::raw_sql("BEGIN IMMEDIATE; DELETE FROM jobs;").execute(&mut *writer).await.unwrap();
    let other = SqliteStore::open(&path).await.unwrap();
    assert_eq!(other.load().await.unwrap().jobs.len(), 1);
    assert_eq!(other.executions(&ExecutionQuery::default()).await.unwrap().items.len(), 1);
    sqlx::raw_sql("COMMIT").execute(&mut *writer).await.unwrap();
    assert_eq!(other.load().await.unwrap().jobs.len(), 0);
}

#[tokio::test]
async fn two_programs_that_open_a_new_file_at_once_both_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let (one, other) = tokio::join!(SqliteStore::open(&path), SqliteStore::open(&path));
    one.unwrap().commit(&[event(1)]).await.unwrap();
    other.unwrap().commit(&[event(2)]).await.unwrap();
}

#[tokio::test]
async fn only_its_owner_reads_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("new/data");
    let path = data_dir.join("crontower.db");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let store = open_kind("sqlite", &data_dir, &Reach::default()).await.unwrap();
    store.commit(&[event(1)]).await.unwrap();
    assert_eq!((mode(&data_dir), mode(&path)), (0o700, 0o600));
    assert_eq!(mode(&data_dir.join("crontower.db-wal")), 0o600);
    drop(store);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    open_kind("sqlite", &data_dir, &Reach::default()).await.unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn what_is_no_store_of_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text"), "This is a letter.\n".repeat(100)).unwrap();
    insta::assert_snapshot!(refusal(&folder, &at("text")).await, @r#"
    cannot open the store DIR/text: it is no SQLite database; name another data folder, or move the file away (file is not a database)
    "#);
    assert!(fs::read_to_string(at("text")).unwrap().starts_with("This is a letter.\nThis"));
    fs::create_dir(at("folder")).unwrap();
    insta::assert_snapshot!(refusal(&folder, &at("folder")).await, @r#"
    cannot open the store DIR/folder: check that the folder exists, that this is a file, and who may read and write it (unable to open database file)
    "#);
    insta::assert_snapshot!(refusal(&folder, &at("text").join("below")).await, @r#"
    cannot open the store DIR/text/below: its folder cannot be made: File exists (os error 17); check owner and rights, or name another data folder
    "#);
    insta::assert_snapshot!(refusal(&folder, Path::new("/proc/x.db")).await, @r#"
    cannot open the store /proc/x.db: it cannot be made: No such file or directory (os error 2); check owner and rights, or name another data folder
    "#);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(at("theirs"));
    let mut theirs = sqlx::ConnectOptions::connect(&options.create_if_missing(true)).await.unwrap();
    sqlx::raw_sql("CREATE TABLE t (x)").execute(&mut theirs).await.unwrap();
    let before = fs::read(at("theirs")).unwrap();
    insta::assert_snapshot!(refusal(&folder, &at("theirs")).await, @r#"
    cannot open the store DIR/theirs: it is another program's database; name another data folder
    "#);
    assert_eq!(fs::read(at("theirs")).unwrap(), before);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (folder, path, store) = store().await;
    let newer = "INSERT INTO _sqlx_migrations VALUES (9, 'later', '', true, x'00', 0)";
    tamper(&store, newer).await;
    drop(store);
    insta::assert_snapshot!(refusal(&folder, &path).await, @r#"
    the store DIR/crontower.db has schema 9, this program knows up to 3: use the newer crontower
    "#);
    assert!(matches!(SqliteStore::open(&path).await, Err(StoreError::TooNew { found: 9, .. })));
}

#[tokio::test]
async fn a_step_that_was_edited_after_it_landed_is_reported() {
    let (folder, path, store) = store().await;
    tamper(&store, "UPDATE _sqlx_migrations SET version = 0 WHERE version = 3").await;
    drop(store);
    let described = refusal(&folder, &path).await;
    assert!(described.contains("its schema 2 could not be brought to 3"), "{described}");
}

#[tokio::test]
async fn a_damaged_file_is_reported_and_never_panics() {
    let (folder, path, store) = store().await;
    let rows = (1..=500).map(|number| kept(execution(number, ExecutionState::Succeeded)));
    store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
    tamper(&store, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    drop(store);
    let whole = fs::read(&path).unwrap();
    let query = ExecutionQuery { limit: 1_000, ..ExecutionQuery::default() };
    let mut described = 0;
    for damage in 0..20usize {
        let damaged = folder.path().join(format!("{damage}.db"));
        let mut bytes = whole.clone();
        if damage == 0 {
            bytes.truncate(whole.len() / 2);
        } else {
            let from = damage * whole.len() / 20;
            bytes[from..from + 4_096].fill(0xa5);
        }
        fs::write(&damaged, bytes).unwrap();
        let Ok(store) = SqliteStore::open(&damaged).await else {
            described += 1;
            continue;
        };
        let all = [
            store.load().await.map(drop),
            store.executions(&query).await.map(drop),
            store.counts(at(0)).await.map(drop),
            store.commit(&[kept(execution(7, ExecutionState::RUNNING))]).await,
        ];
        let corrupt = |it: &Result<(), StoreError>| matches!(it, Err(StoreError::Corrupt { .. }));
        described += usize::from(all.iter().any(corrupt));
    }
    assert!(described >= 15, "{described} of 20 damaged files were told");
}

#[tokio::test]
async fn a_full_disk_keeps_nothing_of_the_commit_and_is_survived() {
    let (folder, _, store) = store().await;
    store.commit(&some_changes()).await.unwrap();
    tamper(&store, "PRAGMA max_page_count = 50").await;
    let mut rows: Vec<_> =
        (2..=300).map(|number| kept(execution(number, ExecutionState::Succeeded))).collect();
    rows.insert(0, event(2));
    let error = store.commit(&rows).await.unwrap_err().to_string();
    let error = error.replace(folder.path().to_str().unwrap(), "DIR");
    insta::assert_snapshot!(error, @r#"
    the store failed at a commit: DIR/crontower.db: the disk is full; make room and try again (database or disk is full)
    "#);
    assert_eq!(store.load().await.unwrap().last_seq, 1);
    tamper(&store, "PRAGMA max_page_count = 1000000").await;
    store.commit(&rows).await.unwrap();
    assert_eq!(store.load().await.unwrap().last_seq, 2);
}

#[tokio::test]
async fn a_commit_that_is_given_up_leaves_nothing_half_done() {
    let (_folder, _, store) = store().await;
    let rows: Vec<_> =
        (1..=200).map(|number| kept(execution(number, ExecutionState::Succeeded))).collect();
    for polls in 0..20 {
        let mut changes = vec![event(polls + 1)];
        changes.extend(rows.iter().cloned());
        let mut commit = Box::pin(store.commit(&changes));
        for _ in 0..polls {
            if futures_util::poll!(&mut commit).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    store.commit(&[event(100)]).await.unwrap();
    let events = store.events_after(0, 100).await.unwrap().len();
    let kept = store.counts(at(0)).await.unwrap();
    assert!(events == 1 || kept[0].1 == 200, "{events} events, {kept:?}");
}

#[tokio::test]
async fn unreadable_rows_are_left_out_of_lists_and_named_by_a_load() {
    let (_folder, _, store) = store().await;
    store.commit(&some_changes()).await.unwrap();
    store.commit(&[kept(execution(2, ExecutionState::RUNNING)), event(2)]).await.unwrap();
    let newest = id(2);
    for damage in ["body = '{'", "body = '[]'", "body = 'null'", "id = 'x'"] {
        let sql = format!("UPDATE execution_bodies SET {damage} WHERE id = '{newest}'");
        tamper(&store, &sql).await;
        let page = store.executions(&ExecutionQuery { limit: 9, ..Default::default() }).await;
        let found: Vec<_> = page.unwrap().items.iter().map(|it| it.id).collect();
        assert!(found.contains(&id(1)), "{damage}");
    }
    let image = store.load().await.unwrap();
    let sentence = image.unreadable.join("\n");
    assert!(sentence.contains(&format!("executions {newest}")), "{sentence}");
    assert_eq!((image.live.len(), image.jobs.len()), (1, 1), "the rest goes on");
    tamper(&store, "UPDATE events SET body = 'x' WHERE seq = 1").await;
    let events = store.events_after(0, 9).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [2]);
    tamper(&store, "UPDATE executions SET state = 'dreaming'").await;
    assert_eq!(store.counts(at(0)).await.unwrap(), []);
    let unreadable = async |sql: &str| {
        tamper(&store, sql).await;
        let image = store.load().await.unwrap();
        assert!(image.jobs.is_empty());
        (image.unreadable[0].clone(), image.retired.get(&job_id("a")).map(|it| it.version))
    };
    let (sentence, version) = unreadable("UPDATE jobs SET state = '{}'").await;
    insta::assert_snapshot!(sentence, @"jobs `a` in the store cannot be read and is set aside: missing field `accounted_until` at line 1 column 2; a backup of the store may still have it");
    assert_eq!(version, Some(1), "where it comes back, its versions go on");
    let (sentence, version) = unreadable("UPDATE job_versions SET body = '7'").await;
    insta::assert_snapshot!(sentence, @"job_versions `a` version 1 in the store cannot be read and is set aside: invalid type: integer `7`, expected struct Job at line 1 column 1; a backup of the store may still have it");
    assert_eq!(version, Some(1));
    let (sentence, version) = unreadable("DELETE FROM job_versions").await;
    insta::assert_snapshot!(sentence, @"job_versions `a` version 1 in the store cannot be read and is set aside: it is missing; a backup of the store may still have it");
    assert_eq!(version, None);
}

#[tokio::test]
async fn a_file_that_was_closed_is_whole_without_its_side_files() {
    let (folder, path, store) = store().await;
    store.commit(&some_changes()).await.unwrap();
    let copy = folder.path().join("copy.db");
    store.close().await.unwrap();
    fs::copy(&path, &copy).unwrap();
    let image = SqliteStore::open(&copy).await.unwrap().load().await.unwrap();
    assert_eq!((image.jobs.len(), image.live.len(), image.last_seq), (1, 1, 1));
}

#[tokio::test]
async fn a_file_that_was_removed_or_replaced_takes_no_commit_and_is_not_made_again() {
    let (folder, path, store) = store().await;
    store.commit(&some_changes()).await.unwrap();
    let aside = folder.path().join("aside.db");
    fs::rename(&path, &aside).unwrap();
    for replaced in [false, true] {
        if replaced {
            SqliteStore::open(&path).await.unwrap();
        }
        let error = store.commit(&[event(2)]).await.unwrap_err().to_string();
        assert!(error.contains("was removed or replaced"), "{error}");
        assert_eq!(path.exists(), replaced);
    }
    fs::rename(&aside, &path).unwrap();
    store.commit(&[event(2)]).await.unwrap();
}

#[tokio::test]
async fn damage_that_is_found_is_remembered() {
    let (_folder, path, store) = store().await;
    let rows = (1..=500).map(|number| kept(execution(number, ExecutionState::Succeeded)));
    store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
    tamper(&store, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    assert_eq!(store.damage(), None);
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4_096;
    bytes[4_096 * pages / 4..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let query = ExecutionQuery { limit: 1_000, ..ExecutionQuery::default() };
    store.executions(&query).await.unwrap_err();
    assert!(
        store.damage().is_some_and(|damage| damage.contains("damaged")),
        "{:?}",
        store.damage()
    );
}

#[tokio::test]
async fn a_nul_cuts_no_text_short() {
    let (_folder, _, store) = store().await;
    let value = "before\0after".to_owned();
    store.commit(&[Change::Meta { key: BOOT_ID, value: value.clone() }]).await.unwrap();
    assert_eq!(store.load().await.unwrap().boot_id, Some(value));
}

/// The plan of a statement, a step a line.
async fn plan(store: &SqliteStore, mut sql: sqlx::QueryBuilder<sqlx::Sqlite>) -> String {
    let rows = sql.build().fetch_all(&store.readers).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(3)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn pages_walk_an_index_and_never_sort_the_history() {
    let (_folder, _, store) = store().await;
    let page = async |query: ExecutionQuery| {
        plan(&store, query::statement("EXPLAIN QUERY PLAN ", &Search::new(&query))).await
    };
    let job = Some(job_id("a"));
    let (before, after) = (Some(id(5)), Some(id(1)));
    let trigger = Some(Trigger::Manual);
    let (since, until) = (Some(at(0)), Some(at(9)));
    let failed = vec![StateName::Failed];
    let none = ExecutionQuery::default;
    let plain = page(none()).await;
    insta::assert_snapshot!(plain, @r#"
    CO-ROUTINE found
    SCAN e
    SCAN found
    SEARCH b USING INDEX sqlite_autoindex_execution_bodies_1 (id=?) LEFT-JOIN
    "#);
    let of_job = page(ExecutionQuery { job: job.clone(), ..none() }).await;
    insta::assert_snapshot!(of_job, @r#"
    CO-ROUTINE found
    SEARCH e USING COVERING INDEX executions_by_job (job_id=?)
    SCAN found
    SEARCH b USING INDEX sqlite_autoindex_execution_bodies_1 (id=?) LEFT-JOIN
    "#);
    let of_state = page(ExecutionQuery { states: failed.clone(), ..none() }).await;
    insta::assert_snapshot!(of_state, @r#"
    CO-ROUTINE found
    CO-ROUTINE (subquery-1)
    SEARCH e USING COVERING INDEX executions_by_state (state=?)
    SCAN (subquery-1)
    SCAN found
    SEARCH b USING INDEX sqlite_autoindex_execution_bodies_1 (id=?) LEFT-JOIN
    "#);
    let bounded = ExecutionQuery { since, until, before, trigger, ..none() };
    insta::assert_snapshot!(page(bounded.clone()).await, @r#"
    CO-ROUTINE found
    SEARCH e USING PRIMARY KEY (id>? AND id<?)
    SCAN found
    SEARCH b USING INDEX sqlite_autoindex_execution_bodies_1 (id=?) LEFT-JOIN
    "#);
    for query in [
        ExecutionQuery { after, ..none() },
        ExecutionQuery { after, before, job: job.clone(), ..none() },
        ExecutionQuery { job: job.clone(), ..bounded.clone() },
        ExecutionQuery { states: failed.clone(), ..bounded },
        ExecutionQuery { job, states: StateName::ALL.to_vec(), ..none() },
        ExecutionQuery { words: vec!["x".to_owned()], after, ..none() },
    ] {
        let plan = page(query.clone()).await;
        assert!(!plan.contains("TEMP B-TREE"), "{query:?}\n{plan}");
    }
    let part = IdPart::new("abc").unwrap();
    let named = query::named_statement("EXPLAIN QUERY PLAN ", &part);
    insta::assert_snapshot!(plan(&store, named).await, @r#"
    CO-ROUTINE found
    COMPOUND QUERY
    LEFT-MOST SUBQUERY
    CO-ROUTINE (subquery-1)
    SEARCH executions USING PRIMARY KEY (id>? AND id<?)
    SCAN (subquery-1)
    UNION USING TEMP B-TREE
    CO-ROUTINE (subquery-3)
    SEARCH executions USING COVERING INDEX executions_by_tail (tail>? AND tail<?)
    SCAN (subquery-3)
    SCAN found
    SEARCH b USING INDEX sqlite_autoindex_execution_bodies_1 (id=?) LEFT-JOIN
    "#);
    let states = ExecutionQuery { states: StateName::ALL.to_vec(), after, ..none() };
    let plan = page(states).await;
    assert_eq!(plan.matches("INDEX executions_by_state (state=? AND id>?)").count(), 9, "{plan}");
}

/// A file of schema 1, as version 0.1.0 left it.
const SCHEMA_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/store-schema-1.db");

#[tokio::test]
async fn a_file_of_the_first_schema_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crontower.db");
    fs::copy(SCHEMA_1, &path).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    let image = store.load().await.unwrap();
    assert_eq!((image.jobs.len(), image.live.len(), image.last_seq), (2, 1, 4));
    assert_eq!(image.boot_id.as_deref(), Some("boot-1"));
    assert!(image.workers.is_empty() && image.notices.is_empty());
    assert_eq!(store.ledger(&job_id("a"), None, 9).await.unwrap().len(), 1);
    let versions = store.job_versions(&job_id("a"), None, 9).await.unwrap();
    assert_eq!(versions.iter().map(|it| it.version).collect::<Vec<_>>(), [2, 1]);
    // What was there before counts: of its four executions two are too many, and the failure stays.
    let expired =
        Expired { before: DateTime::UNIX_EPOCH, per_job: 2, events: u64::MAX, at_most: 9 };
    let batch = store.delete_expired(&expired).await.unwrap();
    assert_eq!(batch.executions, [(id(1), 1)]);
    drop(store);
    SqliteStore::open(&path).await.unwrap();
}

#[tokio::test]
async fn retention_finds_its_rows_along_indexes() {
    let (_folder, _, store) = store().await;
    for sql in [
        expire::TOO_OLD,
        expire::OVERFULL,
        expire::TOO_MANY,
        expire::OLDEST_RANGES,
        expire::OLD_JOBS,
    ] {
        let plan = plan(&store, sqlx::QueryBuilder::new(format!("EXPLAIN QUERY PLAN {sql}"))).await;
        // What is scanned is what was found.
        let scanned = plan.lines().filter_map(|line| line.strip_prefix("SCAN "));
        let scanned: Vec<_> = scanned.filter(|what| !["found", "e"].contains(what)).collect();
        assert!(scanned.is_empty() && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
        assert!(sql != expire::TOO_OLD || plan.contains("SEARCH e USING INDEX"), "{plan}");
    }
}

#[tokio::test]
async fn the_number_of_executions_of_each_job_is_kept_right() {
    let (_folder, _, store) = store().await;
    let mut changes: Vec<_> =
        (1..=9).map(|number| kept(execution(number, ExecutionState::RUNNING))).collect();
    changes[8] = kept(Execution { job_id: job_id("b"), ..execution(9, ExecutionState::Queued) });
    store.commit(&changes).await.unwrap();
    let again = (1..=6).map(|number| kept(execution(number, ExecutionState::Succeeded)));
    store.commit(&again.collect::<Vec<_>>()).await.unwrap();
    let expired =
        Expired { before: DateTime::UNIX_EPOCH, per_job: 4, events: u64::MAX, at_most: 3 };
    assert_eq!(store.delete_expired(&expired).await.unwrap().executions.len(), 3);
    let counts = "SELECT job_id, count FROM execution_counts ORDER BY job_id";
    let counts: Vec<(String, i64)> =
        sqlx::query_as(counts).fetch_all(&store.readers).await.unwrap();
    assert_eq!(counts, [("a".to_owned(), 5), ("b".to_owned(), 1)]);
}

#[tokio::test]
async fn unreadable_rows_expire_like_others() {
    let (_folder, _, store) = store().await;
    store.commit(&some_changes()).await.unwrap();
    let past = (2..=3).map(|number| kept(execution(number, ExecutionState::Succeeded)));
    store.commit(&past.chain([event(2), event(3)]).collect::<Vec<_>>()).await.unwrap();
    tamper(
        &store,
        "UPDATE execution_bodies SET body = '{'; UPDATE events SET body = '' WHERE seq = 1",
    )
    .await;
    let expired = Expired { before: at(3_600), per_job: 9, events: u64::MAX, at_most: 9 };
    let batch = store.delete_expired(&expired).await.unwrap();
    assert_eq!(batch.executions, [(id(2), 0), (id(3), 0)]);
    assert_eq!(store.events_after(0, 9).await.unwrap().len(), 1);
    tamper(&store, "INSERT INTO notices VALUES ('x'), ('0192f0c123457abc8def0123456789ab')").await;
    tamper(&store, "DELETE FROM executions").await;
    assert!(store.load().await.unwrap().notices.is_empty());
}
