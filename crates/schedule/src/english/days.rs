//! Days in phrases: days of the week, ordinals of the month, dates, months, and lists of each.

use super::cursor::Cursor;
use super::lexer::Kind;
use super::phrase::{Period, Phrase};
use super::vocabulary::{day, month, ordinal, part};
use crate::error::ScheduleError;
use crate::pattern::{DayField, DomSpecial, DowSpecial};
use crate::set::Set;
use crate::words;

const WEEKDAYS: (u32, u32) = (1, 5);

/// Takes one kind of days, if some begin here: `monday to friday`, `the 1st and 15th`, `march 1`,
/// `last friday of january`.
pub(super) fn take(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    let start = cursor.place();
    if nearest_begins(cursor) {
        return nearest_weekday(cursor, phrase);
    }
    if week_begins(cursor) {
        let set = week(cursor)?;
        put(&mut phrase.dows, set, cursor, &start, "days of the week")?;
        // `monday mornings at 8`
        let here = cursor.place();
        if let Some(part) = cursor.read(part) {
            put(&mut phrase.part, part, cursor, &here, "parts of the day")?;
        }
        return Ok(true);
    }
    if let Some(dates) = dates(cursor)? {
        if let Some(&(month, _)) = dates.first()
            && cursor.word() == Some("or")
            && dates.iter().all(|(other, _)| *other == month)
        {
            // `the 1st of january or on friday`: dates are days of a month then.
            let set = dates.iter().map(|(_, day)| *day).collect();
            let field = DayField { star: false, set, specials: Vec::new() };
            put(&mut phrase.doms, field, cursor, &start, "days of the month")?;
            put(&mut phrase.months, Set::one(month), cursor, &start, "months")?;
            or_days_of_week(cursor, phrase)?;
            return Ok(true);
        }
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

/// Whether `the weekday nearest to the 15th` begins here.
fn nearest_begins(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.take(&["the"]);
    ahead.take(&["weekday"]) && ahead.take(&["nearest", "closest"])
}

/// `the weekday nearest to the 15th of the month`.
fn nearest_weekday(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<bool, ScheduleError> {
    let start = cursor.place();
    cursor.take(&["the"]);
    cursor.skip(2);
    cursor.take(&["to"]);
    let here = cursor.clone();
    let Some(Nth::Number(day @ 1..=31)) = nth(cursor) else {
        return Err(here.error("a day of the month from 1st to 31st comes here"));
    };
    let specials = vec![DomSpecial::Nearest { day }];
    let field = DayField { star: false, set: Set::EMPTY, specials };
    put(&mut phrase.doms, field, cursor, &start, "days of the month")?;
    of(cursor, phrase)?;
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
            return Err(cursor.error("a month is missing here"));
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
                return Err(ScheduleError::new(message, cursor.since(&start)));
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
            Nth::Last { .. } => return None,
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
    /// So many before the last one.
    Last {
        back: u32,
    },
}

/// `15th`, `first`, `twenty-first`, `last`, `second to last`; a plain number where `of` follows.
fn nth(cursor: &mut Cursor<'_>) -> Option<Nth> {
    cursor.take(&["the"]);
    if let Some(back) = last(cursor) {
        return Some(Nth::Last { back });
    }
    if let Some(Kind::Ordinal(number)) = cursor.peek() {
        cursor.skip(1);
        return Some(from_the_end(cursor, *number));
    }
    if let Some(Kind::Number(number)) = cursor.peek()
        && numbers_of(cursor)
    {
        cursor.skip(1);
        return Some(Nth::Number(*number));
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
    let number = cursor.read(ordinal)?;
    Some(from_the_end(cursor, number))
}

/// `last`, `last but one`, `next to last`, `penultimate`: how many before the last.
fn last(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut ahead = cursor.clone();
    if ahead.take(&["penultimate"]) {
        *cursor = ahead;
        return Some(1);
    }
    let next_to = ahead.take(&["next"]);
    if next_to {
        while ahead.take(&["to"]) || ahead.peek() == Some(&Kind::Dash) {
            ahead.skip(usize::from(ahead.peek() == Some(&Kind::Dash)));
        }
    }
    if !ahead.take(&["last"]) {
        return None;
    }
    let mut but_one = ahead.clone();
    if but_one.take(&["but"]) && but_one.take(&["one"]) && !next_to {
        *cursor = but_one;
        return Some(1);
    }
    *cursor = ahead;
    Some(u32::from(next_to))
}

/// `second last`, `2nd to last`, `third-to-last`: the ordinal is taken already.
fn from_the_end(cursor: &mut Cursor<'_>, number: u32) -> Nth {
    let mut ahead = cursor.clone();
    while ahead.take(&["to"]) || ahead.peek() == Some(&Kind::Dash) {
        ahead.skip(usize::from(ahead.peek() == Some(&Kind::Dash)));
    }
    if !(2..=5).contains(&number) || !ahead.take(&["last"]) {
        return Nth::Number(number);
    }
    *cursor = ahead;
    Nth::Last { back: number - 1 }
}

/// Whether plain numbers that are days begin here: `1 of jan and july`, `1,15 of month`.
fn numbers_of(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    let number = |ahead: &Cursor<'_>| matches!(ahead.peek(), Some(Kind::Number(_)));
    while number(&ahead) {
        ahead.skip(1);
        if ahead.word() == Some("of") {
            return true;
        }
        if !ahead.separator(number) {
            return false;
        }
    }
    false
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
    let Counted { set, doms, dows } = counted;
    if !dows.is_empty() {
        put(&mut phrase.nths, dows, cursor, &start, "days of the month")?;
    }
    if !doms.is_empty() || !set.is_empty() {
        let field = DayField { star: false, set, specials: doms };
        put(&mut phrase.doms, field, cursor, &start, "days of the month")?;
    }
    of(cursor, phrase)?;
    or_days_of_week(cursor, phrase)?;
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
    let dows = names(cursor, start)?;
    let weekday = dows.is_empty() && cursor.take(&["weekday"]);
    let plain = dows.is_empty() && !weekday && cursor.take(&["day", "days"]);
    let before = plain && before_the_last(cursor);
    let error = |message: String| Err(ScheduleError::new(message, cursor.since(start)));
    for (nth, dow) in nths.iter().flat_map(|nth| dows.iter().map(move |dow| (*nth, *dow))) {
        into.dows.push(match nth {
            Nth::Last { back } => DowSpecial::Last { dow, back },
            Nth::Number(nth @ 1..=5) => DowSpecial::Nth { dow, nth },
            Nth::Number(nth) => {
                let day = words::day_name(dow);
                return error(format!("no month has {nth} such days: the last is `last {day}`"));
            }
        });
    }
    for nth in nths.iter().filter(|_| dows.is_empty()) {
        match *nth {
            Nth::Last { back: 0 } if weekday => into.doms.push(DomSpecial::LastWeekday),
            Nth::Number(1) if weekday => into.doms.push(DomSpecial::Nearest { day: 1 }),
            Nth::Number(_) | Nth::Last { .. } if weekday => {
                let message = "only the first and the last weekday of a month can be named";
                return error(message.to_owned());
            }
            Nth::Number(back @ 1..=30) if before => into.doms.push(DomSpecial::Last { back }),
            Nth::Number(_) | Nth::Last { .. } if before => {
                return error("no month goes that far back".to_owned());
            }
            Nth::Last { back } if plain => into.doms.push(DomSpecial::Last { back }),
            Nth::Last { .. } => {
                return error("the last what? For example `last day of the month`".to_owned());
            }
            Nth::Number(number @ 1..=31) => into.set.insert(number),
            Nth::Number(number) => {
                return error(format!("day {number} of a month is outside 1-31"));
            }
        }
    }
    Ok(())
}

/// `before the last`, behind `the 3rd day`.
fn before_the_last(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    let before = ahead.take(&["before"]);
    ahead.take(&["the"]);
    let last = before && ahead.take(&["last"]);
    if last {
        ahead.take(&["day"]);
        *cursor = ahead;
    }
    last
}

/// The days of the week that ordinals count: of several ones, each (`2nd mon, wed of march`).
/// Without `of` it may be every one of the others.
fn names(
    cursor: &mut Cursor<'_>,
    start: &std::ops::Range<usize>,
) -> Result<Vec<u32>, ScheduleError> {
    let Some(first) = cursor.read(day) else {
        return Ok(Vec::new());
    };
    let single = cursor.clone();
    let ordinals = cursor.text_since(start);
    let mut dows = vec![first];
    let named = |ahead: &Cursor<'_>| ahead.word().is_some_and(|word| day(word).is_some());
    while cursor.separator(named) {
        dows.extend(cursor.read(day));
    }
    if dows.len() == 1 || cursor.word() == Some("of") {
        return Ok(dows);
    }
    let head = ordinals.rsplit_once(char::is_whitespace).map_or(ordinals, |(head, _)| head);
    let rest = dows[1..].iter().map(|dow| words::day_name(*dow).to_lowercase());
    let rest: Vec<String> = rest.collect();
    let each = rest.iter().map(|day| format!("{head} {day}"));
    let each = words::joined(std::iter::once(ordinals.to_owned()).chain(each), "and");
    let message = format!("`{ordinals}` and every {0}, or `{head}` of {0} too?", rest.join(", "));
    let every = format!("{} of the month or on {}", single.text_since(start), rest.join(" and "));
    Err(ScheduleError::new(message, cursor.since(start))
        .either([format!("{each} of the month"), every]))
}

/// `of the month`, `of every month`, `of january`, `of the quarter`, `of the year`; nothing is fine
/// too.
fn of(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<(), ScheduleError> {
    let start = cursor.place();
    if !cursor.take(&["of"]) {
        return Ok(());
    }
    cursor.take(&["the", "every", "each"]);
    if cursor.take(&["month"]) {
        return Ok(());
    }
    let period = |word: &str| match word {
        "quarter" => Some(Period::QUARTER),
        "year" => Some(Period::YEAR),
        _ => None,
    };
    if let Some(period) = cursor.read(period) {
        put(&mut phrase.period, period, cursor, &start, "periods")?;
        return Ok(());
    }
    let months = months(cursor)?;
    put(&mut phrase.months, months, cursor, &start, "months")?;
    Ok(())
}

/// `… or on friday`, behind days of the month: either one is enough.
fn or_days_of_week(cursor: &mut Cursor<'_>, phrase: &mut Phrase) -> Result<(), ScheduleError> {
    let mut ahead = cursor.clone();
    if !ahead.take(&["or"]) || !ahead.take(&["on"]) || !week_begins(&ahead) {
        return Ok(());
    }
    let start = ahead.place();
    let set = week(&mut ahead)?;
    *cursor = ahead;
    // `… of march or on friday in march`: the same months, said for both.
    let mut within = cursor.clone();
    if within.take(&["in"])
        && let Ok(again) = months(&mut within)
        && phrase.months.as_ref().is_some_and(|(months, _)| *months == again)
    {
        *cursor = within;
    }
    phrase.either = true;
    put(&mut phrase.dows, set, cursor, &start, "days of the week")?;
    Ok(())
}
