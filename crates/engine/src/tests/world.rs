//! A world for the engine: virtual clocks, a store that is a map, a worker that does what the script says.

mod asks;
mod keeping;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Answered, Config, Effect, Engine, Expected, Holdings, Input, WorkerInput};
use crontower_model::{
    Actor, Ahead, Assignment, AttemptKey, Change, Ended, Event, EventKind, Execution, ExecutionId,
    Image, Job, JobCommand, JobId, JobRecord, JobSet, LedgerRange, Now, ON_FAILURE, Outcome, Pool,
    RECENT, Refusal, Retired, Running, Settings, StateName, Summary, Trigger, Worker, WorkerId,
    text,
};

/// A job with a schedule (or none) and the defaults, changed by `with`.
pub(super) fn job(id: &str, schedule: Option<&str>, with: impl FnOnce(&mut Job)) -> Job {
    let mut job = Job::new(JobId::new(id).unwrap(), JobCommand::script("true"));
    job.schedule = schedule.map(str::to_owned);
    with(&mut job);
    job
}

/// What goes wrong between the engine and the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Fault {
    #[default]
    None,
    /// The store refuses the commit: the engine is rebuilt from what is kept.
    Commit,
    /// The process dies between commit and act.
    Act,
}

/// See the module's first lines.
pub(super) struct World {
    pub(super) engine: Engine,
    now: Now,
    zero: DateTime<Utc>,
    set: JobSet,
    image: Image,
    pub(super) executions: BTreeMap<ExecutionId, Arc<Execution>>,
    definitions: BTreeMap<(JobId, u32), Arc<Job>>,
    pub(super) ledger: Vec<LedgerRange>,
    /// The ledger as it is kept: a row takes the place of one that began at the same instant.
    pub(super) ranges: BTreeMap<(JobId, DateTime<Utc>), LedgerRange>,
    gone: BTreeMap<JobId, JobRecord>,
    /// What the worker process runs.
    held: BTreeMap<AttemptKey, Running>,
    /// The ends that it keeps until an engine has committed them.
    ended: BTreeMap<AttemptKey, Ended>,
    /// The pools that the worker process was last told to host.
    pub(super) hosted: Vec<Pool>,
    /// Executions whose `on_failure` is kept as due.
    pub(super) due: BTreeSet<ExecutionId>,
    /// How often `on_failure` of an execution was really started.
    pub(super) noticed: BTreeMap<ExecutionId, u32>,
    /// Whether the worker acknowledges what it is given.
    pub(super) deaf: bool,
    /// Whether processes of attempts that are given up hold out until the script ends them.
    pub(super) holds_out: bool,
    /// The attempts whose processes are being ended.
    pub(super) unkillable: BTreeSet<AttemptKey>,
    /// How often the engine has been started: what a dead one was about to do is not done.
    life: u32,
    /// What becomes of the effects of the next step.
    pub(super) fault: Fault,
    /// Ends that were reported once already.
    pub(super) reported: Vec<Ended>,
    boot_id: String,
    names: BTreeMap<ExecutionId, String>,
    numbers: BTreeMap<JobId, u32>,
    transcript: Vec<String>,
    /// Facts other than those about executions, as sentences.
    events: Vec<String>,
}

impl World {
    /// A world at Monday 2026-03-02 00:00 UTC with these jobs and one worker `w` with `capacity` slots.
    pub(super) fn new(capacity: u32, jobs: Vec<Job>) -> Self {
        let id = WorkerId::new("w").unwrap();
        let pool = Pool { id, host: None, capacity, labels: Vec::new() };
        let settings = Settings { workers: Some(vec![pool]), ..Settings::default() };
        Self::with_settings(settings, jobs)
    }

    pub(super) fn with_settings(settings: Settings, jobs: Vec<Job>) -> Self {
        let zero: DateTime<Utc> = "2026-03-02T00:00:00Z".parse().unwrap();
        let now = Now { wall: zero, monotonic: Duration::from_secs(1_000) };
        let set = JobSet { settings, jobs };
        let (engine, effects) =
            Engine::start(config("boot-1"), Image::default(), set.clone(), now).unwrap();
        let mut world = Self {
            engine,
            now,
            zero,
            set,
            image: Image::default(),
            executions: BTreeMap::new(),
            definitions: BTreeMap::new(),
            ledger: Vec::new(),
            ranges: BTreeMap::new(),
            gone: BTreeMap::new(),
            held: BTreeMap::new(),
            hosted: Vec::new(),
            ended: BTreeMap::new(),
            due: BTreeSet::new(),
            noticed: BTreeMap::new(),
            deaf: false,
            holds_out: false,
            unkillable: BTreeSet::new(),
            life: 0,
            fault: Fault::None,
            reported: Vec::new(),
            boot_id: "boot-1".to_owned(),
            names: BTreeMap::new(),
            numbers: BTreeMap::new(),
            transcript: Vec::new(),
            events: Vec::new(),
        };
        world.carry_out(effects);
        world.link_up();
        world
    }

    /// What has happened since this was last asked, one line a fact.
    pub(super) fn describe(&mut self) -> String {
        let mut text = std::mem::take(&mut self.transcript).join("\n");
        text.push('\n');
        text
    }

    /// The facts since this was last asked that are not about executions, one a line, with who caused them.
    pub(super) fn events(&mut self) -> String {
        std::mem::take(&mut self.events).concat()
    }

    /// Lets time pass up to `at` after the beginning (`90s`, `1h30m`, `1d`), stopping wherever the engine wants to be asked.
    pub(super) fn until(&mut self, at: &str) -> &mut Self {
        let target = self.zero + TimeDelta::from_std(text::parse_duration(at).unwrap()).unwrap();
        self.until_instant(target)
    }

    fn until_instant(&mut self, target: DateTime<Utc>) -> &mut Self {
        while let Some(next) = self.next_stop().filter(|next| *next <= target) {
            self.pass(next);
            self.handle(Input::Tick);
        }
        self.pass(target);
        self
    }

    fn next_stop(&self) -> Option<DateTime<Utc>> {
        let wakeup = self.engine.next_wakeup();
        let monotonic = wakeup.monotonic.map(|at| self.now.wall_at(at));
        let next = [wakeup.wall, monotonic].into_iter().flatten().min()?;
        Some(next.max(self.now.wall))
    }

    pub(super) fn pass(&mut self, to: DateTime<Utc>) {
        self.now.monotonic += (to - self.now.wall).to_std().unwrap_or_default();
        self.now.wall = to;
    }

    /// Lets time pass in which the engine is not asked: the machine was suspended, or too busy.
    pub(super) fn stall(&mut self, time: &str) -> &mut Self {
        let time = TimeDelta::from_std(text::parse_duration(time).unwrap()).unwrap();
        self.pass(self.now.wall + time);
        self.handle(Input::Tick);
        self
    }

    /// Sets the wall clock without time passing.
    pub(super) fn set_clock(&mut self, by: TimeDelta) -> &mut Self {
        self.now.wall += by;
        self.handle(Input::Tick);
        self
    }

    /// The same while no engine looks.
    pub(super) fn set_clock_unseen(&mut self, by: TimeDelta) -> &mut Self {
        self.now.wall += by;
        self
    }

    /// The workers, one a line.
    pub(super) fn workers(&self) -> String {
        let line = |worker: Worker| {
            let (id, state) = (worker.id, worker.state.as_str());
            format!("{id} {state}: {} of {}\n", worker.running.len(), worker.capacity)
        };
        self.engine.worker_views().into_iter().map(line).collect()
    }

    /// What is wrong with jobs and nobody has acknowledged, one a line.
    pub(super) fn wrong(&self) -> String {
        let wrong = self.engine.job_statuses();
        let wrong = wrong.iter().filter_map(|job| job.wrong.as_ref());
        let line = |it: &crontower_model::Wrong| {
            let since = it.since.format("%H:%M:%S");
            format!("{} {} since {since}: {}\n", it.job_id, it.kind.as_str(), it.reason)
        };
        self.named(&wrong.map(line).collect::<String>())
    }

    /// Why a job does or does not run at an instant, from what is kept of it; one sentence a line.
    pub(super) fn why_job(&self, job: &str, at: DateTime<Utc>) -> String {
        let job = JobId::new(job).unwrap();
        let of_it = |it: &&Arc<Execution>| it.job_id == job && it.fire_time == at;
        let executions = self.executions.values().filter(of_it).cloned().collect();
        let holds = |it: &&LedgerRange| it.job_id == job && it.first <= at && at <= it.last;
        let ledger = self.ledger.iter().find(holds).cloned();
        let ran = |it: &&Arc<Execution>| {
            let state = it.state.name();
            it.job_id == job && state.is_final() && state != StateName::Skipped
        };
        let newest = self.executions.values().rev().find(ran).cloned();
        let past = crate::Past { executions, ledger, newest };
        let why = self.engine.why_job(self.now, &job, at, &past).unwrap();
        self.named(&why.lines.join("\n"))
    }

    /// Why an execution stands where it does; one sentence a line.
    pub(super) fn why(&self, name: &str) -> String {
        let execution = &self.executions[&self.id(name)];
        let why = self.engine.why_execution(self.now, execution);
        self.named(&why.lines.join("\n"))
    }

    /// The instant so long after the world's beginning.
    pub(super) fn instant(&self, after: &str) -> DateTime<Utc> {
        self.zero + text::parse_duration(after).unwrap()
    }

    /// What is kept, as far as a report could change it.
    pub(super) fn facts(&self) -> Vec<(ExecutionId, StateName, usize)> {
        let fact = |e: &Arc<Execution>| (e.id, e.state.name(), e.attempts.len());
        self.executions.values().map(fact).collect()
    }

    pub(super) fn name(&self, id: ExecutionId) -> &str {
        &self.names[&id]
    }

    pub(super) fn pass_seconds(&mut self, seconds: u64) -> &mut Self {
        self.handle(Input::Tick);
        let target = self.now.wall + TimeDelta::seconds(i64::try_from(seconds).unwrap());
        self.until_instant(target)
    }

    pub(super) fn wall(&self) -> DateTime<Utc> {
        self.now.wall
    }

    /// Whether `on_failure` of an execution is asked for by the definition that it ran.
    pub(super) fn wants_notice(&self, execution: &Execution) -> bool {
        let version = (execution.job_id.clone(), execution.job_version);
        self.definitions[&version].on_failure.is_some()
    }

    /// The newest attempt of an execution ends: `ok`, `exit 3`, `timed_out`, `cancelled`, `worker_lost`.
    pub(super) fn end(&mut self, name: &str, how: &str) -> &mut Self {
        let execution = Arc::clone(&self.executions[&self.id(name)]);
        let key = AttemptKey { execution_id: execution.id, attempt: execution.attempt_number() };
        self.end_attempt(key, how)
    }

    pub(super) fn end_attempt(&mut self, key: AttemptKey, how: &str) -> &mut Self {
        self.held.remove(&key);
        let (outcome, exit_code) = match how.split_once(' ') {
            Some(("exit", code)) => (Outcome::Failed, code.parse().ok()),
            _ if how == "ok" => (Outcome::Succeeded, Some(0)),
            _ if how == "timed_out" => (Outcome::TimedOut, None),
            _ if how == "cancelled" => (Outcome::Cancelled, None),
            _ if how == "not_started" => (Outcome::NotStarted, None),
            _ => (Outcome::WorkerLost, None),
        };
        let finished_at = self.now.wall;
        let ended = Ended {
            key,
            started_at: None,
            finished_at,
            outcome,
            exit_code,
            error: None,
            result: None,
            output_lost: 0,
        };
        self.reported.push(ended.clone());
        self.ended.insert(key, ended.clone());
        self.report(ended)
    }

    /// The newest attempt of an execution succeeds, and the disk did not take this much of its output.
    pub(super) fn end_losing(&mut self, name: &str, output_lost: u64) -> &mut Self {
        let execution = Arc::clone(&self.executions[&self.id(name)]);
        let key = AttemptKey { execution_id: execution.id, attempt: execution.attempt_number() };
        self.held.remove(&key);
        self.report(Ended {
            key,
            started_at: None,
            finished_at: self.now.wall,
            outcome: Outcome::Succeeded,
            exit_code: Some(0),
            error: None,
            result: None,
            output_lost,
        })
    }

    /// The engine is told something.
    pub(super) fn hear(&mut self, input: Input) {
        self.handle(input);
    }

    /// The worker reports an end, perhaps not for the first time.
    pub(super) fn report(&mut self, ended: Ended) -> &mut Self {
        self.handle(Input::Worker(WorkerInput::Ended(ended)));
        self
    }

    /// The connection to the worker process is gone.
    pub(super) fn link_down(&mut self) -> &mut Self {
        self.handle(Input::Worker(WorkerInput::Down { reason: "connection lost".to_owned() }));
        self
    }

    /// The worker process is there, with what it holds.
    pub(super) fn link_up(&mut self) -> &mut Self {
        let running = self.held.values().cloned().collect();
        let ended = self.ended.values().cloned().collect();
        let holdings = Holdings { pid: 7, running, ended, ..Holdings::default() };
        self.handle(Input::Worker(WorkerInput::Up(holdings)));
        self
    }

    /// The worker process dies with all it runs; another takes its place.
    pub(super) fn worker_dies(&mut self) -> &mut Self {
        self.lose_held();
        self.link_down().link_up()
    }

    /// What ran is gone. Of `on_failure` only the journal can tell whether it had begun.
    fn lose_held(&mut self) {
        for (key, running) in std::mem::take(&mut self.held) {
            if key.attempt == ON_FAILURE {
                let ended = Ended {
                    key,
                    started_at: Some(running.started_at),
                    finished_at: self.now.wall,
                    outcome: Outcome::WorkerLost,
                    exit_code: None,
                    error: Some("the worker process has ended".to_owned()),
                    result: None,
                    output_lost: 0,
                };
                self.ended.insert(key, ended);
            }
        }
    }

    /// What of `on_failure` runs, oldest first.
    pub(super) fn notices_held(&self) -> Vec<AttemptKey> {
        self.held.keys().filter(|key| key.attempt == ON_FAILURE).copied().collect()
    }

    /// `on_failure` of an execution ends.
    pub(super) fn end_notice(&mut self, name: &str, how: &str) -> &mut Self {
        let key = AttemptKey { execution_id: self.id(name), attempt: ON_FAILURE };
        assert!(self.held.contains_key(&key), "on_failure of {name} does not run");
        self.end_attempt(key, how)
    }

    pub(super) fn id(&self, name: &str) -> ExecutionId {
        let found = self.names.iter().find(|(_, known)| known.as_str() == name);
        *found.unwrap_or_else(|| panic!("no execution {name}: {:?}", self.names.values())).0
    }

    /// The names of all executions that run, oldest first.
    pub(super) fn running(&self) -> Vec<String> {
        let running = self.executions.values().filter(|e| e.state.name() == StateName::Running);
        running.map(|execution| self.names[&execution.id].clone()).collect()
    }

    pub(super) fn state(&self, name: &str) -> StateName {
        self.executions[&self.id(name)].state.name()
    }

    /// The ledger's ranges since this was last asked, one a line.
    pub(super) fn ledger(&mut self) -> String {
        let rows = std::mem::take(&mut self.ledger);
        let row = |row: LedgerRange| {
            let (first, last) = (row.first.format("%d %H:%M:%S"), row.last.format("%d %H:%M:%S"));
            format!("{} {first} to {last}, {}: {:?}\n", row.job_id, row.count, row.fate)
        };
        rows.into_iter().map(row).collect()
    }

    fn handle(&mut self, input: Input) {
        // Refused or not, an input has no answer.
        _ = self.step(|engine, now| (engine.handle(now, input), Ok(())));
    }

    /// Has the engine do something, as a driver does: the answer is good only if what it led to is kept.
    fn step<T>(&mut self, act: impl FnOnce(&mut Engine, Now) -> Answered<T>) -> Result<T, Refusal> {
        let (effects, answer) = act(&mut self.engine, self.now);
        assert_eq!(self.engine.shown_wrongly(), None, "looks otherwise than it was shown");
        match std::mem::take(&mut self.fault) {
            Fault::None => {
                self.carry_out(effects);
                return answer;
            }
            Fault::Commit => {
                self.go_on();
                return Err(Refusal::Stopping);
            }
            Fault::Act => {
                for effect in effects {
                    if let Effect::Save(change) = effect {
                        self.keep(change);
                    }
                }
            }
        }
        self.restart("0s");
        Err(Refusal::Stopping)
    }

    /// Keeps, then acts, as a driver does.
    fn carry_out(&mut self, effects: Vec<Effect>) {
        let (mut started, mut looks, mut given_up) = (Vec::new(), Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Save(change) => self.keep(change),
                Effect::Start(assignment) => started.push(assignment),
                Effect::Stop { key, cause } => {
                    let name = self.names[&key.execution_id].clone();
                    let line = format!("{} stop {name} ({cause:?})", self.clock());
                    self.transcript.push(line);
                }
                Effect::Abandon(key) => {
                    let name = self.names[&key.execution_id].clone();
                    self.transcript.push(format!("{} give up {name}", self.clock()));
                }
                Effect::Forget(key) => _ = self.ended.remove(&key),
                Effect::EndGroup(key) => given_up.push(key),
                Effect::FindAhead { after, jobs } => looks.push((after, jobs)),
                Effect::Configure(pools) => self.hosted = pools,
                Effect::Show(_) => {}
            }
        }
        let life = self.life;
        for key in given_up {
            self.unkillable.insert(key);
            if !self.holds_out && self.life == life {
                self.end_group(key);
            }
        }
        for (after, jobs) in looks {
            if self.life == life {
                let ahead = self.find_ahead(after, jobs);
                self.handle(Input::Ahead(ahead));
            }
        }
        for assignment in started {
            if self.life != life {
                break;
            }
            let running = Running {
                key: assignment.key,
                worker_id: assignment.worker_id.clone(),
                started_at: self.now.wall,
                pid: Some(100),
            };
            if !self.deaf {
                self.start(&assignment, running);
            }
        }
    }

    /// The worker is asked to start something: what it holds, or has ended, it starts no second time.
    fn start(&mut self, assignment: &Assignment, running: Running) {
        let key = assignment.key;
        assert_eq!(assignment.failure.is_some(), key.attempt == ON_FAILURE);
        if let Some(ended) = self.ended.get(&key).cloned() {
            self.handle(Input::Worker(WorkerInput::Ended(ended)));
            return;
        }
        if !self.held.contains_key(&key) && key.attempt == ON_FAILURE {
            *self.noticed.entry(key.execution_id).or_default() += 1;
            let name = &self.names[&key.execution_id];
            let failure = assignment.failure.as_ref().unwrap();
            let (state, attempt) = (failure.state, failure.attempt);
            let command = match &assignment.command {
                JobCommand::Run { run, .. } => run.clone(),
                JobCommand::Named { command, args } => {
                    format!("{command} {}", serde_json::to_string(args).unwrap())
                }
            };
            let reason = self.with_names(&failure.reason);
            let line = format!(
                "{} on_failure of {name}: {command} ({state}, attempt {attempt}: {reason})",
                self.clock()
            );
            self.transcript.push(line);
        }
        let running = self.held.entry(key).or_insert(running).clone();
        self.handle(Input::Worker(WorkerInput::Started(running)));
    }

    /// What is left of an attempt that was given up is gone.
    pub(super) fn end_group(&mut self, key: AttemptKey) {
        self.unkillable.remove(&key);
        self.held.remove(&key);
        self.handle(Input::Worker(WorkerInput::Gone(key)));
    }

    fn with_names(&self, text: &str) -> String {
        if !text.contains("execution ") && !text.contains("overlap: ") {
            return text.to_owned();
        }
        self.named(text)
    }

    fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(&id.short(), name))
    }

    fn clock(&self) -> String {
        let passed = self.now.wall - self.zero;
        let time = self.now.wall.format("%H:%M:%S");
        match passed.num_days() {
            0 => time.to_string(),
            days => format!("{days}d {time}"),
        }
    }
}

fn config(boot_id: &str) -> Config {
    Config {
        host: "here".to_owned(),
        cores: 2,
        system_zone: chrono_tz::UTC,
        seed: 42,
        boot_id: boot_id.to_owned(),
        version: "test".to_owned(),
        own_commands: ["greet".to_owned()].into(),
    }
}
