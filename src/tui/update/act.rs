//! What each action does.

use std::sync::Arc;

use tui_input::Input;

use super::lists::{go_to, open_output, reload_executions, set_filter};
use super::{ask, change, edit, form};
use crate::driver::RunOptions;
use crate::model::{Execution, JobId, Severity};
use crate::tui::Exit;
use crate::tui::cursor::{Move, Scroll, moved};
use crate::tui::keys::{Action, Scope, Tab};
use crate::tui::message::{Command, Request};
use crate::tui::model::sanitize::plain;
use crate::tui::model::{Layer, Link, Model, Output, Prompt, Purpose, Question};
use crate::tui::options::Hosting;

/// Cells that one key scrolls sideways.
const SIDESTEP: usize = 8;

/// Carries an action out.
#[expect(
    clippy::too_many_lines,
    reason = "an exhaustive match: a new action does not compile until it is given a meaning here"
)]
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Command> {
    // What came since the last frame counts, or an action would be about a row that is no longer there.
    settle_list(model);
    match action {
        // Where one is.
        Action::Go(tab) => go_to(model, tab),
        Action::NextTab => step_tab(model, 1),
        Action::PreviousTab => step_tab(model, Tab::ALL.len() - 1),
        Action::Move(step) => return go(model, step),
        Action::Open => return open(model),
        Action::Close => return close(model),
        Action::Back => return back(model),
        Action::Help => {
            let context = model.key_context();
            model.layers.push(Layer::Help { context, scroll: Scroll::default() });
        }
        Action::Notices => model.layers.push(Layer::Notices { scroll: Scroll::default() }),
        // Lines to type.
        Action::Filter => begin(model, Purpose::Filter),
        Action::Search => begin(model, Purpose::Search),
        Action::Palette => {
            // From the list of keys the search goes over the actions that it lists.
            model.layers.pop_if(|layer| matches!(layer, Layer::Help { .. }));
            begin(model, Purpose::Palette);
        }
        Action::Save => begin(model, Purpose::SaveAs),
        Action::WhyAt => begin(model, Purpose::WhyAt),
        // Lists.
        Action::OnlyWrong => return only_wrong(model),
        Action::HideSkipped => return hide_skipped(model),
        Action::Mark => return mark(model),
        Action::MarkRange => mark_range(model),
        Action::Tree => {
            model.jobs.tree = !model.jobs.tree;
            model.jobs.touch();
        }
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::NextOrder => next_order(model),
        Action::Reverse => return reverse(model),
        Action::Copy => return copy(model),
        // Executions.
        Action::Run => return ask::run(model, &RunOptions::default()),
        Action::RunForced => {
            return ask::run(model, &RunOptions { force: true, ..RunOptions::default() });
        }
        Action::Retry => return ask::retry(model),
        Action::CancelExecution => ask::cancel(model),
        Action::RunWith => form::run(model),
        Action::Why => return why(model),
        Action::ShowOutput => return show_output(model),
        // Jobs, workers, definitions.
        Action::Pause => return change::pause(model),
        Action::PauseUntil => form::pause(model),
        Action::SkipNext => return change::skip_next(model),
        Action::Acknowledge => return change::acknowledge(model),
        Action::Drain => return change::drain(model),
        Action::Capacity => form::capacity(model),
        Action::Enable => return change::enable(model, true),
        Action::Disable => return change::enable(model, false),
        Action::EditForm => form::edit(model),
        Action::NewJob => form::new_job(model),
        Action::Editor => return edit::editor(model),
        Action::EditError => return edit::edit_error(model),
        Action::Versions => return versions(model),
        Action::RollBack => return edit::roll_back(model),
        Action::Delete => return change::delete(model),
        Action::Undo => return change::undo(model),
        Action::Reload => return vec![Command::Ask(Request::PlanReload)],
        Action::Apply => return apply(model),
        // An output.
        Action::Follow => follow(model),
        Action::Wrap => wrap(model),
        Action::Timestamps => {
            if let Some(Layer::Output(output)) = model.layers.last_mut() {
                output.timestamps = !output.timestamps;
            }
        }
        Action::ScrollLeft => scroll_sideways(model, false),
        Action::ScrollRight => scroll_sideways(model, true),
        Action::NextMatch => seek(model, true),
        Action::PreviousMatch => seek(model, false),
        Action::NextError => seek_error(model, true),
        Action::PreviousError => seek_error(model, false),
        Action::NextAttempt => show_attempt(model, true),
        Action::PreviousAttempt => show_attempt(model, false),
        // The screen itself.
        Action::Utc => {
            model.utc = !model.utc;
            let zone = model.zone();
            model.notice(Severity::Info, format!("times are in {zone}"));
        }
        Action::Theme(palette) => {
            model.theme = model.theme.with(palette);
            model.notice(Severity::Info, format!("theme: {}", palette.name()));
        }
        Action::Mouse => return mouse(model),
        Action::Repaint => return vec![Command::Repaint],
        Action::Suspend => return suspend(model),
    }
    Vec::new()
}

fn mouse(model: &mut Model) -> Vec<Command> {
    model.mouse = !model.mouse;
    let text = if model.mouse {
        "the mouse is on: hold Shift to copy with your terminal, :mouse turns it off"
    } else {
        "the mouse is off"
    };
    model.notice(Severity::Info, text);
    vec![Command::Mouse(model.mouse)]
}

fn versions(model: &Model) -> Vec<Command> {
    let job = model.selected_job();
    job.map(|job| Command::Ask(Request::Versions(job))).into_iter().collect()
}

fn apply(model: &mut Model) -> Vec<Command> {
    if matches!(model.layers.last(), Some(Layer::Diff { .. })) {
        return edit::apply(model);
    }
    vec![Command::Ask(Request::Reload)]
}

fn why(model: &mut Model) -> Vec<Command> {
    let job = model.selected_job();
    let request = match (model.selected_execution(), job) {
        (Some(execution), _) => Some(Request::WhyExecution(execution.job_id.clone(), execution.id)),
        (None, job) => job.map(|job| Request::WhyJob(job, model.now)),
    };
    request.map(Command::Ask).into_iter().collect()
}

/// The store pages by creation: of all orders only that one and its reverse hold over a history of
/// any length.
fn reverse_executions(model: &mut Model) -> Vec<Command> {
    let list = &mut model.executions;
    list.reversed = !list.reversed;
    let first = if list.reversed { "oldest first" } else { "newest first" };
    model.notice(Severity::Info, format!("sorted by creation, {first}"));
    reload_executions(model)
}

fn step_tab(model: &mut Model, step: usize) {
    let at = Tab::ALL.iter().position(|tab| *tab == model.tab).unwrap_or(0);
    go_to(model, Tab::ALL[(at + step) % Tab::ALL.len()]);
}

fn go(model: &mut Model, step: Move) -> Vec<Command> {
    let (width, height) = model.window();
    let Some(opened) = model.layers.last_mut() else {
        return go_in_list(model, step, height);
    };
    match opened {
        Layer::Output(output) => output.go(step, width, height),
        Layer::Versions(versions) => {
            let count = versions.versions.len();
            versions.at = moved(versions.at, step, count, height);
        }
        layer => {
            if let Some(scroll) = layer.scroll_mut() {
                scroll.go(step, height);
            }
        }
    }
    Vec::new()
}

/// Brings the list of the tab in line with what is known.
fn settle_list(model: &mut Model) {
    let (_, height) = model.window();
    match model.tab {
        Tab::Jobs => model.jobs.settle(&model.world, height),
        Tab::Workers => model.workers.settle(&model.world, height),
        // Executions come in as they are; the events stand still while they are read.
        Tab::Executions | Tab::System => {}
    }
}

fn go_in_list(model: &mut Model, step: Move, height: usize) -> Vec<Command> {
    match model.tab {
        Tab::Jobs => {
            model.jobs.go(step, &model.world, height);
        }
        Tab::Executions => {
            return model.executions.go(step, height).map(Command::Ask).into_iter().collect();
        }
        Tab::Workers => model.workers.go(step, height),
        Tab::System => {
            let shown = model.event_rows();
            let tops = (model.system.events.len() + 1).saturating_sub(shown);
            let from = model.system.scroll;
            model.system.scroll = moved(from, step, tops, shown);
        }
    }
    Vec::new()
}

fn open(model: &mut Model) -> Vec<Command> {
    let filter = match model.scope() {
        Scope::JOBS => {
            if let Some(id) = model.selected_job() {
                model.layers.push(Layer::Job { id, scroll: Scroll::default() });
            }
            return Vec::new();
        }
        Scope::EXECUTIONS => {
            if let Some(execution) = model.selected_execution() {
                model.layers.push(Layer::Execution { execution, scroll: Scroll::default() });
            }
            return Vec::new();
        }
        Scope::WORKERS => {
            if let Some(id) = model.selected_worker().map(|worker| worker.id.clone()) {
                model.layers.push(Layer::Worker { id, scroll: Scroll::default() });
            }
            return Vec::new();
        }
        Scope::JOB => model.selected_job().map(|job| format!("job:{job}")),
        Scope::WORKER => model.selected_worker().map(|worker| format!("worker:{}", worker.id)),
        _ => None,
    };
    let Some(filter) = filter else {
        return Vec::new();
    };
    go_to(model, Tab::Executions);
    model.executions.only_wrong = false;
    model.executions.hide_skipped = false;
    set_filter(model, &filter)
}

fn close(model: &mut Model) -> Vec<Command> {
    if model.layers.pop().is_some() {
        return Vec::new();
    }
    if std::mem::take(&mut model.zoomed) {
        return Vec::new();
    }
    if model.marked() > 0 {
        model.clear_marks();
        return Vec::new();
    }
    let mut commands = Vec::new();
    if model.only_wrong() {
        commands = only_wrong(model);
    }
    if model.tab == Tab::Executions && model.executions.hide_skipped {
        commands = hide_skipped(model);
    }
    if model.filter().is_some_and(|filter| !filter.is_empty()) {
        commands = set_filter(model, "");
    }
    commands
}

fn back(model: &mut Model) -> Vec<Command> {
    if model.layers.pop().is_some() || std::mem::take(&mut model.zoomed) {
        return Vec::new();
    }
    leave(model)
}

/// Closes the screen; where the engine is in this process the user is always asked what becomes of it.
fn leave(model: &mut Model) -> Vec<Command> {
    match (model.hosting, &model.link) {
        (Hosting::ThisProcess, Link::Up) => {
            model.question = Some(Question::Quit(0));
            Vec::new()
        }
        (Hosting::Elsewhere, Link::Down(_)) => vec![Command::Quit(Exit::NoEngine)],
        (Hosting::ThisProcess, Link::Down(_)) | (Hosting::Elsewhere, Link::Up) => {
            vec![Command::Quit(Exit::Quit)]
        }
    }
}

/// An engine in this process must not be suspended with its screen.
fn suspend(model: &mut Model) -> Vec<Command> {
    match model.hosting {
        Hosting::ThisProcess => leave(model),
        Hosting::Elsewhere => vec![Command::Suspend],
    }
}

fn begin(model: &mut Model, purpose: Purpose) {
    let before = match (purpose, model.layers.last()) {
        (Purpose::Filter, _) => model.filter().map_or_else(String::new, |it| it.text.clone()),
        (Purpose::Search, Some(Layer::Output(output))) => output.search.clone(),
        (Purpose::SaveAs, Some(Layer::Output(output))) => {
            let Execution { job_id, id, .. } = &*output.execution;
            format!("{job_id}-{}-{}.log", id.short(), output.key.attempt)
        }
        _ => String::new(),
    };
    // A search starts empty; a filter and a name are changed more often than replaced.
    let typed = if purpose == Purpose::Search { String::new() } else { before.clone() };
    let input = Input::new(typed);
    model.prompt = Some(Prompt { purpose, input, before, chosen: 0 });
}

fn only_wrong(model: &mut Model) -> Vec<Command> {
    match model.tab {
        Tab::Jobs => {
            model.jobs.only_wrong = !model.jobs.only_wrong;
            if model.jobs.only_wrong {
                // The worst stands first.
                model.jobs.select_first();
            }
            model.jobs.touch();
            Vec::new()
        }
        Tab::Executions => {
            model.executions.only_wrong = !model.executions.only_wrong;
            reload_executions(model)
        }
        Tab::Workers | Tab::System => Vec::new(),
    }
}

/// Leaves skipped executions out, or lists them again.
fn hide_skipped(model: &mut Model) -> Vec<Command> {
    model.executions.hide_skipped = !model.executions.hide_skipped;
    reload_executions(model)
}

fn next_order(model: &mut Model) {
    if model.tab == Tab::Workers {
        model.workers.next_order();
    } else {
        // An order is not visible in the tree.
        if !std::mem::take(&mut model.jobs.tree) {
            model.jobs.order = model.jobs.order.next(&model.world);
        }
        model.jobs.touch();
    }
    notice_order(model);
}

fn reverse(model: &mut Model) -> Vec<Command> {
    match model.tab {
        Tab::Executions => return reverse_executions(model),
        Tab::Workers => model.workers.reversed = !model.workers.reversed,
        Tab::Jobs | Tab::System => {
            model.jobs.tree = false;
            model.jobs.reversed = !model.jobs.reversed;
            model.jobs.touch();
        }
    }
    notice_order(model);
    Vec::new()
}

fn notice_order(model: &mut Model) {
    let (title, reversed) = match model.tab {
        Tab::Workers => (model.workers.order.title(), model.workers.reversed),
        Tab::Jobs | Tab::Executions | Tab::System => {
            (model.jobs.order.title(), model.jobs.reversed)
        }
    };
    let reversed = if reversed { ", reversed" } else { "" };
    model.notice(Severity::Info, format!("sorted by {title}{reversed}"));
}

/// Marks and moves on, so that a run of them is one key held down.
fn mark(model: &mut Model) -> Vec<Command> {
    match model.tab {
        Tab::Jobs => model.jobs.mark(),
        Tab::Executions => model.executions.mark(),
        Tab::Workers | Tab::System => return Vec::new(),
    }
    go(model, Move::By(1))
}

fn mark_range(model: &mut Model) {
    match model.tab {
        Tab::Jobs => model.jobs.mark_range(&model.world),
        Tab::Executions => model.executions.mark_range(),
        Tab::Workers | Tab::System => {}
    }
}

/// Opens the output of the selected execution, or of the newest one of the selected job.
fn show_output(model: &mut Model) -> Vec<Command> {
    let Some(job) = model.selected_job() else {
        return Vec::new();
    };
    let newest = |job: &JobId| {
        let live = model.world.live_of(job).rev().find(|it| !it.attempts.is_empty());
        let last = model.world.job(job).and_then(|it| it.last_execution.as_ref());
        live.map(|it| it.id).or_else(|| last.map(|it| it.id))
    };
    let selected = model.selected_execution();
    let id = selected.as_ref().map(|it| it.id).or_else(|| newest(&job));
    match (selected.or_else(|| model.known_execution(id?)), id) {
        (Some(execution), _) => open_output(model, execution),
        // Of a past execution only a summary is at hand: its attempts are asked for.
        (None, Some(id)) => return vec![Command::Ask(Request::Execution(id))],
        (None, None) => {
            model.notice(
                Severity::Info,
                format!("{job} has not run yet: {} runs it now", model.way(Action::Run)),
            );
        }
    }
    Vec::new()
}

fn copy(model: &mut Model) -> Vec<Command> {
    let text = match model.layers.last() {
        None if model.marked() > model.hidden_marks() => Some(if model.tab == Tab::Jobs {
            let ids = model.jobs.listed_marks(&model.world);
            ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join("\n")
        } else {
            let ids = model.executions.listed_marks();
            ids.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }),
        Some(Layer::Job { .. }) => {
            model.details.as_ref().map(|details| details.definition.join("\n"))
        }
        Some(Layer::Output(output)) => {
            let (width, height) = model.window();
            let line = output.lines().get(output.first_line(width, height));
            line.map(|line| plain(&line.text))
        }
        _ => model
            .selected_execution()
            .map(|execution| execution.id.to_string())
            .or_else(|| model.selected_job().map(String::from))
            .or_else(|| model.selected_worker().map(|worker| worker.id.to_string())),
    };
    let Some(text) = text else {
        return Vec::new();
    };
    let lines = text.lines().count();
    let shown_text =
        if lines > 1 { format!("copied {lines} lines") } else { format!("copied {text}") };
    model.notice(Severity::Info, shown_text);
    vec![Command::Copy(text)]
}

fn follow(model: &mut Model) {
    let (width, height) = model.window();
    if let Some(Layer::Output(output)) = model.layers.last_mut() {
        output.top = output.first_line(width, height);
        output.follow = !output.follow;
    }
}

fn wrap(model: &mut Model) {
    if let Some(Layer::Output(output)) = model.layers.last_mut() {
        output.wrap = !output.wrap;
        output.left = 0;
    }
}

fn scroll_sideways(model: &mut Model, right: bool) {
    match model.layers.last_mut() {
        Some(Layer::Output(output)) if right && !output.wrap => output.left += SIDESTEP,
        Some(Layer::Output(output)) if !right => {
            output.left = output.left.saturating_sub(SIDESTEP);
        }
        _ => {}
    }
}

fn seek(model: &mut Model, forward: bool) {
    let (width, height) = model.window();
    let begin = model.way(Action::Search);
    let Some(Layer::Output(output)) = model.layers.last_mut() else {
        return;
    };
    if output.seek(forward, width, height) {
        return;
    }
    let text = match output.search.as_str() {
        "" => format!("nothing to search for: {begin} starts a search"),
        search => format!("no line contains `{search}`"),
    };
    model.notice(Severity::Info, text);
}

fn seek_error(model: &mut Model, forward: bool) {
    let (width, height) = model.window();
    if let Some(Layer::Output(output)) = model.layers.last_mut()
        && !output.seek_error(forward, width, height)
    {
        model.notice(Severity::Info, "no line mentions an error");
    }
}

fn show_attempt(model: &mut Model, next: bool) {
    let Some(Layer::Output(output)) = model.layers.last_mut() else {
        return;
    };
    let attempts = output.execution.attempt_number();
    let from = output.key.attempt;
    let to = if next { from + 1 } else { from - 1 };
    if (1..=attempts).contains(&to) {
        **output = Output::new(Arc::clone(&output.execution), to);
    } else {
        let text = format!("this is attempt {from} of {}", attempts.max(from));
        model.notice(Severity::Info, text);
    }
}
