//! `crontower reload`: jobs.yaml is read again, or what that would change is told.

use std::fmt::Write;

use super::Context;
use super::exit::Failure;
use super::terminal::plain;
use crate::jobfile::{FieldChange, Plan};

/// Read jobs.yaml again: all of it or, if it is wrong, nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower reload --dry-run")]
pub(super) struct Reload {
    /// Tell what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Reload {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let dry_run = if self.dry_run { "true" } else { "false" };
        let text = client.post(&["reload"], &[("dry_run", dry_run)], &()).await?;
        let said = if self.json { text } else { describe(&client.parse(&text)?) };
        context.terminal.say(&said)
    }
}

/// A plan, a line a change.
pub(super) fn describe(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.settings {
        field(&mut text, "~ ", change);
    }
    for job in &plan.added {
        let _ = writeln!(text, "+ {job}");
    }
    for job in &plan.changed {
        let _ = writeln!(text, "~ {}", job.job);
        for change in &job.fields {
            field(&mut text, "    ", change);
        }
    }
    for job in &plan.removed {
        let _ = writeln!(text, "- {job}");
    }
    if plan.is_empty() {
        text.push_str("nothing changes\n");
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "warning: {}", plain(warning));
    }
    text
}

fn field(text: &mut String, indent: &str, change: &FieldChange) {
    let value = |value: &Option<String>| value.as_deref().map_or_else(|| "–".to_owned(), plain);
    let (before, after) = (value(&change.before), value(&change.after));
    let _ = writeln!(text, "{indent}{}: {before} → {after}", plain(&change.key));
}
