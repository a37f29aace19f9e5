use serde_json::json;

use super::*;
use crate::{EventKind, Execution};

fn id(last: u128) -> ExecutionId {
    ExecutionId::from_uuid(uuid::Uuid::from_u128((7 << 76) | last))
}

fn job(id: &str) -> JobId {
    JobId::new(id).unwrap()
}

/// One of each.
fn all() -> Vec<Reason> {
    let by = || Actor::named("ann");
    let error = || Some("no such file".to_owned());
    let worker = |id: &str| WorkerId::new(id).unwrap();
    let awaited = |id: &str, state| Awaited { job: job(id), state };
    let waiting = Reason::WaitingFor {
        dependencies: vec![
            awaited("a", AwaitedState::NoJob),
            awaited("b", AwaitedState::Live { state: StateName::Running }),
            awaited("c", AwaitedState::Ended { state: StateName::Failed }),
            awaited("d", AwaitedState::NeverRan),
        ],
        more: 3,
    };
    let busy = |selected, full, draining: &[&str]| Unavailable::Busy {
        selected,
        full,
        draining: draining.iter().map(|id| worker(id)).collect(),
    };
    let failed =
        |cause: &str, fate| Reason::DependencyFailed { job: job("a"), cause: job(cause), fate };
    let ended = |state| DependencyFate::Ended { execution: id(9), state };
    vec![
        Reason::Scheduled { late_seconds: 0 },
        Reason::Scheduled { late_seconds: 3 },
        Reason::CaughtUp { late_seconds: 7_500 },
        Reason::Booted,
        Reason::Requested { by: by(), note: None },
        Reason::Requested { by: by(), note: Some("after the repair".to_owned()) },
        Reason::RequestedForDependent { job: job("report"), by: by() },
        Reason::RetryRequested { execution: id(1), by: by() },
        Reason::DependenciesEnded,
        Reason::OverlapSkip { execution: Some(id(1)), state: StateName::Running },
        Reason::OverlapSkip { execution: None, state: StateName::Running },
        Reason::OverlapQueueFull,
        Reason::Replaced { execution: id(2) },
        waiting.clone(),
        Reason::DependenciesMet,
        Reason::DependencyTimeout { waiting: Box::new(waiting) },
        Reason::Superseded { fire_time: DateTime::UNIX_EPOCH },
        failed("a", ended(StateName::TimedOut)),
        failed("b", ended(StateName::Cancelled)),
        failed("a", DependencyFate::NoJob),
        failed("a", DependencyFate::DidNotRun),
        Reason::BehindExecution { execution: Some(id(1)) },
        Reason::ItsTurn,
        Reason::RetryQueued { attempt: 2 },
        Reason::NoSlot(Unavailable::Disconnected),
        Reason::NoSlot(Unavailable::Offline),
        Reason::NoSlot(Unavailable::NoWorker),
        Reason::NoSlot(Unavailable::NoMatch),
        Reason::NoSlot(busy(false, true, &[])),
        Reason::NoSlot(busy(true, false, &["one"])),
        Reason::NoSlot(busy(true, true, &["one", "two"])),
        Reason::ConcurrencyReached,
        Reason::LimitReached { limit: "db".to_owned() },
        Reason::Assigned { attempt: 1, worker: worker("one") },
        Reason::RetryIn {
            attempt: 1,
            of: 4,
            end: Box::new(Reason::ExitCode { exit_code: 3 }),
            delay: Duration::from_secs(90),
        },
        Reason::CannotStop {
            processes: [(7, true), (8, false)]
                .map(|(pid, is_refused)| crate::StuckProcess {
                    pid,
                    owner: "root".to_owned(),
                    is_refused,
                })
                .to_vec(),
        },
        Reason::NotRetried { end: Box::new(Reason::ExitCode { exit_code: 3 }) },
        Reason::Succeeded { exit_code: None },
        Reason::Succeeded { exit_code: Some(3) },
        Reason::ExitCode { exit_code: 137 },
        Reason::CommandFailed { error: error() },
        Reason::CommandFailed { error: None },
        Reason::NotStarted { error: error() },
        Reason::TimedOut { error: error() },
        Reason::TimedOut { error: None },
        Reason::AttemptCancelled { error: None },
        Reason::WorkerLost(LostCause::ProcessEnded),
        Reason::WorkerLost(LostCause::LeaseExpired),
        Reason::WorkerLost(LostCause::Booted),
        Reason::WorkerLost(LostCause::Reported { error: error() }),
        Reason::Interrupted { error: error() },
        Reason::DeadlinePassed,
        Reason::Cancelled { by: by() },
        Reason::EngineStopping,
        Reason::JobRemoved,
    ]
}

#[test]
fn every_reason_has_a_sentence_and_comes_back_from_json_as_it_went() {
    let mut lines = String::new();
    for reason in all() {
        let written = serde_json::to_value(&reason).unwrap();
        assert_eq!(written["reason_code"], reason.code());
        assert_eq!(written["reason"], reason.to_string());
        assert_eq!(serde_json::from_value::<Reason>(written).unwrap(), reason);
        lines += &format!("{}: {reason}\n", reason.code());
    }
    insta::assert_snapshot!(lines, @"
    scheduled: due by its schedule
    scheduled: due by its schedule, 3s late
    caught_up: caught up: 2h5m late
    booted: the machine was booted
    requested: requested by ann
    requested: requested by ann: after the repair
    requested_for_dependent: requested by ann for `report`, which depends on it
    retry_requested: retry of execution 00000001, requested by ann
    dependencies_ended: all dependencies have ended as asked
    overlap_skip: overlap: 00000001 is still running
    overlap_skip: overlap: an execution is still running
    overlap_queue_full: overlap: another one is queued already
    replaced: overlap: replaced by 00000002
    waiting_for: waits for a (no such job), b (running), c (last: failed), d (never ran), 3 more
    dependencies_met: all dependencies are met
    dependency_timeout: dependency_timeout has passed: waits for a (no such job), b (running), c (last: failed), d (never ran), 3 more
    superseded: superseded by the fire time 1970-01-01T00:00:00Z
    dependency_failed: its dependency `a` timed out (execution 00000009)
    dependency_failed: its dependency `a` cannot run: `b` was cancelled (execution 00000009)
    dependency_failed: its dependency `a` does not exist
    dependency_failed: its dependency `a` did not run
    behind_execution: waits for the end of execution 00000001 of the same job
    its_turn: it is its turn
    retry_queued: ready for attempt 2
    no_slot: the worker process is not connected
    no_slot: the worker process is offline
    no_slot: there is no worker
    no_slot: no worker has the id or labels that it asks for
    no_slot: every worker is full
    no_slot: worker one is draining
    no_slot: every worker that it may use is full, and one, two are draining
    concurrency_reached: the job's `concurrency` is used up
    limit_reached: the limit `db` is used up
    assigned: attempt 1 on one
    retry_in: attempt 1 of 4: exit code 3; next attempt in 1m30s
    cannot_stop: process 7 of root may not be signalled, 8 of root does not end
    not_retried: exit code 3; not retried: its job was removed
    succeeded: succeeded
    succeeded: succeeded with exit code 3
    exit_code: exit code 137 (128 + SIGKILL)
    command_failed: no such file
    command_failed: failed
    not_started: no such file
    timed_out: no such file
    timed_out: timed out
    attempt_cancelled: cancelled
    worker_lost: worker lost: the worker process that ran it has ended; what the command did is not known
    worker_lost: worker lost: its worker's lease has run out; what the command did is not known
    worker_lost: worker lost: the machine was booted; what the command did is not known
    worker_lost: worker lost: no such file
    interrupted: interrupted: no such file
    deadline_passed: its deadline has passed
    cancelled: cancelled by ann
    engine_stopping: the engine is stopping
    job_removed: its job was removed
    ");
}

#[test]
fn details_say_what_the_sentence_is_made_of() {
    let shown = |reason: Reason| serde_json::to_string(&reason).unwrap();
    insta::assert_snapshot!(shown(Reason::ExitCode { exit_code: 1 }), @r#"{"reason":"exit code 1","reason_code":"exit_code","reason_details":{"exit_code":1}}"#);
    insta::assert_snapshot!(shown(Reason::ItsTurn), @r#"{"reason":"it is its turn","reason_code":"its_turn"}"#);
    insta::assert_snapshot!(shown(Reason::NoSlot(Unavailable::Offline)), @r#"{"reason":"the worker process is offline","reason_code":"no_slot","reason_details":{"unavailable":"offline"}}"#);
    insta::assert_snapshot!(shown(Reason::from("as it was")), @r#"{"reason":"as it was","reason_code":"other"}"#);
}

#[test]
fn what_has_no_known_code_is_a_text() {
    let text = Reason::from("the moon is full");
    for read in [
        json!({ "reason": "the moon is full" }),
        json!({ "reason": "the moon is full", "reason_code": null }),
        json!({ "reason": "the moon is full", "reason_code": "other" }),
        json!({ "reason": "the moon is full", "reason_code": "lunar", "reason_details": { "x": 1 } }),
        json!({ "reason": "the moon is full", "reason_code": "exit_code" }),
        json!({ "reason": "the moon is full", "reason_code": "exit_code", "reason_details": [] }),
        json!({ "reason": "the moon is full", "reason_code": "Text", "reason_details": "x" }),
        json!({ "reason": "the moon is full", "reason_code": "text", "reason_details": "x" }),
    ] {
        assert_eq!(serde_json::from_value::<Reason>(read.clone()).unwrap(), text, "{read}");
    }
    assert!(serde_json::from_value::<Reason>(json!({ "reason": 1 })).is_err());
}

#[test]
fn a_reason_does_not_repeat_the_state() {
    for (state, reason, said) in [
        (StateName::Succeeded, Reason::Succeeded { exit_code: None }, "succeeded"),
        (
            StateName::Succeeded,
            Reason::Succeeded { exit_code: Some(3) },
            "succeeded with exit code 3",
        ),
        (StateName::TimedOut, Reason::TimedOut { error: None }, "timed_out"),
        (StateName::TimedOut, Reason::from("timed out"), "timed_out"),
        (StateName::Cancelled, Reason::Cancelled { by: Actor::named("ann") }, "cancelled by ann"),
        (StateName::Failed, Reason::ExitCode { exit_code: 1 }, "failed: exit code 1"),
        (StateName::Failed, Reason::from("failedly"), "failed: failedly"),
        (StateName::Queued, Reason::ItsTurn, "queued: it is its turn"),
        (StateName::Retrying, Reason::TimedOut { error: None }, "retrying: timed out"),
    ] {
        let kind = EventKind::ExecutionChanged {
            execution_id: id(0),
            job_id: job("a"),
            state,
            attempt: 1,
            reason,
        };
        let sentence = kind.sentence();
        assert_eq!(sentence, format!("a {} {said}", id(0).short()));
    }
}

/// An execution as a version before this one stored it.
fn stored(state: &str, reason: &str) -> Execution {
    serde_json::from_value(json!({
        "id": id(1), "job_id": "a", "job_version": 1, "state": state, "trigger": "manual",
        "fire_time": "2026-11-30T12:00:00Z", "created_at": "2026-11-30T12:00:00Z",
        "started_at": "2026-11-30T12:00:00Z", "finished_at": null,
        "attempts": [{
            "number": 1, "worker_id": "local", "assigned_at": "2026-11-30T12:00:00Z",
            "started_at": "2026-11-30T12:00:01Z", "finished_at": null, "outcome": null,
            "exit_code": null, "error": null,
        }],
        "priority": "medium", "reason": reason, "result": null,
        "history": [{ "at": "2026-11-30T12:00:00Z", "state": "running", "reason": "attempt 1 on local" }],
    }))
    .unwrap()
}

#[test]
fn an_execution_stored_as_ending_is_read_as_one_whose_attempt_is_being_stopped() {
    let read = stored("running", "ending: cancelled by ann").from_stored();
    let stopping = read.stopping().unwrap();
    assert_eq!((stopping.since, &stopping.reason), (None, &Reason::from("cancelled by ann")));
    assert_eq!(read.reason, Reason::from("attempt 1 on local"));
    assert_eq!(read.state.name(), StateName::Running);

    for (state, reason) in [("running", "attempt 1 on local"), ("failed", "ending: badly")] {
        let read = stored(state, reason);
        assert_eq!(read.clone().from_stored(), read, "{reason}");
        assert_eq!(read.reason, Reason::from(reason));
    }
}
