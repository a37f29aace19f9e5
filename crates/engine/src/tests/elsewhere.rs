//! Attempts in a worker process that the engine is not connected to: those of the scheduler that led before.

use super::*;
use crate::{Input, Verdicts, WorkerInput};
use crontower_model::{AttemptKey, Ended, Outcome, Running, StopCause, WorkerId};

fn key(world: &World, name: &str) -> AttemptKey {
    AttemptKey { execution_id: world.id(name), attempt: 1 }
}

fn running(world: &World, name: &str) -> Running {
    let (key, worker_id) = (key(world, name), WorkerId::new("w").unwrap());
    Running { key, worker_id, started_at: world.wall(), pid: Some(7) }
}

fn ended(world: &World, name: &str) -> Ended {
    Ended {
        key: key(world, name),
        started_at: None,
        finished_at: world.wall(),
        outcome: Outcome::Succeeded,
        exit_code: Some(0),
        error: None,
        result: None,
        output_lost: 0,
    }
}

/// The worker process of the other machine says that it runs these, and that those have ended.
fn report(world: &mut World, running: Vec<Running>, ended: Vec<Ended>) -> Verdicts {
    let keys: Vec<_> = ended.iter().map(|ended| ended.key).collect();
    let input = WorkerInput::Elsewhere { running: running.clone(), ended };
    world.hear(Input::Worker(input));
    world.engine.verdicts(world.now(), &running, &keys)
}

/// A scheduler that took over from the one of another machine, whose worker process runs `a#1`.
fn taken_over() -> World {
    let mut world = World::new(2, vec![job("a", None, |_| {}), job("b", None, |_| {})]);
    world.run("a").take_over("5s");
    world.describe();
    world
}

#[test]
fn what_runs_elsewhere_is_carried_on_and_its_end_is_taken_once() {
    let mut world = taken_over();
    for at in ["20s", "40s", "60s", "80s"] {
        world.until(at);
        let here = running(&world, "a#1");
        assert_eq!(report(&mut world, vec![here], Vec::new()), Verdicts::default(), "{at}");
    }
    insta::assert_snapshot!(world.describe(), @"");
    let end = ended(&world, "a#1");
    let forget = Verdicts { forget: vec![end.key], ..Verdicts::default() };
    assert_eq!(report(&mut world, Vec::new(), vec![end.clone()]), forget);
    insta::assert_snapshot!(world.describe(), @"00:01:20 a#1 succeeded: succeeded");
    assert_eq!(report(&mut world, Vec::new(), vec![end]), forget, "a repeated report");
    insta::assert_snapshot!(world.describe(), @"");
    assert_eq!(world.executions[&world.id("a#1")].attempts.len(), 1);
    world.until("10m");
    insta::assert_snapshot!(world.describe(), @"");
}

#[test]
fn what_nobody_reports_is_lost_when_its_lease_is_over_and_not_before() {
    let mut world = taken_over();
    world.until("34s").link_down().link_up();
    insta::assert_snapshot!(world.describe(), @"");
    world.until("35s");
    insta::assert_snapshot!(world.describe(), @"00:00:35 a#1 failed: worker lost: its worker's lease has run out; what the command did is not known");
    // Too late: the fate is known, and what still runs there is ended.
    let (here, end) = (running(&world, "a#1"), ended(&world, "a#1"));
    let stop = vec![(here.key, StopCause::Cancel)];
    let verdicts = report(&mut world, vec![here], vec![end.clone()]);
    assert_eq!(verdicts, Verdicts { stop, forget: vec![end.key] });
    insta::assert_snapshot!(world.describe(), @"");
}

#[test]
fn what_was_handed_out_and_never_began_is_handed_out_again() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.deaf = true;
    world.run("a").take_over("5s");
    world.deaf = false;
    world.describe();
    world.until("34s");
    insta::assert_snapshot!(world.describe(), @"");
    world.until("36s").end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"00:00:36 a#1 succeeded: succeeded");
    assert_eq!(world.executions[&world.id("a#1")].attempts.len(), 1);
}

#[test]
fn a_cancelled_attempt_is_ended_where_it_runs() {
    let mut world = taken_over();
    world.cancel("a#1");
    let here = running(&world, "a#1");
    let stop = vec![(here.key, StopCause::Cancel)];
    let verdicts = report(&mut world, vec![here], Vec::new());
    assert_eq!(verdicts, Verdicts { stop, forget: Vec::new() });
    let mut end = ended(&world, "a#1");
    end.outcome = Outcome::Cancelled;
    report(&mut world, Vec::new(), vec![end]);
    assert_eq!(world.state("a#1"), crontower_model::StateName::Cancelled);
}

#[test]
fn a_scheduler_that_leads_again_finds_its_own_attempts() {
    let mut world = taken_over();
    // Its own worker process runs it after all.
    let here = running(&world, "a#1");
    world.holds(here).link_up().until("10m");
    insta::assert_snapshot!(world.describe(), @"");
    world.end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"00:10:00 a#1 succeeded: succeeded");
}
