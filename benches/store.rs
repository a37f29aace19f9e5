//! What the store costs: a commit of one execution, a commit of a thousand, pages of history, a
//! start with ten thousand jobs.
//!
//! `cargo bench --bench store`; the database lies in the folder for temporary files, so name a disk
//! with TMPDIR where that one is in memory.

#![expect(clippy::expect_used, reason = "a measurement that cannot be taken has nothing to say")]

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use crontower::internals::{Expired, SqliteStore, Store};
use crontower::model::{
    Actor, Attempt, AttemptProgress, Change, Event, EventKind, Execution, ExecutionId,
    ExecutionQuery, ExecutionState, Job, JobCommand, JobId, JobRecord, JobState, Outcome, Priority,
    Reason, Source, StateName, Transition, Trigger, WorkerId,
};
use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

fn at(millis: u64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_900_000_000_000 + millis.cast_signed()).unwrap_or_default()
}

fn job_id(number: u64) -> JobId {
    JobId::new(&format!("job-{number}")).expect("a legal id")
}

fn execution(number: u64, state: ExecutionState) -> Arc<Execution> {
    let millis = at(number).timestamp_millis().unsigned_abs();
    let scattered = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let random = scattered.to_be_bytes()[6..].try_into().expect("ten bytes");
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    let reason = Reason::Succeeded { exit_code: None };
    let states = [StateName::Queued, StateName::Running, state.name()];
    let transition = |state| Transition { at: at(number), state, reason: Reason::ItsTurn };
    Arc::new(Execution {
        id: ExecutionId::from_uuid(uuid),
        job_id: job_id(number % 100),
        job_version: 1,
        finished_at: state.is_final().then(|| at(number)),
        state,
        trigger: Trigger::Schedule,
        fire_time: at(number),
        created_at: at(number),
        started_at: Some(at(number)),
        attempts: vec![Attempt {
            number: 1,
            worker_id: WorkerId::new("local").expect("a legal id"),
            assigned_at: at(number),
            progress: AttemptProgress::Ended {
                started_at: Some(at(number)),
                finished_at: at(number),
                outcome: Outcome::Succeeded,
                exit_code: Some(0),
                error: None,
                output_lost: 0,
            },
        }],
        priority: Priority::Medium,
        reason,
        result: None,
        history: states.map(transition).to_vec(),
        retry_of: None,
        args: Vec::new(),
        forced: false,
        requested_by: None,
        cancelled_by: None,
    })
}

fn event(seq: u64, execution: &Execution) -> Change {
    let kind = EventKind::ExecutionChanged {
        execution_id: execution.id,
        job_id: execution.job_id.clone(),
        state: execution.state.name(),
        attempt: 1,
        reason: execution.reason.clone(),
    };
    Change::Event(Event { seq, at: at(seq), actor: Actor::engine(), kind })
}

/// So many new executions, each with three events, numbered from `first` on.
fn batch(first: u64, count: u64) -> Vec<Change> {
    let mut changes = Vec::new();
    for number in first..first + count {
        let execution = execution(number, ExecutionState::Succeeded);
        changes.extend((1..=3).map(|part| event(number * 3 + part, &execution)));
        changes.push(Change::Execution(execution));
    }
    changes
}

/// A store with so many executions in it, the runtime it lives on, and its folder.
fn filled(executions: u64) -> (TempDir, Runtime, SqliteStore) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Runtime::new().expect("a runtime");
    let store = runtime.block_on(open(folder.path()));
    for first in (0..executions).step_by(10_000) {
        let changes = batch(first, executions.min(10_000));
        runtime.block_on(store.commit(&changes)).expect("a commit");
    }
    (folder, runtime, store)
}

async fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("crontower.db")).await.expect("a store")
}

#[divan::bench(args = [1, 10, 100, 1_000], sample_count = 50, sample_size = 1)]
fn commit(bencher: Bencher<'_, '_>, count: u64) {
    let (_folder, runtime, store) = filled(0);
    let mut next = 0;
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| {
            next += count;
            batch(next, count)
        })
        .bench_local_values(|changes| runtime.block_on(store.commit(&changes)).expect("a commit"));
}

/// What a commit cannot be cheaper than: some bytes at the end of a file, made durable.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn bare_fsync(bencher: Bencher<'_, '_>) {
    let mut file = tempfile::tempfile().expect("a file");
    bencher.bench_local(|| {
        std::io::Write::write_all(&mut file, &[0; 4_096]).expect("a write");
        file.sync_data().expect("a sync");
    });
}

/// Pages of 50 rows: the newest, those of a job, those in a state, and those with a rare word.
#[divan::bench_group(sample_count = 20)]
mod page {
    use super::*;

    fn page(bencher: Bencher<'_, '_>, executions: u64, query: &ExecutionQuery) {
        let (_folder, runtime, store) = filled(executions);
        bencher.bench_local(|| runtime.block_on(store.executions(query)).expect("a page"));
    }

    fn fifty() -> ExecutionQuery {
        ExecutionQuery { limit: 50, ..ExecutionQuery::default() }
    }

    #[divan::bench(args = [100, 100_000])]
    fn newest(bencher: Bencher<'_, '_>, executions: u64) {
        page(bencher, executions, &fifty());
    }

    #[divan::bench(args = [100, 100_000])]
    fn from_the_middle(bencher: Bencher<'_, '_>, executions: u64) {
        let middle = execution(executions / 2, ExecutionState::Queued).id;
        page(bencher, executions, &ExecutionQuery { before: Some(middle), ..fifty() });
    }

    #[divan::bench(args = [100, 100_000])]
    fn of_a_job(bencher: Bencher<'_, '_>, executions: u64) {
        page(bencher, executions, &ExecutionQuery { job: Some(job_id(7)), ..fifty() });
    }

    #[divan::bench(args = [100, 100_000])]
    fn in_a_state(bencher: Bencher<'_, '_>, executions: u64) {
        let states = vec![StateName::Succeeded];
        page(bencher, executions, &ExecutionQuery { states, ..fifty() });
    }

    #[divan::bench(args = [100, 100_000])]
    fn with_a_word_that_is_nowhere(bencher: Bencher<'_, '_>, executions: u64) {
        let words = vec!["nowhere".to_owned()];
        page(bencher, executions, &ExecutionQuery { words, ..fifty() });
    }
}

/// A start with 10,000 jobs and so many executions in the history.
#[divan::bench(args = [0, 100_000], sample_count = 10, sample_size = 1)]
fn load_ten_thousand_jobs(bencher: Bencher<'_, '_>, executions: u64) {
    let (_folder, runtime, store) = filled(executions);
    let job = |number| {
        let mut job = Job::new(job_id(number), JobCommand::script("/usr/local/bin/backup --all"));
        job.schedule = Some("*/5 * * * *".to_owned());
        let definition = Arc::new(job);
        let state = Arc::new(JobState::new(at(0)));
        let (source, version, by) = (Source::File, 1, Actor::engine());
        let record = JobRecord { definition: Arc::clone(&definition), source, version, state };
        [Change::JobVersion { definition, version, at: at(0), by }, Change::Job(record)]
    };
    let jobs: Vec<_> = (0..10_000).flat_map(job).collect();
    runtime.block_on(store.commit(&jobs)).expect("a commit");
    bencher.bench_local(|| runtime.block_on(store.load()).expect("an image").jobs.len());
}

/// Bites of 100 that retention takes of a million executions with three events each: expired by age, of 100 jobs that have
/// far too many, and where nothing has expired.
#[divan::bench_group(sample_count = 20, sample_size = 1)]
mod retention {
    use super::*;

    const MANY: u64 = 1_000_000;

    fn bite(bencher: Bencher<'_, '_>, before: u64, per_job: u32) {
        let (_folder, runtime, store) = filled(MANY);
        let expired = Expired { before: at(before), per_job, events: u64::MAX, at_most: 100 };
        bencher.bench_local(|| runtime.block_on(store.delete_expired(&expired)).expect("a bite"));
    }

    #[divan::bench]
    fn too_old(bencher: Bencher<'_, '_>) {
        bite(bencher, MANY, u32::MAX);
    }

    #[divan::bench]
    fn too_many(bencher: Bencher<'_, '_>) {
        bite(bencher, 0, 1_000);
    }

    #[divan::bench]
    fn nothing(bencher: Bencher<'_, '_>) {
        bite(bencher, 0, u32::MAX);
    }

    /// Commits of one execution while bites are taken as fast as they can be: what a bite costs those who write.
    #[divan::bench(sample_count = 50)]
    fn commit_beside(bencher: Bencher<'_, '_>) {
        let (_folder, runtime, store) = filled(MANY);
        let store = Arc::new(store);
        let expired =
            Expired { before: at(MANY), per_job: u32::MAX, events: u64::MAX, at_most: 100 };
        let eater = Arc::clone(&store);
        let eating = runtime.spawn(async move {
            while eater.delete_expired(&expired).await.expect("a bite").more {}
        });
        let mut next = MANY;
        bencher
            .with_inputs(|| {
                next += 1;
                batch(next, 1)
            })
            .bench_local_values(|changes| {
                runtime.block_on(store.commit(&changes)).expect("a commit")
            });
        eating.abort();
    }
}
