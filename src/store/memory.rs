//! The store that ends with the process: for trying things out, and for tests.
//!
//! Owns maps behind a lock, held for moments and never across an await. Old executions and events
//! are dropped beyond a bound, since nothing else would ever free them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::search::{IdPart, LARGEST_LIST, MOST_NAMED, Search, limit};
use super::{Expired, HistorySize, PruneBatch, Store, StoreError, set_aside};
use crate::model::{
    Ahead, BOOT_ID, Change, Event, Execution, ExecutionId, ExecutionQuery, Image, Job, JobId,
    JobRecord, JobVersion, LedgerRange, Page, RECENT, Retired, StateName, Summary, Trigger,
    WorkerId, WorkerOverrides,
};

/// Final executions kept; the oldest go first.
const MOST_PAST: usize = 100_000;
/// Events kept; the oldest go first.
const MOST_EVENTS: usize = 100_000;

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    jobs: BTreeMap<JobId, JobRecord>,
    /// Where those stood that are no longer defined.
    gone: BTreeMap<JobId, (JobRecord, DateTime<Utc>)>,
    versions: BTreeMap<JobId, BTreeMap<u32, JobVersion>>,
    executions: BTreeMap<ExecutionId, Arc<Execution>>,
    /// The ids of those that are final.
    past: BTreeSet<ExecutionId>,
    /// Who claimed a fire time, by job and microsecond.
    fired: HashMap<(JobId, i64), ExecutionId>,
    events: BTreeMap<u64, Event>,
    ledger: BTreeMap<JobId, BTreeMap<i64, LedgerRange>>,
    workers: BTreeMap<WorkerId, WorkerOverrides>,
    /// Executions whose `on_failure` has not ended.
    notices: BTreeSet<ExecutionId>,
    meta: BTreeMap<&'static str, String>,
}

/// The fire time that an execution claims for itself alone.
fn claim(execution: &Execution) -> Option<(JobId, i64)> {
    matches!(execution.trigger, Trigger::Schedule | Trigger::CatchUp)
        .then(|| (execution.job_id.clone(), execution.fire_time.timestamp_micros()))
}

impl Kept {
    /// Whether all of the changes can be made.
    fn judge(&self, changes: &[Change]) -> Result<(), StoreError> {
        let mut fired = HashMap::new();
        let mut versions = HashMap::new();
        let mut seqs = HashSet::new();
        for change in changes {
            match change {
                Change::Execution(execution) => {
                    let Some(claim) = claim(execution) else { continue };
                    let holder = self.fired.get(&claim).copied();
                    let holder = holder.unwrap_or(*fired.entry(claim).or_insert(execution.id));
                    if holder != execution.id {
                        let (job, fire_time) = (execution.job_id.clone(), execution.fire_time);
                        return Err(StoreError::FiredTwice { job, fire_time });
                    }
                }
                Change::JobVersion { definition, version, .. } => {
                    let kept = self.versions.get(&definition.id).and_then(|all| all.get(version));
                    let kept = kept.map(|kept| &kept.definition);
                    let kept = kept.or_else(|| versions.get(&(&definition.id, *version)).copied());
                    if kept.is_some_and(|kept| kept != definition) {
                        let what = format!("version {version} of job `{}`", definition.id);
                        return Err(StoreError::Conflict { what });
                    }
                    versions.insert((&definition.id, *version), definition);
                }
                Change::Event(Event { seq, .. })
                    if self.events.contains_key(seq) || !seqs.insert(*seq) =>
                {
                    return Err(StoreError::Conflict { what: format!("event {seq}") });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Job(record) => {
                self.jobs.insert(record.definition.id.clone(), record.clone());
                self.gone.remove(&record.definition.id);
            }
            Change::JobVersion { definition, version, at, by } => {
                let versions = self.versions.entry(definition.id.clone()).or_default();
                versions.entry(*version).or_insert_with(|| JobVersion {
                    version: *version,
                    at: *at,
                    by: by.clone(),
                    definition: Arc::clone(definition),
                });
            }
            Change::JobRemoved { record, at } => {
                self.jobs.remove(&record.definition.id);
                self.gone.insert(record.definition.id.clone(), (record.clone(), *at));
            }
            Change::Execution(execution) => self.keep_execution(execution),
            Change::Event(event) => {
                self.events.insert(event.seq, event.clone());
            }
            Change::Ledger(range) => {
                let ranges = self.ledger.entry(range.job_id.clone()).or_default();
                ranges.insert(range.first.timestamp_micros(), range.clone());
            }
            Change::Worker(orders) if orders.is_empty() => {
                self.workers.remove(&orders.worker_id);
            }
            Change::Worker(orders) => {
                self.workers.insert(orders.worker_id.clone(), orders.clone());
            }
            Change::NoticeDue(execution) => {
                self.notices.insert(*execution);
            }
            Change::NoticeDone(execution) => {
                self.notices.remove(execution);
            }
            Change::Meta { key, value } => {
                self.meta.insert(key, value.clone());
            }
        }
    }

    fn keep_execution(&mut self, execution: &Arc<Execution>) {
        if let Some(claim) = claim(execution) {
            self.fired.insert(claim, execution.id);
        }
        if execution.state.is_final() {
            self.past.insert(execution.id);
        } else {
            self.past.remove(&execution.id);
        }
        self.executions.insert(execution.id, Arc::clone(execution));
    }

    /// Drops what lies beyond the bounds.
    fn forget(&mut self) {
        let surplus = self.past.len().saturating_sub(MOST_PAST);
        let oldest = self.past.iter().filter(|id| !self.notices.contains(id)).take(surplus);
        for id in oldest.copied().collect::<Vec<_>>() {
            self.delete(id);
        }
        while self.events.len() > MOST_EVENTS {
            self.events.pop_first();
        }
    }

    fn delete(&mut self, id: ExecutionId) {
        self.past.remove(&id);
        if let Some(claim) = self.executions.remove(&id).and_then(|gone| claim(&gone)) {
            self.fired.remove(&claim);
        }
    }

    fn delete_expired(&mut self, expired: &Expired) -> PruneBatch {
        let most = expired.at_most.max(1) as usize;
        let executions = self.expired_executions(expired, most);
        for (id, _) in &executions {
            self.delete(*id);
        }
        let newest = self.events.keys().next_back().copied();
        let kept_from = newest.unwrap_or_default().saturating_sub(expired.events);
        let old = |event: &&Event| {
            (event.at < expired.before || event.seq <= kept_from) && Some(event.seq) != newest
        };
        let events: Vec<u64> =
            self.events.values().take(most).filter(old).map(|event| event.seq).collect();
        for seq in &events {
            self.events.remove(seq);
        }
        let mut ranges = 0;
        for of_job in self.ledger.values_mut() {
            of_job.retain(|_, range| {
                let goes = range.last < expired.before && ranges < most;
                ranges += usize::from(goes);
                !goes
            });
        }
        let jobs = self.expired_jobs(expired, most);
        for job in &jobs {
            self.gone.remove(job);
            self.versions.remove(job);
        }
        let more = [executions.len(), events.len(), ranges, jobs.len()].contains(&most);
        PruneBatch { executions, more }
    }

    /// Jobs that went long ago and have no execution any more.
    fn expired_jobs(&self, expired: &Expired, most: usize) -> Vec<JobId> {
        let has_history = |job: &JobId| self.executions.values().any(|it| it.job_id == *job);
        let old = self.gone.iter().filter(|(_, (_, went))| *went < expired.before);
        let old = old.map(|(job, _)| job).filter(|job| !has_history(job));
        old.take(most).cloned().collect()
    }

    fn expired_executions(&self, expired: &Expired, most: usize) -> Vec<(ExecutionId, u32)> {
        let mut found = self.removable(|execution, newer| {
            let ended = execution.finished_at.unwrap_or(execution.created_at);
            ended < expired.before || newer >= expired.per_job
        });
        // The oldest go first.
        found.drain(..found.len().saturating_sub(most));
        found
    }

    /// Those of the executions that may go and are asked for, given how many newer ones their job has; newest first, each
    /// with the number of its attempts.
    fn removable(&self, wanted: impl Fn(&Execution, u32) -> bool) -> Vec<(ExecutionId, u32)> {
        let mut found = Vec::new();
        let mut newer: HashMap<&JobId, (u32, bool)> = HashMap::new();
        for execution in self.executions.values().rev() {
            let (count, failed) = newer.entry(&execution.job_id).or_default();
            let failure = matches!(execution.state.name(), StateName::Failed | StateName::TimedOut);
            let stays = !execution.state.is_final()
                || self.notices.contains(&execution.id)
                || (failure && !*failed);
            if !stays && wanted(execution, *count) {
                let attempts = u32::try_from(execution.attempts.len()).unwrap_or(u32::MAX);
                found.push((execution.id, attempts));
            }
            (*count, *failed) = (*count + 1, *failed || failure);
        }
        found
    }

    fn image(&self) -> Image {
        let live = self.executions.values().filter(|execution| !execution.state.is_final());
        let with_definition = |execution: &Arc<Execution>| {
            let versions = self.versions.get(&execution.job_id);
            let definition = versions.and_then(|all| all.get(&execution.job_version));
            let with = |it: &JobVersion| (Arc::clone(execution), Arc::clone(&it.definition));
            definition.map(with).ok_or_else(|| {
                let (job, version) = (&execution.job_id, execution.job_version);
                let message = format!("version {version} of job `{job}` is missing");
                set_aside(&format!("execution {}", execution.id), &message)
            })
        };
        let (live, unreadable): (Vec<_>, Vec<_>) =
            live.map(with_definition).partition(Result::is_ok);
        let notices = self.notices.iter().filter_map(|id| self.executions.get(id));
        let newest = |versions: &BTreeMap<u32, _>| versions.keys().next_back().copied();
        Image {
            workers: self.workers.values().cloned().collect(),
            notices: notices.filter_map(|execution| with_definition(execution).ok()).collect(),
            jobs: self.jobs.values().cloned().collect(),
            live: live.into_iter().flatten().collect(),
            unreadable: unreadable.into_iter().filter_map(Result::err).collect(),
            recent: self.recent(),
            last_seq: self.events.keys().next_back().copied().unwrap_or(0),
            boot_id: self.meta.get(BOOT_ID).cloned(),
            retired: self
                .versions
                .iter()
                .filter(|(job, _)| !self.jobs.contains_key(*job))
                .filter_map(|(job, versions)| {
                    let (version, accounted_until) = (newest(versions)?, self.accounted_until(job));
                    let stood = self.gone.get(job).map(|(record, _)| record);
                    let source = stood.map(|record| record.source);
                    let state = stood.map(|record| Arc::clone(&record.state));
                    Some((job.clone(), Retired { version, accounted_until, source, state }))
                })
                .collect(),
        }
    }

    /// The newest fire time of a job that has its fate.
    fn accounted_until(&self, job: &JobId) -> Option<DateTime<Utc>> {
        let fired = self.fired.keys().filter(|(fired, _)| fired == job).map(|(_, at)| *at);
        let fired = fired.max().and_then(DateTime::from_timestamp_micros);
        let ranges = self.ledger.get(job).and_then(|ranges| ranges.values().next_back());
        fired.max(ranges.map(|range| range.last))
    }

    fn recent(&self) -> Vec<(JobId, Vec<Summary>)> {
        let mut recent: BTreeMap<&JobId, Vec<Summary>> = BTreeMap::new();
        for execution in self.past.iter().rev().filter_map(|id| self.executions.get(id)) {
            let summaries = recent.entry(&execution.job_id).or_default();
            let known = |job| self.jobs.contains_key(job) || self.gone.contains_key(job);
            if summaries.len() < RECENT && known(&execution.job_id) {
                summaries.push(execution.summary());
            }
        }
        let oldest_first = |(job, mut summaries): (&JobId, Vec<Summary>)| {
            summaries.reverse();
            (!summaries.is_empty()).then(|| (job.clone(), summaries))
        };
        recent.into_iter().filter_map(oldest_first).collect()
    }

    fn page(&self, search: &Search<'_>) -> Page<Arc<Execution>> {
        let limit = search.limit as usize;
        let fits = |execution: &&Arc<Execution>| search.fits(execution);
        let mut items: Vec<_> = if search.goes_up() {
            self.executions.values().filter(fits).take(limit + 1).cloned().collect()
        } else {
            self.executions.values().rev().filter(fits).take(limit + 1).cloned().collect()
        };
        let more = items.len() > limit;
        items.truncate(limit);
        if search.goes_up() {
            items.reverse();
        }
        Page { items, more }
    }
}

impl MemoryStore {
    /// The lock. A panic elsewhere leaves nothing half done: changes are judged before the first is
    /// made.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self) -> Result<Image, StoreError> {
        Ok(self.kept().image())
    }

    async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.kept().meta.get(key).cloned())
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.judge(changes)?;
        for change in changes {
            kept.apply(change);
        }
        kept.forget();
        Ok(())
    }

    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<Arc<Execution>>, StoreError> {
        Ok(self.kept().page(&Search::new(query)))
    }

    async fn executions_named(&self, part: &str) -> Result<Vec<Arc<Execution>>, StoreError> {
        let Some(part) = IdPart::new(part) else { return Ok(Vec::new()) };
        let kept = self.kept();
        let named = kept.executions.values().rev().filter(|execution| part.fits(execution.id));
        Ok(named.take(MOST_NAMED).cloned().collect())
    }

    async fn counts(&self, since: DateTime<Utc>) -> Result<Vec<(StateName, u64)>, StoreError> {
        let mut counts = BTreeMap::new();
        for execution in self.kept().executions.values() {
            if execution.created_at.timestamp_micros() >= since.timestamp_micros() {
                *counts.entry(execution.state.name()).or_default() += 1;
            }
        }
        Ok(counts.into_iter().collect())
    }

    async fn events_after(&self, seq: u64, most: u32) -> Result<Vec<Event>, StoreError> {
        let kept = self.kept();
        let following = kept.events.range((Excluded(seq), Unbounded));
        let most = limit(most, LARGEST_LIST) as usize;
        Ok(following.map(|(_, event)| event).take(most).cloned().collect())
    }

    async fn newest_events(&self, most: u32) -> Result<Vec<Event>, StoreError> {
        let most = limit(most, LARGEST_LIST) as usize;
        Ok(self.kept().events.values().rev().take(most).cloned().collect())
    }

    async fn ledger(
        &self,
        job: &JobId,
        before: Option<DateTime<Utc>>,
        most: u32,
    ) -> Result<Vec<LedgerRange>, StoreError> {
        let kept = self.kept();
        let before = before.map_or(i64::MAX, |at| at.timestamp_micros());
        let ranges = kept.ledger.get(job);
        let ranges = ranges.into_iter().flat_map(|ranges| ranges.range(..before).rev());
        let ranges = ranges.map(|(_, range)| range);
        Ok(ranges.take(limit(most, LARGEST_LIST) as usize).cloned().collect())
    }

    async fn ahead(&self, after: DateTime<Utc>, jobs: &[JobId]) -> Result<Ahead, StoreError> {
        let kept = self.kept();
        let fired = kept.fired.keys().filter(|(job, _)| jobs.contains(job));
        let fired = fired
            .filter_map(|(job, at)| Some((job.clone(), DateTime::from_timestamp_micros(*at)?)))
            .filter(|(_, at)| *at > after)
            .collect();
        let ledger = kept.ledger.values().flat_map(BTreeMap::values);
        let ledger = ledger.filter(|range| range.last > after).cloned().collect();
        Ok(Ahead { after, jobs: jobs.to_vec(), fired, ledger })
    }

    async fn job_version(&self, job: &JobId, version: u32) -> Result<Option<Arc<Job>>, StoreError> {
        let kept = self.kept();
        let found = kept.versions.get(job).and_then(|versions| versions.get(&version));
        Ok(found.map(|found| Arc::clone(&found.definition)))
    }

    async fn job_versions(
        &self,
        job: &JobId,
        before: Option<u32>,
        most: u32,
    ) -> Result<Vec<JobVersion>, StoreError> {
        let kept = self.kept();
        let before = before.unwrap_or(u32::MAX);
        let versions = kept.versions.get(job);
        let versions = versions.into_iter().flat_map(|all| all.range(..before).rev());
        let versions = versions.map(|(_, version)| version);
        Ok(versions.take(limit(most, LARGEST_LIST) as usize).cloned().collect())
    }

    async fn delete_expired(&self, expired: &Expired) -> Result<PruneBatch, StoreError> {
        Ok(self.kept().delete_expired(expired))
    }

    async fn removable(&self, ids: &[ExecutionId]) -> Result<Vec<ExecutionId>, StoreError> {
        let ids: HashSet<_> = ids.iter().copied().collect();
        let found = self.kept().removable(|execution, _| ids.contains(&execution.id));
        Ok(found.into_iter().map(|(id, _)| id).collect())
    }

    fn damage(&self) -> Option<String> {
        None
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn history_size(&self) -> Result<HistorySize, StoreError> {
        let kept = self.kept();
        let (executions, events) = (kept.executions.len() as u64, kept.events.len() as u64);
        Ok(HistorySize { executions, events })
    }

    async fn missing(&self, ids: &[ExecutionId]) -> Result<Vec<ExecutionId>, StoreError> {
        let kept = self.kept();
        Ok(ids.iter().filter(|id| !kept.executions.contains_key(id)).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Actor, EventKind};

    #[tokio::test]
    async fn events_beyond_the_bound_are_dropped_oldest_first() {
        let store = MemoryStore::default();
        let event = |seq| {
            let kind = EventKind::EngineStarted { version: String::new() };
            Change::Event(Event { seq, at: DateTime::UNIX_EPOCH, actor: Actor::engine(), kind })
        };
        let most = MOST_EVENTS as u64;
        store.commit(&(1..=most + 5).map(event).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(store.events_after(0, 1).await.unwrap()[0].seq, 6);
        assert_eq!(store.load().await.unwrap().last_seq, most + 5);
    }
}
