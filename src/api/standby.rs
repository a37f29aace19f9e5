//! What a standby answers: its own health and metrics, and everything else by asking the leader at the address that this
//! one gives.
//!
//! Owns the hop between two schedulers. Whoever asks is known here already, by a token or by the socket; the leader is told
//! who that is, and believes it, since the request shows a secret that only a scheduler of the same store can know. No
//! token travels on. What is answered about the scheduler itself (its host, its jobs file, whether it leads) is this one's.
//! Never decides who leads.

use std::fmt;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing;
use futures_util::stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::access::{ACTOR, Identity, PEER, ROLE, Tokens, authenticate_standby, in_time};
use super::client::Lines;
use super::metrics;
use super::params::BODY_LIMIT;
use super::problem::ProblemDetails;
use crate::driver::{EngineInfo, StandbyView};
use crate::model::{Actor, Role};

/// Connecting to the leader takes no longer on any network that works.
const CONNECTING: Duration = Duration::from_secs(3);
/// An answer that is read whole here, so that it can be corrected, is no larger.
const LARGEST: usize = 64 << 20;
/// What belongs to one connection, or is said anew for the next, and is not passed on.
const OF_ONE_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::AUTHORIZATION,
    header::EXPECT,
];

/// A standby as it is served.
#[derive(Clone)]
pub(crate) struct StandbyService {
    /// Whoever comes through the socket.
    pub owner: Actor,
    /// Whom TCP lets in.
    pub tokens: Tokens,
    /// Who leads, and what this one says of itself.
    pub view: watch::Receiver<StandbyView>,
    /// Speaks to the leader.
    pub http: reqwest::Client,
}

impl fmt::Debug for StandbyService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandbyService").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// Passes requests on.
#[derive(Clone)]
struct Forwarder {
    view: watch::Receiver<StandbyView>,
    http: reqwest::Client,
    /// Set when this one is no standby any more: streams end then.
    stopping: CancellationToken,
}

/// The socket's routes, and those of TCP.
pub(super) fn routers(standby: StandbyService, stopping: CancellationToken) -> (Router, Router) {
    let StandbyService { owner, tokens, view, http } = standby;
    let table = Router::new()
        .route("/healthz", routing::get(async || "ok\n"))
        .route("/readyz", routing::get(async || "standby\n"))
        .route("/metrics", routing::get(own_metrics))
        .route("/api/v1/status", routing::get(status))
        .route("/api/v1/feed", routing::get(feed))
        .fallback(forward)
        .method_not_allowed_fallback(forward)
        .layer(from_fn(in_time))
        .with_state(Forwarder { view, http, stopping });
    let identity = Identity { actor: owner, role: Role::owner() };
    let socket = table.clone().layer(axum::Extension(identity));
    let tcp = table.layer(from_fn_with_state(tokens, authenticate_standby));
    (socket, tcp)
}

/// The client that speaks to leaders.
///
/// # Errors
/// When the certificates to trust cannot be read, or there is no TLS to be had.
pub(crate) fn peer_client(
    authorities: Option<&std::path::Path>,
) -> Result<reqwest::Client, String> {
    let mut builder = super::client::builder().connect_timeout(CONNECTING);
    if let Some(path) = authorities {
        let wrong = |error: &dyn fmt::Display| format!("cannot trust {}: {error}", path.display());
        let text = std::fs::read(path).map_err(|error| wrong(&error))?;
        let found = reqwest::Certificate::from_pem_bundle(&text).map_err(|error| wrong(&error))?;
        builder = builder.tls_certs_merge(found);
    }
    builder.build().map_err(|error| error.to_string())
}

async fn own_metrics(State(forwarder): State<Forwarder>) -> Response {
    let page = metrics::standby_page(&forwarder.view.borrow().engine);
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], page).into_response()
}

async fn forward(State(forwarder): State<Forwarder>, request: Request) -> Response {
    let answer = forwarder.ask(request).await;
    answer.map_or_else(IntoResponse::into_response, |answer| {
        let (status, headers) = (answer.status(), carried(answer.headers()));
        let body = Body::from_stream(ended_by(answer, forwarder.stopping));
        (status, headers, body).into_response()
    })
}

/// The leader's status, of this scheduler.
async fn status(State(forwarder): State<Forwarder>, request: Request) -> Response {
    let answer = match forwarder.ask(request).await {
        Ok(answer) => answer,
        Err(problem) => return problem.into_response(),
    };
    let (status, mut headers) = (answer.status(), carried(answer.headers()));
    let body = to_bytes(Body::from_stream(answer.bytes_stream()), LARGEST).await;
    let Ok(body) = body else {
        return ProblemDetails::no_leader("its answer broke off").into_response();
    };
    if !status.is_success() {
        return (status, headers, body).into_response();
    }
    let corrected = serde_json::from_slice(&body).map(|mut value: Value| {
        let own = forwarder.view.borrow().engine.clone();
        if let Some(engine) = value.get_mut("engine") {
            is_here(engine, &own);
        }
        value["scheduler"] = json(own.scheduler);
        value["leader"] = json(own.leader);
        value["version"] = json(own.version);
        value.to_string()
    });
    headers.remove(header::CONTENT_LENGTH);
    match corrected {
        Ok(text) => (status, headers, text).into_response(),
        Err(_) => (status, headers, body).into_response(),
    }
}

/// The leader's feed, whose snapshot and news of a jobs file are this scheduler's.
async fn feed(State(forwarder): State<Forwarder>, request: Request) -> Response {
    let answer = match forwarder.ask(request).await {
        Ok(answer) => answer,
        Err(problem) => return problem.into_response(),
    };
    let (status, headers) = (answer.status(), carried(answer.headers()));
    if !status.is_success() {
        return (status, headers, Body::from_stream(answer.bytes_stream())).into_response();
    }
    let Forwarder { view, stopping, .. } = forwarder;
    let lines = PassedOn { lines: Lines::of(answer), view, stopping };
    let lines = stream::unfold(lines, |mut lines| async move {
        let line = lines.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(line)), lines))
    });
    (status, headers, Body::from_stream(lines)).into_response()
}

/// A feed that is passed on.
struct PassedOn {
    lines: Lines,
    view: watch::Receiver<StandbyView>,
    stopping: CancellationToken,
}

impl PassedOn {
    /// The next line with its end; `None` where the leader's feed ends or breaks off, or somebody else leads: whoever reads
    /// it asks again.
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut line = tokio::select! {
                line = self.lines.next() => line?,
                changed = self.view.changed() => {
                    changed.ok()?;
                    let file = self.view.borrow_and_update().engine.file.clone();
                    serde_json::to_vec(&serde_json::json!({ "file": file })).ok()?
                }
                () = self.stopping.cancelled() => return None,
            };
            // A line is an object with one key, or a text.
            if line.starts_with(b"\"stopped\"") {
                return None;
            }
            if line.starts_with(br#"{"file":"#) && !self.is_own(&line) {
                continue;
            }
            if line.starts_with(br#"{"snapshot":"#) {
                let own = self.view.borrow_and_update().engine.clone();
                let mut value: Value = serde_json::from_slice(&line).ok()?;
                is_here(value.get_mut("snapshot")?.get_mut("engine")?, &own);
                line = value.to_string().into_bytes();
            }
            line.push(b'\n');
            return Some(line);
        }
    }

    /// Whether news of a jobs file are of this scheduler's.
    fn is_own(&self, line: &[u8]) -> bool {
        let own = serde_json::json!({ "file": self.view.borrow().engine.file });
        serde_json::from_slice::<Value>(line).is_ok_and(|line| line == own)
    }
}

/// What is said of an engine, said of the scheduler that answers; history and problems are the leader's.
fn is_here(engine: &mut Value, own: &EngineInfo) {
    let Value::Object(mut own) = json(own) else { return };
    for key in ["history", "problems"] {
        if let Some(of_leader) = engine.get(key) {
            own.insert(key.to_owned(), of_leader.clone());
        }
    }
    *engine = Value::Object(own);
}

fn json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// The bytes of an answer, until `stopping`.
fn ended_by(
    answer: reqwest::Response,
    stopping: CancellationToken,
) -> impl futures_util::Stream<Item = reqwest::Result<Bytes>> {
    stream::unfold((answer, stopping), |(mut answer, stopping)| async move {
        let chunk = tokio::select! {
            chunk = answer.chunk() => chunk.transpose()?,
            () = stopping.cancelled() => return None,
        };
        Some((chunk, (answer, stopping)))
    })
}

/// The headers of a message that are passed on.
fn carried(headers: &HeaderMap) -> HeaderMap {
    let of_ours = |name: &HeaderName| [PEER, ACTOR, ROLE].contains(&name.as_str());
    let passes = |name: &HeaderName| !OF_ONE_HOP.contains(name) && !of_ours(name);
    let carried = headers.iter().filter(|(name, _)| passes(name));
    carried.map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl StandbyService {
    /// Says something to the leader in the name of this scheduler.
    pub(super) async fn tell_leader<T: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &str,
        actor: &Actor,
        role: Role,
        body: &T,
    ) -> Result<A, ProblemDetails> {
        let (leader, secret) = leader(&self.view)?;
        let identity = Identity { actor: actor.clone(), role };
        let headers = signed(HeaderMap::new(), &secret, &identity)?;
        let url = format!("{}{path}", leader.trim_end_matches('/'));
        let broken = |error: reqwest::Error| ProblemDetails::no_leader(&error.to_string());
        let answer = self.http.post(url).headers(headers).json(body).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status).map_err(broken)?;
        answer.json().await.map_err(broken)
    }
}

impl Forwarder {
    /// Asks the leader what was asked here.
    async fn ask(&self, request: Request) -> Result<reqwest::Response, ProblemDetails> {
        let (parts, body) = request.into_parts();
        let identity = parts.extensions.get::<Identity>().cloned();
        let identity = identity.ok_or_else(|| ProblemDetails::unauthorized("a token is needed"))?;
        let body = to_bytes(body, BODY_LIMIT).await;
        let body = body.map_err(|_| ProblemDetails::too_large(BODY_LIMIT))?;
        let (leader, secret) = leader(&self.view)?;
        let url = url(&leader, &parts.uri);
        let headers = signed(carried(&parts.headers), &secret, &identity)?;
        let sent = self.http.request(parts.method, url).headers(headers).body(body).send();
        sent.await.map_err(|error| {
            tracing::debug!(%error, "the leader does not answer");
            ProblemDetails::no_leader(&format!("{leader} does not answer now"))
        })
    }
}

/// The headers with what shows that a scheduler asks, and for whom.
fn signed(
    mut headers: HeaderMap,
    secret: &str,
    identity: &Identity,
) -> Result<HeaderMap, ProblemDetails> {
    let value = |text: &str| {
        HeaderValue::from_bytes(text.as_bytes())
            .map_err(|_| ProblemDetails::no_leader("a name cannot be passed on to it"))
    };
    let mut secret = value(secret)?;
    secret.set_sensitive(true);
    headers.insert(PEER, secret);
    headers.insert(ACTOR, value(identity.actor.as_str())?);
    headers.insert(ROLE, value(identity.role.as_str())?);
    Ok(headers)
}

/// Address and secret of the leader.
fn leader(view: &watch::Receiver<StandbyView>) -> Result<(String, String), ProblemDetails> {
    let view = view.borrow();
    if let Some(trouble) = &view.trouble {
        tracing::debug!(trouble, "nobody is known to lead");
        return Err(ProblemDetails::no_leader("nobody is known to lead now"));
    }
    let Some(address) = &view.reach.address else {
        let host = view.engine.leader.as_ref().map_or("the other host", |it| it.host.as_str());
        let detail = format!(
            "the leader on {host} gives no address at which it could be reached: start it with --listen or --advertise"
        );
        return Err(ProblemDetails::no_leader(&detail));
    };
    Ok((address.clone(), view.reach.secret.clone()))
}

fn url(leader: &str, uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("{}{path}", leader.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_tokens_end_at_the_hop() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer secret"),
            (PEER, "stolen"),
            (ACTOR, "somebody else"),
            (ROLE, "admin"),
            ("host", "standby"),
            ("if-match", "\"3\""),
            ("last-event-id", "7"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let carried = carried(&headers);
        let names: Vec<_> = carried.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["if-match", "last-event-id"]);
    }

    #[test]
    fn a_path_is_asked_for_as_it_came() {
        let uri: Uri = "/api/v1/jobs/a%2Fb?x=1&y=%20".parse().unwrap();
        let url = |leader| url(leader, &uri);
        assert_eq!(url("http://db1:7117"), "http://db1:7117/api/v1/jobs/a%2Fb?x=1&y=%20");
        assert_eq!(url("https://db1/cron/"), "https://db1/cron/api/v1/jobs/a%2Fb?x=1&y=%20");
    }
}
