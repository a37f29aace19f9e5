//! Steps of the clock, forward and back, while an engine looks and while none does.

use chrono::TimeDelta;

use super::*;
use crontower_model::{CatchUp, Job, Retry};

fn hourly() -> Vec<Job> {
    vec![job("a", Some("0 * * * *"), |_| {})]
}

/// What waits because of the clock.
fn problem(world: &World) -> String {
    world.engine.clock_wait().map(crate::ClockWait::sentence).unwrap_or_default()
}

#[test]
fn after_a_correction_the_new_time_counts_at_once() {
    // An engine under a clock 400 days ahead, for five seconds.
    let mut world = World::new(2, hourly());
    world.until("1h").end("a#1", "ok").set_clock(TimeDelta::days(400)).end("a#2", "ok");
    world.set_clock(TimeDelta::seconds(5) - TimeDelta::days(400)).until("2h5m");
    insta::assert_snapshot!(world.describe(), @"
    01:00:00 a#1 queued: due by its schedule
    01:00:00 a#1 running: attempt 1 on w
    01:00:00 a#1 succeeded: succeeded
    400d 01:00:00 a#2 queued: caught up: 1h late
    400d 01:00:00 a#2 running: attempt 1 on w
    400d 01:00:00 a#3 skipped: overlap: a#2 is still queued
    400d 01:00:00 a#2 succeeded: succeeded
    02:00:00 a#4 queued: due by its schedule
    02:00:00 a#4 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.ledger(), @"
    a 02 02:00:00 to 05 23:00:00, 9598: Missed
    a 02 02:00:00 to 05 23:00:00, 9598: TakenBack
    ");
    insta::assert_snapshot!(world.events(), @"
    400d 01:00:00 engine: the clock was set forward by 400d
    400d 01:00:00 engine: a: 9598 fire times from 2026-03-02T02:00:00+00:00 to 2027-04-05T23:00:00+00:00 were missed: no engine got to them in time; the newest is caught up (catch_up: latest)
    01:00:05 engine: the clock was set back by 399d23h59m55s
    01:00:05 engine: a: 9598 fire times from 2026-03-02T02:00:00+00:00 to 2027-04-05T23:00:00+00:00 are taken back: the clock was set back to 2026-03-02T01:00:05Z, and they count again
    ");
    assert_eq!(problem(&world), "", "nothing waits");
    // Nor does the one that has its execution fire twice when its day comes.
    world.end("a#3", "ok");
    let twice = |world: &World| {
        let fired = world.executions.values().map(|it| it.fire_time).collect::<Vec<_>>();
        fired.len() - fired.iter().collect::<std::collections::BTreeSet<_>>().len()
    };
    world.set_clock(TimeDelta::days(400) - TimeDelta::hours(1) - TimeDelta::minutes(10));
    assert_eq!(world.engine.fire_times("a", world.wall(), 2).len(), 2);
    world.stall("2h");
    assert_eq!(twice(&world), 0);
}

#[test]
fn a_correction_is_found_at_a_start_too() {
    let mut world = World::new(2, hourly());
    world.set_clock(TimeDelta::days(400)).end("a#1", "ok").set_clock_unseen(TimeDelta::days(-400));
    world.describe();
    world.restart("1s").until("1h");
    insta::assert_snapshot!(world.describe(), @"
    00:00:01 engine started
    01:00:00 a#3 queued: due by its schedule
    01:00:00 a#3 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.events(), @"
    400d 00:00:00 engine: the clock was set forward by 400d
    400d 00:00:00 engine: a: 9598 fire times from 2026-03-02T01:00:00+00:00 to 2027-04-05T22:00:00+00:00 were missed: no engine got to them in time; the newest is caught up (catch_up: latest)
    00:00:01 engine: the clock was set back by 399d23h59m59s
    00:00:01 engine: a: 9598 fire times from 2026-03-02T01:00:00+00:00 to 2027-04-05T22:00:00+00:00 are taken back: the clock was set back to 2026-03-02T00:00:01Z, and they count again
    ");
    assert_eq!(problem(&world), "");
}

#[test]
fn after_a_small_step_back_jobs_wait_and_that_is_a_problem() {
    for restart in [false, true] {
        let mut world = World::new(2, hourly());
        world.until("2h").end("a#1", "ok").end("a#2", "ok");
        world.describe();
        if restart {
            world.set_clock_unseen(TimeDelta::minutes(-150)).restart("0s");
        } else {
            world.set_clock(TimeDelta::minutes(-150));
        }
        world.describe();
        world.until("1h59m");
        assert_eq!(world.describe(), "\n");
        let waits = problem(&world);
        world.until("2h");
        assert_eq!(problem(&world), "", "nothing waits any more");
        let said = "the clock went back by 2h30m; 1 job waits until 2026-03-02T02:00:00Z, so that nothing fires twice: set the clock right, or run what is urgent by hand";
        assert_eq!(waits, said);
        world.until("3h");
        assert_eq!(world.running(), ["a#3"]);
    }
}

#[test]
fn what_was_to_be_caught_up_of_a_wrong_time_is_not() {
    let all = job("a", Some("0 * * * *"), |job| job.catch_up = CatchUp::All);
    let mut world = World::new(2, vec![all]);
    world.set_clock(TimeDelta::hours(10)).set_clock(TimeDelta::hours(-10)).end("a#1", "ok");
    world.until("2h");
    insta::assert_snapshot!(world.describe(), @"
    10:00:00 a#1 queued: caught up: 9h late
    10:00:00 a#1 running: attempt 1 on w
    10:00:00 a#2 skipped: overlap: a#1 is still queued
    00:00:00 a#1 succeeded: succeeded
    02:00:00 a#3 queued: due by its schedule
    02:00:00 a#3 running: attempt 1 on w
    ");
}

#[test]
fn delays_and_deadlines_of_a_wrong_time_begin_anew_at_a_start() {
    let bounded = |job: &mut Job| {
        job.deadline = Some(std::time::Duration::from_secs(60));
        let delay = std::time::Duration::from_secs(30);
        job.retry = Retry::Fixed { max_retries: 3, delay, jitter: 0.0 };
    };
    let mut world = World::new(2, vec![job("a", None, bounded)]);
    world.run("a").end("a#1", "exit 1").set_clock_unseen(TimeDelta::days(-9)).restart("1s");
    world.describe();
    world.pass_seconds(35).pass_seconds(30);
    insta::assert_snapshot!(world.describe(), @"
    -8d 00:00:31 a#1 queued: ready for attempt 2
    -8d 00:00:31 a#1 running: attempt 2 on w
    -8d 00:01:01 stop a#1 (Deadline)
    ");
}

#[test]
fn a_step_forward_ends_no_execution_by_its_deadline() {
    let bounded = |job: &mut Job| job.deadline = Some(std::time::Duration::from_secs(60));
    let mut world = World::new(2, vec![job("a", None, bounded)]);
    world.run("a").set_clock(TimeDelta::days(1)).link_down().link_up();
    world.describe();
    world.pass_seconds(50);
    assert_eq!(world.describe(), "\n");
    world.pass_seconds(20);
    insta::assert_snapshot!(world.describe(), @"1d 00:01:00 stop a#1 (Deadline)");
}

#[test]
fn a_job_that_comes_back_after_a_correction_fires_at_once() {
    let mut world = World::new(2, hourly());
    world.set_clock(TimeDelta::days(9)).end("a#1", "ok").apply(Vec::new());
    world.set_clock(TimeDelta::days(-9)).restart("1s").apply(hourly());
    world.describe();
    world.until("1h");
    insta::assert_snapshot!(world.describe(), @"
    01:00:00 a#3 queued: due by its schedule
    01:00:00 a#3 running: attempt 1 on w
    ");
}
