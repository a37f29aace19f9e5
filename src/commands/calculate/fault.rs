//! What is wrong with an expression, and where.

use std::fmt;
use std::ops::Range;

/// Something wrong with an expression, and where (byte range of the text).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(at: Range<usize>, message: impl fmt::Display) -> Self {
        Self { at, message: message.to_string() }
    }

    /// The sentence for people: what, where, and the words from there on.
    pub(super) fn describe(&self, text: &str) -> String {
        let column = text[..self.at.start].chars().count() + 1;
        let rest = text[self.at.start..].trim_end();
        let near: String = rest.chars().take(20).flat_map(char::escape_debug).collect();
        let more = if rest.chars().nth(20).is_some() { "…" } else { "" };
        if near.is_empty() {
            format!("{} at the end of the expression (character {column})", self.message)
        } else {
            format!("{} at character {column}, before `{near}{more}`", self.message)
        }
    }
}
