//! What the engine has to carry: what ended and how late it started in the last hour, and where
//! fire times pile up in the next day.
//!
//! Owns the counting by minutes and half hours. Counts what the screen has seen, and what it read of
//! the time before; what it cannot know it does not show.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Execution, Page, StateName, Trigger};

/// Minutes that are kept.
pub(crate) const MINUTES: i64 = 60;
/// Half hours of the timeline.
pub(crate) const SLOTS: usize = 48;
/// Seconds of one of them.
pub(crate) const SLOT: i64 = 1_800;

/// A minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Minute {
    /// Since the epoch.
    number: i64,
    /// Executions that ended in it, skipped ones aside.
    pub(crate) ended: u64,
    /// The worst lateness of those that their schedule started in it.
    pub(crate) late: Option<TimeDelta>,
}

/// The last hour.
#[derive(Debug)]
pub(crate) struct Load {
    /// Oldest first; a minute in which nothing happened is left out.
    minutes: VecDeque<Minute>,
    /// From here on everything was seen.
    watched_since: DateTime<Utc>,
    /// The first minute that is known in full.
    known_since: i64,
    /// Whether what was before has been asked for.
    pub(crate) asked: bool,
}

impl Load {
    /// Nothing is known yet.
    pub(crate) const fn new(now: DateTime<Utc>) -> Self {
        let known_since = minute_of(now) + 1;
        Self { minutes: VecDeque::new(), watched_since: now, known_since, asked: false }
    }

    /// An execution came or changed.
    pub(crate) fn see(&mut self, execution: &Execution) {
        let counts = execution.state.is_final() && execution.state.name() != StateName::Skipped;
        if let Some(at) = execution.finished_at.filter(|_| counts) {
            self.minute(at, |minute| minute.ended += 1);
        }
        let by_schedule = execution.trigger == Trigger::Schedule;
        if let Some(at) = execution.started_at.filter(|_| by_schedule) {
            let late = Some(at - execution.fire_time);
            self.minute(at, |minute| minute.late = minute.late.max(late));
        }
    }

    /// Takes in what was before the screen.
    pub(crate) fn take(&mut self, page: &Page<Arc<Execution>>) {
        let since = self.watched_since;
        for execution in &page.items {
            // What ended since was seen, and counted.
            if execution.finished_at.is_some_and(|at| at < since) {
                self.see(execution);
            }
        }
        let oldest = page.items.last().filter(|_| page.more);
        // An execution older than these may have ended later than they began.
        self.known_since = oldest.map_or(0, |it| minute_of(it.created_at) + 1);
    }

    fn minute(&mut self, at: DateTime<Utc>, change: impl FnOnce(&mut Minute)) {
        let number = minute_of(at);
        let place = match self.minutes.binary_search_by_key(&number, |it| it.number) {
            Ok(place) => place,
            Err(place) => {
                self.minutes.insert(place, Minute { number, ..Minute::default() });
                place
            }
        };
        if let Some(minute) = self.minutes.get_mut(place) {
            change(minute);
        }
        let newest = self.minutes.back().map_or(number, |it| it.number);
        while self.minutes.front().is_some_and(|it| it.number <= newest - MINUTES) {
            self.minutes.pop_front();
        }
    }

    /// The last hour minute by minute, oldest first; `None` = it is not known.
    pub(crate) fn hour(&self, now: DateTime<Utc>) -> impl Iterator<Item = Option<Minute>> {
        let last = minute_of(now);
        (last - MINUTES + 1..=last).map(move |number| {
            let found = self.minutes.binary_search_by_key(&number, |it| it.number);
            let seen = found.ok().and_then(|at| self.minutes.get(at)).copied();
            let empty = || (number >= self.known_since).then(Minute::default);
            seen.or_else(empty)
        })
    }
}

const fn minute_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

/// Where fire times pile up in the next day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// Where the first half hour begins.
    pub(crate) from: DateTime<Utc>,
    /// Fire times in each.
    pub(crate) slots: Vec<u64>,
    /// Jobs that fire too often to be counted one by one.
    pub(crate) frequent: usize,
}

impl Timeline {
    /// Nothing fires.
    pub(crate) fn new(from: DateTime<Utc>) -> Self {
        Self { from, slots: vec![0; SLOTS], frequent: 0 }
    }

    /// Counts a fire time.
    pub(crate) fn add(&mut self, at: DateTime<Utc>) {
        let slot = (at - self.from).num_seconds().div_euclid(SLOT);
        if let Some(slot) = usize::try_from(slot).ok().and_then(|slot| self.slots.get_mut(slot)) {
            *slot += 1;
        }
    }

    /// Where its last half hour ends.
    pub(crate) fn end(&self) -> DateTime<Utc> {
        self.from + TimeDelta::hours(24)
    }

    /// The half hour in which most fire, if any do.
    pub(crate) fn peak(&self) -> Option<(DateTime<Utc>, u64)> {
        let most = self.slots.iter().copied().max().filter(|most| *most > 0)?;
        let at = self.slots.iter().position(|count| *count == most)?;
        let seconds = i64::try_from(at).ok()? * SLOT;
        Some((self.from + TimeDelta::seconds(seconds), most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::tests::fixtures::{at, execution};

    fn ended(load: &Load) -> String {
        let minute = |it: Option<Minute>| it.map_or("?".to_owned(), |it| it.ended.to_string());
        load.hour(at(0)).map(minute).collect()
    }

    #[test]
    fn what_ended_is_counted_once_and_what_is_not_known_is_not_shown() {
        let mut load = Load::new(at(-200));
        load.see(&execution(9, "a", StateName::Running, -130));
        load.see(&execution(9, "a", StateName::Succeeded, -130));
        load.see(&execution(8, "a", StateName::Skipped, -130));
        assert_eq!(ended(&load), format!("{}{}", "?".repeat(56), "0100"));
        let past = [
            execution(9, "a", StateName::Succeeded, -130),
            execution(7, "a", StateName::Failed, -400),
        ];
        let page = Page { items: past.map(Arc::new).to_vec(), more: true };
        load.take(&page);
        assert_eq!(ended(&load), format!("{}{}", "?".repeat(52), "10000100"));
        load.take(&Page { items: Vec::new(), more: false });
        assert!(!ended(&load).contains('?'), "there is no more to know");
        let late = load.hour(at(0)).flatten().filter_map(|it| it.late).max();
        assert_eq!(late, Some(TimeDelta::milliseconds(8)));
    }

    #[test]
    fn fire_times_are_counted_by_half_hours() {
        let mut timeline = Timeline::new(at(0));
        for second in [-1, 0, 1_799, 1_800, 86_399, 86_400] {
            timeline.add(at(second));
        }
        let shown_text: Vec<_> =
            timeline.slots.iter().enumerate().filter(|(_, it)| **it > 0).collect();
        assert_eq!(shown_text, [(0, &2), (1, &1), (47, &1)]);
        assert_eq!(timeline.peak(), Some((at(0), 2)));
        assert_eq!(Timeline::new(at(0)).peak(), None);
    }
}
