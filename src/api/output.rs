//! `/api/v1/executions/{id}/output`: what an execution wrote, while it writes it or afterwards.
//!
//! As text the bytes are given as they came; as JSON each line has its time and stream. Following is woken by the feed.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::app::App;
use super::dto::OutputPage;
use super::params::{Params, Segment};
use super::problem::ProblemDetails;
use crate::driver::Feed;
use crate::model::OutputChunk;
use crate::model::{AttemptKey, Execution, ExecutionId, Refusal};

/// So many bytes of output are read at a time.
const CHUNK: u64 = 256 << 10;

/// Output of the newest attempt, or of the one asked for; attempt 0 is the job's `on_failure`.
#[utoipa::path(
    get,
    path = "/api/v1/executions/{id}/output",
    params(("id" = String, Path), ("attempt" = String, Query), ("follow" = String, Query), ("from" = String, Query), ("max_bytes" = String, Query)),
    responses((status = 200, description = "The output", content((String = "text/plain"), (OutputPage = "application/json")))),
)]
pub(super) async fn read(
    app: App,
    Segment(part): Segment,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ProblemDetails> {
    let params = Params::read(&uri, &["attempt", "follow", "from", "max_bytes"])?;
    let number = params.number("attempt", 0..=u64::from(u32::MAX))?;
    let asked = number.and_then(|number| u32::try_from(number).ok());
    let follow = params.flag("follow")?;
    let from = params.number("from", 0..=i64::MAX.unsigned_abs())?.unwrap_or(0);
    let max_bytes = params.number("max_bytes", 1..=16 << 20)?.unwrap_or(CHUNK);
    // Subscribing precedes the look at the execution, so that no change falls between the two.
    let feed = app.subscribe().await?.feed;
    let execution = app.engine_api.execution(&part).await?;
    check_attempt(&execution, asked)?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.starts_with("application/json")) {
        let attempt = asked.unwrap_or_else(|| execution.attempt_number());
        let key = AttemptKey { execution_id: execution.id, attempt };
        let chunk = match attempt {
            0 if asked.is_none() => OutputChunk { lines: Vec::new(), next: 0, at_end: true },
            _ => app.engine_api.output(key, from, max_bytes).await?,
        };
        return Ok(Json(OutputPage::from(chunk)).into_response());
    }
    let mut reader = Reader::new(app, feed, &execution, asked, follow, from);
    // What fails at once is still told as a problem; a follower gets its headers without waiting for output.
    let first = if follow { None } else { Some(reader.next().await?) };
    let chunks = stream::unfold((first, reader), |(first, mut reader)| async move {
        let chunk = match first {
            Some(chunk) => Ok(chunk),
            None => reader.next().await,
        };
        match chunk {
            Ok(Some(chunk)) => Some((Ok(text(chunk)), (None, reader))),
            Ok(None) => None,
            // Breaking off is how a reader learns that this is not the whole.
            Err(refusal) => Some((Err(std::io::Error::other(refusal)), (Some(None), reader))),
        }
    });
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn check_attempt(execution: &Execution, asked: Option<u32>) -> Result<(), ProblemDetails> {
    match asked {
        Some(asked) if asked > execution.attempt_number() => {
            let id = execution.id.to_string();
            Err(ProblemDetails::no_attempt(&id, asked, execution.attempts.len()))
        }
        _ => Ok(()),
    }
}

fn text(chunk: OutputChunk) -> Bytes {
    let mut bytes = Vec::new();
    for line in chunk.lines {
        bytes.extend_from_slice(&line.text);
        if line.complete {
            bytes.push(b'\n');
        }
    }
    bytes.into()
}

/// Reads an execution's output to its end; when following, through all its attempts until it is final.
struct Reader {
    app: App,
    feed: broadcast::Receiver<Feed>,
    execution: ExecutionId,
    /// The attempt asked for; `None` = the newest, and those that come after it.
    asked: Option<u32>,
    follow: bool,
    /// The attempt that is being read; 0 = none has begun, or, where it was asked for, `on_failure`.
    attempt: u32,
    /// Where to go on in it.
    from: u64,
    /// The newest attempt known.
    newest: u32,
    /// Whether nothing is written any more, except what stands there already.
    over: bool,
}

impl Reader {
    fn new(
        app: App,
        feed: broadcast::Receiver<Feed>,
        execution: &Execution,
        asked: Option<u32>,
        follow: bool,
        from: u64,
    ) -> Self {
        let attempt = asked.unwrap_or_else(|| execution.attempt_number());
        let (id, newest) = (execution.id, execution.attempt_number());
        let mut reader =
            Self { app, feed, execution: id, asked, follow, attempt, from, newest, over: false };
        reader.note(execution);
        reader
    }

    /// The next run of lines; `None` at the end.
    async fn next(&mut self) -> Result<Option<OutputChunk>, Refusal> {
        loop {
            if self.attempt > 0 || self.asked.is_some() {
                let key = AttemptKey { execution_id: self.execution, attempt: self.attempt };
                let chunk = self.app.engine_api.output(key, self.from, CHUNK).await?;
                let stuck = chunk.next <= self.from && chunk.lines.is_empty();
                self.from = chunk.next;
                if !chunk.lines.is_empty() {
                    return Ok(Some(chunk));
                }
                if !chunk.at_end && !stuck {
                    continue;
                }
            }
            if self.asked.is_none() && self.attempt < self.newest {
                self.attempt += 1;
                self.from = 0;
                continue;
            }
            // `over` was known before the read above, so nothing was written after it.
            if !self.follow || self.over || !self.wait().await? {
                return Ok(None);
            }
        }
    }

    /// Takes in what is now known of the execution.
    fn note(&mut self, execution: &Execution) {
        self.newest = execution.attempt_number();
        let asked = self
            .asked
            .and_then(|asked| execution.attempts.iter().find(|attempt| attempt.number == asked));
        self.over = execution.state.is_final() || asked.is_some_and(|attempt| attempt.has_ended());
    }

    /// Waits until something about the execution has changed; `false` when nothing will any more.
    async fn wait(&mut self) -> Result<bool, Refusal> {
        loop {
            let message = tokio::select! {
                biased;
                message = self.feed.recv() => message,
                () = self.app.stopping.cancelled() => return Ok(false),
            };
            match message {
                Ok(Feed::OutputGrew { key, .. }) if key.execution_id == self.execution => {
                    return Ok(true);
                }
                Ok(Feed::Batch(batch)) => {
                    let mine = batch.executions.iter().find(|one| one.id == self.execution);
                    if let Some(execution) = mine {
                        self.note(execution);
                        return Ok(true);
                    }
                }
                Ok(Feed::Stopped) | Err(RecvError::Closed) => return Ok(false),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    self.feed = self.app.engine_api.subscribe().await?.feed;
                    let execution =
                        self.app.engine_api.execution(&self.execution.to_string()).await?;
                    self.note(&execution);
                    return Ok(true);
                }
            }
        }
    }
}
