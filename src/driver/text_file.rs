//! Putting a new text in place of a file: all of it or nothing, whatever is killed on the way.
//!
//! Owns what else of the file stays: mode, owner, and where a link leads. Never looks into the text.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;

use crate::atomic_file::{AtomicFile, folder_of};

/// Why a file was left as it was.
#[derive(Debug)]
pub(super) enum LeftAlone {
    /// It does not hold what it was expected to hold.
    Changed,
    /// The system refused.
    Refused(io::Error),
}

impl From<io::Error> for LeftAlone {
    fn from(error: io::Error) -> Self {
        Self::Refused(error)
    }
}

/// Puts `new` in place of a file that holds `old` (`None` = it is not there yet).
pub(super) fn replace(path: &Path, old: Option<&str>, new: &str) -> Result<(), LeftAlone> {
    // A link stays a link: what it leads to is replaced.
    let target = if old.is_some() { fs::canonicalize(path)? } else { path.to_owned() };
    let folder = folder_of(&target).to_owned();
    if old.is_some() {
        rustix::fs::access(&target, rustix::fs::Access::WRITE_OK).map_err(io::Error::from)?;
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = folder.join(format!(".{name}.crontower-{}", std::process::id()));
    let mut made = AtomicFile::replace_leftover(beside, target.clone(), 0o600)?;
    made.write_all(new.as_bytes())?;
    let file = made.file()?;
    match old {
        Some(_) => {
            let before = fs::metadata(&target)?;
            let now = file.metadata()?;
            if (before.uid(), before.gid()) != (now.uid(), now.gid()) {
                fchown(file, Some(before.uid()), Some(before.gid()))?;
            }
            file.set_permissions(before.permissions())?;
        }
        None => file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?,
    }
    // Before the comparison: syncing takes long, and what comes between comparison and rename is lost.
    file.sync_all()?;
    let found = match fs::read(&target) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    if found.as_deref() != old.map(str::as_bytes) {
        return Err(LeftAlone::Changed);
    }
    made.commit_unsynced()?;
    // The new name is kept by the folder.
    File::open(&folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_stays_a_link_and_the_mode_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("real.yaml"), dir.path().join("jobs.yaml"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        symlink("real.yaml", &link).unwrap();
        replace(&link, Some("old"), "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn what_someone_else_wrote_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("jobs.yaml");
        fs::write(&file, "theirs").unwrap();
        assert!(matches!(replace(&file, Some("old"), "new"), Err(LeftAlone::Changed)));
        assert!(matches!(replace(&file, None, "new"), Err(LeftAlone::Changed)));
        assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        replace(&dir.path().join("other.yaml"), None, "new").unwrap();
    }
}
