//! `/api/v1/reload`: jobs.yaml is read again, all or nothing; or what that would change is told.

use axum::Json;
use axum::http::Uri;

use super::app::App;
use super::params::Params;
use super::problem::ProblemDetails;
use crate::jobfile::Plan;

/// Reloads jobs.yaml, or tells with `dry_run` what a reload would change.
#[utoipa::path(
    post,
    path = "/api/v1/reload",
    params(("dry_run" = String, Query)),
    responses((status = 200, description = "What was changed, or with `dry_run` would be", body = Plan)),
)]
pub(super) async fn reload(app: App, uri: Uri) -> Result<Json<Plan>, ProblemDetails> {
    let dry_run = Params::read(&uri, &["dry_run"])?.flag("dry_run")?;
    let plan =
        if dry_run { app.engine_api.plan_reload().await? } else { app.engine_api.reload().await? };
    Ok(Json(plan))
}
