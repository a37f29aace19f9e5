//! Lines and styles, put into the cells of an area.
//!
//! Owns what is cut and how that shows. Never knows what a line says.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::tui::theme::Theme;

/// Draws a line into a row of the area; what does not fit is cut.
pub(super) fn put(canvas: &mut Buffer, area: Rect, row: usize, line: &Line<'_>) {
    let area = area.intersection(*canvas.area());
    if let Ok(row) = u16::try_from(row)
        && row < area.height
    {
        canvas.set_line(area.x, area.y + row, line, area.width);
    }
}

/// Draws a line into a row of the area; what does not fit is cut, and that is to be seen.
pub(super) fn put_cut(theme: Theme, canvas: &mut Buffer, area: Rect, row: usize, line: &Line<'_>) {
    put(canvas, area, row, line);
    if line.width() > usize::from(area.width) {
        let mark = Line::styled(theme.ellipsis(), theme.quiet());
        put_right(canvas, area, row, &mark);
    }
}

/// Draws a line at the right end of a row, if it fits.
pub(super) fn put_right(canvas: &mut Buffer, area: Rect, row: usize, line: &Line<'_>) {
    let Ok(width) = u16::try_from(line.width()) else {
        return;
    };
    if width <= area.width {
        put(canvas, Rect { x: area.right() - width, width, ..area }, row, line);
    }
}

/// Draws a line at the left end of a row, and at the right end what there is room for: the last
/// parts go first.
pub(super) fn put_ends<'a>(
    canvas: &mut Buffer,
    area: Rect,
    left: &Line<'_>,
    mut right: Vec<Span<'a>>,
    separator: &'a str,
) {
    put(canvas, area, 0, left);
    while !right.is_empty() {
        let mut end = joined(right.iter().cloned(), separator);
        end.push(Span::raw(" "));
        let end = Line::from(end);
        if left.width() + end.width() + 2 <= usize::from(area.width) {
            put_right(canvas, area, 0, &end);
            return;
        }
        right.pop();
    }
}

/// Lays a style over a row of the area.
pub(super) fn tint(canvas: &mut Buffer, area: Rect, row: usize, style: Style) {
    if let Ok(row) = u16::try_from(row)
        && row < area.height
    {
        let row = Rect { y: area.y + row, height: 1, ..area };
        canvas.set_style(row.intersection(*canvas.area()), style);
    }
}

/// Words with a separator between those that are there.
pub(super) fn joined<'a>(
    parts: impl IntoIterator<Item = Span<'a>>,
    separator: &'a str,
) -> Vec<Span<'a>> {
    let mut line = Vec::new();
    for part in parts.into_iter().filter(|part| !part.content.is_empty()) {
        if !line.is_empty() {
            line.push(Span::raw(separator));
        }
        line.push(part);
    }
    line
}
