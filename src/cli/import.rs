//! `crontower import crontab`: a crontab as a jobs file. Needs no engine, and touches none.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::Context;
use super::exit::{Exit, Failure};
use super::init::write_new;
use super::terminal::plain;
use super::times::now;
use crate::commands::Registry;
use crate::driver::system_zone;
use crate::jobfile::{CrontabOrigin, Rules, import_crontab};
use crate::model::passwd_entries;

/// More than any crontab has.
const MOST_BYTES: u64 = 4 << 20;

/// Make a jobs file of what another scheduler has.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower import crontab > jobs.yaml")]
pub(super) struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// A crontab, of a user or of the system
    Crontab(Crontab),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontab -l | crontower import crontab -o jobs.yaml
  crontower import crontab /etc/crontab

An entry with @reboot becomes a job that runs at the engine's first start after each boot: the first time as soon
as an engine has it, however long ago the machine booted.
What cannot be carried over is told on stderr as FILE:LINE: message. A line that cannot be read ends it
with exit code 2, unless --skip-bad leaves it out.")]
struct Crontab {
    /// The crontab; without it, or with `-`: stdin
    file: Option<PathBuf>,
    /// Its entries name a user, as those of /etc/crontab and /etc/cron.d do (which are known by their path)
    #[arg(long)]
    system: bool,
    /// Write a new file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave lines out that cannot be read
    #[arg(long)]
    skip_bad: bool,
}

impl Import {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let From::Crontab(crontab) = self.from;
        crontab.run(context)
    }
}

impl Crontab {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let file = self.file.filter(|file| file.as_os_str() != "-");
        if file.is_none() && std::io::stdin().is_terminal() {
            context.terminal.note("reading a crontab from the terminal; Ctrl-D ends it");
        }
        let name = file.as_ref().map_or_else(|| "stdin".to_owned(), |f| f.display().to_string());
        let text = read(file.as_deref())
            .map_err(|error| Failure::new(Exit::Usage, format!("{name}: {error}")))?;
        let of_system =
            |file: &PathBuf| file == Path::new("/etc/crontab") || file.starts_with("/etc/cron.d");
        let users = Users::read();
        let own = users.name_of(rustix::process::geteuid().as_raw());
        let own_home = std::env::home_dir().and_then(|home| home.to_str().map(str::to_owned));
        let home = |user: Option<&str>| match user.filter(|user| own.as_deref() != Some(*user)) {
            Some(user) => users.home_of(user),
            None => own_home.clone(),
        };
        let system = self.system || file.as_ref().is_some_and(of_system);
        let origin = CrontabOrigin { name, system, user: own.clone(), home: &home };
        let catalog = Registry::builtin();
        let rules = Rules {
            catalog: &catalog,
            base_dir: PathBuf::from("/"),
            system_zone: system_zone(),
            now: now(),
            // Whether the engine will be root is not known here.
            is_root: true,
        };
        let imported = import_crontab(&text, &origin, &rules);
        for told in imported.errors.iter().chain(&imported.notes) {
            context.terminal.note(&plain(told));
        }
        if !imported.errors.is_empty() && !self.skip_bad {
            let count = counted(imported.errors.len(), "line");
            let message = format!("{count} cannot be read: nothing was imported");
            return Err(
                Failure::new(Exit::Usage, message).hint("mend it, or leave it out with --skip-bad")
            );
        }
        if imported.jobs == 0 {
            let message = format!("{}: no entries: nothing was written", origin.name);
            return Err(Failure::new(Exit::Usage, message));
        }
        match &self.output {
            None => context.terminal.say(&imported.yaml)?,
            Some(output) => write_new(output, &imported.yaml)?,
        }
        let look = imported.notes.len() + imported.errors.len();
        let look = if look == 0 {
            String::new()
        } else {
            format!(", {} to look at", counted(look, "thing"))
        };
        context.terminal.note(&format!("imported {}{look}", counted(imported.jobs, "job")));
        Ok(())
    }
}

/// `1 job`, `2 jobs`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn read(file: Option<&Path>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    match file {
        Some(file) => std::fs::File::open(file)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?,
        None => std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes)?,
    };
    if bytes.len() as u64 > MOST_BYTES {
        return Err(std::io::Error::other("is larger than 4 MiB: this is no crontab"));
    }
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("is not UTF-8 text"))
}

/// The users of the machine, as /etc/passwd has them.
struct Users(String);

impl Users {
    fn read() -> Self {
        // Without it nobody has a name: the home folder of who imports is known from the environment.
        Self(std::fs::read_to_string("/etc/passwd").unwrap_or_default())
    }

    fn name_of(&self, uid: u32) -> Option<String> {
        passwd_entries(&self.0).find(|entry| entry.uid == uid).map(|entry| entry.name.to_owned())
    }

    fn home_of(&self, name: &str) -> Option<String> {
        passwd_entries(&self.0).find(|entry| entry.name == name).map(|entry| entry.home.to_owned())
    }
}
