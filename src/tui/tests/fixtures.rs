//! A world to look at: jobs, executions, workers and events with fixed times.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use uuid::Uuid;

use crate::driver::{EngineInfo, FileState, Snapshot};
use crate::model::{
    Actor, Attempt, AttemptProgress, Dependency, Event, EventKind, Execution, ExecutionId,
    ExecutionState, Health, Job, JobCommand, JobId, JobStatus, Outcome, Priority, Retry, Role,
    Source, StateName, Transition, Trigger, Worker, WorkerId, WorkerState, Wrong, WrongKind,
};

/// So many seconds after 2026-11-23 13:03:18 UTC.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 13, 3, 18).unwrap() + TimeDelta::seconds(seconds)
}

pub(crate) fn job_id(id: &str) -> JobId {
    JobId::new(id).unwrap()
}

/// The execution of that number; higher is newer.
pub(crate) fn execution_id(number: u128) -> ExecutionId {
    ExecutionId::from_uuid(Uuid::from_u128((0x0192_f0c1_2345_7abc_8def << 48) + number))
}

/// A job with the default of everything but what `change` says.
pub(crate) fn job(id: &str, change: impl FnOnce(&mut Job)) -> Arc<JobStatus> {
    let mut definition = Job::new(job_id(id), JobCommand::script("true"));
    change(&mut definition);
    Arc::new(JobStatus {
        definition: Arc::new(definition),
        source: Source::File,
        version: 1,
        next_fire_time: None,
        paused: None,
        skip_next: None,
        wrong: None,
        acknowledged: None,
        schedule_in_words: None,
        live: 0,
        waiting_for: Vec::new(),
        last_execution: None,
        recent: Vec::new(),
    })
}

/// An execution that was created at `created` in that state; one that ran took 2.5 s.
pub(crate) fn execution(number: u128, job: &str, state: StateName, created: i64) -> Execution {
    let ran = !matches!(state, StateName::Waiting | StateName::Queued | StateName::Skipped);
    let over = state.is_final();
    let (reason, outcome) = match state {
        StateName::Waiting => ("waits for log-processing", None),
        StateName::Queued => ("no slot is free", None),
        StateName::Running => ("started on worker-2", None),
        StateName::Retrying => ("attempt 1 failed: exit code 3", Some(Outcome::Failed)),
        StateName::Succeeded => ("exit code 0", Some(Outcome::Succeeded)),
        StateName::Failed => ("attempt 1 failed: exit code 3", Some(Outcome::Failed)),
        StateName::TimedOut => ("ran longer than 1h", Some(Outcome::TimedOut)),
        StateName::Cancelled => ("cancelled by screen", Some(Outcome::Cancelled)),
        StateName::Skipped => ("the one before is still running", None),
    };
    let state_of = match state {
        StateName::Waiting => ExecutionState::Waiting {
            waiting_for: vec![job_id("log-processing")],
            fresh_after: None,
        },
        StateName::Queued => ExecutionState::Queued,
        StateName::Running => ExecutionState::RUNNING,
        StateName::Retrying => ExecutionState::Retrying { until: at(created + 60) },
        StateName::Succeeded => ExecutionState::Succeeded,
        StateName::Failed => ExecutionState::Failed,
        StateName::TimedOut => ExecutionState::TimedOut,
        StateName::Cancelled => ExecutionState::Cancelled,
        StateName::Skipped => ExecutionState::Skipped,
    };
    let started = at(created) + TimeDelta::milliseconds(8);
    let finished = over.then(|| started + TimeDelta::milliseconds(if ran { 2_500 } else { 0 }));
    let attempt = ran.then(|| Attempt {
        number: 1,
        worker_id: WorkerId::new("worker-2").unwrap(),
        assigned_at: at(created),
        progress: match outcome {
            None => AttemptProgress::Started { started_at: started, pid: None },
            Some(outcome) => AttemptProgress::Ended {
                started_at: Some(started),
                finished_at: finished.unwrap_or(started),
                outcome,
                exit_code: match outcome {
                    Outcome::Succeeded => Some(0),
                    Outcome::Failed => Some(3),
                    _ => None,
                },
                error: None,
                output_lost: 0,
            },
        },
    });
    let step = |when, state, reason: &str| Transition { at: when, state, reason: reason.into() };
    let mut history = vec![step(at(created), StateName::Queued, "its fire time has come")];
    if ran {
        history.push(step(started, StateName::Running, "started on worker-2"));
    }
    if state != StateName::Queued && state != StateName::Running {
        history.push(step(finished.unwrap_or(started), state, reason));
    }
    Execution {
        id: execution_id(number),
        job_id: job_id(job),
        job_version: 1,
        state: state_of,
        trigger: Trigger::Schedule,
        fire_time: at(created),
        created_at: at(created),
        started_at: ran.then_some(started),
        finished_at: finished,
        attempts: attempt.into_iter().collect(),
        priority: Priority::Medium,
        reason: reason.into(),
        result: None,
        history,
        retry_of: None,
        args: Vec::new(),
        forced: false,
        requested_by: None,
        cancelled_by: None,
    }
}

/// What is wrong with a job since a minute ago.
pub(crate) fn wrong(job: &JobStatus, kind: WrongKind, reason: &str) -> Wrong {
    let job_id = job.definition.id.clone();
    Wrong { job_id, kind, since: at(-60), reason: reason.to_owned() }
}

/// A job with schedule, next fire time and a past of 20 executions.
fn sample(
    id: &str,
    name: &str,
    schedule: (&str, &str),
    next: Option<i64>,
    last: StateName,
) -> JobStatus {
    let mut status = Arc::unwrap_or_clone(job(id, |job| {
        job.name = Some(name.to_owned());
        job.schedule = Some(schedule.0.to_owned());
        job.retry =
            Retry::Fixed { max_retries: 3, delay: std::time::Duration::from_secs(1), jitter: 0.0 };
    }));
    status.schedule_in_words = Some(schedule.1.to_owned());
    status.next_fire_time = next.map(at);
    for number in 0..20 {
        let state = match number {
            19 => last,
            7 => StateName::Skipped,
            _ => StateName::Succeeded,
        };
        let mut past = execution(number, id, state, -1_200 + 60 * i64::try_from(number).unwrap());
        if let Some(end) = past.finished_at.as_mut() {
            *end += TimeDelta::milliseconds(300 * i64::try_from(number * number % 17).unwrap());
        }
        status.recent.push(past.summary());
    }
    status.last_execution = status.recent.last().cloned();
    if last.is_failure() {
        status.wrong = Some(wrong(&status, WrongKind::Failure, "exit code 3"));
    }
    status
}

/// The five jobs of the sample, one of them failing, one running, one waiting.
pub(crate) fn jobs() -> Vec<Arc<JobStatus>> {
    use StateName::{Failed, Succeeded};
    let backup = ("daily at 2 AM", "every day at 02:00");
    let cleanup = ("daily at 1 AM", "every day at 01:00");
    let mut report = sample(
        "report-generation",
        "Report generation",
        ("daily at 6 AM", "every day at 06:00"),
        Some(57_402),
        Succeeded,
    );
    let mut definition = Job::clone(&report.definition);
    definition.priority = Priority::High;
    definition.dependencies = ["data-sync", "log-processing"]
        .map(|id| Dependency { job: job_id(id), on: Default::default(), within: None })
        .to_vec();
    report.definition = Arc::new(definition);
    [
        sample("cleanup", "Cleanup", cleanup, Some(39_402), Failed),
        sample(
            "data-sync",
            "Data synchronization",
            ("every 30 minutes", "every 30 minutes"),
            Some(1_602),
            Succeeded,
        ),
        sample("database-backup", "Database backup", backup, Some(43_002), Succeeded),
        sample(
            "log-processing",
            "Log processing",
            ("every 15 minutes", "every 15 minutes"),
            Some(702 - 600),
            Succeeded,
        ),
        report,
    ]
    .map(Arc::new)
    .to_vec()
}

/// Executions, newest first: the live ones, then one of each end, then a long past.
pub(crate) fn executions() -> Vec<Arc<Execution>> {
    use StateName::{
        Cancelled, Failed, Queued, Retrying, Running, Skipped, Succeeded, TimedOut, Waiting,
    };
    let newest = [
        ("report-generation", Waiting),
        ("database-backup", Queued),
        ("log-processing", Running),
        ("data-sync", Retrying),
        ("cleanup", Failed),
        ("cleanup", TimedOut),
        ("data-sync", Cancelled),
        ("log-processing", Skipped),
    ];
    let past = (0..92).map(|_| ("log-processing", Succeeded));
    let all = newest.into_iter().chain(past);
    (0..100)
        .zip(all)
        .map(|(age, (job, state))| {
            Arc::new(execution(1_000 - age, job, state, -12 - 40 * i64::try_from(age).unwrap()))
        })
        .collect()
}

pub(crate) fn workers() -> Vec<Worker> {
    let worker = |number: usize, capacity, state, running| Worker {
        id: WorkerId::new(&format!("worker-{number}")).unwrap(),
        state,
        host: "db1".to_owned(),
        alias: Some(format!("worker-node-{number}.local")),
        capacity,
        drained: None,
        labels: if number == 1 { vec!["db".to_owned()] } else { Vec::new() },
        running,
        last_heartbeat: Some(at(-1)),
        version: Some("0.1.0".to_owned()),
        pid: Some(4_242),
        succeeded: 1_204,
        failed: u64::try_from(number).unwrap() - 1,
    };
    vec![
        worker(1, 5, WorkerState::Online, Vec::new()),
        worker(2, 8, WorkerState::Online, vec![execution_id(998)]),
        worker(3, 10, WorkerState::Draining, Vec::new()),
        worker(4, 6, WorkerState::Offline, Vec::new()),
    ]
}

pub(crate) fn engine() -> EngineInfo {
    EngineInfo {
        version: "0.1.0".to_owned(),
        host: "db1".to_owned(),
        pid: 4_200,
        scheduler: crate::driver::SchedulerRole::Leader,
        leader: None,
        started_at: at(-273_600),
        store: "sqlite crontower.db".to_owned(),
        data_dir: "~/.local/share/crontower".to_owned(),
        listen: Some("127.0.0.1:7117".to_owned()),
        file: FileState { path: Some("jobs.yaml".to_owned()), sample: false, changed: false },
        history: crate::driver::HistoryState::default(),
    }
}

pub(crate) fn events() -> Vec<Event> {
    let kinds = [
        EventKind::ExecutionChanged {
            execution_id: execution_id(996),
            job_id: job_id("cleanup"),
            state: StateName::Failed,
            attempt: 4,
            reason: "attempt 4 failed: exit code 3".into(),
        },
        EventKind::JobPaused {
            job_id: job_id("data-sync"),
            until: None,
            reason: Some("maintenance".to_owned()),
        },
        EventKind::Reloaded { added: 1, changed: 0, removed: 0 },
        EventKind::EngineStarted { version: "0.1.0".to_owned() },
    ];
    let actors = ["engine", "root@socket", "screen", "engine"];
    (0..)
        .zip(kinds)
        .zip(actors)
        .map(|((age, kind), actor)| Event {
            seq: 40 - age,
            at: at(-60 * i64::try_from(age).unwrap() - 5),
            actor: Actor::named(actor),
            kind,
        })
        .collect()
}

/// The world.
pub(crate) fn snapshot() -> Snapshot {
    let live = |it: &Arc<Execution>| !it.state.is_final();
    Snapshot {
        seq: 40,
        jobs: jobs(),
        live: executions().into_iter().rev().filter(live).collect(),
        workers: workers(),
        health: Health::Degraded { problems: vec!["worker worker-4 is offline".to_owned()] },
        engine: engine(),
        role: Role::Admin,
    }
}

/// A world with nothing in it.
pub(crate) fn nothing() -> Snapshot {
    Snapshot {
        seq: 0,
        jobs: Vec::new(),
        live: Vec::new(),
        workers: Vec::new(),
        health: Health::Ok,
        engine: engine(),
        role: Role::Admin,
    }
}
