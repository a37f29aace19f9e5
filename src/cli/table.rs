//! Tables that fit the terminal: what may be cut is cut, what matters least goes, nothing wraps.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::terminal::plain;
use super::times::zone_in_title;

/// Between columns.
const GAP: usize = 2;
/// A column that may be cut keeps at least so much.
const SHORTEST: usize = 10;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    title: &'static str,
    /// Columns with a higher rank go first when there is no room; 0 always stays.
    rank: u8,
    /// Whether its cells may be cut.
    may_be_cut: bool,
    right: bool,
    /// Whether the title names the zone that times are told in.
    names_zone: bool,
}

impl Column {
    pub(super) const fn new(title: &'static str, rank: u8) -> Self {
        Self { title, rank, may_be_cut: false, right: false, names_zone: false }
    }

    /// Names the zone of all times of the table. One column of a table does.
    pub(super) const fn names_zone(mut self) -> Self {
        self.names_zone = true;
        self
    }

    pub(super) const fn may_be_cut(mut self) -> Self {
        self.may_be_cut = true;
        self
    }

    pub(super) const fn right(mut self) -> Self {
        self.right = true;
        self
    }
}

/// A text, perhaps coloured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    /// SGR parameters; empty = none.
    colour: &'static str,
}

impl Cell {
    pub(super) fn coloured(text: &str, colour: &'static str) -> Self {
        Self { text: plain(text), colour }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::coloured(text.as_ref(), "")
    }
}

/// Rows under titles.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    titles: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self::in_zone(columns, zone_in_title())
    }

    fn in_zone(columns: &[Column], zone: &str) -> Self {
        let title = |column: &Column| match column.names_zone {
            true => Cell::coloured(&format!("{} ({zone})", column.title), "1"),
            false => Cell::coloured(column.title, "1"),
        };
        let titles = columns.iter().map(title).collect();
        Self { columns: columns.to_vec(), titles, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table as text, for so many columns of the terminal (`None` = as wide as it is).
    pub(super) fn render(&self, width: Option<usize>, colour: bool) -> String {
        let widths = self.fit(width.unwrap_or(usize::MAX));
        let mut text = String::new();
        for cells in std::iter::once(&self.titles).chain(&self.rows) {
            let mut line = String::new();
            let shown = cells.iter().zip(&self.columns).zip(&widths);
            for ((cell, column), width) in shown {
                let Some(width) = width else { continue };
                if !line.is_empty() {
                    line.push_str(&" ".repeat(GAP));
                }
                line.push_str(&cell.render(*width, column.right, colour));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// The width of each column that is shown.
    fn fit(&self, room: usize) -> Vec<Option<usize>> {
        let natural = |index: usize| {
            let title = self.titles[index].text.width();
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            cells.map(|cell| cell.text.width()).max().unwrap_or(0).max(title)
        };
        let mut whole: Vec<Option<usize>> =
            (0..self.columns.len()).map(|index| Some(natural(index))).collect();
        loop {
            // What a column that went has left is there for those that were cut.
            let mut widths = whole.clone();
            loop {
                let excess = total(&widths).saturating_sub(room);
                if excess == 0 {
                    return widths;
                }
                if !self.cut(&mut widths, excess) {
                    break;
                }
            }
            let least = (0..whole.len())
                .filter(|index| whole[*index].is_some() && self.columns[*index].rank > 0)
                .max_by_key(|index| self.columns[*index].rank);
            let Some(least) = least else { return widths };
            whole[least] = None;
        }
    }

    /// Makes the widest column that may be cut narrower; `false` when none can be.
    fn cut(&self, widths: &mut [Option<usize>], excess: usize) -> bool {
        let widest = widths
            .iter_mut()
            .zip(&self.columns)
            .filter(|(_, column)| column.may_be_cut)
            .filter_map(|(width, _)| width.as_mut().filter(|width| **width > SHORTEST))
            .max_by_key(|width| **width);
        let Some(widest) = widest else { return false };
        // Half of what is too much, so that two long columns share the loss.
        *widest -= excess.div_ceil(2).min(*widest - SHORTEST);
        true
    }
}

fn total(widths: &[Option<usize>]) -> usize {
    let shown: Vec<usize> = widths.iter().flatten().copied().collect();
    shown.iter().sum::<usize>() + GAP * shown.len().saturating_sub(1)
}

impl Cell {
    fn render(&self, width: usize, right: bool, colour: bool) -> String {
        let text = cut(&self.text, width);
        let blanks = " ".repeat(width.saturating_sub(text.width()));
        let painted = if colour && !self.colour.is_empty() && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", self.colour)
        } else {
            text
        };
        if right { blanks + &painted } else { painted + &blanks }
    }
}

/// The beginning of a text that fits, with a sign that it is not the whole.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&[
            Column::new("ID", 0),
            Column::new("NAME", 0).may_be_cut(),
            Column::new("RUNS", 1).right(),
            Column::new("NOTE", 2).may_be_cut(),
        ]);
        table.row(["a", "short", "7", "x"].map(Cell::from).to_vec());
        let long = ["backup", "数据库备份 of everything", "1200", "a note that is long"];
        table.row(long.map(Cell::from).to_vec());
        table
    }

    #[test]
    fn a_table_fits_or_loses_what_matters_least() {
        let text = [None, Some(50), Some(40), Some(25), Some(3)]
            .map(|width| sample().render(width, false))
            .join("--\n");
        insta::assert_snapshot!(text, @"
        ID      NAME                      RUNS  NOTE
        a       short                        7  x
        backup  数据库备份 of everything  1200  a note that is long
        --
        ID      NAME               RUNS  NOTE
        a       short                 7  x
        backup  数据库备份 of ev…  1200  a note that is l…
        --
        ID      NAME          RUNS  NOTE
        a       short            7  x
        backup  数据库备份 …  1200  a note that…
        --
        ID      NAME         RUNS
        a       short           7
        backup  数据库备份…  1200
        --
        ID      NAME
        a       short
        backup  数据库备…
        ");
    }

    #[test]
    fn the_zone_of_the_times_stands_in_a_title() {
        let columns = [Column::new("NEXT", 0).names_zone(), Column::new("ENDED", 0)];
        let mut table = Table::in_zone(&columns, "Berlin");
        table.row(vec!["2026-11-23 14:03:18".into(), "-".into()]);
        let described = "NEXT (Berlin)        ENDED\n2026-11-23 14:03:18  -\n";
        assert_eq!(table.render(None, false), described);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 20..90 {
            let text = sample().render(Some(width), false);
            for line in text.lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn colours_do_not_move_columns() {
        let mut table = Table::new(&[Column::new("A", 0), Column::new("B", 0)]);
        table.row(vec![Cell::coloured("red", "31"), "x".into()]);
        assert_eq!(table.render(None, false), "A    B\nred  x\n");
        let painted = "\x1b[1mA\x1b[0m    \x1b[1mB\x1b[0m\n\x1b[31mred\x1b[0m  x\n";
        assert_eq!(table.render(None, true), painted);
    }
}
