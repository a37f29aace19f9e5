//! `crontower` without a subcommand: an engine, with its screen or without.
//!
//! Owns the order in which things come up and go down. What a stop does to running commands is the driver's; how the screen is
//! left is the screen's.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::exit::{Exit, Failure};
use super::signals::{Asked, Signals};
use super::store::StoreName;
use super::target::{from_environment, jobs_file};
use super::{logging, screen};
use crate::api::client::Client;
use crate::api::{
    Access, Listen, ListenError, Listeners, Server, Service, StandbyService, Switch, Tls, Tokens,
    WallClock, fresh_secret, peer_client, report_attempts,
};
use crate::clock::Clock;
use crate::commands::Registry;
use crate::control::ReloadJobs;
use crate::driver::data_dir::DataDir;
use crate::driver::{
    EngineApi, EngineEnd, Handle, JobsFrom, Recovery, Running, Standby, StartError, StartOptions,
    Started, ask, start_or_stand_by,
};
use crate::model::{Actor, OnStop};
use crate::store::Reach;

/// What a handed-over engine says on stdout when it serves.
pub(super) const READY: &str = "ready";

/// So long after a terminal was lost, a SIGHUP is still about that.
const HANG_UP_ECHO: Duration = Duration::from_secs(2);

/// How an engine is started.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Engine")]
pub(super) struct StartArgs {
    /// No screen: logs on stderr, SIGHUP reloads jobs.yaml, SIGTERM ends
    #[arg(long)]
    pub(super) headless: bool,

    /// The jobs file, or a folder of *.yaml [env: CRONTOWER_JOBS; default: jobs.yaml, else a built-in sample]
    #[arg(long, value_name = "FILE")]
    pub(super) jobs: Option<PathBuf>,

    /// Where history is kept: `sqlite` (in the data folder), `memory` (nowhere; for trying things out), or a PostgreSQL,
    /// postgres://USER@HOST/DATABASE [env: CRONTOWER_STORE, or the file that CRONTOWER_STORE_FILE names; default: sqlite]
    #[arg(long, value_name = "STORE")]
    pub(super) store: Option<StoreName>,

    /// Where the API is served over TCP, or `none` [default: 127.0.0.1:7117]
    #[arg(long, value_name = "ADDR:PORT|none")]
    pub(super) listen: Option<Listen>,

    /// Take a --listen address that others can reach, although there is no TLS: they can read tokens on their way
    #[arg(long, requires = "listen")]
    pub(super) insecure_listen: bool,

    /// Speak TLS over TCP with this certificate (PEM, its chain after it); SIGHUP reads it again
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,

    /// Where other schedulers of a PostgreSQL store reach this one [env: CRONTOWER_ADVERTISE; default: where it listens]
    #[arg(long, value_name = "URL")]
    pub(super) advertise: Option<String>,

    /// Start with the definitions in the store where the jobs file is gone or has errors, and say so
    #[arg(long)]
    pub(super) last_good: bool,

    /// Take the store that is there for this data folder, or begin a new one where it is missing or cannot be opened
    #[arg(long)]
    pub(super) new_store: bool,

    /// Take a store that is older than this data folder: one from a backup
    #[arg(long)]
    pub(super) accept_older_store: bool,

    /// In a session of its own, with its log in the data folder: how one engine takes over from another.
    #[arg(long, hide = true, requires = "headless")]
    pub(super) detached: bool,
}

impl StartArgs {
    /// Whether any of them was given.
    pub(super) fn any(&self) -> bool {
        let listens = self.listen.is_some() || self.tls_cert.is_some();
        self.headless || self.jobs.is_some() || self.store.is_some() || listens
    }

    fn recovery(&self) -> Recovery {
        // Someone at a terminal wants to know at once.
        Recovery {
            wait_for_store: self.headless,
            last_good: self.last_good,
            new_store: self.new_store,
            accept_older_store: self.accept_older_store,
        }
    }

    /// Certificate and key, where TLS is asked for.
    fn tls(&self) -> Result<Option<Tls>, Failure> {
        let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        let loaded = Tls::load(cert, key);
        loaded.map(Some).map_err(|error| {
            Failure::new(Exit::Usage, error.to_string())
                .hint("--tls-cert and --tls-key name PEM files: a certificate with its chain, and its key")
        })
    }

    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        if self.headless {
            return self.run_headless(context).await;
        }
        screen::run(self, context).await
    }

    async fn run_headless(self, context: &Context) -> Result<(), Failure> {
        let data_dir = open(&context.target.data_dir()?)?;
        if self.detached {
            // Fails only for a leader of a session, which has what is wanted already.
            let _ = rustix::process::setsid();
            logging::to_file(&data_dir.root().join("crontower.log"))?;
        } else {
            logging::to_stderr()?;
        }
        let mut signals = Signals::new()?;
        let authorities = context.target.authorities();
        let authorities = authorities.as_deref();
        let started = Up::start_unless_stopped(&self, &data_dir, authorities, &mut signals);
        let Some(mut up) = started.await? else { return Ok(()) };
        if self.detached {
            context.terminal.say(READY)?;
        }
        let ended = up.serve_until_stopped(&mut signals, OnHangUp::Reload).await;
        up.down().await;
        ended
    }
}

/// The data folder, made if need be.
pub(super) fn open(path: &Path) -> Result<DataDir, Failure> {
    DataDir::open(path).map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}

/// What SIGHUP means to an engine without a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnHangUp {
    /// Read jobs.yaml again.
    Reload,
    /// At first nothing: the terminal was lost, and says so more than once. Later the same.
    Ignore,
}

/// A scheduler that runs, and the server before it.
#[derive(Debug)]
pub(super) struct Up {
    scheduler: Scheduler,
    /// The engine's own door while this one leads.
    leading: watch::Sender<Option<Handle>>,
    /// A sentence for people about what could not be had.
    pub(super) notice: Option<String>,
    server: Server,
    serving: CancellationToken,
    tls: Option<Tls>,
    front: Front,
}

/// What the process is at an instant.
#[derive(Debug)]
enum Scheduler {
    Leads(Box<Running>),
    StandsBy(Box<Standby>),
    /// It has ended.
    Gone,
}

/// What both a leader and a standby are served with.
#[derive(Debug)]
struct Front {
    switch: Option<Switch>,
    tokens: Tokens,
    /// What a standby shows here.
    secret: String,
    /// Speaks to the leader for a standby.
    http: reqwest::Client,
}

impl Front {
    fn of_leader(&self, running: &Running) -> Service {
        let handle = running.handle.clone();
        let engine_api_of = Arc::new(move |actor, role| -> Arc<dyn EngineApi> {
            Arc::new(handle.called_by(actor, role))
        });
        let (tokens, peer_secret) = (self.tokens.clone(), Some(self.secret.clone()));
        let access = Some(Access { tokens, engine_api_of, peer_secret });
        let engine_api: Arc<dyn EngineApi> = Arc::new(running.handle.acting_as(socket_actor()));
        let metrics = Arc::clone(&running.metrics);
        Service { engine_api, access, metrics, clock: clock() }
    }

    fn of_standby(&self, standby: &Standby) -> StandbyService {
        let (owner, tokens) = (socket_actor(), self.tokens.clone());
        StandbyService { owner, tokens, view: standby.view(), http: self.http.clone() }
    }
}

impl Up {
    /// Listens, starts the engine or a standby, and serves it.
    pub(super) async fn start(
        args: &StartArgs,
        data_dir: &DataDir,
        authorities: Option<&Path>,
    ) -> Result<Self, Failure> {
        let (tls, store) = (args.tls()?, StoreName::meant(args.store.as_ref())?);
        let exposed = args.insecure_listen || tls.is_some();
        let listeners = Listeners::tcp(args.listen.unwrap_or_default(), exposed);
        let listeners = listeners.await.map_err(|error| {
            let exit = match error {
                ListenError::Insecure { .. } => Exit::Usage,
                _ => Exit::Failed,
            };
            Failure::new(exit, error.to_string())
        })?;
        let notice = listeners.notice.clone();
        let listen = listeners.tcp_address().map(|address| match tls {
            Some(_) => format!("https://{address}"),
            None => address.to_string(),
        });
        let failed = |message: String| Failure::new(Exit::Failed, message);
        let secret = fresh_secret().map_err(|error| failed(error.to_string()))?;
        let http =
            peer_client(authorities).map_err(|message| Failure::new(Exit::Usage, message))?;
        let address = advertised(args, listeners.tcp_address(), tls.is_some())?;
        let started = start_or_stand_by(StartOptions {
            jobs: jobs(args.jobs.clone()),
            data_dir: data_dir.root().to_owned(),
            store: store.as_str().to_owned(),
            registry: Registry::builtin(),
            worker_program: program()?,
            listen,
            reach: Reach { address, secret: secret.clone() },
            recovery: args.recovery(),
        })
        .await
        .map_err(not_started)?;
        // Only now is the data folder ours, and with it the places of the socket and the tokens.
        let socket = data_dir.socket();
        let serving = CancellationToken::new();
        let tokens = Tokens::of(data_dir.root());
        let mut front = Front { switch: None, tokens, secret, http };
        let served = Self::serve(&started, &mut front, &socket, listeners, tls.clone(), &serving);
        let server = match served.await {
            Ok(server) => server,
            Err(message) => {
                if let Started::Leads(running) = started {
                    running.handle.stop(Some(OnStop::Leave), "it cannot be served").await;
                }
                return Err(failed(message));
            }
        };
        let (scheduler, leading) = match started {
            Started::Leads(running) => {
                running.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                tracing::info!(socket = %socket.display(), "ready: the engine runs");
                let handle = running.handle.clone();
                (Scheduler::Leads(running), Some(handle))
            }
            Started::StandsBy(standby) => {
                tracing::info!(socket = %socket.display(), "ready: this scheduler stands by");
                (Scheduler::StandsBy(standby), None)
            }
        };
        if let Some(notice) = &notice {
            tracing::warn!("{notice}");
        }
        let leading = watch::channel(leading).0;
        Ok(Self { scheduler, leading, notice, server, serving, tls, front })
    }

    /// The same; `None` when it was told to stop meanwhile. A start may wait long for its store.
    async fn start_unless_stopped(
        args: &StartArgs,
        data_dir: &DataDir,
        authorities: Option<&Path>,
        signals: &mut Signals,
    ) -> Result<Option<Self>, Failure> {
        let mut starting = std::pin::pin!(Self::start(args, data_dir, authorities));
        loop {
            tokio::select! {
                up = &mut starting => return up.map(Some),
                asked = signals.next() => if let Asked::Stop(name) = asked {
                    tracing::info!("{name}: the engine stops before it has started");
                    return Ok(None);
                },
            }
        }
    }

    /// Serves on the socket, and over TCP for whoever has a token.
    async fn serve(
        started: &Started,
        front: &mut Front,
        socket: &Path,
        listeners: Listeners,
        tls: Option<Tls>,
        serving: &CancellationToken,
    ) -> Result<Server, String> {
        front.tokens.ensure_first().map_err(|error| error.to_string())?;
        let listeners = listeners.with_socket(socket).map_err(|e| e.to_string())?;
        let switch = match started {
            Started::Leads(running) => Switch::leading(front.of_leader(running), serving),
            Started::StandsBy(standby) => Switch::standing_by(front.of_standby(standby), serving),
        };
        front.switch = Some(switch.clone());
        Server::start(switch, tls, listeners, serving.clone())
            .await
            .map_err(|error| format!("cannot start the server: {error}"))
    }

    /// Leads and stands by in turn, until the engine stops.
    pub(super) async fn live(&mut self) -> Result<(), Failure> {
        loop {
            match &mut self.scheduler {
                Scheduler::Leads(running) => match running.ended().await {
                    EngineEnd::Stopped => return Ok(()),
                    EngineEnd::Deposed => self.stand_by().await?,
                },
                Scheduler::StandsBy(standby) => {
                    let reports =
                        report_attempts(self.front.of_standby(standby), standby.carried());
                    let running = tokio::select! {
                        running = standby.until_leading() => running.map_err(not_started)?,
                        () = reports => return Ok(()),
                    };
                    self.lead(running);
                }
                Scheduler::Gone => return Ok(()),
            }
        }
    }

    fn lead(&mut self, running: Running) {
        if let Some(switch) = &self.front.switch {
            switch.lead(self.front.of_leader(&running));
        }
        running.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        tracing::info!("this scheduler leads now");
        self.leading.send_replace(Some(running.handle.clone()));
        self.scheduler = Scheduler::Leads(Box::new(running));
    }

    async fn stand_by(&mut self) -> Result<(), Failure> {
        self.leading.send_replace(None);
        let before = std::mem::replace(&mut self.scheduler, Scheduler::Gone);
        let Scheduler::Leads(running) = before else { return Ok(()) };
        let standby = running.into_standby().await.map_err(not_started)?;
        if let Some(switch) = &self.front.switch {
            switch.stand_by(self.front.of_standby(&standby));
        }
        tracing::info!("this scheduler stands by now");
        self.scheduler = Scheduler::StandsBy(Box::new(standby));
        Ok(())
    }

    /// Works without a screen until it is told to stop and has stopped.
    pub(super) async fn serve_until_stopped(
        &mut self,
        signals: &mut Signals,
        on: OnHangUp,
    ) -> Result<(), Failure> {
        let begun = Clock.now().monotonic;
        let echoes = |on| on == OnHangUp::Ignore && Clock.now().monotonic - begun < HANG_UP_ECHO;
        let (mut leading, tls) = (self.leading.subscribe(), self.tls.clone());
        let mut live = std::pin::pin!(self.live());
        let mut stopping = false;
        loop {
            let handle = leading.borrow().as_ref().map(|it| it.acting_as(Actor::named("signal")));
            if stopping && handle.is_none() {
                return Ok(());
            }
            tokio::select! {
                ended = &mut live => return ended,
                _ = leading.changed() => {}
                asked = signals.next() => match asked {
                    Asked::Stop(name) => {
                        tracing::info!("{name}: the engine stops");
                        stopping = true;
                        if let Some(handle) = handle {
                            handle.stop(None, name).await;
                        }
                    }
                    Asked::Reload if echoes(on) => {}
                    Asked::Reload => reload(handle.as_ref(), tls.as_ref()).await,
                },
            }
        }
    }

    /// The engine, while this one leads.
    pub(super) fn handle(&self) -> Option<Handle> {
        self.leading.borrow().clone()
    }

    /// Asks the engine to stop and waits until it has.
    pub(super) async fn stop(&mut self, how: Option<OnStop>, reason: &str) {
        if let Scheduler::Leads(running) = &mut self.scheduler {
            running.handle.stop(how, reason).await;
            running.ended().await;
        }
    }

    /// Asks the engine to stop when its commands have ended, and waits for that. A signal ends the waiting: the engine
    /// stops at once and the commands go on. Says whether it was waited to the end.
    pub(super) async fn stop_when_done(&mut self, signals: &mut Signals, reason: &str) -> bool {
        let Scheduler::Leads(running) = &mut self.scheduler else { return true };
        let handle = running.handle.clone();
        handle.stop_when_done(reason).await;
        let mut whole = true;
        loop {
            tokio::select! {
                _ = running.ended() => return whole,
                asked = signals.next() => if let Asked::Stop(name) = asked {
                    whole = false;
                    handle.stop(Some(OnStop::Leave), name).await;
                },
            }
        }
    }

    /// Ends what served an engine that has ended.
    pub(super) async fn down(self) {
        self.serving.cancel();
        self.server.ended().await;
    }
}

/// Reads again what can change while the engine runs: jobs.yaml, certificate and key.
async fn reload(leading: Option<&Handle>, tls: Option<&Tls>) {
    match leading {
        None => tracing::info!("this scheduler stands by: jobs are reloaded where the leader runs"),
        Some(handle) => match ask(handle, ReloadJobs::default()).await {
            Ok(plan) => tracing::info!(
                added = plan.added.len(),
                changed = plan.changed.len(),
                removed = plan.removed.len(),
                "jobs.yaml was read again"
            ),
            Err(refusal) => {
                tracing::error!("jobs.yaml was not taken, the jobs stay as they were:\n{refusal}")
            }
        },
    }
    match tls.map(Tls::reload) {
        None => {}
        Some(Ok(())) => tracing::info!("the certificate was read again"),
        Some(Err(error)) => tracing::error!(%error, "the certificate read before goes on"),
    }
}

/// The URL at which other schedulers of the store reach this one: as asked for, else where it listens.
fn advertised(
    args: &StartArgs,
    listens: Option<SocketAddr>,
    tls: bool,
) -> Result<Option<String>, Failure> {
    let variable = || from_environment("CRONTOWER_ADVERTISE");
    let asked =
        args.advertise.clone().or_else(|| variable().map(|it| it.to_string_lossy().into_owned()));
    if let Some(url) = asked {
        Client::at_url(&url)?;
        return Ok(Some(url));
    }
    let scheme = if tls { "https" } else { "http" };
    Ok(listens.map(|address| match address.ip().is_unspecified() {
        true => {
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            format!("{scheme}://{host}:{}", address.port())
        }
        false => format!("{scheme}://{address}"),
    }))
}

fn not_started(error: StartError) -> Failure {
    let exit = match &error {
        StartError::Jobs(_) | StartError::OtherStore(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}

/// The jobs file: as asked for, else jobs.yaml where there is one, else the sample.
fn jobs(flag: Option<PathBuf>) -> JobsFrom {
    let usual = PathBuf::from("jobs.yaml");
    match jobs_file(flag).or_else(|| usual.exists().then_some(usual)) {
        // Others than this process are told about it, too.
        Some(path) => JobsFrom::Path(std::path::absolute(&path).unwrap_or(path)),
        None => JobsFrom::Sample,
    }
}

/// This very program, which is the worker process's, too.
pub(super) fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot tell where this program is: {error}"))
    })
}

/// The wall clock for the API.
fn clock() -> WallClock {
    Arc::new(super::times::now)
}

/// Whoever may open a socket of mode 0600: the user of this process.
fn socket_actor() -> Actor {
    let name = from_environment("USER").or_else(|| from_environment("LOGNAME"));
    let name = match (name, rustix::process::getuid()) {
        (Some(name), _) => name.to_string_lossy().into_owned(),
        (None, user) if user.is_root() => "root".to_owned(),
        (None, user) => format!("uid {}", user.as_raw()),
    };
    Actor::named(&format!("{name}@socket"))
}
