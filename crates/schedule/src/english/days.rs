//! Days in phrases: days of the week, ordinals of the month, dates, months, and lists of each.

use super::cursor::Cursor;
use super::lexer::Kind;
use super::phrase::Phrase;
use super::vocabulary::{day, month, ordinal};
use crate::error::ScheduleError;
use crate::pattern::{DayField, DomSpecial, DowSpecial};
use crate::set::Set;
use crate::words;

const WEEKDAYS: (u32, u32) = (1, 5);

/// Takes one kind of days, if some begin here: `monday to friday`, `the 1st and 15th`, `march 1`,
/// `last friday of january`.
pub(super) fn take(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    let start = cursor.place();
    if week_begins(cursor) {
        let set = week(cursor)?;
        return put(&mut phrase.dows, set, cursor, &start, "days of the week");
    }
    if let Some(dates) = dates(cursor)? {
        return put(&mut phrase.dates, dates, cursor, &start, "dates");
    }
    ordinals(cursor, phrase)
}

/// Says something for the first time; a second time is a contradiction.
pub(super) fn put<T>(
    slot: &mut Option<(T, std::ops::Range<usize>)>,
    value: T,
    cursor: &Cursor<'_>,
    start: &std::ops::Range<usize>,
    what: &str,
) -> Result<bool, ScheduleError> {
    let span = cursor.since(start);
    if slot.is_some() {
        let message = format!("{what} are said twice: join them with `and`");
        return Err(ScheduleError::new(message, span));
    }
    *slot = Some((value, span));
    Ok(true)
}

/// Whether a word begins days of the week.
fn week_begins(cursor: &Cursor<'_>) -> bool {
    cursor.word().is_some_and(|word| day(word).is_some() || group(word).is_some())
}

/// A word for several days.
fn group(word: &str) -> Option<Set> {
    match word {
        "weekday" | "weekdays" => Some(Set::range(WEEKDAYS.0, WEEKDAYS.1)),
        "weekend" | "weekends" => Some([0, 6].into_iter().collect()),
        _ => None,
    }
}

/// `monday to friday`, `monday and thursday`, `weekdays`.
pub(super) fn week(cursor: &mut Cursor<'_>) -> Result<Set, ScheduleError> {
    let mut days = Set::EMPTY;
    loop {
        if let Some(set) = cursor.read(group) {
            days = days.union(set);
        } else if let Some(first) = cursor.read(day) {
            let last = if range_sign(cursor) {
                cursor.read(day).ok_or_else(|| cursor.error("a day of the week is missing"))?
            } else {
                first
            };
            let length = (last + 7 - first) % 7;
            days = (0..=length).map(|step| (first + step) % 7).chain(days.iter()).collect();
        } else {
            return Err(cursor.error("a day of the week is missing"));
        }
        if !cursor.separator(week_begins) {
            return Ok(days);
        }
    }
}

/// `to`, `through`, `-`.
pub(super) fn range_sign(cursor: &mut Cursor<'_>) -> bool {
    if cursor.peek() == Some(&Kind::Dash) {
        cursor.skip(1);
        return true;
    }
    cursor.take(&["to", "through", "thru", "until", "till"])
}

/// `january`, `march and october`, `june to august`.
pub(super) fn months(cursor: &mut Cursor<'_>) -> Result<Set, ScheduleError> {
    let mut months = Set::EMPTY;
    loop {
        let Some(first) = cursor.read(month) else {
            return Err(cursor.error("a month is missing").suggest("march"));
        };
        let last = if range_sign(cursor) {
            cursor.read(month).ok_or_else(|| cursor.error("a month is missing"))?
        } else {
            first
        };
        let length = (last + 12 - first) % 12;
        months =
            (0..=length).map(|step| (first + step - 1) % 12 + 1).chain(months.iter()).collect();
        if !cursor.separator(|ahead| ahead.word().is_some_and(|word| month(word).is_some())) {
            return Ok(months);
        }
    }
}

/// `march 1`, `24 and 25 december`, `1st of march`: `None` when it is something else.
pub(super) fn dates(cursor: &mut Cursor<'_>) -> Result<Option<Vec<(u32, u32)>>, ScheduleError> {
    let mut dates: Vec<(u32, u32)> = Vec::new();
    loop {
        let start = cursor.place();
        let Some((month, days)) = month_first(cursor).or_else(|| day_first(cursor)) else {
            return Ok((!dates.is_empty()).then_some(dates));
        };
        for day in days {
            let longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let most =
                usize::try_from(month - 1).ok().and_then(|index| longest.get(index).copied());
            if day == 0 || most.is_none_or(|most| day > most) {
                let message =
                    format!("there is no such day as `{}`", &cursor.text[cursor.since(&start)]);
                let error = ScheduleError::new(message, cursor.since(&start));
                let nearest = day.clamp(1, most.unwrap_or(1));
                return Err(error.suggest(format!("{} {nearest}", words::month_name(month))));
            }
            dates.push((month, day));
        }
        let more = |ahead: &Cursor<'_>| {
            let mut ahead = ahead.clone();
            month_first(&mut ahead).or_else(|| day_first(&mut ahead)).is_some()
        };
        if !cursor.separator(more) {
            return Ok(Some(dates));
        }
    }
}

/// `march 1`, `december 24 and 25`, `march first`.
fn month_first(cursor: &mut Cursor<'_>) -> Option<(u32, Vec<u32>)> {
    let mut ahead = cursor.clone();
    let month = ahead.read(month)?;
    ahead.take(&["the"]);
    let days = day_numbers(&mut ahead, true)?;
    *cursor = ahead;
    Some((month, days))
}

/// `1 march`, `the 24th and 25th of december`; words for numbers are left to the ordinals.
fn day_first(cursor: &mut Cursor<'_>) -> Option<(u32, Vec<u32>)> {
    let mut ahead = cursor.clone();
    ahead.take(&["the"]);
    let days = day_numbers(&mut ahead, false)?;
    ahead.take(&["of"]);
    let month = ahead.read(month)?;
    // `1st of march and october` is about months: the ordinals read it.
    let another = |ahead: &Cursor<'_>| {
        let named = ahead.word().is_some_and(|word| self::month(word).is_some());
        named && !matches!(ahead.ahead(1), Some(Kind::Number(_) | Kind::Ordinal(_)))
    };
    if ahead.clone().separator(another) || range_sign(&mut ahead.clone()) {
        return None;
    }
    *cursor = ahead;
    Some((month, days))
}

/// Numbers of days; behind a month, one that stands before a month of its own belongs to that.
fn day_numbers(cursor: &mut Cursor<'_>, behind_month: bool) -> Option<Vec<u32>> {
    let mut days = vec![day_number(cursor, behind_month)?];
    while cursor.separator(|ahead| day_number(&mut ahead.clone(), behind_month).is_some()) {
        days.extend(day_number(cursor, behind_month));
    }
    Some(days)
}

fn day_number(cursor: &mut Cursor<'_>, behind_month: bool) -> Option<u32> {
    let mut ahead = cursor.clone();
    let number = match cursor.peek() {
        Some(Kind::Number(day) | Kind::Ordinal(day)) => {
            ahead.skip(1);
            *day
        }
        // Before a month the ordinals read it.
        Some(Kind::Word(_)) if behind_month => match nth(&mut ahead)? {
            Nth::Number(day) => day,
            Nth::Last => return None,
        },
        _ => return None,
    };
    let next = ahead.word();
    let is_time = matches!(cursor.peek(), Some(Kind::Number(_)))
        && matches!(next, Some("am" | "pm" | "oclock"));
    let counts = !matches!(cursor.peek(), Some(Kind::Number(_)))
        && next
            .is_some_and(|word| day(word).is_some() || matches!(word, "day" | "days" | "weekday"));
    let of_another = behind_month
        && next.is_some_and(|word| {
            month(word).is_some() || (word == "of" && ahead.word_ahead(1).is_some())
        });
    // `march 9 AM` names no day, `march first monday` another.
    if is_time || counts || of_another {
        return None;
    }
    *cursor = ahead;
    Some(number)
}

/// One ordinal of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nth {
    Number(u32),
    Last,
}

/// `15th`, `first`, `twenty-first`, `last`.
fn nth(cursor: &mut Cursor<'_>) -> Option<Nth> {
    cursor.take(&["the"]);
    if let Some(Kind::Ordinal(number)) = cursor.peek() {
        cursor.skip(1);
        return Some(Nth::Number(*number));
    }
    if cursor.take(&["last"]) {
        return Some(Nth::Last);
    }
    let tens = |word: &str| match word {
        "twenty" => Some(20),
        "thirty" => Some(30),
        _ => None,
    };
    if let Some(tens) = cursor.read(tens) {
        if cursor.peek() == Some(&Kind::Dash) {
            cursor.skip(1);
        }
        return cursor.read(ordinal).filter(|ones| *ones < 10).map(|ones| Nth::Number(tens + ones));
    }
    cursor.read(ordinal).map(Nth::Number)
}

/// Whether an ordinal begins here.
pub(super) fn ordinal_begins(cursor: &Cursor<'_>) -> bool {
    nth(&mut cursor.clone()).is_some()
}

/// Days of the month as they are read, before they become clauses.
#[derive(Default)]
struct Counted {
    set: Set,
    doms: Vec<DomSpecial>,
    dows: Vec<DowSpecial>,
    last: bool,
}

/// `the 1st and 15th of the month`, `first monday and third friday of january`, `last weekday of
/// the month`.
fn ordinals(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    if !ordinal_begins(cursor) {
        return Ok(false);
    }
    let start = cursor.place();
    let mut counted = Counted::default();
    loop {
        group_of_ordinals(cursor, &mut counted)?;
        if !cursor.separator(ordinal_begins) {
            break;
        }
    }
    let Counted { set, doms, dows, last } = counted;
    if !dows.is_empty() {
        put(&mut phrase.nths, dows, cursor, &start, "days of the month")?;
    }
    if !doms.is_empty() || !set.is_empty() {
        let field = DayField { star: false, set, specials: doms };
        put(&mut phrase.doms, field, cursor, &start, "days of the month")?;
    }
    of(cursor, phrase, last)?;
    Ok(true)
}

/// Ordinals that count the same thing: `first and third monday`, `1st to 7th`.
fn group_of_ordinals(cursor: &mut Cursor<'_>, into: &mut Counted) -> Result<(), ScheduleError> {
    let start = cursor.place();
    let mut nths: Vec<Nth> = nth(cursor).into_iter().collect();
    loop {
        let mut ahead = cursor.clone();
        if let Some(Nth::Number(first)) = nths.last().copied()
            && range_sign(&mut ahead)
            && let Some(Nth::Number(last)) = nth(&mut ahead)
        {
            *cursor = ahead;
            if last <= first || last > 31 {
                let message = format!("the days from {first} to {last} do not rise up to 31");
                return Err(ScheduleError::new(message, cursor.since(&start)));
            }
            nths.extend((first + 1..=last).map(Nth::Number));
        }
        if !cursor.separator(ordinal_begins) {
            return counted(cursor, into, &nths, &start);
        }
        nths.extend(nth(cursor));
    }
}

/// What the ordinals count.
fn counted(
    cursor: &mut Cursor<'_>,
    into: &mut Counted,
    nths: &[Nth],
    start: &std::ops::Range<usize>,
) -> Result<(), ScheduleError> {
    into.last |= nths.contains(&Nth::Last);
    let dow = cursor.read(day);
    let weekday = dow.is_none() && cursor.take(&["weekday"]);
    let plain = dow.is_none() && !weekday && cursor.take(&["day", "days"]);
    let error = |message: String| ScheduleError::new(message, cursor.since(start));
    for nth in nths {
        match (*nth, dow) {
            (Nth::Last, Some(dow)) => into.dows.push(DowSpecial::Last { dow }),
            (Nth::Number(nth @ 1..=5), Some(dow)) => into.dows.push(DowSpecial::Nth { dow, nth }),
            (Nth::Number(nth), Some(dow)) => {
                let message = format!("no month has {nth} such days");
                return Err(error(message).suggest(format!("last {}", words::day_name(dow))));
            }
            (Nth::Last, None) if weekday => into.doms.push(DomSpecial::LastWeekday),
            (Nth::Number(1), None) if weekday => into.doms.push(DomSpecial::Nearest { day: 1 }),
            (Nth::Number(_), None) if weekday => {
                let message = "only the first and the last weekday of a month can be named";
                return Err(error(message.to_owned()));
            }
            (Nth::Last, None) if plain => into.doms.push(DomSpecial::Last { back: 0 }),
            (Nth::Last, None) => {
                return Err(error("the last what?".to_owned()).suggest("last day of the month"));
            }
            (Nth::Number(number @ 1..=31), None) => into.set.insert(number),
            (Nth::Number(number), None) => {
                return Err(error(format!("day {number} of a month is outside 1-31")));
            }
        }
    }
    Ok(())
}

/// `of the month`, `of every month`, `of january`, `of the quarter`, `of the year`; nothing is fine
/// too.
fn of(cursor: &mut Cursor<'_>, phrase: &mut Phrase, last: bool) -> Result<(), ScheduleError> {
    let start = cursor.place();
    if !cursor.take(&["of"]) {
        return Ok(());
    }
    cursor.take(&["the", "every", "each"]);
    if cursor.take(&["month"]) {
        return Ok(());
    }
    let months = if cursor.take(&["quarter"]) {
        if last { Set::stepped(3, 12, 3) } else { Set::stepped(1, 12, 3) }
    } else if cursor.take(&["year"]) {
        if last { Set::one(12) } else { Set::one(1) }
    } else {
        months(cursor)?
    };
    put(&mut phrase.months, months, cursor, &start, "months")?;
    Ok(())
}
