//! `/healthz` (the process lives) and `/readyz` (the engine answers): all that a stranger is told.

use axum::extract::State;
use axum::http::StatusCode;

use super::app::App;

/// The process lives.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The engine answers.
pub(super) async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.door.subscribe().await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}
