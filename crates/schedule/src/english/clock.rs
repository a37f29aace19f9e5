//! Clock times in phrases: `9`, `9 AM`, `17:45`, `noon`, lists of them, windows and minutes of the
//! hour.

use std::ops::Range;

use super::cursor::Cursor;
use super::lexer::Kind;
use super::vocabulary::{cardinal, month};
use crate::error::ScheduleError;
use crate::set::Set;

/// The words before or behind a minute of the hour.
const MINUTE: [&str; 4] = ["minute", "minutes", "min", "mins"];

/// A time of day as written.
struct Written {
    seconds: u32,
    /// It had AM or PM.
    halved: bool,
    /// A bare hour up to twelve: beside a time with AM or PM nobody can tell which half is meant.
    bare: bool,
    span: Range<usize>,
}

/// Whether a time begins here; a bare number only does where a time is expected.
pub(super) fn begins(cursor: &Cursor<'_>, expected: bool) -> bool {
    match cursor.peek() {
        Some(Kind::Clock { .. }) => true,
        Some(Kind::Number(_)) => {
            let next = cursor.word_ahead(1);
            let halved = next.is_some_and(|word| matches!(word, "am" | "pm" | "oclock"));
            halved || (expected && next.is_none_or(|word| month(word).is_none()))
        }
        Some(Kind::Word(word)) => {
            matches!(word.as_str(), "noon" | "midnight" | "midday")
                || (cardinal(word).is_some()
                    && (expected || matches!(cursor.word_ahead(1), Some("am" | "pm" | "oclock"))))
        }
        _ => false,
    }
}

/// One time or several: `9:00, 12:30 and 18:00`.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Vec<u32>, ScheduleError> {
    let mut times = vec![time(cursor)?];
    while cursor.separator(another) {
        cursor.take(&["at"]);
        times.push(time(cursor)?);
    }
    unambiguous(&times)?;
    Ok(times.iter().map(|time| time.seconds).collect())
}

/// Whether a list of times goes on: `… and 6 PM`, `… and at 6 PM`.
fn another(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.take(&["at"]);
    begins(&ahead, true)
}

/// `between A and B`, `from A to B`; the first word is taken already.
pub(super) fn window(
    cursor: &mut Cursor<'_>,
    joints: &[&str],
) -> Result<(u32, u32), ScheduleError> {
    let start = cursor.place();
    let open = time(cursor)?;
    let dash = cursor.peek() == Some(&Kind::Dash) && joints.contains(&"to");
    if dash {
        cursor.skip(1);
    } else if !cursor.take(joints) {
        let message = format!("after the first time comes `{}` and the second", joints[0]);
        return Err(cursor.error(message));
    }
    let close = time(cursor)?;
    if open.seconds == close.seconds {
        let message = "it opens and closes at the same time";
        return Err(ScheduleError::new(message, cursor.since(&start)));
    }
    let (first, last) = (open.seconds, close.seconds);
    unambiguous(&[open, close])?;
    Ok((first, last))
}

/// `6 and 8 PM`: is the first 6 AM or 6 PM? Nobody can tell, so nobody guesses.
fn unambiguous(times: &[Written]) -> Result<(), ScheduleError> {
    let bare = times.iter().position(|time| time.bare);
    let halved = times.iter().position(|time| time.halved);
    let (Some(bare_place), Some(halved_place)) = (bare, halved) else {
        return Ok(());
    };
    let (bare, halved) = (&times[bare_place], &times[halved_place]);
    let hour = bare.seconds / 3600;
    let message = format!("{hour} in the morning or in the evening? Write {hour} AM or {hour} PM");
    // Of both, the one with which the times rise within half a day.
    let noon = 12 * 3600;
    let (this, other) = (bare.seconds % noon, halved.seconds % noon);
    let same_half = if bare_place < halved_place { this <= other } else { this >= other };
    let half = if same_half == (halved.seconds >= noon) { "PM" } else { "AM" };
    Err(ScheduleError::new(message, bare.span.clone()).suggest(format!("{hour} {half}")))
}

fn time(cursor: &mut Cursor<'_>) -> Result<Written, ScheduleError> {
    let start = cursor.place();
    let named = |word: &str| match word {
        "noon" | "midday" => Some(12 * 3600),
        "midnight" => Some(0),
        _ => None,
    };
    if let Some(seconds) = cursor.read(named) {
        let span = cursor.since(&start);
        return Ok(Written { seconds, halved: false, bare: false, span });
    }
    let number = match cursor.peek() {
        Some(Kind::Number(hour)) => Some(*hour),
        Some(Kind::Word(word)) => cardinal(word),
        _ => None,
    };
    let (hour, seconds, clock) = match (cursor.peek(), number) {
        (_, Some(hour)) => (hour, hour.saturating_mul(3600), false),
        (Some(Kind::Clock { hour, seconds }), _) => (*hour, *seconds, true),
        (None, _) => return Err(cursor.error("a time is missing").suggest("3 AM")),
        _ => return Err(cursor.error(format!("`{}` is not a time", cursor.shown()))),
    };
    let (bare_place, written) = (cursor.place(), cursor.shown());
    cursor.skip(1);
    let half = |word: &str| match word {
        "am" => Some(0),
        "pm" => Some(12),
        _ => None,
    };
    if let Some(add) = cursor.read(half) {
        let span = cursor.since(&start);
        if !(1..=12).contains(&hour) {
            let written = written.split(':').next().unwrap_or_default();
            let message = format!("hour {written} does not go with AM or PM");
            let error = ScheduleError::new(message, span);
            return Err(if hour < 24 { error.suggest(format!("{hour}:00")) } else { error });
        }
        let seconds = seconds % (12 * 3600) + add * 3600;
        return Ok(Written { seconds, halved: true, bare: false, span });
    }
    cursor.take(&["oclock"]);
    if hour > 23 {
        let error = ScheduleError::new(format!("hour {written} is outside 0-23"), bare_place);
        // `at 1730`
        let digits = written.len() == 4 && hour < 2400 && hour % 100 < 60;
        let (hours, minutes) = if digits { (hour / 100, hour % 100) } else { (23, 0) };
        return Err(error.suggest(format!("{hours}:{minutes:02}")));
    }
    let bare = !clock && (1..=12).contains(&hour);
    Ok(Written { seconds, halved: false, bare, span: cursor.since(&start) })
}

/// Whether minutes of the hour begin here: `:30`, `minute 15`.
pub(super) fn past_begins(cursor: &Cursor<'_>) -> bool {
    match cursor.peek() {
        Some(Kind::Minute(_)) => true,
        Some(Kind::Word(word)) => {
            MINUTE.contains(&word.as_str()) && matches!(cursor.ahead(1), Some(Kind::Number(_)))
        }
        _ => false,
    }
}

/// `:15 and :45`, `minute 15`, `minutes 15 and 45`.
pub(super) fn past(cursor: &mut Cursor<'_>) -> Result<Set, ScheduleError> {
    let named = cursor.take(&MINUTE);
    let mut minutes = Set::EMPTY;
    loop {
        match cursor.peek() {
            Some(Kind::Minute(minute)) => minutes.insert(*minute),
            Some(Kind::Number(minute @ 0..=59)) if named => minutes.insert(*minute),
            Some(Kind::Number(minute)) if named => {
                return Err(cursor.error(format!("minute {minute} is outside 0-59")));
            }
            _ => return Err(cursor.error("a minute is missing")),
        }
        cursor.skip(1);
        let more = |ahead: &Cursor<'_>| {
            past_begins(ahead) || (named && matches!(ahead.peek(), Some(Kind::Number(_))))
        };
        if !cursor.separator(more) {
            return Ok(minutes);
        }
        cursor.take(&MINUTE);
    }
}

/// `15 minutes past every hour`, `15 and 45 minutes past the hour`: `None` when it is something
/// else.
pub(super) fn past_the_hour(cursor: &mut Cursor<'_>) -> Result<Option<Set>, ScheduleError> {
    let mut ahead = cursor.clone();
    let mut minutes = Set::EMPTY;
    loop {
        let number = match ahead.peek() {
            Some(Kind::Number(minute)) => Some(*minute),
            Some(Kind::Word(word)) => cardinal(word),
            _ => None,
        };
        let Some(minute) = number else {
            return Ok(None);
        };
        let place = ahead.clone();
        ahead.skip(1);
        let listed = ahead.separator(|more| matches!(more.peek(), Some(Kind::Number(_))));
        if minute <= 59 {
            minutes.insert(minute);
        } else if ahead.take(&MINUTE) && ahead.take(&["past", "after"]) {
            return Err(place.error(format!("minute {minute} is outside 0-59")));
        } else {
            return Ok(None);
        }
        if !listed {
            break;
        }
    }
    if !ahead.take(&MINUTE) || !ahead.take(&["past", "after"]) {
        return Ok(None);
    }
    ahead.take(&["the", "every", "each"]);
    if !ahead.take(&["hour"]) {
        return Err(ahead.error("after `past` comes the hour").suggest("every hour"));
    }
    *cursor = ahead;
    Ok(Some(minutes))
}
