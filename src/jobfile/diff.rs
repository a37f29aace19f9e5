//! What changes between two sets of jobs, key by key.
//!
//! Owns the comparison. Knows nothing of what a change does to what is running.

use std::collections::{HashMap, HashSet};

use super::write::{Definition, Yaml, definition, one_line, settings_definition};
use crate::model::{FieldChange, JobChange, Plan};
use crate::model::{Job, JobId, JobSet};

/// The way from one set to another. Its warnings are left to who read the file.
#[must_use]
pub(crate) fn diff(before: &JobSet, after: &JobSet) -> Plan {
    let old: HashMap<&JobId, &Job> = before.jobs.iter().map(|job| (&job.id, job)).collect();
    let new: HashSet<&JobId> = after.jobs.iter().map(|job| &job.id).collect();
    let mut plan = Plan::default();
    for job in &after.jobs {
        match old.get(&job.id) {
            None => plan.added.push(job.id.clone()),
            Some(old) if *old != job => {
                let fields = fields(definition(old), definition(job));
                plan.changed.push(JobChange { job: job.id.clone(), fields });
            }
            Some(_) => {}
        }
    }
    let gone = before.jobs.iter().filter(|job| !new.contains(&job.id));
    plan.removed = gone.map(|job| job.id.clone()).collect();
    plan.settings =
        fields(settings_definition(&before.settings), settings_definition(&after.settings));
    plan
}

/// Keys whose values differ: those of `before` first, then those that come.
fn fields(before: Definition, after: Definition) -> Vec<FieldChange> {
    let find = |keys: &[(&'static str, Yaml)], name| {
        keys.iter().find(|(key, _)| *key == name).map(|(_, value)| one_line(value))
    };
    let mut names: Vec<&'static str> = before.iter().map(|(key, _)| *key).collect();
    names.extend(after.iter().map(|(key, _)| *key).filter(|key| find(&before, *key).is_none()));
    let change = |name: &'static str| {
        let (before, after) = (find(&before, name), find(&after, name));
        (before != after).then(|| FieldChange { key: name.to_owned(), before, after })
    };
    names.into_iter().filter_map(change).collect()
}
