//! The keys, as one table: dispatch, footer, help and palette all read it, so they cannot disagree.
//!
//! Owns which key means which action where. Never carries anything out. Nothing is reachable only
//! by F-keys, Alt, or a key that tmux, screen, flow control or the shell would take (`^a ^b ^s ^q
//! ^z`). It is long because it is one table.

use crossterm::event::KeyCode;

use super::action::{Action, role_of};
use super::key::{Key, ctrl, key, named};
use super::scope::{Scope, Tab};
use crate::model::Role;
use crate::tui::cursor::Move;
use crate::tui::theme::Palette;

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Binding {
    /// Its keys, where the config file gives no others; none = by the palette only.
    pub(crate) keys: &'static [Key],
    pub(crate) action: Action,
    pub(crate) scope: Scope,
    /// Its name in the palette.
    pub(crate) name: &'static str,
    /// What it does, for the help.
    pub(crate) help: &'static str,
    /// Its word in the footer, where it stands there.
    pub(crate) hint: Option<&'static str>,
    /// Who may do it: for others it is not there.
    pub(crate) role: Role,
}

const fn bind(
    keys: &'static [Key],
    action: Action,
    scope: Scope,
    name: &'static str,
    help: &'static str,
) -> Binding {
    Binding { keys, action, scope, name, help, hint: None, role: role_of(action) }
}

impl Binding {
    const fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

impl Binding {
    /// Whether it does anything where the list is empty: what narrows it can be changed, and one
    /// can go elsewhere.
    pub(crate) fn serves_an_empty_list(&self) -> bool {
        matches!(self.action, Action::Filter | Action::OnlyWrong | Action::Palette | Action::Help)
    }
}

/// The table. Its order is that of footer and help.
pub(crate) const BINDINGS: &[Binding] = &[
    bind(&[named(KeyCode::Enter)], Action::Apply, Scope::PLAN, "apply", "apply the changes")
        .hint("apply"),
    bind(
        &[named(KeyCode::Enter)],
        Action::Open,
        Scope::JOBS.and(Scope::EXECUTIONS).and(Scope::WORKERS),
        "open",
        "open",
    )
    .hint("open"),
    bind(
        &[named(KeyCode::Enter)],
        Action::Open,
        Scope::JOB.and(Scope::WORKER),
        "executions",
        "its executions",
    )
    .hint("executions"),
    bind(&[named(KeyCode::Enter)], Action::ShowOutput, Scope::EXECUTION, "read", "its output"),
    bind(&[key('r')], Action::Run, OF_ANY, "run", "run the job now").hint("run"),
    bind(
        &[key('R')],
        Action::RunWith,
        OF_ANY,
        "run-with",
        "run the job now: with arguments, with dependencies, past overlap",
    ),
    bind(&[], Action::RunForced, OF_ANY, "run-forced", "run the job now, past its overlap policy"),
    bind(&[key('l')], Action::ShowOutput, OF_LISTED, "output", "output of the newest attempt")
        .hint("output"),
    bind(&[key('x')], Action::CancelExecution, OF_ANY, "cancel", "cancel the execution (asks)")
        .hint("cancel"),
    bind(
        &[named(KeyCode::Enter)],
        Action::RollBack,
        Scope::VERSIONS,
        "roll-back",
        "roll back to this version: shows what would change",
    )
    .hint("roll back"),
    bind(&[key('p')], Action::Pause, Scope::OF_JOB, "pause", "pause the schedule, or resume it")
        .hint("pause"),
    bind(
        &[key('P')],
        Action::PauseUntil,
        Scope::OF_JOB,
        "pause-until",
        "pause until when, and why",
    ),
    bind(
        &[key('K')],
        Action::SkipNext,
        Scope::OF_JOB,
        "skip-next",
        "skip the next fire time, and only that; or do not, after all",
    ),
    bind(
        &[key('a')],
        Action::Acknowledge,
        OF_LISTED,
        "acknowledge",
        "note that a failure is known: it no longer counts as failing",
    ),
    bind(
        &[key('D')],
        Action::Drain,
        OF_WORKER,
        "drain",
        "the worker takes no more attempts, or takes them again",
    )
    .hint("drain"),
    bind(&[], Action::Capacity, OF_WORKER, "capacity", "how many attempts the worker runs at once"),
    bind(&[key('e')], Action::EditForm, Scope::OF_JOB, "edit", "change the job in a form")
        .hint("edit"),
    bind(&[key('E')], Action::Editor, Scope::OF_JOB, "editor", "open $EDITOR at the job's line"),
    bind(&[key('n')], Action::NewJob, Scope::LISTS, "new", "define a new job"),
    bind(
        &[key('V')],
        Action::Versions,
        Scope::OF_JOB,
        "versions",
        "versions of the job; roll back",
    ),
    bind(&[], Action::Enable, Scope::OF_JOB, "enable", "`enabled: true` in the definition"),
    bind(&[], Action::Disable, Scope::OF_JOB, "disable", "`enabled: false` in the definition"),
    bind(&[], Action::Delete, Scope::OF_JOB, "delete", "delete the job (shows the diff, asks)"),
    bind(&[key('z')], Action::Undo, Scope::ALL, "undo", "undo the last action of yours"),
    bind(&[key('w')], Action::Why, OF_LISTED, "why", "why it runs, waits, or does not").hint("why"),
    bind(
        &[key('W')],
        Action::WhyAt,
        OF_LISTED,
        "why-at",
        "why the job ran, or did not, at a time that you name",
    ),
    bind(&[], Action::Retry, OF_RUN, "retry", "run a final execution again"),
    bind(&[key('f')], Action::Follow, Scope::OUTPUT, "follow", "stay with the newest line")
        .hint("follow"),
    bind(&[key('w')], Action::Wrap, Scope::OUTPUT, "wrap", "break long lines").hint("wrap"),
    bind(&[key('t')], Action::Stamps, Scope::OUTPUT, "timestamps", "when each line came")
        .hint("times"),
    bind(&[key('/')], Action::Search, Scope::OUTPUT, "search", "search").hint("search"),
    bind(&[key('n')], Action::NextMatch, Scope::OUTPUT, "next-match", "next match"),
    bind(&[key('N')], Action::PreviousMatch, Scope::OUTPUT, "previous-match", "previous match"),
    bind(&[key('e')], Action::NextError, Scope::OUTPUT, "next-error", "next line with an error")
        .hint("error"),
    bind(
        &[key('E')],
        Action::PreviousError,
        Scope::OUTPUT,
        "previous-error",
        "line with an error before",
    ),
    bind(&[key('o')], Action::Save, Scope::OUTPUT, "save", "write it to a file").hint("save"),
    bind(&[key(']')], Action::NextAttempt, Scope::OUTPUT, "next-attempt", "next attempt"),
    bind(&[key('[')], Action::PreviousAttempt, Scope::OUTPUT, "previous-attempt", "attempt before"),
    bind(&[named(KeyCode::Left)], Action::ScrollLeft, Scope::OUTPUT, "left", "scroll left"),
    bind(&[named(KeyCode::Right)], Action::ScrollRight, Scope::OUTPUT, "right", "scroll right"),
    bind(
        &[key('/')],
        Action::Filter,
        Scope::JOBS.and(Scope::EXECUTIONS),
        "filter",
        "filter: words, !word, state:failed, job:etl, tag:db",
    )
    .hint("filter"),
    bind(
        &[key('F')],
        Action::OnlyWrong,
        Scope::JOBS.and(Scope::EXECUTIONS),
        "only-wrong",
        "only what is wrong",
    )
    .hint("wrong"),
    bind(&[key(' ')], Action::Mark, MARKED, "mark", "mark: r, x, p, y then take all marked")
        .hint("mark"),
    bind(&[key('v')], Action::MarkRange, MARKED, "mark-range", "mark from the last mark to here"),
    bind(&[key('s')], Action::NextOrder, SORTED, "sort", "sort by the next column").hint("sort"),
    bind(
        &[key('S')],
        Action::Reverse,
        SORTED.and(Scope::EXECUTIONS),
        "reverse",
        "reverse the order",
    ),
    bind(&[key('t')], Action::Tree, Scope::JOBS, "tree", "each job under what it waits for")
        .hint("tree"),
    bind(
        &[key('Z')],
        Action::Zoom,
        MARKED.and(Scope::WORKERS),
        "zoom",
        "details on the whole screen; j and k go on",
    ),
    bind(
        &[key('y')],
        Action::Copy,
        COPIED,
        "copy",
        "copy the id; of an opened job its YAML, of an output the first line in sight",
    ),
    bind(
        &[ctrl('r')],
        Action::Reload,
        Scope::ALL.but(Scope::PLAN),
        "reload",
        "reload jobs.yaml: shows what would change",
    ),
    bind(&[key('1')], Action::Go(Tab::Jobs), Scope::ALL, "jobs", "Jobs"),
    bind(&[key('2')], Action::Go(Tab::Executions), Scope::ALL, "all-executions", "Executions"),
    bind(&[key('3')], Action::Go(Tab::Workers), Scope::ALL, "workers", "Workers"),
    bind(&[key('4')], Action::Go(Tab::System), Scope::ALL, "system", "System"),
    bind(&[named(KeyCode::Tab)], Action::NextTab, Scope::ALL, "next-tab", "next tab"),
    bind(&[named(KeyCode::BackTab)], Action::PreviousTab, Scope::ALL, "previous-tab", "tab before"),
    bind(&[key(']')], Action::NextTab, NOT_OUTPUT, "tab-right", "next tab"),
    bind(&[key('[')], Action::PreviousTab, NOT_OUTPUT, "tab-left", "tab before"),
    bind(&[key('j'), named(KeyCode::Down)], DOWN, Scope::ALL, "down", "down"),
    bind(&[key('k'), named(KeyCode::Up)], UP, Scope::ALL, "up", "up"),
    bind(&[key('g'), named(KeyCode::Home)], FIRST, Scope::ALL, "first", "to the beginning"),
    bind(&[key('G'), named(KeyCode::End)], LAST, Scope::ALL, "last", "to the end"),
    bind(
        &[ctrl('d')],
        Action::Move(Move::HalfPages(1)),
        Scope::ALL,
        "half-down",
        "half a page down",
    ),
    bind(&[ctrl('u')], Action::Move(Move::HalfPages(-1)), Scope::ALL, "half-up", "half a page up"),
    bind(&[named(KeyCode::PageDown)], PAGE_DOWN, Scope::ALL, "page-down", "a page down"),
    bind(&[named(KeyCode::PageUp)], PAGE_UP, Scope::ALL, "page-up", "a page up"),
    bind(
        &[key(':'), ctrl('k'), ctrl('p')],
        Action::Palette,
        Scope::ALL,
        "palette",
        "any action by its name",
    )
    .hint("command"),
    bind(&[], Action::Utc, Scope::ALL, "utc", "times in UTC, or in your zone again"),
    bind(&[], Action::Mouse, Scope::ALL, "mouse", "rows, tabs and wheel by mouse, or no longer"),
    bind(&[], Action::Theme(Palette::Dark), Scope::ALL, "theme-dark", "colours for a dark ground"),
    bind(&[], Action::Theme(Palette::Light), Scope::ALL, "theme-light", "for a light ground"),
    bind(&[], THEME_CONTRAST, Scope::ALL, "theme-high-contrast", "nothing is dimmed"),
    bind(&[], THEME_BLIND, Scope::ALL, "theme-colour-blind", "colours without red and green"),
    bind(&[], Action::Notices, Scope::ALL, "notices", "past notices"),
    bind(&[ctrl('l')], Action::Repaint, Scope::ALL, "repaint", "paint everything anew"),
    bind(
        &[named(KeyCode::Esc)],
        Action::Close,
        Scope::LISTS,
        "clear",
        "clears marks, then filter and F",
    ),
    bind(&[named(KeyCode::Esc)], Action::Close, NOT_LIST, "close", "close").hint("close"),
    bind(&[key('q'), ctrl('c')], Action::Back, Scope::ALL, "quit", "back; at the top: quit"),
    bind(&[key('?')], Action::Help, Scope::ALL.but(Scope::PAPER), "keys", "the keys valid here")
        .hint("keys"),
];

const OF_ANY: Scope = Scope::OF_JOB.and(Scope::OF_EXECUTION).and(Scope::OUTPUT);
const OF_RUN: Scope = Scope::OF_EXECUTION.and(Scope::OUTPUT);
const OF_WORKER: Scope = Scope::WORKERS.and(Scope::WORKER);
const OF_LISTED: Scope = Scope::OF_JOB.and(Scope::OF_EXECUTION);
const COPIED: Scope = OF_ANY.and(Scope::WORKERS).and(Scope::WORKER);
const MARKED: Scope = Scope::JOBS.and(Scope::EXECUTIONS);
const SORTED: Scope = Scope::JOBS.and(Scope::WORKERS);
const NOT_LIST: Scope = Scope::ALL.but(Scope::LISTS);
const NOT_OUTPUT: Scope = Scope::ALL.but(Scope::OUTPUT);
const THEME_CONTRAST: Action = Action::Theme(Palette::HighContrast);
const THEME_BLIND: Action = Action::Theme(Palette::ColourBlind);
const DOWN: Action = Action::Move(Move::By(1));
const UP: Action = Action::Move(Move::By(-1));
const FIRST: Action = Action::Move(Move::First);
const LAST: Action = Action::Move(Move::Last);
const PAGE_DOWN: Action = Action::Move(Move::Pages(1));
const PAGE_UP: Action = Action::Move(Move::Pages(-1));
