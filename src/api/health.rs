//! `/healthz` (the process lives) and `/readyz` (the engine answers): all that a stranger is told.

use axum::extract::State;
use axum::http::StatusCode;

use super::app::App;

/// The process lives.
#[utoipa::path(
    get,
    path = "/healthz",
    responses((status = 200, description = "It lives", body = String, content_type = "text/plain")),
)]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The engine answers.
#[utoipa::path(
    get,
    path = "/readyz",
    responses((status = 200, description = "It answers", body = String, content_type = "text/plain"), (status = 503, description = "It does not", body = String, content_type = "text/plain")),
)]
pub(super) async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.engine_api.subscribe().await {
        Ok(_) => (StatusCode::OK, "leader\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}
