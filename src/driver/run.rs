//! The loop: take all inputs that are ready, step the engine through them, commit everything in one transaction, and only
//! then dispatch, publish and answer. Nothing is seen that a crash could unsay.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::alarm::Alarm;
use super::carried::CarriedWork;
use super::changes::{Coalesced, log};
use super::data_dir::DataDirLock;
use super::feed::{Batch, EngineInfo, Feed, Leader, Snapshot, Subscription};
use super::handle::{Act, Acted, Look, Message, Reply};
use super::identity::StoreMark;
use super::last_good;
use super::metrics::Metrics;
use super::output_space::History;
use super::source::JobsSource;
use super::start::{EngineEnd, EngineLife};
use super::worker_links::WorkerLinks;
use crate::clock::Clock;
use crate::engine::{Effect, Engine, Input, View, Wakeup, WorkerInput};
use crate::model::{
    AttemptKey, Change, Ended, Execution, Health, OnStop, Outcome, ProblemCause, Refusal, Role,
    Settings, StateName,
};
use crate::store::{Store, StoreError};
use crate::worker::link::LinkEvent;
use crate::worker::protocol::FromWorker;

/// How many inputs one commit takes at most.
const BATCH: usize = 4_096;
/// How long a store that failed is left alone before it is asked again.
pub(super) const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How long cancelled commands get beyond their grace before the engine ends without them.
const CANCEL_MARGIN: Duration = Duration::from_secs(5);

/// See the module's first lines.
pub(super) struct Driver {
    pub(super) engine: Engine,
    pub(super) store: Arc<dyn Store>,
    pub(super) worker_links: WorkerLinks,
    pub(super) source: Arc<JobsSource>,
    pub(super) fingerprint: u64,
    /// Whether the store does not know that one yet.
    pub(super) fingerprint_unsaved: bool,
    pub(super) info: EngineInfo,
    pub(super) feed: broadcast::Sender<Feed>,
    /// Counts what is committed.
    pub(super) metrics: Arc<Metrics>,
    /// What the keeper of the history is to know, and what it found.
    pub(super) history: Arc<History>,
    /// What the store said last of damage to its file.
    pub(super) damage: Option<String>,
    pub(super) messages: mpsc::Receiver<Message>,
    pub(super) from_workers: mpsc::Receiver<LinkEvent>,
    pub(super) alarm: Alarm,
    pub(super) stop: Option<Stop>,
    /// What it does when it was deposed.
    pub(super) life: EngineLife,
    /// Another engine leads, and this one ends for it: what it holds may be told to nobody.
    pub(super) deposed: bool,
    /// Every handle was dropped: nobody asks for anything any more.
    pub(super) abandoned: bool,
    /// The settings that are kept as in force.
    pub(super) settings: Settings,
    /// Where the loop's own helpers leave word; it keeps no engine alive.
    pub(super) to_self: mpsc::WeakSender<Message>,
    /// Whether the files are looked at, and whether they were touched meanwhile.
    pub(super) look_at_files: Looking,
    /// Held until the end: the data folder is this engine's.
    pub(super) lock: Arc<DataDirLock>,
    /// Where it is noted how far the store has come.
    pub(super) mark: Option<Arc<StoreMark>>,
}

/// Whether the files are being looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looking {
    #[default]
    No,
    Yes,
    /// Once more, when that is done.
    TouchedMeanwhile,
}

/// A stop that is under way.
pub(super) struct Stop {
    pub(super) how: OnStop,
    /// When waiting is over, on the monotonic clock.
    pub(super) until: Duration,
    pub(super) cancelled: bool,
}

/// One step of the engine.
enum Step {
    Input(Input),
    Act(Act),
}

/// What is done after the commit, beside the effects: looks and subscriptions see only what is kept.
#[derive(Default)]
struct Turn {
    steps: Vec<Step>,
    looks: Vec<Look>,
    subscribers: Vec<oneshot::Sender<Result<Subscription, Refusal>>>,
    output_grew: Vec<Feed>,
}

impl Driver {
    /// Runs until the engine has ended.
    pub(super) async fn run(mut self) -> EngineEnd {
        while !self.deposed {
            let mut turn = Turn::default();
            match self.stop_stage() {
                Stage::Working => {}
                Stage::Over => break,
                Stage::Cancel => {
                    turn.steps.push(Step::Input(Input::CancelRunning));
                    self.take_turn(turn).await;
                    continue;
                }
            }
            if let Err(error) = self.next_inputs(&mut turn).await {
                tracing::error!(%error, "the engine's timer failed");
                break;
            }
            if self.deposed {
                let refused = |look: Look| look(Err(Refusal::Stopping));
                turn.looks.into_iter().for_each(refused);
                break;
            }
            self.take_turn(turn).await;
        }
        if self.deposed {
            return self.step_down().await;
        }
        self.commit_own_ends().await;
        // Before the worker process is waited for: a standby may go on from here.
        if let Err(error) = self.store.close().await {
            tracing::warn!(%error, "a copy of the store needs its -wal file, too");
        }
        if let Some(mark) = self.mark.as_ref().filter(|_| self.lock.holds()) {
            mark.write(self.engine.seq());
        }
        self.worker_links.let_go(&mut self.from_workers).await;
        // Nobody may be listening.
        let _ = self.feed.send(Feed::Stopped);
        EngineEnd::Stopped
    }

    /// Lets go of everything, for another engine leads. What runs in the worker process runs on. Whoever follows the feed
    /// sees it break off, and asks again whoever leads then.
    async fn step_down(mut self) -> EngineEnd {
        self.worker_links.let_go(&mut self.from_workers).await;
        if let Err(error) = self.store.close().await {
            tracing::debug!(%error, "the store of a deposed leader");
        }
        EngineEnd::Deposed
    }

    /// Commands that run inside this process end with it, and their ends are still kept.
    async fn commit_own_ends(&mut self) {
        let mut turn = Turn::default();
        for event in self.end_own().await {
            self.take_link_event(event, &mut turn);
        }
        self.take_turn(turn).await;
    }

    /// Ends the commands that run inside this process. What is said meanwhile is heard, for the channel is bounded.
    async fn end_own(&mut self) -> Vec<LinkEvent> {
        let Self { worker_links, from_workers, engine, .. } = self;
        let mut heard = Vec::new();
        let mut ending = std::pin::pin!(worker_links.end_own(engine.settings().shutdown_grace));
        loop {
            tokio::select! {
                () = &mut ending => break,
                Some(event) = from_workers.recv() => match event {
                    LinkEvent::Message(FromWorker::OutputGrew { .. } | FromWorker::Heartbeat) => {}
                    event => heard.push(event),
                },
            }
        }
        heard.extend(std::iter::from_fn(|| from_workers.try_recv().ok()));
        heard
    }

    /// Waits for something to do, then takes all that has arrived.
    async fn next_inputs(&mut self, turn: &mut Turn) -> std::io::Result<()> {
        self.alarm.set(self.wakeup())?;
        tokio::select! {
            message = self.messages.recv(), if !self.abandoned => match message {
                Some(message) => self.take_message(message, turn),
                None => {
                    self.abandoned = true;
                    self.begin_stop(None, false, "every handle was dropped", turn);
                }
            },
            Some(event) = self.from_workers.recv() => self.take_link_event(event, turn),
            () = self.alarm.wait() => turn.steps.push(Step::Input(Input::Tick)),
            error = self.store.deposed(), if self.life == EngineLife::WhileItLeads => {
                tracing::warn!(%error, "this scheduler steps down");
                self.deposed = true;
            }
        }
        while turn.steps.len() < BATCH {
            if let Ok(event) = self.from_workers.try_recv() {
                self.take_link_event(event, turn);
            } else if let Ok(message) = self.messages.try_recv() {
                self.take_message(message, turn);
            } else {
                break;
            }
        }
        Ok(())
    }

    fn wakeup(&self) -> Wakeup {
        let mut wakeup = self.engine.next_wakeup();
        if let Some(stop) = self.stop.as_ref().filter(|stop| stop.until < Duration::MAX) {
            wakeup.monotonic = Some(wakeup.monotonic.map_or(stop.until, |at| at.min(stop.until)));
        }
        wakeup
    }

    /// Deals with what an engine before left running: in the worker process it goes on, in that engine's own it ended.
    pub(super) async fn take_over(&mut self) -> Result<(), StoreError> {
        let now = Clock.now();
        let mut effects = Vec::new();
        for execution in self.engine.live_executions() {
            let definition = self.engine.live_definition(execution.id);
            let own = definition.is_some_and(|job| self.worker_links.is_own(&job.command));
            if let Some(ended) = interrupted(&execution, now.wall).filter(|_| own) {
                effects.extend(self.engine.handle(now, Input::Worker(WorkerInput::Ended(ended))));
            }
        }
        if self.engine.has_running() {
            self.worker_links.wake();
        }
        self.perform(effects).await
    }

    fn take_message(&mut self, message: Message, turn: &mut Turn) {
        match message {
            Message::Act(act) => turn.steps.push(Step::Act(act)),
            Message::Look(look) => turn.looks.push(look),
            Message::Subscribe(reply) => turn.subscribers.push(reply),
            Message::Elsewhere { work: CarriedWork { running, ended }, then } => {
                let reports = Input::Worker(WorkerInput::Elsewhere { running, ended });
                turn.steps.push(Step::Input(reports));
                turn.looks.push(then);
            }
            Message::Loaded(fingerprint) => {
                self.fingerprint = fingerprint;
                self.fingerprint_unsaved = true;
                let input = Input::Problem { cause: ProblemCause::JobsFile, problem: None };
                turn.steps.push(Step::Input(input));
                self.tell_file_state(false);
            }
            Message::FileTouched => self.look_at_files(),
            Message::FileSeen { in_force, changed } => {
                let again = std::mem::take(&mut self.look_at_files) == Looking::TouchedMeanwhile;
                if again || in_force != self.fingerprint {
                    self.look_at_files();
                } else {
                    self.tell_file_state(changed);
                }
            }
            Message::Stop { how, patient, reason } => {
                self.begin_stop(how, patient, &reason, turn);
            }
        }
    }

    /// Has the files compared with what is in force, beside the loop: a disk may take its time.
    fn look_at_files(&mut self) {
        if self.look_at_files != Looking::No {
            self.look_at_files = Looking::TouchedMeanwhile;
            return;
        }
        self.look_at_files = Looking::Yes;
        let (source, in_force) = (Arc::clone(&self.source), self.fingerprint);
        let to_self = self.to_self.clone();
        tokio::task::spawn_blocking(move || {
            let changed = source.is_changed(in_force);
            if let Some(to_self) = to_self.upgrade() {
                // The loop may have ended meanwhile.
                let _ = to_self.blocking_send(Message::FileSeen { in_force, changed });
            }
        });
    }

    fn tell_file_state(&mut self, changed: bool) {
        if self.info.file.changed != changed {
            self.info.file.changed = changed;
            let _ = self.feed.send(Feed::File(self.info.file.clone()));
        }
    }

    fn take_link_event(&mut self, event: LinkEvent, turn: &mut Turn) {
        let input = match event {
            LinkEvent::Message(FromWorker::OutputGrew { key, bytes }) => {
                turn.output_grew.push(Feed::OutputGrew { key, bytes });
                return;
            }
            event => self.worker_links.hear(event),
        };
        if let Some(input) = input {
            turn.steps.push(Step::Input(Input::Worker(input)));
        }
    }

    /// Steps the engine, commits, acts.
    async fn take_turn(&mut self, turn: Turn) {
        let mut effects = Vec::new();
        let damage = self.damage_input();
        // Nothing is assigned to a worker process that cannot take it.
        let stopped = self.worker_links.stopped().map(Input::Worker);
        let around = |input: Option<Input>| input.into_iter().map(Step::Input);
        let mut replies: Vec<Reply> = Vec::new();
        for step in around(stopped).chain(turn.steps).chain(around(damage)) {
            match step {
                Step::Input(input) => effects.extend(self.engine.handle(Clock.now(), input)),
                Step::Act(act) => {
                    let Acted { effects: led_to, reply } = act(Ok(&mut self.engine));
                    effects.extend(led_to);
                    replies.push(reply);
                }
            }
        }
        // Settings change only where the slots are configured, too: they are not compared for each commit.
        let configures = effects.iter().any(|effect| matches!(effect, Effect::Configure(_)));
        let applied = configures && *self.engine.settings() != self.settings;
        if applied {
            effects.extend(last_good::save(self.engine.settings()).map(Effect::Save));
        }
        let saves_fingerprint = std::mem::take(&mut self.fingerprint_unsaved);
        if saves_fingerprint {
            effects.push(Effect::Save(last_good::save_fingerprint(self.fingerprint)));
        }
        let performed = self.perform(effects).await;
        self.fingerprint_unsaved = saves_fingerprint && performed.is_err();
        match performed {
            Ok(()) => {
                if applied {
                    self.settings = self.engine.settings().clone();
                }
                replies.into_iter().for_each(|reply| reply(Ok(())));
            }
            Err(error) => self.recover(error, replies).await,
        }
        if self.deposed {
            let refused = |look: Look| look(Err(Refusal::Stopping));
            return turn.looks.into_iter().for_each(refused);
        }
        for grown in turn.output_grew {
            let _ = self.feed.send(grown);
        }
        for look in turn.looks {
            look(Ok(&self.engine));
        }
        for subscriber in turn.subscribers {
            let subscription =
                Subscription { feed: self.feed.subscribe(), snapshot: self.snapshot() };
            // Whoever asked may have gone.
            let _ = subscriber.send(Ok(subscription));
        }
    }

    /// What is to be told of the store's file since the last turn.
    fn damage_input(&mut self) -> Option<Input> {
        let problem = self.store.damage();
        if problem == self.damage {
            return None;
        }
        self.damage.clone_from(&problem);
        Some(Input::Problem { cause: ProblemCause::StoreDamaged, problem })
    }

    /// Keeps what is to be kept, then does and tells the rest.
    pub(super) async fn perform(&mut self, effects: Vec<Effect>) -> Result<(), StoreError> {
        let mut saved = Coalesced::default();
        let mut rest = Vec::with_capacity(effects.len());
        for effect in effects {
            match effect {
                Effect::Save(change) => saved.add(change),
                other => rest.push(other),
            }
        }
        let changes = saved.into_changes();
        if !changes.is_empty() {
            let before = Clock.now().monotonic;
            self.check_folder()?;
            self.store.commit(&changes).await?;
            self.metrics.committed(Clock.now().monotonic.saturating_sub(before), &changes);
            self.history.committed(&changes);
        }
        let (mut looks, mut given_up) = (Vec::new(), Vec::new());
        let mut batch = Batch { seq: self.engine.seq(), ..Batch::default() };
        let mut healths = Vec::new();
        for effect in rest {
            match effect {
                Effect::Save(_) => {}
                Effect::Show(View::Health(health)) => healths.push(health),
                Effect::Show(view) => show(&mut batch, view),
                Effect::Configure(pools) => self.worker_links.configure(pools),
                Effect::FindAhead { after, jobs } => looks.push((after, jobs)),
                Effect::Start(assignment) => self.worker_links.start(*assignment),
                Effect::Stop { key, cause } => self.worker_links.stop(key, cause),
                Effect::EndGroup(key) => given_up.push(key),
                Effect::Abandon(key) => self.worker_links.abandon(key),
                Effect::Forget(key) => self.worker_links.forget(key),
            }
        }
        self.worker_links.end_groups(given_up);
        self.worker_links.flush();
        self.publish(batch, changes);
        for health in healths {
            match health {
                Health::Ok => tracing::info!("{health}"),
                Health::Degraded { .. } | Health::Down { .. } => tracing::warn!("{health}"),
            }
            let _ = self.feed.send(Feed::Health(health));
        }
        for (after, jobs) in looks {
            let ahead = self.store.ahead(after, &jobs).await?;
            let effects = self.engine.handle(Clock.now(), Input::Ahead(ahead));
            Box::pin(self.perform(effects)).await?;
        }
        Ok(())
    }

    /// Fails where the data folder is not this engine's any more: another engine may fire the same jobs.
    pub(super) fn check_folder(&self) -> Result<(), StoreError> {
        if self.lock.holds() {
            return Ok(());
        }
        let message = format!(
            "the data folder {} was removed or replaced while the engine runs: stop this engine, then put the folder back \
             or start one on what is there now",
            self.info.data_dir
        );
        Err(StoreError::Failed { doing: "a commit", message })
    }

    fn publish(&self, mut batch: Batch, changes: Vec<Change>) {
        changes.iter().for_each(log);
        if self.feed.receiver_count() == 0 {
            return;
        }
        for change in changes {
            match change {
                Change::Event(event) => batch.events.push(event),
                Change::Execution(execution) => batch.executions.push(execution),
                _ => {}
            }
        }
        if batch != (Batch { seq: batch.seq, ..Batch::default() }) {
            let _ = self.feed.send(Feed::Batch(Arc::new(batch)));
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            seq: self.engine.seq(),
            jobs: self.engine.job_statuses(),
            live: self.engine.live_executions(),
            workers: self.engine.worker_views(),
            health: self.engine.health(),
            engine: EngineInfo {
                leader: self
                    .info
                    .leader
                    .clone()
                    .map(|leader| Leader { epoch: self.store.epoch(), ..leader }),
                history: self.history.state(),
                ..self.info.clone()
            },
            role: Role::owner(),
        }
    }

    /// Begins to stop, or says another word about a stop that is under way.
    fn begin_stop(&mut self, how: Option<OnStop>, patient: bool, reason: &str, turn: &mut Turn) {
        let how = how.unwrap_or(self.engine.settings().on_stop);
        let grace = match how {
            OnStop::Wait if patient => None,
            OnStop::Wait => Some(self.engine.settings().shutdown_grace),
            OnStop::Leave | OnStop::Cancel => Some(Duration::ZERO),
        };
        let until = grace.map_or(Duration::MAX, |grace| Clock.now().monotonic + grace);
        let begun = self.stop.replace(Stop { how, until, cancelled: false }).is_some();
        if !begun {
            let reason = reason.to_owned();
            turn.steps.push(Step::Input(Input::Halt { reason }));
        }
    }

    /// How far a stop has come. One that waits cancels what still runs once its grace is over.
    fn stop_stage(&mut self) -> Stage {
        let Some(stop) = &mut self.stop else { return Stage::Working };
        if stop.how == OnStop::Leave || !self.engine.has_running() {
            return Stage::Over;
        }
        let now = Clock.now();
        if now.monotonic < stop.until {
            return Stage::Working;
        }
        if stop.cancelled {
            return Stage::Over;
        }
        stop.cancelled = true;
        stop.until = now.monotonic + self.engine.longest_kill_grace() + CANCEL_MARGIN;
        Stage::Cancel
    }
}

/// The end of a running attempt whose process has ended under it.
fn interrupted(execution: &Execution, at: DateTime<Utc>) -> Option<Ended> {
    let attempt = execution.attempt().filter(|attempt| attempt.started_at().is_some())?;
    (execution.state.name() == StateName::Running).then(|| Ended {
        key: AttemptKey { execution_id: execution.id, attempt: attempt.number },
        started_at: attempt.started_at(),
        finished_at: at,
        outcome: Outcome::Interrupted,
        exit_code: None,
        error: Some("the process that it ran in has ended".to_owned()),
        result: None,
        output_lost: 0,
    })
}

/// What of the store could not be read, for the engine.
pub(super) fn unreadable(unreadable: &[String]) -> Input {
    unreadable.iter().for_each(|sentence| tracing::error!("{sentence}"));
    let problem = unreadable.split_first().map(|(first, more)| match more.len() {
        0 => first.clone(),
        more => format!("{first} (and {more} more: see the log)"),
    });
    Input::Problem { cause: ProblemCause::Unreadable, problem }
}

/// How far a stop has come.
enum Stage {
    Working,
    Cancel,
    Over,
}

fn show(batch: &mut Batch, view: View) {
    match view {
        View::Job(job) => batch.jobs.push(job),
        View::JobRemoved(job) => batch.removed_jobs.push(job),
        View::Worker(worker) => batch.workers.push(*worker),
        View::WorkerRemoved(worker) => batch.removed_workers.push(worker),
        // It has a message of its own.
        View::Health(_) => {}
    }
}
