//! An iCalendar file (RFC 5545) as the days that its events touch.
//!
//! The `calcard` crate reads the text and carries out the rules of repetition; here stands what a
//! day is to us, what is refused because the crate would pass over it in silence, and the bounds on
//! the work that a file can cause. Never does I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::dates::{CalendarEvent, TimeOrDelta};
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarFrequency, ICalendarProperty,
    ICalendarRecurrenceRule, ICalendarStatus, ICalendarValue,
};
use calcard::{Entry, Parser};
use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Timelike as _};

use super::diagnostics::quoted;

/// The years of schedules.
const FIRST_YEAR: u16 = 1970;
const LAST_YEAR: u16 = 2100;
/// How many events of a file may repeat.
const MOST_RULES: usize = 1_000;
/// How many days the events of a file may take together, those that are named twice, too.
const MOST_DAYS: usize = 200_000;

const NO_CALENDAR: &str = "is not an iCalendar file: they begin with BEGIN:VCALENDAR";

/// One time that an event happens.
type Instance = CalendarEvent<DateTime<Tz>, TimeOrDelta<DateTime<Tz>, TimeDelta>>;

/// The days of all events of a file, within the years of schedules.
///
/// # Errors
/// When it is no such file, or holds an event that cannot be read.
pub(super) fn days(text: &str) -> Result<BTreeSet<NaiveDate>, String> {
    let text = text.trim_start_matches('\u{feff}');
    judge_structure(text)?;
    let mut days = Days::default();
    let mut parser = Parser::new(text);
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => days.take(calendar)?,
            Entry::Eof => return Ok(days.days),
            _ => return Err(NO_CALENDAR.to_owned()),
        }
    }
}

/// Components begin and end in pairs, and the outer ones are calendars: the crate mends it as well
/// as it can, and would take a file that was cut short for a whole one.
fn judge_structure(text: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut calendars = 0;
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        let (word, name) = line.split_once(':').unwrap_or((line, ""));
        let begins = word.eq_ignore_ascii_case("BEGIN");
        if open.is_empty() {
            let outer = begins && name.eq_ignore_ascii_case("VCALENDAR");
            match calendars {
                _ if outer => calendars += 1,
                0 => return Err(NO_CALENDAR.to_owned()),
                _ => return Err(format!("{} stands outside of a calendar", quoted(line))),
            }
        }
        if begins {
            open.push(name);
        } else if word.eq_ignore_ascii_case("END") {
            match open.pop() {
                Some(begun) if begun.eq_ignore_ascii_case(name) => {}
                begun => {
                    let begun = quoted(&format!("END:{}", begun.unwrap_or_default()));
                    return Err(format!("{} stands where {begun} belongs", quoted(line)));
                }
            }
        }
    }
    match open.last() {
        Some(name) => {
            let end = quoted(&format!("END:{name}"));
            Err(format!("{end} is missing: the file is cut short"))
        }
        None if calendars == 0 => Err(NO_CALENDAR.to_owned()),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Days {
    days: BTreeSet<NaiveDate>,
    rules: usize,
    counted: usize,
}

impl Days {
    fn take(&mut self, calendar: ICalendar) -> Result<(), String> {
        let is_event = |component: &ICalendarComponent| {
            component.component_type == ICalendarComponentType::VEvent
        };
        // An event and what differs at some of its times have one UID: only these belong together.
        let mut events: BTreeMap<String, Vec<ICalendarComponent>> = BTreeMap::new();
        for (number, event) in calendar.components.into_iter().filter(is_event).enumerate() {
            let uid = event.uid().map_or_else(|| format!("\0{number}"), str::to_owned);
            events.entry(uid).or_default().push(event);
        }
        for event in events.into_values() {
            let name = event.first().map(name).unwrap_or_default();
            self.event(event).map_err(|problem| format!("event {name}: {problem}"))?;
        }
        Ok(())
    }

    /// Adds the days of an event, given as its definition and what differs at some of its times.
    fn event(&mut self, mut components: Vec<ICalendarComponent>) -> Result<(), String> {
        let mut left_out = BTreeSet::new();
        let mut exceptions = 0;
        for component in &mut components {
            self.rules += usize::from(component.has_property(&ICalendarProperty::Rrule));
            if self.rules > MOST_RULES {
                return Err(format!("more than {MOST_RULES} events of the file repeat"));
            }
            judge(component)?;
            left_out.extend(left_out_days(component));
            bound(component);
            let dates = component.properties(&ICalendarProperty::Exdate);
            exceptions += dates.map(|dates| dates.values.len()).sum::<usize>();
        }
        let event = ICalendar { components };
        let room = MOST_DAYS - self.counted;
        let expanded = event.expand_dates(Tz::Floating, room + 1);
        if let Some(error) = expanded.errors.first() {
            return Err(error.error.to_string());
        }
        if expanded.events.len() + exceptions > room {
            self.count(room + 1)?;
        }
        if expanded.events.is_empty() && exceptions == 0 {
            return Err("its RRULE names no day".to_owned());
        }
        for instance in &expanded.events {
            let component = event.components.get(instance.comp_id as usize);
            let cancelled = component.and_then(ICalendarComponent::status);
            let starts = instance.start.naive_local().date();
            if cancelled != Some(&ICalendarStatus::Cancelled) && !left_out.contains(&starts) {
                self.instance(instance)?;
            }
        }
        Ok(())
    }

    fn instance(&mut self, instance: &Instance) -> Result<(), String> {
        let start = instance.start.naive_local();
        let end = match &instance.end {
            TimeOrDelta::Time(end) => {
                Some(end.with_timezone(&instance.start.timezone()).naive_local())
            }
            TimeOrDelta::Delta(length) => start.checked_add_signed(*length),
        };
        let end = end.filter(|end| *end >= start).ok_or("it ends before it begins")?;
        // The end is not part of it; what has no length still happens on its day.
        let last = (end - TimeDelta::nanoseconds(1)).max(start).date();
        let first = NaiveDate::from_ymd_opt(FIRST_YEAR.into(), 1, 1).unwrap_or(start.date());
        let within = |day: &NaiveDate| *day <= last && day.year() <= LAST_YEAR.into();
        for day in start.date().max(first).iter_days().take_while(within) {
            self.count(1)?;
            self.days.insert(day);
        }
        Ok(())
    }

    fn count(&mut self, days: usize) -> Result<(), String> {
        self.counted += days;
        let message = || format!("the events of the file take more than {MOST_DAYS} days");
        if self.counted > MOST_DAYS { Err(message()) } else { Ok(()) }
    }
}

/// How an event is called in an error.
fn name(event: &ICalendarComponent) -> String {
    let text = |property| event.property(property)?.values.first()?.as_text();
    let name = text(&ICalendarProperty::Summary).or_else(|| text(&ICalendarProperty::Uid));
    quoted(name.unwrap_or("without SUMMARY and UID"))
}

/// Refuses what the crate would leave out without a word.
fn judge(event: &ICalendarComponent) -> Result<(), String> {
    let mut rules = 0;
    for entry in &event.entries {
        let name = entry.name.as_str();
        let legible = |value: &ICalendarValue| match (&entry.name, value) {
            (ICalendarProperty::Rrule, ICalendarValue::RecurrenceRule(_))
            | (ICalendarProperty::Duration, ICalendarValue::Duration(_))
            | (ICalendarProperty::Rdate, ICalendarValue::Period(_)) => true,
            (_, ICalendarValue::PartialDateTime(time)) => time.to_date_time().is_some(),
            _ => false,
        };
        let counts = matches!(
            entry.name,
            ICalendarProperty::Rrule
                | ICalendarProperty::Duration
                | ICalendarProperty::Dtstart
                | ICalendarProperty::Dtend
                | ICalendarProperty::RecurrenceId
                | ICalendarProperty::Rdate
                | ICalendarProperty::Exdate
        );
        if counts && (entry.values.is_empty() || !entry.values.iter().all(legible)) {
            return Err(format!("its {name} cannot be read"));
        }
        if name.eq_ignore_ascii_case("EXRULE") {
            return Err("EXRULE is not supported: name the days with EXDATE".to_owned());
        }
        for rule in entry.values.iter().filter_map(rule) {
            rules += 1;
            judge_rule(rule)?;
        }
    }
    if rules > 1 {
        return Err("it has more than one RRULE".to_owned());
    }
    Ok(())
}

fn rule(value: &ICalendarValue) -> Option<&ICalendarRecurrenceRule> {
    match value {
        ICalendarValue::RecurrenceRule(rule) => Some(rule),
        _ => None,
    }
}

fn judge_rule(rule: &ICalendarRecurrenceRule) -> Result<(), String> {
    use ICalendarFrequency::{Daily, Monthly, Weekly, Yearly};
    if !matches!(rule.freq, Yearly | Monthly | Weekly | Daily) {
        return Err("its RRULE repeats within a day: a calendar is made of days".to_owned());
    }
    if rule.rscale.is_some() || rule.skip.is_some() {
        return Err("RSCALE and SKIP in its RRULE are not supported".to_owned());
    }
    Ok(())
}

/// The days on which an event with a time of day is left out as a whole: the crate compares times
/// only.
fn left_out_days(event: &ICalendarComponent) -> Vec<NaiveDate> {
    let time = |value: &ICalendarValue| match value {
        ICalendarValue::PartialDateTime(time) => Some(time.as_ref().clone()),
        _ => None,
    };
    let start = event.property(&ICalendarProperty::Dtstart);
    let start = start.and_then(|start| start.values.first()).and_then(time);
    if start.is_none_or(|start| start.hour.is_none()) {
        return Vec::new();
    }
    let exceptions = event.properties(&ICalendarProperty::Exdate).flat_map(|entry| &entry.values);
    let days = exceptions.filter_map(time).filter(|time| time.hour.is_none());
    days.filter_map(|time| Some(time.to_date_time()?.date_time.date())).collect()
}

/// Ends what repeats for ever where schedules end, and makes what differs at some times belong to
/// the event whatever its SEQUENCE.
fn bound(event: &mut ICalendarComponent) {
    event.entries.retain(|entry| entry.name != ICalendarProperty::Sequence);
    let start = event.property(&ICalendarProperty::Dtstart);
    let zone = start.and_then(|start| start.tz_id()).and_then(|name| Tz::from_str(name).ok());
    for value in event.entries.iter_mut().flat_map(|entry| &mut entry.values) {
        let ICalendarValue::RecurrenceRule(rule) = value else { continue };
        let last_day = PartialDateTime {
            year: Some(LAST_YEAR),
            month: Some(12),
            day: Some(31),
            hour: Some(23),
            minute: Some(59),
            second: Some(59),
            ..PartialDateTime::default()
        };
        match &rule.until {
            Some(until) if until.year.is_some_and(|year| year <= LAST_YEAR) => {
                rule.until = Some(local(until, zone));
            }
            Some(_) => rule.until = Some(last_day),
            None if rule.count.is_none() => rule.until = Some(last_day),
            None => {}
        }
    }
}

/// An end in UTC as the wall time of the event's zone, which is what the crate compares with.
fn local(until: &PartialDateTime, zone: Option<Tz>) -> PartialDateTime {
    let instant = || Some(until.to_date_time_with_tz(Tz::UTC)?.with_timezone(&zone?));
    let Some(wall) = until.tz_hour.and_then(|_| instant()) else { return until.clone() };
    let small = |number: u32| u8::try_from(number).ok();
    PartialDateTime {
        year: u16::try_from(wall.year()).ok(),
        month: small(wall.month()),
        day: small(wall.day()),
        hour: small(wall.hour()),
        minute: small(wall.minute()),
        second: small(wall.second()),
        ..PartialDateTime::default()
    }
}
