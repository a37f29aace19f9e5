//! Tables whose columns drop by rank and never wrap.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::canvas::{put, tint};
use crate::tui::text::{fit, width};
use crate::tui::theme::Theme;

/// Blank cells between columns.
const GAP: u16 = 2;
/// More cells than any terminal has.
const NEVER: u16 = 20_000;
/// Blank cells before the first.
const MARGIN: u16 = 1;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Cells that it takes at least, or it is left out.
    pub(super) least: u16,
    /// Cells that it takes at most.
    pub(super) most: u16,
    /// The lower, the longer it stays.
    pub(super) rank: u8,
    /// Whether it is pushed to the right.
    pub(super) right: bool,
}

impl Column {
    pub(super) const fn new(title: &'static str, least: u16, most: u16, rank: u8) -> Self {
        Self { title, least, most, rank, right: false }
    }

    /// The same where it has nothing to say: it is never drawn.
    pub(super) const fn left_out(self) -> Self {
        Self { rank: u8::MAX, least: NEVER, most: NEVER, ..self }
    }

    pub(super) const fn right(self) -> Self {
        Self { right: true, ..self }
    }
}

/// The columns, of which the one that is sorted by does not drop: its mark is to be seen.
pub(super) fn with_sorted<const N: usize>(
    columns: &[Column; N],
    sorted: Option<(&str, bool)>,
) -> [Column; N] {
    columns.map(|column| match sorted {
        Some((title, _)) if title == column.title => {
            let least = column.least.max(title_cells(title));
            let most = column.most.max(least);
            Column { rank: column.rank.min(1), least, most, ..column }
        }
        _ => column,
    })
}

/// How a row stands out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen {
    pub(super) selected: bool,
    pub(super) marked: bool,
}

/// How wide each column is; 0 = left out.
pub(super) fn widths(columns: &[Column], width: u16) -> Vec<u16> {
    let mut by_rank: Vec<usize> = (0..columns.len()).collect();
    by_rank.sort_by_key(|at| columns[*at].rank);
    let mut widths = vec![0; columns.len()];
    let mut left = width.saturating_sub(MARGIN);
    let mut first = true;
    for &at in &by_rank {
        let gap = if first { 0 } else { GAP };
        let needed = columns[at].least + gap;
        if needed > left && !first {
            break;
        }
        widths[at] = columns[at].least.min(left);
        left = left.saturating_sub(needed);
        first = false;
    }
    // What is left is shared cell by cell, so that no column starves beside a greedy one.
    loop {
        let before = left;
        for &at in &by_rank {
            if left > 0 && widths[at] > 0 && widths[at] < columns[at].most {
                widths[at] += 1;
                left -= 1;
            }
        }
        if left == before {
            return widths;
        }
    }
}

/// Cells of a title, with the mark of the order.
fn title_cells(title: &str) -> u16 {
    u16::try_from(width(title) + 1).unwrap_or(u16::MAX)
}

/// A table in an area: its first row holds the titles.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) theme: Theme,
    pub(super) columns: &'a [Column],
    pub(super) widths: Vec<u16>,
    pub(super) area: Rect,
}

impl<'a> Table<'a> {
    pub(super) fn new(theme: Theme, columns: &'a [Column], area: Rect) -> Self {
        Self { theme, columns, widths: widths(columns, area.width), area }
    }

    /// As [`Self::new`], where it is known how many cells some columns need: a column is no wider,
    /// so that others get what it does not need.
    pub(super) fn by_need(
        theme: Theme,
        columns: &'a [Column],
        area: Rect,
        needs: &[(&str, usize)],
    ) -> Self {
        let mut fitted = columns.to_vec();
        for (title, need) in needs {
            // What is left out stays so.
            let need = u16::try_from(*need).unwrap_or(u16::MAX).max(title_cells(title));
            let fits = |column: &&mut Column| column.title == *title && column.least < NEVER;
            if let Some(column) = fitted.iter_mut().find(fits) {
                column.most = column.most.min(need);
                column.least = column.least.min(column.most);
            }
        }
        let mut widths = widths(&fitted, area.width);
        // A need is met in full before a lesser column gets more than its least.
        let shown = widths.iter().zip(&fitted).filter(|(width, _)| **width > 0);
        let extra = shown.map(|(width, column)| *width - column.least.min(*width)).sum();
        for (width, column) in widths.iter_mut().zip(&fitted) {
            *width = column.least.min(*width);
        }
        let mut by_rank: Vec<usize> = (0..fitted.len()).filter(|at| widths[*at] > 0).collect();
        by_rank.sort_by_key(|at| fitted[*at].rank);
        by_rank.into_iter().fold(extra, |left: u16, at| {
            let more = left.min(fitted[at].most.saturating_sub(widths[at]));
            widths[at] += more;
            left - more
        });
        Self { theme, columns, widths, area }
    }

    /// How wide the column of that title is; 0 = left out.
    pub(super) fn width_of(&self, title: &str) -> usize {
        let at = self.columns.iter().position(|column| column.title == title);
        at.map_or(0, |at| usize::from(self.widths[at]))
    }

    /// Draws the titles; the one that `sorted` names is marked.
    pub(super) fn titles(&self, canvas: &mut Buffer, sorted: Option<(&str, bool)>) {
        let mark = |title: &str| match sorted {
            Some((by, reversed)) if by == title => {
                let arrow = if reversed {
                    self.theme.glyph("▴", "^")
                } else {
                    self.theme.glyph("▾", "v")
                };
                format!("{title}{arrow}")
            }
            _ => title.to_owned(),
        };
        let cells = self.columns.iter().map(|it| Line::from(mark(it.title))).collect();
        self.draw(canvas, 0, cells);
        tint(canvas, self.area, 0, self.theme.quiet());
    }

    /// Draws the cells of a row (0 = the titles' row).
    pub(super) fn row(
        &self,
        canvas: &mut Buffer,
        row: usize,
        cells: Vec<Line<'_>>,
        chosen: Chosen,
    ) {
        self.draw(canvas, row, cells);
        if chosen.marked {
            let mark = Line::styled(self.theme.glyph("▐", ">"), self.theme.care());
            put(canvas, self.area, row, &mark);
        }
        if chosen.selected {
            tint(canvas, self.area, row, self.theme.selected());
        }
    }

    fn draw(&self, canvas: &mut Buffer, row: usize, cells: Vec<Line<'_>>) {
        let mut x = self.area.x + MARGIN;
        for ((column, &width), cell) in self.columns.iter().zip(&self.widths).zip(cells) {
            if width == 0 {
                continue;
            }
            let cell = self.cut(cell, width);
            let taken = u16::try_from(cell.width()).unwrap_or(width);
            let shift = if column.right { width.saturating_sub(taken) } else { 0 };
            let place = Rect { x: x + shift, width: width - shift, ..self.area };
            put(canvas, place.intersection(self.area), row, &cell);
            x += width + GAP;
        }
    }

    /// A cell that is too long ends in an ellipsis.
    fn cut<'b>(&self, cell: Line<'b>, width: u16) -> Line<'b> {
        let width = usize::from(width);
        if cell.width() <= width {
            return cell;
        }
        let mut left = width;
        let mut spans = Vec::new();
        for span in cell.spans {
            let taken = span.width();
            if taken >= left {
                let text = fit(&span.content, left, self.theme.ellipsis()).into_owned();
                spans.push(Span::styled(text, span.style));
                break;
            }
            left -= taken;
            spans.push(span);
        }
        Line::from(spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{Charset, Colours};

    const COLUMNS: [Column; 4] = [
        Column::new("state", 10, 10, 0),
        Column::new("job", 10, 30, 1),
        Column::new("why", 20, 60, 3),
        Column::new("next", 7, 7, 2),
    ];

    #[test]
    fn columns_drop_by_rank_and_share_what_is_left() {
        assert_eq!(widths(&COLUMNS, 5), [4, 0, 0, 0]);
        assert_eq!(widths(&COLUMNS, 25), [10, 12, 0, 0]);
        assert_eq!(widths(&COLUMNS, 40), [10, 18, 0, 7]);
        assert_eq!(widths(&COLUMNS, 60), [10, 13, 23, 7]);
        assert_eq!(widths(&COLUMNS, 200), [10, 30, 60, 7]);
    }

    #[test]
    fn a_column_that_needs_less_leaves_its_cells_to_others() {
        let theme = Theme::new(Colours::None, Charset::Unicode);
        let needs = [("job", 6), ("why", 30)];
        let shown =
            |width| Table::by_need(theme, &COLUMNS, Rect::new(0, 0, width, 9), &needs).widths;
        assert_eq!(shown(60), [10, 6, 30, 7]);
        assert_eq!(shown(200), [10, 6, 30, 7]);
        assert_eq!(shown(48), [10, 6, 0, 7]);
        let needs = [("job", 14), ("why", 60)];
        let table = Table::by_need(theme, &COLUMNS, Rect::new(0, 0, 60, 9), &needs);
        assert_eq!(table.widths, [10, 14, 22, 7], "the job in full, then the rest");
    }

    #[test]
    fn the_columns_never_take_more_than_there_is() {
        for width in 0..300 {
            let widths = widths(&COLUMNS, width);
            let shown = u16::try_from(widths.iter().filter(|it| **it > 0).count()).unwrap();
            let taken = widths.iter().sum::<u16>() + GAP * shown.saturating_sub(1);
            assert!(taken <= width, "{width}: {widths:?}");
        }
    }
}
