//! The pane beside a list, and the panel above the footer.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::canvas::{put, put_cut, tint};
use super::{details, form, workers};
use crate::tui::keys::Tab;
use crate::tui::model::{Model, Prompt, Purpose, Question};
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
        (Some(Question::Quit), _) => quit(model, canvas, inside),
        (None, Some(prompt)) if prompt.purpose == Purpose::Palette => {
            palette(model, prompt, canvas, inside);
        }
        _ => return form::draw(model, canvas, inside),
    }
    None
}

/// What can become of the engine: key, in full, in short.
const CHOICES: [(&str, &str, &str); 5] = [
    (
        "l",
        "leave the engine running without a screen; crontower comes back to it",
        "go on headless",
    ),
    ("s", "stop the engine, running commands go on by themselves (Enter)", "stop (Enter)"),
    ("w", "stop the engine when running commands have ended", "stop when done"),
    ("c", "stop the engine and cancel running commands", "stop and cancel"),
    ("Esc", "stay", "stay"),
];

fn quit(model: &Model, canvas: &mut Buffer, area: Rect) {
    let running = model.totals.running;
    let title = match running {
        0 => " a job fires within a minute".to_owned(),
        1 => " 1 execution is running".to_owned(),
        count => format!(" {count} executions are running"),
    };
    put(canvas, area, 0, &Line::styled(title, model.theme.care()));
    if usize::from(area.height) <= CHOICES.len() {
        // Two in a row, so that none is out of sight.
        for (row, pair) in CHOICES.chunks(2).enumerate() {
            let spans = pair.iter().flat_map(|(key, _, short)| {
                let key = Span::styled(format!(" {key} "), model.theme.strong());
                [key, Span::raw(format!("{short:<17}"))]
            });
            put(canvas, area, row + 1, &Line::from_iter(spans));
        }
        return;
    }
    let longest = CHOICES.iter().map(|(_, text, _)| width(text) + 7).max().unwrap_or(0);
    let roomy = longest <= usize::from(area.width);
    for (at, (key, long, short)) in CHOICES.into_iter().enumerate() {
        let key = Span::styled(format!(" {key:>4}  "), model.theme.strong());
        let text = Span::raw(if roomy { long } else { short });
        put(canvas, area, at + 1, &Line::from(vec![key, text]));
    }
}

fn palette(model: &Model, prompt: &Prompt, canvas: &mut Buffer, area: Rect) {
    let found = model.palette();
    if found.is_empty() {
        put(canvas, area, 0, &Line::styled(" no such action", model.theme.quiet()));
        return;
    }
    let rows = usize::from(area.height);
    let first = (prompt.chosen + 1).saturating_sub(rows);
    for (at, (_, name, help)) in found.into_iter().enumerate().skip(first).take(rows) {
        let mut valid = model.keymap.valid(model.key_context());
        let keys = valid.find(|(it, _)| it.name == name).map_or(&[][..], |(_, keys)| keys);
        let keys: Vec<String> = keys.iter().map(|key| key.name()).collect();
        let room = usize::from(area.width).saturating_sub(34);
        // A few letters of it say nothing.
        let help = if room < 16 { "".into() } else { fit(help, room, model.theme.ellipsis()) };
        let pad = 14usize.saturating_sub(width(&keys.join(" ")));
        let line = Line::from(vec![
            Span::styled(format!(" {name:<17}"), model.theme.strong()),
            Span::styled(keys.join(" "), model.theme.busy()),
            Span::raw(" ".repeat(pad + 1)),
            Span::raw(help),
        ]);
        put(canvas, area, at - first, &line);
        if at == prompt.chosen {
            tint(canvas, area, at - first, model.theme.selected());
        }
    }
}
