//! The pane beside a list, and the panel above the footer.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::canvas::{put, put_cut, put_right, tint};
use super::{details, form, workers};
use crate::tui::keys::Tab;
use crate::tui::model::{Leave, Model, Prompt, Purpose, Question};
use crate::tui::text::{fit, width};

/// Details of what is selected.
pub(super) fn pane(model: &Model, canvas: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let inside = if model.zoomed {
        area
    } else if area.x > 0 {
        let edge = Line::styled(theme.glyph("│", "|"), theme.quiet());
        for row in 0..usize::from(area.height) {
            put(canvas, area, row, &edge);
        }
        Rect { x: area.x + 1, width: area.width - 1, ..area }
    } else {
        let edge = theme.glyph("─", "-").repeat(usize::from(area.width));
        put(canvas, area, 0, &Line::styled(edge, theme.quiet()));
        Rect { y: area.y + 1, height: area.height - 1, ..area }
    };
    let columns = usize::from(inside.width);
    let (title, lines) = match model.tab {
        Tab::Jobs => match model.jobs.selected() {
            Some(id) => details::job(model, id, columns),
            None => return,
        },
        Tab::Executions => match model.executions.selected() {
            Some(execution) => {
                details::execution(model, execution, columns, usize::from(inside.height))
            }
            None => return,
        },
        Tab::Workers => match model.selected_worker() {
            Some(worker) => workers::details(model, &worker.id),
            None => return,
        },
        Tab::System => return,
    };
    put_cut(model.theme, canvas, inside, 0, &title);
    for (at, line) in lines.iter().take(usize::from(inside.height)).enumerate() {
        put_cut(model.theme, canvas, inside, at + 1, line);
    }
}

/// Choices at quit, the palette, or a form of a few fields. Answers where the cursor is to stand.
pub(super) fn panel(model: &Model, canvas: &mut Buffer, area: Rect) -> Option<Position> {
    if area.height == 0 {
        return None;
    }
    let edge = model.theme.glyph("─", "-").repeat(usize::from(area.width));
    put(canvas, area, 0, &Line::styled(edge, model.theme.quiet()));
    let inside = Rect { y: area.y + 1, height: area.height - 1, ..area };
    match (&model.question, &model.prompt) {
        (Some(Question::Quit(selected)), _) => quit(model, *selected, canvas, inside),
        (None, Some(prompt)) if prompt.purpose == Purpose::Palette => {
            palette(model, prompt, canvas, inside);
        }
        _ => return form::draw(model, canvas, inside),
    }
    None
}

/// What becomes of the engine: a list with a selected line.
fn quit(model: &Model, selected: usize, canvas: &mut Buffer, area: Rect) {
    let rows = usize::from(area.height);
    // Where there is no room for all, the title goes first, and the selected line stays in sight.
    let titled = rows > Leave::ALL.len();
    if titled {
        let title = match model.totals.running {
            0 => " no execution is running".to_owned(),
            1 => " 1 execution is running".to_owned(),
            count => format!(" {count} executions are running"),
        };
        put(canvas, area, 0, &Line::styled(title, model.theme.care()));
    }
    let offset = usize::from(titled);
    let top = (selected + 1).saturating_sub(rows - offset);
    for (at, answer) in Leave::ALL.into_iter().enumerate().skip(top).take(rows - offset) {
        let (long, short) = answer.texts();
        let text = if width(long) + 4 <= usize::from(area.width) { long } else { short };
        let mark = if at == selected { model.theme.glyph("▸", ">") } else { " " };
        let row = at - top + offset;
        put(canvas, area, row, &Line::from(format!(" {mark} {text}")));
        if at == selected {
            tint(canvas, area, row, model.theme.selected());
        }
    }
}

fn palette(model: &Model, prompt: &Prompt, canvas: &mut Buffer, area: Rect) {
    /// Cells after which a key would be too far from what it does.
    const WIDEST: u16 = 100;
    let area = Rect { width: area.width.min(WIDEST), ..area };
    let found = model.palette();
    if found.is_empty() {
        put(canvas, area, 0, &Line::styled(" no such action", model.theme.quiet()));
        return;
    }
    let rows = usize::from(area.height);
    let names = found.iter().map(|(_, name, _)| width(name)).max().unwrap_or(0);
    let first = (prompt.chosen + 1).saturating_sub(rows);
    for (at, (_, name, help)) in found.into_iter().enumerate().skip(first).take(rows) {
        let mut valid = model.keymap.valid(model.key_context());
        let keys = valid.find(|(it, _)| it.name == name).map_or(&[][..], |(_, keys)| keys);
        let keys: Vec<String> = keys.iter().map(|key| key.name()).collect();
        let keys = Line::styled(format!("{} ", keys.join(" ")), model.theme.busy());
        let room = usize::from(area.width).saturating_sub(names + 3 + keys.width());
        // A few letters of it say nothing.
        let help = if room < 16 { "".into() } else { fit(help, room, model.theme.ellipsis()) };
        let line = Line::from(vec![
            Span::styled(format!(" {name:<names$}  "), model.theme.strong()),
            Span::raw(help),
        ]);
        put(canvas, area, at - first, &line);
        put_right(canvas, area, at - first, &keys);
        if at == prompt.chosen {
            tint(canvas, area, at - first, model.theme.selected());
        }
    }
}
