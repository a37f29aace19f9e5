//! Every verb over HTTP: one handler for all of them.
//!
//! Owns the way from a request to a verb, and from its answer to a response. Which verbs there are, and where their fields
//! stand, is `control`'s; who may ask is the router's.

use axum::Json;
use axum::body::Bytes;
use axum::extract::RawPathParams;
use axum::extract::rejection::{BytesRejection, RawPathParamsRejection};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};

use super::app::App;
use super::body::Body;
use super::if_match::if_match;
use super::params::{Params, json_body};
use super::problem::ProblemDetails;
use super::router::Route;
use crate::control::http::{self, Malformed, Position};
use crate::control::{self, Command, Definition, Listed, Visitor};
use crate::driver::ask;

/// The routes of all verbs.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = Routes(Vec::new());
    control::each(&mut routes);
    routes.0
}

struct Routes(Vec<Route>);

impl Visitor for Routes {
    fn verb<C: Listed>(&mut self) {
        let (method, filter) = match C::METHOD {
            control::Method::Get => (Method::GET, MethodFilter::GET),
            control::Method::Post => (Method::POST, MethodFilter::POST),
            control::Method::Put => (Method::PUT, MethodFilter::PUT),
            control::Method::Patch => (Method::PATCH, MethodFilter::PATCH),
            control::Method::Delete => (Method::DELETE, MethodFilter::DELETE),
        };
        let (path, role, handler) = (C::PATH, C::ROLE, on(filter, answer::<C>));
        self.0.push(Route { method, path, role, handler });
    }
}

async fn answer<C: Listed>(
    app: App,
    path: Result<RawPathParams, RawPathParamsRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ProblemDetails> {
    let path = path.map_err(|_| ProblemDetails::path())?;
    let command: C = read(&path, &uri, &headers, body)?;
    // The route asks for the least role; what is asked for may need more.
    if app.role < command.role() {
        return Err(ProblemDetails::forbidden(app.role, command.role()));
    }
    let status = command.status();
    let answer = ask(&*app.engine_api, command).await?;
    respond::<C>(&answer, StatusCode::from_u16(status).unwrap_or(StatusCode::OK))
}

/// Puts the verb of a request together.
fn read<C: Command>(
    path: &RawPathParams,
    uri: &Uri,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<C, ProblemDetails> {
    let known: Vec<&str> = http::fields_at::<C>(Position::Query).collect();
    let params = Params::read(uri, &known)?;
    let own = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    let mut texts: Vec<(String, String)> = path.iter().map(own).collect();
    for name in known {
        texts.extend(params.given(name)?.map(|text| own((name, text))));
    }
    let has_version = http::fields_at::<C>(Position::IfMatch).next().is_some();
    let if_version = if has_version { if_match(headers)? } else { None };
    http::join(texts, if_version, fields::<C>(body)?).map_err(|malformed| match malformed {
        Malformed::Body(detail) => {
            ProblemDetails::body(format!("the request body is not understood: {detail}"))
        }
        Malformed::Parameter { name, detail } => match http::position::<C>(&name) {
            Position::Path => ProblemDetails::no_route(uri.path(), &detail),
            _ => ProblemDetails::parameter(&name, detail),
        },
    })
}

/// The object in a body, of which no key is given twice; empty where the verb reads none.
fn fields<C: Command>(body: Result<Bytes, BytesRejection>) -> Result<Definition, ProblemDetails> {
    if C::BODY.is_some() {
        let mut definition = json_body::<Body>(body)?.definition()?;
        // What an edit answers beside the job says nothing in a definition.
        definition.remove("change");
        return Ok(definition);
    }
    match http::fields_at::<C>(Position::Body).next() {
        Some(_) => json_body::<Body>(body)?.fields(),
        None => Ok(Definition::new()),
    }
}

fn respond<C: Command>(answer: &C::Answer, status: StatusCode) -> Result<Response, ProblemDetails> {
    if status == StatusCode::NO_CONTENT {
        return Ok(status.into_response());
    }
    let mut response = (status, Json(answer)).into_response();
    let mut add = |name, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name, value);
        }
    };
    if let Some(version) = C::version(answer) {
        add(header::ETAG, format!("\"{version}\""));
    }
    if let Some(place) = C::location(answer).filter(|_| status == StatusCode::CREATED) {
        add(header::LOCATION, place);
    }
    Ok(response)
}
