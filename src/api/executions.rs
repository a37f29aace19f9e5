//! `/api/v1/executions`: history and what is live, newest first.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::Uri;
use chrono::TimeDelta;

use super::app::App;
use super::dto::List;
use super::params::{Params, Segment, unknown};
use super::problem::ProblemDetails;
use crate::control::ExecutionView;
use crate::model::{ExecutionId, ExecutionQuery, StateName, Trigger, WorkerId};

const PARAMETERS: [&str; 10] =
    ["job", "status", "trigger", "worker", "since", "until", "q", "limit", "cursor", "after"];

const TRIGGERS: [Trigger; 6] = [
    Trigger::Schedule,
    Trigger::CatchUp,
    Trigger::Manual,
    Trigger::Dependency,
    Trigger::Retry,
    Trigger::Reboot,
];

/// A page of executions, newest first; the cursor leads to older ones. With `after` the page holds the nearest ones that
/// are newer than an execution, and the cursor is to be given as `after` again.
#[utoipa::path(
    get,
    path = "/api/v1/executions",
    params(("job" = String, Query), ("status" = String, Query), ("trigger" = String, Query), ("worker" = String, Query), ("since" = String, Query), ("until" = String, Query), ("q" = String, Query), ("limit" = String, Query), ("cursor" = String, Query), ("after" = String, Query)),
    responses((status = 200, description = "The executions", body = List<ExecutionView>)),
)]
pub(super) async fn list(app: App, uri: Uri) -> Result<Json<List<ExecutionView>>, ProblemDetails> {
    let query = query(&app, &Params::read(&uri, &PARAMETERS)?).await?;
    let page = app.engine_api.executions(&query).await?;
    let edge = if query.after.is_some() { page.items.first() } else { page.items.last() };
    let next_cursor = edge.filter(|_| page.more).map(|edge| edge.id.to_string());
    let items = page.items.into_iter().map(ExecutionView::from).collect();
    Ok(Json(List { items, next_cursor }))
}

/// An execution, by any unique beginning or end of its id.
#[utoipa::path(
    get,
    path = "/api/v1/executions/{id}",
    params(("id" = String, Path)),
    responses((status = 200, description = "The execution", body = ExecutionView)),
)]
pub(super) async fn show(
    app: App,
    Segment(part): Segment,
    uri: Uri,
) -> Result<Json<ExecutionView>, ProblemDetails> {
    Params::read(&uri, &[])?;
    Ok(Json(app.engine_api.execution(&part).await?.into()))
}

async fn query(app: &App, params: &Params) -> Result<ExecutionQuery, ProblemDetails> {
    // A job long gone still has its history, so any legal id may be asked for.
    let job = match params.one("job")? {
        Some(text) => Some(app.job_id(text).await?),
        None => None,
    };
    let worker = match params.one("worker")? {
        Some(text) => Some(worker_id(text)?),
        None => None,
    };
    let (words, without) = words(params.one("q")?.unwrap_or_default())?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(100);
    Ok(ExecutionQuery {
        job,
        states: states(params)?,
        trigger: params.given("trigger")?.map(trigger).transpose()?,
        worker,
        since: params.instant("since")?,
        until: params.instant("until")?,
        words,
        without,
        before: params.one("cursor")?.map(|text| cursor("cursor", text)).transpose()?,
        after: params.one("after")?.map(|text| cursor("after", text)).transpose()?,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
    })
}

fn states(params: &Params) -> Result<Vec<StateName>, ProblemDetails> {
    let parse = |word: &str| {
        StateName::parse(word).ok_or_else(|| {
            let known = StateName::ALL.map(StateName::as_str);
            unknown("value of", "status", word, &known)
        })
    };
    params.all("status").map(parse).collect()
}

fn trigger(word: &str) -> Result<Trigger, ProblemDetails> {
    let found = TRIGGERS.into_iter().find(|trigger| trigger.as_str() == word);
    let known = TRIGGERS.map(Trigger::as_str);
    found.ok_or_else(|| unknown("value of", "trigger", word, &known))
}

fn worker_id(text: &str) -> Result<WorkerId, ProblemDetails> {
    WorkerId::new(text).map_err(|error| ProblemDetails::parameter("worker", error.to_string()))
}

fn cursor(name: &str, text: &str) -> Result<ExecutionId, ProblemDetails> {
    let detail = format!("`{name}` is what `next_cursor` of the list before said");
    text.parse().map_err(|_| ProblemDetails::parameter(name, detail))
}

/// The words that a row must hold and, after `!`, those that it must not.
fn words(text: &str) -> Result<(Vec<String>, Vec<String>), ProblemDetails> {
    if text.chars().count() > 200 {
        let detail = "`q` holds at most 200 characters".to_owned();
        return Err(ProblemDetails::parameter("q", detail));
    }
    let (without, words): (Vec<&str>, Vec<&str>) =
        text.split_whitespace().partition(|word| word.starts_with('!'));
    let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    let without: Vec<String> = without
        .into_iter()
        .map(|word| word.trim_start_matches('!').to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    Ok((words, without))
}

/// How many executions created since an instant (in the last day, if none is said) are in each state.
#[utoipa::path(
    get,
    path = "/api/v1/counts",
    params(("since" = String, Query)),
    responses((status = 200, description = "A number for each state", body = BTreeMap<StateName, u64>)),
)]
pub(super) async fn counts(
    app: App,
    uri: Uri,
) -> Result<Json<BTreeMap<StateName, u64>>, ProblemDetails> {
    let since = Params::read(&uri, &["since"])?.instant("since")?;
    let since = since.unwrap_or_else(|| app.now() - TimeDelta::days(1));
    Ok(Json(app.engine_api.counts(since).await?.into_iter().collect()))
}
