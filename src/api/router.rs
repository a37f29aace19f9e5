//! Which path is answered by what, on the socket and on TCP.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::routing::{get, post};

use super::app::App;
use super::params::BODY_LIMIT;
use super::problem::ProblemDetails;
use super::{events, executions, feed, health, jobs, output, reload, status, why, workers};

/// The unix socket: whoever may open it may do everything.
pub(super) fn socket(app: App) -> Router {
    let api = Router::new()
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}", get(jobs::show))
        .route("/jobs/{id}/next", get(jobs::next))
        .route("/jobs/{id}/run", post(jobs::run))
        .route("/jobs/{id}/pause", post(jobs::pause))
        .route("/jobs/{id}/resume", post(jobs::resume))
        .route("/jobs/{id}/ledger", get(jobs::ledger))
        .route("/jobs/{id}/why", get(why::job))
        .route("/executions", get(executions::list))
        .route("/executions/{id}", get(executions::show))
        .route("/executions/{id}/cancel", post(executions::cancel))
        .route("/executions/{id}/retry", post(executions::retry))
        .route("/executions/{id}/output", get(output::read))
        .route("/executions/{id}/why", get(why::execution))
        .route("/counts", get(executions::counts))
        .route("/workers", get(workers::list))
        .route("/workers/{id}", get(workers::show))
        .route("/status", get(status::status))
        .route("/reload", post(reload::reload))
        .route("/events", get(events::events))
        .route("/feed", get(feed::feed));
    finish(health_routes().nest("/api/v1", api), app, "see /api/v1/status")
}

/// TCP: nobody is known there, so nothing is told and nothing is done.
pub(super) fn tcp(app: App) -> Router {
    finish(
        health_routes(),
        app,
        "over TCP there are /healthz and /readyz, the API is on the socket",
    )
}

fn health_routes() -> Router<App> {
    Router::new().route("/healthz", get(health::healthz)).route("/readyz", get(health::readyz))
}

fn finish(router: Router<App>, app: App, hint: &'static str) -> Router {
    router
        .fallback(move |uri: Uri| async move { ProblemDetails::no_route(uri.path(), hint) })
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move {
            ProblemDetails::method(method.as_str(), uri.path())
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(app)
}
