//! `/api/v1/jobs`: the jobs, their next fire times, and what can be done with them.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::app::App;
use super::params::{Params, Segment, json_body};
use super::problem::ProblemDetails;
use super::wire::{ExecutionView, List};
use crate::driver::RunOptions;
use crate::model::{JobId, JobStatus, LedgerRange};

/// So many fire times are told at most.
const MOST_FIRE_TIMES: u64 = 1_000;

/// What a run is asked with.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a JSON object")]
pub(super) struct RunRequest {
    pub(super) args: Vec<String>,
    pub(super) force: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) with_dependencies: bool,
    pub(super) reason: Option<String>,
}

/// What a pause is asked with.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a JSON object")]
pub(super) struct PauseRequest {
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) reason: Option<String>,
}

/// All jobs, by id.
pub(super) async fn list(app: App, uri: Uri) -> Result<Json<List<Arc<JobStatus>>>, ProblemDetails> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(1_000);
    let after = match params.one("cursor")? {
        Some(text) => Some(JobId::new(text).map_err(|_| bad_cursor())?),
        None => None,
    };
    let jobs = app.subscribe().await?.snapshot.jobs;
    let begin = after.map_or(0, |after| jobs.partition_point(|job| job.definition.id <= after));
    let end = jobs.len().min(begin.saturating_add(usize::try_from(limit).unwrap_or(usize::MAX)));
    let items = jobs[begin..end].to_vec();
    let more = end < jobs.len();
    let next_cursor = items.last().filter(|_| more).map(|job| job.definition.id.to_string());
    Ok(Json(List { items, next_cursor }))
}

/// A job.
pub(super) async fn show(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Arc<JobStatus>>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let id = app.job_id(&id).await?;
    Ok(Json(app.door.job(&id).await?))
}

/// The next fire times of a job.
pub(super) async fn next(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<List<DateTime<Utc>>>, ProblemDetails> {
    let params = Params::read(&uri, &["from", "count"])?;
    let count = params.number("count", 1..=MOST_FIRE_TIMES)?.unwrap_or(10);
    let from = params.instant("from")?.unwrap_or_else(|| app.now());
    let id = app.job_id(&id).await?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let items = app.door.next_fire_times(&id, from, count).await?;
    Ok(Json(List { items, next_cursor: None }))
}

/// Fire times that did not become executions, newest first.
pub(super) async fn ledger(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<List<LedgerRange>>, ProblemDetails> {
    let params = Params::read(&uri, &["limit"])?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(100);
    let id = app.job_id(&id).await?;
    let items = app.door.ledger(&id, u32::try_from(limit).unwrap_or(u32::MAX)).await?;
    Ok(Json(List { items, next_cursor: None }))
}

/// Runs a job now. One that `overlap` refuses is answered as the skipped execution that it became.
pub(super) async fn run(
    app: App,
    Segment(id): Segment,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<ExecutionView>), ProblemDetails> {
    Params::read(&uri, &[])?;
    let RunRequest { args, force, with_dependencies, reason } = json_body(body)?;
    if with_dependencies {
        return Err(ProblemDetails::body("`with_dependencies` is not supported yet".to_owned()));
    }
    if args.iter().any(|arg| arg.contains('\0')) {
        let detail = "an argument holds a NUL byte, which no program can be given";
        return Err(ProblemDetails::body(detail.to_owned()));
    }
    let reason = checked_reason(reason)?;
    let id = app.job_id(&id).await?;
    let execution =
        app.door.run_job(&id, RunOptions { args, force, with_dependencies: false, reason }).await?;
    Ok((StatusCode::ACCEPTED, Json(execution.into())))
}

/// Stops the schedule of a job from firing.
pub(super) async fn pause(
    app: App,
    Segment(id): Segment,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Arc<JobStatus>>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let PauseRequest { until, reason } = json_body(body)?;
    if let Some(past) = until.filter(|until| *until <= app.now()) {
        let detail = format!("`until` is over already: {}", past.to_rfc3339());
        return Err(ProblemDetails::body(detail));
    }
    let reason = checked_reason(reason)?;
    let id = app.job_id(&id).await?;
    Ok(Json(app.door.pause(&id, until, reason).await?))
}

/// Ends a pause.
pub(super) async fn resume(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Arc<JobStatus>>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let id = app.job_id(&id).await?;
    Ok(Json(app.door.resume(&id).await?))
}

fn checked_reason(reason: Option<String>) -> Result<Option<String>, ProblemDetails> {
    let fits = reason.as_ref().is_none_or(|reason| reason.chars().count() <= 1_000);
    if fits {
        Ok(reason)
    } else {
        Err(ProblemDetails::body("`reason` holds at most 1,000 characters".to_owned()))
    }
}

fn bad_cursor() -> ProblemDetails {
    let detail = "`cursor` is what `next_cursor` of the list before said";
    ProblemDetails::parameter("cursor", detail.to_owned())
}
