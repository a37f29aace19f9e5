//! Changes: requested, reported when they are done, and undone.
//!
//! Owns the list of what the user did. What an edit of a definition would write is shown first (`edit`);
//! everything else is asked for at once.

use super::requests::{ask, change_each, confirm_each, done_to_many, is_users, remember};
use super::{edit, form};
use crate::control::enables;
use crate::driver::JobEdit;
use crate::model::{JobId, Refusal, Severity};
use crate::tui::change::{Back, Change, Done, Origin};
use crate::tui::keys::Action;
use crate::tui::message::{Answer, Command, Outcome, Request};
use crate::tui::model::{Layer, Model};

/// All are paused, or, where they are paused already, resumed.
pub(super) fn pause(model: &mut Model) -> Vec<Command> {
    let jobs = model.selected_jobs();
    let is_paused = |id: &JobId| model.world.job(id).is_some_and(|job| job.paused.is_some());
    let resume = jobs.iter().all(is_paused);
    let jobs = jobs.into_iter().filter(|id| is_paused(id) == resume);
    let change = |job| {
        if resume {
            Change::Resume { job }
        } else {
            Change::Pause { job, until: None, reason: None }
        }
    };
    let changes = jobs.map(|job: JobId| (job.clone(), change(job))).collect();
    confirm_each(model, if resume { "resume" } else { "pause" }, changes)
}

/// All skip their next fire time, or, where they do already, none.
pub(super) fn skip_next(model: &mut Model) -> Vec<Command> {
    let jobs = model.selected_jobs();
    let skips = |id: &JobId| model.world.job(id).is_some_and(|job| job.skip_next.is_some());
    let undo = !jobs.is_empty() && jobs.iter().all(skips);
    let fires = |id: &JobId| model.world.job(id).is_some_and(|job| job.next_fire_time.is_some());
    let first = jobs.first().cloned();
    let chosen: Vec<JobId> =
        jobs.into_iter().filter(|id| skips(id) == undo && (undo || fires(id))).collect();
    if let (true, Some(job)) = (chosen.is_empty(), first) {
        model.notice(Severity::Info, format!("{job} has no next fire time to skip"));
    }
    let change = |job: JobId| (job.clone(), Change::SkipNext { job, undo });
    let verb = if undo { "restore the next fire time of" } else { "skip the next fire time of" };
    confirm_each(model, verb, chosen.into_iter().map(change).collect())
}

/// A job that was acknowledged no longer is; of any other that is wrong it is asked what is known about it.
pub(super) fn acknowledge(model: &mut Model) -> Vec<Command> {
    let wrong = form::selected_wrong(model);
    let known = |job: &JobId| model.world.job(job).is_some_and(|it| it.acknowledged.is_some());
    if wrong.is_empty() || !wrong.iter().all(known) {
        form::acknowledge(model);
        return Vec::new();
    }
    let change = |job: JobId| (job.clone(), Change::Acknowledge { job, note: None });
    let verb = "withdraw the acknowledgement of";
    confirm_each(model, verb, wrong.into_iter().map(change).collect())
}

pub(super) fn drain(model: &mut Model) -> Vec<Command> {
    let Some(worker) = model.selected_worker() else {
        return Vec::new();
    };
    if worker.drained.is_none() {
        form::drain(model);
        return Vec::new();
    }
    let change = Change::Drain { worker: worker.id.clone(), drain: false, reason: None };
    change_each(model, vec![change])
}

pub(super) fn enable(model: &mut Model, enabled: bool) -> Vec<Command> {
    let differs =
        |id: &JobId| model.world.job(id).is_some_and(|job| job.definition.enabled != enabled);
    let jobs: Vec<JobId> = model.selected_jobs().into_iter().filter(differs).collect();
    if jobs.is_empty() {
        let word = if enabled { "enabled" } else { "disabled" };
        model.notice(Severity::Info, format!("already {word}"));
    }
    let edit = |job: JobId| {
        let edit = JobEdit::Patch(enables(enabled));
        (job.clone(), Change::Edit { job, edit, if_version: None })
    };
    let verb = if enabled { "enable" } else { "disable" };
    confirm_each(model, verb, jobs.into_iter().map(edit).collect())
}

pub(super) fn delete(model: &mut Model) -> Vec<Command> {
    if model.layers.is_empty() && model.selected_jobs().len() > 1 {
        let esc = model.way(Action::Close);
        let shown_text = format!("delete one job at a time: {esc} clears the marks");
        model.notice(Severity::Warning, shown_text);
        return Vec::new();
    }
    let id = model.selected_job();
    let version = id.as_ref().and_then(|id| model.world.job(id)).map(|job| job.version);
    let (Some(job), Some(version)) = (id, version) else {
        return Vec::new();
    };
    let change = Change::Edit { job, edit: JobEdit::Delete, if_version: Some(version) };
    vec![ask(model, change)]
}

/// Takes back what was done last, or says why it cannot be.
pub(super) fn undo(model: &mut Model) -> Vec<Command> {
    let Some(Done { what, back }) = model.done.pop() else {
        model.notice(Severity::Info, "nothing to undo");
        return Vec::new();
    };
    let why_not = back.iter().find_map(|back| match back {
        Back::No(why) => Some(why.clone()),
        Back::By(_) => None,
    });
    if let Some(why) = why_not {
        let before = model.done.last();
        let undo = model.way(Action::Undo);
        let before = before.map(|it| format!("; {undo} again undoes: {}", it.what));
        let text = format!("cannot undo: {what}; {why}{}", before.unwrap_or_default());
        model.notice(Severity::Warning, text);
        return Vec::new();
    }
    let origin = Origin::Undo(what);
    let request = |back| match back {
        Back::By(change) if change.is_shown_first() => {
            Some(Request::Rehearse { change: *change, origin: origin.clone() })
        }
        Back::By(change) => Some(Request::Change { change: *change, origin: origin.clone() }),
        Back::No(_) => None,
    };
    let mut requests: Vec<Request> = back.into_iter().filter_map(request).collect();
    if requests.len() > 1 {
        return vec![Command::Ask(Request::Each(requests))];
    }
    requests.pop().map(Command::Ask).into_iter().collect()
}

/// A change was carried out, or refused.
pub(super) fn on_changed(
    model: &mut Model,
    change: &Change,
    origin: Origin,
    result: Result<Outcome, Refusal>,
) {
    let edit = matches!(change, Change::Edit { .. });
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(refusal) => return edit::refused(model, change, &origin, &refusal),
    };
    if edit {
        model.layers.retain(|opened| !matches!(opened, Layer::Diff { .. } | Layer::Versions(_)));
        if is_users(&origin) {
            model.form = None;
        }
    }
    let mut shown_text = match &origin {
        Origin::User(_) => change.describe(),
        Origin::Undo(what) => format!("undone: {what}"),
    };
    // What was shown before it was written has shown its warnings; else only those of this job belong here.
    let warning = match (&outcome, change) {
        (Outcome::Edited(edited), Change::Edit { job, .. }) if !change.is_shown_first() => {
            let name = format!("`{job}`");
            edited.change.plan.warnings.iter().find(|warning| warning.contains(&name)).cloned()
        }
        _ => None,
    };
    if let Origin::User(back) = origin {
        if matches!(back, Back::By(_)) {
            remember(model, shown_text.clone(), vec![back]);
            shown_text = format!("{shown_text} ({} to undo)", model.way(Action::Undo));
        } else {
            remember(model, shown_text.clone(), vec![back]);
        }
    }
    match warning {
        Some(warning) => {
            model.notice(Severity::Warning, format!("{shown_text}; warning: {warning}"))
        }
        None => model.notice(Severity::Info, shown_text),
    }
}

/// What each of many came to, as far as it is a change: what takes all of it back.
pub(super) fn backs(answers: &[Answer]) -> Option<(String, Vec<Back>)> {
    let (mut first, mut many) = (String::new(), String::new());
    let mut backs = Vec::new();
    for answer in answers {
        if let Answer::Changed { change, origin: Origin::User(back), result: Ok(_) } = answer {
            (first, many) = (change.describe(), done_to_many(change));
            backs.push(back.clone());
        }
    }
    match backs.len() {
        0 => None,
        1 => Some((first, backs)),
        count => Some((many.replace("{n}", &count.to_string()), backs)),
    }
}
