//! `If-Match`: the version of a definition that a request insists on.

use axum::http::{HeaderMap, header};

use super::problem::ProblemDetails;

/// The version that `If-Match` asks for. A tag that no version has (a weak one, too) cannot match; `*` fits any.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<u32>, ProblemDetails> {
    let mut given = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|_| given.next().is_none());
    let no_tag = || {
        let detail = "`If-Match` takes one ETag as a job came with it, such as \"3\", or *";
        ProblemDetails::parameter("If-Match", detail.to_owned())
    };
    let text = text.ok_or_else(no_tag)?;
    if text == "*" {
        return Ok(None);
    }
    let quoted = text.strip_prefix("W/").unwrap_or(text);
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let is_weak = quoted != text;
    match (inside.filter(|inside| !inside.contains('"')), text.parse()) {
        (Some(inside), _) if !is_weak => {
            inside.parse().map(Some).map_err(|_| ProblemDetails::tag())
        }
        (Some(_), _) => Err(ProblemDetails::tag()),
        (None, Ok(number)) => Ok(Some(number)),
        (None, Err(_)) => Err(no_tag()),
    }
}
