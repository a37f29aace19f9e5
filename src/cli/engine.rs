//! `crontower` without a subcommand: an engine, with its screen or without.
//!
//! Owns the order in which things come up and go down. What a stop does to running commands is the driver's; how the screen is
//! left is the screen's.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Context;
use super::exit::{Exit, Failure};
use super::signals::{Asked, Signals};
use super::store::StoreName;
use super::target::{from_environment, jobs_file};
use super::{logging, screen};
use crate::api::{Access, Listen, ListenError, Listeners, Server, Service, Tls, Tokens, WallClock};
use crate::clock::Clock;
use crate::commands::Registry;
use crate::control::ReloadJobs;
use crate::driver::data_dir::DataDir;
use crate::driver::{
    EngineApi, Handle, JobsFrom, Recovery, Running, StartError, StartOptions, ask, start,
};
use crate::model::{Actor, OnStop};

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
        let Some(mut up) = Up::start_unless_stopped(&self, &data_dir, &mut signals).await? else {
            return Ok(());
        };
        if self.detached {
            context.terminal.say(READY)?;
        }
        up.serve_until_stopped(&mut signals, OnHangUp::Reload).await;
        up.down().await;
        Ok(())
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

/// An engine that runs, and the server before it.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) running: Running,
    /// A sentence for people about what could not be had.
    pub(super) notice: Option<String>,
    server: Server,
    tls: Option<Tls>,
    serving: CancellationToken,
}

impl Up {
    /// Listens, starts the engine, and serves it.
    pub(super) async fn start(args: &StartArgs, data_dir: &DataDir) -> Result<Self, Failure> {
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
        let running = start(StartOptions {
            jobs: jobs(args.jobs.clone()),
            data_dir: data_dir.root().to_owned(),
            store: store.as_str().to_owned(),
            registry: Registry::builtin(),
            worker_program: program()?,
            listen,
            recovery: args.recovery(),
        })
        .await
        .map_err(not_started)?;
        // Only now is the data folder ours, and with it the places of the socket and the tokens.
        let socket = data_dir.socket();
        let serving = CancellationToken::new();
        let served = Self::serve(&running, data_dir, listeners, tls.clone(), &serving);
        let server = match served.await {
            Ok(server) => server,
            Err(message) => {
                running.handle.stop(Some(OnStop::Leave), "it cannot be served").await;
                return Err(Failure::new(Exit::Failed, message));
            }
        };
        let up = Self { running, notice, server, tls, serving };
        up.log_start(&socket);
        Ok(up)
    }

    /// The same; `None` when it was told to stop meanwhile. A start may wait long for its store.
    async fn start_unless_stopped(
        args: &StartArgs,
        data_dir: &DataDir,
        signals: &mut Signals,
    ) -> Result<Option<Self>, Failure> {
        let mut starting = std::pin::pin!(Self::start(args, data_dir));
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
        running: &Running,
        data_dir: &DataDir,
        listeners: Listeners,
        tls: Option<Tls>,
        serving: &CancellationToken,
    ) -> Result<Server, String> {
        let tokens = Tokens::of(data_dir.root());
        tokens.ensure_first().map_err(|error| error.to_string())?;
        let handle = running.handle.clone();
        let engine_api_of = Arc::new(move |actor, role| -> Arc<dyn EngineApi> {
            Arc::new(handle.called_by(actor, role))
        });
        let listeners = listeners.with_socket(&data_dir.socket()).map_err(|e| e.to_string())?;
        let access = Some(Access { tokens, engine_api_of });
        let engine_api: Arc<dyn EngineApi> = Arc::new(running.handle.acting_as(socket_actor()));
        let metrics = Arc::clone(&running.metrics);
        let service = Service { engine_api, access, tls, metrics, clock: clock() };
        Server::start(service, listeners, serving.clone())
            .await
            .map_err(|error| format!("cannot start the server: {error}"))
    }

    fn log_start(&self, socket: &Path) {
        for warning in &self.running.warnings {
            tracing::warn!("{warning}");
        }
        if let Some(notice) = &self.notice {
            tracing::warn!("{notice}");
        }
        tracing::info!(socket = %socket.display(), "ready: the engine runs");
    }

    /// The engine works without a screen until it is told to stop and has stopped.
    pub(super) async fn serve_until_stopped(&mut self, signals: &mut Signals, on: OnHangUp) {
        let handle = self.running.handle.acting_as(Actor::named("signal"));
        let begun = Clock.now().monotonic;
        let echoes = |on| on == OnHangUp::Ignore && Clock.now().monotonic - begun < HANG_UP_ECHO;
        loop {
            tokio::select! {
                () = self.running.ended() => return,
                asked = signals.next() => match asked {
                    Asked::Stop(name) => {
                        tracing::info!("{name}: the engine stops");
                        handle.stop(None, name).await;
                    }
                    Asked::Reload if echoes(on) => {}
                    Asked::Reload => self.reload(&handle).await,
                },
            }
        }
    }

    /// Reads again what can change while the engine runs: jobs.yaml, certificate and key.
    async fn reload(&self, handle: &Handle) {
        match ask(handle, ReloadJobs::default()).await {
            Ok(plan) => tracing::info!(
                added = plan.added.len(),
                changed = plan.changed.len(),
                removed = plan.removed.len(),
                "jobs.yaml was read again"
            ),
            Err(refusal) => {
                tracing::error!("jobs.yaml was not taken, the jobs stay as they were:\n{refusal}")
            }
        }
        match self.tls.as_ref().map(Tls::reload) {
            None => {}
            Some(Ok(())) => tracing::info!("the certificate was read again"),
            Some(Err(error)) => tracing::error!(%error, "the certificate read before goes on"),
        }
    }

    /// Asks the engine to stop and waits until it has.
    pub(super) async fn stop(&mut self, how: Option<OnStop>, reason: &str) {
        self.running.handle.stop(how, reason).await;
        self.running.ended().await;
    }

    /// Asks the engine to stop when its commands have ended, and waits for that. A signal ends the waiting: the engine
    /// stops at once and the commands go on. Says whether it was waited to the end.
    pub(super) async fn stop_when_done(&mut self, signals: &mut Signals, reason: &str) -> bool {
        let handle = self.running.handle.clone();
        handle.stop_when_done(reason).await;
        let mut whole = true;
        loop {
            tokio::select! {
                () = self.running.ended() => return whole,
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
