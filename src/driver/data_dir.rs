//! The data folder: its files by name, and the lock that lets one engine at a time have it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

/// What is opened must not be a link to somewhere else.
const NO_LINK: i32 = OFlags::NOFOLLOW.bits() as i32;

/// A data folder, made with mode 0700 if it was not there.
#[derive(Debug, Clone)]
pub struct DataDir {
    root: PathBuf,
}

/// Why a data folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another engine has it.
    #[error("an engine already runs on {}{}", .root.display(), holder(.pid))]
    Held {
        /// The folder.
        root: PathBuf,
        /// The process id it wrote down.
        pid: Option<u32>,
    },
    /// It cannot be made or used.
    #[error("cannot use the data folder {}: {source}; give another with --data-dir", .root.display())]
    Unusable {
        /// The folder.
        root: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn holder(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

/// The lock on a data folder; it ends with this value, or with the process.
#[derive(Debug)]
pub struct DataDirLock {
    file: File,
    path: PathBuf,
}

impl DataDirLock {
    /// Whether the folder still has the file that is locked: not where it was removed or replaced, and another engine may
    /// have it.
    pub(super) fn holds(&self) -> bool {
        let identity = |found: fs::Metadata| (found.dev(), found.ino());
        let held = self.file.metadata().map(identity);
        let there = fs::symlink_metadata(&self.path).map(identity);
        held.is_ok_and(|held| there.is_ok_and(|there| there == held))
    }
}

impl DataDir {
    /// Opens a data folder, making it if need be.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> Result<Self, DataDirError> {
        let unusable = |source| DataDirError::Unusable { root: root.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(unusable)?;
        let root = root.canonicalize().map_err(unusable)?;
        if fs::metadata(&root).map_err(unusable)?.permissions().mode() & 0o002 != 0 {
            let why = "everyone can write to it, and so could have jobs run (chmod o-w)";
            return Err(unusable(io::Error::new(io::ErrorKind::PermissionDenied, why)));
        }
        let output = root.join("output");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(output).map_err(unusable)?;
        Ok(Self { root })
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where client commands find the engine.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.root.join("crontower.sock")
    }

    /// Where the jobs of the built-in sample work.
    #[must_use]
    pub fn sample(&self) -> PathBuf {
        self.root.join("sample")
    }

    /// Blocks this thread until no engine has the folder at `root`.
    ///
    /// # Errors
    /// When the lock cannot be waited for.
    pub fn wait_until_left(root: &Path) -> io::Result<()> {
        let path = root.join("crontower.lock");
        match OpenOptions::new().read(true).custom_flags(NO_LINK).open(path) {
            Ok(file) => Ok(flock(&file, FlockOperation::LockShared)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// When another engine has it, or the lock file cannot be written.
    pub fn lock(&self) -> Result<DataDirLock, DataDirError> {
        let unusable = |source| DataDirError::Unusable { root: self.root.clone(), source };
        let path = self.root.join("crontower.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(NO_LINK)
            .open(&path)
            .map_err(unusable)?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                let why = format!(
                    "its file system cannot lock files ({error}); name a folder on a local disk"
                );
                return Err(unusable(io::Error::new(io::ErrorKind::Unsupported, why)));
            }
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(DataDirError::Held { root: self.root.clone(), pid });
        }
        let write = |file: &mut File| {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(unusable)?;
        Ok(DataDirLock { file, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_can_change_is_refused_and_a_lock_is_no_link() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let refused = DataDir::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("everyone can write to it"), "{refused}");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let other = folder.path().join("precious");
        fs::write(&other, "text").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join("crontower.lock")).unwrap();
        assert!(matches!(data.lock(), Err(DataDirError::Unusable { .. })));
        assert_eq!(fs::read_to_string(&other).unwrap(), "text");
    }

    #[test]
    fn one_engine_to_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(&folder.path().join("deep/data")).unwrap();
        let mode = fs::metadata(data.root()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let lock = data.lock().unwrap();
        let refused = data.lock().unwrap_err();
        let pid = std::process::id();
        assert!(matches!(refused, DataDirError::Held { pid: Some(holder), .. } if holder == pid));
        assert!(refused.to_string().contains(&format!("(pid {pid})")), "{refused}");
        assert!(lock.holds());
        let (file, aside) = (data.root().join("crontower.lock"), data.root().join("aside"));
        fs::rename(&file, &aside).unwrap();
        assert!(!lock.holds(), "removed");
        fs::write(&file, "").unwrap();
        assert!(!lock.holds(), "replaced");
        fs::rename(&aside, &file).unwrap();
        assert!(lock.holds(), "it is back");
        drop(lock);
        data.lock().unwrap();
    }
}
