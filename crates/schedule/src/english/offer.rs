//! What to write instead of a phrase that is refused: only what means the same.
//!
//! An offer may put a slip of the pen right, or add a small word. It never leaves out a word, a
//! number, a unit or a zone: where only the beginning of a phrase is understood, nothing is
//! offered.

use std::ops::Range;

use chrono_tz::TZ_VARIANTS;

use super::vocabulary::{
    MEANINGFUL, OFFERED, cardinal, day, is_known, month, ordinal, short_unit, tens,
};
use crate::error::ScheduleError;
use crate::pattern::Pattern;

/// Words that an offer may add or leave out.
const SMALL: [&str; 10] = ["the", "of", "a", "an", "on", "at", "st", "nd", "rd", "th"];

/// Abbreviations of zones, and words for them.
const ZONES: [&str; 32] = [
    "UTC", "GMT", "Z", "CET", "CEST", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT",
    "BST", "IST", "JST", "AEST", "AEDT", "MSK", "WET", "WEST", "EET", "EEST", "HST", "AKST",
    "AKDT", "SGT", "HKT", "NZST", "NZDT", "PT", "ET",
];

/// The text with other words in the place of some.
pub(super) fn replaced(text: &str, span: &Range<usize>, by: &str) -> Option<String> {
    let (head, tail) = (text.get(..span.start)?, text.get(span.end..)?);
    let words = [head, by, tail].into_iter().flat_map(str::split_whitespace);
    Some(words.collect::<Vec<_>>().join(" ").replace(" ,", ","))
}

/// The text with full-width digits and blanks of no width as plain ones, if it has such.
pub(super) fn plain_digits(text: &str) -> Option<String> {
    let plain = |c: char| match c {
        '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(c) - 0xff10, 10).unwrap_or(c),
        '\u{200b}' => ' ',
        c => c,
    };
    let plain: String = text.chars().map(plain).collect();
    (plain != text).then_some(plain)
}

/// The phrase with the word that was not understood put right, if the nearest word makes it one.
pub(super) fn corrected(
    text: &str,
    span: &Range<usize>,
    read: impl Fn(&str) -> Result<Pattern, ScheduleError>,
) -> Option<String> {
    let mut whole = replaced(text, span, slip_of(text.get(span.clone())?)?)?;
    // A second slip of the pen may follow; more are not a slip.
    for _ in 0..2 {
        match read(&whole) {
            Ok(_) => return Some(whole),
            Err(error) => {
                let near = slip_of(whole.get(error.span.clone())?)?;
                whole = replaced(&whole, &error.span, near)?;
            }
        }
    }
    None
}

/// The one known word that a word is a slip of the pen for.
fn slip_of(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let plain = word.chars().all(|c| c.is_alphabetic() || c == '\u{200b}');
    if !plain || !(3..=30).contains(&length) {
        return None;
    }
    if is_known(&word) || MEANINGFUL.contains(&word.as_str()) || zone(&word).is_some() {
        return None;
    }
    // `biweekly` is no slip for `weekly`: something was put before it on purpose.
    let grown = |known: &str| word.len() >= known.len() + 2 && word.ends_with(known);
    let most = if length < 6 { 1 } else { 2 };
    let near = OFFERED.iter().map(|known| (strsim::osa_distance(&word, known), *known));
    let near: Vec<(usize, &str)> =
        near.filter(|(distance, known)| *distance <= most && !grown(known)).collect();
    let least = near.iter().map(|(distance, _)| *distance).min()?;
    let mut nearest = near.into_iter().filter(|(distance, _)| *distance == least);
    let (_, first) = nearest.next()?;
    nearest.all(|(_, other)| meaning(other) == meaning(first)).then_some(first)
}

/// Whether an offer has everything that the phrase says.
pub(super) fn keeps(phrase: &str, offer: &str) -> bool {
    let mut offered = meanings(offer);
    meanings(phrase).iter().all(|meaning| {
        let found = offered.iter().position(|other| other == meaning);
        found.map(|index| offered.swap_remove(index)).is_some()
    })
}

/// Numbers and words of a text, without the small ones, whatever they are written like.
fn meanings(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let same = |other: char| {
            if c.is_ascii_digit() { other.is_ascii_digit() } else { other.is_alphabetic() }
        };
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let end = if end == 0 { c.len_utf8() } else { end };
        let (piece, after) = rest.split_at(end);
        rest = after;
        let word = piece.to_lowercase();
        if c.is_ascii_digit() {
            found.push(piece.trim_start_matches('0').to_owned());
        } else if c.is_alphabetic() && !SMALL.contains(&word.as_str()) {
            found.push(meaning(&word));
        } else if !c.is_alphabetic() && !c.is_whitespace() && !",.:-'".contains(c) {
            found.push(piece.to_owned());
        }
    }
    found
}

/// One text for all words that mean the same.
fn meaning(word: &str) -> String {
    if let Some(number) = cardinal(word).or_else(|| tens(word)) {
        return number.to_string();
    }
    if let Some(day) = day(word) {
        return format!("day {day}");
    }
    if let Some(month) = month(word) {
        return format!("month {month}");
    }
    if let Some(unit) = short_unit(word) {
        return unit.name().to_owned();
    }
    if let Some(number) = ordinal(word) {
        return number.to_string();
    }
    word.strip_suffix('s').unwrap_or(word).to_owned()
}

/// The zone that stands at a place, as written.
pub(super) fn zone_at(text: &str, span: &Range<usize>) -> Option<String> {
    let start = text.get(..span.start)?.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let chunk = text.get(start..)?.split_whitespace().next()?;
    let chunk = chunk.trim_matches(|c: char| !c.is_alphanumeric());
    zone(chunk).or_else(|| {
        // Behind a time: `18:00Z`, `18:00+01:00`.
        let behind = text.get(span.start..)?.split_whitespace().next()?;
        let digits = behind.strip_prefix(['+', '-']).filter(|rest| rest.contains(':'));
        let offset =
            digits.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == ':'));
        (offset || behind.eq_ignore_ascii_case("z")).then(|| behind.to_owned())
    })
}

/// The word, where it is the name of a zone, of its city, or an abbreviation.
fn zone(word: &str) -> Option<String> {
    let known = ZONES.iter().any(|zone| zone.eq_ignore_ascii_case(word));
    let offset = ["UTC", "GMT"].iter().any(|zone| {
        let head = word.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(zone));
        head && word[3..].starts_with(['+', '-'])
    });
    let named = || {
        TZ_VARIANTS.iter().any(|zone| {
            let name = zone.name();
            let city = name.rsplit('/').next().unwrap_or_default();
            name.eq_ignore_ascii_case(word) || (word.len() > 3 && city.eq_ignore_ascii_case(word))
        })
    };
    (known || offset || named()).then(|| word.to_owned())
}
