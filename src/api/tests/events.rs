//! Events as a stream: from now on, resumed, and behind.

use std::time::Duration;

use axum::body::{BodyDataStream, Bytes};
use futures_util::StreamExt;
use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use tokio::time::Instant;

use super::engine_api::execution;
use super::*;
use crate::driver::Feed;
use crate::model::ExecutionState;

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
    numbers(&text)
}

/// The ids in the text of a stream.
fn numbers(text: &str) -> Vec<u64> {
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
    world.engine_api.publish();
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
    world.engine_api.publish();
    assert_eq!(ids(&mut stream, 5).await, [2, 3, 4, 5, 6]);
    // Far more than the channel holds.
    for _ in 0..40 {
        world.engine_api.publish();
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
    world.engine_api.publish();
    assert_eq!(ids(&mut stream, 1).await, [6]);
    let pruned = World::new();
    pruned.engine_api.state().events.clear();
    let mut stream = open(&pruned, Some("0")).await.into_body().into_data_stream();
    pruned.engine_api.publish();
    assert_eq!(ids(&mut stream, 1).await, [6]);
}

#[tokio::test]
async fn a_last_event_id_that_is_no_number_is_a_problem() {
    for last in ["x", "-1", "1.5", ""] {
        let (status, _) = json_of(open(&World::new(), Some(last)).await).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{last}");
    }
}

/// The next piece of a stream as it is.
async fn piece(stream: &mut BodyDataStream) -> Bytes {
    stream.next().await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lone_event_goes_at_once_and_what_follows_it_together() {
    let world = World::new();
    let begun = Instant::now();
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(open(&world, None).await.into_body().into_data_stream());
    }
    world.engine_api.publish();
    assert!(piece(&mut streams[0]).await.starts_with(b"id: 6\n"));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    for _ in 0..3 {
        world.engine_api.publish();
        tokio::task::yield_now().await;
    }
    let together = piece(&mut streams[0]).await;
    assert!(begun.elapsed() < Duration::from_millis(50), "{:?}", begun.elapsed());
    assert_eq!(String::from_utf8_lossy(&together).matches("id: ").count(), 3);
    // It was written once for all of them.
    for stream in &mut streams[1..] {
        piece(stream).await;
        assert_eq!(piece(stream).await.as_ptr(), together.as_ptr());
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_says_that_it_lives() {
    let world = World::new();
    let mut stream = open(&world, None).await.into_body().into_data_stream();
    for _ in 0..2 {
        assert_eq!(piece(&mut stream).await, ":\n\n");
    }
    world.engine_api.publish();
    assert_eq!(ids(&mut stream, 1).await, [6]);
}

#[tokio::test]
async fn the_engine_is_listened_to_once_and_only_while_somebody_listens() {
    let world = World::new();
    for _ in 0..2 {
        let streams = [open(&world, None).await, open(&world, Some("2")).await];
        assert_eq!(world.engine_api.listeners(), 1);
        drop(streams);
        while world.engine_api.listeners() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn streams_end_after_the_engines_last_event() {
    let world = World::new();
    let mut stream = open(&world, None).await.into_body().into_data_stream();
    world.engine_api.publish();
    world.engine_api.tell(Feed::Stopped);
    assert_eq!(ids(&mut stream, 2).await, [6], "and then the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn streams_that_join_in_the_thick_of_it_miss_nothing() {
    const STREAMS: u64 = 200;
    let world = Arc::new(World::new());
    let mut opened = tokio::task::JoinSet::new();
    for number in 0..STREAMS {
        let joins = world.clone();
        opened.spawn(async move {
            let last = (number % 2 == 0).then(|| number.to_string());
            let stream = open(&joins, last.as_deref()).await.into_body().into_data_stream();
            (number, stream)
        });
        world.engine_api.publish();
        tokio::task::yield_now().await;
    }
    let mut opened = opened.join_all().await;
    world.engine_api.publish();
    let newest = world.engine_api.state().seq;
    for (number, stream) in &mut opened {
        let mut text = String::new();
        while !text.contains(&format!("id: {newest}\n")) {
            text += std::str::from_utf8(&piece(stream).await).unwrap();
        }
        let ids = numbers(&text);
        assert!(*number % 2 == 1 || ids[0] <= *number + 1);
        assert_eq!(ids, (ids[0]..=newest).collect::<Vec<_>>());
    }
}

/// What happens while streams come and go.
#[derive(Debug, Clone)]
enum Step {
    /// So many events.
    Publish(usize),
    /// A change that is no event takes a number.
    Skip,
    /// A stream from now on, or after so many hundredths of what there is.
    Join(Option<u64>),
    /// So many pieces are read of the stream with this number.
    Read(usize, usize),
    /// Time passes.
    Pause(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..30_usize).prop_map(Step::Publish),
        Just(Step::Skip),
        proptest::option::of(0..=110_u64).prop_map(Step::Join),
        (0..8_usize, 1..4_usize).prop_map(|(stream, pieces)| Step::Read(stream, pieces)),
        (0..100_u64).prop_map(Step::Pause),
    ]
}

proptest! {
    #[test]
    fn every_stream_has_what_follows_its_beginning_once(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(play(steps));
    }
}

async fn play(steps: Vec<Step>) {
    let world = World::new();
    let mut streams: Vec<(u64, BodyDataStream, String)> = Vec::new();
    for step in steps {
        match step {
            Step::Publish(count) => (0..count).for_each(|_| world.engine_api.publish()),
            Step::Skip => world.engine_api.change(execution(9, "backup", ExecutionState::Queued)),
            Step::Join(share) => {
                let newest = world.engine_api.state().seq;
                let last = share.map(|share| newest * share / 100);
                let text = last.map(|last| last.to_string());
                let stream = open(&world, text.as_deref()).await.into_body().into_data_stream();
                let begin = last.unwrap_or(newest).min(newest);
                streams.push((begin, stream, String::new()));
            }
            Step::Read(number, pieces) => {
                let Some((_, stream, text)) = streams.get_mut(number) else { continue };
                for _ in 0..pieces {
                    *text += std::str::from_utf8(&piece(stream).await).unwrap();
                }
            }
            Step::Pause(ms) => tokio::time::advance(Duration::from_millis(ms)).await,
        }
    }
    world.engine_api.publish();
    world.engine_api.tell(Feed::Stopped);
    let all: Vec<u64> = world.engine_api.state().events.iter().map(|event| event.seq).collect();
    for (begin, mut stream, mut text) in streams {
        while let Some(piece) = stream.next().await {
            text += std::str::from_utf8(&piece.unwrap()).unwrap();
        }
        let wanted: Vec<u64> = all.iter().copied().filter(|seq| *seq > begin).collect();
        assert_eq!(numbers(&text), wanted, "after {begin}");
    }
}
