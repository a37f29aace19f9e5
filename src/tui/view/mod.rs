//! The model, drawn. Pure: the same model makes the same frame.
//!
//! Owns what things look like. Never changes the model, never asks the clock, never touches the
//! terminal; text from outside goes through `text::clean` or `sanitize` before it reaches a cell.

mod bars;
mod canvas;
mod details;
mod executions;
mod form;
mod frame;
mod graph;
mod jobs;
mod output;
mod pager;
mod system;
mod table;
mod versions;
mod workers;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use canvas::{put, put_cut, put_ends};

use super::keys::{Action, Tab};
use super::layout::LEAST;
use super::model::{Layer, Model};
use super::text::width;

/// Draws the screen.
pub(crate) fn view(model: &Model, frame: &mut Frame<'_>) {
    let Some(areas) = model.areas() else {
        let area = frame.area();
        let quit = model.way(Action::Back);
        let least = format!("{}x{}", LEAST.width, LEAST.height);
        let texts = [
            format!("the screen is smaller than {least}: {quit} quits"),
            format!("needs {least}; {quit} quits"),
            format!("needs {least}"),
            least,
        ];
        let fits = |text: &&String| width(text) <= usize::from(area.width);
        let text = texts.iter().find(fits).map_or("", String::as_str);
        put(frame.buffer_mut(), area, 0, &Line::from(text));
        return;
    };
    let canvas = frame.buffer_mut();
    bars::header(model, canvas, areas.header);
    bars::tabs(model, canvas, areas.tabs);
    let mut cursor = None;
    match (model.layers.last(), model.tab) {
        _ if model.form_on_top() => {
            cursor = form::draw(model, canvas, areas.body.union(areas.panel));
        }
        (Some(Layer::Output(output)), _) => output::draw(model, output, canvas, areas.body),
        (Some(Layer::Versions(versions)), _) => {
            versions::draw(model, versions, canvas, areas.body);
        }
        (Some(opened), _) => draw_layer(model, opened, canvas, areas.body),
        (None, Tab::Jobs) => jobs::draw(model, canvas, areas.list),
        (None, Tab::Executions) => executions::draw(model, canvas, areas.list),
        (None, Tab::Workers) => workers::draw(model, canvas, areas.list),
        (None, Tab::System) => system::draw(model, canvas, areas.body),
    }
    if let Some(pane) = areas.pane.filter(|_| !model.form_on_top()) {
        frame::pane(model, canvas, pane);
    }
    if !model.form_on_top() {
        cursor = frame::panel(model, canvas, areas.panel);
    }
    if let Some(cursor) = bars::footer(model, canvas, areas.footer).or(cursor) {
        frame.set_cursor_position(cursor);
    }
}

/// How many lines there are in what is opened.
pub(crate) fn layer_rows(model: &Model) -> usize {
    let (width, _) = model.window();
    model.layers.last().map_or(0, |opened| lines_of(model, opened, width).1.len())
}

/// Title and lines of what is opened.
fn lines_of<'a>(model: &'a Model, opened: &'a Layer, width: usize) -> (Line<'a>, Vec<Line<'a>>) {
    match opened {
        Layer::Job { id, .. } => details::job(model, id, width),
        Layer::Execution { execution, .. } => {
            details::execution(model, execution, width, usize::MAX)
        }
        Layer::Worker { id, .. } => workers::details(model, id),
        Layer::Plan { plan, .. } => pager::plan(model, plan, width),
        Layer::Diff { title, lines, .. } => pager::diff(model, title, lines, width),
        Layer::TextPage { title, lines, .. } => pager::text_page(model, title, lines, width),
        Layer::Help { context, .. } => pager::help(model, *context, width),
        Layer::Notices { .. } => pager::notices(model, width),
        // They draw themselves: output may be far too long to be made into lines.
        Layer::Output(_) | Layer::Versions(_) => (Line::default(), Vec::new()),
    }
}

fn draw_layer(model: &Model, opened: &Layer, canvas: &mut Buffer, area: Rect) {
    let (title, lines) = lines_of(model, opened, usize::from(area.width));
    let scroll = opened.scroll();
    let rows = usize::from(area.height.saturating_sub(1));
    let shown = (scroll + rows).min(lines.len());
    let place = (lines.len() > rows)
        .then(|| Span::styled(format!("{shown}/{}", lines.len()), model.theme.quiet()));
    put_ends(canvas, area, &title, place.into_iter().collect(), " ");
    if title.width() > usize::from(area.width) {
        put_cut(model.theme, canvas, area, 0, &title);
    }
    for (at, line) in lines.iter().skip(scroll).take(rows).enumerate() {
        put_cut(model.theme, canvas, area, at + 1, line);
    }
}
