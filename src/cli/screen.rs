//! The screen before an engine in this process or another one, and what follows from the way it is left.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::engine::{OnHangUp, READY, StartArgs, Up, open, program};
use super::exit::{Exit, Failure};
use super::logging;
use super::signals::{Asked, Signals};
use super::store::{self, StoreName};
use super::target::from_environment;
use super::times::{local, now};
use crate::api::SystemStatus;
use crate::api::client::{Client, ClientError};
use crate::driver::EngineApi;
use crate::driver::data_dir::DataDir;
use crate::model::{Actor, JobId, JobStatus, OnStop, StateName};
use crate::tui::{self, Config, Exit as Left, Hosting, TuiError, TuiOptions};

/// An engine that takes over is up within this, or something is wrong.
const HAND_OVER: Duration = Duration::from_secs(20);

/// An engine and its screen; or the screen of the one that runs already.
pub(super) async fn run(args: StartArgs, context: &Context) -> Result<(), Failure> {
    if context.target.names_a_server() {
        if args.any() {
            let message = "--jobs, --store, --listen and --tls-cert start an engine: none is started where --server or CRONTOWER_SERVER names one";
            return Err(Failure::new(Exit::Usage, message).hint("leave one or the other out"));
        }
        return attach(context, context.target.client()?).await;
    }
    let path = context.target.data_dir()?;
    let client = context.target.client()?;
    match client.get(&["status"], &[]).await {
        Ok(status) if args.any() => return Err(runs_already(&client.parse(&status)?)),
        Ok(_) | Err(ClientError::Refused(_)) => return attach(context, client).await,
        Err(error @ ClientError::NotYours { .. }) => return Err(error.into()),
        // Whatever is there is no engine that answers: the lock tells whether there is one.
        Err(_) => {}
    }
    check_terminal(context)?;
    let data_dir = open(&path)?;
    logging::to_file(&path.join("crontower.log"))?;
    let mut signals = Signals::new()?;
    let authorities = context.target.authorities();
    let mut up = Up::start(&args, &data_dir, authorities.as_deref()).await?;
    if let Some(notice) = &up.notice {
        context.terminal.note(notice);
    }
    let engine_api = engine_api(&args, &data_dir, &up)?;
    let left = show_while_living(Arc::clone(&engine_api), &mut up, &mut signals).await;
    let at_stake = at_stake(&*engine_api).await;
    let said = leave(left, at_stake, &args, &mut up, &mut signals, context).await;
    up.down().await;
    match said? {
        Farewell::Said(line) => context.terminal.say(&line),
        Farewell::HandOver => {
            let line = hand_over(&args, &data_dir).await?;
            context.terminal.say(&line)
        }
        Farewell::Nobody => Ok(()),
    }
}

/// What the screen speaks to: the engine in this process, or, where another scheduler may lead, whoever does: the own
/// socket leads there.
fn engine_api(
    args: &StartArgs,
    data_dir: &DataDir,
    up: &Up,
) -> Result<Arc<dyn EngineApi>, Failure> {
    let shared = crate::store::is_postgres(StoreName::meant(args.store.as_ref())?.as_str());
    match up.handle().filter(|_| !shared) {
        Some(handle) => Ok(Arc::new(handle.acting_as(Actor::named("screen")))),
        None => Ok(Arc::new(Client::over_socket(&data_dir.socket())?)),
    }
}

/// Shows the screen until it is left, while the scheduler leads and stands by in turn.
async fn show_while_living(
    engine_api: Arc<dyn EngineApi>,
    up: &mut Up,
    signals: &mut Signals,
) -> Result<Left, Failure> {
    let mut shown = std::pin::pin!(show(engine_api, Hosting::ThisProcess, None, signals));
    let mut life = std::pin::pin!(up.live());
    let mut ended = false;
    loop {
        tokio::select! {
            left = &mut shown => return left,
            end = &mut life, if !ended => {
                ended = true;
                end?;
            }
        }
    }
}

/// The screen of an engine in another process.
pub(super) async fn attach(context: &Context, client: Client) -> Result<(), Failure> {
    check_terminal(context)?;
    let client = client.without_telling();
    // Asked first, so that "nobody is there" is told as such.
    client.get(&["status"], &[]).await?;
    let mut signals = Signals::new()?;
    let target = Some(client.place().to_owned());
    let left = show(Arc::new(client), Hosting::Elsewhere, target, &mut signals).await?;
    match left {
        Left::TerminalLost => Ok(()),
        Left::NoEngine => context.terminal.say("no engine answers: `crontower` starts one"),
        _ => context.terminal.say("the engine goes on: `crontower` shows it again"),
    }
}

/// Flags for a new engine say nothing to one that runs.
fn runs_already(status: &SystemStatus) -> Failure {
    let (data_dir, pid) = (&status.engine.data_dir, status.leader.pid);
    let jobs = match &status.engine.file.path {
        Some(path) => format!(" with {path}"),
        None => String::new(),
    };
    let message = format!(
        "an engine already runs on {data_dir} (pid {pid}){jobs}: flags for a new one do not reach it"
    );
    Failure::new(Exit::Usage, message).hint(
        "`crontower` without them shows that engine; another --data-dir DIR beside them starts another one",
    )
}

fn check_terminal(context: &Context) -> Result<(), Failure> {
    if context.terminal.is_terminal() {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "there is no terminal to show a screen on")
        .hint("`crontower --headless` runs an engine without one"))
}

/// Shows the screen until it is left; SIGTERM and SIGINT leave it, too.
async fn show(
    engine_api: Arc<dyn EngineApi>,
    hosting: Hosting,
    attached: Option<String>,
    signals: &mut Signals,
) -> Result<Left, Failure> {
    let stop = CancellationToken::new();
    let variable =
        |name: &str| from_environment(name).map(|value| value.to_string_lossy().into_owned());
    let options = TuiOptions::from_environment(variable, now, hosting, stop.clone());
    let options = TuiOptions { attached, config: Config::load(variable), ..options };
    let editing = Arc::clone(&options.editing);
    let mut screen = std::pin::pin!(tui::run(engine_api, options));
    loop {
        tokio::select! {
            left = screen.as_mut() => return left.map_err(no_screen),
            asked = signals.next() => match asked {
                // ^c in an editor is for what runs in it.
                Asked::Stop("SIGINT") if editing.load(Ordering::Relaxed) => {}
                Asked::Stop(_) => stop.cancel(),
                Asked::Reload => {}
            },
        }
    }
}

fn no_screen(error: TuiError) -> Failure {
    let exit = match error {
        TuiError::Engine(_) => Exit::Unreachable,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}

/// What is still to be done or said when the engine of this process has ended.
enum Farewell {
    Said(String),
    /// Another process takes the engine's place.
    HandOver,
    /// Nobody is there to be told.
    Nobody,
}

/// Does what the way of leaving asks for; afterwards the engine of this process has ended.
async fn leave(
    left: Result<Left, Failure>,
    AtStake { running, next }: AtStake,
    args: &StartArgs,
    up: &mut Up,
    signals: &mut Signals,
    context: &Context,
) -> Result<Farewell, Failure> {
    let stop = match left {
        Err(failure) => {
            up.stop(Some(OnStop::Leave), "there is no screen").await;
            return Err(failure);
        }
        Ok(Left::TerminalLost) => {
            tracing::warn!("the terminal is gone: the engine goes on without a screen");
            up.serve_until_stopped(signals, OnHangUp::Ignore).await?;
            return Ok(Farewell::Nobody);
        }
        Ok(Left::LeaveHeadless) if StoreName::meant(args.store.as_ref())?.is_memory() => {
            context.terminal.note(
                "a memory store ends with its process: the engine goes on here, Ctrl-C ends it",
            );
            up.serve_until_stopped(signals, OnHangUp::Reload).await?;
            return Ok(Farewell::Said("the engine has stopped".to_owned()));
        }
        Ok(Left::LeaveHeadless) => {
            up.stop(Some(OnStop::Leave), "another process takes over").await;
            return Ok(Farewell::HandOver);
        }
        Ok(_) if up.handle().is_none() => {
            let line = "this scheduler has stopped; another one leads and goes on".to_owned();
            return Ok(Farewell::Said(line));
        }
        Ok(Left::Quit | Left::NoEngine | Left::Cancelled) => None,
        Ok(Left::Stop) => Some(OnStop::Leave),
        Ok(Left::Wait) => {
            let line = wait_for_commands(running, up, signals, context).await;
            return Ok(Farewell::Said(line));
        }
        Ok(Left::Cancel) => Some(OnStop::Cancel),
    };
    up.stop(stop, "the screen was left").await;
    let line = match (running, stop) {
        (0, _) => stopped(next),
        (_, Some(OnStop::Cancel)) => {
            format!("the engine has stopped, and with it {}", commands(running))
        }
        (_, Some(OnStop::Leave)) => left_behind(running),
        (_, Some(OnStop::Wait) | None) => format!(
            "the engine has stopped; `on_stop` of jobs.yaml said what becomes of {}",
            commands(running)
        ),
    };
    Ok(Farewell::Said(line))
}

/// Ends the engine when its commands have ended, or at a signal; says what became of them.
async fn wait_for_commands(
    running: usize,
    up: &mut Up,
    signals: &mut Signals,
    context: &Context,
) -> String {
    if running > 0 {
        let waits = format!("waiting for {} (Ctrl-C: wait no longer)", commands(running));
        context.terminal.note(&waits);
    }
    if up.stop_when_done(signals, "the screen was left").await {
        "the engine has stopped".to_owned()
    } else {
        left_behind(running)
    }
}

fn left_behind(running: usize) -> String {
    let what = commands(running);
    format!(
        "the engine has stopped without {what}: the next `crontower` carries on what still runs"
    )
}

fn commands(count: usize) -> String {
    match count {
        1 => "1 running command".to_owned(),
        count => format!("{count} running commands"),
    }
}

/// What goes on, and what would, when the engine stops.
#[derive(Default)]
struct AtStake {
    running: usize,
    /// The nearest fire time, and whose.
    next: Option<(DateTime<Utc>, JobId)>,
}

async fn at_stake(engine_api: &dyn EngineApi) -> AtStake {
    let Ok(subscription) = engine_api.subscribe().await else { return AtStake::default() };
    let snapshot = subscription.snapshot;
    let is_running = |state: StateName| state == StateName::Running;
    let running = snapshot.live.iter().filter(|one| is_running(one.state.name())).count();
    let fires = |job: &Arc<JobStatus>| Some((job.next_fire_time?, job.definition.id.clone()));
    AtStake { running, next: snapshot.jobs.iter().filter_map(fires).min() }
}

/// Nobody was asked, so it is said what that means.
fn stopped(next: Option<(DateTime<Utc>, JobId)>) -> String {
    let Some((at, job)) = next else { return "the engine has stopped".to_owned() };
    let at = local(at);
    format!(
        "the engine has stopped: nothing fires until it is started again ({job} would at {at}); `crontower --headless` runs it without a screen"
    )
}

/// Starts the engine that takes over, and waits until it serves.
async fn hand_over(args: &StartArgs, data_dir: &DataDir) -> Result<String, Failure> {
    let failed = |what: String| {
        let log = data_dir.root().join("crontower.log");
        Failure::new(Exit::Failed, format!("no engine has taken over: {what}"))
            .hint(format!("{} says more; `crontower --headless` starts one", log.display()))
    };
    let mut command = tokio::process::Command::new(program()?);
    command.args(["--headless", "--detached", "--data-dir"]).arg(data_dir.root());
    if let Some(store) = &args.store {
        // Not as an argument: those are seen by all users of the machine.
        command.env(store::VARIABLE, store.as_str());
    }
    if let Some(jobs) = &args.jobs {
        command.arg("--jobs").arg(jobs);
    }
    if let Some(listen) = &args.listen {
        command.arg("--listen").arg(listen.to_string());
        if args.insecure_listen {
            command.arg("--insecure-listen");
        }
    }
    for (flag, file) in [("--tls-cert", &args.tls_cert), ("--tls-key", &args.tls_key)] {
        if let Some(file) = file {
            command.arg(flag).arg(file);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let pid = child.id().unwrap_or_default();
    let Some(stdout) = child.stdout.take() else { return Err(failed("it is mute".to_owned())) };
    let mut lines = BufReader::new(stdout).lines();
    let first = tokio::time::timeout(HAND_OVER, lines.next_line()).await;
    match first {
        Ok(Ok(Some(line))) if line == READY => Ok(format!(
            "the engine goes on without a screen (pid {pid}): `crontower` shows it again, `kill {pid}` ends it"
        )),
        Ok(_) => Err(failed("the new process has ended".to_owned())),
        Err(_) => Err(failed("the new process does not answer".to_owned())),
    }
}
