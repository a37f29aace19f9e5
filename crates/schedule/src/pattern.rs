//! What a schedule says, once read: the one form that cron and English are both turned into.
//!
//! Owns the days and times of day as sets, and whether a single date is one of the days. Knows
//! neither texts nor zones.

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Weekday};

use super::field_kind::FieldKind;
use super::set::Set;

/// A special of the day-of-month field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum DomSpecial {
    /// So many days before the month's last.
    Last { back: u32 },
    /// The last Monday-to-Friday day of the month.
    LastWeekday,
    /// The Monday-to-Friday day nearest to `day`, in the same month.
    Nearest { day: u32 },
}

/// A special of the day-of-week field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum DowSpecial {
    /// The nth such day of the month.
    Nth { dow: u32, nth: u32 },
    /// So many weeks before the last such day of the month, in the same month.
    Last { dow: u32, back: u32 },
}

/// Whether the clock times of a schedule are meant as such, or as a spacing: the two rules at a
/// change of clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ClockRule {
    /// In a gap: at its end. In a repeated hour: once.
    Fixed,
    /// In a gap: not at all. In a repeated hour: in both passes.
    Wildcard,
}

/// The times of a day.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Times {
    /// Each second of each minute of each hour.
    Fields { seconds: Set, minutes: Set, hours: Set },
    /// Seconds after midnight, rising.
    List(Vec<u32>),
    /// From `open` to `close` (both in seconds after midnight, `close` may lie on the next day),
    /// every `step` seconds.
    Window { open: u32, close: u32, step: u32 },
}

impl Times {
    /// The same times as seconds, minutes and hours, where they are a product of these within one
    /// day.
    pub(super) fn fields(&self) -> Option<Self> {
        const DAY: u32 = 86_400;
        let all: Vec<u32> = match self {
            Self::Fields { .. } => return Some(self.clone()),
            Self::List(all) => all.clone(),
            Self::Window { open, close, step } if (close - open) / step <= 1440 => {
                (*open..=*close).step_by(usize::try_from(*step).unwrap_or(usize::MAX)).collect()
            }
            Self::Window { .. } => return None,
        };
        let seconds: Set = all.iter().map(|time| time % 60).collect();
        let minutes: Set = all.iter().map(|time| time / 60 % 60).collect();
        let hours: Set = all.iter().map(|time| time / 3600).collect();
        let product = seconds.len() * minutes.len() * hours.len() == all.len();
        let one_day = all.iter().all(|time| *time < DAY);
        (product && one_day).then_some(Self::Fields { seconds, minutes, hours })
    }
}

/// A day field: its plain values and its specials.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct DayField<S> {
    /// Written with a leading `*`: it restricts the other field instead of adding to it.
    pub(super) star: bool,
    pub(super) set: Set,
    pub(super) specials: Vec<S>,
}

/// A coarser rhythm of days, counted from a fixed day so that every machine agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Every {
    /// From 1970-01-01.
    Days(u32),
    /// From the week that begins on Monday 1970-01-05.
    Weeks(u32),
    /// From 1970-01.
    Months(u32),
    /// From 1970.
    Years(u32),
}

/// Days taken out again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Except {
    pub(super) dows: Set,
    pub(super) months: Set,
    pub(super) doms: Set,
    /// Month and day.
    pub(super) yearly: Vec<(u32, u32)>,
    pub(super) dates: Vec<NaiveDate>,
    /// The days of the calendar that the job or the file names.
    pub(super) holidays: bool,
}

impl Except {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Holidays are not judged here: they are the calendar's.
    pub(super) fn contains(&self, date: NaiveDate) -> bool {
        self.dows.contains(date.weekday().num_days_from_sunday())
            || self.months.contains(date.month())
            || self.doms.contains(date.day())
            || self.yearly.contains(&(date.month(), date.day()))
            || self.dates.contains(&date)
    }
}

/// The days of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Days {
    pub(super) doms: DayField<DomSpecial>,
    pub(super) months: Set,
    pub(super) dows: DayField<DowSpecial>,
    /// Month and day; where there are any, they stand in the place of the three fields.
    pub(super) dates: Vec<(u32, u32)>,
    pub(super) every: Option<Every>,
    pub(super) except: Except,
}

impl Days {
    /// Every day.
    pub(super) fn all() -> Self {
        Self {
            doms: DayField { star: true, set: FieldKind::DayOfMonth.all(), specials: Vec::new() },
            months: FieldKind::Month.all(),
            dows: DayField { star: true, set: FieldKind::DayOfWeek.all(), specials: Vec::new() },
            dates: Vec::new(),
            every: None,
            except: Except::default(),
        }
    }

    /// The days as a union of clauses that cron's own fields can hold, each with at most two exact
    /// conditions.
    pub(super) fn clauses(&self) -> Vec<Clause> {
        if !self.dates.is_empty() {
            let clause = |(month, day): &(u32, u32)| Clause {
                doms: Set::one(*day),
                months: Set::one(*month),
                ..Clause::all()
            };
            return self.dates.iter().map(clause).collect();
        }
        let doms = dom_clauses(&self.doms);
        let dows = dow_clauses(&self.dows);
        let either = !self.doms.star && !self.dows.star;
        let joined: Vec<Clause> = if either {
            doms.into_iter().chain(dows).collect()
        } else {
            let both = |dom: &Clause| {
                let dom = dom.clone();
                dows.iter().map(move |dow| dom.and(dow)).collect::<Vec<_>>()
            };
            doms.iter().flat_map(both).collect()
        };
        let months = self.months;
        joined
            .into_iter()
            .map(|clause| Clause { months, ..clause })
            .filter(|clause| !clause.doms.is_empty() && !clause.dows.is_empty())
            .collect()
    }
}

/// Days that fit each of its conditions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Clause {
    pub(super) doms: Set,
    pub(super) months: Set,
    pub(super) dows: Set,
    pub(super) dom: Option<DomSpecial>,
    pub(super) dow: Option<DowSpecial>,
}

impl Clause {
    fn all() -> Self {
        Self {
            doms: FieldKind::DayOfMonth.all(),
            months: FieldKind::Month.all(),
            dows: FieldKind::DayOfWeek.all(),
            dom: None,
            dow: None,
        }
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            doms: self.doms.intersection(other.doms),
            months: self.months.intersection(other.months),
            dows: self.dows.intersection(other.dows),
            dom: self.dom.or(other.dom),
            dow: self.dow.or(other.dow),
        }
    }

    /// Whether the sets leave something for [`Clause::is_exact`] to decide.
    pub(super) const fn is_coarse(&self) -> bool {
        self.dom.is_some() || self.dow.is_some()
    }

    /// Whether a date that fits the sets fits the specials too.
    pub(super) fn is_exact(&self, date: NaiveDate) -> bool {
        self.dom.is_none_or(|special| special.matches(date))
            && self.dow.is_none_or(|special| special.matches(date))
    }

    /// Whether a date is one of the clause's.
    pub(super) fn matches(&self, date: NaiveDate) -> bool {
        self.doms.contains(date.day())
            && self.months.contains(date.month())
            && self.dows.contains(date.weekday().num_days_from_sunday())
            && self.is_exact(date)
    }
}

fn dom_clauses(field: &DayField<DomSpecial>) -> Vec<Clause> {
    let set = Clause { doms: field.set, ..Clause::all() };
    let specials = field.specials.iter().map(|special| {
        let (low, high) = match *special {
            DomSpecial::Last { back } => (28u32.saturating_sub(back).max(1), 31 - back),
            DomSpecial::LastWeekday => (26, 31),
            DomSpecial::Nearest { day } => (day.saturating_sub(2).max(1), (day + 2).min(31)),
        };
        let dows = match special {
            DomSpecial::Last { .. } => FieldKind::DayOfWeek.all(),
            DomSpecial::LastWeekday | DomSpecial::Nearest { .. } => Set::range(1, 5),
        };
        Clause { doms: Set::range(low, high), dows, dom: Some(*special), ..Clause::all() }
    });
    std::iter::once(set).filter(|set| !set.doms.is_empty()).chain(specials).collect()
}

fn dow_clauses(field: &DayField<DowSpecial>) -> Vec<Clause> {
    let set = Clause { dows: field.set, ..Clause::all() };
    let specials = field.specials.iter().map(|special| match *special {
        // The week of the month is exact by itself: no condition is left.
        DowSpecial::Nth { dow, nth } => Clause {
            doms: Set::range(7 * nth - 6, (7 * nth).min(31)),
            dows: Set::one(dow),
            ..Clause::all()
        },
        DowSpecial::Last { dow, back } => Clause {
            doms: Set::range(22u32.saturating_sub(7 * back).max(1), 31 - 7 * back.min(4)),
            dows: Set::one(dow),
            dow: Some(*special),
            ..Clause::all()
        },
    });
    std::iter::once(set).filter(|set| !set.dows.is_empty()).chain(specials).collect()
}

impl DomSpecial {
    pub(super) fn matches(self, date: NaiveDate) -> bool {
        let last = days_in_month(date);
        match self {
            Self::Last { back } => last > back && date.day() == last - back,
            Self::LastWeekday => date.day() == weekday_nearest(date, last, last),
            Self::Nearest { day } => day <= last && date.day() == weekday_nearest(date, day, last),
        }
    }
}

impl DowSpecial {
    pub(super) fn matches(self, date: NaiveDate) -> bool {
        let dow = date.weekday().num_days_from_sunday();
        match self {
            Self::Nth { dow: wanted, nth } => dow == wanted && (date.day() - 1) / 7 + 1 == nth,
            Self::Last { dow: wanted, back } => {
                let last = days_in_month(date);
                let day = date.day() + 7 * back;
                dow == wanted && day <= last && day + 7 > last
            }
        }
    }
}

/// The Monday-to-Friday day nearest to `day` in the month of `date`, whose last day is `last`.
fn weekday_nearest(date: NaiveDate, day: u32, last: u32) -> u32 {
    match date.with_day(day).map(|date| date.weekday()) {
        Some(Weekday::Sat) if day == 1 => 3,
        Some(Weekday::Sat) => day - 1,
        Some(Weekday::Sun) if day == last => day - 2,
        Some(Weekday::Sun) => day + 1,
        _ => day,
    }
}

/// How many days the month of `date` has.
pub(super) fn days_in_month(date: NaiveDate) -> u32 {
    u32::from(date.num_days_in_month())
}

impl Every {
    /// Whether `date` lies on the rhythm.
    pub(super) fn matches(self, date: NaiveDate) -> bool {
        self.next_from(date) == Some(date)
    }

    /// The first day on or after `date` that lies on the rhythm.
    pub(super) fn next_from(self, date: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Days(step) => {
                let past = i64::from(date.to_epoch_days()).rem_euclid(i64::from(step));
                date.checked_add_signed(TimeDelta::days((i64::from(step) - past) % i64::from(step)))
            }
            Self::Weeks(step) => {
                // 1970-01-05, a Monday, is day 4.
                let from_monday = i64::from(date.to_epoch_days()) - 4;
                let past = from_monday.div_euclid(7).rem_euclid(i64::from(step));
                if past == 0 {
                    return Some(date);
                }
                let week = from_monday.div_euclid(7) + i64::from(step) - past;
                date.checked_add_signed(TimeDelta::days(week * 7 - from_monday))
            }
            Self::Months(step) => {
                let month = i64::from(date.year() - 1970) * 12 + i64::from(date.month0());
                let past = month.rem_euclid(i64::from(step));
                if past == 0 {
                    return Some(date);
                }
                let month = month + i64::from(step) - past;
                let year = i32::try_from(1970 + month.div_euclid(12)).ok()?;
                NaiveDate::from_ymd_opt(year, u32::try_from(month.rem_euclid(12)).ok()? + 1, 1)
            }
            Self::Years(step) => {
                let step = i32::try_from(step).ok()?;
                match (date.year() - 1970).rem_euclid(step) {
                    0 => Some(date),
                    past => NaiveDate::from_ymd_opt(date.year().checked_add(step - past)?, 1, 1),
                }
            }
        }
    }
}

/// When a schedule fires, in the wall time of its zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Pattern {
    /// At the first start after each boot of the machine.
    Reboot,
    /// Once, at this wall time.
    Once(NaiveDateTime),
    /// Every so many seconds since the Unix epoch, on some days.
    Even { step: u32, days: Days },
    /// At times of the day, on some days.
    Clock { times: Times, days: Days, rule: ClockRule },
}

impl Pattern {
    /// The days it fires on, where days are what it is about.
    pub(super) const fn days(&self) -> Option<&Days> {
        match self {
            Self::Reboot | Self::Once(_) => None,
            Self::Even { days, .. } | Self::Clock { days, .. } => Some(days),
        }
    }
}
