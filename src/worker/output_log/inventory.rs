//! Whose output there is.
//!
//! Owns the way back from the names of files to attempts. Never decides what stays.

use crate::model::AttemptKey;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::layout::{head_path, tail_path};

/// The attempts whose output lies in one of the 256 folders that it is spread over. Names that are no attempt's are
/// passed over.
///
/// # Errors
/// When the folder is there and cannot be read.
pub(crate) fn kept_outputs(data_dir: &Path, shard: u8) -> io::Result<BTreeSet<AttemptKey>> {
    let folder = data_dir.join("output").join(format!("{shard:02x}"));
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    let mut kept = BTreeSet::new();
    for entry in entries {
        kept.extend(entry?.file_name().to_str().and_then(key_of));
    }
    Ok(kept)
}

/// The attempt that a file or folder belongs to: `<execution>.<attempt>`, with `.tail` after it or not.
fn key_of(name: &str) -> Option<AttemptKey> {
    let (id, attempt) = name.strip_suffix(".tail").unwrap_or(name).split_once('.')?;
    let key = AttemptKey { execution_id: id.parse().ok()?, attempt: attempt.parse().ok()? };
    // There is one way only to write them.
    (format!("{}.{}", key.execution_id, key.attempt) == format!("{id}.{attempt}")).then_some(key)
}

/// How many bytes of the disk an attempt's output takes; 0 where there is none.
pub(crate) fn output_bytes(data_dir: &Path, key: AttemptKey) -> u64 {
    // Small files take a whole block; some file systems do not say so at once.
    let taken = |found: fs::Metadata| found.len().max(found.blocks().saturating_mul(512));
    let head = head_path(data_dir, key);
    let tail = fs::read_dir(tail_path(&head)).into_iter().flatten();
    let tail = tail.filter_map(|entry| entry.ok()?.metadata().ok());
    fs::symlink_metadata(&head).into_iter().chain(tail).map(taken).sum()
}

/// When output was last added; `None` where there is none.
pub(crate) fn last_written(data_dir: &Path, key: AttemptKey) -> Option<DateTime<Utc>> {
    let head = head_path(data_dir, key);
    let changed = |path: &Path| fs::symlink_metadata(path).ok()?.modified().ok();
    let last = [changed(&head), changed(&tail_path(&head))].into_iter().flatten().max();
    last.map(DateTime::from)
}
