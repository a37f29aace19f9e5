//! The Jobs tab.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::canvas::put;
use super::table::{Chosen, Column, Table, with_sorted};
use crate::model::{JobStatus, Role, StateName, Summary};
use crate::tui::keys::Action;
use crate::tui::model::jobs::{schedule, waiting_for, word};
use crate::tui::model::{JobCondition, Model, last_result};
use crate::tui::text::{age, clean, countdown};
use crate::tui::theme::{Badge, Theme};

const COLUMNS: [Column; 9] = [
    Column::new("state", 10, 14, 0),
    Column::new("job", 16, 40, 1),
    Column::new("name", 16, 28, 9),
    Column::new("schedule", 18, 60, 4),
    Column::new("next", 7, 9, 2).right(),
    Column::new("last", 6, 6, 3),
    Column::new("recent", 10, 20, 5),
    Column::new("priority", 8, 8, 6),
    Column::new("waiting for", 12, 30, 7),
];

/// From low to high.
pub(super) const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// The same in ASCII.
pub(super) const ASCII_BARS: [&str; 8] = ["_", "_", ".", ".", "-", "-", "=", "#"];

/// Draws the list.
pub(super) fn draw(model: &Model, canvas: &mut Buffer, area: Rect) {
    let jobs = model.world.jobs();
    let rows = model.jobs.rows();
    if rows.is_empty() {
        hint(model, canvas, area);
        return;
    }
    let seen = rows.iter().skip(model.jobs.cursor.top).take(usize::from(area.height));
    let words = seen.filter_map(|at| jobs.get(*at)).map(|job| word(model.world.condition(job)));
    let longest = words.map(|word| 2 + word.len()).max().unwrap_or(0);
    let needs = model.jobs.needs();
    let cells_needed = [
        ("job", needs.id),
        ("name", needs.name),
        ("schedule", needs.schedule),
        ("recent", needs.past),
        ("next", needs.next),
    ];
    let sorted = (!model.jobs.tree).then(|| (model.jobs.order.title(), model.jobs.reversed));
    let mut columns = with_sorted(&COLUMNS, sorted);
    // A column that says the same in all rows leaves its room to others, unless it is sorted by.
    for column in &mut columns {
        let says = match column.title {
            "name" => needs.name > 0,
            "priority" => needs.priorities,
            "waiting for" => needs.dependencies,
            _ => true,
        };
        if !says && sorted.is_none_or(|(title, _)| title != column.title) {
            *column = column.left_out();
        }
    }
    // The word for the state is never cut.
    let state = &mut columns[0];
    state.least = u16::try_from(longest).unwrap_or(0).clamp(state.least, state.most);
    state.most = state.least.max(11);
    let table = Table::by_need(model.theme, &columns, area, &cells_needed);
    table.titles(canvas, sorted);
    let cursor = model.jobs.cursor;
    let shown = rows.iter().enumerate().skip(cursor.top);
    for (row, (at, place)) in (1..usize::from(area.height)).zip(shown) {
        if let Some(job) = jobs.get(*place) {
            let marked = model.jobs.marks.contains(&job.definition.id);
            let chosen = Chosen { selected: at == cursor.at, marked };
            table.row(canvas, row, cells(model, job, model.jobs.depth(at), &table), chosen);
        }
    }
    if model.world.engine.file.sample {
        sample(model, canvas, area, rows.len() + 2);
    }
}

/// Under the sample jobs: what they are, and the first steps.
fn sample(model: &Model, canvas: &mut Buffer, area: Rect, from: usize) {
    let way = |action| model.way(action);
    let steps = [
        (way(Action::Run), "run the selected job now"),
        (way(Action::ShowOutput), "show its output"),
        (way(Action::NewJob), "create a job"),
        (way(Action::Help), "show the keys available here"),
    ];
    let theme = model.theme;
    let quiet = |text: &str| Line::styled(format!("   {text}"), theme.quiet());
    let mut lines = vec![quiet("Built-in sample jobs. They are harmless."), quiet("")];
    lines.extend(steps.iter().map(|(key, what)| {
        let key = Span::styled(format!("   {key:<4}"), theme.strong());
        Line::from(vec![key, Span::styled(*what, theme.quiet())])
    }));
    lines.extend([
        quiet(""),
        quiet("`crontower init` writes a starter jobs.yaml;"),
        quiet("`crontower import crontab` converts your crontab."),
    ]);
    let room = usize::from(area.height).saturating_sub(from);
    if !model.may(Role::Admin) || lines.len() > room {
        return;
    }
    for (at, line) in lines.iter().enumerate() {
        put(canvas, area, from + at, line);
    }
}

fn cells<'a>(model: &Model, job: &'a JobStatus, depth: usize, table: &Table<'_>) -> Vec<Line<'a>> {
    let theme = model.theme;
    let definition = &job.definition;
    let badge = badge_of(theme, model.world.condition(job));
    let waits = waiting_for(&model.world, job);
    vec![
        Line::styled(format!("{} {}", badge.glyph, badge.word), badge.style),
        Line::from_iter(
            branch(theme, depth).into_iter().chain([Span::raw(definition.id.as_str())]),
        ),
        Line::styled(clean(definition.name.as_deref().unwrap_or_default()), theme.quiet()),
        Line::from(schedule(job, model.zone())),
        next(model, job),
        last(model, job),
        sparkline(theme, &job.recent, table.width_of("recent")),
        Line::styled(definition.priority.as_str(), theme.quiet()),
        Line::styled(waits, theme.care()),
    ]
}

/// What leads to a job in the tree.
fn branch(theme: Theme, depth: usize) -> Option<Span<'static>> {
    let above = depth.checked_sub(1)?;
    let branch = format!("{}{}", "  ".repeat(above), theme.glyph("└ ", "\\ "));
    Some(Span::styled(branch, theme.quiet()))
}

fn next(model: &Model, job: &JobStatus) -> Line<'static> {
    match job.next_fire_time {
        Some(at) if job.skip_next.is_some() => {
            let mark = format!("{} ", model.theme.glyph("↷", ">"));
            let mark = Span::styled(mark, model.theme.care());
            Line::from(vec![mark, Span::raw(countdown(model.now, at))])
        }
        Some(at) => Line::from(countdown(model.now, at)),
        None => Line::styled(model.theme.glyph("–", "-"), model.theme.quiet()),
    }
}

fn last(model: &Model, job: &JobStatus) -> Line<'static> {
    let theme = model.theme;
    match last_result(job) {
        Some(summary) => {
            let badge = theme.state(summary.state);
            let at = summary.finished_at.unwrap_or(summary.fire_time);
            Line::from(vec![
                Span::styled(badge.glyph, badge.style),
                Span::raw(format!(" {}", age(model.now, at))),
            ])
        }
        None => Line::styled(theme.glyph("–", "-"), theme.quiet()),
    }
}

/// How a job's condition looks.
pub(super) fn badge_of(theme: Theme, condition: JobCondition) -> Badge {
    let glyph = |unicode, ascii| theme.glyph(unicode, ascii);
    let word = word(condition);
    match condition {
        JobCondition::Live(state) | JobCondition::Ended(state) => theme.state(state),
        JobCondition::Wrong(_) => Badge { glyph: glyph("✗", "x"), word, style: theme.bad() },
        JobCondition::Acknowledged => Badge { glyph: glyph("⚑", "!"), word, style: theme.care() },
        JobCondition::Paused => Badge { glyph: glyph("‖", "="), word, style: theme.care() },
        JobCondition::Ok => Badge { glyph: glyph("✓", "+"), word, style: theme.good() },
        JobCondition::New => Badge { glyph: glyph("·", "."), word, style: theme.quiet() },
        JobCondition::Disabled => Badge { glyph: glyph("–", "-"), word, style: theme.quiet() },
    }
}

/// The newest outcomes, newest at the right. A success is as tall as it took long beside the
/// others; all else is a glyph.
pub(super) fn sparkline(theme: Theme, recent: &[Summary], cells: usize) -> Line<'static> {
    let shown = &recent[recent.len().saturating_sub(cells)..];
    let length = |it: &Summary| match (it.started_at, it.finished_at) {
        (Some(start), Some(end)) => (end - start).num_milliseconds().max(0),
        _ => 0,
    };
    let longest = shown.iter().map(length).max().unwrap_or(0).max(1);
    let bar = |it: &Summary| {
        let badge = theme.state(it.state);
        if it.state != StateName::Succeeded {
            return Span::styled(badge.glyph, badge.style);
        }
        let level = usize::try_from(length(it).saturating_mul(7) / longest).unwrap_or(0).min(7);
        Span::styled(theme.glyph(BARS[level], ASCII_BARS[level]), badge.style)
    };
    Line::from_iter(shown.iter().map(bar))
}

fn hint(model: &Model, canvas: &mut Buffer, area: Rect) {
    let (esc, wrong) = (model.way(Action::Close), model.way(Action::OnlyWrong));
    let problem = model.filter_problem().map(|it| clean(&it).into_owned());
    let lines: &[&str] = if model.jobs.only_wrong
        && model.jobs.filter.is_empty()
        && !model.world.jobs().is_empty()
    {
        &["nothing is wrong", "", &format!("{wrong} shows all jobs")]
    } else if let Some(problem) = &problem {
        &["the filter was not understood", problem, "", &format!("{esc} clears it")]
    } else if !model.world.jobs().is_empty() {
        &["no job matches the filter", "", &format!("{esc} clears it")]
    } else {
        &[
            "no jobs yet",
            "",
            &format!("{} creates one in a form", model.way(Action::NewJob)),
            "",
            &format!("or add one to jobs.yaml, then press {}:", model.way(Action::Reload)),
            "",
            "jobs:",
            "  - id: hello",
            "    schedule: every 5 minutes",
            "    run: echo hello",
        ]
    };
    for (at, text) in lines.iter().enumerate() {
        let style = if at == 0 { model.theme.strong() } else { model.theme.quiet() };
        put(canvas, area, at + 2, &Line::styled(format!("   {text}"), style));
    }
}
