//! What is known and what is selected: all that `view` draws.
//!
//! Owns the state of the screen. Never decides what a key means (that is `update`) and never draws.

pub(crate) mod cursor;
pub(crate) mod executions;
pub(crate) mod filter;
pub(crate) mod form;
pub(crate) mod job_form;
pub(crate) mod jobs;
pub(crate) mod marks;
pub(crate) mod output;
pub(crate) mod scrub;
mod tree;
pub(crate) mod when;
pub(crate) mod workers;
pub(crate) mod world;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use ratatui::layout::Size;
use tui_input::Input;

pub(crate) use executions::ExecutionList;
pub(crate) use filter::Filter;
pub(crate) use jobs::{JobList, JobOrder};
pub(crate) use output::Output;
pub(crate) use world::{JobCondition, World, last_result};

use super::change::{Change, Done, Origin};
use super::keys::{Action, Scope};
use super::layout::{self, Areas, Pane};
use super::message::{JobFacts, Request};
use super::options::{Hosting, TuiOptions};
use super::theme::Theme;
use crate::driver::Snapshot;
use crate::jobfile::Plan;
use crate::model::{
    Event, Execution, ExecutionId, JobId, JobVersion, Severity, StateName, Worker, WorkerId,
};
use form::{Aim, Form};

/// Notices that are kept.
const MOST_NOTICES: usize = 200;
/// Events that are kept.
pub(crate) const MOST_EVENTS: usize = 500;

/// A tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Jobs,
    Executions,
    Workers,
    System,
}

impl Tab {
    pub(crate) const ALL: [Self; 4] = [Self::Jobs, Self::Executions, Self::Workers, Self::System];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Jobs => "Jobs",
            Self::Executions => "Executions",
            Self::Workers => "Workers",
            Self::System => "System",
        }
    }

    pub(crate) const fn scope(self) -> Scope {
        match self {
            Self::Jobs => Scope::JOBS,
            Self::Executions => Scope::EXECUTIONS,
            Self::Workers => Scope::WORKERS,
            Self::System => Scope::SYSTEM,
        }
    }
}

/// Something opened over the tab; `scroll` is its first line in the window.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A job.
    Job { id: JobId, scroll: usize },
    /// An execution.
    Execution { execution: Arc<Execution>, scroll: usize },
    /// A worker.
    Worker { id: WorkerId, scroll: usize },
    /// The output of an attempt.
    Output(Box<Output>),
    /// What a reload would change.
    Plan { plan: Box<Plan>, scroll: usize },
    /// What an edit would write, and the edit; `None` = there is nothing to be applied.
    Diff { title: String, lines: Vec<String>, change: Option<Box<(Change, Origin)>>, scroll: usize },
    /// The versions of a job.
    Versions(Box<Versions>),
    /// Lines to read.
    Paper { title: String, lines: Vec<String>, scroll: usize },
    /// The keys that were valid where it was asked for.
    Help { scope: Scope, scroll: usize },
    /// Past notices.
    Notices { scroll: usize },
}

impl Opened {
    /// Its first line in the window, where it is made of lines.
    pub(crate) const fn scroll_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Job { scroll, .. }
            | Self::Execution { scroll, .. }
            | Self::Worker { scroll, .. }
            | Self::Plan { scroll, .. }
            | Self::Diff { scroll, .. }
            | Self::Paper { scroll, .. }
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
            | Self::Paper { scroll, .. }
            | Self::Help { scroll, .. }
            | Self::Notices { scroll } => *scroll,
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
}

/// Something to be confirmed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Question {
    /// End these executions?
    Cancel(Vec<Arc<Execution>>),
    /// What becomes of the engine?
    Quit,
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
    /// The execution whose end it follows.
    pub(crate) follows: Option<ExecutionId>,
}

impl Notice {
    /// Whether it is still shown.
    pub(crate) fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let seconds = if self.severity == Severity::Info { 6 } else { 60 };
        now - self.at < TimeDelta::seconds(seconds)
    }
}

/// Whether there is an engine to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// There is.
    Up,
    /// It has gone, or cannot be reached; what is shown is what was known last.
    Down(String),
}

/// What is known about the job whose details are shown.
#[derive(Debug)]
pub(crate) struct Details {
    pub(crate) job: JobId,
    /// What was read; `None` until it has come.
    pub(crate) facts: Option<JobFacts>,
    /// The definition, line by line.
    pub(crate) definition: Vec<String>,
    /// The version that `definition` shows.
    pub(crate) version: u32,
    pub(crate) stale: bool,
    /// When it was asked for last.
    pub(crate) asked_at: Option<DateTime<Utc>>,
}

/// What the System tab shows beside the world.
#[derive(Debug, Default)]
pub(crate) struct System {
    /// How many executions of today are in each state.
    pub(crate) counts: Vec<(StateName, u64)>,
    pub(crate) counts_stale: bool,
    /// When they were asked for last.
    pub(crate) counts_at: Option<DateTime<Utc>>,
    /// Newest first.
    pub(crate) events: VecDeque<Event>,
    pub(crate) events_asked: bool,
    /// First event in the window.
    pub(crate) scroll: usize,
}

/// The state of the screen.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) now: DateTime<Utc>,
    zone: Tz,
    /// Whether times are shown in UTC.
    pub(crate) utc: bool,
    pub(crate) theme: Theme,
    pub(crate) hosting: Hosting,
    /// By which way an engine elsewhere is reached.
    pub(crate) attached: Option<String>,
    /// The name of this machine.
    host: String,
    pub(crate) size: Size,
    pub(crate) link: Link,
    /// Why the engine cannot work, while it cannot.
    pub(crate) trouble: Option<String>,
    pub(crate) world: World,
    pub(crate) pulse: world::Pulse,
    pub(crate) pulse_stale: bool,
    pub(crate) tab: Tab,
    pub(crate) jobs: JobList,
    pub(crate) executions: ExecutionList,
    pub(crate) workers: workers::WorkerList,
    /// Whether details of what is selected take the list's place.
    pub(crate) zoomed: bool,
    pub(crate) system: System,
    pub(crate) opened: Vec<Opened>,
    pub(crate) prompt: Option<Prompt>,
    /// What is being filled.
    pub(crate) form: Option<Form>,
    /// The newest number of a question about a form.
    pub(crate) tickets: u64,
    /// What the user did, newest last.
    pub(crate) done: Vec<Done>,
    pub(crate) question: Option<Question>,
    /// Newest last.
    pub(crate) notices: VecDeque<Notice>,
    pub(crate) details: Option<Details>,
    /// The job whose facts are under way.
    pub(crate) details_asked: Option<JobId>,
    /// The output beside an execution's details.
    pub(crate) preview: Option<Output>,
}

impl Model {
    pub(crate) fn new(options: &TuiOptions, now: DateTime<Utc>, snapshot: Snapshot) -> Self {
        let mut jobs = JobList::default();
        jobs.touch_definitions();
        Self {
            now,
            zone: options.zone,
            utc: false,
            theme: Theme::new(options.colours, options.charset),
            hosting: options.hosting,
            attached: options.attached.clone(),
            host: options.host.clone(),
            size: Size::new(80, 24),
            link: Link::Up,
            trouble: None,
            world: World::new(snapshot),
            pulse: world::Pulse::default(),
            pulse_stale: true,
            tab: Tab::Jobs,
            jobs,
            executions: ExecutionList::default(),
            workers: workers::WorkerList::default(),
            zoomed: false,
            system: System { counts_stale: true, ..System::default() },
            opened: Vec::new(),
            prompt: None,
            form: None,
            tickets: 0,
            done: Vec::new(),
            question: None,
            notices: VecDeque::new(),
            details: None,
            details_asked: None,
            preview: None,
        }
    }

    /// The zone that times are shown in.
    pub(crate) const fn zone(&self) -> Tz {
        if self.utc { Tz::UTC } else { self.zone }
    }

    /// Whether the engine's files are those of this machine.
    pub(crate) fn is_here(&self) -> bool {
        self.hosting == Hosting::ThisProcess || self.world.engine.host == self.host
    }

    /// Where everything stands on the screen; `None` when it is too small.
    pub(crate) fn areas(&self) -> Option<Areas> {
        let pane = match self.tab {
            _ if !self.opened.is_empty() => Pane::None,
            Tab::System => Pane::None,
            _ if self.zoomed => Pane::Whole,
            _ => Pane::Beside,
        };
        layout::areas(self.size, self.panel_rows(), pane)
    }

    fn panel_rows(&self) -> u16 {
        match (&self.question, &self.prompt, &self.form) {
            (Some(Question::Quit), ..) => 7,
            (None, Some(Prompt { purpose: Purpose::Palette, .. }), _) => 12,
            // A form of a few fields stands above the footer, one of a job in the list's place.
            (_, _, Some(form)) if !matches!(form.aim, Aim::Job(_)) => {
                u16::try_from(super::view::form_rows(form)).unwrap_or(u16::MAX)
            }
            _ => 0,
        }
    }

    /// Whether keys are typed into a form: not while something is to be read over it.
    pub(crate) fn form_takes_keys(&self) -> bool {
        match &self.form {
            Some(Form { aim: Aim::Job(_), .. }) => self.form_on_top(),
            form => form.is_some(),
        }
    }

    /// Whether a form takes the place of the list and of what is opened.
    pub(crate) fn form_on_top(&self) -> bool {
        let shown = self.opened.last().is_some_and(|opened| {
            matches!(opened, Opened::Diff { .. } | Opened::Paper { .. } | Opened::Help { .. })
        });
        !shown && self.form.as_ref().is_some_and(|form| matches!(form.aim, Aim::Job(_)))
    }

    /// The form of a job, where one is being filled.
    pub(crate) fn job_form(&mut self) -> Option<&mut Form> {
        self.form.as_mut().filter(|form| matches!(form.aim, Aim::Job(_)))
    }

    /// Rows of the list, or of what is opened, under its title.
    pub(crate) fn window(&self) -> (usize, usize) {
        self.areas().map_or((0, 0), |areas| {
            let area = if self.opened.is_empty() { areas.list } else { areas.body };
            (usize::from(area.width), usize::from(area.height.saturating_sub(1)))
        })
    }

    /// Which keys are valid.
    pub(crate) fn scope(&self) -> Scope {
        match self.opened.last() {
            None => self.tab.scope(),
            Some(Opened::Job { .. }) => Scope::JOB,
            Some(Opened::Execution { .. }) => Scope::EXECUTION,
            Some(Opened::Worker { .. }) => Scope::WORKER,
            Some(Opened::Output(_)) => Scope::OUTPUT,
            Some(Opened::Plan { .. }) => Scope::PLAN,
            Some(Opened::Diff { change: Some(_), .. }) => Scope::PLAN,
            Some(Opened::Diff { change: None, .. }) => Scope::PAPER,
            Some(Opened::Versions(_)) => Scope::VERSIONS,
            Some(Opened::Paper { .. } | Opened::Help { .. } | Opened::Notices { .. }) => {
                Scope::PAPER
            }
        }
    }

    /// The job that an action is about.
    pub(crate) fn job_in_hand(&self) -> Option<JobId> {
        match self.opened.last() {
            Some(Opened::Job { id, .. }) => Some(id.clone()),
            Some(Opened::Output(output)) => Some(output.execution.job_id.clone()),
            Some(Opened::Execution { execution, .. }) => Some(execution.job_id.clone()),
            Some(Opened::Versions(versions)) => Some(versions.job.clone()),
            Some(_) => None,
            None => match self.tab {
                Tab::Jobs => self.jobs.selected().cloned(),
                Tab::Executions => self.executions.selected().map(|it| it.job_id.clone()),
                Tab::Workers | Tab::System => None,
            },
        }
    }

    /// The jobs that an action is about: the marked ones, else the one in hand.
    pub(crate) fn jobs_in_hand(&self) -> Vec<JobId> {
        let marked: Vec<JobId> = match self.tab {
            _ if !self.opened.is_empty() => Vec::new(),
            Tab::Jobs => self.jobs.marks.iter().cloned().collect(),
            Tab::Executions => {
                let marks = self.executions.marks.iter();
                let jobs = marks.filter_map(|id| self.known_execution(*id));
                let jobs: BTreeSet<JobId> = jobs.map(|it| it.job_id.clone()).collect();
                jobs.into_iter().collect()
            }
            Tab::Workers | Tab::System => Vec::new(),
        };
        if marked.is_empty() { self.job_in_hand().into_iter().collect() } else { marked }
    }

    /// The executions that an action is about: the marked ones, else the one in hand.
    pub(crate) fn executions_in_hand(&self) -> Vec<ExecutionId> {
        let marks = &self.executions.marks;
        if self.opened.is_empty() && self.tab == Tab::Executions && !marks.is_empty() {
            return marks.iter().copied().collect();
        }
        self.execution_in_hand().into_iter().map(|it| it.id).collect()
    }

    /// How many rows of the tab are marked.
    pub(crate) fn marked(&self) -> usize {
        match self.tab {
            Tab::Jobs => self.jobs.marks.len(),
            Tab::Executions => self.executions.marks.len(),
            Tab::Workers | Tab::System => 0,
        }
    }

    /// The execution that an action is about, where one is selected or opened.
    pub(crate) fn execution_in_hand(&self) -> Option<Arc<Execution>> {
        match self.opened.last() {
            Some(Opened::Execution { execution, .. }) => Some(Arc::clone(execution)),
            Some(Opened::Output(output)) => Some(Arc::clone(&output.execution)),
            Some(_) => None,
            None if self.tab == Tab::Executions => self.executions.selected().cloned(),
            None => None,
        }
    }

    /// An execution that is live, listed or opened.
    pub(crate) fn known_execution(&self, id: ExecutionId) -> Option<Arc<Execution>> {
        let opened = || {
            self.opened.iter().find_map(|it| match it {
                Opened::Execution { execution, .. } if execution.id == id => Some(execution),
                _ => None,
            })
        };
        let of_job = || {
            let facts = self.details.as_ref().and_then(|details| details.facts.as_ref())?;
            facts.executions.iter().find(|it| it.id == id)
        };
        let listed = || self.executions.rows().iter().find(|it| it.id == id);
        self.world.live_execution(id).or_else(opened).or_else(listed).or_else(of_job).cloned()
    }

    /// The worker that an action is about.
    pub(crate) fn worker_in_hand(&self) -> Option<&Worker> {
        match self.opened.last() {
            Some(Opened::Worker { id, .. }) => self.world.worker(id),
            Some(_) => None,
            None if self.tab == Tab::Workers => self.world.worker(self.workers.selected()?),
            None => None,
        }
    }

    pub(crate) fn notice(&mut self, severity: Severity, text: impl Into<String>) {
        let text = super::text::clean(&text.into()).into_owned();
        self.notices.push_back(Notice { at: self.now, severity, text, follows: None });
        if self.notices.len() > MOST_NOTICES {
            self.notices.pop_front();
        }
    }

    /// A notice about an execution that the user asked for. It takes the place of the one before,
    /// and is told anew at its end.
    pub(crate) fn notice_of(&mut self, id: ExecutionId, severity: Severity, text: String) {
        self.notices.retain(|notice| notice.follows != Some(id));
        self.notice(severity, text);
        if let Some(notice) = self.notices.back_mut() {
            notice.follows = Some(id);
        }
    }

    /// Whether a notice tells of that execution.
    pub(crate) fn is_followed(&self, id: ExecutionId) -> bool {
        self.notices.iter().any(|notice| notice.follows == Some(id))
    }

    /// The filter of the tab, where it has one.
    pub(crate) const fn filter(&self) -> Option<&Filter> {
        match self.tab {
            Tab::Jobs => Some(&self.jobs.filter),
            Tab::Executions => Some(&self.executions.filter),
            Tab::Workers | Tab::System => None,
        }
    }

    /// Whether the tab lists only what is wrong.
    pub(crate) const fn only_wrong(&self) -> bool {
        match self.tab {
            Tab::Jobs => self.jobs.only_wrong,
            Tab::Executions => self.executions.only_wrong,
            Tab::Workers | Tab::System => false,
        }
    }

    /// The actions that the palette offers for what has been typed, best first.
    pub(crate) fn palette(&self) -> Vec<(Action, &'static str, &'static str)> {
        let typed = self.prompt.as_ref().map_or("", |prompt| prompt.input.value());
        super::keys::palette(self.scope(), typed)
    }
}
