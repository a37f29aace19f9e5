//! A file that appears under its name only when it is whole: written beside, then renamed.
//!
//! Owns the steps that must never differ between writers: what a killed writer left is replaced, a failed write leaves
//! nothing behind, and the content is on the disk before its name is. Never knows what is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// An unfinished file. Dropped before [`AtomicFile::commit`], it is removed.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    /// `None` once it is committed.
    file: Option<File>,
    beside: PathBuf,
    target: PathBuf,
}

impl AtomicFile {
    /// Starts the file that will replace `target`, in `beside` (a path in the same folder). Fails if `beside` exists.
    pub(crate) fn create_new(beside: PathBuf, target: PathBuf, mode: u32) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create_new(true).mode(mode).open(&beside)?;
        Ok(Self { file: Some(file), beside, target })
    }

    /// As [`AtomicFile::create_new`]; replaces what a killed writer left in `beside`, which may have another mode or
    /// be a link. The caller is the only writer of this target.
    pub(crate) fn replace_leftover(
        beside: PathBuf,
        target: PathBuf,
        mode: u32,
    ) -> io::Result<Self> {
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Self::create_new(beside, target, mode),
        }
    }

    /// Where it is while it is unfinished.
    pub(crate) fn path(&self) -> &Path {
        &self.beside
    }

    /// The open file.
    pub(crate) fn file(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or_else(|| io::Error::other("the file is committed already"))
    }

    /// Gives it its name, once its content and then the name itself are on the disk: it survives a power cut.
    pub(crate) fn commit(self) -> io::Result<()> {
        self.file()?.sync_all()?;
        let folder = folder_of(&self.target).to_owned();
        self.commit_unsynced()?;
        File::open(folder)?.sync_all()
    }

    /// Gives it its name without waiting for the disk: it survives the death of this process, not a power cut.
    pub(crate) fn commit_unsynced(mut self) -> io::Result<File> {
        fs::rename(&self.beside, &self.target)?;
        self.file.take().ok_or_else(|| io::Error::other("the file is committed already"))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Nothing can be done about a failure here; the next writer replaces it.
            _ = fs::remove_file(&self.beside);
        }
    }
}

/// The folder that a path is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let (beside, target) = (dir.path().join("a.new"), dir.path().join("a"));
        fs::write(&target, "old").unwrap();
        let create = || AtomicFile::create_new(beside.clone(), target.clone(), 0o600).unwrap();
        let mut unfinished = create();
        unfinished.write_all(b"half").unwrap();
        drop(unfinished);
        assert_eq!(
            (names(dir.path()), fs::read_to_string(&target).unwrap()),
            (vec!["a".into()], "old".into())
        );
        let mut whole = create();
        whole.write_all(b"new").unwrap();
        whole.commit().unwrap();
        assert_eq!(
            (names(dir.path()), fs::read_to_string(&target).unwrap()),
            (vec!["a".into()], "new".into())
        );
    }

    #[test]
    fn a_leftover_is_replaced_and_a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (beside, target) = (dir.path().join("a.new"), dir.path().join("a"));
        let victim = dir.path().join("victim");
        fs::write(&victim, "untouched").unwrap();
        symlink(&victim, &beside).unwrap();
        assert!(AtomicFile::create_new(beside.clone(), target.clone(), 0o600).is_err());
        let mut file = AtomicFile::replace_leftover(beside, target.clone(), 0o600).unwrap();
        file.write_all(b"new").unwrap();
        let mut open = file.commit_unsynced().unwrap();
        // What is written to the open file later goes to its end, also after it was cut.
        open.set_len(1).unwrap();
        open.write_all(b"!").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "n!");
        assert_eq!(fs::read_to_string(victim).unwrap(), "untouched");
        assert_eq!(fs::metadata(target).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
