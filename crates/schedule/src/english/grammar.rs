//! The grammar of phrases: clauses in any order, each begun by its first word; a word left over is
//! an error.

use chrono::Datelike;

use super::amount::amount;
use super::clock;
use super::cursor::Cursor;
use super::days::{self, put};
use super::lexer::Kind;
use super::phrase::Phrase;
use super::vocabulary::{
    Part, Unit, adverb, day, is_known, month, ordinal, part, two_meanings, unit,
};
use crate::error::ScheduleError;
use crate::pattern::Pattern;
use crate::set::Set;
use crate::wall_times::{FIRST_YEAR, LAST_YEAR};

/// Reads a whole phrase.
pub(super) fn phrase(cursor: &mut Cursor<'_>) -> Result<Pattern, ScheduleError> {
    let mut phrase = Phrase::default();
    if cursor.take(&["once"]) && !repeats(cursor, &mut phrase)? {
        return once(cursor);
    }
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

/// `once a day`, `once every hour`, `once daily` are no single time; `once` is taken already.
fn repeats(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    let start = cursor.place();
    let mut ahead = cursor.clone();
    if ahead.take(&["a", "an", "per"]) {
        let here = ahead.clone();
        let Some(unit) = ahead.read(unit) else {
            return Err(here.error("a unit of time comes here"));
        };
        *cursor = ahead;
        return put(&mut phrase.interval, (1, unit), cursor, &start, "intervals");
    }
    let word = cursor.word();
    Ok(word.is_some_and(|word| matches!(word, "every" | "each") || adverb(word).is_some()))
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
                if matches!(cursor.peek(), Some(Kind::Date(_))) {
                    return Err(dated(cursor, &start));
                }
                return match days::take(cursor, phrase)? {
                    true => Ok(true),
                    false => Err(missing(cursor, "a day")),
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
            "except" | "excluding" | "excepting" | "not" | "but" => return except(cursor, phrase),
            "and" if cursor.word_ahead(1) == Some("not") => {
                cursor.skip(1);
                return except(cursor, phrase);
            }
            word => {
                if let Some(meanings) = two_meanings(word) {
                    return Err(cursor.error(format!("`{word}`: {meanings}")));
                }
            }
        }
        if let Some(interval) = cursor.read(adverb) {
            if word == "nightly" {
                put(&mut phrase.part, Part::Night, cursor, &start, "parts of the day")?;
            }
            return put(&mut phrase.interval, interval, cursor, &start, "intervals");
        }
        if let Some(part) = cursor.read(part).filter(|_| word.ends_with('s')) {
            put(&mut phrase.interval, (1, Unit::Day), cursor, &start, "intervals")?;
            return put(&mut phrase.part, part, cursor, &start, "parts of the day");
        }
    }
    if cursor.word().is_none() && matches!(cursor.peek(), Some(Kind::Date(_))) {
        return Err(dated(cursor, &start));
    }
    if let Some(minutes) = clock::past_the_hour(cursor)? {
        put(&mut phrase.interval, (1, Unit::Hour), cursor, &start, "intervals")?;
        return put(&mut phrase.past, minutes, cursor, &start, "minutes");
    }
    if clock::begins(cursor, false) {
        return times(cursor, phrase, &start);
    }
    days::take(cursor, phrase)
}

/// A list of times, and the part of the day behind it: `9 and 10 in the evening`.
fn times(
    cursor: &mut Cursor<'_>,
    phrase: &mut Phrase,
    start: &std::ops::Range<usize>,
) -> Result<bool, ScheduleError> {
    let times = clock::list(cursor)?;
    put(&mut phrase.times, times, cursor, start, "times")?;
    let here = cursor.place();
    match clock::part_behind(cursor) {
        Some(part) => put(&mut phrase.part, part, cursor, &here, "parts of the day"),
        None => Ok(true),
    }
}

/// A date with a year, where none can be.
fn dated(cursor: &mut Cursor<'_>, start: &std::ops::Range<usize>) -> ScheduleError {
    let (date, first) = (cursor.shown(), cursor.text[..start.start].trim().is_empty());
    cursor.skip(1);
    let message = format!("`{date}` is one day: only `once at` takes a year");
    let error = ScheduleError::new(message, cursor.since(start));
    if first { error.suggest(format!("once at {date}")) } else { error }
}

/// `every 5 minutes`, `every other day`, `every monday and thursday`, `every last friday of the
/// month`.
fn every(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    let start = cursor.place();
    cursor.skip(1);
    if !names_month(cursor, 1)
        && let Some((interval, nights)) = amount(cursor, &start)?
    {
        if nights {
            put(&mut phrase.part, Part::Night, cursor, &start, "parts of the day")?;
        }
        return put(&mut phrase.interval, interval, cursor, &start, "intervals");
    }
    let second_unit = cursor.word() == Some("second")
        && !cursor
            .word_ahead(1)
            .is_some_and(|word| unit(word).is_some() || day(word).is_some() || word == "last");
    let count = match cursor.peek() {
        Some(Kind::Word(word)) if word == "other" => Some(2),
        Some(Kind::Word(_)) if second_unit => None,
        Some(Kind::Word(word)) => ordinal(word).filter(|_| names_unit(cursor, 1)),
        Some(Kind::Ordinal(count)) if names_unit(cursor, 1) => Some(*count),
        _ => None,
    };
    let Some(count) = count else {
        return every_one(cursor, phrase, &start);
    };
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
    let here = cursor.place();
    let within = cursor.word().and_then(part);
    if let Some(part) = within {
        cursor.skip(1);
        put(&mut phrase.part, part, cursor, &here, "parts of the day")?;
        return put(&mut phrase.interval, (count, Unit::Day), cursor, &start, "intervals");
    }
    match cursor.read(unit) {
        Some(unit) => put(&mut phrase.interval, (count, unit), cursor, &start, "intervals"),
        None => Err(missing(cursor, "a unit of time")),
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
    let nth = match cursor.peek() {
        Some(Kind::Ordinal(nth)) => Some(*nth),
        _ => cursor.word().and_then(ordinal),
    };
    if let Some(nth) = nth.filter(|nth| *nth > 1)
        && let Some(day) = cursor.word_ahead(1).filter(|word| day(word).is_some())
        && cursor.word_ahead(2) != Some("of")
    {
        let word = cursor.shown();
        let message = format!("`{word} {day}`: every {nth} weeks, or once a month?");
        cursor.skip(2);
        let error = ScheduleError::new(message, cursor.since(start));
        let readings =
            [format!("every {nth} weeks on {day}"), format!("{word} {day} of the month")];
        return Err(error.either(readings));
    }
    let nth_day = cursor.word() == Some("second")
        && cursor.word_ahead(1).is_some_and(|word| day(word).is_some() || word == "last");
    let within = cursor.word().and_then(part).filter(|_| !nth_day);
    if let Some(part) = within {
        cursor.skip(1);
        put(&mut phrase.part, part, cursor, start, "parts of the day")?;
        return put(&mut phrase.interval, (1, Unit::Day), cursor, start, "intervals");
    }
    if cursor.take(&["fortnight"]) {
        return put(&mut phrase.interval, (2, Unit::Week), cursor, start, "intervals");
    }
    if !nth_day && let Some(unit) = cursor.read(unit) {
        return put(&mut phrase.interval, (1, unit), cursor, start, "intervals");
    }
    if clock::begins(cursor, false) {
        return times(cursor, phrase, start);
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
        false => Err(missing(cursor, "an interval or a day")),
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
    if let Some(minutes) = clock::past_the_hour(cursor)? {
        let hourly = matches!(phrase.interval, Some(((_, Unit::Hour), _)));
        if !hourly {
            put(&mut phrase.interval, (1, Unit::Hour), cursor, &start, "intervals")?;
        }
        return put(&mut phrase.past, minutes, cursor, &start, "minutes");
    }
    if matches!(cursor.peek(), Some(Kind::Date(_))) {
        return Err(dated(cursor, &start));
    }
    if !clock::begins(cursor, true) {
        return Err(missing(cursor, "a time"));
    }
    times(cursor, phrase, &start)
}

/// `from 22:00 to 04:00`, `from monday to friday`.
fn from(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    let start = cursor.place();
    cursor.skip(1);
    let mut ahead = cursor.clone();
    ahead.skip(1);
    let names_day = cursor.word().is_some_and(|word| day(word).is_some());
    if (names_day || names_month(cursor, 0)) && !days::range_sign(&mut ahead) {
        let message = format!("`from {}` needs its end: `to …`", cursor.shown());
        return Err(cursor.error(message));
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

/// `except on mondays`, `except in august`, `not on holidays`, and lists of these.
fn except(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    if cursor.word() == Some("but") && cursor.word_ahead(1) != Some("not") {
        // `every day but sunday`; `daily, but on sundays at 10` is something else.
        let idiom = matches!(cursor.behind(), Some(Kind::Word(word))
            if matches!(word.as_str(), "day" | "weekday" | "month"));
        let mut ahead = cursor.clone();
        ahead.skip(1);
        if !idiom || excluded(&mut ahead.clone(), &mut Phrase::default(), false).is_err() {
            let message = "`but` is understood as `except` only right behind `every day`";
            return Err(cursor.error(message));
        }
    } else {
        cursor.take(&["but"]);
    }
    cursor.skip(1);
    let mut prepositions = true;
    loop {
        excluded(cursor, phrase, prepositions)?;
        let more =
            |ahead: &Cursor<'_>| excluded(&mut ahead.clone(), &mut Phrase::default(), true).is_ok();
        // Names in a row all belong to it: `except saturday sunday`.
        prepositions = cursor.separator(more);
        if prepositions {
            continue;
        }
        let start = cursor.place();
        if excluded(&mut cursor.clone(), &mut Phrase::default(), false).is_ok() {
            continue;
        }
        let mut ahead = cursor.clone();
        if excluded(&mut ahead, &mut Phrase::default(), true).is_ok() {
            let message = "does this belong to the exception? Join it with `and`, or put it before \
                           the exception";
            return Err(ScheduleError::new(message, ahead.since(&start)));
        }
        return Ok(true);
    }
}

/// One exception; where prepositions are not wanted it begins with its name.
fn excluded(
    cursor: &mut Cursor<'_>,
    phrase: &mut Phrase,
    prepositions: bool,
) -> Result<(), ScheduleError> {
    let except = &mut phrase.except;
    if prepositions {
        cursor.take(&["for"]);
        cursor.take(&["on", "in", "from"]);
    }
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
        return Err(missing(cursor, "what to leave out"));
    }
    except.dows = except.dows.union(said.dows.map_or(Set::EMPTY, |(set, _)| set));
    let special = said.nths.is_some()
        || said.months.is_some()
        || said.period.is_some()
        || said.part.is_some()
        || said.either;
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
        return Err(missing(cursor, "a date such as 2026-12-24"));
    };
    let here = cursor.place();
    cursor.skip(1);
    cursor.take(&["at"]);
    if !clock::begins(cursor, true) {
        return Err(missing(cursor, "a time"));
    }
    let times = clock::list(cursor)?;
    let within = clock::part_behind(cursor);
    if cursor.peek().is_some() {
        return Err(left_over(cursor));
    }
    let times = clock::resolved(&times, within)?;
    let [time] = times.as_slice() else {
        return Err(ScheduleError::new("once is at one time only", cursor.since(&here)));
    };
    let wall = chrono::NaiveTime::from_num_seconds_from_midnight_opt(*time, 0)
        .map(|time| date.and_time(time))
        .filter(|wall| (FIRST_YEAR..=LAST_YEAR).contains(&wall.year()));
    wall.map(Pattern::Once).ok_or_else(|| {
        let message = format!("the years are {FIRST_YEAR} to {LAST_YEAR}");
        ScheduleError::new(message, here)
    })
}

/// Something had to follow.
fn missing(cursor: &Cursor<'_>, what: &str) -> ScheduleError {
    cursor.error(if cursor.peek().is_none() {
        format!("{what} is missing at the end")
    } else {
        format!("`{}` was not understood: {what} comes here", cursor.shown())
    })
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
    // `march 1 2027`, not 20:27.
    if matches!(cursor.peek(), Some(Kind::Number(1970..=2100))) {
        let year = cursor.shown();
        let message = format!("`{year}` was not understood here: only `once at` takes a year");
        return cursor.error(message);
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
