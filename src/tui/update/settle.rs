//! Once before a frame: lists, windows and requests are brought in line with all that came since
//! the last one.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::jobfile;
use crate::model::{AttemptKey, Execution, JobId};
use crate::tui::keys::Tab;
use crate::tui::message::{Command, Request};
use crate::tui::model::load::SLOT;
use crate::tui::model::{Details, Layer, Link, Model, Output, World};

/// Bytes of output that are read for the pane beside an execution.
const PREVIEW_BYTES: u64 = 512 << 10;

/// Brings everything in line; answers what is missing for what is to be seen. `layer_rows` is how
/// many lines the view makes of what is opened.
pub(crate) fn settle(model: &mut Model, layer_rows: usize) -> Vec<Command> {
    let (_, height) = model.window();
    if std::mem::take(&mut model.totals_stale) {
        model.totals = model.world.totals();
    }
    match model.tab {
        Tab::Jobs => {
            let zone = model.zone();
            model.jobs.measure(&model.world, zone);
            model.jobs.settle(&model.world, height);
        }
        Tab::Executions => {
            let rows = model.executions.rows().len();
            model.executions.cursor.settle(rows, height);
        }
        Tab::Workers => model.workers.settle(&model.world, height),
        Tab::System => {
            let rows = model.event_rows();
            model.system.settle(rows);
        }
    }
    if let Some(scroll) = model.layers.last_mut().and_then(Layer::scroll_mut) {
        scroll.settle(layer_rows, height);
    }
    let mut commands = Vec::new();
    if model.link == Link::Up && model.areas().is_some() {
        if model.tab == Tab::Executions && model.executions.is_unstarted() {
            commands.extend(super::lists::reload_executions(model));
        }
        let load = (model.tab == Tab::System && !model.system.load.asked).then(|| {
            model.system.load.asked = true;
            Request::Load
        });
        let requests =
            [details(model), events(model), counts(model), load, timeline(model), preview(model)];
        commands.extend(requests.into_iter().flatten().map(Command::Ask));
        commands.extend(super::job_form::wanted(model).into_iter().map(Command::Ask));
        for opened in &mut model.layers {
            if let Layer::Output(output) = opened {
                commands.extend(output.wanted().map(Command::Ask));
            }
        }
    }
    commands
}

/// The job whose details are to be seen: the opened one, or the selected one where there is a pane.
fn job_to_see(model: &Model) -> Option<JobId> {
    match model.layers.last() {
        Some(Layer::Job { id, .. }) => Some(id.clone()),
        Some(_) => None,
        None if model.tab == Tab::Jobs => {
            model.areas()?.pane?;
            model.jobs.selected().cloned()
        }
        None => None,
    }
}

fn details(model: &mut Model) -> Option<Request> {
    let wanted = job_to_see(model)?;
    let job = model.world.job(&wanted)?.clone();
    if model.details.as_ref().is_none_or(|details| details.job != wanted) {
        model.details = Some(Details {
            job: wanted.clone(),
            facts: None,
            definition: Vec::new(),
            version: 0,
            stale: true,
            asked_at: None,
        });
    }
    let details = model.details.as_mut()?;
    if details.version != job.version || details.definition.is_empty() {
        let yaml = jobfile::to_yaml(&job.definition);
        details.definition = yaml.lines().map(str::to_owned).collect();
        details.version = job.version;
    }
    // One request at a time: a key held down over a thousand jobs asks for the ones that are rested
    // on; and one a second, however often the job runs.
    let rested = details.asked_at.is_none_or(|at| model.now - at >= TimeDelta::seconds(1));
    if !details.stale || !rested || model.details_asked.is_some() {
        return None;
    }
    details.stale = false;
    details.asked_at = Some(model.now);
    model.details_asked = Some(wanted.clone());
    Some(Request::JobFacts { job: wanted, from: model.now })
}

fn events(model: &mut Model) -> Option<Request> {
    if model.tab != Tab::System || model.system.events_asked {
        return None;
    }
    model.system.events_asked = true;
    Some(Request::Events)
}

/// At most once a second, and only when an execution changed.
fn counts(model: &mut Model) -> Option<Request> {
    let system = &mut model.system;
    let rested = system.counts_at.is_none_or(|at| model.now - at >= TimeDelta::seconds(1));
    if model.tab != Tab::System || !system.counts_stale || !rested {
        return None;
    }
    system.counts_stale = false;
    system.counts_at = Some(model.now);
    Some(Request::Counts(midnight(model)))
}

/// At most once a minute, when jobs changed or the day that is known has gone on.
fn timeline(model: &mut Model) -> Option<Request> {
    let system = &mut model.system;
    let rested = system.timeline_at.is_none_or(|at| model.now - at >= TimeDelta::minutes(1));
    let from = this_slot(model.now);
    let old = system.timeline.as_ref().is_none_or(|it| it.from < from);
    if model.tab != Tab::System || !(system.timeline_stale || old) || !rested {
        return None;
    }
    system.timeline_stale = false;
    system.timeline_at = Some(model.now);
    let end = from + TimeDelta::hours(24);
    let soon = |at: DateTime<Utc>| at < end;
    let jobs = model.world.jobs().iter();
    let fires = jobs.filter(|job| job.next_fire_time.is_some_and(soon));
    let jobs = fires.map(|job| job.definition.id.clone()).collect();
    Some(Request::Timeline { jobs, from })
}

/// The beginning of this half hour.
fn this_slot(now: DateTime<Utc>) -> DateTime<Utc> {
    let into = now.timestamp().rem_euclid(SLOT);
    DateTime::from_timestamp(now.timestamp() - into, 0).unwrap_or(now)
}

/// The beginning of today, where times are shown.
pub(crate) fn midnight(model: &Model) -> DateTime<Utc> {
    let here = model.now.with_timezone(&model.zone());
    let start = here.date_naive().and_time(chrono::NaiveTime::MIN);
    // Where the day begins in a gap, the first hours that exist are near enough.
    let start = start.and_local_timezone(model.zone()).earliest();
    start.map_or(model.now - TimeDelta::hours(24), |start| start.to_utc())
}

/// The execution whose output is to be seen beside its details: the one that is opened or selected, or the
/// last failure of a failing job.
fn previewed(model: &Model) -> Option<Arc<Execution>> {
    let has_pane = || model.areas().is_some_and(|areas| areas.pane.is_some());
    let job = match model.layers.last() {
        Some(Layer::Execution { execution, .. }) => return Some(Arc::clone(execution)),
        Some(Layer::Job { id, .. }) => id,
        Some(_) => return None,
        None if !has_pane() => return None,
        None => match model.tab {
            Tab::Executions => return model.selected_execution(),
            Tab::Jobs => model.jobs.selected()?,
            Tab::Workers | Tab::System => return None,
        },
    };
    let details = model.details.as_ref().filter(|details| details.job == *job)?;
    let has_failed = model.world.job(job).is_some_and(|job| World::has_failed(job));
    details.facts.as_ref().filter(|_| has_failed)?.last_failure().cloned()
}

fn preview(model: &mut Model) -> Option<Request> {
    let execution = previewed(model)?;
    let attempt = execution.attempt_number();
    if attempt == 0 {
        model.preview = None;
        return None;
    }
    let key = AttemptKey { execution_id: execution.id, attempt };
    if model.preview.as_ref().is_none_or(|preview| preview.key != key) {
        if model.preview.as_ref().is_some_and(Output::is_under_way) {
            return None; // One at a time, as for details.
        }
        model.preview = Some(Output::new(execution, attempt));
    }
    let preview = model.preview.as_mut()?;
    if preview.bytes_read() >= PREVIEW_BYTES { None } else { preview.wanted() }
}
