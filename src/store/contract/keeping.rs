//! The stories of what operators order, of failures to be told, of versions, and of what goes in the end.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::super::{Expired, HistorySize, PruneBatch, Store};
use super::{at, event, execution, found, gone, id, ids, job, job_id, kept};
use crate::model::{
    Actor, Change, Drain, Event, Execution, ExecutionId, ExecutionQuery, ExecutionState, Job,
    LedgerFate, LedgerRange, Trigger, WorkerId, WorkerOverrides,
};

pub(super) async fn orders_for_workers_are_kept_until_there_are_none(store: &dyn Store) {
    let orders = |worker: &str, capacity, drained: bool| {
        let by = Actor::named("tester");
        let reason = Some("\"quoted\"\n".to_owned());
        let drained = drained.then(|| Drain { at: at(0), by, reason });
        WorkerOverrides {
            worker_id: WorkerId::new(worker).unwrap(),
            drained,
            capacity,
            file_capacity: None,
        }
    };
    let first = [orders("w2", Some(3), false), orders("w1", None, true), orders("w3", None, false)];
    store.commit(&first.clone().map(Change::Worker)).await.unwrap();
    let [second, first, _] = first;
    assert_eq!(store.load().await.unwrap().workers, [first, second]);
    let twice = [orders("w1", None, false), orders("w1", Some(0), true), orders("w2", None, false)];
    store.commit(&twice.clone().map(Change::Worker)).await.unwrap();
    assert_eq!(store.load().await.unwrap().workers, twice[1..2]);
}

pub(super) async fn notices_come_with_their_definition_until_they_are_done(store: &dyn Store) {
    let failed = |number, version| {
        let mut execution = execution(number, ExecutionState::Failed);
        execution.job_version = version;
        execution
    };
    let mut changes = [job("a", 1), job("a", 2), job("b", 1)].concat();
    changes.extend([kept(failed(2, 1)), kept(failed(1, 2)), kept(failed(3, 2))]);
    changes.extend([2, 1, 3].map(|number| Change::NoticeDue(id(number))));
    changes.push(Change::NoticeDone(id(3)));
    store.commit(&changes).await.unwrap();
    store.commit(&[Change::NoticeDue(id(1)), Change::NoticeDone(id(9))]).await.unwrap();
    store.commit(&[gone("a", 1)]).await.unwrap();
    let notices = store.load().await.unwrap().notices;
    let describe = |(execution, job): &(Arc<Execution>, Arc<Job>)| {
        (execution.id, job.description.clone().unwrap())
    };
    let described: Vec<_> = notices.iter().map(describe).collect();
    assert_eq!(described, [(id(1), "version 2".to_owned()), (id(2), "version 1".to_owned())]);
    store.commit(&[Change::NoticeDone(id(1)), Change::NoticeDone(id(2))]).await.unwrap();
    assert!(store.load().await.unwrap().notices.is_empty());
}

pub(super) async fn versions_are_reported_newest_first(store: &dyn Store) {
    let changes = [job("a", 1), job("a", 2), job("a", 3), job("b", 1)].concat();
    store.commit(&changes).await.unwrap();
    store.commit(&[gone("a", 1)]).await.unwrap();
    // The same definition again, by someone else: the first to bring it counts.
    let [Change::JobVersion { definition, version, .. }, _] = job("a", 3) else { unreachable!() };
    let by = Actor::named("other");
    store.commit(&[Change::JobVersion { definition, version, at: at(9), by }]).await.unwrap();
    let versions = store.job_versions(&job_id("a"), None, 2).await.unwrap();
    let numbers: Vec<u32> = versions.iter().map(|it| it.version).collect();
    assert_eq!(numbers, [3, 2]);
    let older = store.job_versions(&job_id("a"), Some(3), 1).await.unwrap();
    assert_eq!(older[0].version, 2);
    assert_eq!((versions[0].at, versions[0].by.as_str()), (at(0), "tester"));
    assert_eq!(versions[1].definition.description.as_deref(), Some("version 2"));
    assert_eq!(store.job_versions(&job_id("none"), None, 9).await.unwrap(), []);
}

/// All executions that are kept.
async fn all(store: &dyn Store) -> Vec<ExecutionId> {
    found(store, &ExecutionQuery { limit: 1_000, ..ExecutionQuery::default() }).await
}

pub(super) async fn what_has_expired_goes_and_what_must_stay_stays(store: &dyn Store) {
    use ExecutionState::{Cancelled, Failed, Queued, Skipped, Succeeded, TimedOut};
    let states =
        [Succeeded, Failed, ExecutionState::RUNNING, TimedOut, Skipped, Cancelled, Queued, Failed];
    let mut rows: Vec<_> = (1..).zip(states).map(|(n, state)| execution(n, state)).collect();
    // Created long before, ended after.
    rows.push(Execution { finished_at: Some(at(500)), ..execution(9, Succeeded) });
    // Never ended, as far as is known, and of another job: its only failure.
    rows.push(Execution { job_id: job_id("b"), ..execution(10, TimedOut) });
    rows.push(Execution { finished_at: None, started_at: None, ..execution(11, Skipped) });
    rows.push(execution(200, Succeeded));
    let mut changes = job("a", 1).to_vec();
    changes.extend(rows.into_iter().map(kept));
    changes.push(Change::NoticeDue(id(2)));
    let event = |seq, second| {
        let Change::Event(event) = event(seq) else { unreachable!() };
        Change::Event(Event { at: at(second), ..event })
    };
    changes.extend([event(1, 1), event(2, 300), event(3, 2), event(4, 100)]);
    let range = |job: &str, first, last| {
        let (fate, reason) = (LedgerFate::Paused, String::new());
        let (first, last) = (at(first), at(last));
        Change::Ledger(LedgerRange { job_id: job_id(job), first, last, count: 2, fate, reason })
    };
    changes.extend([
        range("a", 0, 9),
        range("a", 10, 100),
        range("b", 0, 99),
        range("b", 120, 130),
    ]);
    store.commit(&changes).await.unwrap();
    let expired = Expired { before: at(100), per_job: 100, events: u64::MAX, at_most: 100 };
    let mut batch = store.delete_expired(&expired).await.unwrap();
    batch.executions.sort_unstable();
    let gone: Vec<_> = [1, 4, 5, 6, 11].map(|number| (id(number), 1)).into();
    assert_eq!(batch, PruneBatch { executions: gone, more: false });
    assert_eq!(all(store).await, ids([200, 10, 9, 8, 7, 3, 2]));
    assert_eq!(store.load().await.unwrap().live.len(), 2);
    let seqs: Vec<u64> = store.events_after(0, 9).await.unwrap().iter().map(|e| e.seq).collect();
    assert_eq!(seqs, [2, 4]);
    let firsts = async |job: &str| -> Vec<_> {
        let ranges = store.ledger(&job_id(job), None, 9).await.unwrap();
        ranges.iter().map(|range| range.first).collect()
    };
    assert_eq!((firsts("a").await, firsts("b").await), (vec![at(10)], vec![at(120)]));
    assert_eq!(store.delete_expired(&expired).await.unwrap(), PruneBatch::default());
    // What was kept for its notice goes when that is done; what fires again is another execution.
    store.commit(&[Change::NoticeDone(id(2))]).await.unwrap();
    assert_eq!(store.delete_expired(&expired).await.unwrap().executions, [(id(2), 1)]);
}

pub(super) async fn only_the_newest_of_each_job_stay(store: &dyn Store) {
    use ExecutionState::{Failed, Succeeded};
    let mut changes: Vec<_> = (1..=20).map(|number| kept(execution(number, Succeeded))).collect();
    changes.extend([
        kept(execution(2, Failed)),
        kept(execution(5, Failed)),
        kept(execution(3, ExecutionState::RUNNING)),
    ]);
    changes.extend(
        (21..=23)
            .map(|number| kept(Execution { job_id: job_id("b"), ..execution(number, Succeeded) })),
    );
    store.commit(&changes).await.unwrap();
    let expired = |per_job| Expired { before: at(-1), per_job, events: u64::MAX, at_most: 100 };
    assert_eq!(store.delete_expired(&expired(20)).await.unwrap(), PruneBatch::default());
    store.delete_expired(&expired(4)).await.unwrap();
    assert_eq!(all(store).await, ids([23, 22, 21, 20, 19, 18, 17, 5, 3]));
    store.delete_expired(&expired(0)).await.unwrap();
    assert_eq!(all(store).await, ids([5, 3]));
    assert_eq!(store.delete_expired(&expired(0)).await.unwrap(), PruneBatch::default());
}

pub(super) async fn a_batch_is_no_larger_than_asked(store: &dyn Store) {
    let rows = (1..=25).map(|number| kept(execution(number, ExecutionState::Succeeded)));
    let events = (1..=31).map(event);
    store.commit(&rows.chain(events).collect::<Vec<_>>()).await.unwrap();
    let expired = Expired { before: at(3_600), per_job: 3, events: u64::MAX, at_most: 10 };
    let mut sizes = Vec::new();
    loop {
        let batch = store.delete_expired(&expired).await.unwrap();
        sizes.push(batch.executions.len());
        if !batch.more {
            break;
        }
    }
    assert_eq!(sizes, [10, 10, 5, 0]);
    assert_eq!(store.events_after(0, 99).await.unwrap().len(), 1);
    let nothing = Expired { at_most: 0, ..expired };
    assert_eq!(store.delete_expired(&nothing).await.unwrap(), PruneBatch::default());
}

/// Many jobs, each with a few too many: a batch takes one of each, and the end of the list of jobs is not the end.
pub(super) async fn every_job_over_the_bound_is_brought_under_it(store: &dyn Store) {
    let (jobs, each) = (430, 5);
    let rows = (0..jobs * each).map(|number| {
        let job_id = job_id(&format!("job-{}", number % jobs));
        kept(Execution { job_id, ..execution(number + 1, ExecutionState::Succeeded) })
    });
    store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
    let expired = Expired { before: at(-1), per_job: 2, events: u64::MAX, at_most: 100 };
    let mut batches = 0;
    while store.delete_expired(&expired).await.unwrap().more {
        batches += 1;
    }
    assert_eq!(store.history_size().await.unwrap().executions, u64::from(2 * jobs));
    assert!(batches <= 20, "{batches} batches for 1,290 executions");
}

pub(super) async fn only_the_newest_events_stay(store: &dyn Store) {
    store.commit(&(1..=25).map(event).collect::<Vec<_>>()).await.unwrap();
    let expired = |events| Expired { before: at(-1), per_job: 9, events, at_most: 10 };
    assert_eq!(store.delete_expired(&expired(25)).await.unwrap(), PruneBatch::default());
    assert!(store.delete_expired(&expired(4)).await.unwrap().more);
    while store.delete_expired(&expired(4)).await.unwrap().more {}
    let seqs = async || -> Vec<u64> {
        store.events_after(0, 99).await.unwrap().iter().map(|event| event.seq).collect()
    };
    assert_eq!(seqs().await, [22, 23, 24, 25]);
    store.delete_expired(&expired(0)).await.unwrap();
    assert_eq!(seqs().await, [25], "the numbers go on from the newest");
}

pub(super) async fn output_may_go_before_its_execution(store: &dyn Store) {
    use ExecutionState::{Failed, Succeeded, TimedOut};
    let states = [Succeeded, Failed, ExecutionState::RUNNING, TimedOut, Failed, Succeeded];
    let rows = (1..).zip(states).map(|(number, state)| kept(execution(number, state)));
    store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
    store.commit(&[Change::NoticeDue(id(4))]).await.unwrap();
    let mut removable = store.removable(&ids([1, 2, 3, 4, 5, 6, 7])).await.unwrap();
    removable.sort_unstable();
    // Live, with an on_failure that has not ended, the newest failure, and unknown: these are not among them.
    assert_eq!(removable, ids([1, 2, 6]));
    assert_eq!(store.removable(&[]).await.unwrap(), []);
}

pub(super) async fn the_size_of_the_history_is_known(store: &dyn Store) {
    assert_eq!(store.history_size().await.unwrap(), HistorySize::default());
    let rows = (1..=7).map(|number| kept(execution(number, ExecutionState::Succeeded)));
    store.commit(&rows.chain((1..=9).map(event)).collect::<Vec<_>>()).await.unwrap();
    store.commit(&[kept(execution(7, ExecutionState::Failed)), event(10)]).await.unwrap();
    let expired = Expired { before: at(-1), per_job: 5, events: 6, at_most: 100 };
    store.delete_expired(&expired).await.unwrap();
    let size = store.history_size().await.unwrap();
    assert_eq!(size, HistorySize { executions: 5, events: 6 });
}

pub(super) async fn the_numbers_of_events_go_on_after_all_have_expired(store: &dyn Store) {
    store.commit(&(1..=5).map(event).collect::<Vec<_>>()).await.unwrap();
    let expired =
        Expired { before: DateTime::<Utc>::MAX_UTC, per_job: 9, events: u64::MAX, at_most: 100 };
    store.delete_expired(&expired).await.unwrap();
    assert_eq!(store.load().await.unwrap().last_seq, 5);
    let never = Expired { before: DateTime::<Utc>::MIN_UTC, ..expired };
    assert_eq!(store.delete_expired(&never).await.unwrap(), PruneBatch::default());
}

pub(super) async fn executions_that_are_not_kept_are_reported(store: &dyn Store) {
    let rows = (1..=3).map(|number| kept(execution(number, ExecutionState::Succeeded)));
    store.commit(&rows.collect::<Vec<_>>()).await.unwrap();
    let mut missing = store.missing(&ids([3, 9, 1, 8])).await.unwrap();
    missing.sort_unstable();
    assert_eq!(missing, ids([8, 9]));
    assert_eq!(store.missing(&[]).await.unwrap(), []);
}

pub(super) async fn a_removed_job_keeps_the_newest_fire_time_that_has_its_fate(store: &dyn Store) {
    let accounted = async || store.load().await.unwrap().retired[&job_id("a")].accounted_until;
    store.commit(&job("a", 1)).await.unwrap();
    store.commit(&[gone("a", 1)]).await.unwrap();
    assert_eq!(accounted().await, None);
    let fired = |n: u32, trigger| {
        let mut fired = execution(n, ExecutionState::Succeeded);
        (fired.trigger, fired.fire_time) = (trigger, at(60 * i64::from(n)));
        kept(fired)
    };
    let by_hand = fired(9, Trigger::Manual);
    let fired = [fired(1, Trigger::Schedule), fired(3, Trigger::CatchUp), by_hand];
    store.commit(&fired).await.unwrap();
    assert_eq!(accounted().await, Some(at(180)));
    let (job_id, fate, reason) = (job_id("a"), LedgerFate::Missed, "no engine ran".to_owned());
    let range = LedgerRange {
        job_id: job_id.clone(),
        first: at(190),
        last: at(200),
        count: 2,
        fate,
        reason,
    };
    store.commit(&[Change::Ledger(range)]).await.unwrap();
    assert_eq!(accounted().await, Some(at(200)));
    let image = store.load().await.unwrap();
    let state = image.retired[&job_id.clone()].state.clone().unwrap();
    assert_eq!(*state, crate::model::JobState::new(at(0)), "where it stood");
    assert_eq!(image.retired[&job_id].source, Some(crate::model::Source::File));
    assert_eq!((&image.recent[0].0, image.recent[0].1.len()), (&job_id, 3), "its history, too");
}

pub(super) async fn a_job_that_went_long_ago_goes_with_the_last_of_its_history(store: &dyn Store) {
    store.commit(&[job("a", 1), job("b", 1), job("c", 1)].concat()).await.unwrap();
    let last = kept(execution(1, ExecutionState::Succeeded));
    store.commit(&[last, gone("a", 1), gone("b", 1)]).await.unwrap();
    let expired =
        |before| Expired { before: at(before), per_job: 9, events: u64::MAX, at_most: 100 };
    let known = async || -> Vec<_> { store.load().await.unwrap().retired.into_keys().collect() };
    store.delete_expired(&expired(50)).await.unwrap();
    assert_eq!(known().await, [job_id("a"), job_id("b")], "they went at 50, not before");
    store.commit(&[kept(execution(200, ExecutionState::Succeeded))]).await.unwrap();
    store.delete_expired(&expired(51)).await.unwrap();
    assert_eq!(known().await, [job_id("a")], "an execution of it is kept");
    assert_eq!(store.job_versions(&job_id("b"), None, 9).await.unwrap(), []);
    while store.delete_expired(&expired(300)).await.unwrap() != PruneBatch::default() {}
    assert_eq!(known().await, []);
    let image = store.load().await.unwrap();
    assert_eq!(image.jobs.len(), 1, "what is defined stays");
    assert_eq!(store.job_versions(&job_id("c"), None, 9).await.unwrap().len(), 1);
}

pub(super) async fn what_lies_ahead_of_an_instant_is_found(store: &dyn Store) {
    store.commit(&[job("a", 1), job("b", 1)].concat()).await.unwrap();
    let fired = |n: u32, job: &str, trigger| {
        let mut fired = execution(n, ExecutionState::Succeeded);
        (fired.job_id, fired.trigger) = (job_id(job), trigger);
        fired.fire_time = at(60 * i64::from(n));
        kept(fired)
    };
    let (schedule, catch_up) = (Trigger::Schedule, Trigger::CatchUp);
    let rows = [fired(1, "a", schedule), fired(2, "a", catch_up), fired(3, "a", schedule)];
    store.commit(&rows).await.unwrap();
    store.commit(&[fired(4, "a", Trigger::Manual), fired(5, "b", schedule)]).await.unwrap();
    let range = |first, last| LedgerRange {
        job_id: job_id("a"),
        first: at(first),
        last: at(last),
        count: 2,
        fate: LedgerFate::Missed,
        reason: "no engine ran".to_owned(),
    };
    let ranges = [range(10, 60), range(61, 130), range(140, 150)];
    store.commit(&ranges.clone().map(Change::Ledger)).await.unwrap();
    let mut found = store.ahead(at(60), &[job_id("a"), job_id("none")]).await.unwrap();
    found.fired.sort();
    found.ledger.sort_by_key(|range| range.first);
    assert_eq!(found.fired, [(job_id("a"), at(120)), (job_id("a"), at(180))]);
    assert_eq!(found.ledger, ranges[1..]);
    assert_eq!(store.ahead(at(999), &[job_id("a")]).await.unwrap().fired, []);
}
