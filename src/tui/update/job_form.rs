//! A job's form while it is filled: the engine judges it and says what its schedule means, one question
//! at a time.
//!
//! Owns what is asked and where the answers stand. Never judges anything itself.

use super::requests::ask;
use crate::control::EditedJob;
use crate::driver::Preview;
use crate::model::{JobId, Refusal, Severity};
use crate::tui::change::Change;
use crate::tui::message::{Command, Request};
use crate::tui::model::form::Form;
use crate::tui::model::{Model, job_form};
use crate::tui::text::{clean, fire_time};

/// Fire times that are shown under a schedule.
const SHOWN_TIMES: usize = 3;

/// What the engine is to be asked about what was typed: each question at most once at a time.
pub(super) fn wanted(model: &mut Model) -> Vec<Request> {
    let mut ticket = model.tickets;
    let Some(form) = model.job_form() else {
        return Vec::new();
    };
    let mut requests = Vec::new();
    requests.extend(judge(form, &mut ticket));
    requests.extend(preview(form, &mut ticket));
    model.tickets = ticket;
    requests
}

fn judge(form: &mut Form, tickets: &mut u64) -> Option<Request> {
    let job = form.job_mut().filter(|job| job.stale && job.judging.is_none())?;
    job.stale = false;
    let of = job.of.as_ref().map(|(id, _)| id.clone());
    for field in &mut form.fields {
        field.error = None;
    }
    form.error = None;
    match job_form::to_edit(form, of.as_ref()) {
        Ok(edit) => {
            let id = of.or_else(|| JobId::new(form.value("id")).ok())?;
            *tickets += 1;
            form.job_mut()?.judging = Some(*tickets);
            Some(Request::Judge { ticket: *tickets, job: id, edit })
        }
        Err((key, why)) => {
            form.field_mut(key)?.error = Some(why);
            None
        }
    }
}

fn preview(form: &mut Form, tickets: &mut u64) -> Option<Request> {
    let job = form.job_mut().filter(|job| job.schedule_stale && job.previewing.is_none())?;
    job.schedule_stale = false;
    let schedule = form.value("schedule").to_owned();
    if schedule.is_empty() {
        form.field_mut("schedule")?.meaning = None;
        return None;
    }
    *tickets += 1;
    form.job_mut()?.previewing = Some(*tickets);
    let timezone = Some(form.value("timezone").to_owned()).filter(|it| !it.is_empty());
    Some(Request::Preview { ticket: *tickets, schedule, timezone })
}

/// What the engine says about a job as it is typed.
pub(super) fn on_judged(model: &mut Model, ticket: u64, result: Result<EditedJob, Refusal>) {
    let Some(form) = model.job_form() else {
        return;
    };
    let Some(job) = form.job_mut().filter(|job| job.judging == Some(ticket)) else {
        return; // The answer to another form.
    };
    job.judging = None;
    if job.stale {
        return; // Something else stands there by now.
    }
    if let Err(refusal) = result {
        hold_against(form, &refusal);
    }
}

/// Puts what the engine refuses where it belongs.
fn hold_against(form: &mut Form, refusal: &Refusal) {
    let problems = match refusal {
        Refusal::Invalid(problems) => problems.as_slice(),
        other => {
            form.error = Some(clean(&other.to_string()).into_owned());
            return;
        }
    };
    for problem in problems {
        let message = clean(&problem.message).into_owned();
        let key = job_form::field_of(form, &problem.path);
        let field = key.and_then(|key| form.field_mut(key));
        match field {
            Some(field) => {
                field.error.get_or_insert(message);
            }
            None => form.error = Some(message),
        }
    }
}

/// What a schedule that is being typed means.
pub(super) fn on_previewed(model: &mut Model, ticket: u64, result: Result<Preview, Refusal>) {
    let (zone, now, dot) = (model.zone(), model.now, model.theme.dot());
    let Some(form) = model.job_form() else {
        return;
    };
    let Some(job) = form.job_mut().filter(|job| job.previewing == Some(ticket)) else {
        return;
    };
    job.previewing = None;
    if job.schedule_stale {
        return;
    }
    let Some(field) = form.field_mut("schedule") else {
        return;
    };
    match result {
        Ok(preview) => {
            let times =
                preview.fire_times.iter().take(SHOWN_TIMES).map(|at| fire_time(zone, now, *at));
            let next = times.collect::<Vec<_>>().join(", ");
            let next = if next.is_empty() { String::new() } else { format!("{dot}next {next}") };
            let warning = preview.warnings.first().map(|it| format!("{dot}{it}"));
            let shown_text = format!("{}{next}{}", preview.in_words, warning.unwrap_or_default());
            field.meaning = Some(clean(&shown_text).into_owned());
        }
        // The zone that it is read in has a field of its own.
        Err(refusal @ Refusal::Invalid(_)) => {
            field.meaning = None;
            hold_against(form, &refusal);
        }
        Err(refusal) => {
            field.meaning = None;
            field.error.get_or_insert(clean(&refusal.to_string()).into_owned());
        }
    }
}

/// The form stays until its job was written: what would be written is shown first.
pub(super) fn submit(model: &mut Model, of: Option<(JobId, u32)>) -> Vec<Command> {
    let Some(form) = model.form.as_mut() else {
        return Vec::new();
    };
    let edit = match job_form::to_edit(form, of.as_ref().map(|(id, _)| id)) {
        Ok(edit) => edit,
        Err((key, why)) => {
            form.at = form.fields.iter().position(|field| field.key == key).unwrap_or(form.at);
            if let Some(field) = form.field_mut(key) {
                field.error = Some(why);
            }
            return Vec::new();
        }
    };
    if !form.is_changed() {
        model.form = None;
        model.notice(Severity::Info, "no changes");
        return Vec::new();
    }
    let (id, if_version) = match of {
        Some((id, version)) => (id, Some(version)),
        None => match JobId::new(form.value("id")) {
            Ok(id) => (id, None),
            Err(_) => return Vec::new(), // Reported by `to_edit`.
        },
    };
    vec![ask(model, Change::Edit { job: id, edit, if_version })]
}

/// An edit of the form's job was refused: the form shows why.
pub(super) fn refused(model: &mut Model, refusal: &Refusal) -> bool {
    let Some(form) = model.job_form() else {
        return false;
    };
    hold_against(form, refusal);
    form.at = form.first_error().unwrap_or(form.at);
    true
}
