//! Every rule of what is wrong with a job, as a transcript: what is wrong at which moment.

use std::time::Duration;

use super::*;
use crontower_control::{AcknowledgeJob, UnacknowledgeJob};
use crontower_model::{
    CatchUp, Dependency, Job, Overlap, Pool, Retry, StateName, WorkerId, WorkerSelector,
};

fn after(on: &str) -> Dependency {
    let job = crontower_model::JobId::new(on).unwrap();
    Dependency { job, on: crontower_model::Condition::Success, within: None }
}

#[test]
fn a_failed_newest_execution_is_wrong_until_the_next_success() {
    let mut world = World::new(2, vec![job("a", Some("0 * * * *"), |_| {})]);
    world.until("1h").end("a#1", "exit 3");
    assert_eq!(world.wrong(), "a failure since 01:00:00: exit code 3\n");
    world.restart("1s").until("2h");
    assert_eq!(world.wrong(), "a failure since 01:00:00: exit code 3\n", "while it runs again");
    world.end("a#2", "timed_out");
    assert_eq!(world.wrong(), "a timed_out since 02:00:00: timed out\n");
    world.until("3h").cancel("a#3").end("a#3", "cancelled");
    assert_eq!(world.wrong(), "", "its newest execution did not fail");
    world.until("4h").end("a#4", "exit 1").run("a").end("a#5", "ok");
    assert_eq!(world.wrong(), "", "any success will do");
}

#[test]
fn a_retry_that_is_still_to_come_is_no_failure() {
    let retried = |job: &mut Job| {
        let delay = Duration::from_secs(60);
        job.retry = Retry::Fixed { max_retries: 1, delay, jitter: 0.0 };
    };
    let mut world = World::new(2, vec![job("a", None, retried)]);
    world.run("a").end("a#1", "exit 1");
    assert_eq!(world.state("a#1"), StateName::Retrying);
    assert_eq!(world.wrong(), "");
    world.until("60s").end("a#1", "exit 1");
    assert_eq!(world.wrong(), "a failure since 00:01:00: exit code 1\n");
}

#[test]
fn an_older_execution_that_ends_last_does_not_hide_the_newest() {
    let allow = |job: &mut Job| job.overlap = Overlap::Allow;
    let mut world = World::new(2, vec![job("a", None, allow)]);
    world.run("a").run("a").end("a#2", "ok").end("a#1", "exit 1");
    assert_eq!(world.wrong(), "");
    world.run("a").run("a").end("a#4", "exit 1").end("a#3", "exit 2");
    assert_eq!(world.wrong(), "a failure since 00:00:00: exit code 1\n", "of the newest one");
}

#[test]
fn a_fire_time_that_is_skipped_for_a_dependency_is_wrong_until_one_is_carried_out() {
    let waits = |job: &mut Job| job.dependencies = vec![after("first")];
    let jobs = vec![job("first", None, |_| {}), job("then", Some("*/10 * * * *"), waits)];
    let mut world = World::new(2, jobs);
    world.until("10m");
    assert_eq!(world.wrong(), "", "it waits");
    world.until("20m");
    let skipped = "then skipped since 00:20:00: superseded by the fire time 2026-03-02T00:20:00Z\n";
    assert_eq!(world.wrong(), skipped);
    world.restart("1s").until("25m");
    assert_eq!(world.wrong(), skipped);
    world.run("first").end("first#1", "ok");
    assert_eq!(world.running(), ["then#2"]);
    assert_eq!(world.wrong(), "", "it is being carried out");
}

#[test]
fn a_dependency_that_is_waited_for_too_long_is_wrong_and_a_success_by_hand_is_enough() {
    let waits = |job: &mut Job| {
        job.dependencies = vec![after("first")];
        job.dependency_timeout = Some(Duration::from_secs(60));
    };
    let jobs = vec![job("first", None, |_| {}), job("then", Some("0 1 * * *"), waits)];
    let mut world = World::new(2, jobs);
    world.until("1h1m");
    insta::assert_snapshot!(world.wrong(), @"then skipped since 01:01:00: dependency_timeout has passed: waits for first (never ran)");
    world.run("then");
    assert_ne!(world.wrong(), "", "by hand it was not due");
    world.end("then#2", "ok");
    assert_eq!(world.wrong(), "");
}

#[test]
fn what_was_never_started_within_its_deadline_is_wrong() {
    let bounded = |job: &mut Job| {
        job.deadline = Some(Duration::from_secs(30));
        job.concurrency = Some(1);
        job.overlap = Overlap::Allow;
    };
    let mut world = World::new(2, vec![job("a", Some("* * * * *"), bounded)]);
    world.until("1m").cancel("a#1").until("2m30s");
    assert_eq!(world.state("a#2"), StateName::TimedOut);
    insta::assert_snapshot!(world.wrong(), @"a timed_out since 00:02:30: its deadline has passed");
}

#[test]
fn a_missed_fire_time_is_wrong_where_it_should_have_been_caught_up() {
    let window = |job: &mut Job| job.catch_up_window = Duration::from_secs(60);
    let none = |job: &mut Job| job.catch_up = CatchUp::None;
    let jobs = vec![
        job("narrow", Some("0 1 * * *"), window),
        job("none", Some("0 1 * * *"), none),
        job("wide", Some("0 1 * * *"), |_| {}),
    ];
    let mut world = World::new(3, jobs);
    world.restart("3h");
    insta::assert_snapshot!(world.wrong(), @"narrow missed since 03:00:00: the fire time 2026-03-02T01:00:00Z was missed: no engine ran at it, and it lies outside catch_up_window");
    assert_eq!(world.running(), ["wide#1"], "it is caught up");
    world.until("25h");
    assert_eq!(world.wrong(), "", "the next one is carried out");
}

#[test]
fn fire_times_skipped_behind_one_old_execution_are_wrong() {
    let mut world = World::new(2, vec![job("a", Some("*/4 * * * *"), |_| {})]);
    world.until("12m");
    assert_eq!(world.wrong(), "", "two in a row");
    world.until("16m");
    insta::assert_snapshot!(world.wrong(), @"a overlap since 00:08:00: the last 3 fire times were skipped: a#1 has not ended");
    world.restart("1s").until("20m");
    insta::assert_snapshot!(world.wrong(), @"a overlap since 00:08:00: the last 4 fire times were skipped: a#1 has not ended");
    world.end("a#1", "ok");
    assert_eq!(world.wrong(), "");
}

#[test]
fn many_skips_behind_a_young_execution_become_wrong_with_its_age_and_only_then() {
    let mut world = World::new(2, vec![job("a", Some("* 0 * * *"), |_| {})]);
    world.until("1m").until("5m").restart("1s").until("10m59s");
    assert_eq!(world.wrong(), "");
    world.until("11m");
    assert!(world.wrong().starts_with("a overlap since 00:02:00"), "{}", world.wrong());

    // The last fire time of the hour passes before it is old enough: no other event is needed.
    let mut world = World::new(2, vec![job("a", Some("55-59 0 * * *"), |_| {})]);
    world.until("1h4m59s");
    assert_eq!(world.wrong(), "");
    world.until("1h5m");
    assert!(world.wrong().starts_with("a overlap since 00:56:00"), "{}", world.wrong());
}

#[test]
fn a_full_queue_behind_one_execution_counts_as_skipped_and_waiting_in_it_does_not() {
    let queue = |job: &mut Job| job.overlap = Overlap::Queue;
    let mut world = World::new(2, vec![job("a", Some("*/5 * * * *"), queue)]);
    world.until("20m");
    assert_eq!(world.state("a#2"), StateName::Queued);
    assert_eq!(world.wrong(), "", "one waits, two were skipped");
    world.until("25m");
    assert!(world.wrong().starts_with("a overlap since 00:15:00"), "{}", world.wrong());
}

#[test]
fn a_minute_without_a_slot_is_wrong_and_names_the_holders() {
    let jobs = vec![
        job("hung", None, |_| {}),
        job("other", None, |_| {}),
        job("a", Some("1 0 * * *"), |_| {}),
    ];
    let mut world = World::new(2, jobs);
    world.run("hung").run("other").until("1m59s");
    assert_eq!(world.wrong(), "");
    world.until("2m");
    insta::assert_snapshot!(world.wrong(), @"a queued since 00:01:00: a#1 has no slot: every worker is full; running: hung hung#1, other other#1");
    world.end("other#1", "ok");
    assert_eq!((world.state("a#1"), world.wrong().as_str()), (StateName::Running, ""));
}

#[test]
fn what_holds_the_slots_is_looked_at_again() {
    let jobs = vec![job("x", None, |_| {}), job("y", None, |_| {}), job("a", None, |_| {})];
    let mut world = World::new(1, jobs);
    world.run("x").run("y").run("a").until("1m");
    assert!(
        world.wrong().contains("a a#1 has no slot: every worker is full; running: x x#1\n")
            || world.wrong().contains("a#1 has no slot: every worker is full; running: x x#1\n")
    );
    world.end("x#1", "ok").until("2m");
    insta::assert_snapshot!(world.wrong(), @"a queued since 00:00:00: a#1 has no slot: every worker is full; running: y y#1");
}

#[test]
fn a_worker_that_no_one_is_or_that_is_away_or_drained_is_a_slot_that_is_missing() {
    let gpu = |job: &mut Job| {
        let labels = vec!["gpu".to_owned()];
        job.workers = Some(WorkerSelector { labels, ..WorkerSelector::default() });
    };
    let mut world = World::new(1, vec![job("gpu", None, gpu), job("a", None, |_| {})]);
    world.run("gpu").until("1m");
    insta::assert_snapshot!(world.wrong(), @"gpu queued since 00:00:00: gpu#1 has no slot: no worker has the id or labels that it asks for");
    world.cancel("gpu#1").drain("w", true).run("a").until("2m");
    insta::assert_snapshot!(world.wrong(), @"a queued since 00:01:00: a#1 has no slot: worker w is draining");
    world.drain("w", false);
    assert_eq!(world.wrong(), "");
    world.end("a#1", "ok").link_down().run("a").until("3m");
    insta::assert_snapshot!(world.wrong(), @"a queued since 00:02:00: a#2 has no slot: the worker process is offline");
}

#[test]
fn waiting_for_limits_concurrency_and_the_same_job_is_never_wrong() {
    let limited = |job: &mut Job| job.limits = vec!["db".to_owned()];
    let twice = |job: &mut Job| {
        job.overlap = Overlap::Allow;
        job.concurrency = Some(1);
    };
    let queue = |job: &mut Job| job.overlap = Overlap::QueueAll;
    let jobs = vec![
        job("a", None, limited),
        job("b", None, limited),
        job("c", None, twice),
        job("d", None, queue),
        job("e", None, |_| {}),
    ];
    let pool = Pool { id: WorkerId::new("w").unwrap(), host: None, capacity: 3, labels: vec![] };
    let settings = crontower_model::Settings {
        workers: Some(vec![pool]),
        limits: [("db".to_owned(), 1)].into(),
        ..Default::default()
    };
    let mut world = World::with_settings(settings, jobs);
    world.run("a").run("b").run("c").run("c").run("d").run("d").until("2h");
    assert_eq!(world.wrong(), "");
    // The limit is free, and then there is no slot: only that wait counts.
    world.run("e").end("d#1", "ok").until("2h30s");
    world.end("a#1", "ok");
    assert_eq!(world.state("b#1"), StateName::Running);
    assert_eq!(world.wrong(), "");
}

#[test]
fn a_wait_for_a_slot_begins_when_the_wait_for_a_limit_ends() {
    let limited = |job: &mut Job| job.limits = vec!["db".to_owned()];
    let high = |job: &mut Job| job.priority = crontower_model::Priority::High;
    let jobs = vec![
        job("a", None, limited),
        job("b", None, limited),
        job("c", None, high),
        job("d", None, |_| {}),
    ];
    let pool = Pool { id: WorkerId::new("w").unwrap(), host: None, capacity: 2, labels: vec![] };
    let settings = crontower_model::Settings {
        workers: Some(vec![pool]),
        limits: [("db".to_owned(), 1)].into(),
        ..Default::default()
    };
    let mut world = World::with_settings(settings, jobs);
    world.run("a").run("b").run("d").until("4m").run("c").end("a#1", "ok");
    assert_eq!(world.running(), ["d#1", "c#1"]);
    assert_eq!(world.executions[&world.id("b#1")].reason.to_string(), "every worker is full");
    world.until("4m59s");
    assert_eq!(world.wrong(), "");
    world.until("5m");
    insta::assert_snapshot!(world.wrong(), @"b queued since 00:04:00: b#1 has no slot: every worker is full; running: d d#1, c c#1");
}

#[test]
fn nothing_is_wrong_with_what_is_paused_or_disabled() {
    let mut world =
        World::new(1, vec![job("a", Some("0 * * * *"), |_| {}), job("b", None, |_| {})]);
    world.until("1h").end("a#1", "exit 1").pause("a");
    assert_eq!(world.wrong(), "");
    world.until("2h30m").resume("a");
    assert_eq!(world.wrong(), "a failure since 01:00:00: exit code 1\n");
    let disabled = |job: &mut Job| job.enabled = false;
    world.apply(vec![job("a", Some("0 * * * *"), disabled)]);
    assert_eq!(world.wrong(), "");
    world.until("3h30m").apply(vec![job("a", Some("0 * * * *"), |_| {})]);
    assert_eq!(world.wrong(), "a failure since 01:00:00: exit code 1\n");
}

#[test]
fn fire_times_that_an_operator_suppressed_are_not_the_newest_due() {
    let waits = |job: &mut Job| job.dependencies = vec![after("first")];
    let jobs = vec![job("first", None, |_| {}), job("then", Some("*/10 * * * *"), waits)];
    let mut world = World::new(2, jobs);
    world.until("20m").cancel("then#2").run("first").end("first#1", "exit 1");
    assert_eq!(world.wrong(), "first failure since 00:20:00: exit code 1\n", "it was cancelled");
    let mut world =
        World::new(2, vec![job("first", None, |_| {}), job("then", Some("*/10 * * * *"), waits)]);
    world.until("20m").pause("then").until("35m").resume("then");
    assert_eq!(world.wrong(), "", "the newest due fire time was paused");
}

#[test]
fn an_acknowledgement_takes_whatever_is_wrong_until_a_new_fact() {
    let jobs = vec![job("hung", None, |_| {}), job("a", Some("0 * * * *"), |_| {})];
    let mut world = World::new(1, jobs);
    world.run("hung").until("1h1m");
    assert!(world.wrong().starts_with("a queued"), "{}", world.wrong());
    world.acknowledge_job("a");
    assert_eq!(world.wrong(), "");
    world.restart("1s").until("1h10m");
    assert_eq!(world.wrong(), "", "it is the same fact");
    world.end("hung#1", "ok").end("a#1", "exit 1");
    assert_eq!(world.wrong(), "a failure since 01:10:00: exit code 1\n", "that is news");
    world.acknowledge_job("a").until("2h").end("a#2", "timed_out");
    assert_eq!(world.wrong(), "", "it fails on");
    world.until("3h").end("a#3", "ok").until("4h").end("a#4", "exit 1");
    assert_eq!(world.wrong(), "a failure since 04:00:00: exit code 1\n");
    insta::assert_snapshot!(world.events(), @"
    01:01:00 ann: a acknowledged: we know
    01:10:00 engine: a no longer acknowledged: something else is wrong: exit code 1
    01:10:00 ann: a a#1 acknowledged: we know
    03:00:00 engine: a a#1 no longer acknowledged: the job has succeeded
    ");
    let none = AcknowledgeJob { id: "hung".to_owned(), ..AcknowledgeJob::default() };
    assert_eq!(world.refused(none), "nothing is wrong with job `hung`");
}

#[test]
fn an_acknowledgement_of_a_job_can_be_taken_back() {
    let mut world = World::new(1, vec![job("a", None, |_| {})]);
    world.run("a").end("a#1", "exit 1").acknowledge_job("a");
    assert_eq!(world.wrong(), "");
    let undo = UnacknowledgeJob { id: "a".to_owned() };
    world.ask(undo.clone()).unwrap();
    assert_eq!(world.wrong(), "a failure since 00:00:00: exit code 1\n");
    assert_eq!(world.refused(undo), "job `a` is not acknowledged");
}

#[test]
fn a_command_that_could_not_be_started_is_a_kind_of_its_own() {
    let mut world = World::new(1, vec![job("a", None, |_| {})]);
    world.run("a").end("a#1", "not_started");
    assert_eq!(world.wrong(), "a not_started since 00:00:00: not started\n");
}

#[test]
fn a_job_that_comes_back_is_as_wrong_as_it_was() {
    let jobs = || vec![job("a", Some("0 * * * *"), |_| {})];
    let mut world = World::new(1, jobs());
    world.until("1h").end("a#1", "exit 4").apply(vec![]);
    assert_eq!(world.wrong(), "");
    world.apply(jobs());
    assert_eq!(world.wrong(), "a failure since 01:00:00: exit code 4\n");
}
