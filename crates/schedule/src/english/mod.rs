//! English phrases: the text into tokens (`lexer`), clauses (`grammar`, with `clock` and `days`),
//! and one pattern (`phrase`).
//!
//! Owns the whole of the language, errors that teach included. Never guesses: what is not
//! understood is refused.

mod clock;
mod cursor;
mod days;
mod grammar;
mod lexer;
mod phrase;
mod vocabulary;

use std::ops::Range;

use super::error::ScheduleError;
use super::pattern::Pattern;
use super::text::nearest;
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

/// Adds what was understood up to the error, and the nearest phrase that would be taken.
fn teach(text: &str, mut error: ScheduleError) -> ScheduleError {
    let understood = understood(text, error.span.start);
    let reads = |phrase: &String| read(phrase).is_ok();
    let offered = error.suggestion.take();
    // What the grammar offers stands for the words that are wrong.
    error.suggestion = offered
        .as_ref()
        .and_then(|words| replaced(text, &error.span, words).filter(reads))
        .or_else(|| mended(text, &error.span))
        .or_else(|| replaced(text, &error.span, "").filter(reads))
        .or_else(|| understood.map(|end| text[..end].trim().to_owned()))
        .or_else(|| offered.filter(reads))
        .or_else(|| exchanged(text, &error.span))
        .or_else(|| likely(text));
    match understood.and_then(|end| read(&text[..end]).ok()) {
        Some(pattern) => error.understanding(words::pattern(&pattern)),
        None => error,
    }
}

/// The end of the longest part before `until` that is a phrase by itself.
fn understood(text: &str, until: usize) -> Option<usize> {
    let head = text.get(..until)?;
    let ends = head.char_indices().rev().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at);
    std::iter::once(until).chain(ends).find(|end| read(&text[..*end]).is_ok())
}

fn replaced(text: &str, span: &Range<usize>, by: &str) -> Option<String> {
    let (head, tail) = (text.get(..span.start)?, text.get(span.end..)?);
    let words = [head, by, tail].into_iter().flat_map(str::split_whitespace);
    Some(words.collect::<Vec<_>>().join(" ").replace(" ,", ","))
}

/// The phrase with `day` in the place of the word that was not understood: `every morning at 9` is
/// `every day at 9`.
fn exchanged(text: &str, span: &Range<usize>) -> Option<String> {
    let one_word = !text.get(span.clone())?.contains(char::is_whitespace);
    replaced(text, span, "day").filter(|phrase| one_word && read(phrase).is_ok())
}

/// The phrase with the word that was not understood put right, if the nearest word makes it one.
fn mended(text: &str, span: &Range<usize>) -> Option<String> {
    let word = text.get(span.clone())?;
    let near = nearest(word, vocabulary::OFFERED)?;
    let mut whole = replaced(text, span, near)?;
    // A second slip of the pen may follow; more are not a slip.
    for _ in 0..2 {
        match read(&whole) {
            Ok(_) => return Some(whole.trim().to_owned()),
            Err(error) => {
                let near = nearest(whole.get(error.span.clone())?, vocabulary::OFFERED)?;
                whole = replaced(&whole, &error.span, near)?;
            }
        }
    }
    None
}

/// Of the common phrases, the one that shares most words with the text.
fn likely(text: &str) -> Option<String> {
    const COMMON: [&str; 9] = [
        "every 5 minutes",
        "every 2 hours between 9 AM and 5 PM",
        "daily at 3 AM",
        "weekdays at 9:30",
        "weekly on monday at 8:00",
        "monthly on the 15th at 08:30",
        "last day of the month at 23:00",
        "first monday of the month at 10:00",
        "yearly on march 1",
    ];
    let lower = text.to_lowercase();
    let shared = |phrase: &&str| {
        phrase.split(' ').filter(|word| lower.split_whitespace().any(|w| w == *word)).count()
    };
    COMMON.iter().rev().max_by_key(|phrase| shared(phrase)).map(|phrase| (*phrase).to_owned())
}
