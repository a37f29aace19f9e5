//! A schedule in its zone, with its modifiers, for one job: from any instant to the next fire time.
//!
//! Owns `start_at`, `end_at`, calendars and jitter. Never asks the clock: every instant comes in as
//! an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::cron::{mix, seed};
use super::error::ScheduleError;
use super::pattern::{ClockRule, Pattern};
use super::schedule::Schedule;
use super::text::{format_duration, nearest};
use super::wall_times::{self, Holidays, WallTimes};
use super::{canonical, zone};

/// The smallest step of time: an inclusive bound is an exclusive one this much earlier.
pub(super) const NANOSECOND: TimeDelta = TimeDelta::nanoseconds(1);

/// A schedule as text, with everything that modifies when it fires.
#[derive(Debug, Clone, Default)]
pub struct Timing<'a> {
    /// Fixes what `H` stands for and where jitter lands: the job's id, so that both are the same on
    /// every machine and after every restart.
    pub seed: &'a str,
    /// A cron expression or an English phrase.
    pub schedule: &'a str,
    /// The canonical form that the text was accepted with, if it shall not be read anew: see
    /// [`Timetable::canonical`].
    pub reading: Option<&'a str>,
    /// IANA name of the zone; `None` = the system's.
    pub timezone: Option<&'a str>,
    /// Which calendar the schedule obeys, and how.
    pub calendar: Option<CalendarRule<'a>>,
    /// The calendars there are, by name: for `calendar` and for `except holidays`.
    pub calendars: Calendars<'a>,
    /// Fire times are spread over this much, each by a fixed part of it.
    pub jitter: Option<Duration>,
    /// No fire time before this instant.
    pub start_at: Option<DateTime<Utc>>,
    /// No fire time after this instant.
    pub end_at: Option<DateTime<Utc>>,
}

/// How a schedule obeys a named calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarRule<'a> {
    /// No fire time on the calendar's days.
    Skip(&'a str),
    /// Fire times on the calendar's days only.
    Only(&'a str),
}

/// The days of a calendar, shared by all schedules that obey it.
pub type CalendarDays = Arc<BTreeSet<NaiveDate>>;

/// Calendars by name.
pub type Calendars<'a> = BTreeMap<&'a str, CalendarDays>;

/// A schedule in its zone, with its modifiers, for one job. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Timetable(Arc<Parts>);

#[derive(Debug)]
pub(super) struct Parts {
    pub(super) schedule: Schedule,
    pub(super) zone: Tz,
    pub(super) holidays: Option<Holidays>,
    /// The calendar rules in words.
    pub(super) calendar_words: Vec<String>,
    pub(super) start_at: Option<DateTime<Utc>>,
    pub(super) end_at: Option<DateTime<Utc>>,
    pub(super) jitter: Option<TimeDelta>,
    seed: u64,
}

impl Timetable {
    /// Reads a schedule with its modifiers; `system_zone` counts where no zone is named.
    ///
    /// # Errors
    /// When the schedule or zone cannot be read, the calendar is unknown, or it can never fire.
    pub fn new(timing: &Timing<'_>, system_zone: Tz) -> Result<Self, ScheduleError> {
        let text = timing.schedule;
        let seed = seed(timing.seed);
        let schedule = match timing.reading {
            Some(canonical) => Schedule::accepted(text, canonical)?,
            None => Schedule::parse_for(text, Some(seed))?,
        };
        let zone = match timing.timezone {
            Some(name) => zone::parse_zone(name)?,
            None => system_zone,
        };
        let (holidays, calendar_words) = holidays(timing, &schedule)?;
        let jitter = timing.jitter.and_then(|jitter| TimeDelta::from_std(jitter).ok());
        let parts = Parts {
            schedule,
            zone,
            holidays,
            calendar_words,
            start_at: timing.start_at,
            end_at: timing.end_at,
            jitter: jitter.filter(|jitter| *jitter > TimeDelta::zero()),
            seed,
        };
        parts.check(text)?;
        Ok(Self(Arc::new(parts)))
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0
    }

    /// The first fire time after an instant. Fire times rise strictly; where there is jitter, the
    /// spread instant is the fire time.
    #[must_use]
    pub fn fire_time_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.fire_time_after(after)
    }

    /// The schedule in plain English, zone and modifiers included: `At 09:30 on weekdays,
    /// Europe/Berlin`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let parts = &self.0;
        let mut words = parts.schedule.in_words();
        if self.is_reboot() {
            return words;
        }
        for rule in &parts.calendar_words {
            words.push_str(&format!(", {rule}"));
        }
        words.push_str(&format!(", {}", parts.zone.name()));
        if let Some(jitter) = parts.jitter.and_then(|jitter| jitter.to_std().ok()) {
            words.push_str(&format!(", spread over {}", format_duration(jitter)));
        }
        let shown = |at: DateTime<Utc>| {
            zone::tellable(at).with_timezone(&parts.zone).format("%Y-%m-%d %H:%M:%S")
        };
        if let Some(start) = parts.start_at {
            words.push_str(&format!(", from {}", shown(start)));
        }
        if let Some(end) = parts.end_at {
            words.push_str(&format!(", until {}", shown(end)));
        }
        words
    }

    /// The schedule, without zone and modifiers.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.0.schedule
    }

    /// A text that stands for the schedule's reading in every version: with it as
    /// [`Timing::reading`] the same timetable is made, whatever a later version makes of the text.
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical::write(&self.0.wall_times().pattern)
    }

    /// The zone that the schedule is read in.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.0.zone
    }

    /// Whether it fires once per boot of the machine; [`Timetable::fire_time_after`] is then always
    /// `None`.
    #[must_use]
    pub fn is_reboot(&self) -> bool {
        self.0.schedule.is_reboot()
    }
}

impl Parts {
    pub(super) fn wall_times(&self) -> &WallTimes {
        self.schedule.wall_times()
    }

    pub(super) fn fire_time_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Some(jitter) = self.jitter else {
            return self.base_after(after);
        };
        // The newest fire time before its spread that is not after `after` may, spread, still be to
        // come.
        let horizon = after.checked_sub_signed(jitter).unwrap_or(after);
        if let Some(base) = self.last_base(horizon, after) {
            let spread = self.spread(base, jitter);
            if spread > after {
                return Some(spread);
            }
        }
        self.base_after(after).map(|base| self.spread(base, jitter))
    }

    /// The newest base in `(horizon, until]`, by halving: one search tells on which side it lies.
    fn last_base(&self, horizon: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut last = self.base_after(horizon).filter(|base| *base <= until)?;
        let mut none_after = until;
        while none_after - last > TimeDelta::seconds(1) {
            let middle = last + (none_after - last) / 2;
            match self.base_after(middle).filter(|base| *base <= until) {
                Some(base) => last = base,
                None => none_after = middle,
            }
        }
        Some(self.base_after(last).filter(|base| *base <= until).unwrap_or(last))
    }

    /// Where a fire time lands: the same at every call, before the next one, not after the end, and on the day that
    /// the calendar let through.
    pub(super) fn spread(&self, base: DateTime<Utc>, jitter: TimeDelta) -> DateTime<Utc> {
        let unit = if jitter < TimeDelta::seconds(1) { 1 } else { 1000 };
        let mut room = jitter;
        if let Some(next) = self.base_after(base) {
            room = room.min(next - base - TimeDelta::milliseconds(unit));
        }
        if let Some(end) = self.end_at {
            room = room.min(end - base);
        }
        let next_day = zone::wall(self.zone, base).date().succ_opt();
        if let (Some(day), true) = (next_day, self.holidays.is_some()) {
            let midnight = zone::start_of_day(self.zone, day);
            room = room.min(midnight - base - TimeDelta::milliseconds(unit));
        }
        let places = u64::try_from(room.num_milliseconds() / unit).unwrap_or(0) + 1;
        let bits = mix(self.seed ^ mix(base.timestamp().cast_unsigned()));
        let place = i64::try_from(bits % places).unwrap_or(0);
        base + TimeDelta::milliseconds(place * unit)
    }

    /// The next fire time before it is spread.
    pub(super) fn base_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut from = after.max(wall_times::before_any_zone());
        if let Some(start) = self.start_at {
            from = from.max(start.checked_sub_signed(NANOSECOND).unwrap_or(start));
        }
        if from > wall_times::after_any_zone() {
            return None;
        }
        let base = self.unbounded_after(from)?;
        self.end_at.is_none_or(|end| base <= end).then_some(base)
    }

    fn unbounded_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let wall_times = self.wall_times();
        let next_wall = |wall| wall_times.next(wall, self.holidays.as_ref());
        match &wall_times.pattern {
            Pattern::Reboot => None,
            Pattern::Even { step, .. } => self.even_after(after, i64::from(*step)),
            Pattern::Once(_) | Pattern::Clock { rule: ClockRule::Fixed, .. } => {
                zone::next_fixed(self.zone, after, next_wall)
            }
            Pattern::Clock { rule: ClockRule::Wildcard, .. } => {
                zone::next_wildcard(self.zone, after, next_wall)
            }
        }
    }

    /// Even spacing from the epoch, on the days that count.
    fn even_after(&self, after: DateTime<Utc>, step: i64) -> Option<DateTime<Utc>> {
        let wall_times = self.wall_times();
        let multiple = |steps: i64| DateTime::from_timestamp(steps.checked_mul(step)?, 0);
        let mut candidate = multiple(after.timestamp().div_euclid(step) + 1)?;
        loop {
            let date = zone::wall(self.zone, candidate).date();
            if date > wall_times::last_day() {
                return None;
            }
            if wall_times.admits(date, self.holidays.as_ref()) {
                return Some(candidate);
            }
            let following = multiple(candidate.timestamp().div_euclid(step) + 1)?;
            if zone::begins_again(self.zone, date, candidate) {
                // The end of the day before is still to come once more: nothing may be leapt over.
                candidate = following;
                continue;
            }
            let day =
                wall_times.next(date.and_time(NaiveTime::MIN), self.holidays.as_ref())?.date();
            let start = zone::start_of_day(self.zone, day).timestamp();
            candidate = multiple((start - 1).div_euclid(step) + 1)?.max(following);
        }
    }

    /// Refuses what can never fire.
    fn check(&self, text: &str) -> Result<(), ScheduleError> {
        if self.schedule.is_reboot() {
            return Ok(());
        }
        if let (Some(start), Some(end)) = (self.start_at, self.end_at)
            && start > end
        {
            let message = "it never fires: start_at lies after end_at";
            return Err(ScheduleError::new(message, 0..text.len()));
        }
        let bounded = self.holidays.is_some() || self.start_at.is_some() || self.end_at.is_some();
        if bounded && self.base_after(DateTime::<Utc>::MIN_UTC).is_none() {
            let mut bounds: Vec<&str> = Vec::new();
            bounds.extend(self.holidays.is_some().then_some("the days of its calendar"));
            bounds.extend(self.start_at.is_some().then_some("start_at"));
            bounds.extend(self.end_at.is_some().then_some("end_at"));
            let message = format!("it never fires within {}", bounds.join(" and "));
            let error = ScheduleError::new(message, 0..text.len());
            return Err(error.understanding(self.schedule.in_words()));
        }
        Ok(())
    }
}

/// The calendar rules of a schedule: its own, and the one that `except holidays` means.
fn holidays(
    timing: &Timing<'_>,
    schedule: &Schedule,
) -> Result<(Option<Holidays>, Vec<String>), ScheduleError> {
    let calendars = &timing.calendars;
    let mut holidays = Holidays::default();
    let mut words = Vec::new();
    match timing.calendar {
        Some(CalendarRule::Skip(name)) => {
            holidays.skip = Some(calendar(calendars, name)?);
            words.push(format!("except on the days of `{name}`"));
        }
        Some(CalendarRule::Only(name)) => {
            holidays.only = Some(calendar(calendars, name)?);
            words.push(format!("only on the days of `{name}`"));
        }
        None => {}
    }
    if schedule.excepts_holidays() && holidays.skip.is_none() {
        let mut names = calendars.keys();
        let name = match (names.next(), names.next()) {
            (Some(name), None) => name,
            _ if calendars.contains_key("holidays") => "holidays",
            _ => {
                let message = "`except holidays` needs a calendar: give the job \
                               `calendar: {skip: NAME}`, or name a calendar `holidays`";
                return Err(ScheduleError::new(message, 0..schedule.text().len()));
            }
        };
        holidays.skip = Some(calendar(calendars, name)?);
    }
    let any = holidays.skip.is_some() || holidays.only.is_some();
    Ok((any.then_some(holidays), words))
}

fn calendar(calendars: &Calendars<'_>, name: &str) -> Result<CalendarDays, ScheduleError> {
    if let Some(days) = calendars.get(name) {
        return Ok(Arc::clone(days));
    }
    let error = ScheduleError::new(format!("no calendar is named `{name}`"), 0..0);
    Err(match nearest(name, calendars.keys().copied()) {
        Some(name) => error.suggest(name),
        None => error,
    })
}
