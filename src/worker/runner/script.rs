//! What is executed for a script, and the file of a script that needs one.
//!
//! Owns the folder `scripts/` of a data folder. Never starts anything.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::model::JobCommand;
use crate::worker::protocol::{Assignment, AttemptKey};

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
pub(super) struct ScriptFile(PathBuf);

impl ScriptFile {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScriptFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a script's file stays behind");
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
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("scripts")
}

/// What is executed for an assignment.
///
/// # Errors
/// A sentence that says why nothing can be.
pub(super) fn invocation(data_dir: &Path, assignment: &Assignment) -> Result<Invocation, String> {
    let given = assignment.args.iter().map(OsString::from);
    match &assignment.command {
        JobCommand::Run { run, shell } => of_script(data_dir, assignment, run, shell),
        JobCommand::Named { args, .. } => match (args.get("script"), args.get("argv")) {
            (Some(Value::String(script)), None) => {
                of_script(data_dir, assignment, script, &JobCommand::default_shell())
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
    data_dir: &Path,
    assignment: &Assignment,
    script: &str,
    shell: &[String],
) -> Result<Invocation, String> {
    let given = assignment.args.iter().map(OsString::from);
    let write = || {
        write_file(data_dir, assignment.key, script).map_err(|error| {
            format!("the script cannot be written to {}: {error}", folder(data_dir).display())
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

fn write_file(data_dir: &Path, key: AttemptKey, script: &str) -> io::Result<ScriptFile> {
    let dir = folder(data_dir);
    DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    let path = dir.join(format!("{}.{}", key.execution_id, key.attempt));
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o700).open(&path)?;
    let written = ScriptFile(path);
    file.write_all(script.as_bytes())?;
    Ok(written)
}
