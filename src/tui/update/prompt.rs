//! A line that is being typed: filter, search, palette, name of a file.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};

use super::act::act;
use super::lists::set_filter;
use crate::model::Severity;
use crate::tui::message::{Command, Request};
use crate::tui::model::when::when;
use crate::tui::model::{Layer, Model, Prompt, Purpose};

/// Characters that a line may hold.
const LONGEST: usize = 500;

/// A key while a line is typed.
pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Command> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => cancel(model),
        KeyCode::Char('c') if control => cancel(model),
        KeyCode::Enter => accept(model),
        KeyCode::Up | KeyCode::Down => {
            choose(model, key.code == KeyCode::Down);
            Vec::new()
        }
        KeyCode::Backspace if typed(model).is_empty() => {
            model.prompt = None;
            Vec::new()
        }
        _ => {
            let room = typed(model).chars().count() < LONGEST;
            if let Some(prompt) = model.prompt.as_mut()
                && (room || !matches!(key.code, KeyCode::Char(_)) || control)
            {
                prompt.input.handle_event(&Event::Key(key));
                prompt.chosen = 0;
            }
            follow(model)
        }
    }
}

/// A paste is typed where a line is being typed, and nowhere else: it must not press keys.
pub(super) fn paste(model: &mut Model, text: &str) {
    if model.question.is_some() {
        return; // It is answered by a key of its own.
    }
    if let (None, Some(form)) = (&model.prompt, model.form.as_mut()) {
        form.paste(text);
        return super::form::annotate(model);
    }
    let Some(prompt) = model.prompt.as_mut() else {
        return;
    };
    let room = LONGEST.saturating_sub(prompt.input.value().chars().count());
    for c in text.chars().filter(|c| !c.is_control()).take(room) {
        prompt.input.handle(InputRequest::InsertChar(c));
    }
    follow(model);
}

fn typed(model: &Model) -> &str {
    model.prompt.as_ref().map_or("", |prompt| prompt.input.value())
}

/// What is typed takes effect at once where that is harmless and cheap.
fn follow(model: &mut Model) -> Vec<Command> {
    let text = typed(model).to_owned();
    match model.prompt.as_ref().map(|prompt| prompt.purpose) {
        Some(Purpose::Filter) => set_filter(model, &text),
        Some(Purpose::Search) => {
            if let Some(Layer::Output(output)) = model.layers.last_mut() {
                output.search = text;
            }
            Vec::new()
        }
        Some(Purpose::Palette | Purpose::SaveAs | Purpose::WhyAt) | None => Vec::new(),
    }
}

fn cancel(model: &mut Model) -> Vec<Command> {
    let Some(prompt) = model.prompt.as_mut() else {
        return Vec::new();
    };
    prompt.input = Input::new(std::mem::take(&mut prompt.before));
    let commands = follow(model);
    model.prompt = None;
    commands
}

fn choose(model: &mut Model, down: bool) {
    let count = model.palette().len();
    if let Some(prompt) = model.prompt.as_mut() {
        let last = count.saturating_sub(1);
        prompt.chosen =
            if down { (prompt.chosen + 1).min(last) } else { prompt.chosen.saturating_sub(1) };
    }
}

fn accept(model: &mut Model) -> Vec<Command> {
    let chosen = model.palette();
    let Some(Prompt { purpose, input, chosen: at, .. }) = model.prompt.take() else {
        return Vec::new();
    };
    let (width, height) = model.window();
    match purpose {
        Purpose::Filter => Vec::new(),
        Purpose::Search => {
            if let Some(Layer::Output(output)) = model.layers.last_mut()
                && !output.search.is_empty()
                && !output.seek(true, width, height)
            {
                let text = format!("no line contains `{}`", output.search);
                model.notice(Severity::Info, text);
            }
            Vec::new()
        }
        Purpose::Palette => match chosen.get(at) {
            Some((action, ..)) => act(model, *action),
            None => {
                model.notice(Severity::Info, format!("no action is named `{}`", input.value()));
                Vec::new()
            }
        },
        Purpose::WhyAt => why_at(model, input.value()),
        Purpose::SaveAs => match model.layers.last() {
            Some(Layer::Output(output)) if !input.value().trim().is_empty() => {
                let path = input.value().trim().to_owned();
                vec![Command::Ask(Request::Save { path, text: output.to_text() })]
            }
            _ => Vec::new(),
        },
    }
}

/// Asks why the job in hand ran, or did not, at the time that was typed.
fn why_at(model: &mut Model, typed: &str) -> Vec<Command> {
    let at = when(typed, model.now, model.zone());
    match (at, model.selected_job()) {
        (Ok(at), Some(job)) => vec![Command::Ask(Request::WhyJob(job, at))],
        (Ok(_), None) => Vec::new(),
        (Err(why), _) => {
            model.notice(Severity::Warning, why);
            Vec::new()
        }
    }
}
