//! Which path is answered by what, and who may ask it: one table for the socket and TCP.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{self, MethodRouter};

use super::access::{Access, Role, authenticate, in_time, owner, require};
use super::app::App;
use super::params::BODY_LIMIT;
use super::problem::ProblemDetails;
use super::{
    docs, events, executions, feed, health, jobs, metrics, output, preview, settings, status,
    verbs, why, workers,
};

/// One route: no handler is served without a role that may ask it.
pub(super) struct Route {
    pub(super) method: Method,
    /// From the root.
    pub(super) path: &'static str,
    /// The least role that may ask it.
    pub(super) role: Role,
    pub(super) handler: MethodRouter<App>,
}

/// Whoever may look may ask it.
fn get<T: 'static>(path: &'static str, handler: impl Handler<T, App>) -> Route {
    Route { method: Method::GET, path, role: Role::Viewer, handler: routing::get(handler) }
}

/// Every route but health.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        get("/api/v1/jobs", jobs::list),
        get("/api/v1/jobs/{id}", jobs::show),
        get("/api/v1/jobs/{id}/versions", jobs::versions),
        get("/api/v1/jobs/{id}/next", jobs::next),
        get("/api/v1/jobs/{id}/why", why::job),
        get("/api/v1/jobs/{id}/ledger", jobs::ledger),
        get("/api/v1/executions", executions::list),
        get("/api/v1/executions/{id}", executions::show),
        get("/api/v1/executions/{id}/output", output::read),
        get("/api/v1/executions/{id}/why", why::execution),
        get("/api/v1/counts", executions::counts),
        get("/api/v1/workers", workers::list),
        get("/api/v1/workers/{id}", workers::show),
        get("/api/v1/status", status::status),
        get("/api/v1/settings", settings::settings),
        get("/api/v1/schedule/preview", preview::preview),
        get("/api/v1/events", events::events),
        get("/api/v1/feed", feed::feed),
        get("/metrics", metrics::metrics),
    ];
    routes.extend(verbs::routes());
    routes
}

/// The description of the routes, and the pages that show it.
pub(super) fn pages() -> Vec<Route> {
    vec![
        get(docs::DOCUMENT, docs::document),
        get(docs::PAGES, docs::to_pages),
        get("/docs/", docs::pages),
        get("/docs/{*file}", docs::pages),
    ]
}

/// The unix socket: whoever may open it may do everything.
pub(super) fn socket(app: App) -> Router {
    table().layer(from_fn(in_time)).layer(from_fn_with_state(app.clone(), owner)).with_state(app)
}

/// TCP: the same, for whoever shows a token; without one there is health, and no answer else.
pub(super) fn tcp(app: App, access: Access) -> Router {
    let guard = from_fn_with_state(access, authenticate);
    table().layer(from_fn(in_time)).layer(guard).with_state(app)
}

fn table() -> Router<App> {
    let health = Router::new()
        .route("/healthz", routing::get(health::healthz))
        .route("/readyz", routing::get(health::readyz));
    routes()
        .into_iter()
        .chain(pages())
        .fold(health, |router, Route { path, role, handler, .. }| {
            router.route(path, handler.layer(from_fn_with_state(role, require)))
        })
        .fallback(async |uri: Uri| ProblemDetails::no_route(uri.path(), "see /api/v1/status"))
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

/// What a path takes is told in `Allow`, which stands there already.
async fn other_method(method: Method, uri: Uri) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    ProblemDetails::method(method.as_str(), uri.path()).into_response()
}
