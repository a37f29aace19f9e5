//! `crontower status`.

use std::path::Path;

use super::Context;
use super::exit::Failure;
use super::terminal::plain;
use super::times::{local, zone};
use crate::api::SystemStatus;
use crate::driver::SchedulerRole;
use crate::model::Wrong;

/// Tell how the engine is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower status --json | jq .failing")]
pub(super) struct Status {
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let text = client.get(&["status"], &[]).await?;
        if self.json {
            return context.terminal.say(&text);
        }
        let status: SystemStatus = client.parse(&text)?;
        // Who speaks over the socket is on the engine's machine, and can look.
        let path = status.engine.file.path.as_deref().filter(|_| !context.target.names_a_server());
        let gone = path.is_some_and(|path| matches!(Path::new(path).try_exists(), Ok(false)));
        context.terminal.say(&sentences(&status, gone))
    }
}

/// Who leads, and whether that is whoever answers.
fn leader(status: &SystemStatus) -> String {
    let who = format!("{} (pid {})", status.leader.host, status.leader.pid);
    match status.scheduler {
        SchedulerRole::Leader => who,
        SchedulerRole::Standby => format!("{who}; {} stands by", status.engine.host),
    }
}

/// `gone`: the jobs file is not there any more.
fn sentences(status: &SystemStatus, gone: bool) -> String {
    let mut lines = vec![
        ("health", status.health.clone()),
        ("version", status.version.clone()),
        ("leader", leader(status)),
        ("up", format!("{}, since {}", status.uptime, local(status.started_at))),
        ("store", status.engine.store.clone()),
        ("data", status.engine.data_dir.clone()),
        ("listen", status.engine.listen.clone().unwrap_or_else(|| "socket only".to_owned())),
        ("jobs file", file(status, gone)),
        ("jobs", format!("{}, {} paused", status.jobs, status.paused)),
        ("workers", workers(status)),
        ("executions", counts(status)),
        ("times", format!("in {}", zone().name())),
    ];
    lines.extend(status.wrong.iter().map(|wrong| ("wrong", wrong_job(wrong))));
    lines.extend(status.problems.iter().map(|problem| ("problem", problem.clone())));
    lines.extend(
        status
            .upcoming
            .iter()
            .map(|next| ("next", format!("{}  {}", local(next.fire_time), next.job_id))),
    );
    let line = |(name, value): &(&str, String)| format!("{name:<11} {}\n", plain(value));
    lines.iter().map(line).collect()
}

/// What is wrong with a job: `cleanup  failing since 02:00:03: exit code 3`.
fn wrong_job(wrong: &Wrong) -> String {
    let kind = if wrong.kind.is_failure() { "failing" } else { wrong.kind.as_str() };
    format!("{}  {kind} since {}: {}", wrong.job_id, local(wrong.since), wrong.reason)
}

fn workers(status: &SystemStatus) -> String {
    let slots = if status.capacity == 1 { "slot" } else { "slots" };
    format!("{} with {} {slots} online", status.workers, status.capacity)
}

fn file(status: &SystemStatus, gone: bool) -> String {
    let file = &status.engine.file;
    let without = if file.sample { "none: the built-in sample" } else { "none" };
    let path = file.path.as_deref().unwrap_or(without);
    let changed = match (gone, file.changed) {
        (true, _) => " (it is gone: the jobs that were read from it stay in force)",
        (false, true) => " (changed: `crontower reload` applies it)",
        (false, false) => "",
    };
    format!("{path}{changed}")
}

fn counts(status: &SystemStatus) -> String {
    let shown = status.counts.iter().filter(|(_, count)| **count > 0);
    let words: Vec<String> = shown.map(|(state, count)| format!("{count} {state}")).collect();
    if words.is_empty() { "none in the last 24 hours".to_owned() } else { words.join(", ") }
}
