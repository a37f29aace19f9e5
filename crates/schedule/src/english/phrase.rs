//! What a phrase has said so far, and what that comes to: the clauses of a phrase into one
//! [`Pattern`].
//!
//! Owns the defaults (no time said = midnight) and refuses what contradicts itself; the words are
//! `grammar`'s.

use std::ops::Range;

use super::clock::{self, Written};
use super::vocabulary::{Part, Unit};
use crate::error::ScheduleError;
use crate::field_kind::FieldKind;
use crate::pattern::{
    ClockRule, DayField, Days, DomSpecial, DowSpecial, Every, Except, Pattern, Times,
};
use crate::set::Set;
use crate::words;

const HOUR: u32 = 3600;
const DAY: u32 = 86_400;

/// Something said, and where.
pub(super) type Said<T> = Option<(T, Range<usize>)>;

/// So many months, counted from January: what the first and the last day of a quarter or a year
/// belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period(u32);

impl Period {
    pub(super) const QUARTER: Self = Self(3);
    pub(super) const YEAR: Self = Self(12);
}

/// The clauses of a phrase, in any order.
#[derive(Debug, Default)]
pub(super) struct Phrase {
    /// `every N units`.
    pub(super) interval: Said<(u32, Unit)>,
    /// Minutes of the hour, for intervals of hours.
    pub(super) past: Said<Set>,
    /// Clock times as written: what a bare hour means, the part of the day decides.
    pub(super) times: Said<Vec<Written>>,
    /// `every morning`, `at night`.
    pub(super) part: Said<Part>,
    /// First and last time of day.
    pub(super) window: Said<(u32, u32)>,
    pub(super) dows: Said<Set>,
    pub(super) doms: Said<DayField<DomSpecial>>,
    pub(super) nths: Said<Vec<DowSpecial>>,
    /// `… or on friday`: days of the month and of the week, either of which is enough.
    pub(super) either: bool,
    /// `of the quarter`, `of the year`.
    pub(super) period: Said<Period>,
    pub(super) months: Said<Set>,
    pub(super) dates: Said<Vec<(u32, u32)>>,
    pub(super) except: Except,
}

impl Phrase {
    /// What it comes to; `end` is where the text ends.
    pub(super) fn pattern(mut self, end: usize) -> Result<Pattern, ScheduleError> {
        let interval = self.interval.take();
        if let Some(((count, unit), span)) = &interval
            && let Some(seconds) = unit.seconds()
        {
            let step = u32::try_from(u64::from(*count).saturating_mul(seconds));
            let step = step.ok().filter(|step| *step <= 366 * DAY).ok_or_else(|| {
                ScheduleError::new("an interval in clock time has at most 366 days", span.clone())
            })?;
            return self.sub_day(step, *unit, span);
        }
        if let Some((minutes, span)) = &self.past {
            let error = ScheduleError::new("a minute by itself needs hours", span.clone());
            let minutes = minutes.iter().map(|minute| format!(":{minute:02}"));
            return Err(error.suggest(format!("every hour at {}", words::joined(minutes, "and"))));
        }
        if let Some((_, span)) = &self.window {
            let message = "between two times there must be an interval below a day, such as \
                           `every hour`";
            return Err(ScheduleError::new(message, span.clone()));
        }
        if interval.is_none() && !self.names_a_time_or_day() {
            return Err(ScheduleError::new("neither a time nor a day is said", 0..end));
        }
        let times = self.clock_times()?;
        let days = match interval {
            Some(((count, unit), span)) => self.rhythm(count, unit, &span)?,
            None => self.days()?,
        };
        Ok(Pattern::Clock { times, days, rule: ClockRule::Fixed })
    }

    /// The times that are said, midnight where none are.
    fn clock_times(&mut self) -> Result<Times, ScheduleError> {
        let part = self.part.take();
        match (self.times.take(), &part) {
            (Some((times, _)), part) => {
                Ok(clock_times(clock::resolved(&times, part.as_ref().map(|(part, _)| *part))?))
            }
            (None, None | Some((Part::Night, _))) => Ok(clock_times(vec![0])),
            (None, Some((part, at))) => {
                let message = format!("at what time in the {}?", part.name());
                Err(ScheduleError::new(message, at.clone()))
            }
        }
    }

    fn names_a_time_or_day(&self) -> bool {
        self.times.is_some()
            || self.dows.is_some()
            || self.doms.is_some()
            || self.nths.is_some()
            || self.dates.is_some()
    }

    /// An interval below a day, on the days that are said.
    fn sub_day(
        mut self,
        step: u32,
        unit: Unit,
        span: &Range<usize>,
    ) -> Result<Pattern, ScheduleError> {
        if let Some((_, at)) = &self.times {
            let message = format!("an interval of {}s and a clock time contradict", unit.name());
            return Err(ScheduleError::new(message, at.clone()));
        }
        if let Some((part, at)) = &self.part {
            let message =
                format!("from when to when is the {}? Write `between … and …`", part.name());
            return Err(ScheduleError::new(message, at.clone()));
        }
        let past = self.past.take();
        if let Some((_, at)) = past.as_ref().filter(|_| unit != Unit::Hour) {
            let message = "a minute of the hour goes with an interval of hours only";
            return Err(ScheduleError::new(message, at.clone()));
        }
        let window = self.window.take();
        let days = self.days()?;
        let rule = ClockRule::Wildcard;
        let times = match (window, past) {
            (Some(((open, close), at)), past) => {
                let minutes = past.map(|(minutes, _)| minutes);
                windowed(open, close, step, minutes).ok_or_else(|| {
                    ScheduleError::new("no time of the interval lies between the two", at)
                })?
            }
            (None, Some((minutes, at))) => {
                let hours = step / HOUR;
                if hours > 24 || 24 % hours != 0 {
                    let message = format!("{hours} hours do not divide a day: the minute drifts");
                    return Err(ScheduleError::new(message, at));
                }
                Times::Fields { seconds: Set::one(0), minutes, hours: Set::stepped(0, 23, hours) }
            }
            (None, None) => match wall_clock(step) {
                Some(times) => times,
                None => return Ok(Pattern::Even { step, days }),
            },
        };
        if days.clauses().is_empty() {
            return Err(ScheduleError::new("no day is left", span.clone()));
        }
        Ok(Pattern::Clock { times, days, rule })
    }

    /// An interval of days or more: its own days where none are said.
    fn rhythm(
        mut self,
        count: u32,
        unit: Unit,
        span: &Range<usize>,
    ) -> Result<Days, ScheduleError> {
        let coarse = |count: u32, every: fn(u32) -> Every| (count > 1).then(|| every(count));
        match unit {
            Unit::Week => self.weeks(count, span, coarse(count, Every::Weeks)),
            Unit::Month => self.months(count, span),
            Unit::Quarter => self.quarters(count, span),
            Unit::Year => {
                self.no_weekday(unit)?;
                if self.months.is_none() && self.dates.is_none() {
                    self.first_by_default(span);
                    self.period.get_or_insert((Period::YEAR, span.clone()));
                }
                self.first_by_default(span);
                let days = self.days()?;
                Ok(Days { every: coarse(count, Every::Years), ..days })
            }
            _ => {
                let days = self.days()?;
                Ok(Days { every: coarse(count, Every::Days), ..days })
            }
        }
    }

    fn weeks(
        self,
        count: u32,
        span: &Range<usize>,
        every: Option<Every>,
    ) -> Result<Days, ScheduleError> {
        let week = if count == 1 { "weekly".to_owned() } else { format!("every {count} weeks") };
        if self.dows.is_none() {
            let message = format!("which day of the week? Name it: `{week} on monday`");
            return Err(ScheduleError::new(message, span.clone()));
        }
        if let Some(at) = self.doms_place() {
            let message = "a day of the month does not come weekly";
            return Err(ScheduleError::new(message, at));
        }
        Ok(Days { every, ..self.days()? })
    }

    /// Every so many months: from January where that divides the year, else from 1970-01.
    fn months(mut self, count: u32, span: &Range<usize>) -> Result<Days, ScheduleError> {
        self.no_weekday(Unit::Month)?;
        if let Some((_, at)) = &self.dates {
            return Err(ScheduleError::new("a date comes once a year, not monthly", at.clone()));
        }
        self.first_by_default(span);
        let divides = count <= 12 && 12 % count == 0;
        if divides && count > 1 {
            let wanted = Set::stepped(1, 12, count);
            let months = self.months.map_or(wanted, |(months, _)| months.intersection(wanted));
            self.months = Some((months, span.clone()));
        }
        let days = self.days()?;
        let every = (!divides).then_some(Every::Months(count));
        Ok(Days { every, ..days })
    }

    /// Every so many quarters: a period of three months, the last day in its last month.
    fn quarters(mut self, count: u32, span: &Range<usize>) -> Result<Days, ScheduleError> {
        let months = count.saturating_mul(3);
        if months > 12 || 12 % months != 0 || self.dates.is_some() {
            return self.months(months, span);
        }
        self.no_weekday(Unit::Quarter)?;
        self.first_by_default(span);
        let named = self.months.take();
        self.period.get_or_insert((Period(months), span.clone()));
        let mut days = self.days()?;
        if let Some((named, _)) = named {
            days.months = days.months.intersection(named);
            days.dates.retain(|(month, _)| named.contains(*month));
        }
        Ok(days)
    }

    fn no_weekday(&self, unit: Unit) -> Result<(), ScheduleError> {
        let Some((dows, at)) = self.dows.as_ref().filter(|_| !self.either) else {
            return Ok(());
        };
        let day = words::day_name(dows.first().unwrap_or_default());
        let message = format!("which {day} of the {}? Name it: `the first {day}`", unit.name());
        Err(ScheduleError::new(message, at.clone()))
    }

    /// Puts the days of a period where they lie: those counted from its beginning in its first
    /// month, those counted from its end in its last one.
    fn place(&mut self) -> Result<(), ScheduleError> {
        let Some((Period(length), at)) = self.period.take() else {
            return Ok(());
        };
        let doms = self.doms.as_ref().map(|(doms, _)| doms);
        let nths = self.nths.as_ref().map_or(&[][..], |(nths, _)| nths.as_slice());
        let specials = doms.map_or(&[][..], |doms| doms.specials.as_slice());
        if nths.iter().any(|nth| matches!(nth, DowSpecial::Nth { nth: 5, .. })) {
            let message = "the fifth such day may be in the next month of the period: name a month";
            return Err(ScheduleError::new(message, at));
        }
        let from_end = |special: &DomSpecial| !matches!(special, DomSpecial::Nearest { .. });
        let ends = specials.iter().any(from_end)
            || nths.iter().any(|nth| matches!(nth, DowSpecial::Last { .. }));
        let begins = doms.is_some_and(|doms| !doms.set.is_empty())
            || specials.iter().any(|special| !from_end(special))
            || nths.iter().any(|nth| matches!(nth, DowSpecial::Nth { .. }));
        let (first, last) = (Set::stepped(1, 12, length), Set::stepped(length, 12, length));
        let months = match (begins, ends) {
            (true, true) => return self.place_both(first, last, at),
            (false, true) => last,
            (_, false) => first,
        };
        if self.months.is_some() {
            let message = "months are said twice: join them with `and`";
            return Err(ScheduleError::new(message, at));
        }
        self.months = Some((months, at));
        Ok(())
    }

    /// `first and last day of the quarter`: dates, as neither end of a period is in February.
    fn place_both(&mut self, first: Set, last: Set, at: Range<usize>) -> Result<(), ScheduleError> {
        let Some((doms, _)) = self.doms.take().filter(|_| self.nths.is_none()) else {
            let message = "these days are in different months of the period: make two jobs of it";
            return Err(ScheduleError::new(message, at));
        };
        let mut dates: Vec<(u32, u32)> = Vec::new();
        for month in first.iter() {
            dates.extend(doms.set.iter().map(|day| (month, day)));
        }
        for (month, special) in
            last.iter().flat_map(|month| doms.specials.iter().map(move |it| (month, it)))
        {
            let DomSpecial::Last { back } = special else {
                let message = "a weekday and a day counted from the other end: make two jobs of it";
                return Err(ScheduleError::new(message, at));
            };
            let length = if matches!(month, 4 | 6 | 9 | 11) { 30 } else { 31 };
            dates.push((month, length - back.min(&29)));
        }
        dates.sort_unstable();
        self.dates = Some((dates, at));
        Ok(())
    }

    /// No day said: the first of the month.
    fn first_by_default(&mut self, span: &Range<usize>) {
        if self.doms.is_none() && self.nths.is_none() && self.dates.is_none() {
            let first = DayField { star: false, set: Set::one(1), specials: Vec::new() };
            self.doms = Some((first, span.clone()));
        }
    }

    fn doms_place(&self) -> Option<Range<usize>> {
        let doms = self.doms.as_ref().map(|(_, at)| at);
        let nths = self.nths.as_ref().map(|(_, at)| at);
        let dates = self.dates.as_ref().map(|(_, at)| at);
        doms.or(nths).or(dates).cloned()
    }

    /// The days that are said; all where none are.
    fn days(mut self) -> Result<Days, ScheduleError> {
        self.place()?;
        if self.dows.is_some()
            && !self.either
            && let Some(at) =
                self.doms.as_ref().map(|(_, at)| at).or(self.nths.as_ref().map(|(_, at)| at))
        {
            let message = "a day of the week and a day of the month: only one can be meant";
            return Err(ScheduleError::new(message, at.clone()));
        }
        let fields = self.dows.is_some() || self.doms.is_some() || self.nths.is_some();
        if let Some((dates, at)) = self.dates {
            if fields || self.months.is_some() {
                let message = "a date and other days: only one can be meant";
                return Err(ScheduleError::new(message, at));
            }
            let days = Days { dates: dates.clone(), except: self.except, ..Days::all() };
            return Ok(match product(&dates) {
                Some((months, set)) => Days {
                    months,
                    doms: DayField { star: false, set, specials: Vec::new() },
                    dates: Vec::new(),
                    ..days
                },
                None => days,
            });
        }
        let all = Days::all();
        let dows = match (self.dows, self.nths) {
            (None, None) => all.dows,
            (dows, nths) => DayField {
                star: false,
                set: dows.map_or(Set::EMPTY, |(set, _)| set),
                specials: nths.map_or_else(Vec::new, |(nths, _)| nths),
            },
        };
        Ok(Days {
            doms: self.doms.map_or(all.doms, |(doms, _)| doms),
            months: self.months.map_or(all.months, |(months, _)| months),
            dows,
            dates: Vec::new(),
            every: None,
            except: self.except,
        })
    }
}

/// Months and days of the month whose every combination is one of the dates.
fn product(dates: &[(u32, u32)]) -> Option<(Set, Set)> {
    let months: Set = dates.iter().map(|(month, _)| *month).collect();
    let days: Set = dates.iter().map(|(_, day)| *day).collect();
    let all = months.iter().flat_map(|month| days.iter().map(move |day| (month, day)));
    all.into_iter().all(|date| dates.contains(&date)).then_some((months, days))
}

/// The wall-clock form of an interval that divides its larger unit.
fn wall_clock(step: u32) -> Option<Times> {
    let (seconds, minutes, hours) = (Set::one(0), FieldKind::Minute.all(), FieldKind::Hour.all());
    if step < 60 && 60 % step == 0 {
        let seconds = Set::stepped(0, 59, step);
        return Some(Times::Fields { seconds, minutes, hours });
    }
    if step.is_multiple_of(60) && step < HOUR && HOUR.is_multiple_of(step) {
        let minutes = Set::stepped(0, 59, step / 60);
        return Some(Times::Fields { seconds, minutes, hours });
    }
    if step.is_multiple_of(HOUR) && step <= DAY && DAY.is_multiple_of(step) {
        let hours = Set::stepped(0, 23, step / HOUR);
        return Some(Times::Fields { seconds, minutes: Set::one(0), hours });
    }
    None
}

/// An interval counted from the opening of a window, or from its first such minute.
fn windowed(open: u32, close: u32, step: u32, past: Option<Set>) -> Option<Times> {
    let close = if close < open { close + DAY } else { close };
    let Some(minutes) = past else {
        return Some(Times::Window { open, close, step });
    };
    let mut times: Vec<u32> = Vec::new();
    for minute in minutes.iter() {
        let hour = open / HOUR * HOUR + minute * 60;
        let first = if hour < open { hour + HOUR } else { hour };
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        times.extend((first..=close).step_by(step));
    }
    times.sort_unstable();
    times.dedup();
    (!times.is_empty()).then(|| as_fields(Times::List(times)))
}

/// Clock times, as fields where every combination of them is wanted.
fn clock_times(mut times: Vec<u32>) -> Times {
    times.sort_unstable();
    times.dedup();
    as_fields(Times::List(times))
}

fn as_fields(times: Times) -> Times {
    times.fields().unwrap_or(times)
}
