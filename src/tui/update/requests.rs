//! Changes, as requests: how one is asked for, and how it is remembered so that it can be undone.
//!
//! Owns what is shown before it is written. Never knows which key or form led here.

use crate::tui::change::{Back, Change, Done, Origin};
use crate::tui::message::{Command, Request};
use crate::tui::model::Model;

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

/// All of them: none takes anything away, so nothing is asked.
pub(super) fn change_each(model: &mut Model, changes: Vec<Change>) -> Vec<Command> {
    model.clear_marks();
    let mut requests: Vec<Request> =
        changes.into_iter().map(|change| request(model, change)).collect();
    if requests.len() > 1 {
        return vec![Command::Ask(Request::Each(requests))];
    }
    requests.pop().map(Command::Ask).into_iter().collect()
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
