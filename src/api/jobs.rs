//! `/api/v1/jobs`: the jobs, their next fire times, and what can be done with them.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::app::App;
use super::dto::{ExecutionView, List, one_more, page};
use super::params::{Params, Segment, json_body};
use super::problem::ProblemDetails;
use crate::driver::{Note, RunOptions};
use crate::model::{JobId, JobStatus, LedgerRange};

/// So many fire times are told at most.
const MOST_FIRE_TIMES: u64 = 1_000;

/// What a run is asked with.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, expecting = "a JSON object")]
pub(super) struct RunRequest {
    pub(super) args: Vec<String>,
    pub(super) force: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) with_dependencies: bool,
    pub(super) reason: Option<String>,
}

/// What a pause is asked with.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, expecting = "a JSON object")]
pub(super) struct PauseRequest {
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) reason: Option<String>,
}

/// What a call-off is asked with.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, expecting = "a JSON object")]
pub(super) struct SkipNextRequest {
    /// Let it fire after all.
    pub(super) undo: bool,
}

/// What a failure, or whatever is wrong with a job, is acknowledged with.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, expecting = "a JSON object")]
pub(super) struct AcknowledgeRequest {
    /// In words.
    pub(super) note: Option<String>,
    /// When the note ends by itself; without it: with the next success.
    pub(super) until: Option<DateTime<Utc>>,
}

/// All jobs, by id.
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    params(("limit" = String, Query), ("cursor" = String, Query)),
    responses((status = 200, description = "The jobs", body = List<JobStatus>)),
)]
pub(super) async fn list(app: App, uri: Uri) -> Result<Json<List<Arc<JobStatus>>>, ProblemDetails> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(1_000);
    let after = match params.one("cursor")? {
        Some(text) => Some(JobId::new(text).map_err(|_| bad_cursor())?),
        None => None,
    };
    let mut jobs = app.subscribe().await?.snapshot.jobs;
    let begin = after.map_or(0, |after| jobs.partition_point(|job| job.definition.id <= after));
    Ok(Json(page(jobs.split_off(begin), limit, |job| job.definition.id.to_string())))
}

/// The next fire times of a job.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/next",
    params(("id" = String, Path), ("from" = String, Query), ("count" = String, Query), ("cursor" = String, Query)),
    responses((status = 200, description = "The fire times", body = List<String>)),
)]
pub(super) async fn next(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<List<DateTime<Utc>>>, ProblemDetails> {
    let params = Params::read(&uri, &["from", "count", "cursor"])?;
    let count = params.number("count", 1..=MOST_FIRE_TIMES)?.unwrap_or(10);
    let cursor = params.instant("cursor")?;
    let from = cursor.or(params.instant("from")?).unwrap_or_else(|| app.now());
    let id = app.job_id(&id).await?;
    let wanted = usize::try_from(count).unwrap_or(usize::MAX).saturating_add(1);
    let times = app.engine_api.next_fire_times(&id, from, wanted).await?;
    Ok(Json(page(times, count, |at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))))
}

/// Fire times that did not become executions, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/ledger",
    params(("id" = String, Path), ("limit" = String, Query), ("cursor" = String, Query)),
    responses((status = 200, description = "The ranges", body = List<LedgerRange>)),
)]
pub(super) async fn ledger(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<List<LedgerRange>>, ProblemDetails> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(100);
    let before = params.instant("cursor")?;
    let id = app.job_id(&id).await?;
    let rows = app.engine_api.ledger(&id, before, one_more(limit)).await?;
    Ok(Json(page(rows, limit, |row| row.first.to_rfc3339_opts(SecondsFormat::AutoSi, true))))
}

/// Runs a job now. One that `overlap` refuses is answered as the skipped execution that it became.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/run",
    params(("id" = String, Path)),
    request_body = Option<RunRequest>,
    responses((status = 202, description = "The execution", body = ExecutionView)),
)]
pub(super) async fn run(
    app: App,
    Segment(id): Segment,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<ExecutionView>), ProblemDetails> {
    Params::read(&uri, &[])?;
    let RunRequest { args, force, with_dependencies, reason } = json_body(body)?;
    if args.iter().any(|arg| arg.contains('\0')) {
        let detail = "an argument holds a NUL byte, which no program can be given";
        return Err(ProblemDetails::body(detail.to_owned()));
    }
    let reason = checked_reason(reason)?;
    let id = app.job_id(&id).await?;
    let execution =
        app.engine_api.run_job(&id, RunOptions { args, force, with_dependencies, reason }).await?;
    Ok((StatusCode::ACCEPTED, Json(execution.into())))
}

/// Stops the schedule of a job from firing.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/pause",
    params(("id" = String, Path)),
    request_body = Option<PauseRequest>,
    responses((status = 200, description = "The job", body = JobStatus)),
)]
pub(super) async fn pause(
    app: App,
    Segment(id): Segment,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Arc<JobStatus>>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let PauseRequest { until, reason } = json_body(body)?;
    not_over(until, app.now())?;
    let reason = checked_reason(reason)?;
    let id = app.job_id(&id).await?;
    Ok(Json(app.engine_api.pause(&id, until, reason).await?))
}

/// Ends a pause.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/resume",
    params(("id" = String, Path)),
    responses((status = 200, description = "The job", body = JobStatus)),
)]
pub(super) async fn resume(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Arc<JobStatus>>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let id = app.job_id(&id).await?;
    Ok(Json(app.engine_api.resume(&id).await?))
}

/// Calls off the next fire time of a job, or lets it fire after all.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/skip-next",
    params(("id" = String, Path)),
    request_body = Option<SkipNextRequest>,
    responses((status = 200, description = "The job", body = JobStatus)),
)]
pub(super) async fn skip_next(
    app: App,
    Segment(id): Segment,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Arc<JobStatus>>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let SkipNextRequest { undo } = json_body(body)?;
    let id = app.job_id(&id).await?;
    Ok(Json(app.engine_api.skip_next(&id, undo).await?))
}

/// Notes that whatever is wrong with a job was seen: it no longer counts as wrong until its next success, or until it
/// becomes wrong in another way.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/acknowledge",
    params(("id" = String, Path)),
    request_body = Option<AcknowledgeRequest>,
    responses((status = 200, description = "The job", body = JobStatus)),
)]
pub(super) async fn acknowledge(
    app: App,
    Segment(id): Segment,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Arc<JobStatus>>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let AcknowledgeRequest { note, until } = json_body(body)?;
    not_over(until, app.now())?;
    let note = Note { text: checked_reason(note)?, until };
    let id = app.job_id(&id).await?;
    Ok(Json(app.engine_api.acknowledge_job(&id, Some(note)).await?))
}

/// Takes the note at a job back.
#[utoipa::path(
    delete,
    path = "/api/v1/jobs/{id}/acknowledge",
    params(("id" = String, Path)),
    responses((status = 200, description = "The job", body = JobStatus)),
)]
pub(super) async fn take_back(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Arc<JobStatus>>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let id = app.job_id(&id).await?;
    Ok(Json(app.engine_api.acknowledge_job(&id, None).await?))
}

/// An instant at which something is to end by itself.
pub(super) fn not_over(
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), ProblemDetails> {
    match until.filter(|until| *until <= now) {
        None => Ok(()),
        Some(past) => {
            let detail = format!("`until` is over already: {}", past.to_rfc3339());
            Err(ProblemDetails::body(detail))
        }
    }
}

pub(super) fn checked_reason(reason: Option<String>) -> Result<Option<String>, ProblemDetails> {
    let fits = reason.as_ref().is_none_or(|reason| reason.chars().count() <= 1_000);
    if fits {
        Ok(reason)
    } else {
        Err(ProblemDetails::body("a reason holds at most 1,000 characters".to_owned()))
    }
}

fn bad_cursor() -> ProblemDetails {
    let detail = "`cursor` is what `next_cursor` of the list before said";
    ProblemDetails::parameter("cursor", detail.to_owned())
}
