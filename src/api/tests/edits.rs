//! Definitions, orders for workers and notes, changed over HTTP.

use super::*;
use crate::driver::{EditOptions, JobEdit};
use crate::model::Source;

const BODY: &str = r#"{"id": "new", "run": "true", "change": {"diff": null}}"#;

#[tokio::test]
async fn a_new_job_is_created_where_it_is_reported_to_live() {
    let world = World::new();
    let response = world.ask("POST", "/api/v1/jobs", &[], BODY).await;
    assert_eq!(response.headers()[header::LOCATION], "/api/v1/jobs/new");
    assert_eq!(response.headers()[header::ETAG], "\"1\"");
    let (status, job) = json_of(response).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!((&job["id"], &job["version"]), (&"new".into(), &1.into()));
    assert_eq!(job["change"]["added"][0], "new");
    for (query, body, lives) in [
        ("", r#"{"id": "a", "source": "file"}"#, Source::File),
        ("?source=file", r#"{"id": "a"}"#, Source::File),
        ("?source=api", r#"{"id": "a", "source": "file"}"#, Source::Api),
        ("", r#"{"id": "a", "source": null}"#, Source::Api),
    ] {
        let (status, _) = world.post(&format!("/api/v1/jobs{query}"), body).await;
        assert_eq!(status, StatusCode::CREATED, "{query} {body}");
        let (_, edit, options) = world.engine_api.state().edits.last().unwrap().clone();
        let JobEdit::Create { definition, source } = edit else { panic!("{edit:?}") };
        assert_eq!((source, options), (lives, EditOptions::default()), "{query} {body}");
        assert!(!definition.contains_key("source") && !definition.contains_key("change"));
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_says_what_would_change() {
    let world = World::new();
    for (method, uri) in [
        ("POST", "/api/v1/jobs?dry_run=true"),
        ("PUT", "/api/v1/jobs/backup?dry_run=true"),
        ("PATCH", "/api/v1/jobs/backup?dry_run"),
        ("DELETE", "/api/v1/jobs/backup?dry_run=1"),
        ("POST", "/api/v1/jobs/backup/disable?dry_run=true"),
        ("POST", "/api/v1/jobs/backup/versions/1/rollback?dry_run=true"),
    ] {
        let body = if method == "POST" { BODY } else { "{}" };
        let response = world.ask(method, uri, &[], body).await;
        assert!(!response.headers().contains_key(header::LOCATION), "{method} {uri}");
        assert!(!response.headers().contains_key(header::ETAG), "{method} {uri}");
        let (status, answer) = json_of(response).await;
        assert_eq!(status, StatusCode::OK, "{method} {uri}");
        assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
        assert_eq!(answer["change"]["diff"], "-run: true\n+run: false\n");
        assert!(world.engine_api.state().edits.last().unwrap().2.dry_run, "{method} {uri}");
    }
}

#[tokio::test]
async fn an_etag_is_the_version_and_if_match_asks_for_it() {
    let world = World::new();
    let response = world.ask("GET", "/api/v1/jobs/backup", &[], "").await;
    assert_eq!(response.headers()[header::ETAG], "\"1\"");
    for (method, uri) in [
        ("PUT", "/api/v1/jobs/backup"),
        ("PATCH", "/api/v1/jobs/backup"),
        ("DELETE", "/api/v1/jobs/backup"),
        ("POST", "/api/v1/jobs/backup/enable"),
        ("POST", "/api/v1/jobs/backup/versions/1/rollback"),
    ] {
        for (tag, status) in [
            ("\"1\"", StatusCode::OK),
            ("1", StatusCode::OK),
            ("*", StatusCode::OK),
            ("\"2\"", StatusCode::PRECONDITION_FAILED),
            ("W/\"1\"", StatusCode::PRECONDITION_FAILED),
            ("\"abc\"", StatusCode::PRECONDITION_FAILED),
            ("\"1\", \"2\"", StatusCode::BAD_REQUEST),
            ("nonsense", StatusCode::BAD_REQUEST),
            ("", StatusCode::BAD_REQUEST),
        ] {
            let response = world.ask(method, uri, &[("If-Match", tag)], "{}").await;
            let (found, answer) = json_of(response).await;
            assert_eq!(found, status, "{method} {uri} {tag}");
            if status == StatusCode::PRECONDITION_FAILED {
                assert_eq!(answer["type"], "/problems/another-version", "{tag}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_definition_is_reported_by_its_path() {
    let world = World::new();
    let mut described = String::new();
    for (method, path, body) in [
        ("POST", "jobs", ""),
        ("POST", "jobs", "[]"),
        ("POST", "jobs", r#"{"run": "true"}"#),
        ("POST", "jobs", r#"{"id": 7}"#),
        ("POST", "jobs", r#"{"id": "Not Legal"}"#),
        ("POST", "jobs", r#"{"id": "a", "source": "fiel"}"#),
        ("POST", "jobs", r#"{"id": "a", "source": 1}"#),
        ("POST", "jobs?source=disk", r#"{"id": "a"}"#),
        ("POST", "jobs", r#"{"id": "backup", "run": "true"}"#),
        ("PUT", "jobs/backup", r#"{"id": "other"}"#),
        ("PUT", "jobs/backup", r#"{"scheduel": "daily"}"#),
        ("PATCH", "jobs/backpu", "{}"),
        ("POST", "jobs/backup/versions/2/rollback", ""),
        ("POST", "jobs/backup/versions/x/rollback", ""),
        ("DELETE", "jobs/nothing", ""),
        ("PATCH", "workers/worker-1", "{}"),
        ("PATCH", "workers/worker-1", ""),
        ("PATCH", "workers/worker-1", r#"{"capacity": 0}"#),
        ("PATCH", "workers/worker-1", r#"{"capacity": -1}"#),
        ("PATCH", "workers/worker-9", r#"{"capacity": 1}"#),
        ("DELETE", "workers/worker-1", ""),
        ("DELETE", "workers/worker-9", ""),
        ("POST", "jobs/backup/skip-next", r#"{"undo": 1}"#),
        ("POST", "executions/00000002/acknowledge", r#"{"until": "2020-01-01T00:00:00Z"}"#),
        ("GET", "schedule/preview", ""),
        ("GET", "schedule/preview?expr=nonsense", ""),
        ("GET", "schedule/preview?expr=daily&count=0", ""),
    ] {
        let response = world.ask(method, &format!("/api/v1/{path}"), &[], body).await;
        let (status, problem) = json_of(response).await;
        let errors = problem.get("errors").map(|errors| format!(" {errors}")).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap();
        described += &format!("{method} {path} {body}: {} {detail}{errors}\n", status.as_u16());
    }
    insta::assert_snapshot!(described, @r#"
    POST jobs : 422 id: a job needs an `id` such as `nightly-backup` [{"message":"a job needs an `id` such as `nightly-backup`","path":"id"}]
    POST jobs []: 400 the request body is a list, not a JSON object
    POST jobs {"run": "true"}: 422 id: a job needs an `id` such as `nightly-backup` [{"message":"a job needs an `id` such as `nightly-backup`","path":"id"}]
    POST jobs {"id": 7}: 422 id: it is a text such as `nightly-backup` [{"message":"it is a text such as `nightly-backup`","path":"id"}]
    POST jobs {"id": "Not Legal"}: 422 id: `Not Legal` is not a legal id: it takes 1 to 64 of a-z, 0-9, `.`, `_`, `-`, and begins with a letter or digit [{"message":"`Not Legal` is not a legal id: it takes 1 to 64 of a-z, 0-9, `.`, `_`, `-`, and begins with a letter or digit","path":"id"}]
    POST jobs {"id": "a", "source": "fiel"}: 422 source: it is `file` or `api` [{"message":"it is `file` or `api`","path":"source"}]
    POST jobs {"id": "a", "source": 1}: 422 source: it is `file` or `api` [{"message":"it is `file` or `api`","path":"source"}]
    POST jobs?source=disk {"id": "a"}: 400 `source` is not understood: `disk`: unknown variant `disk`, expected `file` or `api`
    POST jobs {"id": "backup", "run": "true"}: 409 a job named `backup` is there already: change it, or take another id
    PUT jobs/backup {"id": "other"}: 422 id: job `backup` keeps its id: make a new job, and delete this one [{"message":"job `backup` keeps its id: make a new job, and delete this one","path":"id"}]
    PUT jobs/backup {"scheduel": "daily"}: 422 scheduel: unknown key; did you mean `schedule`? [{"message":"unknown key; did you mean `schedule`?","path":"scheduel"}]
    PATCH jobs/backpu {}: 404 no job named `backpu`; did you mean `backup`?
    POST jobs/backup/versions/2/rollback : 404 job `backup` has no version 2
    POST jobs/backup/versions/x/rollback : 404 nothing is served at /api/v1/jobs/backup/versions/x/rollback: `version` is not understood: `x`: invalid digit found in string
    DELETE jobs/nothing : 404 no job named `nothing`
    PATCH workers/worker-1 {}: 400 the request body is not understood: missing field `capacity`
    PATCH workers/worker-1 : 400 the request body is not understood: missing field `capacity`
    PATCH workers/worker-1 {"capacity": 0}: 400 `capacity` is a number from 1 to 10000, or null for what jobs.yaml says; a worker that is to take nothing is drained
    PATCH workers/worker-1 {"capacity": -1}: 400 the request body is not understood: invalid value: integer `-1`, expected u32
    PATCH workers/worker-9 {"capacity": 1}: 404 no worker named `worker-9`
    DELETE workers/worker-1 : 409 worker `worker-1` is a pool of jobs.yaml
    DELETE workers/worker-9 : 404 no worker named `worker-9`
    POST jobs/backup/skip-next {"undo": 1}: 400 the request body is not understood: invalid type: integer `1`, expected a boolean
    POST executions/00000002/acknowledge {"until": "2020-01-01T00:00:00Z"}: 400 `until` is over already: 2020-01-01T00:00:00+00:00
    GET schedule/preview : 400 `expr` is the schedule: `expr=weekdays%20at%209:30`
    GET schedule/preview?expr=nonsense : 422 schedule: `nonsense` is not understood [{"message":"`nonsense` is not understood","path":"schedule"}]
    GET schedule/preview?expr=daily&count=0 : 400 `count` is a number from 1 to 1000, not `0`
    "#);
}

#[tokio::test]
async fn versions_come_in_pages() {
    let world = World::new();
    let (_, first) = world.get("/api/v1/jobs/backup/versions?limit=2").await;
    assert_eq!(first["items"][0]["version"], 2_500);
    assert_eq!(first["next_cursor"], "2499");
    let (_, next) = world.get("/api/v1/jobs/backup/versions?limit=2&cursor=2499").await;
    assert_eq!(next["items"][0]["version"], 2_498);
    let (_, last) = world.get("/api/v1/jobs/backup/versions?cursor=3").await;
    assert_eq!((last["items"].as_array().unwrap().len(), &last["next_cursor"]), (2, &Value::Null));
}

#[tokio::test]
async fn the_ledger_and_fire_times_come_in_pages() {
    let world = World::new();
    let (_, first) = world.get("/api/v1/jobs/backup/ledger?limit=2").await;
    assert_eq!(first["next_cursor"], "2026-11-23T10:00:00Z");
    let uri = "/api/v1/jobs/backup/ledger?limit=2&cursor=2026-11-23T10:00:00Z";
    let (_, rest) = world.get(uri).await;
    assert_eq!(rest["items"][0]["first"], "2026-11-23T09:00:00Z");
    assert_eq!(rest["next_cursor"], Value::Null);
    let (_, first) = world.get("/api/v1/jobs/backup/next?count=2").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let uri =
        format!("/api/v1/jobs/backup/next?count=1&cursor={}", first["items"][1].as_str().unwrap());
    let (_, next) = world.get(&uri).await;
    assert_eq!(next["items"][0], "2026-11-23T12:03:00Z");
    let (_, workers) = world.get("/api/v1/workers?limit=1&cursor=worker-0").await;
    assert_eq!(
        (&workers["items"][0]["id"], &workers["next_cursor"]),
        (&"worker-1".into(), &Value::Null)
    );
    let (_, workers) = world.get("/api/v1/workers?cursor=worker-1").await;
    assert_eq!(workers["items"], serde_json::json!([]));
}

#[tokio::test]
async fn operators_orders_reach_the_engine_api() {
    let world = World::new();
    let (_, job) = world.post("/api/v1/jobs/backup/skip-next", "").await;
    assert_eq!(job["skip_next"]["fire_time"], "2026-11-23T12:05:00Z");
    let (_, job) = world.post("/api/v1/jobs/backup/skip-next", r#"{"undo": true}"#).await;
    assert_eq!(job.get("skip_next"), None);
    let body = r#"{"note": "disk ordered", "until": "2026-11-24T00:00:00Z"}"#;
    let (_, job) = world.post("/api/v1/executions/00000001/acknowledge", body).await;
    assert_eq!(job["acknowledged"]["note"], "disk ordered");
    let response = world.ask("DELETE", "/api/v1/executions/00000001/acknowledge", &[], "").await;
    assert_eq!(json_of(response).await.1.get("acknowledged"), None);
    let (_, worker) = world.post("/api/v1/workers/worker-1/drain", r#"{"reason": "update"}"#).await;
    assert_eq!(
        (&worker["state"], &worker["drained"]["reason"]),
        (&"draining".into(), &"update".into())
    );
    let (_, worker) = world.post("/api/v1/workers/worker-1/undrain", "").await;
    assert_eq!(worker["state"], "online");
    let response = world.ask("PATCH", "/api/v1/workers/worker-1", &[], r#"{"capacity": 9}"#).await;
    assert_eq!(json_of(response).await.1["capacity"], 9);
    let (_, preview) = world.get("/api/v1/schedule/preview?expr=daily&tz=Asia/Tokyo&count=2").await;
    assert_eq!(
        (&preview["timezone"], &preview["fire_times"][1]),
        (&"Asia/Tokyo".into(), &"2026-11-25T12:00:00Z".into())
    );
    let (status, _) = world.post("/api/v1/jobs/backup/run", r#"{"with_dependencies": true}"#).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert!(world.engine_api.state().runs[0].with_dependencies);
}

#[tokio::test]
async fn head_and_options_are_answered_without_a_body() {
    let world = World::new();
    let head = world.ask("HEAD", "/api/v1/jobs/backup", &[], "").await;
    assert_eq!(
        (head.status(), &head.headers()[header::ETAG]),
        (StatusCode::OK, &"\"1\"".parse().unwrap())
    );
    assert!(to_bytes(head.into_body(), 1).await.unwrap().is_empty());
    for (uri, allowed) in [
        ("/api/v1/jobs", "GET,HEAD,POST"),
        ("/api/v1/jobs/backup", "GET,HEAD,PUT,PATCH,DELETE"),
        ("/api/v1/jobs/backup/run", "POST"),
    ] {
        let options = world.ask("OPTIONS", uri, &[], "").await;
        assert_eq!(options.status(), StatusCode::NO_CONTENT, "{uri}");
        assert_eq!(options.headers()[header::ALLOW], allowed, "{uri}");
        assert!(to_bytes(options.into_body(), 1).await.unwrap().is_empty());
        let wrong = world.ask("TRACE", uri, &[], "").await;
        assert_eq!(wrong.headers()[header::ALLOW], allowed, "{uri}");
        assert_eq!(json_of(wrong).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
}
