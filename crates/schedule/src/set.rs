//! A small set of numbers from 0 to 63: the values of one field.

use std::fmt::Write as _;

/// Numbers from 0 to 63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Set(u64);

impl Set {
    /// No number.
    pub(super) const EMPTY: Self = Self(0);

    /// `low`, `low + step`, … up to `high`; nothing above 63 is held.
    pub(super) fn stepped(low: u32, high: u32, step: u32) -> Self {
        let step = usize::try_from(step.max(1)).unwrap_or(usize::MAX);
        (low..=high.min(63)).step_by(step).collect()
    }

    /// Every number from `low` to `high`.
    pub(super) fn range(low: u32, high: u32) -> Self {
        Self::stepped(low, high, 1)
    }

    /// One number.
    pub(super) const fn one(value: u32) -> Self {
        if value < 64 { Self(1 << value) } else { Self::EMPTY }
    }

    pub(super) const fn contains(self, value: u32) -> bool {
        value < 64 && self.0 & (1 << value) != 0
    }

    pub(super) const fn insert(&mut self, value: u32) {
        self.0 |= Self::one(value).0;
    }

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Its numbers that are smaller than `bound`.
    pub(super) const fn below(self, bound: u32) -> Self {
        if bound < 64 { Self(self.0 & ((1 << bound) - 1)) } else { self }
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(super) fn first(self) -> Option<u32> {
        self.iter().next()
    }

    pub(super) fn last(self) -> Option<u32> {
        (!self.is_empty()).then(|| 63 - self.0.leading_zeros())
    }

    /// Its numbers, smallest first.
    pub(super) fn iter(self) -> impl Iterator<Item = u32> {
        (0..64).filter(move |value| self.contains(*value))
    }

    /// Runs of neighbours, smallest first.
    pub(super) fn runs(self) -> Vec<(u32, u32)> {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for value in self.iter() {
            match runs.last_mut() {
                Some((_, end)) if *end + 1 == value => *end = value,
                _ => runs.push((value, value)),
            }
        }
        runs
    }

    /// As a cron field: where a star is allowed `*` for all of `low` to `high` and `*/5`, else
    /// `1,3-5`, `9-17/2`.
    pub(super) fn field_text(self, low: u32, high: u32, star: bool) -> String {
        if star && self == Self::range(low, high) {
            return "*".to_owned();
        }
        let mut rest = self.iter();
        if let (Some(first), Some(second)) = (rest.next(), rest.next()) {
            let step = second - first;
            let last = self.last().unwrap_or(second);
            if star && first == low && step > 1 && self == Self::stepped(low, high, step) {
                return format!("*/{step}");
            }
            if step > 1 && self.len() > 3 && self == Self::stepped(first, last, step) {
                return format!("{first}-{last}/{step}");
            }
        }
        self.plain_text()
    }

    /// As a list of values and ranges: `1,3-5`.
    pub(super) fn plain_text(self) -> String {
        let mut text = String::new();
        for (start, end) in self.runs() {
            let comma = if text.is_empty() { "" } else { "," };
            let _ = match end - start {
                0 => write!(text, "{comma}{start}"),
                1 => write!(text, "{comma}{start},{end}"),
                _ => write!(text, "{comma}{start}-{end}"),
            };
        }
        text
    }
}

impl FromIterator<u32> for Set {
    fn from_iter<I: IntoIterator<Item = u32>>(values: I) -> Self {
        let mut set = Self::EMPTY;
        for value in values {
            set.insert(value);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_reported_the_way_cron_writes_it() {
        assert_eq!(Set::range(0, 59).field_text(0, 59, true), "*");
        assert_eq!(Set::stepped(0, 59, 5).field_text(0, 59, true), "*/5");
        assert_eq!(Set::stepped(9, 17, 2).field_text(0, 23, true), "9-17/2");
        assert_eq!(
            [1, 2, 3, 7, 9, 10].into_iter().collect::<Set>().field_text(0, 59, true),
            "1-3,7,9,10"
        );
        assert_eq!(Set::range(0, 59).field_text(0, 59, false), "0-59");
        assert_eq!(Set::EMPTY.field_text(0, 59, true), "");
        assert_eq!(Set::stepped(0, u32::MAX, u32::MAX), Set::one(0));
    }
}
