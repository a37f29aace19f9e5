//! The Workers tab.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::canvas::put;
use super::details::{Page, fact, section, title};
use super::executions::duration;
use super::table::{Chosen, Column, Table, with_sorted};
use crate::model::{Execution, Role, Worker, WorkerId};
use crate::tui::keys::Action;
use crate::tui::model::Model;
use crate::tui::text::{ago, clean};
use crate::tui::theme::Theme;

const COLUMNS: [Column; 9] = [
    Column::new("state", 10, 10, 0),
    Column::new("worker", 14, 24, 1),
    Column::new("slots", 18, 28, 2),
    Column::new("heartbeat", 9, 9, 3),
    Column::new("host", 12, 36, 4),
    Column::new("succeeded", 9, 9, 5).right(),
    Column::new("failed", 6, 6, 6).right(),
    Column::new("labels", 8, 24, 7),
    Column::new("version", 8, 10, 8),
];

/// Draws the list.
pub(super) fn draw(model: &Model, canvas: &mut Buffer, area: Rect) {
    if model.world.worker_count() == 0 {
        let lines = ["no workers", "", "executions stay queued until one connects"];
        for (at, text) in lines.into_iter().enumerate() {
            let style = if at == 0 { model.theme.strong() } else { model.theme.quiet() };
            put(canvas, area, at + 2, &Line::styled(format!("   {text}"), style));
        }
        return;
    }
    let list = &model.workers;
    let sorted = Some((list.order.title(), list.reversed));
    let columns = with_sorted(&COLUMNS, sorted);
    let table = Table::new(model.theme, &columns, area);
    table.titles(canvas, sorted);
    let shown = list.rows().iter().enumerate().skip(list.cursor.top);
    for (row, (at, id)) in (1..usize::from(area.height)).zip(shown) {
        if let Some(worker) = model.world.worker(id) {
            let cells = cells(model, worker, table.width_of("slots"));
            let chosen = Chosen { selected: at == list.cursor.at, marked: false };
            table.row(canvas, row, cells, chosen);
        }
    }
}

fn cells<'a>(model: &Model, worker: &'a Worker, gauge_cells: usize) -> Vec<Line<'a>> {
    let theme = model.theme;
    let badge = theme.worker(worker.state);
    let beat = worker.last_heartbeat.map_or_else(String::new, |at| ago(model.now, at));
    vec![
        Line::styled(format!("{} {}", badge.glyph, badge.word), badge.style),
        Line::from(worker.id.as_str()),
        gauge(theme, worker, gauge_cells),
        Line::styled(beat, theme.quiet()),
        Line::from(host(worker)),
        Line::from(worker.succeeded.to_string()),
        Line::styled(
            worker.failed.to_string(),
            if worker.failed > 0 { theme.bad() } else { theme.quiet() },
        ),
        Line::styled(clean(&worker.labels.join(", ")).into_owned(), theme.quiet()),
        Line::styled(clean(worker.version.as_deref().unwrap_or_default()), theme.quiet()),
    ]
}

/// The real host, and the alias beside it.
pub(super) fn host(worker: &Worker) -> String {
    match &worker.alias {
        Some(alias) => format!("{} ({})", clean(&worker.host), clean(alias)),
        None => clean(&worker.host).into_owned(),
    }
}

/// Slots: those that are taken, those that are free, and the numbers.
pub(super) fn gauge(theme: Theme, worker: &Worker, cells: usize) -> Line<'static> {
    let capacity = usize::try_from(worker.capacity).unwrap_or(usize::MAX);
    let running = worker.running.len();
    let numbers = format!(" {running}/{capacity}");
    let bar = cells.saturating_sub(numbers.len()).min(capacity.min(20));
    let taken = if running == 0 || capacity == 0 {
        0
    } else {
        (running.saturating_mul(bar) / capacity).clamp(1, bar.max(1)).min(bar)
    };
    Line::from(vec![
        Span::styled(theme.glyph("■", "#").repeat(taken), theme.busy()),
        Span::styled(theme.glyph("□", ".").repeat(bar - taken), theme.quiet()),
        Span::raw(numbers),
    ])
}

/// A worker.
pub(super) fn details<'a>(model: &'a Model, id: &'a WorkerId) -> Page<'a> {
    let theme = model.theme;
    let Some(worker) = model.world.worker(id) else {
        return (
            title(model, id.as_str(), ""),
            vec![Line::styled(" no longer known", theme.quiet())],
        );
    };
    let badge = theme.worker(worker.state);
    let mut slots = vec![Span::styled(format!("   {:<10} ", "slots"), theme.quiet())];
    slots.extend(gauge(theme, worker, 30).spans);
    let beat = worker.last_heartbeat.map_or_else(|| "never".to_owned(), |at| ago(model.now, at));
    let text = |text: &Option<String>| text.as_deref().map(clean).unwrap_or_default().into_owned();
    let mut lines = vec![Line::styled(format!(" {} {}", badge.glyph, badge.word), badge.style)];
    if let Some(drain) = &worker.drained {
        let why = drain.reason.as_ref().map_or_else(String::new, |why| format!(": {}", clean(why)));
        let by = clean(drain.by.as_str());
        let text = format!(
            " drained {} by {by}{why}{}",
            ago(model.now, drain.at),
            if model.may(Role::Operator) {
                format!(" ({} resumes it)", model.way(Action::Drain))
            } else {
                String::new()
            }
        );
        lines.push(Line::styled(text, theme.care()));
    }
    lines.extend([
        Line::from(slots),
        fact(model, "heartbeat", beat),
        fact(model, "host", clean(&worker.host)),
    ]);
    if worker.alias.is_some() {
        lines.push(fact(model, "alias", text(&worker.alias)));
    }
    if !worker.labels.is_empty() {
        lines.push(fact(model, "labels", clean(&worker.labels.join(", ")).into_owned()));
    }
    lines.push(fact(model, "version", text(&worker.version)));
    lines.push(fact(model, "pid", worker.pid.map_or_else(String::new, |pid| pid.to_string())));
    lines.push(fact(model, "succeeded", worker.succeeded.to_string()));
    let style = if worker.failed > 0 { theme.bad() } else { Style::new() };
    lines.push(fact(model, "failed", Span::styled(worker.failed.to_string(), style)));
    if !worker.running.is_empty() {
        section(model, "running", &mut lines);
        for id in &worker.running {
            lines.push(match model.world.live_execution(*id) {
                Some(execution) => running_line(model, execution),
                None => Line::from(format!("   {}", id.short())),
            });
        }
    }
    (title(model, id.as_str(), ""), lines)
}

fn running_line<'a>(model: &Model, execution: &'a Execution) -> Line<'a> {
    let badge = model.theme.state(execution.state.name());
    Line::from(vec![
        Span::styled(format!("   {} {:<10}", badge.glyph, badge.word), badge.style),
        Span::raw(format!("{:>7}  {}", duration(model, execution), execution.job_id)),
        Span::styled(format!("  {}", execution.id.short()), model.theme.quiet()),
    ])
}
