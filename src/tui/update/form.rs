//! A form that is being filled: its keys, what is shown while typing, and what submitting does.
//!
//! Owns which form belongs to which action. What a job's form says is judged by the engine, one
//! question at a time, while it is typed.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler;

use super::requests::change_each;
use crate::driver::RunOptions;
use crate::model::{JobId, Severity, Source};
use crate::tui::change::Change;
use crate::tui::change::Note;
use crate::tui::keys::Action;
use crate::tui::message::Command;
use crate::tui::model::form::{Entry, Field, Form, FormKind};
use crate::tui::model::when::until;
use crate::tui::model::{Model, Question, job_form};
use crate::tui::text::{countdown, fire_time};

fn open(model: &mut Model, form: Form) {
    model.form = Some(form);
    annotate(model);
}

/// Opens the form of a run with arguments, dependencies or past overlap.
pub(super) fn run(model: &mut Model) {
    let jobs = model.selected_jobs();
    if !jobs.is_empty() {
        open(model, run_form(jobs));
    }
}

/// Opens the form of a pause with an end and a reason.
pub(super) fn pause(model: &mut Model) {
    let jobs = model.selected_jobs();
    if !jobs.is_empty() {
        open(model, pause_form(jobs));
    }
}

/// Opens the form that acknowledges what is wrong with jobs.
pub(super) fn acknowledge(model: &mut Model) {
    if let Some(form) = acknowledge_form(model) {
        open(model, form);
    }
}

/// Opens the form that drains a worker.
pub(super) fn drain(model: &mut Model) {
    if let Some(worker) = model.selected_worker().map(|worker| worker.id.clone()) {
        let title = format!("drain {worker}: it finishes what it runs and takes no more");
        open(model, Form::new(FormKind::Drain(worker), title, vec![reason()]));
    }
}

/// Opens the form that sets the slots of a worker.
pub(super) fn capacity(model: &mut Model) {
    if let Some(worker) = model.selected_worker() {
        let title = format!("how many attempts {} runs at once", worker.id);
        let slots = Field::text("slots", &worker.capacity.to_string(), "as jobs.yaml says");
        let form = Form::new(FormKind::Capacity(worker.id.clone()), title, vec![slots]);
        open(model, form);
    }
}

/// Opens the form that changes a job.
pub(super) fn edit(model: &mut Model) {
    let Some(id) = model.selected_job() else {
        return;
    };
    match model.world.job(&id).and_then(|job| job_form::edit(job)) {
        Some(form) => open(model, form),
        None => {
            let editor = model.way(Action::Editor);
            let text = format!("{id} does not fit into a form: {editor} opens an editor");
            model.notice(Severity::Error, text);
        }
    }
}

/// Opens the form that defines a job.
pub(super) fn new_job(model: &mut Model) {
    let no_file = model.world.engine.file.path.is_none();
    let form = job_form::create(if no_file { Source::Api } else { Source::File });
    open(model, form);
}

fn several(jobs: &[JobId]) -> String {
    match jobs {
        [one] => one.to_string(),
        many => format!("{} jobs", many.len()),
    }
}

fn reason() -> Field {
    Field::text("reason", "", "why, for the record")
}

fn run_form(jobs: Vec<JobId>) -> Form {
    let title = format!("run {} now", several(&jobs));
    let fields = vec![
        Field::text("arguments", "", "passed as $1 $2 and so on; quotes keep blanks together"),
        Field::choice("dependencies", &["as they are", "run outdated ones first"], ""),
        Field::choice("overlap", &["as the job says", "ignore it: run beside the others"], ""),
        reason(),
    ];
    Form::new(FormKind::Run(jobs), title, fields)
}

fn pause_form(jobs: Vec<JobId>) -> Form {
    let title = format!("pause {}", several(&jobs));
    let until = Field::text("until", "", "2h, 18:00, tomorrow 9:00; empty: until resumed");
    Form::new(FormKind::Pause(jobs), title, vec![until, reason()])
}

/// The selected jobs that are wrong. One that was acknowledged is opened with its note.
fn acknowledge_form(model: &mut Model) -> Option<Form> {
    let wrong = selected_wrong(model);
    if wrong.is_empty() {
        model.notice(Severity::Info, "nothing is wrong here: nothing to acknowledge");
        return None;
    }
    let title = format!("acknowledge what is wrong with {}", several(&wrong));
    let known = wrong.first().and_then(|job| model.world.job(job)?.acknowledged.clone());
    let note = known.filter(|_| wrong.len() == 1).and_then(|known| known.note);
    let fields = vec![
        Field::text("note", note.as_deref().unwrap_or_default(), "what is known, such as a ticket"),
        Field::text("until", "", "2d, 18:00; empty: until it succeeds"),
    ];
    Some(Form::new(FormKind::Acknowledge(wrong), title, fields))
}

/// The selected jobs that are wrong, acknowledged or not.
pub(super) fn selected_wrong(model: &Model) -> Vec<JobId> {
    let is_wrong = |id: &JobId| model.world.job(id).is_some_and(|it| it.is_wrong_or_acknowledged());
    model.selected_jobs().into_iter().filter(is_wrong).collect()
}

/// A key while a form is filled.
pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Command> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let Some(form) = model.form.as_mut() else {
        return Vec::new();
    };
    match key.code {
        KeyCode::Esc => leave(model),
        KeyCode::Char('c') if control => leave(model),
        KeyCode::Enter => return submit(model),
        KeyCode::Tab | KeyCode::Down => form.step(true),
        KeyCode::BackTab | KeyCode::Up => form.step(false),
        KeyCode::Left | KeyCode::Right | KeyCode::Char(' ')
            if form.choose(key.code != KeyCode::Left) => {}
        _ => {
            if let Some((input, room)) = form.input()
                && (room || control || !matches!(key.code, KeyCode::Char(_)))
            {
                input.handle_event(&Event::Key(key));
            }
        }
    }
    annotate(model);
    Vec::new()
}

fn leave(model: &mut Model) {
    if model.form.as_ref().is_some_and(Form::is_changed) {
        model.question = Some(Question::LeaveForm);
    } else {
        model.form = None;
    }
}

/// Shows at each field what is wrong with it or what it means; what only the engine knows is asked
/// for with the next frame.
pub(super) fn annotate(model: &mut Model) {
    let (now, zone) = (model.now, model.zone());
    let Some(form) = model.form.as_mut() else {
        return;
    };
    for field in &mut form.fields {
        match field.key {
            "until" => match until(field.value(), now, zone) {
                Ok(at) => {
                    let shown_text =
                        |at| format!("{} (in {})", fire_time(zone, now, at), countdown(now, at));
                    (field.meaning, field.error) = (at.map(shown_text), None);
                }
                Err(why) => (field.meaning, field.error) = (None, Some(why)),
            },
            "slots" => field.error = slots(field.value()).err(),
            _ => {}
        }
    }
    if let FormKind::Job(job) = &mut form.kind {
        job.stale = true;
        job.schedule_stale = true;
    }
}

fn slots(text: &str) -> Result<Option<u32>, String> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse() {
            Ok(slots @ 1..=100_000) => Ok(Some(slots)),
            _ => Err("a number from 1, or empty: as jobs.yaml says".to_owned()),
        },
    }
}

/// Carries out what the form is for, or says what is wrong with it.
fn submit(model: &mut Model) -> Vec<Command> {
    annotate(model);
    let Some(form) = model.form.as_mut() else {
        return Vec::new();
    };
    for field in &mut form.fields {
        field.touched = true;
    }
    if let FormKind::Job(job) = &form.kind {
        let of = job.of.clone();
        return super::job_form::submit(model, of);
    }
    if let Some(at) = form.first_error() {
        form.at = at;
        return Vec::new();
    }
    let Some(form) = model.form.take() else {
        return Vec::new();
    };
    let text = |key: &str| Some(form.value(key).to_owned()).filter(|text| !text.is_empty());
    let at = until(form.value("until"), model.now, model.zone()).unwrap_or_default();
    match &form.kind {
        FormKind::Run(jobs) => {
            let options = RunOptions {
                args: arguments(form.value("arguments")),
                force: is_second(&form, "overlap"),
                with_dependencies: is_second(&form, "dependencies"),
                reason: text("reason"),
            };
            super::ask::run_each(model, jobs.clone(), &options)
        }
        FormKind::Pause(jobs) => {
            let pause = |job| Change::Pause { job, until: at, reason: text("reason") };
            change_each(model, jobs.iter().cloned().map(pause).collect())
        }
        FormKind::Acknowledge(wrong) => {
            let note = Some(Note { text: text("note"), until: at });
            let seen = |job| Change::Acknowledge { job, note: note.clone() };
            change_each(model, wrong.iter().cloned().map(seen).collect())
        }
        FormKind::Drain(worker) => {
            let change =
                Change::Drain { worker: worker.clone(), drain: true, reason: text("reason") };
            change_each(model, vec![change])
        }
        FormKind::Capacity(worker) => {
            let capacity = slots(form.value("slots")).unwrap_or_default();
            change_each(model, vec![Change::Capacity { worker: worker.clone(), capacity }])
        }
        FormKind::Job(_) => Vec::new(),
    }
}

/// Words between blanks; quotes of either kind keep blanks together.
fn arguments(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn is_second(form: &Form, key: &str) -> bool {
    matches!(form.field(key).map(|field| &field.entry), Some(Entry::Choice(_, 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_blanks_together() {
        assert_eq!(arguments(r#" a "b c"d '' 'e"f' "g"#), ["a", "b cd", "", "e\"f", "g"]);
        assert_eq!(arguments("  "), [""; 0]);
    }
}
