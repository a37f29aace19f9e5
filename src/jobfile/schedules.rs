//! Checking the schedules of jobs: what is wrong with one, and what is legal but likely wrong.
//!
//! Owns what many jobs with one schedule share, for looking at the clock changes to come is expensive. Knows nothing of
//! how schedules work.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::context::Context;
use super::diagnostics::{Diagnostics, Subject, quoted};
use super::job::Read;
use crate::schedule::{Outlook, Timetable, Warning};

const SCHEDULE: Subject = Subject::Key("schedule");

/// Checks schedules, and keeps the warnings about those that many jobs share: looking at the clock changes
/// to come is expensive.
#[derive(Debug)]
pub(super) struct ScheduleCheck<'a> {
    outlook: Outlook,
    known: HashMap<(&'a str, Option<&'a str>), Vec<Warning>>,
}

impl<'a> ScheduleCheck<'a> {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self { outlook: Outlook::from(now), known: HashMap::new() }
    }

    /// Checks the schedule of a job. Returns its timetable, if it has a valid one.
    pub(super) fn check(
        &mut self,
        read: &'a Read,
        context: &Context<'_>,
        out: &mut Diagnostics,
    ) -> Option<Timetable> {
        let job = &read.job;
        let (place, text) = (read.schedule.as_ref()?, job.schedule.as_ref()?);
        if !place.usable {
            return None;
        }
        let timetable = match job.timetable(context.settings, context.rules.system_zone) {
            Ok(timetable) => timetable?,
            Err(error) => {
                let at = place.place(text, error.span.start);
                out.error_about(SCHEDULE, at, format!("`schedule`: {error}"));
                return None;
            }
        };
        let outlook = &mut self.outlook;
        let own = job.calendar.is_some() || job.start_at.is_some() || job.end_at.is_some();
        let warnings = if own || has_hash(text) {
            &outlook.warnings(&timetable)
        } else {
            let key = (text.as_str(), job.timezone.as_deref());
            self.known.entry(key).or_insert_with(|| outlook.warnings(&timetable))
        };
        for warning in warnings {
            let whose = read.id.as_ref().map_or("", |(id, _)| id.as_str());
            let message = format!("`schedule` of {}: {}", quoted(whose), warning.message);
            out.warning_about(SCHEDULE, place.at, message);
        }
        Some(timetable)
    }
}

/// Whether it may hold cron's `H`, which stands for another number in each job.
fn has_hash(text: &str) -> bool {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(|c| c.eq_ignore_ascii_case(&'h'))
            && letters.next().is_none_or(|c| !c.is_alphabetic())
    };
    text.split([' ', '\t', ',']).any(word)
}
