//! What no honest program sends: each is answered by a problem, none by a panic, a 5xx or a deed.

use super::*;
use crate::api::params::BODY_LIMIT;

#[tokio::test]
async fn queries_that_are_not_understood_say_why() {
    let world = World::new();
    let long = "x".repeat(5_000);
    let mut told = String::new();
    for query in [
        "status=suceeded",
        "status=%F0%9F%92%A5",
        "trigger=manuel",
        "satus=failed",
        "job=Backup",
        "job=backup&job=report",
        "worker=W%201",
        "since=yesterday",
        "until=2026-13-01T00:00:00Z",
        "limit=0",
        "limit=-1",
        "limit=1001",
        "limit=99999999999999999999",
        "cursor=zzz",
        "cursor=%00",
        "after=1",
    ] {
        let (status, problem) = world.get(&format!("/api/v1/executions?{query}")).await;
        told += &format!("{query}: {} {}\n", status.as_u16(), problem["detail"].as_str().unwrap());
    }
    insta::assert_snapshot!(told, @"
    status=suceeded: 400 unknown value of `status`: `suceeded`; did you mean `succeeded`?
    status=%F0%9F%92%A5: 400 unknown value of `status`: `💥`; it takes waiting, queued, running, retrying, succeeded, failed, timed_out, cancelled, skipped
    trigger=manuel: 400 unknown value of `trigger`: `manuel`; did you mean `manual`?
    satus=failed: 400 unknown parameter `satus`: did you mean `status`?
    job=Backup: 404 no job named `Backup`; did you mean `backup`?
    job=backup&job=report: 400 `job` is given more than once
    worker=W%201: 400 `W 1` is not a legal id: it takes 1 to 64 of a-z, 0-9, `.`, `_`, `-`, and begins with a letter or digit
    since=yesterday: 400 `since` is a time like 2026-12-24T18:00:00Z, not `yesterday`
    until=2026-13-01T00:00:00Z: 400 `until` is a time like 2026-12-24T18:00:00Z, not `2026-13-01T00:00:00Z`
    limit=0: 400 `limit` is a number from 1 to 1000, not `0`
    limit=-1: 400 `limit` is a number from 1 to 1000, not `-1`
    limit=1001: 400 `limit` is a number from 1 to 1000, not `1001`
    limit=99999999999999999999: 400 `limit` is a number from 1 to 1000, not `99999999999999999999`
    cursor=zzz: 400 `cursor` is what `next_cursor` of the list before said
    cursor=%00: 400 `cursor` is what `next_cursor` of the list before said
    after=1: 400 `after` is what `next_cursor` of the list before said
    ");
    for name in ["status", "q", "job", "cursor", "since"] {
        let (status, problem) = world.get(&format!("/api/v1/executions?{name}={long}")).await;
        assert!(status.is_client_error(), "{name}");
        assert!(problem.to_string().len() < 1_000, "{name}: the answer does not echo it all");
    }
    assert!(world.door.state().queries.is_empty());
}

#[tokio::test]
async fn ids_that_are_none_are_not_found() {
    let world = World::new();
    let long = "a".repeat(5_000);
    for id in ["..", "%2e%2e%2f%2e%2e", "%00", "-", "A", "%F0%9F%92%A5", "a%20b", "%1b[2J", &long] {
        for path in [format!("jobs/{id}"), format!("executions/{id}/output")] {
            let (status, problem) = world.get(&format!("/api/v1/{path}")).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            assert!(!problem["detail"].as_str().unwrap().contains(char::is_control), "{path}");
            assert!(problem.to_string().len() < 1_000, "{path}");
        }
    }
    for path in ["jobs/%ff", "executions/%ff%fe", "workers/%c3%28"] {
        let (status, _) = world.get(&format!("/api/v1/{path}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_understood_run_nothing() {
    let world = World::new();
    let nested = "[".repeat(20_000);
    let mut told = String::new();
    for body in [
        "{",
        "[]x",
        "null",
        " [[\"x\"], true]",
        r#"{"arg": ["x"]}"#,
        r#"{"args": "x"}"#,
        r#"{"args": [1]}"#,
        r#"{"args": ["a\u0000b"]}"#,
        r#"{"force": "yes"}"#,
        r#"{"force": true, "force": false}"#,
        r#"{"with_dependencies": 1}"#,
        &format!(r#"{{"reason": "{}"}}"#, "r".repeat(2_000)),
    ] {
        let (status, problem) = world.post("/api/v1/jobs/backup/run", body.to_owned()).await;
        let shown: String = body.chars().take(40).collect();
        told += &format!("{shown}: {} {}\n", status.as_u16(), problem["detail"].as_str().unwrap());
    }
    insta::assert_snapshot!(told, @r#"
    {: 400 the request body is no such JSON: EOF while parsing an object at line 1 column 1
    []x: 400 the request body is a list, not a JSON object
    null: 400 the request body is no such JSON: invalid type: null, expected a JSON object at line 1 column 4
     [["x"], true]: 400 the request body is a list, not a JSON object
    {"arg": ["x"]}: 400 the request body is no such JSON: unknown field `arg`, expected one of `args`, `force`, `with_dependencies`, `reason` at line 1 column 6
    {"args": "x"}: 400 the request body is no such JSON: invalid type: string "x", expected a sequence at line 1 column 12
    {"args": [1]}: 400 the request body is no such JSON: invalid type: integer `1`, expected a string at line 1 column 11
    {"args": ["a\u0000b"]}: 400 an argument holds a NUL byte, which no program can be given
    {"force": "yes"}: 400 the request body is no such JSON: invalid type: string "yes", expected a boolean at line 1 column 15
    {"force": true, "force": false}: 400 the request body is no such JSON: duplicate field `force` at line 1 column 23
    {"with_dependencies": 1}: 400 the request body is no such JSON: invalid type: integer `1`, expected a boolean at line 1 column 23
    {"reason": "rrrrrrrrrrrrrrrrrrrrrrrrrrrr: 400 a reason holds at most 1,000 characters
    "#);
    for body in [nested.into_bytes(), vec![0xff, 0xfe], vec![b'"'; 100]] {
        let (status, _) = world.post("/api/v1/jobs/backup/run", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let (status, _) = world.post("/api/v1/jobs/backup/run", vec![b' '; BODY_LIMIT + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let endless =
        futures_util::stream::repeat(Ok::<_, std::convert::Infallible>(vec![b' '; 4_096]));
    let (status, _) = world.post("/api/v1/jobs/backup/run", Body::from_stream(endless)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(world.door.state().runs.is_empty());
}

#[tokio::test]
async fn a_pause_that_is_over_already_is_refused() {
    let world = World::new();
    let body = r#"{"until": "2026-11-23T11:59:59Z"}"#;
    let (status, _) = world.post("/api/v1/jobs/backup/pause", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let body = r#"{"until": "2026-11-23T12:00:01Z", "reason": "work"}"#;
    let (status, job) = world.post("/api/v1/jobs/backup/pause", body).await;
    assert_eq!((status, &job["paused"]["reason"]), (StatusCode::OK, &"work".into()));
}
