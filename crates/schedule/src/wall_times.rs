//! From one wall time to the next: the calendar.
//!
//! The `cron` crate does the search, in UTC only, where it is right and fast: it is given wall time
//! dressed as UTC. What its fields cannot hold is cut so that they can: a union of clauses, each
//! with exact conditions on the candidate day; times of day that are no product of hours and
//! minutes are arithmetic on the days it names. Its years end with 2100.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

use super::field_kind::{DAYS, FieldKind};
use super::intern::Interned;
use super::pattern::{Clause, Days, Pattern, Times};
use super::set::Set;

/// The year with which the calendar begins: nothing fires before it.
pub const FIRST_YEAR: i32 = 1970;
/// The year with which the calendar ends: nothing fires after it.
pub const LAST_YEAR: i32 = 2100;

const SECOND: TimeDelta = TimeDelta::seconds(1);
const DAY: TimeDelta = TimeDelta::days(1);

/// How many candidates one search may look at: far more than the days of the calendar, far less
/// than a second of work.
const MOST_CANDIDATES: u32 = 60_000;

/// Days that calendars take out, and the only ones they leave.
#[derive(Debug, Clone, Default)]
pub(super) struct Holidays {
    pub(super) skip: Option<Arc<BTreeSet<NaiveDate>>>,
    pub(super) only: Option<Arc<BTreeSet<NaiveDate>>>,
}

impl Holidays {
    pub(super) fn admits(&self, date: NaiveDate) -> bool {
        self.skip.as_ref().is_none_or(|days| !days.contains(&date))
            && self.only.as_ref().is_none_or(|days| days.contains(&date))
    }
}

/// A pattern made ready for searching; shared by all jobs that have it.
#[derive(Debug)]
pub(super) struct WallTimes {
    pub(super) pattern: Pattern,
    searches: Vec<Search>,
    /// The first wall time of the calendar; `None` = it never fires.
    pub(super) first: Option<NaiveDateTime>,
}

/// One clause with the crate's schedule for it.
#[derive(Debug)]
struct Search {
    clause: Clause,
    cron: cron::Schedule,
}

/// Patterns in use.
static KNOWN: Interned<Pattern, WallTimes> = Interned::new();

impl WallTimes {
    /// Makes a pattern ready, or finds it ready.
    pub(super) fn of(pattern: Pattern) -> Arc<Self> {
        if let Some(wall_times) = KNOWN.find(&pattern) {
            return wall_times;
        }
        let wall_times = Arc::new(Self::compile(pattern.clone()));
        KNOWN.keep(pattern, &wall_times);
        wall_times
    }

    fn compile(pattern: Pattern) -> Self {
        let searches = match &pattern {
            Pattern::Reboot | Pattern::Once(_) => Vec::new(),
            Pattern::Even { days, .. } => searches(days, &midnight()),
            Pattern::Clock { times, days, .. } => match times {
                Times::Fields { .. } => searches(days, times),
                Times::List(_) | Times::Window { .. } => searches(days, &midnight()),
            },
        };
        let mut wall_times = Self { pattern, searches, first: None };
        wall_times.first = wall_times.next(before_all(), None);
        wall_times
    }

    /// The first wanted wall time after `after`.
    pub(super) fn next(
        &self,
        after: NaiveDateTime,
        holidays: Option<&Holidays>,
    ) -> Option<NaiveDateTime> {
        let (times, days) = match &self.pattern {
            Pattern::Reboot => return None,
            Pattern::Once(at) => {
                let admitted = holidays.is_none_or(|holidays| holidays.admits(at.date()));
                return (*at > after && admitted).then_some(*at);
            }
            Pattern::Even { days, .. } => (None, days),
            Pattern::Clock { times, days, .. } => (Some(times), days),
        };
        let mut from = after.max(before_all());
        // A window that crosses midnight belongs to the day on which it opens: perhaps yesterday.
        let mut first_day = (from - DAY).date();
        for _ in 0..MOST_CANDIDATES {
            let (day, candidate) = match times {
                None | Some(Times::Fields { .. }) => {
                    let candidate = self.search(from)?;
                    (candidate.date(), candidate)
                }
                Some(times) => self.in_day(times, from, first_day)?,
            };
            let admitted = admitted_from(days, holidays, day)?;
            if admitted == day {
                return Some(candidate);
            }
            first_day = admitted;
            from = from.max(admitted.and_time(NaiveTime::MIN) - SECOND);
        }
        None
    }

    /// Whether a day is one of the pattern's.
    pub(super) fn admits(&self, date: NaiveDate, holidays: Option<&Holidays>) -> bool {
        let Some(days) = self.pattern.days() else {
            return holidays.is_none_or(|holidays| holidays.admits(date));
        };
        date <= last_day()
            && self.searches.iter().any(|search| search.clause.matches(date))
            && days.every.is_none_or(|every| every.matches(date))
            && holidays.is_none_or(|holidays| holidays.admits(date))
            && !days.except.contains(date)
    }

    /// The first candidate of any clause.
    fn search(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        self.searches.iter().filter_map(|search| search.next(after)).min()
    }

    /// For times that are no product of fields: the first of a day not before `first_day`, and the
    /// day it belongs to.
    fn in_day(
        &self,
        times: &Times,
        after: NaiveDateTime,
        first_day: NaiveDate,
    ) -> Option<(NaiveDate, NaiveDateTime)> {
        let mut from = first_day.and_time(NaiveTime::MIN) - SECOND;
        loop {
            let start = self.search(from)?;
            let past = after.signed_duration_since(start).num_seconds();
            if let Some(seconds) = times.first_after(past) {
                return Some((start.date(), start + TimeDelta::seconds(i64::from(seconds))));
            }
            from = start;
        }
    }
}

impl Times {
    /// The first time of a day later than `past` seconds after its midnight; not for
    /// [`Times::Fields`].
    fn first_after(&self, past: i64) -> Option<u32> {
        match self {
            Self::Fields { .. } => None,
            Self::List(times) => times.iter().copied().find(|time| i64::from(*time) > past),
            Self::Window { open, close, step } => {
                let since = past - i64::from(*open);
                let steps = if since < 0 { 0 } else { since.div_euclid(i64::from(*step)) + 1 };
                let time = i64::from(*open) + steps * i64::from(*step);
                u32::try_from(time).ok().filter(|time| time <= close)
            }
        }
    }

    /// Whether a time of day, in seconds after midnight, is one of these (a window's after midnight
    /// included).
    pub(super) fn contains(&self, time: u32) -> bool {
        match self {
            Self::Fields { seconds, minutes, hours } => {
                seconds.contains(time % 60)
                    && minutes.contains(time / 60 % 60)
                    && hours.contains(time / 3600)
            }
            Self::List(_) | Self::Window { .. } => {
                self.first_after(i64::from(time) - 1) == Some(time)
            }
        }
    }
}

impl Search {
    fn next(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut from = after;
        loop {
            let candidate = self.cron.after(&from.and_utc()).next()?.naive_utc();
            if !self.clause.is_coarse() || self.clause.is_exact(candidate.date()) {
                return Some(candidate);
            }
            from = candidate.date().and_time(NaiveTime::MIN) + DAY - SECOND;
        }
    }
}

/// The first day on or after `date` that neither rhythm, exceptions nor holidays forbid; it may
/// still be no day of the fields.
fn admitted_from(
    days: &Days,
    holidays: Option<&Holidays>,
    mut date: NaiveDate,
) -> Option<NaiveDate> {
    let last = last_day();
    while date <= last {
        let mut next = match days.every {
            Some(every) => every.next_from(date)?,
            None => date,
        };
        if let Some(only) = holidays.and_then(|holidays| holidays.only.as_ref()) {
            next = *only.range(next..).next()?;
        }
        if next == date {
            let skipped = holidays.is_some_and(|holidays| !holidays.admits(date));
            if !skipped && !days.except.contains(date) {
                return Some(date);
            }
            next = date.succ_opt()?;
        }
        date = next;
    }
    None
}

fn searches(days: &Days, times: &Times) -> Vec<Search> {
    let clauses = days.clauses();
    clauses
        .into_iter()
        .filter_map(|clause| {
            let cron = cron::Schedule::from_str(&crate_text(&clause, times)?).ok()?;
            Some(Search { clause, cron })
        })
        .collect()
}

/// The six fields in the crate's dialect: days of the week as names, because it counts them from 1
/// = Sunday.
fn crate_text(clause: &Clause, times: &Times) -> Option<String> {
    let Times::Fields { seconds, minutes, hours } = times else {
        return None;
    };
    let list = |set: Set, kind: FieldKind| {
        if set == kind.all() { "*".to_owned() } else { set.plain_text() }
    };
    let names: Vec<&str> = clause
        .dows
        .iter()
        .filter_map(|day| DAYS.get(usize::try_from(day).ok()?).copied())
        .collect();
    let every_day = clause.dows == FieldKind::DayOfWeek.all();
    Some(format!(
        "{} {} {} {} {} {}",
        list(*seconds, FieldKind::Second),
        list(*minutes, FieldKind::Minute),
        list(*hours, FieldKind::Hour),
        list(clause.doms, FieldKind::DayOfMonth),
        list(clause.months, FieldKind::Month),
        if every_day { "*".to_owned() } else { names.join(",") },
    ))
}

fn midnight() -> Times {
    Times::Fields { seconds: Set::one(0), minutes: Set::one(0), hours: Set::one(0) }
}

/// The second before the calendar begins.
fn before_all() -> NaiveDateTime {
    DateTime::<Utc>::UNIX_EPOCH.naive_utc() - SECOND
}

/// The last day of the calendar.
pub(super) fn last_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(LAST_YEAR, 12, 31).unwrap_or(NaiveDate::MAX)
}

/// An instant before the calendar begins in any zone.
pub(super) fn before_any_zone() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH - DAY
}

/// An instant at which the calendar has ended in every zone, a window open at midnight included.
pub(super) fn after_any_zone() -> DateTime<Utc> {
    (last_day().and_time(NaiveTime::MIN) + DAY * 3).and_utc()
}

/// Seconds after midnight.
pub(super) fn time_of_day(wall: NaiveDateTime) -> u32 {
    wall.num_seconds_from_midnight()
}
