//! The client against a served socket: whatever the door says arrives on the other side.

use chrono::TimeDelta;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

use super::engine_api::{execution_id, job};
use super::*;
use crate::api::client::{Client, ClientError};
use crate::api::{Listen, Listeners, Service, Switch, serve};
use crate::control::{
    AcknowledgeExecution, CancelExecution, Definition, DeleteWorker, DrainWorker, Listed, PauseJob,
    ReloadJobs, ResumeJob, RetryExecution, SetWorkerCapacity, SkipNextFireTime,
    UnacknowledgeExecution, UndrainWorker,
};
use crate::driver::{EditOptions, EngineApi, Feed, JobEdit, RunOptions, ask};
use crate::model::{AttemptKey, ExecutionQuery, Health, Refusal, Source};

struct Served {
    engine_api: Arc<PlayedEngineApi>,
    client: Client,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("crontower.sock");
        let listeners =
            Listeners::tcp(Listen::None, false).await.unwrap().with_socket(&path).unwrap();
        let engine_api = Arc::new(PlayedEngineApi::sample());
        let shutdown = CancellationToken::new();
        let service = Service {
            engine_api: engine_api.clone(),
            access: None,
            metrics: Arc::default(),
            clock: clock(),
        };
        let server = tokio::spawn(serve(
            Switch::leading(service, &shutdown),
            None,
            listeners,
            shutdown.clone(),
        ));
        let client = Client::over_socket(&path).unwrap();
        Self { engine_api, client, shutdown, server, _dir: dir }
    }
}

#[tokio::test]
async fn a_picture_and_all_that_follows_cross_the_socket() {
    let served = Served::start().await;
    let mut far = served.client.subscribe().await.unwrap();
    assert_eq!(far.snapshot, served.engine_api.subscribe().await.unwrap().snapshot);
    let mut near = served.engine_api.subscribe().await.unwrap();
    let key = AttemptKey { execution_id: execution_id(2), attempt: 1 };
    served.engine_api.publish();
    served.engine_api.write(key, b"x");
    served.client.run_job(&job("backup"), RunOptions::default()).await.unwrap();
    let problems = vec!["the store is slow".to_owned()];
    served.engine_api.tell(Feed::Health(Health::Degraded { problems }));
    served.engine_api.tell(Feed::Health(Health::Ok));
    served.engine_api.tell(Feed::Stopped);
    for _ in 0..6 {
        assert_eq!(far.feed.recv().await.unwrap(), near.feed.recv().await.unwrap());
    }
    assert_eq!(far.feed.recv().await, Err(RecvError::Closed));
}

#[tokio::test]
async fn a_feed_that_breaks_off_closes_the_channel() {
    let served = Served::start().await;
    let mut far = served.client.subscribe().await.unwrap();
    served.shutdown.cancel();
    assert_eq!(far.feed.recv().await, Err(RecvError::Closed));
    served.server.await.unwrap();
    let refusal = served.client.subscribe().await.unwrap_err();
    assert!(matches!(refusal, Refusal::Unreachable(_)), "{refusal}");
}

#[tokio::test]
async fn every_question_has_the_same_answer_through_the_client() {
    let served = Served::start().await;
    let (near, far): (&dyn EngineApi, &dyn EngineApi) = (&*served.engine_api, &served.client);
    let key = AttemptKey { execution_id: execution_id(2), attempt: 1 };
    served.engine_api.write(key, b"text");
    served.engine_api.write(key, b"\xff\x00");
    let backup = job("backup");
    assert_eq!(far.job(&backup).await, near.job(&backup).await);
    assert_eq!(
        far.next_fire_times(&backup, noon(), 3).await,
        near.next_fire_times(&backup, noon(), 3).await
    );
    assert_eq!(far.execution("00000002").await, near.execution("00000002").await);
    assert_eq!(far.counts(noon()).await, near.counts(noon()).await);
    assert_eq!(far.newest_events(3).await, near.newest_events(3).await);
    assert_eq!(far.events_after(2, 3).await, near.events_after(2, 3).await);
    assert_eq!(far.ledger(&backup, None, 5).await, near.ledger(&backup, None, 5).await);
    assert_eq!(far.output(key, 0, 100).await, near.output(key, 0, 100).await);
    assert_eq!(far.why_job(&backup, noon()).await, near.why_job(&backup, noon()).await);
    let running = execution_id(2);
    assert_eq!(far.why_execution(running).await, near.why_execution(running).await);
    both(near, far, ReloadJobs { dry_run: true }).await;
    let until = Some(noon() + TimeDelta::hours(1));
    let reason = Some("grüße".to_owned());
    both(near, far, PauseJob { id: backup.to_string(), until, reason }).await;
}

#[tokio::test]
async fn a_query_arrives_as_it_was_asked() {
    let served = Served::start().await;
    let query = ExecutionQuery {
        job: Some(job("backup")),
        states: vec![crate::model::StateName::Failed, crate::model::StateName::TimedOut],
        trigger: Some(crate::model::Trigger::CatchUp),
        worker: Some(crate::model::WorkerId::new("worker-1").unwrap()),
        since: Some(noon() - TimeDelta::milliseconds(1)),
        until: Some(noon()),
        words: vec!["a&b=c".to_owned(), "ü".to_owned()],
        without: vec!["full".to_owned()],
        before: Some(execution_id(9)),
        after: Some(execution_id(3)),
        limit: 17,
    };
    served.client.executions(&query).await.unwrap();
    assert_eq!(served.engine_api.state().queries.last().unwrap(), &query);
    let page = served.client.executions(&ExecutionQuery { limit: 1, ..Default::default() }).await;
    let page = page.unwrap();
    assert!(page.more && page.items[0].id == execution_id(2));
}

#[tokio::test]
async fn a_refusal_arrives_as_what_it_is() {
    let served = Served::start().await;
    let (near, far): (&dyn EngineApi, &dyn EngineApi) = (&*served.engine_api, &served.client);
    let (ended, running) = (execution_id(1), execution_id(2));
    assert_eq!(far.job(&job("backpu")).await, near.job(&job("backpu")).await);
    assert_eq!(far.job(&job("zzzzzz")).await, near.job(&job("zzzzzz")).await);
    assert_eq!(far.execution("0192").await, near.execution("0192").await);
    assert_eq!(far.execution("ffff").await, near.execution("ffff").await);
    both(near, far, CancelExecution { id: ended.to_string(), abandon: false }).await;
    both(near, far, RetryExecution { id: running.to_string() }).await;
    both(near, far, ResumeJob { id: "backup".to_owned() }).await;
    both(near, far, ReloadJobs { dry_run: false }).await;
    served.engine_api.state().store_is_down = true;
    assert!(matches!(far.subscribe().await, Err(Refusal::Store(_))));
}

#[tokio::test]
async fn an_execution_named_by_a_path_is_only_a_name() {
    let served = Served::start().await;
    for part in ["../jobs/backup", "", ".", "..", "a/b", "?x=1", "%2f", "#"] {
        let refusal = served.client.execution(part).await.unwrap_err();
        let harmless = matches!(
            refusal,
            Refusal::UnknownExecution { .. } | Refusal::Malformed(_) | Refusal::Other(_)
        );
        assert!(harmless, "{part}: {refusal:?}");
    }
}

#[tokio::test]
async fn nobody_there_and_someone_else_there_are_reported_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.sock");
    let error = Client::over_socket(&path).unwrap().get(&["status"], &[]).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", other.local_addr().unwrap());
    let someone_else = Router::new().fallback(async || StatusCode::NOT_FOUND);
    tokio::spawn(axum::serve(other, someone_else).into_future());
    let error = Client::at_url(&uri).unwrap().get(&["status"], &[]).await.unwrap_err();
    assert!(matches!(error, ClientError::NotUnderstood { .. }), "{error}");
    for url in ["", "nonsense", "ftp://x", "unix:/x", "http://"] {
        assert!(Client::at_url(url).is_err(), "{url}");
    }
    let described = Client::at_url("http://user:secret@127.0.0.1:1/?token=secret").unwrap();
    let error = described.get(&["status"], &[]).await.unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_stream_brings_what_was_asked_for_and_not_json() {
    let served = Served::start().await;
    served.engine_api.write(AttemptKey { execution_id: execution_id(2), attempt: 1 }, b"plain");
    let path = ["executions", "00000002", "output"];
    let answer = served.client.stream(&path, &[], "text/plain").await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "plain\n");
    let mut events = served.client.stream(&["events"], &[], "text/event-stream").await.unwrap();
    served.engine_api.publish();
    assert!(events.chunk().await.unwrap().unwrap().starts_with(b"id: 6\n"));
}

#[tokio::test]
async fn edits_orders_and_notes_cross_the_socket_whole() {
    let served = Served::start().await;
    let (near, far): (&dyn EngineApi, &dyn EngineApi) = (&*served.engine_api, &served.client);
    let definition = Definition::from_iter([("run".to_owned(), "false".into())]);
    let source = Source::File;
    for (id, edit) in [
        ("new", JobEdit::Create { definition: definition.clone(), source }),
        ("backup", JobEdit::Create { definition: definition.clone(), source }),
        ("backup", JobEdit::Replace(definition.clone())),
        ("backup", JobEdit::Patch(definition)),
        ("backup", JobEdit::RollBack(1)),
        ("backup", JobEdit::RollBack(2)),
        ("backup", JobEdit::Delete),
        ("backpu", JobEdit::Delete),
    ] {
        for if_version in [None, Some(1), Some(7)] {
            for dry_run in [false, true] {
                let (id, options) = (job(id), EditOptions { dry_run, if_version });
                let said = near.edit_job(&id, edit.clone(), options).await;
                assert_eq!(far.edit_job(&id, edit.clone(), options).await, said, "{id} {edit:?}");
                let edits = &served.engine_api.state().edits;
                let [.., first, second] = edits.as_slice() else { panic!("{edits:?}") };
                assert_eq!((&first.0, first.2), (&second.0, second.2));
            }
        }
    }
    let backup = job("backup");
    for before in [None, Some(1_500)] {
        let near = near.versions(&backup, before, 1_200).await;
        assert_eq!(far.versions(&backup, before, 1_200).await, near);
    }
    for undo in [false, true] {
        both(near, far, SkipNextFireTime { id: backup.to_string(), undo }).await;
    }
    let id = execution_id(1).to_string();
    let note = Some("seen".to_owned());
    both(near, far, AcknowledgeExecution { id: id.clone(), note, until: Some(later()) }).await;
    both(near, far, UnacknowledgeExecution { id }).await;
    for id in ["worker-1", "worker-9"].map(str::to_owned) {
        let reason = Some("update".to_owned());
        both(near, far, DrainWorker { id: id.clone(), reason: reason.clone() }).await;
        both(near, far, UndrainWorker { id: id.clone(), reason }).await;
        for capacity in [Some(3), None] {
            both(near, far, SetWorkerCapacity { id: id.clone(), capacity }).await;
        }
        both(near, far, DeleteWorker { id }).await;
    }
    for (schedule, zone) in
        [("daily", None), ("daily at 3 AM", Some("Asia/Tokyo")), ("nonsense", None)]
    {
        assert_eq!(far.preview(schedule, zone, 3).await, near.preview(schedule, zone, 3).await);
    }
}

/// A verb is answered the same from afar.
async fn both<C: Listed>(near: &dyn EngineApi, far: &dyn EngineApi, command: C)
where
    C::Answer: PartialEq,
{
    assert_eq!(ask(far, command.clone()).await, ask(near, command).await);
}

fn later() -> DateTime<Utc> {
    noon() + TimeDelta::days(1)
}
