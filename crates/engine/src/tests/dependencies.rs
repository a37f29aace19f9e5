use super::*;
use crontower_model::{Condition, Dependency, Job, JobId};

fn after(on: &'static [(&'static str, Condition)]) -> impl FnOnce(&mut Job) {
    move |job| {
        let edge = |(id, on): &(&str, Condition)| Dependency {
            job: JobId::new(id).unwrap(),
            on: *on,
            within: None,
        };
        job.dependencies = on.iter().map(edge).collect();
    }
}

#[test]
fn the_report_waits_for_the_synchronization_and_the_logs_of_its_own_hour() {
    const BOTH: &[(&str, Condition)] =
        &[("sync", Condition::Success), ("logs", Condition::Success)];
    let jobs = vec![
        job("sync", Some("*/30 * * * *"), |_| {}),
        job("logs", Some("*/15 * * * *"), |_| {}),
        job("report", Some("0 6 * * *"), after(BOTH)),
    ];
    let mut world = World::new(4, jobs);
    world.until("5h45m");
    while let Some(name) = world.running().into_iter().next() {
        world.end(&name, "ok");
    }
    world.describe();
    world.until("6h").until("6h1m");
    let names = world.running();
    world.end(&names[0], "ok").until("6h2m").end(&names[1], "exit 1");
    let failed = world.executions[&world.id("report#1")].reason.clone();
    assert!(failed.to_string().contains("sync (last: failed)"), "{failed}");
    world.until("6h15m30s").run("sync");
    let names = world.running();
    for name in names {
        world.end(&name, "ok");
    }
    insta::assert_snapshot!(world.describe(), @"
    06:00:00 logs#24 queued: due by its schedule
    06:00:00 logs#24 running: attempt 1 on w
    06:00:00 report#1 waiting: waits for sync (queued), logs (queued)
    06:00:00 sync#12 queued: due by its schedule
    06:00:00 sync#12 running: attempt 1 on w
    06:01:00 logs#24 succeeded: succeeded
    06:02:00 sync#12 failed: exit code 1
    06:15:00 logs#25 queued: due by its schedule
    06:15:00 logs#25 running: attempt 1 on w
    06:15:30 sync#13 queued: requested by ann
    06:15:30 sync#13 running: attempt 1 on w
    06:15:30 logs#25 succeeded: succeeded
    06:15:30 report#1 queued: all dependencies are met
    06:15:30 report#1 running: attempt 1 on w
    06:15:30 sync#13 succeeded: succeeded
    ");
}

#[test]
fn the_next_fire_time_supersedes_one_that_waits() {
    let jobs = vec![
        job("a", None, |_| {}),
        job("b", Some("0 * * * *"), after(&[("a", Condition::Success)])),
    ];
    let mut world = World::new(4, jobs);
    world.until("2h").run("a").end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    01:00:00 b#1 waiting: waits for a (never ran)
    02:00:00 b#1 skipped: superseded by the fire time 2026-03-02T02:00:00Z
    02:00:00 b#2 waiting: waits for a (never ran)
    02:00:00 a#1 queued: requested by ann
    02:00:00 a#1 running: attempt 1 on w
    02:00:00 b#2 queued: all dependencies are met
    02:00:00 b#2 running: attempt 1 on w
    02:00:00 a#1 succeeded: succeeded
    ");
}

#[test]
fn a_join_fires_when_all_have_succeeded_since_it_last_fired() {
    const BOTH: &[(&str, Condition)] = &[("a", Condition::Success), ("b", Condition::Success)];
    let jobs = vec![job("a", None, |_| {}), job("b", None, |_| {}), job("c", None, after(BOTH))];
    let mut world = World::new(4, jobs);
    world.until("1s").run("a").end("a#1", "ok").run("b").end("b#1", "exit 1");
    let waits = world.engine.job_status("c").unwrap().waiting_for.clone();
    assert_eq!(waits, [JobId::new("b").unwrap()]);
    world.until("1m").run("b").end("b#2", "ok").end("c#1", "ok");
    world.until("2m").run("b").end("b#3", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:01 a#1 queued: requested by ann
    00:00:01 a#1 running: attempt 1 on w
    00:00:01 a#1 succeeded: succeeded
    00:00:01 b#1 queued: requested by ann
    00:00:01 b#1 running: attempt 1 on w
    00:00:01 b#1 failed: exit code 1
    00:01:00 b#2 queued: requested by ann
    00:01:00 b#2 running: attempt 1 on w
    00:01:00 b#2 succeeded: succeeded
    00:01:00 c#1 queued: all dependencies have ended as asked
    00:01:00 c#1 running: attempt 1 on w
    00:01:00 c#1 succeeded: succeeded
    00:02:00 b#3 queued: requested by ann
    00:02:00 b#3 running: attempt 1 on w
    00:02:00 b#3 succeeded: succeeded
    ");
}

#[test]
fn a_chain_may_ask_for_a_failure() {
    let jobs =
        vec![job("a", None, |_| {}), job("alarm", None, after(&[("a", Condition::Failure)]))];
    let mut world = World::new(4, jobs);
    world.until("1s").run("a").end("a#1", "ok").run("a").end("a#2", "exit 1");
    insta::assert_snapshot!(world.describe(), @"
    00:00:01 a#1 queued: requested by ann
    00:00:01 a#1 running: attempt 1 on w
    00:00:01 a#1 succeeded: succeeded
    00:00:01 a#2 queued: requested by ann
    00:00:01 a#2 running: attempt 1 on w
    00:00:01 a#2 failed: exit code 1
    00:00:01 alarm#1 queued: all dependencies have ended as asked
    00:00:01 alarm#1 running: attempt 1 on w
    ");
}

#[test]
fn what_waits_still_waits_after_a_restart() {
    let jobs = vec![
        job("a", None, |_| {}),
        job("b", Some("0 * * * *"), after(&[("a", Condition::Success)])),
    ];
    let mut world = World::new(4, jobs);
    world.until("1h").restart("1s").run("a").end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    01:00:00 b#1 waiting: waits for a (never ran)
    01:00:01 engine started
    01:00:01 a#1 queued: requested by ann
    01:00:01 a#1 running: attempt 1 on w
    01:00:01 b#1 queued: all dependencies are met
    01:00:01 b#1 running: attempt 1 on w
    01:00:01 a#1 succeeded: succeeded
    ");
}

#[test]
fn a_chain_goes_on_after_the_clock_was_set_back() {
    const FIRST: &[(&str, Condition)] = &[("first", Condition::Success)];
    let jobs = || vec![job("first", None, |_| {}), job("then", None, after(FIRST))];
    let mut world = World::new(4, jobs());
    world.until("1h").run("first").end("first#1", "ok").end("then#1", "ok");
    world.set_clock(chrono::TimeDelta::minutes(-30)).run("first").end("first#2", "ok");
    assert_eq!(world.running(), ["then#2"]);
    world.end("then#2", "ok").restart("1s").apply(jobs());
    assert_eq!(world.running(), Vec::<String>::new(), "an end counts once, after a restart too");
    world.run("first").end("first#3", "ok");
    assert_eq!(world.running(), ["then#3"]);
}

#[test]
fn a_join_remembers_over_a_restart_what_ended_before_the_clock_was_set_back() {
    const BOTH: &[(&str, Condition)] = &[("x", Condition::Success), ("y", Condition::Success)];
    let jobs = vec![job("x", None, |_| {}), job("y", None, |_| {}), job("then", None, after(BOTH))];
    let mut world = World::new(4, jobs);
    world.until("1h").run("x").end("x#1", "ok").run("y").end("y#1", "ok").end("then#1", "ok");
    world.set_clock(chrono::TimeDelta::minutes(-30)).run("x").end("x#2", "ok").restart("1s");
    assert_eq!(world.running(), Vec::<String>::new(), "y has not ended again");
    world.run("y").end("y#2", "ok");
    assert_eq!(world.running(), ["then#2"]);
}

#[test]
fn results_count_as_long_as_within_says_and_in_the_way_on_says() {
    let report = |job: &mut Job| {
        let edge = |id: &str, on, within: Option<&str>| Dependency {
            job: JobId::new(id).unwrap(),
            on,
            within: within.map(|it| crontower_model::text::parse_duration(it).unwrap()),
        };
        job.dependencies = vec![
            edge("rates", Condition::Success, Some("6h")),
            edge("tidy", Condition::Completion, None),
        ];
    };
    let jobs = vec![
        job("rates", Some("0 1 * * *"), |_| {}),
        job("tidy", Some("30 * * * *"), |_| {}),
        job("report", Some("0 * * * *"), report),
    ];
    let mut world = World::new(8, jobs);
    world.until("30m").end("tidy#1", "exit 1").until("1h").end("rates#1", "ok");
    world.until("7h30m");
    for name in world.running() {
        world.end(&name, "ok");
    }
    world.describe();
    world.until("8h");
    insta::assert_snapshot!(world.describe(), @"08:00:00 report#8 waiting: waits for rates (last: succeeded)");
}

#[test]
fn whoever_waits_longer_than_dependency_timeout_is_skipped() {
    const FIRST: &[(&str, Condition)] = &[("first", Condition::Success)];
    let impatient = |job: &mut Job| {
        after(FIRST)(job);
        job.dependency_timeout = Some(std::time::Duration::from_secs(600));
    };
    let mut world =
        World::new(2, vec![job("first", None, |_| {}), job("a", Some("0 6 * * *"), impatient)]);
    world.until("6h5m").restart("1m").until("6h20m");
    insta::assert_snapshot!(world.describe(), @"
    06:00:00 a#1 waiting: waits for first (never ran)
    06:06:00 engine started
    06:10:00 a#1 skipped: dependency_timeout has passed: waits for first (never ran)
    ");
}
