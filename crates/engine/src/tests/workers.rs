use super::*;
use crontower_model::{AttemptKey, Ended, Job, Retry, StateName};

#[test]
fn a_running_attempt_is_carried_on_over_a_restart() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.run("a").restart("5s").end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:05 engine started
    00:00:05 a#1 succeeded: succeeded
    ");
    assert_eq!(world.executions[&world.id("a#1")].attempts.len(), 1);
}

#[test]
fn what_died_with_its_worker_is_lost_and_not_run_again_unasked() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.run("a").until("5s").worker_dies();
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:05 a#1 failed: worker lost: the worker process that ran it has ended; what the command did is not known
    ");
}

#[test]
fn what_never_began_is_started_again() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.deaf = true;
    world.run("a");
    world.deaf = false;
    world.worker_dies().end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 succeeded: succeeded
    ");
    assert_eq!(world.executions[&world.id("a#1")].attempts.len(), 1);
}

#[test]
fn a_lost_attempt_counts_for_the_retry_policy() {
    let retried = |job: &mut Job| {
        let delay = std::time::Duration::from_secs(1);
        job.retry = Retry::Fixed { max_retries: 1, delay, jitter: 0.0 };
    };
    let mut world = World::new(2, vec![job("a", None, retried)]);
    world.run("a").worker_dies().until("2s").end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 retrying: attempt 1 of 2: worker lost: the worker process that ran it has ended; what the command did is not known; next attempt in 1s
    00:00:01 a#1 queued: ready for attempt 2
    00:00:01 a#1 running: attempt 2 on w
    00:00:02 a#1 succeeded: succeeded
    ");
}

#[test]
fn a_link_that_stays_away_ends_the_lease() {
    let mut world = World::new(2, vec![job("a", None, |_| {}), job("b", None, |_| {})]);
    world.run("a").link_down().run("b").until("29s");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 b#1 queued: requested by ann
    ");
    world.until("30s");
    insta::assert_snapshot!(world.describe(), @"00:00:30 a#1 failed: worker lost: its worker's lease has run out; what the command did is not known");
    let key = crontower_model::AttemptKey { execution_id: world.id("a#1"), attempt: 1 };
    world.end_attempt(key, "ok");
    insta::assert_snapshot!(world.describe(), @"");
    world.link_up();
    insta::assert_snapshot!(world.describe(), @"00:00:30 b#1 running: attempt 1 on w");
}

#[test]
fn nothing_of_before_a_boot_runs_on() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.run("a").boot("1m");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:01:00 engine started
    00:01:00 a#1 failed: worker lost: the machine was booted; what the command did is not known
    ");
}

#[test]
fn a_worker_is_suspect_then_offline_then_back() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    assert_eq!(world.workers(), "w online: 0 of 2\n");
    world.run("a").link_down().run("a").until("29s");
    assert_eq!(world.workers(), "w suspect: 1 of 2\n");
    world.until("30s").run("a");
    assert_eq!(world.workers(), "w offline: 0 of 2\n");
    insta::assert_snapshot!(world.why("a#3"), @"
    it is queued: the worker process is offline
    it is the next of those that wait for the same (priority medium)
    it was asked for by ann at 2026-03-02T00:00:30Z
    2026-03-02T00:00:30Z queued: requested by ann
    ");
    world.link_up();
    assert_eq!(world.workers(), "w online: 1 of 2\n");
    insta::assert_snapshot!(world.events(), @"
    00:00:00 engine: worker w is not connected: connection lost
    00:00:00 engine: engine degraded: worker w is suspect
    00:00:30 engine: worker w is offline: its lease has run out
    00:00:30 engine: a a#1 attempt 1 is stopping: worker lost: its worker's lease has run out; what the command did is not known
    00:00:30 engine: engine degraded: worker w is offline
    00:00:30 engine: worker w is connected again
    00:00:30 engine: engine ok again
    ");
}

#[test]
fn an_observer_that_was_itself_stalled_declares_nobody_lost() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.run("a").link_down().until("10s").stall("10m");
    assert_eq!(world.workers(), "w suspect: 1 of 2\n", "a whole lease is granted anew");
    world.until("10m39s");
    assert_eq!(world.state("a#1"), StateName::Running);
    world.link_up().end("a#1", "ok");
    assert_eq!(world.state("a#1"), StateName::Succeeded);
    assert_eq!(world.workers(), "w online: 0 of 2\n");
}

#[test]
fn after_a_stall_the_new_lease_runs_out_like_any_other() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.run("a").link_down().until("10s").stall("10m").until("10m40s");
    assert_eq!(world.workers(), "w offline: 0 of 2\n");
    assert_eq!(world.state("a#1"), StateName::Failed);
}

#[test]
fn a_drained_worker_that_is_away_is_suspect_first_of_all() {
    let mut world = World::new(2, vec![]);
    world.drain("w", true).link_down();
    assert_eq!(world.workers(), "w suspect: 0 of 2\n");
    world.link_up();
    assert_eq!(world.workers(), "w draining: 0 of 2\n");
}

#[test]
fn a_deadline_that_passes_out_of_the_workers_reach_holds_when_it_is_back() {
    let bounded = |job: &mut Job| job.deadline = Some(std::time::Duration::from_secs(60));
    let mut world = World::new(2, vec![job("a", None, bounded), job("b", None, bounded)]);
    world.run("a");
    world.deaf = true;
    world.run("b");
    world.deaf = false;
    world.describe();
    world.restart("2m");
    insta::assert_snapshot!(world.describe(), @"
    00:02:00 engine started
    00:02:00 stop a#1 (Deadline)
    00:02:00 stop b#1 (Deadline)
    00:02:00 b#1 timed_out: its deadline has passed
    00:02:00 stop a#1 (Deadline)
    ");
}

#[test]
fn commands_inside_the_engines_process_are_not_lost_with_the_worker_process() {
    let own = |job: &mut Job| {
        job.command = crontower_model::JobCommand::Named {
            command: "greet".to_owned(),
            args: Default::default(),
        };
    };
    let mut world = World::new(2, vec![job("own", None, own), job("other", None, |_| {})]);
    world.run("own").run("other").link_down().until("1m");
    assert_eq!(world.state("own#1"), StateName::Running);
    assert_eq!(world.state("other#1"), StateName::Failed);
    world.end("own#1", "ok");
    assert_eq!(world.state("own#1"), StateName::Succeeded);
}

#[test]
fn what_ended_while_no_engine_was_there_ended_then() {
    let mut world = World::new(2, vec![job("a", None, |_| {})]);
    world.run("a");
    let key = AttemptKey { execution_id: world.id("a#1"), attempt: 1 };
    let finished_at = world.instant("10s");
    let (started_at, outcome) = (Some(world.instant("0s")), crontower_model::Outcome::Succeeded);
    let (exit_code, error, result) = (Some(0), None, None);
    world.until("1m");
    world.report(Ended {
        key,
        started_at,
        finished_at,
        outcome,
        exit_code,
        error,
        result,
        output_lost: 0,
    });
    let ended = &world.executions[&world.id("a#1")];
    assert_eq!(ended.finished_at, Some(finished_at));
    assert_eq!(ended.history.last().unwrap().at, world.instant("1m"), "known only then");
}

#[test]
fn nothing_starts_beside_what_is_left_of_an_attempt_that_was_given_up() {
    let every_minute = |job: &mut Job| {
        job.schedule = Some("* * * * *".to_owned());
        job.limits = vec!["db".to_owned()];
        let delay = std::time::Duration::from_secs(1);
        job.retry = Retry::Fixed { max_retries: 1, delay, jitter: 0.0 };
    };
    let limited = |job: &mut Job| job.limits = vec!["db".to_owned()];
    let mut world = World::new(4, vec![job("a", None, every_minute), job("b", None, limited)]);
    world.configure(|settings| settings.limits = [("db".to_owned(), 1)].into());
    world.holds_out = true;
    world.until("1m").link_down().run("b").until("1m40s").link_up().until("2m");
    insta::assert_snapshot!(world.describe(), @"
    00:01:00 a#1 queued: due by its schedule
    00:01:00 a#1 running: attempt 1 on w
    00:01:00 b#1 queued: requested by ann
    00:02:00 a#2 skipped: overlap: a#1 is still running
    ");
    insta::assert_snapshot!(world.events(), @"
    00:01:00 engine: worker w is not connected: connection lost
    00:01:00 engine: engine degraded: worker w is suspect
    00:01:30 engine: worker w is offline: its lease has run out
    00:01:30 engine: a a#1 attempt 1 is stopping: worker lost: its worker's lease has run out; what the command did is not known
    00:01:30 engine: engine degraded: worker w is offline
    00:01:40 engine: worker w is connected again
    00:01:40 engine: engine ok again
    ");
    let key = *world.unkillable.first().unwrap();
    // The engine may end meanwhile; the worker that came back says what became of it.
    world.restart("1s").end_attempt(key, "exit 143").until("2m10s");
    insta::assert_snapshot!(world.describe(), @"
    00:02:01 engine started
    00:02:01 a#1 retrying: attempt 1 of 2: worker lost: its worker's lease has run out; what the command did is not known; next attempt in 1s
    00:02:01 b#1 running: attempt 1 on w
    00:02:02 a#1 queued: ready for attempt 2
    ");
}

#[test]
fn it_is_lost_when_nothing_of_it_is_left() {
    let mut world = World::new(4, vec![job("a", None, |_| {})]);
    world.holds_out = true;
    world.run("a").link_down().until("1m");
    assert_eq!(world.running(), ["a#1"]);
    let key = *world.unkillable.first().unwrap();
    world.end_group(key);
    world.end_group(key);
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:01:00 a#1 failed: worker lost: its worker's lease has run out; what the command did is not known
    ");
}
