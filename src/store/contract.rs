//! What every backend promises, as stories: each is told to each backend.
//!
//! A story that only one backend can tell (reopening a file) stands in that backend's own tests. The
//! file is long because the promises stand together: whoever adds a backend reads one list.

mod keeping;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Builder;

use super::postgres::tests::in_new_schema;
use super::{MemoryStore, SqliteStore, Store, StoreError};
use crate::model::{
    Actor, Attempt, AttemptProgress, BOOT_ID, Change, Event, EventKind, Execution, ExecutionId,
    ExecutionQuery, ExecutionState, Job, JobCommand, JobId, JobRecord, JobState, LedgerFate,
    LedgerRange, Outcome, Priority, RECENT, Reason, Source, StateName, Trigger, WorkerId,
};

use keeping::{
    a_batch_is_no_larger_than_asked, a_job_that_went_long_ago_goes_with_the_last_of_its_history,
    a_removed_job_keeps_the_newest_fire_time_that_has_its_fate,
    every_job_over_the_bound_is_brought_under_it, executions_that_are_not_kept_are_reported,
    notices_come_with_their_definition_until_they_are_done, only_the_newest_events_stay,
    only_the_newest_of_each_job_stay, orders_for_workers_are_kept_until_there_are_none,
    output_may_go_before_its_execution, the_numbers_of_events_go_on_after_all_have_expired,
    the_size_of_the_history_is_known, versions_are_reported_newest_first,
    what_has_expired_goes_and_what_must_stay_stays, what_lies_ahead_of_an_instant_is_found,
};

macro_rules! stories {
    ($($story:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $story() {
                super::$story(&super::MemoryStore::default()).await;
            })+
        }
        mod in_sqlite {
            $(#[tokio::test]
            async fn $story() {
                let folder = tempfile::tempdir().unwrap();
                let store = super::SqliteStore::open(&folder.path().join("x.db")).await.unwrap();
                super::$story(&store).await;
            })+
        }
        mod in_postgres {
            $(#[tokio::test]
            async fn $story() {
                let name = concat!("store::contract::in_postgres::", stringify!($story));
                if let Some(store) = super::in_new_schema(name).await {
                    super::$story(&store).await;
                    super::Store::close(&store).await.unwrap();
                }
            })+
        }
    };
}

stories!(
    an_empty_store_is_an_empty_image,
    what_is_committed_is_loaded,
    a_commit_is_kept_whole_or_not_at_all,
    the_last_change_of_a_thing_counts,
    live_executions_come_with_the_definition_they_run,
    a_live_execution_without_its_definition_is_set_aside,
    the_newest_past_executions_of_each_job_are_loaded,
    a_fire_time_is_claimed_once,
    a_definition_never_changes,
    pages_have_no_gaps_and_no_doubles_while_rows_arrive,
    pages_upwards_hold_the_nearest,
    filters_find_what_they_name,
    words_are_found_in_ids_and_reasons,
    limits_are_brought_into_range,
    an_execution_is_found_by_part_of_its_id,
    states_are_counted,
    events_come_in_order,
    ranges_of_the_ledger_grow,
    what_lies_ahead_of_an_instant_is_found,
    a_removed_job_keeps_its_history_and_its_numbers,
    a_removed_job_keeps_the_newest_fire_time_that_has_its_fate,
    hostile_texts_come_back_as_they_were,
    large_commits_are_kept,
    orders_for_workers_are_kept_until_there_are_none,
    notices_come_with_their_definition_until_they_are_done,
    versions_are_reported_newest_first,
    what_has_expired_goes_and_what_must_stay_stays,
    only_the_newest_of_each_job_stay,
    a_batch_is_no_larger_than_asked,
    the_numbers_of_events_go_on_after_all_have_expired,
    every_job_over_the_bound_is_brought_under_it,
    only_the_newest_events_stay,
    output_may_go_before_its_execution,
    the_size_of_the_history_is_known,
    executions_that_are_not_kept_are_reported,
    a_job_that_went_long_ago_goes_with_the_last_of_its_history,
);

/// A fixed instant, so many seconds in.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_900_000_000 + seconds, 123_456_000).unwrap()
}

/// An id as the engine makes them: time first, then what tells apart.
pub(crate) fn id(number: u32) -> ExecutionId {
    let millis = u64::try_from(at(number.into()).timestamp_millis()).unwrap();
    // Scattered ends, as random ones are.
    let end = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let random = end.to_be_bytes()[6..].try_into().unwrap();
    ExecutionId::from_uuid(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

pub(super) fn job_id(text: &str) -> JobId {
    JobId::new(text).unwrap()
}

pub(super) fn job(id: &str, version: u32) -> [Change; 2] {
    let mut definition = Job::new(job_id(id), JobCommand::script("true"));
    definition.description = Some(format!("version {version}"));
    let definition = Arc::new(definition);
    let state = Arc::new(JobState::new(at(0)));
    let by = Actor::named("tester");
    let record =
        JobRecord { definition: Arc::clone(&definition), source: Source::File, version, state };
    [Change::JobVersion { definition, version, at: at(0), by }, Change::Job(record)]
}

/// The end of a job's definition.
pub(super) fn gone(id: &str, version: u32) -> Change {
    match job(id, version) {
        [_, Change::Job(record)] => Change::JobRemoved { record, at: at(50) },
        other => panic!("not a job: {other:?}"),
    }
}

/// A manual execution of job `a`, version 1, created `number` seconds in.
pub(crate) fn execution(number: u32, state: ExecutionState) -> Execution {
    Execution {
        id: id(number),
        job_id: job_id("a"),
        job_version: 1,
        finished_at: state.is_final().then(|| at(i64::from(number) + 5)),
        state,
        trigger: Trigger::Manual,
        fire_time: at(number.into()),
        created_at: at(number.into()),
        started_at: Some(at(i64::from(number) + 1)),
        attempts: vec![Attempt {
            number: 1,
            worker_id: WorkerId::new("w1").unwrap(),
            assigned_at: at(number.into()),
            progress: AttemptProgress::Ended {
                started_at: Some(at(number.into())),
                finished_at: at(i64::from(number) + 5),
                outcome: Outcome::Succeeded,
                exit_code: Some(0),
                error: None,
                output_lost: 0,
            },
        }],
        priority: Priority::Medium,
        reason: Reason::from("asked for"),
        result: None,
        history: Vec::new(),
        retry_of: None,
        args: Vec::new(),
        forced: false,
        requested_by: None,
        cancelled_by: None,
    }
}

pub(crate) fn kept(execution: Execution) -> Change {
    Change::Execution(Arc::new(execution))
}

pub(super) fn event(seq: u64) -> Change {
    let kind = EventKind::JobAdded { job_id: job_id("a"), version: 1 };
    Change::Event(Event { seq, at: at(0), actor: Actor::engine(), kind })
}

/// Ten of so many asked for.
fn query() -> ExecutionQuery {
    ExecutionQuery { limit: 10, ..ExecutionQuery::default() }
}

async fn found(store: &dyn Store, query: &ExecutionQuery) -> Vec<ExecutionId> {
    let page = store.executions(query).await.unwrap();
    page.items.iter().map(|execution| execution.id).collect()
}

fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<ExecutionId> {
    numbers.into_iter().map(id).collect()
}

async fn an_empty_store_is_an_empty_image(store: &dyn Store) {
    let image = store.load().await.unwrap();
    assert!(image.jobs.is_empty() && image.live.is_empty() && image.recent.is_empty());
    assert_eq!((image.last_seq, image.boot_id, image.retired.len()), (0, None, 0));
    let page = store.executions(&query()).await.unwrap();
    assert!(page.items.is_empty() && !page.more);
    assert!(store.newest_events(10).await.unwrap().is_empty());
    assert!(store.job_version(&job_id("a"), 1).await.unwrap().is_none());
    store.commit(&[]).await.unwrap();
}

async fn what_is_committed_is_loaded(store: &dyn Store) {
    let [version, record] = job("a", 1);
    let live = execution(1, ExecutionState::Retrying { until: at(9) });
    let boot = Change::Meta { key: BOOT_ID, value: "boot-1".to_owned() };
    let changes = [version, record.clone(), kept(live.clone()), event(1), event(2), boot];
    store.commit(&changes).await.unwrap();
    let image = store.load().await.unwrap();
    let Change::Job(record) = record else { unreachable!() };
    assert_eq!(image.jobs, [record]);
    assert_eq!(*image.live[0].0, live);
    assert_eq!(*image.live[0].1, *image.jobs[0].definition);
    assert_eq!((image.last_seq, image.boot_id.as_deref()), (2, Some("boot-1")));
    let definition = store.job_version(&job_id("a"), 1).await.unwrap().unwrap();
    assert_eq!(definition, image.jobs[0].definition);
}

async fn a_commit_is_kept_whole_or_not_at_all(store: &dyn Store) {
    store.commit(&[event(1)]).await.unwrap();
    let [version, record] = job("a", 1);
    let boot = Change::Meta { key: BOOT_ID, value: "boot-1".to_owned() };
    let queued = kept(execution(1, ExecutionState::Queued));
    let error = store.commit(&[version, record, queued, boot, event(1)]).await.unwrap_err();
    assert!(matches!(&error, StoreError::Conflict { what } if what == "event 1"), "{error:?}");
    let image = store.load().await.unwrap();
    assert!(image.jobs.is_empty() && image.live.is_empty() && image.boot_id.is_none());
    assert!(found(store, &query()).await.is_empty());
    assert!(store.job_version(&job_id("a"), 1).await.unwrap().is_none());
    store.commit(&[event(2)]).await.unwrap();
}

async fn the_last_change_of_a_thing_counts(store: &dyn Store) {
    let removed = || gone("a", 2);
    let [version, record] = job("a", 1);
    let states = [ExecutionState::Queued, ExecutionState::RUNNING, ExecutionState::Failed];
    let mut changes = vec![version, removed(), record.clone()];
    changes.extend(states.map(|state| kept(execution(1, state))));
    store.commit(&changes).await.unwrap();
    let image = store.load().await.unwrap();
    assert_eq!((image.jobs.len(), image.live.len()), (1, 0));
    let again = [record, removed(), kept(execution(1, ExecutionState::Succeeded))];
    store.commit(&again).await.unwrap();
    let page = store.executions(&query()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].state, ExecutionState::Succeeded);
    assert!(store.load().await.unwrap().jobs.is_empty());
    assert_eq!(store.counts(at(0)).await.unwrap(), [(StateName::Succeeded, 1)]);
}

async fn live_executions_come_with_the_definition_they_run(store: &dyn Store) {
    let waiting = ExecutionState::Waiting { waiting_for: vec![job_id("b")], fresh_after: None };
    let states = [ExecutionState::RUNNING, ExecutionState::Skipped, waiting];
    let mut changes = job("a", 1).to_vec();
    changes.extend((1..).zip(states).map(|(number, state)| kept(execution(number, state))));
    store.commit(&changes).await.unwrap();
    let mut newer = execution(4, ExecutionState::Queued);
    newer.job_version = 2;
    let [version, record] = job("a", 2);
    store.commit(&[version, record, kept(newer)]).await.unwrap();
    let live = store.load().await.unwrap().live;
    let live: Vec<_> = live
        .iter()
        .map(|(execution, job)| (execution.id, job.description.as_deref().unwrap()))
        .collect();
    assert_eq!(live, [(id(1), "version 1"), (id(3), "version 1"), (id(4), "version 2")]);
}

async fn a_live_execution_without_its_definition_is_set_aside(store: &dyn Store) {
    store.commit(&[kept(execution(1, ExecutionState::RUNNING))]).await.unwrap();
    store.commit(&job("b", 1)).await.unwrap();
    let image = store.load().await.unwrap();
    assert_eq!((image.live.len(), image.jobs.len(), image.unreadable.len()), (0, 1, 1));
    let sentence = &image.unreadable[0];
    assert!(sentence.contains(&id(1).to_string()) && sentence.contains("set aside"), "{sentence}");
}

async fn the_newest_past_executions_of_each_job_are_loaded(store: &dyn Store) {
    let mut changes = [job("a", 1), job("b", 1), job("c", 1)].concat();
    changes.extend((1..=30).map(|number| kept(execution(number, ExecutionState::Succeeded))));
    let mut of_b = execution(40, ExecutionState::TimedOut);
    of_b.job_id = job_id("b");
    of_b.started_at = None;
    let summary = of_b.summary();
    changes.extend([kept(of_b), kept(execution(50, ExecutionState::Queued))]);
    let mut of_none = execution(60, ExecutionState::Failed);
    of_none.job_id = job_id("gone");
    changes.push(kept(of_none));
    store.commit(&changes).await.unwrap();
    let recent = store.load().await.unwrap().recent;
    let of_a: Vec<_> = recent[0].1.iter().map(|summary| summary.id).collect();
    assert_eq!((&recent[0].0, of_a), (&job_id("a"), ids(11..=30)));
    assert_eq!(recent[0].1.len(), RECENT);
    assert_eq!(recent[1..], [(job_id("b"), vec![summary])]);
}

async fn a_fire_time_is_claimed_once(store: &dyn Store) {
    let scheduled = |number, trigger| {
        let mut execution = execution(number, ExecutionState::Queued);
        (execution.trigger, execution.fire_time) = (trigger, at(0));
        execution
    };
    store.commit(&job("a", 1)).await.unwrap();
    let first = scheduled(1, Trigger::Schedule);
    store.commit(&[kept(first.clone())]).await.unwrap();
    // The same execution goes on, and others may share the instant.
    let others = [Trigger::Manual, Trigger::Retry, Trigger::Dependency, Trigger::Reboot];
    let mut changes: Vec<_> =
        (2..).zip(others).map(|(number, trigger)| kept(scheduled(number, trigger))).collect();
    let mut elsewhere = scheduled(6, Trigger::Schedule);
    elsewhere.job_id = job_id("b");
    changes.extend([kept(first), kept(elsewhere)]);
    store.commit(&changes).await.unwrap();
    let twice = [event(1), kept(scheduled(7, Trigger::CatchUp)), event(2)];
    let error = store.commit(&twice).await.unwrap_err();
    let described = error.to_string();
    assert_eq!(described, "job `a` has already fired for 2030-03-17T17:46:40.123456+00:00");
    assert!(matches!(error, StoreError::FiredTwice { fire_time, .. } if fire_time == at(0)));
    assert_eq!(found(store, &query()).await.len(), 6);
    assert_eq!(store.newest_events(9).await.unwrap(), []);
    let mut doubles = [scheduled(8, Trigger::Schedule), scheduled(9, Trigger::CatchUp)];
    doubles.iter_mut().for_each(|execution| execution.fire_time = at(60));
    let error = store.commit(&doubles.map(kept)).await.unwrap_err();
    assert!(matches!(error, StoreError::FiredTwice { fire_time, .. } if fire_time == at(60)));
}

async fn a_definition_never_changes(store: &dyn Store) {
    store.commit(&job("a", 1)).await.unwrap();
    store.commit(&job("a", 1)).await.unwrap();
    let by = Actor::engine();
    let definition = Arc::new(Job::new(job_id("a"), JobCommand::script("false")));
    let other = Change::JobVersion { definition, version: 1, at: at(0), by };
    let [version, _] = job("a", 2);
    let error = store.commit(&[version, other.clone()]).await.unwrap_err();
    let described = error.to_string();
    assert_eq!(described, "the store already holds another version 1 of job `a`");
    assert!(store.job_version(&job_id("a"), 2).await.unwrap().is_none());
    let [version, _] = job("b", 1);
    let Change::JobVersion { definition, .. } = other else { unreachable!() };
    let mut renamed = (*definition).clone();
    renamed.id = job_id("b");
    let by = Actor::engine();
    let other = Change::JobVersion { definition: Arc::new(renamed), version: 1, at: at(0), by };
    let error = store.commit(&[version, other]).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
}

async fn pages_have_no_gaps_and_no_doubles_while_rows_arrive(store: &dyn Store) {
    let past = |number| kept(execution(number, ExecutionState::Succeeded));
    store.commit(&(1..=25).map(past).collect::<Vec<_>>()).await.unwrap();
    let mut query = query();
    let mut seen = Vec::new();
    for arriving in 26.. {
        let page = store.executions(&query).await.unwrap();
        seen.extend(page.items.iter().map(|execution| execution.id));
        query.before = seen.last().copied();
        store.commit(&[past(arriving)]).await.unwrap();
        if !page.more {
            break;
        }
        assert_eq!(page.items.len(), 10);
    }
    assert_eq!(seen, ids((1..=25).rev()));
}

async fn pages_upwards_hold_the_nearest(store: &dyn Store) {
    let past = |number| kept(execution(number, ExecutionState::Succeeded));
    store.commit(&(1..=25).map(past).collect::<Vec<_>>()).await.unwrap();
    let up = |after| ExecutionQuery { after: Some(id(after)), ..query() };
    let page = store.executions(&up(3)).await.unwrap();
    assert_eq!(found(store, &up(3)).await, ids((4..=13).rev()));
    assert!(page.more);
    let page = store.executions(&up(15)).await.unwrap();
    assert_eq!(found(store, &up(15)).await, ids((16..=25).rev()));
    assert!(!page.more);
    let between = ExecutionQuery { before: Some(id(8)), ..up(5) };
    assert_eq!(found(store, &between).await, ids([7, 6]));
    let states = vec![StateName::Failed, StateName::Succeeded];
    let of_states = ExecutionQuery { states, ..up(3) };
    assert_eq!(found(store, &of_states).await, ids((4..=13).rev()));
}

async fn filters_find_what_they_name(store: &dyn Store) {
    let mut rows = vec![
        execution(1, ExecutionState::Succeeded),
        execution(2, ExecutionState::Failed),
        execution(3, ExecutionState::RUNNING),
        execution(4, ExecutionState::Failed),
    ];
    rows[3].job_id = job_id("b");
    rows[0].trigger = Trigger::Schedule;
    rows[1].attempts[0].worker_id = WorkerId::new("w2").unwrap();
    rows[2].attempts.clear();
    store.commit(&rows.into_iter().map(kept).collect::<Vec<_>>()).await.unwrap();
    let check = async |query: ExecutionQuery, expected: &[u32]| {
        assert_eq!(found(store, &query).await, ids(expected.iter().copied()), "{query:?}");
    };
    use StateName::{Failed, Queued, Running};
    let of_a = || ExecutionQuery { job: Some(job_id("a")), ..query() };
    check(query(), &[4, 3, 2, 1]).await;
    check(of_a(), &[3, 2, 1]).await;
    check(ExecutionQuery { job: Some(job_id("none")), ..query() }, &[]).await;
    check(ExecutionQuery { states: vec![Failed], ..query() }, &[4, 2]).await;
    let states = vec![Running, Failed, Failed, Queued];
    check(ExecutionQuery { states: states.clone(), ..query() }, &[4, 3, 2]).await;
    check(ExecutionQuery { states: states.clone(), ..of_a() }, &[3, 2]).await;
    check(ExecutionQuery { states, before: Some(id(4)), ..query() }, &[3, 2]).await;
    check(ExecutionQuery { trigger: Some(Trigger::Schedule), ..query() }, &[1]).await;
    let worker = WorkerId::new("w1").unwrap();
    check(ExecutionQuery { worker: Some(worker), ..query() }, &[4, 1]).await;
    check(ExecutionQuery { since: Some(at(2)), until: Some(at(4)), ..query() }, &[3, 2]).await;
    check(ExecutionQuery { since: Some(at(5)), ..query() }, &[]).await;
    let ever = (Some(DateTime::<Utc>::MIN_UTC), Some(DateTime::<Utc>::MAX_UTC));
    check(ExecutionQuery { since: ever.0, until: ever.1, ..query() }, &[4, 3, 2, 1]).await;
}

async fn words_are_found_in_ids_and_reasons(store: &dyn Store) {
    let reasons = ["exit code 1", "Größe: 100% of O'Brien", "a\0b \u{1F600}", ""];
    let rows = (1..).zip(reasons).map(|(number, reason)| {
        let mut execution = execution(number, ExecutionState::Failed);
        execution.reason = Reason::from(reason);
        execution.job_id = job_id(if number == 4 { "nightly-backup" } else { "x" });
        kept(execution)
    });
    store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
    let check = async |words: &[&str], without: &[&str], expected: &[u32]| {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let query = ExecutionQuery { words: owned(words), without: owned(without), ..query() };
        assert_eq!(found(store, &query).await, ids(expected.iter().copied()), "{query:?}");
    };
    check(&["CODE"], &[], &[1]).await;
    check(&["GRÖSSE"], &[], &[]).await;
    check(&["GRÖßE", "o'b", "%"], &[], &[2]).await;
    check(&["\u{1F600}", "b "], &[], &[3]).await;
    check(&["a\0b"], &[], &[3]).await;
    check(&["Backup"], &[], &[4]).await;
    check(&["nightly", "code"], &[], &[]).await;
    check(&["", ""], &["nightly"], &[3, 2, 1]).await;
    check(&[], &["x", "code"], &[4]).await;
    check(&["'; DROP TABLE executions; --"], &[], &[]).await;
    check(&["_ackup"], &[], &[]).await;
    check(&["x"; 5_000], &[], &[3, 2, 1]).await;
}

async fn limits_are_brought_into_range(store: &dyn Store) {
    let rows = (1..=1_005).map(|number| kept(execution(number, ExecutionState::Succeeded)));
    store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
    for (asked, given) in [(0, 1), (1, 1), (1_000, 1_000), (u32::MAX, 1_000)] {
        let query = ExecutionQuery { limit: asked, ..ExecutionQuery::default() };
        assert_eq!(found(store, &query).await.len(), given);
    }
}

async fn an_execution_is_found_by_part_of_its_id(store: &dyn Store) {
    let rows = (1..=40).map(|number| kept(execution(number, ExecutionState::Succeeded)));
    store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
    let named = async |part: &str| -> Vec<ExecutionId> {
        let named = store.executions_named(part).await.unwrap();
        named.iter().map(|execution| execution.id).collect()
    };
    let whole = id(7).to_string();
    assert_eq!(named(&whole).await, [id(7)]);
    assert_eq!(named(&whole.to_uppercase()).await, [id(7)]);
    assert_eq!(named(&id(7).uuid().to_string()).await, [id(7)]);
    for length in [8, 9, 13, 31] {
        assert_eq!(named(&whole[32 - length..]).await, [id(7)], "{length}");
    }
    assert_eq!(named(&whole[..20]).await, [id(7)]);
    let end = &whole[31..];
    let alike: BTreeSet<_> = (1..=40).map(id).filter(|id| id.to_string().ends_with(end)).collect();
    assert!((2..=10).contains(&alike.len()), "{}", alike.len());
    assert_eq!(named(end).await.into_iter().collect::<BTreeSet<_>>(), alike);
    assert_eq!(named(&whole[..4]).await.len(), 10);
    for nothing in ["", "ffffffff", "not hex", "%", &"0".repeat(1 << 20)] {
        assert_eq!(named(nothing).await, []);
    }
}

async fn states_are_counted(store: &dyn Store) {
    use ExecutionState::{Failed, Succeeded};
    let states = [Succeeded, Succeeded, Failed, ExecutionState::RUNNING];
    let rows = (1..).zip(states).map(|(number, state)| kept(execution(number, state)));
    store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
    let all = store.counts(at(0)).await.unwrap();
    let expected = [(StateName::Running, 1), (StateName::Succeeded, 2), (StateName::Failed, 1)];
    assert_eq!(all, expected);
    assert_eq!(store.counts(at(2)).await.unwrap()[1], (StateName::Succeeded, 1));
    assert_eq!(store.counts(at(5)).await.unwrap(), []);
}

async fn events_come_in_order(store: &dyn Store) {
    store.commit(&(1..=20).map(event).collect::<Vec<_>>()).await.unwrap();
    store.commit(&[event(22), event(21)]).await.unwrap();
    let seqs = |events: Vec<Event>| events.iter().map(|event| event.seq).collect::<Vec<_>>();
    assert_eq!(seqs(store.events_after(18, 100).await.unwrap()), [19, 20, 21, 22]);
    assert_eq!(seqs(store.events_after(0, 2).await.unwrap()), [1, 2]);
    assert_eq!(seqs(store.events_after(u64::MAX, 9).await.unwrap()), [0; 0]);
    let newest = store.newest_events(2).await.unwrap();
    let Change::Event(expected) = event(22) else { unreachable!() };
    assert_eq!(newest[0], expected);
    assert_eq!(seqs(newest), [22, 21]);
    assert_eq!(store.load().await.unwrap().last_seq, 22);
}

async fn ranges_of_the_ledger_grow(store: &dyn Store) {
    let range = |job: &str, first: i64, count: u64| {
        let last = at(first) + TimeDelta::seconds(i64::try_from(count).unwrap() - 1);
        let (fate, reason) = (LedgerFate::Missed, "no engine ran".to_owned());
        LedgerRange { job_id: job_id(job), first: at(first), last, count, fate, reason }
    };
    let rows = [range("a", 0, 3), range("a", 10, 1), range("b", 5, 1), range("a", 10, 4)];
    store.commit(&rows.map(Change::Ledger)).await.unwrap();
    store.commit(&[Change::Ledger(range("a", 10, 9))]).await.unwrap();
    let ledger = store.ledger(&job_id("a"), None, 10).await.unwrap();
    assert_eq!(ledger, [range("a", 10, 9), range("a", 0, 3)]);
    assert_eq!(store.ledger(&job_id("a"), None, 1).await.unwrap(), [range("a", 10, 9)]);
    let before = store.ledger(&job_id("a"), Some(at(10)), 10).await.unwrap();
    assert_eq!(before, [range("a", 0, 3)]);
    assert_eq!(store.ledger(&job_id("none"), None, 10).await.unwrap(), []);
}

async fn a_removed_job_keeps_its_history_and_its_numbers(store: &dyn Store) {
    let mut changes = [job("a", 1), job("a", 2), job("b", 1)].concat();
    changes.push(kept(execution(1, ExecutionState::Succeeded)));
    changes.push(kept(execution(2, ExecutionState::RUNNING)));
    store.commit(&changes).await.unwrap();
    let removed = [gone("a", 2), gone("never-was", 1)];
    store.commit(&removed).await.unwrap();
    let image = store.load().await.unwrap();
    assert_eq!(image.jobs.len(), 1);
    assert_eq!(image.retired.keys().cloned().collect::<Vec<_>>(), [job_id("a")]);
    assert_eq!(image.retired[&job_id("a")].version, 2);
    assert_eq!(image.live[0].1.description.as_deref(), Some("version 1"));
    assert_eq!(found(store, &query()).await, ids([2, 1]));
    assert!(store.job_version(&job_id("a"), 1).await.unwrap().is_some());
    store.commit(&job("a", 3)).await.unwrap();
    let image = store.load().await.unwrap();
    assert_eq!((image.jobs[0].version, image.retired.len()), (3, 0));
}

async fn hostile_texts_come_back_as_they_were(store: &dyn Store) {
    let texts = [
        "'; DROP TABLE executions; --",
        "\0 \u{1} \u{7f} \r\n\t \\ \" \\u0000 \\\"",
        "\u{202e}\u{feff}\u{fffd}\u{1F468}\u{200d}\u{1F4BB}é",
        "[1,{\"a\":null}]",
        &"long \"quoted\" ü ".repeat(100_000),
    ];
    let mut changes = job("a", 1).to_vec();
    for (number, text) in (1..).zip(texts) {
        let mut execution = execution(number, ExecutionState::RUNNING);
        execution.reason = Reason::from(text);
        execution.args = vec![text.to_owned()];
        execution.result = Some(serde_json::json!({ text: [text, 1.5, null, u64::MAX] }));
        changes.push(kept(execution));
        changes.push(Change::Meta { key: BOOT_ID, value: text.to_owned() });
        let kind = EventKind::JobResumed { job_id: job_id("a"), reason: text.to_owned() };
        let seq = number.into();
        changes.push(Change::Event(Event { seq, at: at(0), actor: Actor::engine(), kind }));
    }
    store.commit(&changes).await.unwrap();
    let image = store.load().await.unwrap();
    let events = store.events_after(0, 100).await.unwrap();
    let page = store.executions(&query()).await.unwrap();
    let mut back = Vec::new();
    back.extend(image.live.into_iter().map(|(execution, _)| Change::Execution(execution)));
    back.extend(events.into_iter().map(Change::Event));
    for change in &back {
        assert!(changes.contains(change));
    }
    assert_eq!((back.len(), page.items.len()), (10, 5));
    assert_eq!(image.boot_id.as_deref(), texts.last().copied());
}

async fn large_commits_are_kept(store: &dyn Store) {
    let mut changes: Vec<_> = (0..10_000).map(|number| job(&format!("j{number}"), 1)).collect();
    let mut changes = changes.drain(..).flatten().collect::<Vec<_>>();
    changes.extend((1..=3_000).map(|number| {
        let mut execution = execution(number, ExecutionState::Succeeded);
        execution.reason = Reason::Text("r".repeat(3_000));
        kept(execution)
    }));
    changes.extend((1..=3_000).map(event));
    store.commit(&changes).await.unwrap();
    let image = store.load().await.unwrap();
    assert_eq!((image.jobs.len(), image.last_seq), (10_000, 3_000));
    assert_eq!(store.counts(at(0)).await.unwrap(), [(StateName::Succeeded, 3_000)]);
}
