//! Reading when a job fires: schedule, zone, calendar, bounds, jitter; and the judgement of
//! `schedule` on them.
//!
//! Owns the way from a place in a schedule's text to a place in the file. Knows nothing of how
//! schedules work.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::fields::{Fields, Slot};
use super::findings::{Findings, Mark, quoted};
use super::job::{Context, Read, set_some};
use super::keys::Scope;
use super::settings;
use super::tree::Content;
use crate::model::{CalendarRule, Job};
use crate::schedule::{Outlook, Timetable, Warning, parse_instant, parse_zone};

/// A schedule and where its characters stand.
#[derive(Debug, Clone)]
pub(super) struct ScheduleText {
    at: Mark,
    offset: Option<usize>,
    /// Whether what belongs to it could be read.
    usable: bool,
}

impl ScheduleText {
    fn of(slot: Slot<'_>) -> Self {
        let offset = match &slot.node.content {
            Content::Scalar(scalar) => scalar.offset,
            _ => None,
        };
        Self { at: slot.node.at, offset, usable: true }
    }

    /// The place of the byte `start` of the text.
    fn place(&self, text: &str, start: usize) -> Mark {
        let Some(offset) = self.offset else { return self.at };
        let before = text.char_indices().take_while(|(at, _)| *at < start);
        self.at.shifted(offset + before.count())
    }
}

/// The keys that a job and `defaults` share.
pub(super) fn rules(
    job: &mut Job,
    schedule: &mut Option<ScheduleText>,
    fields: &Fields<'_>,
    context: &Context<'_>,
    out: &mut Findings,
) {
    let errors = out.error_count();
    if let Some(slot) = fields.get("schedule") {
        job.schedule = slot.text(out);
        *schedule = job.schedule.is_some().then(|| ScheduleText::of(slot));
    }
    if let Some(slot) = fields.get("timezone") {
        set_some(&mut job.timezone, settings::zone(slot, out));
    }
    if let Some(slot) = fields.get("calendar") {
        set_some(&mut job.calendar, calendar(slot, context, out));
    }
    set_some(&mut job.jitter, fields.duration("jitter", out));
    if out.error_count() > errors
        && let Some(schedule) = schedule
    {
        // What is wrong has its own place; the schedule would only be blamed for it again.
        schedule.usable = false;
    }
}

fn calendar(slot: Slot<'_>, context: &Context<'_>, out: &mut Findings) -> Option<CalendarRule> {
    let what = "a map such as {skip: holidays}";
    let fields = slot.fields(Scope::CalendarRule, what, out)?;
    let (name, rule) = match (fields.get("skip"), fields.get("only")) {
        (Some(slot), None) => (slot, CalendarRule::Skip(slot.line(out)?)),
        (None, Some(slot)) => (slot, CalendarRule::Only(slot.line(out)?)),
        _ => {
            slot.wrong("give either `skip` or `only`", out);
            return None;
        }
    };
    let (CalendarRule::Skip(calendar) | CalendarRule::Only(calendar)) = &rule;
    let calendars = &context.settings.calendars;
    if !calendars.contains_key(calendar) {
        let hint = out.did_you_mean(calendar, calendars.keys().map(String::as_str));
        let hint = if hint.is_empty() { ": add it to `calendars`" } else { &hint };
        name.wrong(format!("there is no calendar {}{hint}", quoted(calendar)), out);
        return None;
    }
    Some(rule)
}

/// `start_at` and `end_at`: a time without an offset is meant in the job's zone.
pub(super) fn bounds(
    job: &mut Job,
    fields: &Fields<'_>,
    context: &Context<'_>,
    out: &mut Findings,
) {
    let name = job.timezone.as_ref().or(context.settings.timezone.as_ref());
    let zone = name.and_then(|name| parse_zone(name).ok()).unwrap_or(context.rules.system_zone);
    set_some(&mut job.start_at, fields.get("start_at").and_then(|slot| time(slot, zone, out)));
    let Some(end) = fields.get("end_at") else { return };
    set_some(&mut job.end_at, time(end, zone, out));
    if let (Some(start_at), Some(end_at)) = (job.start_at, job.end_at)
        && end_at < start_at
    {
        end.wrong("it lies before `start_at`", out);
    }
}

fn time(slot: Slot<'_>, zone: Tz, out: &mut Findings) -> Option<DateTime<Utc>> {
    let text = slot.line(out)?;
    let read = parse_instant(&text, zone);
    read.map_err(|problem| slot.wrong(format!("{} {problem}", quoted(&text)), out)).ok()
}

/// The judgement of schedules, and what was told about those that many jobs share: looking at the
/// changes of clocks to come is dear.
#[derive(Debug)]
pub(super) struct Told<'a> {
    outlook: Outlook,
    known: HashMap<(&'a str, Option<&'a str>), Vec<Warning>>,
}

impl<'a> Told<'a> {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self { outlook: Outlook::from(now), known: HashMap::new() }
    }

    /// Has the schedule of a job judged; gives its timetable, if it has one that is right.
    pub(super) fn judge(
        &mut self,
        read: &'a Read,
        context: &Context<'_>,
        out: &mut Findings,
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
                out.error(at, format!("`schedule`: {error}"));
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
            out.warning(place.at, message);
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
