//! `/api/v1/workers`: who carries out attempts.

use axum::Json;
use axum::http::Uri;

use super::app::App;
use super::dto::{List, page};
use super::params::{Params, Segment};
use super::problem::ProblemDetails;
use crate::model::text::shortened;
use crate::model::{Refusal, Worker};

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
    let workers = app.subscribe().await?.snapshot.workers;
    let found = workers.into_iter().find(|known| known.id.as_str() == id);
    let unknown = || Refusal::UnknownWorker { worker: shortened(&id) };
    Ok(Json(found.ok_or_else(unknown)?))
}
