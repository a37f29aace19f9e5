//! An iCalendar file (RFC 5545) as the days that its events touch.
//!
//! The `calcard` crate reads the text and carries out the rules of repetition; here stands what a
//! day is to us, what is refused because the crate would pass over it in silence, and the bounds on
//! the work that a file can cause. `text` looks at the lines before the crate does, `wall` brings
//! the times of an event to one zone. Never does I/O.

mod text;
mod wall;

use std::collections::{BTreeMap, BTreeSet};

use calcard::common::timezone::Tz;
use calcard::common::{IanaString as _, PartialDateTime};
use calcard::datecalc::error::{RRuleError, ValidationError};
use calcard::icalendar::dates::{CalendarErrorType, CalendarEvent, TimeOrDelta};
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarFrequency, ICalendarProperty,
    ICalendarRecurrenceRule, ICalendarStatus, ICalendarValue,
};
use calcard::{Entry, Parser};
use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta};

use self::text::Place;
use self::wall::{Clock, flatten, time};

pub(super) use self::text::with_whole_characters;

/// The years of schedules.
const FIRST_YEAR: u16 = 1970;
const LAST_YEAR: u16 = 2100;
/// How many events of a file may repeat.
const MOST_RULES: usize = 1_000;
/// How many days the events of a file may take together, those that are named twice, too.
const MOST_DAYS: usize = 200_000;

/// One time that an event happens.
type Instance = CalendarEvent<DateTime<Tz>, TimeOrDelta<DateTime<Tz>, TimeDelta>>;

/// What is wrong with an event: the property that it is about, and a sentence.
type Wrong = (&'static str, String);

/// The days of all events of a file, within the years of schedules.
///
/// # Errors
/// When it is no such file, or holds an event that cannot be read: with its line.
pub(super) fn days(text: &str) -> Result<BTreeSet<NaiveDate>, String> {
    let checked = text::check(text.trim_start_matches('\u{feff}'))?;
    let mut days = Days::default();
    let mut places = checked.events.into_iter();
    let mut parser = Parser::new(&checked.text);
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => days.take(calendar, &mut places)?,
            Entry::Eof => return Ok(days.days),
            _ => return Err("cannot be read as an iCalendar file".to_owned()),
        }
    }
}

#[derive(Default)]
struct Days {
    days: BTreeSet<NaiveDate>,
    rules: usize,
    counted: usize,
}

/// An event as its definition and what differs at some of its times, each with its place.
type Series = Vec<(ICalendarComponent, Place)>;

impl Days {
    fn take(
        &mut self,
        calendar: ICalendar,
        places: &mut impl Iterator<Item = Place>,
    ) -> Result<(), String> {
        let is_event = |component: &ICalendarComponent| {
            component.component_type == ICalendarComponentType::VEvent
        };
        // An event and what differs at some of its times have one UID: only these belong together.
        let mut events: BTreeMap<String, Series> = BTreeMap::new();
        for (number, event) in calendar.components.into_iter().filter(is_event).enumerate() {
            let place = places.next().unwrap_or_default();
            let uid = event.uid().map_or_else(|| format!("\0{number}"), str::to_owned);
            events.entry(uid).or_default().push((event, place));
        }
        events.into_values().try_for_each(|series| self.series(series))
    }

    /// Adds the days of an event.
    fn series(&mut self, mut series: Series) -> Result<(), String> {
        // What was called off and says not even when cannot be taken off the days of others.
        series.retain(|(event, _)| !is_cancelled(event) || clock(event).is_some());
        let is_master =
            |event: &ICalendarComponent| !event.has_property(&ICalendarProperty::RecurrenceId);
        let master = series.iter().find(|(event, _)| is_master(event)).and_then(|(e, _)| clock(e));
        let mut left_out = BTreeSet::new();
        for (event, place) in &mut series {
            let at = |(property, message): Wrong| place.problem(property, &message);
            self.rules += usize::from(event.has_property(&ICalendarProperty::Rrule));
            if self.rules > MOST_RULES {
                let message = format!("more than {MOST_RULES} events of the file repeat");
                return Err(at(("RRULE", message)));
            }
            check(event).map_err(at)?;
            let Some(own) = clock(event) else {
                return Err(at(("", "it has no DTSTART".to_owned())));
            };
            flatten(event, &own, master.as_ref().unwrap_or(&own));
            left_out.extend(left_out_days(event, &own));
            left_out.extend(bound(event, &own));
        }
        let (components, places): (Vec<_>, Vec<_>) = series.into_iter().unzip();
        self.expand(ICalendar { components }, &places, &left_out)
    }

    fn expand(
        &mut self,
        event: ICalendar,
        places: &[Place],
        left_out: &BTreeSet<NaiveDate>,
    ) -> Result<(), String> {
        let problem = |component: u32, (property, message): Wrong| {
            let place = places.get(component as usize).cloned().unwrap_or_default();
            place.problem(property, &message)
        };
        let room = MOST_DAYS - self.counted;
        let expanded = event.expand_dates(Tz::Floating, room + 1);
        if let Some(error) = expanded.errors.first() {
            return Err(problem(error.comp_id, in_our_words(&error.error)));
        }
        let dates = event.components.iter().flat_map(|component| {
            component.properties(&ICalendarProperty::Exdate).map(|dates| dates.values.len())
        });
        let exceptions: usize = dates.sum();
        if expanded.events.len() + exceptions > room {
            self.count(room + 1).map_err(|wrong| problem(0, wrong))?;
        }
        if expanded.events.is_empty() && exceptions == 0 && event.components.iter().any(is_endless)
        {
            return Err(problem(0, ("RRULE", "its RRULE names no day".to_owned())));
        }
        for instance in &expanded.events {
            let component = event.components.get(instance.comp_id as usize);
            let starts = instance.start.naive_local().date();
            if !component.is_some_and(is_cancelled) && !left_out.contains(&starts) {
                self.instance(instance).map_err(|wrong| problem(instance.comp_id, wrong))?;
            }
        }
        Ok(())
    }

    fn instance(&mut self, instance: &Instance) -> Result<(), Wrong> {
        let start = instance.start.naive_local();
        let end = match &instance.end {
            TimeOrDelta::Time(end) => {
                Some(end.with_timezone(&instance.start.timezone()).naive_local())
            }
            TimeOrDelta::Delta(length) => start.checked_add_signed(*length),
        };
        let backwards = || ("DTEND|DURATION", "it ends before it begins".to_owned());
        let end = end.filter(|end| *end >= start).ok_or_else(backwards)?;
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

    fn count(&mut self, days: usize) -> Result<(), Wrong> {
        self.counted += days;
        let message = || format!("the events of the file take more than {MOST_DAYS} days");
        if self.counted > MOST_DAYS { Err(("RRULE|DTSTART", message())) } else { Ok(()) }
    }
}

/// The clock of an event; of one that differs at a time and has no start: of that time.
fn clock(event: &ICalendarComponent) -> Option<Clock> {
    Clock::of(event, &ICalendarProperty::Dtstart)
        .or_else(|| Clock::of(event, &ICalendarProperty::RecurrenceId))
}

fn is_cancelled(event: &ICalendarComponent) -> bool {
    event.status() == Some(&ICalendarStatus::Cancelled)
}

/// Whether it repeats, and only our bound ends it.
fn is_endless(event: &ICalendarComponent) -> bool {
    let last_day = last_day();
    let rules = event.entries.iter().flat_map(|entry| &entry.values).filter_map(rule);
    rules.into_iter().any(|rule| rule.until.is_none() || rule.until.as_ref() == Some(&last_day))
}

/// Refuses what the crate would leave out without a word.
fn check(event: &ICalendarComponent) -> Result<(), Wrong> {
    let mut rules = 0;
    for entry in &event.entries {
        let legible = |value: &ICalendarValue| match (&entry.name, value) {
            (ICalendarProperty::Rrule, ICalendarValue::RecurrenceRule(_))
            | (ICalendarProperty::Duration, ICalendarValue::Duration(_))
            | (ICalendarProperty::Rdate, ICalendarValue::Period(_)) => true,
            (_, ICalendarValue::PartialDateTime(time)) => time.to_date_time().is_some(),
            _ => false,
        };
        let name = match entry.name {
            ICalendarProperty::Rrule => "RRULE",
            ICalendarProperty::Duration => "DURATION",
            ICalendarProperty::Dtstart => "DTSTART",
            ICalendarProperty::Dtend => "DTEND",
            ICalendarProperty::RecurrenceId => "RECURRENCE-ID",
            ICalendarProperty::Rdate => "RDATE",
            ICalendarProperty::Exdate => "EXDATE",
            ref other if other.as_str().eq_ignore_ascii_case("EXRULE") => {
                let message = "EXRULE is not supported: name the days with EXDATE";
                return Err(("EXRULE", message.to_owned()));
            }
            _ => continue,
        };
        if entry.values.is_empty() || !entry.values.iter().all(legible) {
            return Err((name, format!("its {name} cannot be read")));
        }
        for rule in entry.values.iter().filter_map(rule) {
            rules += 1;
            check_rule(rule)?;
        }
    }
    if rules > 1 {
        return Err(("RRULE", "it has more than one RRULE".to_owned()));
    }
    Ok(())
}

fn rule(value: &ICalendarValue) -> Option<&ICalendarRecurrenceRule> {
    match value {
        ICalendarValue::RecurrenceRule(rule) => Some(rule),
        _ => None,
    }
}

fn check_rule(rule: &ICalendarRecurrenceRule) -> Result<(), Wrong> {
    use ICalendarFrequency::{Daily, Monthly, Weekly, Yearly};
    if !matches!(rule.freq, Yearly | Monthly | Weekly | Daily) {
        let message = "its RRULE repeats within a day: a calendar is made of days";
        return Err(("RRULE", message.to_owned()));
    }
    if rule.until.as_ref().is_some_and(|until| until.to_date_time().is_none()) {
        return Err(("RRULE", "UNTIL in its RRULE is not a date".to_owned()));
    }
    Ok(())
}

/// The days on which an event with a time of day is left out as a whole: the crate compares times
/// only.
fn left_out_days(event: &ICalendarComponent, own: &Clock) -> Vec<NaiveDate> {
    if own.is_all_day() {
        return Vec::new();
    }
    let exceptions = event.properties(&ICalendarProperty::Exdate).flat_map(|entry| &entry.values);
    let days = exceptions.filter_map(time).filter(|time| time.hour.is_none());
    days.filter_map(|time| Some(time.to_date_time()?.date_time.date())).collect()
}

/// Ends what repeats for ever where schedules end, and makes what differs at some times belong to
/// the event whatever its SEQUENCE. A rule that ends before the event begins names no day: it is
/// taken off, and the day that goes with it is given.
fn bound(event: &mut ICalendarComponent, own: &Clock) -> Option<NaiveDate> {
    event.entries.retain(|entry| entry.name != ICalendarProperty::Sequence);
    let start = own.start.to_date_time()?.date_time;
    let mut is_over = false;
    for value in event.entries.iter_mut().flat_map(|entry| &mut entry.values) {
        let ICalendarValue::RecurrenceRule(rule) = value else { continue };
        rule.until = match rule.until.take() {
            Some(until) if until.year.is_some_and(|year| year <= LAST_YEAR) => {
                Some(last_moment(&until, own))
            }
            None if rule.count.is_some() => None,
            Some(_) | None => Some(last_day()),
        };
        let until = rule.until.as_ref().and_then(PartialDateTime::to_date_time);
        is_over |= until.is_some_and(|until| until.date_time < start);
    }
    if is_over {
        event.entries.retain(|entry| entry.name != ICalendarProperty::Rrule);
    }
    is_over.then_some(start.date())
}

/// The end of a rule on the clock of its event: a date includes that day.
fn last_moment(until: &PartialDateTime, own: &Clock) -> PartialDateTime {
    let until = own.wall(until, None);
    let end_of_day =
        |until| PartialDateTime { hour: Some(23), minute: Some(59), second: Some(59), ..until };
    if own.is_all_day() || until.hour.is_none() { end_of_day(until) } else { until }
}

fn last_day() -> PartialDateTime {
    PartialDateTime {
        year: Some(LAST_YEAR),
        month: Some(12),
        day: Some(31),
        hour: Some(23),
        minute: Some(59),
        second: Some(59),
        ..PartialDateTime::default()
    }
}

/// What the crate says of an event.
fn in_our_words(error: &CalendarErrorType) -> Wrong {
    let rule = |message: String| ("RRULE", message);
    match error {
        CalendarErrorType::MissingDtStart => ("", "it has no DTSTART".to_owned()),
        CalendarErrorType::InvalidDtStart => ("DTSTART", "its DTSTART cannot be read".to_owned()),
        CalendarErrorType::InvalidDtEnd => ("DTEND", "its DTEND cannot be read".to_owned()),
        CalendarErrorType::InvalidDuration => ("DURATION", "its DURATION is too long".to_owned()),
        CalendarErrorType::RRule(RRuleError::ValidationError(error)) => rule(match error {
            ValidationError::BySetPosWithoutByRule => {
                "BYSETPOS in its RRULE needs another part that begins with BY".to_owned()
            }
            ValidationError::InvalidByRuleAndFrequency { by_rule, freq } => {
                format!("{by_rule} cannot stand in an RRULE with FREQ={}", freq.as_str())
            }
            ValidationError::InvalidFieldValue { field, value }
            | ValidationError::InvalidFieldValueRange { field, value, .. }
            | ValidationError::InvalidFieldValueRangeWithFreq { field, value, .. } => {
                format!("`{value}` in its RRULE is not a value of {field}")
            }
            ValidationError::TooBigInterval(interval) => {
                format!("INTERVAL={interval} in its RRULE is too long")
            }
            ValidationError::StartYearOutOfRange(year) => format!("it begins in the year {year}"),
            ValidationError::UntilBeforeStart { .. }
            | ValidationError::UnableToGenerateTimeset
            | ValidationError::InvalidByRuleWithByEaster
            | ValidationError::DtStartUntilMismatchTimezone { .. } => {
                "its RRULE cannot be carried out".to_owned()
            }
        }),
        CalendarErrorType::RRule(RRuleError::IterError(_)) => {
            rule("its RRULE cannot be carried out".to_owned())
        }
    }
}
