//! The System tab: the engine, today's counts, what comes next, the event log.

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::canvas::{joined, put};
use super::jobs::{ASCII_BARS, BARS};
use crate::driver::EngineInfo;
use crate::model::{Event, Health, Severity};
use crate::tui::cursor::Move;
use crate::tui::keys::Action;
use crate::tui::layout;
use crate::tui::model::load::{Minute, SLOT};
use crate::tui::model::{Link, Model};
use crate::tui::text::{clean, countdown, fire_time, fit, fit_words, instant, moment, took};
use crate::tui::theme::Theme;

/// Cells of their labels.
const LABEL: usize = 16;

/// Draws the tab.
pub(super) fn draw(model: &Model, canvas: &mut Buffer, area: Rect) {
    let parts = layout::system(area);
    engine(model, canvas, parts.engine);
    today(model, canvas, parts.today);
    load(model, canvas, parts.load);
    upcoming(model, canvas, parts.upcoming);
    events(model, canvas, parts.events);
}

/// What ended and how late it began in the last hour, and where fire times pile up in the next day.
fn load(model: &Model, canvas: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let hour: Vec<Option<Minute>> = model.system.load.hour(model.now).collect();
    let ended: Vec<Option<u64>> = hour.iter().map(|it| it.map(|it| it.ended)).collect();
    let late = |it: &Option<Minute>| {
        let late = it.as_ref().map(|it| it.late.map_or(0, |late| late.num_milliseconds().max(0)));
        late.and_then(|late| u64::try_from(late).ok())
    };
    let late: Vec<Option<u64>> = hour.iter().map(late).collect();
    let sum: u64 = ended.iter().flatten().sum();
    let most = ended.iter().flatten().max().copied().unwrap_or(0);
    let worst = late.iter().flatten().max().copied().unwrap_or(0);
    let worst = took(chrono::TimeDelta::milliseconds(i64::try_from(worst).unwrap_or(i64::MAX)));
    let finished_text = format!("{sum} in the last hour, at most {most} per minute");
    row(model, canvas, area, 1, ("finished", bars(theme, &ended), finished_text));
    row(model, canvas, area, 2, ("start delay", bars(theme, &late), format!("max {worst}")));
    let Some(timeline) = &model.system.timeline else {
        return;
    };
    let slots: Vec<Option<u64>> = timeline.slots.iter().copied().map(Some).collect();
    // Those that fire all day are not among the bars.
    let shown_text = match (timeline.peak(), timeline.frequent) {
        (None, 0) => "nothing fires".to_owned(),
        (None, all_day) => format!("{all_day} fire each minute"),
        (Some((at, most)), 0) => format!("peak {}: {most}", clock(model, at)),
        (Some((at, most)), all_day) => {
            format!("peak {}: {most} + {all_day} each minute", clock(model, at))
        }
    };
    row(model, canvas, area, 4, ("next 24 h", bars(theme, &slots), shown_text));
    let mut hours = String::new();
    for slot in (0..slots.len()).step_by(8) {
        let seconds = i64::try_from(slot).unwrap_or(0) * SLOT;
        let at = timeline.from + chrono::TimeDelta::seconds(seconds);
        hours.push_str(&format!("{:<8}", clock(model, at)));
    }
    let line = format!("{}{hours}", " ".repeat(LABEL));
    put(canvas, area, 5, &Line::styled(line, theme.quiet()));
}

fn clock(model: &Model, at: DateTime<Utc>) -> String {
    at.with_timezone(&model.zone()).format("%H:%M").to_string()
}

/// A label, bars, and what they come to.
fn row(
    model: &Model,
    canvas: &mut Buffer,
    area: Rect,
    at: usize,
    (name, bars, shown_text): (&str, String, String),
) {
    let room = usize::from(area.width).saturating_sub(LABEL + bars.chars().count() + 2);
    let shown_text =
        if room < 12 { "".into() } else { fit(&shown_text, room, model.theme.ellipsis()) };
    let line = Line::from(vec![
        Span::styled(format!("   {name:<0$}", LABEL - 3), model.theme.quiet()),
        Span::styled(bars, model.theme.busy()),
        Span::styled(format!("  {shown_text}"), model.theme.quiet()),
    ]);
    put(canvas, area, at, &line);
}

/// Each as tall as it is beside the greatest; what is not known is blank.
fn bars(theme: Theme, values: &[Option<u64>]) -> String {
    let most = values.iter().flatten().max().copied().unwrap_or(0).max(1);
    let bar = |value: &Option<u64>| match value {
        None => " ",
        Some(0) => theme.glyph("·", "."),
        Some(value) => {
            let level = usize::try_from(value.saturating_mul(7) / most).unwrap_or(7).min(7);
            theme.glyph(BARS[level], ASCII_BARS[level])
        }
    };
    values.iter().map(bar).collect()
}

fn title(model: &Model, text: &str) -> Line<'static> {
    Line::styled(format!(" {text}"), model.theme.quiet())
}

/// Who leads: whoever answers, or the one that it stands by for.
fn leader(engine: &EngineInfo) -> String {
    let (host, pid) = match &engine.leader {
        Some(leader) => (&leader.host, leader.pid),
        None => (&engine.host, engine.pid),
    };
    format!("{}, pid {pid}", clean(host))
}

fn engine(model: &Model, canvas: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let engine = &model.world.engine;
    let state = match &model.link {
        Link::Up => {
            let version = clean(&engine.version);
            match &model.world.health {
                Health::Ok => Span::styled(format!("ok, version {version}"), theme.good()),
                Health::Degraded { problems } => {
                    let problems = problems.join("; ");
                    Span::styled(format!("degraded: {}", clean(&problems)), theme.bad())
                }
                Health::Down { problems } => {
                    let problems = problems.join("; ");
                    Span::styled(format!("down: {}", clean(&problems)), theme.bad())
                }
            }
        }
        Link::Down(why) => Span::styled(format!("disconnected: {}", clean(why)), theme.bad()),
    };
    let file = match &engine.file.path {
        Some(path) => {
            format!("{}{}", clean(path), if engine.file.changed { " (changed)" } else { "" })
        }
        None if engine.file.sample => "built-in sample".to_owned(),
        None => "none".to_owned(),
    };
    let listen = engine.listen.as_deref().unwrap_or("socket only");
    let rows: [(&str, Span<'_>); 7] = [
        ("engine", state),
        ("leader", Span::raw(leader(engine))),
        ("since", Span::raw(instant(model.zone(), engine.started_at))),
        ("store", Span::raw(clean(&engine.store))),
        ("data", Span::raw(clean(&engine.data_dir))),
        ("http", Span::raw(clean(listen))),
        ("jobs", Span::raw(file)),
    ];
    put(canvas, area, 0, &title(model, "engine"));
    for (at, (name, value)) in rows.into_iter().enumerate() {
        let room = usize::from(area.width).saturating_sub(14);
        let text = fit_words(&value.content, room, theme.ellipsis()).into_owned();
        let line = Line::from(vec![
            Span::styled(format!("   {name:<9} "), theme.quiet()),
            Span::styled(text, value.style),
        ]);
        put(canvas, area, at + 1, &line);
    }
}

fn today(model: &Model, canvas: &mut Buffer, area: Rect) {
    let theme = model.theme;
    put(canvas, area, 0, &title(model, "executions today"));
    let counts: Vec<_> = model.system.counts.iter().filter(|(_, count)| *count > 0).collect();
    if counts.is_empty() {
        put(canvas, area, 1, &Line::styled("   none", theme.quiet()));
    }
    let rows = usize::from(area.height.saturating_sub(1));
    // Where there are more states than rows, the last ones share the last row.
    let alone = if counts.len() > rows { rows.saturating_sub(1) } else { counts.len() };
    for (at, (state, count)) in counts.iter().take(alone).enumerate() {
        let badge = theme.state(*state);
        let line = Line::from(vec![
            Span::styled(format!("   {} {:<10}", badge.glyph, badge.word), badge.style),
            Span::raw(format!("{count:>8}")),
        ]);
        put(canvas, area, at + 1, &line);
    }
    let shared = counts.iter().skip(alone).map(|(state, count)| {
        let badge = theme.state(*state);
        Span::styled(format!("{} {count} {}", badge.glyph, badge.word), badge.style)
    });
    let mut line = vec![Span::raw("   ")];
    line.extend(joined(shared, "  "));
    put(canvas, area, alone + 1, &Line::from(line));
}

fn upcoming(model: &Model, canvas: &mut Buffer, area: Rect) {
    put(canvas, area, 0, &title(model, "next"));
    let rows = usize::from(area.height.saturating_sub(2));
    let mut next: Vec<_> = model
        .world
        .jobs()
        .iter()
        .filter_map(|job| job.next_fire_time.map(|at| (at, &job.definition.id)))
        .filter(|(at, _)| *at - model.now <= chrono::TimeDelta::hours(24))
        .collect();
    if next.len() > rows && rows > 0 {
        // Only the nearest are shown: no need to order thousands.
        next.select_nth_unstable(rows - 1);
        next.truncate(rows);
    }
    next.sort();
    if next.is_empty() {
        let line = Line::styled("   nothing within 24 hours", model.theme.quiet());
        put(canvas, area, 1, &line);
    }
    for (row, (at, id)) in next.into_iter().enumerate().take(rows) {
        let line = Line::from(vec![
            Span::raw(format!("   {:<24}", fire_time(model.zone(), model.now, at))),
            Span::styled(format!("{:>7}  ", countdown(model.now, at)), model.theme.quiet()),
            Span::raw(id.as_str()),
        ]);
        put(canvas, area, row + 1, &line);
    }
}

fn events(model: &Model, canvas: &mut Buffer, area: Rect) {
    let newer = match model.system.newer {
        0 => String::new(),
        count => {
            let first = model.way(Action::Move(Move::First));
            format!("{}{count} newer: {first} shows them", model.theme.dot())
        }
    };
    put(canvas, area, 0, &title(model, &format!("events{newer}")));
    let rows = usize::from(area.height.saturating_sub(1));
    let events = &model.system.events;
    for (at, event) in events.iter().skip(model.system.scroll).take(rows).enumerate() {
        put(canvas, area, at + 1, &event_line(model, event, usize::from(area.width)));
    }
}

fn event_line(model: &Model, event: &Event, width: usize) -> Line<'static> {
    let theme = model.theme;
    let style = match event.kind.severity() {
        Severity::Info => ratatui::style::Style::new(),
        Severity::Warning => theme.care(),
        Severity::Error => theme.bad(),
    };
    let when = moment(model.zone(), model.now, event.at);
    let who = event.actor.as_str();
    let who = if who == "engine" { String::new() } else { format!(" by {}", clean(who)) };
    let sentence = event.kind.sentence();
    let text = format!("{}{who}", clean(&sentence));
    let text = fit(&text, width.saturating_sub(18), theme.ellipsis()).into_owned();
    Line::from(vec![
        Span::styled(format!("   {when:<12}  "), theme.quiet()),
        Span::styled(text, style),
    ])
}
