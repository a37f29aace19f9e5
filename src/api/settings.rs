//! `/api/v1/settings`: what holds for the whole engine, as the top of jobs.yaml says it.

use axum::Json;
use axum::http::Uri;

use super::app::App;
use super::params::Params;
use super::problem::ProblemDetails;
use crate::model::Settings;

/// Zone, workers, limits, calendars, retention, and what a stop does: as they are in force.
#[utoipa::path(
    get,
    path = "/api/v1/settings",
    responses((status = 200, description = "The settings", body = Settings)),
)]
pub(super) async fn settings(app: App, uri: Uri) -> Result<Json<Settings>, ProblemDetails> {
    Params::read(&uri, &[])?;
    Ok(Json(app.engine_api.settings().await?))
}
