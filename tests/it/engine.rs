//! A real engine with a real worker process, through the door that everything else uses.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use crontower::control::{
    AcknowledgeExecution, DrainWorker, ReloadJobs, SetWorkerCapacity, SkipNextFireTime,
    UnacknowledgeExecution, UndrainWorker,
};
use crontower::internals::Clock;
use crontower::internals::Registry;
use crontower::internals::{
    EngineApi, Feed, Handle, JobsFrom, RunOptions, Running, StartOptions, Subscription, ask, start,
};
use crontower::internals::{SqliteStore, Store};
use crontower::model::{
    AttemptKey, Change, Execution, ExecutionId, ExecutionQuery, Health, JobId, OnStop, Refusal,
    StateName, Trigger, WorkerState,
};
use sqlx::Connection as _;

/// An engine in a folder of its own; stopped, with its worker process, at the end of the test.
struct Site {
    folder: tempfile::TempDir,
    running: Running,
}

impl Site {
    async fn new(jobs: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
        let running = start(options(folder.path().to_owned(), Registry::builtin())).await.unwrap();
        Self { folder, running }
    }

    fn engine_api(&self) -> &Handle {
        &self.running.handle
    }

    /// Stops the engine and starts another on the same folder.
    async fn restart(self) -> Self {
        let folder = self.leave().await;
        let options = options(folder.path().to_owned(), Registry::builtin());
        Self { running: start(options).await.unwrap(), folder }
    }

    /// Stops the engine; what is kept stays.
    async fn leave(mut self) -> tempfile::TempDir {
        self.running.handle.stop(Some(OnStop::Leave), "test").await;
        self.running.ended().await;
        self.folder
    }

    async fn close(mut self) {
        self.running.handle.stop(Some(OnStop::Cancel), "test").await;
        self.running.ended().await;
    }

    async fn output(&self, execution: &Execution) -> String {
        let key = AttemptKey { execution_id: execution.id, attempt: execution.attempt_number() };
        let chunk = self.engine_api().output(key, 0, 1 << 20).await.unwrap();
        chunk.lines.iter().map(|line| String::from_utf8_lossy(&line.text) + "\n").collect()
    }
}

fn options(folder: PathBuf, registry: Registry) -> StartOptions {
    StartOptions {
        jobs: JobsFrom::Path(folder.join("jobs.yaml")),
        data_dir: folder.join("data"),
        store: "sqlite".to_owned(),
        registry,
        worker_program: env!("CARGO_BIN_EXE_crontower").into(),
        listen: None,
        reach: crontower::internals::Reach::default(),
        recovery: crontower::internals::Recovery::default(),
    }
}

/// Waits for an execution to come into a state.
async fn reaches(feed: &mut Subscription, id: ExecutionId, state: StateName) -> Arc<Execution> {
    loop {
        if let Feed::Batch(batch) = feed.feed.recv().await.unwrap() {
            let mut changed = batch.executions.iter();
            let found = changed.find(|it| it.id == id && it.state.name() == state);
            if let Some(found) = found {
                return Arc::clone(found);
            }
        }
    }
}

fn job(id: &str) -> JobId {
    JobId::new(id).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_by_hand_goes_all_the_way() {
    let site =
        Site::new("jobs: [{id: hello, run: 'exec 2>&1; echo hello; echo you >&2; exit 3'}]").await;
    let mut feed = site.engine_api().subscribe().await.unwrap();
    let created = site.engine_api().run_job(&job("hello"), RunOptions::default()).await.unwrap();
    assert_eq!(created.state.name(), StateName::Running);
    let ended = reaches(&mut feed, created.id, StateName::Failed).await;
    assert_eq!(ended.attempts[0].exit_code(), Some(3));
    assert_eq!(site.output(&ended).await, "hello\nyou\n");
    let kept = site.engine_api().execution(&created.id.short()).await.unwrap();
    assert_eq!(kept, ended);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_outlives_its_engine_and_is_carried_on_by_the_next() {
    let script = "echo begin; while [ ! -e go ]; do sleep 0.05; done; echo end; exit 7";
    let site = Site::new(&format!("jobs: [{{id: long, run: '{script}'}}]")).await;
    let mut feed = site.engine_api().subscribe().await.unwrap();
    let created = site.engine_api().run_job(&job("long"), RunOptions::default()).await.unwrap();
    while feed.snapshot.live.iter().all(|it| it.started_at.is_none()) {
        feed.feed.recv().await.unwrap();
        feed.snapshot = site.engine_api().subscribe().await.unwrap().snapshot;
    }
    let site = site.restart().await;
    let mut feed = site.engine_api().subscribe().await.unwrap();
    assert_eq!(feed.snapshot.live[0].id, created.id);
    std::fs::write(site.folder.path().join("go"), "").unwrap();
    let ended = reaches(&mut feed, created.id, StateName::Failed).await;
    assert_eq!(ended.attempts.len(), 1);
    assert_eq!(ended.attempts[0].exit_code(), Some(7));
    assert_eq!(site.output(&ended).await, "begin\nend\n");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_is_all_or_nothing_and_tells_what_it_changes() {
    let site = Site::new("jobs: [{id: a, run: 'true', schedule: daily at 3 AM}]").await;
    let file = site.folder.path().join("jobs.yaml");
    std::fs::write(&file, "jobs: [{id: a, run: 'true', schedule: nonsense}]").unwrap();
    let refused =
        ask(site.engine_api(), ReloadJobs { dry_run: false }).await.unwrap_err().to_string();
    assert!(refused.contains("jobs.yaml:1:"), "{refused}");
    std::fs::write(&file, "jobs: [{id: a, run: 'true', schedule: hourly}, {id: b, run: 'true'}]")
        .unwrap();
    let plan = ask(site.engine_api(), ReloadJobs { dry_run: true }).await.unwrap();
    assert_eq!(plan.added, [job("b")]);
    assert!(site.engine_api().job(&job("b")).await.is_err(), "a plan changes nothing");
    ask(site.engine_api(), ReloadJobs { dry_run: false }).await.unwrap();
    assert_eq!(site.engine_api().job(&job("a")).await.unwrap().version, 2);
    assert!(ask(site.engine_api(), ReloadJobs { dry_run: true }).await.unwrap().is_empty());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_time_that_the_store_holds_already_holds_nothing_else_up() {
    let site = Site::new("jobs: [{id: a, run: 'true'}]").await;
    let mut feed = site.engine_api().subscribe().await.unwrap();
    let run = site.engine_api().run_job(&job("a"), RunOptions::default()).await.unwrap();
    let ended = reaches(&mut feed, run.id, StateName::Succeeded).await;
    let folder = site.leave().await;
    let fire_time = (Clock.now().wall + TimeDelta::seconds(3)).trunc_subsecs(0);
    let id = ExecutionId::from_uuid(uuid::Uuid::from_u128(ended.id.uuid().as_u128() ^ 1));
    let (trigger, ended) = (Trigger::Schedule, Execution::clone(&ended));
    let fired = Execution { id, trigger, fire_time, ..ended };
    let store = SqliteStore::open(&folder.path().join("data/crontower.db")).await.unwrap();
    store.commit(&[Change::Execution(Arc::new(fired))]).await.unwrap();
    drop(store);
    let once = |id: &str, at: DateTime<Utc>| {
        let at = at.format("%Y-%m-%d %H:%M:%S");
        format!("  - {{id: {id}, run: 'true', schedule: once at {at}}}\n")
    };
    let (a, b) = (once("a", fire_time), once("b", fire_time + TimeDelta::seconds(1)));
    std::fs::write(folder.path().join("jobs.yaml"), format!("timezone: UTC\njobs:\n{a}{b}"))
        .unwrap();
    let running = start(options(folder.path().to_owned(), Registry::builtin())).await.unwrap();
    let site = Site { folder, running };
    let mut feed = site.engine_api().subscribe().await.unwrap();
    let mut described = Vec::new();
    loop {
        match feed.feed.recv().await.unwrap() {
            Feed::Health(health) => described.push(health.as_str()),
            Feed::Batch(batch) if batch.executions.iter().any(|it| it.job_id == job("b")) => break,
            _ => {}
        }
    }
    assert_eq!(described, ["down", "ok"], "the store refused once, and it is over");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_an_embedding_program_run_in_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = "jobs: [{id: own, command: greet, args: {name: ann}}]";
    std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
    let mut registry = Registry::builtin();
    registry.register_async("greet", |context, args| async move {
        context.say("here");
        Ok(serde_json::json!({ "pid": std::process::id(), "name": args["name"] }))
    });
    let mut running = start(options(folder.path().to_owned(), registry)).await.unwrap();
    let mut feed = running.handle.subscribe().await.unwrap();
    let run = running.handle.run_job(&job("own"), RunOptions::default()).await.unwrap();
    let ended = reaches(&mut feed, run.id, StateName::Succeeded).await;
    let expected = serde_json::json!({ "pid": std::process::id(), "name": "ann" });
    assert_eq!(ended.result, Some(expected));
    assert!(!folder.path().join("data/worker.sock").exists(), "no worker process was needed");
    running.handle.stop(None, "test").await;
    running.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_every_handle_of_is_dropped_stops_as_its_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = "on_stop: wait\nshutdown_grace: 200ms\njobs: [{id: long, run: 'sleep 1000'}]";
    std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
    let running = start(options(folder.path().to_owned(), Registry::builtin())).await.unwrap();
    let mut feed = running.handle.subscribe().await.unwrap();
    let run = running.handle.run_job(&job("long"), RunOptions::default()).await.unwrap();
    drop(running);
    let mut states = Vec::new();
    loop {
        match feed.feed.recv().await.unwrap() {
            Feed::Stopped => break,
            Feed::Batch(batch) => {
                let of_run = batch.executions.iter().filter(|it| it.id == run.id);
                states.extend(of_run.map(|it| it.state.name()));
            }
            _ => {}
        }
    }
    assert_eq!(states.last(), Some(&StateName::Cancelled), "{states:?}");
}

/// A command `slow` that says when it has begun and ends when it may.
fn slow() -> (Registry, tokio::sync::mpsc::Receiver<()>, Arc<tokio::sync::Notify>) {
    let (begun, has_begun) = tokio::sync::mpsc::channel(1);
    let go = Arc::new(tokio::sync::Notify::new());
    let gate = Arc::clone(&go);
    let mut registry = Registry::builtin();
    registry.register_async("slow", move |_, _| {
        let (gate, begun) = (Arc::clone(&gate), begun.clone());
        async move {
            begun.send(()).await.unwrap();
            gate.notified().await;
            Ok(serde_json::json!("done"))
        }
    });
    (registry, has_begun, go)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_embedded_command_outlasts_a_store_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("jobs.yaml"), "jobs: [{id: own, command: slow}]").unwrap();
    let (registry, mut has_begun, go) = slow();
    let mut running = start(options(folder.path().to_owned(), registry)).await.unwrap();
    let mut feed = running.handle.subscribe().await.unwrap();
    let run = running.handle.run_job(&job("own"), RunOptions::default()).await.unwrap();
    has_begun.recv().await.unwrap();
    // Another program holds the database for longer than the engine waits for it.
    let database = format!("sqlite:{}", folder.path().join("data/crontower.db").display());
    let mut other = sqlx::SqliteConnection::connect(&database).await.unwrap();
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    go.notify_one();
    while !matches!(feed.feed.recv().await.unwrap(), Feed::Health(Health::Down { .. })) {}
    held.rollback().await.unwrap();
    while !matches!(feed.feed.recv().await.unwrap(), Feed::Health(Health::Ok)) {}
    let events = running.handle.newest_events(100).await.unwrap();
    let sentences: Vec<String> = events.iter().map(|it| it.kind.sentence()).collect();
    let is_down = |it: &&String| it.starts_with("engine down: ");
    assert_eq!(sentences.iter().filter(is_down).count(), 1, "{sentences:?}");
    let ended = running.handle.execution(&run.id.to_string()).await.unwrap();
    assert_eq!(ended.result, Some(serde_json::json!("done")), "{}", ended.reason);
    running.handle.stop(None, "test").await;
    running.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_command_that_ends_in_its_grace_is_recorded_as_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = "jobs: [{id: own, command: slow}]";
    std::fs::write(folder.path().join("jobs.yaml"), jobs).unwrap();
    let (registry, mut has_begun, go) = slow();
    let options = || options(folder.path().to_owned(), registry.clone());
    let mut running = start(options()).await.unwrap();
    let run = running.handle.run_job(&job("own"), RunOptions::default()).await.unwrap();
    has_begun.recv().await.unwrap();
    running.handle.stop(Some(OnStop::Leave), "test").await;
    go.notify_one();
    running.ended().await;
    drop(running);
    let mut running = start(options()).await.unwrap();
    let ended = running.handle.execution(&run.id.to_string()).await.unwrap();
    assert_eq!(ended.state.name(), StateName::Succeeded, "{}", ended.reason);
    running.handle.stop(None, "test").await;
    running.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_order_goes_through_the_engine_api() {
    let site = Site::new(
        "workers: [{id: w, capacity: 2}]\njobs:\n  - {id: a, run: exit 3}\n  - {id: b, run: 'true', schedule: '0 6 * * *', dependencies: [a]}\n",
    )
    .await;
    let engine_api = site.engine_api();
    let skipped =
        ask(engine_api, SkipNextFireTime { id: "b".to_owned(), undo: false }).await.unwrap();
    assert!(skipped.skip_next.as_ref().unwrap().fire_time < skipped.next_fire_time.unwrap());
    let undone = ask(engine_api, SkipNextFireTime { id: "b".to_owned(), undo: true }).await;
    assert_eq!(undone.unwrap().skip_next, None);
    let worker = || "w".to_owned();
    let capacity = SetWorkerCapacity { id: worker(), capacity: Some(5) };
    assert_eq!(ask(engine_api, capacity).await.unwrap().capacity, 5);
    let drain = DrainWorker { id: worker(), reason: Some("new disk".to_owned()) };
    let drained = ask(engine_api, drain).await.unwrap();
    assert_eq!(drained.state, WorkerState::Draining);
    let mut feed = engine_api.subscribe().await.unwrap();
    let options = RunOptions { with_dependencies: true, ..RunOptions::default() };
    let asked = engine_api.run_job(&job("b"), options).await.unwrap();
    assert_eq!(asked.state.name(), StateName::Waiting);
    ask(engine_api, UndrainWorker { id: worker(), reason: None }).await.unwrap();
    let asked = reaches(&mut feed, asked.id, StateName::Skipped).await;
    assert!(asked.reason.to_string().contains("its dependency `a` failed"), "{}", asked.reason);
    let failed = engine_api.job(&job("a")).await.unwrap().last_execution.clone().unwrap();
    let (id, note) = (failed.id.to_string(), Some("disk full".to_owned()));
    let acknowledge = AcknowledgeExecution { id: id.clone(), note, until: None };
    let noted = ask(engine_api, acknowledge).await.unwrap();
    assert_eq!(noted.acknowledged.as_ref().unwrap().note.as_deref(), Some("disk full"));
    let undone = ask(engine_api, UnacknowledgeExecution { id }).await.unwrap();
    assert_eq!(undone.acknowledged, None);
    assert_eq!(engine_api.preview("hourly", None, 2).await.unwrap().fire_times.len(), 2);
    let unknown = engine_api.versions(&job("c"), None, 10).await.unwrap_err();
    assert!(matches!(unknown, Refusal::UnknownJob { .. }), "{unknown}");
    site.close().await;
}

/// A store as version 0.1.0 (5653854) left it when it was killed: executions that are live, being stopped, queued and
/// retrying, and some that have ended.
const OF_5653854: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/store-5653854.db");

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_before_reasons_were_values_is_carried_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crontower.db");
    std::fs::copy(OF_5653854, &path).unwrap();
    let bodies = async || {
        let url = format!("sqlite:{}", path.display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let sql = "SELECT id, body FROM execution_bodies ORDER BY id";
        let rows: Vec<(String, String)> =
            sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap();
        rows
    };
    let before = bodies().await;
    let store = SqliteStore::open(&path).await.unwrap();
    let saved = store.load().await.unwrap();
    let mut lines: Vec<String> = Vec::new();
    for (execution, _) in &saved.live {
        let stopping = execution.stopping().map(|it| format!(", stopping: {}", it.reason));
        lines.push(format!(
            "{} {} ({}): {}{}",
            execution.job_id,
            execution.state.name(),
            execution.reason.code(),
            execution.reason,
            stopping.unwrap_or_default()
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    live running (other): attempt 1 on one
    ending running (other): attempt 1 on one, stopping: cancelled by root@socket
    retrying retrying (other): attempt 1 of 4: exit code 3; the next follows in 30m
    queued queued (other): queued: no worker has the id or labels that it asks for
    ");
    drop(store);
    assert_eq!(bodies().await, before, "reading rewrites nothing");

    // The machine was booted since: what ran is lost, what was being cancelled is cancelled, a retry still waits.
    // Whatever day it is: the retry is due in a hundred years, and no history expires.
    let jobs: Vec<_> = saved.jobs.iter().map(|record| record.definition.as_ref()).collect();
    let jobs = serde_json::json!({
        "workers": [{ "id": "one", "capacity": 3 }],
        "retention": { "days": 36_500 },
        "jobs": jobs,
    });
    std::fs::write(folder.path().join("jobs.yaml"), jobs.to_string()).unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let copy = folder.path().join("data/crontower.db");
    std::fs::copy(&path, &copy).unwrap();
    let mut connection =
        sqlx::SqliteConnection::connect(&format!("sqlite:{}", copy.display())).await.unwrap();
    let later = "UPDATE execution_bodies SET body = replace(body, '2026-12-01T01:21:39.137092189Z', '2126-12-01T00:00:00Z')";
    assert!(sqlx::query(later).execute(&mut connection).await.unwrap().rows_affected() > 0);
    connection.close().await.unwrap();
    let options = options(folder.path().to_owned(), Registry::builtin());
    let mut running = start(options).await.unwrap();
    let page = running.handle.executions(&ExecutionQuery { limit: 20, ..Default::default() }).await;
    let lines = page.unwrap().items.into_iter().map(|execution| {
        format!(
            "{} {} ({}): {}",
            execution.job_id,
            execution.state.name(),
            execution.reason.code(),
            execution.reason
        )
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
    lost timed_out (other): ran longer than its timeout of 1s
    cancelled cancelled (other): cancelled by root@socket
    failed failed (other): exit code 7
    done succeeded (other): succeeded
    queued queued (no_slot): no worker has the id or labels that it asks for
    retrying retrying (other): attempt 1 of 4: exit code 3; the next follows in 30m
    ending cancelled (other): cancelled by root@socket
    live failed (worker_lost): worker lost: the machine was booted; what the command did is not known
    ");
    running.handle.stop(Some(OnStop::Cancel), "test").await;
    running.ended().await;
}
