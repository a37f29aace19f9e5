//! What is wrong with a schedule, told so that it can be mended: the place, what was understood,
//! what may have been meant.

use std::ops::Range;

/// A schedule, zone or calendar that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}{}", after(.understood), hint(.suggestion))]
pub struct ScheduleError {
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// The bytes of the text that it is about.
    pub span: Range<usize>,
    /// What was understood before that place.
    pub understood: Option<String>,
    /// The nearest text that would be taken.
    pub suggestion: Option<String>,
}

fn after(understood: &Option<String>) -> String {
    understood.as_ref().map_or_else(String::new, |words| format!(" (understood: {words})"))
}

fn hint(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or_else(String::new, |nearest| format!("; try `{nearest}`"))
}

impl ScheduleError {
    /// An error about some bytes of the text.
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), span, understood: None, suggestion: None }
    }

    /// Adds what may have been meant.
    pub(super) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Adds what was understood, unless that is known already.
    pub(super) fn understanding(mut self, understood: impl Into<String>) -> Self {
        self.understood.get_or_insert_with(|| understood.into());
        self
    }

    /// The text with the place underlined, then what was understood and what to try, over several
    /// lines.
    #[must_use]
    pub fn pretty(&self, text: &str) -> String {
        let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let columns = |end: usize| text.char_indices().take_while(|(at, _)| *at < end).count();
        let (from, to) = (columns(self.span.start), columns(self.span.end));
        let mut lines = vec![
            shown,
            format!("{}{} {}", " ".repeat(from), "^".repeat((to - from).max(1)), self.message),
        ];
        lines.extend(self.understood.as_ref().map(|words| format!("understood: {words}")));
        lines.extend(self.suggestion.as_ref().map(|nearest| format!("try: {nearest}")));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_underlined_whatever_stands_before_it() {
        let text = "täglich\tat 9";
        let error = ScheduleError::new("`at` was not understood", 9..11).suggest("daily at 9");
        assert_eq!(
            error.pretty(text),
            "täglich at 9\n        ^^ `at` was not understood\ntry: daily at 9"
        );
        assert_eq!(error.to_string(), "`at` was not understood; try `daily at 9`");
    }

    #[test]
    fn a_span_past_the_end_is_harmless() {
        assert_eq!(ScheduleError::new("empty", 0..0).pretty(""), "\n^ empty");
        assert_eq!(ScheduleError::new("odd", 50..60).pretty("ab"), "ab\n  ^ odd");
    }
}
