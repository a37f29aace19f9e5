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

use super::{Access, Role};
use crate::api::app::App;
use crate::api::docs;
use crate::api::problem::ProblemDetails;
use crate::driver::EngineApi;
use crate::model::Actor;

/// A request must have arrived whole, and its answer begun, within it. What an answer streams may take for ever.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// What needs no token.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

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
    match caller(&access, request.headers(), in_browsers) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) if in_browsers && problem.status == StatusCode::UNAUTHORIZED.as_u16() => {
            let ask =
                HeaderValue::from_static("Basic realm=\"crontower: a token as the password\"");
            let mut response = problem.into_response();
            response.headers_mut().append(header::WWW_AUTHENTICATE, ask);
            response
        }
        Err(problem) => problem.into_response(),
    }
}

fn caller(
    access: &Access,
    headers: &HeaderMap,
    in_browsers: bool,
) -> Result<Caller, ProblemDetails> {
    let shown = if in_browsers { password(headers) } else { None };
    let token = shown.as_deref().map_or_else(|| bearer(headers), Ok)?;
    let holder = access.tokens.holder(token).map_err(|error| {
        tracing::error!(%error, "tokens cannot be read, so nobody is let in");
        ProblemDetails::no_tokens()
    })?;
    let Some((name, role)) = holder else {
        return Err(ProblemDetails::unauthorized("the token is not known here, or was revoked"));
    };
    let engine_api = (access.engine_api_of)(Actor::named(&format!("token:{name}")), role);
    Ok(Caller { role, engine_api })
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
