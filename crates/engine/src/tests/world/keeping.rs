//! What the world's store keeps, and the engines that begin with it.

use super::*;

impl World {
    /// The engine dies, and another starts `later` from what was kept; the worker process goes on.
    pub(in crate::tests) fn restart(&mut self, later: &str) -> &mut Self {
        let later = TimeDelta::from_std(text::parse_duration(later).unwrap()).unwrap();
        self.pass(self.now.wall + later);
        let (engine, effects) = self.successor();
        self.engine = engine;
        self.life += 1;
        self.transcript.push(format!("{} engine started", self.clock()));
        self.carry_out(effects);
        self.link_up()
    }

    /// The engine dies, and a scheduler on another machine takes over `later`: its own worker process holds nothing.
    pub(in crate::tests) fn take_over(&mut self, later: &str) -> &mut Self {
        self.held.clear();
        let later = TimeDelta::from_std(text::parse_duration(later).unwrap()).unwrap();
        self.pass(self.now.wall + later);
        let (mut engine, effects) = self.successor();
        engine.expect_elsewhere(self.now);
        self.engine = engine;
        self.life += 1;
        self.carry_out(effects);
        self.link_up()
    }

    /// The own worker process runs this, too.
    pub(in crate::tests) fn holds(&mut self, running: Running) -> &mut Self {
        self.held.insert(running.key, running);
        self
    }

    /// Both clocks.
    pub(in crate::tests) const fn now(&self) -> Now {
        self.now
    }

    /// The engine that would start now from what is kept.
    pub(in crate::tests) fn successor(&self) -> (Engine, Vec<Effect>) {
        Engine::start(config(&self.boot_id), self.image(), self.set.clone(), self.now).unwrap()
    }

    /// All that is kept.
    pub(super) fn image(&self) -> Image {
        let mut image = self.image.clone();
        image.live = self
            .executions
            .values()
            .filter(|execution| !execution.state.is_final())
            .map(|execution| {
                let version = (execution.job_id.clone(), execution.job_version);
                (Arc::clone(execution), Arc::clone(&self.definitions[&version]))
            })
            .collect();
        image.notices = self
            .due
            .iter()
            .map(|id| {
                let execution = Arc::clone(&self.executions[id]);
                let version = (execution.job_id.clone(), execution.job_version);
                (execution, Arc::clone(&self.definitions[&version]))
            })
            .collect();
        image.recent = self.recent();
        image.retired = self.retired();
        image
    }

    /// The store refused a commit: the engine goes on from what is kept, and asks the worker process once more.
    pub(super) fn go_on(&mut self) {
        let (image, settings) = (self.image(), self.set.settings.clone());
        let down = self.engine.store_failed("the disk is full".to_owned());
        assert!(matches!(down, crontower_model::Health::Down { .. }));
        let (engine, effects) = self.engine.resumed(&image, settings, false, self.now);
        self.engine = engine;
        self.life += 1;
        self.carry_out(effects);
        self.link_up();
    }

    /// The machine is booted: nothing runs any more, the monotonic clock begins anew.
    pub(in crate::tests) fn boot(&mut self, later: &str) -> &mut Self {
        self.lose_held();
        self.boot_id.push('+');
        self.now.monotonic = Duration::from_secs(1);
        self.restart(later)
    }

    pub(super) fn retired(&self) -> BTreeMap<JobId, Retired> {
        let defined = |job: &JobId| self.image.jobs.iter().any(|it| it.definition.id == *job);
        let known = self.definitions.keys().filter(|(job, _)| !defined(job));
        let retired = |(job, version): &(JobId, u32)| {
            let once = |it: &&Arc<Execution>| {
                it.job_id == *job && matches!(it.trigger, Trigger::Schedule | Trigger::CatchUp)
            };
            let fired = self.executions.values().filter(once).map(|it| it.fire_time);
            let passed = self.ranges.values().filter(|it| it.job_id == *job).map(|it| it.last);
            let accounted_until = fired.chain(passed).max();
            let stood = self.gone.get(job);
            let source = stood.map(|record| record.source);
            let state = stood.map(|record| Arc::clone(&record.state));
            (job.clone(), Retired { version: *version, accounted_until, source, state })
        };
        known.map(retired).collect()
    }

    /// What is kept beyond an instant.
    pub(super) fn find_ahead(&self, after: DateTime<Utc>, jobs: Vec<JobId>) -> Ahead {
        let once = |it: &&Arc<Execution>| {
            matches!(it.trigger, Trigger::Schedule | Trigger::CatchUp)
                && it.fire_time > after
                && jobs.contains(&it.job_id)
        };
        let fired = self.executions.values().filter(once);
        let fired = fired.map(|it| (it.job_id.clone(), it.fire_time)).collect();
        let ledger = self.ranges.values().filter(|range| range.last > after).cloned().collect();
        Ahead { after, jobs, fired, ledger }
    }

    pub(super) fn recent(&self) -> Vec<(JobId, Vec<Summary>)> {
        let mut recent: BTreeMap<JobId, Vec<Summary>> = BTreeMap::new();
        for execution in self.executions.values().filter(|e| e.state.is_final()) {
            recent.entry(execution.job_id.clone()).or_default().push(execution.summary());
        }
        for summaries in recent.values_mut() {
            summaries.sort_by_key(|summary| summary.id);
            let from = summaries.len().saturating_sub(RECENT);
            summaries.drain(..from);
        }
        recent.into_iter().collect()
    }

    pub(super) fn keep(&mut self, change: Change) {
        match change {
            Change::Job(record) => {
                self.gone.remove(&record.definition.id);
                let jobs = &mut self.image.jobs;
                jobs.retain(|kept| kept.definition.id != record.definition.id);
                jobs.push(record);
            }
            Change::JobRemoved { record, .. } => {
                let id = record.definition.id.clone();
                self.image.jobs.retain(|kept| kept.definition.id != id);
                self.gone.insert(id, record);
            }
            Change::JobVersion { definition, version, .. } => {
                let key = (definition.id.clone(), version);
                let kept = self.definitions.insert(key, Arc::clone(&definition));
                assert!(kept.is_none_or(|kept| kept == definition), "a version was written anew");
            }
            Change::Execution(execution) => self.keep_execution(execution),
            Change::Worker(overrides) => {
                self.image.workers.retain(|kept| kept.worker_id != overrides.worker_id);
                if overrides.is_any() {
                    self.image.workers.push(overrides);
                }
            }
            Change::NoticeDue(id) => {
                assert!(self.executions[&id].state.name().is_failure(), "kept before its end");
                assert!(self.due.insert(id), "due twice");
            }
            Change::NoticeDone(id) => assert!(self.due.remove(&id), "done twice"),
            Change::Event(event) => {
                assert_eq!(event.seq, self.image.last_seq + 1, "events are numbered without a gap");
                self.image.last_seq = event.seq;
                self.note_event(&event);
            }
            Change::Ledger(row) => {
                self.ranges.insert((row.job_id.clone(), row.first), row.clone());
                self.ledger.push(row);
            }
            Change::Meta { value, .. } => self.image.boot_id = Some(value),
        }
    }

    pub(super) fn note_event(&mut self, event: &Event) {
        use EventKind::{AttemptStarted, EngineStarted, ExecutionChanged, JobAdded, Reloaded};
        match event.kind {
            ExecutionChanged { .. } | AttemptStarted { .. } | JobAdded { .. } => return,
            EngineStarted { .. } | Reloaded { .. } => return,
            _ => {}
        }
        let sentence = self.named(&event.kind.sentence());
        self.events.push(format!("{} {}: {sentence}\n", self.clock(), event.actor));
    }

    pub(super) fn keep_execution(&mut self, execution: Arc<Execution>) {
        let name = match self.names.get(&execution.id) {
            Some(name) => name.clone(),
            None => {
                let number = self.numbers.entry(execution.job_id.clone()).or_default();
                *number += 1;
                format!("{}#{number}", execution.job_id)
            }
        };
        self.names.insert(execution.id, name.clone());
        let before = self.executions.insert(execution.id, Arc::clone(&execution));
        let known = before.map_or(0, |before| {
            assert!(!before.state.is_final(), "{name} left a final state");
            before.history.len()
        });
        if execution.state.name() == StateName::Succeeded {
            let job = self.image.jobs.iter().find(|it| it.definition.id == execution.job_id);
            let noted = job.and_then(|job| job.state.acknowledged.as_ref());
            assert!(noted.is_none(), "{name} succeeded, and its job stays acknowledged");
        }
        for transition in &execution.history[known..] {
            let reason = self.with_names(&transition.reason.to_string());
            let line = format!("{} {name} {}: {reason}", self.clock(), transition.state);
            self.transcript.push(line);
        }
    }
}
