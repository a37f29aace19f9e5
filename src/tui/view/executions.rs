//! The Executions tab.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::canvas::put;
use super::table::{Chosen, Column, Table};
use crate::model::{Attempt, Execution, ExecutionState, StateName, Trigger};
use crate::tui::keys::{Action, Tab};
use crate::tui::model::Model;
use crate::tui::text::{clean, countdown, moment, running_for, took};

const COLUMNS: [Column; 10] = [
    Column::new("state", 11, 11, 0),
    Column::new("job", 14, 40, 1),
    Column::new("fired", 8, 12, 2),
    Column::new("took", 7, 7, 3).right(),
    Column::new("exit or reason", 20, 60, 4),
    Column::new("attempt", 7, 7, 6),
    Column::new("trigger", 10, 10, 5),
    Column::new("worker", 10, 18, 7),
    Column::new("late", 7, 7, 8).right(),
    Column::new("id", 8, 8, 9),
];

/// Draws the list.
pub(super) fn draw(model: &Model, canvas: &mut Buffer, area: Rect) {
    let list = &model.executions;
    if list.rows().is_empty() {
        hint(model, canvas, area);
        return;
    }
    let cursor = list.cursor;
    let seen = || list.rows().iter().skip(cursor.top).take(usize::from(area.height));
    let fired = |it: &Arc<Execution>| moment(model.zone(), model.now, it.fire_time).len();
    let needs = [
        ("job", seen().map(|it| it.job_id.as_str().len()).max().unwrap_or(0).max(20)),
        ("fired", seen().map(fired).max().unwrap_or(0)),
    ];
    let table = Table::by_need(model.theme, &COLUMNS, area, &needs);
    // Ids tell when an execution was created: that is the order.
    table.titles(canvas, Some(("id", list.reversed)));
    let shown = list.rows().iter().enumerate().skip(cursor.top);
    for (row, (at, execution)) in (1..usize::from(area.height)).zip(shown) {
        let marked = list.marks.contains(&execution.id);
        let chosen = Chosen { selected: at == cursor.at, marked };
        table.row(canvas, row, cells(model, execution), chosen);
    }
}

fn cells<'a>(model: &Model, execution: &'a Execution) -> Vec<Line<'a>> {
    let theme = model.theme;
    let badge = theme.state(execution.state.name());
    let worker = execution.worker_id().map_or("", |worker| worker.as_str());
    vec![
        Line::styled(format!("{} {}", badge.glyph, badge.word), badge.style),
        Line::from(execution.job_id.as_str()),
        Line::from(moment(model.zone(), model.now, execution.fire_time)),
        Line::from(duration(model, execution)),
        why(model, execution),
        Line::styled(attempts(model, execution), theme.quiet()),
        Line::styled(trigger(execution.trigger), theme.quiet()),
        Line::styled(worker, theme.quiet()),
        Line::styled(late(execution), theme.quiet()),
        Line::styled(execution.id.short(), theme.quiet()),
    ]
}

/// The trigger in words.
pub(super) const fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::CatchUp => "catch-up",
        other => other.as_str(),
    }
}

/// How long it took, or has been running.
pub(super) fn duration(model: &Model, execution: &Execution) -> String {
    match (execution.started_at, execution.finished_at) {
        (Some(start), Some(end)) => took(end - start),
        (Some(start), None) => running_for(model.now, start),
        (None, _) => String::new(),
    }
}

/// `2/4`: the newest attempt, and how many today's definition allows.
fn attempts(model: &Model, execution: &Execution) -> String {
    let number = execution.attempt_number();
    let allowed = model
        .world
        .job(&execution.job_id)
        .map_or(0, |job| job.definition.retry.max_retries().saturating_add(1));
    match (number, allowed) {
        (0, _) => String::new(),
        (1, 0 | 1) => "1".to_owned(),
        (number, allowed) => format!("{number}/{}", allowed.max(number)),
    }
}

/// How much later than its fire time it started.
pub(super) fn late(execution: &Execution) -> String {
    let by_clock = matches!(execution.trigger, Trigger::Schedule | Trigger::CatchUp);
    match execution.started_at {
        Some(start) if by_clock => took(start - execution.fire_time),
        _ => String::new(),
    }
}

/// The exit code where it says something, else the reason.
fn why<'a>(model: &Model, execution: &'a Execution) -> Line<'a> {
    let theme = model.theme;
    let code = execution.attempt().and_then(Attempt::exit_code);
    let error = execution.attempt().and_then(Attempt::error);
    match (&execution.state, code) {
        (ExecutionState::Succeeded, Some(code)) => {
            Line::styled(format!("exit {code}"), theme.quiet())
        }
        (ExecutionState::Succeeded, None) => Line::default(),
        (ExecutionState::Retrying { until }, _) => {
            if *until > model.now {
                Line::from(format!("retry in {}", countdown(model.now, *until)))
            } else {
                Line::from("retry now")
            }
        }
        (ExecutionState::Failed, Some(code)) if error.is_none() => {
            Line::styled(format!("exit {code}"), theme.bad())
        }
        (state, _) => {
            let stopping = execution.stopping().map(|it| format!("stopping: {}", it.reason));
            let error = error.filter(|_| state.name().is_failure()).map(str::to_owned);
            let text = stopping.or(error).unwrap_or_else(|| execution.reason.to_string());
            let style = if state.name().is_failure() { theme.bad() } else { Style::new() };
            let quiet = matches!(state.name(), StateName::Skipped | StateName::Running);
            let style = if quiet { theme.quiet() } else { style };
            Line::from(Span::styled(clean(&text).into_owned(), style))
        }
    }
}

fn hint(model: &Model, canvas: &mut Buffer, area: Rect) {
    let list = &model.executions;
    let trouble = list.trouble.as_deref().unwrap_or_default();
    let esc = model.way(Action::Close);
    let problem = model.filter_problem().unwrap_or_default();
    let lines: [&str; 3] = if !problem.is_empty() {
        ["the filter was not understood", &problem, &format!("{esc} clears it")]
    } else if !trouble.is_empty() {
        ["the history cannot be read", trouble, &format!("{esc} or a filter retries")]
    } else if list.is_loading() {
        ["", "", ""]
    } else if list.is_narrowed() {
        ["no execution matches", "", &format!("{esc} clears the filter")]
    } else {
        let (jobs, run) = (model.way(Action::Go(Tab::Jobs)), model.way(Action::Run));
        ["nothing has run yet", "", &format!("press {jobs}, then {run} on a job to run it")]
    };
    for (at, text) in lines.into_iter().enumerate() {
        let style = if at == 0 { model.theme.strong() } else { model.theme.quiet() };
        put(canvas, area, at + 2, &Line::styled(format!("   {}", clean(text)), style));
    }
}
