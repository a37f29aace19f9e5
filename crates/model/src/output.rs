//! The output of an attempt as others read it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output, and what a built-in command says.
    Stdout,
    /// Standard error.
    Stderr,
    /// Not output: stands for what `output_limit` left out.
    Gap,
}

/// A line of output, or the gap between head and tail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputLine {
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// Where from.
    pub stream: Stream,
    /// The bytes without the line end. Untrusted: may hold escape sequences and any byte.
    pub text: Vec<u8>,
    /// Whether a line end followed (a very long line is cut into parts; the last line may lack one).
    pub complete: bool,
}

/// A run of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputChunk {
    /// The lines, in the order they arrived.
    pub lines: Vec<OutputLine>,
    /// Where to go on reading.
    pub next: u64,
    /// Whether `next` is the end of what has been written so far.
    pub at_end: bool,
}
