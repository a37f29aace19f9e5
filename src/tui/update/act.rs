//! What each action does.

use std::sync::Arc;

use chrono::TimeDelta;
use tui_input::Input;

use super::lists::{go_to, open_output, reload_executions, set_filter};
use super::{ask, change, edit};
use crate::model::{Execution, JobId, Severity};
use crate::tui::Exit;
use crate::tui::cursor::{Move, Scroll, moved};
use crate::tui::keys::{Action, Scope, Tab};
use crate::tui::message::{Command, Request};
use crate::tui::model::scrub::plain;
use crate::tui::model::{Link, Model, Opened, Output, Prompt, Purpose, Question};
use crate::tui::options::Hosting;

/// An engine in this process is not left without a question when a fire time is this near.
const SOON: TimeDelta = TimeDelta::seconds(60);
/// Cells that one key scrolls sideways.
const SIDESTEP: usize = 8;

/// Carries an action out.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Command> {
    if let Some(commands) = change::act(model, action) {
        return commands;
    }
    match action {
        Action::Go(tab) => go_to(model, tab),
        Action::NextTab => step_tab(model, 1),
        Action::PreviousTab => step_tab(model, Tab::ALL.len() - 1),
        Action::Move(step) => return go(model, step),
        Action::Open => return open(model),
        Action::Close => return close(model),
        Action::Back => return back(model),
        Action::Filter => begin(model, Purpose::Filter),
        Action::Search => begin(model, Purpose::Search),
        Action::Palette => begin(model, Purpose::Palette),
        Action::Save => begin(model, Purpose::SaveAs),
        Action::WhyAt => begin(model, Purpose::WhyAt),
        Action::Run | Action::RunForced | Action::Retry | Action::CancelExecution => {
            return ask::ask_engine(model, action);
        }
        Action::Why => return why(model),
        Action::ShowOutput => return show_output(model),
        Action::OnlyWrong => return only_wrong(model),
        Action::Mark | Action::MarkRange => return mark(model, action),
        Action::Tree => {
            model.jobs.tree = !model.jobs.tree;
            model.jobs.touch();
        }
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::Reverse if model.tab == Tab::Executions => return reverse_executions(model),
        Action::NextOrder | Action::Reverse => reorder(model, action),
        Action::Copy => return copy(model),
        Action::Reload => return vec![Command::Ask(Request::PlanReload)],
        Action::Apply if matches!(model.opened.last(), Some(Opened::Diff { .. })) => {
            return edit::apply(model);
        }
        Action::Apply => return vec![Command::Ask(Request::Reload)],
        Action::Help => {
            let place = model.place();
            model.opened.push(Opened::Help { place, scroll: Scroll::default() });
        }
        Action::Notices => model.opened.push(Opened::Notices { scroll: Scroll::default() }),
        Action::Utc | Action::Theme(_) | Action::Mouse | Action::Repaint => {
            return set_screen(model, action);
        }
        _ => in_output(model, action),
    }
    Vec::new()
}

/// What the screen itself is like.
fn set_screen(model: &mut Model, action: Action) -> Vec<Command> {
    match action {
        Action::Utc => {
            model.utc = !model.utc;
            let zone = model.zone();
            model.notice(Severity::Info, format!("times are in {zone}"));
        }
        Action::Theme(palette) => {
            model.theme = model.theme.with(palette);
            model.notice(Severity::Info, format!("colours: {}", palette.name()));
        }
        Action::Mouse => {
            model.mouse = !model.mouse;
            let told = if model.mouse {
                "the mouse is on: your terminal copies with Shift held, :mouse turns it off"
            } else {
                "the mouse is off"
            };
            model.notice(Severity::Info, told);
            return vec![Command::Mouse(model.mouse)];
        }
        Action::Repaint => return vec![Command::Repaint],
        _ => {}
    }
    Vec::new()
}

fn why(model: &mut Model) -> Vec<Command> {
    let job = model.job_in_hand();
    let request = match (model.execution_in_hand(), job) {
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
    let first = if list.reversed { "the oldest first" } else { "the newest first" };
    model.notice(Severity::Info, format!("by when they were created, {first}"));
    reload_executions(model)
}

fn step_tab(model: &mut Model, step: usize) {
    let at = Tab::ALL.iter().position(|tab| *tab == model.tab).unwrap_or(0);
    go_to(model, Tab::ALL[(at + step) % Tab::ALL.len()]);
}

fn go(model: &mut Model, step: Move) -> Vec<Command> {
    let (width, height) = model.window();
    let Some(opened) = model.opened.last_mut() else {
        return go_in_list(model, step, height);
    };
    match opened {
        Opened::Output(output) => output.go(step, width, height),
        Opened::Versions(versions) => {
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

fn go_in_list(model: &mut Model, step: Move, height: usize) -> Vec<Command> {
    match model.tab {
        Tab::Jobs => {
            // What came since the last frame counts, or the selection would move from a row that is
            // no more.
            model.jobs.settle(&model.world, height);
            model.jobs.go(step, &model.world, height);
        }
        Tab::Executions => {
            return model.executions.go(step, height).map(Command::Ask).into_iter().collect();
        }
        Tab::Workers => {
            model.workers.settle(&model.world, height);
            model.workers.go(step, height);
        }
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
            if let Some(id) = model.job_in_hand() {
                model.opened.push(Opened::Job { id, scroll: Scroll::default() });
            }
            return Vec::new();
        }
        Scope::EXECUTIONS => {
            if let Some(execution) = model.execution_in_hand() {
                model.opened.push(Opened::Execution { execution, scroll: Scroll::default() });
            }
            return Vec::new();
        }
        Scope::WORKERS => {
            if let Some(id) = model.worker_in_hand().map(|worker| worker.id.clone()) {
                model.opened.push(Opened::Worker { id, scroll: Scroll::default() });
            }
            return Vec::new();
        }
        Scope::JOB => model.job_in_hand().map(|job| format!("job:{job}")),
        Scope::WORKER => model.worker_in_hand().map(|worker| format!("worker:{}", worker.id)),
        _ => None,
    };
    let Some(filter) = filter else {
        return Vec::new();
    };
    go_to(model, Tab::Executions);
    model.executions.only_wrong = false;
    set_filter(model, &filter)
}

fn close(model: &mut Model) -> Vec<Command> {
    if model.opened.pop().is_some() {
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
    if model.filter().is_some_and(|filter| !filter.is_empty()) {
        commands = set_filter(model, "");
    }
    commands
}

fn back(model: &mut Model) -> Vec<Command> {
    if model.opened.pop().is_some() || std::mem::take(&mut model.zoomed) {
        return Vec::new();
    }
    let near = |at| at - model.now <= SOON;
    let at_stake = model.world.pulse().running > 0 || model.world.pulse().next.is_some_and(near);
    if model.hosting == Hosting::ThisProcess && at_stake && model.link == Link::Up {
        model.question = Some(Question::Quit);
        return Vec::new();
    }
    let gone = model.hosting == Hosting::Elsewhere && model.link != Link::Up;
    vec![Command::Quit(if gone { Exit::NoEngine } else { Exit::Quit })]
}

fn begin(model: &mut Model, purpose: Purpose) {
    let before = match (purpose, model.opened.last()) {
        (Purpose::Filter, _) => model.filter().map_or_else(String::new, |it| it.text.clone()),
        (Purpose::Search, Some(Opened::Output(output))) => output.search.clone(),
        (Purpose::SaveAs, Some(Opened::Output(output))) => {
            let Execution { job_id, id, .. } = &*output.execution;
            format!("{job_id}-{}-{}.log", id.short(), output.key.attempt)
        }
        _ => String::new(),
    };
    // A search begins anew; a filter and a name are changed more often than replaced.
    let typed = if purpose == Purpose::Search { String::new() } else { before.clone() };
    let input = Input::new(typed);
    model.prompt = Some(Prompt { purpose, input, before, chosen: 0 });
}

fn only_wrong(model: &mut Model) -> Vec<Command> {
    match model.tab {
        Tab::Jobs => {
            model.jobs.only_wrong = !model.jobs.only_wrong;
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

fn reorder(model: &mut Model, action: Action) {
    let reverse = action == Action::Reverse;
    let (title, reversed) = if model.tab == Tab::Workers {
        let workers = &mut model.workers;
        if reverse {
            workers.reversed = !workers.reversed;
        } else {
            workers.next_order();
        }
        (workers.order.title(), workers.reversed)
    } else {
        let jobs = &mut model.jobs;
        // Whoever asks for an order wants to see it.
        let was_tree = std::mem::take(&mut jobs.tree);
        if reverse {
            jobs.reversed = !jobs.reversed;
        } else if !was_tree {
            jobs.order = jobs.order.next(&model.world);
        }
        jobs.touch();
        (jobs.order.title(), jobs.reversed)
    };
    let reversed = if reversed { ", reversed" } else { "" };
    model.notice(Severity::Info, format!("sorted by {title}{reversed}"));
}

/// Marks and moves on, so that a run of them is one key held down.
fn mark(model: &mut Model, action: Action) -> Vec<Command> {
    match (model.tab, action) {
        (Tab::Jobs, Action::Mark) => model.jobs.mark(),
        (Tab::Jobs, _) => model.jobs.mark_range(&model.world),
        (Tab::Executions, Action::Mark) => model.executions.mark(),
        (Tab::Executions, _) => model.executions.mark_range(),
        (Tab::Workers | Tab::System, _) => return Vec::new(),
    }
    if action == Action::Mark { go(model, Move::By(1)) } else { Vec::new() }
}

/// Opens the output of the execution in hand, or of the newest one of the job in hand.
fn show_output(model: &mut Model) -> Vec<Command> {
    let Some(job) = model.job_in_hand() else {
        return Vec::new();
    };
    let newest = |job: &JobId| {
        let live = model.world.live_of(job).rev().find(|it| !it.attempts.is_empty());
        let last = model.world.job(job).and_then(|it| it.last_execution.as_ref());
        live.map(|it| it.id).or_else(|| last.map(|it| it.id))
    };
    let in_hand = model.execution_in_hand();
    let id = in_hand.as_ref().map(|it| it.id).or_else(|| newest(&job));
    match (in_hand.or_else(|| model.known_execution(id?)), id) {
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
    let text = match model.opened.last() {
        None if model.marked() > 0 => Some(if model.tab == Tab::Jobs {
            model.jobs.marks.iter().map(|id| id.as_str()).collect::<Vec<_>>().join("\n")
        } else {
            let ids = model.executions.marks.iter().map(ToString::to_string);
            ids.collect::<Vec<_>>().join("\n")
        }),
        Some(Opened::Job { .. }) => {
            model.details.as_ref().map(|details| details.definition.join("\n"))
        }
        Some(Opened::Output(output)) => {
            let (width, height) = model.window();
            let line = output.lines().get(output.first_line(width, height));
            line.map(|line| plain(&line.text))
        }
        _ => model
            .execution_in_hand()
            .map(|execution| execution.id.to_string())
            .or_else(|| model.job_in_hand().map(String::from))
            .or_else(|| model.worker_in_hand().map(|worker| worker.id.to_string())),
    };
    let Some(text) = text else {
        return Vec::new();
    };
    let lines = text.lines().count();
    let told = if lines > 1 { format!("copied {lines} lines") } else { format!("copied {text}") };
    model.notice(Severity::Info, told);
    vec![Command::Copy(text)]
}

fn in_output(model: &mut Model, action: Action) {
    let (width, height) = model.window();
    let begin = model.way(Action::Search);
    let attempts = model.execution_in_hand().map_or(0, |execution| execution.attempt_number());
    let Some(Opened::Output(output)) = model.opened.last_mut() else {
        return;
    };
    match action {
        Action::Follow => {
            output.top = output.first_line(width, height);
            output.follow = !output.follow;
        }
        Action::Wrap => {
            output.wrap = !output.wrap;
            output.left = 0;
        }
        Action::Stamps => output.stamps = !output.stamps,
        Action::ScrollLeft => output.left = output.left.saturating_sub(SIDESTEP),
        Action::ScrollRight if !output.wrap => output.left += SIDESTEP,
        Action::NextMatch | Action::PreviousMatch => {
            let found = output.seek(action == Action::NextMatch, width, height);
            if !found {
                let text = match output.search.as_str() {
                    "" => format!("nothing to search for: {begin} begins"),
                    search => format!("no line holds `{search}`"),
                };
                model.notice(Severity::Info, text);
            }
        }
        Action::NextError | Action::PreviousError => {
            let found = output.seek_error(action == Action::NextError, width, height);
            if !found {
                model.notice(Severity::Info, "no line tells of an error");
            }
        }
        Action::NextAttempt | Action::PreviousAttempt => {
            let from = output.key.attempt;
            let to = if action == Action::NextAttempt { from + 1 } else { from - 1 };
            if (1..=attempts).contains(&to) {
                **output = Output::new(Arc::clone(&output.execution), to);
            } else {
                let text = format!("attempt {from} of {}", attempts.max(from));
                model.notice(Severity::Info, text);
            }
        }
        _ => {}
    }
}
