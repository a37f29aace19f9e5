//! `crontower init`: a jobs file to start from.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::plain;

/// What is written. It is judged by a test.
const START: &str = "\
# What runs here, and when. Every key: docs/jobs-yaml.md; what a schedule means: `crontower next 'daily at 3 AM'`.
# A change counts when it is reloaded: ^r on the screen, or `crontower reload`. `crontower validate` looks for mistakes.

# timezone: Europe/Berlin        # of all schedules; without it the system's

# Laid under every job.
defaults:
  timeout: 1h

jobs:
  - id: hello
    name: Says hello
    description: Runs when asked to. Press r on it, or `crontower run hello --wait`.
    run: echo \"hello from $CRONTOWER_JOB_ID\"

  - id: disk-space
    name: Room on the disks
    schedule: every 30 minutes
    run: df -h
    retry: { type: fixed, max_retries: 2, delay: 10s }

  # Waits for disk-space of the same morning.
  - id: morning-report
    name: Morning report
    schedule: weekdays at 7:30
    dependencies: [{ job: disk-space, within: 1h }]
    run: |
      date
      uptime
    # on_failure: { url: \"https://chat.example.com/hooks/ops\" }
";

/// Write a small jobs file to start from.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  crontower init\n  crontower init /etc/crontower/jobs.yaml")]
pub(super) struct Init {
    /// Where; a file that is there is never touched
    #[arg(default_value = "jobs.yaml")]
    path: PathBuf,
}

impl Init {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = if self.path.is_dir() { self.path.join("jobs.yaml") } else { self.path };
        write_new(&path, START)?;
        let shown = plain(&path.display().to_string());
        let start = if path == Path::new("jobs.yaml") {
            "crontower".to_owned()
        } else {
            format!("crontower --jobs {shown}")
        };
        context.terminal.say(&format!(
            "{shown} is written: three jobs to try, change and delete\n\
             next: `{start}` starts the engine and its screen; `crontower validate {shown}` looks for mistakes"
        ))
    }
}

/// Writes a file that is not there yet, or nothing.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let shown = path.display();
    let mut file = std::fs::File::create_new(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(Exit::Usage, format!("{shown} is there already, and was not touched"))
                .hint("name another file")
        }
        _ => Failure::new(Exit::Failed, format!("{shown} cannot be written: {error}")),
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half a file is worse than none.
        let _ = std::fs::remove_file(path);
        Failure::new(Exit::Failed, format!("{shown} cannot be written: {error}"))
    })
}
