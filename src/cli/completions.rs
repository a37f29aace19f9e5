//! `crontower completions`: a script that completes commands and flags.

use clap::CommandFactory;
use clap_complete::Shell;

use super::exit::Failure;
use super::{Cli, Context};

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  crontower completions bash > ~/.local/share/bash-completion/completions/crontower")]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "crontower", &mut script);
        context.terminal.say(&String::from_utf8_lossy(&script))
    }
}
