//! The health of the engine: each change is an event, and nothing about jobs is one.

use super::*;
use crate::Input;
use crontower_model::{Health, ProblemCause};

fn problem(world: &mut World, cause: ProblemCause, problem: Option<&str>) {
    world.hear(Input::Problem { cause, problem: problem.map(str::to_owned) });
}

#[test]
fn a_worker_that_is_away_makes_the_engine_degraded_and_jobs_do_not() {
    let mut world = World::new(1, vec![job("a", None, |_| {})]);
    world.run("a").end("a#1", "exit 1");
    assert_eq!(world.engine.health(), Health::Ok);
    world.link_down();
    assert_eq!(world.engine.health().problems(), ["worker w is suspect"]);
    world.until("30s");
    assert_eq!(world.engine.health().problems(), ["worker w is offline"]);
    world.link_up();
    assert_eq!(world.engine.health(), Health::Ok);
    insta::assert_snapshot!(world.events(), @"
    00:00:00 engine: worker w is not connected: connection lost
    00:00:00 engine: engine degraded: worker w is suspect
    00:00:30 engine: worker w is offline: its lease has run out
    00:00:30 engine: engine degraded: worker w is offline
    00:00:30 engine: worker w is connected again
    00:00:30 engine: engine ok again
    ");
}

#[test]
fn what_is_reported_stands_until_it_is_over_and_a_drained_worker_is_no_problem() {
    let mut world = World::new(1, vec![]);
    world.drain("w", true);
    assert_eq!(world.engine.health(), Health::Ok);
    world.events();
    problem(&mut world, ProblemCause::JobsFile, Some("the jobs file was refused"));
    problem(&mut world, ProblemCause::Unreadable, Some("one row cannot be read"));
    problem(&mut world, ProblemCause::Unreadable, Some("one row cannot be read"));
    problem(&mut world, ProblemCause::JobsFile, None);
    problem(&mut world, ProblemCause::Unreadable, None);
    insta::assert_snapshot!(world.events(), @"
    00:00:00 engine: engine degraded: the jobs file was refused
    00:00:00 engine: engine degraded: one row cannot be read; the jobs file was refused
    00:00:00 engine: engine degraded: one row cannot be read
    00:00:00 engine: engine ok again
    ");
}

#[test]
fn output_that_was_lost_is_a_problem_until_an_attempt_loses_none() {
    let mut world = World::new(1, vec![job("a", None, |_| {})]);
    world.run("a").end_losing("a#1", 42);
    insta::assert_snapshot!(world.engine.health().problems().join("\n"), @"the disk did not take 42 bytes of output of a");
    world.run("a").end("a#2", "ok");
    assert_eq!(world.engine.health(), Health::Ok);
}

#[test]
fn a_store_that_fails_is_down_and_both_ends_of_it_are_kept_afterwards() {
    let mut world = World::new(1, vec![job("a", Some("* * * * *"), |_| {})]);
    world.until("1m").end("a#1", "ok").events();
    world.fault = super::world::Fault::Commit;
    world.until("2m");
    insta::assert_snapshot!(world.events(), @"
    00:02:00 engine: engine down: the disk is full
    00:02:00 engine: engine ok again
    ");
    assert_eq!(world.engine.health(), Health::Ok);
}
