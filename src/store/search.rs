//! What a query means, in one place for every backend: its bounds, its folding of case, and what a
//! part of an id is.
//!
//! Owns no rows. Never knows how a backend finds them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Execution, ExecutionId, ExecutionQuery};

/// No page holds more rows.
const LARGEST_PAGE: u32 = 1_000;
/// No list of events or of the ledger holds more rows.
pub(super) const LARGEST_LIST: u32 = 10_000;
/// No more words of a filter are looked at.
const MOST_WORDS: usize = 32;
/// No more characters of a reason are looked at.
const LONGEST_SAID: usize = 1_000;
/// At most so many executions are told for a part of an id.
pub(super) const MOST_NAMED: usize = 10;

/// The number of rows asked for, brought between 1 and `most`.
pub(super) fn limit(asked: u32, most: u32) -> u32 {
    asked.clamp(1, most)
}

/// A text as filters see it: in lower case, and without NUL, which SQLite's text functions stop at.
fn folded(text: &str) -> String {
    text.to_lowercase().replace('\0', " ")
}

/// The reason of an execution as filters see it.
pub(super) fn said(execution: &Execution) -> String {
    let reason = execution.reason.to_string();
    let end = reason.char_indices().nth(LONGEST_SAID).map_or(usize::MAX, |(at, _)| at);
    folded(reason.get(..end).unwrap_or(&reason))
}

/// A query with its bounds applied.
pub(super) struct Search<'a> {
    pub(super) query: &'a ExecutionQuery,
    pub(super) words: Vec<String>,
    pub(super) without: Vec<String>,
    pub(super) limit: u32,
}

impl<'a> Search<'a> {
    pub(super) fn new(query: &'a ExecutionQuery) -> Self {
        let words = |words: &[String]| -> Vec<String> {
            words
                .iter()
                .filter(|word| !word.is_empty())
                .take(MOST_WORDS)
                .map(|w| folded(w))
                .collect()
        };
        Self {
            query,
            words: words(&query.words),
            without: words(&query.without),
            limit: limit(query.limit, LARGEST_PAGE),
        }
    }

    /// Whether the page is the one above a given execution, so that the walk goes from old to new.
    pub(super) fn goes_up(&self) -> bool {
        self.query.after.is_some()
    }

    /// Whether an execution is one of those asked for.
    pub(super) fn fits(&self, execution: &Execution) -> bool {
        let query = self.query;
        let created_at = execution.created_at.timestamp_micros();
        let said = said(execution);
        let mentions =
            |word: &String| execution.job_id.as_str().contains(word) || said.contains(word);
        query.job.as_ref().is_none_or(|job| *job == execution.job_id)
            && (query.states.is_empty() || query.states.contains(&execution.state.name()))
            && query.trigger.is_none_or(|trigger| trigger == execution.trigger)
            && query.worker.as_ref().is_none_or(|worker| Some(worker) == execution.worker_id())
            && query.since.is_none_or(|since| created_at >= since.timestamp_micros())
            && query.until.is_none_or(|until| created_at < until.timestamp_micros())
            && query.before.is_none_or(|before| execution.id < before)
            && query.after.is_none_or(|after| execution.id > after)
            && self.words.iter().all(mentions)
            && !self.without.iter().any(mentions)
    }
}

/// The first digits of an id that was made a day before `at`: no execution created at `at` or later
/// sorts below them.
pub(super) fn lowest_id(at: DateTime<Utc>) -> String {
    first_digits(at.checked_sub_signed(TimeDelta::days(1)).unwrap_or(DateTime::<Utc>::MIN_UTC))
}

/// A text that every id of an execution created before `at` sorts below, with a day to spare.
pub(super) fn highest_id(at: DateTime<Utc>) -> String {
    let at = at.checked_add_signed(TimeDelta::days(1)).unwrap_or(DateTime::<Utc>::MAX_UTC);
    first_digits(at) + "g"
}

/// The 48 bits of a UUIDv7 that tell the time.
fn first_digits(at: DateTime<Utc>) -> String {
    format!("{:012x}", at.timestamp_millis().clamp(0, (1 << 48) - 1))
}

/// The beginning or end of an id: 1 to 32 hex digits in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IdPart(String);

impl IdPart {
    /// Reads what a person typed; dashes are passed over.
    pub(super) fn new(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| *c != '-').take(33).collect();
        let legal =
            (1..=32).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        legal.then(|| Self(digits.to_ascii_lowercase()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names that execution.
    pub(super) fn fits(&self, id: ExecutionId) -> bool {
        let id = id.to_string();
        id.starts_with(&self.0) || id.ends_with(&self.0)
    }

    /// The tails ([`tail`]) of the ids that end with it, as a range without its end.
    pub(super) fn tails(&self) -> std::ops::Range<i64> {
        let shift = 4 * 8usize.saturating_sub(self.0.len());
        let low = backwards(&self.0) << shift;
        low..low + (1 << shift)
    }
}

/// The last 8 digits of an id, read backwards: ids that end alike lie side by side.
pub(super) fn tail(id: ExecutionId) -> i64 {
    backwards(&id.to_string())
}

/// Up to 8 last digits as a number, the last one first.
fn backwards(digits: &str) -> i64 {
    digits
        .chars()
        .rev()
        .take(8)
        .fold(0, |number, digit| number << 4 | i64::from(digit.to_digit(16).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_of_any_length_is_a_range_of_tails() {
        let id: ExecutionId = "0192f0c1-2345-7abc-8def-0123456789ab".parse().unwrap();
        assert_eq!(tail(id), 0xba98_7654);
        let text = id.to_string();
        for length in 1..=32 {
            let end = IdPart::new(&text[32 - length..]).unwrap();
            assert!(end.tails().contains(&tail(id)), "{length}");
        }
        assert!(!IdPart::new("ac").unwrap().tails().contains(&tail(id)));
        assert_eq!(IdPart::new("456789ab").unwrap().tails(), 0xba98_7654..0xba98_7655);
    }

    #[test]
    fn only_hex_digits_are_parts_of_an_id() {
        assert_eq!(IdPart::new("0192-F0C1"), Some(IdPart("0192f0c1".to_owned())));
        for bad in ["", "-", "xyz", "ä", "%", "'", "12 ", &"0".repeat(33), &"0".repeat(1 << 20)] {
            assert_eq!(IdPart::new(bad), None, "{}", bad.len());
        }
    }

    #[test]
    fn bounds_of_time_never_leave_the_range_of_ids() {
        assert_eq!(lowest_id(DateTime::<Utc>::MIN_UTC), "000000000000");
        assert_eq!(lowest_id(DateTime::<Utc>::MAX_UTC), "ffffffffffff");
        assert_eq!(highest_id(DateTime::<Utc>::MIN_UTC), "000000000000g");
        assert_eq!(highest_id(DateTime::<Utc>::MAX_UTC), "ffffffffffffg");
    }
}
