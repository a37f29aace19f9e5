//! Why an instant does or does not match, field by field.

use std::fmt;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, TimeDelta, Utc};

use super::pattern::{ClockRule, Days, Pattern, Times};
use super::timetable::{Parts, Timetable};
use super::{as_cron, wall_times, words, zone};

/// Why an instant is, or is not, a fire time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Explanation {
    /// The instant in question.
    pub at: DateTime<Utc>,
    /// The same in the timetable's zone.
    pub local: DateTime<FixedOffset>,
    /// The zone's name.
    pub zone: String,
    /// The reading of the schedule.
    pub schedule: String,
    /// Whether it is a fire time.
    pub fires: bool,
    /// One verdict for each condition.
    pub verdicts: Vec<Verdict>,
    /// The first fire time after the instant, in the timetable's zone.
    pub next: Option<DateTime<FixedOffset>>,
}

/// What one condition says of the instant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Verdict {
    /// The condition: `minute`, `day of week`, `calendar`.
    pub field: String,
    /// What the instant has.
    pub found: String,
    /// What is wanted.
    pub wanted: String,
    /// Whether it fits.
    pub fits: bool,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fires = if self.fires { "is a fire time" } else { "is no fire time" };
        let local = self.local.format("%a %Y-%m-%d %H:%M:%S %:z");
        writeln!(f, "{local} ({}) {fires} of: {}", self.zone, self.schedule)?;
        for Verdict { field, found, wanted, fits } in &self.verdicts {
            let sign = if *fits { "yes" } else { "no " };
            writeln!(f, "  {sign}  {field}: {found}; wanted: {wanted}")?;
        }
        match self.next {
            Some(next) => write!(f, "  next: {}", next.format("%a %Y-%m-%d %H:%M:%S %:z")),
            None => write!(f, "  next: none"),
        }
    }
}

impl Timetable {
    /// Says field by field why an instant is, or is not, a fire time.
    #[must_use]
    pub fn explain(&self, at: DateTime<Utc>) -> Explanation {
        let parts = self.parts();
        let at = zone::tellable(at);
        let fires = self.fire_time_after(at - TimeDelta::nanoseconds(1)) == Some(at);
        let local = |at: DateTime<Utc>| at.with_timezone(&parts.zone).fixed_offset();
        Explanation {
            at,
            local: local(at),
            zone: parts.zone.name().to_owned(),
            schedule: parts.schedule.in_words(),
            fires,
            verdicts: verdicts(parts, at, fires),
            next: self.fire_time_after(at).map(local),
        }
    }
}

fn verdicts(parts: &Parts, at: DateTime<Utc>, fires: bool) -> Vec<Verdict> {
    let mut list = Verdicts(Vec::new());
    let wall = zone::wall(parts.zone, at);
    match &parts.wall_times().pattern {
        Pattern::Reboot => {
            list.add("boot", "an instant", "the first start after a boot", false);
        }
        Pattern::Once(once) => {
            list.add("time", &wall.to_string(), &once.to_string(), wall == *once);
        }
        Pattern::Even { step, days } => {
            let past = at.timestamp().rem_euclid(i64::from(*step));
            let found = format!("{past} s past a multiple of {step} s since 1970");
            list.add("interval", &found, "exactly on it", past == 0);
            list.days(days, wall);
        }
        Pattern::Clock { times, days, .. } => {
            list.times(times, wall);
            list.days(days, opening(times, wall));
        }
    }
    if parts.jitter.is_none() && at.timestamp_subsec_nanos() > 0 {
        let fraction = at.format("%S%.3f").to_string();
        list.add("fraction", &fraction, "a whole second", false);
    }
    list.modifiers(parts, at, wall);
    let all_fit = list.0.iter().all(|verdict| verdict.fits);
    if all_fit != fires {
        list.clocks(parts, fires);
    }
    list.0
}

/// A window that crosses midnight belongs to the day on which it opened.
fn opening(times: &Times, wall: NaiveDateTime) -> NaiveDateTime {
    let time = wall_times::time_of_day(wall);
    let crossed = !times.contains(time) && times.contains(time + 86_400);
    if crossed { wall - TimeDelta::days(1) } else { wall }
}

struct Verdicts(Vec<Verdict>);

impl Verdicts {
    fn add(&mut self, field: &str, found: &str, wanted: &str, fits: bool) {
        self.0.push(Verdict {
            field: field.to_owned(),
            found: found.to_owned(),
            wanted: wanted.to_owned(),
            fits,
        });
    }

    fn times(&mut self, times: &Times, wall: NaiveDateTime) {
        let time = wall_times::time_of_day(wall);
        if let Times::Fields { seconds, minutes, hours } = times {
            let fields = [
                ("second", time % 60, *seconds, 59),
                ("minute", time / 60 % 60, *minutes, 59),
                ("hour", time / 3600, *hours, 23),
            ];
            for (name, value, set, high) in fields {
                let wanted = set.field_text(0, high, true);
                self.add(name, &value.to_string(), &wanted, set.contains(value));
            }
        } else {
            let fits = times.contains(time) || times.contains(time + 86_400);
            self.add("time", &wall.time().to_string(), "one of its times of day", fits);
        }
    }

    fn days(&mut self, days: &Days, wall: NaiveDateTime) {
        let date = wall.date();
        let set = &days.months;
        let month = words::month_name(date.month());
        self.add("month", month, &set.field_text(1, 12, true), set.contains(date.month()));
        let found = format!(
            "{} the {}",
            words::day_name(date.weekday().num_days_from_sunday()),
            date.day()
        );
        let fits = days.clauses().iter().any(|clause| clause.matches(date));
        self.add("day", &found, &as_cron::day_fields(days), fits);
        if let Some(every) = days.every {
            self.add("rhythm", &date.to_string(), &words::every(every), every.matches(date));
        }
        if !days.except.is_empty() {
            let wanted = words::except_words(&days.except);
            self.add("except", &date.to_string(), wanted.trim(), !days.except.contains(date));
        }
    }

    fn modifiers(&mut self, parts: &Parts, at: DateTime<Utc>, wall: NaiveDateTime) {
        if let Some(holidays) = &parts.holidays {
            let date = wall.date();
            let wanted = match (&holidays.skip, &holidays.only) {
                (Some(_), None) => "no day of the calendar",
                (None, _) => "a day of the calendar",
                _ => "a day of the one calendar, none of the other",
            };
            self.add("calendar", &date.to_string(), wanted, holidays.admits(date));
        }
        if let Some(start) = parts.start_at {
            self.add("start_at", &at.to_string(), &format!("not before {start}"), at >= start);
        }
        if let Some(end) = parts.end_at {
            self.add("end_at", &at.to_string(), &format!("not after {end}"), at <= end);
        }
    }

    /// The fields do not tell all: a change of clocks, jitter, or a window that opened the day
    /// before.
    fn clocks(&mut self, parts: &Parts, fires: bool) {
        if parts.jitter.is_some() {
            let found = if fires { "moved here" } else { "not this instant" };
            self.add("jitter", found, "the instant chosen by job id and fire time", fires);
            return;
        }
        let rule = match &parts.wall_times().pattern {
            Pattern::Clock { rule: ClockRule::Wildcard, .. } | Pattern::Even { .. } => {
                "an interval counts on through a change of clocks"
            }
            _ => "a clock time inside a gap fires at its end, in a repeated hour once",
        };
        let found = if fires { "fires by the rule" } else { "passed over by the rule" };
        self.add("clocks", found, rule, fires);
    }
}
