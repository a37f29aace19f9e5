//! A pattern in plain English.
//!
//! What is said here can mostly be read again by `english`; the tests hold it to that.

use std::fmt::Write as _;

use super::field_kind::FieldKind;
use super::pattern::{ClockRule, Days, DomSpecial, DowSpecial, Every, Except, Pattern, Times};
use super::set::Set;

const DAY_NAMES: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTH_NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const NTH_NAMES: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// More clock times than this are summed up.
const MOST_TIMES: usize = 8;

/// The pattern as a sentence: `At 09:30 on weekdays`.
pub(super) fn pattern(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Reboot => "At the first start after each boot of the machine".to_owned(),
        Pattern::Once(at) => {
            format!("Once at {}", at.format("%Y-%m-%d %H:%M:%S")).replace(":00:00", ":00")
        }
        Pattern::Even { step, days } => {
            format!("Every {}{}", spacing(*step), days_words(days, false))
        }
        Pattern::Clock { times, days, rule } => {
            let spaced = hours_apart(times).filter(|_| *rule == ClockRule::Wildcard);
            let said = spaced.unwrap_or_else(|| times_words(times));
            let daily = said.starts_with("At ");
            format!("{said}{}", days_words(days, daily))
        }
    }
}

/// `Every 12 hours at minute 30`: times that are so many hours apart, all day long.
fn hours_apart(times: &Times) -> Option<String> {
    let Times::Fields { seconds, minutes, hours } = times else {
        return None;
    };
    if *seconds != Set::one(0) || minutes.len() != 1 {
        return None;
    }
    let spacing = match even_step(*hours, 24)? {
        1 => "hour".to_owned(),
        step => format!("{step} hours"),
    };
    Some(match minutes.first() {
        Some(0) | None => format!("Every {spacing}"),
        Some(minute) => format!("Every {spacing} at minute {minute}"),
    })
}

/// Why a pattern has no fire time at all.
pub(super) fn why_never(pattern: &Pattern) -> String {
    let longest = |month: u32| match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if let Some(days) = pattern.days()
        && days.dows.star
        && days.doms.specials.is_empty()
        && let Some(first) = days.doms.set.first()
        && days.months.iter().all(|month| longest(month) < first)
    {
        let months = joined(days.months.iter().map(month_name), "and");
        let have = if days.months.len() == 1 { "has" } else { "have" };
        return format!("it never fires: {months} never {have} a day {first}");
    }
    if let Some(Every::Years(step)) = pattern.days().and_then(|days| days.every) {
        return format!(
            "it never fires: every {step} years counts from 1970, and no such year has that day"
        );
    }
    "it never fires: no day fits all of its conditions".to_owned()
}

/// `every 4 years on february 29` means each of these days: the phrase without the years, where a
/// pattern says so.
pub(super) fn leap_days(text: &str, pattern: &Pattern) -> Option<String> {
    let days = pattern.days().filter(|days| days.every == Some(Every::Years(4)))?;
    let leap = days.months == Set::one(2) && days.doms.set == Set::one(29);
    let lower = text.trim().to_lowercase();
    let rest = ["every 4 years on ", "every four years on "].iter();
    let rest = rest.filter(|_| leap).find_map(|head| lower.strip_prefix(head))?;
    Some(format!("every {}", rest.trim_start_matches("the ")))
}

/// `a, b and c`.
pub(super) fn joined(words: impl IntoIterator<Item = impl AsRef<str>>, last: &str) -> String {
    let words: Vec<_> = words.into_iter().collect();
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let sign = match index {
            0 => "",
            _ if index + 1 == words.len() => &format!(" {last} "),
            _ => ", ",
        };
        let _ = write!(text, "{sign}{}", word.as_ref());
    }
    text
}

fn indexed(names: &[&'static str], index: u32) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or("?")
}

pub(super) fn day_name(dow: u32) -> &'static str {
    indexed(&DAY_NAMES, dow % 7)
}

pub(super) fn month_name(month: u32) -> &'static str {
    indexed(&MONTH_NAMES, month.wrapping_sub(1))
}

/// `09:30`, `09:30:15`; a time of the next day wraps.
fn clock(seconds: u32) -> String {
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    if second == 0 {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    }
}

/// `minute`, `90 minutes`, `2 hours`.
fn spacing(seconds: u32) -> String {
    let (count, unit) = match seconds {
        s if s % 3600 == 0 => (s / 3600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    if count == 1 { unit.to_owned() } else { format!("{count} {unit}s") }
}

/// `15`, `15 and 45`, `0 to 29`, `0, 7, … 56`.
fn numbers(set: Set) -> String {
    if let Some((first, step, last)) = progression(set).filter(|_| set.len() > 5)
        && step > 1
    {
        return format!("{first}, {}, … {last}", first + step);
    }
    runs(set, |value| value.to_string())
}

/// Runs of three and more are told as `a to b`.
fn runs(set: Set, name: impl Fn(u32) -> String) -> String {
    let mut words = Vec::new();
    for (first, last) in set.runs() {
        match last - first {
            0 => words.push(name(first)),
            1 => words.extend([name(first), name(last)]),
            _ => words.push(format!("{} to {}", name(first), name(last))),
        }
    }
    joined(words, "and")
}

/// The step of a set that runs evenly from `first` to the end of its unit of `size`, and divides
/// it.
fn even_step(set: Set, size: u32) -> Option<u32> {
    let step = if set.len() == 1 { size } else { set.iter().nth(1)? };
    (step > 0 && size.is_multiple_of(step) && set == Set::stepped(0, size - 1, step))
        .then_some(step)
}

fn times_words(times: &Times) -> String {
    match times {
        Times::List(all) => listed(all),
        Times::Window { open, close, step } => {
            format!("Every {} from {} to {}", spacing(*step), clock(*open), clock(*close))
        }
        Times::Fields { seconds, minutes, hours } => fields_words(*seconds, *minutes, *hours),
    }
}

fn listed(all: &[u32]) -> String {
    match all {
        [first, second, .., last] if all.len() > MOST_TIMES => {
            let (first, second, last) = (clock(*first), clock(*second), clock(*last));
            format!("At {first}, {second}, … {last} ({} times)", all.len())
        }
        _ => format!("At {}", joined(all.iter().map(|time| clock(*time)), "and")),
    }
}

fn fields_words(seconds: Set, minutes: Set, hours: Set) -> String {
    let all_hours = hours == FieldKind::Hour.all();
    let all_minutes = minutes == FieldKind::Minute.all();
    if seconds != Set::one(0) {
        return with_seconds(seconds, minutes, hours);
    }
    if minutes.len() * hours.len() <= 2 {
        return listed(&product(seconds, minutes, hours));
    }
    let spaced = even_step(minutes, 60).filter(|_| minutes.len() > 1);
    if all_hours {
        return match spaced {
            Some(step) => format!("Every {}", spacing(step * 60)),
            None if minutes == Set::one(0) => "Every hour".to_owned(),
            None => format!("Every hour at {} {}", plural("minute", minutes), numbers(minutes)),
        };
    }
    if minutes.len() == 1 {
        let minute = minutes.first().unwrap_or_default();
        let past = if minute == 0 { String::new() } else { format!(" at minute {minute}") };
        if let Some(step) = even_step(hours, 24) {
            return format!("Every {}{past}", spacing(step * 3600));
        }
        if let Some((first, step, last)) = progression(hours).filter(|_| hours.len() > 3) {
            let (first, last) = (first * 3600 + minute * 60, last * 3600 + minute * 60);
            let step = spacing(step * 3600);
            return format!("Every {step} from {} to {}", clock(first), clock(last));
        }
    }
    if let (Some(step), [(first, last)]) = (spaced, hours.runs().as_slice()) {
        let end = last * 3600 + (60 - step) * 60;
        return format!(
            "Every {} from {} to {}",
            spacing(step * 60),
            clock(first * 3600),
            clock(end)
        );
    }
    if minutes.len() * hours.len() <= MOST_TIMES {
        return listed(&product(seconds, minutes, hours));
    }
    let past = if all_minutes {
        "Every minute".to_owned()
    } else {
        format!("At {} {}", plural("minute", minutes), numbers(minutes))
    };
    format!("{past} of {} {}", plural("hour", hours), numbers(hours))
}

fn with_seconds(seconds: Set, minutes: Set, hours: Set) -> String {
    let always = minutes == FieldKind::Minute.all() && hours == FieldKind::Hour.all();
    if always && let Some(step) = even_step(seconds, 60).filter(|_| seconds.len() > 1) {
        return format!("Every {}", spacing(step));
    }
    if seconds.len() * minutes.len() * hours.len() <= MOST_TIMES {
        return listed(&product(seconds, minutes, hours));
    }
    let part = |name: &str, set: Set, all: Set| match set == all {
        true => format!("every {name}"),
        false => format!("{} {}", plural(name, set), numbers(set)),
    };
    let second = part("second", seconds, FieldKind::Second.all());
    let minute = part("minute", minutes, FieldKind::Minute.all());
    match (minutes == FieldKind::Minute.all(), hours == FieldKind::Hour.all()) {
        (true, true) => format!("Every minute at {second}"),
        (false, true) => format!("Every hour at {second} of {minute}"),
        (_, false) => {
            format!("At {second} of {minute} of {} {}", plural("hour", hours), numbers(hours))
        }
    }
}

fn plural(word: &str, set: Set) -> String {
    if set.len() == 1 { word.to_owned() } else { format!("{word}s") }
}

fn product(seconds: Set, minutes: Set, hours: Set) -> Vec<u32> {
    let mut times = Vec::new();
    for hour in hours.iter() {
        for minute in minutes.iter() {
            times.extend(seconds.iter().map(|second| hour * 3600 + minute * 60 + second));
        }
    }
    times
}

/// First, step and last of an even progression.
fn progression(set: Set) -> Option<(u32, u32, u32)> {
    let (first, last) = (set.first()?, set.last()?);
    let step = set.iter().nth(1)? - first;
    (set == Set::stepped(first, last, step)).then_some((first, step, last))
}

/// ` on weekdays in March except holidays`, with its leading blank; `daily` says `every day` where
/// nothing else is said.
fn days_words(days: &Days, daily: bool) -> String {
    let mut text = String::new();
    let months = days.months != FieldKind::Month.all();
    let month_words = || runs(days.months, |month| month_name(month).to_owned());
    if let Some(rhythm) = days.every {
        let _ = write!(text, " {}", every(rhythm));
    }
    if !days.dates.is_empty() {
        let dates = days.dates.iter().map(|(month, day)| format!("{day} {}", month_name(*month)));
        let _ = write!(text, " on {}", joined(dates, "and"));
    } else if !days.doms.star || !days.dows.star {
        let of = if months { format!("of {}", month_words()) } else { "of the month".to_owned() };
        text.push_str(&fields(days, &of));
        // Ordinals carry their month; days of the week alone do not.
        let counted = (!days.doms.star) || !days.dows.specials.is_empty();
        if months && !counted {
            let _ = write!(text, " in {}", month_words());
        }
    } else {
        text.push_str(&stars(days));
        if text.is_empty() && daily {
            text.push_str(" every day");
        }
        if months {
            let _ = write!(text, " in {}", month_words());
        }
    }
    text.push_str(&except_words(&days.except));
    text
}

/// `every other day`, `every 2 weeks`.
pub(super) fn every(every: Every) -> String {
    match every {
        Every::Days(2) => "every other day".to_owned(),
        Every::Days(count) => format!("every {count} days"),
        Every::Weeks(count) => format!("every {count} weeks"),
        Every::Months(count) => format!("every {count} months"),
        Every::Years(count) => format!("every {count} years"),
    }
}

/// The two day fields, at least one of them without a star. Within a field any part is enough;
/// between them both must fit if one has a star, else either is enough.
fn fields(days: &Days, of: &str) -> String {
    let mut doms: Vec<String> = Vec::new();
    if !days.doms.set.is_empty() && !days.doms.star {
        let ordinals = runs(days.doms.set, ordinal);
        // `the 15th and the last Friday` would be the 15th Friday.
        let day = if days.dows.specials.is_empty() { "" } else { " day" };
        doms.push(format!("the {ordinals}{day}"));
    }
    doms.extend(days.doms.specials.iter().map(|special| match special {
        DomSpecial::Last { back: 0 } => "the last day".to_owned(),
        DomSpecial::Last { back } => format!("the {} day before the last", ordinal(*back)),
        DomSpecial::LastWeekday => "the last weekday".to_owned(),
        DomSpecial::Nearest { day: 1 } => "the first weekday".to_owned(),
        DomSpecial::Nearest { day } => format!("the weekday nearest to the {}", ordinal(*day)),
    }));
    let mut nths: Vec<String> = Vec::new();
    nths.extend(days.dows.specials.iter().map(|special| match special {
        DowSpecial::Last { dow, back: 0 } => format!("the last {}", day_name(*dow)),
        DowSpecial::Last { dow, back: back @ 1..=4 } => {
            format!("the {} to last {}", indexed(&NTH_NAMES, *back), day_name(*dow))
        }
        DowSpecial::Last { dow, back } => format!("the last {} but {back}", day_name(*dow)),
        DowSpecial::Nth { dow, nth } => {
            format!("the {} {}", indexed(&NTH_NAMES, nth - 1), day_name(*dow))
        }
    }));
    let week = (!days.dows.star && !days.dows.set.is_empty()).then(|| week_words(days.dows.set));
    // A starred field that holds all of its values lets every day through.
    let all_doms = days.doms.star && days.doms.set == FieldKind::DayOfMonth.all();
    let all_dows = days.dows.star && days.dows.set == FieldKind::DayOfWeek.all();
    if days.doms.star && !all_doms {
        let set = format!("days {}", numbers(days.doms.set));
        let parts = std::iter::once(set).filter(|_| !days.doms.set.is_empty()).chain(doms);
        let only = format!(", only on {} of the month", joined(parts, "and"));
        return format!(" on {}{only}", union(nths, week, of));
    }
    if days.dows.star && !all_dows {
        let starred = (!days.dows.set.is_empty()).then(|| week_words(days.dows.set));
        let only = format!(", only on {}", union(nths, starred, of));
        return format!(" on {} {of}{only}", joined(doms, "and"));
    }
    let doms = if all_doms { Vec::new() } else { doms };
    let nths = if all_dows { Vec::new() } else { nths };
    format!(" on {}", union(doms.into_iter().chain(nths).collect(), week, of))
}

/// `the 13th of the month or on Friday`: days of the month, days of the week, either enough.
fn union(counted: Vec<String>, week: Option<String>, of: &str) -> String {
    match (counted.is_empty(), week) {
        (true, Some(week)) => week,
        (true, None) => format!("no day {of}"),
        (false, None) => format!("{} {of}", joined(counted, "and")),
        (false, Some(week)) => {
            // `of January` holds for what stands before it only.
            let months = of.strip_prefix("of ").filter(|months| *months != "the month");
            let within = months.map_or_else(String::new, |months| format!(" in {months}"));
            format!("{} {of} or on {week}{within}", joined(counted, "and"))
        }
    }
}

/// What a starred field that is not all narrows the days to: `*/2`.
fn stars(days: &Days) -> String {
    let mut text = String::new();
    if days.doms.star && days.doms.set != FieldKind::DayOfMonth.all() {
        let sign = if days.dows.star { " on" } else { ", only on" };
        let _ = write!(text, "{sign} days {} of the month", numbers(days.doms.set));
    }
    if days.dows.star && days.dows.set != FieldKind::DayOfWeek.all() {
        let sign = if text.is_empty() && days.doms.star { " on" } else { ", only on" };
        let _ = write!(text, "{sign} {}", week_words(days.dows.set));
    }
    text
}

/// `weekdays`, `Monday and Thursday`, `Friday to Sunday`.
fn week_words(set: Set) -> String {
    if set == Set::range(1, 5) {
        return "weekdays".to_owned();
    }
    if set == [0, 6].into_iter().collect() {
        return "weekends".to_owned();
    }
    // A run over the end of the week is one run: Sunday counts on from Saturday.
    let after_gap = (1..7).rev().find(|day| !set.contains(*day)).filter(|_| set.contains(6));
    let shift = |day: u32| if after_gap.is_some_and(|gap| day < gap) { day + 7 } else { day };
    let shifted: Set = set.iter().map(shift).collect();
    let shifted = if set.contains(0) { shifted } else { set };
    runs(shifted, |day| day_name(day).to_owned())
}

/// `15th`.
fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

pub(super) fn except_words(except: &Except) -> String {
    if except.is_empty() {
        return String::new();
    }
    let mut parts: Vec<String> = Vec::new();
    if !except.dows.is_empty() {
        parts.push(format!("on {}", week_words(except.dows)));
    }
    if !except.months.is_empty() {
        parts.push(format!("in {}", runs(except.months, |month| month_name(month).to_owned())));
    }
    if !except.doms.is_empty() {
        parts.push(format!("on the {}", runs(except.doms, ordinal)));
    }
    parts.extend(
        except.yearly.iter().map(|(month, day)| format!("on {day} {}", month_name(*month))),
    );
    parts.extend(except.dates.iter().map(|date| format!("on {date}")));
    parts.extend(except.holidays.then(|| "holidays".to_owned()));
    format!(" except {}", joined(parts, "and"))
}
