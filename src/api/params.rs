//! What comes in with a request: path segments, query parameters, bodies. All of it is untrusted.
//!
//! A parameter that is misspelt would be a filter that silently is not one, so an unknown name or value is an error that
//! says what may have been meant.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::problem::ProblemDetails;
use crate::model::text;
use crate::model::text::shortened;

/// No legal request body is larger.
pub(super) const BODY_LIMIT: usize = 1 << 20;

/// The one variable segment of a path.
#[derive(Debug)]
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ProblemDetails;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProblemDetails> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text)).map_err(|_| ProblemDetails::path())
    }
}

/// The query of a request, its names checked.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the query of `uri`, in which only `known` names may stand.
    pub(super) fn read(uri: &Uri, known: &[&str]) -> Result<Self, ProblemDetails> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| ProblemDetails::parameter("", "the query is malformed".to_owned()))?
            .0;
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(unknown("parameter", name, name, known));
        }
        Ok(Self(pairs))
    }

    /// All values of a parameter that may be given more than once, or as `a,b`.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .flat_map(|(_, value)| value.split(','))
            .filter(|value| !value.is_empty())
    }

    /// The value of a parameter that may be given once; an empty one counts as none.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, ProblemDetails> {
        Ok(self.given(name)?.filter(|value| !value.is_empty()))
    }

    /// The value of a parameter that may be given once, empty or not.
    pub(super) fn given(&self, name: &str) -> Result<Option<&str>, ProblemDetails> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        let first = values.next();
        if values.next().is_some() {
            let detail = format!("`{name}` is given more than once");
            return Err(ProblemDetails::parameter(name, detail));
        }
        Ok(first.map(String::as_str))
    }

    /// `name`, `name=true` or `name=1`; absent is no.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ProblemDetails> {
        let given = self.0.iter().any(|(key, _)| key == name);
        match self.one(name)? {
            None => Ok(given),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => Err(unknown("value of", name, other, &["true", "false"])),
        }
    }

    /// A whole number within `range`.
    pub(super) fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, ProblemDetails> {
        let Some(value) = self.given(name)? else { return Ok(None) };
        match value.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (low, high) = range.into_inner();
                let value = shortened(value);
                let detail = format!("`{name}` is a number from {low} to {high}, not `{value}`");
                Err(ProblemDetails::parameter(name, detail))
            }
        }
    }

    /// An instant, RFC 3339.
    pub(super) fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, ProblemDetails> {
        let Some(value) = self.given(name)? else { return Ok(None) };
        // A `+` that was not escaped arrives as a blank.
        let parsed = DateTime::parse_from_rfc3339(&value.replace(' ', "+"));
        parsed.map(|at| Some(at.to_utc())).map_err(|_| {
            let value = shortened(value);
            let detail = format!("`{name}` is a time like 2026-12-24T18:00:00Z, not `{value}`");
            ProblemDetails::parameter(name, detail)
        })
    }
}

/// `value` is none of `known`: says which may have been meant.
pub(super) fn unknown(what: &str, name: &str, value: &str, known: &[&str]) -> ProblemDetails {
    let nearest = text::nearest(value, known.iter().copied());
    let hint = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if known.is_empty() => "none is taken here".to_owned(),
        None => format!("it takes {}", known.join(", ")),
    };
    let shown = shortened(value);
    let detail = if name == value {
        format!("unknown {what} `{shown}`: {hint}")
    } else {
        format!("unknown {what} `{name}`: `{shown}`; {hint}")
    };
    let problem = ProblemDetails::parameter(name, detail);
    match nearest {
        Some(nearest) => problem.about("nearest", nearest.into()),
        None => problem,
    }
}

/// A JSON body; an empty one stands for no wish at all.
pub(super) fn json_body<T: DeserializeOwned + Default>(
    body: Result<Bytes, BytesRejection>,
) -> Result<T, ProblemDetails> {
    let bytes = body.map_err(|rejection| match rejection.status().as_u16() {
        413 => ProblemDetails::too_large(BODY_LIMIT),
        _ => ProblemDetails::body("the request body broke off".to_owned()),
    })?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(T::default());
    }
    // A list would do, too, for what is read into a structure: field by field, without their names.
    if bytes.trim_ascii_start().starts_with(b"[") {
        let detail = "the request body is a list, not a JSON object".to_owned();
        return Err(ProblemDetails::body(detail));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| ProblemDetails::body(format!("the request body is no such JSON: {error}")))
}
