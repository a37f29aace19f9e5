//! `/api/v1/events`: the numbered facts, as a stream from now on (server-sent events) or as a list of past ones (JSON).
//!
//! A stream that resumes, or falls behind, takes what it missed from the store: no gap, no double.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::app::App;
use super::params::Params;
use super::problem::ProblemDetails;
use super::wire::List;
use crate::driver::Feed;
use crate::model::Event;

/// So many events are taken from the store at a time.
const PAGE: u32 = 500;

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
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(as_sse(&event)), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// Past events, newest first; or those `after` a number, oldest first.
async fn list(app: &App, uri: &Uri) -> Result<Json<List<Event>>, ProblemDetails> {
    let params = Params::read(uri, &["limit", "cursor", "after"])?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(100);
    let count = u32::try_from(limit).unwrap_or(u32::MAX);
    if let Some(after) = params.number("after", 0..=i64::MAX.unsigned_abs())? {
        let items = app.door.events_after(after, count).await?;
        let full = u64::try_from(items.len()).is_ok_and(|len| len >= limit);
        let next_cursor = items.last().filter(|_| full).map(|last| last.seq.to_string());
        return Ok(Json(List { items, next_cursor }));
    }
    let items = match params.number("cursor", 1..=i64::MAX.unsigned_abs())? {
        None => app.door.newest_events(count).await?,
        Some(cursor) => {
            let floor = cursor.saturating_sub(limit + 1);
            let mut items = app.door.events_after(floor, count).await?;
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

fn as_sse(event: &Event) -> sse::Event {
    let data = serde_json::to_string(event).unwrap_or_default();
    sse::Event::default().id(event.seq.to_string()).data(data)
}

/// Gives every event after `sent`, once, in order.
struct Follower {
    app: App,
    feed: broadcast::Receiver<Feed>,
    /// The newest event that was given.
    sent: u64,
    /// Up to here the store is asked, from here on the feed tells.
    replay_until: u64,
    ready: VecDeque<Event>,
}

impl Follower {
    async fn start(app: App, last: Option<u64>) -> Result<Self, ProblemDetails> {
        let subscription = app.subscribe().await?;
        let newest = subscription.snapshot.seq;
        // An id from another store lies in the future: then, too, "from now on".
        let sent = last.unwrap_or(newest).min(newest);
        let feed = subscription.feed;
        Ok(Self { app, feed, sent, replay_until: newest, ready: VecDeque::new() })
    }

    /// The next event; `None` when the engine ends or nothing more can be had.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.sent = event.seq;
                return Some(event);
            }
            if self.sent < self.replay_until {
                self.replay().await?;
            } else {
                self.listen().await?;
            }
        }
    }

    async fn replay(&mut self) -> Option<()> {
        let page = self.app.door.events_after(self.sent, PAGE).await.ok()?;
        let until = self.replay_until;
        self.ready.extend(page.into_iter().filter(|event| event.seq <= until));
        if self.ready.is_empty() {
            // What was there has been pruned.
            self.sent = until;
        }
        Some(())
    }

    async fn listen(&mut self) -> Option<()> {
        let message = tokio::select! {
            biased;
            message = self.feed.recv() => message,
            () = self.app.stopping.cancelled() => return None,
        };
        match message {
            Ok(Feed::Batch(batch)) => {
                let sent = self.sent;
                self.ready.extend(batch.events.iter().filter(|event| event.seq > sent).cloned());
                Some(())
            }
            Ok(Feed::Stopped) | Err(RecvError::Closed) => None,
            Ok(_) => Some(()),
            Err(RecvError::Lagged(_)) => {
                let subscription = self.app.door.subscribe().await.ok()?;
                self.feed = subscription.feed;
                self.replay_until = subscription.snapshot.seq;
                Some(())
            }
        }
    }
}
