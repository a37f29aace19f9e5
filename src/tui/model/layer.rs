//! What is shown over a tab: opened layers, prompts, questions and notices.
//!
//! Owns their data. What they mean is decided in `update`, what they look like in `view`.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tui_input::Input;

use super::Output;
use crate::model::Plan;
use crate::model::{Execution, ExecutionId, JobId, JobVersion, Severity, WorkerId};
use crate::tui::change::{Change, Origin};
use crate::tui::cursor::Scroll;
use crate::tui::keys::KeyContext;
use crate::tui::message::Request;
use crate::tui::options::Exit;

/// Something opened over the tab; `scroll` is its first line in the window.
#[derive(Debug)]
pub(crate) enum Layer {
    /// A job.
    Job { id: JobId, scroll: Scroll },
    /// An execution.
    Execution { execution: Arc<Execution>, scroll: Scroll },
    /// A worker.
    Worker { id: WorkerId, scroll: Scroll },
    /// The output of an attempt.
    Output(Box<Output>),
    /// What a reload would change.
    Plan { plan: Box<Plan>, scroll: Scroll },
    /// What an edit would write, and the edit; `None` = there is nothing to be applied.
    Diff {
        title: String,
        lines: Vec<String>,
        change: Option<Box<(Change, Origin)>>,
        scroll: Scroll,
    },
    /// The versions of a job.
    Versions(Box<Versions>),
    /// Lines to read; where they are about an error in a jobs file, its path and line.
    TextPage {
        title: String,
        lines: Vec<String>,
        error_at: Option<(String, usize)>,
        scroll: Scroll,
    },
    /// The keys that were valid where it was asked for.
    Help { context: KeyContext, scroll: Scroll },
    /// Past notices.
    Notices { scroll: Scroll },
}

impl Layer {
    /// Its first line in the window, where it is made of lines.
    pub(crate) const fn scroll_mut(&mut self) -> Option<&mut Scroll> {
        match self {
            Self::Job { scroll, .. }
            | Self::Execution { scroll, .. }
            | Self::Worker { scroll, .. }
            | Self::Plan { scroll, .. }
            | Self::Diff { scroll, .. }
            | Self::TextPage { scroll, .. }
            | Self::Help { scroll, .. }
            | Self::Notices { scroll } => Some(scroll),
            Self::Output(_) | Self::Versions(_) => None,
        }
    }

    /// The same, to be read.
    pub(crate) const fn scroll(&self) -> usize {
        match self {
            Self::Job { scroll, .. }
            | Self::Execution { scroll, .. }
            | Self::Worker { scroll, .. }
            | Self::Plan { scroll, .. }
            | Self::Diff { scroll, .. }
            | Self::TextPage { scroll, .. }
            | Self::Help { scroll, .. }
            | Self::Notices { scroll } => scroll.top,
            Self::Output(_) | Self::Versions(_) => 0,
        }
    }
}

/// The versions of a job, newest first.
#[derive(Debug)]
pub(crate) struct Versions {
    pub(crate) job: JobId,
    pub(crate) versions: Vec<JobVersion>,
    /// The one in hand.
    pub(crate) at: usize,
}

/// A line that is being typed.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// What for.
    pub(crate) purpose: Purpose,
    /// The line.
    pub(crate) input: Input,
    /// What was in force before, for Esc.
    pub(crate) before: String,
    /// The chosen row of the palette.
    pub(crate) chosen: usize,
}

/// What a line is typed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To filter the list.
    Filter,
    /// To search in the output.
    Search,
    /// To name an action.
    Palette,
    /// To name the file that the output is written to.
    SaveAs,
    /// To ask why a job did not run at a time.
    WhyAt,
}

/// What becomes of an engine in this process when its screen is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It goes on without a screen.
    KeepRunning,
    /// It stops; running commands continue.
    Stop,
    /// It stops when running commands end.
    Wait,
    /// It stops and cancels running commands.
    Cancel,
    /// The screen stays.
    Stay,
}

impl Leave {
    /// In the order in which they are always listed: the first is the default.
    pub(crate) const ALL: [Self; 5] =
        [Self::KeepRunning, Self::Stop, Self::Wait, Self::Cancel, Self::Stay];

    /// In full, and in short.
    pub(crate) const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::KeepRunning => (
                "leave the engine running; `crontower` attaches to it again",
                "leave the engine running",
            ),
            Self::Stop => ("stop the engine; running commands continue", "stop, commands continue"),
            Self::Wait => ("stop the engine when running commands end", "stop when commands end"),
            Self::Cancel => {
                ("stop the engine and cancel running commands", "stop and cancel commands")
            }
            Self::Stay => ("stay", "stay"),
        }
    }

    /// How the screen is left; `None` = it is not.
    pub(crate) const fn exit(self) -> Option<Exit> {
        match self {
            Self::KeepRunning => Some(Exit::LeaveHeadless),
            Self::Stop => Some(Exit::Stop),
            Self::Wait => Some(Exit::Wait),
            Self::Cancel => Some(Exit::Cancel),
            Self::Stay => None,
        }
    }
}

/// Something to be confirmed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Question {
    /// End these executions?
    Cancel(Vec<Arc<Execution>>),
    /// What becomes of the engine? The place of the selected answer in [`Leave::ALL`].
    Quit(usize),
    /// Leave the form, though something was typed?
    LeaveForm,
    /// Do this, to all that are marked?
    Each {
        /// As a question, without its mark.
        what: String,
        /// What will be lost.
        lost: &'static str,
        /// What is asked of the engine then.
        requests: Vec<Request>,
    },
}

/// A line at the bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) at: DateTime<Utc>,
    pub(crate) severity: Severity,
    pub(crate) text: String,
    /// What it is about, where a newer notice about the same takes its place.
    pub(crate) about: Option<Topic>,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// An execution that the user asked for.
    Execution(ExecutionId),
    /// The reload of jobs.yaml.
    Reload,
    /// The health of the engine.
    Health,
}

impl Notice {
    /// Whether it is still shown.
    pub(crate) fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let seconds = if self.severity == Severity::Info { 6 } else { 60 };
        now - self.at < TimeDelta::seconds(seconds)
    }
}
