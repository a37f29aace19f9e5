//! The formats that `data_processing` reads, and what their fields are called.

use std::path::Path;

/// What is in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Lines. Field `line` is all of one, `1`, `2` … are its words.
    Text,
    /// Comma-separated values; the first row names the fields.
    Csv,
    /// A JSON map a line. `user.name` looks into maps.
    Jsonl,
}

impl Format {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    /// What the end of a file's name says, if it says anything.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        match Path::new(path).extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

/// Whether a name is a field of a line: `line`, or a word by its number.
pub(super) fn is_text_field(name: &str) -> bool {
    name == "line" || name.parse::<u16>().is_ok_and(|number| number > 0)
}
