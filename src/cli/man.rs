//! `crontower man`: manual pages.

use clap::CommandFactory;
use clap_mangen::Man as Page;

use super::exit::{Exit, Failure};
use super::{Cli, Context};
use crate::model::text;

/// Print a manual page.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  crontower man | man -l -\n  crontower man run > crontower-run.1"
)]
pub(super) struct Man {
    /// Of this command (default: of crontower as a whole)
    command: Option<String>,
}

impl Man {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut whole = Cli::command();
        whole.build();
        let command = match &self.command {
            None => whole,
            Some(name) => find(&whole, name)?,
        };
        let mut page = Vec::new();
        Page::new(command).render(&mut page)?;
        context.terminal.say(&String::from_utf8_lossy(&page))
    }
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
