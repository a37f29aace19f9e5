//! Where the output of an attempt is kept, and the one bound that its files share.
//!
//! Owns the names of files and folders. Never opens them.

use std::path::{Path, PathBuf};

use crate::model::AttemptKey;

/// The longest line kept in one piece; a longer one is cut into parts of this size.
pub(super) const LONGEST_LINE: usize = 64 << 10;

/// The file that an attempt's output begins in.
pub(super) fn head_path(data_dir: &Path, key: AttemptKey) -> PathBuf {
    let id = key.execution_id.to_string();
    // The end of an id is random, so the folders fill evenly.
    let shard = &id[id.len() - 2..];
    data_dir.join("output").join(shard).join(format!("{id}.{}", key.attempt))
}

/// The folder of its later segments.
pub(super) fn tail_path(head: &Path) -> PathBuf {
    head.with_added_extension("tail")
}
