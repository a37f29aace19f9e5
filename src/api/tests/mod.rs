//! The routes against a door that a test plays.

mod access;
mod client;
mod connections;
mod edits;
mod engine_api;
mod events;
mod hostile;
mod listen;
mod metrics;
mod openapi;
mod output;
mod routes;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use self::engine_api::PlayedEngineApi;
use super::app::{App, WallClock};
use super::event_fanout::EventFanout;
use super::{Role, router};

/// The instant at which all these tests happen.
fn noon() -> DateTime<Utc> {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn clock() -> WallClock {
    Arc::new(noon)
}

fn app(engine_api: Arc<PlayedEngineApi>, stopping: CancellationToken) -> App {
    // Smaller groups than usual, so that a few streams make more than one.
    let event_fanout = Arc::new(EventFanout::in_groups_of(2));
    App {
        engine_api,
        role: Role::Viewer,
        metrics: Arc::default(),
        clock: clock(),
        event_fanout,
        stopping,
    }
}

/// A door, and the socket's router before it.
struct World {
    engine_api: Arc<PlayedEngineApi>,
    router: Router,
    stopping: CancellationToken,
}

impl World {
    fn new() -> Self {
        let engine_api = Arc::new(PlayedEngineApi::sample());
        let stopping = CancellationToken::new();
        let app = app(engine_api.clone(), stopping.clone());
        Self { router: router::socket(app), engine_api, stopping }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, uri: &str) -> (StatusCode, Value) {
        json_of(self.send(Request::get(uri).body(Body::empty()).unwrap()).await).await
    }

    /// Asks in any way, with headers.
    async fn ask(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn post(&self, uri: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        json_of(self.send(Request::post(uri).body(body.into()).unwrap()).await).await
    }
}

/// The JSON of an answer; an error must be a problem.
async fn json_of(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let wanted = if status.is_success() { "application/json" } else { "application/problem+json" };
    assert_eq!(kind, wanted, "{status}");
    let bytes = to_bytes(response.into_body(), 64 << 20).await.unwrap();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    if !status.is_success() {
        for key in ["type", "title", "detail"] {
            assert!(value[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {value}");
        }
        assert_eq!(value["status"], status.as_u16());
    }
    (status, value)
}
