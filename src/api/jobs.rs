//! `/api/v1/jobs`: the jobs, their versions and next fire times.

use std::sync::Arc;

use axum::Json;
use axum::http::{Uri, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, SecondsFormat, Utc};

use super::app::App;
use super::dto::{List, one_more, page};
use super::params::{Params, Segment};
use super::problem::ProblemDetails;
use crate::model::{JobId, JobStatus, JobVersion, LedgerRange};

/// So many fire times are told at most.
const MOST_FIRE_TIMES: u64 = 1_000;

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

/// A job, its version as ETag.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    params(("id" = String, Path)),
    responses((status = 200, description = "The job", body = JobStatus)),
)]
pub(super) async fn show(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Response, ProblemDetails> {
    Params::read(&uri, &[])?;
    let id = app.job_id(&id).await?;
    let job = app.engine_api.job(&id).await?;
    Ok(([(header::ETAG, format!("\"{}\"", job.version))], Json(job)).into_response())
}

/// The versions of a definition, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/versions",
    params(("id" = String, Path), ("limit" = String, Query), ("cursor" = String, Query)),
    responses((status = 200, description = "The versions", body = List<JobVersion>)),
)]
pub(super) async fn versions(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<List<JobVersion>>, ProblemDetails> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(100);
    let before = params.number("cursor", 1..=u64::from(u32::MAX))?;
    let id = app.job_id(&id).await?;
    let before = before.and_then(|before| u32::try_from(before).ok());
    let rows = app.engine_api.versions(&id, before, one_more(limit)).await?;
    Ok(Json(page(rows, limit, |row| row.version.to_string())))
}

fn bad_cursor() -> ProblemDetails {
    let detail = "`cursor` is what `next_cursor` of the list before said";
    ProblemDetails::parameter("cursor", detail.to_owned())
}
