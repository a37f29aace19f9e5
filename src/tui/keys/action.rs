//! What a key, or a line of the palette, can do, and the role that each takes.
//!
//! Owns the list of actions. Never carries one out.

use super::scope::Tab;
use crate::model::Role;
use crate::tui::cursor::Move;
use crate::tui::theme::Palette;

/// What a key, or a line of the palette, does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Go(Tab),
    NextTab,
    PreviousTab,
    Move(Move),
    Open,
    Back,
    Close,
    Filter,
    Search,
    NextMatch,
    PreviousMatch,
    NextError,
    PreviousError,
    Run,
    RunWith,
    PauseUntil,
    SkipNext,
    Acknowledge,
    Undo,
    Drain,
    Capacity,
    EditForm,
    Editor,
    NewJob,
    Delete,
    Enable,
    Disable,
    Versions,
    RollBack,
    RunForced,
    Retry,
    Why,
    WhyAt,
    CancelExecution,
    Pause,
    ShowOutput,
    OnlyWrong,
    Mark,
    MarkRange,
    Tree,
    Zoom,
    NextOrder,
    Reverse,
    Copy,
    Reload,
    Apply,
    Help,
    Palette,
    Follow,
    Wrap,
    Stamps,
    Save,
    NextAttempt,
    PreviousAttempt,
    ScrollLeft,
    ScrollRight,
    Utc,
    Mouse,
    Theme(Palette),
    Notices,
    Repaint,
}

/// Who may do it.
pub(super) const fn role_of(action: Action) -> Role {
    match action {
        Action::Run
        | Action::RunWith
        | Action::RunForced
        | Action::Retry
        | Action::CancelExecution
        | Action::Pause
        | Action::PauseUntil
        | Action::SkipNext
        | Action::Acknowledge
        | Action::Undo
        | Action::Drain
        | Action::Capacity => Role::Operator,
        Action::EditForm
        | Action::Editor
        | Action::NewJob
        | Action::Delete
        | Action::Enable
        | Action::Disable
        | Action::RollBack
        | Action::Reload
        | Action::Apply => Role::Admin,
        _ => Role::Viewer,
    }
}
