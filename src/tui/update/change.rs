//! Changes: asked for, shown before they are written, told when they are done, and taken back.
//!
//! Owns the list of what the user did. An edit of a definition is rehearsed first, and what it would
//! write is shown; everything else is asked for at once.

use super::act::clear_marks;
use super::form;
use crate::driver::{Edited, JobEdit};
use crate::model::{JobId, JobVersion, Refusal, Severity, Source};
use crate::tui::change::{Back, Change, Done, Origin, enables};
use crate::tui::keys::Action;
use crate::tui::message::{Answer, Command, Editing, EditorEnd, Outcome, Request};
use crate::tui::model::{Model, Opened, Question, Versions};

/// Things that were done and can be taken back.
const MOST_DONE: usize = 100;

/// Carries out an action that changes something.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Command> {
    match action {
        Action::Pause => pause(model),
        Action::SkipNext => skip_next(model),
        Action::Acknowledge => acknowledge(model),
        Action::Drain => drain(model),
        Action::Enable => enable(model, true),
        Action::Disable => enable(model, false),
        Action::Delete => delete(model),
        Action::Undo => undo(model),
        Action::Versions => match model.job_in_hand() {
            Some(job) => vec![Command::Ask(Request::Versions(job))],
            None => Vec::new(),
        },
        Action::Editor => editor(model),
        _ => {
            form::open(model, action);
            Vec::new()
        }
    }
}

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
    clear_marks(model);
    let mut requests: Vec<Request> =
        changes.into_iter().map(|change| request(model, change)).collect();
    if requests.len() > 1 {
        return vec![Command::Ask(Request::Each(requests))];
    }
    requests.pop().map(Command::Ask).into_iter().collect()
}

/// All are paused, or, where they are paused already, resumed.
fn pause(model: &mut Model) -> Vec<Command> {
    let jobs = model.jobs_in_hand();
    let is_paused = |id: &JobId| model.world.job(id).is_some_and(|job| job.paused.is_some());
    let resume = jobs.iter().all(is_paused);
    let jobs = jobs.into_iter().filter(|id| is_paused(id) == resume);
    let change = |job| {
        if resume {
            Change::Resume { job }
        } else {
            Change::Pause { job, until: None, reason: None }
        }
    };
    let changes = jobs.map(change).collect();
    change_each(model, changes)
}

/// All skip their next fire time, or, where they do already, none.
fn skip_next(model: &mut Model) -> Vec<Command> {
    let jobs = model.jobs_in_hand();
    let skips = |id: &JobId| model.world.job(id).is_some_and(|job| job.skip_next.is_some());
    let undo = !jobs.is_empty() && jobs.iter().all(skips);
    let fires = |id: &JobId| model.world.job(id).is_some_and(|job| job.next_fire_time.is_some());
    let first = jobs.first().cloned();
    let chosen: Vec<JobId> =
        jobs.into_iter().filter(|id| skips(id) == undo && (undo || fires(id))).collect();
    if let (true, Some(job)) = (chosen.is_empty(), first) {
        model.notice(Severity::Info, format!("{job} has no next fire time to skip"));
    }
    let change = |job| Change::SkipNext { job, undo };
    change_each(model, chosen.into_iter().map(change).collect())
}

/// A failure that was acknowledged no longer is; of any other it is asked what is known about it.
fn acknowledge(model: &mut Model) -> Vec<Command> {
    let failed = form::failures_in_hand(model);
    let known = |job: &JobId| model.world.job(job).is_some_and(|it| it.acknowledged.is_some());
    if failed.is_empty() || !failed.iter().all(|(job, _)| known(job)) {
        form::open(model, Action::Acknowledge);
        return Vec::new();
    }
    let change = |(job, execution)| Change::Acknowledge { job, execution, note: None };
    change_each(model, failed.into_iter().map(change).collect())
}

fn drain(model: &mut Model) -> Vec<Command> {
    let Some(worker) = model.worker_in_hand() else {
        return Vec::new();
    };
    if worker.drained.is_none() {
        form::open(model, Action::Drain);
        return Vec::new();
    }
    let change = Change::Drain { worker: worker.id.clone(), drain: false, reason: None };
    change_each(model, vec![change])
}

fn enable(model: &mut Model, enabled: bool) -> Vec<Command> {
    let differs =
        |id: &JobId| model.world.job(id).is_some_and(|job| job.definition.enabled != enabled);
    let jobs: Vec<JobId> = model.jobs_in_hand().into_iter().filter(differs).collect();
    if jobs.is_empty() {
        let word = if enabled { "enabled" } else { "disabled" };
        model.notice(Severity::Info, format!("it is {word} already"));
    }
    let edit = |job| Change::Edit { job, edit: JobEdit::Patch(enables(enabled)), if_version: None };
    change_each(model, jobs.into_iter().map(edit).collect())
}

fn delete(model: &mut Model) -> Vec<Command> {
    if model.marked() > 1 && model.opened.is_empty() {
        model.notice(Severity::Warning, "one job at a time is deleted: Esc clears the marks");
        return Vec::new();
    }
    let id = model.job_in_hand();
    let version = id.as_ref().and_then(|id| model.world.job(id)).map(|job| job.version);
    let (Some(job), Some(version)) = (id, version) else {
        return Vec::new();
    };
    let change = Change::Edit { job, edit: JobEdit::Delete, if_version: Some(version) };
    vec![ask(model, change)]
}

/// Opens an editor on the jobs file, or on the definition where there is no file at hand.
fn editor(model: &mut Model) -> Vec<Command> {
    let id = model.job_in_hand();
    let Some(job) = id.as_ref().and_then(|id| model.world.job(id)) else {
        return Vec::new();
    };
    let file = model.world.engine.file.path.clone();
    let editing = Editing {
        job: job.definition.id.clone(),
        version: job.version,
        file: file.filter(|_| job.source == Source::File),
        yaml: crate::jobfile::to_yaml(&job.definition),
    };
    vec![Command::Edit(Box::new(editing))]
}

/// An editor has given the terminal back.
pub(super) fn on_editor(model: &mut Model, editing: Editing, end: EditorEnd) -> Vec<Command> {
    match end {
        EditorEnd::Unchanged => {
            model.notice(Severity::Info, "nothing was changed");
            Vec::new()
        }
        EditorEnd::File => vec![Command::Ask(Request::PlanReload)],
        EditorEnd::Failed(why) => {
            model.notice(Severity::Error, why);
            Vec::new()
        }
        EditorEnd::Definition(text) => match serde_yaml::from_str(&text) {
            Ok(definition) => {
                let (job, if_version) = (editing.job, Some(editing.version));
                let edit = JobEdit::Replace(definition);
                vec![ask(model, Change::Edit { job, edit, if_version })]
            }
            Err(error) => {
                let title = format!("what was written about {} is no definition", editing.job);
                let mut lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
                lines.extend([String::new(), "it was:".to_owned(), String::new()]);
                lines.extend(text.lines().map(str::to_owned));
                model.opened.push(Opened::Paper { title, lines, scroll: 0 });
                Vec::new()
            }
        },
    }
}

/// Remembers something of the user's that was done.
pub(super) fn remember(model: &mut Model, what: String, back: Vec<Back>) {
    model.done.push(Done { what, back });
    if model.done.len() > MOST_DONE {
        model.done.remove(0);
    }
}

/// Takes back what was done last, or says why it cannot be.
fn undo(model: &mut Model) -> Vec<Command> {
    let Some(Done { what, back }) = model.done.pop() else {
        model.notice(Severity::Info, "you have done nothing that could be undone");
        return Vec::new();
    };
    let why_not = back.iter().find_map(|back| match back {
        Back::No(why) => Some(why.clone()),
        Back::By(_) => None,
    });
    if let Some(why) = why_not {
        let before = model.done.last();
        let before = before.map(|it| format!(" (z again undoes: {})", it.what));
        let text = format!("cannot undo: {what}; {why}{}", before.unwrap_or_default());
        model.notice(Severity::Warning, text);
        return Vec::new();
    }
    let origin = Origin::Undo(what);
    let request = |back| match back {
        Back::By(change) if change.is_shown_first() => {
            Some(Request::Rehearse { change: *change, origin: origin.clone() })
        }
        Back::By(change) => Some(Request::Change { change: *change, origin: origin.clone() }),
        Back::No(_) => None,
    };
    let mut requests: Vec<Request> = back.into_iter().filter_map(request).collect();
    if requests.len() > 1 {
        return vec![Command::Ask(Request::Each(requests))];
    }
    requests.pop().map(Command::Ask).into_iter().collect()
}

/// A change was carried out, or refused.
pub(super) fn on_changed(
    model: &mut Model,
    change: &Change,
    origin: Origin,
    result: Result<Outcome, Refusal>,
) {
    let edit = matches!(change, Change::Edit { .. });
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(refusal) => return on_refused(model, change, &origin, &refusal),
    };
    if edit {
        model.opened.retain(|opened| !matches!(opened, Opened::Diff { .. } | Opened::Versions(_)));
        if form::is_users(&origin) {
            model.form = None;
        }
    }
    let mut told = match &origin {
        Origin::User(_) => change.told(),
        Origin::Undo(what) => format!("undone: {what}"),
    };
    let warning = match &outcome {
        Outcome::Edited(edited) => edited.plan.warnings.first().cloned(),
        Outcome::Job(_) | Outcome::Worker(_) => None,
    };
    if let Origin::User(back) = origin {
        if matches!(back, Back::By(_)) {
            let key = "z takes it back";
            remember(model, told.clone(), vec![back]);
            told = format!("{told}: {key}");
        } else {
            remember(model, told.clone(), vec![back]);
        }
    }
    match warning {
        Some(warning) => model.notice(Severity::Warning, format!("{told}; but {warning}")),
        None => model.notice(Severity::Info, told),
    }
}

fn on_refused(model: &mut Model, change: &Change, origin: &Origin, refusal: &Refusal) {
    let is_edit = matches!(change, Change::Edit { .. });
    if is_edit {
        model.opened.retain(|opened| !matches!(opened, Opened::Diff { .. }));
    }
    if let Refusal::FileLeftAlone { message, diff } = refusal {
        model.notice(Severity::Error, "jobs.yaml was left alone");
        let mut lines: Vec<String> = message.lines().map(|line| format!("! {line}")).collect();
        lines.extend([String::new(), "what was to be written:".to_owned(), String::new()]);
        lines.extend(diff.lines().map(str::to_owned));
        let title = "jobs.yaml was left alone".to_owned();
        model.opened.push(Opened::Diff { title, lines, change: None, scroll: 0 });
        return;
    }
    let text = match origin {
        Origin::User(_) => refusal.to_string(),
        Origin::Undo(what) => format!("cannot undo: {what}; {refusal}"),
    };
    if is_edit && form::is_users(origin) && form::refused(model, refusal) {
        return;
    }
    model.notice(Severity::Error, text);
}

/// What an edit would write is shown; `Enter` writes it.
pub(super) fn on_rehearsed(
    model: &mut Model,
    change: Change,
    origin: Origin,
    result: Result<Edited, Refusal>,
) {
    let edited = match result {
        Ok(edited) => edited,
        Err(refusal) => return on_refused(model, &change, &origin, &refusal),
    };
    let lines = lines_of(&edited);
    if lines.is_empty() {
        model.form = None;
        return model.notice(Severity::Info, "it says so already: nothing changes");
    }
    let Change::Edit { job, edit, .. } = &change else {
        return;
    };
    let what = match edit {
        JobEdit::Create { source, .. } => {
            format!("{job} is to be created in {}", crate::tui::change::place(*source))
        }
        JobEdit::RollBack(version) => format!("{job} is to be rolled back to version {version}"),
        JobEdit::Delete => format!("{job} is to be deleted"),
        JobEdit::Replace(_) | JobEdit::Patch(_) => format!("{job} is to change"),
    };
    let title = format!("{what}. Enter writes it, Esc does not");
    let change = Some(Box::new((change, origin)));
    model.opened.push(Opened::Diff { title, lines, change, scroll: 0 });
}

/// The difference in the file, else key by key; then what is likely wrong.
fn lines_of(edited: &Edited) -> Vec<String> {
    let mut lines: Vec<String> = match &edited.diff {
        Some(diff) => diff.lines().map(str::to_owned).collect(),
        None => {
            let mut lines: Vec<String> =
                edited.plan.added.iter().map(|job| format!("+ {job}")).collect();
            for field in edited.plan.changed.iter().flat_map(|change| &change.fields) {
                let side = |sign: char, value: &Option<String>| {
                    value.as_ref().map(|value| format!("{sign} {}: {value}", field.key))
                };
                lines.extend(side('-', &field.before));
                lines.extend(side('+', &field.after));
            }
            lines.extend(edited.plan.removed.iter().map(|job| format!("- {job}")));
            lines
        }
    };
    if !lines.is_empty() && !edited.plan.warnings.is_empty() {
        lines.push(String::new());
        lines.extend(edited.plan.warnings.iter().map(|warning| format!("! {warning}")));
    }
    lines
}

/// `Enter` where what is to be written is shown.
pub(super) fn apply(model: &mut Model) -> Vec<Command> {
    let Some(Opened::Diff { change, .. }) = model.opened.last() else {
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
        let lost = "what has not started is cancelled; its history stays";
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
            model.opened.push(Opened::Versions(Box::new(versions)));
        }
        Err(refusal) => model.notice(Severity::Error, refusal.to_string()),
    }
}

/// Rolls the job back to the version in hand.
pub(super) fn roll_back(model: &Model) -> Vec<Command> {
    let Some(Opened::Versions(versions)) = model.opened.last() else {
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

/// What each of many came to, as far as it is a change: what takes all of it back.
pub(super) fn backs(answers: &[Answer]) -> Option<(String, Vec<Back>)> {
    let mut what = String::new();
    let mut backs = Vec::new();
    for answer in answers {
        if let Answer::Changed { change, origin: Origin::User(back), result: Ok(_) } = answer {
            what = change.told();
            backs.push(back.clone());
        }
    }
    match backs.len() {
        0 => None,
        1 => Some((what, backs)),
        count => Some((format!("{what} and {} more", count - 1), backs)),
    }
}
