//! crontower inside another Rust program: a builder, and the engine as a value.
//!
//! Owns what an embedding program need not say. Never a rule, and nothing of its own to ask: every method goes through the
//! one door that the screen, the API and the command line use, too.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::api::{ListenError, Listeners, Server, Service, SystemStatus, glance};
use crate::clock::Clock;
use crate::commands::{Args, Command, CommandError, Context, Registry};
use crate::control::{CancelExecution, Definition};
use crate::driver::{
    EditOptions, EngineApi, Feed, Handle, JobEdit, JobsFrom, Recovery, RunOptions, Running,
    StartError, StartOptions, Subscription, ask, start,
};
use crate::model::{Actor, Execution, ExecutionId, JobId, JobStatus, OnStop, Refusal, Source};
use crate::worker::process::main_worker;

/// The subcommand that makes this program a worker process.
const WORKER_PROCESS: &str = "worker-process";

/// Whether [`worker_main`] was asked: only then is it safe to start this program as its own worker process.
static IS_OWN_WORKER: AtomicBool = AtomicBool::new(false);

/// Makes the embedding program its own worker process, which carries out `run` scripts and built-in commands and outlives
/// the engine. To be called first thing in `main`; where it answers an exit code, that is all there is to do:
///
/// ```no_run
/// # use std::process::ExitCode;
/// fn main() -> ExitCode {
///     if let Some(code) = crontower::worker_main() {
///         return code;
///     }
///     // … the program itself
///     ExitCode::SUCCESS
/// }
/// ```
///
/// A program that does not call it can name a `crontower` with [`Builder::worker_program`], or run commands of its own only.
#[must_use]
pub fn worker_main() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == WORKER_PROCESS) {
        let args: Vec<OsString> = args.collect();
        return Some(main_worker(&args, Registry::builtin()));
    }
    IS_OWN_WORKER.store(true, Ordering::Relaxed);
    None
}

/// An engine that runs inside this program. Dropped without [`Engine::shutdown`], it ends as if that had been
/// asked for, but nobody waits for it.
#[derive(Debug)]
pub struct Engine {
    running: Running,
    engine_api: Handle,
    /// Taken when it is waited for.
    server: Option<Server>,
    serving: CancellationToken,
}

/// What an embedded engine is made of. See [`Engine::builder`].
pub struct Builder {
    jobs: JobsFrom,
    data_dir: Option<PathBuf>,
    store: String,
    registry: Registry,
    worker_program: Option<PathBuf>,
    actor: String,
}

impl std::fmt::Debug for Builder {
    // The URL of a store may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let store = crate::store::shown(&self.store);
        let mut shown = f.debug_struct("Builder");
        shown.field("jobs", &self.jobs).field("data_dir", &self.data_dir).field("store", &store);
        shown.finish_non_exhaustive()
    }
}

/// Why an embedded engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No data folder was given, and the store is to survive.
    #[error("no data folder: give one with Builder::data_dir")]
    NoDataDir,
    /// The engine did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The socket in the data folder cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system gives no threads to serve it.
    #[error("cannot start the server: {0}")]
    Serve(std::io::Error),
}

impl Engine {
    /// Begins to describe an engine: no jobs, the SQLite store, the built-in commands.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use serde_json::json;
    ///
    /// let engine = crontower::Engine::builder()
    ///     .data_dir("/var/lib/shop/scheduler")
    ///     .command("greet", |context, args| async move {
    ///         context.say(&format!("hello {}", args["name"]));
    ///         Ok(json!({ "greeted": args["name"] }))
    ///     })
    ///     .start()
    ///     .await?;
    /// engine
    ///     .create_job(json!({
    ///         "id": "hello", "command": "greet", "args": { "name": "ann" }, "schedule": "every minute",
    ///     }))
    ///     .await?;
    /// engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            jobs: JobsFrom::Nowhere,
            data_dir: None,
            store: "sqlite".to_owned(),
            registry: Registry::builtin(),
            worker_program: None,
            actor: "program".to_owned(),
        }
    }

    /// The door itself, for everything that has no method here.
    #[must_use]
    pub const fn handle(&self) -> &Handle {
        &self.engine_api
    }

    /// Makes a job that lives in the store. `definition` has the keys of jobs.yaml; those of the other system are taken, too.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with everything that is wrong, [`Refusal::JobExists`] where the id is taken.
    pub async fn create_job(&self, definition: Value) -> Result<Arc<JobStatus>, Refusal> {
        let (job, definition) = named(definition)?;
        self.edit(&job, JobEdit::Create { definition, source: Source::Api }).await
    }

    /// Gives a job another definition, wherever it lives.
    ///
    /// # Errors
    /// As [`Engine::create_job`], or [`Refusal::UnknownJob`].
    pub async fn update_job(&self, definition: Value) -> Result<Arc<JobStatus>, Refusal> {
        let (job, definition) = named(definition)?;
        self.edit(&job, JobEdit::Replace(definition)).await
    }

    /// Removes a job: what has not started is cancelled, what runs goes on to its end, the history stays.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`], or [`Refusal::NotPossible`] where others depend on it.
    pub async fn delete_job(&self, job: &JobId) -> Result<(), Refusal> {
        self.engine_api.edit_job(job, JobEdit::Delete, EditOptions::default()).await.map(drop)
    }

    async fn edit(&self, job: &JobId, edit: JobEdit) -> Result<Arc<JobStatus>, Refusal> {
        let edited = self.engine_api.edit_job(job, edit, EditOptions::default()).await?;
        edited.job.ok_or(Refusal::Stopping)
    }

    /// Runs a job now. A run that `overlap` refuses comes back in state `skipped`.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`].
    pub async fn run_job(
        &self,
        job: &JobId,
        options: RunOptions,
    ) -> Result<Arc<Execution>, Refusal> {
        self.engine_api.run_job(job, options).await
    }

    /// An execution as it is now.
    ///
    /// # Errors
    /// [`Refusal::UnknownExecution`].
    pub async fn execution(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        self.engine_api.execution(&id.to_string()).await
    }

    /// Waits until an execution is final, and returns it with its outcome, reason and result.
    ///
    /// # Errors
    /// [`Refusal::UnknownExecution`]; [`Refusal::Stopping`] when the engine ends before it.
    pub async fn ended(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        loop {
            // First the changes to come, then the state: between them nothing is missed.
            let mut feed = self.engine_api.subscribe().await?.feed;
            let execution = self.execution(id).await?;
            if execution.state.is_final() {
                return Ok(execution);
            }
            loop {
                match feed.recv().await {
                    Ok(Feed::Batch(batch)) => {
                        let mut changed = batch.executions.iter();
                        let ended = changed.find(|it| it.id == id && it.state.is_final());
                        if let Some(ended) = ended {
                            return Ok(Arc::clone(ended));
                        }
                    }
                    Ok(Feed::Stopped) | Err(RecvError::Closed) => return Err(Refusal::Stopping),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => break,
                }
            }
        }
    }

    /// Ends a live execution: at once, or by ending its processes.
    ///
    /// # Errors
    /// [`Refusal::UnknownExecution`], or [`Refusal::AlreadyFinal`].
    pub async fn cancel(&self, id: ExecutionId) -> Result<Arc<Execution>, Refusal> {
        Ok(ask(&self.engine_api, CancelExecution { id: id.to_string(), abandon: false })
            .await?
            .execution)
    }

    /// A job and where it stands.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`].
    pub async fn job_status(&self, job: &JobId) -> Result<Arc<JobStatus>, Refusal> {
        self.engine_api.job(job).await
    }

    /// The engine at a glance: what `GET /api/v1/status` answers.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn system_status(&self) -> Result<SystemStatus, Refusal> {
        let now = Clock.now().wall;
        let snapshot = self.engine_api.subscribe().await?.snapshot;
        let counts = self.engine_api.counts(now - TimeDelta::days(1)).await?;
        Ok(glance(now, snapshot, counts))
    }

    /// A picture of now, and every change that follows.
    ///
    /// # Errors
    /// When the engine is stopping.
    pub async fn subscribe(&self) -> Result<Subscription, Refusal> {
        self.engine_api.subscribe().await
    }

    /// Ends the engine as `on_stop` of its jobs file says, and comes back when it has ended. Commands of this program get
    /// `shutdown_grace`, then are interrupted.
    pub async fn shutdown(self) {
        self.end(None).await;
    }

    /// Ends the engine and says what becomes of running commands.
    pub async fn shutdown_with(self, on_stop: OnStop) {
        self.end(Some(on_stop)).await;
    }

    async fn end(mut self, how: Option<OnStop>) {
        self.engine_api.stop(how, "the embedding program shuts it down").await;
        self.running.ended().await;
        self.serving.cancel();
        if let Some(server) = self.server.take() {
            server.ended().await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The server holds a handle: without it the last one goes, and with that the engine ends.
        self.serving.cancel();
    }
}

/// The id that a definition gives its job.
fn named(definition: Value) -> Result<(JobId, Definition), Refusal> {
    let invalid = |path: &str, message: String| {
        Refusal::Invalid(vec![crate::model::Problem { path: path.to_owned(), message }])
    };
    let Value::Object(definition) = definition else {
        return Err(invalid("", "a job is an object with the keys of jobs.yaml".to_owned()));
    };
    let Some(id) = definition.get("id").and_then(Value::as_str) else {
        return Err(invalid("id", "a job needs an `id`".to_owned()));
    };
    let id = JobId::new(id).map_err(|error| invalid("id", error.to_string()))?;
    Ok((id, definition))
}

impl Builder {
    /// The jobs come from this file, or from the `*.yaml` of this folder, beside those that programs make.
    #[must_use]
    pub fn jobs_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.jobs = JobsFrom::Path(path.into());
        self
    }

    /// Where store, output and sockets are; made with mode 0700. One engine at a time can have it.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// `sqlite` (the default), `memory`: then nothing survives, or the URL of a PostgreSQL, `postgres://…`.
    #[must_use]
    pub fn store(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.store);
        self
    }

    /// Adds an async command that runs inside this program. Its arguments are taken as they are.
    #[must_use]
    pub fn command<Work, Answer>(mut self, name: &str, work: Work) -> Self
    where
        Work: Fn(Context, Args) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Value, CommandError>> + Send + 'static,
    {
        self.registry.register_async(name, work);
        self
    }

    /// Adds a command that judges its arguments when a job is loaded.
    #[must_use]
    pub fn checked_command(mut self, name: &str, command: Arc<dyn Command>) -> Self {
        self.registry.register(name, command);
        self
    }

    /// The program that is started as `worker-process --data-dir DIR` to carry out scripts and built-in commands: a
    /// `crontower`, or a program that calls [`worker_main`]. Without it: this program where it has called that, else the
    /// `crontower` on PATH.
    #[must_use]
    pub fn worker_program(mut self, path: impl Into<PathBuf>) -> Self {
        self.worker_program = Some(path.into());
        self
    }

    /// The name under which what this program does stands in events.
    #[must_use]
    pub fn actor(mut self, name: &str) -> Self {
        name.clone_into(&mut self.actor);
        self
    }

    /// Starts the engine. `crontower --data-dir DIR jobs`, and all other client commands and the screen, then work on it.
    ///
    /// # Errors
    /// When the jobs file is wrong, or store, data folder or socket cannot be had.
    pub async fn start(self) -> Result<Engine, BuildError> {
        let running = start(StartOptions {
            jobs: self.jobs,
            data_dir: self.data_dir.ok_or(BuildError::NoDataDir)?,
            store: self.store,
            registry: self.registry,
            worker_program: self.worker_program.unwrap_or_else(own_worker),
            listen: None,
            recovery: Recovery::default(),
        })
        .await?;
        let engine_api = running.handle.acting_as(Actor::named(&self.actor));
        // Only now is the data folder ours, and with it the place of the socket.
        let serving = CancellationToken::new();
        let at_socket: Arc<dyn EngineApi> =
            Arc::new(running.handle.acting_as(Actor::named("socket")));
        let clock = Arc::new(|| Clock.now().wall);
        let metrics = Arc::clone(&running.metrics);
        let service = Service { engine_api: at_socket, access: None, tls: None, metrics, clock };
        let served = match Listeners::default().with_socket(&running.data_dir.socket()) {
            Ok(listeners) => {
                Server::start(service, listeners, serving.clone()).await.map_err(BuildError::Serve)
            }
            Err(error) => Err(error.into()),
        };
        match served {
            Ok(server) => Ok(Engine { running, engine_api, server: Some(server), serving }),
            Err(error) => {
                engine_api.stop(Some(OnStop::Leave), "it cannot be served").await;
                Err(error)
            }
        }
    }
}

fn own_worker() -> PathBuf {
    match std::env::current_exe() {
        Ok(program) if IS_OWN_WORKER.load(Ordering::Relaxed) => program,
        _ => PathBuf::from("crontower"),
    }
}
