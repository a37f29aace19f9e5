use super::*;
use crontower_model::{Overlap, Priority};

#[test]
fn a_scheduled_job_fires_runs_and_ends() {
    let mut world = World::new(2, vec![job("a", Some("*/5 * * * *"), |_| {})]);
    world.until("5m").end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @r"
    00:05:00 a#1 queued: due by its schedule
    00:05:00 a#1 running: attempt 1 on w
    00:05:00 a#1 succeeded: succeeded
    ");
}

#[test]
fn skip_leaves_a_row_with_the_reason() {
    let mut world = World::new(2, vec![job("a", Some("* * * * *"), |_| {})]);
    world.until("2m").end("a#1", "ok").until("3m");
    insta::assert_snapshot!(world.describe(), @"
    00:01:00 a#1 queued: due by its schedule
    00:01:00 a#1 running: attempt 1 on w
    00:02:00 a#2 skipped: overlap: a#1 is still running
    00:02:00 a#1 succeeded: succeeded
    00:03:00 a#3 queued: due by its schedule
    00:03:00 a#3 running: attempt 1 on w
    ");
}

#[test]
fn queue_lets_one_more_wait() {
    let queue = |job: &mut crontower_model::Job| job.overlap = Overlap::Queue;
    let mut world = World::new(2, vec![job("a", Some("* * * * *"), queue)]);
    world.until("3m").end("a#1", "ok").end("a#2", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:01:00 a#1 queued: due by its schedule
    00:01:00 a#1 running: attempt 1 on w
    00:02:00 a#2 queued: due by its schedule
    00:03:00 a#3 skipped: overlap: another one is queued already
    00:03:00 a#1 succeeded: succeeded
    00:03:00 a#2 running: attempt 1 on w
    00:03:00 a#2 succeeded: succeeded
    ");
}

#[test]
fn allow_runs_them_side_by_side_up_to_the_slots() {
    let allow = |job: &mut crontower_model::Job| job.overlap = Overlap::Allow;
    let mut world = World::new(2, vec![job("a", Some("* * * * *"), allow)]);
    world.until("3m").end("a#2", "ok");
    insta::assert_snapshot!(world.describe(), @r"
    00:01:00 a#1 queued: due by its schedule
    00:01:00 a#1 running: attempt 1 on w
    00:02:00 a#2 queued: due by its schedule
    00:02:00 a#2 running: attempt 1 on w
    00:03:00 a#3 queued: due by its schedule
    00:03:00 a#2 succeeded: succeeded
    00:03:00 a#3 running: attempt 1 on w
    ");
}

#[test]
fn replace_starts_the_new_one_when_the_old_one_is_gone() {
    let replace = |job: &mut crontower_model::Job| job.overlap = Overlap::Replace;
    let mut world = World::new(2, vec![job("a", Some("* * * * *"), replace)]);
    world.until("2m").until("2m5s").end("a#1", "cancelled");
    insta::assert_snapshot!(world.describe(), @"
    00:01:00 a#1 queued: due by its schedule
    00:01:00 a#1 running: attempt 1 on w
    00:02:00 a#2 queued: due by its schedule
    00:02:00 stop a#1 (Cancel)
    00:02:05 a#1 cancelled: overlap: replaced by a#2
    00:02:05 a#2 running: attempt 1 on w
    ");
}

#[test]
fn a_run_by_hand_obeys_overlap_unless_forced() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.run("a").run("a").run_with("a", true);
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#2 skipped: overlap: a#1 is still running
    00:00:00 a#3 queued: requested by ann
    00:00:00 a#3 running: attempt 1 on w
    ");
}

#[test]
fn the_queue_goes_by_priority_then_fire_time() {
    let low = |job: &mut crontower_model::Job| job.priority = Priority::Low;
    let high = |job: &mut crontower_model::Job| job.priority = Priority::High;
    let jobs = vec![
        job("blocker", None, |_| {}),
        job("low", Some("* * * * *"), low),
        job("high", Some("* * * * *"), high),
        job("middle", Some("* * * * *"), |_| {}),
    ];
    let mut world = World::new(1, jobs);
    world
        .run("blocker")
        .until("1m")
        .end("blocker#1", "ok")
        .end("high#1", "ok")
        .end("middle#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 blocker#1 queued: requested by ann
    00:00:00 blocker#1 running: attempt 1 on w
    00:01:00 high#1 queued: due by its schedule
    00:01:00 low#1 queued: due by its schedule
    00:01:00 middle#1 queued: due by its schedule
    00:01:00 blocker#1 succeeded: succeeded
    00:01:00 high#1 running: attempt 1 on w
    00:01:00 high#1 succeeded: succeeded
    00:01:00 middle#1 running: attempt 1 on w
    00:01:00 low#1 running: attempt 1 on w
    00:01:00 middle#1 succeeded: succeeded
    ");
}

#[test]
fn limits_concurrency_and_selectors_hold_back_only_whom_they_concern() {
    let limited = |job: &mut crontower_model::Job| job.limits = vec!["db".to_owned()];
    let twice = |job: &mut crontower_model::Job| {
        job.overlap = Overlap::Allow;
        job.concurrency = Some(1);
    };
    let elsewhere = |job: &mut crontower_model::Job| {
        job.workers = Some(crontower_model::WorkerSelector {
            labels: vec!["gpu".to_owned()],
            ..Default::default()
        });
    };
    let jobs = vec![
        job("a", None, limited),
        job("b", None, limited),
        job("c", None, twice),
        job("d", None, elsewhere),
    ];
    let mut settings = World::new(9, Vec::new()).engine.settings().clone();
    settings.limits.insert("db".to_owned(), 1);
    let mut world = World::with_settings(settings, jobs);
    world.run("a").run("b").run("c").run("c").run("d").end("c#1", "ok").end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 b#1 queued: requested by ann
    00:00:00 c#1 queued: requested by ann
    00:00:00 c#1 running: attempt 1 on w
    00:00:00 c#2 queued: requested by ann
    00:00:00 d#1 queued: requested by ann
    00:00:00 c#1 succeeded: succeeded
    00:00:00 c#2 running: attempt 1 on w
    00:00:00 a#1 succeeded: succeeded
    00:00:00 b#1 running: attempt 1 on w
    ");
    let waits = world.executions[&world.id("d#1")].reason.to_string();
    assert_eq!(waits, "no worker has the id or labels that it asks for");
}

#[test]
fn a_pause_holds_the_schedule_and_leaves_a_range() {
    let mut world = World::new(2, vec![job("a", Some("* * * * *"), |_| {})]);
    world.until("30s").pause("a").until("5m30s").resume("a").until("6m");
    insta::assert_snapshot!(world.describe(), @r"
    00:06:00 a#1 queued: due by its schedule
    00:06:00 a#1 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.ledger(), @"a 02 00:01:00 to 02 00:05:00, 5: Paused");
}

#[test]
fn the_clock_set_back_fires_nothing_twice_and_set_forward_misses() {
    let mut world = World::new(9, vec![job("a", Some("* * * * *"), |_| {})]);
    world.until("1m").end("a#1", "ok");
    world.set_clock(chrono::TimeDelta::minutes(-1)).until("1m30s");
    world.set_clock(chrono::TimeDelta::minutes(10));
    insta::assert_snapshot!(world.describe(), @r"
    00:01:00 a#1 queued: due by its schedule
    00:01:00 a#1 running: attempt 1 on w
    00:01:00 a#1 succeeded: succeeded
    00:11:30 a#2 queued: caught up: 30s late
    00:11:30 a#2 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.ledger(), @"a 02 00:02:00 to 02 00:10:00, 9: Missed");
}
