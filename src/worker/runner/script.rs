//! What is executed for a script, and the file of a script that needs one.
//!
//! Owns the folder `scripts/` of a data folder, and, for scripts of other users, folders in that for temporary files.
//! Never starts anything.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::run_as::RunAs;
use crate::model::{Assignment, AttemptKey, JobCommand};

/// A longer script is written to a file: the kernel takes no argument beyond 128 KiB.
const LONGEST_ARGUMENT: usize = 100_000;

/// A program and its arguments.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
    /// The file it executes, which goes when it has ended.
    pub(super) file: Option<ScriptFile>,
}

/// The file of a script; removed with this.
#[derive(Debug)]
pub(super) struct ScriptFile {
    path: PathBuf,
    /// The folder that it alone is in.
    own_folder: Option<PathBuf>,
}

impl ScriptFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScriptFile {
    fn drop(&mut self) {
        let removed = match &self.own_folder {
            None => fs::remove_file(&self.path),
            Some(folder) => fs::remove_dir_all(folder),
        };
        if let Err(error) = removed {
            tracing::warn!(path = %self.path.display(), %error, "a script's file could not be removed");
        }
    }
}

/// Removes the script files that a dead worker process left behind.
pub(in crate::worker) fn remove_leftover_scripts(data_dir: &Path) {
    if let Ok(entries) = fs::read_dir(folder(data_dir)) {
        for entry in entries.filter_map(Result::ok) {
            // One that stays does no harm.
            _ = fs::remove_file(entry.path());
        }
    }
    let own = rustix::process::geteuid();
    let prefix = prefix(data_dir);
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().filter_map(Result::ok) {
        let ours = entry.file_name().to_string_lossy().starts_with(&prefix)
            && entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == own.as_raw());
        if ours {
            _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("scripts")
}

/// What is executed for an assignment.
///
/// # Errors
/// A sentence that says why nothing can be.
pub(super) fn invocation(
    data_dir: &Path,
    assignment: &Assignment,
    run_as: Option<&RunAs>,
) -> Result<Invocation, String> {
    let given = assignment.args.iter().map(OsString::from);
    let place = ScriptDir { data_dir, run_as };
    match &assignment.command {
        JobCommand::Run { run, shell } => of_script(place, assignment, run, shell),
        JobCommand::Named { args, .. } => match (args.get("script"), args.get("argv")) {
            (Some(Value::String(script)), None) => {
                of_script(place, assignment, script, &JobCommand::default_shell())
            }
            (None, Some(Value::Array(argv))) => {
                let mut words = argv.iter().map(word).collect::<Result<Vec<_>, _>>()?;
                words.extend(given);
                let mut words = words.into_iter();
                let program = words.next().ok_or("`argv` names no program")?;
                Ok(Invocation { program, args: words.collect(), file: None })
            }
            _ => Err("`shell` takes either `script`, a text, or `argv`, a list".to_owned()),
        },
    }
}

fn word(value: &Value) -> Result<OsString, String> {
    match value {
        Value::String(text) => Ok(text.into()),
        Value::Number(number) => Ok(number.to_string().into()),
        Value::Bool(flag) => Ok(flag.to_string().into()),
        other => Err(format!("`argv` takes texts only, not {other}")),
    }
}

fn of_script(
    place: ScriptDir<'_>,
    assignment: &Assignment,
    script: &str,
    shell: &[String],
) -> Result<Invocation, String> {
    let given = assignment.args.iter().map(OsString::from);
    let write = || {
        place.write(assignment.key, script).map_err(|(folder, error)| {
            format!("the script cannot be written to {}: {error}", folder.display())
        })
    };
    if script.starts_with("#!") {
        let file = write()?;
        let program = file.path().into();
        return Ok(Invocation { program, args: given.collect(), file: Some(file) });
    }
    let (program, options) = shell.split_first().ok_or("`shell` names no program")?;
    let mut options: Vec<OsString> = options.iter().map(OsString::from).collect();
    if script.len() > LONGEST_ARGUMENT
        && let Some(last) = options.last().and_then(|last| last.to_str())
        && let Some(replaced) = without_script_option(last)
    {
        options.pop();
        options.extend(Some(replaced).filter(|left| !left.is_empty()).map(OsString::from));
        let file = write()?;
        options.push(file.path().into());
        options.extend(given);
        return Ok(Invocation { program: program.into(), args: options, file: Some(file) });
    }
    options.push(script.into());
    if !assignment.args.is_empty() {
        // What follows the script is `$0`, then `$1 …`.
        options.push("crontower".into());
        options.extend(given);
    }
    Ok(Invocation { program: program.into(), args: options, file: None })
}

/// The last option of a shell, which says "the script is the next argument", made to say "the
/// script is in a file": `-c` → nothing, `-ec` → `-e`, `-e` of perl, ruby or node → nothing. `None`
/// = not known.
fn without_script_option(option: &str) -> Option<String> {
    let letters = option.strip_prefix('-').filter(|letters| !letters.starts_with('-'))?;
    let left = letters.strip_suffix(['c', 'e'])?;
    Some(if left.is_empty() { String::new() } else { format!("-{left}") })
}

/// Where the files of scripts are.
#[derive(Clone, Copy)]
struct ScriptDir<'a> {
    data_dir: &'a Path,
    run_as: Option<&'a RunAs>,
}

impl ScriptDir<'_> {
    /// Writes a script; on failure, with the folder that it could not be written to.
    fn write(self, key: AttemptKey, script: &str) -> Result<ScriptFile, (PathBuf, io::Error)> {
        let name = format!("{}.{}", key.execution_id, key.attempt);
        match self.run_as {
            None => {
                let dir = folder(self.data_dir);
                let made = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
                made.map_err(|error| (dir.clone(), error))?;
                let file = ScriptFile { path: dir.join(name), own_folder: None };
                file.write(script, None).map_err(|error| (dir, error))
            }
            Some(run_as) => {
                // The data folder is closed to others. A folder of this script alone, which nobody could have made
                // before (the ends of ids are random), can be entered by all; the script is its user's.
                let dir = std::env::temp_dir().join(prefix(self.data_dir) + &name);
                let made = DirBuilder::new().mode(0o711).create(&dir);
                made.map_err(|error| (dir.clone(), error))?;
                let file = ScriptFile { path: dir.join("script"), own_folder: Some(dir.clone()) };
                file.write(script, Some(run_as)).map_err(|error| (dir, error))
            }
        }
    }
}

impl ScriptFile {
    fn write(self, script: &str, run_as: Option<&RunAs>) -> io::Result<Self> {
        let mut options = File::options();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o700).open(&self.path)?;
        file.write_all(script.as_bytes())?;
        if let Some(RunAs { uid, gid, .. }) = run_as {
            fchown(&file, Some(*uid), Some(*gid))?;
        }
        Ok(self)
    }
}

/// What the names of the folders of this data folder's scripts begin with.
fn prefix(data_dir: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    data_dir.hash(&mut hasher);
    format!("crontower-{:016x}-", hasher.finish())
}
