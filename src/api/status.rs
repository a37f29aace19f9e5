//! `/api/v1/status`: the engine at a glance.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::Uri;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::app::App;
use super::metrics::MOST_FAILING;
use super::params::Params;
use super::problem::ProblemDetails;
use crate::driver::{EngineInfo, Leader, SchedulerRole, Snapshot};
use crate::model::{Health, JobId, Role, StateName, WorkerState, Wrong, text};

/// So many fire times are told.
const UPCOMING: usize = 10;

/// The engine at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SystemStatus {
    /// How the engine is: `ok`, `degraded` when something stands under `problems`, `down` when it cannot commit.
    pub health: String,
    /// What is wrong with the engine or its workers, one sentence each.
    pub problems: Vec<String>,
    /// What is wrong with jobs and nobody has acknowledged.
    #[serde(default)]
    pub wrong: Vec<Wrong>,
    /// Version of the program.
    pub version: String,
    /// Whether the scheduler that answers leads.
    #[serde(default)]
    pub scheduler: SchedulerRole,
    /// The scheduler that leads.
    pub leader: Leader,
    /// When the engine started.
    pub started_at: DateTime<Utc>,
    /// How long it has run: `3d4h`.
    pub uptime: String,
    /// The same in milliseconds.
    pub uptime_ms: u64,
    /// How many jobs there are.
    pub jobs: usize,
    /// How many of them are paused.
    pub paused: usize,
    /// Those of `wrong` whose newest execution failed, at most 100.
    pub failing: Vec<JobId>,
    /// How many workers there are.
    pub workers: usize,
    /// Slots of all workers that are online.
    pub capacity: u64,
    /// Executions by state: live ones now, final ones of the last 24 hours.
    pub counts: BTreeMap<StateName, u64>,
    /// The next fire times over all jobs, soonest first.
    pub upcoming: Vec<Upcoming>,
    /// The newest event.
    pub seq: u64,
    /// Store, data folder, listener and jobs file.
    pub engine: EngineInfo,
    /// What whoever asked may do.
    pub role: Role,
}

impl SystemStatus {
    /// How the engine is, as one value.
    pub(crate) fn health(&self) -> Health {
        let problems = self.problems.clone();
        match self.health.as_str() {
            "ok" => Health::Ok,
            "down" => Health::Down { problems },
            _ => Health::Degraded { problems },
        }
    }
}

/// A fire time to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Upcoming {
    /// Of which job.
    pub job_id: JobId,
    /// When.
    pub fire_time: DateTime<Utc>,
}

/// The engine at a glance.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    responses((status = 200, description = "The status", body = SystemStatus)),
)]
pub(super) async fn status(app: App, uri: Uri) -> Result<Json<SystemStatus>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let now = app.now();
    let snapshot = app.subscribe().await?.snapshot;
    let counts = app.engine_api.counts(now - TimeDelta::days(1)).await?;
    Ok(Json(glance(now, snapshot, counts)))
}

/// What a snapshot tells about the whole engine; `past` = how many executions of the last 24 hours are in each state.
#[must_use]
pub(crate) fn glance(
    now: DateTime<Utc>,
    snapshot: Snapshot,
    past: Vec<(StateName, u64)>,
) -> SystemStatus {
    let wrong: Vec<Wrong> = snapshot.wrong().cloned().collect();
    let Snapshot { seq, jobs, live, workers, health, engine, role } = snapshot;
    let mut counts: BTreeMap<StateName, u64> = StateName::ALL.map(|state| (state, 0)).into();
    // A live execution may be older than a day: those are counted from what lives.
    counts.extend(past.into_iter().filter(|(state, _)| state.is_final()));
    for execution in &live {
        *counts.entry(execution.state.name()).or_default() += 1;
    }
    let mut upcoming: Vec<Upcoming> = jobs
        .iter()
        .filter_map(|job| {
            let fire_time = job.next_fire_time?;
            Some(Upcoming { job_id: job.definition.id.clone(), fire_time })
        })
        .collect();
    upcoming.sort_by(|a, b| (a.fire_time, &a.job_id).cmp(&(b.fire_time, &b.job_id)));
    upcoming.truncate(UPCOMING);
    let online = workers.iter().filter(|worker| worker.state == WorkerState::Online);
    let capacity = online.map(|worker| u64::from(worker.capacity)).sum();
    let failing = wrong.iter().filter(|wrong| wrong.kind.is_failure());
    let failing = failing.map(|wrong| wrong.job_id.clone()).take(MOST_FAILING).collect();
    let up = (now - engine.started_at).to_std().unwrap_or_default();
    let whole_seconds = std::time::Duration::from_secs(up.as_secs());
    SystemStatus {
        health: health.as_str().to_owned(),
        problems: health.problems().to_vec(),
        wrong,
        version: engine.version.clone(),
        scheduler: engine.scheduler,
        leader: engine.leader.clone().unwrap_or_else(|| Leader {
            host: engine.host.clone(),
            pid: engine.pid,
            epoch: None,
        }),
        started_at: engine.started_at,
        uptime: text::format_duration(whole_seconds),
        uptime_ms: u64::try_from(up.as_millis()).unwrap_or(u64::MAX),
        jobs: jobs.len(),
        paused: jobs.iter().filter(|job| job.paused.is_some()).count(),
        failing,
        workers: workers.len(),
        capacity,
        counts,
        upcoming,
        seq,
        engine,
        role,
    }
}
