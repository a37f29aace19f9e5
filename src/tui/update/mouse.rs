//! What the mouse does: rows, tabs, wheel. Never needed, and off until it is asked for.
//!
//! Owns what is under the pointer. All it does can be done with keys.

use ratatui::layout::Position;

use super::act::act;
use super::lists::go_to;
use crate::tui::cursor::Move;
use crate::tui::keys::{Action, Tab};
use crate::tui::layout;
use crate::tui::message::Command;
use crate::tui::model::{Layer, Model};
use crate::tui::terminal::Mouse;

/// Rows that a notch of the wheel moves.
const NOTCH: isize = 3;

/// A press or the wheel. While something is typed or asked the keyboard alone counts.
pub(super) fn on_mouse(model: &mut Model, what: Mouse, at: Position) -> Vec<Command> {
    let typing = model.question.is_some() || model.prompt.is_some() || model.form_takes_keys();
    if !model.mouse || typing || model.areas().is_none() {
        return Vec::new();
    }
    match what {
        Mouse::WheelUp => act(model, Action::Move(Move::By(-NOTCH))),
        Mouse::WheelDown => act(model, Action::Move(Move::By(NOTCH))),
        Mouse::Press => press(model, at),
    }
}

fn press(model: &mut Model, at: Position) -> Vec<Command> {
    let Some(areas) = model.areas() else {
        return Vec::new();
    };
    if areas.tabs.contains(at) {
        let texts = model.tab_texts(usize::from(model.size.width));
        if let Some(tab) = layout::tab_at(&texts, at.x) {
            go_to(model, tab);
        }
        return Vec::new();
    }
    // Under the titles, or under the name of what is opened.
    let area = if model.layers.is_empty() { areas.list } else { areas.body };
    if !area.contains(at) || at.y == area.y {
        return Vec::new();
    }
    press_row(model, usize::from(at.y - area.y - 1))
}

/// The row is selected; the one that is so already is opened.
fn press_row(model: &mut Model, row: usize) -> Vec<Command> {
    let (from, to, rows) = match (model.layers.last(), model.tab) {
        (Some(Layer::Versions(versions)), _) => {
            let rows = versions.versions.len();
            let (_, height) = model.window();
            let listed = rows.min(height.div_ceil(2));
            let to = (versions.at + 1).saturating_sub(listed) + row;
            (versions.at, to, if row < listed { rows } else { 0 })
        }
        (Some(_), _) | (None, Tab::System) => return Vec::new(),
        (None, Tab::Jobs) => {
            let cursor = model.jobs.cursor;
            (cursor.at, cursor.top + row, model.jobs.rows().len())
        }
        (None, Tab::Executions) => {
            let cursor = model.executions.cursor;
            (cursor.at, cursor.top + row, model.executions.rows().len())
        }
        (None, Tab::Workers) => {
            let cursor = model.workers.cursor;
            (cursor.at, cursor.top + row, model.workers.rows().len())
        }
    };
    let signed = |number: usize| isize::try_from(number).unwrap_or(isize::MAX);
    match to {
        to if to >= rows => Vec::new(),
        // What a press on a version does is too much for a slip of the hand.
        to if to == from && !model.layers.is_empty() => Vec::new(),
        to if to == from => act(model, Action::Open),
        to => act(model, Action::Move(Move::By(signed(to) - signed(from)))),
    }
}
