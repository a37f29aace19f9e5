//! The grammar of phrases: clauses in any order, each begun by its first word; a word left over is
//! an error.

use chrono::Datelike;

use super::clock;
use super::cursor::Cursor;
use super::days::{self, put};
use super::lexer::Kind;
use super::phrase::Phrase;
use super::vocabulary::{Unit, adverb, cardinal, day, is_known, month, ordinal, unit};
use crate::error::ScheduleError;
use crate::pattern::Pattern;
use crate::set::Set;
use crate::{FIRST_YEAR, LAST_YEAR};

/// Reads a whole phrase.
pub(super) fn phrase(cursor: &mut Cursor<'_>) -> Result<Pattern, ScheduleError> {
    if cursor.take(&["once"]) {
        return once(cursor);
    }
    let mut phrase = Phrase::default();
    while cursor.peek().is_some() {
        if !clause(cursor, &mut phrase)? {
            return Err(left_over(cursor));
        }
        if cursor.peek() == Some(&Kind::Comma) && cursor.ahead(1).is_some() {
            cursor.skip(1);
        }
    }
    phrase.pattern(cursor.text.len())
}

/// Reads one clause; `false` when none begins here.
fn clause(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    let start = cursor.place();
    if let Some(word) = cursor.word() {
        match word {
            "every" | "each" => return every(cursor, phrase),
            "at" => return at(cursor, phrase),
            "on" => {
                cursor.skip(1);
                if cursor.word() == Some("the") && cursor.word_ahead(1) == Some("hour") {
                    cursor.skip(2);
                    return put(&mut phrase.past, Set::one(0), cursor, &start, "minutes");
                }
                return match days::take(cursor, phrase)? {
                    true => Ok(true),
                    false => Err(missing(cursor, "a day", "monday")),
                };
            }
            "in" => {
                cursor.skip(1);
                let months = days::months(cursor)?;
                return put(&mut phrase.months, months, cursor, &start, "months");
            }
            "between" => {
                cursor.skip(1);
                let window = clock::window(cursor, &["and"])?;
                return put(&mut phrase.window, window, cursor, &start, "windows");
            }
            "from" => return from(cursor, phrase),
            "except" | "excluding" => return except(cursor, phrase),
            _ => {}
        }
        if let Some(unit) = cursor.read(adverb) {
            return put(&mut phrase.interval, (1, unit), cursor, &start, "intervals");
        }
    }
    if let Some(minutes) = clock::past_the_hour(cursor)? {
        put(&mut phrase.interval, (1, Unit::Hour), cursor, &start, "intervals")?;
        return put(&mut phrase.past, minutes, cursor, &start, "minutes");
    }
    if clock::begins(cursor, false) {
        let times = clock::list(cursor)?;
        return put(&mut phrase.times, times, cursor, &start, "times");
    }
    days::take(cursor, phrase)
}

/// `every 5 minutes`, `every other day`, `every monday and thursday`, `every last friday of the
/// month`.
fn every(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    let start = cursor.place();
    cursor.skip(1);
    let second_unit = cursor.word() == Some("second")
        && !cursor.word_ahead(1).is_some_and(|word| unit(word).is_some() || day(word).is_some());
    let count = match cursor.peek() {
        Some(Kind::Number(count)) if !names_month(cursor, 1) => Some(*count),
        Some(Kind::Word(word)) if word == "other" => Some(2),
        Some(Kind::Word(word)) => match cardinal(word) {
            Some(count) => Some(count),
            None if second_unit => None,
            None => ordinal(word).filter(|_| names_unit(cursor, 1)),
        },
        Some(Kind::Ordinal(count)) if names_unit(cursor, 1) => Some(*count),
        _ => None,
    };
    let Some(count) = count else {
        return every_one(cursor, phrase, &start);
    };
    if count == 0 {
        return Err(cursor.error("an interval of 0 would never move on").suggest("5"));
    }
    let other = cursor.word() == Some("other");
    cursor.skip(1);
    let two_weeks_or_seconds = other && cursor.word() == Some("second");
    if two_weeks_or_seconds && cursor.word_ahead(1).is_some_and(|word| day(word).is_some()) {
        let message = "`second` is not understood between `other` and a day";
        return Err(cursor.error(message));
    }
    if other && cursor.word().is_some_and(|word| day(word).is_some()) {
        put(&mut phrase.interval, (2, Unit::Week), cursor, &start, "intervals")?;
        return days::take(cursor, phrase);
    }
    match cursor.read(unit) {
        Some(unit) => put(&mut phrase.interval, (count, unit), cursor, &start, "intervals"),
        None if other => Err(missing(cursor, "a unit of time", "day")),
        None => Err(missing(cursor, "a unit of time", "minutes")),
    }
}

fn names_unit(cursor: &Cursor<'_>, steps: usize) -> bool {
    cursor.word_ahead(steps).is_some_and(|word| unit(word).is_some())
        && cursor.word_ahead(steps + 1) != Some("of")
}

fn names_month(cursor: &Cursor<'_>, steps: usize) -> bool {
    cursor.word_ahead(steps).is_some_and(|word| month(word).is_some())
}

/// `every` without a number.
fn every_one(
    cursor: &mut Cursor<'_>,
    phrase: &mut Phrase,
    start: &std::ops::Range<usize>,
) -> Result<bool, ScheduleError> {
    if let Some(word) = cursor.word()
        && let Some(nth) = ordinal(word).filter(|nth| *nth > 1)
        && let Some(day) = cursor.word_ahead(1).filter(|word| day(word).is_some())
        && cursor.word_ahead(2) != Some("of")
    {
        let message = format!("`{word} {day}`: every {nth} weeks, or once a month?");
        let mut both = cursor.clone();
        both.skip(2);
        let error = ScheduleError::new(message, both.since(&cursor.place()));
        return Err(error.suggest(format!("{word} {day} of the month")));
    }
    let nth_day = cursor.word() == Some("second")
        && cursor.word_ahead(1).is_some_and(|word| day(word).is_some());
    if !nth_day && let Some(unit) = cursor.read(unit) {
        return put(&mut phrase.interval, (1, unit), cursor, start, "intervals");
    }
    if clock::begins(cursor, false) {
        let times = clock::list(cursor)?;
        return put(&mut phrase.times, times, cursor, start, "times");
    }
    if names_month(cursor, 0)
        && !matches!(cursor.ahead(1), Some(Kind::Number(_) | Kind::Ordinal(_)))
    {
        put(&mut phrase.interval, (1, Unit::Month), cursor, start, "intervals")?;
        let months = days::months(cursor)?;
        return put(&mut phrase.months, months, cursor, start, "months");
    }
    match days::take(cursor, phrase)? {
        true => Ok(true),
        // `every ５ minutes`: only the number is wrong.
        false if cursor.shown().chars().all(char::is_numeric) && names_unit(cursor, 1) => {
            Err(missing(cursor, "an interval or a day", "5"))
        }
        false => Err(missing(cursor, "an interval or a day", "5 minutes")),
    }
}

/// `at 9:00, 12:30 and 18:00`, `at :30`, `at minute 15`.
fn at(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    let start = cursor.place();
    cursor.skip(1);
    if clock::past_begins(cursor) {
        let minutes = clock::past(cursor)?;
        return put(&mut phrase.past, minutes, cursor, &start, "minutes");
    }
    if !clock::begins(cursor, true) {
        return Err(missing(cursor, "a time", "3 AM"));
    }
    let times = clock::list(cursor)?;
    put(&mut phrase.times, times, cursor, &start, "times")
}

/// `from 22:00 to 04:00`, `from monday to friday`.
fn from(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    let start = cursor.place();
    cursor.skip(1);
    let mut ahead = cursor.clone();
    ahead.skip(1);
    let names_day = cursor.word().is_some_and(|word| day(word).is_some());
    if (names_day || names_month(cursor, 0)) && !days::range_sign(&mut ahead) {
        let (message, example) = ("`from` needs its end", if names_day { "friday" } else { "may" });
        let name = cursor.shown();
        return Err(cursor.error(message).suggest(format!("{name} to {example}")));
    }
    if names_day {
        return days::take(cursor, phrase);
    }
    if names_month(cursor, 0) {
        let months = days::months(cursor)?;
        return put(&mut phrase.months, months, cursor, &start, "months");
    }
    let window = clock::window(cursor, &["to", "until", "till", "through", "thru"])?;
    put(&mut phrase.window, window, cursor, &start, "windows")
}

/// `except on mondays`, `except in august`, `except holidays`, and lists of these.
fn except(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    cursor.skip(1);
    loop {
        excluded(cursor, phrase)?;
        let more =
            |ahead: &Cursor<'_>| excluded(&mut ahead.clone(), &mut Phrase::default()).is_ok();
        if !cursor.separator(more) {
            return Ok(true);
        }
    }
}

fn excluded(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<(), ScheduleError> {
    let except = &mut phrase.except;
    cursor.take(&["on", "in", "for"]);
    cursor.take(&["the"]);
    if cursor.take(&["holidays", "holiday"]) {
        except.holidays = true;
        return Ok(());
    }
    if let Some(Kind::Date(date)) = cursor.peek() {
        except.dates.push(*date);
        cursor.skip(1);
        return Ok(());
    }
    let here = cursor.place();
    if let Some(dates) = days::dates(cursor)? {
        except.yearly.extend(dates);
        return Ok(());
    }
    if names_month(cursor, 0) {
        except.months = except.months.union(days::months(cursor)?);
        return Ok(());
    }
    let mut said = Phrase::default();
    if !days::take(cursor, &mut said)? {
        return Err(missing(cursor, "what to leave out", "mondays"));
    }
    except.dows = except.dows.union(said.dows.map_or(Set::EMPTY, |(set, _)| set));
    let special = said.nths.is_some() || said.months.is_some();
    let doms = said.doms.map(|(doms, _)| doms);
    if special || doms.as_ref().is_some_and(|doms| !doms.specials.is_empty()) {
        let message = "only days of the week, days and months by number or name, dates and \
                       holidays can be left out";
        return Err(ScheduleError::new(message, cursor.since(&here)));
    }
    except.doms = except.doms.union(doms.map_or(Set::EMPTY, |doms| doms.set));
    Ok(())
}

/// `once at 2026-12-24 18:00`.
fn once(cursor: &mut Cursor<'_>) -> Result<Pattern, ScheduleError> {
    cursor.take(&["at", "on"]);
    let Some(Kind::Date(date)) = cursor.peek() else {
        return Err(missing(cursor, "a date", "2026-12-24 18:00"));
    };
    let here = cursor.place();
    cursor.skip(1);
    cursor.take(&["at"]);
    if !clock::begins(cursor, true) {
        return Err(missing(cursor, "a time", "18:00"));
    }
    let times = clock::list(cursor)?;
    if cursor.peek().is_some() {
        return Err(left_over(cursor));
    }
    let [time] = times.as_slice() else {
        return Err(ScheduleError::new("once is at one time only", cursor.since(&here)));
    };
    let wall = chrono::NaiveTime::from_num_seconds_from_midnight_opt(*time, 0)
        .map(|time| date.and_time(time))
        .filter(|wall| (FIRST_YEAR..=LAST_YEAR).contains(&wall.year()));
    wall.map(Pattern::Once).ok_or_else(|| {
        let message = format!("the years are {FIRST_YEAR} to {LAST_YEAR}");
        let error = ScheduleError::new(message, here);
        let year = date.year().clamp(FIRST_YEAR, LAST_YEAR);
        error.suggest(format!("{year}-{}", date.format("%m-%d")))
    })
}

/// Something had to follow; `example` could stand in its place.
fn missing(cursor: &Cursor<'_>, what: &str, example: &str) -> ScheduleError {
    let message = if cursor.peek().is_none() {
        format!("{what} is missing at the end")
    } else {
        format!("`{}` was not understood: {what} comes here", cursor.shown())
    };
    cursor.error(message).suggest(example)
}

/// The word that no clause begins with; of small words in front of a stranger, the stranger.
fn left_over(cursor: &Cursor<'_>) -> ScheduleError {
    let mut ahead = cursor.clone();
    while let Some(word) = ahead.word() {
        if !is_known(word) {
            return ahead.error(format!("`{}` was not understood", ahead.shown()));
        }
        ahead.skip(1);
    }
    let error = cursor.error(format!("`{}` was not understood here", cursor.shown()));
    let word = match cursor.peek() {
        Some(Kind::Number(_)) if names_unit(cursor, 1) => "every",
        Some(Kind::Number(_)) => "at",
        Some(Kind::Word(word)) if month(word).is_some() => "in",
        Some(Kind::Word(word)) if unit(word).is_some() => "every",
        _ => return error,
    };
    error.suggest(format!("{word} {}", cursor.shown()))
}
