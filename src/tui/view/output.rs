//! The output of an attempt.
//!
//! Only lines in the window are parsed for colours. What reaches `ansi_to_tui` has been sanitized:
//! printable characters and colour sequences, nothing else.

use ansi_to_tui::IntoText;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::canvas::{joined, put, put_ends};
use super::pager::broken;
use crate::model::{Attempt, Stream};
use crate::tui::model::output::{Line as OutputLine, Output, fold};
use crate::tui::model::sanitize::plain;
use crate::tui::model::{Link, Model};
use crate::tui::text::width;
use crate::tui::theme::Theme;

/// Cells of a time before a line: `14:03:18.123 `.
const STAMP: usize = 13;

/// Draws the view.
pub(super) fn draw(model: &Model, output: &Output, canvas: &mut Buffer, area: Rect) {
    head(model, output, canvas, area);
    let rows = usize::from(area.height.saturating_sub(1));
    let columns = usize::from(area.width);
    if output.lines().is_empty() {
        for (row, line) in instead(model, output, columns).iter().enumerate() {
            put(canvas, area, row + 2, line);
        }
        return;
    }
    let mut row = 1;
    let first = output.first_line(columns, rows);
    for line in output.lines().iter().skip(first) {
        for part in window_lines(model, output, line, columns) {
            if row > rows {
                return;
            }
            put(canvas, area, row, &part);
            row += 1;
        }
    }
}

/// What is shown where there is no output.
fn instead(model: &Model, output: &Output, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let quiet = |text: String| {
        let rows = broken(&text, columns.saturating_sub(2)).into_iter();
        rows.map(|row| Line::styled(format!("  {row}"), theme.quiet())).collect::<Vec<_>>()
    };
    if let Some(trouble) = &output.trouble {
        return quiet(format!("cannot read the output: {trouble}"));
    }
    if !output.is_complete() {
        return Vec::new();
    }
    let execution = &output.execution;
    let attempt = execution.attempts.iter().find(|it| it.number == output.key.attempt);
    let ended = execution.state.is_final() || attempt.is_some_and(|it| it.has_ended());
    if !ended {
        return quiet("no output yet".to_owned());
    }
    let started = attempt.is_some_and(|it| it.started_at().is_some());
    let what = if started { "no output" } else { "never started: no output" };
    let mut lines = quiet(what.to_owned());
    let badge = theme.state(execution.state.name());
    let error = attempt.and_then(Attempt::error).map(str::to_owned);
    let why = error.unwrap_or_else(|| execution.reason.to_string());
    if !why.is_empty() {
        let rows = broken(&format!("{}: {why}", badge.word), columns.saturating_sub(2));
        lines.extend(rows.into_iter().map(|row| Line::styled(format!("  {row}"), badge.style)));
    }
    lines
}

fn head(model: &Model, output: &Output, canvas: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let execution = &output.execution;
    let badge = theme.state(execution.state.name());
    let attempts = execution.attempt_number().max(output.key.attempt);
    let attempt = format!("attempt {}/{attempts}", output.key.attempt);
    let parts = [
        Span::styled(execution.job_id.as_str(), theme.strong()),
        Span::styled(execution.id.short(), theme.quiet()),
        Span::raw(attempt),
        Span::styled(format!("{} {}", badge.glyph, badge.word), badge.style),
    ];
    let mut line = vec![Span::raw(" ")];
    line.extend(joined(parts, theme.dot()));
    let on = |on: bool, word: &'static str| Span::styled(if on { word } else { "" }, theme.quiet());
    let live = !execution.state.is_final() && model.link == Link::Up;
    let parts = [
        Span::styled(position(output, area), theme.quiet()),
        on(output.follow && live, "follow"),
        on(output.wrap, "wrap"),
        on(output.timestamps, "times"),
        on(output.dropped_lines > 0, "oldest dropped"),
    ];
    put_ends(canvas, area, &Line::from(line), parts.to_vec(), theme.dot());
}

/// Which lines are in the window, of how many: `41-60/60`.
fn position(output: &Output, area: Rect) -> String {
    let (columns, rows) = (usize::from(area.width), usize::from(area.height.saturating_sub(1)));
    let first = output.first_line(columns, rows);
    let (mut left, mut shown) = (rows, 0);
    for line in output.lines().iter().skip(first) {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(output.rows_of(line, columns));
        shown += 1;
    }
    let before = output.dropped_lines;
    let count = output.lines().len() + before;
    match (count, shown) {
        (1, _) => "1 line".to_owned(),
        (count, shown) if shown >= count => format!("{count} lines"),
        (count, shown) => {
            format!("{}-{}/{count}", before + first + 1, before + first + shown)
        }
    }
}

/// The rows of one line of output in the window.
fn window_lines<'a>(
    model: &Model,
    output: &Output,
    line: &'a OutputLine,
    columns: usize,
) -> Vec<Line<'a>> {
    let theme = model.theme;
    if line.stream == Stream::Gap {
        let text = format!(" {0}{0} {1} {0}{0}", theme.glyph("┄", "-"), plain(&line.text));
        return vec![Line::styled(text, theme.care())];
    }
    let mut spans = coloured(theme, line);
    mark(&mut spans, &fold(&output.search));
    if output.timestamps {
        let at = line.at.with_timezone(&model.zone()).format("%H:%M:%S%.3f ").to_string();
        spans.insert(0, Span::styled(at, theme.quiet()));
    }
    if output.wrap {
        break_at(spans, columns, usize::MAX)
    } else {
        let fixed = if output.timestamps { STAMP } else { 0 };
        vec![Line::from(shifted(spans, fixed, output.left))]
    }
}

/// A line under an execution's details.
pub(super) fn indented<'a>(model: &Model, line: &'a OutputLine, columns: usize) -> Vec<Line<'a>> {
    let room = columns.saturating_sub(4).max(1);
    let lines = break_at(coloured(model.theme, line), room, 4);
    let indent = |mut line: Line<'a>| {
        line.spans.insert(0, Span::raw("   "));
        line
    };
    lines.into_iter().map(indent).collect()
}

/// The colours that the job gave it; stderr without colours is set apart.
fn coloured(theme: Theme, line: &OutputLine) -> Vec<Span<'_>> {
    let base = if line.stream == Stream::Stderr { theme.care() } else { Style::new() };
    if !line.text.contains('\x1b') {
        return vec![Span::styled(line.text.as_str(), base)];
    }
    if !theme.has_colours() {
        return vec![Span::styled(plain(&line.text), base)];
    }
    match line.text.to_text() {
        Ok(text) => text.lines.into_iter().flat_map(|line| line.spans).collect(),
        Err(_) => vec![Span::styled(plain(&line.text), base)],
    }
}

/// Breaks spans into rows of `columns` cells, at most `most` rows.
fn break_at(spans: Vec<Span<'_>>, columns: usize, most: usize) -> Vec<Line<'_>> {
    let mut rows = Vec::new();
    let mut row: Vec<Span<'_>> = Vec::new();
    let mut taken = 0;
    let mut buffer = [0; 4];
    for span in spans {
        if taken + span.width() <= columns {
            taken += span.width();
            row.push(span);
            continue;
        }
        let mut part = String::new();
        for c in span.content.chars() {
            let cells = width(c.encode_utf8(&mut buffer));
            if taken + cells > columns && taken > 0 {
                row.push(Span::styled(std::mem::take(&mut part), span.style));
                rows.push(Line::from(std::mem::take(&mut row)));
                taken = 0;
                if rows.len() == most {
                    return rows;
                }
            }
            part.push(c);
            taken += cells;
        }
        row.push(Span::styled(part, span.style));
    }
    rows.push(Line::from(row));
    rows
}

/// Leaves out `left` cells after the first `fixed`.
fn shifted(spans: Vec<Span<'_>>, fixed: usize, left: usize) -> Vec<Span<'_>> {
    if left == 0 {
        return spans;
    }
    let mut at = 0;
    let mut buffer = [0; 4];
    let mut kept = Vec::new();
    for span in spans {
        let mut part = String::new();
        for c in span.content.chars() {
            if at < fixed || at >= fixed + left {
                part.push(c);
            }
            at += width(c.encode_utf8(&mut buffer));
        }
        kept.push(Span::styled(part, span.style));
    }
    kept
}

/// Reverses what is searched for.
fn mark(spans: &mut Vec<Span<'_>>, wanted: &str) {
    if wanted.is_empty() {
        return;
    }
    let whole: String = spans.iter().map(|span| span.content.as_ref()).collect();
    let folded: Vec<char> = fold(&whole).chars().collect();
    let wanted: Vec<char> = wanted.chars().collect();
    let mut hit = vec![false; folded.len()];
    for start in 0..folded.len() {
        if folded[start..].starts_with(&wanted) {
            hit[start..start + wanted.len()].fill(true);
        }
    }
    if !hit.contains(&true) {
        return;
    }
    let mut at = 0;
    let mut marked = Vec::new();
    for span in spans.drain(..) {
        let mut part = (String::new(), false);
        for c in span.content.chars() {
            if hit[at] != part.1 && !part.0.is_empty() {
                marked.push(finished(&span, &mut part));
            }
            part.1 = hit[at];
            part.0.push(c);
            at += 1;
        }
        marked.push(finished(&span, &mut part));
    }
    *spans = marked;
}

fn finished(span: &Span<'_>, part: &mut (String, bool)) -> Span<'static> {
    let extra = if part.1 { Modifier::REVERSED } else { Modifier::empty() };
    Span::styled(std::mem::take(&mut part.0), span.style.add_modifier(extra))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_text(lines: &[Line<'_>]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn long_lines_are_broken_by_cells() {
        let spans = || vec![Span::raw("abc"), Span::raw("漢字漢字x")];
        assert_eq!(shown_text(&break_at(spans(), 6, 9)), ["abc漢", "字漢字", "x"]);
        assert_eq!(shown_text(&break_at(spans(), 6, 2)), ["abc漢", "字漢字"]);
        assert_eq!(shown_text(&break_at(spans(), 1, 9)).len(), 8);
    }

    #[test]
    fn what_is_searched_for_is_marked_across_colours() {
        let mut spans = vec![Span::raw("an Er"), Span::raw("ROR here")];
        mark(&mut spans, "error");
        let marked: String = spans
            .iter()
            .filter(|span| span.style.add_modifier.contains(Modifier::REVERSED))
            .map(|span| span.content.as_ref())
            .collect();
        assert_eq!(marked, "ErROR");
        assert_eq!(shown_text(&[Line::from(spans)]), ["an ErROR here"]);
    }

    #[test]
    fn shifting_leaves_the_time_in_place() {
        let spans = vec![Span::raw("12:00 "), Span::raw("abcdef")];
        assert_eq!(shown_text(&[Line::from(shifted(spans, 6, 2))]), ["12:00 cdef"]);
    }
}
