//! What survives an engine: each change that it has kept, and all that the next one begins with.
//!
//! Owns the shape of it. Where it is kept is the store's.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    Actor, Event, Execution, ExecutionId, Job, JobId, JobRecord, JobState, LedgerRange, Source,
    Summary, WorkerOverrides,
};

/// The key of [`Change::Meta`] under which the boot id is kept that [`Image::boot_id`] gives back.
pub const BOOT_ID: &str = "boot_id";

/// A change to be kept. A commit takes a list of them and keeps all or none.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A job's record is new or has changed (source, version, run-time state; its definition is
    /// kept by `JobVersion`).
    Job(JobRecord),
    /// A definition, never changed afterwards: another one under the same number is a
    /// conflict.
    JobVersion {
        /// The definition.
        definition: Arc<Job>,
        /// Its version.
        version: u32,
        /// When it came.
        at: DateTime<Utc>,
        /// Who brought it.
        by: Actor,
    },
    /// A job is no longer defined. Its versions, its history and where it stood stay. Kept once more when an execution
    /// of it ends, for that changes where it stands.
    JobRemoved {
        /// The record as it is.
        record: JobRecord,
        /// When it was removed, or when that execution ended.
        at: DateTime<Utc>,
    },
    /// An execution is new or has changed.
    Execution(Arc<Execution>),
    /// An event. Its `seq` is new, else it is a conflict.
    Event(Event),
    /// A row of the ledger. One that begins where an earlier one of the job began takes its place:
    /// ranges grow.
    Ledger(LedgerRange),
    /// What operators ordered for a worker. Without any order in it, there is none to keep.
    Worker(WorkerOverrides),
    /// `on_failure` of this execution is to be started; kept until [`Change::NoticeDone`].
    NoticeDue(ExecutionId),
    /// `on_failure` of this execution has ended, one way or the other.
    NoticeDone(ExecutionId),
    /// A fact about the installation, such as the boot id.
    Meta {
        /// Its name.
        key: &'static str,
        /// Its value.
        value: String,
    },
}

/// How many past executions of a job an engine keeps at hand.
pub const RECENT: usize = 20;

/// All that an engine needs to go on where another stopped.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// The jobs.
    pub jobs: Vec<JobRecord>,
    /// Live executions, each with the definition it runs, oldest first.
    pub live: Vec<(Arc<Execution>, Arc<Job>)>,
    /// Of each job that has some, defined or not, its newest final executions, oldest first, at
    /// most [`RECENT`].
    pub recent: Vec<(JobId, Vec<Summary>)>,
    /// The `seq` of the newest event; 0 before the first.
    pub last_seq: u64,
    /// The boot id that was kept last.
    pub boot_id: Option<String>,
    /// What operators ordered for workers.
    pub workers: Vec<WorkerOverrides>,
    /// Failed executions whose `on_failure` has not ended, each with the definition that it ran, oldest first.
    pub notices: Vec<(Arc<Execution>, Arc<Job>)>,
    /// Jobs that are no longer defined: where one comes back, it goes on from there.
    pub retired: BTreeMap<JobId, Retired>,
    /// What the store holds and cannot be read, a sentence each: it is set aside and stays where it is.
    pub unreadable: Vec<String>,
}

impl Image {
    /// Has every fire time of a job up to this one count as dealt with: the store holds an execution for it.
    pub fn account(&mut self, job: &JobId, fire_time: DateTime<Utc>) {
        for record in self.jobs.iter_mut().filter(|record| record.definition.id == *job) {
            let state = Arc::make_mut(&mut record.state);
            state.accounted_until = state.accounted_until.max(fire_time);
            state.catching_up.retain(|at| *at > fire_time);
        }
    }
}

/// What the store holds of jobs beyond an instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ahead {
    /// The instant.
    pub after: DateTime<Utc>,
    /// Which jobs were looked at.
    pub jobs: Vec<JobId>,
    /// Fire times after it that have an execution.
    pub fired: Vec<(JobId, DateTime<Utc>)>,
    /// Ranges of the ledger that end after it, of any job.
    pub ledger: Vec<LedgerRange>,
}

/// What is known of a job that is no longer defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired {
    /// Its newest version.
    pub version: u32,
    /// The newest of its fire times that has its fate: an execution, or a range of the ledger.
    pub accounted_until: Option<DateTime<Utc>>,
    /// Where its definition lived.
    pub source: Option<Source>,
    /// Where it stands: as when it went, and what has ended of it since.
    pub state: Option<Arc<JobState>>,
}
