//! What is wrong, and where: collected during the checks, so that all of it is reported at once.
//!
//! Owns the bounds (how many are kept, how long a sentence may be) and makes every sentence safe to
//! print, for what it quotes comes from outside. Knows nothing of YAML or JSON: a [`Mark`] is
//! turned into words by who made the tree.

use std::fmt::Write as _;

use crate::model::text;

/// How many diagnostics of a kind are kept; the rest is counted.
const MOST: usize = 20_000;
/// How many candidates are looked at for "did you mean", over all diagnostics.
const MOST_COMPARISONS: usize = 100_000;
/// How much of a quoted text is shown.
const QUOTED_CHARS: usize = 80;

/// A place in a source. In a tree made of YAML: file, line and column from 1. In one made of JSON
/// the line is the number of a path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Mark {
    pub(crate) source: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Mark {
    /// The same line, `by` columns to the right.
    pub(super) fn shifted(self, by: usize) -> Self {
        let by = u32::try_from(by).unwrap_or(u32::MAX);
        Self { column: self.column.saturating_add(by), ..self }
    }
}

/// What a diagnostic is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// What is at its place: a text, a map, an unknown key.
    Place,
    /// A key of the table, or its value.
    Key(&'static str),
    /// A key of the table that is missing in the map at this mark.
    Missing(&'static str, Mark),
}

impl Subject {
    /// The key, as the table names it.
    pub(super) const fn key(self) -> Option<&'static str> {
        match self {
            Self::Place => None,
            Self::Key(key) | Self::Missing(key, _) => Some(key),
        }
    }
}

/// A sentence about a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Diagnostic {
    pub(crate) at: Mark,
    pub(crate) message: String,
    pub(crate) subject: Subject,
}

/// All that was found so far.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    left_out: usize,
    comparisons: usize,
}

impl Diagnostics {
    /// An error about what is at its place.
    pub(crate) fn error(&mut self, at: Mark, message: impl AsRef<str>) {
        self.error_about(Subject::Place, at, message);
    }

    pub(super) fn error_about(&mut self, subject: Subject, at: Mark, message: impl AsRef<str>) {
        if self.errors.len() < MOST {
            let message = printable(message.as_ref(), usize::MAX);
            self.errors.push(Diagnostic { at, message, subject });
        } else {
            self.left_out += 1;
        }
    }

    /// A warning about what is at its place.
    pub(super) fn warning(&mut self, at: Mark, message: impl AsRef<str>) {
        self.warning_about(Subject::Place, at, message);
    }

    pub(super) fn warning_about(&mut self, subject: Subject, at: Mark, message: impl AsRef<str>) {
        if self.warnings.len() < MOST {
            let message = printable(message.as_ref(), usize::MAX);
            self.warnings.push(Diagnostic { at, message, subject });
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// How many errors there are.
    pub(super) fn error_count(&self) -> usize {
        self.errors.len() + self.left_out
    }

    /// Whether so many errors are known that no further one is kept.
    pub(super) fn is_full(&self) -> bool {
        self.left_out > 0
    }

    /// Takes `comparisons` from what may be spent on suggestions; `false` when that is used up.
    pub(super) fn may_compare(&mut self, comparisons: usize) -> bool {
        self.comparisons = self.comparisons.saturating_add(comparisons);
        self.comparisons <= MOST_COMPARISONS
    }

    /// `: did you mean `x`?`, or nothing when no candidate is near, or when too many were looked at
    /// already: a file in which everything is misspelt must not cost minutes.
    pub(crate) fn did_you_mean<'a>(
        &mut self,
        wrong: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> String {
        let left = MOST_COMPARISONS - self.comparisons.min(MOST_COMPARISONS);
        let candidates = candidates.into_iter().take(left);
        let nearest = text::nearest(wrong, candidates.inspect(|_| self.comparisons += 1));
        nearest.map_or_else(String::new, |nearest| format!(": did you mean {}?", quoted(nearest)))
    }

    /// Errors and warnings, each in the order of the source and each once.
    pub(crate) fn into_sorted(mut self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        for list in [&mut self.errors, &mut self.warnings] {
            list.sort();
            list.dedup();
        }
        if let (Some(last), 1..) = (self.errors.last(), self.left_out) {
            let at = last.at;
            let message = format!("{} more errors are not listed", self.left_out);
            self.errors.push(Diagnostic { at, message, subject: Subject::Place });
        }
        (self.errors, self.warnings)
    }
}

/// A text from outside between backticks, safe to print and cut to what fits a line.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", printable(text, QUOTED_CHARS))
}

/// The text with everything that could disturb a terminal written as an escape, cut after `most`
/// characters.
pub(super) fn printable(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    for (index, c) in text.chars().enumerate() {
        if index == most {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_hostile(c) => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// Control characters, and those that turn the direction of text, take no room or stand for
/// nothing.
pub(super) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'
            | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_is_echoed_raw() {
        let text = "a\u{1b}[2J\u{202e}b\nc\u{7}";
        assert_eq!(quoted(text), "`a\\u{1b}[2J\\u{202e}b\\nc\\u{7}`");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), 83);
    }

    #[test]
    fn findings_are_reported_in_order_and_once() {
        let mut diagnostics = Diagnostics::default();
        let at = |line| Mark { source: 0, line, column: 1 };
        diagnostics.error(at(2), "b");
        diagnostics.error(at(1), "a");
        diagnostics.error(at(2), "b");
        let (errors, _) = diagnostics.into_sorted();
        let lines: Vec<u32> = errors.iter().map(|diagnostic| diagnostic.at.line).collect();
        assert_eq!(lines, [1, 2]);
    }

    #[test]
    fn more_than_can_be_kept_is_counted() {
        let mut diagnostics = Diagnostics::default();
        for line in 0..20_010 {
            diagnostics.error(Mark { source: 0, line, column: 1 }, "x");
        }
        let (errors, _) = diagnostics.into_sorted();
        assert_eq!(errors.last().unwrap().message, "10 more errors are not listed");
    }

    #[test]
    fn suggestions_stop_when_too_many_candidates_were_looked_at() {
        let mut diagnostics = Diagnostics::default();
        assert_eq!(diagnostics.did_you_mean("alphe", ["alpha"]), ": did you mean `alpha`?");
        diagnostics.did_you_mean("alphe", std::iter::repeat_n("zzzzzzzzzz", MOST_COMPARISONS));
        assert_eq!(diagnostics.did_you_mean("alphe", ["alpha"]), "");
    }
}
