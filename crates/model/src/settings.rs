//! The top of jobs.yaml: what holds for the whole engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Job, WorkerId, text};

/// What a stop of the engine does to running commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnStop {
    /// They go on in the worker process; the next start carries them on.
    #[default]
    Leave,
    /// They get `shutdown_grace` to end, then are cancelled.
    Wait,
    /// They are cancelled at once.
    Cancel,
}

/// A pool of slots in the local worker process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pool {
    /// The worker's id.
    pub id: WorkerId,
    /// An alias shown beside the real host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Slots.
    pub capacity: u32,
    /// What it can be selected by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// A named list of days.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Calendar {
    /// The days, shared with the timetables that obey them.
    #[cfg_attr(feature = "schema", schema(value_type = BTreeSet<NaiveDate>))]
    pub holidays: Arc<BTreeSet<NaiveDate>>,
}

/// How much history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Retention {
    /// Days.
    pub days: u32,
    /// Executions a job.
    pub per_job: u32,
    /// Bytes of output in all: the oldest goes first.
    pub output: u64,
    /// Events in all.
    pub events: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 30, per_job: 1_000, output: 10 << 30, events: 1_000_000 }
    }
}

/// What holds for the whole engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Settings {
    /// IANA name of the zone of jobs that name none; `None` = the system's, else UTC.
    pub timezone: Option<String>,
    /// What a stop does to running commands.
    pub on_stop: OnStop,
    /// How long `on_stop: wait` waits.
    #[serde(with = "text::duration")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub shutdown_grace: Duration,
    /// Pools of the local worker process; `None` = one, `local`, of 16 slots or 4 a core, whichever is more.
    pub workers: Option<Vec<Pool>>,
    /// Named limits.
    pub limits: BTreeMap<String, u32>,
    /// Named calendars.
    pub calendars: BTreeMap<String, Calendar>,
    /// How much history is kept.
    pub retention: Retention,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timezone: None,
            on_stop: OnStop::Leave,
            shutdown_grace: Duration::from_secs(30),
            workers: None,
            limits: BTreeMap::new(),
            calendars: BTreeMap::new(),
            retention: Retention::default(),
        }
    }
}

/// A jobs file that was read and judged: it cannot be wrong.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobSet {
    /// The top-level keys.
    pub settings: Settings,
    /// The jobs, in the order of the file.
    pub jobs: Vec<Job>,
}
