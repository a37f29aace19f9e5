//! What each message does to the model, and what is asked for because of it.
//!
//! Owns every decision of the screen. Pure: it never waits, never draws, never asks the clock; what
//! must happen outside is answered as commands. `update` takes in one message; `settle` runs once
//! before a frame and brings lists, windows and requests in line with all that came since, however
//! much it was.

mod act;
mod answers;
mod ask;
mod change;
mod edit;
mod feed;
mod form;
mod job_form;
mod lists;
mod mouse;
mod prompt;
mod requests;
mod settle;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Size};

pub(crate) use settle::settle;

use super::Exit;
use super::keys::Action;
use super::message::{Command, Message, Request};
use super::model::{Leave, Link, Model, Question};
use super::options::Hosting;
use crate::model::{Execution, Severity};

/// Takes in a message.
pub(crate) fn update(model: &mut Model, message: Message) -> Vec<Command> {
    match message {
        Message::Key(key) => on_key(model, key),
        Message::Mouse(what, x, y) => mouse::on_mouse(model, what, Position { x, y }),
        Message::Paste(text) => {
            prompt::paste(model, &text);
            Vec::new()
        }
        Message::Resize(width, height) => {
            model.size = Size::new(width, height);
            Vec::new()
        }
        Message::Tick(now) => {
            model.now = now;
            Vec::new()
        }
        Message::Feed(feed) => feed::on_feed(model, feed),
        Message::Lagged(count) => {
            let text = format!("{count} messages were lost: the screen was reloaded");
            model.notice(Severity::Warning, text);
            vec![Command::Subscribe]
        }
        Message::Disconnected(why) => {
            if model.link == Link::Up {
                model.notice(Severity::Error, format!("no engine: {why}"));
            }
            model.link = Link::Down(why);
            Vec::new()
        }
        Message::Subscribed(snapshot) => feed::on_snapshot(model, *snapshot),
        Message::Answer(answer) => answers::on_answer(model, answer),
        Message::Edited(editing, end) => edit::on_editor(model, editing, end),
    }
}

fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Command> {
    if model.areas().is_none() {
        // Nothing is to be seen, so nothing is to be changed; but a way out there must be.
        let out = model.keymap.action(model.key_context(), key) == Some(Action::Back)
            || (key.code == KeyCode::Char('c') && key.modifiers == KeyModifiers::CONTROL);
        // An engine in this process goes on: nobody could be asked what becomes of it.
        let exit = match model.hosting {
            Hosting::ThisProcess => Exit::LeaveHeadless,
            Hosting::Elsewhere => Exit::Quit,
        };
        return if out { vec![Command::Quit(exit)] } else { Vec::new() };
    }
    match model.question.take() {
        Some(Question::Cancel(executions)) => {
            let yes = matches!(key.code, KeyCode::Char('y' | 'Y'));
            if !yes {
                return Vec::new();
            }
            model.clear_listed_marks();
            let cancel = |it: &Arc<Execution>| Request::CancelExecution(it.id);
            let mut requests: Vec<Request> = executions.iter().map(cancel).collect();
            let request =
                if requests.len() > 1 { Some(Request::Each(requests)) } else { requests.pop() };
            request.map(Command::Ask).into_iter().collect()
        }
        Some(Question::Each { mut requests, .. }) => {
            if !matches!(key.code, KeyCode::Char('y' | 'Y')) {
                return Vec::new();
            }
            model.clear_listed_marks();
            let request =
                if requests.len() > 1 { Some(Request::Each(requests)) } else { requests.pop() };
            request.map(Command::Ask).into_iter().collect()
        }
        Some(Question::LeaveForm) => {
            if matches!(key.code, KeyCode::Char('y' | 'Y')) {
                model.form = None;
            }
            Vec::new()
        }
        Some(Question::Quit(selected)) => on_quit_key(model, key, selected),
        None if model.prompt.is_some() => prompt::on_key(model, key),
        None if model.form_takes_keys() => form::on_key(model, key),
        None => {
            let action = model.keymap.action(model.key_context(), key);
            action.map_or_else(Vec::new, |action| act::act(model, action))
        }
    }
}

fn on_quit_key(model: &mut Model, key: KeyEvent, selected: usize) -> Vec<Command> {
    let plain = key.modifiers.is_empty();
    let selected = match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {
            let exit = Leave::ALL.get(selected).and_then(|answer| answer.exit());
            return exit.map(Command::Quit).into_iter().collect();
        }
        KeyCode::Down => selected + 1,
        KeyCode::Char('j') if plain => selected + 1,
        KeyCode::Up => selected.saturating_sub(1),
        KeyCode::Char('k') if plain => selected.saturating_sub(1),
        // No other key may end an engine by a slip of the hand.
        _ => selected,
    };
    model.question = Some(Question::Quit(selected.min(Leave::ALL.len() - 1)));
    Vec::new()
}
