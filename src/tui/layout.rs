//! Where things stand on the screen: shared by what draws and by what must know how many rows there
//! are.

use ratatui::layout::{Rect, Size};

use super::keys::Tab;
use super::text::width;

/// Smaller than this there is only a line that says so.
pub(crate) const LEAST: Size = Size::new(40, 10);
/// From this width on a pane is at the right…
const WIDE: u16 = 120;
/// …and from this height on below.
const TALL: u16 = 50;

/// Rows below which a pane under a list is of no use.
const LEAST_PANE: u16 = 8;

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
    /// The same, and below the list where there is no room beside it.
    Near,
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
        (Pane::Beside | Pane::Near, Size { width: WIDE.., .. }) => {
            let width = (size.width * 3 / 8).clamp(44, 84);
            let list = Rect { width: body.width - width, ..body };
            (list, Some(Rect { x: list.width, width, ..body }))
        }
        (Pane::Beside | Pane::Near, Size { height: TALL.., .. }) => {
            let height = body.height * 2 / 5;
            let list = Rect { height: body.height - height, ..body };
            (list, Some(Rect { y: list.bottom(), height, ..body }))
        }
        (Pane::Near, _) if body.height >= 2 * LEAST_PANE => {
            let height = body.height * 3 / 5;
            let list = Rect { height: body.height - height, ..body };
            (list, Some(Rect { y: list.bottom(), height, ..body }))
        }
        (Pane::Beside | Pane::Near, _) => (body, None),
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

/// Rows of a form beside those of its fields: an edge, the title, and one for what a field means.
const FORM_FRAME: usize = 3;

/// Rows that a form takes above the footer.
pub(crate) fn form_rows(fields: usize) -> u16 {
    u16::try_from(fields + FORM_FRAME).unwrap_or(u16::MAX)
}

/// The texts of the tabs, in their order. Where it is narrow the counts go before any of the tabs
/// does.
pub(crate) fn tab_texts(jobs: usize, workers: usize, total: usize) -> [String; 4] {
    let numbered = |tab: Tab| 1 + Tab::ALL.iter().position(|it| *it == tab).unwrap_or(0);
    let full = Tab::ALL.map(|tab| {
        let count = match tab {
            Tab::Jobs => format!(" {jobs}"),
            Tab::Workers => format!(" {workers}"),
            Tab::Executions | Tab::System => String::new(),
        };
        format!(" {} {}{count} ", numbered(tab), tab.title())
    });
    // One blank between two.
    let needed = full.iter().map(|text| width(text)).sum::<usize>() + full.len() - 1;
    if needed <= total {
        return full;
    }
    Tab::ALL.map(|tab| format!("{} {}", numbered(tab), tab.title()))
}

/// The tab that stands at that column of the tabs' line.
pub(crate) fn tab_at(texts: &[String; 4], x: u16) -> Option<Tab> {
    let mut end = 0;
    // Each tab, and the blank behind it.
    for (tab, text) in Tab::ALL.into_iter().zip(texts) {
        end += width(text) + 1;
        if usize::from(x) < end {
            return Some(tab);
        }
    }
    None
}

/// Rows of the upper part.
const FACTS: u16 = 8;
/// The same where there is room for every state.
const ALL_FACTS: u16 = 11;
/// From this height on there is.
const ROOMY: u16 = 30;
/// Rows of the last hour and the next day.
const LOAD: u16 = 6;
/// Below this width its parts are stacked.
const NARROW: u16 = 60;
/// Cells that today's counts need.
const TODAY: u16 = 24;

/// The parts of the System tab, from the top down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SystemParts {
    pub(crate) engine: Rect,
    pub(crate) today: Rect,
    pub(crate) load: Rect,
    pub(crate) upcoming: Rect,
    pub(crate) events: Rect,
}

/// Divides the System tab.
pub(crate) fn system(area: Rect) -> SystemParts {
    let facts = if area.height >= ROOMY { ALL_FACTS } else { FACTS.min(area.height) };
    if area.width < NARROW {
        return narrow_parts(area);
    }
    let upper = Rect { height: facts, ..area };
    let split = (area.width * 3 / 5).min(80).min(area.width.saturating_sub(TODAY));
    let left = area.height - facts;
    let load_rows = if left >= LOAD + 6 { LOAD } else { 0 };
    let load = Rect { y: area.y + facts, height: load_rows, ..area };
    let left = left - load_rows;
    let next_rows = (left / 3).clamp(3.min(left), 12.max(left / 4).min(left));
    let upcoming = Rect { y: load.bottom(), height: next_rows, ..area };
    SystemParts {
        engine: Rect { width: split, ..upper },
        today: Rect { x: area.x + split, width: area.width - split, ..upper },
        load,
        upcoming,
        events: Rect { y: upcoming.bottom(), height: left - next_rows, ..area },
    }
}

/// Side by side nothing could be read: how things go stands above what the engine is.
fn narrow_parts(area: Rect) -> SystemParts {
    let today = Rect { height: area.height.min(5), ..area };
    let engine =
        Rect { y: today.bottom(), height: (area.height - today.height).min(FACTS), ..area };
    let none = Rect { y: engine.bottom(), height: 0, ..area };
    let left = area.height - today.height - engine.height;
    let upcoming = Rect { height: (left / 2).min(6), ..none };
    let events = Rect { y: upcoming.bottom(), height: left - upcoming.height, ..area };
    SystemParts { engine, today, load: none, upcoming, events }
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
