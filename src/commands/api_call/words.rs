//! What `api_call` says of an address and of a failure to reach it.
//!
//! Owns what of a URL is shown. Knows nothing of what is sent.

use std::error::Error;

use reqwest::Url;

use crate::commands::command::CommandError;

/// A URL without what may be secret: user info, query, fragment.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let query = if url.query().is_some() { "?…" } else { "" };
    format!("{}://{host}{port}{}{query}", url.scheme(), url.path())
}

/// What went wrong, down to its root ("connection refused", "certificate expired").
pub(super) fn failure(target: &str, fault: reqwest::Error) -> CommandError {
    let what = if fault.is_connect() { "cannot be reached" } else { "did not answer properly" };
    // The URL inside may hold secrets; `target` does not.
    let fault = fault.without_url();
    let mut root: &dyn Error = &fault;
    while let Some(source) = root.source() {
        root = source;
    }
    CommandError(format!("{target} {what}: {root}"))
}
