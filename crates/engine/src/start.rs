//! How an engine begins: from what another left in the store, and the jobs file of today.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::attempts::delay_after;
use super::clock_steps::ClockSteps;
use super::dispatch::Limits;
use super::elsewhere::Elsewhere;
use super::ids::IdSource;
use super::job::JobEntry;
use super::load::When;
use super::on_failures::OnFailures;
use super::outbox::Outbox;
use super::queue::Queue;
use super::workers::Workers;
use super::{Config, Effect, Engine, Live, Timer};
use crontower_model::{
    BOOT_ID, Change, EventKind, Execution, ExecutionState, Health, Image, JobId, JobRecord, JobSet,
    JobState, LostCause, Now, Refusal, Settings, StateName,
};

impl Engine {
    /// An engine that goes on where the one that left `image` stopped, with the file jobs of `set` in force.
    ///
    /// # Errors
    /// Everything that is wrong with the set. The effects say what must be kept and done first.
    pub fn start(
        config: Config,
        image: Image,
        set: JobSet,
        now: Now,
    ) -> Result<(Self, Vec<Effect>), Refusal> {
        let mut engine = Self::restore(config, &image, &set.settings, now);
        engine.apply(now, set, When::Starting)?;
        let booted = image.boot_id.as_deref() != Some(&engine.config.boot_id);
        if booted {
            engine.forget_before_boot(now);
            engine.fire_reboot(now);
            let value = engine.config.boot_id.clone();
            engine.out.changes.push(Change::Meta { key: BOOT_ID, value });
        }
        let version = engine.config.version.clone();
        engine.out.facts.push(EventKind::EngineStarted { version });
        engine.look_ahead_at_start(now);
        engine.go_on_catching_up(now);
        engine.advance(now);
        engine.settle(now);
        let effects = engine.flush(now);
        Ok((engine, effects))
    }

    /// The engine that goes on in place of this one after a commit failed: from what is kept, under the settings that
    /// are in force, as if nothing had been begun since. A stop that is under way stays so.
    #[must_use]
    pub fn resumed(
        &self,
        image: &Image,
        settings: Settings,
        halted: bool,
        now: Now,
    ) -> (Self, Vec<Effect>) {
        let mut engine = Self::restore(self.config.clone(), image, &settings, now);
        engine.ids = self.ids.clone();
        engine.problems = self.problems.clone();
        engine.shown_health = self.shown_health.clone();
        if self.down.is_some() {
            // It could not be kept while it was so.
            let health = self.shown_health.clone();
            engine.out.facts.push(EventKind::HealthChanged { health });
        }
        engine.began = self.began;
        engine.halted = halted;
        engine.watch_clock_from(self);
        engine.look_ahead(now);
        engine.keep_elsewhere(&self.elsewhere);
        engine.configure_workers();
        engine.go_on_catching_up(now);
        engine.advance(now);
        engine.settle(now);
        let effects = engine.flush(now);
        (engine, effects)
    }

    fn restore(config: Config, image: &Image, settings: &Settings, now: Now) -> Self {
        let mut engine = Self {
            ids: IdSource::new(config.seed),
            config,
            settings: settings.clone(),
            jobs: BTreeMap::new(),
            retired: image.retired.clone(),
            gone_recent: BTreeMap::new(),
            live: HashMap::new(),
            queue: Queue::default(),
            workers: Workers::new(&image.workers),
            limits: Limits::default(),
            elsewhere: Elsewhere::default(),
            on_failures: OnFailures::default(),
            agenda: BTreeSet::new(),
            timers: BTreeSet::new(),
            to_judge: Vec::new(),
            awaited: BTreeMap::new(),
            unsatisfiable: Vec::new(),
            seq: image.last_seq,
            order: newest_order(image),
            problems: BTreeMap::new(),
            down: None,
            shown_health: Health::Ok,
            began: now.wall,
            clock: ClockSteps::default(),
            halted: false,
            out: Outbox::new(),
        };
        for record in &image.jobs {
            engine.restore_job(record);
        }
        for (job, recent) in &image.recent {
            let ids = recent.iter().map(|summary| summary.id);
            ids.for_each(|id| engine.ids.stay_above(id));
            let recent = recent.iter().cloned().collect();
            match engine.jobs.get_mut(job) {
                Some(entry) => entry.recent = recent,
                None => _ = engine.gone_recent.insert(job.clone(), recent),
            }
        }
        for (execution, definition) in &image.live {
            engine.ids.stay_above(execution.id);
            let live = Live::new(Arc::clone(execution), Arc::clone(definition));
            engine.live.insert(execution.id, live);
        }
        // Those that hold a slot come first: whoever is queued finds its place behind them.
        let mut live: Vec<&Arc<Execution>> = image.live.iter().map(|(live, _)| live).collect();
        live.sort_by_key(|it| (it.state.name() == StateName::Queued, it.fire_time, it.id));
        for execution in live {
            engine.restore_live(now, execution);
        }
        engine.restore_notices(&image.notices);
        engine.link_dependents();
        engine
    }

    fn restore_job(&mut self, record: &JobRecord) {
        let timetable = self.timetable_of(&record.definition, &self.settings.clone());
        let id: JobId = record.definition.id.clone();
        let entry = JobEntry::new(
            Arc::clone(&record.definition),
            record.source,
            record.version,
            record.state.as_ref().clone(),
            timetable,
        );
        self.jobs.insert(id.clone(), entry);
        self.plan_next(&id);
    }

    /// Puts a live execution back to where it stood.
    fn restore_live(&mut self, now: Now, execution: &Execution) {
        let id = execution.id;
        let job = &execution.job_id;
        match &execution.state {
            ExecutionState::Waiting { waiting_for, .. } => {
                self.await_jobs(id, waiting_for);
                if self.is_asked_for(id) {
                    self.unsatisfiable.push(id);
                }
                if let Some(entry) = self.jobs.get_mut(job) {
                    entry.waiting.insert(id);
                }
            }
            ExecutionState::Queued => self.admit(now, id, None),
            ExecutionState::Running { .. } => {
                // Of a job that went, an attempt holds what it held.
                let defined = self.jobs.get(job).map(|entry| &entry.definition);
                let own = self.live.get(&id).map(|live| &live.definition);
                let limits = defined.or(own).map(|job| job.limits.clone()).unwrap_or_default();
                if let Some(entry) = self.jobs.get_mut(job) {
                    entry.active.insert(id);
                    entry.running += 1;
                }
                if let Some(worker) = execution.worker_id() {
                    self.hold_slot(worker, id, limits);
                }
            }
            ExecutionState::Retrying { until } => {
                if let Some(entry) = self.jobs.get_mut(job) {
                    entry.active.insert(id);
                }
                // Where the clock was ahead, the delay begins anew.
                let definition = self.live.get(&id).map(|live| &live.definition);
                let number = execution.attempt_number();
                let delay = definition.and_then(|job| delay_after(id, number, job));
                let latest = now.monotonic.saturating_add(delay.unwrap_or_default());
                let due = now.monotonic_at(*until).min(latest);
                self.set_timer(id, due, Timer::Retry(id));
            }
            _ => {
                self.live.remove(&id);
            }
        }
        self.plan_timers(now, id);
    }

    /// The machine was booted: nothing that ran before runs now, and what had been handed out may have begun.
    fn forget_before_boot(&mut self, now: Now) {
        for id in self.running_executions() {
            let Some(attempt) = self.live.get(&id).and_then(|live| live.execution.attempt()) else {
                continue;
            };
            let key = crontower_model::AttemptKey { execution_id: id, attempt: attempt.number };
            self.lost(now, key, LostCause::Booted);
        }
    }

    fn go_on_catching_up(&mut self, now: Now) {
        let jobs: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, entry)| !entry.state.catching_up.is_empty())
            .map(|(job, _)| job.clone())
            .collect();
        for job in jobs {
            self.catch_up_in_turn(now, &job);
            self.catch_up_paced(now, &job);
        }
    }
}

/// The newest end or firing of a chain that is kept, of removed jobs, too.
fn newest_order(image: &Image) -> u64 {
    let defined = image.jobs.iter().map(|job| &*job.state);
    let removed = image.retired.values().filter_map(|retired| retired.state.as_deref());
    defined.chain(removed).map(JobState::newest_order).max().unwrap_or(0)
}
