//! `/healthz` (how the engine is) and `/readyz` (whether it answers): all that anyone without a token learns.
//!
//! Both ask the engine for one word and nothing else. One that does not answer in time is down.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::time::timeout;

use super::app::App;
use crate::model::Health;

/// How long the engine may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// How the engine is, if it answers.
async fn asked(app: &App) -> Option<Health> {
    timeout(ANSWER, app.engine_api.health()).await.ok()?.ok()
}

/// The process lives; the body says how the engine is.
#[utoipa::path(
    get,
    path = "/healthz",
    responses((status = 200, description = "It lives: `ok`, `degraded` or `down`", body = String, content_type = "text/plain")),
)]
pub(super) async fn healthz(State(app): State<App>) -> String {
    let health = asked(&app).await;
    format!("{}\n", health.map_or("down", |health| health.as_str()))
}

/// The engine answers.
#[utoipa::path(
    get,
    path = "/readyz",
    responses((status = 200, description = "It answers", body = String, content_type = "text/plain"), (status = 503, description = "It does not", body = String, content_type = "text/plain")),
)]
pub(super) async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    match asked(&app).await {
        Some(_) => (StatusCode::OK, "leader\n"),
        None => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}
