//! What the engine says: pictures, batches, output that grew.

use crate::driver::{Batch, Feed, Snapshot};
use crate::model::{Event, EventKind, Health, Outcome, Role, Severity};
use crate::tui::keys::Action;
use crate::tui::message::Command;
use crate::tui::model::load::Load;
use crate::tui::model::{Layer, Link, MOST_EVENTS, Model, Topic, World};

/// A message of the feed.
pub(super) fn on_feed(model: &mut Model, feed: Feed) -> Vec<Command> {
    match feed {
        Feed::Batch(batch) => on_batch(model, &batch),
        Feed::OutputGrew { key, .. } => {
            let opened = model.layers.iter_mut().filter_map(|opened| match opened {
                Layer::Output(output) => Some(output.as_mut()),
                _ => None,
            });
            for output in opened.chain(model.preview.as_mut()).filter(|it| it.key == key) {
                output.touch();
            }
        }
        Feed::File(file) => {
            if file.changed && !model.world.engine.file.changed {
                let path = file.path.as_deref().unwrap_or("jobs.yaml");
                let how = if model.may(Role::Admin) {
                    format!(": {} shows the changes", model.way(Action::Reload))
                } else {
                    String::new()
                };
                model.notice(Severity::Info, format!("{path} changed{how}"));
            }
            model.world.engine.file = file;
        }
        Feed::Health(health) => {
            model.world.health = health;
            notice_health(model);
        }
        Feed::Stopped => model.link = Link::Down("it stopped".to_owned()),
    }
    Vec::new()
}

/// Each change of the engine's health is a notice.
fn notice_health(model: &mut Model) {
    let now = model.world.health.clone();
    let before = std::mem::replace(&mut model.noticed_health, now.clone());
    let (severity, text) = match (&before, &now) {
        (before, now) if before == now => return,
        (_, Health::Down { problems }) => {
            (Severity::Error, format!("engine down, nothing fires: {}", problems.join("; ")))
        }
        (_, Health::Ok) => (Severity::Info, "the engine is ok again".to_owned()),
        (Health::Degraded { problems: known }, Health::Degraded { problems }) => {
            let new: Vec<&String> = problems.iter().filter(|it| !known.contains(it)).collect();
            match new.split_first() {
                Some((first, more)) => (Severity::Error, degraded(first, more.len())),
                None => (Severity::Info, degraded_by(problems)),
            }
        }
        (Health::Ok | Health::Down { .. }, Health::Degraded { problems }) => {
            (Severity::Error, degraded_by(problems))
        }
    };
    model.notice_about(Topic::Health, severity, text);
}

fn degraded_by(problems: &[String]) -> String {
    let (first, more) = problems.split_first().map_or(("", 0), |(it, more)| (it, more.len()));
    degraded(first, more)
}

fn degraded(first: &str, more: usize) -> String {
    let more = if more == 0 { String::new() } else { format!(" and {more} more: see System") };
    format!("engine degraded: {first}{more}")
}

/// A fresh picture, at the start or after a gap: nothing that was read before it can be trusted to
/// be complete.
pub(super) fn on_snapshot(model: &mut Model, snapshot: Snapshot) -> Vec<Command> {
    if matches!(model.link, Link::Down(_)) {
        model.notice(Severity::Info, "the engine is back");
    }
    model.link = Link::Up;
    model.world = World::new(snapshot);
    notice_health(model);
    model.jobs.touch_definitions();
    let world = &model.world;
    model.jobs.marks.retain(|id| world.job(id).is_some());
    model.totals_stale = true;
    model.system.counts_stale = true;
    model.system.timeline_stale = true;
    // What ended meanwhile is read again.
    model.system.load = Load::new(model.now);
    model.system.forget_events();
    if let Some(details) = model.details.as_mut() {
        details.stale = true;
    }
    for opened in &mut model.layers {
        if let Layer::Output(output) = opened {
            output.touch();
        }
    }
    if model.executions.is_unstarted() {
        Vec::new()
    } else {
        super::lists::reload_executions(model)
    }
}

fn on_batch(model: &mut Model, batch: &Batch) {
    let Some(changes) = model.world.apply(batch) else {
        return;
    };
    model.totals_stale |= changes.jobs || changes.executions;
    if changes.job_set {
        model.jobs.touch_definitions();
        let world = &model.world;
        model.jobs.marks.retain(|id| world.job(id).is_some());
        model.system.timeline_stale = true;
    } else if changes.jobs || changes.executions {
        model.jobs.touch_status();
    }
    if changes.executions {
        model.executions.apply(&batch.executions);
        model.system.counts_stale = true;
        on_executions(model, batch);
    }
    on_details(model, batch);
    for event in &batch.events {
        on_event(model, event);
    }
    // More of them than the log holds need not be looked at.
    for event in batch.events.iter().skip(batch.events.len().saturating_sub(MOST_EVENTS)) {
        model.system.log(event.clone());
    }
}

fn on_executions(model: &mut Model, batch: &Batch) {
    for changed in &batch.executions {
        model.system.load.see(changed);
        if changed.state.is_final() && model.is_followed(changed.id) {
            let state = changed.state.name();
            let (severity, text) =
                super::answers::outcome(changed, state, &changed.reason.to_string());
            model.notice_about(Topic::Execution(changed.id), severity, text);
        }
        for opened in &mut model.layers {
            match opened {
                Layer::Execution { execution, .. } if execution.id == changed.id => {
                    *execution = changed.clone();
                }
                Layer::Output(output) if output.execution.id == changed.id => {
                    output.execution = changed.clone();
                    output.touch();
                }
                _ => {}
            }
        }
        if let Some(preview) = model.preview.as_mut()
            && preview.key.execution_id == changed.id
        {
            preview.touch();
        }
    }
}

fn on_details(model: &mut Model, batch: &Batch) {
    let Some(details) = model.details.as_mut() else {
        return;
    };
    let mine = batch.jobs.iter().any(|job| job.definition.id == details.job)
        || batch.executions.iter().any(|execution| execution.job_id == details.job);
    details.stale |= mine;
}

fn on_event(model: &mut Model, event: &Event) {
    let is_alarm = match &event.kind {
        // One that the user asked for has a notice of its own.
        EventKind::ExecutionChanged { execution_id, state, .. } => {
            state.is_failure() && !model.is_followed(*execution_id)
        }
        EventKind::OnFailureEnded { outcome, .. } => *outcome != Outcome::Succeeded,
        EventKind::JobRemoved { job_id } => {
            let is_its = |layer: &Layer| matches!(layer, Layer::Job { id, .. } if id == job_id);
            model.layers.retain(|layer| !is_its(layer));
            false
        }
        EventKind::AttemptStarted { .. }
        | EventKind::AttemptStopping { .. }
        | EventKind::JobAdded { .. }
        | EventKind::JobChanged { .. }
        | EventKind::JobPaused { .. }
        | EventKind::JobResumed { .. }
        | EventKind::FireTimesPassed { .. }
        | EventKind::FireTimeCalledOff { .. }
        | EventKind::FireTimeRestored { .. }
        | EventKind::FailureAcknowledged { .. }
        | EventKind::AcknowledgementEnded { .. }
        | EventKind::WorkerChanged { .. }
        // The message about it is a notice.
        | EventKind::HealthChanged { .. }
        | EventKind::Reloaded { .. }
        | EventKind::ClockStepped { .. }
        | EventKind::AttemptAbandoned { .. }
        | EventKind::EngineStarted { .. }
        | EventKind::EngineStopping { .. } => false,
    };
    if is_alarm {
        model.notice(Severity::Error, event.kind.sentence());
    }
}
