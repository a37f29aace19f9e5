//! Which path is answered by what, and who may ask it: one table for the socket and TCP.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{self, MethodFilter, MethodRouter, on};

use super::access::{Access, Role, authenticate, in_time, owner, require};
use super::app::App;
use super::params::BODY_LIMIT;
use super::problem::ProblemDetails;
use super::{
    docs, edits, events, executions, feed, health, jobs, metrics, output, preview, reload,
    settings, status, why, workers,
};

/// One route: no handler is served without a role that may ask it.
pub(super) struct Route {
    pub(super) method: Method,
    /// From the root.
    pub(super) path: &'static str,
    /// The least role that may ask it.
    pub(super) role: Role,
    handler: MethodRouter<App>,
}

/// Whoever may look may ask it.
fn get<T: 'static>(path: &'static str, handler: impl Handler<T, App>) -> Route {
    Route { method: Method::GET, path, role: Role::Viewer, handler: routing::get(handler) }
}

/// It has something done.
fn post<T: 'static>(path: &'static str, role: Role, handler: impl Handler<T, App>) -> Route {
    Route { method: Method::POST, path, role, handler: routing::post(handler) }
}

/// It changes what stands at the path.
fn edit<T: 'static>(
    method: Method,
    path: &'static str,
    role: Role,
    handler: impl Handler<T, App>,
) -> Route {
    let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::PUT);
    Route { method, path, role, handler: on(filter, handler) }
}

/// Every route but health.
pub(super) fn routes() -> Vec<Route> {
    use Role::{Admin, Operator};
    vec![
        get("/api/v1/jobs", jobs::list),
        post("/api/v1/jobs", Admin, edits::create),
        get("/api/v1/jobs/{id}", edits::show),
        edit(Method::PUT, "/api/v1/jobs/{id}", Admin, edits::replace),
        edit(Method::PATCH, "/api/v1/jobs/{id}", Admin, edits::patch),
        edit(Method::DELETE, "/api/v1/jobs/{id}", Admin, edits::delete),
        post("/api/v1/jobs/{id}/enable", Admin, edits::enable),
        post("/api/v1/jobs/{id}/disable", Admin, edits::disable),
        get("/api/v1/jobs/{id}/versions", edits::versions),
        post("/api/v1/jobs/{id}/versions/{version}/rollback", Admin, edits::roll_back),
        get("/api/v1/jobs/{id}/next", jobs::next),
        get("/api/v1/jobs/{id}/why", why::job),
        get("/api/v1/jobs/{id}/ledger", jobs::ledger),
        post("/api/v1/jobs/{id}/run", Operator, jobs::run),
        post("/api/v1/jobs/{id}/pause", Operator, jobs::pause),
        post("/api/v1/jobs/{id}/resume", Operator, jobs::resume),
        post("/api/v1/jobs/{id}/skip-next", Operator, jobs::skip_next),
        post("/api/v1/jobs/{id}/acknowledge", Operator, jobs::acknowledge),
        edit(Method::DELETE, "/api/v1/jobs/{id}/acknowledge", Operator, jobs::take_back),
        get("/api/v1/executions", executions::list),
        get("/api/v1/executions/{id}", executions::show),
        get("/api/v1/executions/{id}/output", output::read),
        get("/api/v1/executions/{id}/why", why::execution),
        post("/api/v1/executions/{id}/cancel", Operator, executions::cancel),
        post("/api/v1/executions/{id}/retry", Operator, executions::retry),
        post("/api/v1/executions/{id}/acknowledge", Operator, executions::acknowledge),
        edit(
            Method::DELETE,
            "/api/v1/executions/{id}/acknowledge",
            Operator,
            executions::take_back,
        ),
        get("/api/v1/counts", executions::counts),
        get("/api/v1/workers", workers::list),
        get("/api/v1/workers/{id}", workers::show),
        edit(Method::PATCH, "/api/v1/workers/{id}", Operator, workers::patch),
        edit(Method::DELETE, "/api/v1/workers/{id}", Operator, workers::delete),
        post("/api/v1/workers/{id}/drain", Operator, workers::drain),
        post("/api/v1/workers/{id}/undrain", Operator, workers::undrain),
        get("/api/v1/status", status::status),
        get("/api/v1/settings", settings::settings),
        get("/api/v1/schedule/preview", preview::preview),
        post("/api/v1/reload", Admin, reload::reload),
        get("/api/v1/events", events::events),
        get("/api/v1/feed", feed::feed),
        get("/metrics", metrics::metrics),
    ]
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
