//! English phrases: the text into tokens (`lexer`), clauses (`grammar`, with `clock` and `days`),
//! and one pattern (`phrase`).
//!
//! Owns the whole of the language, errors that teach included. Never guesses: what is not
//! understood is refused.

mod amount;
mod clock;
mod cursor;
mod days;
mod grammar;
mod lexer;
mod offer;
mod phrase;
mod vocabulary;

use super::error::ScheduleError;
use super::pattern::Pattern;
use super::words;
use cursor::Cursor;

/// Reads a phrase.
pub(super) fn parse(text: &str) -> Result<Pattern, ScheduleError> {
    read(text).map_err(|error| teach(text, error))
}

/// Whether a word has a meaning somewhere in some phrase.
pub(super) fn is_known(word: &str) -> bool {
    vocabulary::is_known(&word.to_lowercase())
}

fn read(text: &str) -> Result<Pattern, ScheduleError> {
    let tokens = lexer::tokens(text)?;
    grammar::phrase(&mut Cursor::new(text, &tokens))
}

/// Adds what was understood up to the error, and what to write instead where that means the same.
fn teach(text: &str, mut error: ScheduleError) -> ScheduleError {
    if let Some(zone) = offer::zone_at(text, &error.span) {
        let message =
            format!("`{zone}` is a time zone: it belongs to `timezone:`, beside the schedule");
        error = ScheduleError::new(message, error.span);
    }
    let reads = |phrase: &String| read(phrase).is_ok();
    let offered = error.suggestion.take();
    error.suggestion = offered
        .and_then(|words| offer::replaced(text, &error.span, &words))
        .filter(|phrase| reads(phrase) && offer::keeps(text, phrase))
        .or_else(|| offer::plain_digits(text).filter(reads))
        .or_else(|| offer::corrected(text, &error.span, read));
    let readings = std::mem::take(&mut error.readings);
    let readings = readings.iter().filter_map(|words| offer::replaced(text, &error.span, words));
    let readings: Vec<String> = readings.filter(reads).collect();
    error.readings = if readings.len() > 1 { readings } else { Vec::new() };
    match understood(text, error.span.start) {
        Some(pattern) => error.understanding(words::pattern(&pattern)),
        None => error,
    }
}

/// The longest part before `until` that is a phrase by itself.
fn understood(text: &str, until: usize) -> Option<Pattern> {
    let head = text.get(..until)?;
    let ends = head.char_indices().rev().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at);
    std::iter::once(until).chain(ends).find_map(|end| read(&text[..end]).ok())
}
