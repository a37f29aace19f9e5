//! Reading jobs files from disk: a file, or the `*.yaml` of a folder; and the calendars they name.
//!
//! Owns the bounds on what is read. Never looks into the text.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::diagnostics::printable;
use super::ics;

/// All sources together are at most so many bytes.
const MOST_BYTES: usize = 16 << 20;
/// A calendar is at most so many bytes.
const MOST_CALENDAR_BYTES: usize = 4 << 20;
/// A folder has at most so many sources.
const MOST_FILES: usize = 1_000;

/// One jobs file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// Its path as the user gave it.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Why jobs files could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Nothing is there.
    #[error("{}: no such file or folder", shown(.path))]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// It is neither a file nor a folder: a socket, a pipe, a device.
    #[error("{}: is neither a file nor a folder", shown(.path))]
    NotAFile {
        /// Where.
        path: PathBuf,
    },
    /// It is larger than jobs files may be.
    #[error("{}: jobs files may have at most 16 MiB in total, and this one exceeds it", shown(.path))]
    TooLarge {
        /// The file that went beyond.
        path: PathBuf,
    },
    /// It is larger than calendars may be.
    #[error("{}: a calendar file may have at most 4 MiB", shown(.path))]
    CalendarTooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A folder holds more files than it may.
    #[error("{}: has more than {MOST_FILES} *.yaml files", shown(.path))]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
    },
    /// A folder holds no file that could have jobs.
    #[error("{}: no *.yaml file in this folder: to define no jobs, create one with `jobs: []`", shown(.path))]
    NoFiles {
        /// The folder.
        path: PathBuf,
    },
    /// It holds bytes that are no text.
    #[error("{}:{line}: is not UTF-8 text: save it as UTF-8", shown(.path))]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line of the first such byte.
        line: usize,
    },
    /// The system refused.
    #[error("{}: cannot be read: {source}", shown(.path))]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn shown(path: &Path) -> String {
    printable(&path.display().to_string(), 4096)
}

impl ReadError {
    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Io { path, source },
        }
    }
}

/// Reads a jobs file, or all `*.yaml` of a folder in the order of their names (hidden ones are left
/// out).
///
/// # Errors
/// When something there cannot be read, is no text, or is too large.
pub(crate) fn read(path: &Path) -> Result<Vec<SourceText>, ReadError> {
    let metadata = fs::metadata(path).map_err(|error| ReadError::io(path, error))?;
    let files = if metadata.is_dir() { files_of(path)? } else { vec![path.to_owned()] };
    let mut left = MOST_BYTES;
    let mut sources = Vec::new();
    for file in files {
        let text = read_file(&file, left)?;
        left -= text.len();
        sources.push(SourceText { name: file.display().to_string(), text });
    }
    Ok(sources)
}

/// Reads a calendar.
pub(super) fn read_calendar(path: &Path) -> Result<String, ReadError> {
    let bytes = read_bytes(path, MOST_CALENDAR_BYTES).map_err(|error| match error {
        ReadError::TooLarge { path } => ReadError::CalendarTooLarge { path },
        other => other,
    })?;
    text(path, ics::with_whole_characters(bytes))
}

/// What is in a calendar, to see whether it has changed; `None` = it cannot be read.
#[must_use]
pub(crate) fn calendar_text(path: &Path) -> Option<String> {
    read_calendar(path).ok()
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).map_err(|error| ReadError::io(folder, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| ReadError::io(folder, error))?;
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if hidden || path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        if files.len() == MOST_FILES {
            return Err(ReadError::TooManyFiles { path: folder.to_owned() });
        }
        files.push(path);
    }
    if files.is_empty() {
        return Err(ReadError::NoFiles { path: folder.to_owned() });
    }
    files.sort();
    Ok(files)
}

fn read_file(path: &Path, left: usize) -> Result<String, ReadError> {
    text(path, read_bytes(path, left)?)
}

fn read_bytes(path: &Path, left: usize) -> Result<Vec<u8>, ReadError> {
    // Asked before it is opened: opening a pipe that nobody writes to would wait for ever.
    let metadata = fs::metadata(path).map_err(|error| ReadError::io(path, error))?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(|error| ReadError::io(path, error))?;
    let mut bytes = Vec::new();
    // The size is what can be read, not what the folder says: a file may grow, and those of /proc
    // have none.
    let read = file.take(left as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| ReadError::io(path, error))?;
    if bytes.len() > left {
        return Err(ReadError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, ReadError> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        ReadError::NotText { path: path.to_owned(), line }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of reading `name` in a fresh folder, without the folder.
    fn error(name: &str, prepare: impl FnOnce(&Path)) -> String {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let error = read(&folder.path().join(name)).unwrap_err().to_string();
        error.replace(&folder.path().display().to_string(), "")
    }

    #[test]
    fn a_folder_is_read_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yaml", ".hidden.yaml", "c.yml", "notes.txt"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let texts: Vec<String> =
            read(folder.path()).unwrap().into_iter().map(|source| source.text).collect();
        assert_eq!(texts, ["a.yaml", "b.yaml"]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(error("no.yaml", |_| ()), "/no.yaml: no such file or folder");
        let told = error("a.yaml", |folder| {
            std::os::unix::fs::symlink("a.yaml", folder.join("a.yaml")).unwrap();
        });
        assert!(told.starts_with("/a.yaml: cannot be read: "), "{told}");
        let told = error("", |folder| fs::create_dir(folder.join("a.yaml")).unwrap());
        assert_eq!(told, "/a.yaml: is neither a file nor a folder");
        let told = error("a.yaml", |folder| {
            fs::write(folder.join("a.yaml"), b"jobs: []\n# \xff\n").unwrap();
        });
        assert_eq!(told, "/a.yaml:2: is not UTF-8 text: save it as UTF-8");
        let told = error("", |folder| fs::write(folder.join("a.yml"), "jobs: []").unwrap());
        assert_eq!(
            told,
            "/: no *.yaml file in this folder: to define no jobs, create one with `jobs: []`"
        );
        let socket = |folder: &Path| {
            std::os::unix::net::UnixListener::bind(folder.join("a.yaml")).unwrap();
        };
        assert_eq!(error("a.yaml", socket), "/a.yaml: is neither a file nor a folder");
    }

    #[test]
    fn the_size_of_all_files_together_is_bounded() {
        let told = error("", |folder| {
            fs::write(folder.join("a.yaml"), vec![b'#'; MOST_BYTES]).unwrap();
            fs::write(folder.join("b.yaml"), "# one byte too many").unwrap();
        });
        assert_eq!(
            told,
            "/b.yaml: jobs files may have at most 16 MiB in total, and this one exceeds it"
        );
    }
}
