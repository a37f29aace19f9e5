use super::*;
use crate::{Input, WorkerInput};
use crontower_model::{AttemptKey, Job, ON_FAILURE, OnFailure, Retry, StateName};

fn tells(job: &mut Job) {
    job.on_failure = Some(OnFailure::Run { run: "mail root".to_owned() });
}

#[test]
fn it_is_started_once_when_the_last_attempt_has_failed() {
    let retried = |job: &mut Job| {
        tells(job);
        let delay = std::time::Duration::from_secs(5);
        job.retry = Retry::Fixed { max_retries: 1, delay, jitter: 0.0 };
    };
    let mut world = World::new(1, vec![job("a", None, retried), job("b", None, |_| {})]);
    world.run("a").end("a#1", "exit 1").until("5s").end("a#1", "timed_out").run("b");
    insta::assert_snapshot!(world.why("a#1").lines().take(3).collect::<Vec<_>>().join("\n"), @"
    it is timed_out
    its `on_failure` has not ended yet
    attempt 2 on w: timed_out
    ");
    world.until("6s").end_notice("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 retrying: attempt 1 of 2: exit code 1; next attempt in 5s
    00:00:05 a#1 queued: ready for attempt 2
    00:00:05 a#1 running: attempt 2 on w
    00:00:05 a#1 timed_out: timed out
    00:00:05 on_failure of a#1: mail root (timed_out, attempt 2: timed out)
    00:00:05 b#1 queued: requested by ann
    00:00:05 b#1 running: attempt 1 on w
    ");
    insta::assert_snapshot!(world.events(), @"00:00:06 engine: a a#1 on_failure succeeded");
    assert!(world.due.is_empty());
}

#[test]
fn a_url_gets_a_post_and_its_own_failure_is_an_event_and_no_more() {
    let url = "https://example.com/hook".to_owned();
    let mut world = World::new(
        1,
        vec![job("a", None, |job| {
            job.on_failure = Some(OnFailure::Url { url });
        })],
    );
    world.run("a").end("a#1", "exit 1").end_notice("a#1", "exit 7").until("1h");
    world.run("a").end("a#2", "ok").run("a").cancel("a#3").end("a#3", "cancelled");
    insta::assert_snapshot!(world.describe(), @r#"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 failed: exit code 1
    00:00:00 on_failure of a#1: api_call {"method":"POST","url":"https://example.com/hook"} (failed, attempt 1: exit code 1)
    01:00:00 a#2 queued: requested by ann
    01:00:00 a#2 running: attempt 1 on w
    01:00:00 a#2 succeeded: succeeded
    01:00:00 a#3 queued: requested by ann
    01:00:00 a#3 running: attempt 1 on w
    01:00:00 stop a#3 (Cancel)
    01:00:00 a#3 cancelled: cancelled by ann
    "#);
    insta::assert_snapshot!(world.events(), @"
    00:00:00 engine: a a#1 on_failure failed: exit code 7
    01:00:00 ann: a a#3 attempt 1 is stopping: cancelled by ann
    ");
}

#[test]
fn it_is_carried_on_over_a_restart_and_ends_once() {
    let mut world = World::new(1, vec![job("a", None, tells)]);
    world.run("a").end("a#1", "exit 1").restart("5s").restart("5s").end_notice("a#1", "ok");
    let again = world.reported.last().unwrap().clone();
    world.report(again).restart("1s");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 failed: exit code 1
    00:00:00 on_failure of a#1: mail root (failed, attempt 1: exit code 1)
    00:00:05 engine started
    00:00:10 engine started
    00:00:11 engine started
    ");
    insta::assert_snapshot!(world.events(), @"00:00:10 engine: a a#1 on_failure succeeded");
}

#[test]
fn what_the_worker_never_heard_of_is_handed_out_again() {
    let mut world = World::new(1, vec![job("a", None, tells)]);
    world.run("a").deaf = true;
    world.end("a#1", "exit 1").restart("5s");
    world.deaf = false;
    world.link_down().link_up().end_notice("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 failed: exit code 1
    00:00:05 engine started
    00:00:05 on_failure of a#1: mail root (failed, attempt 1: exit code 1)
    ");
}

#[test]
fn what_died_with_its_worker_is_lost_and_not_started_again() {
    let mut world = World::new(1, vec![job("a", None, tells)]);
    world.run("a").end("a#1", "exit 1").worker_dies();
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 failed: exit code 1
    00:00:00 on_failure of a#1: mail root (failed, attempt 1: exit code 1)
    ");
    insta::assert_snapshot!(world.events(), @"
    00:00:00 engine: worker w is not connected: connection lost
    00:00:00 engine: engine degraded: worker w is suspect
    00:00:00 engine: worker w is connected again
    00:00:00 engine: a a#1 on_failure worker lost: the worker process has ended
    00:00:00 engine: engine ok again
    ");
    world.run("a").end("a#2", "exit 1").link_down().until("2m");
    insta::assert_snapshot!(world.events(), @"
    00:00:00 engine: worker w is not connected: connection lost
    00:00:00 engine: engine degraded: worker w is suspect
    00:00:30 engine: worker w is offline: its lease has run out
    00:00:30 engine: a a#2 on_failure worker lost: its worker's lease has run out; what the command did is not known
    00:00:30 engine: engine degraded: worker w is offline
    ");
    world.link_up();
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#2 queued: requested by ann
    00:00:00 a#2 running: attempt 1 on w
    00:00:00 a#2 failed: exit code 1
    00:00:00 on_failure of a#2: mail root (failed, attempt 1: exit code 1)
    00:02:00 stop a#2 (Cancel)
    ");
}

#[test]
fn a_boot_in_between_is_no_second_start() {
    let mut world = World::new(1, vec![job("a", None, tells)]);
    world.run("a").end("a#1", "exit 1").boot("1m");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#1 failed: exit code 1
    00:00:00 on_failure of a#1: mail root (failed, attempt 1: exit code 1)
    00:01:00 engine started
    ");
    insta::assert_snapshot!(world.events(), @"00:01:00 engine: a a#1 on_failure worker lost: the worker process has ended");
}

#[test]
fn one_that_never_ran_tells_too_and_a_removed_job_still_does() {
    let hurried = |job: &mut Job| {
        tells(job);
        job.deadline = Some(std::time::Duration::from_secs(30));
        job.overlap = crontower_model::Overlap::Allow;
    };
    let mut world = World::new(1, vec![job("a", None, hurried)]);
    world.run("a").run("a").until("31s").apply(vec![]).end("a#1", "timed_out");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#2 queued: requested by ann
    00:00:30 a#2 timed_out: its deadline has passed
    00:00:30 stop a#1 (Deadline)
    00:00:30 on_failure of a#2: mail root (timed_out, attempt 0: its deadline has passed)
    00:00:31 a#1 timed_out: timed out
    00:00:31 on_failure of a#1: mail root (timed_out, attempt 1: timed out)
    ");
}

#[test]
fn a_flood_of_failures_is_reported_a_few_at_a_time() {
    let many = |job: &mut Job| {
        tells(job);
        job.overlap = crontower_model::Overlap::Allow;
    };
    let mut world = World::new(100, vec![job("a", None, many)]);
    for number in 1..=40 {
        world.run("a").end(&format!("a#{number}"), "exit 1");
    }
    assert_eq!((world.notices_held().len(), world.due.len()), (16, 40));
    world.restart("1s");
    assert_eq!(world.notices_held().len(), 16);
    while let Some(key) = world.notices_held().pop() {
        world.end_attempt(key, "ok");
    }
    assert!(world.due.is_empty());
    assert!(world.noticed.values().all(|starts| *starts == 1) && world.noticed.len() == 40);
}

#[test]
fn a_report_about_it_touches_no_attempt() {
    let mut world = World::new(1, vec![job("a", None, tells)]);
    world.run("a");
    let before = world.facts();
    let key = AttemptKey { execution_id: world.id("a#1"), attempt: ON_FAILURE };
    world.end_attempt(key, "exit 1");
    assert_eq!(world.facts(), before, "while it runs there is nothing to tell");
    assert_eq!(world.state("a#1"), StateName::Running);
    let worker_id = crontower_model::WorkerId::new("w").unwrap();
    let started_at = world.instant("0s");
    let running = crontower_model::Running { key, worker_id, started_at, pid: None };
    world.hear(Input::Worker(WorkerInput::Started(running)));
    assert_eq!(
        world.facts(),
        before,
        "it is stopped, as nobody waits for it, and touches nothing else"
    );
    world.hear(Input::CancelRunning);
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 stop a#1 (Cancel)
    00:00:00 stop a#1 (Cancel)
    ");
}
