//! Problems: every error of the API as RFC 9457 says, with a stable `type`.
//!
//! Owns the table from a refusal to its status and type, and the way back that the client takes.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::access::Role;
use crate::control::{self, Kind};
use crate::model::text::shortened;
use crate::model::{Problem, Refusal};

/// An error as programs see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDetails {
    /// A stable name, as a path: `/problems/unknown-job`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This very case, for people.
    pub detail: String,
    /// What is wrong with definitions, one by one.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub errors: Box<[Problem]>,
    /// What it is about, for programs: `job`, `execution`, `nearest` …
    #[serde(flatten)]
    pub about: Map<String, Value>,
}

impl ProblemDetails {
    const PREFIX: &str = "/problems/";

    fn new(status: StatusCode, name: &str, title: &str, detail: String) -> Self {
        Self {
            kind: format!("{}{name}", Self::PREFIX),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
            errors: Box::default(),
            about: Map::new(),
        }
    }

    pub(super) fn about(mut self, key: &str, value: Value) -> Self {
        self.about.insert(key.to_owned(), value);
        self
    }

    /// The `type` without its prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        self.kind.strip_prefix(Self::PREFIX).unwrap_or(&self.kind)
    }

    /// A query parameter that is not understood.
    pub(super) fn parameter(name: &str, detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-parameter", "Parameter not understood", detail)
            .about("parameter", json!(shortened(name)))
    }

    /// A request body that is not understood.
    pub(super) fn body(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-body", "Request body not understood", detail)
    }

    /// An `If-Match` with a tag that no version of a definition has.
    pub(super) fn tag() -> Self {
        let detail = "the tag in `If-Match` is no version of the job: look at it again".to_owned();
        let title = "Job has changed";
        Self::new(StatusCode::PRECONDITION_FAILED, "another-version", title, detail)
    }

    /// A request body that is larger than any legal one.
    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!("a request body holds at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Request body too large", detail)
    }

    /// A path that is not legal as such.
    pub(super) fn path() -> Self {
        let detail = "the path holds something that is not UTF-8".to_owned();
        Self::new(StatusCode::BAD_REQUEST, "bad-path", "Path not understood", detail)
    }

    /// Nobody is known by what was sent.
    pub(super) fn unauthorized(detail: &str) -> Self {
        let detail = format!("{detail}; `crontower token create` makes one");
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Not authorized", detail)
    }

    /// The caller is known, and may not do it.
    pub(super) fn forbidden(role: Role, needed: Role) -> Self {
        Refusal::Forbidden { role, needed }.into()
    }

    /// Whom to let in cannot be told.
    pub(super) fn no_tokens() -> Self {
        let detail = "tokens cannot be read: the engine's log says why".to_owned();
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-tokens", "Tokens unavailable", detail)
    }

    /// Nobody leads, or whoever does cannot be reached.
    pub(super) fn no_leader(why: &str) -> Self {
        let detail = format!("this scheduler stands by, and {why}: ask again in a moment");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-leader", "No leader reachable", detail)
    }

    /// A request that did not arrive, or an answer that did not begin, in time.
    pub(super) fn too_slow(limit: Duration) -> Self {
        let detail = format!("request and answer took longer than {} s", limit.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "Too slow", detail)
    }

    /// A path that no route answers.
    pub(super) fn no_route(path: &str, hint: &str) -> Self {
        let detail = format!("nothing is served at {}: {hint}", shortened(path));
        Self::new(StatusCode::NOT_FOUND, "unknown-route", "No such route", detail)
    }

    /// A method that a route does not take.
    pub(super) fn method(method: &str, path: &str) -> Self {
        let detail = format!("{} does not take {}", shortened(path), shortened(method));
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "Method not allowed",
            detail,
        )
    }

    /// An attempt that an execution does not have.
    pub(super) fn no_attempt(execution: &str, asked: u32, count: usize) -> Self {
        let attempts = if count == 1 { "attempt" } else { "attempts" };
        let detail = format!("execution {execution} has {count} {attempts}, so no attempt {asked}");
        Self::new(StatusCode::NOT_FOUND, "unknown-attempt", "No such attempt", detail)
            .about("execution", json!(execution))
    }

    /// The refusal that it tells, as far as it does: the way back, for the client.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let read = |key: &str| self.about.get(key).cloned().unwrap_or(Value::Null);
        let parse = |key: &str| serde_json::from_value(read(key)).ok();
        let parse_role = |key: &str| serde_json::from_value::<Role>(read(key)).ok();
        Some(match self.name() {
            "unknown-job" => Refusal::UnknownJob {
                job: parse("job")?,
                nearest: serde_json::from_value(read("nearest")).ok()?,
            },
            "unknown-execution" => Refusal::UnknownExecution { execution: parse("execution")? },
            "ambiguous-execution" => Refusal::AmbiguousExecution {
                execution: parse("execution")?,
                count: serde_json::from_value(read("count")).ok()?,
            },
            "unknown-worker" => {
                Refusal::UnknownWorker { worker: serde_json::from_value(read("worker")).ok()? }
            }
            "already-final" => Refusal::AlreadyFinal {
                execution: serde_json::from_value(read("execution")).ok()?,
                state: serde_json::from_value(read("state")).ok()?,
            },
            "still-live" => Refusal::StillLive {
                execution: serde_json::from_value(read("execution")).ok()?,
                state: serde_json::from_value(read("state")).ok()?,
            },
            "not-paused" => Refusal::NotPaused { job: serde_json::from_value(read("job")).ok()? },
            "job-exists" => Refusal::JobExists { job: serde_json::from_value(read("job")).ok()? },
            "unknown-version" => Refusal::UnknownVersion {
                job: serde_json::from_value(read("job")).ok()?,
                version: serde_json::from_value(read("version")).ok()?,
            },
            "another-version" => Refusal::AnotherVersion {
                job: serde_json::from_value(read("job")).ok()?,
                expected: serde_json::from_value(read("expected")).ok()?,
                current: serde_json::from_value(read("current")).ok()?,
            },
            "file-left-alone" => {
                Refusal::FileLeftAlone { message: self.detail.clone(), diff: parse("diff")? }
            }
            "not-possible" => Refusal::NotPossible(self.detail.clone()),
            "invalid-jobs" => Refusal::Invalid(self.errors.to_vec()),
            "invalid-file" => Refusal::File(self.detail.clone()),
            "bad-body" => Refusal::Malformed(self.detail.clone()),
            "forbidden" => {
                Refusal::Forbidden { role: parse_role("role")?, needed: parse_role("needed")? }
            }
            "store-unavailable" => Refusal::Store("the engine's log says why".to_owned()),
            "stopping" => Refusal::Stopping,
            _ => return None,
        })
    }
}

impl From<Refusal> for ProblemDetails {
    fn from(refusal: Refusal) -> Self {
        let Kind { status, name, title } = control::kind(&refusal);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = Self::new(status, name, title, refusal.to_string());
        match refusal {
            Refusal::UnknownJob { job, nearest } => {
                problem.about("job", json!(job)).about("nearest", json!(nearest))
            }
            Refusal::UnknownExecution { execution } => problem.about("execution", json!(execution)),
            Refusal::AmbiguousExecution { execution, count } => {
                problem.about("execution", json!(execution)).about("count", json!(count))
            }
            Refusal::UnknownWorker { worker } => problem.about("worker", json!(worker)),
            Refusal::AlreadyFinal { execution, state }
            | Refusal::StillLive { execution, state } => {
                problem.about("execution", json!(execution)).about("state", json!(state))
            }
            Refusal::NotPaused { job } | Refusal::JobExists { job } => {
                problem.about("job", json!(job))
            }
            Refusal::UnknownVersion { job, version } => {
                problem.about("job", json!(job)).about("version", json!(version))
            }
            Refusal::AnotherVersion { job, expected, current } => problem
                .about("job", json!(job))
                .about("expected", json!(expected))
                .about("current", json!(current)),
            Refusal::FileLeftAlone { diff, .. } => problem.about("diff", json!(diff)),
            Refusal::Invalid(errors) => Self { errors: errors.into(), ..problem },
            Refusal::Forbidden { role, needed } => {
                problem.about("role", json!(role)).about("needed", json!(needed))
            }
            Refusal::Store(source) => {
                // What a database says is for the log of its owner, not for whoever calls.
                tracing::error!(%source, "the store is unavailable");
                let detail = "the store is unavailable: the engine's log says why".to_owned();
                Self { detail, ..problem }
            }
            Refusal::NotPossible(_)
            | Refusal::File(_)
            | Refusal::Malformed(_)
            | Refusal::Stopping
            | Refusal::Unreachable(_)
            | Refusal::Other(_) => problem,
        }
    }
}

impl IntoResponse for ProblemDetails {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"crontower\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
