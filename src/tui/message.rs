//! What happens to the screen, and what it asks for: the two vocabularies of `update`.
//!
//! Owns no behaviour. A `Message` is a fact that has arrived; a `Command` is carried out by the
//! loop, never waited for.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use crossterm::event::KeyEvent;

use super::Exit;
use super::change::{Change, Origin};
use super::model::load::Timeline;
use super::terminal::Mouse;
use crate::control::EditedJob;
use crate::driver::{Feed, JobEdit, Preview, RunOptions, Snapshot};
use crate::model::OutputChunk;
use crate::model::Plan;
use crate::model::{
    AttemptKey, Event, Execution, ExecutionId, ExecutionQuery, JobId, JobVersion, LedgerRange,
    Page, Refusal, StateName, Why,
};

/// A fact that has arrived.
#[derive(Debug)]
pub(crate) enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something, at that column and row from 0.
    Mouse(Mouse, u16, u16),
    /// A text was pasted.
    Paste(String),
    /// The terminal has this size now.
    Resize(u16, u16),
    /// It is now.
    Tick(DateTime<Utc>),
    /// The engine said something.
    Feed(Feed),
    /// The feed was overrun: so many messages are lost, a fresh picture is on its way.
    Lagged(u64),
    /// There is no engine any more; it is looked for again.
    Disconnected(String),
    /// A fresh picture.
    Subscribed(Box<Snapshot>),
    /// A command has been carried out.
    Answer(Answer),
    /// An editor has given the terminal back.
    Edited(Editing, EditorEnd),
}

/// What is edited in an editor of the user's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Editing {
    /// Which job; `None` = the file as a whole.
    pub(crate) job: Option<JobId>,
    /// The version that is edited.
    pub(crate) version: u32,
    /// The jobs file that it lives in, if it does; on the engine's machine.
    pub(crate) file: Option<String>,
    /// The line to begin at, where it is not that of the job.
    pub(crate) line: Option<usize>,
    /// Its definition, for where there is no file at hand.
    pub(crate) yaml: String,
}

/// What an editor came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EditorEnd {
    /// All is as it was.
    Unchanged,
    /// The jobs file is another one now.
    File,
    /// The definition reads so now.
    Definition(String),
    /// There was no editing, and why.
    Failed(String),
}

/// What a change came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was done; the feed says how things are now.
    Done,
    /// A definition was changed.
    Edited(Box<EditedJob>),
}

/// What a command came to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// `Request::Run`, `Request::Retry`, `Request::CancelExecution`.
    Execution {
        /// What was asked.
        asked: Asked,
        /// What came of it.
        result: Result<Arc<Execution>, Refusal>,
    },
    /// `Request::Change`.
    Changed {
        /// What was asked.
        change: Change,
        /// Why.
        origin: Origin,
        /// What came of it.
        result: Result<Outcome, Refusal>,
    },
    /// `Request::Rehearse`.
    Rehearsed {
        /// What was asked.
        change: Change,
        /// Why.
        origin: Origin,
        /// What it would change.
        result: Result<EditedJob, Refusal>,
    },
    /// `Request::Judge`.
    Judged {
        /// The request's number.
        ticket: u64,
        /// Whether it could be written as it stands.
        result: Result<EditedJob, Refusal>,
    },
    /// `Request::Preview`.
    Previewed {
        /// The request's number.
        ticket: u64,
        /// What the schedule means.
        result: Result<Preview, Refusal>,
    },
    /// `Request::Versions`.
    Versions {
        /// Of which job.
        job: JobId,
        /// Newest first.
        result: Result<Vec<JobVersion>, Refusal>,
    },
    /// `Request::PlanReload`.
    Plan(Result<Plan, Refusal>),
    /// `Request::Reload`.
    Reloaded(Result<Plan, Refusal>),
    /// `Request::Executions`.
    Page {
        /// The request's number: answers to outdated requests are dropped.
        ticket: u64,
        /// Where the page belongs.
        place: PagePlace,
        /// The page.
        result: Result<Page<Arc<Execution>>, Refusal>,
    },
    /// `Request::JobFacts`.
    JobFacts {
        /// Of which job.
        job: JobId,
        /// The facts.
        result: Result<JobFacts, Refusal>,
    },
    /// `Request::Execution`.
    Found(Result<Arc<Execution>, Refusal>),
    /// `Request::WhyJob` and `Request::WhyExecution`.
    Why {
        /// What it is about, for the title.
        about: String,
        /// What the engine says.
        result: Result<Why, Refusal>,
    },
    /// `Request::Counts`.
    Counts(Result<Vec<(StateName, u64)>, Refusal>),
    /// `Request::Events`.
    Events(Result<Vec<Event>, Refusal>),
    /// `Request::Load`.
    Load(Result<Page<Arc<Execution>>, Refusal>),
    /// `Request::Timeline`.
    Timeline(Result<Timeline, Refusal>),
    /// `Request::Output`.
    Output {
        /// Of which attempt.
        key: AttemptKey,
        /// Where it was read from.
        from: u64,
        /// What was read.
        result: Result<OutputChunk, Refusal>,
    },
    /// `Request::Save`.
    Saved {
        /// Where.
        path: String,
        /// How many bytes, or what went wrong.
        result: Result<usize, String>,
    },
    /// `Request::Each`, in its order.
    Each(Vec<Self>),
    /// There was too much under way to begin this.
    Busy,
}

/// What an answer is the answer to, for the notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Run a job now.
    Run,
    /// Run a final execution again.
    Retry,
    /// End an execution.
    Cancel,
}

/// Where a page of executions belongs in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PagePlace {
    /// It is the newest: the list begins anew.
    Top,
    /// It is the oldest: the list begins anew.
    Bottom,
    /// Below (older than) what is there.
    Below,
    /// Above (newer than) what is there.
    Above,
}

/// What a job's details need beside its status.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JobFacts {
    /// The next fire times, oldest first.
    pub(crate) next: Vec<DateTime<Utc>>,
    /// Its newest executions, newest first.
    pub(crate) executions: Vec<Arc<Execution>>,
    /// Fire times that did not become executions, newest first.
    pub(crate) ledger: Vec<LedgerRange>,
}

impl JobFacts {
    /// The newest of its executions that failed.
    pub(crate) fn last_failure(&self) -> Option<&Arc<Execution>> {
        self.executions.iter().find(|it| it.state.name().is_failure())
    }
}

/// What the loop is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Leave.
    Quit(Exit),
    /// Put a text into the clipboard of whoever looks.
    Copy(String),
    /// Give the terminal to an editor.
    Edit(Box<Editing>),
    /// Ask the engine for a fresh picture.
    Subscribe,
    /// Redraw everything.
    Repaint,
    /// Give the terminal back and stop this process until the shell continues it.
    Suspend,
    /// Listen to the mouse, or no longer.
    Mouse(bool),
    /// Everything else goes through the door.
    Ask(Request),
}

impl Request {
    /// Whether a key of the user's stands behind each of it.
    pub(crate) const fn is_action(&self) -> bool {
        matches!(
            self,
            Self::Run(..)
                | Self::Retry(_)
                | Self::CancelExecution(_)
                | Self::Change { .. }
                | Self::Rehearse { .. }
                | Self::Versions(_)
                | Self::Each(_)
                | Self::PlanReload
                | Self::Reload
                | Self::Execution(_)
                | Self::WhyJob(..)
                | Self::WhyExecution(..)
                | Self::Save { .. }
        )
    }
}

/// What goes through the door; each is answered by an [`Answer`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    /// Run a job now.
    Run(JobId, RunOptions),
    /// Run a final execution again.
    Retry(ExecutionId),
    /// End a live execution.
    CancelExecution(ExecutionId),
    /// Change something.
    Change {
        /// What.
        change: Change,
        /// Why.
        origin: Origin,
    },
    /// What would an edit change?
    Rehearse {
        /// The edit.
        change: Change,
        /// Why.
        origin: Origin,
    },
    /// Is an edit that is still being typed legal?
    Judge {
        /// The request's number.
        ticket: u64,
        /// Of which job.
        job: JobId,
        /// The edit.
        edit: JobEdit,
    },
    /// What does a schedule mean?
    Preview {
        /// The request's number.
        ticket: u64,
        /// As typed.
        schedule: String,
        /// Its zone; `None` = the file's.
        timezone: Option<String>,
    },
    /// The versions of a definition.
    Versions(JobId),
    /// One after the other.
    Each(Vec<Self>),
    /// What would a reload change?
    PlanReload,
    /// Reload.
    Reload,
    /// A page of executions.
    Executions {
        /// The request's number.
        ticket: u64,
        /// Where the page belongs.
        place: PagePlace,
        /// What is asked for.
        query: ExecutionQuery,
    },
    /// What a job's details need.
    JobFacts {
        /// Of which job.
        job: JobId,
        /// Fire times after it.
        from: DateTime<Utc>,
    },
    /// Why does a job run, wait, or not run at an instant?
    WhyJob(JobId, DateTime<Utc>),
    /// Why does an execution of that job stand where it does?
    WhyExecution(JobId, ExecutionId),
    /// How many executions are in each state since then.
    Counts(DateTime<Utc>),
    /// The newest events.
    Events,
    /// The newest executions, to be counted.
    Load,
    /// The fire times of a day.
    Timeline {
        /// Of the jobs that fire in it.
        jobs: Vec<JobId>,
        /// Where it begins.
        from: DateTime<Utc>,
    },
    /// An execution whose output is to be opened.
    Execution(ExecutionId),
    /// A part of an attempt's output.
    Output {
        /// Of which attempt.
        key: AttemptKey,
        /// From which byte on.
        from: u64,
    },
    /// Write a text to a file that does not exist yet.
    Save {
        /// Where.
        path: String,
        /// What.
        text: String,
    },
}
