use super::*;
use crontower_model::{Condition, Dependency, Job, JobId, Overlap, Settings, WorkerSelector};

fn minutely(with: impl FnOnce(&mut Job)) -> Vec<Job> {
    vec![job("a", Some("*/5 * * * *"), with)]
}

#[test]
fn a_job_that_runs_as_its_schedule_says() {
    let mut world = World::new(2, minutely(|_| {}));
    world.until("5m").end("a#1", "ok").until("7m");
    insta::assert_snapshot!(world.why_job("a", world.instant("5m")), @"
    execution a#1 (schedule) was made for it and is succeeded
    Mon 2026-03-02 00:05:00 +00:00 is a fire time of: Every 5 minutes, UTC
    its next fire time is 2026-03-02T00:10:00Z
    ");
    insta::assert_snapshot!(world.why_job("a", world.instant("6m")), @"
    Mon 2026-03-02 00:06:00 +00:00 is no fire time of: Every 5 minutes, UTC: minute is 6, wanted */5
    its next fire time is 2026-03-02T00:10:00Z
    ");
    insta::assert_snapshot!(world.why_job("a", world.instant("10m")), @"
    Mon 2026-03-02 00:10:00 +00:00 is a fire time of: Every 5 minutes, UTC
    its next fire time is 2026-03-02T00:10:00Z
    ");
}

#[test]
fn halts_come_first() {
    let mut world = World::new(2, minutely(|_| {}));
    world.until("1m").pause("a").until("12m");
    insta::assert_snapshot!(world.why_job("a", world.instant("12m")), @"
    it is paused by ann since 2026-03-02T00:01:00Z until it is resumed
    its schedule: Every 5 minutes, UTC
    its schedule names 2026-03-02T00:15:00Z next, but does not fire
    ");
    world.resume("a").until("13m");
    insta::assert_snapshot!(world.why_job("a", world.instant("10m")), @"
    no execution was made for it: 2 fire times from 2026-03-02T00:05:00Z to 2026-03-02T00:10:00Z passed while the job was paused
    Mon 2026-03-02 00:10:00 +00:00 is a fire time of: Every 5 minutes, UTC
    its next fire time is 2026-03-02T00:15:00Z
    ");
    world.apply(minutely(|job| job.enabled = false)).until("14m");
    insta::assert_snapshot!(world.why_job("a", world.instant("15m")), @"
    it is disabled (`enabled: false`): nothing but a run by hand starts it
    Mon 2026-03-02 00:15:00 +00:00 is a fire time of: Every 5 minutes, UTC
    its schedule names 2026-03-02T00:15:00Z next, but does not fire
    ");
}

#[test]
fn a_live_execution_is_named_with_what_overlap_makes_of_the_next() {
    let mut world = World::new(2, minutely(|job| job.overlap = Overlap::Queue));
    world.until("12m");
    insta::assert_snapshot!(world.why_job("a", world.instant("12m")), @"
    execution a#2 is queued: waits for the end of execution a#1 of the same job
    execution a#1 is running: attempt 1 on w
    one fire time waits, further ones are skipped (overlap: queue)
    its schedule: Every 5 minutes, UTC
    its next fire time is 2026-03-02T00:15:00Z
    ");
    insta::assert_snapshot!(world.why("a#2"), @"
    it is queued: waits for the end of execution a#1 of the same job
    its job's schedule named 2026-03-02T00:10:00Z
    2026-03-02T00:10:00Z queued: due by its schedule
    ");
}

#[test]
fn a_worker_that_is_not_there_is_named() {
    let wanted = WorkerSelector { ids: Vec::new(), labels: vec!["gpu".to_owned()] };
    let mut world = World::new(2, minutely(|job| job.workers = Some(wanted)));
    world.until("5m");
    insta::assert_snapshot!(world.why_job("a", world.instant("5m")), @"
    execution a#1 (schedule) was made for it and is queued: no worker has the id or labels that it asks for
    no worker has the labels gpu: its executions stay queued
    a fire time now is recorded as skipped (overlap: skip)
    Mon 2026-03-02 00:05:00 +00:00 is a fire time of: Every 5 minutes, UTC
    its next fire time is 2026-03-02T00:10:00Z
    ");
    insta::assert_snapshot!(world.why("a#1"), @"
    it is queued: no worker has the id or labels that it asks for
    no worker has the labels gpu: its executions stay queued
    it is the next of those that wait for the same (priority medium)
    its job's schedule named 2026-03-02T00:05:00Z
    2026-03-02T00:05:00Z queued: due by its schedule
    ");
}

#[test]
fn whoever_holds_a_limit_is_named() {
    let db = |job: &mut Job| {
        job.limits = vec!["db".to_owned()];
        job.overlap = Overlap::Allow;
    };
    let pool = crontower_model::Pool {
        id: crontower_model::WorkerId::new("w").unwrap(),
        host: None,
        capacity: 8,
        labels: Vec::new(),
    };
    let limits = [("db".to_owned(), 1)].into();
    let settings = Settings { limits, workers: Some(vec![pool]), ..Settings::default() };
    let mut world = World::with_settings(settings, vec![job("a", None, db), job("b", None, db)]);
    world.run("a").run("b").run("b");
    insta::assert_snapshot!(world.why("b#2"), @"
    it is queued: the limit `db` is used up
    the limit `db` (1) is held by a#1 (a)
    1 execution that waits for the same is before it (priority medium)
    it was asked for by ann at 2026-03-02T00:00:00Z
    2026-03-02T00:00:00Z queued: requested by ann
    ");
}

#[test]
fn a_dependency_is_named_with_where_it_stands() {
    let on = |on| Dependency { job: JobId::new("sync").unwrap(), on, within: None };
    let jobs = vec![
        job("sync", Some("0 * * * *"), |_| {}),
        job("report", Some("0 6 * * *"), |job| job.dependencies = vec![on(Condition::Success)]),
        job("alarm", None, |job| job.dependencies = vec![on(Condition::Failure)]),
    ];
    let mut world = World::new(4, jobs);
    world.until("6h");
    let names = world.running();
    insta::assert_snapshot!(world.why("report#1"), @"
    it is waiting: waits for sync (running)
    it waits for `sync` to succeed: an execution of it is live; its next fire time is 2026-03-02T07:00:00Z
    at the job's next fire time, 2026-03-03T06:00:00Z, it gives way to the next one
    its job's schedule named 2026-03-02T06:00:00Z
    2026-03-02T06:00:00Z waiting: waits for sync (running)
    ");
    for name in names {
        world.end(&name, "exit 1");
    }
    world.until("6h1m");
    insta::assert_snapshot!(world.why("report#1"), @"
    it is waiting: waits for sync (last: failed)
    it waits for `sync` to succeed: its last execution sync#1 failed at 2026-03-02T06:00:00Z; its next fire time is 2026-03-02T07:00:00Z
    at the job's next fire time, 2026-03-03T06:00:00Z, it gives way to the next one
    its job's schedule named 2026-03-02T06:00:00Z
    2026-03-02T06:00:00Z waiting: waits for sync (last: failed)
    ");
    insta::assert_snapshot!(world.why_job("alarm", world.instant("6h1m")), @"
    execution alarm#1 is running: attempt 1 on w
    a fire time now is recorded as skipped (overlap: skip)
    it has no schedule: it fires when its dependencies have ended as asked
    it waits for `sync` to fail: its last execution sync#1 failed at 2026-03-02T06:00:00Z; its next fire time is 2026-03-02T07:00:00Z
    ");
    assert!(world.why_job("sync", world.instant("6h")).starts_with("execution sync#"));
}

#[test]
fn a_retry_says_when_and_after_what() {
    let retry = crontower_model::Retry::Fixed {
        max_retries: 2,
        delay: std::time::Duration::from_secs(30),
        jitter: 0.0,
    };
    let mut world = World::new(1, vec![job("a", None, |job| job.retry = retry)]);
    world.run("a").end("a#1", "exit 7");
    insta::assert_snapshot!(world.why("a#1"), @"
    it is retrying: attempt 1 of 3: exit code 7; next attempt in 30s
    it goes back to the queue at 2026-03-02T00:00:30Z (in 30 s)
    attempt 1 on w: failed
    it was asked for by ann at 2026-03-02T00:00:00Z
    2026-03-02T00:00:00Z retrying: attempt 1 of 3: exit code 7; next attempt in 30s
    2026-03-02T00:00:00Z running: attempt 1 on w
    2026-03-02T00:00:00Z queued: requested by ann
    ");
}

#[test]
fn asked_about_now_it_says_how_the_newest_ended_and_who_holds_the_next_back() {
    let limited = |job: &mut Job| job.limits = vec!["db".to_owned()];
    let jobs = vec![job("a", Some("*/5 * * * *"), limited), job("b", None, limited)];
    let mut world = World::new(4, jobs);
    world.configure(|settings| settings.limits = [("db".to_owned(), 1)].into());
    world.until("5m").end("a#1", "exit 3").run("b").until("10m").until("12m");
    insta::assert_snapshot!(world.why_job("a", world.instant("12m")), @"
    execution a#2 is queued: the limit `db` is used up
    the limit `db` (1) is held by b#1 (b)
    it is the next of those that wait for the same (priority medium)
    a fire time now is recorded as skipped (overlap: skip)
    execution a#1, the newest that has ended, failed at 2026-03-02T00:05:00Z: exit code 3
    its schedule: Every 5 minutes, UTC
    its next fire time is 2026-03-02T00:15:00Z
    ");
}
