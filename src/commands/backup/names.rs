//! The names of archives: whose they are, which is newer, which are too old.
//!
//! A name is `JOB-TIME-EXECUTION.tar.gz`, with the instant at which the execution was created (to
//! the second, UTC) and the last 8 characters of its id. Behind the job everything has a fixed
//! length, so that `db` never takes an archive of `db-copy` for its own.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use chrono::{DateTime, NaiveDateTime};

use crate::commands::command::Context;

const EXTENSION: &str = ".tar.gz";
const STAMP: &str = "%Y%m%dT%H%M%SZ";
const STAMP_LENGTH: usize = 16;
const SHORT_LENGTH: usize = 8;

/// The name of an archive, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ArchiveName {
    job: String,
    /// Sorts by time.
    stamp: String,
    execution: String,
}

impl ArchiveName {
    /// The name of the archive that an attempt makes. Another attempt of the same execution
    /// makes the same one.
    pub(super) fn of(context: &Context) -> Self {
        let execution = context.key.execution_id;
        // The id knows when it was made; an id of another kind leaves the fire time.
        let created = execution
            .uuid()
            .get_timestamp()
            .and_then(|stamp| i64::try_from(stamp.to_unix().0).ok())
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .unwrap_or(context.fire_time);
        Self {
            job: context.job_id.to_string(),
            stamp: created.format(STAMP).to_string(),
            execution: execution.short(),
        }
    }

    /// Takes a name apart; `None` if it is not one of ours.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_suffix(EXTENSION)?;
        let (rest, execution) = rest.split_at_checked(rest.len().checked_sub(SHORT_LENGTH)?)?;
        let rest = rest.strip_suffix('-')?;
        let (rest, stamp) = rest.split_at_checked(rest.len().checked_sub(STAMP_LENGTH)?)?;
        let job = rest.strip_suffix('-')?;
        let legal = execution.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            && NaiveDateTime::parse_from_str(stamp, STAMP).is_ok()
            && !job.is_empty();
        legal.then(|| Self { job: job.into(), stamp: stamp.into(), execution: execution.into() })
    }

    /// What newer archives are sorted by.
    fn age(&self) -> (&str, &str) {
        (&self.stamp, &self.execution)
    }
}

impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}{EXTENSION}", self.job, self.stamp, self.execution)
    }
}

/// Removes all archives of the job in `folder` but the newest `keep`, of which the one just made
/// is always one. Answers the names of what was removed, oldest first.
pub(super) fn prune(folder: &Path, made: &ArchiveName, keep: usize) -> io::Result<Vec<String>> {
    let mut others = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_str().and_then(ArchiveName::parse);
        let Some(name) = name.filter(|name| name.job == made.job && name != made) else { continue };
        if entry.file_type()?.is_file() {
            others.push(name);
        }
    }
    others.sort_by(|a, b| a.age().cmp(&b.age()));
    others.truncate((others.len() + 1).saturating_sub(keep));
    let mut removed = Vec::with_capacity(others.len());
    for name in others.iter().map(ToString::to_string) {
        match fs::remove_file(folder.join(&name)) {
            Ok(()) => removed.push(name),
            // Another execution of this job was faster.
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_and_put_together() {
        let name = "db-copy-20261123T181137Z-0123abcd.tar.gz";
        let parsed = ArchiveName::parse(name).unwrap();
        assert_eq!((parsed.job.as_str(), parsed.stamp.as_str()), ("db-copy", "20261123T181137Z"));
        assert_eq!(parsed.to_string(), name);
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for name in [
            "db.tar.gz",
            "db-20261123T181137Z-0123abcd.tar",
            "db-20261123T181137Z-0123abcx.tar.gz",
            "db-20261323T181137Z-0123abcd.tar.gz",
            "db-20261123T181137Z-123abcd.tar.gz",
            "-20261123T181137Z-0123abcd.tar.gz",
            "20261123T181137Z-0123abcd.tar.gz",
            "ööööööööööööööööööööööööööööööööö.tar.gz",
        ] {
            assert_eq!(ArchiveName::parse(name), None, "{name}");
        }
    }
}
