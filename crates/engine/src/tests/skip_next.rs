use super::*;
use crontower_control::SkipNextFireTime;
use crontower_model::{CatchUp, Job};

fn hourly(with: impl FnOnce(&mut Job)) -> Vec<Job> {
    vec![job("a", Some("0 * * * *"), with)]
}

fn skip(job: &str, undo: bool) -> SkipNextFireTime {
    SkipNextFireTime { id: job.to_owned(), undo }
}

#[test]
fn exactly_the_next_fire_time_is_called_off() {
    let mut world = World::new(2, hourly(|_| {}));
    world.until("30m").skip_next("a").skip_next("a");
    let status = world.engine.job_status("a").unwrap();
    assert_eq!(status.skip_next.as_ref().unwrap().fire_time, world.instant("1h"));
    assert_eq!(status.next_fire_time, Some(world.instant("2h")), "the next that fires");
    assert_eq!(world.engine.fire_times("a", world.instant("0s"), 2)[0], world.instant("2h"));
    insta::assert_snapshot!(world.why_job("a", world.instant("1h")), @"
    its fire time 2026-03-02T01:00:00Z was called off by ann at 2026-03-02T00:30:00Z
    Mon 2026-03-02 01:00:00 +00:00 is a fire time of: Every hour, UTC
    its next fire time is 2026-03-02T02:00:00Z
    ");
    world.until("2h");
    insta::assert_snapshot!(world.describe(), @"
    02:00:00 a#1 queued: due by its schedule
    02:00:00 a#1 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.ledger(), @"a 02 01:00:00 to 02 01:00:00, 1: CalledOff");
    insta::assert_snapshot!(world.events(), @"
    00:30:00 ann: a: the fire time 2026-03-02T01:00:00+00:00 is called off
    01:00:00 engine: a: 1 fire time at 2026-03-02T01:00:00+00:00 was called off by ann at 2026-03-02T00:30:00Z
    ");
    assert_eq!(world.engine.job_status("a").unwrap().skip_next, None);
}

#[test]
fn why_names_who_called_it_off() {
    let mut world = World::new(2, hourly(|_| {}));
    world.until("30m").skip_next("a").until("1h1m");
    insta::assert_snapshot!(world.why_job("a", world.instant("1h")), @"
    no execution was made for it: the fire time was called off by ann at 2026-03-02T00:30:00Z
    Mon 2026-03-02 01:00:00 +00:00 is a fire time of: Every hour, UTC
    its next fire time is 2026-03-02T02:00:00Z
    ");
}

#[test]
fn undo_lets_it_fire() {
    let mut world = World::new(2, hourly(|_| {}));
    world.until("30m").skip_next("a");
    world.ask(skip("a", true)).unwrap();
    assert_eq!(world.engine.job_status("a").unwrap().next_fire_time, Some(world.instant("1h")));
    world.until("1h");
    insta::assert_snapshot!(world.describe(), @"
    01:00:00 a#1 queued: due by its schedule
    01:00:00 a#1 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.refused(skip("a", true)), @"no fire time of job `a` is called off");
    assert_eq!(world.ledger(), "");
}

#[test]
fn it_is_called_off_over_a_restart_and_when_no_engine_was_there() {
    let all = |job: &mut Job| job.catch_up = CatchUp::All;
    let mut world = World::new(2, hourly(all));
    world.until("30m").skip_next("a").restart("3h").end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    03:30:00 engine started
    03:30:00 a#1 queued: caught up: 1h30m late
    03:30:00 a#1 running: attempt 1 on w
    03:30:00 a#1 succeeded: succeeded
    03:30:00 a#2 queued: caught up: 30m late
    03:30:00 a#2 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.ledger(), @"a 02 01:00:00 to 02 01:00:00, 1: CalledOff");
}

#[test]
fn missed_ones_before_and_after_it_are_caught_up_once() {
    let mut world = World::new(2, hourly(|_| {}));
    world.until("30m").skip_next("a");
    world.apply(vec![job("a", Some("*/20 * * * *"), |_| {})]).restart("1h");
    insta::assert_snapshot!(world.describe(), @"
    01:30:00 engine started
    01:30:00 a#1 queued: caught up: 10m late
    01:30:00 a#1 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.ledger(), @"
    a 02 00:40:00 to 02 00:40:00, 1: Missed
    a 02 01:00:00 to 02 01:00:00, 1: CalledOff
    ");
}

#[test]
fn a_schedule_that_no_longer_names_it_ends_it() {
    let mut world = World::new(2, hourly(|_| {}));
    world.until("10m").skip_next("a").apply(vec![job("a", Some("30 * * * *"), |_| {})]);
    world.until("1h");
    insta::assert_snapshot!(world.describe(), @"
    00:30:00 a#1 queued: due by its schedule
    00:30:00 a#1 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.events(), @"
    00:10:00 ann: a: the fire time 2026-03-02T01:00:00+00:00 is called off
    00:10:00 ann: job a changed to version 2: schedule
    00:10:00 ann: a: the fire time 2026-03-02T01:00:00+00:00 is no longer called off: the schedule does not name it any more
    ");
    assert_eq!(world.ledger(), "");
}

#[test]
fn a_pause_over_it_has_the_last_word() {
    let mut world = World::new(2, hourly(|_| {}));
    world.until("30m").skip_next("a").pause("a").until("2h30m").resume("a").until("3h");
    insta::assert_snapshot!(world.describe(), @"
    03:00:00 a#1 queued: due by its schedule
    03:00:00 a#1 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.ledger(), @"a 02 01:00:00 to 02 02:00:00, 2: Paused");
    world.end("a#1", "ok").skip_next("a").pause("a").until("3h30m").resume("a").until("5h");
    insta::assert_snapshot!(world.describe(), @"
    03:00:00 a#1 succeeded: succeeded
    05:00:00 a#2 queued: due by its schedule
    05:00:00 a#2 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.ledger(), @"a 02 04:00:00 to 02 04:00:00, 1: CalledOff");
}

#[test]
fn without_a_next_fire_time_it_is_refused() {
    let jobs = vec![
        job("hand", None, |_| {}),
        job("boot", Some("@reboot"), |_| {}),
        job("off", Some("0 * * * *"), |job| job.enabled = false),
        job("once", Some("once at 2020-01-01 00:00"), |_| {}),
        job("a", Some("0 * * * *"), |_| {}),
    ];
    let mut world = World::new(2, jobs);
    world.pause("a");
    let mut described = String::new();
    for name in ["hand", "boot", "off", "once", "a", "b"] {
        described += &world.refused(skip(name, false));
        described.push('\n');
    }
    insta::assert_snapshot!(described, @"
    job `hand` has no next fire time to call off: it has no schedule: it runs when asked to
    job `boot` has no next fire time to call off: it fires at a boot, not at an instant
    job `off` has no next fire time to call off: it is disabled, so nothing fires
    job `once` has no next fire time to call off: its schedule names no instant any more
    job `a` has no next fire time to call off: it is paused, so nothing fires
    no job named `b`; did you mean `a`?
    ");
}

#[test]
fn a_clock_set_back_fires_nothing_twice() {
    let mut world = World::new(2, hourly(|_| {}));
    world.until("59m").skip_next("a").until("1h1m").set_clock(chrono::TimeDelta::minutes(-10));
    world.until("1h59m");
    assert_eq!(world.describe(), "\n");
    insta::assert_snapshot!(world.ledger(), @"a 02 01:00:00 to 02 01:00:00, 1: CalledOff");
}
