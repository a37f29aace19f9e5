//! `/api/v1/schedule/preview`: what a schedule means, before a job has it.

use axum::Json;
use axum::http::Uri;

use super::app::App;
use super::params::Params;
use super::problem::ProblemDetails;
use crate::driver::Preview;

/// So many characters has no schedule that makes sense; the judge behind the door has a bound of its own.
const LONGEST: usize = 1_000;

/// What a schedule means in a zone, and when it fires next.
#[utoipa::path(
    get,
    path = "/api/v1/schedule/preview",
    params(("expr" = String, Query), ("tz" = String, Query), ("count" = String, Query)),
    responses((status = 200, description = "What it means", body = Preview)),
)]
pub(super) async fn preview(app: App, uri: Uri) -> Result<Json<Preview>, ProblemDetails> {
    let params = Params::read(&uri, &["expr", "tz", "count"])?;
    let count = params.number("count", 1..=1_000)?.unwrap_or(5);
    let missing = || "`expr` is the schedule: `expr=weekdays%20at%209:30`".to_owned();
    let schedule = params.one("expr")?;
    let schedule = schedule.ok_or_else(|| ProblemDetails::parameter("expr", missing()))?;
    if schedule.chars().count() > LONGEST {
        let detail = format!("`expr` holds at most {LONGEST} characters");
        return Err(ProblemDetails::parameter("expr", detail));
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    Ok(Json(app.engine_api.preview(schedule, params.one("tz")?, count).await?))
}
