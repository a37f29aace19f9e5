//! Which path is answered by what, and who may ask it: one table for the socket and TCP.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};

use super::access::{Access, Role, authenticate, in_time, owner, require};
use super::app::App;
use super::params::BODY_LIMIT;
use super::problem::ProblemDetails;
use super::{events, executions, feed, health, jobs, output, reload, status, why, workers};

/// One route: no handler is served without a role that may ask it.
pub(super) struct Route {
    #[cfg(test)]
    pub(super) method: Method,
    /// From the root.
    pub(super) path: &'static str,
    /// The least role that may ask it.
    pub(super) role: Role,
    handler: MethodRouter<App>,
}

/// Whoever may look may ask it.
fn look<T: 'static>(path: &'static str, handler: impl Handler<T, App>) -> Route {
    Route {
        #[cfg(test)]
        method: Method::GET,
        path,
        role: Role::Viewer,
        handler: get(handler),
    }
}

/// It changes something.
fn deed<T: 'static>(path: &'static str, role: Role, handler: impl Handler<T, App>) -> Route {
    Route {
        #[cfg(test)]
        method: Method::POST,
        path,
        role,
        handler: post(handler),
    }
}

/// Every route but health.
pub(super) fn routes() -> Vec<Route> {
    use Role::{Admin, Operator};
    vec![
        look("/api/v1/jobs", jobs::list),
        look("/api/v1/jobs/{id}", jobs::show),
        look("/api/v1/jobs/{id}/next", jobs::next),
        look("/api/v1/jobs/{id}/why", why::job),
        look("/api/v1/jobs/{id}/ledger", jobs::ledger),
        deed("/api/v1/jobs/{id}/run", Operator, jobs::run),
        deed("/api/v1/jobs/{id}/pause", Operator, jobs::pause),
        deed("/api/v1/jobs/{id}/resume", Operator, jobs::resume),
        look("/api/v1/executions", executions::list),
        look("/api/v1/executions/{id}", executions::show),
        look("/api/v1/executions/{id}/output", output::read),
        look("/api/v1/executions/{id}/why", why::execution),
        deed("/api/v1/executions/{id}/cancel", Operator, executions::cancel),
        deed("/api/v1/executions/{id}/retry", Operator, executions::retry),
        look("/api/v1/counts", executions::counts),
        look("/api/v1/workers", workers::list),
        look("/api/v1/workers/{id}", workers::show),
        look("/api/v1/status", status::status),
        deed("/api/v1/reload", Admin, reload::reload),
        look("/api/v1/events", events::events),
        look("/api/v1/feed", feed::feed),
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
    let health =
        Router::new().route("/healthz", get(health::healthz)).route("/readyz", get(health::readyz));
    routes()
        .into_iter()
        .fold(health, |router, Route { path, role, handler, .. }| {
            router.route(path, handler.layer(from_fn_with_state(role, require)))
        })
        .fallback(async |uri: Uri| ProblemDetails::no_route(uri.path(), "see /api/v1/status"))
        .method_not_allowed_fallback(async |method: Method, uri: Uri| {
            ProblemDetails::method(method.as_str(), uri.path())
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}
