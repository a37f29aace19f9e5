//! The list of jobs: filter, order, selection.
//!
//! Owns which jobs are listed in which order, worked out only when something changed that it
//! depends on. The selection is a job, not a row: it stays with its job while others come and go.

use std::borrow::Cow;
use std::cmp::Reverse;

use chrono_tz::Tz;

use super::filter::Filter;
use super::marks::Marks;
use super::tree;
use super::world::{JobCondition, World, last_result};
use crate::model::{JobId, JobStatus, StateName, WrongKind};
use crate::tui::cursor::{Cursor, Move};
use crate::tui::text::{clean, width, without_zone};

/// A column to sort by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum JobOrder {
    /// The most pressing first.
    State,
    /// By id.
    #[default]
    Id,
    /// By name; those without one last.
    Name,
    /// By schedule in words.
    Schedule,
    /// The next to fire first.
    Next,
    /// The newest result first.
    Last,
    /// Most failures of late first.
    Recent,
    /// High first.
    Priority,
    /// Those that wait for others first.
    WaitingFor,
}

impl JobOrder {
    /// As the columns stand.
    const ALL: [Self; 9] = [
        Self::State,
        Self::Id,
        Self::Name,
        Self::Schedule,
        Self::Next,
        Self::Last,
        Self::Recent,
        Self::Priority,
        Self::WaitingFor,
    ];

    /// The column's title.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Id => "job",
            Self::Name => "name",
            Self::Schedule => "schedule",
            Self::Next => "next",
            Self::Last => "last",
            Self::Recent => "recent",
            Self::Priority => "priority",
            Self::WaitingFor => "waiting for",
        }
    }

    /// The order by the next column that has anything in it.
    pub(crate) fn next(self, world: &World) -> Self {
        let at = Self::ALL.iter().position(|order| *order == self).unwrap_or(0);
        let mut following = Self::ALL.iter().cycle().skip(at + 1);
        let says = |order: &&Self| match order {
            Self::Name => world.jobs().iter().any(|job| job.definition.name.is_some()),
            Self::WaitingFor => world.jobs().iter().any(|job| !waiting_for(world, job).is_empty()),
            _ => true,
        };
        following.find(says).copied().unwrap_or_default()
    }

    /// Sorts rows; each job's key is worked out once.
    fn sort(self, world: &World, rows: &mut [usize]) {
        let jobs = world.jobs();
        match self {
            Self::Id => {} // They come in the order of ids.
            Self::State => rows.sort_by_cached_key(|at| rank(world.condition(&jobs[*at]))),
            Self::Next => rows.sort_by_cached_key(|at| {
                let next = jobs[*at].next_fire_time;
                (next.is_none(), next)
            }),
            Self::Last => rows.sort_by_cached_key(|at| {
                Reverse(last_result(&jobs[*at]).and_then(|it| it.finished_at))
            }),
            Self::Name => rows.sort_by_cached_key(|at| {
                let name = jobs[*at].definition.name.as_deref().map(str::to_lowercase);
                (name.is_none(), name)
            }),
            // Words are the same in each zone but for its name at their end.
            Self::Schedule => rows.sort_by_cached_key(|at| schedule(&jobs[*at], Tz::UTC)),
            Self::Recent => rows.sort_by_cached_key(|at| {
                let recent = jobs[*at].recent.iter();
                Reverse(recent.filter(|it| it.state.is_failure()).count())
            }),
            Self::Priority => rows.sort_by_cached_key(|at| jobs[*at].definition.priority),
            Self::WaitingFor => rows.sort_by_cached_key(|at| {
                let waits = waiting_for(world, &jobs[*at]);
                (waits.is_empty(), waits)
            }),
        }
    }
}

const fn rank(condition: JobCondition) -> u8 {
    match condition {
        JobCondition::Wrong(_) => 0,
        JobCondition::Live(_) => 1,
        JobCondition::Acknowledged => 2,
        JobCondition::Paused => 3,
        JobCondition::Ended(_) => 4,
        JobCondition::New => 5,
        JobCondition::Ok => 6,
        JobCondition::Disabled => 7,
    }
}

/// How many cells the widest of each takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct JobNeeds {
    pub(crate) id: usize,
    pub(crate) name: usize,
    pub(crate) schedule: usize,
    pub(crate) past: usize,
    pub(crate) next: usize,
    /// Whether priorities differ: else the column says nothing.
    pub(crate) priorities: bool,
    /// Whether any job depends on another.
    pub(crate) dependencies: bool,
}

impl JobNeeds {
    fn of(world: &World, zone: Tz) -> Self {
        let mut needs = Self::default();
        for job in world.jobs() {
            let definition = &job.definition;
            let name = definition.name.as_deref().unwrap_or_default();
            needs.id = needs.id.max(definition.id.as_str().len());
            needs.name = needs.name.max(width(&clean(name)));
            needs.schedule = needs.schedule.max(width(&schedule(job, zone)));
            needs.past = needs.past.max(job.recent.len());
            needs.priorities |= definition.priority != world.jobs()[0].definition.priority;
            needs.dependencies |= !definition.dependencies.is_empty();
            // With the mark of a fire time that was called off.
            needs.next = needs.next.max(if job.skip_next.is_some() { 9 } else { 7 });
        }
        needs
    }
}

/// The schedule in words, or what stands in for one.
pub(crate) fn schedule(job: &JobStatus, zone: Tz) -> Cow<'_, str> {
    let definition = &job.definition;
    let words = job.schedule_in_words.as_deref().or(definition.schedule.as_deref());
    match words {
        Some(words) => match without_zone(words, zone) {
            Cow::Borrowed(words) => clean(words),
            Cow::Owned(words) => Cow::Owned(clean(&words).into_owned()),
        },
        None if !definition.dependencies.is_empty() => Cow::Borrowed("after its dependencies"),
        None => Cow::Borrowed("by hand"),
    }
}

/// The jobs that a chain or a waiting execution waits for.
pub(crate) fn waiting_for(world: &World, job: &JobStatus) -> String {
    use crate::model::ExecutionState::Waiting;
    let live = world.live_of(&job.definition.id);
    // Of a hundred thousand that are queued none need be asked.
    let any = world.count_of(&job.definition.id, StateName::Waiting) > 0;
    let live = live.take(if any { usize::MAX } else { 0 }).find_map(|it| match &it.state {
        Waiting { waiting_for, .. } if !waiting_for.is_empty() => Some(waiting_for),
        _ => None,
    });
    let jobs = live.unwrap_or(&job.waiting_for);
    jobs.iter().map(|job| job.as_str()).collect::<Vec<_>>().join(", ")
}

/// The list of jobs.
#[derive(Debug, Default)]
pub(crate) struct JobList {
    /// The filter in force.
    pub(crate) filter: Filter,
    /// Whether only what is wrong is listed.
    pub(crate) only_wrong: bool,
    /// The order.
    pub(crate) order: JobOrder,
    /// Whether it is reversed.
    pub(crate) reversed: bool,
    /// Selection and window.
    pub(crate) cursor: Cursor,
    /// Jobs that actions are about together.
    pub(crate) marks: Marks<JobId>,
    /// Whether each job stands under the first that it waits for, instead of in an order.
    pub(crate) tree: bool,
    /// Places in `World::jobs`.
    rows: Vec<usize>,
    /// How deep each row is in the tree; empty where there is none.
    depths: Vec<usize>,
    selected: Option<JobId>,
    /// What a filter looks for words in, by place in `World::jobs`; empty = to be read again.
    texts: Vec<String>,
    stale: bool,
    /// Of all jobs, so that columns stay as they are while a filter is typed.
    needs: JobNeeds,
    /// The zone that `needs` holds for; `None` = it is stale.
    measured: Option<Tz>,
}

impl JobList {
    /// Something changed that the rows depend on.
    pub(crate) const fn touch(&mut self) {
        self.stale = true;
    }

    /// Jobs came, went or have another definition.
    pub(crate) fn touch_definitions(&mut self) {
        self.stale = true;
        self.measured = None;
        self.texts.clear();
    }

    /// How many cells the columns need.
    pub(crate) fn needs(&self) -> JobNeeds {
        let deepest = self.depths.iter().max().copied().unwrap_or(0);
        JobNeeds { id: self.needs.id + 2 * deepest, ..self.needs }
    }

    /// How deep a row is in the tree.
    pub(crate) fn depth(&self, row: usize) -> usize {
        self.depths.get(row).copied().unwrap_or(0)
    }

    /// Marks the selected job, or takes its mark away.
    pub(crate) fn mark(&mut self) {
        if let Some(id) = self.selected.clone() {
            self.marks.toggle(id);
        }
    }

    /// Marks from the last mark to the selected job.
    pub(crate) fn mark_range(&mut self, world: &World) {
        if let Some(at) = self.selected.clone() {
            let jobs = self.rows.iter().filter_map(|row| world.jobs().get(*row));
            self.marks.extend(jobs.map(|job| job.definition.id.clone()), at);
        }
    }

    /// The marked jobs that are listed, in the order of the list: what a filter hides is not acted on.
    pub(crate) fn listed_marks(&self, world: &World) -> Vec<JobId> {
        if self.marks.is_empty() {
            return Vec::new();
        }
        let jobs = self.rows.iter().filter_map(|row| world.jobs().get(*row));
        let ids = jobs.map(|job| &job.definition.id).filter(|id| self.marks.contains(id));
        ids.cloned().collect()
    }

    /// Works out how many cells the columns need, where that may have changed.
    pub(crate) fn measure(&mut self, world: &World, zone: Tz) {
        if self.measured != Some(zone) {
            self.measured = Some(zone);
            self.needs = JobNeeds::of(world, zone);
        }
    }

    /// Jobs changed, but none came or went: the rows stay as they are unless they depend on how
    /// jobs are.
    pub(crate) fn touch_status(&mut self) {
        let sorted = self.order != JobOrder::Id && !self.tree;
        let depends = self.only_wrong || sorted || !self.filter.is_empty();
        self.stale |= depends;
    }

    /// The rows, as places in `World::jobs`.
    pub(crate) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Selects the first row, whichever job that is.
    pub(crate) fn select_first(&mut self) {
        self.stale = true;
        self.selected = None;
        self.cursor = Cursor::default();
    }

    /// The selected job.
    pub(crate) const fn selected(&self) -> Option<&JobId> {
        self.selected.as_ref()
    }

    pub(crate) fn go(&mut self, step: Move, world: &World, height: usize) {
        self.cursor.go(step, self.rows.len(), height);
        self.remember(world);
    }

    /// Works the rows out where they are stale, and keeps selection and window inside.
    pub(crate) fn settle(&mut self, world: &World, height: usize) {
        if std::mem::take(&mut self.stale) {
            if self.texts.len() != world.jobs().len() && !self.filter.is_empty() {
                self.texts = world.jobs().iter().map(|job| Filter::text_of(job)).collect();
            }
            self.rows = self.work_out(world);
            self.depths.clear();
            if self.tree {
                (self.rows, self.depths) = tree::grow(world.jobs(), &self.rows);
            }
            let is_selected = |row: &usize| {
                world.jobs().get(*row).map(|job| &job.definition.id) == self.selected.as_ref()
            };
            if let Some(at) = self.rows.iter().position(is_selected) {
                self.cursor.at = at;
            }
        }
        self.cursor.settle(self.rows.len(), height);
        self.remember(world);
    }

    fn remember(&mut self, world: &World) {
        let row = self.rows.get(self.cursor.at);
        let job = row.and_then(|row| world.jobs().get(*row));
        self.selected = job.map(|job| job.definition.id.clone());
    }

    fn work_out(&self, world: &World) -> Vec<usize> {
        let jobs = world.jobs().iter().map(AsRef::as_ref).enumerate();
        let wrong = jobs.filter(|(_, job)| !self.only_wrong || job.is_wrong_or_acknowledged());
        let mut rows = if self.filter.is_empty() {
            wrong.map(|(at, _)| at).collect()
        } else {
            let text = |at: usize| self.texts.get(at).map_or("", String::as_str);
            self.filter.matching(wrong, text, |job| word(world.condition(job)))
        };
        if self.tree {
            return rows;
        }
        self.order.sort(world, &mut rows);
        if self.reversed {
            rows.reverse();
        }
        if self.only_wrong {
            // What someone knows about already stands below what nobody does.
            rows.sort_by_key(|at| world.jobs()[*at].acknowledged.is_some());
        }
        rows
    }
}

/// The word for a condition.
pub(crate) const fn word(condition: JobCondition) -> &'static str {
    match condition {
        JobCondition::Live(state) | JobCondition::Ended(state) => state.as_str(),
        JobCondition::Wrong(kind) => match kind {
            WrongKind::Failure | WrongKind::TimedOut | WrongKind::NotStarted => "failing",
            WrongKind::Skipped => "skipped",
            WrongKind::Missed => "missed",
            WrongKind::Overlap => "overlap",
            WrongKind::Queued => "queued",
        },
        JobCondition::Acknowledged => "acknowledged",
        JobCondition::Paused => "paused",
        JobCondition::Ok => "ok",
        JobCondition::New => "new",
        JobCondition::Disabled => "disabled",
    }
}
