//! Bringing an engine up: the data folder, the jobs, the store, the hands, the loop.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use chrono_tz::Tz;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::alarm::Alarm;
use super::data_dir::{DataDir, DataDirError};
use super::feed::HistoryState;
use super::feed::{EngineInfo, FileState};
use super::handle::{Handle, Message};
use super::identity::{self, Expected};
use super::last_good;
use super::metrics::Metrics;
use super::output_space::History;
use super::retention::Keeper;
use super::run::{Driver, Looking, STORE_PAUSE, unreadable};
use super::source::{JobsFrom, JobsSource, Read};
use super::watch::FileWatch;
use super::worker_links::WorkerLinks;
use crate::clock::{Clock, boot_id};
use crate::commands::Registry;
use crate::control::Caller;
use crate::engine::{Config, Effect, Engine, Input, Wakeup};
use crate::model::{Actor, ProblemCause, Refusal};
use crate::store::{self, Store, StoreError};

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
    loop_task: JoinHandle<()>,
    _watch: Option<Arc<FileWatch>>,
}

impl Running {
    /// Waits until the engine has ended.
    pub async fn ended(&mut self) {
        if let Err(error) = (&mut self.loop_task).await
            && error.is_panic()
        {
            tracing::error!(%error, "the engine's loop panicked");
        }
    }
}

impl StartError {
    /// Whether the same may work a little later.
    fn may_pass(&self) -> bool {
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

/// Starts an engine: it takes the data folder, loads the jobs, goes on where another stopped.
///
/// # Errors
/// When something of that cannot be done; nothing has been changed then.
pub async fn start(options: StartOptions) -> Result<Running, StartError> {
    let alarm = Alarm::new()?;
    for tries in 1_u64.. {
        match start_now(&options).await {
            Err(error) if options.recovery.wait_for_store && error.may_pass() => {
                if tries.is_power_of_two() {
                    tracing::error!(%error, tries, "nothing fires: the engine waits for its store");
                }
                pause(&alarm).await?;
            }
            started => return started,
        }
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

async fn start_now(options: &StartOptions) -> Result<Running, StartError> {
    let data_dir = DataDir::open(&options.data_dir)?;
    let lock = data_dir.lock()?;
    let (jobs, registry) = (options.jobs.clone(), options.registry.clone());
    let source = Arc::new(JobsSource::new(jobs, data_dir.sample(), registry, system_zone()));
    if options.jobs == JobsFrom::Sample {
        std::fs::create_dir_all(data_dir.sample())?;
    }
    let (now, reader) = (Clock.now(), Arc::clone(&source));
    let read = tokio::task::spawn_blocking(move || reader.load(now.wall));
    let (store, expected) = open_store(options, &data_dir, now.wall).await?;
    let read = read.await.map_err(std::io::Error::other)?;
    let config = config(source.system_zone, &options.registry);
    let Restored { engine, effects, read, newest_event } =
        restore(&config, &*store, read, options.recovery).await?;
    let mark = match expected {
        Some(expected) => Some(expected.check(&*store, newest_event, options.recovery).await?),
        None => None,
    };
    source.put_in_force(&mut *source.turn.lock().await, &read);
    let settings = engine.settings().clone();
    // The first commit comes before anything is started that would have to be ended where it fails.
    store.commit(&Vec::from_iter(last_good::save(&settings))).await?;
    let info = info(options, &data_dir, &config, now.wall);
    let (to_loop, messages) = mpsc::channel(QUEUE_BOUND);
    let (link_events, from_workers) = mpsc::channel(QUEUE_BOUND);
    let (program, registry) = (options.worker_program.clone(), options.registry.clone());
    let worker_links = WorkerLinks::new(&data_dir, program, registry, link_events)?;
    let (metrics, history) = (Arc::<Metrics>::default(), Arc::<History>::default());
    let mut driver = Driver {
        engine,
        store: Arc::clone(&store),
        worker_links,
        source: Arc::clone(&source),
        fingerprint: read.fingerprint,
        info,
        feed: broadcast::channel(FEED_BOUND).0,
        metrics: Arc::clone(&metrics),
        history: Arc::clone(&history),
        damage: None,
        messages,
        from_workers,
        alarm: Alarm::new()?,
        stop: None,
        abandoned: false,
        settings,
        to_self: to_loop.downgrade(),
        look_at_files: Looking::No,
        lock,
        mark: mark.clone(),
    };
    driver.perform(effects).await?;
    driver.take_over().await?;
    let watch = options.jobs.path().and_then(|path| watch(path, &source, &to_loop));
    let to_keeper = to_loop.downgrade();
    let keeper = Keeper::new(&options.store, Arc::clone(&store), &data_dir, to_keeper, history)
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
    Ok(Running { handle, data_dir, warnings, metrics, loop_task, _watch: watch })
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
        return Ok((store::open(kind, folder).await?, None));
    }
    let expected = Expected::read(folder, options.recovery)?;
    let opened = match store::open(kind, folder).await {
        Err(error @ StoreError::Open { may_pass: false, .. }) if options.recovery.new_store => {
            identity::set_aside(folder, &error, now.timestamp())?;
            store::open(kind, folder).await
        }
        opened => opened,
    };
    Ok((opened?, Some(expected)))
}

/// An engine from what the store holds and the jobs file says.
struct Restored {
    newest_event: u64,
    engine: Engine,
    effects: Vec<Effect>,
    read: Read,
}

/// Goes on where another engine stopped, with the jobs of the file, or where those are refused and that is asked for, with
/// the definitions in the store.
async fn restore(
    config: &Config,
    store: &dyn Store,
    read: Result<Read, Refusal>,
    recovery: Recovery,
) -> Result<Restored, StartError> {
    let image = store.load().await?;
    let newest_event = image.last_seq;
    let unreadable = unreadable(&image.unreadable);
    let with = |image, read: &Read| -> Result<_, Refusal> {
        let set = read.loaded.set.clone();
        let (mut engine, mut effects) = Engine::start(config.clone(), image, set, Clock.now())?;
        effects.extend(engine.handle(Clock.now(), unreadable.clone()));
        Ok((engine, effects))
    };
    let refusal = match read {
        Ok(read) => match with(image, &read) {
            Ok((engine, effects)) => return Ok(Restored { newest_event, engine, effects, read }),
            Err(refusal) => refusal,
        },
        Err(refusal) => refusal,
    };
    if !recovery.last_good {
        return Err(StartError::Jobs(refusal));
    }
    let image = store.load().await?;
    let Some(read) = last_good::read(store, &image).await? else {
        return Err(StartError::Jobs(refusal));
    };
    let Ok((mut engine, mut effects)) = with(image, &read) else {
        return Err(StartError::Jobs(refusal));
    };
    let sentence = format!(
        "the jobs file was refused at the start, so the definitions of the last good one are in force: {refusal}"
    );
    tracing::error!("{sentence}");
    let input = Input::Problem { cause: ProblemCause::JobsFile, problem: Some(sentence) };
    effects.extend(engine.handle(Clock.now(), input));
    Ok(Restored { newest_event, engine, effects, read })
}

/// The loop, and the deletion of old history beside it, to their end.
async fn work(driver: Driver, keeper: Keeper) {
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(keeper.run(stop.clone()));
    // The keeper is told even if the loop panics.
    let stopped = stop.drop_guard();
    driver.run().await;
    drop(stopped);
    if let Err(error) = keeping.await {
        tracing::error!(%error, "the deletion of old history panicked");
    }
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
fn host() -> String {
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
