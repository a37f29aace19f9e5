//! Why a job does or does not run, and why an execution stands where it does: the live state in sentences for people.
//!
//! Owns the words only. Nothing here changes the engine, and what has been is told to it by whoever asks the store.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::job::JobEntry;
use super::queue::{Block, Selector};
use super::workers::PoolEntry;
use super::{Engine, Live};
use crontower_model::{
    Condition, Dependency, Execution, ExecutionId, ExecutionState, JobId, LedgerFate, LedgerRange,
    Now, Overlap, Reason, Refusal, StateName, Trigger, Why,
};
use crontower_schedule::Explanation;

/// No more executions are named in one sentence.
const NAMED_MOST: usize = 3;

/// What the store knows about an instant of a job.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The executions with that fire time, oldest first.
    pub executions: Vec<Arc<Execution>>,
    /// The range of the ledger that holds it.
    pub ledger: Option<LedgerRange>,
    /// The job's newest execution that ran and has ended.
    pub newest: Option<Arc<Execution>>,
}

impl Engine {
    /// Says why a job does or does not run at an instant.
    ///
    /// # Errors
    /// When there is no such job.
    pub fn why_job(
        &self,
        now: Now,
        job: &JobId,
        at: DateTime<Utc>,
        past: &Past,
    ) -> Result<Why, Refusal> {
        self.known(job)?;
        let Some(entry) = self.jobs.get(job) else { return Err(Refusal::Stopping) };
        let named = entry.timetable.as_ref().filter(|timetable| !timetable.is_reboot());
        let mut explanation = named.map(|timetable| timetable.explain(at));
        let fires = explanation.as_ref().is_some_and(|explanation| explanation.fires);
        let second = TimeDelta::seconds(1);
        let (is_past, is_ahead) = (at < now.wall - second, at > now.wall + second);
        let mut lines = recorded(past, fires || named.is_none());
        if !is_past && !is_ahead && !fires {
            // Asked about now, nobody means this very instant.
            explanation = None;
        }
        if is_past && fires && lines.is_empty() {
            lines.push(unrecorded(entry, at));
        }
        lines.extend(halts(entry, at, is_past));
        let of_schedule = self.schedule_says(entry, explanation.as_ref());
        if is_past || is_ahead {
            lines.extend(of_schedule);
            lines.extend(if is_past { Vec::new() } else { self.holds_back(entry, past) });
        } else {
            lines.extend(self.holds_back(entry, past));
            lines.extend(past.newest.as_deref().map(newest_end));
            lines.extend(of_schedule);
        }
        lines.extend(next_fire(entry, now));
        let explanation = explanation.and_then(|it| serde_json::to_value(it).ok());
        Ok(Why { subject: job.to_string(), at, lines, explanation })
    }

    /// Says why an execution stands where it does.
    #[must_use]
    pub fn why_execution(&self, now: Now, execution: &Execution) -> Why {
        let mut lines = vec![format!("it is {}", stands(execution))];
        match &execution.state {
            ExecutionState::Waiting { waiting_for, .. } => {
                lines.extend(self.waits(execution, waiting_for));
            }
            ExecutionState::Queued => {
                lines.extend(self.queued(execution));
                lines.extend(self.forecast(now, execution).map(|at| {
                    format!("it starts at about {}, if all take as long as of late", describe(at))
                }));
            }
            ExecutionState::Retrying { until } => {
                let left = (*until - now.wall).num_seconds().max(0);
                let wait =
                    format!("it goes back to the queue at {} (in {left} s)", describe(*until));
                lines.push(wait);
            }
            _ => {}
        }
        if self.on_failures.is_open(execution.id) {
            lines.push("its `on_failure` has not ended yet".to_owned());
        }
        lines.extend(execution.attempts.iter().rev().filter_map(|attempt| {
            let number = attempt.number;
            let outcome = attempt.outcome()?.as_str();
            let error = attempt.error().map_or_else(String::new, |error| format!(": {error}"));
            Some(format!("attempt {number} on {}: {outcome}{error}", attempt.worker_id))
        }));
        lines.push(origin(execution));
        lines.extend(execution.history.iter().rev().map(|step| {
            format!("{} {}{}", describe(step.at), step.state, step.reason.beyond(step.state))
        }));
        let scheduled = matches!(execution.trigger, Trigger::Schedule | Trigger::CatchUp);
        let timetable = self.jobs.get(&execution.job_id).and_then(|job| job.timetable.as_ref());
        let explanation = timetable
            .filter(|timetable| scheduled && !timetable.is_reboot())
            .and_then(|it| serde_json::to_value(it.explain(execution.fire_time)).ok());
        Why { subject: execution.id.to_string(), at: now.wall, lines, explanation }
    }

    /// What the schedule says of the instant, or what fires a job without one.
    fn schedule_says(&self, entry: &JobEntry, explanation: Option<&Explanation>) -> Vec<String> {
        let words = entry.in_words.as_deref().unwrap_or_default();
        if let Some(explanation) = explanation {
            return vec![verdict(explanation, words)];
        }
        if let Some(timetable) = &entry.timetable {
            return vec![if timetable.is_reboot() {
                "it fires once, at the engine's first start after a boot".to_owned()
            } else {
                format!("its schedule: {words}")
            }];
        }
        if !entry.is_chain() {
            return vec![
                "it has no schedule and no dependencies: it runs when asked to".to_owned(),
            ];
        }
        let mut lines = vec![
            "it has no schedule: it fires when its dependencies have ended as asked".to_owned(),
        ];
        let open = Self::chain_waits_for(entry, usize::MAX);
        lines.extend(open.iter().filter_map(|job| {
            let asked = entry.definition.dependencies.iter().find(|one| one.job == *job)?;
            Some(self.dependency_says(asked))
        }));
        lines
    }

    /// What stands in the way of an execution made now, and the live ones.
    fn holds_back(&self, entry: &JobEntry, past: &Past) -> Vec<String> {
        let mut lines = Vec::new();
        let selector = Selector::of(entry.definition.workers.as_ref());
        match self.workers.unavailable_reason(&selector) {
            None => lines.push(no_worker(&selector)),
            Some(_) if self.workers.matching(&selector).any(PoolEntry::takes) => {}
            Some(unavailable) => lines.push(format!("{unavailable}: its executions stay queued")),
        }
        let is_reported =
            |id: &ExecutionId| past.executions.iter().any(|described| described.id == *id);
        let mut live: Vec<ExecutionId> = entry.live().filter(|id| !is_reported(id)).collect();
        live.sort_unstable();
        let execution = |id: &ExecutionId| self.live.get(id).map(|live| &live.execution);
        lines.extend(live.iter().rev().take(NAMED_MOST).filter_map(execution).map(|execution| {
            format!("execution {} is {}", execution.id.short(), stands(execution))
        }));
        // What holds the newest of them back holds the others back, too.
        let newest = live.last().and_then(execution);
        let queued = newest.filter(|it| it.state.name() == StateName::Queued);
        lines.extend(queued.into_iter().flat_map(|execution| self.queued(execution)));
        if live.len() > NAMED_MOST {
            lines.push(format!("{} further executions are live", live.len() - NAMED_MOST));
        }
        let overlap = match entry.definition.overlap {
            Overlap::Skip => "a fire time now is recorded as skipped (overlap: skip)",
            Overlap::Queue => "one fire time waits, further ones are skipped (overlap: queue)",
            Overlap::QueueAll => "a fire time now waits for its turn (overlap: queue_all)",
            Overlap::Replace => "a fire time now ends the live execution (overlap: replace)",
            Overlap::Allow => "",
        };
        if entry.blocking() > 0 && !overlap.is_empty() {
            lines.push(overlap.to_owned());
        }
        if let Some(caught_up) = entry.state.catching_up.first() {
            let count = entry.state.catching_up.len();
            let first = describe(*caught_up);
            lines
                .push(format!("{count} missed fire times are still to be caught up, from {first}"));
        }
        lines
    }

    /// What an execution still waits for, and what ends the wait.
    fn waits(&self, execution: &Execution, waiting_for: &[JobId]) -> Vec<String> {
        let Some(Live { definition, .. }) = self.live.get(&execution.id) else { return Vec::new() };
        let asked = definition.dependencies.iter().filter(|one| waiting_for.contains(&one.job));
        let mut lines: Vec<String> = asked.map(|one| self.dependency_says(one)).collect();
        if let Some(limit) = definition.dependency_timeout {
            let ends = TimeDelta::from_std(limit).ok();
            let ends = ends.and_then(|limit| execution.created_at.checked_add_signed(limit));
            lines.extend(
                ends.map(|at| format!("the wait ends at {} (dependency_timeout)", describe(at))),
            );
        }
        let next = self.jobs.get(&execution.job_id).and_then(|entry| entry.next_fire);
        lines.extend(next.map(|at| {
            format!("at the job's next fire time, {}, it gives way to the next one", describe(at))
        }));
        lines
    }

    /// What is asked of a dependency, and where it stands.
    fn dependency_says(&self, dependency: &Dependency) -> String {
        let asked = match dependency.on {
            Condition::Success => "to succeed",
            Condition::Failure => "to fail",
            Condition::Completion => "to end",
        };
        let job = &dependency.job;
        let Some(entry) = self.jobs.get(job) else {
            return format!("it waits for `{job}` {asked}, and there is no such job");
        };
        let mut stands = match (&entry.state.last_ran, entry.blocking() + entry.waiting.len()) {
            (_, live) if live > 0 => "an execution of it is live".to_owned(),
            (Some(last), _) => {
                let ended =
                    last.finished_at.map_or_else(String::new, |at| format!(" at {}", describe(at)));
                format!("its last execution {} {}{ended}", last.id.short(), last.state)
            }
            (None, _) => "it never ran".to_owned(),
        };
        if let Some(next) = entry.next_fire {
            stands += &format!("; its next fire time is {}", describe(next));
        } else if !entry.fires() {
            stands += "; it is paused or disabled";
        }
        format!("it waits for `{job}` {asked}: {stands}")
    }

    /// What a queued execution waits behind.
    fn queued(&self, execution: &Execution) -> Vec<String> {
        let Some((before, block)) = self.queue.place_of(execution.id) else {
            let entry = self.jobs.get(&execution.job_id);
            let before =
                |at: &(DateTime<Utc>, ExecutionId)| *at < (execution.fire_time, execution.id);
            let ahead =
                entry.map_or(0, |entry| entry.backlog.iter().filter(|at| before(at)).count());
            let line = format!("{ahead} more executions of the job are queued before it");
            return if ahead > 0 { vec![line] } else { Vec::new() };
        };
        let mut lines = Vec::new();
        match block {
            None => lines.extend(self.slots_held(execution, &Selector::default())),
            Some(Block::Slot(selector)) => lines.extend(self.slots_held(execution, selector)),
            Some(Block::Limit(name)) => {
                let most = self.settings.limits.get(name).copied().unwrap_or_default();
                let holders = self.running_with(|live| live.definition.limits.contains(name));
                lines.push(format!("the limit `{name}` ({most}) is held by {holders}"));
            }
            Some(Block::Concurrency(job)) => {
                let holders = self.running_with(|live| live.execution.job_id == *job);
                lines.push(format!("the `concurrency` of `{job}` is used up by {holders}"));
            }
        }
        let priority = execution.priority.as_str();
        lines.push(match before {
            0 => format!("it is the next of those that wait for the same (priority {priority})"),
            1 => format!("1 execution that waits for the same is before it (priority {priority})"),
            n => {
                format!("{n} executions that wait for the same are before it (priority {priority})")
            }
        });
        lines
    }

    /// Why no slot is free, and who holds the slots.
    fn slots_held(&self, execution: &Execution, selector: &Selector) -> Vec<String> {
        let Some(unavailable) = self.workers.unavailable_reason(selector) else {
            return vec![no_worker(selector)];
        };
        let said = unavailable.to_string();
        let is_told = execution.reason == Reason::NoSlot(unavailable);
        let mut lines = if is_told { Vec::new() } else { vec![said] };
        let takes = self.workers.matching(selector).filter(|entry| entry.takes());
        let holders: BTreeSet<ExecutionId> =
            takes.flat_map(|entry| entry.running.keys().copied()).collect();
        if !holders.is_empty() {
            let holders = self.running_with(|live| holders.contains(&live.execution.id));
            lines.push(format!("the slots that it may have are held by {holders}"));
        }
        lines
    }

    /// The running executions for which something holds, by name.
    fn running_with(&self, holds: impl Fn(&Live) -> bool) -> String {
        let is_running = |live: &&Live| live.execution.state.name() == StateName::Running;
        let mut running: Vec<&Live> =
            self.live.values().filter(is_running).filter(|live| holds(live)).collect();
        running.sort_by_key(|live| live.execution.id);
        let name =
            |live: &&Live| format!("{} ({})", live.execution.id.short(), live.execution.job_id);
        let mut names: Vec<String> = running.iter().take(NAMED_MOST).map(name).collect();
        if running.len() > NAMED_MOST {
            names.push(format!("{} more", running.len() - NAMED_MOST));
        }
        if names.is_empty() { "nobody any more".to_owned() } else { names.join(", ") }
    }
}

fn newest_end(newest: &Execution) -> String {
    let (id, state) = (newest.id.short(), newest.state.name());
    let at = newest.finished_at.map_or_else(String::new, |at| format!(" at {}", describe(at)));
    let more = newest.reason.beyond(state);
    format!("execution {id}, the newest that has ended, {state}{at}{more}")
}

/// What became of the instant. Between the fire times of a range nothing was due.
fn recorded(past: &Past, was_due: bool) -> Vec<String> {
    let mut lines: Vec<String> = past
        .executions
        .iter()
        .map(|execution| {
            let (id, trigger) = (execution.id.short(), execution.trigger.as_str());
            format!("execution {id} ({trigger}) was made for it and is {}", stands(execution))
        })
        .collect();
    let says = |range: &&LedgerRange| {
        was_due && (range.fate != LedgerFate::TakenBack || past.executions.is_empty())
    };
    if let Some(range) = past.ledger.as_ref().filter(says) {
        lines.push(if range.count == 1 {
            format!("no execution was made for it: the fire time {}", range.reason)
        } else {
            let (count, first, last) = (range.count, describe(range.first), describe(range.last));
            let reason = &range.reason;
            format!(
                "no execution was made for it: {count} fire times from {first} to {last} {reason}"
            )
        });
    }
    lines
}

fn unrecorded(entry: &JobEntry, at: DateTime<Utc>) -> String {
    if entry.state.catching_up.contains(&at) {
        "it was missed and is still to be caught up".to_owned()
    } else if at > entry.state.accounted_until {
        "nothing is recorded for it yet".to_owned()
    } else {
        "nothing is recorded for it: the job was not there then, had another schedule, or its history \
         is no longer kept"
            .to_owned()
    }
}

/// The operator's and the author's halts.
fn halts(entry: &JobEntry, at: DateTime<Utc>, is_past: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(pause) = entry.state.pause.as_ref().filter(|pause| !is_past || pause.at <= at) {
        let reason = pause.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        let until = pause.until.map_or_else(|| "it is resumed".to_owned(), describe);
        let (by, since) = (&pause.by, describe(pause.at));
        let over = pause.until.is_some_and(|until| until <= at);
        let over = if over { " (over by then)" } else { "" };
        lines.push(format!("it is paused by {by} since {since} until {until}{over}{reason}"));
    }
    if let Some(skip) = entry.state.skip_next.as_ref().filter(|skip| skip.fire_time >= at) {
        let (fire_time, by, since) = (describe(skip.fire_time), &skip.by, describe(skip.at));
        lines.push(format!("its fire time {fire_time} was called off by {by} at {since}"));
    }
    if !entry.definition.enabled {
        lines.push(
            "it is disabled (`enabled: false`): nothing but a run by hand starts it".to_owned(),
        );
    }
    lines
}

fn verdict(explanation: &Explanation, words: &str) -> String {
    let at = explanation.local.format("%a %Y-%m-%d %H:%M:%S %:z");
    if explanation.fires {
        return format!("{at} is a fire time of: {words}");
    }
    let unfit = explanation.verdicts.iter().filter(|verdict| !verdict.fits);
    let unfit: Vec<String> = unfit
        .map(|verdict| format!("{} is {}, wanted {}", verdict.field, verdict.found, verdict.wanted))
        .collect();
    let colon = if unfit.is_empty() { "" } else { ": " };
    format!("{at} is no fire time of: {words}{colon}{}", unfit.join("; "))
}

fn next_fire(entry: &JobEntry, now: Now) -> Option<String> {
    let timetable = entry.timetable.as_ref().filter(|timetable| !timetable.is_reboot())?;
    if let Some(next) = entry.next_fire {
        return Some(format!("its next fire time is {}", describe(next)));
    }
    let Some(next) = timetable.fire_time_after(now.wall) else {
        return Some("it has no fire time any more".to_owned());
    };
    let pause_ends = entry.state.pause.as_ref().and_then(|pause| pause.until);
    match pause_ends.filter(|_| entry.definition.enabled) {
        Some(until) => {
            let after = timetable.fire_time_after(until - TimeDelta::nanoseconds(1));
            after.map(|next| format!("its first fire time after the pause is {}", describe(next)))
        }
        None => Some(format!("its schedule names {} next, but does not fire", describe(next))),
    }
}

/// Its state and the reason, the state said once, and whether its attempt is being stopped.
fn stands(execution: &Execution) -> String {
    let state = execution.state.name();
    let more = execution.reason.beyond(state);
    let stopping = execution.stopping().map_or_else(String::new, |stopping| {
        let since =
            stopping.since.map_or_else(String::new, |at| format!(" since {}", describe(at)));
        format!("; stopping{since}: {}", stopping.reason)
    });
    format!("{state}{more}{stopping}")
}

/// Why an execution exists.
fn origin(execution: &Execution) -> String {
    let fire_time = describe(execution.fire_time);
    let by = execution.requested_by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    match execution.trigger {
        Trigger::Schedule => format!("its job's schedule named {fire_time}"),
        Trigger::CatchUp => format!("its job's schedule named {fire_time}, which was missed"),
        Trigger::Manual => format!("it was asked for{by} at {fire_time}"),
        Trigger::Dependency => {
            format!("the dependencies of its job had ended as asked at {fire_time}")
        }
        Trigger::Retry => {
            let of = execution.retry_of.map_or_else(String::new, |of| format!(" {}", of.short()));
            format!("it repeats the execution{of}, asked for{by}")
        }
        Trigger::Reboot => "the machine was booted".to_owned(),
    }
}

fn no_worker(selector: &Selector) -> String {
    let mut asked = Vec::new();
    if !selector.ids.is_empty() {
        let ids: Vec<&str> = selector.ids.iter().map(crontower_model::WorkerId::as_str).collect();
        asked.push(format!("the id {}", ids.join(" or ")));
    }
    if !selector.labels.is_empty() {
        asked.push(format!("the labels {}", selector.labels.join(", ")));
    }
    if asked.is_empty() {
        "no worker is there: its executions stay queued".to_owned()
    } else {
        format!("no worker has {}: its executions stay queued", asked.join(" and "))
    }
}

fn describe(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
