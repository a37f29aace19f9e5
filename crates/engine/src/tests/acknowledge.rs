use super::*;
use crontower_control::{AcknowledgeExecution, UnacknowledgeExecution};

#[test]
fn a_seen_failure_stays_seen_until_the_next_success() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.run("a").end("a#1", "exit 1").acknowledge("a#1", None).restart("1s");
    assert_eq!(
        world.engine.job_status("a").unwrap().acknowledged.as_ref().unwrap().by.as_str(),
        "ann"
    );
    world.run("a").end("a#2", "exit 1");
    assert!(world.engine.job_status("a").unwrap().acknowledged.is_some(), "it still fails");
    world.run("a").end("a#3", "ok");
    assert!(world.engine.job_status("a").unwrap().acknowledged.is_none());
    insta::assert_snapshot!(world.events(), @"
    00:00:00 ann: a a#1 acknowledged: we know
    00:00:01 engine: a a#1 no longer acknowledged: the job has succeeded
    ");
}

#[test]
fn a_note_ends_by_time_and_can_be_taken_back() {
    let mut world = World::new(2, vec![job("a", Some("0 * * * *"), |_| {})]);
    world.until("1h").end("a#1", "timed_out").acknowledge("a#1", Some("2h"));
    world.until("1h59m").restart("30s").until("2h");
    insta::assert_snapshot!(world.describe(), @"
    01:00:00 a#1 queued: due by its schedule
    01:00:00 a#1 running: attempt 1 on w
    01:00:00 a#1 timed_out: timed out
    01:59:30 engine started
    02:00:00 a#2 queued: due by its schedule
    02:00:00 a#2 running: attempt 1 on w
    ");
    let undo = UnacknowledgeExecution { id: world.id("a#1").to_string() };
    insta::assert_snapshot!(world.refused(undo.clone()), @"execution a#1 is not acknowledged");
    world.acknowledge("a#1", None);
    world.ask(undo).unwrap();
    insta::assert_snapshot!(world.events(), @"
    01:00:00 ann: a a#1 acknowledged until 2026-03-02T02:00:00+00:00: we know
    02:00:00 engine: a a#1 no longer acknowledged: the time it was set for is over
    02:00:00 ann: a a#1 acknowledged: we know
    02:00:00 ann: a a#1 no longer acknowledged: taken back by ann
    ");
}

#[test]
fn only_the_newest_failure_can_be_acknowledged() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.run("a").end("a#1", "exit 1").run("a");
    let mut described = Vec::new();
    let mut ask = |world: &mut World, name: &str| {
        let id = world.id(name).to_string();
        described.push(world.refused(AcknowledgeExecution { id, note: None, until: None }));
    };
    ask(&mut world, "a#2");
    world.end("a#2", "ok");
    ask(&mut world, "a#1");
    ask(&mut world, "a#2");
    world.run("a").end("a#3", "exit 1");
    let (id, until) = (world.id("a#3").to_string(), Some(world.instant("0s")));
    described.push(world.refused(AcknowledgeExecution { id, note: None, until }));
    insta::assert_snapshot!(described.join("\n"), @"
    execution a#2 is running: only a failed or timed out one can be acknowledged
    execution a#1 is not the newest of job `a`: a#2 has succeeded since
    execution a#2 is succeeded: only a failed or timed out one can be acknowledged
    `until` is over already: 2026-03-02T00:00:00+00:00
    ");
}
