//! What each route answers.

use super::*;
use crate::api::tests::engine_api::execution_id;

#[tokio::test]
async fn an_engine_that_cannot_answer_is_not_ready_and_tells_no_secret() {
    let world = World::new();
    world.engine_api.state().store_is_down = true;
    let request = Request::get("/readyz").body(Body::empty()).unwrap();
    assert_eq!(world.send(request).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let (status, problem) = world.get("/api/v1/jobs").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!problem.to_string().contains("hunter2"), "{problem}");
}

#[tokio::test]
async fn jobs_are_a_list_that_can_be_taken_in_parts() {
    let world = World::new();
    let (_, all) = world.get("/api/v1/jobs").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    assert_eq!(all["next_cursor"], Value::Null);
    let (_, first) = world.get("/api/v1/jobs?limit=2").await;
    assert_eq!(first["next_cursor"], "clean-up");
    let (_, rest) = world.get("/api/v1/jobs?limit=2&cursor=clean-up").await;
    assert_eq!(rest["items"][0]["id"], "report");
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_job_has_its_keys_and_what_is_known_about_it() {
    let (_, job) = World::new().get("/api/v1/jobs/backup").await;
    let (wanted, found) = (
        ["id", "run", "priority", "retry", "enabled", "source", "version", "next_fire_time"],
        job.as_object().unwrap(),
    );
    for key in wanted.into_iter().chain(["paused", "last_execution"]) {
        assert!(found.contains_key(key), "{key} in {job}");
    }
    assert_eq!(job["next_fire_time"], "2026-11-23T12:05:00Z");
}

#[tokio::test]
async fn an_execution_says_its_attempt_and_worker() {
    let (_, execution) = World::new().get("/api/v1/executions/00000002").await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&execution).unwrap(), @r#"
    {
      "attempt": 1,
      "attempts": [
        {
          "assigned_at": "2026-11-23T11:51:00Z",
          "error": null,
          "exit_code": null,
          "finished_at": null,
          "number": 1,
          "outcome": null,
          "started_at": "2026-11-23T11:51:00Z",
          "worker_id": "worker-1"
        }
      ],
      "created_at": "2026-11-23T11:50:00Z",
      "finished_at": null,
      "fire_time": "2026-11-23T11:50:00Z",
      "history": [
        {
          "at": "2026-11-23T11:50:00Z",
          "reason": "a slot was free",
          "reason_code": "other",
          "state": "running"
        }
      ],
      "id": "0192f0c123457abc8def000000000002",
      "job_id": "report",
      "job_version": 1,
      "priority": "medium",
      "reason": "a slot was free",
      "reason_code": "other",
      "result": null,
      "started_at": null,
      "state": "running",
      "trigger": "schedule",
      "worker_id": "worker-1"
    }
    "#);
}

#[tokio::test]
async fn executions_are_reported_newest_first_and_page_by_cursor() {
    let world = World::new();
    let (_, first) = world.get("/api/v1/executions?limit=1").await;
    assert_eq!(first["items"][0]["id"], execution_id(2).to_string());
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, rest) = world.get(&format!("/api/v1/executions?limit=1&cursor={cursor}")).await;
    assert_eq!(rest["items"][0]["id"], execution_id(1).to_string());
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test]
async fn every_filter_reaches_the_engine_api() {
    let world = World::new();
    let uri = "/api/v1/executions?job=backup&status=failed,timed_out&status=skipped&trigger=manual\
        &worker=worker-1&since=2026-01-01T00:00:00Z&until=2026-02-01T01:00:00%2B01:00\
        &q=disk+!full+%C3%A4&limit=7";
    assert_eq!(world.get(uri).await.0, StatusCode::OK);
    insta::assert_debug_snapshot!(world.engine_api.state().queries.last().unwrap(), @r#"
    ExecutionQuery {
        job: Some(
            "backup",
        ),
        states: [
            Failed,
            TimedOut,
            Skipped,
        ],
        trigger: Some(
            Manual,
        ),
        worker: Some(
            "worker-1",
        ),
        since: Some(
            2026-01-01T00:00:00Z,
        ),
        until: Some(
            2026-02-01T00:00:00Z,
        ),
        words: [
            "disk",
            "ä",
        ],
        without: [
            "full",
        ],
        before: None,
        after: None,
        limit: 7,
    }
    "#);
}

#[tokio::test]
async fn a_run_is_accepted_with_its_execution() {
    let world = World::new();
    let body = r#"{"args": ["--full", "ü x"], "force": true, "reason": "asked"}"#;
    let (status, execution) = world.post("/api/v1/jobs/backup/run", body).await;
    assert_eq!((status, &execution["state"]), (StatusCode::ACCEPTED, &"queued".into()));
    assert_eq!(world.post("/api/v1/jobs/backup/run", "").await.0, StatusCode::ACCEPTED);
    let state = world.engine_api.state();
    assert_eq!(state.runs[0].args, ["--full", "ü x"]);
    assert!(state.runs[0].force && !state.runs[1].force);
}

#[tokio::test]
async fn refusals_are_problems_with_a_stable_type() {
    let world = World::new();
    let mut described = String::new();
    for (method, path) in [
        ("GET", "jobs/backpu"),
        ("GET", "jobs/Backup"),
        ("POST", "jobs/backup/resume"),
        ("POST", "executions/00000001/cancel"),
        ("POST", "executions/00000002/retry"),
        ("GET", "jobs/backpu/why"),
        ("GET", "executions/ffff/why"),
        ("GET", "executions/0192"),
        ("GET", "executions/ffff"),
        ("POST", "reload"),
        ("PUT", "executions/00000001"),
        ("GET", "job"),
        ("GET", "workers/worker-9"),
        ("GET", "executions/00000002/output?attempt=2"),
    ] {
        let request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
        let (_, problem) = json_of(world.send(request.body(Body::empty()).unwrap()).await).await;
        described += &format!("{method} {path}: {problem}\n");
    }
    insta::assert_snapshot!(described, @r#"
    GET jobs/backpu: {"detail":"no job named `backpu`; did you mean `backup`?","job":"backpu","nearest":"backup","status":404,"title":"No such job","type":"/problems/unknown-job"}
    GET jobs/Backup: {"detail":"no job named `Backup`; did you mean `backup`?","job":"Backup","nearest":"backup","status":404,"title":"No such job","type":"/problems/unknown-job"}
    POST jobs/backup/resume: {"detail":"job `backup` is not paused","job":"backup","status":409,"title":"Job is not paused","type":"/problems/not-paused"}
    POST executions/00000001/cancel: {"detail":"execution 00000001 is already succeeded","execution":"0192f0c123457abc8def000000000001","state":"succeeded","status":409,"title":"Execution is over","type":"/problems/already-final"}
    POST executions/00000002/retry: {"detail":"execution 00000002 is still running: cancel it first, or wait for its end","execution":"0192f0c123457abc8def000000000002","state":"running","status":409,"title":"Execution is not over","type":"/problems/still-live"}
    GET jobs/backpu/why: {"detail":"no job named `backpu`; did you mean `backup`?","job":"backpu","nearest":"backup","status":404,"title":"No such job","type":"/problems/unknown-job"}
    GET executions/ffff/why: {"detail":"no execution `ffff`","execution":"ffff","status":404,"title":"No such execution","type":"/problems/unknown-execution"}
    GET executions/0192: {"count":2,"detail":"`0192` is the beginning or end of 2 executions: give more of its characters","execution":"0192","status":400,"title":"More than one execution","type":"/problems/ambiguous-execution"}
    GET executions/ffff: {"detail":"no execution `ffff`","execution":"ffff","status":404,"title":"No such execution","type":"/problems/unknown-execution"}
    POST reload: {"detail":"jobs.yaml:3:5: unknown key `scheduel`","status":422,"title":"Invalid jobs file","type":"/problems/invalid-file"}
    PUT executions/00000001: {"detail":"/api/v1/executions/00000001 does not take PUT","status":405,"title":"Method not allowed","type":"/problems/method-not-allowed"}
    GET job: {"detail":"nothing is served at /api/v1/job: see /api/v1/status","status":404,"title":"No such route","type":"/problems/unknown-route"}
    GET workers/worker-9: {"detail":"no worker named `worker-9`","status":404,"title":"No such worker","type":"/problems/unknown-worker","worker":"worker-9"}
    GET executions/00000002/output?attempt=2: {"detail":"execution 0192f0c123457abc8def000000000002 has 1 attempt, so no attempt 2","execution":"0192f0c123457abc8def000000000002","status":404,"title":"No such attempt","type":"/problems/unknown-attempt"}
    "#);
}

#[tokio::test]
async fn a_dry_run_reloads_nothing() {
    let world = World::new();
    for query in ["dry_run=true", "dry_run=1", "dry_run", "dry_run="] {
        let (status, plan) = world.post(&format!("/api/v1/reload?{query}"), "").await;
        assert_eq!((status, &plan["added"][0]), (StatusCode::OK, &"new".into()), "{query}");
    }
    for query in ["dryrun=true", "dry_run=yes", "dry_run=1&dry_run=0"] {
        let (status, _) = world.post(&format!("/api/v1/reload?{query}"), "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
    assert_eq!(world.engine_api.state().reloads, 0);
}

#[tokio::test]
async fn the_status_counts_what_lives_now_and_what_ended_today() {
    let (_, status) = World::new().get("/api/v1/status").await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&status).unwrap(), @r#"
    {
      "capacity": 5,
      "counts": {
        "cancelled": 0,
        "failed": 0,
        "queued": 0,
        "retrying": 0,
        "running": 1,
        "skipped": 0,
        "succeeded": 4,
        "timed_out": 0,
        "waiting": 0
      },
      "engine": {
        "data_dir": "/data",
        "file": {
          "changed": false,
          "path": "jobs.yaml",
          "sample": false
        },
        "history": {
          "events": 0,
          "executions": 0,
          "output_bytes": null,
          "over": false,
          "problem": null
        },
        "host": "db1",
        "leader": null,
        "listen": null,
        "pid": 42,
        "scheduler": "leader",
        "started_at": "2026-11-23T10:20:00Z",
        "store": "sqlite",
        "version": "0.1.0"
      },
      "failing": [],
      "health": "ok",
      "jobs": 3,
      "leader": {
        "epoch": null,
        "host": "db1",
        "pid": 42
      },
      "paused": 0,
      "problems": [],
      "role": "admin",
      "scheduler": "leader",
      "seq": 5,
      "started_at": "2026-11-23T10:20:00Z",
      "upcoming": [
        {
          "fire_time": "2026-11-23T12:03:00Z",
          "job_id": "clean-up"
        },
        {
          "fire_time": "2026-11-23T12:05:00Z",
          "job_id": "backup"
        },
        {
          "fire_time": "2026-11-23T12:09:00Z",
          "job_id": "report"
        }
      ],
      "uptime": "1h40m",
      "uptime_ms": 6000000,
      "version": "0.1.0",
      "workers": 1,
      "wrong": []
    }
    "#);
}

#[tokio::test]
async fn fire_times_are_reported_from_now_or_from_an_instant() {
    let world = World::new();
    let (_, next) = world.get("/api/v1/jobs/backup/next?count=2").await;
    assert_eq!(next["items"][0], "2026-11-23T12:01:00Z");
    let (_, next) = world.get("/api/v1/jobs/backup/next?count=1&from=2026-12-01T00:00:00Z").await;
    assert_eq!(next["items"], serde_json::json!(["2026-12-01T00:01:00Z"]));
}

#[tokio::test]
async fn past_events_are_a_list_where_json_is_asked_for() {
    let world = World::new();
    let list = async |query: &str| {
        let request = Request::get(format!("/api/v1/events{query}"))
            .header(header::ACCEPT, "application/json");
        let (_, list) = json_of(world.send(request.body(Body::empty()).unwrap()).await).await;
        let seqs: Vec<u64> =
            list["items"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()).collect();
        (seqs, list["next_cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(list("?limit=2").await, (vec![5, 4], Some("4".to_owned())));
    assert_eq!(list("?limit=2&cursor=4").await, (vec![3, 2], Some("2".to_owned())));
    assert_eq!(list("?limit=2&cursor=2").await, (vec![1], None));
    assert_eq!(list("?limit=2&after=3").await, (vec![4, 5], Some("5".to_owned())));
    assert_eq!(list("?after=3").await, (vec![4, 5], None));
}

#[tokio::test]
async fn why_is_asked_about_now_or_an_instant() {
    let world = World::new();
    let (status, why) = world.get("/api/v1/jobs/backup/why").await;
    assert_eq!((status, &why["at"]), (StatusCode::OK, &"2026-11-23T12:00:00Z".into()));
    let (_, why) = world.get("/api/v1/jobs/backup/why?at=2026-12-01T00:00:00Z").await;
    assert_eq!((&why["subject"], &why["at"]), (&"backup".into(), &"2026-12-01T00:00:00Z".into()));
    let (_, why) = world.get("/api/v1/executions/00000002/why").await;
    assert_eq!(why["lines"][0], "it is running");
    for query in ["at=yesterday", "at=1&at=2", "when=now"] {
        let (status, _) = world.get(&format!("/api/v1/jobs/backup/why?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
}
