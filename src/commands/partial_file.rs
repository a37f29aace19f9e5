//! A file that appears under its name only when it is whole: written beside, synced, renamed.
//!
//! Owns the names of unfinished files and their removal. Knows nothing of what is in them.

use crate::model::AttemptKey;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How the name of every unfinished file ends.
const SUFFIX: &str = ".partial";

/// An unfinished file. Dropped before [`PartialFile::commit`], it is removed.
///
/// It is locked for as long as its writer lives, so that what a killed writer left behind can be
/// told from what another one is still writing.
pub(super) struct PartialFile {
    file: File,
    path: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl PartialFile {
    /// Begins the file that shall be `target`, readable as `mode` says. Unfinished files of the
    /// same target that nobody writes any more are removed.
    pub(super) fn create(target: &Path, key: AttemptKey, mode: u32) -> io::Result<Self> {
        let name = target
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
        let folder = folder_of(target);
        let mut prefix = OsString::from(".");
        prefix.push(name);
        sweep(folder, &prefix)?;
        prefix.push(format!(".{}-{}{SUFFIX}", key.execution_id, key.attempt));
        let path = folder.join(prefix);
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(&path)?;
        let partial = Self { file, path, target: target.to_owned(), committed: false };
        partial.file.try_lock()?;
        // A sweep may have come between the creation and the lock.
        if fs::metadata(&partial.path)?.ino() != partial.file.metadata()?.ino() {
            return Err(io::Error::other("the unfinished file was removed by another program"));
        }
        Ok(partial)
    }

    /// Where it is while it is unfinished.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, once its content and then the name itself are on the disk.
    pub(super) fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, &self.target)?;
        self.committed = true;
        File::open(folder_of(&self.target))?.sync_all()
    }
}

impl Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing can be done about a failure here; the next writer sweeps again.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a name is that of an unfinished file.
pub(super) fn is_partial(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes())
}

/// Removes unfinished files whose name begins with `prefix` and that nobody holds.
pub(super) fn sweep(folder: &Path, prefix: &OsStr) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name.as_encoded_bytes().starts_with(prefix.as_encoded_bytes())
            && is_partial(&name)
            && entry.file_type()?.is_file();
        if ours && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::Bench;

    #[test]
    fn it_appears_whole_or_not_at_all() {
        let bench = Bench::new();
        let key = bench.context().key;
        let target = bench.path().join("out.csv");
        let mut partial = PartialFile::create(&target, key, 0o640).unwrap();
        partial.write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(partial);
        assert_eq!(bench.list("."), [""; 0]);

        let mut partial = PartialFile::create(&target, key, 0o640).unwrap();
        partial.write_all(b"whole").unwrap();
        partial.commit().unwrap();
        assert_eq!(bench.list("."), ["out.csv"]);
        assert_eq!(bench.read("out.csv"), "whole");
    }

    #[test]
    fn what_a_dead_writer_left_is_removed_and_what_a_live_one_writes_is_not() {
        let bench = Bench::new();
        let target = bench.path().join("out.csv");
        bench.write(".out.csv.0190-1.partial", "left behind");
        bench.write(".other.csv.0190-1.partial", "of another target");
        let first = PartialFile::create(&target, bench.nth_context("a", 1).key, 0o600).unwrap();
        let second = PartialFile::create(&target, bench.nth_context("a", 2).key, 0o600).unwrap();
        assert!(first.path().exists() && second.path().exists());
        assert_eq!(bench.list(".").len(), 3);
        assert!(bench.path().join(".other.csv.0190-1.partial").exists());
    }
}
