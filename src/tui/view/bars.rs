//! The lines around every view: header, tabs, footer.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::canvas::{joined, put, put_right};
use crate::driver::{EngineInfo, SchedulerRole};
use crate::model::{Health, Role, Severity};
use crate::tui::keys::{Action, Tab};
use crate::tui::model::form::FormKind;
use crate::tui::model::when::PAST_HINT;
use crate::tui::model::{Link, Model, Prompt, Purpose, Question};
use crate::tui::text::{clean, countdown, fit, fit_words, uptime, width};

/// Where am I, is it ok?
pub(super) fn header(model: &Model, canvas: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let engine = &model.world.engine;
    let mut right = verdict(model, usize::from(area.width).saturating_sub(16));
    let here = model.now.with_timezone(&model.zone());
    let mut clock = Some(Span::styled(here.format("%H:%M:%S %Z").to_string(), theme.quiet()));
    let mut next = next_fire_time(model);
    // That it only stands by is never left out.
    let name = match engine.scheduler {
        SchedulerRole::Leader => "crontower",
        SchedulerRole::Standby => "crontower standby",
    };
    let name = Span::styled(name, theme.strong());
    let way = model.attached.as_deref().map(|way| {
        let way = way.trim_start_matches("at ");
        // The path of a socket says less than that it is one, and System shows the folder.
        let way = if way.ends_with(".sock") { "its socket" } else { way };
        format!(" via {}", clean(way))
    });
    let host = place(engine);
    let host = Span::raw(format!("{host}{}", way.unwrap_or_default()));
    let up = Span::styled(format!("up {}", uptime(model.now, engine.started_at)), theme.quiet());
    // At the left the name stays, at the right what is wrong: the rest goes as room goes.
    let mut left = vec![host, up];
    let total = usize::from(area.width);
    loop {
        let mut line = vec![Span::raw(" "), name.clone(), Span::raw("  ")];
        line.extend(joined(left.iter().cloned(), theme.dot()));
        let line = Line::from(line);
        let mut end = joined(right.iter().chain(&next).chain(&clock).cloned(), "  ");
        end.push(Span::raw(" "));
        let end = Line::from(end);
        if line.width() + 2 + end.width() <= total {
            put(canvas, area, 0, &line);
            put_right(canvas, area, 0, &end);
            return;
        }
        // The clock names the zone of all times: it stays longer than when something fires.
        let gone = left.pop().is_some() || next.take().is_some() || clock.take().is_some();
        if !gone && right.pop().is_none() {
            return;
        }
    }
}

/// Which scheduler this is; beside one that stands by, who leads.
fn place(engine: &EngineInfo) -> String {
    let host = clean(&engine.host);
    match (engine.scheduler, &engine.leader) {
        (SchedulerRole::Standby, Some(leader)) => format!("{host}, {} leads", clean(&leader.host)),
        (SchedulerRole::Leader, _) | (SchedulerRole::Standby, None) => host.into_owned(),
    }
}

/// Is it ok? The most pressing first; what is wrong with the engine leaves no room for more.
fn verdict(model: &Model, room: usize) -> Vec<Span<'static>> {
    let theme = model.theme;
    let health = &model.world.health;
    let wrong = match (&model.link, health) {
        (Link::Down(why), _) => {
            let sign = theme.glyph("○", "!");
            let whole = format!("{sign} reconnecting; no engine: {why}");
            let short = format!("{sign} reconnecting; no engine");
            // A reason that begins with it goes on with where it was looked for: System shows that.
            Some(match width(&short) {
                needed if needed > room => format!("{sign} no engine"),
                _ if why.starts_with("no engine") => short,
                _ => whole,
            })
        }
        (Link::Up, Health::Down { problems }) => {
            let (sign, why) = (theme.glyph("⚠", "!"), problems.join("; "));
            Some(format!("{sign} down, nothing fires: {why}"))
        }
        (Link::Up, Health::Ok | Health::Degraded { .. }) => None,
    };
    if let Some(text) = wrong {
        let text = fit_words(&clean(&text), room, theme.ellipsis()).into_owned();
        return vec![Span::styled(text, theme.bad())];
    }
    let totals = model.totals;
    let dot = theme.glyph("●", "*");
    let mut parts = Vec::new();
    if let Health::Degraded { .. } = health {
        parts.push(Span::styled(format!("{} degraded", theme.glyph("⚠", "!")), theme.bad()));
    }
    match totals.wrong {
        // Only where both the engine and its jobs are.
        0 if *health == Health::Ok => {
            parts.push(Span::styled(format!("{} ok", theme.glyph("✓", "+")), theme.good()));
        }
        0 => {}
        count => parts.push(Span::styled(format!("{dot} {count} wrong"), theme.bad())),
    }
    if totals.running > 0 {
        parts.push(Span::styled(format!("{} running", totals.running), theme.busy()));
    }
    if totals.queued > 0 {
        parts.push(Span::styled(format!("{} queued", totals.queued), theme.care()));
    }
    if totals.paused > 0 {
        let text = format!("{} {} paused", theme.glyph("‖", "="), totals.paused);
        parts.push(Span::styled(text, theme.care()));
    }
    parts
}

/// When the next job fires; an engine that does not answer, or is down, fires none.
fn next_fire_time(model: &Model) -> Option<Span<'static>> {
    let fires = model.link == Link::Up && !matches!(model.world.health, Health::Down { .. });
    let next = model.totals.next.filter(|_| fires)?;
    Some(Span::raw(format!("next {}", countdown(model.now, next))))
}

/// The tabs with their counts, and what narrows the list.
pub(super) fn tabs(model: &Model, canvas: &mut Buffer, area: Rect) {
    let total = usize::from(area.width);
    let line = tab_line(model, total);
    put(canvas, area, 0, &line);
    let room = total.saturating_sub(line.width() + 1);
    let mut parts = narrowed(model);
    while joined_width(&parts) > room && parts.pop().is_some() {}
    let mut end = joined(parts, "  ");
    end.push(Span::raw(" "));
    put_right(canvas, area, 0, &Line::from(end));
}

fn tab_line(model: &Model, total: usize) -> Line<'static> {
    let theme = model.theme;
    let mut line = Vec::new();
    for (tab, text) in Tab::ALL.into_iter().zip(model.tab_texts(total)) {
        let style = if tab == model.tab { theme.selected() } else { theme.quiet() };
        line.push(Span::styled(text, style));
        line.push(Span::raw(" "));
    }
    line.pop();
    Line::from(line)
}

fn joined_width(parts: &[Span<'_>]) -> usize {
    parts.iter().map(|part| part.width() + 2).sum::<usize>()
}

/// What narrows the list, and what is to be known about jobs.yaml.
fn narrowed(model: &Model) -> Vec<Span<'static>> {
    let theme = model.theme;
    let mut parts = Vec::new();
    if model.world.role < Role::Admin {
        let word = format!("as {}", model.world.role);
        parts.push(Span::styled(word, theme.care()));
    }
    if model.world.engine.file.changed {
        parts.push(Span::styled(
            format!("jobs.yaml changed{}{}", theme.dot(), model.way(Action::Reload)),
            theme.care(),
        ));
    }
    if model.tab == Tab::Executions && model.executions.reversed {
        parts.push(Span::styled("oldest first", theme.care()));
    }
    if model.marked() > 0 {
        let hidden = match model.hidden_marks() {
            0 => String::new(),
            hidden => format!(", {hidden} hidden"),
        };
        parts.push(Span::styled(format!("{} marked{hidden}", model.marked()), theme.care()));
    }
    if model.only_wrong() {
        parts.push(Span::styled("only wrong", theme.care()));
    }
    if model.tab == Tab::Executions && model.executions.hide_skipped {
        parts.push(Span::styled("without skipped", theme.care()));
    }
    let (rows, jobs) = (model.jobs.rows().len(), model.world.jobs().len());
    if model.tab == Tab::Jobs && (model.jobs.only_wrong || !model.jobs.filter.is_empty()) {
        parts.push(Span::styled(format!("{rows} of {jobs}"), theme.care()));
    }
    if let Some(filter) = model.filter().filter(|filter| !filter.is_empty()) {
        let text = format!("/{}", clean(&filter.text));
        let text = fit(&text, 30, theme.ellipsis()).into_owned();
        parts.push(Span::styled(text, theme.care()));
    }
    if model.world.engine.file.sample {
        parts.push(Span::styled("built-in sample jobs", theme.quiet()));
    }
    parts
}

/// The keys that matter here and the newest notice, or what is asked or typed. Answers where the
/// cursor is to stand.
pub(super) fn footer(model: &Model, canvas: &mut Buffer, area: Rect) -> Option<Position> {
    match (&model.question, &model.prompt) {
        (Some(question), _) => {
            put(canvas, area, 0, &asked(model, question));
            None
        }
        (None, Some(prompt)) => Some(typed(model, prompt, canvas, area)),
        (None, None) if model.form_takes_keys() => {
            form_keys(model, canvas, area);
            None
        }
        (None, None) => {
            hints(model, canvas, area);
            None
        }
    }
}

/// The keys of a form.
fn form_keys(model: &Model, canvas: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let writes = model.form.as_ref().is_some_and(|form| matches!(form.kind, FormKind::Job(_)));
    let mut keys = vec![
        (theme.glyph("⏎", "Enter"), if writes { "save" } else { "confirm" }),
        ("Esc", "leave"),
        ("Tab", "next"),
        (theme.glyph("← →", "Left Right"), "choose"),
        ("S-Tab", "previous"),
    ];
    let cells = |keys: &[(&str, &str)]| {
        keys.iter().map(|(key, what)| width(key) + width(what) + 3).sum::<usize>()
    };
    while cells(&keys) > usize::from(area.width) && keys.len() > 1 {
        keys.pop();
    }
    let mut line = vec![Span::raw(" ")];
    for (key, what) in keys {
        line.push(Span::styled(key, theme.strong()));
        line.push(Span::styled(format!(" {what}  "), theme.quiet()));
    }
    put(canvas, area, 0, &Line::from(line));
}

fn asked(model: &Model, question: &Question) -> Line<'static> {
    let theme = model.theme;
    match question {
        Question::Each { what, lost, .. } => Line::from(vec![
            Span::styled(
                format!(" {what}?"),
                if lost.is_empty() { theme.care() } else { theme.bad() },
            ),
            Span::styled(" y/N ", theme.strong()),
            Span::styled(format!(" {lost}"), theme.quiet()),
        ]),
        Question::LeaveForm => Line::from(vec![
            Span::styled(" close the form?", theme.care()),
            Span::styled(" y/N ", theme.strong()),
            Span::styled(" your changes are lost", theme.quiet()),
        ]),
        Question::Quit(_) => {
            let keys = theme.glyph(
                "  ↑ ↓ select  ⏎ confirm  Esc stay",
                "  j k select  Enter confirm  Esc stay",
            );
            Line::from(vec![
                Span::styled(" Leave: choose one", theme.strong()),
                Span::styled(keys, theme.quiet()),
            ])
        }
        Question::Cancel(executions) => {
            let what = match executions.as_slice() {
                [one] => format!("{} {} ({})", one.job_id, one.id.short(), one.state.name()),
                many => format!("{} executions", many.len()),
            };
            Line::from(vec![
                Span::styled(format!(" cancel {what}?"), theme.bad()),
                Span::styled(" y/N ", theme.strong()),
                Span::styled(" its work so far is lost", theme.quiet()),
            ])
        }
    }
}

fn typed(model: &Model, prompt: &Prompt, canvas: &mut Buffer, area: Rect) -> Position {
    let (sign, hint) = match prompt.purpose {
        Purpose::Filter => ("/", "words, !word, state:failed, job:etl, tag:db"),
        Purpose::Search => ("search /", ""),
        Purpose::Palette => (":", ""),
        Purpose::SaveAs => ("save as ", ""),
        Purpose::WhyAt => ("why at ", PAST_HINT),
    };
    let start = 1 + width(sign);
    let room = usize::from(area.width).saturating_sub(start + 1).max(1);
    let scroll = prompt.input.visual_scroll(room);
    let text: String = visible(prompt.input.value(), scroll, room);
    let mut line = vec![Span::raw(" "), Span::styled(sign, model.theme.strong()), Span::raw(text)];
    let problem = model.filter_problem().filter(|_| prompt.purpose == Purpose::Filter);
    if prompt.input.value().is_empty() {
        line.push(Span::styled(hint, model.theme.quiet()));
    } else if let Some(problem) = problem {
        line.push(Span::styled(format!("  {}", clean(&problem)), model.theme.bad()));
    }
    put(canvas, area, 0, &Line::from(line));
    let x = start + prompt.input.visual_cursor().saturating_sub(scroll);
    let x = u16::try_from(x).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
    Position { x: area.x + x, y: area.y }
}

/// The part of a text that begins after `skip` cells and takes at most `room`.
pub(super) fn visible(text: &str, skip: usize, room: usize) -> String {
    let mut at = 0;
    let mut kept = String::new();
    let mut buffer = [0; 4];
    for c in text.chars() {
        let cells = width(c.encode_utf8(&mut buffer));
        if at >= skip && at + cells <= skip + room {
            kept.push(c);
        }
        at += cells;
    }
    kept
}

/// Whether there is nothing in the list that a key could be about.
fn is_empty(model: &Model) -> bool {
    let rows = match model.tab {
        _ if !model.layers.is_empty() => 1,
        Tab::Jobs => model.jobs.rows().len(),
        Tab::Executions => model.executions.rows().len(),
        Tab::Workers => model.workers.rows().len(),
        Tab::System => 1,
    };
    rows == 0
}

fn hints(model: &Model, canvas: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let newest = model.notices.back().filter(|notice| notice.is_fresh(model.now));
    let notice = newest.map(|notice| {
        let (sign, style) = match notice.severity {
            Severity::Info => ("", Style::new()),
            Severity::Warning => (theme.glyph("⚠ ", "! "), theme.care()),
            Severity::Error => (theme.glyph("⚠ ", "! "), theme.bad()),
        };
        // It is read in full, as far as that goes beside the way to the keys; `:notices` keeps all of it.
        let room = usize::from(area.width).saturating_sub(11);
        let text = format!("{sign}{}", clean(&notice.text));
        Line::styled(format!("{} ", fit_words(&text, room, theme.ellipsis())), style)
    });
    let taken = notice.as_ref().map_or(0, |line| line.width() + 2);
    let room = usize::from(area.width).saturating_sub(taken);
    let mut shown: Vec<(String, &str)> = Vec::new();
    if model.tab == Tab::Jobs && is_empty(model) && model.may(Role::Admin) {
        shown.push((model.way(Action::NewJob), "new job"));
    }
    for (binding, keys) in model.keymap.valid(model.key_context()) {
        if is_empty(model) && !binding.serves_an_empty_list() {
            continue;
        }
        if let (Some(hint), Some(key)) = (binding.hint, keys.first()) {
            let name = key.name();
            let name = if name == "Enter" { theme.glyph("⏎", "Enter").to_owned() } else { name };
            shown.push((name, hint));
        }
    }
    // The way to all other keys is the last to go.
    let cells = |shown: &[(String, &str)]| {
        shown.iter().map(|(key, hint)| width(key) + width(hint) + 3).sum::<usize>()
    };
    while cells(&shown) > room && shown.len() > 1 {
        shown.remove(shown.len() - 2);
    }
    let mut line = vec![Span::raw(" ")];
    for (key, hint) in shown {
        line.push(Span::styled(key, theme.strong()));
        line.push(Span::styled(format!(" {hint}  "), theme.quiet()));
    }
    put(canvas, area, 0, &Line::from(line));
    if let Some(notice) = notice {
        put_right(canvas, area, 0, &notice);
    }
}
