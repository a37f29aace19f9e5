//! Output: whole, by attempt, and while it grows.

use axum::body::BodyDataStream;
use futures_util::StreamExt;

use super::engine_api::{attempt, execution_id};
use super::*;
use crate::driver::Feed;
use crate::model::{AttemptKey, AttemptProgress, Execution, ExecutionState, Outcome};

fn key(n: u128, attempt: u32) -> AttemptKey {
    AttemptKey { execution_id: execution_id(n), attempt }
}

async fn whole(world: &World, query: &str) -> String {
    let uri = format!("/api/v1/executions/00000002/output{query}");
    let response = world.send(Request::get(uri).body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn follow(world: &World, query: &str) -> BodyDataStream {
    let uri = format!("/api/v1/executions/00000002/output?follow=true{query}");
    world.send(Request::get(uri).body(Body::empty()).unwrap()).await.into_body().into_data_stream()
}

async fn next(stream: &mut BodyDataStream) -> Option<String> {
    let chunk = stream.next().await?;
    Some(String::from_utf8(chunk.unwrap().to_vec()).unwrap())
}

/// The running execution with `attempts` begun, in `state`.
fn begun(world: &World, attempts: u32, state: ExecutionState) -> Execution {
    let attempts = (1..=attempts).map(attempt).collect();
    Execution { attempts, state, ..(*world.engine_api.find(execution_id(2))).clone() }
}

#[tokio::test]
async fn what_stands_there_is_given_as_it_is() {
    let world = World::new();
    for text in ["one", "two", "three"] {
        world.engine_api.write(key(2, 1), text.as_bytes());
    }
    world.engine_api.write(key(2, 1), b"\xff\x1b[31m");
    assert_eq!(whole(&world, "").await, "one\ntwo\nthree\n\u{fffd}\u{1b}[31m\n");
    world.engine_api.change(begun(&world, 2, ExecutionState::RUNNING));
    world.engine_api.write(key(2, 2), b"again");
    assert_eq!(whole(&world, "").await, "again\n");
    assert_eq!(whole(&world, "?attempt=1&from=2").await, "three\n\u{fffd}\u{1b}[31m\n");
}

#[tokio::test]
async fn lines_as_json_keep_every_byte() {
    let world = World::new();
    world.engine_api.write(key(2, 1), b"plain");
    world.engine_api.write(key(2, 1), b"\xff\x00");
    let request = Request::get("/api/v1/executions/00000002/output?attempt=1")
        .header(header::ACCEPT, "application/json");
    let (_, page) = json_of(world.send(request.body(Body::empty()).unwrap()).await).await;
    assert_eq!(page["lines"][0]["text"], "plain");
    assert_eq!(page["lines"][1]["text"], serde_json::json!([255, 0]));
    assert_eq!((&page["next"], &page["at_end"]), (&2.into(), &true.into()));
}

#[tokio::test]
async fn a_follower_sees_every_line_of_every_attempt_and_then_the_end() {
    let world = World::new();
    let mut stream = follow(&world, "").await;
    world.engine_api.write(key(2, 1), b"one");
    assert_eq!(next(&mut stream).await.unwrap(), "one\n");
    world.engine_api.write(key(2, 1), b"two");
    world.engine_api.change(begun(&world, 1, ExecutionState::Retrying { until: noon() }));
    assert_eq!(next(&mut stream).await.unwrap(), "two\n");
    world.engine_api.change(begun(&world, 2, ExecutionState::RUNNING));
    world.engine_api.write(key(2, 2), b"again");
    assert_eq!(next(&mut stream).await.unwrap(), "again\n");
    // What was written last and the end come in one go, the line first.
    world.engine_api.write(key(2, 2), b"last");
    world.engine_api.change(begun(&world, 2, ExecutionState::Succeeded));
    assert_eq!(next(&mut stream).await.unwrap(), "last\n");
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn a_follower_that_falls_behind_loses_nothing() {
    let world = World::new();
    let mut stream = follow(&world, "").await;
    for n in 0..50 {
        world.engine_api.write(key(2, 1), n.to_string().as_bytes());
    }
    world.engine_api.change(begun(&world, 1, ExecutionState::Failed));
    let mut all = String::new();
    while let Some(part) = next(&mut stream).await {
        all += &part;
    }
    let wanted: String = (0..50).map(|n| format!("{n}\n")).collect();
    assert_eq!(all, wanted);
}

#[tokio::test]
async fn following_one_attempt_ends_with_it() {
    let world = World::new();
    let mut stream = follow(&world, "&attempt=1").await;
    world.engine_api.write(key(2, 1), b"one");
    let mut changed = begun(&world, 2, ExecutionState::RUNNING);
    changed.attempts[0].progress = AttemptProgress::Ended {
        started_at: None,
        finished_at: noon(),
        outcome: Outcome::Failed,
        exit_code: None,
        error: None,
        output_lost: 0,
    };
    world.engine_api.change(changed);
    world.engine_api.write(key(2, 2), b"again");
    assert_eq!(next(&mut stream).await.unwrap(), "one\n");
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn a_follower_is_let_go_when_the_engine_ends() {
    let world = World::new();
    let (mut described, mut cut) = (follow(&world, "").await, follow(&world, "").await);
    world.engine_api.tell(Feed::Stopped);
    assert_eq!(next(&mut described).await, None);
    world.stopping.cancel();
    assert_eq!(next(&mut cut).await, None);
}

#[tokio::test]
async fn an_execution_without_attempts_has_no_output_yet() {
    let world = World::new();
    world.engine_api.change(begun(&world, 0, ExecutionState::Queued));
    assert_eq!(whole(&world, "").await, "");
    let mut stream = follow(&world, "").await;
    world.engine_api.change(begun(&world, 1, ExecutionState::RUNNING));
    world.engine_api.write(key(2, 1), b"one");
    assert_eq!(next(&mut stream).await.unwrap(), "one\n");
}

#[tokio::test]
async fn what_on_failure_wrote_is_attempt_0() {
    let world = World::new();
    assert_eq!(whole(&world, "?attempt=0").await, "");
    world.engine_api.write(key(2, 1), b"of the command");
    world.engine_api.write(key(2, 0), b"mail sent");
    assert_eq!(whole(&world, "?attempt=0").await, "mail sent\n");
    let uri = "/api/v1/executions/00000002/output?attempt=0";
    let request = Request::get(uri).header(header::ACCEPT, "application/json");
    let (_, page) = json_of(world.send(request.body(Body::empty()).unwrap()).await).await;
    assert_eq!(page["lines"][0]["text"], "mail sent", "{page}");
}
