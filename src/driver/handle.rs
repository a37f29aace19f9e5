//! `Handle`: the engine's API inside its own process. Verbs go to the driver's loop and come back when what they did is
//! committed.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{mpsc, oneshot};

use super::carried::{CarriedVerdicts, CarriedWork};
use super::data_dir::DataDir;
use super::engine_api::{EngineApi, Preview};
use super::feed::Subscription;
use super::preview::preview;
use super::source::JobsSource;
use crate::clock::Clock;
use crate::control::{self, Authorized, Call, Caller, Endpoint, Listed, Mutation, Submits};
use crate::engine::{Answered, Effect, Engine, Past};
use crate::jobfile;
use crate::model::OutputChunk;
use crate::model::Plan;
use crate::model::{
    Actor, AttemptKey, Event, Execution, ExecutionId, ExecutionQuery, Health, JobId, JobSet,
    JobStatus, JobVersion, LedgerRange, Now, OnStop, Page, Refusal, Role, Settings, StateName, Why,
    text,
};
use crate::store::{Store, StoreError};
use crate::worker::output_log::read_output;

/// A look at the engine between two steps, or why there is none.
pub(super) type Look = Box<dyn FnOnce(Result<&Engine, Refusal>) + Send>;

/// Has the engine do something between two inputs. It gives back what is to be committed, and how the answer is given
/// once that is.
pub(super) type Act = Box<dyn FnOnce(Result<&mut Engine, Refusal>) -> Acted + Send>;

/// What an [`Act`] led to.
pub(super) struct Acted {
    pub(super) effects: Vec<Effect>,
    pub(super) reply: Reply,
}

/// Gives an answer, or the refusal that stands in its place when the commit failed.
pub(super) type Reply = Box<dyn FnOnce(Result<(), Refusal>) + Send>;

/// What the loop is asked for.
pub(super) enum Message {
    /// Something that may change the engine.
    Act(Act),
    /// A look.
    Look(Look),
    /// A picture and what follows.
    Subscribe(oneshot::Sender<Result<Subscription, Refusal>>),
    /// A standby reports what its worker process holds of the time when it led.
    Elsewhere {
        work: CarriedWork,
        /// Called when what was reported is kept.
        then: Look,
    },
    /// jobs.yaml was loaded; its fingerprint.
    Loaded(u64),
    /// Someone touched the folder of jobs.yaml.
    FileTouched,
    /// The files were compared with what was in force.
    FileSeen {
        /// The fingerprint of that.
        in_force: u64,
        /// Whether they are others, by someone else's doing.
        changed: bool,
    },
    /// End the engine.
    Stop {
        /// What becomes of running commands; `None` = as jobs.yaml says.
        how: Option<OnStop>,
        /// Whether `wait` waits as long as it takes.
        patient: bool,
        reason: String,
    },
}

/// The engine's API inside its own process. Cheap to clone; each clone may speak for another caller.
#[derive(Clone)]
pub struct Handle {
    pub(super) messages: mpsc::Sender<Message>,
    pub(super) store: Arc<dyn Store>,
    pub(super) source: Arc<JobsSource>,
    pub(super) data_dir: DataDir,
    pub(super) caller: Caller,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl Handle {
    /// The same for someone else, who may do everything.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        self.called_by(actor, Role::owner())
    }

    /// The same for someone else, who has this role.
    #[must_use]
    pub fn called_by(&self, actor: Actor, role: Role) -> Self {
        Self { caller: Caller { actor, role }, ..self.clone() }
    }

    /// Asks the engine to end. Its `Running` tells when it has.
    pub async fn stop(&self, how: Option<OnStop>, reason: &str) {
        let reason = reason.to_owned();
        // A closed channel means that it has ended already.
        let _ = self.messages.send(Message::Stop { how, patient: false, reason }).await;
    }

    /// Asks the engine to end when running commands have ended, however long they take. A later [`Handle::stop`] is
    /// the last word.
    pub async fn stop_when_done(&self, reason: &str) {
        let (how, reason) = (Some(OnStop::Wait), reason.to_owned());
        let _ = self.messages.send(Message::Stop { how, patient: true, reason }).await;
    }

    /// Has the engine do something, and waits until what it led to is committed.
    pub(super) async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Engine, Now) -> Answered<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let act: Act = Box::new(move |engine| {
            let (effects, answer) = match engine {
                Ok(engine) => act(engine, Clock.now()),
                Err(refusal) => (Vec::new(), Err(refusal)),
            };
            // Whoever asked may have gone.
            let reply: Reply = Box::new(move |committed| _ = reply.send(committed.and(answer)));
            Acted { effects, reply }
        });
        self.messages.send(Message::Act(act)).await.map_err(|_| Refusal::Stopping)?;
        answer.await.map_err(|_| Refusal::Stopping)?
    }

    /// Puts a set of file jobs in force.
    pub(super) async fn apply(&self, set: JobSet) -> Result<(), Refusal> {
        let by = self.caller.actor.clone();
        self.act(move |engine, now| engine.apply_jobs(now, by, set)).await
    }

    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let look: Look = Box::new(move |engine| {
            // Whoever asked may have gone.
            let _ = reply.send(engine.map(look));
        });
        self.messages.send(Message::Look(look)).await.map_err(|_| Refusal::Stopping)?;
        answer.await.map_err(|_| Refusal::Stopping)?
    }

    /// What the store knows about an instant of a job.
    async fn past(&self, job: &JobId, at: DateTime<Utc>) -> Result<Past, Refusal> {
        // The execution of a fire time is made at it or after it; a page of the first ones made then is enough.
        let query = ExecutionQuery {
            job: Some(job.clone()),
            since: Some(at),
            after: Some(ExecutionId::from_uuid(uuid::Uuid::nil())),
            limit: 1_000,
            ..ExecutionQuery::default()
        };
        let mut executions = self.executions(&query).await?.items;
        executions.retain(|execution| execution.fire_time == at);
        executions.reverse();
        let ended = |state: &StateName| state.is_final() && *state != StateName::Skipped;
        let newest = ExecutionQuery {
            job: Some(job.clone()),
            states: StateName::ALL.into_iter().filter(ended).collect(),
            limit: 1,
            ..ExecutionQuery::default()
        };
        let newest = self.executions(&newest).await?.items.into_iter().next();
        let begun = at.checked_add_signed(TimeDelta::microseconds(1));
        let ranges = self.ledger(job, begun, 1).await?;
        let ledger = ranges.into_iter().find(|range| range.first <= at && at <= range.last);
        Ok(Past { executions, ledger, newest })
    }

    pub(super) async fn reload_in_turn(&self) -> Result<Plan, Refusal> {
        let mut turn = self.source.turn.lock().await;
        let (read, plan) = self.read_file().await?;
        self.apply(read.loaded.set.clone()).await?;
        self.source.put_in_force(&mut turn, &read);
        let loaded = Message::Loaded(read.fingerprint);
        self.messages.send(loaded).await.map_err(|_| Refusal::Stopping)?;
        Ok(plan)
    }

    /// Reads jobs.yaml and says what putting it in force would change.
    pub(super) async fn read_file(&self) -> Result<(super::source::Read, Plan), Refusal> {
        let source = Arc::clone(&self.source);
        let now = Clock.now().wall;
        let read = tokio::task::spawn_blocking(move || source.load(now)).await;
        let read = read.map_err(|error| Refusal::File(error.to_string()))??;
        let before = self.look(Engine::file_jobs).await?;
        let mut plan = jobfile::diff(&before, &read.loaded.set);
        plan.warnings = read.loaded.warnings.iter().map(ToString::to_string).collect();
        Ok((read, plan))
    }
}

impl Endpoint for Handle {
    async fn call<C: Listed>(&self, command: C) -> Result<C::Answer, Refusal> {
        let call = self.caller.authorize(command, Clock.now().wall)?;
        C::answer_locally(call, self).await
    }
}

impl Submits for Handle {
    async fn submit<C: Mutation>(&self, call: Authorized<C>) -> Result<C::Answer, Refusal> {
        let facts = call.command().facts(self).await?;
        self.act(move |engine, now| engine.call(now, call, facts)).await
    }
}

impl control::History for Handle {
    async fn execution(&self, part: &str) -> Result<Arc<Execution>, Refusal> {
        EngineApi::execution(self, part).await
    }
}

#[async_trait]
impl EngineApi for Handle {
    async fn subscribe(&self) -> Result<Subscription, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.messages.send(Message::Subscribe(reply)).await.map_err(|_| Refusal::Stopping)?;
        answer.await.map_err(|_| Refusal::Stopping)?
    }

    async fn call(&self, call: Call<'_>) {
        call.answered_by(self).await;
    }

    async fn health(&self) -> Result<Health, Refusal> {
        self.look(Engine::health).await
    }

    async fn versions(
        &self,
        job: &JobId,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobVersion>, Refusal> {
        let versions = self.store.job_versions(job, before, limit).await.map_err(refused)?;
        if versions.is_empty() && before.is_none() {
            let job = job.clone();
            self.look(move |engine| engine.known(&job)).await??;
        }
        Ok(versions)
    }

    async fn preview(
        &self,
        schedule: &str,
        timezone: Option<&str>,
        count: usize,
    ) -> Result<Preview, Refusal> {
        let settings = self.settings().await?;
        preview(schedule, timezone, count, &settings, self.source.system_zone)
    }

    async fn settings(&self) -> Result<Settings, Refusal> {
        self.look(|engine| engine.settings().clone()).await
    }

    async fn carry(&self, work: CarriedWork) -> Result<CarriedVerdicts, Refusal> {
        let (reply, answer) = oneshot::channel();
        let now = Clock.now();
        let running = work.running.clone();
        let ended: Vec<AttemptKey> = work.ended.iter().map(|ended| ended.key).collect();
        let then: Look = Box::new(move |engine| {
            let verdicts = engine.map(|engine| engine.verdicts(now, &running, &ended).into());
            // Whoever asked may have gone.
            let _ = reply.send(verdicts);
        });
        let message = Message::Elsewhere { work, then };
        self.messages.send(message).await.map_err(|_| Refusal::Stopping)?;
        answer.await.map_err(|_| Refusal::Stopping)?
    }

    async fn job(&self, job: &JobId) -> Result<Arc<JobStatus>, Refusal> {
        let job = job.clone();
        self.look(move |engine| {
            engine.known(&job)?;
            engine.job_status(job.as_str()).ok_or(Refusal::Stopping)
        })
        .await?
    }

    async fn next_fire_times(
        &self,
        job: &JobId,
        from: DateTime<Utc>,
        count: usize,
    ) -> Result<Vec<DateTime<Utc>>, Refusal> {
        let job = job.clone();
        self.look(move |engine| {
            engine.known(&job)?;
            Ok(engine.fire_times(job.as_str(), from, count.min(1_000)))
        })
        .await?
    }

    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<Arc<Execution>>, Refusal> {
        self.store.executions(query).await.map_err(refused)
    }

    async fn execution(&self, part: &str) -> Result<Arc<Execution>, Refusal> {
        let part: String = part.trim().chars().filter(|c| *c != '-').collect();
        let part = part.to_lowercase();
        // Only what can be part of an id is looked for.
        let hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex || !(1..=32).contains(&part.len()) {
            return Err(Refusal::UnknownExecution { execution: text::shortened(&part) });
        }
        let mut found = self.store.executions_named(&part).await.map_err(refused)?;
        match found.len() {
            0 => Err(Refusal::UnknownExecution { execution: part }),
            1 => Ok(found.remove(0)),
            count => Err(Refusal::AmbiguousExecution { execution: part, count }),
        }
    }

    async fn counts(&self, since: DateTime<Utc>) -> Result<Vec<(StateName, u64)>, Refusal> {
        self.store.counts(since).await.map_err(refused)
    }

    async fn newest_events(&self, limit: u32) -> Result<Vec<Event>, Refusal> {
        self.store.newest_events(limit).await.map_err(refused)
    }

    async fn events_after(&self, seq: u64, limit: u32) -> Result<Vec<Event>, Refusal> {
        self.store.events_after(seq, limit).await.map_err(refused)
    }

    async fn ledger(
        &self,
        job: &JobId,
        before: Option<DateTime<Utc>>,
        limit: u32,
    ) -> Result<Vec<LedgerRange>, Refusal> {
        self.store.ledger(job, before, limit).await.map_err(refused)
    }

    async fn why_job(&self, job: &JobId, at: DateTime<Utc>) -> Result<Why, Refusal> {
        let past = self.past(job, at).await?;
        let job = job.clone();
        let now = Clock.now();
        self.look(move |engine| engine.why_job(now, &job, at, &past)).await?
    }

    async fn why_execution(&self, execution: ExecutionId) -> Result<Why, Refusal> {
        let now = Clock.now();
        let live = self.look(move |engine| {
            engine.live_execution(execution).map(|live| engine.why_execution(now, &live))
        });
        if let Some(why) = live.await? {
            return Ok(why);
        }
        let ended = self.execution(&execution.to_string()).await?;
        self.look(move |engine| engine.why_execution(now, &ended)).await
    }

    async fn output(
        &self,
        key: AttemptKey,
        from: u64,
        max_bytes: u64,
    ) -> Result<OutputChunk, Refusal> {
        let root = self.data_dir.root().to_owned();
        let read = tokio::task::spawn_blocking(move || read_output(&root, key, from, max_bytes));
        let read = read.await.map_err(|error| Refusal::Store(error.to_string()))?;
        read.map_err(|error| Refusal::Store(format!("the output cannot be read: {error}")))
    }
}

pub(super) fn refused(error: StoreError) -> Refusal {
    tracing::error!(%error, "the store did not answer");
    Refusal::Store(error.to_string())
}
