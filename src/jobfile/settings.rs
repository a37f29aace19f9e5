//! Reading the top of jobs.yaml: zone, stop, workers, calendars, limits.
//!
//! Owns what these keys mean. Leaves `defaults` and `jobs` to `job`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::TZ_VARIANTS;

use super::diagnostics::{Diagnostics, Mark, quoted};
use super::fields::{Fields, Slot, set};
use super::keys::Scope;
use super::rules::Rules;
use super::{ics, source};
use crate::model::{Calendar, OnStop, Pool, Retention, Settings, WorkerId};
use crate::schedule::parse_zone;

/// How many calendars may be read from files of their own.
const MOST_CALENDAR_FILES: usize = 100;

/// Reads the top-level keys but `defaults` and `jobs`.
pub(super) fn read(fields: &Fields<'_>, rules: &Rules<'_>, out: &mut Diagnostics) -> Settings {
    let timezone = fields.get("timezone").and_then(|slot| zone(slot, out));
    let mut settings = Settings { timezone, ..Settings::default() };
    let words = [("leave", OnStop::Leave), ("wait", OnStop::Wait), ("cancel", OnStop::Cancel)];
    let on_stop = fields.get("on_stop").and_then(|slot| slot.one_of(&words, out));
    set(&mut settings.on_stop, on_stop);
    set(&mut settings.shutdown_grace, fields.duration("shutdown_grace", out));
    settings.workers = fields.get("workers").and_then(|slot| workers(slot, out));
    let limits = fields.get("limits").and_then(|slot| limits(slot, out));
    set(&mut settings.limits, limits);
    let calendars = fields.get("calendars").and_then(|slot| calendars(slot, rules, out));
    set(&mut settings.calendars, calendars);
    let retention = fields.get("retention").and_then(|slot| retention(slot, out));
    set(&mut settings.retention, retention);
    settings
}

/// How much history is kept; what is not said is the default.
fn retention(slot: Slot<'_>, out: &mut Diagnostics) -> Option<Retention> {
    let fields = slot.fields(Scope::Retention, "a map such as {days: 30, per_job: 1000}", out)?;
    let mut retention = Retention::default();
    let number = |name, most, out: &mut Diagnostics| {
        let number = fields.get(name)?.integer(1, most, out)?;
        u32::try_from(number).ok()
    };
    set(&mut retention.days, number("days", 36_500, out));
    set(&mut retention.per_job, number("per_job", 1_000_000, out));
    set(&mut retention.output, fields.size("output", out));
    let events = fields.get("events").and_then(|slot| slot.integer(1, 1_000_000_000, out));
    set(&mut retention.events, events.and_then(|number| u64::try_from(number).ok()));
    Some(retention)
}

/// The IANA name of a zone.
pub(super) fn zone(slot: Slot<'_>, out: &mut Diagnostics) -> Option<String> {
    let name = slot.line(out)?;
    let known = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(&name));
    if let Some(zone) = known {
        return Some(zone.name().to_owned());
    }
    // Looking for the nearest name is expensive: not for each of ten thousand jobs.
    let error = out.may_compare(2 * TZ_VARIANTS.len()).then(|| parse_zone(&name).err()).flatten();
    let nearest = error.and_then(|error| error.suggestion);
    let hint = nearest.map_or_else(
        || ": write it like Europe/Berlin or UTC".to_owned(),
        |nearest| format!(": did you mean {}?", quoted(&nearest)),
    );
    slot.wrong(format!("{} is not a time zone{hint}", quoted(&name)), out);
    None
}

fn workers(slot: Slot<'_>, out: &mut Diagnostics) -> Option<Vec<Pool>> {
    let items = slot.list("a list of workers such as [{id: worker-1, capacity: 4}]", out)?;
    let mut pools = Vec::new();
    let mut seen: HashMap<WorkerId, Mark> = HashMap::new();
    for item in items {
        let what = "a worker such as {id: worker-1, capacity: 4}";
        let Some(fields) = slot.item(item).fields(Scope::Worker, what, out) else { continue };
        let Some(id) = fields.get("id") else {
            fields.missing("id", fields.at, "a worker needs an `id`", out);
            continue;
        };
        let host = fields.line("host", out);
        let labels = fields.lines("labels", out).unwrap_or_default();
        let capacity = match fields.get("capacity") {
            Some(capacity) => capacity.count(out),
            None => {
                let message = "a worker needs a `capacity`: how many jobs it runs at once";
                fields.missing("capacity", id.key_at, message, out);
                None
            }
        };
        let Some(worker) = worker_id(id, out) else { continue };
        if let Some(first) = seen.insert(worker.clone(), id.node.at) {
            let message = format!("is already the id of the worker on line {}", first.line);
            id.wrong(format!("{} {message}", quoted(worker.as_str())), out);
        }
        if let Some(capacity) = capacity {
            pools.push(Pool { id: worker, host, capacity, labels });
        }
    }
    Some(pools)
}

/// An id of a worker.
pub(super) fn worker_id(slot: Slot<'_>, out: &mut Diagnostics) -> Option<WorkerId> {
    let text = slot.line(out)?;
    WorkerId::new(&text).map_err(|problem| slot.wrong(problem.to_string(), out)).ok()
}

fn limits(slot: Slot<'_>, out: &mut Diagnostics) -> Option<BTreeMap<String, u32>> {
    let entries = slot.entries("a map such as {db: 2}", out)?;
    let read = entries.iter().filter_map(|entry| {
        let name = name(slot, &entry.key, entry.key_at, out)?;
        Some((name, slot.item(&entry.value).count(out)?))
    });
    Some(read.collect())
}

fn calendars(
    slot: Slot<'_>,
    rules: &Rules<'_>,
    out: &mut Diagnostics,
) -> Option<BTreeMap<String, Calendar>> {
    let entries = slot.entries("a map such as {de: {holidays: [\"2026-12-25\"]}}", out)?;
    let mut calendars = BTreeMap::new();
    let mut files = 0;
    for entry in entries {
        let what = "a calendar such as {holidays: [\"2026-12-25\"]} or {file: holidays.ics}";
        let fields = slot.item(&entry.value).fields(Scope::Calendar, what, out);
        let name = name(slot, &entry.key, entry.key_at, out);
        let Some(fields) = fields else { continue };
        let (inline, file) = (fields.get("holidays"), fields.get("file"));
        let errors = out.error_count();
        let mut holidays = BTreeSet::new();
        if let Some(days) = inline {
            let items = days.list("a list of dates such as [\"2026-12-25\"]", out).unwrap_or(&[]);
            holidays.extend(items.iter().filter_map(|item| date(days.item(item), out)));
        }
        if let Some(file) = file {
            files += 1;
            if files <= MOST_CALENDAR_FILES {
                holidays.extend(calendar_file(file, rules, out).unwrap_or_default());
            } else {
                file.wrong(
                    format!("at most {MOST_CALENDAR_FILES} calendars can have a `file`"),
                    out,
                );
            }
        }
        if inline.is_none() && file.is_none() {
            let name = quoted(&entry.key);
            let message = format!("calendar {name} needs `holidays` or `file`");
            fields.missing("holidays", entry.key_at, message, out);
        }
        let failed = out.error_count() > errors;
        let shown = quoted(&entry.key);
        match holidays.last() {
            Some(last) if *last < rules.now.date_naive() => {
                let message =
                    format!("calendar {shown} ends on {last}: no day of it is still to come");
                out.warning(entry.key_at, message);
            }
            None if !failed => out.warning(entry.key_at, format!("calendar {shown} has no day")),
            Some(_) | None => {}
        }
        let holidays = Arc::new(holidays);
        calendars.extend(name.map(|name| (name, Calendar { holidays })));
    }
    Some(calendars)
}

/// The files that calendars are read from.
pub(super) fn calendar_files(fields: &Fields<'_>, rules: &Rules<'_>) -> Vec<PathBuf> {
    // Their errors were reported when they were read.
    let mut out = Diagnostics::default();
    let entries =
        fields.get("calendars").and_then(|slot| Some((slot, slot.entries("", &mut out)?)));
    let Some((slot, entries)) = entries else { return Vec::new() };
    let files = entries.iter().filter_map(|entry| {
        let fields = slot.item(&entry.value).fields(Scope::Calendar, "", &mut out)?;
        Some(rules.base_dir.join(fields.line("file", &mut out)?))
    });
    files.take(MOST_CALENDAR_FILES).collect()
}

/// The days of an iCalendar file.
fn calendar_file(
    slot: Slot<'_>,
    rules: &Rules<'_>,
    out: &mut Diagnostics,
) -> Option<BTreeSet<NaiveDate>> {
    let written = slot.line(out)?;
    if written == "~" || written.starts_with("~/") {
        slot.wrong("`~` is not expanded: write the full path", out);
        return None;
    }
    let text = source::read_calendar(&rules.base_dir.join(&written));
    let text = text.map_err(|error| slot.wrong(error.to_string(), out)).ok()?;
    let days = ics::days(&text);
    days.map_err(|problem| slot.wrong(format!("{}: {problem}", quoted(&written)), out)).ok()
}

/// A name that the author gives as a key.
fn name(slot: Slot<'_>, key: &str, at: Mark, out: &mut Diagnostics) -> Option<String> {
    if WorkerId::new(key).is_ok() {
        return Some(key.to_owned());
    }
    let message = "is not a valid name: use a-z, 0-9, `.`, `_`, `-`";
    let message = format!("`{}`: {} {message}", slot.key.name, quoted(key));
    out.error_about(slot.subject(), at, message);
    None
}

fn date(slot: Slot<'_>, out: &mut Diagnostics) -> Option<NaiveDate> {
    let text = slot.line(out)?;
    let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    if date.is_none() {
        slot.wrong(format!("{} is not a date such as 2026-12-25", quoted(&text)), out);
    }
    date
}
