//! A job inside the engine: its definition, its timetable, and where its executions stand.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::wrong::Starved;
use crontower_model::{
    ExecutionId, Job, JobId, JobRecord, JobState, JobStatus, LedgerFate, Overlap, RECENT, Source,
    Summary,
};
use crontower_schedule::Timetable;

/// A job and what is live of it.
#[derive(Debug)]
pub(super) struct JobEntry {
    pub(super) definition: Arc<Job>,
    pub(super) source: Source,
    pub(super) version: u32,
    pub(super) state: JobState,
    pub(super) timetable: Option<Timetable>,
    /// What it says in plain English, made once.
    pub(super) in_words: Option<String>,
    /// The next fire time that will fire: one that is called off is passed over.
    pub(super) next_fire: Option<DateTime<Utc>>,
    /// Its entries on the agenda: the ends of its pause and of its acknowledgement, and what its schedule names next.
    pub(super) planned: [Option<DateTime<Utc>>; 3],
    /// Jobs that depend on this one, each with the place of that dependency among its own.
    pub(super) dependents: Vec<(JobId, usize)>,
    /// Of a chain: the places of the dependencies that have not ended as asked since it last fired.
    pub(super) open: BTreeSet<usize>,
    /// Executions that wait for dependencies.
    pub(super) waiting: BTreeSet<ExecutionId>,
    /// Executions that `overlap` lets in: queued, running or retrying.
    pub(super) active: BTreeSet<ExecutionId>,
    /// Executions that wait until no other one of the job is active.
    pub(super) backlog: BTreeSet<(DateTime<Utc>, ExecutionId)>,
    /// How many attempts run.
    pub(super) running: u32,
    /// Those that have waited too long for a slot.
    pub(super) starved: Starved,
    /// A timer stands for the next caught-up execution.
    pub(super) catch_up_timer: bool,
    /// The newest final executions, oldest first.
    pub(super) recent: VecDeque<Summary>,
    /// The job as others see it, since the end of the step that changed it last: a picture of all jobs costs no more
    /// than a list of them.
    pub(super) shown: Option<Arc<JobStatus>>,
}

impl JobEntry {
    pub(super) fn new(
        definition: Arc<Job>,
        source: Source,
        version: u32,
        state: JobState,
        timetable: Option<Timetable>,
    ) -> Self {
        let in_words = timetable.as_ref().map(Timetable::in_words);
        Self {
            definition,
            source,
            version,
            state,
            timetable,
            in_words,
            next_fire: None,
            planned: [None; 3],
            dependents: Vec::new(),
            open: BTreeSet::new(),
            waiting: BTreeSet::new(),
            active: BTreeSet::new(),
            backlog: BTreeSet::new(),
            running: 0,
            starved: Starved::default(),
            catch_up_timer: false,
            recent: VecDeque::new(),
            shown: None,
        }
    }

    /// Whether fire times become executions now.
    pub(super) fn fires(&self) -> bool {
        self.definition.enabled && self.state.pause.is_none()
    }

    /// Why it does not fire now, as the ledger tells it.
    pub(super) fn suppression(&self) -> Option<(LedgerFate, &'static str)> {
        if self.state.pause.is_some() {
            Some((LedgerFate::Paused, "passed while the job was paused"))
        } else if !self.definition.enabled {
            Some((LedgerFate::Disabled, "passed while the job was disabled"))
        } else {
            None
        }
    }

    /// What its schedule names next, called off or not; `None` while nothing may fire.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        let timetable = self.timetable.as_ref().filter(|_| self.fires())?;
        let mut at = timetable.fire_time_after(self.state.accounted_until)?;
        for span in &self.state.fired_ahead {
            if span.holds(at) {
                at = timetable.fire_time_after(span.last)?;
            }
        }
        Some(at)
    }

    /// Whether a fire time has its execution though it lies ahead: the clock was there before.
    pub(super) fn has_fired(&self, at: DateTime<Utc>) -> bool {
        self.state.fired_ahead.iter().any(|span| span.holds(at))
    }

    /// The fire time that an operator has called off.
    pub(super) fn called_off(&self) -> Option<DateTime<Utc>> {
        self.state.skip_next.as_ref().map(|skip| skip.fire_time)
    }

    /// A job without a schedule that fires when its dependencies have ended.
    pub(super) fn is_chain(&self) -> bool {
        self.definition.schedule.is_none() && !self.definition.dependencies.is_empty()
    }

    /// An end of a dependency counts as fresh if it lies after this instant: the job's own firing before.
    pub(super) fn fresh_after(&self) -> Option<DateTime<Utc>> {
        if self.is_chain() { Some(self.state.chain_fired_at) } else { self.state.last_fire_time }
    }

    /// Whether its executions follow one another.
    pub(super) fn is_serial(&self) -> bool {
        self.definition.overlap != Overlap::Allow
    }

    /// Live executions that count for `overlap`: those that wait for dependencies never block.
    pub(super) fn blocking(&self) -> usize {
        self.active.len() + self.backlog.len()
    }

    pub(super) fn live(&self) -> impl Iterator<Item = ExecutionId> {
        let backlog = self.backlog.iter().map(|(_, id)| *id);
        self.waiting.iter().copied().chain(self.active.iter().copied()).chain(backlog)
    }

    /// The newest live execution, without a walk over all of them.
    pub(super) fn newest_live(&self) -> Option<ExecutionId> {
        let behind = self.backlog.last().map(|(_, id)| *id);
        [self.waiting.last().copied(), self.active.last().copied(), behind]
            .into_iter()
            .flatten()
            .max()
    }

    pub(super) fn remember(&mut self, summary: Summary, order: u64) {
        if summary.state != crontower_model::StateName::Skipped {
            self.state.last_ran = Some(summary.clone());
            self.state.last_ran_order = order;
        }
        remember(&mut self.recent, summary);
    }

    pub(super) fn record(&self) -> JobRecord {
        JobRecord {
            definition: Arc::clone(&self.definition),
            source: self.source,
            version: self.version,
            state: Arc::new(self.state.clone()),
        }
    }

    /// The job as others see it, without what only the whole engine knows.
    pub(super) fn status(
        &self,
        newest_live: Option<Summary>,
        waiting_for: Vec<JobId>,
    ) -> JobStatus {
        JobStatus {
            definition: Arc::clone(&self.definition),
            source: self.source,
            version: self.version,
            next_fire_time: self.next_fire,
            paused: self.state.pause.clone(),
            skip_next: self.state.skip_next.clone(),
            wrong: self.wrong(),
            acknowledged: self.state.acknowledged.clone(),
            schedule_in_words: self.in_words.clone(),
            live: u32::try_from(self.waiting.len() + self.blocking()).unwrap_or(u32::MAX),
            waiting_for,
            last_execution: newest_live.or_else(|| self.recent.back().cloned()),
            recent: self.recent.iter().cloned().collect(),
        }
    }
}

/// Adds a final execution to the newest ones of its job.
pub(super) fn remember(recent: &mut VecDeque<Summary>, summary: Summary) {
    recent.push_back(summary);
    if recent.len() > RECENT {
        recent.pop_front();
    }
}
