//! All fire times of a span at once: how many there are, and the newest of them.
//!
//! Owns the arithmetic on whole days, so that what passed while nobody looked costs time for its
//! days, not for its fire times. It says what [`Timetable::fire_time_after`] would, asked again and
//! again; the rules for changes of clocks are `zone`'s, those for days `wall_times`'.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::pattern::{ClockRule, Pattern, Times};
use super::set::Set;
use super::timetable::{NANOSECOND, Parts, Timetable};
use super::wall_times;
use super::zone::{self, Stretch};

/// Seconds of a day of 24 hours.
const DAY: i64 = 86_400;

/// The fire times of a span of time; there is at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FireTimes {
    /// The oldest.
    pub first: DateTime<Utc>,
    /// The newest.
    pub last: DateTime<Utc>,
    /// How many there are, these two included.
    pub count: u64,
}

impl Timetable {
    /// The fire times after `after` up to and including `until`; `None` when there are none.
    ///
    /// Exact, with jitter too, in time that grows with the days between the two instants, however
    /// many fire times a day has.
    #[must_use]
    pub fn fire_times(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<FireTimes> {
        let parts = self.parts();
        let first = parts.fire_time_after(after).filter(|first| *first <= until)?;
        let last = parts.newest(after, until, 1).first().copied().unwrap_or(first);
        let mut count = parts.count_bases(after, until);
        if let Some(jitter) = parts.jitter {
            // The one before each end may be spread over it.
            let over = |end| {
                let base = parts.newest_bases(earlier(end, jitter), end, 1).first().copied();
                i64::from(base.is_some_and(|base| parts.spread(base, jitter) > end))
            };
            count += over(after) - over(until);
        }
        Some(FireTimes { first, last, count: u64::try_from(count).unwrap_or(0) })
    }

    /// The newest fire times after `after` up to and including `until`, at most so many, oldest
    /// first. Takes time for the days between the two instants and for the fire times it gives.
    #[must_use]
    pub fn newest_fire_times(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
        most: usize,
    ) -> Vec<DateTime<Utc>> {
        let mut newest = self.parts().newest(after, until, most);
        newest.reverse();
        newest
    }
}

impl Parts {
    /// The newest fire times in `(after, until]`, at most so many, newest first.
    fn newest(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
        most: usize,
    ) -> Vec<DateTime<Utc>> {
        let Some(jitter) = self.jitter else {
            return self.newest_bases(after, until, most);
        };
        // The newest may be spread over the end.
        let bases = self.newest_bases(earlier(after, jitter), until, most.saturating_add(1));
        let spread = bases.into_iter().map(|base| self.spread(base, jitter));
        spread.filter(|at| *at > after && *at <= until).take(most).collect()
    }

    fn count_bases(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> i64 {
        if matches!(self.wall_times().pattern, Pattern::Once(_)) {
            return i64::from(self.once_within(after, until).is_some());
        }
        let stretches = self.stretches(after, until);
        let counts = stretches.into_iter().map(|stretch| {
            let count = self.days(stretch).map(|day| day.count()).sum::<i64>();
            if stretch.gap { count.min(1) } else { count }
        });
        counts.sum()
    }

    /// The newest bases in `(after, until]`, at most so many, newest first.
    fn newest_bases(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
        most: usize,
    ) -> Vec<DateTime<Utc>> {
        if matches!(self.wall_times().pattern, Pattern::Once(_)) {
            return self.once_within(after, until).into_iter().take(most).collect();
        }
        let seconds = self.stretches(after, until).into_iter().rev().flat_map(|stretch| {
            let days = self.days(stretch).rev();
            let seconds = days.flat_map(Day::backwards);
            let in_gap = move |second| if stretch.gap { stretch.from } else { second };
            seconds.map(in_gap).take(if stretch.gap { 1 } else { usize::MAX })
        });
        seconds.take(most).filter_map(|second| DateTime::from_timestamp(second, 0)).collect()
    }

    fn once_within(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.base_after(after).filter(|base| *base <= until)
    }

    /// `(after, until]` within the bounds of the job and of the calendar.
    fn stretches(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Stretch> {
        let mut after = after.max(wall_times::before_any_zone());
        let mut until = until.min(wall_times::after_any_zone());
        if let Some(start) = self.start_at {
            after = after.max(start.checked_sub_signed(NANOSECOND).unwrap_or(start));
        }
        if let Some(end) = self.end_at {
            until = until.min(end);
        }
        let (from, to) = (after.timestamp() + 1, until.timestamp());
        if from > to {
            return Vec::new();
        }
        match &self.wall_times().pattern {
            Pattern::Reboot | Pattern::Once(_) => Vec::new(),
            Pattern::Clock { rule: ClockRule::Fixed, .. } => {
                zone::fixed_stretches(self.zone, from, to)
            }
            Pattern::Even { .. } | Pattern::Clock { rule: ClockRule::Wildcard, .. } => {
                zone::stretches(self.zone, from, to)
            }
        }
    }

    /// The days of a stretch on which something may fire.
    fn days(&self, stretch: Stretch) -> impl DoubleEndedIterator<Item = Day<'_>> {
        let kind = match &self.wall_times().pattern {
            Pattern::Clock { times, .. } => Kind::Clock(times),
            Pattern::Even { step, .. } => Kind::Even(i64::from(*step)),
            Pattern::Reboot | Pattern::Once(_) => Kind::Even(i64::MAX),
        };
        let day_of = move |instant: i64| (instant + stretch.offset).div_euclid(DAY);
        let (mut first, last) = (day_of(stretch.from), day_of(stretch.to));
        if let Kind::Clock(times) = kind {
            // The calendar begins with 1970; a window that crosses midnight belongs to the day on
            // which it opens.
            first = (first - times.latest().div_euclid(DAY)).max(0);
        }
        (first..=last).filter_map(move |day| {
            let date = NaiveDate::from_epoch_days(i32::try_from(day).ok()?)?;
            let midnight = day * DAY - stretch.offset;
            let end = stretch.to.min(match kind {
                Kind::Clock(_) => i64::MAX,
                Kind::Even(_) => midnight + DAY - 1,
            });
            let admitted = self.wall_times().admits(date, self.holidays.as_ref());
            admitted.then_some(Day { kind, midnight, from: stretch.from.max(midnight), to: end })
        })
    }
}

/// A day, or what a stretch leaves of it, in seconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
struct Day<'a> {
    kind: Kind<'a>,
    midnight: i64,
    /// The first instant that counts.
    from: i64,
    /// The last instant that counts.
    to: i64,
}

#[derive(Debug, Clone, Copy)]
enum Kind<'a> {
    Clock(&'a Times),
    /// Seconds between two multiples, counted from the Unix epoch.
    Even(i64),
}

impl<'a> Day<'a> {
    fn count(self) -> i64 {
        match self.kind {
            Kind::Clock(times) => {
                let before = |instant: i64| times.count_below(instant - self.midnight);
                before(self.to + 1) - before(self.from)
            }
            Kind::Even(step) => self.to.div_euclid(step) - (self.from - 1).div_euclid(step),
        }
    }

    /// Its instants, the last one first.
    fn backwards(self) -> impl Iterator<Item = i64> + use<'a> {
        let before = move |end: i64| {
            let found = match self.kind {
                Kind::Clock(times) => self.midnight + times.last_below(end - self.midnight)?,
                Kind::Even(step) => (end - 1).div_euclid(step) * step,
            };
            (found >= self.from).then_some(found)
        };
        std::iter::successors(before(self.to + 1), move |at| before(*at))
    }
}

impl Times {
    /// The latest time, in seconds after midnight.
    fn latest(&self) -> i64 {
        match self {
            Self::Fields { .. } => DAY - 1,
            Self::List(times) => times.last().copied().map_or(0, i64::from),
            Self::Window { close, .. } => i64::from(*close),
        }
    }

    /// How many times lie before `end`, in seconds after midnight.
    fn count_below(&self, end: i64) -> i64 {
        match self {
            Self::Fields { seconds, minutes, hours } => {
                let [hour, minute, second] = clock(end.clamp(0, DAY));
                let count = |set: Set| i64::try_from(set.len()).unwrap_or(0);
                let within = |set: Set, value: u32| i64::from(set.contains(value));
                let in_minute = count(seconds.below(second));
                let in_hour = count(minutes.below(minute)) * count(*seconds)
                    + within(*minutes, minute) * in_minute;
                count(hours.below(hour)) * count(*minutes) * count(*seconds)
                    + within(*hours, hour) * in_hour
            }
            Self::List(times) => {
                let below = times.partition_point(|time| i64::from(*time) < end);
                i64::try_from(below).unwrap_or(i64::MAX)
            }
            Self::Window { open, close, step } => {
                let past = (end - 1).min(i64::from(*close)) - i64::from(*open);
                if past < 0 { 0 } else { past / i64::from(*step) + 1 }
            }
        }
    }

    /// The last time before `end`, in seconds after midnight.
    fn last_below(&self, end: i64) -> Option<i64> {
        match self {
            Self::Fields { seconds, minutes, hours } => {
                if end <= 0 {
                    return None;
                }
                let [hour, minute, second] = clock((end - 1).min(DAY - 1));
                let in_minute = |minute, seconds: Set| Some((minute, seconds.last()?));
                let in_hour = |minute: u32, second: u32| {
                    let same = in_minute(minute, seconds.below(second + 1));
                    let same = same.filter(|_| minutes.contains(minute));
                    same.or_else(|| in_minute(minutes.below(minute).last()?, *seconds))
                };
                let same = in_hour(minute, second).filter(|_| hours.contains(hour));
                let (hour, (minute, second)) = match same {
                    Some(found) => (hour, found),
                    None => (hours.below(hour).last()?, in_hour(59, 59)?),
                };
                Some(i64::from(hour * 3600 + minute * 60 + second))
            }
            Self::List(times) => {
                let below = times.partition_point(|time| i64::from(*time) < end);
                times.get(below.checked_sub(1)?).copied().map(i64::from)
            }
            Self::Window { open, step, .. } => {
                let steps = self.count_below(end) - 1;
                (steps >= 0).then(|| i64::from(*open) + steps * i64::from(*step))
            }
        }
    }
}

/// Hour, minute and second.
fn clock(time: i64) -> [u32; 3] {
    [time / 3600, time / 60 % 60, time % 60].map(|part| u32::try_from(part).unwrap_or(0))
}

fn earlier(at: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    at.checked_sub_signed(by).unwrap_or(at)
}
