//! The canonical form of a schedule: a text that reads the same in every version.
//!
//! A store keeps it beside the text of a definition, so that a version that reads the text
//! otherwise, or refuses it, can go on with what was accepted. Owns its grammar, which is closed:
//! a change of meaning needs a new number in front.

use std::fmt::Write as _;

use chrono::{NaiveDate, NaiveDateTime};

use super::pattern::{
    ClockRule, DayField, Days, DomSpecial, DowSpecial, Every, Except, Pattern, Times,
};
use super::set::Set;

/// What every canonical form begins with.
const VERSION: &str = "1";
const WALL_TIME: &str = "%Y-%m-%dT%H:%M:%S";

/// The canonical form of a pattern.
pub(super) fn write(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Reboot => format!("{VERSION} reboot"),
        Pattern::Once(at) => format!("{VERSION} once {}", at.format(WALL_TIME)),
        Pattern::Even { step, days } => format!("{VERSION} even {step}{}", days_text(days)),
        Pattern::Clock { times, days, rule } => {
            let rule = match rule {
                ClockRule::Fixed => "fixed",
                ClockRule::Wildcard => "wildcard",
            };
            let times = match times {
                Times::Fields { seconds, minutes, hours } => {
                    let [s, m, h] = [seconds, minutes, hours].map(|set| set.plain_text());
                    format!("fields {s}/{m}/{h}")
                }
                Times::List(all) => format!("list {}", numbers(all)),
                Times::Window { open, close, step } => format!("window {open}/{close}/{step}"),
            };
            format!("{VERSION} {rule} {times}{}", days_text(days))
        }
    }
}

fn numbers(all: &[u32]) -> String {
    all.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn days_text(days: &Days) -> String {
    let mut text = String::new();
    let star = |star: bool| if star { "*" } else { "" };
    let doms = days.doms.specials.iter().map(|special| match special {
        DomSpecial::Last { back } => format!("L{back}"),
        DomSpecial::LastWeekday => "LW".to_owned(),
        DomSpecial::Nearest { day } => format!("W{day}"),
    });
    let dows = days.dows.specials.iter().map(|special| match special {
        DowSpecial::Nth { dow, nth } => format!("N{dow}.{nth}"),
        DowSpecial::Last { dow, back } => format!("L{dow}.{back}"),
    });
    let list =
        |set: Set, specials: Vec<String>| format!("{}+{}", set.plain_text(), specials.join("+"));
    let _ = write!(text, " dom={}{}", star(days.doms.star), list(days.doms.set, doms.collect()));
    let _ = write!(text, " month={}", days.months.plain_text());
    let _ = write!(text, " dow={}{}", star(days.dows.star), list(days.dows.set, dows.collect()));
    let pairs = |pairs: &[(u32, u32)]| {
        pairs.iter().map(|(month, day)| format!("{month}.{day}")).collect::<Vec<_>>().join(",")
    };
    if !days.dates.is_empty() {
        let _ = write!(text, " dates={}", pairs(&days.dates));
    }
    if let Some(every) = days.every {
        let (unit, count) = match every {
            Every::Days(count) => ("days", count),
            Every::Weeks(count) => ("weeks", count),
            Every::Months(count) => ("months", count),
            Every::Years(count) => ("years", count),
        };
        let _ = write!(text, " every={count}.{unit}");
    }
    let Except { dows, months, doms, yearly, dates, holidays } = &days.except;
    for (name, set) in [("not-dow", dows), ("not-month", months), ("not-dom", doms)] {
        if !set.is_empty() {
            let _ = write!(text, " {name}={}", set.plain_text());
        }
    }
    if !yearly.is_empty() {
        let _ = write!(text, " not-yearly={}", pairs(yearly));
    }
    if !dates.is_empty() {
        let dates: Vec<String> = dates.iter().map(NaiveDate::to_string).collect();
        let _ = write!(text, " not-dates={}", dates.join(","));
    }
    if *holidays {
        text.push_str(" not-holidays");
    }
    text
}

/// The pattern of a canonical form; `None` when it is none of this version.
pub(super) fn read(text: &str) -> Option<Pattern> {
    let mut words = text.split(' ');
    if words.next()? != VERSION {
        return None;
    }
    let pattern = match words.next()? {
        "reboot" => Pattern::Reboot,
        "once" => Pattern::Once(NaiveDateTime::parse_from_str(words.next()?, WALL_TIME).ok()?),
        "even" => {
            let step = words.next()?.parse().ok().filter(|step| *step > 0)?;
            return Some(Pattern::Even { step, days: read_days(words)? });
        }
        rule @ ("fixed" | "wildcard") => {
            let rule = if rule == "fixed" { ClockRule::Fixed } else { ClockRule::Wildcard };
            let times = read_times(words.next()?, words.next()?)?;
            return Some(Pattern::Clock { times, days: read_days(words)?, rule });
        }
        _ => return None,
    };
    words.next().is_none().then_some(pattern)
}

const DAY: u32 = 86_400;

fn read_times(kind: &str, text: &str) -> Option<Times> {
    let parts: Vec<&str> = text.split('/').collect();
    match (kind, parts.as_slice()) {
        ("fields", [seconds, minutes, hours]) => {
            let [seconds, minutes, hours] =
                [set(seconds, 0, 59)?, set(minutes, 0, 59)?, set(hours, 0, 23)?];
            let any = ![seconds, minutes, hours].iter().any(|set| set.is_empty());
            any.then_some(Times::Fields { seconds, minutes, hours })
        }
        ("list", [all]) => {
            let all: Vec<u32> = all.split(',').map(|it| it.parse().ok()).collect::<Option<_>>()?;
            let rising = all.windows(2).all(|pair| pair[0] < pair[1]);
            (rising && all.last().is_some_and(|last| *last < DAY)).then_some(Times::List(all))
        }
        ("window", [open, close, step]) => {
            let [open, close, step]: [u32; 3] =
                [open.parse().ok()?, close.parse().ok()?, step.parse().ok()?];
            let fits = open < DAY && open <= close && close < 2 * DAY && step > 0;
            fits.then_some(Times::Window { open, close, step })
        }
        _ => None,
    }
}

/// `1,3-5`, nothing outside of `low` to `high`.
fn set(text: &str, low: u32, high: u32) -> Option<Set> {
    let mut found = Set::EMPTY;
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first < low || last > high || first > last {
            return None;
        }
        found = found.union(Set::range(first, last));
    }
    Some(found)
}

fn read_days<'a>(words: impl Iterator<Item = &'a str>) -> Option<Days> {
    let mut days = Days::all();
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "dom" => days.doms = field(value, [1, 31], dom_special)?,
            "dow" => days.dows = field(value, [0, 6], dow_special)?,
            "month" => days.months = set(value, 1, 12)?,
            "dates" => days.dates = pairs(value)?,
            "every" => days.every = Some(read_every(value)?),
            "not-dow" => days.except.dows = set(value, 0, 6)?,
            "not-month" => days.except.months = set(value, 1, 12)?,
            "not-dom" => days.except.doms = set(value, 1, 31)?,
            "not-yearly" => days.except.yearly = pairs(value)?,
            "not-dates" => {
                let dates = value.split(',').map(|date| date.parse().ok());
                days.except.dates = dates.collect::<Option<_>>()?;
            }
            "not-holidays" => days.except.holidays = true,
            _ => return None,
        }
    }
    Some(days)
}

fn field<S>(
    text: &str,
    [low, high]: [u32; 2],
    special: impl Fn(&str) -> Option<S>,
) -> Option<DayField<S>> {
    let (star, rest) = text.strip_prefix('*').map_or((false, text), |rest| (true, rest));
    let mut parts = rest.split('+');
    let set = set(parts.next()?, low, high)?;
    let specials = parts.filter(|part| !part.is_empty()).map(special).collect::<Option<_>>()?;
    Some(DayField { star, set, specials })
}

fn dom_special(text: &str) -> Option<DomSpecial> {
    let number =
        |text: &str, least| text.parse::<u32>().ok().filter(|number| (least..=31).contains(number));
    match text.split_at_checked(1)? {
        ("L", "W") => Some(DomSpecial::LastWeekday),
        ("L", back) => {
            number(back, 0).filter(|back| *back < 31).map(|back| DomSpecial::Last { back })
        }
        ("W", day) => number(day, 1).map(|day| DomSpecial::Nearest { day }),
        _ => None,
    }
}

fn dow_special(text: &str) -> Option<DowSpecial> {
    let (kind, rest) = text.split_at_checked(1)?;
    let (dow, number) = rest.split_once('.')?;
    let dow = dow.parse().ok().filter(|dow| *dow <= 6)?;
    let number: u32 = number.parse().ok()?;
    match (kind, number) {
        ("N", nth @ 1..=5) => Some(DowSpecial::Nth { dow, nth }),
        ("L", back @ 0..=4) => Some(DowSpecial::Last { dow, back }),
        _ => None,
    }
}

fn pairs(text: &str) -> Option<Vec<(u32, u32)>> {
    let pair = |text: &str| {
        let (month, day) = text.split_once('.')?;
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some((month, day))
    };
    text.split(',').map(pair).collect()
}

fn read_every(text: &str) -> Option<Every> {
    let (count, unit) = text.split_once('.')?;
    let count = count.parse().ok().filter(|count| *count > 0)?;
    Some(match unit {
        "days" => Every::Days(count),
        "weeks" => Every::Weeks(count),
        "months" => Every::Months(count),
        "years" => Every::Years(count),
        _ => return None,
    })
}
