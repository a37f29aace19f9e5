//! Edits of definitions: what they would write is shown first, and versions are gone back to.
//!
//! Owns the way from an edit, wherever it was typed, to its writing. A file that someone else changed
//! is left alone, and what was to be written is shown.

use super::job_form;
use super::requests::{ask, is_users};
use crate::control::EditedJob;
use crate::driver::JobEdit;
use crate::model::{JobId, JobVersion, Refusal, Severity, Source};
use crate::tui::change::{Change, Origin, read_yaml};
use crate::tui::cursor::Scroll;
use crate::tui::keys::{Action, Scope};
use crate::tui::message::{Command, Editing, EditorEnd, Request};
use crate::tui::model::{Layer, Model, Question, Versions};

/// Opens an editor on the jobs file, or on the definition where there is no file at hand.
pub(super) fn editor(model: &mut Model) -> Vec<Command> {
    let id = model.selected_job();
    let Some(job) = id.as_ref().and_then(|id| model.world.job(id)) else {
        return Vec::new();
    };
    let file = model.world.engine.file.path.clone();
    let editing = Editing {
        job: Some(job.definition.id.clone()),
        version: job.version,
        file: file.filter(|_| job.source == Source::File),
        line: None,
        yaml: crate::jobfile::to_yaml(&job.definition),
    };
    vec![Command::Edit(Box::new(editing))]
}

/// Opens an editor on the jobs file at the line of the error that is shown.
pub(super) fn edit_error(model: &mut Model) -> Vec<Command> {
    let Some(Layer::TextPage { error_at: Some((file, line)), .. }) = model.layers.last() else {
        return Vec::new();
    };
    if !model.is_here() {
        let text = format!("{file} is on another machine: {}", model.world.engine.host);
        model.notice(Severity::Info, text);
        return Vec::new();
    }
    // An included file is named as seen from the one that is known.
    let path = match model.world.engine.file.path.as_deref() {
        Some(path) if path.ends_with(file.as_str()) => path.to_owned(),
        Some(path) => match std::path::Path::new(path).parent() {
            Some(folder) => folder.join(file).to_string_lossy().into_owned(),
            None => file.clone(),
        },
        None => file.clone(),
    };
    let line = Some(*line);
    model.layers.pop();
    let editing = Editing { job: None, version: 0, file: Some(path), line, yaml: String::new() };
    vec![Command::Edit(Box::new(editing))]
}

/// An editor has given the terminal back.
pub(super) fn on_editor(model: &mut Model, editing: Editing, end: EditorEnd) -> Vec<Command> {
    match end {
        EditorEnd::Unchanged => {
            model.notice(Severity::Info, "no changes");
            Vec::new()
        }
        EditorEnd::File => vec![Command::Ask(Request::PlanReload)],
        EditorEnd::Failed(why) => {
            model.notice(Severity::Error, why);
            Vec::new()
        }
        EditorEnd::Definition(text) => match (editing.job, read_yaml(&text)) {
            (None, _) => Vec::new(), // Only files are edited without a job.
            (Some(job), Ok(definition)) => {
                let if_version = Some(editing.version);
                let edit = JobEdit::Replace(definition);
                vec![ask(model, Change::Edit { job, edit, if_version })]
            }
            (Some(job), Err(error)) => {
                let title = format!("the edited text is not a definition of {job}");
                let mut lines: Vec<String> = error.lines().map(str::to_owned).collect();
                lines.extend([String::new(), "the text:".to_owned(), String::new()]);
                lines.extend(text.lines().map(str::to_owned));
                model.layers.push(Layer::TextPage {
                    title,
                    lines,
                    error_at: None,
                    scroll: Scroll::default(),
                });
                Vec::new()
            }
        },
    }
}

/// A change was refused.
pub(super) fn refused(model: &mut Model, change: &Change, origin: &Origin, refusal: &Refusal) {
    let is_edit = matches!(change, Change::Edit { .. });
    if is_edit {
        model.layers.retain(|opened| !matches!(opened, Layer::Diff { .. }));
    }
    if let Refusal::FileLeftAlone { message, diff } = refusal {
        model.notice(Severity::Error, "jobs.yaml was not written");
        let mut lines: Vec<String> = message.lines().map(|line| format!("! {line}")).collect();
        lines.extend([String::new(), "the change that was not written:".to_owned(), String::new()]);
        lines.extend(diff.lines().map(str::to_owned));
        let title = "jobs.yaml was not written".to_owned();
        model.layers.push(Layer::Diff { title, lines, change: None, scroll: Scroll::default() });
        return;
    }
    let text = match origin {
        Origin::User(_) => refusal.to_string(),
        Origin::Undo(what) => format!("cannot undo: {what}; {refusal}"),
    };
    if is_edit && is_users(origin) && job_form::refused(model, refusal) {
        return;
    }
    model.notice(Severity::Error, text);
}

/// What an edit would write is shown; `Enter` writes it.
pub(super) fn on_rehearsed(
    model: &mut Model,
    change: Change,
    origin: Origin,
    result: Result<EditedJob, Refusal>,
) {
    let edited = match result {
        Ok(edited) => edited,
        Err(refusal) => return refused(model, &change, &origin, &refusal),
    };
    let lines = lines_of(&edited);
    if lines.is_empty() {
        model.form = None;
        return model.notice(Severity::Info, "no changes: the definition already says this");
    }
    let Change::Edit { job, edit, .. } = &change else {
        return;
    };
    let what = match edit {
        JobEdit::Create { source, .. } => {
            format!("create {job} in {}", crate::tui::change::place(*source))
        }
        JobEdit::RollBack(version) => format!("roll {job} back to version {version}"),
        JobEdit::Delete => format!("delete {job}"),
        JobEdit::Replace(_) | JobEdit::Patch(_) => format!("change {job}"),
    };
    let enter = if *edit == JobEdit::Delete { "continues" } else { "writes it" };
    let keys = &model.keymap;
    let way = |action| keys.way(Scope::PLAN, action);
    let (apply, close) = (way(Action::Apply), way(Action::Close));
    let title = format!("{what}. {apply} {enter}, {close} cancels");
    let change = Some(Box::new((change, origin)));
    model.layers.push(Layer::Diff { title, lines, change, scroll: Scroll::default() });
}

/// The difference in the file, else key by key; then what is likely wrong.
fn lines_of(edited: &EditedJob) -> Vec<String> {
    let mut lines: Vec<String> = match &edited.change.diff {
        Some(diff) => diff.lines().map(str::to_owned).collect(),
        None => {
            let mut lines: Vec<String> =
                edited.change.plan.added.iter().map(|job| format!("+ {job}")).collect();
            for field in edited.change.plan.changed.iter().flat_map(|change| &change.fields) {
                let side = |sign: char, value: &Option<String>| {
                    value.as_ref().map(|value| format!("{sign} {}: {value}", field.key))
                };
                lines.extend(side('-', &field.before));
                lines.extend(side('+', &field.after));
            }
            lines.extend(edited.change.plan.removed.iter().map(|job| format!("- {job}")));
            lines
        }
    };
    if !lines.is_empty() && !edited.change.plan.warnings.is_empty() {
        lines.push(String::new());
        lines.extend(edited.change.plan.warnings.iter().map(|warning| format!("! {warning}")));
    }
    lines
}

/// `Enter` where what is to be written is shown.
pub(super) fn apply(model: &mut Model) -> Vec<Command> {
    let Some(Layer::Diff { change, .. }) = model.layers.last() else {
        return Vec::new();
    };
    let Some((change, origin)) = change.as_deref().cloned() else {
        return Vec::new();
    };
    let deletes = matches!(change, Change::Edit { edit: JobEdit::Delete, .. });
    let what = match &change {
        Change::Edit { job, .. } => format!("delete {job}"),
        _ => String::new(),
    };
    let request = Request::Change { change, origin };
    if deletes {
        let lost = "executions that have not started are cancelled; history is kept";
        model.question = Some(Question::Each { what, lost, requests: vec![request] });
        return Vec::new();
    }
    vec![Command::Ask(request)]
}

/// The versions of a job have come.
pub(super) fn on_versions(model: &mut Model, job: JobId, result: Result<Vec<JobVersion>, Refusal>) {
    match result {
        Ok(versions) if versions.is_empty() => {
            model.notice(Severity::Info, format!("no versions of {job} are kept"));
        }
        Ok(versions) => {
            let versions = Versions { job, versions, at: 0 };
            model.layers.push(Layer::Versions(Box::new(versions)));
        }
        Err(refusal) => model.notice(Severity::Error, refusal.to_string()),
    }
}

/// Rolls the job back to the version in hand.
pub(super) fn roll_back(model: &Model) -> Vec<Command> {
    let Some(Layer::Versions(versions)) = model.layers.last() else {
        return Vec::new();
    };
    let Some(version) = versions.versions.get(versions.at) else {
        return Vec::new();
    };
    let job = versions.job.clone();
    let if_version = model.world.job(&job).map(|job| job.version);
    let edit = JobEdit::RollBack(version.version);
    vec![ask(model, Change::Edit { job, edit, if_version })]
}
