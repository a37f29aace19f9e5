//! Putting a set of file jobs in force: all or nothing. Running executions keep the definition they started with.
//!
//! Jobs of programs stay as they are. They are judged again with the new set, though: each may wait for the other kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Engine;
use super::graph::{self, Fault};
use super::job::{JobEntry, remember};
use crontower_model::{
    Acknowledgement, Change, EventKind, Execution, ExecutionId, ExecutionState, Job, JobId,
    JobRecord, JobSet, JobState, LedgerFate, Now, Problem, Reason, Refusal, Retired, Scope,
    Settings, Source, StateName, keys_of,
};
use crontower_schedule::Timetable;

/// When a set is put in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Before the engine runs: what a program's job lost with the file must not keep it from starting.
    Starting,
    /// While it runs: what would take something away from a program's job is refused.
    Running,
}

/// How many jobs came, changed and went.
#[derive(Debug, Default)]
pub(super) struct Tally {
    added: usize,
    changed: usize,
    removed: usize,
}

impl Engine {
    /// Puts the jobs and settings of a file in force.
    pub(super) fn apply(&mut self, now: Now, set: JobSet, when: When) -> Result<(), Refusal> {
        let timetables = self.compile(&set, when)?;
        let mut tally = Tally::default();
        let moved = self.settings.timezone != set.settings.timezone
            || self.settings.calendars != set.settings.calendars;
        self.settings = set.settings;
        let kept: BTreeSet<&JobId> = set.jobs.iter().map(|job| &job.id).collect();
        let gone: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(id, entry)| entry.source == Source::File && !kept.contains(id))
            .map(|(id, _)| id.clone())
            .collect();
        for job in gone {
            self.remove_job(now, &job);
            tally.removed += 1;
        }
        for (job, timetable) in set.jobs.into_iter().zip(timetables) {
            self.put(now, job, timetable, Source::File, &mut tally);
        }
        if moved {
            self.plan_others();
        }
        self.link_dependents();
        self.configure_workers();
        let Tally { added, changed, removed } = tally;
        self.out.facts.push(EventKind::Reloaded { added, changed, removed });
        Ok(())
    }

    /// The timetables of a set, or everything that is wrong with it.
    fn compile(&self, set: &JobSet, when: When) -> Result<Vec<Option<Timetable>>, Refusal> {
        let mut problems = Vec::new();
        let mut timetables = Vec::with_capacity(set.jobs.len());
        for job in &set.jobs {
            match job.timetable(&set.settings, self.config.system_zone) {
                Ok(timetable) => timetables.push(timetable),
                Err(error) => problems.push(Problem {
                    path: format!("{}.schedule", job.id),
                    message: error.to_string(),
                }),
            }
            if self.jobs.get(&job.id).is_some_and(|entry| entry.source == Source::Api) {
                problems.push(Problem {
                    path: job.id.to_string(),
                    message:
                        "a job of this id was made by the API: delete it first, or take another id"
                            .into(),
                });
            }
        }
        problems.extend(self.check_edges(set, when));
        if when == When::Running {
            problems.extend(self.broken_timetables(&set.settings));
        }
        if problems.is_empty() { Ok(timetables) } else { Err(Refusal::Invalid(problems)) }
    }

    /// What is wrong with the dependencies of the set's jobs and those of programs among each other.
    fn check_edges(&self, set: &JobSet, when: When) -> Vec<Problem> {
        let others = || self.jobs.values().filter(|entry| entry.source == Source::Api);
        let all = set.jobs.iter().chain(others().map(|entry| &*entry.definition));
        let describe = |fault: Fault| {
            let of_program = others().any(|entry| entry.definition.id == fault.job);
            let message = match fault.missing.filter(|_| of_program) {
                None => fault.message,
                // Of what was in vain before, or could not be refused before the start, nothing is said.
                Some(missing) if when == When::Starting || !self.jobs.contains_key(&missing) => {
                    return None;
                }
                Some(missing) => {
                    format!(
                        "the job, made by the API, waits for `{missing}`, which would go: change or delete it first"
                    )
                }
            };
            Some(Problem { path: format!("{}.dependencies", fault.job), message })
        };
        graph::check(all).into_iter().filter_map(describe).collect()
    }

    /// Jobs of programs that fire now and could not under other settings.
    fn broken_timetables(&self, settings: &Settings) -> Vec<Problem> {
        let fires = |entry: &&JobEntry| entry.source == Source::Api && entry.timetable.is_some();
        let broken = |entry: &JobEntry| {
            let job = &*entry.definition;
            let error = job.timetable(settings, self.config.system_zone).err()?;
            let message = format!("the job, made by the API, could not fire any more: {error}");
            Some(Problem { path: format!("{}.schedule", job.id), message })
        };
        self.jobs.values().filter(fires).filter_map(broken).collect()
    }

    /// Reads the schedules of programs' jobs anew: zone or calendars are others.
    fn plan_others(&mut self) {
        let others = self.jobs.iter().filter(|(_, entry)| entry.source == Source::Api);
        let others: Vec<(JobId, Option<Timetable>)> = others
            .map(|(id, entry)| (id.clone(), self.timetable_of(&entry.definition, &self.settings)))
            .collect();
        for (job, timetable) in others {
            if let Some(entry) = self.jobs.get_mut(&job) {
                entry.in_words = timetable.as_ref().map(Timetable::in_words);
                entry.timetable = timetable;
            }
            self.check_called_off(&job);
            self.plan_next(&job);
        }
    }

    /// Adds a job, or puts its new definition in force.
    pub(super) fn put(
        &mut self,
        now: Now,
        job: Job,
        timetable: Option<Timetable>,
        source: Source,
        tally: &mut Tally,
    ) {
        let id = job.id.clone();
        match self.jobs.get(&id) {
            None => {
                tally.added += 1;
                self.add(now, job, timetable, source);
            }
            Some(entry) if *entry.definition == job => {
                if let Some(entry) = self.jobs.get_mut(&id) {
                    entry.in_words = timetable.as_ref().map(Timetable::in_words);
                    entry.timetable = timetable;
                }
            }
            Some(_) => {
                tally.changed += 1;
                self.change(now, job, timetable);
            }
        }
        self.check_called_off(&id);
        self.plan_next(&id);
    }

    /// Adds a job. One that was there before goes on counting its versions, and what still runs of it is its own again.
    fn add(&mut self, now: Now, job: Job, timetable: Option<Timetable>, source: Source) {
        let id = job.id.clone();
        let before = self.retired.remove(&id);
        let version = before.as_ref().map_or(0, |before| before.version) + 1;
        let definition = Arc::new(job);
        self.out.facts.push(EventKind::JobAdded { job_id: id.clone(), version });
        self.save_version(now, &definition, version);
        let mut state = JobState::new(now.wall);
        state.chain_fired_order = self.order;
        if let Some(before) = before {
            go_on_from(&mut state, &before);
        }
        let mut entry = JobEntry::new(definition, source, version, state, timetable);
        entry.recent = self.gone_recent.remove(&id).unwrap_or_default();
        for live in self.live.values().filter(|live| live.execution.job_id == id) {
            entry.active.insert(live.execution.id);
            entry.running += u32::from(live.execution.state.name() == StateName::Running);
        }
        self.jobs.insert(id.clone(), entry);
        self.touch_job(&id);
        self.look_ahead_of(now, &id);
    }

    /// Puts a new definition of a job in force. What was due under the old one keeps its fate.
    fn change(&mut self, now: Now, job: Job, timetable: Option<Timetable>) {
        let id = job.id.clone();
        let Some(entry) = self.jobs.get(&id) else { return };
        let changed = changed_keys(&entry.definition, &job);
        if !entry.definition.enabled && job.enabled {
            let why = "passed while the job was disabled";
            self.close_silence(&id, now.wall, LedgerFate::Disabled, why);
        } else if changed.iter().any(|key| affects_firing(key)) {
            let changed = (LedgerFate::Missed, "were missed: the schedule was changed meanwhile");
            let (fate, why) = entry.suppression().unwrap_or(changed);
            let before = entry.state.last_fire_time;
            self.close_silence(&id, now.wall, fate, why);
            let last = self.jobs.get(&id).and_then(|entry| entry.state.last_fire_time);
            if let Some(last) =
                last.filter(|last| fate == LedgerFate::Missed && before != Some(*last))
            {
                self.note_missed(
                    now,
                    &id,
                    last,
                    "no engine ran at it, and the schedule was changed",
                );
            }
        }
        if !job.enabled {
            let why = "were to be caught up when the job was disabled";
            self.drop_catch_up(&id, usize::MAX, LedgerFate::Disabled, why);
        }
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        if entry.definition.enabled && !job.enabled {
            entry.state.accounted_until = entry.state.accounted_until.max(now.wall);
        }
        entry.version += 1;
        entry.definition = Arc::new(job);
        entry.in_words = timetable.as_ref().map(Timetable::in_words);
        entry.timetable = timetable;
        let (definition, version) = (Arc::clone(&entry.definition), entry.version);
        self.out.facts.push(EventKind::JobChanged { job_id: id.clone(), version, changed });
        self.save_version(now, &definition, version);
        self.touch_job(&id);
        self.read_anew(now, &id);
    }

    /// What has not started takes priority, limits and selector from the definition in force.
    fn read_anew(&mut self, now: Now, job: &JobId) {
        let Some(entry) = self.jobs.get(job) else { return };
        let priority = entry.definition.priority;
        let ids: Vec<ExecutionId> = entry.live().collect();
        for id in ids {
            let Some(execution) = self.live.get(&id).map(|live| &live.execution) else { continue };
            if execution.state.name() == StateName::Running {
                continue;
            }
            if execution.priority != priority {
                self.amend(id, |execution| execution.priority = priority);
            }
            if self.queue.holds(id) {
                self.queue.remove(id);
                self.enqueue(now, id);
            }
        }
        if self.jobs.get(job).is_some_and(|entry| !entry.state.catching_up.is_empty()) {
            self.catch_up_in_turn(now, job);
            self.catch_up_paced(now, job);
        }
    }

    fn save_version(&mut self, now: Now, definition: &Arc<Job>, version: u32) {
        self.out.changes.push(Change::JobVersion {
            definition: Arc::clone(definition),
            version,
            at: now.wall,
            by: self.out.actor.clone(),
        });
    }

    /// Removes a job: what has not started is cancelled, what runs goes on to its end, the history stays.
    pub(super) fn remove_job(&mut self, now: Now, job: &JobId) {
        let Some(entry) = self.jobs.get(job) else { return };
        let unstarted: Vec<_> = entry
            .live()
            .filter(|id| {
                let state = self.live.get(id).map(|live| live.execution.state.name());
                state.is_some_and(|state| state != StateName::Running)
            })
            .collect();
        for id in unstarted {
            self.finish(now, id, ExecutionState::Cancelled, Reason::JobRemoved);
        }
        let suppression = self.jobs.get(job).and_then(JobEntry::suppression);
        if let Some((fate, why)) = suppression {
            self.close_silence(job, now.wall, fate, why);
        }
        let why = "were to be caught up when the job was removed";
        self.drop_catch_up(job, usize::MAX, LedgerFate::Missed, why);
        let Some(entry) = self.jobs.remove(job) else { return };
        for at in entry.planned.into_iter().flatten() {
            self.agenda.remove(&(at, job.clone()));
        }
        let record = entry.record();
        let accounted_until = Some(entry.state.accounted_until);
        let (source, state) = (Some(entry.source), Some(Arc::clone(&record.state)));
        let retired = Retired { version: entry.version, accounted_until, source, state };
        self.retired.insert(job.clone(), retired);
        self.gone_recent.insert(job.clone(), entry.recent);
        self.out.jobs.remove(job);
        self.out.changes.push(Change::JobRemoved { record, at: now.wall });
        self.out.removed_jobs.push(job.clone());
        self.out.facts.push(EventKind::JobRemoved { job_id: job.clone() });
    }

    /// An execution of a removed job has ended: where the job comes back, it stands behind that end.
    pub(super) fn retired_ended(&mut self, now: Now, ended: &Execution, definition: &Arc<Job>) {
        let job = &ended.job_id;
        let Some(retired) = self.retired.get_mut(job) else { return };
        let recent = self.gone_recent.entry(job.clone()).or_default();
        remember(recent, ended.summary());
        let (version, source) = (retired.version, retired.source);
        let Some(state) = retired.state.as_mut() else { return };
        let stands = Arc::make_mut(state);
        if ended.state.name() != StateName::Skipped {
            stands.last_ran = Some(ended.summary());
            stands.last_ran_order = self.order;
        }
        let succeeded = ended.state.name() == StateName::Succeeded;
        let acknowledged = stands.acknowledged.take_if(|_| succeeded);
        if let Some(source) = source {
            let (definition, state) = (Arc::clone(definition), Arc::clone(state));
            let record = JobRecord { definition, source, version, state };
            self.out.changes.push(Change::JobRemoved { record, at: now.wall });
        }
        if let Some(Acknowledgement { execution_id, .. }) = acknowledged {
            let (job_id, reason) = (job.clone(), "the job has succeeded".to_owned());
            let fact = EventKind::AcknowledgementEnded { job_id, execution_id, reason };
            self.out.facts.push(fact);
        }
    }

    /// Notes in each job which others depend on it.
    pub(super) fn link_dependents(&mut self) {
        let mut dependents: BTreeMap<JobId, Vec<(JobId, usize)>> = BTreeMap::new();
        for (id, entry) in &self.jobs {
            for (place, dependency) in entry.definition.dependencies.iter().enumerate() {
                dependents.entry(dependency.job.clone()).or_default().push((id.clone(), place));
            }
        }
        for (id, entry) in &mut self.jobs {
            entry.dependents = dependents.remove(id).unwrap_or_default();
        }
        self.open_chains();
    }

    /// The timetable of a definition that was legal once; one that no longer is never fires, and its words say why.
    pub(super) fn timetable_of(&self, job: &Job, settings: &Settings) -> Option<Timetable> {
        job.timetable(settings, self.config.system_zone).ok().flatten()
    }
}

/// Has a job that comes back stand where it stood: its last result, what operators said of it, and up to when its fire
/// times have their fate (the clock may have been set back meanwhile: nothing fires twice).
fn go_on_from(state: &mut JobState, before: &Retired) {
    if let Some(accounted) = before.accounted_until {
        state.accounted_until = state.accounted_until.max(accounted);
    }
    if let Some(stood) = before.state.as_deref().cloned() {
        state.last_fire_time = stood.last_fire_time;
        state.last_ran = stood.last_ran;
        state.last_ran_order = stood.last_ran_order;
        state.pause = stood.pause;
        state.acknowledged = stood.acknowledged;
        state.newest_ended = stood.newest_ended;
        state.last_failure = stood.last_failure;
        state.not_carried_out = stood.not_carried_out;
        state.fired_ahead = stood.fired_ahead;
        state.skip_next = stood.skip_next.filter(|skip| skip.fire_time > state.accounted_until);
    }
}

fn affects_firing(key: &str) -> bool {
    keys_of(Scope::Job).any(|row| row.name == key && row.affects_firing)
}

/// The keys in which two definitions differ, in alphabetical order.
fn changed_keys(before: &Job, after: &Job) -> Vec<String> {
    let as_map = |job: &Job| match serde_json::to_value(job) {
        Ok(serde_json::Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (as_map(before), as_map(after));
    let mut keys: Vec<String> = before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(*key) != after.get(*key))
        .cloned()
        .collect();
    keys.sort();
    keys.dedup();
    keys
}
