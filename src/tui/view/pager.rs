//! Things to read: the plan of a reload, errors, the keys, past notices.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::model::Severity;
use crate::model::{FieldChange, Plan};
use crate::tui::keys::{Action, Binding, Key, KeyContext};
use crate::tui::model::Model;
use crate::tui::text::{clean, moment, width};
use crate::tui::theme::Theme;

/// Title and lines.
type Page<'a> = (Line<'a>, Vec<Line<'a>>);

/// What a reload would change.
pub(super) fn plan<'a>(model: &Model, plan: &'a Plan, columns: usize) -> Page<'a> {
    let theme = model.theme;
    let mut lines = Vec::new();
    for job in &plan.added {
        lines.push(Line::styled(format!(" + {job}"), theme.good()));
    }
    for change in &plan.changed {
        lines.push(Line::styled(format!(" ~ {}", change.job), theme.care()));
        for field in &change.fields {
            lines.extend(field_lines(model, field));
        }
    }
    for job in &plan.removed {
        lines.push(Line::styled(
            format!(" - {job}   (executions that have not started are cancelled; history is kept)"),
            theme.bad(),
        ));
    }
    for field in &plan.settings {
        lines.push(Line::styled(format!(" ~ {}", clean(&field.key)), theme.care()));
        lines.extend(field_lines(model, field));
    }
    if !plan.warnings.is_empty() {
        lines.push(Line::default());
    }
    for warning in &plan.warnings {
        let warning = format!("{} {warning}", theme.glyph("⚠", "!"));
        let rows = broken(&warning, columns).into_iter();
        lines.extend(rows.map(|row| Line::styled(row, theme.care())));
    }
    let (added, changed, removed) = (plan.added.len(), plan.changed.len(), plan.removed.len());
    let title = if plan.is_empty() {
        "jobs.yaml: no changes".to_owned()
    } else {
        format!(
            "jobs.yaml: {added} added, {changed} changed, {removed} removed. \
             {} applies, {} cancels",
            model.way(Action::Apply),
            model.way(Action::Close)
        )
    };
    titled(model, &title, lines, columns)
}

/// What an edit would write: a unified diff, or key by key.
pub(super) fn diff<'a>(
    model: &Model,
    title: &'a str,
    lines: &'a [String],
    columns: usize,
) -> Page<'a> {
    let theme = model.theme;
    let rows = |text: &'a String| {
        let style = match text.chars().next() {
            Some('+') => theme.good(),
            Some('-') => theme.bad(),
            Some('!') => theme.care(),
            Some('@') => theme.busy(),
            _ => Style::new(),
        };
        broken(text, columns).into_iter().map(move |row| Line::styled(row, style))
    };
    titled(model, title, lines.iter().flat_map(rows).collect(), columns)
}

/// A title in full, on more rows than one where it is too long.
fn titled<'a>(model: &Model, title: &str, lines: Vec<Line<'a>>, columns: usize) -> Page<'a> {
    let style = model.theme.strong();
    let mut rows = broken(title, columns + 2).into_iter().map(|row| Line::styled(row, style));
    let title = rows.next().unwrap_or_default();
    (title, rows.chain(lines).collect())
}

fn field_lines(model: &Model, field: &FieldChange) -> Vec<Line<'static>> {
    let theme = model.theme;
    let side = |sign: &str, value: &Option<String>, style: Style| {
        value.as_ref().map(|value| {
            Line::from(vec![
                Span::styled(format!("     {sign} {}: ", clean(&field.key)), theme.quiet()),
                Span::styled(clean(value).into_owned(), style),
            ])
        })
    };
    let before = side("-", &field.before, theme.bad());
    let after = side("+", &field.after, theme.good());
    before.into_iter().chain(after).collect()
}

/// Lines from outside, broken where they are too long.
pub(super) fn text_page<'a>(
    model: &Model,
    title: &'a str,
    lines: &'a [String],
    columns: usize,
) -> Page<'a> {
    let broken = lines.iter().flat_map(|line| broken(line, columns)).map(Line::from).collect();
    titled(model, title, broken, columns)
}

/// A line from outside, broken between words where it is too long.
pub(super) fn broken(line: &str, columns: usize) -> Vec<String> {
    let room = columns.saturating_sub(2).max(10);
    let mut rows = Vec::new();
    let mut row = String::from(" ");
    for word in clean(line).split_inclusive(' ') {
        if width(&row) + width(word.trim_end()) > room && width(&row) > 1 {
            rows.push(std::mem::replace(&mut row, String::from("     ")));
        }
        row.push_str(word);
    }
    rows.push(row);
    rows
}

/// From this width on the keys are in two columns.
const TWO_COLUMNS: usize = 120;

/// The keys that are valid there.
pub(super) fn help(model: &Model, context: KeyContext, columns: usize) -> Page<'static> {
    let theme = model.theme;
    let search = model.way(Action::Palette);
    let title = vec![
        Span::styled(" keys available here", theme.strong()),
        Span::styled(format!("   {search} searches them"), theme.quiet()),
    ];
    let width = if columns < TWO_COLUMNS { columns } else { columns / 2 };
    let entries = model.keymap.valid(context);
    let lines: Vec<Line<'static>> =
        entries.flat_map(|(binding, keys)| key_lines(theme, binding, keys, width)).collect();
    if columns < TWO_COLUMNS {
        return (Line::from(title), lines);
    }
    let rows = lines.len().div_ceil(2);
    let right = lines.get(rows..).unwrap_or_default().iter().cloned().map(Some);
    let right = right.chain(std::iter::repeat(None));
    let beside = |(left, right): (Line<'static>, Option<Line<'static>>)| {
        let mut line = left;
        if let Some(right) = right {
            let pad = width.saturating_sub(line.width());
            line.spans.push(Span::raw(" ".repeat(pad)));
            line.spans.extend(right.spans);
        }
        line
    };
    let lines = lines.iter().take(rows).cloned().zip(right).map(beside).collect();
    (Line::from(title), lines)
}

/// A line of the table of keys: its keys and what they do.
fn key_lines(theme: Theme, binding: &Binding, keys: &[Key], columns: usize) -> Vec<Line<'static>> {
    // Where it is narrow, long names stand on a line of their own.
    let cells = if columns < 60 { 12 } else { 21 };
    let names: Vec<String> = if keys.is_empty() {
        vec![format!(":{}", binding.name)]
    } else {
        keys.iter().map(|key| key.name()).collect()
    };
    let names = format!("   {}", names.join("  "));
    let beside = width(&names) < cells;
    let mut lines = Vec::new();
    if !beside {
        lines.push(Line::styled(names.clone(), theme.strong()));
    }
    let rows = broken(binding.help, columns.saturating_sub(cells - 1));
    for (at, row) in rows.into_iter().enumerate() {
        let before = match at {
            0 if beside => Span::styled(format!("{names:<cells$}"), theme.strong()),
            _ => Span::raw(" ".repeat(cells)),
        };
        lines.push(Line::from(vec![before, Span::raw(row.trim_start().to_owned())]));
    }
    lines
}

/// Past notices, newest first, each in full.
pub(super) fn notices(model: &Model, columns: usize) -> Page<'_> {
    /// Cells before the text.
    const BEFORE: usize = 16;
    let theme = model.theme;
    let rows = |notice: &crate::tui::model::Notice| {
        let style = match notice.severity {
            Severity::Info => Style::new(),
            Severity::Warning => theme.care(),
            Severity::Error => theme.bad(),
        };
        let at = moment(model.zone(), model.now, notice.at);
        let rows = broken(&notice.text, columns.saturating_sub(BEFORE - 1));
        let row = |(number, row): (usize, String)| {
            let at = if number == 0 { at.as_str() } else { "" };
            Line::from(vec![
                Span::styled(format!("   {at:<0$}", BEFORE - 3), theme.quiet()),
                Span::styled(row.trim_start().to_owned(), style),
            ])
        };
        rows.into_iter().enumerate().map(row).collect::<Vec<_>>()
    };
    let mut lines: Vec<Line<'_>> = model.notices.iter().rev().flat_map(rows).collect();
    if lines.is_empty() {
        lines.push(Line::styled("   none", theme.quiet()));
    }
    (Line::styled(" notices, newest first", theme.strong()), lines)
}
