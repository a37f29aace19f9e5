//! The guard before every route: who is calling, and whether their role is enough.
//!
//! Fails shut: a handler can only reach the engine through the [`Caller`] that the guard left behind, and without one the
//! answer is 401.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use base64::Engine as _;
use subtle::ConstantTimeEq as _;

use super::{Access, Role, Tokens};
use crate::api::app::App;
use crate::api::docs;
use crate::api::problem::ProblemDetails;
use crate::driver::EngineApi;
use crate::model::Actor;

/// A request must have arrived whole, and its answer begun, within it. What an answer streams may take for ever.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// What needs no token.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// What a standby shows, and says, of a request that it passes on: its secret, who asks, and what that one may do.
pub(in crate::api) const PEER: &str = "x-crontower-peer";
pub(in crate::api) const ACTOR: &str = "x-crontower-actor";
pub(in crate::api) const ROLE: &str = "x-crontower-role";

/// Who asks, and what that one may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) struct Identity {
    pub(in crate::api) actor: Actor,
    pub(in crate::api) role: Role,
}

/// Marks a request of another scheduler of the same store.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct FromPeer;

/// Whoever sent a request.
#[derive(Debug, Clone)]
pub(in crate::api) struct Caller {
    role: Role,
    engine_api: Arc<dyn EngineApi>,
}

impl FromRequestParts<Self> for App {
    type Rejection = ProblemDetails;

    /// The app with the caller's own door.
    async fn from_request_parts(parts: &mut Parts, app: &Self) -> Result<Self, ProblemDetails> {
        let caller = parts.extensions.get::<Caller>();
        let caller = caller.ok_or_else(|| ProblemDetails::unauthorized("a token is needed"))?;
        Ok(Self { engine_api: Arc::clone(&caller.engine_api), role: caller.role, ..app.clone() })
    }
}

/// On the socket: whoever could open it may do everything.
pub(in crate::api) async fn owner(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    request
        .extensions_mut()
        .insert(Caller { role: Role::owner(), engine_api: Arc::clone(&app.engine_api) });
    next.run(request).await
}

/// On TCP: whoever shows a token is its holder; nobody else comes further than health.
pub(in crate::api) async fn authenticate(
    State(access): State<Access>,
    mut request: Request,
    next: Next,
) -> Response {
    if OPEN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let in_browsers = docs::is_shown_in_browsers(request.uri().path());
    let is_peer = request.headers().contains_key(PEER);
    let identity = match is_peer {
        true => of_peer(access.peer_secret.as_deref(), request.headers()),
        false => identify(&access.tokens, request.headers(), in_browsers),
    };
    match identity {
        Ok(Identity { actor, role }) => {
            let engine_api = (access.engine_api_of)(actor, role);
            request.extensions_mut().insert(Caller { role, engine_api });
            if is_peer {
                request.extensions_mut().insert(FromPeer);
            }
            next.run(request).await
        }
        Err(problem) => refuse(problem, in_browsers),
    }
}

/// The same before a standby, which passes on who it is. It takes nothing that was passed on: who leads is not settled.
pub(in crate::api) async fn authenticate_standby(
    State(tokens): State<Tokens>,
    mut request: Request,
    next: Next,
) -> Response {
    if OPEN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    if request.headers().contains_key(PEER) {
        return ProblemDetails::no_leader("this scheduler stands by, too").into_response();
    }
    let in_browsers = docs::is_shown_in_browsers(request.uri().path());
    match identify(&tokens, request.headers(), in_browsers) {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
        Err(problem) => refuse(problem, in_browsers),
    }
}

/// Whoever a standby says that it is, where the secret shows that it is one.
fn of_peer(secret: Option<&str>, headers: &HeaderMap) -> Result<Identity, ProblemDetails> {
    let text =
        |name: &str| headers.get(name).and_then(|it| std::str::from_utf8(it.as_bytes()).ok());
    let shown = text(PEER).unwrap_or_default();
    let known = secret.filter(|secret| !secret.is_empty());
    if !known.is_some_and(|known| bool::from(known.as_bytes().ct_eq(shown.as_bytes()))) {
        return Err(ProblemDetails::no_leader("the scheduler that was asked is not the leader"));
    }
    let told = text(ACTOR).zip(text(ROLE).and_then(|role| role.parse().ok()));
    let (actor, role) =
        told.ok_or_else(|| ProblemDetails::unauthorized("the request does not say who asks"))?;
    Ok(Identity { actor: Actor::named(actor), role })
}

fn refuse(problem: ProblemDetails, in_browsers: bool) -> Response {
    match problem {
        problem if in_browsers && problem.status == StatusCode::UNAUTHORIZED.as_u16() => {
            let ask =
                HeaderValue::from_static("Basic realm=\"crontower: a token as the password\"");
            let mut response = problem.into_response();
            response.headers_mut().append(header::WWW_AUTHENTICATE, ask);
            response
        }
        problem => problem.into_response(),
    }
}

fn identify(
    tokens: &Tokens,
    headers: &HeaderMap,
    in_browsers: bool,
) -> Result<Identity, ProblemDetails> {
    let shown = if in_browsers { password(headers) } else { None };
    let token = shown.as_deref().map_or_else(|| bearer(headers), Ok)?;
    let holder = tokens.holder(token).map_err(|error| {
        tracing::error!(%error, "tokens cannot be read, so nobody is let in");
        ProblemDetails::no_tokens()
    })?;
    let Some((name, role)) = holder else {
        return Err(ProblemDetails::unauthorized("the token is not known here, or was revoked"));
    };
    Ok(Identity { actor: Actor::named(&format!("token:{name}")), role })
}

/// The password of HTTP's Basic scheme, where that is what was sent.
fn password(headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let text = given.next()?.to_str().ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if given.next().is_some() || !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let (_, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    Some(password.to_owned())
}

/// The token in the one `Authorization: Bearer …` header.
fn bearer(headers: &HeaderMap) -> Result<&str, ProblemDetails> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (given.next(), given.next());
    let first = first.ok_or_else(|| ProblemDetails::unauthorized("a token is needed"))?;
    if second.is_some() {
        return Err(ProblemDetails::unauthorized("more than one Authorization header was sent"));
    }
    let text = first.to_str().ok().and_then(|text| text.split_once(' '));
    let token = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = token.map(|(_, token)| token.trim()).filter(|token| !token.is_empty());
    token.ok_or_else(|| ProblemDetails::unauthorized("write it `Authorization: Bearer TOKEN`"))
}

/// Lets only callers of at least this role through.
pub(in crate::api) async fn require(
    State(needed): State<Role>,
    request: Request,
    next: Next,
) -> Response {
    match request.extensions().get::<Caller>() {
        Some(caller) if caller.role >= needed => next.run(request).await,
        Some(caller) => ProblemDetails::forbidden(caller.role, needed).into_response(),
        None => ProblemDetails::unauthorized("a token is needed").into_response(),
    }
}

/// Gives up a request that does not arrive, or is not answered, in time.
pub(in crate::api) async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ProblemDetails::too_slow(ANSWER_WITHIN).into_response(),
    }
}
