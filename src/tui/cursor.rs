//! Which row of a list is selected, and which rows are in the window.
//!
//! Owns the arithmetic of moving; never knows what the rows are.

/// A way of moving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// Rows down (up, if negative).
    By(isize),
    /// Half windows.
    HalfPages(isize),
    /// Windows.
    Pages(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// The selected row and the first row of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The selected row.
    pub(crate) at: usize,
    /// The first row in the window.
    pub(crate) top: usize,
}

impl Cursor {
    /// Moves the selection; the window follows.
    pub(crate) fn go(&mut self, step: Move, rows: usize, height: usize) {
        self.at = moved(self.at, step, rows, height);
        self.settle(rows, height);
    }

    /// Brings both back into what there is.
    pub(crate) fn settle(&mut self, rows: usize, height: usize) {
        self.at = self.at.min(rows.saturating_sub(1));
        self.top = self.top.min(rows.saturating_sub(height));
        if self.at < self.top {
            self.top = self.at;
        } else if height > 0 && self.at >= self.top + height {
            self.top = self.at + 1 - height;
        }
    }
}

/// The window over something that is made of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scroll {
    /// The first line in the window.
    pub(crate) top: usize,
    /// How many lines there were in the last frame.
    rows: usize,
}

impl Default for Scroll {
    /// At the top of what has not been measured yet.
    fn default() -> Self {
        Self { top: 0, rows: usize::MAX }
    }
}

impl Scroll {
    /// Moves the window.
    pub(crate) fn go(&mut self, step: Move, height: usize) {
        let tops = self.rows.saturating_sub(height).saturating_add(1);
        self.top = moved(self.top, step, tops, height);
    }

    /// There are `rows` lines: the window does not start below them.
    pub(crate) fn settle(&mut self, rows: usize, height: usize) {
        self.rows = rows;
        self.top = self.top.min(rows.saturating_sub(height));
    }
}

/// Where a move leads from `at`.
pub(crate) fn moved(at: usize, step: Move, rows: usize, height: usize) -> usize {
    let last = rows.saturating_sub(1);
    let by = |count: isize| at.saturating_add_signed(count).min(last);
    let window = isize::try_from(height.max(1)).unwrap_or(isize::MAX);
    match step {
        Move::By(count) => by(count),
        Move::HalfPages(count) => by(count.saturating_mul((window / 2).max(1))),
        Move::Pages(count) => by(count.saturating_mul((window - 1).max(1))),
        Move::First => 0,
        Move::Last => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_selection() {
        let mut cursor = Cursor::default();
        let mut shown_text = Vec::new();
        for step in [
            Move::By(1),
            Move::Pages(1),
            Move::Last,
            Move::By(1),
            Move::HalfPages(-1),
            Move::First,
            Move::By(-1),
        ] {
            cursor.go(step, 100, 10);
            shown_text.push((cursor.at, cursor.top));
        }
        assert_eq!(shown_text, [(1, 0), (10, 1), (99, 90), (99, 90), (94, 90), (0, 0), (0, 0)]);
    }

    #[test]
    fn an_empty_list_and_a_window_of_nothing_are_fine() {
        let mut cursor = Cursor { at: 7, top: 5 };
        cursor.go(Move::Pages(3), 0, 0);
        assert_eq!(cursor, Cursor::default());
        cursor.go(Move::Last, 5, 0);
        assert_eq!(cursor.at, 4);
    }
}
