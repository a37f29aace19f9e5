//! The six fields of cron: their names, and what numbers and names they hold. Knows neither texts
//! nor patterns.

use super::set::Set;

/// Which field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

/// Three-letter names of the days of the week, from 0.
pub(super) const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// Three-letter names of the months, from 1.
pub(super) const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl FieldKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        }
    }

    /// The smallest and largest number that may be written.
    pub(super) const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
        }
    }

    /// Every value, with Sunday as 0 only.
    pub(super) fn all(self) -> Set {
        let (low, high) = self.bounds();
        Set::range(low, if self == Self::DayOfWeek { 6 } else { high })
    }

    /// Where `H` may land: no later than the 28th, so that it fires in every month.
    pub(super) const fn hash_bounds(self) -> (u32, u32) {
        match self {
            Self::DayOfMonth => (1, 28),
            Self::DayOfWeek => (0, 6),
            _ => self.bounds(),
        }
    }

    pub(super) fn named(self, text: &str) -> Option<u32> {
        let at = |names: &[&str]| names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let value = match self {
            Self::DayOfWeek => at(&DAYS),
            Self::Month => at(&MONTHS).map(|index| index + 1),
            _ => None,
        };
        value.and_then(|value| u32::try_from(value).ok())
    }

    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::DayOfWeek => &DAYS,
            Self::Month => &MONTHS,
            _ => &[],
        }
    }
}
