//! A form: labels, fields, and under each field what is wrong with it or what it means.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::bars::visible;
use super::canvas::put;
use crate::tui::model::Model;
use crate::tui::model::form::{Entry, Field, Form};
use crate::tui::text::{clean, fit, fit_words};

/// Cells of the labels.
const LABELS: usize = 17;
/// Draws the form that is being filled. Answers where the cursor is to stand.
pub(super) fn draw(model: &Model, canvas: &mut Buffer, area: Rect) -> Option<Position> {
    let form = model.form.as_ref()?;
    let theme = model.theme;
    let title = Span::styled(format!(" {}", clean(&form.title)), theme.strong());
    put(canvas, area, 0, &Line::from(title));
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut at = 0;
    for (number, field) in form.fields.iter().enumerate() {
        if number == form.at {
            at = lines.len();
        }
        lines.push(field_line(model, field, number == form.at, usize::from(area.width)));
        lines.extend(below(model, field, number == form.at, usize::from(area.width)));
    }
    if let Some(error) = &form.error {
        lines.push(Line::default());
        for part in broken(error, usize::from(area.width).saturating_sub(4)) {
            lines.push(Line::styled(format!("   {part}"), theme.bad()));
        }
    }
    // The field that is typed in, and what is shown under it, are in the window.
    let room = usize::from(area.height.saturating_sub(1));
    let top = (at + 3).min(lines.len()).saturating_sub(room);
    for (row, line) in lines.iter().skip(top).take(room).enumerate() {
        put(canvas, area, row + 1, line);
    }
    cursor(form, area, at.checked_sub(top)? + 1)
}

fn field_line<'a>(model: &Model, field: &'a Field, here: bool, width: usize) -> Line<'a> {
    let theme = model.theme;
    let mark = if here { theme.glyph("▸", ">") } else { " " };
    let label = format!(" {mark} {:<1$}", field.key, LABELS - 3);
    let label = Span::styled(label, if here { theme.strong() } else { theme.quiet() });
    let room = width.saturating_sub(LABELS + 1);
    let changed = if field.is_changed() { theme.care() } else { ratatui::style::Style::new() };
    let value = match &field.entry {
        // A hint that is not typed at would be taken for what the field holds.
        Entry::Text(input) if input.value().is_empty() && !here => Span::raw(""),
        Entry::Text(input) if input.value().is_empty() => {
            Span::styled(fit_words(field.hint, room, theme.ellipsis()), theme.quiet())
        }
        Entry::Text(input) => {
            let scroll = if here { input.visual_scroll(room.max(1)) } else { 0 };
            Span::styled(visible(&clean(input.value()), scroll, room), changed)
        }
        Entry::Choice(of, at) => {
            let (left, right) = (theme.glyph("‹", "<"), theme.glyph("›", ">"));
            let chosen = of.get(*at).copied().unwrap_or_default();
            let text = if here { format!("{left} {chosen} {right}") } else { chosen.to_owned() };
            Span::styled(text, changed)
        }
        Entry::Fixed(text) => {
            let text = fit(&clean(text), room, theme.ellipsis()).into_owned();
            Span::styled(text, theme.quiet())
        }
    };
    Line::from(vec![label, value])
}

/// What is wrong with a field, else what it means: in full where it is typed, else as one line.
fn below(model: &Model, field: &Field, here: bool, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let room = width.saturating_sub(LABELS + 1).max(10);
    let (text, style) = match (&field.error, &field.meaning) {
        (Some(error), _) if field.touched => (error, theme.bad()),
        (None, Some(shown_text)) => (shown_text, theme.quiet()),
        _ => return Vec::new(),
    };
    let line = |part: String| Line::styled(format!("{}{part}", " ".repeat(LABELS)), style);
    if here {
        return broken(text, room).into_iter().take(3).map(line).collect();
    }
    vec![line(fit_words(text, room, theme.ellipsis()).into_owned())]
}

/// A text in rows of `room` cells, broken between words where that is possible.
fn broken(text: &str, room: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split_whitespace() {
        let word = fit(word, room, "~");
        let last = rows.last().map_or(0, |row| crate::tui::text::width(row));
        if last > 0 && last + 1 + crate::tui::text::width(&word) > room {
            rows.push(String::new());
        }
        if let Some(row) = rows.last_mut() {
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(&word);
        }
    }
    rows
}

fn cursor(form: &Form, area: Rect, row: usize) -> Option<Position> {
    let Some(Field { entry: Entry::Text(input), .. }) = form.fields.get(form.at) else {
        return None;
    };
    let room = usize::from(area.width).saturating_sub(LABELS + 1).max(1);
    let x = LABELS + input.visual_cursor().saturating_sub(input.visual_scroll(room));
    let x = u16::try_from(x).ok()?.min(area.width.saturating_sub(1));
    let y = area.y.checked_add(u16::try_from(row).ok()?).filter(|y| *y < area.bottom())?;
    Some(Position { x: area.x + x, y })
}
