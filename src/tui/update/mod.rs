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
use super::model::{Link, Model, Question};
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
        return if out { vec![Command::Quit(Exit::Quit)] } else { Vec::new() };
    }
    match model.question.take() {
        Some(Question::Cancel(executions)) => {
            let yes = matches!(key.code, KeyCode::Char('y' | 'Y'));
            if !yes {
                return Vec::new();
            }
            model.clear_marks();
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
            model.clear_marks();
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
        Some(Question::Quit) => on_quit_key(model, key),
        None if model.prompt.is_some() => prompt::on_key(model, key),
        None if model.form_takes_keys() => form::on_key(model, key),
        None => {
            let action = model.keymap.action(model.key_context(), key);
            action.map_or_else(Vec::new, |action| act::act(model, action))
        }
    }
}

fn on_quit_key(model: &mut Model, key: KeyEvent) -> Vec<Command> {
    let interrupted = key.modifiers == KeyModifiers::CONTROL;
    let exit = match key.code {
        KeyCode::Char('c') if !interrupted => Exit::Cancel,
        KeyCode::Char('l') => Exit::LeaveHeadless,
        // Asking twice to leave means leaving, in the way that loses nothing.
        KeyCode::Enter | KeyCode::Char('s' | 'c') => Exit::Stop,
        KeyCode::Char('w') => Exit::Wait,
        KeyCode::Esc => return Vec::new(),
        _ => {
            model.question = Some(Question::Quit);
            return Vec::new();
        }
    };
    vec![Command::Quit(exit)]
}
