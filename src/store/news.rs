//! The newest of each thing in a list of changes: what a backend with tables writes of a commit.
//!
//! Owns what a list says twice and how it contradicts itself. Never knows how anything is written.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;
use std::sync::Arc;

use super::StoreError;
use crate::model::{
    Actor, Change, Event, Execution, ExecutionId, Job, JobId, JobRecord, LedgerRange, Trigger,
    WorkerId, WorkerOverrides,
};

/// The newest of each thing in a list of changes.
#[derive(Default)]
pub(super) struct News<'a> {
    /// Each with when it went; 0 = it is defined.
    pub(super) jobs: BTreeMap<&'a JobId, (&'a JobRecord, i64)>,
    pub(super) versions: BTreeMap<(&'a JobId, u32), (&'a Arc<Job>, i64, &'a Actor)>,
    pub(super) executions: Vec<&'a Execution>,
    pub(super) events: Vec<&'a Event>,
    pub(super) ledger: BTreeMap<(&'a JobId, i64), &'a LedgerRange>,
    pub(super) workers: BTreeMap<&'a WorkerId, &'a WorkerOverrides>,
    /// Whether each is due or done.
    pub(super) notices: BTreeMap<ExecutionId, bool>,
    pub(super) meta: BTreeMap<&'a str, &'a str>,
}

impl<'a> News<'a> {
    pub(super) fn of(changes: &'a [Change]) -> Result<Self, StoreError> {
        let mut news = Self::default();
        for change in changes {
            match change {
                Change::Job(record) => {
                    news.jobs.insert(&record.definition.id, (record, 0));
                }
                Change::JobRemoved { record, at } => {
                    let went = at.timestamp_micros().max(1);
                    news.jobs.insert(&record.definition.id, (record, went));
                }
                Change::JobVersion { definition, version, at, by } => {
                    let row = (definition, at.timestamp_micros(), by);
                    let kept = news.versions.entry((&definition.id, *version)).or_insert(row);
                    if kept.0 != definition {
                        return Err(version_taken(&definition.id, *version));
                    }
                }
                Change::Event(event) => news.events.push(event),
                Change::Ledger(range) => {
                    let key = (&range.job_id, range.first.timestamp_micros());
                    news.ledger.insert(key, range);
                }
                Change::Meta { key, value } => {
                    news.meta.insert(key, value);
                }
                Change::Worker(orders) => {
                    news.workers.insert(&orders.worker_id, orders);
                }
                Change::NoticeDue(execution) => {
                    news.notices.insert(*execution, true);
                }
                Change::NoticeDone(execution) => {
                    news.notices.insert(*execution, false);
                }
                Change::Execution(_) => {}
            }
        }
        news.executions = newest_executions(changes);
        refuse_doubles(&news.executions)?;
        Ok(news)
    }
}

/// Each execution once, as it was changed last.
fn newest_executions(changes: &[Change]) -> Vec<&Execution> {
    let mut seen = HashSet::new();
    let executions = changes.iter().rev().filter_map(|change| match change {
        Change::Execution(execution) => Some(execution.as_ref()),
        _ => None,
    });
    let mut newest: Vec<_> = executions.filter(|execution| seen.insert(execution.id)).collect();
    newest.reverse();
    newest
}

/// Whether an execution claims its fire time for itself alone.
pub(super) fn claims(execution: &Execution) -> bool {
    matches!(execution.trigger, Trigger::Schedule | Trigger::CatchUp)
}

fn refuse_doubles(executions: &[&Execution]) -> Result<(), StoreError> {
    let mut fired = HashMap::new();
    for execution in executions.iter().filter(|execution| claims(execution)) {
        let claim = (&execution.job_id, execution.fire_time.timestamp_micros());
        match fired.entry(claim) {
            Entry::Vacant(free) => {
                free.insert(execution.id);
            }
            Entry::Occupied(_) => {
                let (job, fire_time) = (execution.job_id.clone(), execution.fire_time);
                return Err(StoreError::FiredTwice { job, fire_time });
            }
        }
    }
    Ok(())
}

/// A version of a definition that is kept already, otherwise.
pub(super) fn version_taken(job: impl Display, version: impl Display) -> StoreError {
    StoreError::Conflict { what: format!("version {version} of job `{job}`") }
}
