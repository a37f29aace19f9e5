//! `/api/v1/jobs/{id}/why` and `/api/v1/executions/{id}/why`: why something runs, waits, or does not.

use axum::Json;
use axum::http::Uri;

use super::app::App;
use super::params::{Params, Segment};
use super::problem::ProblemDetails;
use crate::model::Why;

/// Why a job does or does not run at an instant; without `at`: now.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/why",
    params(("id" = String, Path), ("at" = String, Query)),
    responses((status = 200, description = "Why", body = Why)),
)]
pub(super) async fn job(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Why>, ProblemDetails> {
    let at = Params::read(&uri, &["at"])?.instant("at")?.unwrap_or_else(|| app.now());
    let id = app.job_id(&id).await?;
    Ok(Json(app.engine_api.why_job(&id, at).await?))
}

/// Why an execution stands where it does.
#[utoipa::path(
    get,
    path = "/api/v1/executions/{id}/why",
    params(("id" = String, Path)),
    responses((status = 200, description = "Why", body = Why)),
)]
pub(super) async fn execution(
    app: App,
    Segment(part): Segment,
    uri: Uri,
) -> Result<Json<Why>, ProblemDetails> {
    Params::read(&uri, &[])?;
    let id = app.engine_api.execution(&part).await?.id;
    Ok(Json(app.engine_api.why_execution(id).await?))
}
