//! What commands came to.

use std::sync::Arc;

use super::requests::{done_to_many, is_users, remember};
use super::{change, edit, job_form};
use crate::model::Plan;
use crate::model::{Event, Execution, Refusal, Role, Severity, StateName};
use crate::tui::change::Back;
use crate::tui::cursor::Scroll;
use crate::tui::keys::Action;
use crate::tui::message::{Answer, Asked, Command};
use crate::tui::model::{Layer, MOST_EVENTS, Model, Topic};

/// An answer has come.
#[expect(clippy::too_many_lines, reason = "an exhaustive match: each answer says what it changes")]
pub(super) fn on_answer(model: &mut Model, answer: Answer) -> Vec<Command> {
    match answer {
        Answer::Execution { asked, result } => on_execution(model, asked, result),
        Answer::Changed { change: what, origin, result } => {
            change::on_changed(model, &what, origin, result);
        }
        Answer::Rehearsed { change: what, origin, result } => {
            edit::on_rehearsed(model, what, origin, result);
        }
        Answer::Judged { ticket, result } => job_form::on_judged(model, ticket, result),
        Answer::Previewed { ticket, result } => job_form::on_previewed(model, ticket, result),
        Answer::Versions { job, result } => edit::on_versions(model, job, result),
        Answer::Plan(result) => on_plan(model, result),
        Answer::Reloaded(result) => on_reloaded(model, result),
        Answer::Page { ticket, place, result } => {
            let (_, height) = model.window();
            let next = match result {
                Ok(page) => model.executions.take(ticket, place, page, height),
                Err(refusal) => {
                    model.notice(Severity::Error, refusal.to_string());
                    model.executions.failed(ticket, refusal.to_string());
                    None
                }
            };
            return next.map(Command::Ask).into_iter().collect();
        }
        Answer::JobFacts { job, result } => {
            model.details_asked = None;
            if let Some(details) = model.details.as_mut().filter(|it| it.job == job) {
                match result {
                    Ok(facts) => details.facts = Some(facts),
                    Err(refusal) => model.notice(Severity::Error, refusal.to_string()),
                }
            }
        }
        Answer::Found(result) => {
            if let Some(execution) = read(model, result) {
                super::lists::open_output(model, execution);
            }
        }
        Answer::Why { about, result } => {
            if let Some(why) = read(model, result) {
                let title = format!("why {about}");
                model.layers.push(Layer::TextPage {
                    title,
                    lines: why.lines,
                    error_at: None,
                    scroll: Scroll::default(),
                });
            }
        }
        Answer::Counts(result) => {
            if let Some(counts) = read(model, result) {
                model.system.counts = counts;
            }
        }
        Answer::Events(result) => {
            if let Some(events) = read(model, result) {
                on_events(model, events);
            }
        }
        Answer::Load(result) => {
            if let Some(page) = read(model, result) {
                model.system.load.take(&page);
            }
        }
        Answer::Timeline(result) => {
            if let Some(timeline) = read(model, result) {
                model.system.timeline = Some(timeline);
            }
        }
        Answer::Output { key, from, result } => on_output(model, key, from, result),
        Answer::Saved { path, result } => match result {
            Ok(bytes) => model.notice(Severity::Info, format!("{bytes} bytes written to {path}")),
            Err(why) => model.notice(Severity::Error, format!("cannot write {path}: {why}")),
        },
        Answer::Each(answers) => on_each(model, &answers),
        Answer::Busy => {
            model.notice(Severity::Warning, "too many requests are pending: try again in a moment");
        }
    }
    Vec::new()
}

/// What was read, or a notice that it could not be.
fn read<T>(model: &mut Model, result: Result<T, Refusal>) -> Option<T> {
    result.map_err(|refusal| model.notice(Severity::Error, refusal.to_string())).ok()
}

fn on_events(model: &mut Model, events: Vec<Event>) {
    // What the feed brought meanwhile is newer than what was read.
    let newest = model.system.events.back().map_or(u64::MAX, |event| event.seq);
    let older = events.into_iter().filter(|event| event.seq < newest);
    model.system.events.extend(older);
    model.system.events.truncate(MOST_EVENTS);
}

fn on_execution(model: &mut Model, asked: Asked, result: Result<Arc<Execution>, Refusal>) {
    let execution = match result {
        Ok(execution) => execution,
        Err(refusal) => return model.notice(Severity::Error, refusal.to_string()),
    };
    let (job, short) = (&execution.job_id, execution.id.short());
    match asked {
        Asked::Run | Asked::Retry if !execution.state.is_final() => {
            let back = Back::No(format!("{} cancels it", model.way(Action::CancelExecution)));
            remember(model, format!("run of {job} as {short}"), vec![back]);
        }
        Asked::Cancel => {
            let back = Back::No(format!("{} runs the job again", model.way(Action::Run)));
            remember(model, format!("cancel of {job} {short}"), vec![back]);
        }
        Asked::Run | Asked::Retry => {}
    }
    let last = model.world.job(job).and_then(|job| job.last_execution.as_ref());
    let ended = last.filter(|it| it.id == execution.id && it.state.is_final());
    if let Some(ended) = ended.filter(|_| !execution.state.is_final()) {
        // Its end was heard of before the answer came.
        let (severity, text) = outcome(&execution, ended.state, "");
        return model.notice_about(Topic::Execution(execution.id), severity, text);
    }
    let text = match asked {
        _ if execution.state.is_final() => {
            let (severity, text) =
                outcome(&execution, execution.state.name(), &execution.reason.to_string());
            return model.notice_about(Topic::Execution(execution.id), severity, text);
        }
        Asked::Cancel => format!("cancelling {job} {short}"),
        Asked::Retry => format!("{job} runs again as {short}"),
        _ => format!("{job} {short} {}", word_of(execution.state.name())),
    };
    model.notice_about(Topic::Execution(execution.id), Severity::Info, text);
}

/// Many at once become one notice: what was done to how many, and what was refused.
fn on_each(model: &mut Model, answers: &[Answer]) {
    let mut refused = Vec::new();
    let mut skipped = 0;
    // What was done, and to how many.
    let mut done: Vec<(String, usize)> = Vec::new();
    let mut count = |what: String| match done.iter_mut().find(|(known, _)| *known == what) {
        Some((_, count)) => *count += 1,
        None => done.push((what, 1)),
    };
    for answer in answers {
        match answer {
            Answer::Execution { result: Err(refusal), .. }
            | Answer::Changed { result: Err(refusal), .. } => refused.push(refusal.to_string()),
            Answer::Execution { result: Ok(execution), .. }
                if execution.state.name() == StateName::Skipped =>
            {
                skipped += 1;
            }
            Answer::Execution { asked, result: Ok(_) } => count(asked_of_many(*asked).to_owned()),
            Answer::Changed { change, origin, result: Ok(_) } => {
                let undone = if is_users(origin) { "" } else { "undone: " };
                count(format!("{undone}{}", done_to_many(change)));
            }
            _ => {}
        }
    }
    let can_undo = change::backs(answers);
    let mut parts: Vec<String> =
        done.iter().map(|(what, count)| what.replace("{n}", &count.to_string())).collect();
    if skipped > 0 {
        parts.push(format!("{skipped} skipped"));
    }
    if let Some(first) = refused.first() {
        parts.push(format!("{} refused: {first}", refused.len()));
    }
    let mut text = parts.join(", ");
    if let Some((what, back)) = can_undo {
        remember(model, what, back);
        text = format!("{text} ({} to undo)", model.way(Action::Undo));
    }
    let severity = match (refused.len(), skipped) {
        (0, 0) => Severity::Info,
        (0, _) => Severity::Warning,
        _ => Severity::Error,
    };
    model.notice(severity, text);
}

/// What was asked of `{n}` executions.
const fn asked_of_many(asked: Asked) -> &'static str {
    match asked {
        Asked::Run => "{n} runs requested",
        Asked::Retry => "{n} retries requested",
        Asked::Cancel => "cancelling {n} executions",
    }
}

/// How an execution that the user asked for has ended.
pub(super) fn outcome(execution: &Execution, state: StateName, reason: &str) -> (Severity, String) {
    let (job, short) = (&execution.job_id, execution.id.short());
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match state {
        StateName::Succeeded => (Severity::Info, format!("{job} {short} succeeded")),
        StateName::Skipped => (Severity::Warning, format!("{job} skipped{why}")),
        state if state.is_failure() => {
            (Severity::Error, format!("{job} {short} {}{why}", word_of(state)))
        }
        state => (Severity::Info, format!("{job} {short} {}", word_of(state))),
    }
}

fn word_of(state: StateName) -> String {
    state.as_str().replace('_', " ")
}

fn on_plan(model: &mut Model, result: Result<Plan, Refusal>) {
    match result {
        Ok(plan) if plan.is_empty() && plan.warnings.is_empty() => {
            model.notice(Severity::Info, "jobs.yaml: no changes");
        }
        Ok(plan) => {
            model.layers.push(Layer::Plan { plan: Box::new(plan), scroll: Scroll::default() })
        }
        Err(refusal) => reload_failed(model, &refusal),
    }
}

fn on_reloaded(model: &mut Model, result: Result<Plan, Refusal>) {
    model.layers.retain(|opened| !matches!(opened, Layer::Plan { .. }));
    match result {
        Ok(plan) => {
            let (added, changed, removed) =
                (plan.added.len(), plan.changed.len(), plan.removed.len());
            let text = format!("reloaded: {added} added, {changed} changed, {removed} removed");
            let (edit, reload) = (model.way(Action::Editor), model.way(Action::Reload));
            let back = Back::No(format!("{edit} edits it back, {reload} reloads"));
            remember(model, "reload of jobs.yaml".to_owned(), vec![back]);
            model.notice_about(Topic::Reload, Severity::Info, text);
        }
        Err(refusal) => reload_failed(model, &refusal),
    }
}

fn reload_failed(model: &mut Model, refusal: &Refusal) {
    let text = "reload failed: the current jobs stay in force".to_owned();
    model.notice_about(Topic::Reload, Severity::Error, text);
    let lines: Vec<String> = refusal.to_string().lines().map(str::to_owned).collect();
    let error_at = lines.iter().find_map(|line| place_of(line));
    let edit = model.way(Action::EditError);
    let way = match &error_at {
        Some(_) if model.is_here() && model.may(Role::Admin) => format!(" ({edit} edits it)"),
        _ => String::new(),
    };
    let title = format!("jobs.yaml was not loaded; the current jobs stay in force{way}");
    model.layers.push(Layer::TextPage { title, lines, error_at, scroll: Scroll::default() });
}

/// The file and line of an error that is written as `FILE:LINE:COLUMN: what`.
fn place_of(line: &str) -> Option<(String, usize)> {
    let mut parts = line.trim_start_matches("error: ").splitn(4, ':');
    let (file, number, column) = (parts.next()?, parts.next()?, parts.next()?);
    column.parse::<usize>().ok()?;
    Some((file.to_owned(), number.parse().ok()?))
}

fn on_output(
    model: &mut Model,
    key: crate::model::AttemptKey,
    from: u64,
    result: Result<crate::model::OutputChunk, Refusal>,
) {
    let opened = model.layers.iter_mut().filter_map(|opened| match opened {
        Layer::Output(output) => Some(output.as_mut()),
        _ => None,
    });
    for output in opened.chain(model.preview.as_mut()).filter(|it| it.awaits(key, from)) {
        match &result {
            Ok(chunk) => output.take(from, chunk.clone()),
            Err(refusal) => output.failed(refusal.to_string()),
        }
    }
}
