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
        matches!(
            self.action,
            Action::Filter
                | Action::OnlyWrong
                | Action::HideSkipped
                | Action::Palette
                | Action::Help
        )
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
        "show its executions",
    )
    .hint("executions"),
    bind(&[named(KeyCode::Enter)], Action::ShowOutput, Scope::EXECUTION, "read", "show its output"),
    bind(&[key('r')], Action::Run, OF_ANY, "run", "run the job now").hint("run"),
    bind(
        &[key('R')],
        Action::RunWith,
        OF_ANY,
        "run-with",
        "run the job now, with arguments, dependencies or past overlap",
    ),
    bind(
        &[],
        Action::RunForced,
        OF_ANY,
        "run-forced",
        "run the job now, ignoring its overlap policy",
    ),
    bind(
        &[key('l')],
        Action::ShowOutput,
        OF_LISTED,
        "output",
        "show the output of the newest attempt",
    )
    .hint("output"),
    bind(&[key('x')], Action::CancelExecution, OF_ANY, "cancel", "cancel the execution (asks)")
        .hint("cancel"),
    bind(
        &[named(KeyCode::Enter)],
        Action::RollBack,
        Scope::VERSIONS,
        "roll-back",
        "roll back to this version (shows the changes first)",
    )
    .hint("roll back"),
    bind(&[key('p')], Action::Pause, Scope::OF_JOB, "pause", "pause or resume the schedule")
        .hint("pause"),
    bind(
        &[key('P')],
        Action::PauseUntil,
        Scope::OF_JOB,
        "pause-until",
        "pause until a time, with a reason",
    ),
    bind(
        &[key('K')],
        Action::SkipNext,
        Scope::OF_JOB,
        "skip-next",
        "skip only the next fire time, or restore it",
    ),
    bind(
        &[key('a')],
        Action::Acknowledge,
        OF_LISTED,
        "acknowledge",
        "acknowledge what is wrong (it stops counting)",
    ),
    bind(&[key('D')], Action::Drain, OF_WORKER, "drain", "drain the worker, or resume it")
        .hint("drain"),
    bind(
        &[],
        Action::Capacity,
        OF_WORKER,
        "capacity",
        "set how many attempts the worker runs at once",
    ),
    bind(&[key('e')], Action::EditForm, Scope::OF_JOB, "edit", "edit the job in a form")
        .hint("edit"),
    bind(&[key('E')], Action::Editor, Scope::OF_JOB, "editor", "edit the job in $EDITOR"),
    bind(
        &[key('E')],
        Action::EditError,
        Scope::PAGE,
        "edit-error",
        "edit jobs.yaml at the line of the error",
    )
    .hint("edit"),
    bind(&[key('n')], Action::NewJob, Scope::LISTS, "new", "create a job"),
    bind(&[key('V')], Action::Versions, Scope::OF_JOB, "versions", "show the versions of the job"),
    bind(&[], Action::Enable, Scope::OF_JOB, "enable", "set `enabled: true` in the definition"),
    bind(&[], Action::Disable, Scope::OF_JOB, "disable", "set `enabled: false` in the definition"),
    bind(&[], Action::Delete, Scope::OF_JOB, "delete", "delete the job (shows the diff, asks)"),
    bind(&[key('z')], Action::Undo, Scope::ALL, "undo", "undo your last action"),
    bind(&[key('w')], Action::Why, OF_LISTED, "why", "explain why it runs, waits or does not run")
        .hint("why"),
    bind(
        &[key('W')],
        Action::WhyAt,
        OF_LISTED,
        "why-at",
        "explain why the job ran or did not run at a time",
    ),
    bind(&[], Action::Retry, OF_RUN, "retry", "retry a finished execution"),
    bind(&[key('f')], Action::Follow, Scope::OUTPUT, "follow", "follow the newest line")
        .hint("follow"),
    bind(&[key('w')], Action::Wrap, Scope::OUTPUT, "wrap", "wrap long lines").hint("wrap"),
    bind(
        &[key('t')],
        Action::Timestamps,
        Scope::OUTPUT,
        "timestamps",
        "show when each line arrived",
    )
    .hint("times"),
    bind(&[key('/')], Action::Search, Scope::OUTPUT, "search", "search").hint("search"),
    bind(&[key('n')], Action::NextMatch, Scope::OUTPUT, "next-match", "go to the next match"),
    bind(
        &[key('N')],
        Action::PreviousMatch,
        Scope::OUTPUT,
        "previous-match",
        "go to the previous match",
    ),
    bind(&[key('e')], Action::NextError, Scope::OUTPUT, "next-error", "go to the next error")
        .hint("error"),
    bind(
        &[key('E')],
        Action::PreviousError,
        Scope::OUTPUT,
        "previous-error",
        "go to the previous error",
    ),
    bind(&[key('o')], Action::Save, Scope::OUTPUT, "save", "save the output to a file")
        .hint("save"),
    bind(&[key(']')], Action::NextAttempt, Scope::OUTPUT, "next-attempt", "show the next attempt"),
    bind(
        &[key('[')],
        Action::PreviousAttempt,
        Scope::OUTPUT,
        "previous-attempt",
        "show the previous attempt",
    ),
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
        "show only what is wrong",
    )
    .hint("wrong"),
    bind(
        &[key('h')],
        Action::HideSkipped,
        Scope::EXECUTIONS,
        "hide-skipped",
        "hide or show skipped executions",
    ),
    bind(
        &[key(' ')],
        Action::Mark,
        MARKED,
        "mark",
        "mark the row: actions then take all marked rows",
    )
    .hint("mark"),
    bind(
        &[key('v')],
        Action::MarkRange,
        MARKED,
        "mark-range",
        "mark every row from the last mark to here",
    ),
    bind(&[key('s')], Action::NextOrder, SORTED, "sort", "sort by the next column").hint("sort"),
    bind(
        &[key('S')],
        Action::Reverse,
        SORTED.and(Scope::EXECUTIONS),
        "reverse",
        "reverse the order",
    ),
    bind(&[key('t')], Action::Tree, Scope::JOBS, "tree", "show jobs as a tree of dependencies")
        .hint("tree"),
    bind(
        &[key('Z')],
        Action::Zoom,
        MARKED.and(Scope::WORKERS),
        "zoom",
        "show details on the whole screen",
    ),
    bind(
        &[key('y')],
        Action::Copy,
        COPIED,
        "copy",
        "copy the id (of a job its YAML, of an output its first visible line)",
    ),
    bind(
        &[ctrl('r')],
        Action::Reload,
        Scope::ALL.but(Scope::PLAN),
        "reload",
        "reload jobs.yaml (shows the changes first)",
    ),
    bind(&[key('1')], Action::Go(Tab::Jobs), Scope::ALL, "jobs", "go to Jobs"),
    bind(
        &[key('2')],
        Action::Go(Tab::Executions),
        Scope::ALL,
        "all-executions",
        "go to Executions",
    ),
    bind(&[key('3')], Action::Go(Tab::Workers), Scope::ALL, "workers", "go to Workers"),
    bind(&[key('4')], Action::Go(Tab::System), Scope::ALL, "system", "go to System"),
    bind(&[named(KeyCode::Tab)], Action::NextTab, Scope::ALL, "next-tab", "go to the next tab"),
    bind(
        &[named(KeyCode::BackTab)],
        Action::PreviousTab,
        Scope::ALL,
        "previous-tab",
        "go to the previous tab",
    ),
    bind(&[key(']')], Action::NextTab, NOT_OUTPUT, "tab-right", "go to the next tab"),
    bind(&[key('[')], Action::PreviousTab, NOT_OUTPUT, "tab-left", "go to the previous tab"),
    bind(&[key('j'), named(KeyCode::Down)], DOWN, Scope::ALL, "down", "move down"),
    bind(&[key('k'), named(KeyCode::Up)], UP, Scope::ALL, "up", "move up"),
    bind(&[key('g'), named(KeyCode::Home)], FIRST, Scope::ALL, "first", "go to the beginning"),
    bind(&[key('G'), named(KeyCode::End)], LAST, Scope::ALL, "last", "go to the end"),
    bind(
        &[ctrl('d')],
        Action::Move(Move::HalfPages(1)),
        Scope::ALL,
        "half-down",
        "move half a page down",
    ),
    bind(
        &[ctrl('u')],
        Action::Move(Move::HalfPages(-1)),
        Scope::ALL,
        "half-up",
        "move half a page up",
    ),
    bind(&[named(KeyCode::PageDown)], PAGE_DOWN, Scope::ALL, "page-down", "move a page down"),
    bind(&[named(KeyCode::PageUp)], PAGE_UP, Scope::ALL, "page-up", "move a page up"),
    bind(
        &[key(':'), ctrl('k'), ctrl('p')],
        Action::Palette,
        Scope::ALL,
        "palette",
        "run any action by name",
    )
    .hint("command"),
    bind(&[key('/')], Action::Palette, Scope::PAGE, "search-actions", "search all actions by name"),
    bind(&[], Action::Utc, Scope::ALL, "utc", "show times in UTC, or in your zone"),
    bind(&[], Action::Mouse, Scope::ALL, "mouse", "turn the mouse on or off"),
    bind(
        &[],
        Action::Theme(Palette::Dark),
        Scope::ALL,
        "theme-dark",
        "use colours for a dark background",
    ),
    bind(
        &[],
        Action::Theme(Palette::Light),
        Scope::ALL,
        "theme-light",
        "use colours for a light background",
    ),
    bind(&[], THEME_CONTRAST, Scope::ALL, "theme-high-contrast", "dim nothing"),
    bind(&[], THEME_BLIND, Scope::ALL, "theme-colour-blind", "use colours without red and green"),
    bind(&[], Action::Notices, Scope::ALL, "notices", "show past notices"),
    bind(&[ctrl('l')], Action::Repaint, Scope::ALL, "repaint", "redraw the screen"),
    bind(
        &[ctrl('z')],
        Action::Suspend,
        Scope::ALL,
        "suspend",
        "suspend the screen; where the engine is in this process: leave",
    ),
    bind(
        &[named(KeyCode::Esc)],
        Action::Close,
        Scope::LISTS,
        "clear",
        "clear marks, then the filter and F",
    ),
    bind(&[named(KeyCode::Esc)], Action::Close, NOT_LIST, "close", "close").hint("close"),
    bind(&[key('q'), ctrl('c')], Action::Back, Scope::ALL, "quit", "go back; at the top: quit"),
    bind(
        &[key('?')],
        Action::Help,
        Scope::ALL.but(Scope::PAGE),
        "keys",
        "show the keys available here",
    )
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
