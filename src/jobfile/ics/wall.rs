//! The times of an event as wall times of one zone, its own: what a day is made of.
//!
//! Owns the way there: other zones and UTC are converted, and every value loses its zone. So no time can fall into a
//! change of the clocks, which the crate would refuse, and what leaves a day out is compared with what stands there.

use std::str::FromStr as _;

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendarComponent, ICalendarEntry, ICalendarParameterName, ICalendarPeriod, ICalendarProperty,
    ICalendarValue,
};
use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeDelta, TimeZone as _, Timelike as _};

/// What the times of an event are told in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clock {
    /// Its first time, already as a wall time.
    pub(super) start: PartialDateTime,
    /// `None` = wherever one is.
    zone: Option<Tz>,
}

impl Clock {
    /// The clock of an event; `None` where it has no start.
    pub(super) fn of(event: &ICalendarComponent, property: &ICalendarProperty) -> Option<Self> {
        let entry = event.property(property)?;
        let start = entry.values.first().and_then(time)?;
        let zone = if start.tz_hour.is_some() { Some(Tz::UTC) } else { zone_of(entry) };
        let zone = zone.filter(|_| start.hour.is_some());
        let start =
            PartialDateTime { tz_hour: None, tz_minute: None, tz_minus: false, ..start.clone() };
        Some(Self { start, zone })
    }

    /// Whether it lasts whole days.
    pub(super) fn is_all_day(&self) -> bool {
        self.start.hour.is_none()
    }

    /// A time of another clock, on this one.
    pub(super) fn wall(&self, time: &PartialDateTime, written_in: Option<Tz>) -> PartialDateTime {
        let bare =
            PartialDateTime { tz_hour: None, tz_minute: None, tz_minus: false, ..time.clone() };
        let (Some(zone), true) = (self.zone, time.hour.is_some()) else { return bare };
        let instant = if time.tz_hour.is_some() {
            time.to_date_time_with_tz(Tz::UTC)
        } else {
            let other = written_in.filter(|other| *other != zone);
            other.and_then(|other| instant(other, bare.to_date_time()?.date_time))
        };
        instant.map_or(bare, |instant| partial(instant.with_timezone(&zone).naive_local()))
    }

    /// A time that names one of the event's own: of the same form as they are.
    fn named(&self, time: &PartialDateTime, written_in: Option<Tz>) -> PartialDateTime {
        if self.is_all_day() {
            // It counts as its date, as it is written.
            return PartialDateTime {
                hour: None,
                minute: None,
                second: None,
                ..self.wall(time, None)
            };
        }
        self.wall(time, written_in)
    }
}

/// Writes all times of an event on its own clock, and what names a time of its series on the series' clock.
pub(super) fn flatten(event: &mut ICalendarComponent, own: &Clock, series: &Clock) {
    for entry in &mut event.entries {
        let zone = zone_of(entry);
        let convert = |time: &PartialDateTime| match entry.name {
            ICalendarProperty::RecurrenceId => {
                let named = series.named(time, zone);
                // A date names the time of that day.
                let PartialDateTime { hour, minute, second, .. } = series.start;
                if named.hour.is_some() {
                    named
                } else {
                    PartialDateTime { hour, minute, second, ..named }
                }
            }
            ICalendarProperty::Exdate => own.named(time, zone),
            _ => own.wall(time, zone),
        };
        if !is_time(&entry.name) {
            continue;
        }
        for value in &mut entry.values {
            match value {
                ICalendarValue::PartialDateTime(time) => **time = convert(time),
                ICalendarValue::Period(period) => match period {
                    ICalendarPeriod::Range { start, end } => {
                        (*start, *end) = (convert(start), convert(end));
                    }
                    ICalendarPeriod::Duration { start, .. } => *start = convert(start),
                },
                _ => {}
            }
        }
        entry.params.retain(|param| param.name != ICalendarParameterName::Tzid);
    }
}

fn is_time(property: &ICalendarProperty) -> bool {
    matches!(
        property,
        ICalendarProperty::Dtstart
            | ICalendarProperty::Dtend
            | ICalendarProperty::RecurrenceId
            | ICalendarProperty::Rdate
            | ICalendarProperty::Exdate
    )
}

pub(super) fn time(value: &ICalendarValue) -> Option<&PartialDateTime> {
    match value {
        ICalendarValue::PartialDateTime(time) => Some(time),
        _ => None,
    }
}

fn zone_of(entry: &ICalendarEntry) -> Option<Tz> {
    Tz::from_str(entry.tz_id()?).ok()
}

/// The instant of a wall time: of two the first, of none the one that the clock would have shown before its change.
fn instant(zone: Tz, wall: NaiveDateTime) -> Option<DateTime<Tz>> {
    let at = |hours| zone.from_local_datetime(&(wall + TimeDelta::hours(hours))).earliest();
    (0..=3).find_map(at)
}

fn partial(wall: NaiveDateTime) -> PartialDateTime {
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
