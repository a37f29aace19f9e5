//! The unfinished output files of commands: named so that a later execution finds and removes what a killed one left.
//!
//! Owns the names of unfinished files and their removal. Knows nothing of what is in them.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::atomic_file::{AtomicFile, folder_of};
use crate::model::AttemptKey;

/// How the name of every unfinished file ends.
const SUFFIX: &str = ".partial";

/// An unfinished file. Dropped before [`PartialFile::commit`], it is removed.
///
/// It is locked for as long as its writer lives, so that what a killed writer left behind can be
/// distinguished from what another one is still writing.
pub(super) struct PartialFile(AtomicFile);

impl PartialFile {
    /// Starts the file that will become `target`, readable as `mode` says. Unfinished files of the
    /// same target that nobody writes any longer are removed.
    pub(super) fn create(target: &Path, key: AttemptKey, mode: u32) -> io::Result<Self> {
        let name = target
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
        let folder = folder_of(target);
        let mut prefix = OsString::from(".");
        prefix.push(name);
        sweep(folder, &prefix)?;
        prefix.push(format!(".{}-{}{SUFFIX}", key.execution_id, key.attempt));
        let file = AtomicFile::create_new(folder.join(prefix), target.to_owned(), mode)?;
        file.file()?.try_lock()?;
        // A sweep may have come between the creation and the lock.
        if fs::metadata(file.path())?.ino() != file.file()?.metadata()?.ino() {
            return Err(io::Error::other("the unfinished file was removed by another program"));
        }
        Ok(Self(file))
    }

    /// Where it is while it is unfinished.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Gives it its name, once its content and then the name itself are on the disk.
    pub(super) fn commit(self) -> io::Result<()> {
        self.0.commit()
    }
}

impl Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
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
