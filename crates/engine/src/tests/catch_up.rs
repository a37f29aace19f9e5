use super::*;
use crontower_model::{CatchUp, Job, Overlap};

fn policy(catch_up: CatchUp) -> impl FnOnce(&mut Job) {
    move |job| job.catch_up = catch_up
}

#[test]
fn the_newest_missed_fire_time_is_caught_up_and_the_rest_is_reported() {
    let mut world = World::new(4, vec![job("a", Some("0 * * * *"), |_| {})]);
    world.until("30m").restart("5h").until("6h");
    insta::assert_snapshot!(world.describe(), @"
    05:30:00 engine started
    05:30:00 a#1 queued: caught up: 30m late
    05:30:00 a#1 running: attempt 1 on w
    06:00:00 a#2 skipped: overlap: a#1 is still running
    ");
    insta::assert_snapshot!(world.ledger(), @"a 02 01:00:00 to 02 04:00:00, 4: Missed");
}

#[test]
fn none_runs_nothing() {
    let mut world = World::new(4, vec![job("a", Some("0 * * * *"), policy(CatchUp::None))]);
    world.until("30m").restart("5h");
    insta::assert_snapshot!(world.describe(), @"05:30:00 engine started");
    insta::assert_snapshot!(world.ledger(), @"a 02 01:00:00 to 02 05:00:00, 5: Missed");
}

#[test]
fn all_come_one_after_the_other_oldest_first() {
    let mut world = World::new(4, vec![job("a", Some("0 * * * *"), policy(CatchUp::All))]);
    world.until("30m").restart("3h").end("a#1", "ok").end("a#2", "exit 1");
    insta::assert_snapshot!(world.describe(), @r"
    03:30:00 engine started
    03:30:00 a#1 queued: caught up: 2h30m late
    03:30:00 a#1 running: attempt 1 on w
    03:30:00 a#1 succeeded: succeeded
    03:30:00 a#2 queued: caught up: 1h30m late
    03:30:00 a#2 running: attempt 1 on w
    03:30:00 a#2 failed: exit code 1
    03:30:00 a#3 queued: caught up: 30m late
    03:30:00 a#3 running: attempt 1 on w
    ");
    world.restart("1s").end("a#3", "ok");
    insta::assert_snapshot!(world.describe(), @r"
    03:30:01 engine started
    03:30:01 a#3 succeeded: succeeded
    ");
    assert_eq!(world.ledger(), "");
}

#[test]
fn at_most_a_hundred_are_caught_up_ten_a_second_where_overlap_is_allowed() {
    let allowed = |job: &mut Job| {
        job.catch_up = CatchUp::All;
        job.overlap = Overlap::Allow;
    };
    let mut world = World::new(400, vec![job("a", Some("* * * * *"), allowed)]);
    world.until("30s").restart("4h").until("4h30s").until("4h35s");
    assert_eq!(world.executions.len(), 51);
    world.until("4h59s");
    assert_eq!(world.executions.len(), 100);
    insta::assert_snapshot!(world.ledger(), @"a 02 00:01:00 to 02 02:20:00, 140: Missed");
}

#[test]
fn nothing_older_than_the_window_is_caught_up() {
    let mut world = World::new(4, vec![job("a", Some("0 0 * * 2"), |_| {})]);
    world.until("30m").restart("4d");
    assert_eq!(world.executions.len(), 0);
    insta::assert_snapshot!(world.ledger(), @"a 03 00:00:00 to 03 00:00:00, 1: Missed");
}

#[test]
fn ten_seconds_late_is_late_and_one_more_is_missed() {
    let none = || job("a", Some("0 * * * *"), policy(CatchUp::None));
    let mut world = World::new(4, vec![none()]);
    world.until("59m55s").stall("15s");
    insta::assert_snapshot!(world.describe(), @r"
    01:00:10 a#1 queued: due by its schedule, 10s late
    01:00:10 a#1 running: attempt 1 on w
    ");
    assert_eq!(world.ledger(), "");
    let mut world = World::new(4, vec![none()]);
    world.until("59m55s").stall("16s");
    assert_eq!(world.describe(), "\n");
    insta::assert_snapshot!(world.ledger(), @"a 02 01:00:00 to 02 01:00:00, 1: Missed");
}

#[test]
fn a_fire_time_without_an_engine_is_missed_however_short_it_was_away() {
    let mut world = World::new(4, vec![job("a", Some("0 * * * *"), policy(CatchUp::None))]);
    world.until("59m59s").restart("2s");
    assert_eq!(world.executions.len(), 0);
    insta::assert_snapshot!(world.ledger(), @"a 02 01:00:00 to 02 01:00:00, 1: Missed");
}

#[test]
fn a_year_of_seconds_is_reported_at_once() {
    let mut world = World::new(4, vec![job("a", Some("* * * * * *"), |_| {})]);
    world.restart("365d");
    insta::assert_snapshot!(world.ledger(), @"a 02 00:00:01 to 01 23:59:59, 31535999: Missed");
    assert_eq!(world.executions.len(), 1);
}

#[test]
fn reboot_jobs_fire_once_a_boot() {
    let mut world = World::new(4, vec![job("a", Some("@reboot"), |_| {})]);
    world.end("a#1", "ok").restart("1m").boot("1m");
    insta::assert_snapshot!(world.describe(), @r"
    00:00:00 a#1 queued: the machine was booted
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 succeeded: succeeded
    00:01:00 engine started
    00:02:00 engine started
    00:02:00 a#2 queued: the machine was booted
    00:02:00 a#2 running: attempt 1 on w
    ");
}

#[test]
fn beyond_a_hundred_the_oldest_make_room_and_have_their_row() {
    let mut world = World::new(4, vec![job("a", Some("* * * * *"), policy(CatchUp::All))]);
    world.until("30s").restart("80m").restart("80m");
    insta::assert_snapshot!(world.describe(), @"
    01:20:30 engine started
    01:20:30 a#1 queued: caught up: 1h19m30s late
    01:20:30 a#1 running: attempt 1 on w
    02:40:30 engine started
    ");
    insta::assert_snapshot!(world.ledger(), @"a 02 00:02:00 to 02 01:00:00, 59: Missed");
}

#[test]
fn a_caught_up_execution_takes_results_that_were_fresh_at_its_fire_time() {
    let dependent = |job: &mut Job| {
        let (on, within) = (crontower_model::Condition::Success, None);
        let job_id = crontower_model::JobId::new("sync").unwrap();
        job.dependencies = vec![crontower_model::Dependency { job: job_id, on, within }];
    };
    let sync = job("sync", Some("0 5 * * *"), |_| {});
    let mut world = World::new(4, vec![sync, job("report", Some("0 6 * * *"), dependent)]);
    world.until("5h").end("sync#1", "ok").until("5h55m").restart("35m");
    insta::assert_snapshot!(world.describe(), @"
    05:00:00 sync#1 queued: due by its schedule
    05:00:00 sync#1 running: attempt 1 on w
    05:00:00 sync#1 succeeded: succeeded
    06:30:00 engine started
    06:30:00 report#1 waiting: caught up: 30m late
    06:30:00 report#1 queued: all dependencies are met
    06:30:00 report#1 running: attempt 1 on w
    ");
    world.end("report#1", "ok").until("29h").end("sync#2", "exit 1").until("29h55m").restart("35m");
    insta::assert_snapshot!(world.describe(), @"
    06:30:00 report#1 succeeded: succeeded
    1d 05:00:00 sync#2 queued: due by its schedule
    1d 05:00:00 sync#2 running: attempt 1 on w
    1d 05:00:00 sync#2 failed: exit code 1
    1d 06:30:00 engine started
    1d 06:30:00 report#2 waiting: waits for sync (last: failed)
    ");
}

#[test]
fn where_they_may_overlap_an_end_brings_no_further_one() {
    let allowed = |job: &mut Job| {
        job.catch_up = CatchUp::All;
        job.overlap = Overlap::Allow;
    };
    let mut world = World::new(400, vec![job("a", Some("* * * * *"), allowed)]);
    world.until("30s").restart("10m").end("a#1", "ok");
    assert_eq!(world.executions.len(), 1);
    world.pass_seconds(1);
    for name in world.running() {
        world.end(&name, "ok");
    }
    assert_eq!(world.executions.len(), 10);
}

#[test]
fn a_commit_that_fails_makes_no_fire_time_missed() {
    let mut world = World::new(2, vec![job("a", Some("* * * * *"), policy(CatchUp::None))]);
    world.until("59s");
    world.fault = super::world::Fault::Commit;
    world.until("1m");
    insta::assert_snapshot!(world.describe(), @r"
    00:01:00 a#1 queued: due by its schedule
    00:01:00 a#1 running: attempt 1 on w
    ");
    assert_eq!(world.ledger(), "");
}
