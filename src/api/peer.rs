//! What schedulers of one store say to each other beside the requests that they pass on: what the worker process of a
//! standby still holds of the time when it led.
//!
//! Owns that one route and its client. It is served to schedulers alone, so it is no part of the API.

use std::time::Duration;

use axum::extract::Extension;
use axum::http::Uri;
use axum::{Json, response::IntoResponse as _, response::Response};

use super::access::FromPeer;
use super::app::App;
use super::problem::ProblemDetails;
use super::standby::StandbyService;
use crate::driver::{CarriedPort, CarriedVerdicts, CarriedWork};
use crate::model::{Actor, Role};

/// Where reports are taken.
pub(super) const ATTEMPTS: &str = "/peer/attempts";
/// How often something that is held is reported: each report renews its lease, and brings word of what is to be ended.
const PACE: Duration = Duration::from_secs(1);
/// A report is answered within it.
const ANSWER: Duration = Duration::from_secs(10);

/// Takes a report.
pub(super) async fn attempts(
    peer: Option<Extension<FromPeer>>,
    app: App,
    uri: Uri,
    Json(work): Json<CarriedWork>,
) -> Response {
    if peer.is_none() {
        return ProblemDetails::no_route(uri.path(), "see /api/v1/status").into_response();
    }
    match app.engine_api.carry(work).await {
        Ok(verdicts) => Json(verdicts).into_response(),
        Err(refusal) => ProblemDetails::from(refusal).into_response(),
    }
}

/// Reports what a standby's worker process holds to whoever leads, as long as it holds anything; for ever.
pub(crate) async fn report_attempts(standby: StandbyService, port: CarriedPort) {
    let CarriedPort { mut work, verdicts } = port;
    let actor = Actor::named("scheduler");
    loop {
        if work.wait_for(|work| !work.is_empty()).await.is_err() {
            return std::future::pending().await;
        }
        let report = work.borrow_and_update().clone();
        let asking =
            standby.tell_leader::<_, CarriedVerdicts>(ATTEMPTS, &actor, Role::Admin, &report);
        match tokio::time::timeout(ANSWER, asking).await {
            // Whoever stands by no more takes no answer.
            Ok(Ok(said)) => _ = verdicts.send(said).await,
            Ok(Err(error)) => tracing::debug!(error = error.detail, "no report to the leader"),
            Err(_) => tracing::debug!("the leader does not answer to a report"),
        }
        // A change is reported at once, but not more often than the pace of failures allows.
        let _ = tokio::time::timeout(PACE, work.changed()).await;
    }
}
