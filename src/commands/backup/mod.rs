//! `backup`: files and folders in one compressed archive, verified, the newest few kept.
//!
//! Owns the order of the steps: write beside, read back, rename, remove what is too old. `archive`
//! writes, `verify` reads back, `names` knows which archives are this job's.

mod archive;
mod names;
#[cfg(test)]
mod tests;
mod verify;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::{Value, json};

use self::archive::Tally;
use self::names::ArchiveName;
use super::args::ArgReader;
use super::blocking;
use super::builtin::BuiltIn;
use super::partial_file::{self, PartialFile};
use crate::commands::command::{ArgProblem, Args, CommandError, Context};
use crate::model::text;

/// Writes `paths` into `JOB-TIME-EXECUTION.tar.gz` in `destination`; with `keep`, removes older
/// archives of the same job beyond that number.
pub(super) struct Backup;

/// The checked arguments.
pub(super) struct BackupArgs {
    paths: Vec<String>,
    destination: String,
    /// `None` = all.
    keep: Option<usize>,
}

#[async_trait]
impl BuiltIn for Backup {
    type Parsed = BackupArgs;

    fn parse(args: &Args) -> Result<BackupArgs, Vec<ArgProblem>> {
        let mut reader = ArgReader::new(args);
        let paths = reader.texts("paths");
        if !args.contains_key("paths") {
            reader.problem("paths", "is missing: write it like [/etc, data]");
        } else if paths.as_ref().is_some_and(Vec::is_empty) {
            reader.problem("paths", "is empty: write it like [/etc, data]");
        }
        let destination = reader.required_text("destination", "/var/backups").map(str::to_owned);
        let keep = reader.whole("keep", 1..=10_000).and_then(|keep| usize::try_from(keep).ok());
        let args = paths.zip(destination);
        reader.finish(args.map(|(paths, destination)| BackupArgs { paths, destination, keep }))
    }

    async fn carry_out(context: Context, args: BackupArgs) -> Result<Value, CommandError> {
        blocking::run(move || back_up(&context, &args)).await
    }
}

fn back_up(context: &Context, args: &BackupArgs) -> Result<Value, CommandError> {
    let roots = roots(context, &args.paths)?;
    let destination = context.working_dir.join(&args.destination);
    let on_destination = |fault| failed("`destination`", &destination, &fault);
    fs::create_dir_all(&destination).map_err(on_destination)?;
    let destination = destination.canonicalize().map_err(on_destination)?;
    // Another execution's target has another name: what was left of it is swept by job.
    let left_behind = format!(".{}-", context.job_id);
    partial_file::sweep(&destination, left_behind.as_ref()).map_err(on_destination)?;

    let name = ArchiveName::of(context);
    let target = destination.join(name.to_string());
    let on_archive = |fault| failed("the archive", &target, &fault);
    let mut partial = PartialFile::create(&target, context.key, 0o600).map_err(on_archive)?;
    let tally = archive::write(&mut partial, &roots, &destination, context)
        .map_err(|fault| fault.describe(&target))?;
    verify::read_back(partial.path(), &tally, &context.stop)?;
    partial.commit().map_err(on_archive)?;
    report(context, &target, &tally);

    let removed = match args.keep {
        Some(keep) => names::prune(&destination, &name, keep)
            .map_err(|fault| failed("old archives in", &destination, &fault))?,
        None => Vec::new(),
    };
    for name in &removed {
        context.say(&format!("removed {name}"));
    }
    Ok(json!({
        "archive": target.to_string_lossy(),
        "archive_bytes": tally.archive_bytes,
        "sha256": tally.sha256,
        "files": tally.files,
        "entries": tally.entries,
        "bytes": tally.bytes,
        "changed": tally.changed,
        "vanished": tally.vanished,
        "skipped": tally.skipped,
        "removed": removed.len(),
        "verified": true,
    }))
}

fn report(context: &Context, target: &Path, tally: &Tally) {
    context.say(&format!(
        "{} files, {} in {}",
        tally.files,
        text::format_size(tally.bytes),
        target.display()
    ));
    let (entries, size) = (tally.entries, text::format_size(tally.archive_bytes));
    context.say(&format!("verified: {entries} entries, {size}, sha256 {}", tally.sha256));
}

/// What to back up, as real paths. A path that is itself a link is followed: the author named it.
/// One that lies inside another is left out, since it is there already.
fn roots(context: &Context, paths: &[String]) -> Result<Vec<PathBuf>, CommandError> {
    let mut roots = Vec::with_capacity(paths.len());
    for path in paths {
        let path = context.working_dir.join(path);
        let root = path.canonicalize().map_err(|fault| failed("`paths`", &path, &fault))?;
        roots.push(root);
    }
    roots.sort();
    // Sorted by component, whatever is inside a path comes right after it.
    roots.dedup_by(|inner, outer| inner.starts_with(outer));
    Ok(roots)
}

fn failed(what: &str, path: &Path, fault: &io::Error) -> CommandError {
    CommandError(format!("{what} {}: {fault}", path.display()))
}
