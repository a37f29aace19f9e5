//! What is wrong with a schedule, told so that it can be mended: the place, what was understood,
//! what may have been meant.

use std::ops::Range;

use super::text::printable;

/// How much of a text is shown around the place that an error is about, in characters.
const SHOWN: usize = 120;
/// How much of that stands before the place.
const SHOWN_BEFORE: usize = 40;

/// A schedule, zone or calendar that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}{}", after(.understood), hint(.suggestion, .readings))]
pub struct ScheduleError {
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// The bytes of the text that it is about.
    pub span: Range<usize>,
    /// What was understood before that place.
    pub understood: Option<String>,
    /// A text that would be taken and means what was written.
    pub suggestion: Option<String>,
    /// The texts that would be taken where what was written can mean each of them: then there is
    /// no suggestion.
    pub readings: Vec<String>,
}

fn after(understood: &Option<String>) -> String {
    understood.as_ref().map_or_else(String::new, |words| format!(" (understood: {words})"))
}

fn hint(suggestion: &Option<String>, readings: &[String]) -> String {
    let texts: Vec<String> =
        suggestion.iter().chain(readings).map(|text| format!("`{text}`")).collect();
    if texts.is_empty() { String::new() } else { format!("; try {}", texts.join(" or ")) }
}

impl ScheduleError {
    /// An error about some bytes of the text.
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        let message = printable(&message.into());
        Self { message, span, understood: None, suggestion: None, readings: Vec::new() }
    }

    /// Adds what may have been meant, where that is more than one thing.
    pub(super) fn either(mut self, readings: impl IntoIterator<Item = String>) -> Self {
        self.readings = readings.into_iter().collect();
        self
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
    /// lines; of a long text only what stands around the place.
    #[must_use]
    pub fn pretty(&self, text: &str) -> String {
        let columns = |end: usize| text.char_indices().take_while(|(at, _)| *at < end).count();
        let (from, to) = (columns(self.span.start), columns(self.span.end));
        let size = text.chars().count();
        let first = if size > SHOWN { from.saturating_sub(SHOWN_BEFORE) } else { 0 };
        let last = (first + SHOWN).min(size);
        let (cut, cut_off) =
            (["", "…"][usize::from(first > 0)], ["", "…"][usize::from(last < size)]);
        // One sign for one, so that the place below stays right.
        let sign = |c: char| match c {
            c if c.is_whitespace() => ' ',
            c if printable(c.encode_utf8(&mut [0; 4])).chars().count() > 1 => '\u{fffd}',
            c => c,
        };
        let shown: String = text.chars().skip(first).take(last - first).map(sign).collect();
        let blanks = " ".repeat(from - first + cut.chars().count());
        let marks = "^".repeat(to.min(last).saturating_sub(from).max(1));
        let mut lines =
            vec![format!("{cut}{shown}{cut_off}"), format!("{blanks}{marks} {}", self.message)];
        lines.extend(self.understood.as_ref().map(|words| format!("understood: {words}")));
        let texts = self.suggestion.iter().chain(&self.readings);
        let tried = texts.zip(std::iter::once("try: ").chain(std::iter::repeat(" or: ")));
        lines.extend(tried.map(|(text, before)| format!("{before}{text}")));
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
    fn of_a_long_text_only_the_place_is_shown() {
        let text = format!("{}never{}", "daily ".repeat(100), " at 9".repeat(100));
        let error = ScheduleError::new("`never` was not understood", 600..605);
        let pretty = error.pretty(&text);
        let (shown, marks) = pretty.split_once('\n').unwrap();
        assert_eq!(shown.chars().count(), 122, "{pretty}");
        let place = marks.chars().take_while(|c| *c == ' ').count();
        assert_eq!(shown.chars().skip(place).take(5).collect::<String>(), "never", "{pretty}");
        let all = ScheduleError::new("too long", 0..text.len()).pretty(&text);
        assert!(all.len() < 300, "{all}");
    }

    #[test]
    fn what_cannot_be_seen_is_named_and_disturbs_nothing() {
        let text = "every\u{200b}\u{1b}[2J \u{202e}day";
        let error = ScheduleError::new("`\u{200b}` was not understood", 5..8);
        assert_eq!(error.message, "`\\u{200b}` was not understood");
        assert_eq!(
            error.pretty(text),
            "every\u{fffd}\u{fffd}[2J \u{fffd}day\n     ^ `\\u{200b}` was not understood"
        );
    }

    #[test]
    fn a_span_past_the_end_is_harmless() {
        assert_eq!(ScheduleError::new("empty", 0..0).pretty(""), "\n^ empty");
        assert_eq!(ScheduleError::new("odd", 50..60).pretty("ab"), "ab\n  ^ odd");
    }
}
