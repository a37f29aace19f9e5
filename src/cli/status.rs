//! `crontower status`.

use super::Context;
use super::exit::Failure;
use super::terminal::plain;
use super::times::local;
use crate::api::SystemStatus;

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
        let client = context.place.client()?;
        let text = client.get(&["status"], &[]).await?;
        if self.json {
            return context.terminal.say(&text);
        }
        context.terminal.say(&sentences(&client.parse(&text)?))
    }
}

fn sentences(status: &SystemStatus) -> String {
    let mut lines = vec![
        ("health", status.health.clone()),
        ("version", status.version.clone()),
        ("leader", format!("{} (pid {})", status.leader.host, status.leader.pid)),
        ("up", format!("{}, since {}", status.uptime, local(status.started_at))),
        ("store", status.engine.store.clone()),
        ("data", status.engine.data_dir.clone()),
        ("listen", status.engine.listen.clone().unwrap_or_else(|| "socket only".to_owned())),
        ("jobs file", file(status)),
        ("jobs", format!("{}, {} paused", status.jobs, status.paused)),
        ("workers", format!("{} with {} slots online", status.workers, status.capacity)),
        ("executions", counts(status)),
    ];
    lines.extend(status.failing.iter().map(|job| ("failing", job.to_string())));
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

fn file(status: &SystemStatus) -> String {
    let file = &status.engine.file;
    let without = if file.sample { "none: the built-in sample" } else { "none" };
    let path = file.path.as_deref().unwrap_or(without);
    let changed = if file.changed { " (changed: `crontower reload` applies it)" } else { "" };
    format!("{path}{changed}")
}

fn counts(status: &SystemStatus) -> String {
    let shown = status.counts.iter().filter(|(_, count)| **count > 0);
    let words: Vec<String> = shown.map(|(state, count)| format!("{count} {state}")).collect();
    if words.is_empty() { "none in the last 24 hours".to_owned() } else { words.join(", ") }
}
