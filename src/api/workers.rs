//! `/api/v1/workers`: who carries out attempts.

use axum::Json;
use axum::http::Uri;

use super::app::{App, shortened};
use super::params::{Params, Segment};
use super::problem::ProblemDetails;
use super::wire::List;
use crate::model::{Refusal, Worker, WorkerId};

/// All workers, by id.
pub(super) async fn list(app: App, uri: Uri) -> Result<Json<List<Worker>>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let items = app.subscribe().await?.snapshot.workers;
    Ok(Json(List { items, next_cursor: None }))
}

/// A worker.
pub(super) async fn show(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Worker>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let worker = WorkerId::new(&id)
        .map_err(|_| ProblemDetails::no_route(&shortened(&id), "a worker's id never looks so"))?;
    let workers = app.subscribe().await?.snapshot.workers;
    let found = workers.into_iter().find(|known| known.id == worker);
    found.map(Json).ok_or_else(|| Refusal::UnknownWorker { worker }.into())
}
