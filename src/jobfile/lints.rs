//! Warnings about jobs among each other, once each is valid by itself: too many due in one second, and dependencies that
//! fire less often than the job that depends on them.
//!
//! Owns the limits on looking ahead. Reports warnings only.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::context::Context;
use super::diagnostics::{Diagnostics, Mark, Subject, quoted};
use super::fields::Fields;
use super::job::Read;
use super::placement;
use crate::model::JobId;
use crate::schedule::{Timetable, pile_ups};

/// How far ahead pile-ups are looked for.
const PILE_UP_DAYS: i64 = 7;
/// How many fire times the search for dependencies that fire too seldom looks at.
const MOST_FIRE_TIMES: usize = 20_000;
/// How many of them may be those of one dependency.
const MOST_FIRE_TIMES_OF_ONE: usize = 100;

/// The timetables of jobs that fire, each with its job's number in the file.
pub(super) type Tables = Vec<(usize, Timetable)>;

/// Warns of more jobs due at one second than the workers of the file have slots.
pub(super) fn pile_up(
    jobs: &[Read],
    tables: &Tables,
    fields: &Fields<'_>,
    context: &Context<'_>,
    out: &mut Diagnostics,
) {
    // Without a word about workers it is the machine that says how many slots there are.
    let (Some(slot), Some(pools)) = (fields.get("workers"), &context.settings.workers) else {
        return;
    };
    let slots = u32::try_from(placement::slots(pools)).unwrap_or(u32::MAX);
    if slots == 0 {
        return;
    }
    let firing = tables.iter().filter(|(number, _)| jobs[*number].job.enabled);
    let named = |(number, table): &(usize, Timetable)| {
        jobs[*number].id.as_ref().map(|(id, _)| (id.as_str(), table.clone()))
    };
    let firing: Vec<(&str, Timetable)> = firing.filter_map(named).collect();
    let horizon = TimeDelta::days(PILE_UP_DAYS);
    for warning in pile_ups(&firing, slots, context.rules.now, horizon) {
        out.warning_about(slot.subject(), slot.key_at, warning.message);
    }
}

/// A job with a schedule that waits for another one.
struct Edge<'a> {
    job: &'a JobId,
    table: &'a Timetable,
    on: &'a JobId,
    on_table: &'a Timetable,
    at: Mark,
}

/// Warns of dependencies that need not fire between two fire times of a job: without `within` only
/// what ended since the fire time before counts.
pub(super) fn rare_dependencies(
    jobs: &[Read],
    tables: &Tables,
    context: &Context<'_>,
    out: &mut Diagnostics,
) {
    let edges = edges(jobs, tables);
    let share = (MOST_FIRE_TIMES / edges.len().max(1)).clamp(2, MOST_FIRE_TIMES_OF_ONE);
    for edge in edges.iter().take(MOST_FIRE_TIMES) {
        let Some((from, to)) = edge.gap(context.rules.now, share) else { continue };
        let shown = |time: DateTime<Utc>| {
            time.with_timezone(&edge.table.zone()).format("%a %Y-%m-%d %H:%M:%S")
        };
        let (job, on) = (quoted(edge.job.as_str()), quoted(edge.on.as_str()));
        let message = format!(
            "`dependencies` of {job}: {on} fires less often and not between {} and {}, so {job} would \
             wait for nothing: set `within`, the maximum age of its result",
            shown(from),
            shown(to),
        );
        out.warning_about(Subject::Key("dependencies"), edge.at, message);
    }
}

fn edges<'a>(jobs: &'a [Read], tables: &'a Tables) -> Vec<Edge<'a>> {
    let fires = |(_, table): &&(usize, Timetable)| !table.is_reboot();
    let by_id: HashMap<&JobId, &Timetable> = tables
        .iter()
        .filter(fires)
        .filter_map(|(number, table)| Some((&jobs[*number].id.as_ref()?.0, table)))
        .collect();
    let mut edges = Vec::new();
    for (number, table) in tables.iter().filter(fires) {
        let Read { job, dependencies_at, .. } = &jobs[*number];
        for (dependency, at) in job.dependencies.iter().zip(dependencies_at) {
            let on = &dependency.job;
            if let (Some(on_table), None) = (by_id.get(on), dependency.within) {
                edges.push(Edge { job: &job.id, table, on, on_table, at: *at });
            }
        }
    }
    edges
}

impl Edge<'_> {
    /// The first two neighbouring fire times of the job, of the `most` next ones, between which the
    /// dependency does not fire.
    fn gap(&self, now: DateTime<Utc>, most: usize) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let mut from = self.table.fire_time_after(now)?;
        for _ in 1..most {
            let to = self.table.fire_time_after(from)?;
            if self.on_table.fire_time_after(from).is_none_or(|fires| fires > to) {
                return Some((from, to));
            }
            from = to;
        }
        None
    }
}
