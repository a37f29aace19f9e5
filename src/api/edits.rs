//! Definitions changed by a program: created, replaced, patched, rolled back, deleted; each answered with what it changed.
//!
//! Owns ETags (the version of a definition), `If-Match` and `dry_run`. Where a definition lives, and whether it is legal, is
//! judged behind the door.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::app::App;
use super::definition::Body;
use super::dto::{Change, EditedJob, List, one_more, page};
use super::openapi::{JobDefinition, JobPatch};
use super::params::{Params, Segment, Segments, json_body, unknown};
use super::problem::ProblemDetails;
use crate::driver::{Definition, EditOptions, Edited, JobEdit};
use crate::model::{JobId, JobStatus, JobVersion, Problem, Refusal, Source};

/// Makes a job. It lives in the store (`source=api`, the default) or in jobs.yaml (`source=file`).
#[utoipa::path(
    post,
    path = "/api/v1/jobs",
    params(("source" = String, Query), ("dry_run" = String, Query)),
    request_body = JobDefinition,
    responses((status = 201, description = "The job", body = EditedJob), (status = 200, description = "With `dry_run`: what would change", body = EditedJob)),
)]
pub(super) async fn create(
    app: App,
    headers: HeaderMap,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ProblemDetails> {
    let params = Params::read(&uri, &["source", "dry_run"])?;
    let options = options(&params, &headers)?;
    let mut definition = definition(body)?;
    let said = definition.remove("source");
    let source = match (params.one("source")?, said.as_ref()) {
        (Some(word), _) => source(word)?,
        (None, Some(Value::String(word))) => source(word)?,
        (None, None | Some(Value::Null)) => Source::Api,
        (None, Some(_)) => return Err(invalid("source", "it is `file` or `api`")),
    };
    let id = match definition.get("id") {
        Some(Value::String(text)) => {
            JobId::new(text).map_err(|error| invalid("id", &error.to_string()))?
        }
        Some(_) => return Err(invalid("id", "it is a text such as `nightly-backup`")),
        None => return Err(invalid("id", "a job needs an `id` such as `nightly-backup`")),
    };
    let edit = JobEdit::Create { definition, source };
    let edited = app.engine_api.edit_job(&id, edit, options).await?;
    let mut response = answer(edited, options);
    if !options.dry_run {
        *response.status_mut() = StatusCode::CREATED;
        if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/jobs/{id}")) {
            response.headers_mut().insert(header::LOCATION, place);
        }
    }
    Ok(response)
}

/// A job, its version as ETag.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    params(("id" = String, Path)),
    responses((status = 200, description = "The job", body = JobStatus)),
)]
pub(super) async fn show(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Response, ProblemDetails> {
    Params::read(&uri, &[])?;
    let id = app.job_id(&id).await?;
    let job = app.engine_api.job(&id).await?;
    Ok(with_tag(Json(&job).into_response(), &job))
}

/// The definition says this from now on, and no more.
#[utoipa::path(
    put,
    path = "/api/v1/jobs/{id}",
    params(("id" = String, Path), ("dry_run" = String, Query)),
    request_body = JobDefinition,
    responses((status = 200, description = "The job, and what was changed", body = EditedJob)),
)]
pub(super) async fn replace(
    app: App,
    Segment(id): Segment,
    headers: HeaderMap,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ProblemDetails> {
    change(&app, &id, (&headers, &uri), body, JobEdit::Replace).await
}

/// These keys change; one that is null goes (RFC 7396).
#[utoipa::path(
    patch,
    path = "/api/v1/jobs/{id}",
    params(("id" = String, Path), ("dry_run" = String, Query)),
    request_body = JobPatch,
    responses((status = 200, description = "The job, and what was changed", body = EditedJob)),
)]
pub(super) async fn patch(
    app: App,
    Segment(id): Segment,
    headers: HeaderMap,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ProblemDetails> {
    change(&app, &id, (&headers, &uri), body, JobEdit::Patch).await
}

/// What the body says becomes an edit of the job.
async fn change(
    app: &App,
    id: &str,
    (headers, uri): (&HeaderMap, &Uri),
    body: Result<Bytes, BytesRejection>,
    of: fn(Definition) -> JobEdit,
) -> Result<Response, ProblemDetails> {
    let options = options(&Params::read(uri, &["dry_run"])?, headers)?;
    let definition = definition(body)?;
    let id = app.job_id(id).await?;
    same_id(&id, &definition)?;
    edit(app, &id, of(definition), options).await
}

/// The job goes; its history stays.
#[utoipa::path(
    delete,
    path = "/api/v1/jobs/{id}",
    params(("id" = String, Path), ("dry_run" = String, Query)),
    responses((status = 200, description = "What was changed", body = EditedJob)),
)]
pub(super) async fn delete(
    app: App,
    Segment(id): Segment,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ProblemDetails> {
    let options = options(&Params::read(&uri, &["dry_run"])?, &headers)?;
    let id = app.job_id(&id).await?;
    edit(&app, &id, JobEdit::Delete, options).await
}

/// The schedule of the job fires again.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/enable",
    params(("id" = String, Path), ("dry_run" = String, Query)),
    responses((status = 200, description = "The job, and what was changed", body = EditedJob)),
)]
pub(super) async fn enable(
    app: App,
    Segment(id): Segment,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ProblemDetails> {
    set_enabled(app, &id, &headers, &uri, true).await
}

/// The schedule of the job does not fire any more: a change of its definition, other than a pause.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/disable",
    params(("id" = String, Path), ("dry_run" = String, Query)),
    responses((status = 200, description = "The job, and what was changed", body = EditedJob)),
)]
pub(super) async fn disable(
    app: App,
    Segment(id): Segment,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ProblemDetails> {
    set_enabled(app, &id, &headers, &uri, false).await
}

async fn set_enabled(
    app: App,
    id: &str,
    headers: &HeaderMap,
    uri: &Uri,
    enabled: bool,
) -> Result<Response, ProblemDetails> {
    let options = options(&Params::read(uri, &["dry_run"])?, headers)?;
    let id = app.job_id(id).await?;
    let patch = Definition::from_iter([("enabled".to_owned(), Value::Bool(enabled))]);
    edit(&app, &id, JobEdit::Patch(patch), options).await
}

/// The versions of a definition, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/versions",
    params(("id" = String, Path), ("limit" = String, Query), ("cursor" = String, Query)),
    responses((status = 200, description = "The versions", body = List<JobVersion>)),
)]
pub(super) async fn versions(
    app: App,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<List<JobVersion>>, ProblemDetails> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(100);
    let before = params.number("cursor", 1..=u64::from(u32::MAX))?;
    let id = app.job_id(&id).await?;
    let before = before.and_then(|before| u32::try_from(before).ok());
    let rows = app.engine_api.versions(&id, before, one_more(limit)).await?;
    Ok(Json(page(rows, limit, |row| row.version.to_string())))
}

/// The definition says again what it said in an earlier version: as a new version.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/versions/{version}/rollback",
    params(("id" = String, Path), ("version" = String, Path), ("dry_run" = String, Query)),
    responses((status = 200, description = "The job, and what was changed", body = EditedJob)),
)]
pub(super) async fn roll_back(
    app: App,
    Segments(id, version): Segments,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ProblemDetails> {
    let options = options(&Params::read(&uri, &["dry_run"])?, &headers)?;
    let number = version.parse().map_err(|_| {
        ProblemDetails::no_route(uri.path(), "the number of a version is one of …/versions")
    })?;
    let id = app.job_id(&id).await?;
    edit(&app, &id, JobEdit::RollBack(number), options).await
}

async fn edit(
    app: &App,
    id: &JobId,
    edit: JobEdit,
    options: EditOptions,
) -> Result<Response, ProblemDetails> {
    Ok(answer(app.engine_api.edit_job(id, edit, options).await?, options))
}

fn answer(edited: Edited, options: EditOptions) -> Response {
    let Edited { job, plan, diff } = edited;
    let job = job.filter(|_| !options.dry_run);
    let view = EditedJob { change: Change { plan, diff }, job: job.clone() };
    let response = Json(view).into_response();
    match job {
        Some(job) => with_tag(response, &job),
        None => response,
    }
}

fn with_tag(mut response: Response, job: &Arc<JobStatus>) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", job.version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn options(params: &Params, headers: &HeaderMap) -> Result<EditOptions, ProblemDetails> {
    Ok(EditOptions { dry_run: params.flag("dry_run")?, if_version: if_match(headers)? })
}

/// The version that `If-Match` asks for. A tag that no version has (a weak one, too) cannot match; `*` fits any.
fn if_match(headers: &HeaderMap) -> Result<Option<u32>, ProblemDetails> {
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

/// The body as a definition. What the API tells about a job beside it may stand in it and says nothing.
fn definition(body: Result<Bytes, BytesRejection>) -> Result<Definition, ProblemDetails> {
    let mut definition = json_body::<Body>(body)?.checked()?;
    definition.remove("change");
    Ok(definition)
}

fn same_id(id: &JobId, definition: &Definition) -> Result<(), ProblemDetails> {
    match definition.get("id") {
        None => Ok(()),
        Some(Value::String(said)) if said == id.as_str() => Ok(()),
        Some(_) => Err(invalid("id", &format!("it is `{id}` in the path: an id never changes"))),
    }
}

fn source(word: &str) -> Result<Source, ProblemDetails> {
    match word {
        "file" => Ok(Source::File),
        "api" => Ok(Source::Api),
        other => Err(unknown("value of", "source", other, &["file", "api"])),
    }
}

fn invalid(path: &str, message: &str) -> ProblemDetails {
    Refusal::Invalid(vec![Problem { path: path.to_owned(), message: message.to_owned() }]).into()
}
