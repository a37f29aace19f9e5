//! Leaders: one at a time, whatever happens to them. Each proof stands beside a form that fails it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, Row};
use uuid::Uuid;

use super::super::lease::{FENCE, LEASE, TAKE_OVER};
use super::*;
use crate::clock::Clock;
use crate::store::contract::at;

/// Two stores on one schema, of which the first leads.
async fn two(test: &str) -> Option<(PostgresStore, PostgresStore)> {
    let url = server(&format!("store::postgres::tests::leading::{test}"))?.url(&schema());
    let leader = PostgresStore::open(&url, Reach::default()).await.unwrap();
    leader.lead().await.unwrap();
    Some((leader, PostgresStore::open(&url, Reach::default()).await.unwrap()))
}

/// Leads as soon as that may be; says how long it took.
async fn take_over(store: &PostgresStore) -> Duration {
    let begun = Clock.now().monotonic;
    loop {
        match store.lead().await {
            Ok(()) => return Clock.now().monotonic - begun,
            Err(StoreError::Led { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Ends the lease of whoever leads and has another take over, as where a leader stood still for too long.
async fn depose_by(store: &PostgresStore) {
    loop {
        tamper(store, "UPDATE leader SET expires = '-infinity'").await;
        // The leader may have renewed it just now.
        match store.lead().await {
            Ok(()) => return,
            Err(StoreError::Led { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn seqs(store: &PostgresStore) -> Vec<u64> {
    store.events_after(0, 100).await.unwrap().iter().map(|event| event.seq).collect()
}

#[tokio::test]
async fn a_second_leader_is_refused_by_the_name_of_the_first_and_takes_over_after_a_clean_stop() {
    let Some((first, second)) = two("a_second_leader").await else { return };
    first.commit(&[event(1)]).await.unwrap();
    let error = second.lead().await.unwrap_err();
    let StoreError::Led { leader, .. } = &error else { panic!("{error}") };
    assert_eq!((leader.pid, leader.epoch), (i64::from(std::process::id()), 1));
    let described = error.to_string();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let who = format!("host {host}, process {}, epoch 1", std::process::id());
    assert!(described.contains(&who) && !error.may_pass(), "{described}");
    assert!(second.commit(&[event(2)]).await.is_err(), "it does not lead");
    first.close().await.unwrap();
    let took = take_over(&second).await;
    // Without giving it back, what is left of the lease is at least this.
    assert!(took < LEASE - Duration::from_secs(1), "{took:?}");
    second.commit(&[event(2)]).await.unwrap();
    assert!(first.commit(&[event(3)]).await.is_err(), "it was closed");
    assert_eq!(seqs(&first).await, [1, 2]);
    second.close().await.unwrap();
}

#[tokio::test]
async fn a_deposed_leader_keeps_nothing_and_says_so() {
    let Some((first, second)) = two("a_deposed_leader").await else { return };
    first.commit(&[event(1)]).await.unwrap();
    depose_by(&second).await;
    let error = first.commit(&[event(2)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Deposed { epoch: 1, .. }), "{error}");
    assert!(matches!(first.load().await, Err(StoreError::Led { .. })));
    let rows: Vec<_> = (1..=3).map(|n| kept(execution(n, ExecutionState::Succeeded))).collect();
    second.commit(&rows).await.unwrap();
    let expired = Expired { before: at(900), per_job: 9, events: 9, at_most: 9 };
    assert!(first.delete_expired(&expired).await.is_err(), "it deletes nothing either");
    assert_eq!(
        (seqs(&second).await, second.history_size().await.unwrap().executions),
        (vec![1], 3)
    );
    // Once the other has stopped, it goes on from what is kept.
    second.close().await.unwrap();
    first.load().await.unwrap();
    first.commit(&[event(2)]).await.unwrap();
    first.close().await.unwrap();
}

/// A leader stops in the middle of a commit behind that fence, another takes over, the first goes on: how many rows of it
/// are kept.
async fn rows_of_a_zombie(test: &str, fence: &str) -> Option<i64> {
    let (first, second) = two(test).await?;
    let own = first.writer.lock().await.fence.unwrap();
    let mut zombie = beside(&first, Session::Writer).await;
    // The session under which the epoch was taken is the one that commits.
    let sql = "UPDATE epoch SET backend_pid = pg_backend_pid(), backend_start = \
               (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())";
    sqlx::raw_sql(sql).execute(&mut zombie).await.unwrap();
    let mut commit = zombie.begin().await.unwrap();
    let held = sqlx::query(AssertSqlSafe(fence.to_owned())).bind(own.epoch).bind(own.token);
    assert!(held.fetch_optional(&mut *commit).await.unwrap().is_some());
    let row = "INSERT INTO events (seq, body) VALUES (99, '{}')";
    sqlx::raw_sql(row).execute(&mut *commit).await.unwrap();
    depose_by(&second).await;
    // It may fail, and does where the fence is one.
    let _ = commit.commit().await;
    let mut looking = beside(&second, Session::Reader).await;
    let rows = "SELECT count(*) FROM events";
    let rows = sqlx::query_scalar(rows).fetch_one(&mut looking).await.unwrap();
    for store in [first, second] {
        store.close().await.unwrap();
    }
    Some(rows)
}

#[tokio::test]
async fn a_commit_that_a_take_over_came_between_keeps_nothing() {
    let Some(rows) = rows_of_a_zombie("a_commit_that", FENCE).await else { return };
    assert_eq!(rows, 0);
    // The counter-proof: to look without locking is no fence.
    let plain = FENCE.replace(" FOR SHARE", "");
    assert_ne!(plain, FENCE);
    assert_eq!(rows_of_a_zombie("a_commit_that", &plain).await, Some(1));
}

/// A process that leads and is in the middle of a commit.
fn holder(server: &Server, schema: &str) -> Child {
    let mut holder = Command::new(&server.psql)
        .args(["-qAtX", "-h", server.folder.to_str().unwrap(), "-p", &server.port.to_string()])
        .args(["-U", "tester", "-d", "postgres", "-v", "ON_ERROR_STOP=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lease = LEASE.as_secs();
    let sql = format!(
        "SET search_path = {schema};\n{TAKE_OVER};\nUPDATE leader SET epoch = (SELECT epoch FROM epoch), \
         expires = clock_timestamp() + interval '{lease} s', host = 'elsewhere', pid = 7;\nBEGIN;\n\
         SELECT 1 FROM epoch FOR SHARE;\nINSERT INTO events VALUES (1, '{{}}');\n\\echo ready\n"
    );
    holder.stdin.as_mut().unwrap().write_all(sql.as_bytes()).unwrap();
    let said = BufReader::new(holder.stdout.as_mut().unwrap()).lines();
    assert!(said.map(Result::unwrap).any(|line| line == "ready"));
    holder
}

#[tokio::test]
async fn a_leader_that_is_killed_or_stopped_inside_a_commit_is_followed_within_five_seconds() {
    let server = server_or_skip!("leading::a_leader_that_is_killed_or_stopped");
    for signal in [Signal::KILL, Signal::STOP] {
        let name = schema();
        let store = PostgresStore::open(&server.url(&name), Reach::default()).await.unwrap();
        let mut holder = holder(server, &name);
        let error = store.lead().await.unwrap_err();
        assert!(error.to_string().contains("host elsewhere, process 7, epoch 1"), "{error}");
        kill_process(Pid::from_child(&holder), signal).unwrap();
        let took = take_over(&store).await;
        assert!(took < Duration::from_secs(5), "{signal:?}: {took:?}");
        store.commit(&[event(1)]).await.unwrap();
        if signal == Signal::STOP {
            kill_process(Pid::from_child(&holder), Signal::CONT).unwrap();
            holder.stdin.take().unwrap().write_all(b"COMMIT;\n").unwrap();
            assert!(!holder.wait().unwrap().success(), "its session is over");
        }
        holder.wait().unwrap();
        assert_eq!(seqs(&store).await, [1], "the own one: that of the other was never kept");
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_lease_is_renewed_beside_a_commit_that_lasts_longer_than_it() {
    let Some((first, second)) = two("a_lease_is_renewed").await else { return };
    let in_force = "SELECT expires > clock_timestamp() FROM leader";
    let mut looking = beside(&second, Session::Reader).await;
    // The counter-proof comes second: where a commit locked the row of the lease, it would run out.
    for (lock, expected) in
        [("SELECT 1 FROM epoch FOR SHARE", true), ("SELECT 1 FROM leader FOR SHARE", false)]
    {
        let mut slow = beside(&first, Session::Migration).await;
        let mut commit = slow.begin().await.unwrap();
        sqlx::raw_sql(lock).execute(&mut *commit).await.unwrap();
        let until = Clock.now().monotonic + LEASE + Duration::from_millis(700);
        let mut always = true;
        while Clock.now().monotonic < until {
            let now: bool = sqlx::query_scalar(in_force).fetch_one(&mut looking).await.unwrap();
            always &= now;
        }
        assert_eq!(always, expected, "{lock}");
        commit.rollback().await.unwrap();
    }
    for store in [first, second] {
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_own_epoch_is_taken_again_after_a_lost_connection() {
    let Some((first, second)) = two("the_own_epoch").await else { return };
    first.commit(&[event(1)]).await.unwrap();
    for number in 2..5 {
        let before = first.writer.lock().await.fence.unwrap();
        let sql = "SELECT pg_terminate_backend(backend_pid) FROM epoch";
        tamper(&second, sql).await;
        let lost = first.commit(&[event(number)]).await.unwrap_err();
        assert!(matches!(lost, StoreError::Failed { .. }) && lost.may_pass(), "{lost}");
        assert!(first.commit(&[event(number)]).await.is_err(), "it has to load first");
        assert_eq!(first.load().await.unwrap().last_seq, number - 1);
        let after = first.writer.lock().await.fence.unwrap();
        assert!(after.epoch == before.epoch + 1 && after.token != before.token);
        first.commit(&[event(number)]).await.unwrap();
        assert!(matches!(second.lead().await, Err(StoreError::Led { .. })));
    }
    first.close().await.unwrap();
}

#[tokio::test]
async fn of_leaders_that_take_over_from_each_other_none_writes_after_a_later_one() {
    let Some((first, second)) = two("of_leaders_that_take_over").await else { return };
    tamper(&first, "CREATE TABLE wrote (n bigserial, epoch bigint, token uuid)").await;
    first.close().await.unwrap();
    // Takes and commits of all racers together.
    let done = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
    let race = |number: u32| {
        let (target, done) = (second.target.clone(), Arc::clone(&done));
        async move {
            let count = |which: usize| done[which].fetch_add(1, Ordering::Relaxed);
            let mut connection = connect(&target, Session::Writer).await.unwrap();
            let (mut own, mut tries) = (None::<(i64, Uuid)>, 0);
            while [12, 60].iter().zip(&*done).any(|(least, it)| it.load(Ordering::Relaxed) < *least)
            {
                if let Some((epoch, token)) = own {
                    let fence = Fence { epoch, token };
                    let mut commit = connection.begin().await.unwrap();
                    let holds = fence.holds(&mut commit).await.unwrap();
                    if holds {
                        let row = "INSERT INTO wrote (epoch, token) VALUES ($1, $2)";
                        let row = sqlx::query(row).bind(epoch).bind(token);
                        row.execute(&mut *commit).await.unwrap();
                        count(1);
                    }
                    commit.commit().await.unwrap();
                    own = own.filter(|_| holds);
                } else {
                    tries += 1;
                    // Each waits for its turn: a row that somebody has locked counts as taken.
                    if tries % 6 == number || tries % 50 == 0 {
                        let expire = "UPDATE leader SET expires = '-infinity'";
                        sqlx::raw_sql(expire).execute(&mut connection).await.unwrap();
                    }
                    let taken =
                        lease::take(&mut connection, None, &Reach::default(), "here").await.ok();
                    own = taken.map(|fence| (fence.epoch, fence.token));
                    if own.is_some() {
                        count(0);
                    }
                }
            }
        }
    };
    let racers: Vec<_> = (0..6).map(|number| tokio::spawn(race(number))).collect();
    for racer in racers {
        racer.await.unwrap();
    }
    let mut looking = beside(&second, Session::Reader).await;
    let rows = sqlx::query("SELECT epoch, token FROM wrote ORDER BY n");
    let rows = rows.fetch_all(&mut looking).await.unwrap();
    let wrote: Vec<(i64, Uuid)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for pair in wrote.windows(2) {
        let same = pair[0].0 == pair[1].0 && pair[0].1 == pair[1].1;
        assert!(pair[0].0 < pair[1].0 || same, "{pair:?}");
    }
    assert_eq!(wrote.len(), done[1].load(Ordering::Relaxed) as usize);
}

#[tokio::test]
async fn changes_of_state_and_renewals_write_no_index() {
    // A database of its own: old rows stay as long as any transaction in the same one may see them.
    let server = server_or_skip!("leading::changes_of_state_and_renewals_write_no_index");
    let any = PostgresStore::open(&server.url(&schema()), Reach::default()).await.unwrap();
    tamper(&any, "CREATE DATABASE quiet").await;
    let url = server.url("crontower").replace("/postgres?", "/quiet?");
    // Nor may one that gathers statistics hold them for long: what the server itself does now and then (of its catalogs,
    // too) is waited out. Updates that write an index write one in each of these windows.
    let mut before = [(0, 0); 2];
    for window in 1.. {
        let now = updates_of_a_leader(&url, window).await;
        let share = |table: usize| (now[table].0 - before[table].0, now[table].1 - before[table].1);
        let (live, leader) = (share(0), share(1));
        if [live, leader].iter().all(|(all, hot)| hot * 100 >= all * 99) {
            return;
        }
        assert!(window < 5, "of the live ones {live:?}, of the leader {leader:?}");
        before = now;
    }
}

/// Changes five executions 150 times and renews a lease 100 times. Gives all updates of both tables so far, and how many
/// of them wrote no index.
async fn updates_of_a_leader(url: &str, window: i64) -> [(i64, i64); 2] {
    let first = PostgresStore::open(url, Reach::default()).await.unwrap();
    first.lead().await.unwrap();
    let quiet = "DO $$ DECLARE one text; BEGIN
        FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
            EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = false)', one);
        END LOOP; END $$";
    tamper(&first, quiet).await;
    let states = [ExecutionState::Queued, ExecutionState::RUNNING];
    for round in 0..150 {
        let state = &states[round % 2];
        let rows: Vec<_> = (1..=5).map(|n| kept(execution(n, state.clone()))).collect();
        first.commit(&rows).await.unwrap();
    }
    let own = first.writer.lock().await.fence.unwrap();
    let mut renewing = beside(&first, Session::Lease).await;
    for _ in 0..100 {
        let sql = "UPDATE leader SET expires = clock_timestamp() + interval '3 s' WHERE epoch = $1";
        sqlx::query(sql).bind(own.epoch).execute(&mut renewing).await.unwrap();
    }
    first.close().await.unwrap();
    renewing.close().await.unwrap();
    let mut looking = beside(&first, Session::Reader).await;
    let mut found = [(0, 0); 2];
    for (number, (table, least)) in [("live", 740), ("leader", 100)].into_iter().enumerate() {
        let sql = format!(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname = '{table}'"
        );
        // What a session did is counted soon after it ends.
        found[number] = loop {
            let row = sqlx::query_as(AssertSqlSafe(sql.clone())).fetch_one(&mut looking).await;
            let (all, hot): (i64, i64) = row.unwrap();
            if all >= least * window {
                break (all, hot);
            }
        };
    }
    found
}
