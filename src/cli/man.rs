//! `crontower man`: manual pages.

use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_mangen::Man as Page;

use super::exit::{Exit, Failure};
use super::{Cli, Context};
use crate::model::text;

/// Print a manual page.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  crontower man | man -l -\n  crontower man run > crontower-run.1\n  crontower man --out ~/.local/share/man/man1"
)]
pub(super) struct Man {
    /// Of this command (default: of crontower as a whole)
    command: Option<String>,
    /// Write a page for crontower and for each command into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut whole = Cli::command();
        whole.build();
        if let Some(folder) = &self.out {
            return write_all(&whole, folder, context);
        }
        let command = match &self.command {
            None => whole,
            Some(name) => find(&whole, name)?,
        };
        let mut page = Vec::new();
        Page::new(command).render(&mut page)?;
        context.terminal.say(&String::from_utf8_lossy(&page))
    }
}

/// `crontower.1`, `crontower-run.1` …
fn write_all(whole: &clap::Command, folder: &Path, context: &Context) -> Result<(), Failure> {
    let failed = |path: &Path, error: io::Error| {
        Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let shown = whole.get_subcommands().filter(|one| !one.is_hide_set());
    let mut written = 0;
    for command in std::iter::once(whole).chain(shown) {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        let path = folder.join(format!("{name}.1"));
        let mut page = Vec::new();
        Page::new(command.clone()).render(&mut page)?;
        std::fs::write(&path, page).map_err(|error| failed(&path, error))?;
        written += 1;
    }
    context.terminal.say(&format!("{written} pages written to {}", folder.display()))
}

fn find(whole: &clap::Command, name: &str) -> Result<clap::Command, Failure> {
    if let Some(found) = whole.find_subcommand(name) {
        return Ok(found.clone());
    }
    let names =
        whole.get_subcommands().filter(|one| !one.is_hide_set()).map(clap::Command::get_name);
    let failure = Failure::new(Exit::NotFound, format!("no command named `{name}`"));
    Err(match text::nearest(name, names) {
        Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
        None => failure,
    })
}
