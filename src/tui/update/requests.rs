//! Changes, as requests: how one is asked for, and how it is remembered so that it can be undone.
//!
//! Owns what is shown before it is written. Never knows which key or form led here.

use crate::driver::JobEdit;
use crate::model::JobId;
use crate::tui::change::{Back, Change, Done, Origin};
use crate::tui::message::{Command, Request};
use crate::tui::model::{Model, Question};

/// Things that were done and can be taken back.
const MOST_DONE: usize = 100;

/// The command that asks for a change of the user's.
pub(super) fn ask(model: &Model, change: Change) -> Command {
    Command::Ask(request(model, change))
}

fn request(model: &Model, change: Change) -> Request {
    let origin = Origin::User(change.back(&model.world));
    if change.is_shown_first() {
        Request::Rehearse { change, origin }
    } else {
        Request::Change { change, origin }
    }
}

/// Asks for all of them at once.
pub(super) fn change_each(model: &mut Model, changes: Vec<Change>) -> Vec<Command> {
    let mut requests: Vec<Request> =
        changes.into_iter().map(|change| request(model, change)).collect();
    model.clear_listed_marks();
    if requests.len() > 1 {
        return vec![Command::Ask(Request::Each(requests))];
    }
    requests.pop().map(Command::Ask).into_iter().collect()
}

/// One change is asked for at once; of many the user is asked first, with their names.
pub(super) fn confirm_each(
    model: &mut Model,
    verb: &str,
    changes: Vec<(JobId, Change)>,
) -> Vec<Command> {
    if changes.len() < 2 {
        return change_each(model, changes.into_iter().map(|(_, change)| change).collect());
    }
    let what = format!("{verb} {}", named(changes.iter().map(|(job, _)| job)));
    let requests = changes.into_iter().map(|(_, change)| request(model, change)).collect();
    model.question = Some(Question::Each { what, lost: "", requests });
    Vec::new()
}

/// `2 jobs: cleanup, data-sync`.
pub(super) fn named<'a>(jobs: impl ExactSizeIterator<Item = &'a JobId>) -> String {
    let count = jobs.len();
    let names: Vec<&str> = jobs.map(JobId::as_str).collect();
    format!("{count} jobs: {}", names.join(", "))
}

/// What was done to `{n}` jobs or workers.
pub(super) fn done_to_many(change: &Change) -> String {
    let text = match change {
        Change::Pause { .. } => "{n} jobs paused",
        Change::Resume { .. } => "{n} jobs resumed",
        Change::SkipNext { undo: false, .. } => "{n} jobs skip their next fire time",
        Change::SkipNext { undo: true, .. } => "next fire time of {n} jobs restored",
        Change::Acknowledge { note: Some(_), .. } => "{n} jobs acknowledged",
        Change::Acknowledge { note: None, .. } => "{n} jobs no longer acknowledged",
        Change::Drain { drain: true, .. } => "{n} workers drained",
        Change::Drain { drain: false, .. } => "{n} workers resumed",
        Change::Capacity { .. } => "slots of {n} workers set",
        Change::Edit { edit: JobEdit::Patch(patch), .. } => {
            match patch.get("enabled").and_then(serde_json::Value::as_bool) {
                Some(true) if patch.len() == 1 => "{n} jobs enabled",
                Some(false) if patch.len() == 1 => "{n} jobs disabled",
                _ => "{n} jobs changed",
            }
        }
        Change::Edit { edit: JobEdit::Create { .. }, .. } => "{n} jobs created",
        Change::Edit { edit: JobEdit::Delete, .. } => "{n} jobs deleted",
        Change::Edit { edit: JobEdit::Replace(_) | JobEdit::RollBack(_), .. } => "{n} jobs changed",
    };
    text.to_owned()
}

/// Remembers something of the user's that was done.
pub(super) fn remember(model: &mut Model, what: String, back: Vec<Back>) {
    model.done.push(Done { what, back });
    if model.done.len() > MOST_DONE {
        model.done.remove(0);
    }
}

/// Whether the origin is the user's own.
pub(super) const fn is_users(origin: &Origin) -> bool {
    matches!(origin, Origin::User(_))
}
