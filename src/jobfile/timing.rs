//! Reading when a job fires: schedule, zone, calendar, bounds, jitter.
//!
//! Owns the way from a place in a schedule's text to a place in the file. The schedule itself is checked in `schedules`.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::context::Context;
use super::diagnostics::{Diagnostics, Mark, quoted};
use super::fields::{Fields, Slot, set_some};
use super::keys::Scope;
use super::settings;
use super::tree::Content;
use crate::model::{CalendarRule, Job};
use crate::schedule::{parse_instant, parse_zone};

/// A schedule and where its characters stand.
#[derive(Debug, Clone)]
pub(super) struct ScheduleText {
    pub(super) at: Mark,
    offset: Option<usize>,
    /// Whether what belongs to it could be read.
    pub(super) usable: bool,
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
    pub(super) fn place(&self, text: &str, start: usize) -> Mark {
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
    out: &mut Diagnostics,
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

fn calendar(slot: Slot<'_>, context: &Context<'_>, out: &mut Diagnostics) -> Option<CalendarRule> {
    let what = "a map such as {skip: holidays}";
    let fields = slot.fields(Scope::CalendarRule, what, out)?;
    let (name, rule) = match (fields.get("skip"), fields.get("only")) {
        (Some(slot), None) => (slot, CalendarRule::Skip(slot.line(out)?)),
        (None, Some(slot)) => (slot, CalendarRule::Only(slot.line(out)?)),
        _ => {
            slot.wrong("needs exactly one of `skip` and `only`", out);
            return None;
        }
    };
    let (CalendarRule::Skip(calendar) | CalendarRule::Only(calendar)) = &rule;
    let calendars = &context.settings.calendars;
    if !calendars.contains_key(calendar) {
        let hint = out.did_you_mean(calendar, calendars.keys().map(String::as_str));
        let hint = if hint.is_empty() { ": define it in `calendars`" } else { &hint };
        name.wrong(format!("no calendar named {}{hint}", quoted(calendar)), out);
        return None;
    }
    Some(rule)
}

/// `start_at` and `end_at`: a time without an offset is meant in the job's zone.
pub(super) fn bounds(
    job: &mut Job,
    fields: &Fields<'_>,
    context: &Context<'_>,
    out: &mut Diagnostics,
) {
    let name = job.timezone.as_ref().or(context.settings.timezone.as_ref());
    let zone = name.and_then(|name| parse_zone(name).ok()).unwrap_or(context.rules.system_zone);
    set_some(&mut job.start_at, fields.get("start_at").and_then(|slot| time(slot, zone, out)));
    let Some(end) = fields.get("end_at") else { return };
    set_some(&mut job.end_at, time(end, zone, out));
    if let (Some(start_at), Some(end_at)) = (job.start_at, job.end_at)
        && end_at < start_at
    {
        end.wrong("must not be before `start_at`", out);
    }
}

fn time(slot: Slot<'_>, zone: Tz, out: &mut Diagnostics) -> Option<DateTime<Utc>> {
    let text = slot.line(out)?;
    let read = parse_instant(&text, zone);
    read.map_err(|problem| slot.wrong(format!("{} {problem}", quoted(&text)), out)).ok()
}
