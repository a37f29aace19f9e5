//! Carries requests out: each is a call of the engine's API, and becomes an answer.
//!
//! Owns the translation between the screen's vocabulary and the verbs. Never touches the model:
//! answers come back as messages, so drawing is never held up.

use std::io::Write;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::change::{Change, Note};
use super::message::{Answer, Asked, JobFacts, Outcome, Request};
use super::model::load::Timeline;
use crate::control::{
    AcknowledgeJob, CancelExecution, DrainWorker, EditedJob, PauseJob, ReloadJobs, ResumeJob,
    RetryExecution, SetWorkerCapacity, SkipNextFireTime, UnacknowledgeJob, UndrainWorker,
};
use crate::driver::{EditOptions, EngineApi, ask};
use crate::model::{Execution, ExecutionId, ExecutionQuery, JobId, Refusal};

/// Fire times in a job's details.
const NEXT: usize = 10;
/// Executions that a job's rates are worked out from.
const RECENT: u32 = 50;
/// Executions that the last hour is counted from.
const COUNTED: u32 = 1_000;
/// Jobs whose fire times are asked for at once.
const AT_ONCE: usize = 8;
/// Minutes of an hour.
const IN_AN_HOUR: usize = 60;
/// Fire times that are asked for at once.
const ASKED: usize = 500;
/// Minutes of a day.
const DAY: usize = 1_440;
/// Versions of a definition that are shown.
const VERSIONS: u32 = 100;
/// Fire times under a schedule that is being typed.
const PREVIEWED: usize = 5;
/// Ranges of the ledger in a job's details.
const RANGES: u32 = 5;
/// Events in the log at its opening.
const EVENTS: u32 = 200;
/// Bytes of output that are read at once.
const OUTPUT_BYTES: u64 = 256 << 10;

/// Carries a request out.
pub(crate) async fn perform(engine_api: &Arc<dyn EngineApi>, request: Request) -> Answer {
    let execution = |asked| move |result| Answer::Execution { asked, result };
    let api = &**engine_api;
    match request {
        Request::Run(id, options) => execution(Asked::Run)(engine_api.run_job(&id, options).await),
        Request::Retry(id) => execution(Asked::Retry)(retry(engine_api, id).await),
        Request::CancelExecution(id) => execution(Asked::Cancel)(cancel(engine_api, id).await),
        Request::Change { change, origin } => {
            let result = carry_out(engine_api, change.clone()).await;
            Answer::Changed { change, origin, result }
        }
        Request::Rehearse { change, origin } => {
            let result = rehearse(engine_api, change.clone()).await;
            Answer::Rehearsed { change, origin, result }
        }
        Request::Judge { ticket, job, edit } => {
            let options = EditOptions { dry_run: true, if_version: None };
            Answer::Judged { ticket, result: engine_api.edit_job(&job, edit, options).await }
        }
        Request::Preview { ticket, schedule, timezone } => {
            let result = engine_api.preview(&schedule, timezone.as_deref(), PREVIEWED).await;
            Answer::Previewed { ticket, result }
        }
        Request::Versions(job) => {
            let result = engine_api.versions(&job, None, VERSIONS).await;
            Answer::Versions { job, result }
        }
        Request::Each(requests) => {
            let mut answers = Vec::with_capacity(requests.len());
            for request in requests {
                answers.push(Box::pin(perform(engine_api, request)).await);
            }
            Answer::Each(answers)
        }
        Request::PlanReload => Answer::Plan(ask(api, ReloadJobs { dry_run: true }).await),
        Request::Reload => Answer::Reloaded(ask(api, ReloadJobs { dry_run: false }).await),
        Request::Executions { ticket, place, query } => {
            Answer::Page { ticket, place, result: engine_api.executions(&query).await }
        }
        Request::JobFacts { job, from } => {
            let result = job_facts(engine_api, &job, from).await;
            Answer::JobFacts { job, result }
        }
        Request::WhyJob(job, at) => {
            Answer::Why { about: job.to_string(), result: engine_api.why_job(&job, at).await }
        }
        Request::WhyExecution(job, id) => {
            let about = format!("{job} {}", id.short());
            Answer::Why { about, result: engine_api.why_execution(id).await }
        }
        Request::Execution(id) => Answer::Found(engine_api.execution(&id.to_string()).await),
        Request::Counts(since) => Answer::Counts(engine_api.counts(since).await),
        Request::Load => {
            let query = ExecutionQuery { limit: COUNTED, ..ExecutionQuery::default() };
            Answer::Load(engine_api.executions(&query).await)
        }
        Request::Timeline { jobs, from } => {
            Answer::Timeline(timeline(engine_api, &jobs, from).await)
        }
        Request::Events => Answer::Events(engine_api.newest_events(EVENTS).await),
        Request::Output { key, from } => {
            Answer::Output { key, from, result: engine_api.output(key, from, OUTPUT_BYTES).await }
        }
        Request::Save { path, text } => save_to(path, text).await,
    }
}

async fn retry(
    engine_api: &Arc<dyn EngineApi>,
    id: ExecutionId,
) -> Result<Arc<Execution>, Refusal> {
    Ok(ask(&**engine_api, RetryExecution { id: id.to_string() }).await?.execution)
}

async fn cancel(
    engine_api: &Arc<dyn EngineApi>,
    id: ExecutionId,
) -> Result<Arc<Execution>, Refusal> {
    Ok(ask(&**engine_api, CancelExecution { id: id.to_string(), abandon: false }).await?.execution)
}

/// Writes a file beside the screen's runtime.
async fn save_to(path: String, text: String) -> Answer {
    let target = path.clone();
    let written = tokio::task::spawn_blocking(move || save(&target, &text)).await;
    let result = written.map_err(std::io::Error::from).flatten();
    let result = result.map_err(|error| error.to_string());
    let path = std::path::absolute(&path).map_or(path, |it| it.display().to_string());
    Answer::Saved { path, result }
}

async fn carry_out(engine_api: &Arc<dyn EngineApi>, change: Change) -> Result<Outcome, Refusal> {
    let api = &**engine_api;
    match change {
        Change::Pause { job, until, reason } => {
            ask(api, PauseJob { id: job.to_string(), until, reason }).await.map(drop)?;
        }
        Change::Resume { job } => ask(api, ResumeJob { id: job.to_string() }).await.map(drop)?,
        Change::SkipNext { job, undo } => {
            ask(api, SkipNextFireTime { id: job.to_string(), undo }).await.map(drop)?;
        }
        Change::Acknowledge { job, note: Some(Note { text, until }) } => {
            let id = job.to_string();
            ask(api, AcknowledgeJob { id, note: text, until }).await.map(drop)?;
        }
        Change::Acknowledge { job, note: None } => {
            ask(api, UnacknowledgeJob { id: job.to_string() }).await.map(drop)?;
        }
        Change::Drain { worker, drain: true, reason } => {
            ask(api, DrainWorker { id: worker.to_string(), reason }).await.map(drop)?;
        }
        Change::Drain { worker, drain: false, reason } => {
            ask(api, UndrainWorker { id: worker.to_string(), reason }).await.map(drop)?;
        }
        Change::Capacity { worker, capacity } => {
            ask(api, SetWorkerCapacity { id: worker.to_string(), capacity }).await.map(drop)?;
        }
        Change::Edit { job, edit, if_version } => {
            let options = EditOptions { dry_run: false, if_version };
            let edited = api.edit_job(&job, edit, options).await?;
            return Ok(Outcome::Edited(Box::new(edited)));
        }
    }
    Ok(Outcome::Done)
}

/// What an edit would change; nothing else can be rehearsed.
async fn rehearse(engine_api: &Arc<dyn EngineApi>, change: Change) -> Result<EditedJob, Refusal> {
    let Change::Edit { job, edit, if_version } = change else {
        return Err(Refusal::NotPossible("only an edit can be looked at before".to_owned()));
    };
    engine_api.edit_job(&job, edit, EditOptions { dry_run: true, if_version }).await
}

/// The fire times of a day, counted. Jobs that fire once a minute or more often are only counted
/// as such: they pile up nowhere.
async fn timeline(
    engine_api: &Arc<dyn EngineApi>,
    jobs: &[JobId],
    from: DateTime<Utc>,
) -> Result<Timeline, Refusal> {
    let mut timeline = Timeline::new(from);
    for some in jobs.chunks(AT_ONCE) {
        let asked =
            some.iter().map(|job| fire_times_of_a_day(engine_api, job, from, timeline.end()));
        for times in futures_util::future::join_all(asked).await {
            match times {
                Ok(Some(times)) => times.into_iter().for_each(|at| timeline.add(at)),
                Ok(None) => timeline.frequent += 1,
                Err(Refusal::UnknownJob { .. }) => {} // It has gone meanwhile.
                Err(refusal) => return Err(refusal),
            }
        }
    }
    Ok(timeline)
}

/// `None` where there is one a minute or more.
async fn fire_times_of_a_day(
    engine_api: &Arc<dyn EngineApi>,
    job: &JobId,
    from: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Result<Option<Vec<DateTime<Utc>>>, Refusal> {
    // A few tell those apart: the engine must not be kept from firing to count what fires all day.
    let first = engine_api.next_fire_times(job, from, IN_AN_HOUR).await?;
    let within = |at: &DateTime<Utc>| *at <= from + TimeDelta::hours(1);
    if first.len() >= IN_AN_HOUR && first.last().is_some_and(within) {
        return Ok(None);
    }
    if first.len() < IN_AN_HOUR || first.last().is_some_and(|at| *at >= end) {
        return Ok(Some(first.into_iter().filter(|at| *at < end).collect()));
    }
    let mut times = first;
    while times.len() <= DAY {
        let after = times.last().copied().unwrap_or(from);
        let more = engine_api.next_fire_times(job, after, ASKED).await?;
        // A door that does not get on has no more, whatever it says.
        let goes_on = more.len() >= ASKED && more.last().is_some_and(|at| *at > after && *at < end);
        times.extend(more.into_iter().filter(|at| *at < end && *at > after));
        if !goes_on {
            return Ok(Some(times));
        }
    }
    Ok(None)
}

async fn job_facts(
    engine_api: &Arc<dyn EngineApi>,
    job: &JobId,
    from: DateTime<Utc>,
) -> Result<JobFacts, Refusal> {
    let query =
        ExecutionQuery { job: Some(job.clone()), limit: RECENT, ..ExecutionQuery::default() };
    Ok(JobFacts {
        next: engine_api.next_fire_times(job, from, NEXT).await?,
        executions: engine_api.executions(&query).await?.items,
        ledger: engine_api.ledger(job, None, RANGES).await?,
    })
}

/// Writes a file that does not exist yet: nothing is overwritten.
fn save(path: &str, text: &str) -> std::io::Result<usize> {
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    Ok(text.len())
}
