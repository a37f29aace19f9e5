use super::*;
use crontower_model::{Job, Overlap};

fn many(job: &mut Job) {
    job.overlap = Overlap::Allow;
}

/// The last sentence of the forecast, if there is one.
fn foretold(world: &World, name: &str) -> String {
    let why = world.why(name);
    why.lines().find(|line| line.contains("about")).unwrap_or("nothing is foretold").to_owned()
}

#[test]
fn a_start_is_foretold_from_how_long_others_took() {
    let mut world = World::new(1, vec![job("a", None, many), job("b", None, many)]);
    world.run("a").run("b").run("a").until("10m");
    assert_eq!(foretold(&world, "b#1"), "nothing is foretold", "nobody has seen `a` end");
    world.end("a#1", "ok").until("12m").end("b#1", "ok").run("b").until("15m");
    insta::assert_snapshot!(world.why("b#2"), @"
    it is queued: every worker is full
    the slots that it may have are held by a#2 (a)
    it is the next of those that wait for the same (priority medium)
    it starts at about 2026-03-02T00:22:00Z, if all take as long as of late
    it was asked for by ann at 2026-03-02T00:12:00Z
    2026-03-02T00:12:00Z queued: requested by ann
    ");
    world.run("a").run("b");
    insta::assert_snapshot!(foretold(&world, "b#3"), @"it starts at about 2026-03-02T00:34:00Z, if all take as long as of late");
    world.until("1h");
    insta::assert_snapshot!(foretold(&world, "b#2"), @"it starts at about 2026-03-02T01:00:00Z, if all take as long as of late");
}

#[test]
fn one_behind_others_of_its_job_or_a_limit_is_foretold_too() {
    let serial = |job: &mut Job| job.overlap = Overlap::QueueAll;
    let one_at_once = |job: &mut Job| {
        job.overlap = Overlap::Allow;
        job.concurrency = Some(1);
    };
    let jobs = vec![job("s", None, serial), job("c", None, one_at_once)];
    let mut world = World::new(9, jobs);
    world.run("s").run("c").until("5m").end("s#1", "ok").end("c#1", "ok");
    world.run("s").run("s").run("s").run("c").run("c");
    insta::assert_snapshot!(foretold(&world, "s#4"), @"it starts at about 2026-03-02T00:15:00Z, if all take as long as of late");
    insta::assert_snapshot!(foretold(&world, "c#3"), @"it starts at about 2026-03-02T00:10:00Z, if all take as long as of late");
}

#[test]
fn more_than_there_are_slots_must_end_first_and_without_a_worker_nothing_is_foretold() {
    let mut world = World::new(2, vec![job("a", None, many)]);
    world.run("a").until("4m").end("a#1", "ok").run("a").until("5m").run("a").run("a");
    world.set_capacity("w", Some(1));
    insta::assert_snapshot!(foretold(&world, "a#4"), @"it starts at about 2026-03-02T00:09:00Z, if all take as long as of late");
    world.link_down();
    assert_eq!(foretold(&world, "a#4"), "nothing is foretold");
    world.link_up().drain("w", true);
    assert_eq!(foretold(&world, "a#4"), "nothing is foretold");
}
