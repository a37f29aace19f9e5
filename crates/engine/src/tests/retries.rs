use std::time::Duration;

use super::*;
use crontower_control::CancelExecution;
use crontower_model::{Job, NamedCause, Retry, RetryCause, StateName};

fn fixed(job: &mut Job) {
    job.retry = Retry::Fixed { max_retries: 2, delay: Duration::from_secs(30), jitter: 0.0 };
}

#[test]
fn a_failed_attempt_is_retried_after_its_delay() {
    let mut world = World::new(2, vec![job("a", None, fixed)]);
    world.run("a").until("5s").end("a#1", "exit 1").until("1m").end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:05 a#1 retrying: attempt 1 of 3: exit code 1; next attempt in 30s
    00:00:35 a#1 queued: ready for attempt 2
    00:00:35 a#1 running: attempt 2 on w
    00:01:00 a#1 succeeded: succeeded
    ");
}

#[test]
fn the_last_attempt_allowed_decides() {
    let mut world = World::new(2, vec![job("a", None, fixed)]);
    world.run("a").end("a#1", "exit 1").until("1m").end("a#1", "exit 2");
    world.until("2m").end("a#1", "timed_out");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 retrying: attempt 1 of 3: exit code 1; next attempt in 30s
    00:00:30 a#1 queued: ready for attempt 2
    00:00:30 a#1 running: attempt 2 on w
    00:01:00 a#1 retrying: attempt 2 of 3: exit code 2; next attempt in 30s
    00:01:30 a#1 queued: ready for attempt 3
    00:01:30 a#1 running: attempt 3 on w
    00:02:00 a#1 timed_out: timed out
    ");
}

#[test]
fn only_what_the_policy_names_is_retried() {
    let picky = |job: &mut Job| {
        fixed(job);
        job.retry_on = vec![RetryCause::ExitCode(3), RetryCause::Named(NamedCause::Timeout)];
    };
    let mut world = World::new(2, vec![job("a", None, picky)]);
    world.run("a").end("a#1", "exit 3").until("1m").end("a#1", "exit 4");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 retrying: attempt 1 of 3: exit code 3; next attempt in 30s
    00:00:30 a#1 queued: ready for attempt 2
    00:00:30 a#1 running: attempt 2 on w
    00:01:00 a#1 failed: exit code 4
    ");
}

#[test]
fn a_retry_waits_over_a_restart() {
    let mut world = World::new(2, vec![job("a", None, fixed)]);
    world.run("a").end("a#1", "exit 1").restart("10s").until("29s");
    world.describe();
    world.until("30s");
    insta::assert_snapshot!(world.describe(), @"
    00:00:30 a#1 queued: ready for attempt 2
    00:00:30 a#1 running: attempt 2 on w
    ");
}

#[test]
fn cancel_ends_what_runs_and_what_waits() {
    let mut world = World::new(1, vec![job("a", None, fixed), job("b", None, |_| {})]);
    world.run("a").run("b").cancel("b#1").cancel("a#1").end("a#1", "cancelled");
    world.run("a").end("a#2", "exit 1").cancel("a#2");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 b#1 queued: requested by ann
    00:00:00 b#1 cancelled: cancelled by ann
    00:00:00 stop a#1 (Cancel)
    00:00:00 a#1 cancelled: cancelled by ann
    00:00:00 a#2 queued: requested by ann
    00:00:00 a#2 running: attempt 1 on w
    00:00:00 a#2 retrying: attempt 1 of 3: exit code 1; next attempt in 30s
    00:00:00 a#2 cancelled: cancelled by ann
    ");
}

#[test]
fn a_deadline_bounds_the_whole_execution() {
    let bounded = |job: &mut Job| {
        fixed(job);
        job.deadline = Some(Duration::from_secs(40));
    };
    let mut world = World::new(2, vec![job("a", None, bounded)]);
    world.run("a").end("a#1", "exit 1").until("35s").until("50s").end("a#1", "timed_out");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 retrying: attempt 1 of 3: exit code 1; next attempt in 30s
    00:00:30 a#1 queued: ready for attempt 2
    00:00:30 a#1 running: attempt 2 on w
    00:00:40 stop a#1 (Deadline)
    00:00:50 a#1 timed_out: timed out
    ");
}

#[test]
fn an_attempt_that_is_stopped_is_running_with_why_and_since_when_until_it_has_ended() {
    let bounded = |job: &mut Job| job.deadline = Some(Duration::from_secs(40));
    let mut world = World::new(1, vec![job("a", None, bounded)]);
    let shown = |world: &World| {
        let execution = &world.executions[&world.id("a#1")];
        let stopping = execution.stopping().map(|it| {
            let after = it.since.map(|at| (at - execution.created_at).num_seconds());
            format!("stopping after {after:?}: {}, pids {:?}", it.reason, it.pids)
        });
        (execution.state.name(), execution.reason.to_string(), stopping.unwrap_or_default())
    };
    let running =
        |stopping: &str| (StateName::Running, "attempt 1 on w".to_owned(), stopping.to_owned());
    world.run("a").until("39s");
    assert_eq!(shown(&world), running(""));
    world.until("41s");
    let overdue = "stopping after Some(40): its deadline has passed, pids [100]";
    assert_eq!(shown(&world), running(overdue));
    // What someone asks for goes before the deadline, which was first; a second cancellation changes nothing.
    world.until("45s").cancel("a#1");
    let cancelled = "stopping after Some(40): cancelled by ann, pids [100]";
    assert_eq!(shown(&world), running(cancelled));
    world.until("50s").cancel("a#1");
    assert_eq!(shown(&world), running(cancelled));
    // It stays so over a restart: what a worker still holds is told to end once more.
    world.restart("5s");
    assert_eq!(shown(&world), running(cancelled));
    world.end("a#1", "exit 143");
    let ended = (StateName::Cancelled, "cancelled by ann".to_owned(), String::new());
    assert_eq!(shown(&world), ended);
}

/// The worker says that processes of the newest attempt of an execution do not end.
fn cannot_stop(world: &mut World, name: &str) {
    let execution = &world.executions[&world.id(name)];
    let (execution_id, attempt) = (execution.id, execution.attempt_number());
    let owner = "root".to_owned();
    let input = crate::WorkerInput::CannotStop {
        key: crontower_model::AttemptKey { execution_id, attempt },
        since: world.wall(),
        reason: "timed out after 5s".to_owned(),
        processes: vec![crontower_model::StuckProcess { pid: 4711, owner, is_refused: true }],
    };
    world.hear(crate::Input::Worker(input));
}

#[test]
fn an_attempt_whose_processes_do_not_end_stays_stopping_until_they_are_gone() {
    let every_minute = |job: &mut Job| {
        fixed(job);
        job.schedule = Some("* * * * *".to_owned());
    };
    let mut world = World::new(2, vec![job("a", None, every_minute)]);
    world.until("1m");
    cannot_stop(&mut world, "a#1");
    cannot_stop(&mut world, "a#1");
    let shown = |world: &World| {
        let execution = &world.executions[&world.id("a#1")];
        let stopping = execution.stopping().unwrap();
        format!("{}; {}: {:?}", execution.reason, stopping.reason, stopping.pids)
    };
    let stuck = "process 4711 of root may not be signalled; timed out after 5s: [4711]";
    assert_eq!(shown(&world), stuck);
    world.restart("1s");
    assert_eq!(shown(&world), stuck, "after a restart, too");
    // No next fire time and no retry as if it were gone; it ends as what it was ended for.
    world.until("2m").end("a#1", "timed_out").until("2m35s");
    insta::assert_snapshot!(world.describe(), @"
    00:01:00 a#1 queued: due by its schedule
    00:01:00 a#1 running: attempt 1 on w
    00:01:01 engine started
    00:02:00 a#2 skipped: overlap: a#1 is still running
    00:02:00 a#1 retrying: attempt 1 of 3: timed out; next attempt in 30s
    00:02:30 a#1 queued: ready for attempt 2
    00:02:30 a#1 running: attempt 2 on w
    ");
    insta::assert_snapshot!(world.events(), @"00:01:00 engine: a a#1 attempt 1 is stopping: process 4711 of root may not be signalled");
}

#[test]
fn it_is_given_up_only_when_someone_says_so() {
    let mut world = World::new(2, vec![job("a", None, fixed)]);
    world.run("a");
    let abandon = CancelExecution { id: world.id("a#1").to_string(), abandon: true };
    insta::assert_snapshot!(world.refused(abandon.clone()), @"execution a#1 has no process that does not end: cancel it without giving it up");
    cannot_stop(&mut world, "a#1");
    world.link_down();
    insta::assert_snapshot!(world.refused(abandon.clone()), @"execution a#1 is with a worker process that is not connected: try again once it is");
    world.link_up();
    world.events();
    world.ask(abandon).unwrap();
    assert_eq!(world.state("a#1"), StateName::Running, "until the worker says that it has");
    world.end("a#1", "timed_out").until("1h");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 stop a#1 (Cancel)
    00:00:00 give up a#1
    00:00:00 a#1 cancelled: cancelled by ann
    ");
    insta::assert_snapshot!(world.events(), @"
    00:00:00 ann: a a#1 attempt 1 is stopping: cancelled by ann
    00:00:00 ann: a a#1 attempt 1 given up, its processes left running: 4711
    ");
}
