//! Events as a stream: from now on, resumed, and behind.

use axum::body::BodyDataStream;
use futures_util::StreamExt;

use super::*;

async fn open(world: &World, last: Option<&str>) -> Response<Body> {
    let mut request = Request::get("/api/v1/events");
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

/// The ids of the next `count` events.
async fn ids(stream: &mut BodyDataStream, count: usize) -> Vec<u64> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let Some(chunk) = stream.next().await else { break };
        text += std::str::from_utf8(&chunk.unwrap()).unwrap();
    }
    text.lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .map(|id| id.parse().unwrap())
        .collect()
}

#[tokio::test]
async fn a_stream_begins_now() {
    let world = World::new();
    let response = open(&world, None).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    world.door.publish();
    let chunk = stream.next().await.unwrap().unwrap();
    insta::assert_snapshot!(std::str::from_utf8(&chunk).unwrap().trim_end(), @r#"
    id: 6
    data: {"seq":6,"at":"2026-11-23T12:00:00Z","actor":"engine","type":"worker_changed","worker_id":"worker-1","reason":"came"}
    "#);
}

#[tokio::test]
async fn a_stream_resumes_without_a_gap_and_without_a_double() {
    let world = World::new();
    let mut stream = open(&world, Some("1")).await.into_body().into_data_stream();
    world.door.publish();
    assert_eq!(ids(&mut stream, 5).await, [2, 3, 4, 5, 6]);
    // Far more than the channel holds.
    for _ in 0..40 {
        world.door.publish();
    }
    let wanted: Vec<u64> = (7..=46).collect();
    assert_eq!(ids(&mut stream, 40).await, wanted);
    world.stopping.cancel();
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_number_from_another_life_means_from_now_on() {
    let world = World::new();
    let mut stream = open(&world, Some("999999")).await.into_body().into_data_stream();
    world.door.publish();
    assert_eq!(ids(&mut stream, 1).await, [6]);
    let pruned = World::new();
    pruned.door.state().events.clear();
    let mut stream = open(&pruned, Some("0")).await.into_body().into_data_stream();
    pruned.door.publish();
    assert_eq!(ids(&mut stream, 1).await, [6]);
}

#[tokio::test]
async fn a_last_event_id_that_is_no_number_is_a_problem() {
    for last in ["x", "-1", "1.5", ""] {
        let (status, _) = json_of(open(&World::new(), Some(last)).await).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{last}");
    }
}
