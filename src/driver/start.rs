//! Bringing an engine up: the data folder, the jobs, the store, the links to workers, the loop.
//!
//! Where another scheduler leads the store, [`start_or_stand_by`] gives a standby, which has the data folder already.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use chrono_tz::Tz;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::alarm::Alarm;
use super::data_dir::{DataDir, DataDirError, DataDirLock};
use super::feed::HistoryState;
use super::feed::{EngineInfo, FileState, Leader, SchedulerRole};
use super::handle::{Handle, Message};
use super::identity::{self, Expected};
use super::last_good;
use super::leadership::Standby;
use super::metrics::Metrics;
use super::output_space::History;
use super::restore::{LeaderSite, Restored, restore, take_over};
use super::retention::Keeper;
use super::run::{Driver, Looking, STORE_PAUSE};
use super::source::{JobsFrom, JobsSource};
use super::watch::FileWatch;
use super::worker_links::WorkerLinks;
use crate::clock::{Clock, boot_id};
use crate::commands::Registry;
use crate::control::Caller;
use crate::engine::{Config, Wakeup};
use crate::model::{Actor, Refusal};
use crate::store::{self, Reach, Store, StoreError};

/// How many messages a subscriber may be behind before it is told to take a fresh picture.
const FEED_BOUND: usize = 4_096;
/// How many requests and reports may be on their way to the loop; whoever sends more waits.
const QUEUE_BOUND: usize = 4_096;

/// What an engine is started with.
pub struct StartOptions {
    /// Where the file jobs come from.
    pub jobs: JobsFrom,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// `sqlite`, `memory`, or the URL of a PostgreSQL.
    pub store: String,
    /// The commands that jobs may name.
    pub registry: Registry,
    /// The program that is started as `worker-process --data-dir DIR`.
    pub worker_program: PathBuf,
    /// Where HTTP is served, to be shown.
    pub listen: Option<String>,
    /// How other schedulers of a PostgreSQL reach this one when it leads.
    pub reach: Reach,
    /// What to do where not everything is as it should be.
    pub recovery: Recovery,
}

impl std::fmt::Debug for StartOptions {
    // The URL of a store may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let store = store::shown(&self.store);
        let mut shown = f.debug_struct("StartOptions");
        shown.field("jobs", &self.jobs).field("data_dir", &self.data_dir).field("store", &store);
        shown.field("listen", &self.listen).field("recovery", &self.recovery);
        shown.finish_non_exhaustive()
    }
}

/// What a start does where not everything is as it should be; without any of it, it ends with an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recovery {
    /// Waits for a store or a disk that does not work now, as a running engine does.
    pub wait_for_store: bool,
    /// Goes on with the definitions in the store where the jobs file is gone or has errors.
    pub last_good: bool,
    /// Takes another store than the folder had before, or begins a new one where it is missing or cannot be opened.
    pub new_store: bool,
    /// Takes a store that is older than the folder.
    pub accept_older_store: bool,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be had.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The jobs are wrong.
    #[error("{0}")]
    Jobs(Refusal),
    /// The store cannot be had.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is not the one that the data folder had.
    #[error("{0}")]
    OtherStore(String),
    /// The system does not give what every engine needs.
    #[error("cannot start the engine: {0}")]
    System(#[from] std::io::Error),
}

/// An engine that runs.
#[derive(Debug)]
pub struct Running {
    /// The door to it.
    pub handle: Handle,
    /// Its data folder.
    pub data_dir: DataDir,
    /// Things that are legal in jobs.yaml but likely wrong.
    pub warnings: Vec<String>,
    /// What it has counted since it started.
    pub metrics: Arc<Metrics>,
    loop_task: JoinHandle<EngineEnd>,
    end: Option<EngineEnd>,
    _watch: Option<Arc<FileWatch>>,
    /// What a standby in its place needs; let go when the engine has stopped.
    site: Option<Site>,
}

/// How an engine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineEnd {
    /// It was asked to, or could not go on.
    Stopped,
    /// Another scheduler leads in its place.
    Deposed,
}

impl Running {
    /// Waits until the engine has ended, and says how.
    pub async fn ended(&mut self) -> EngineEnd {
        if let Some(end) = self.end {
            return end;
        }
        let end = (&mut self.loop_task).await.unwrap_or_else(|error| {
            if error.is_panic() {
                tracing::error!(%error, "the engine's loop panicked");
            }
            EngineEnd::Stopped
        });
        self.end = Some(end);
        if end == EngineEnd::Stopped {
            self.site = None;
        }
        end
    }

    /// The standby in place of an engine that was deposed.
    ///
    /// # Errors
    /// When the store's URL cannot be read.
    pub(crate) async fn into_standby(self) -> Result<Standby, StartError> {
        let stopped = || StartError::System(std::io::Error::other("the engine was not deposed"));
        Standby::on(self.site.ok_or_else(stopped)?).await
    }
}

impl StartError {
    /// Whether the same may work a little later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            Self::DataDir(DataDirError::Unusable { source, .. }) | Self::System(source) => {
                use std::io::ErrorKind::{QuotaExceeded, StorageFull};
                matches!(source.kind(), StorageFull | QuotaExceeded)
            }
            Self::DataDir(DataDirError::Held { .. }) | Self::Jobs(_) | Self::OtherStore(_) => false,
        }
    }
}

/// What [`start_or_stand_by`] gives.
#[derive(Debug)]
pub(crate) enum Started {
    /// An engine, which leads.
    Leads(Box<Running>),
    /// A scheduler that waits for the lease.
    StandsBy(Box<Standby>),
}

/// Starts an engine: it takes the data folder, loads the jobs, goes on where another stopped.
///
/// # Errors
/// When something of that cannot be done, or another engine leads the store; nothing has been changed then.
pub async fn start(options: StartOptions) -> Result<Running, StartError> {
    start_on(Arc::new(options), EngineLife::ToTheEnd).await?.0
}

/// The same, but where another scheduler leads the store this one stands by, and an engine that is deposed ends
/// ([`EngineEnd::Deposed`]).
///
/// # Errors
/// As [`start`], but for that.
pub(crate) async fn start_or_stand_by(options: StartOptions) -> Result<Started, StartError> {
    let (started, site) = start_on(Arc::new(options), EngineLife::WhileItLeads).await?;
    match started {
        Ok(running) => Ok(Started::Leads(Box::new(running))),
        Err(StartError::Store(error)) if error.is_led_by_another() => {
            tracing::info!("this scheduler stands by: {error}");
            Ok(Started::StandsBy(Box::new(Standby::on(site).await?)))
        }
        Err(error) => Err(error),
    }
}

/// What an engine does that was deposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EngineLife {
    /// It waits until it can lead again.
    ToTheEnd,
    /// It ends.
    WhileItLeads,
}

/// Takes the data folder and starts an engine on it; where that is asked for, again and again while what is in the way may
/// pass. The outer error is about the data folder.
async fn start_on(
    options: Arc<StartOptions>,
    life: EngineLife,
) -> Result<(Result<Running, StartError>, Site), StartError> {
    let alarm = Alarm::new()?;
    for tries in 1_u64.. {
        let started = match Site::take(&options) {
            Ok(site) => Ok((site.start(Definitions::OfFile, life).await, site)),
            Err(error) => Err(error),
        };
        let error = match &started {
            Ok((Ok(_), _)) => return started,
            Ok((Err(error), _)) | Err(error) => error,
        };
        if !options.recovery.wait_for_store || !error.may_pass() {
            return started;
        }
        if tries.is_power_of_two() {
            tracing::error!(%error, tries, "nothing fires: the engine waits for its store");
        }
        drop(started);
        pause(&alarm).await?;
    }
    // The numbers do not end.
    Err(StartError::System(std::io::Error::other("too many tries")))
}

/// Lets a store that does not work alone for a while.
async fn pause(alarm: &Alarm) -> std::io::Result<()> {
    let until = Clock.now().monotonic + STORE_PAUSE;
    while Clock.now().monotonic < until {
        alarm.set(Wakeup { wall: None, monotonic: Some(until) })?;
        alarm.wait().await;
    }
    Ok(())
}

/// Which definitions an engine starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Definitions {
    /// Those of the jobs file.
    OfFile,
    /// Those that are in force already, by the store: a take-over changes none.
    InForce,
}

/// A data folder that this process has, and what it starts engines with there.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) options: Arc<StartOptions>,
    pub(super) data_dir: DataDir,
    lock: Arc<DataDirLock>,
}

impl Site {
    fn take(options: &Arc<StartOptions>) -> Result<Self, StartError> {
        let data_dir = DataDir::open(&options.data_dir)?;
        let lock = Arc::new(data_dir.lock()?);
        if options.jobs == JobsFrom::Sample {
            std::fs::create_dir_all(data_dir.sample())?;
        }
        Ok(Self { options: Arc::clone(options), data_dir, lock })
    }

    /// The jobs file, of which nothing is in force yet.
    pub(super) fn source(&self) -> JobsSource {
        let (jobs, registry) = (self.options.jobs.clone(), self.options.registry.clone());
        JobsSource::new(jobs, self.data_dir.sample(), registry, system_zone())
    }

    /// What a scheduler here says of itself.
    pub(super) fn info(&self, started_at: chrono::DateTime<chrono::Utc>) -> EngineInfo {
        let config = config(system_zone(), &self.options.registry);
        info(&self.options, &self.data_dir, &config, started_at)
    }

    /// Starts an engine, which leads.
    pub(super) async fn start(
        &self,
        definitions: Definitions,
        life: EngineLife,
    ) -> Result<Running, StartError> {
        let Self { options, data_dir, lock } = self;
        let source = Arc::new(self.source());
        let (now, reader) = (Clock.now(), Arc::clone(&source));
        let read = tokio::task::spawn_blocking(move || reader.load(now.wall));
        let (store, expected) = open_store(options, data_dir, now.wall).await?;
        let read = read.await.map_err(std::io::Error::other)?;
        let config = config(source.system_zone, &options.registry);
        let site = LeaderSite::read(&*store, options, data_dir).await?;
        let mut info = info(options, data_dir, &config, now.wall);
        let Restored { mut engine, effects, read, newest_event } = match definitions {
            Definitions::OfFile => restore(&config, &*store, read, options.recovery, &site).await?,
            Definitions::InForce => {
                let restored = take_over(&config, &*store, read, &site).await?;
                info.file.changed = restored.1;
                restored.0
            }
        };
        if site.is_new {
            engine.expect_elsewhere(Clock.now());
        }
        let mark = match expected {
            Some(expected) => Some(expected.check(&*store, newest_event, options.recovery).await?),
            None => None,
        };
        source.put_in_force(&mut *source.turn.lock().await, &read);
        let settings = engine.settings().clone();
        // The first commit comes before anything is started that would have to be ended where it fails.
        let in_force = last_good::save(&settings).into_iter();
        let in_force = in_force.chain([last_good::save_fingerprint(read.fingerprint)]);
        let in_force = in_force.chain(site.save(&config.boot_id));
        store.commit(&Vec::from_iter(in_force)).await?;
        let (to_loop, messages) = mpsc::channel(QUEUE_BOUND);
        let (link_events, from_workers) = mpsc::channel(QUEUE_BOUND);
        let (program, registry) = (options.worker_program.clone(), options.registry.clone());
        let worker_links = WorkerLinks::new(data_dir, program, registry, link_events)?;
        let (metrics, history) = (Arc::<Metrics>::default(), Arc::<History>::default());
        let mut driver = Driver {
            engine,
            store: Arc::clone(&store),
            worker_links,
            source: Arc::clone(&source),
            fingerprint: read.fingerprint,
            fingerprint_unsaved: false,
            info,
            feed: broadcast::channel(FEED_BOUND).0,
            metrics: Arc::clone(&metrics),
            history: Arc::clone(&history),
            damage: None,
            messages,
            from_workers,
            alarm: Alarm::new()?,
            stop: None,
            life,
            deposed: false,
            abandoned: false,
            settings,
            to_self: to_loop.downgrade(),
            look_at_files: Looking::No,
            lock: Arc::clone(lock),
            mark: mark.clone(),
        };
        driver.perform(effects).await?;
        driver.take_over().await?;
        let watch = options.jobs.path().and_then(|path| watch(path, &source, &to_loop));
        let to_keeper = to_loop.downgrade();
        let keeper = Keeper::new(&options.store, Arc::clone(&store), data_dir, to_keeper, history)
            .marking(mark);
        let handle = Handle {
            messages: to_loop,
            store,
            source,
            data_dir: data_dir.clone(),
            caller: Caller::owner(Actor::named("program")),
        };
        let warnings = read.loaded.warnings.iter().map(ToString::to_string).collect();
        let loop_task = tokio::spawn(work(driver, keeper));
        let (data_dir, site) = (data_dir.clone(), Some(self.clone()));
        let end = None;
        Ok(Running { handle, data_dir, warnings, metrics, loop_task, end, _watch: watch, site })
    }
}

/// Opens the store, and says what the folder expects of it, where it is in the folder.
async fn open_store(
    options: &StartOptions,
    data_dir: &DataDir,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(Arc<dyn Store>, Option<Expected>), StartError> {
    let (kind, folder) = (&options.store, data_dir.root());
    // What a folder notes of its store is about the file in it.
    if kind != "sqlite" {
        return Ok((store::open(kind, folder, &options.reach).await?, None));
    }
    let expected = Expected::read(folder, options.recovery)?;
    let opened = match store::open(kind, folder, &options.reach).await {
        Err(error @ StoreError::Open { may_pass: false, .. }) if options.recovery.new_store => {
            identity::set_aside(folder, &error, now.timestamp())?;
            store::open(kind, folder, &options.reach).await
        }
        opened => opened,
    };
    Ok((opened?, Some(expected)))
}

/// The loop, and the deletion of old history beside it, to their end.
async fn work(driver: Driver, keeper: Keeper) -> EngineEnd {
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(keeper.run(stop.clone()));
    // The keeper is told even if the loop panics.
    let stopped = stop.drop_guard();
    let end = driver.run().await;
    drop(stopped);
    if let Err(error) = keeping.await {
        tracing::error!(%error, "the deletion of old history panicked");
    }
    end
}

fn watch(
    path: &std::path::Path,
    source: &JobsSource,
    to_loop: &mpsc::Sender<Message>,
) -> Option<Arc<FileWatch>> {
    let watch = FileWatch::begin(path, to_loop.clone())
        .inspect_err(|error| tracing::warn!(%error, "changes of the jobs file are not noticed"));
    let watch = Arc::new(watch.ok()?);
    source.watched_by(&watch);
    // It may have been changed since it was read; a full queue has other news to look after.
    let _ = to_loop.try_send(Message::FileTouched);
    Some(watch)
}

fn config(system_zone: Tz, registry: &Registry) -> Config {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Config {
        host: host(),
        cores: u32::try_from(cores).unwrap_or(1),
        system_zone,
        seed: RandomState::new().build_hasher().finish(),
        boot_id: boot_id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        own_commands: registry.embedded().map(str::to_owned).collect(),
    }
}

fn info(
    options: &StartOptions,
    data_dir: &DataDir,
    config: &Config,
    started_at: chrono::DateTime<chrono::Utc>,
) -> EngineInfo {
    EngineInfo {
        version: config.version.clone(),
        host: config.host.clone(),
        pid: std::process::id(),
        scheduler: SchedulerRole::Leader,
        leader: Some(Leader { host: config.host.clone(), pid: std::process::id(), epoch: None }),
        started_at,
        store: store::shown(&options.store),
        data_dir: data_dir.root().display().to_string(),
        listen: options.listen.clone(),
        file: FileState {
            path: options.jobs.path().map(|path| path.display().to_string()),
            sample: options.jobs == JobsFrom::Sample,
            changed: false,
        },
        history: HistoryState::default(),
    }
}

/// The host name of this machine.
pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The machine's zone: TZ where it names one, else what the system is set to, else UTC.
#[must_use]
pub(crate) fn system_zone() -> Tz {
    let from_environment = std::env::var("TZ").ok();
    let named = from_environment.as_deref().map(|name| name.trim_start_matches(':'));
    named
        .and_then(|name| name.parse().ok())
        .or_else(|| iana_time_zone::get_timezone().ok()?.parse().ok())
        .unwrap_or(Tz::UTC)
}
