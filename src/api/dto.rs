//! JSON shapes that are no type of the model and no verb's answer: lists, output, and the lines of the feed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::driver::{Batch, Feed, FileState, Snapshot};
use crate::model::{AttemptKey, Health, OutputChunk, OutputLine, Stream};

/// A list, or the part of it that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Given as `cursor`, it brings the rows that follow; `null` = there are none.
    pub next_cursor: Option<String>,
}

/// How many rows tell whether more follow on `limit` of them.
pub(super) fn one_more(limit: u64) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1)
}

/// The first `limit` of `rows`; the cursor is that of the last of them, if more follow.
pub(super) fn page<T>(mut rows: Vec<T>, limit: u64, cursor: impl Fn(&T) -> String) -> List<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(cursor);
    List { items: rows, next_cursor }
}

/// One line of `/api/v1/feed`: first a snapshot, then everything that follows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FeedLine {
    /// The engine at one instant; the first line and no other.
    Snapshot(Box<Snapshot>),
    /// A commit.
    Batch(Arc<Batch>),
    /// A running attempt has written output.
    OutputGrew {
        /// Which.
        key: AttemptKey,
        /// Bytes written so far.
        bytes: u64,
    },
    /// jobs.yaml was changed by hand, or is again as it was loaded.
    File(FileState),
    /// How the engine is from now on.
    Health(Health),
    /// The engine ends; nothing follows.
    Stopped,
}

impl From<Feed> for FeedLine {
    fn from(message: Feed) -> Self {
        match message {
            Feed::Batch(batch) => Self::Batch(batch),
            Feed::OutputGrew { key, bytes } => Self::OutputGrew { key, bytes },
            Feed::File(state) => Self::File(state),
            Feed::Health(health) => Self::Health(health),
            Feed::Stopped => Self::Stopped,
        }
    }
}

impl FeedLine {
    /// The message it carries, or the snapshot that begins a feed.
    pub(super) fn message(self) -> Result<Feed, Box<Snapshot>> {
        match self {
            Self::Snapshot(snapshot) => Err(snapshot),
            Self::Batch(batch) => Ok(Feed::Batch(batch)),
            Self::OutputGrew { key, bytes } => Ok(Feed::OutputGrew { key, bytes }),
            Self::File(state) => Ok(Feed::File(state)),
            Self::Health(health) => Ok(Feed::Health(health)),
            Self::Stopped => Ok(Feed::Stopped),
        }
    }
}

/// Bytes as text where they are text: output hardly ever is anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum TextDto {
    /// UTF-8.
    Text(String),
    /// Anything else, byte by byte.
    Bytes(Vec<u8>),
}

/// A line of output as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineDto {
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// Where from.
    pub stream: Stream,
    /// The line without its end.
    pub text: TextDto,
    /// Whether a line end followed.
    pub complete: bool,
}

/// Output as JSON: lines with their times and streams, and where to go on reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputPage {
    /// The lines.
    pub lines: Vec<LineDto>,
    /// Given as `from`, it brings what follows.
    pub next: u64,
    /// Whether `next` is the end of what has been written so far.
    pub at_end: bool,
}

impl From<OutputChunk> for OutputPage {
    fn from(chunk: OutputChunk) -> Self {
        let line = |line: OutputLine| LineDto {
            at: line.at,
            stream: line.stream,
            text: match String::from_utf8(line.text) {
                Ok(text) => TextDto::Text(text),
                Err(error) => TextDto::Bytes(error.into_bytes()),
            },
            complete: line.complete,
        };
        let lines = chunk.lines.into_iter().map(line).collect();
        Self { lines, next: chunk.next, at_end: chunk.at_end }
    }
}

impl From<OutputPage> for OutputChunk {
    fn from(page: OutputPage) -> Self {
        let line = |line: LineDto| OutputLine {
            at: line.at,
            stream: line.stream,
            text: match line.text {
                TextDto::Text(text) => text.into_bytes(),
                TextDto::Bytes(bytes) => bytes,
            },
            complete: line.complete,
        };
        let lines = page.lines.into_iter().map(line).collect();
        Self { lines, next: page.next, at_end: page.at_end }
    }
}
