//! When a queued execution will start, as far as the past tells: from who holds what it waits for, who is before it, and
//! how long executions of those jobs took of late.
//!
//! Owns an estimate only. Where one of them was never seen to succeed nothing is foretold.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use chrono::{DateTime, TimeDelta, Utc};

use super::queue::{Block, Selector};
use super::{Engine, Live};
use crontower_model::{Execution, ExecutionId, JobId, Now, StateName, Summary};

/// Behind more than so many nothing is foretold.
const MOST_AHEAD: usize = 1_000;

/// What an execution waits for: places, those that hold them, and those whose turn comes first.
struct Line {
    places: usize,
    holders: Vec<ExecutionId>,
    ahead: Vec<ExecutionId>,
}

impl Engine {
    /// About when a queued execution starts, if that can be told.
    pub(super) fn forecast(&self, now: Now, execution: &Execution) -> Option<DateTime<Utc>> {
        let Line { places, holders, ahead } = self.line_of(execution)?;
        let mut ends = BinaryHeap::with_capacity(holders.len());
        for id in &holders {
            let Live { execution, .. } = self.live.get(id)?;
            let attempt = execution.attempt().filter(|it| !it.has_ended())?;
            let began = attempt.started_at().unwrap_or(attempt.assigned_at);
            let end = began.checked_add_signed(self.typical(&execution.job_id)?)?;
            ends.push(Reverse(end.max(now.wall)));
        }
        let free = places.saturating_sub(holders.len());
        ends.extend(std::iter::repeat_n(Reverse(now.wall), free.min(MOST_AHEAD + 1)));
        // Where more hold a place than there are, that many must end first.
        for _ in places..holders.len() {
            ends.pop();
        }
        for id in &ahead {
            let Reverse(start) = ends.pop()?;
            let lasts = self.typical(&self.live.get(id)?.execution.job_id)?;
            ends.push(Reverse(start.checked_add_signed(lasts)?));
        }
        ends.pop().map(|Reverse(start)| start)
    }

    fn line_of(&self, execution: &Execution) -> Option<Line> {
        let id = execution.id;
        let Some((before, block)) = self.queue.place_of(id) else {
            return self.line_of_job(execution);
        };
        if before > MOST_AHEAD {
            return None;
        }
        let ahead = self.queue.ahead_of(id);
        let none = Selector::default();
        let (places, holders) = match block {
            None => self.slots_for(&none)?,
            Some(Block::Slot(selector)) => self.slots_for(selector)?,
            Some(Block::Limit(name)) => {
                let most = *self.settings.limits.get(name)?;
                (most, self.running_ids(|live| live.definition.limits.contains(name)))
            }
            Some(Block::Concurrency(job)) => {
                let most = self.jobs.get(job)?.definition.concurrency?;
                (most, self.running_ids(|live| live.execution.job_id == *job))
            }
        };
        Some(Line { places: usize::try_from(places).ok()?, holders, ahead })
    }

    /// Of one that waits behind others of its job: these come one after the other.
    fn line_of_job(&self, execution: &Execution) -> Option<Line> {
        let entry = self.jobs.get(&execution.job_id)?;
        let place = (execution.fire_time, execution.id);
        if !entry.backlog.contains(&place) || entry.backlog.len() > MOST_AHEAD {
            return None;
        }
        let holders = entry.active.iter().copied().collect();
        let ahead = entry.backlog.range(..place).map(|(_, id)| *id).collect();
        Some(Line { places: 1, holders, ahead })
    }

    fn slots_for(&self, selector: &Selector) -> Option<(u32, Vec<ExecutionId>)> {
        if !self.workers.is_connected() {
            return None;
        }
        let pools = || self.workers.matching(selector).filter(|entry| entry.takes());
        let slots = pools().map(|entry| entry.capacity()).sum();
        let holders = pools().flat_map(|entry| entry.running.keys().copied()).collect();
        (slots > 0).then_some((slots, holders))
    }

    fn running_ids(&self, holds: impl Fn(&Live) -> bool) -> Vec<ExecutionId> {
        let is_running = |live: &&Live| live.execution.state.name() == StateName::Running;
        let running = self.live.values().filter(is_running).filter(|live| holds(live));
        running.map(|live| live.execution.id).collect()
    }

    /// How long executions of a job take: the median of those that succeeded of late.
    fn typical(&self, job: &JobId) -> Option<TimeDelta> {
        let took = |it: &Summary| Some(it.finished_at? - it.started_at?);
        let entry = self.jobs.get(job)?;
        let succeeded = entry.recent.iter().filter(|it| it.state == StateName::Succeeded);
        let mut times: Vec<TimeDelta> = succeeded.filter_map(took).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }
}
