//! Clock times in phrases: `9`, `9 AM`, `17:45`, `noon`, lists of them, windows and minutes of the
//! hour.

use std::ops::Range;

use super::cursor::Cursor;
use super::lexer::Kind;
use super::vocabulary::{Part, month, part};
use crate::error::ScheduleError;
use crate::set::Set;

/// The words before or behind a minute of the hour.
const MINUTE: [&str; 4] = ["minute", "minutes", "min", "mins"];

/// A time of day as written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    seconds: u32,
    /// It had AM or PM.
    halved: bool,
    /// A bare hour up to twelve: beside a time with AM or PM nobody can tell which half is meant.
    bare: bool,
    /// It may be of a 12-hour clock: `9`, `9:30`, but not `09:30`.
    loose: bool,
    span: Range<usize>,
}

/// Words behind a time of a 24-hour clock that say nothing more.
const HOURS: [&str; 4] = ["h", "hrs", "hours", "oclock"];

/// Whether a time begins here; a bare number only does where a time is expected.
pub(super) fn begins(cursor: &Cursor<'_>, expected: bool) -> bool {
    let mut ahead = cursor.clone();
    match cursor.peek() {
        Some(Kind::Clock { .. }) => true,
        Some(Kind::Decimal { .. }) => {
            expected || matches!(cursor.word_ahead(1), Some("am" | "pm" | "oclock"))
        }
        Some(Kind::Word(word)) if matches!(word.as_str(), "noon" | "midnight" | "midday") => true,
        Some(Kind::Number(_) | Kind::Word(_)) if ahead.number().is_some() => {
            let next = ahead.word();
            let halved = next.is_some_and(|word| matches!(word, "am" | "pm" | "oclock"));
            halved || (expected && next.is_none_or(|word| month(word).is_none()))
        }
        _ => false,
    }
}

/// One time or several: `9:00, 12:30 and 18:00`, not yet resolved.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Vec<Written>, ScheduleError> {
    let mut times = vec![time(cursor)?];
    while cursor.separator(another) {
        cursor.take(&["at"]);
        times.push(time(cursor)?);
    }
    Ok(times)
}

/// `in the morning`, `at night` behind a time.
pub(super) fn part_behind(cursor: &mut Cursor<'_>) -> Option<Part> {
    let mut ahead = cursor.clone();
    let found = if ahead.take(&["in"]) {
        ahead.take(&["the"]);
        ahead.read(part)
    } else {
        ahead.take(&["at"]);
        ahead.read(|word| (word == "night").then_some(Part::Night))
    };
    if found.is_some() {
        *cursor = ahead;
    }
    found
}

/// What the times of a list are, in seconds after midnight, given the part of the day they are in.
pub(super) fn resolved(times: &[Written], within: Option<Part>) -> Result<Vec<u32>, ScheduleError> {
    match within {
        Some(part) => times.iter().map(|time| time.within(part)).collect(),
        None => {
            unambiguous(times)?;
            Ok(times.iter().map(|time| time.seconds).collect())
        }
    }
}

impl Written {
    /// The time that is meant in a part of the day.
    fn within(&self, part: Part) -> Result<u32, ScheduleError> {
        let Some(hour) = self.twelfth() else {
            return if part.holds(self.seconds) {
                Ok(self.seconds)
            } else {
                Err(self.outside(part))
            };
        };
        match part.hour(hour) {
            Some(meant) => Ok(meant * 3600 + self.seconds % 3600),
            None => Err(self.outside(part)),
        }
    }

    /// Its hour, where that may be of a 12-hour clock.
    fn twelfth(&self) -> Option<u32> {
        let hour = self.seconds / 3600;
        (self.loose && (1..=12).contains(&hour)).then_some(hour)
    }

    fn outside(&self, part: Part) -> ScheduleError {
        let (hour, minute) = (self.seconds / 3600, self.seconds / 60 % 60);
        let name = part.name();
        let what = if self.loose {
            format!("{hour}:{minute:02} may be in the {name} or not: write the time with AM or PM")
        } else {
            format!("{hour}:{minute:02} is not in the {name}")
        };
        ScheduleError::new(what, self.span.clone())
    }
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
    let joint = joints[0];
    if let (Some(from), Some(_)) = (open.twelfth(), close.twelfth())
        && last < first
    {
        let (a, b) = (twelve_hour(first), twelve_hour(last));
        let message = format!("from {from} in the morning or in the evening?");
        let error = ScheduleError::new(message, cursor.since(&start));
        let reading = |one: &str, other: &str| format!("{a} {one} {joint} {b} {other}");
        // 12 AM is midnight: `12 to 6` begins at noon first.
        let halves =
            if from == 12 { [["PM", "PM"], ["AM", "AM"]] } else { [["AM", "PM"], ["PM", "AM"]] };
        return Err(error.either(halves.map(|[one, other]| reading(one, other))));
    }
    unambiguous(&[open, close])?;
    Ok((first, last))
}

/// A time as it stands before AM or PM: `9`, `9:30`.
fn twelve_hour(seconds: u32) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (hour, 0) => hour.to_string(),
        (hour, minute) => format!("{hour}:{minute:02}"),
    }
}

/// `6 and 8 PM`: is the first 6 AM or 6 PM? Nobody can tell, so nobody guesses.
fn unambiguous(times: &[Written]) -> Result<(), ScheduleError> {
    let bare = times.iter().find(|time| time.bare);
    let (Some(bare), Some(_)) = (bare, times.iter().find(|time| time.halved)) else {
        return Ok(());
    };
    let hour = bare.seconds / 3600;
    let message = format!("{hour} in the morning or in the evening? Write {hour} AM or {hour} PM");
    let error = ScheduleError::new(message, bare.span.clone());
    Err(error.either(["AM", "PM"].map(|half| format!("{hour} {half}"))))
}

/// A time as its first token says it.
struct Head {
    hour: u32,
    seconds: u32,
    /// It has minutes.
    clock: bool,
    padded: bool,
}

fn head(cursor: &mut Cursor<'_>) -> Result<Head, ScheduleError> {
    let whole =
        |hour: u32| Head { hour, seconds: hour.saturating_mul(3600), clock: false, padded: false };
    let here = cursor.clone();
    let digits = cursor.shown();
    let four = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let head = match cursor.peek() {
        Some(Kind::Clock { hour, seconds, padded }) => {
            cursor.skip(1);
            Head { hour: *hour, seconds: *seconds, clock: true, padded: *padded }
        }
        Some(Kind::Decimal { whole, fraction }) => {
            cursor.skip(1);
            let minute = fraction.parse::<u32>().ok();
            let minute = minute.filter(|minute| *minute < 60 && fraction.len() == 2);
            let Some(minute) = minute else {
                let message = format!("`{digits}` is not a time: write it like 9:30");
                return Err(here.error(message));
            };
            let seconds = whole.saturating_mul(3600).saturating_add(minute * 60);
            Head { hour: *whole, seconds, clock: true, padded: digits.starts_with('0') }
        }
        // `0930`
        Some(Kind::Number(number)) if four && *number < 2400 && number % 100 < 60 => {
            cursor.skip(1);
            let (hour, minute) = (number / 100, number % 100);
            Head { hour, seconds: hour * 3600 + minute * 60, clock: true, padded: true }
        }
        None => return Err(cursor.error("a time is missing at the end")),
        Some(_) => match cursor.number() {
            Some(hour) => whole(hour),
            None => return Err(cursor.error(format!("`{}` is not a time", cursor.shown()))),
        },
    };
    if head.hour > 23 {
        let message = match digits.len() {
            3 => format!("`{digits}` is not a time: write it like 9:30 or 0930"),
            _ => format!("hour {digits} is outside 0-23"),
        };
        return Err(here.error(message));
    }
    Ok(head)
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
        return Ok(Written { seconds, halved: false, bare: false, loose: false, span });
    }
    let Head { hour, seconds, clock, padded } = head(cursor)?;
    let half = |word: &str| match word {
        "am" => Some(0),
        "pm" => Some(12),
        _ => None,
    };
    if let Some(add) = cursor.read(half) {
        let span = cursor.since(&start);
        if !(1..=12).contains(&hour) {
            let message = format!("hour {hour} does not go with AM or PM");
            return Err(ScheduleError::new(message, span));
        }
        let seconds = seconds % (12 * 3600) + add * 3600;
        return Ok(Written { seconds, halved: true, bare: false, loose: false, span });
    }
    cursor.take(if clock { &HOURS } else { &["oclock", "h"] });
    let twelfth = (1..=12).contains(&hour);
    let (bare, loose) = (!clock && twelfth, !padded && twelfth);
    Ok(Written { seconds, halved: false, bare, loose, span: cursor.since(&start) })
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

/// `15 minutes past every hour`, `15 and 45 minutes past the hour`, `quarter past every hour`:
/// `None` when it is something else.
pub(super) fn past_the_hour(cursor: &mut Cursor<'_>) -> Result<Option<Set>, ScheduleError> {
    let mut ahead = cursor.clone();
    let mut minutes = Set::EMPTY;
    let named = |word: &str| match word {
        "quarter" => Some(15),
        "half" => Some(30),
        _ => None,
    };
    let mut place = ahead.clone();
    let mut outside = None;
    loop {
        let here = ahead.clone();
        let Some(minute) = ahead.read(named).or_else(|| ahead.number()) else {
            return Ok(None);
        };
        if minute > 59 && outside.is_none() {
            outside = Some(minute);
            place = here;
        }
        minutes.insert(minute);
        if !ahead.separator(|more| more.clone().number().is_some()) {
            break;
        }
    }
    ahead.take(&MINUTE);
    if !ahead.take(&["past", "after"]) {
        return Ok(None);
    }
    if let Some(minute) = outside {
        return Err(place.error(format!("minute {minute} is outside 0-59")));
    }
    ahead.take(&["the", "every", "each"]);
    if !ahead.take(&["hour"]) {
        return Err(ahead.error("after `past` comes the hour: `every hour`"));
    }
    *cursor = ahead;
    Ok(Some(minutes))
}
