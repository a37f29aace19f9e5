//! `crontower validate`: everything that is wrong with a jobs file, by the rules that the engine loads it by.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Context;
use super::exit::{Exit, Failure};
use super::target::jobs_file;
use super::terminal::plain;
use super::times::now;
use crate::commands::Registry;
use crate::driver::system_zone;
use crate::jobfile::{self, Rules, SourceText};

/// More is no jobs file.
const MOST_BYTES: u64 = 16 << 20;

/// Judge a jobs file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower validate
  git show :jobs.yaml | crontower validate -
  crontower validate /etc/crontower/jobs.yaml && systemctl reload crontower

Every error is told on stderr as FILE:LINE:COL: message, and the exit code is then 2.")]
pub(super) struct Validate {
    /// The file, `-` for stdin, or a folder of *.yaml [env: CRONTOWER_JOBS; default: jobs.yaml]
    file: Option<PathBuf>,
}

impl Validate {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = jobs_file(self.file).unwrap_or_else(|| PathBuf::from("jobs.yaml"));
        let texts = match path.as_os_str() == "-" {
            true => vec![stdin()?],
            false => jobfile::read(&path)
                .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?,
        };
        let loaded = match judge(&path, &texts) {
            Ok(loaded) => loaded,
            Err(errors) => {
                for error in &errors.0 {
                    context.terminal.note(&plain(&error.to_string()));
                }
                return Err(Failure::silent(Exit::Usage));
            }
        };
        for warning in &loaded.warnings {
            let jobfile::FileDiagnostic { file, line, column, message, .. } = warning;
            let described = format!("{file}:{line}:{column}: warning: {message}");
            context.terminal.note(&plain(&described));
        }
        let count = match loaded.set.jobs.len() {
            1 => "1 job".to_owned(),
            count => format!("{count} jobs"),
        };
        context.terminal.say(&format!("{}: {count}, no errors", plain(&path.display().to_string())))
    }
}

/// A jobs file that comes through a pipe.
fn stdin() -> Result<SourceText, Failure> {
    let wrong = |what: String| Failure::new(Exit::Usage, format!("-: {what}"));
    let mut text = String::new();
    let taken = std::io::stdin().lock().take(MOST_BYTES + 1).read_to_string(&mut text);
    taken.map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(wrong("a jobs file has at most 16 MiB".to_owned()));
    }
    Ok(SourceText { name: "-".to_owned(), text })
}

fn judge(path: &Path, texts: &[SourceText]) -> Result<jobfile::Loaded, jobfile::FileErrors> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let base_dir = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let catalog = Registry::builtin();
    let rules = Rules {
        catalog: &catalog,
        base_dir,
        system_zone: system_zone(),
        now: now(),
        is_root: rustix::process::geteuid().is_root(),
    };
    jobfile::parse(texts, &rules)
}
