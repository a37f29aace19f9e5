//! `/api/v1/events`: the numbered facts, as a stream from now on (server-sent events) or as a list of past ones (JSON).
//!
//! A stream that resumes, or falls behind, takes what it missed from the store: no gap, no double.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::app::App;
use super::dto::List;
use super::event_fanout::{Chunk, PAGE, Place};
use super::params::Params;
use super::problem::ProblemDetails;
use crate::driver::EngineApi;
use crate::model::Event;

/// After so long a silence a comment says that the stream lives, so that nothing in between takes it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const COMMENT: &[u8] = b":\n\n";

/// A stream, or a list where JSON is asked for.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    params(("limit" = String, Query), ("after" = String, Query), ("cursor" = String, Query)),
    responses((status = 200, description = "Events from now on; where JSON is asked for: a page of past ones", content((String = "text/event-stream"), (List<Event> = "application/json")))),
)]
pub(super) async fn events(
    app: App,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ProblemDetails> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.starts_with("application/json")) {
        return Ok(list(&app, &uri).await?.into_response());
    }
    Params::read(&uri, &[])?;
    let last = last_event_id(&headers)?;
    let follower = Follower::start(app, last).await?;
    let text = stream::unfold(follower, |mut follower| async move {
        let text = follower.next().await?;
        Some((Ok::<_, Infallible>(text), follower))
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    Ok((kind, Body::from_stream(text)).into_response())
}

/// Past events, newest first; or those `after` a number, oldest first.
async fn list(app: &App, uri: &Uri) -> Result<Json<List<Event>>, ProblemDetails> {
    let params = Params::read(uri, &["limit", "cursor", "after"])?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(100);
    let count = u32::try_from(limit).unwrap_or(u32::MAX);
    if let Some(after) = params.number("after", 0..=i64::MAX.unsigned_abs())? {
        let items = app.engine_api.events_after(after, count).await?;
        let full = u64::try_from(items.len()).is_ok_and(|len| len >= limit);
        let next_cursor = items.last().filter(|_| full).map(|last| last.seq.to_string());
        return Ok(Json(List { items, next_cursor }));
    }
    let items = match params.number("cursor", 1..=i64::MAX.unsigned_abs())? {
        None => app.engine_api.newest_events(count).await?,
        Some(cursor) => {
            let floor = cursor.saturating_sub(limit + 1);
            let mut items = app.engine_api.events_after(floor, count).await?;
            items.retain(|event| event.seq < cursor);
            items.reverse();
            items
        }
    };
    let next_cursor = items.last().filter(|last| last.seq > 1).map(|last| last.seq.to_string());
    Ok(Json(List { items, next_cursor }))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ProblemDetails> {
    const NAME: HeaderName = HeaderName::from_static("last-event-id");
    let Some(value) = headers.get(NAME) else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    parsed.map(Some).ok_or_else(|| {
        let detail = "`Last-Event-ID` is the `id` of an event: a number".to_owned();
        ProblemDetails::parameter("Last-Event-ID", detail)
    })
}

/// Gives the text of every event after `sent`, once, in order.
struct Follower {
    engine_api: Arc<dyn EngineApi>,
    chunks: broadcast::Receiver<Arc<Chunk>>,
    /// The newest event that was given.
    sent: u64,
    /// Up to here the store is asked.
    replay_until: u64,
    /// What it said.
    replayed: VecDeque<Chunk>,
    /// What the relay said, and comes after that.
    held: Option<Arc<Chunk>>,
}

impl Follower {
    async fn start(app: App, last: Option<u64>) -> Result<Self, ProblemDetails> {
        let Place { newest, passed, chunks } = app.event_fanout.join(&app).await?;
        // An id from another store lies in the future: then, too, "from now on".
        let sent = last.unwrap_or(newest).min(newest);
        let (replayed, held) = (VecDeque::new(), None);
        Ok(Self { engine_api: app.engine_api, chunks, sent, replay_until: passed, replayed, held })
    }

    /// What to send next; `None` when the engine ends or nothing more can be had.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.replayed.pop_front() {
                return Some(self.give(&chunk));
            }
            if self.sent < self.replay_until {
                self.replay().await?;
                continue;
            }
            if let Some(chunk) = self.held.take() {
                return Some(self.give(&chunk));
            }
            match timeout(KEEP_ALIVE, self.chunks.recv()).await {
                Err(_) => return Some(Bytes::from_static(COMMENT)),
                Ok(Err(RecvError::Closed)) => return None,
                // The next chunk's number says what is missing.
                Ok(Err(RecvError::Lagged(_))) => {}
                Ok(Ok(chunk)) if chunk.last() <= self.sent => {}
                Ok(Ok(chunk)) => {
                    self.replay_until = chunk.first() - 1;
                    self.held = Some(chunk);
                }
            }
        }
    }

    fn give(&mut self, chunk: &Chunk) -> Bytes {
        let text = chunk.after(self.sent);
        self.sent = chunk.last();
        text
    }

    async fn replay(&mut self) -> Option<()> {
        let page = self.engine_api.events_after(self.sent, PAGE).await.ok()?;
        let missing = page.iter().filter(|event| event.seq <= self.replay_until);
        self.replayed.extend(Chunk::of(missing));
        if self.replayed.is_empty() {
            // What was there has been pruned.
            self.sent = self.replay_until;
        }
        Some(())
    }
}
