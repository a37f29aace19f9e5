//! `api_call`: one HTTP request, which succeeds by its status.
//!
//! Owns the request and what is reported of the answer; `args` checks the arguments, `client` knows TLS, `redirects` where
//! answers lead, `words` what is said of an address. What may be secret (user info and query of the URL, headers, the
//! request's body) is never shown.

mod args;
mod client;
mod redirects;
mod words;

#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::args::ApiCallArgs;
use self::words::{failure, shown};
use super::builtin::{BuiltIn, stopped};
use crate::commands::command::{ArgProblem, Args, CommandError, Context};
use crate::model::text;

/// How much of an answer's body is kept; the rest is not even received.
const MAX_BODY: usize = 64 * 1024;

/// How much of it the result holds, as JSON. With a URL and a content type of 4 KiB each it still fits into 64 KiB, the
/// bound of a result.
const MAX_RESULT_BODY: usize = 56 * 1024;

/// Sends a request and expects a status.
pub(super) struct ApiCall;

#[async_trait]
impl BuiltIn for ApiCall {
    type Parsed = ApiCallArgs;

    fn parse(args: &Args) -> Result<ApiCallArgs, Vec<ArgProblem>> {
        args::parse(args)
    }

    async fn carry_out(context: Context, args: ApiCallArgs) -> Result<Value, CommandError> {
        let limit = args.timeout;
        let target = shown(&args.url);
        tokio::select! {
            () = context.stop.cancelled() => Err(stopped()),
            answer = tokio::time::timeout(limit, call(&context, args)) => match answer {
                Ok(answer) => answer,
                Err(_elapsed) => {
                    let limit = text::format_duration(limit);
                    Err(CommandError(format!("{target} did not answer within {limit}")))
                }
            },
        }
    }
}

async fn call(context: &Context, args: ApiCallArgs) -> Result<Value, CommandError> {
    let target = shown(&args.url);
    let ca_file = args.ca_file.as_ref().map(|path| context.working_dir.join(path));
    let client = client::build(args.url.scheme(), ca_file).await?;
    context.say(&format!("{} {target}", args.method));
    let start = Instant::now();
    let request = redirects::Request {
        method: args.method,
        url: args.url,
        headers: args.headers,
        body: args.body,
    };
    let mut response = redirects::send(&client, request, args.max_redirects).await?;
    let status = response.status();
    let (body, truncated) =
        first_part(&mut response).await.map_err(|fault| failure(&target, fault))?;
    let elapsed = start.elapsed();

    context.say(&format!("{status} in {}", text::format_duration(round_up(elapsed))));
    say_body(context, &body, truncated);
    let (body, cut) = fitting(&body);
    if !args.expect_status.accepts(status) {
        let expected = &args.expect_status;
        return Err(CommandError(format!("{target} answered {status}, expected {expected}")));
    }
    Ok(json!({
        "status": status.as_u16(),
        "time_ms": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "url": shown(response.url()),
        "content_type": response.headers().get("content-type").and_then(|v| v.to_str().ok()),
        "body": body,
        "body_truncated": truncated || cut,
    }))
}

/// The output is for people: of a picture or an archive, it shows only how much came.
fn say_body(context: &Context, body: &[u8], truncated: bool) {
    if body.contains(&0) {
        context.say(&format!("({} of binary data)", text::format_size(body.len() as u64)));
    } else if !body.is_empty() {
        context.say(String::from_utf8_lossy(body).trim_end());
    }
    if truncated {
        context.say(&format!("(cut after {})", text::format_size(MAX_BODY as u64)));
    }
}

/// The body up to [`MAX_BODY`], and whether there was more.
async fn first_part(response: &mut Response) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MAX_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((body, true));
        }
    }
    Ok((body, false))
}

/// The body as text, cut so that it takes at most [`MAX_RESULT_BODY`] bytes as JSON: the result as a whole is bounded, and
/// status and time must not be lost for the sake of the body. Also whether it was cut.
fn fitting(body: &[u8]) -> (String, bool) {
    let mut text = String::from_utf8_lossy(body).into_owned();
    let mut length = 0;
    let end = text.char_indices().find_map(|(at, character)| {
        length += serde_json::to_string(&character).map_or(1, |json| json.len() - 2);
        (length > MAX_RESULT_BODY).then_some(at)
    });
    if let Some(end) = end {
        text.truncate(end);
    }
    (text, end.is_some())
}

/// At least a millisecond, so that a fast answer is not shown as `0s`.
fn round_up(elapsed: Duration) -> Duration {
    elapsed.max(Duration::from_millis(1))
}
