//! Where things stand on the screen: shared by what draws and by what must know how many rows there
//! are.

use ratatui::layout::{Rect, Size};

/// Smaller than this there is only a line that says so.
pub(crate) const LEAST: Size = Size::new(40, 10);
/// From so many columns on a pane stands at the right…
const WIDE: u16 = 120;
/// …and from so many rows on below.
const TALL: u16 = 50;

/// The parts of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Areas {
    /// Where am I, is it well.
    pub(crate) header: Rect,
    /// The tabs.
    pub(crate) tabs: Rect,
    /// Between tabs and footer.
    pub(crate) body: Rect,
    /// The list: the body without the pane.
    pub(crate) list: Rect,
    /// Details of what is selected.
    pub(crate) pane: Option<Rect>,
    /// Above the footer: choices, the palette.
    pub(crate) panel: Rect,
    /// The keys, and the newest notice.
    pub(crate) footer: Rect,
}

/// Where details of what is selected are to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pane {
    /// Nowhere.
    None,
    /// Beside the list, where there is room for them.
    Beside,
    /// In the list's place.
    Whole,
}

/// Divides the screen; `None` when it is too small.
pub(crate) fn areas(size: Size, panel_rows: u16, pane: Pane) -> Option<Areas> {
    if size.width < LEAST.width || size.height < LEAST.height {
        return None;
    }
    let line = |y| Rect::new(0, y, size.width, 1);
    let panel_rows = panel_rows.min(size.height - 5);
    let body = Rect::new(0, 2, size.width, size.height - 3 - panel_rows);
    let (list, pane) = match (pane, size) {
        (Pane::None, _) => (body, None),
        (Pane::Whole, _) => (Rect { height: 0, ..body }, Some(body)),
        (Pane::Beside, Size { width: WIDE.., .. }) => {
            let width = (size.width * 3 / 8).clamp(44, 84);
            let list = Rect { width: body.width - width, ..body };
            (list, Some(Rect { x: list.width, width, ..body }))
        }
        (Pane::Beside, Size { height: TALL.., .. }) => {
            let height = body.height * 2 / 5;
            let list = Rect { height: body.height - height, ..body };
            (list, Some(Rect { y: list.bottom(), height, ..body }))
        }
        (Pane::Beside, _) => (body, None),
    };
    Some(Areas {
        header: line(0),
        tabs: line(1),
        body,
        list,
        pane,
        panel: Rect::new(0, body.bottom(), size.width, panel_rows),
        footer: line(size.height - 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_belongs_to_one_part() {
        for (width, height, panel) in
            [(40, 10, 0), (80, 24, 12), (120, 24, 7), (100, 60, 0), (500, 200, 12)]
        {
            let areas = areas(Size::new(width, height), panel, Pane::Beside).unwrap();
            let pane = areas.pane.unwrap_or_default().area();
            assert_eq!(areas.list.area() + pane, areas.body.area(), "{width}x{height}");
            let rows = 3 + areas.body.height + areas.panel.height;
            assert_eq!(rows, height, "{width}x{height}");
        }
        assert_eq!(areas(Size::new(39, 24), 0, Pane::Beside), None);
        assert_eq!(areas(Size::new(80, 9), 0, Pane::Beside), None);
    }
}
