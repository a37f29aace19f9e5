//! Details of a job, an execution, a worker: title and lines, for the pane and for the whole screen
//! alike.

use chrono::TimeDelta;
use ratatui::text::{Line, Span};

use super::canvas::joined;
use super::executions::{duration, late, trigger};
use super::graph::{self, Way};
use super::jobs::{badge_of, sparkline};
use super::output;
use super::pager::broken;
use crate::model::{
    Attempt, Execution, JobId, JobStatus, LedgerFate, Outcome, Role, Source, StateName,
};
use crate::tui::keys::Action;
use crate::tui::message::JobFacts;
use crate::tui::model::jobs::schedule;
use crate::tui::model::{Details, Model, Output, World};
use crate::tui::text::{ago, clean, countdown, fire_time, instant, moment, running_for, took};

/// Lines of output under an execution's details.
const TAIL: usize = 200;

/// Title and lines.
pub(super) type Page<'a> = (Line<'a>, Vec<Line<'a>>);

/// A job.
pub(super) fn job<'a>(model: &'a Model, id: &'a JobId, width: usize) -> Page<'a> {
    let Some(job) = model.world.job(id) else {
        let gone = Line::styled(" no longer defined; its history is kept", model.theme.quiet());
        return (title(model, id.as_str(), ""), vec![gone]);
    };
    let mut lines = summary(model, job);
    let details = model.details.as_ref().filter(|details| details.job == *id);
    let facts = details.and_then(|details| details.facts.as_ref());
    // What went wrong before all that is good to know.
    let wrong = World::has_failed(job);
    if let (true, Some(facts)) = (wrong, facts) {
        failure(model, facts, width, &mut lines);
        executions(model, facts, width, &mut lines);
    }
    neighbours(model, job, &mut lines);
    if let Some(facts) = facts {
        next_fire_times(model, facts, &mut lines);
        if !wrong {
            executions(model, facts, width, &mut lines);
        }
        passed(model, facts, &mut lines);
    }
    if let Some(Details { definition, .. }) = details {
        section(model, "definition", &mut lines);
        lines.extend(definition.iter().map(|line| Line::from(format!("   {}", clean(line)))));
    }
    let name = job.definition.name.as_deref().unwrap_or_default();
    (title(model, id.as_str(), name), lines)
}

pub(super) fn title<'a>(model: &Model, id: &'a str, name: &'a str) -> Line<'a> {
    Line::from(vec![
        Span::styled(format!(" {id}"), model.theme.strong()),
        Span::styled(format!("  {}", clean(name)), model.theme.quiet()),
    ])
}

pub(super) fn section(model: &Model, name: &str, lines: &mut Vec<Line<'_>>) {
    lines.push(Line::default());
    lines.push(Line::styled(format!(" {name}"), model.theme.quiet()));
}

/// ` name      value`.
pub(super) fn fact<'a>(model: &Model, name: &str, value: impl Into<Span<'a>>) -> Line<'a> {
    let name = Span::styled(format!("   {name:<10} "), model.theme.quiet());
    Line::from(vec![name, value.into()])
}

fn summary<'a>(model: &'a Model, job: &'a JobStatus) -> Vec<Line<'a>> {
    let theme = model.theme;
    let badge = badge_of(theme, model.world.condition(job));
    let next = job.next_fire_time.map(|at| format!("next in {}", countdown(model.now, at)));
    let state = Span::styled(format!("{} {}", badge.glyph, badge.word), badge.style);
    let words = Span::raw(schedule(job, model.zone()));
    let parts = [state, words, Span::raw(next.unwrap_or_default())];
    let mut first = vec![Span::raw(" ")];
    first.extend(joined(parts, theme.dot()));
    let mut lines = vec![Line::from(first)];
    if let Some(text) = &job.definition.description {
        lines.push(Line::styled(format!(" {}", clean(text)), theme.quiet()));
    }
    if let Some(pause) = &job.paused {
        let until = pause.until.map_or_else(String::new, |until| {
            format!(" until {}", fire_time(model.zone(), model.now, until))
        });
        let why = pause.reason.as_ref().map_or_else(String::new, |why| format!(": {}", clean(why)));
        let text = format!(" paused {} by {}{until}{why}", ago(model.now, pause.at), pause.by);
        lines.push(Line::styled(text, theme.care()));
    }
    operators_word(model, job, &mut lines);
    let source = match job.source {
        Source::File => "jobs.yaml",
        Source::Api => "the API",
    };
    let versions = if job.version > 1 {
        format!(" ({} shows all)", model.way(Action::Versions))
    } else {
        String::new()
    };
    lines.push(fact(model, "from", format!("{source}, version {}{versions}", job.version)));
    lines
}

/// Why it is failing, and what can be done about it.
fn failure<'a>(model: &'a Model, facts: &JobFacts, width: usize, lines: &mut Vec<Line<'a>>) {
    let Some(failed) = facts.last_failure() else {
        return;
    };
    let theme = model.theme;
    let badge = theme.state(failed.state.name());
    let error = failed.attempt().and_then(Attempt::error);
    let at = moment(model.zone(), model.now, failed.finished_at.unwrap_or(failed.fire_time));
    let why = error.map_or_else(|| failed.reason.to_string(), str::to_owned);
    let why = clean(&why).into_owned();
    lines.push(Line::default());
    let shown_text = format!("{} {} {at}: {why}", badge.glyph, badge.word);
    lines.extend(broken(&shown_text, width).into_iter().map(|row| Line::styled(row, badge.style)));
    // The last words of the command say more than its exit code.
    let (_, window) = model.window();
    tail(model, failed, (width, lines.len() + window.max(12) / 3), lines);
    let way = |action| model.way(action);
    let (output, why) = (way(Action::ShowOutput), way(Action::Why));
    let mut ways = format!("   {output} output  {why} why");
    if model.may(Role::Operator) {
        let (run, known) = (way(Action::Run), way(Action::Acknowledge));
        ways.push_str(&format!("  {run} run  {known} acknowledge"));
    }
    lines.push(Line::styled(ways, theme.quiet()));
}

/// What operators have said about it beside pausing it.
fn operators_word(model: &Model, job: &JobStatus, lines: &mut Vec<Line<'_>>) {
    let theme = model.theme;
    if let Some(skip) = &job.skip_next {
        let at = fire_time(model.zone(), model.now, skip.fire_time);
        let text = format!(
            " {} skips {at}: asked {} by {}{}",
            theme.glyph("↷", ">"),
            ago(model.now, skip.at),
            clean(skip.by.as_str()),
            if model.may(Role::Operator) {
                format!(" ({} to undo)", model.way(Action::SkipNext))
            } else {
                String::new()
            }
        );
        lines.push(Line::styled(text, theme.care()));
    }
    // A failure is shown with its last words.
    if let Some(wrong) = job.wrong.as_ref().filter(|wrong| !wrong.kind.is_failure()) {
        let since = moment(model.zone(), model.now, wrong.since);
        let (glyph, reason) = (theme.glyph("✗", "x"), clean(&wrong.reason).into_owned());
        let text = format!(" {glyph} wrong since {since}: {reason}");
        lines.push(Line::styled(text, theme.bad()));
    }
    if let Some(known) = &job.acknowledged {
        let until = known.until.map_or_else(String::new, |until| {
            format!(" until {}", fire_time(model.zone(), model.now, until))
        });
        let note = known.note.as_ref().map_or_else(String::new, |it| format!(": {}", clean(it)));
        let text = format!(
            " {} acknowledged {} by {}{until}{note}",
            theme.glyph("⚑", "!"),
            ago(model.now, known.at),
            clean(known.by.as_str())
        );
        lines.push(Line::styled(text, theme.care()));
    }
}

/// What it waits for, and what waits for it.
fn neighbours(model: &Model, job: &JobStatus, lines: &mut Vec<Line<'_>>) {
    for (name, way) in [("depends on", Way::Up), ("dependents", Way::Down)] {
        let drawn = graph::draw(model, job, way);
        if !drawn.is_empty() {
            section(model, name, lines);
            lines.extend(drawn);
        }
    }
}

fn next_fire_times(model: &Model, facts: &JobFacts, lines: &mut Vec<Line<'_>>) {
    if facts.next.is_empty() {
        return;
    }
    section(model, "next fire times", lines);
    for at in &facts.next {
        lines.push(Line::from(vec![
            Span::raw(format!("   {:<26}", fire_time(model.zone(), model.now, *at))),
            Span::styled(countdown(model.now, *at), model.theme.quiet()),
        ]));
    }
}

fn executions<'a>(model: &'a Model, facts: &'a JobFacts, width: usize, lines: &mut Vec<Line<'a>>) {
    if facts.executions.is_empty() {
        return;
    }
    section(model, &format!("executions{}", rates(model, facts)), lines);
    let summaries: Vec<_> = facts.executions.iter().rev().map(|it| it.summary()).collect();
    let mut bars = vec![Span::raw("   ")];
    bars.extend(sparkline(model.theme, &summaries, width.saturating_sub(4).min(50)).spans);
    lines.push(Line::from(bars));
    for execution in facts.executions.iter().take(10) {
        // A live one is known better than it was read.
        let known = model.world.live_execution(execution.id).unwrap_or(execution);
        lines.push(execution_line(model, known));
    }
}

fn execution_line<'a>(model: &Model, execution: &'a Execution) -> Line<'a> {
    let badge = model.theme.state(execution.state.name());
    Line::from(vec![
        Span::styled(format!("   {} {:<10}", badge.glyph, badge.word), badge.style),
        Span::raw(format!("{:<14}", moment(model.zone(), model.now, execution.fire_time))),
        Span::raw(format!("{:>7}  ", duration(model, execution))),
        Span::styled(clean(&execution.reason.to_string()).into_owned(), model.theme.quiet()),
    ])
}

/// Of those that ran to their end by themselves: how many succeeded, and how long they took.
fn rates(model: &Model, facts: &JobFacts) -> String {
    let ran = |it: &&std::sync::Arc<Execution>| {
        matches!(it.state.name(), StateName::Succeeded | StateName::Failed | StateName::TimedOut)
    };
    let ran: Vec<_> = facts.executions.iter().filter(ran).collect();
    let good = ran.iter().filter(|it| it.state.name() == StateName::Succeeded).count();
    let mut lengths: Vec<TimeDelta> =
        ran.iter().filter_map(|it| Some(it.finished_at? - it.started_at?)).collect();
    lengths.sort();
    let at = |percent: usize| {
        let last = lengths.len().saturating_sub(1);
        lengths.get(last * percent / 100).map_or_else(String::new, |it| took(*it))
    };
    if ran.is_empty() || lengths.is_empty() {
        return String::new();
    }
    let dot = model.theme.dot();
    format!("{dot}{good} of {} succeeded{dot}p50 {}{dot}p95 {}", ran.len(), at(50), at(95))
}

/// Fire times that did not become executions.
fn passed(model: &Model, facts: &JobFacts, lines: &mut Vec<Line<'_>>) {
    if facts.ledger.is_empty() {
        return;
    }
    section(model, "fire times without an execution", lines);
    for range in facts.ledger.iter().take(5) {
        let fate = match range.fate {
            LedgerFate::Missed => "missed",
            LedgerFate::Paused => "paused",
            LedgerFate::Disabled => "disabled",
            LedgerFate::CalledOff => "called off",
            LedgerFate::TakenBack => "taken back",
        };
        let first = moment(model.zone(), model.now, range.first);
        let span = match range.count {
            1 => first,
            count => {
                format!("{count} from {first} to {}", moment(model.zone(), model.now, range.last))
            }
        };
        lines.push(Line::from(vec![
            Span::styled(format!("   {fate:<10}"), model.theme.care()),
            Span::raw(format!("{span}  ")),
            Span::styled(clean(&range.reason).into_owned(), model.theme.quiet()),
        ]));
    }
}

/// An execution.
/// Of its output as many of the last lines are taken as there is room for in `rows`.
pub(super) fn execution<'a>(
    model: &'a Model,
    execution: &'a Execution,
    width: usize,
    rows: usize,
) -> Page<'a> {
    let theme = model.theme;
    let badge = theme.state(execution.state.name());
    let title = Line::from(vec![
        Span::styled(format!(" {}", execution.job_id), theme.strong()),
        Span::styled(format!("  {}", execution.id.short()), theme.quiet()),
    ]);
    let state = Span::styled(format!("{} {}", badge.glyph, badge.word), badge.style);
    let stopping = execution.stopping().map(|it| format!("stopping: {}", it.reason));
    let why = stopping.unwrap_or_else(|| execution.reason.to_string());
    let why = Span::raw(clean(&why).into_owned());
    let parts = [state, Span::raw(duration(model, execution)), why];
    let mut first = vec![Span::raw(" ")];
    first.extend(joined(parts, theme.dot()));
    let mut lines = vec![Line::from(first)];
    let wrong = execution.state.name().is_failure();
    if wrong {
        // Why, and what can be done about it, before all that is good to know.
        let (_, window) = model.window();
        last_words(model, execution, (width, rows.min(window.max(8)) / 2), &mut lines);
        lines.push(Line::styled(remedies(model), theme.quiet()));
        lines.push(Line::default());
    }
    origin(model, execution, &mut lines);
    attempts(model, execution, &mut lines);
    section(model, "history", &mut lines);
    for step in &execution.history {
        let badge = theme.state(step.state);
        lines.push(Line::from(vec![
            Span::raw(format!("   {:<13}", moment(model.zone(), model.now, step.at))),
            Span::styled(format!("{} {:<10}", badge.glyph, badge.word), badge.style),
            Span::styled(clean(&step.reason.to_string()).into_owned(), theme.quiet()),
        ]));
    }
    if let Some(result) = &execution.result {
        section(model, "result", &mut lines);
        let text = serde_json::to_string_pretty(result).unwrap_or_default();
        lines.extend(text.lines().take(50).map(|line| Line::from(format!("   {}", clean(line)))));
    }
    if !wrong {
        tail(model, execution, (width, rows), &mut lines);
    }
    (title, lines)
}

/// What can be done about an execution that went wrong.
fn remedies(model: &Model) -> String {
    let way = |action| model.way(action);
    let (output, why) = (way(Action::ShowOutput), way(Action::Why));
    if !model.may(Role::Operator) {
        return format!("   {output} all output   {why} why");
    }
    let (run, retry) = (way(Action::Run), way(Action::Retry));
    format!("   {run} run the job   {output} all output   {why} why   {retry} retry this execution")
}

/// The end of the output of an execution that went wrong, or that there is none.
fn last_words<'a>(
    model: &'a Model,
    execution: &Execution,
    (width, rows): (usize, usize),
    lines: &mut Vec<Line<'a>>,
) {
    let before = lines.len();
    tail(model, execution, (width, rows), lines);
    let preview = model.preview.as_ref().filter(|it| it.key.execution_id == execution.id);
    if lines.len() == before && preview.is_none_or(Output::is_complete) {
        lines.push(Line::styled("   no output", model.theme.quiet()));
    }
    lines.push(Line::default());
}

/// The end of its output.
fn tail<'a>(
    model: &'a Model,
    execution: &Execution,
    (width, rows): (usize, usize),
    lines: &mut Vec<Line<'a>>,
) {
    let preview = model.preview.as_ref().filter(|it| it.key.execution_id == execution.id);
    let Some(preview) = preview.filter(|it| !it.lines().is_empty()) else {
        return;
    };
    section(model, &format!("output of attempt {}", preview.key.attempt), lines);
    let room = rows.saturating_sub(lines.len() + 1).min(TAIL);
    let mut shown: Vec<Line<'a>> = Vec::new();
    for line in preview.lines().iter().rev() {
        let rows = output::indented(model, line, width);
        if shown.len() + rows.len() > room {
            break;
        }
        shown.splice(0..0, rows);
    }
    if shown.len() < preview.lines().len() || !preview.is_complete() {
        let output = model.way(Action::ShowOutput);
        let more = format!("   {} {output} shows all", model.theme.ellipsis());
        lines.push(Line::styled(more, model.theme.quiet()));
    }
    lines.extend(shown);
}

fn origin<'a>(model: &Model, execution: &'a Execution, lines: &mut Vec<Line<'a>>) {
    let by = execution.requested_by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let forced = if execution.forced { ", forced past overlap" } else { "" };
    let why = format!("{}{}{forced}", trigger(execution.trigger), clean(&by));
    lines.push(fact(model, "trigger", why));
    lines.push(fact(model, "fire time", instant(model.zone(), execution.fire_time)));
    let late = late(execution);
    if !late.is_empty() {
        lines.push(fact(model, "late", late));
    }
    let priority = execution.priority.as_str();
    lines.push(fact(model, "priority", priority));
    if !execution.args.is_empty() {
        lines.push(fact(model, "arguments", clean(&execution.args.join(" ")).into_owned()));
    }
    if let Some(by) = &execution.cancelled_by {
        lines.push(fact(model, "cancelled", format!("by {}", clean(by.as_str()))));
    }
    if let Some(original) = execution.retry_of {
        lines.push(fact(model, "retry of", original.short()));
    }
}

fn attempts<'a>(model: &Model, execution: &'a Execution, lines: &mut Vec<Line<'a>>) {
    if execution.attempts.is_empty() {
        return;
    }
    section(model, "attempts", lines);
    lines.extend(execution.attempts.iter().map(|attempt| attempt_line(model, attempt)));
}

fn attempt_line<'a>(model: &Model, attempt: &'a Attempt) -> Line<'a> {
    let theme = model.theme;
    let (word, style) = match attempt.outcome() {
        None if attempt.started_at().is_none() => ("assigned", theme.care()),
        None => ("running", theme.busy()),
        Some(Outcome::Succeeded) => ("succeeded", theme.good()),
        Some(Outcome::TimedOut) => ("timed out", theme.bad()),
        Some(Outcome::Cancelled) => ("cancelled", theme.care()),
        Some(Outcome::WorkerLost) => ("worker lost", theme.bad()),
        Some(outcome) => (outcome.as_str(), theme.bad()),
    };
    let length = match (attempt.started_at(), attempt.finished_at()) {
        (Some(start), Some(end)) => took(end - start),
        (Some(start), None) => running_for(model.now, start),
        (None, _) => String::new(),
    };
    let at = attempt.started_at().unwrap_or(attempt.assigned_at);
    let code = attempt.exit_code().map_or_else(String::new, |code| format!("exit {code}"));
    // `exit code 3` needs no `exit 3` beside it.
    let shown_text = attempt.exit_code().map(|code| format!("exit code {code}"));
    let error = attempt.error().filter(|error| shown_text.as_deref() != Some(*error));
    let error = error.map(clean).unwrap_or_default();
    let mut line = vec![
        Span::styled(format!("   {:>2} ", attempt.number), theme.quiet()),
        Span::styled(format!("{word:<12}"), style),
        Span::raw(format!("{:<13}{length:>7}  ", moment(model.zone(), model.now, at))),
    ];
    let worker = Span::styled(attempt.worker_id.as_str(), theme.quiet());
    line.extend(joined([worker, Span::raw(code), Span::styled(error, style)], theme.dot()));
    Line::from(line)
}
