//! A form that is being filled: its keys, what is told while one types, and what comes of it.
//!
//! Owns which form belongs to which action. What a job's form says is judged by the engine, one
//! question at a time, while it is typed.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler;

use super::requests::change_each;
use crate::driver::{Note, RunOptions};
use crate::model::{ExecutionId, JobId, Severity, Source};
use crate::tui::change::Change;
use crate::tui::keys::Action;
use crate::tui::message::Command;
use crate::tui::model::form::{Aim, Entry, Field, Form};
use crate::tui::model::when::until;
use crate::tui::model::{Model, Question, job_form, last_result};
use crate::tui::text::{countdown, fire_time};

/// Opens the form of an action.
pub(super) fn open(model: &mut Model, action: Action) {
    let jobs = model.jobs_in_hand();
    let worker = model.worker_in_hand().map(|worker| (worker.id.clone(), worker.capacity));
    let form = match (action, worker) {
        (Action::RunWith, _) if !jobs.is_empty() => run(jobs),
        (Action::PauseUntil, _) if !jobs.is_empty() => pause(jobs),
        (Action::Acknowledge, _) => match acknowledge(model) {
            Some(form) => form,
            None => return,
        },
        (Action::Drain, Some((worker, _))) => {
            let title = format!("drain {worker}: it ends what it runs and takes no more");
            Form::new(Aim::Drain(worker), title, vec![reason()])
        }
        (Action::Capacity, Some((worker, capacity))) => {
            let title = format!("how many attempts {worker} runs at once");
            let slots = Field::text("slots", &capacity.to_string(), "as jobs.yaml says");
            Form::new(Aim::Capacity(worker), title, vec![slots])
        }
        (Action::EditForm, _) => match edit(model) {
            Some(form) => form,
            None => return,
        },
        (Action::NewJob, _) => {
            let no_file = model.world.engine.file.path.is_none();
            job_form::create(if no_file { Source::Api } else { Source::File })
        }
        _ => return,
    };
    model.form = Some(form);
    tell(model);
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

fn run(jobs: Vec<JobId>) -> Form {
    let title = format!("run {} now", several(&jobs));
    let fields = vec![
        Field::text("arguments", "", "$1 $2 and so on of the script; quotes keep blanks together"),
        Field::choice("dependencies", &["as they are", "those that are not fresh run first"], ""),
        Field::choice("overlap", &["as the job says", "pass it: run beside what runs"], ""),
        reason(),
    ];
    Form::new(Aim::Run(jobs), title, fields)
}

fn pause(jobs: Vec<JobId>) -> Form {
    let title = format!("pause {}", several(&jobs));
    let until = Field::text("until", "", "2h, 18:00, tomorrow 9:00; empty: until it is resumed");
    Form::new(Aim::Pause(jobs), title, vec![until, reason()])
}

/// The failures in hand. One that was acknowledged is opened with its note.
fn acknowledge(model: &mut Model) -> Option<Form> {
    let failed = failures_in_hand(model);
    if failed.is_empty() {
        model.notice(Severity::Info, "nothing here has failed");
        return None;
    }
    let title = match failed.as_slice() {
        [(job, _)] => format!("acknowledge that {job} fails"),
        many => format!("acknowledge {} failures", many.len()),
    };
    let known = failed.first().and_then(|(job, _)| model.world.job(job)?.acknowledged.clone());
    let note = known.filter(|_| failed.len() == 1).and_then(|known| known.note);
    let fields = vec![
        Field::text("note", note.as_deref().unwrap_or_default(), "what is known about it"),
        Field::text("until", "", "2d, 18:00; empty: until it succeeds"),
    ];
    Some(Form::new(Aim::Acknowledge(failed), title, fields))
}

/// The failures that an action is about: of each job its newest result, if it is one.
pub(super) fn failures_in_hand(model: &Model) -> Vec<(JobId, ExecutionId)> {
    let failure = |id: JobId| {
        let last = last_result(model.world.job(&id)?)?;
        last.state.is_failure().then_some((id, last.id))
    };
    model.jobs_in_hand().into_iter().filter_map(failure).collect()
}

fn edit(model: &mut Model) -> Option<Form> {
    let id = model.job_in_hand()?;
    let form = model.world.job(&id).and_then(|job| job_form::edit(job));
    if form.is_none() {
        model.notice(Severity::Error, format!("{id} does not fit a form: E opens an editor"));
    }
    form
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
    tell(model);
    Vec::new()
}

fn leave(model: &mut Model) {
    if model.form.as_ref().is_some_and(Form::is_changed) {
        model.question = Some(Question::LeaveForm);
    } else {
        model.form = None;
    }
}

/// Tells at each field what is wrong with it or what it means; what only the engine knows is asked
/// for with the next frame.
pub(super) fn tell(model: &mut Model) {
    let (now, zone) = (model.now, model.zone());
    let Some(form) = model.form.as_mut() else {
        return;
    };
    for field in &mut form.fields {
        match field.key {
            "until" => match until(field.value(), now, zone) {
                Ok(at) => {
                    let told = |at| format!("{} (in {})", fire_time(zone, at), countdown(now, at));
                    (field.told, field.error) = (at.map(told), None);
                }
                Err(why) => (field.told, field.error) = (None, Some(why)),
            },
            "slots" => field.error = slots(field.value()).err(),
            _ => {}
        }
    }
    if let Aim::Job(job) = &mut form.aim {
        job.stale = true;
        job.schedule_stale = true;
    }
}

fn slots(text: &str) -> Result<Option<u32>, String> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse() {
            Ok(slots @ 1..=100_000) => Ok(Some(slots)),
            _ => Err("a number from 1 on, or nothing: as jobs.yaml says".to_owned()),
        },
    }
}

/// Carries out what the form is for, or says what is wrong with it.
fn submit(model: &mut Model) -> Vec<Command> {
    tell(model);
    let Some(form) = model.form.as_mut() else {
        return Vec::new();
    };
    for field in &mut form.fields {
        field.touched = true;
    }
    if let Aim::Job(job) = &form.aim {
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
    match &form.aim {
        Aim::Run(jobs) => {
            let options = RunOptions {
                args: arguments(form.value("arguments")),
                force: is_second(&form, "overlap"),
                with_dependencies: is_second(&form, "dependencies"),
                reason: text("reason"),
            };
            super::ask::run_each(model, jobs.clone(), &options)
        }
        Aim::Pause(jobs) => {
            let pause = |job| Change::Pause { job, until: at, reason: text("reason") };
            change_each(model, jobs.iter().cloned().map(pause).collect())
        }
        Aim::Acknowledge(failed) => {
            let note = Some(Note { text: text("note"), until: at });
            let seen = |(job, execution): (JobId, ExecutionId)| {
                let note = note.clone();
                Change::Acknowledge { job, execution, note }
            };
            change_each(model, failed.iter().cloned().map(seen).collect())
        }
        Aim::Drain(worker) => {
            let change =
                Change::Drain { worker: worker.clone(), drain: true, reason: text("reason") };
            change_each(model, vec![change])
        }
        Aim::Capacity(worker) => {
            let capacity = slots(form.value("slots")).unwrap_or_default();
            change_each(model, vec![Change::Capacity { worker: worker.clone(), capacity }])
        }
        Aim::Job(_) => Vec::new(),
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
