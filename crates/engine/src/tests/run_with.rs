use super::*;
use crontower_control::{RetryExecution, RunJob};
use crontower_model::{Condition, Dependency, Job, JobCommand, JobId, Retry, RunArgs, StateName};

fn after(on: &'static [&'static str]) -> impl FnOnce(&mut Job) {
    move |job| {
        let edge = |on: &&str| Dependency {
            job: JobId::new(on).unwrap(),
            on: Condition::Success,
            within: None,
        };
        job.dependencies = on.iter().map(edge).collect();
    }
}

/// `report` (daily at 6) after `sync` and `logs`, both after `fetch`.
fn report() -> Vec<Job> {
    vec![
        job("fetch", None, |_| {}),
        job("sync", Some("*/30 * * * *"), after(&["fetch"])),
        job("logs", None, after(&["fetch"])),
        job("report", Some("0 6 * * *"), after(&["sync", "logs"])),
    ]
}

#[test]
fn what_is_not_fresh_runs_first_and_each_once() {
    let mut world = World::new(4, report());
    world.until("1m").run_after("report");
    insta::assert_snapshot!(world.describe(), @"
    00:01:00 report#1 waiting: waits for sync (waiting), logs (waiting)
    00:01:00 sync#1 waiting: waits for fetch (queued)
    00:01:00 logs#1 waiting: waits for fetch (queued)
    00:01:00 fetch#1 queued: requested by ann for `report`, which depends on it
    00:01:00 fetch#1 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.why("report#1"), @"
    it is waiting: waits for sync (waiting), logs (waiting)
    it waits for `sync` to succeed: an execution of it is live; its next fire time is 2026-03-02T00:30:00Z
    it waits for `logs` to succeed: an execution of it is live
    at the job's next fire time, 2026-03-02T06:00:00Z, it gives way to the next one
    it was asked for by ann at 2026-03-02T00:01:00Z
    2026-03-02T00:01:00Z waiting: waits for sync (waiting), logs (waiting)
    ");
    world.until("2m").end("fetch#1", "ok").restart("1s").end("logs#1", "ok").end("sync#1", "ok");
    world.end("report#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:02:00 sync#1 queued: all dependencies are met
    00:02:00 sync#1 running: attempt 1 on w
    00:02:00 logs#1 queued: all dependencies are met
    00:02:00 logs#1 running: attempt 1 on w
    00:02:00 fetch#1 succeeded: succeeded
    00:02:01 engine started
    00:02:01 logs#1 succeeded: succeeded
    00:02:01 report#1 queued: all dependencies are met
    00:02:01 report#1 running: attempt 1 on w
    00:02:01 sync#1 succeeded: succeeded
    00:02:01 report#1 succeeded: succeeded
    ");
    world.until("3m").run_after("report");
    insta::assert_snapshot!(world.describe(), @"
    00:03:00 report#2 waiting: requested by ann
    00:03:00 report#2 queued: all dependencies are met
    00:03:00 report#2 running: attempt 1 on w
    ");
}

#[test]
fn one_that_ends_otherwise_skips_all_that_wait_for_it() {
    let mut world = World::new(4, report());
    world.until("1m").run_after("report").end("fetch#1", "exit 1");
    insta::assert_snapshot!(world.describe(), @"
    00:01:00 report#1 waiting: waits for sync (waiting), logs (waiting)
    00:01:00 sync#1 waiting: waits for fetch (queued)
    00:01:00 logs#1 waiting: waits for fetch (queued)
    00:01:00 fetch#1 queued: requested by ann for `report`, which depends on it
    00:01:00 fetch#1 running: attempt 1 on w
    00:01:00 report#1 skipped: its dependency `sync` cannot run: `fetch` failed (execution fetch#1)
    00:01:00 sync#1 skipped: its dependency `fetch` failed (execution fetch#1)
    00:01:00 logs#1 skipped: its dependency `fetch` failed (execution fetch#1)
    00:01:00 fetch#1 failed: exit code 1
    ");
    assert!(world.engine.live_executions().is_empty());
}

#[test]
fn a_retry_or_another_one_on_its_way_is_waited_for() {
    let retried = |job: &mut Job| {
        let delay = std::time::Duration::from_secs(5);
        job.retry = Retry::Fixed { max_retries: 1, delay, jitter: 0.0 };
        job.overlap = crontower_model::Overlap::Queue;
    };
    let jobs = vec![job("a", None, retried), job("b", Some("0 6 * * *"), after(&["a"]))];
    let mut world = World::new(4, jobs);
    world.until("1s").run_after("b").run("a").end("a#1", "exit 1").until("10s");
    world.end("a#1", "exit 1");
    assert_eq!(world.state("b#1"), StateName::Waiting, "a#2 is on its way");
    world.end("a#2", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:01 b#1 waiting: waits for a (queued)
    00:00:01 a#1 queued: requested by ann for `b`, which depends on it
    00:00:01 a#1 running: attempt 1 on w
    00:00:01 a#2 queued: requested by ann
    00:00:01 a#1 retrying: attempt 1 of 2: exit code 1; next attempt in 5s
    00:00:06 a#1 queued: ready for attempt 2
    00:00:06 a#1 running: attempt 2 on w
    00:00:10 a#1 failed: exit code 1
    00:00:10 a#2 running: attempt 1 on w
    00:00:10 b#1 queued: all dependencies are met
    00:00:10 b#1 running: attempt 1 on w
    00:00:10 a#2 succeeded: succeeded
    ");
}

#[test]
fn one_that_runs_already_is_not_run_again() {
    let mut world = World::new(4, vec![job("a", None, |_| {}), job("b", None, after(&["a"]))]);
    world.run("a").run_after("b").cancel("a#1").end("a#1", "cancelled");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 b#1 waiting: waits for a (running)
    00:00:00 stop a#1 (Cancel)
    00:00:00 a#1 cancelled: cancelled by ann
    00:00:00 b#1 skipped: its dependency `a` was cancelled (execution a#1)
    ");
}

#[test]
fn a_chain_that_was_asked_for_runs_once() {
    let mut world = World::new(4, vec![job("a", None, |_| {}), job("b", None, after(&["a"]))]);
    world.until("1s").run_after("b").until("2s").end("a#1", "ok").end("b#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:01 b#1 waiting: waits for a (queued)
    00:00:01 a#1 queued: requested by ann for `b`, which depends on it
    00:00:01 a#1 running: attempt 1 on w
    00:00:02 b#1 queued: all dependencies are met
    00:00:02 b#1 running: attempt 1 on w
    00:00:02 a#1 succeeded: succeeded
    00:00:02 b#1 succeeded: succeeded
    ");
    world.until("3s").run("a").end("a#2", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:03 a#2 queued: requested by ann
    00:00:03 a#2 running: attempt 1 on w
    00:00:03 a#2 succeeded: succeeded
    00:00:03 b#2 queued: all dependencies have ended as asked
    00:00:03 b#2 running: attempt 1 on w
    ");
}

#[test]
fn overlap_is_judged_before_anything_is_run_for_it() {
    let mut world = World::new(4, report());
    world.run("report").run_after("report");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 report#1 queued: requested by ann
    00:00:00 report#1 running: attempt 1 on w
    00:00:00 report#2 skipped: overlap: report#1 is still running
    ");
}

#[test]
fn a_removed_dependency_ends_the_wait_when_its_last_execution_ends() {
    let mut world = World::new(4, vec![job("a", None, |_| {}), job("b", None, after(&["a"]))]);
    world.until("1s").run_after("b").apply(vec![job("b", None, |_| {})]);
    assert_eq!(world.state("b#1"), StateName::Waiting, "it waits as its own definition says");
    world.end("a#1", "exit 1");
    insta::assert_snapshot!(world.describe(), @"
    00:00:01 b#1 waiting: waits for a (queued)
    00:00:01 a#1 queued: requested by ann for `b`, which depends on it
    00:00:01 a#1 running: attempt 1 on w
    00:00:01 b#1 skipped: its dependency `a` does not exist
    00:00:01 a#1 failed: exit code 1
    ");
}

#[test]
fn one_that_waits_for_its_own_is_helped_on() {
    let mut world = World::new(4, report());
    world.until("30m").run_after("report");
    insta::assert_snapshot!(world.describe(), @"
    00:30:00 sync#1 waiting: waits for fetch (never ran)
    00:30:00 report#1 waiting: waits for sync (waiting), logs (waiting)
    00:30:00 logs#1 waiting: waits for fetch (queued)
    00:30:00 fetch#1 queued: requested by ann for `report`, which depends on it
    00:30:00 fetch#1 running: attempt 1 on w
    ");
    world.end("fetch#1", "ok").end("sync#1", "ok").end("logs#1", "exit 1");
    insta::assert_snapshot!(world.describe(), @"
    00:30:00 sync#1 queued: all dependencies are met
    00:30:00 sync#1 running: attempt 1 on w
    00:30:00 logs#1 queued: all dependencies are met
    00:30:00 logs#1 running: attempt 1 on w
    00:30:00 fetch#1 succeeded: succeeded
    00:30:00 sync#1 succeeded: succeeded
    00:30:00 report#1 skipped: its dependency `logs` failed (execution logs#1)
    00:30:00 logs#1 failed: exit code 1
    ");
}

#[test]
fn behind_one_that_waits_in_vain_nothing_waits() {
    let jobs = vec![
        job("a", None, |_| {}),
        job("b", Some("0 6 * * *"), after(&["a"])),
        job("c", None, after(&["b"])),
    ];
    let mut world = World::new(4, jobs);
    world.until("6h").run_after("c").end("a#1", "exit 1");
    insta::assert_snapshot!(world.describe(), @"
    06:00:00 b#1 waiting: waits for a (never ran)
    06:00:00 c#1 waiting: waits for b (waiting)
    06:00:00 a#1 queued: requested by ann for `c`, which depends on it
    06:00:00 a#1 running: attempt 1 on w
    06:00:00 c#1 skipped: its dependency `b` cannot run: `a` failed (execution a#1)
    06:00:00 a#1 failed: exit code 1
    ");
    assert_eq!(world.state("b#1"), StateName::Waiting, "by its own rules");
}

#[test]
fn a_thousand_in_a_row_are_run_and_skipped_without_a_deep_stack() {
    let name = |number: usize| format!("j{number}");
    let jobs = (0..1_000usize).map(|number| {
        job(&name(number), None, |job| {
            if number > 0 {
                let on = JobId::new(&name(number - 1)).unwrap();
                job.dependencies =
                    vec![Dependency { job: on, on: Condition::Success, within: None }];
            }
        })
    });
    let mut world = World::new(4, jobs.collect());
    world.run_after("j999");
    assert_eq!(world.engine.live_executions().len(), 1_000);
    world.end("j0#1", "exit 1");
    assert!(world.engine.live_executions().is_empty());
}

#[test]
fn arguments_pass_where_the_definition_lets_them() {
    let tar = |job: &mut Job| {
        let shell = ["tar", "-cf"].map(str::to_owned).to_vec();
        job.command = JobCommand::Run { run: "a.tar".to_owned(), shell };
    };
    let allowed = move |job: &mut Job| {
        tar(job);
        job.run_args = Some(RunArgs::Allowed);
    };
    let jobs = vec![job("script", None, |_| {}), job("tar", None, tar), job("own", None, allowed)];
    let mut world = World::new(4, jobs);
    let mut run = |id: &str, args: &[&str]| {
        let args = args.iter().map(ToString::to_string).collect();
        let run = RunJob { id: id.to_owned(), args, ..RunJob::default() };
        world.ask(run).map(|answer| answer.execution.args.clone()).map_err(|refusal| {
            assert_eq!(crontower_control::kind(&refusal).status, 422);
            refusal.to_string()
        })
    };
    let option = "--checkpoint-action=exec=sh";
    assert_eq!(run("script", &[option]).unwrap(), [option]);
    assert_eq!(run("own", &[option]).unwrap(), [option]);
    assert_eq!(run("tar", &[]).unwrap(), [""; 0]);
    assert_eq!(
        run("tar", &[option]).unwrap_err(),
        "run_args: job `tar` takes no arguments: run it without, or say `run_args: allowed` in its definition"
    );
    // A retry takes them along, and is asked by today's definition.
    world.end("own#1", "ok");
    let retry = RetryExecution { id: world.id("own#1").to_string() };
    world.ask(retry.clone()).unwrap();
    world.apply(vec![job("own", None, tar)]);
    assert!(world.refused(retry).starts_with("run_args: job `own` takes no arguments"));
}
