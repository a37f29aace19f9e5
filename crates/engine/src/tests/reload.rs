use super::*;
use crontower_model::{JobId, StateName};

#[test]
fn a_reload_changes_only_what_changed() {
    let mut world =
        World::new(2, vec![job("a", Some("0 * * * *"), |_| {}), job("b", None, |_| {})]);
    let changed = job("a", Some("30 * * * *"), |_| {});
    world.apply(vec![changed, job("b", None, |_| {}), job("c", None, |_| {})]).until("1h");
    insta::assert_snapshot!(world.describe(), @r"
    00:30:00 a#1 queued: due by its schedule
    00:30:00 a#1 running: attempt 1 on w
    ");
    let version = |id: &str| world.engine.job_status(id).unwrap().version;
    assert_eq!([version("a"), version("b"), version("c")], [2, 1, 1]);
}

#[test]
fn a_removed_job_lets_what_runs_end_and_cancels_the_rest() {
    let queue = |job: &mut crontower_model::Job| job.overlap = crontower_model::Overlap::Queue;
    let mut world = World::new(2, vec![job("a", None, queue)]);
    world.run("a").run("a").apply(Vec::new()).end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#2 queued: requested by ann
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
    insta::assert_snapshot!(world.describe(), @r"
    04:00:00 a#1 queued: due by its schedule
    04:00:00 a#1 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.ledger(), @"a 02 01:00:00 to 02 03:00:00, 3: Disabled");
}

#[test]
fn a_bad_set_changes_nothing() {
    let mut world = World::new(2, vec![job("a", Some("0 * * * *"), |_| {})]);
    let set = crontower_model::JobSet {
        settings: world.engine.settings().clone(),
        jobs: vec![job("b", Some("nonsense"), |_| {})],
    };
    let refused = world.try_set(set);
    assert!(matches!(refused, Err(crontower_model::Refusal::Invalid(_))), "{refused:?}");
    assert!(world.engine.job_status("a").is_some());
    assert!(world.engine.job_status("b").is_none());
}

#[test]
fn an_unknown_job_is_answered_with_the_nearest() {
    let mut world = World::new(2, vec![job("backup", None, |_| {})]);
    let refused = world.refused(crontower_control::ResumeJob { id: "bakcup".to_owned() });
    assert_eq!(refused, "no job named `bakcup`; did you mean `backup`?");
}

#[test]
fn a_job_that_comes_back_after_the_clock_was_set_back_fires_nothing_twice() {
    let hourly = || vec![job("a", Some("0 * * * *"), |_| {})];
    let mut world = World::new(2, hourly());
    world.until("1h").end("a#1", "ok").apply(Vec::new());
    world.set_clock(chrono::TimeDelta::minutes(-10)).apply(hourly()).until("1h30m");
    insta::assert_snapshot!(world.describe(), @"
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
    insta::assert_snapshot!(world.describe(), @"
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
        || job("b", Some("0 * * * *"), |job| job.catch_up = crontower_model::CatchUp::All);
    let mut world = World::new(2, vec![paused("a"), catches_up()]);
    world.try_pause("a", false);
    world.until("30m").restart("3h").apply(Vec::new());
    insta::assert_snapshot!(world.ledger(), @"
    a 02 01:00:00 to 02 03:00:00, 3: Paused
    b 02 02:00:00 to 02 03:00:00, 2: Missed
    ");
    insta::assert_snapshot!(world.describe(), @"
    03:30:00 engine started
    03:30:00 b#1 queued: caught up: 2h30m late
    03:30:00 b#1 running: attempt 1 on w
    ");
}

#[test]
fn what_is_queued_takes_selector_limits_and_priority_of_the_new_definition() {
    let asks = |labels: &[&str]| {
        let labels = labels.iter().map(|it| (*it).to_owned()).collect();
        Some(crontower_model::WorkerSelector { ids: Vec::new(), labels })
    };
    let gpu = job("a", None, |job| job.workers = asks(&["gpu"]));
    let mut world = World::new(1, vec![gpu, job("b", None, |_| {}), job("c", None, |_| {})]);
    world.run("a").run("b").run("c");
    assert_eq!(world.running(), ["b#1"]);
    let high = |id: &str| job(id, None, |job| job.priority = crontower_model::Priority::High);
    world.apply(vec![job("a", None, |_| {}), job("b", None, |_| {}), high("c")]);
    assert_eq!(world.executions[&world.id("c#1")].priority, crontower_model::Priority::High);
    world.end("b#1", "ok");
    assert_eq!(world.running(), ["c#1"], "its rank is the new one");
    world.end("c#1", "ok");
    assert_eq!(world.running(), ["a#1"], "no label is asked for any more");
}

#[test]
fn an_attempt_of_a_removed_job_holds_its_limit_over_a_restart() {
    let limited = |id: &str| job(id, None, |job| job.limits = vec!["db".to_owned()]);
    let mut world = World::new(4, vec![limited("a"), limited("b")]);
    world.configure(|settings| settings.limits = [("db".to_owned(), 1)].into());
    world.run("a").apply(vec![limited("b")]).restart("1s").run("b");
    assert_eq!(world.running(), ["a#1"]);
    world.end("a#1", "ok");
    assert_eq!(world.running(), ["b#1"]);
}

#[test]
fn what_was_due_is_not_the_deed_of_whoever_asks_next() {
    let mut world =
        World::new(2, vec![job("a", Some("0 * * * *"), |_| {}), job("b", None, |_| {})]);
    world.try_pause("a", true);
    world.events();
    world.pass(world.instant("4m"));
    world.pause("b");
    insta::assert_snapshot!(world.events(), @"
    00:04:00 engine: job a resumed: the time it was set for is over
    00:04:00 ann: job b paused
    ");
}

#[test]
fn timers_go_with_their_execution() {
    let bounded = |job: &mut crontower_model::Job| {
        job.deadline = Some(std::time::Duration::from_secs(86_400));
        let delay = std::time::Duration::from_secs(60);
        job.retry = crontower_model::Retry::Fixed { max_retries: 3, delay, jitter: 0.0 };
    };
    let mut world = World::new(2, vec![job("a", None, bounded)]);
    world.run("a").end("a#1", "exit 1").cancel("a#1").run("a").end("a#2", "ok");
    assert_eq!(world.engine.next_wakeup().monotonic, None);
}

#[test]
fn a_job_that_comes_back_stands_where_it_stood() {
    let hourly = || vec![job("a", Some("0 * * * *"), |_| {})];
    for restart in [false, true] {
        let mut world = World::new(2, hourly());
        world.until("1h").end("a#1", "exit 1").acknowledge("a#1", None).pause("a");
        world.apply(Vec::new());
        if restart {
            world.restart("1m");
        }
        world.apply(hourly());
        let stands = world.engine.job_status("a").unwrap();
        assert!(stands.paused.is_some() && stands.acknowledged.is_some());
        let state = stands.last_execution.as_ref().map(|last| last.state);
        assert_eq!((state, stands.recent.len()), (Some(StateName::Failed), 1));
    }
}

#[test]
fn after_a_failed_commit_no_id_is_made_twice() {
    let mut world =
        World::new(9, vec![job("a", None, |job| job.overlap = crontower_model::Overlap::Allow)]);
    world.run("a");
    world.fault = super::world::Fault::Commit;
    world.try_run("a", false).run("a").run("a");
    let ends: std::collections::BTreeSet<_> =
        world.executions.keys().map(|id| id.short()).collect();
    assert_eq!(ends.len(), world.executions.len());
}

fn retried(job: &mut crontower_model::Job) {
    let delay = std::time::Duration::from_secs(30);
    job.retry = crontower_model::Retry::Fixed { max_retries: 3, delay, jitter: 0.0 };
}

#[test]
fn no_further_attempt_of_a_removed_job_starts() {
    let mut world = World::new(2, vec![job("a", None, retried), job("b", None, retried)]);
    world.run("a").run("b").end("b#1", "exit 1").apply(Vec::new()).end("a#1", "timed_out");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 b#1 queued: requested by ann
    00:00:00 b#1 running: attempt 1 on w
    00:00:00 b#1 retrying: attempt 1 of 4: exit code 1; next attempt in 30s
    00:00:00 b#1 cancelled: its job was removed
    00:00:00 a#1 timed_out: timed out; not retried: its job was removed
    ");
    world.until("1h").restart("1m").until("2h");
    assert_eq!(world.describe(), "01:01:00 engine started\n");
}

#[test]
fn an_attempt_that_the_worker_never_heard_of_does_not_start_once_its_job_is_removed() {
    let mut world = World::new(2, vec![job("a", None, retried)]);
    world.deaf = true;
    world.run("a").link_down().apply(Vec::new());
    world.deaf = false;
    world.link_up().until("1h");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 cancelled: its job was removed
    ");
}

#[test]
fn a_job_that_is_removed_and_back_while_it_runs_is_retried_as_if_it_had_never_gone() {
    let jobs = || vec![job("a", None, retried)];
    let mut world = World::new(2, jobs());
    world.run("a").apply(Vec::new()).apply(jobs()).end("a#1", "exit 1").until("1m");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 retrying: attempt 1 of 4: exit code 1; next attempt in 30s
    00:00:30 a#1 queued: ready for attempt 2
    00:00:30 a#1 running: attempt 2 on w
    ");
}

#[test]
fn a_job_whose_execution_ended_while_it_was_removed_comes_back_with_that_end() {
    let jobs = || {
        let after = crontower_model::Dependency {
            job: JobId::new("a").unwrap(),
            on: crontower_model::Condition::Success,
            within: None,
        };
        vec![
            job("a", None, |_| {}),
            job("b", Some("0 * * * *"), |job| job.dependencies = vec![after]),
        ]
    };
    for restart in [false, true] {
        let mut world = World::new(2, jobs());
        world.run("a").end("a#1", "exit 1").acknowledge("a#1", None).run("a").apply(Vec::new());
        world.end("a#2", "ok");
        if restart {
            world.edit_jobs(Vec::new()).restart("1m");
        }
        world.apply(jobs());
        let stands = world.engine.job_status("a").unwrap();
        let last = stands.last_execution.as_ref().map(|last| last.state);
        assert_eq!((last, stands.recent.len()), (Some(StateName::Succeeded), 2));
        assert!(stands.acknowledged.is_none(), "it has succeeded since");
        world.until("1h");
        assert_eq!(world.running(), ["b#1"], "what it waits for has ended");
    }
}

#[test]
fn the_ends_of_removed_jobs_count_in_the_order_of_all_ends() {
    let jobs = |chain: bool| {
        let after = |job: &str| crontower_model::Dependency {
            job: JobId::new(job).unwrap(),
            on: crontower_model::Condition::Success,
            within: None,
        };
        let all = vec![
            job("a", None, |_| {}),
            job("b", None, |_| {}),
            job("c", None, |job| job.dependencies = vec![after("a"), after("b")]),
        ];
        let chained = |job: &crontower_model::Job| chain || job.id.as_str() == "b";
        all.into_iter().filter(chained).collect::<Vec<_>>()
    };
    let mut world = World::new(9, jobs(true));
    world.run("a").apply(jobs(false)).end("a#1", "ok").run("b").end("b#1", "ok");
    world.edit_jobs(jobs(false)).restart("1s").apply(jobs(true));
    world.describe();
    // What ended before the chain came back does not count for it; what ends now does, whatever the restart forgot.
    world.run("b").end("b#2", "ok").run("a").end("a#2", "ok");
    assert_eq!(world.running(), ["c#1"]);
}
