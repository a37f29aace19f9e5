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
    EditError,
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
    HideSkipped,
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
    Timestamps,
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
    Suspend,
}

/// Who may do it. Each action is listed: a new one is nobody's by default.
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
        | Action::EditError
        | Action::NewJob
        | Action::Delete
        | Action::Enable
        | Action::Disable
        | Action::RollBack
        | Action::Reload
        | Action::Apply => Role::Admin,
        Action::Go(_)
        | Action::NextTab
        | Action::PreviousTab
        | Action::Move(_)
        | Action::Open
        | Action::Back
        | Action::Close
        | Action::Filter
        | Action::Search
        | Action::NextMatch
        | Action::PreviousMatch
        | Action::NextError
        | Action::PreviousError
        | Action::Versions
        | Action::Why
        | Action::WhyAt
        | Action::ShowOutput
        | Action::OnlyWrong
        | Action::HideSkipped
        | Action::Mark
        | Action::MarkRange
        | Action::Tree
        | Action::Zoom
        | Action::NextOrder
        | Action::Reverse
        | Action::Copy
        | Action::Help
        | Action::Palette
        | Action::Follow
        | Action::Wrap
        | Action::Timestamps
        | Action::Save
        | Action::NextAttempt
        | Action::PreviousAttempt
        | Action::ScrollLeft
        | Action::ScrollRight
        | Action::Utc
        | Action::Mouse
        | Action::Theme(_)
        | Action::Notices
        | Action::Repaint
        | Action::Suspend => Role::Viewer,
    }
}
