//! `/api/v1/feed`: a snapshot and all that follows it, one JSON text a line. It is what a screen in another process lives on.
//!
//! A reader that falls behind is let go; it comes again and begins with a fresh snapshot.

use axum::body::{Body, Bytes};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::dto::FeedLine;
use super::params::Params;
use super::problem::ProblemDetails;
use crate::driver::Feed;

struct Feeder {
    first: Option<FeedLine>,
    feed: broadcast::Receiver<Feed>,
    stopping: CancellationToken,
    ended: bool,
}

/// A snapshot, then everything.
#[utoipa::path(
    get,
    path = "/api/v1/feed",
    responses((status = 200, description = "One line after the other", body = FeedLine, content_type = "application/x-ndjson")),
)]
pub(super) async fn feed(app: App, uri: Uri) -> Result<Response, ProblemDetails> {
    Params::read(&uri, &[])?;
    let subscription = app.subscribe().await?;
    let feeder = Feeder {
        first: Some(FeedLine::Snapshot(Box::new(subscription.snapshot))),
        feed: subscription.feed,
        stopping: app.stopping.clone(),
        ended: false,
    };
    let lines = stream::unfold(feeder, |mut feeder| async move {
        let line = feeder.next().await?;
        let mut text = serde_json::to_vec(&line).ok()?;
        text.push(b'\n');
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), feeder))
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(lines)).into_response())
}

impl Feeder {
    async fn next(&mut self) -> Option<FeedLine> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.ended {
            return None;
        }
        let message = tokio::select! {
            biased;
            message = self.feed.recv() => message.ok()?,
            () = self.stopping.cancelled() => return None,
        };
        self.ended = message == Feed::Stopped;
        Some(message.into())
    }
}
