//! `crontower import crontab`: a crontab as a jobs file. Needs no engine, and touches none.
//!
//! Owns what the place of a file says about it (`/etc/cron.d`, a spool folder), and the look at this machine's users
//! and programs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::Context;
use super::exit::{Exit, Failure};
use super::init::write_new;
use super::terminal::plain;
use super::times::now;
use crate::commands::Registry;
use crate::driver::system_zone;
use crate::jobfile::{
    CrontabKind, CrontabMachine, CrontabOrigin, Imported, Rules, SixthColumn, import_crontab,
};
use crate::model::passwd_entries;

/// More than any crontab has.
const MOST_BYTES: u64 = 4 << 20;

/// Convert another scheduler's jobs into a jobs file.
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
  sudo crontower import crontab /var/spool/cron/crontabs/www-data

Whether entries name a user is known from the file's place (/etc/crontab, /etc/cron.d, a spool
directory) or from its content. Where that leaves it open, nothing is imported: say --system or
--user.
An entry with @reboot becomes a job that runs at the engine's first start after each boot: the
first time as soon as an engine has it, however long ago the machine booted.
Whatever cannot be carried over is reported on stderr as FILE:LINE: message. A line that cannot be
read ends the import with exit code 2, unless --skip-bad leaves it out.")]
struct Crontab {
    /// The crontab; without it, or with `-`: stdin
    file: Option<PathBuf>,
    /// Its entries name a user, as those of /etc/crontab and /etc/cron.d do
    #[arg(long, conflicts_with = "user")]
    system: bool,
    /// All of its entries are this user's, and name none
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Six columns begin with seconds (node-cron, Quartz, Spring)
    #[arg(long, conflicts_with = "years")]
    seconds: bool,
    /// Six columns end with a year (supercronic)
    #[arg(long)]
    years: bool,
    /// Write a new file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave out lines that cannot be read
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
        let file = self.file.clone().filter(|file| file.as_os_str() != "-");
        if file.is_none() && std::io::stdin().is_terminal() {
            context.terminal.note("reading a crontab from the terminal; Ctrl-D ends it");
        }
        let name = file.as_ref().map_or_else(|| "stdin".to_owned(), |f| f.display().to_string());
        let text = read(file.as_deref()).map_err(|error| {
            let failure = Failure::new(Exit::Usage, format!("{name}: {error}"));
            match error.kind() {
                std::io::ErrorKind::IsADirectory => failure.hint("import its files one by one"),
                _ => failure,
            }
        })?;
        let imported = self.import(name, file.as_deref(), &text)?;
        for line in imported.errors.iter().chain(&imported.notes) {
            context.terminal.note(&plain(line));
        }
        if !imported.errors.is_empty() && !self.skip_bad {
            let count = counted(imported.errors.len(), "line");
            let message = format!("{count} cannot be read: nothing was imported");
            return Err(Failure::new(Exit::Usage, message)
                .hint("fix the line, or leave it out with --skip-bad"));
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

    fn import(&self, name: String, file: Option<&Path>, text: &str) -> Result<Imported, Failure> {
        let host = Host::read();
        let me = rustix::process::geteuid();
        let own = host.name_of(me.as_raw());
        let target = place_of(file);
        let kind = match (self.system, &self.user, &target) {
            (true, ..) | (_, None, Some(Target::System)) => Some(CrontabKind::System),
            (_, Some(_), _) | (_, _, Some(Target::Of(_) | Target::Busybox(_))) => {
                Some(CrontabKind::User)
            }
            _ => None,
        };
        let sudo = || std::env::var("SUDO_USER").ok().filter(|name| me.is_root() && name != "root");
        let is_busybox = matches!(target, Some(Target::Busybox(_)));
        let owners = match (&self.user, target) {
            (Some(user), _) => vec![user.clone()],
            (None, Some(Target::Of(user) | Target::Busybox(user))) => vec![user],
            // Under sudo a pipe or a file can hold either's.
            _ => own.iter().cloned().chain(sudo()).collect(),
        };
        let sixth = match (self.seconds, self.years) {
            (true, _) => Some(SixthColumn::Seconds),
            (_, true) => Some(SixthColumn::Year),
            _ => None,
        };
        let importer = own.filter(|_| !me.is_root());
        let origin =
            CrontabOrigin { name, kind, sixth, is_busybox, owners, importer, machine: &host };
        let catalog = Registry::builtin();
        let rules = Rules {
            catalog: &catalog,
            base_dir: PathBuf::from("/"),
            system_zone: system_zone(),
            now: now(),
            // Whether the engine will be root is not known here.
            is_root: true,
        };
        import_crontab(text, &origin, &rules)
            .map_err(|unclear| Failure::new(Exit::Usage, unclear.message).hint(unclear.hint))
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
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
        std::io::Error::other(format!(
            "line {line} is not UTF-8 text: convert the file, such as with `iconv -f LATIN1 -t UTF-8`"
        ))
    })
}

/// What a file's place says about it.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// /etc/crontab, or in /etc/cron.d.
    System,
    /// In a folder that holds a crontab of each user, named after them.
    Of(String),
    /// The same, in the folder that busybox' crond reads on Alpine.
    Busybox(String),
}

/// The place of a file, whatever it is called by and whatever folder is the current one; of stdin, where a file is
/// redirected into it.
fn place_of(file: Option<&Path>) -> Option<Target> {
    let written = match file {
        Some(file) => std::path::absolute(file).ok()?,
        None => std::fs::read_link("/proc/self/fd/0").ok()?,
    };
    // A link in /etc/cron.d is cron's as much as what a link elsewhere leads to there.
    let real = std::fs::canonicalize(&written).ok();
    target(&written).or_else(|| target(&real?))
}

/// By the end of the path, so that a copy of another machine's /etc is known, too.
fn target(path: &Path) -> Option<Target> {
    const OF_USERS: [&str; 3] = ["var/spool/cron/crontabs", "var/spool/cron", "var/cron/tabs"];
    let folder = path.parent()?;
    if path.ends_with("etc/crontab") || folder.ends_with("etc/cron.d") {
        return Some(Target::System);
    }
    let is_spool = OF_USERS.iter().any(|spool| folder.ends_with(spool));
    let user = path.file_name()?.to_str()?.to_owned();
    match folder.ends_with("etc/crontabs") {
        true => Some(Target::Busybox(user)),
        false => is_spool.then_some(Target::Of(user)),
    }
}

/// This machine's users and programs.
struct Host {
    /// The home folders, by the name of the user.
    homes: BTreeMap<String, (u32, String)>,
    folders: Vec<PathBuf>,
    /// Which words were looked for, and whether they are commands.
    commands: RefCell<BTreeMap<String, bool>>,
}

impl Host {
    fn read() -> Self {
        // Without it nobody has a name: the home folder of who imports is known from the environment.
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let home = |entry: crate::model::PasswdEntry<'_>| {
            (entry.name.to_owned(), (entry.uid, entry.home.to_owned()))
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let usual = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];
        let usual = usual.iter().map(PathBuf::from);
        Self {
            homes: passwd_entries(&passwd).map(home).collect(),
            folders: std::env::split_paths(&path).chain(usual).collect(),
            commands: RefCell::default(),
        }
    }

    fn name_of(&self, uid: u32) -> Option<String> {
        self.homes.iter().find(|(_, (known, _))| *known == uid).map(|(name, _)| name.clone())
    }
}

impl CrontabMachine for Host {
    fn home(&self, user: &str) -> Option<String> {
        let home = self.homes.get(user).map(|(_, home)| home.clone());
        let own = || std::env::home_dir().and_then(|home| home.to_str().map(str::to_owned));
        // A directory service's user is not listed.
        home.or_else(|| own().filter(|_| std::env::var("USER").is_ok_and(|name| name == user)))
    }

    fn is_user(&self, name: &str) -> bool {
        self.homes.contains_key(name)
    }

    fn is_command(&self, name: &str) -> bool {
        if name.is_empty() || name.contains('/') {
            return name.contains('/');
        }
        let look = |folder: &PathBuf| {
            let found = std::fs::metadata(folder.join(name));
            found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        };
        let mut commands = self.commands.borrow_mut();
        *commands.entry(name.to_owned()).or_insert_with(|| self.folders.iter().any(look))
    }

    fn is_folder(&self, path: &str) -> bool {
        Path::new(path).is_dir()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_says_whose_a_crontab_is() {
        let of = |user: &str| Some(Target::Of(user.to_owned()));
        for (path, expected) in [
            ("/etc/crontab", Some(Target::System)),
            ("/mnt/old/etc/crontab", Some(Target::System)),
            ("/etc/cron.d/php", Some(Target::System)),
            ("/etc/crontab.bak", None),
            ("/home/me/crontab", None),
            ("/etc/cron.daily/x", None),
            ("/var/spool/cron/crontabs/www-data", of("www-data")),
            ("/var/spool/cron/ann", of("ann")),
            ("/etc/crontabs/root", Some(Target::Busybox("root".to_owned()))),
            ("/", None),
        ] {
            assert_eq!(target(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn a_place_is_that_of_the_file_however_it_is_called() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("etc/cron.d");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("job"), "").unwrap();
        std::os::unix::fs::symlink(folder.join("job"), dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("other"), folder.join("linked")).unwrap();
        for path in [dir.path().join("link"), folder.join("linked"), folder.join("../cron.d/job")] {
            assert_eq!(place_of(Some(&path)), Some(Target::System), "{}", path.display());
        }
        assert_eq!(place_of(Some(&dir.path().join("etc"))), None);
    }
}
