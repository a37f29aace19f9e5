//! The files that are edited, as trees; what can be asked for, and why it may not be done.
//!
//! Owns where a job is in them, and where a new one goes.

use serde_json::{Map, Value};

use crate::jobfile::source::SourceText;
use crate::jobfile::tree::{Content, Node};
use crate::model::{Job, JobId, Problem};

/// What is to become of one job.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// It is new.
    Add(Map<String, Value>),
    /// It says this from now on, and no more; `defaults` lie under it.
    Replace(Map<String, Value>),
    /// These keys change; one that is `null` goes (RFC 7396).
    Patch(Map<String, Value>),
    /// It is this again.
    Restore(Box<Job>),
    /// It goes.
    Remove,
}

/// Why an edit was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EditError {
    /// There is no such job in the files.
    Unknown,
    /// A job of this id is there already.
    Taken,
    /// What was asked for is not legal.
    Invalid(Vec<Problem>),
    /// It is, but cannot be written here; why, and what to do.
    NotPossible(String),
}

/// The files as trees, and where the job is in them.
pub(super) struct Files<'a> {
    pub(super) sources: &'a [SourceText],
    pub(super) roots: Vec<Option<Node>>,
}

impl Files<'_> {
    /// The source and the number of a job in its list.
    pub(super) fn find(&self, job: &JobId) -> Option<(usize, usize)> {
        self.roots.iter().enumerate().find_map(|(source, root)| {
            let items = jobs_of(root.as_ref()?)?;
            let number = items.iter().position(|item| id_of(item) == Some(job.as_str()))?;
            Some((source, number))
        })
    }

    /// Where a new job goes: to `jobs.yaml`, else to the last file.
    pub(super) fn home(&self) -> usize {
        let named = |source: &SourceText| {
            std::path::Path::new(&source.name).file_name().is_some_and(|name| name == "jobs.yaml")
        };
        let last = self.sources.len().saturating_sub(1);
        self.sources.iter().position(named).unwrap_or(last)
    }
}

pub(super) fn jobs_of(root: &Node) -> Option<&[Node]> {
    let Content::Map(entries) = &root.content else { return None };
    let jobs = entries.iter().find(|entry| entry.key == "jobs")?;
    match &jobs.value.content {
        Content::List(items) => Some(items),
        _ => None,
    }
}

pub(super) fn id_of(job: &Node) -> Option<&str> {
    let Content::Map(entries) = &job.content else { return None };
    match &entries.iter().find(|entry| entry.key == "id")?.value.content {
        Content::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}
