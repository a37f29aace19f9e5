//! `/api/openapi.json`, and `/docs`, where a browser shows it: Swagger UI, out of the program itself.
//!
//! A browser cannot show a bearer token where it is only led to, so the guard takes one here as the password of HTTP's
//! Basic scheme, too; it does nowhere else.

use std::sync::{Arc, LazyLock};

use axum::body::Bytes;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa_swagger_ui::Config;

use super::app::App;
use super::openapi;
use super::params::Params;
use super::problem::ProblemDetails;

/// Where the document is.
pub(super) const DOCUMENT: &str = "/api/openapi.json";
/// Where the pages are.
pub(super) const PAGES: &str = "/docs";

/// Nothing is loaded from elsewhere, and nobody else shows these pages inside their own.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Whether a browser comes here by itself, with nothing to show but what it asks its user for.
pub(super) fn is_shown_in_browsers(path: &str) -> bool {
    path == DOCUMENT || path == PAGES || path.starts_with("/docs/")
}

/// The OpenAPI document.
pub(super) async fn document(_: App, uri: Uri) -> Result<Response, ProblemDetails> {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        let text = openapi::document().to_json().unwrap_or_default();
        text.into()
    });
    Params::read(&uri, &[])?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, TEXT.clone()).into_response())
}

/// The pages' beginning: their names are relative to a folder.
pub(super) async fn to_pages(_: App) -> Redirect {
    Redirect::permanent("/docs/")
}

/// A file of the pages.
pub(super) async fn pages(_: App, uri: Uri) -> Response {
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from(DOCUMENT).try_it_out_enabled(false)));
    let name = uri.path().trim_start_matches("/docs/");
    let headers =
        [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    match utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => {
            let kind = [(header::CONTENT_TYPE, file.content_type)];
            (StatusCode::OK, headers, kind, file.bytes.into_owned()).into_response()
        }
        Ok(None) => ProblemDetails::no_route(uri.path(), "see /docs").into_response(),
        Err(error) => {
            tracing::error!(%error, "the pages of /docs cannot be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
