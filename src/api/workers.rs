//! `/api/v1/workers`: who carries out attempts, and what operators order for them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::app::{App, shortened};
use super::dto::{List, page};
use super::jobs::checked_reason;
use super::params::{Params, Segment, json_body};
use super::problem::ProblemDetails;
use crate::model::{Refusal, Worker, WorkerId};

/// No worker has more slots.
const MOST_SLOTS: u32 = 10_000;

/// What a drain is asked with.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, expecting = "a JSON object")]
pub(super) struct DrainRequest {
    /// Why, for the record.
    pub(super) reason: Option<String>,
}

/// How a worker is to change.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a JSON object with `capacity`")]
pub(super) struct WorkerPatch {
    /// Slots from now on; null = as jobs.yaml says.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) capacity: Option<u32>,
}

/// All workers, by id.
#[utoipa::path(
    get,
    path = "/api/v1/workers",
    params(("limit" = String, Query), ("cursor" = String, Query)),
    responses((status = 200, description = "The workers", body = List<Worker>)),
)]
pub(super) async fn list(app: App, uri: Uri) -> Result<Json<List<Worker>>, ProblemDetails> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(1_000);
    let after = params.one("cursor")?;
    let mut rows = app.subscribe().await?.snapshot.workers;
    rows.retain(|row| after.is_none_or(|after| row.id.as_str() > after));
    Ok(Json(page(rows, limit, |row| row.id.to_string())))
}

/// A worker.
#[utoipa::path(
    get,
    path = "/api/v1/workers/{id}",
    params(("id" = String, Path)),
    responses((status = 200, description = "The worker", body = Worker)),
)]
pub(super) async fn show(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Worker>, ProblemDetails> {
    Params::read(&uri, &[])?;
    Ok(Json(known(&app, &id).await?))
}

/// A worker finishes what it has and takes no more.
#[utoipa::path(
    post,
    path = "/api/v1/workers/{id}/drain",
    params(("id" = String, Path)),
    request_body = Option<DrainRequest>,
    responses((status = 200, description = "The worker", body = Worker)),
)]
pub(super) async fn drain(
    app: App,
    Segment(id): Segment,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Worker>, ProblemDetails> {
    set_drained(&app, &id, &uri, body, true).await
}

/// A worker takes attempts again.
#[utoipa::path(
    post,
    path = "/api/v1/workers/{id}/undrain",
    params(("id" = String, Path)),
    request_body = Option<DrainRequest>,
    responses((status = 200, description = "The worker", body = Worker)),
)]
pub(super) async fn undrain(
    app: App,
    Segment(id): Segment,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Worker>, ProblemDetails> {
    set_drained(&app, &id, &uri, body, false).await
}

async fn set_drained(
    app: &App,
    id: &str,
    uri: &Uri,
    body: Result<Bytes, BytesRejection>,
    drained: bool,
) -> Result<Json<Worker>, ProblemDetails> {
    Params::read(uri, &[])?;
    let DrainRequest { reason } = json_body(body)?;
    let reason = checked_reason(reason)?;
    Ok(Json(app.engine_api.drain(&worker_id(id)?, drained, reason).await?))
}

/// How many attempts a worker runs at once.
#[utoipa::path(
    patch,
    path = "/api/v1/workers/{id}",
    params(("id" = String, Path)),
    request_body = WorkerPatch,
    responses((status = 200, description = "The worker", body = Worker)),
)]
pub(super) async fn patch(
    app: App,
    Segment(id): Segment,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Worker>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let Some(WorkerPatch { capacity }) = json_body(body)? else {
        let detail = r#"the request body is a JSON object such as {"capacity": 4}"#;
        return Err(ProblemDetails::body(detail.to_owned()));
    };
    if capacity.is_some_and(|slots| slots == 0 || slots > MOST_SLOTS) {
        let detail = format!(
            "`capacity` is a number from 1 to {MOST_SLOTS}, or null for what jobs.yaml says; a worker that is to take \
             nothing is drained"
        );
        return Err(ProblemDetails::body(detail));
    }
    Ok(Json(app.engine_api.set_capacity(&worker_id(&id)?, capacity).await?))
}

/// A worker is taken out of the list: of those there are, none can be.
#[utoipa::path(
    delete,
    path = "/api/v1/workers/{id}",
    params(("id" = String, Path)),
    responses((status = 409, description = "Why it cannot be")),
)]
pub(super) async fn delete(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Worker>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let worker = known(&app, &id).await?.id;
    let why = format!(
        "worker `{worker}` is a pool of jobs.yaml: take it out of `workers` there and reload, or drain it"
    );
    Err(Refusal::NotPossible(why).into())
}

async fn known(app: &App, id: &str) -> Result<Worker, ProblemDetails> {
    let worker = worker_id(id)?;
    let workers = app.subscribe().await?.snapshot.workers;
    let found = workers.into_iter().find(|known| known.id == worker);
    found.ok_or_else(|| Refusal::UnknownWorker { worker }.into())
}

fn worker_id(text: &str) -> Result<WorkerId, ProblemDetails> {
    WorkerId::new(text)
        .map_err(|_| ProblemDetails::no_route(&shortened(text), "a worker's id never looks so"))
}
