use super::*;
use crate::model::{JobId, StateName};

#[test]
fn a_reload_changes_only_what_changed() {
    let mut world =
        World::new(2, vec![job("a", Some("0 * * * *"), |_| {}), job("b", None, |_| {})]);
    let changed = job("a", Some("30 * * * *"), |_| {});
    world.apply(vec![changed, job("b", None, |_| {}), job("c", None, |_| {})]).until("1h");
    insta::assert_snapshot!(world.told(), @r"
    00:30:00 a#1 queued: due by its schedule
    00:30:00 a#1 running: attempt 1 on w
    ");
    let version = |id: &str| world.engine.job_status(id).unwrap().version;
    assert_eq!([version("a"), version("b"), version("c")], [2, 1, 1]);
}

#[test]
fn a_removed_job_lets_what_runs_end_and_cancels_the_rest() {
    let queue = |job: &mut crate::model::Job| job.overlap = crate::model::Overlap::Queue;
    let mut world = World::new(2, vec![job("a", None, queue)]);
    world.run("a").run("a").apply(Vec::new()).end("a#1", "ok");
    insta::assert_snapshot!(world.told(), @r"
    00:00:00 a#1 queued: run now, asked for by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#2 queued: run now, asked for by ann
    00:00:00 a#2 cancelled: its job was removed
    00:00:00 a#1 succeeded: succeeded
    ");
    assert_eq!(world.state("a#2"), StateName::Cancelled);
    assert!(world.engine.job_status("a").is_none());
}

#[test]
fn a_disabled_job_does_not_fire_and_its_fire_times_get_their_row() {
    let disabled = || job("a", Some("0 * * * *"), |job| job.enabled = false);
    let mut world = World::new(2, vec![disabled()]);
    world.until("3h30m").apply(vec![job("a", Some("0 * * * *"), |_| {})]).until("4h");
    insta::assert_snapshot!(world.told(), @r"
    04:00:00 a#1 queued: due by its schedule
    04:00:00 a#1 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.ledger(), @"a 02 01:00:00 to 02 03:00:00, 3: Disabled");
}

#[test]
fn a_bad_set_changes_nothing() {
    let mut world = World::new(2, vec![job("a", Some("0 * * * *"), |_| {})]);
    let set = crate::model::JobSet {
        settings: world.engine.settings().clone(),
        jobs: vec![job("b", Some("nonsense"), |_| {})],
    };
    let refused = world.request(crate::engine::Request::Apply(Box::new(set)));
    assert!(matches!(refused, Err(crate::model::Refusal::Invalid(_))), "{refused:?}");
    assert!(world.engine.job_status("a").is_some());
    assert!(world.engine.job_status("b").is_none());
}

#[test]
fn an_unknown_job_is_answered_with_the_nearest() {
    let mut world = World::new(2, vec![job("backup", None, |_| {})]);
    let job = JobId::new("bakcup").unwrap();
    let refused = world.request(crate::engine::Request::Resume(job)).unwrap_err();
    assert_eq!(refused.to_string(), "no job named `bakcup`; did you mean `backup`?");
}

#[test]
fn a_job_that_comes_back_after_the_clock_was_set_back_fires_nothing_twice() {
    let hourly = || vec![job("a", Some("0 * * * *"), |_| {})];
    let mut world = World::new(2, hourly());
    world.until("1h").end("a#1", "ok").apply(Vec::new());
    world.set_clock(chrono::TimeDelta::minutes(-10)).apply(hourly()).until("1h30m");
    insta::assert_snapshot!(world.told(), @"
    01:00:00 a#1 queued: due by its schedule
    01:00:00 a#1 running: attempt 1 on w
    01:00:00 a#1 succeeded: succeeded
    ");
}

#[test]
fn nor_does_it_where_another_engine_runs_by_then() {
    let hourly = || vec![job("a", Some("0 * * * *"), |_| {})];
    let mut world = World::new(2, hourly());
    world.until("1h").end("a#1", "ok").apply(Vec::new());
    world.set_clock(chrono::TimeDelta::minutes(-10)).restart("0s").apply(hourly()).until("1h30m");
    insta::assert_snapshot!(world.told(), @"
    01:00:00 a#1 queued: due by its schedule
    01:00:00 a#1 running: attempt 1 on w
    01:00:00 a#1 succeeded: succeeded
    00:50:00 engine started
    ");
}

#[test]
fn the_fire_times_of_a_job_that_goes_have_their_rows() {
    let paused = |id: &str| job(id, Some("0 * * * *"), |_| {});
    let catches_up =
        || job("b", Some("0 * * * *"), |job| job.catch_up = crate::model::CatchUp::All);
    let mut world = World::new(2, vec![paused("a"), catches_up()]);
    world.try_pause("a", false);
    world.until("30m").restart("3h").apply(Vec::new());
    insta::assert_snapshot!(world.ledger(), @"
    a 02 01:00:00 to 02 03:00:00, 3: Paused
    b 02 02:00:00 to 02 03:00:00, 2: Missed
    ");
    insta::assert_snapshot!(world.told(), @"
    03:30:00 engine started
    03:30:00 b#1 queued: caught up: 2h30m late
    03:30:00 b#1 running: attempt 1 on w
    ");
}
