//! Lengths of intervals: `5 minutes`, `90m`, `1h30m`, `1.5 hours`, `half hour`, `hour and a half`.
//!
//! Owns how a length is written; what an interval comes to is `phrase`'s.

use std::ops::Range;

use super::cursor::Cursor;
use super::lexer::Kind;
use super::vocabulary::{Unit, short_unit};
use crate::error::ScheduleError;

/// Thousandths of a unit.
const WHOLE: u64 = 1000;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// So many of a unit, and whether these are nights.
pub(super) type Amount = ((u32, Unit), bool);

/// Takes the length of an interval, which begins at `start` with `every`: so many of a unit, and
/// whether these are nights. `None` where none begins here.
pub(super) fn amount(
    cursor: &mut Cursor<'_>,
    start: &Range<usize>,
) -> Result<Option<Amount>, ScheduleError> {
    if let Some(seconds) = fraction_of_hour(cursor) {
        return Ok(Some((whole(seconds), false)));
    }
    let mut parts: Vec<(u64, Unit)> = Vec::new();
    let mut nights = false;
    while let Some(count) = count(cursor)? {
        if count == 0 && parts.is_empty() {
            return Err(cursor.error("an interval of 0 would never move on"));
        }
        let word = cursor.word();
        let Some(unit) = cursor.read(short_unit) else {
            return Err(no_unit(cursor));
        };
        nights |= word.is_some_and(|word| word.starts_with("night"));
        months_or_minutes(cursor, start, count)?;
        let half = half_behind(cursor);
        parts.push((count + if half { WHOLE / 2 } else { 0 }, unit));
        if !goes_on(cursor) {
            break;
        }
    }
    match parts.as_slice() {
        [] => Ok(None),
        [(count, unit)] if count % WHOLE == 0 => {
            let count = u32::try_from(count / WHOLE).unwrap_or(u32::MAX);
            Ok(Some(((count, *unit), nights)))
        }
        parts => match sum(parts) {
            Some(seconds) => Ok(Some((whole(seconds), false))),
            None => {
                let message = "such a length is not an interval: only seconds, minutes, hours and \
                               days add up, to whole seconds";
                Err(ScheduleError::new(message, cursor.since(start)))
            }
        },
    }
}

/// `half hour`, `half an hour`, `quarter hour`, `quarter of an hour`, `hour and a half`.
fn fraction_of_hour(cursor: &mut Cursor<'_>) -> Option<u64> {
    let mut ahead = cursor.clone();
    if ahead.take(&["hour"]) {
        return half_behind(&mut ahead).then(|| {
            *cursor = ahead;
            HOUR * 3 / 2
        });
    }
    let seconds = if ahead.take(&["half"]) {
        HOUR / 2
    } else if ahead.take(&["quarter"]) {
        ahead.take(&["of"]);
        HOUR / 4
    } else {
        return None;
    };
    ahead.skip(usize::from(ahead.peek() == Some(&Kind::Dash)));
    ahead.take(&["a", "an"]);
    ahead.take(&["hour"]).then(|| {
        *cursor = ahead;
        seconds
    })
}

/// `and a half`.
fn half_behind(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    let half = ahead.take(&["and"]) && ahead.take(&["a"]) && ahead.take(&["half"]);
    if half {
        *cursor = ahead;
    }
    half
}

/// A number in thousandths: `5`, `five`, `1.5`, `two and a half`.
fn count(cursor: &mut Cursor<'_>) -> Result<Option<u64>, ScheduleError> {
    if let Some(Kind::Decimal { whole, fraction }) = cursor.peek() {
        let thousandths = format!("{fraction:0<3}").parse::<u64>().ok();
        let Some(thousandths) = thousandths.filter(|_| fraction.len() <= 3) else {
            return Err(cursor.error(format!("`{}` is too exact for an interval", cursor.shown())));
        };
        cursor.skip(1);
        return Ok(Some(u64::from(*whole) * WHOLE + thousandths));
    }
    let Some(number) = cursor.number() else {
        return Ok(None);
    };
    let half = if half_behind(cursor) { WHOLE / 2 } else { 0 };
    Ok(Some(u64::from(number) * WHOLE + half))
}

/// The next token is no unit.
fn no_unit(cursor: &Cursor<'_>) -> ScheduleError {
    if cursor.peek().is_none() {
        return cursor.error("a unit of time is missing at the end, such as `minutes`");
    }
    let shown = cursor.shown();
    cursor.error(format!("`{shown}` is not a unit of time: write seconds, minutes, hours or days"))
}

/// `5M`: minutes or months? The unit is taken already.
fn months_or_minutes(
    cursor: &Cursor<'_>,
    start: &Range<usize>,
    count: u64,
) -> Result<(), ScheduleError> {
    let text = cursor.text_since(start);
    if !text.ends_with('M') || text.ends_with("AM") {
        return Ok(());
    }
    let count = count / WHOLE;
    let error = ScheduleError::new(format!("`{count}M`: minutes or months?"), cursor.since(start));
    Err(error.either(["minutes", "months"].map(|unit| format!("every {count} {unit}"))))
}

/// Whether another part follows: `1h30m`, `1 hour and 30 minutes`; `past` would make it a minute.
fn goes_on(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.skip(usize::from(ahead.peek() == Some(&Kind::Comma)));
    ahead.take(&["and"]);
    let mut part = ahead.clone();
    let number = match part.peek() {
        Some(Kind::Decimal { .. }) => {
            part.skip(1);
            true
        }
        _ => part.number().is_some(),
    };
    let fits = number
        && part.read(short_unit).and_then(Unit::seconds).is_some()
        && !matches!(part.word(), Some("past" | "after"));
    if fits {
        *cursor = ahead;
    }
    fits
}

/// The parts together, in whole seconds.
fn sum(parts: &[(u64, Unit)]) -> Option<u64> {
    let mut total = 0u64;
    for (count, unit) in parts {
        let seconds = unit.seconds().or((*unit == Unit::Day && parts.len() > 1).then_some(DAY))?;
        total = total.checked_add(count.checked_mul(seconds)?)?;
    }
    (total.is_multiple_of(WHOLE) && total > 0).then_some(total / WHOLE)
}

/// Seconds in the largest unit of the clock that they fill.
fn whole(seconds: u64) -> (u32, Unit) {
    let (size, unit) = match seconds {
        s if s % HOUR == 0 => (HOUR, Unit::Hour),
        s if s % 60 == 0 => (60, Unit::Minute),
        _ => (1, Unit::Second),
    };
    (u32::try_from(seconds / size).unwrap_or(u32::MAX), unit)
}
