//! The arguments of `api_call`, and how they are checked.

use std::fmt;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use crate::commands::args::{ArgReader, clip, kind};
use crate::commands::command::{ArgProblem, Args};

/// What is to be sent and what is expected.
pub(in crate::commands) struct ApiCallArgs {
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) expect_status: Expected,
    pub(super) timeout: Duration,
    pub(super) max_redirects: usize,
    pub(super) ca_file: Option<String>,
}

/// The body of a request.
#[derive(Clone)]
pub(super) enum Body {
    None,
    Text(String),
    /// A map or a list, sent as JSON.
    Json(Value),
}

/// The statuses that mean success.
pub(super) enum Expected {
    /// 200-299.
    Success,
    OneOf(Vec<u16>),
}

impl Expected {
    pub(super) fn accepts(&self, status: StatusCode) -> bool {
        match self {
            Self::Success => status.is_success(),
            Self::OneOf(codes) => codes.contains(&status.as_u16()),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("200-299"),
            Self::OneOf(codes) => {
                let codes: Vec<_> = codes.iter().map(u16::to_string).collect();
                f.write_str(&codes.join(" or "))
            }
        }
    }
}

const METHODS: [(&str, Method); 7] = [
    ("GET", Method::GET),
    ("HEAD", Method::HEAD),
    ("POST", Method::POST),
    ("PUT", Method::PUT),
    ("PATCH", Method::PATCH),
    ("DELETE", Method::DELETE),
    ("OPTIONS", Method::OPTIONS),
];

/// Checks the arguments. Without `method` it is GET, with a body POST.
pub(super) fn parse(args: &Args) -> Result<ApiCallArgs, Vec<ArgProblem>> {
    let mut reader = ArgReader::new(args);
    let url = url(&mut reader);
    let words: Vec<_> = METHODS.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect();
    let method = reader.choice("method", &words).map(|at| METHODS[at].1.clone());
    let headers = headers(&mut reader);
    let body = match reader.value("body") {
        None => Body::None,
        Some(Value::String(text)) => Body::Text(text.clone()),
        Some(json @ (Value::Object(_) | Value::Array(_))) => Body::Json(json.clone()),
        Some(other) => {
            reader.wrong_type::<()>("body", "text, or a map or list to send as JSON", other);
            Body::None
        }
    };
    let expect_status = expected(&mut reader);
    let timeout = reader.duration("timeout");
    if timeout.is_some_and(|timeout| timeout.is_zero()) {
        reader.problem("timeout", "is zero: no answer comes in no time");
    }
    let max_redirects = reader.whole("max_redirects", 0..=20);
    let ca_file = reader.text("ca_file").map(str::to_owned);
    let default = if matches!(body, Body::None) { Method::GET } else { Method::POST };
    let parsed = url.map(|url| ApiCallArgs {
        url,
        method: method.unwrap_or(default),
        headers,
        body,
        expect_status,
        timeout: timeout.unwrap_or(Duration::from_secs(30)),
        max_redirects: max_redirects.map_or(10, |most| usize::try_from(most).unwrap_or(10)),
        ca_file,
    });
    reader.finish(parsed)
}

/// The address; messages never repeat it, since it may hold a password.
fn url(reader: &mut ArgReader<'_>) -> Option<Url> {
    let text = reader.required_text("url", "https://example.com/path")?;
    match Url::parse(text.trim()) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            let scheme = clip(url.scheme()).to_owned();
            reader
                .problem("url", format_args!("must begin with http:// or https://, not {scheme}:"));
            None
        }
        Ok(url) => Some(url),
        Err(fault) => {
            let example = "https://example.com/path";
            reader.problem("url", format_args!("is not a URL: {fault}; write it like {example}"));
            None
        }
    }
}

fn headers(reader: &mut ArgReader<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let given = match reader.value("headers") {
        None => return headers,
        Some(Value::Object(given)) => given,
        Some(other) => {
            reader.wrong_type::<()>("headers", "a map of names and values", other);
            return headers;
        }
    };
    for (name, value) in given {
        let path = format!("headers.{}", clip(name));
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            other => {
                reader.problem(&path, format_args!("must be text, not {}", kind(other)));
                continue;
            }
        };
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&text)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            (Err(_), _) => reader.problem(&path, "is not a valid header name"),
            (_, Err(_)) => {
                reader.problem(&path, "has a value that no header can hold (a line break?)");
            }
        }
    }
    headers
}

fn expected(reader: &mut ArgReader<'_>) -> Expected {
    let items = match reader.value("expect_status") {
        None => return Expected::Success,
        Some(Value::Array(items)) => items.as_slice(),
        Some(single) => std::slice::from_ref(single),
    };
    let code = |item: &Value| {
        item.as_u64().and_then(|code| u16::try_from(code).ok()).filter(|c| (100..=599).contains(c))
    };
    let codes: Vec<u16> = items.iter().filter_map(code).collect();
    if codes.is_empty() || codes.len() != items.len() {
        let message = "must be a status 100-599 or a list of them, such as 200 or [200, 204]";
        reader.problem("expect_status", message);
    }
    Expected::OneOf(codes)
}
