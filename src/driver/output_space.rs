//! How much room the output of all attempts takes, and the deletion of the oldest where that is more than `retention`
//! allows.
//!
//! Owns the count. After a start every folder of output is measured once; from then on what ends is added and what is
//! deleted is taken off. Never decides whether an output may go: the store knows which failures are kept.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::feed::HistoryState;
use super::retention::blocking;
use crate::model::{AttemptKey, Change, EventKind, ExecutionId, ON_FAILURE, StateName};
use crate::store::Store;
use crate::worker::output_log::{kept_outputs, output_bytes, remove_output};

/// The folders that output is spread over.
const SHARDS: usize = 256;
/// Of each folder so many of the oldest outputs are remembered.
const LISTED: usize = 256;
/// Files of one look, of about so many at most.
const FILES_A_LOOK: usize = 4_000;
/// Outputs that are removed at a time.
const BATCH: usize = 100;
/// Attempts that ended between two looks; where there are more, the folders are measured again.
const MOST_ENDED: usize = 100_000;

/// What the loop tells the keeper of the history, and what the keeper has found.
#[derive(Debug, Default)]
pub(super) struct History {
    ended: Mutex<Ended>,
    state: Mutex<HistoryState>,
}

#[derive(Debug, Default)]
struct Ended {
    attempts: Vec<AttemptKey>,
    /// Executions that wait for their next attempt, each with the last one that was noted.
    retrying: HashMap<ExecutionId, u32>,
    /// Whether attempts were left out.
    overflowed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done by a panic: each change is one assignment or one push.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl History {
    /// Notes the attempts that ended in a commit, each once.
    pub(super) fn committed(&self, changes: &[Change]) {
        let mut ended = None;
        for change in changes {
            let Change::Event(event) = change else { continue };
            match &event.kind {
                EventKind::ExecutionChanged { execution_id, state, attempt, .. }
                    if *attempt > 0 && (state.is_final() || *state == StateName::Retrying) =>
                {
                    let ended = ended.get_or_insert_with(|| lock(&self.ended));
                    let noted = if state.is_final() {
                        ended.retrying.remove(execution_id)
                    } else {
                        ended.retrying.insert(*execution_id, *attempt)
                    };
                    if noted != Some(*attempt) {
                        ended.add(AttemptKey { execution_id: *execution_id, attempt: *attempt });
                    }
                }
                EventKind::OnFailureEnded { execution_id, .. } => {
                    let key = AttemptKey { execution_id: *execution_id, attempt: ON_FAILURE };
                    ended.get_or_insert_with(|| lock(&self.ended)).add(key);
                }
                _ => {}
            }
        }
    }

    /// What the keeper found.
    pub(super) fn found(&self, state: HistoryState) {
        *lock(&self.state) = state;
    }

    /// What the keeper found last.
    pub(super) fn state(&self) -> HistoryState {
        lock(&self.state).clone()
    }

    /// The attempts that have ended since the last call; `None` where there were too many to note.
    pub(super) fn take_ended(&self) -> Option<Vec<AttemptKey>> {
        let mut ended = lock(&self.ended);
        let attempts = std::mem::take(&mut ended.attempts);
        (!std::mem::take(&mut ended.overflowed)).then_some(attempts)
    }
}

impl Ended {
    fn add(&mut self, key: AttemptKey) {
        if self.attempts.len() < MOST_ENDED {
            self.attempts.push(key);
        } else {
            self.overflowed = true;
        }
    }
}

/// One folder of output.
#[derive(Debug, Default, Clone)]
struct Shard {
    bytes: u64,
    /// When it was measured last.
    measured: Option<DateTime<Utc>>,
    /// How many of its outputs are in the list of the oldest, and how many are not.
    listed: usize,
    unlisted: usize,
}

/// What a look at one folder found.
struct Measured {
    shard: u8,
    bytes: u64,
    oldest: Vec<AttemptKey>,
    unlisted: usize,
}

/// The count. See the module's first lines.
#[derive(Debug)]
pub(super) struct OutputSpace {
    data_dir: PathBuf,
    history: Arc<History>,
    shards: Vec<Shard>,
    /// Folders that are to be measured.
    due: BTreeSet<u8>,
    /// The oldest outputs of all folders.
    oldest: BTreeSet<AttemptKey>,
}

fn shard_of(key: AttemptKey) -> u8 {
    key.execution_id.uuid().as_bytes()[15]
}

impl OutputSpace {
    pub(super) fn new(data_dir: PathBuf, history: Arc<History>) -> Self {
        let shards = vec![Shard::default(); SHARDS];
        Self { data_dir, history, shards, due: (0..=u8::MAX).collect(), oldest: BTreeSet::new() }
    }

    /// Bytes of the disk that output takes; `None` until every folder has been measured.
    pub(super) fn used(&self) -> Option<u64> {
        let all = self.shards.iter().all(|shard| shard.measured.is_some());
        all.then(|| self.shards.iter().map(|shard| shard.bytes).sum())
    }

    /// Notes what was removed.
    pub(super) fn removed(&mut self, outputs: &[(AttemptKey, Result<u64, String>)]) {
        for (key, result) in outputs {
            let shard = &mut self.shards[usize::from(shard_of(*key))];
            let listed = self.oldest.remove(key);
            let (Ok(bytes), true) =
                (result, listed || result.as_ref().is_ok_and(|bytes| *bytes > 0))
            else {
                shard.listed -= usize::from(listed);
                continue;
            };
            shard.bytes = shard.bytes.saturating_sub(*bytes);
            match listed {
                true => shard.listed -= 1,
                false => shard.unlisted = shard.unlisted.saturating_sub(1),
            }
        }
    }

    /// Counts what has ended since, then removes some of the oldest output if all of it takes more than `most` bytes.
    /// Whether there is more to do.
    pub(super) async fn bound(
        &mut self,
        store: &dyn Store,
        most: u64,
        now: DateTime<Utc>,
    ) -> Result<bool, String> {
        match self.history.take_ended() {
            Some(ended) => self.add(ended).await?,
            None => self.due.extend(0..=u8::MAX),
        }
        self.measure(now).await?;
        // Folders that are due again hold more than was counted, never less.
        let Some(used) = self.used() else { return Ok(true) };
        if used <= most {
            return Ok(false);
        }
        self.remove_oldest(store, used - most).await
    }

    /// Adds what was written by attempts that have ended.
    async fn add(&mut self, ended: Vec<AttemptKey>) -> Result<(), String> {
        let mut fresh = Vec::new();
        for key in ended {
            let shard = shard_of(key);
            let created = created_at(key.execution_id);
            let measured = self.shards[usize::from(shard)].measured;
            // One that was there when its folder was measured was counted as it then was.
            if measured.zip(created).is_none_or(|(measured, created)| created <= measured) {
                self.due.insert(shard);
            } else {
                fresh.push(key);
            }
        }
        let data_dir = self.data_dir.clone();
        let sizes = blocking(move || {
            Ok(fresh.into_iter().map(|key| (key, output_bytes(&data_dir, key))).collect::<Vec<_>>())
        });
        for (key, bytes) in sizes.await?.into_iter().filter(|(_, bytes)| *bytes > 0) {
            let shard = &mut self.shards[usize::from(shard_of(key))];
            shard.bytes += bytes;
            shard.unlisted += 1;
        }
        Ok(())
    }

    /// Measures folders that are due, about [`FILES_A_LOOK`] files of them.
    async fn measure(&mut self, now: DateTime<Utc>) -> Result<(), String> {
        let (data_dir, due) = (self.data_dir.clone(), self.due.clone());
        let measured = blocking(move || {
            let mut files = 0;
            let mut measured = Vec::new();
            for shard in due {
                let found = measure(&data_dir, shard)?;
                files += found.oldest.len() + found.unlisted;
                measured.push(found);
                if files >= FILES_A_LOOK {
                    break;
                }
            }
            Ok(measured)
        });
        for found in measured.await? {
            self.due.remove(&found.shard);
            self.oldest.retain(|key| shard_of(*key) != found.shard);
            self.shards[usize::from(found.shard)] = Shard {
                bytes: found.bytes,
                measured: Some(now),
                listed: found.oldest.len(),
                unlisted: found.unlisted,
            };
            self.oldest.extend(found.oldest);
        }
        Ok(())
    }

    /// Removes some of the oldest outputs, at least so many bytes of them if there are so many. Whether there is more to
    /// remove.
    async fn remove_oldest(&mut self, store: &dyn Store, surplus: u64) -> Result<bool, String> {
        let oldest: Vec<_> = self.oldest.iter().take(BATCH).copied().collect();
        let mut ids: Vec<_> = oldest.iter().map(|key| key.execution_id).collect();
        ids.dedup();
        let removable = store.removable(&ids).await.map_err(|error| error.to_string())?;
        let removable: BTreeSet<_> = removable.into_iter().collect();
        let (may_go, stays): (Vec<_>, Vec<_>) =
            oldest.into_iter().partition(|key| removable.contains(&key.execution_id));
        // They are looked at again when their folder is measured next.
        for key in &stays {
            self.oldest.remove(key);
            self.shards[usize::from(shard_of(*key))].listed -= 1;
        }
        let removed = remove_up_to(self.data_dir.clone(), may_go, surplus).await?;
        self.removed(&removed);
        let emptied = removed.iter().map(|(key, _)| shard_of(*key)).collect::<BTreeSet<_>>();
        let refill = |shard: &u8| {
            let shard = &self.shards[usize::from(*shard)];
            shard.listed == 0 && shard.unlisted > 0
        };
        // Where the list is empty, every folder that has others is looked at.
        let emptied = if self.oldest.is_empty() { (0..=u8::MAX).collect() } else { emptied };
        let again: Vec<u8> = emptied.into_iter().filter(refill).collect();
        self.due.extend(again);
        let freed: u64 = removed.iter().filter_map(|(_, result)| result.as_ref().ok()).sum();
        if let Some(error) = removed.into_iter().find_map(|(_, result)| result.err()) {
            return Err(error);
        }
        Ok(freed < surplus && (!self.oldest.is_empty() || !self.due.is_empty()))
    }
}

/// When an execution was created, as its id says.
fn created_at(id: ExecutionId) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.uuid().get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

fn measure(data_dir: &Path, shard: u8) -> Result<Measured, String> {
    let kept = kept_outputs(data_dir, shard)
        .map_err(|error| format!("output/{shard:02x} cannot be looked through: {error}"))?;
    let bytes = kept.iter().map(|key| output_bytes(data_dir, *key)).sum();
    let unlisted = kept.len().saturating_sub(LISTED);
    Ok(Measured { shard, bytes, oldest: kept.into_iter().take(LISTED).collect(), unlisted })
}

/// Removes outputs; one that cannot be removed keeps no other. Says of each how many bytes that freed.
pub(super) async fn remove(
    data_dir: PathBuf,
    outputs: Vec<AttemptKey>,
) -> Result<Vec<(AttemptKey, Result<u64, String>)>, String> {
    remove_up_to(data_dir, outputs, u64::MAX).await
}

/// Removes outputs until so many bytes are freed.
async fn remove_up_to(
    data_dir: PathBuf,
    outputs: Vec<AttemptKey>,
    most: u64,
) -> Result<Vec<(AttemptKey, Result<u64, String>)>, String> {
    blocking(move || {
        let mut freed = 0;
        let mut removed = Vec::new();
        for key in outputs {
            if freed >= most {
                break;
            }
            let bytes = output_bytes(&data_dir, key);
            let result = remove_output(&data_dir, key).map(|()| bytes).map_err(|error| {
                let AttemptKey { execution_id, attempt } = key;
                format!("the output of {execution_id}, attempt {attempt}, stays: {error}")
            });
            freed += result.as_ref().copied().unwrap_or_default();
            removed.push((key, result));
        }
        Ok(removed)
    })
    .await
}
