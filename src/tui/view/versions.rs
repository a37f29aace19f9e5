//! The versions of a job: when each came, from whom, and what it changed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::canvas::{put, tint};
use crate::jobfile;
use crate::model::{Job, JobVersion};
use crate::tui::model::{Model, Versions};
use crate::tui::text::{clean, moment};

/// Draws the list, and under it what the version in hand says.
pub(super) fn draw(model: &Model, versions: &Versions, canvas: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let title = format!(" versions of {}", versions.job);
    put(canvas, area, 0, &Line::styled(title, theme.strong()));
    let rows = usize::from(area.height.saturating_sub(1));
    let listed = versions.versions.len().min(rows.div_ceil(2));
    let top = (versions.at + 1).saturating_sub(listed);
    let shown = versions.versions.iter().enumerate().skip(top).take(listed);
    for (row, (at, version)) in shown.enumerate() {
        let before = versions.versions.get(at + 1);
        put(canvas, area, row + 1, &line(model, version, before));
        if at == versions.at {
            tint(canvas, area, row + 1, theme.selected());
        }
    }
    let Some(version) = versions.versions.get(versions.at) else {
        return;
    };
    let heading = format!(" definition of version {}", version.version);
    put(canvas, area, listed + 2, &Line::styled(heading, theme.quiet()));
    let yaml = jobfile::to_yaml(&version.definition);
    for (at, text) in yaml.lines().enumerate() {
        put(canvas, area, listed + 3 + at, &Line::from(format!("   {}", clean(text))));
    }
}

fn line(model: &Model, version: &JobVersion, before: Option<&JobVersion>) -> Line<'static> {
    let theme = model.theme;
    let when = moment(model.zone(), model.now, version.at);
    let what =
        before.map_or_else(String::new, |before| changed(&before.definition, &version.definition));
    Line::from(vec![
        Span::styled(format!("   {:>4}  ", version.version), theme.strong()),
        Span::raw(format!("{when:<13}")),
        Span::styled(format!("{:<20} ", clean(version.by.as_str())), theme.quiet()),
        Span::raw(what),
    ])
}

/// The keys that differ.
fn changed(before: &Job, after: &Job) -> String {
    let (before, after) = (jobfile::to_yaml(before), jobfile::to_yaml(after));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(&before), lines(&after));
    let mut keys: Vec<String> = Vec::new();
    for (one, other) in [(&before, &after), (&after, &before)] {
        let mut key = String::new();
        for text in one {
            if !text.starts_with([' ', '-']) {
                key = text.split(':').next().unwrap_or_default().to_owned();
            }
            if !other.contains(text) && !keys.contains(&key) {
                keys.push(key.clone());
            }
        }
    }
    clean(&keys.join(", ")).into_owned()
}
