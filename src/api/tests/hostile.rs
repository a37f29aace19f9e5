//! What no honest program sends: each is answered by a problem, none by a panic, a 5xx or a deed.

use super::*;
use crate::api::params::BODY_LIMIT;
use crate::driver::JobEdit;

#[tokio::test]
async fn queries_that_are_not_understood_say_why() {
    let world = World::new();
    let long = "x".repeat(5_000);
    let mut described = String::new();
    for query in [
        "status=suceeded",
        "status=%F0%9F%92%A5",
        "trigger=manuel",
        "trigger=",
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
        described +=
            &format!("{query}: {} {}\n", status.as_u16(), problem["detail"].as_str().unwrap());
    }
    insta::assert_snapshot!(described, @"
    status=suceeded: 400 unknown value of `status`: `suceeded`; did you mean `succeeded`?
    status=%F0%9F%92%A5: 400 unknown value of `status`: `💥`; it takes waiting, queued, running, retrying, succeeded, failed, timed_out, cancelled, skipped
    trigger=manuel: 400 unknown value of `trigger`: `manuel`; did you mean `manual`?
    trigger=: 400 unknown value of `trigger`: ``; it takes schedule, catch_up, manual, dependency, retry, reboot
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
    assert!(world.engine_api.state().queries.is_empty());
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
    let mut described = String::new();
    for body in [
        "{",
        "[]x",
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
        described +=
            &format!("{shown}: {} {}\n", status.as_u16(), problem["detail"].as_str().unwrap());
    }
    insta::assert_snapshot!(described, @r#"
    {: 400 the request body is no such JSON: EOF while parsing an object at line 1 column 1
    []x: 400 the request body is a list, not a JSON object
     [["x"], true]: 400 the request body is a list, not a JSON object
    {"arg": ["x"]}: 400 the request body is not understood: unknown field `arg`, expected one of `id`, `force`, `with_dependencies`, `reason`, `args`
    {"args": "x"}: 400 the request body is not understood: invalid type: string "x", expected a sequence
    {"args": [1]}: 400 the request body is not understood: invalid type: integer `1`, expected a string
    {"args": ["a\u0000b"]}: 400 an argument holds a NUL byte, which no program can be given
    {"force": "yes"}: 400 the request body is not understood: invalid type: string "yes", expected a boolean
    {"force": true, "force": false}: 400 `force` is given more than once
    {"with_dependencies": 1}: 400 the request body is not understood: invalid type: integer `1`, expected a boolean
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
    assert!(world.engine_api.state().runs.is_empty());
}

#[tokio::test]
async fn a_key_given_twice_is_reported_by_its_path() {
    let world = World::new();
    let mut described = String::new();
    for body in [
        r#"{"id": "a", "run": "x", "run": "y", "run": "z"}"#,
        r#"{"id": "a", "retry": {"delay": "1s", "max_retries": 1, "delay": "1s"}}"#,
        r#"{"id": "a", "dependencies": [{"job": "b"}, {"job": "c", "\u006aob": "d"}], "id": "b"}"#,
        r#"{"id": "a", "metadata": {"x": {"y": [[{"z": null, "z": {}}]]}}}"#,
        r#"{"id": "a", "x\u001b[2J": 1, "x\u001b[2J": 2}"#,
    ] {
        for (method, path) in [("POST", ""), ("PUT", "/backup"), ("PATCH", "/backup")] {
            let response = world.ask(method, &format!("/api/v1/jobs{path}"), &[], body).await;
            let (status, problem) = json_of(response).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{method} {body}");
            if method == "POST" {
                described += &format!("{body}\n  {}\n", problem["errors"]);
            }
        }
    }
    insta::assert_snapshot!(described, @r#"
    {"id": "a", "run": "x", "run": "y", "run": "z"}
      [{"message":"it is given more than once","path":"run"}]
    {"id": "a", "retry": {"delay": "1s", "max_retries": 1, "delay": "1s"}}
      [{"message":"it is given more than once","path":"retry.delay"}]
    {"id": "a", "dependencies": [{"job": "b"}, {"job": "c", "\u006aob": "d"}], "id": "b"}
      [{"message":"it is given more than once","path":"dependencies[1].job"},{"message":"it is given more than once","path":"id"}]
    {"id": "a", "metadata": {"x": {"y": [[{"z": null, "z": {}}]]}}}
      [{"message":"it is given more than once","path":"metadata.x.y[0][0].z"}]
    {"id": "a", "x\u001b[2J": 1, "x\u001b[2J": 2}
      [{"message":"it is given more than once","path":"x[2J"}]
    "#);
    // Long keys and many doubles cost no more than what is told of them.
    let (key, many) = ("k".repeat(300_000), "\"a\":0,".repeat(100_000));
    let body = format!("{{\"{key}\":{{{many}\"b\":0}}}}");
    let (_, problem) = json_of(world.ask("PATCH", "/api/v1/jobs/backup", &[], body).await).await;
    assert!(problem["errors"][0]["path"].as_str().unwrap().ends_with(".a"), "{problem}");
    assert!(world.engine_api.state().edits.is_empty());
}

#[tokio::test]
async fn a_definition_is_taken_as_it_is_said() {
    let world = World::new();
    let said = r#"{"metadata": {"a": [1, -2, 0.5, 18446744073709551615, true, null, "é", {}], "b": {"a": 1}}}"#;
    let response = world.ask("PATCH", "/api/v1/jobs/backup", &[], said).await;
    assert_eq!(response.status(), StatusCode::OK);
    let (_, edit, _) = world.engine_api.state().edits.last().unwrap().clone();
    assert_eq!(edit, JobEdit::Patch(serde_json::from_str(said).unwrap()));
    for no in ["[]", "null", "1", r#""x""#, "{", &"{\"a\":".repeat(100_000)] {
        let response = world.ask("PATCH", "/api/v1/jobs/backup", &[], no.to_owned()).await;
        assert_eq!(json_of(response).await.0, StatusCode::BAD_REQUEST, "{no:.20}");
    }
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
