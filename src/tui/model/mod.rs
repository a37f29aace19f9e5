//! What is known and what is selected: all that `view` draws.
//!
//! Owns the state of the screen. Never decides what a key means (that is `update`) and never draws.

pub(crate) mod executions;
pub(crate) mod filter;
pub(crate) mod form;
pub(crate) mod job_form;
pub(crate) mod jobs;
mod layer;
pub(crate) mod load;
pub(crate) mod marks;
pub(crate) mod output;
pub(crate) mod sanitize;
mod tree;
pub(crate) mod when;
pub(crate) mod workers;
pub(crate) mod world;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use ratatui::layout::{Rect, Size};

pub(crate) use executions::ExecutionList;
pub(crate) use filter::{Filter, Listed};
pub(crate) use jobs::JobList;
pub(crate) use layer::{Layer, Leave, Notice, Prompt, Purpose, Question, Topic, Versions};
pub(crate) use output::Output;
pub(crate) use world::{JobCondition, World, last_result};

use super::change::Done;
use super::keys::{Action, KeyContext, Keymap, Scope, Tab};
use super::layout::{self, Areas, Pane};
use super::message::JobFacts;
use super::options::{Hosting, TuiOptions};
use super::theme::Theme;
use crate::driver::Snapshot;
use crate::model::{
    Event, Execution, ExecutionId, Health, JobId, Role, Severity, StateName, Worker,
};
use form::{Form, FormKind};
use load::{Load, Timeline};

/// Notices that are kept.
const MOST_NOTICES: usize = 200;
/// Events that are kept.
pub(crate) const MOST_EVENTS: usize = 500;

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
#[derive(Debug)]
pub(crate) struct System {
    /// How many executions of today are in each state.
    pub(crate) counts: Vec<(StateName, u64)>,
    pub(crate) counts_stale: bool,
    /// When they were asked for last.
    pub(crate) counts_at: Option<DateTime<Utc>>,
    /// Newest first.
    pub(crate) events: VecDeque<Event>,
    pub(crate) events_asked: bool,
    /// First event in the window. Where it is not the newest, the log stands still to be read.
    pub(crate) scroll: usize,
    /// What came while it stood still, newest first.
    held: VecDeque<Event>,
    /// How many those are, with the ones that are no longer kept.
    pub(crate) newer: u64,
    /// The last hour.
    pub(crate) load: Load,
    /// The next day, once it was read.
    pub(crate) timeline: Option<Timeline>,
    pub(crate) timeline_stale: bool,
    /// When it was asked for last.
    pub(crate) timeline_at: Option<DateTime<Utc>>,
}

impl System {
    fn new(now: DateTime<Utc>) -> Self {
        Self {
            counts: Vec::new(),
            counts_stale: true,
            counts_at: None,
            events: VecDeque::new(),
            events_asked: false,
            scroll: 0,
            held: VecDeque::new(),
            newer: 0,
            load: Load::new(now),
            timeline: None,
            timeline_stale: true,
            timeline_at: None,
        }
    }

    /// An event came.
    pub(crate) fn log(&mut self, event: Event) {
        let stands_still = self.scroll > 0;
        let log = if stands_still { &mut self.held } else { &mut self.events };
        log.push_front(event);
        log.truncate(MOST_EVENTS);
        self.newer += u64::from(stands_still);
    }

    /// Keeps the window of `rows` rows inside the log, which goes on once its newest event is seen.
    pub(crate) fn settle(&mut self, rows: usize) {
        self.scroll = self.scroll.min(self.events.len().saturating_sub(rows));
        if self.scroll > 0 || self.newer == 0 {
            return;
        }
        let newer = std::mem::take(&mut self.newer);
        let mut log = std::mem::take(&mut self.held);
        // If some were dropped there would be a gap before the older ones.
        if usize::try_from(newer).is_ok_and(|newer| newer == log.len()) {
            log.append(&mut self.events);
        }
        log.truncate(MOST_EVENTS);
        self.events = log;
    }

    /// Nothing of the log is known any more.
    pub(crate) fn forget_events(&mut self) {
        self.events_asked = false;
        self.events.clear();
        self.held.clear();
        (self.newer, self.scroll) = (0, 0);
    }
}

/// The state of the screen.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) now: DateTime<Utc>,
    zone: Tz,
    /// Whether times are shown in UTC.
    pub(crate) utc: bool,
    pub(crate) theme: Theme,
    /// Which key does what.
    pub(crate) keymap: Keymap,
    /// Whether the mouse is listened to.
    pub(crate) mouse: bool,
    pub(crate) hosting: Hosting,
    /// By which way an engine elsewhere is reached.
    pub(crate) attached: Option<String>,
    /// The name of this machine.
    host: String,
    pub(crate) size: Size,
    pub(crate) link: Link,
    /// The health of the newest notice about it.
    pub(crate) noticed_health: Health,
    pub(crate) world: World,
    pub(crate) totals: world::Totals,
    pub(crate) totals_stale: bool,
    pub(crate) tab: Tab,
    pub(crate) jobs: JobList,
    pub(crate) executions: ExecutionList,
    pub(crate) workers: workers::WorkerList,
    /// Whether details of what is selected take the list's place.
    pub(crate) zoomed: bool,
    pub(crate) system: System,
    pub(crate) layers: Vec<Layer>,
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
        let mut model = Self {
            now,
            zone: options.zone,
            utc: options.config.utc,
            theme: Theme::new(options.colours, options.charset).with(options.config.palette),
            keymap: options.config.keymap.clone(),
            mouse: options.config.mouse,
            hosting: options.hosting,
            attached: options.attached.clone(),
            host: options.host.clone(),
            size: Size::new(80, 24),
            link: Link::Up,
            noticed_health: Health::Ok,
            world: World::new(snapshot),
            totals: world::Totals::default(),
            totals_stale: true,
            tab: Tab::Jobs,
            jobs,
            executions: ExecutionList::default(),
            workers: workers::WorkerList::default(),
            zoomed: false,
            system: System::new(now),
            layers: Vec::new(),
            prompt: None,
            form: None,
            tickets: 0,
            done: Vec::new(),
            question: None,
            notices: VecDeque::new(),
            details: None,
            details_asked: None,
            preview: None,
        };
        model.noticed_health = model.world.health.clone();
        model.report_config_errors(options);
        model
    }

    /// What is wrong with the config file, the first last: it is the one that is seen.
    fn report_config_errors(&mut self, options: &TuiOptions) {
        let errors: Vec<String> = options.config.errors().collect();
        let count = errors.len();
        for (at, error) in errors.into_iter().enumerate().rev() {
            let all = if at == 0 && count > 1 {
                format!("{count} errors (:notices): ")
            } else {
                String::new()
            };
            self.notice(Severity::Error, format!("{all}{error}"));
        }
    }

    /// How an action is reached from here, for a sentence.
    pub(crate) fn way(&self, action: Action) -> String {
        self.keymap.way(self.scope(), action)
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
            _ if !self.layers.is_empty() => Pane::None,
            Tab::System => Pane::None,
            _ if self.zoomed => Pane::Whole,
            // What is wrong is shown with its last words.
            Tab::Jobs if self.jobs.only_wrong && !self.jobs.rows().is_empty() => Pane::Near,
            _ => Pane::Beside,
        };
        layout::areas(self.size, self.panel_rows(), pane)
    }

    fn panel_rows(&self) -> u16 {
        match (&self.question, &self.prompt, &self.form) {
            (Some(Question::Quit(_)), ..) => 7,
            (None, Some(Prompt { purpose: Purpose::Palette, .. }), _) => 12,
            // A form of a few fields stands above the footer, one of a job in the list's place.
            (_, _, Some(form)) if !matches!(form.kind, FormKind::Job(_)) => {
                layout::form_rows(form.fields.len())
            }
            _ => 0,
        }
    }

    /// Whether keys are typed into a form: not while something is to be read over it.
    pub(crate) fn form_takes_keys(&self) -> bool {
        match &self.form {
            Some(Form { kind: FormKind::Job(_), .. }) => self.form_on_top(),
            form => form.is_some(),
        }
    }

    /// Whether a form takes the place of the list and of what is opened.
    pub(crate) fn form_on_top(&self) -> bool {
        let shown = self.layers.last().is_some_and(|opened| {
            matches!(opened, Layer::Diff { .. } | Layer::TextPage { .. } | Layer::Help { .. })
        });
        !shown && self.form.as_ref().is_some_and(|form| matches!(form.kind, FormKind::Job(_)))
    }

    /// The form of a job, where one is being filled.
    pub(crate) fn job_form(&mut self) -> Option<&mut Form> {
        self.form.as_mut().filter(|form| matches!(form.kind, FormKind::Job(_)))
    }

    /// Rows of the list, or of what is opened, under its title.
    pub(crate) fn window(&self) -> (usize, usize) {
        self.areas().map_or((0, 0), |areas| {
            let area = if self.layers.is_empty() { areas.list } else { areas.body };
            (usize::from(area.width), usize::from(area.height.saturating_sub(1)))
        })
    }

    /// How many events there is room for in the System tab.
    pub(crate) fn event_rows(&self) -> usize {
        let body = self.areas().map_or(Rect::ZERO, |areas| areas.body);
        usize::from(layout::system(body).events.height.saturating_sub(1))
    }

    /// The texts of the tabs in a line of `total` cells.
    pub(crate) fn tab_texts(&self, total: usize) -> [String; 4] {
        layout::tab_texts(self.world.jobs().len(), self.world.worker_count(), total)
    }

    /// Which keys are valid.
    pub(crate) fn scope(&self) -> Scope {
        match self.layers.last() {
            None => self.tab.scope(),
            Some(Layer::Job { .. }) => Scope::JOB,
            Some(Layer::Execution { .. }) => Scope::EXECUTION,
            Some(Layer::Worker { .. }) => Scope::WORKER,
            Some(Layer::Output(_)) => Scope::OUTPUT,
            Some(Layer::Plan { .. }) => Scope::PLAN,
            Some(Layer::Diff { change: Some(_), .. }) => Scope::PLAN,
            Some(Layer::Diff { change: None, .. }) => Scope::PAGE,
            Some(Layer::Versions(_)) => Scope::VERSIONS,
            Some(Layer::TextPage { .. } | Layer::Help { .. } | Layer::Notices { .. }) => {
                Scope::PAGE
            }
        }
    }

    /// Whether the user has that role.
    pub(crate) fn may(&self, role: Role) -> bool {
        self.world.role >= role
    }

    /// Which keys are valid here for this user.
    pub(crate) fn key_context(&self) -> KeyContext {
        KeyContext { scope: self.scope(), role: self.world.role }
    }

    /// The job that an action is about.
    pub(crate) fn selected_job(&self) -> Option<JobId> {
        match self.layers.last() {
            Some(Layer::Job { id, .. }) => Some(id.clone()),
            Some(Layer::Output(output)) => Some(output.execution.job_id.clone()),
            Some(Layer::Execution { execution, .. }) => Some(execution.job_id.clone()),
            Some(Layer::Versions(versions)) => Some(versions.job.clone()),
            Some(_) => None,
            None => match self.tab {
                Tab::Jobs => self.jobs.selected().cloned(),
                Tab::Executions => self.executions.selected().map(|it| it.job_id.clone()),
                Tab::Workers | Tab::System => None,
            },
        }
    }

    /// The jobs that an action is about: the marked ones, else the one in hand.
    pub(crate) fn selected_jobs(&self) -> Vec<JobId> {
        let marked: Vec<JobId> = match self.tab {
            _ if !self.layers.is_empty() => Vec::new(),
            Tab::Jobs => self.jobs.listed_marks(&self.world),
            Tab::Executions => {
                let marks = self.executions.listed_marks().into_iter();
                let jobs = marks.filter_map(|id| self.known_execution(id));
                let jobs: BTreeSet<JobId> = jobs.map(|it| it.job_id.clone()).collect();
                jobs.into_iter().collect()
            }
            Tab::Workers | Tab::System => Vec::new(),
        };
        if marked.is_empty() { self.selected_job().into_iter().collect() } else { marked }
    }

    /// The executions that an action is about: the marked ones, else the one in hand.
    pub(crate) fn selected_executions(&self) -> Vec<ExecutionId> {
        if self.layers.is_empty() && self.tab == Tab::Executions {
            let marks = self.executions.listed_marks();
            if !marks.is_empty() {
                return marks;
            }
        }
        self.selected_execution().into_iter().map(|it| it.id).collect()
    }

    /// Takes all marks of the tab away.
    pub(crate) fn clear_marks(&mut self) {
        match self.tab {
            Tab::Jobs => self.jobs.marks.clear(),
            Tab::Executions => self.executions.marks.clear(),
            Tab::Workers | Tab::System => {}
        }
    }

    /// Takes the marks away from what is listed: they were acted on.
    pub(crate) fn clear_listed_marks(&mut self) {
        match self.tab {
            Tab::Jobs => {
                let listed = self.jobs.listed_marks(&self.world);
                self.jobs.marks.retain(|id| !listed.contains(id));
            }
            Tab::Executions => {
                let listed = self.executions.listed_marks();
                self.executions.marks.retain(|id| !listed.contains(id));
            }
            Tab::Workers | Tab::System => {}
        }
    }

    /// How many of the marked rows a filter hides.
    pub(crate) fn hidden_marks(&self) -> usize {
        let listed = match self.tab {
            Tab::Jobs => self.jobs.listed_marks(&self.world).len(),
            Tab::Executions => self.executions.listed_marks().len(),
            Tab::Workers | Tab::System => 0,
        };
        self.marked().saturating_sub(listed)
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
    pub(crate) fn selected_execution(&self) -> Option<Arc<Execution>> {
        match self.layers.last() {
            Some(Layer::Execution { execution, .. }) => Some(Arc::clone(execution)),
            Some(Layer::Output(output)) => Some(Arc::clone(&output.execution)),
            Some(_) => None,
            None if self.tab == Tab::Executions => self.executions.selected().cloned(),
            None => None,
        }
    }

    /// An execution that is live, listed or opened.
    pub(crate) fn known_execution(&self, id: ExecutionId) -> Option<Arc<Execution>> {
        let opened = || {
            self.layers.iter().find_map(|it| match it {
                Layer::Execution { execution, .. } if execution.id == id => Some(execution),
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
    pub(crate) fn selected_worker(&self) -> Option<&Worker> {
        match self.layers.last() {
            Some(Layer::Worker { id, .. }) => self.world.worker(id),
            Some(_) => None,
            None if self.tab == Tab::Workers => self.world.worker(self.workers.selected()?),
            None => None,
        }
    }

    pub(crate) fn notice(&mut self, severity: Severity, text: impl Into<String>) {
        let text = super::text::clean(&text.into()).into_owned();
        self.notices.push_back(Notice { at: self.now, severity, text, about: None });
        if self.notices.len() > MOST_NOTICES {
            self.notices.pop_front();
        }
    }

    /// A notice about something that goes on. It takes the place of the one before.
    pub(crate) fn notice_about(&mut self, topic: Topic, severity: Severity, text: String) {
        self.forget_notices(topic);
        self.notice(severity, text);
        if let Some(notice) = self.notices.back_mut() {
            notice.about = Some(topic);
        }
    }

    /// Takes back what was said about something: it no longer holds.
    pub(crate) fn forget_notices(&mut self, topic: Topic) {
        self.notices.retain(|notice| notice.about != Some(topic));
    }

    /// Whether a notice is about that execution.
    pub(crate) fn is_followed(&self, id: ExecutionId) -> bool {
        self.notices.iter().any(|notice| notice.about == Some(Topic::Execution(id)))
    }

    /// The filter of the tab, where it has one.
    pub(crate) const fn filter(&self) -> Option<&Filter> {
        match self.tab {
            Tab::Jobs => Some(&self.jobs.filter),
            Tab::Executions => Some(&self.executions.filter),
            Tab::Workers | Tab::System => None,
        }
    }

    /// Why the filter of the tab cannot be carried out as typed.
    pub(crate) fn filter_problem(&self) -> Option<String> {
        match self.tab {
            Tab::Jobs => self.jobs.filter.problem(Listed::Jobs),
            Tab::Executions => self.executions.filter.problem(Listed::Executions),
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
        self.keymap.palette(self.key_context(), typed)
    }
}
