//! What only a server can show: schemas, passwords, TLS, plans, and two programs at once.

mod leading;
mod plans;

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::AssertSqlSafe;

use super::migrate::STEPS;
use super::server::{PASSWORD, Server, server};
use super::*;
use crate::model::{BOOT_ID, ExecutionState};
use crate::store::contract::{event, execution, id, job, kept};

/// A schema of a test's own, by number: a test's name may be too long for one.
fn schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A store in a new schema that leads; `None` where the test of that name is skipped.
pub(in crate::store) async fn in_new_schema(test: &str) -> Option<PostgresStore> {
    let store = PostgresStore::open(&server(test)?.url(&schema()), Reach::default()).await.unwrap();
    store.lead().await.unwrap();
    Some(store)
}

/// Another connection to a store's schema.
async fn beside(store: &PostgresStore, session: Session) -> PgConnection {
    connect(&store.target, session).await.unwrap()
}

/// Changes the store behind its back.
async fn tamper(store: &PostgresStore, sql: &str) {
    let mut connection = beside(store, Session::Migration).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

/// A URL of that schema over TCP, where a password is asked for.
fn over_tcp(server: &Server, password: &str, rest: &str) -> String {
    format!("postgres://tester:{password}@localhost:{}/postgres?{rest}", server.port)
}

/// What opening that store says, with what differs from run to run taken out.
async fn refusal(server: &Server, url: &str) -> String {
    let error = PostgresStore::open(url, Reach::default()).await.unwrap_err();
    let text = error.to_string().replace(&server.port.to_string(), "PORT");
    text.replace(server.folder.to_str().unwrap(), "DIR")
}

macro_rules! server_or_skip {
    ($name:literal) => {
        match server(concat!("store::postgres::tests::", $name)) {
            Some(server) => server,
            None => return,
        }
    };
}
use server_or_skip;

#[tokio::test]
async fn a_newer_schema_and_anothers_are_refused_and_left_alone() {
    let server = server_or_skip!("a_newer_schema_and_anothers_are_refused_and_left_alone");
    let name = schema();
    let store = PostgresStore::open(&server.url(&name), Reach::default()).await.unwrap();
    tamper(&store, "INSERT INTO _sqlx_migrations VALUES (9999, 'later', now(), true, '', 0)").await;
    let described = refusal(server, &server.url(&name)).await.replace(&name, "NAME");
    let described = described.replace(&format!("up to {}", STEPS.len()), "up to KNOWN");
    insta::assert_snapshot!(described, @"the store postgres://tester@DIR:PORT/postgres?schema=NAME has schema 9999, this program knows up to KNOWN: use the newer crontower");
    let theirs = schema();
    let sql = format!("CREATE SCHEMA {theirs}; CREATE TABLE {theirs}.customers (name text)");
    tamper(&store, &sql).await;
    let described = refusal(server, &server.url(&theirs)).await.replace(&theirs, "NAME");
    insta::assert_snapshot!(described, @"cannot open the store postgres://tester@DIR:PORT/postgres?schema=NAME: its schema `NAME` holds another program's tables; name another with ?schema=");
    let tables = format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{theirs}'");
    let mut connection = beside(&store, Session::Reader).await;
    let tables: i64 =
        sqlx::query_scalar(AssertSqlSafe(tables)).fetch_one(&mut connection).await.unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_migration_says_what_it_would_do_and_does_it_once() {
    let server = server_or_skip!("a_migration_says_what_it_would_do_and_does_it_once");
    let url = server.url(&schema());
    for _ in 0..2 {
        let plan = PostgresStore::migration(&url).await.unwrap();
        let all: Vec<_> = STEPS.iter().map(|(number, name, _)| (*number, *name)).collect();
        assert_eq!((plan.found, plan.missing), (0, all));
    }
    assert_eq!(PostgresStore::migrate(&url).await.unwrap(), STEPS.len());
    assert_eq!(PostgresStore::migrate(&url).await.unwrap(), 0);
    let plan = PostgresStore::migration(&url).await.unwrap();
    assert_eq!((plan.found, plan.missing), (plan.known, Vec::new()));
}

#[tokio::test]
async fn programs_that_open_a_new_schema_at_once_all_get_it() {
    let server = server_or_skip!("programs_that_open_a_new_schema_at_once_all_get_it");
    let url = server.url(&schema());
    let open = || PostgresStore::open(&url, Reach::default());
    let (one, two, three) = tokio::join!(open(), open(), open());
    for store in [one, two, three] {
        assert_eq!(store.unwrap().load().await.unwrap().last_seq, 0);
    }
}

#[tokio::test]
async fn a_password_is_asked_for_and_never_shown() {
    let server = server_or_skip!("a_password_is_asked_for_and_never_shown");
    let name = schema();
    let rest = format!("schema={name}&sslmode=disable");
    let store =
        PostgresStore::open(&over_tcp(server, PASSWORD, &rest), Reach::default()).await.unwrap();
    assert!(!format!("{store:?}").contains(PASSWORD), "{store:?}");
    let described = refusal(server, &over_tcp(server, "another-s3cret", &rest)).await;
    assert!(!described.contains("s3cret"), "{described}");
    insta::assert_snapshot!(described.replace(&name, "NAME"), @r#"cannot open the store postgres://tester@localhost:PORT/postgres?schema=NAME: check user and password: in the URL, in PGPASSWORD, or in the file that PGPASSFILE names, and pg_hba.conf (password authentication failed for user "tester")"#);
    let nobody = PostgresStore::open("postgres://me:s3cret@127.0.0.1:1/x", Reach::default())
        .await
        .unwrap_err();
    assert!(nobody.may_pass() && !nobody.to_string().contains("s3cret"), "{nobody}");
}

#[tokio::test]
async fn what_is_said_is_encrypted_with_whom_it_is_meant_for() {
    let server = server_or_skip!("what_is_said_is_encrypted_with_whom_it_is_meant_for");
    let rest = |mode: &str, root: &str| {
        let folder = server.folder.display();
        format!("schema={}&sslmode={mode}&sslrootcert={folder}/{root}", schema())
    };
    let encrypted = async |url: &str| {
        let store = PostgresStore::open(url, Reach::default()).await?;
        let mut connection = beside(&store, Session::Reader).await;
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        Ok::<bool, StoreError>(sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap())
    };
    let url = over_tcp(server, PASSWORD, &rest("verify-full", "server.crt"));
    assert!(encrypted(&url).await.unwrap());
    let url = over_tcp(server, PASSWORD, &format!("schema={}&sslmode=require", schema()));
    assert!(encrypted(&url).await.unwrap());
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(server.folder.join("other.crt"), other.cert.pem()).unwrap();
    let url = over_tcp(server, PASSWORD, &rest("verify-full", "other.crt"));
    let described = encrypted(&url).await.unwrap_err().to_string();
    assert!(described.contains("sslrootcert") && !described.contains(PASSWORD), "{described}");
    // The name that was asked for counts.
    let url = url.replace("other.crt", "server.crt").replace("localhost", "127.0.0.1");
    assert!(encrypted(&url).await.unwrap_err().to_string().contains("certificate"));
}

#[tokio::test]
async fn unreadable_rows_are_left_out_of_lists_and_named_by_a_load() {
    let Some(store) = in_new_schema("store::postgres::tests::unreadable_rows").await else {
        return;
    };
    let mut changes = job("a", 1).to_vec();
    changes.extend([1, 2].map(|number| kept(execution(number, ExecutionState::RUNNING))));
    changes.extend([event(1), event(2)]);
    changes.push(Change::Meta { key: BOOT_ID, value: "before\0after".to_owned() });
    store.commit(&changes).await.unwrap();
    assert_eq!(store.load().await.unwrap().boot_id.as_deref(), Some("before\0after"));
    for damage in ["{", "[]", "null"] {
        tamper(&store, &format!("UPDATE live SET body = '{damage}' WHERE id = '{}'", id(2))).await;
        let page = store.executions(&ExecutionQuery { limit: 9, ..Default::default() }).await;
        assert_eq!(page.unwrap().items.len(), 1, "{damage}");
    }
    tamper(&store, "UPDATE events SET body = 'x' WHERE seq = 1").await;
    assert_eq!(store.events_after(0, 9).await.unwrap().len(), 1);
    let image = store.load().await.unwrap();
    assert!(image.unreadable.join("\n").contains(&format!("live {}", id(2))));
    assert_eq!((image.live.len(), image.jobs.len()), (1, 1), "the rest goes on");
    tamper(&store, "UPDATE jobs SET state = '{}'").await;
    let image = store.load().await.unwrap();
    assert_eq!(image.retired.len(), 1, "where it comes back, its versions go on");
    store.close().await.unwrap();
}
