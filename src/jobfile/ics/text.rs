//! The lines of an iCalendar file before the `calcard` crate reads it: what it would mend, drop or pass over in
//! silence is found here, where each line still has its number.
//!
//! Owns folding, the pairs of BEGIN and END, and the parts of an RRULE. Knows nothing of days.

use std::borrow::Cow;

use crate::jobfile::diagnostics::quoted;
use crate::model::text::nearest;

const NO_CALENDAR: &str = "is not an iCalendar file: they begin with BEGIN:VCALENDAR";

/// The parts of an RRULE that are carried out.
const PARTS: [&str; 14] = [
    "FREQ",
    "UNTIL",
    "COUNT",
    "INTERVAL",
    "BYSECOND",
    "BYMINUTE",
    "BYHOUR",
    "BYDAY",
    "BYMONTHDAY",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYMONTH",
    "BYSETPOS",
    "WKST",
];

/// Where an event stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    begin: usize,
    summary: Option<String>,
    uid: Option<String>,
    /// The names of its properties, each with its line.
    properties: Vec<(String, usize)>,
}

impl Place {
    /// What is wrong with a property of the event, with line and event. Of several names, as in `DTEND|DURATION`, the
    /// first is meant that the event has.
    pub(super) fn problem(&self, property: &str, message: &str) -> String {
        let find = |name| self.properties.iter().find(|(known, _)| known == name);
        let at = property.split('|').find_map(find);
        self.problem_at(at.map_or(self.begin, |(_, line)| *line), message)
    }

    fn problem_at(&self, line: usize, message: &str) -> String {
        let name = self.summary.as_ref().or(self.uid.as_ref());
        let name = name.map_or("without SUMMARY and UID", String::as_str);
        format!("line {line}: event {}: {message}", quoted(name))
    }
}

/// A file that is sound as far as lines go.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The text for the crate: unfolded, without properties that have no value.
    pub(super) text: String,
    /// Its events, in their order.
    pub(super) events: Vec<Place>,
}

/// A component that has begun and not ended.
struct Open<'a> {
    name: Cow<'a, str>,
    /// Of an event: its number, and what is wrong with it.
    event: Option<(usize, Option<(usize, String)>)>,
}

/// Checks the lines of a file: components begin and end in pairs, the outer ones are calendars, and rules are made of
/// known parts.
///
/// # Errors
/// What is wrong, with its line.
pub(super) fn check(text: &str) -> Result<Checked, String> {
    let mut checked = Checked::default();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut calendars = 0;
    for (number, line) in unfolded(text) {
        let (head, value) = split(&line);
        let name = head.split(';').next().unwrap_or_default().to_ascii_uppercase();
        if open.is_empty() {
            let outer = name == "BEGIN" && value.trim().eq_ignore_ascii_case("VCALENDAR");
            match calendars {
                _ if outer => calendars += 1,
                0 => return Err(NO_CALENDAR.to_owned()),
                _ => {
                    return Err(format!(
                        "line {number}: {} stands outside of a calendar",
                        quoted(&line)
                    ));
                }
            }
        }
        match name.as_str() {
            "BEGIN" => {
                let component = value.trim().to_owned();
                let is_event = component.eq_ignore_ascii_case("VEVENT");
                let event = is_event.then(|| {
                    checked.events.push(Place { begin: number, ..Place::default() });
                    (checked.events.len() - 1, None)
                });
                open.push(Open { name: component.into(), event });
            }
            "END" => end(open.pop(), number, &line, value.trim(), &checked.events)?,
            _ => {
                if let Some(Open { event: Some((event, wrong)), .. }) = open.last_mut() {
                    let place = &mut checked.events[*event];
                    let problem = property(place, number, &name, value);
                    *wrong = wrong.take().or(problem.map(|problem| (number, problem)));
                }
                if value.trim().is_empty() && ["RRULE", "EXDATE", "RDATE"].contains(&name.as_str())
                {
                    continue;
                }
            }
        }
        checked.text.push_str(&line);
        checked.text.push_str("\r\n");
    }
    match open.last() {
        Some(Open { name, .. }) => {
            Err(format!("{} is missing: the file is cut short", quoted(&format!("END:{name}"))))
        }
        None if calendars == 0 => Err(NO_CALENDAR.to_owned()),
        None => Ok(checked),
    }
}

fn end(
    begun: Option<Open<'_>>,
    number: usize,
    line: &str,
    name: &str,
    events: &[Place],
) -> Result<(), String> {
    match begun {
        Some(Open { name: begun, event }) if begun.eq_ignore_ascii_case(name) => match event {
            Some((event, Some((at, problem)))) => Err(events[event].problem_at(at, &problem)),
            Some((_, None)) | None => Ok(()),
        },
        begun => {
            let begun = begun.map_or_else(String::new, |open| format!("END:{}", open.name));
            Err(format!("line {number}: {} stands where {} belongs", quoted(line), quoted(&begun)))
        }
    }
}

/// Takes down a property of an event; says what is wrong with it, so far as the crate would not.
fn property(place: &mut Place, number: usize, name: &str, value: &str) -> Option<String> {
    place.properties.push((name.to_owned(), number));
    match name {
        "SUMMARY" => place.summary = Some(plain(value)).filter(|text| !text.is_empty()),
        "UID" => place.uid = Some(plain(value)).filter(|text| !text.is_empty()),
        "RRULE" => return rule(value).err(),
        _ => {}
    }
    None
}

/// A text without its escapes.
fn plain(value: &str) -> String {
    let mut out = String::new();
    let mut chars = value.trim().chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push(' '),
                other => out.extend(other),
            },
            other => out.push(other),
        }
    }
    out
}

/// Whether all parts of a rule are known and within their ranges: the crate leaves out what it does not know, cuts
/// numbers to what fits, and takes 0 for none.
fn rule(value: &str) -> Result<(), String> {
    let mut seen: Vec<String> = Vec::new();
    for part in value.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (key, value) = (key.trim().to_ascii_uppercase(), value.trim());
        if matches!(key.as_str(), "RSCALE" | "SKIP") {
            return Err(format!("{key} in its RRULE is not supported"));
        }
        if key == "BYEASTER" {
            return Err(
                "BYEASTER in its RRULE is not supported: name the days with RDATE".to_owned()
            );
        }
        if !PARTS.contains(&key.as_str()) {
            let offer = nearest(&key, PARTS);
            let offer = offer.map_or_else(String::new, |near| format!(": did you mean {near}?"));
            return Err(format!("{} is not a part of an RRULE{offer}", quoted(&key)));
        }
        if seen.contains(&key) {
            return Err(format!("its RRULE has {key} twice"));
        }
        let wrong = || format!("{} in its RRULE is not a value of {key}", quoted(value));
        if value.is_empty()
            || !range(&key).is_none_or(|range| value.split(',').all(|n| is_in(n, &range)))
        {
            return Err(if value.is_empty() {
                format!("{key} in its RRULE has no value")
            } else {
                wrong()
            });
        }
        seen.push(key);
    }
    if !seen.is_empty() && !seen.iter().any(|key| key == "FREQ") {
        return Err("its RRULE has no FREQ".to_owned());
    }
    Ok(())
}

/// The numbers that a part may have, and whether they may be negative; `None` = it has none.
fn range(key: &str) -> Option<(std::ops::RangeInclusive<u32>, bool)> {
    Some(match key {
        "COUNT" => (1..=u32::MAX, false),
        "INTERVAL" => (1..=u32::from(u16::MAX), false),
        "BYSECOND" => (0..=60, false),
        "BYMINUTE" => (0..=59, false),
        "BYHOUR" => (0..=23, false),
        "BYMONTHDAY" => (1..=31, true),
        "BYYEARDAY" | "BYSETPOS" => (1..=366, true),
        "BYWEEKNO" => (1..=53, true),
        "BYMONTH" => (1..=12, false),
        _ => return None,
    })
}

fn is_in(number: &str, (range, signed): &(std::ops::RangeInclusive<u32>, bool)) -> bool {
    let number = number.trim();
    let digits = match number.strip_prefix(['-', '+']) {
        Some(digits) if *signed => digits,
        _ => number,
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && digits.parse().is_ok_and(|number| range.contains(&number))
}

/// The part before the value, and the value: behind the first colon that is not quoted.
fn split(line: &str) -> (&str, &str) {
    let mut quoted = false;
    let colon = line.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b':' && !quoted
    });
    colon.map_or((line, ""), |at| (&line[..at], &line[at + 1..]))
}

/// The lines of a file, each with its number, what is folded joined; empty ones are left out.
fn unfolded(text: &str) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let mut lines = (1..).zip(text.lines()).peekable();
    std::iter::from_fn(move || {
        let (number, first) = lines.find(|(_, line)| !line.trim().is_empty())?;
        let mut line = Cow::Borrowed(first);
        while let Some((_, next)) = lines.next_if(|(_, next)| next.starts_with([' ', '\t'])) {
            line.to_mut().push_str(&next[1..]);
        }
        Some((number, line))
    })
}

/// Programs fold lines after 75 bytes, some of them inside of a character: moves such folds behind it. Lines keep
/// their numbers.
pub(in crate::jobfile) fn with_whole_characters(bytes: Vec<u8>) -> Vec<u8> {
    if std::str::from_utf8(&bytes).is_ok() {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut missing) = (0, 0_u8);
    let mut moved: Vec<u8> = Vec::new();
    while let Some(&byte) = bytes.get(at) {
        let fold = fold_at(&bytes[at..]);
        let splits = bytes.get(at + fold).is_some_and(|next| next & 0xC0 == 0x80);
        if missing > 0 && fold > 0 && splits {
            moved.extend(&bytes[at..at + fold]);
            at += fold;
            continue;
        }
        out.push(byte);
        at += 1;
        missing = match byte {
            0xC2..=0xDF => 1,
            0xE0..=0xEF => 2,
            0xF0..=0xF4 => 3,
            0x80..=0xBF => missing.saturating_sub(1),
            _ => 0,
        };
        if missing == 0 {
            out.append(&mut moved);
        }
    }
    out.append(&mut moved);
    out
}

/// How long the fold is that bytes begin with; 0 = they do not.
fn fold_at(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', b' ' | b'\t', ..] => 3,
        [b'\n', b' ' | b'\t', ..] => 2,
        _ => 0,
    }
}
