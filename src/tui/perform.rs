//! Carries requests out: each is a call through the door, and becomes an answer.
//!
//! Owns the translation between the screen's vocabulary and the door's. Never touches the model:
//! answers come back as messages, so drawing is never held up.

use std::io::Write;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::change::Change;
use super::message::{Answer, Asked, JobFacts, Outcome, Request};
use crate::driver::{Door, EditOptions, Edited};
use crate::model::{JobId, Refusal};
use crate::store::ExecutionQuery;

/// Fire times in a job's details.
const NEXT: usize = 10;
/// Executions that a job's rates are worked out from.
const RECENT: u32 = 50;
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
pub(crate) async fn perform(door: &Arc<dyn Door>, request: Request) -> Answer {
    let execution = |asked| move |result| Answer::Execution { asked, result };
    match request {
        Request::Run(id, options) => execution(Asked::Run)(door.run_job(&id, options).await),
        Request::Retry(id) => execution(Asked::Retry)(door.retry(id).await),
        Request::CancelExecution(id) => execution(Asked::Cancel)(door.cancel(id).await),
        Request::Change { change, origin } => {
            let result = carry_out(door, change.clone()).await;
            Answer::Changed { change, origin, result }
        }
        Request::Rehearse { change, origin } => {
            let result = rehearse(door, change.clone()).await;
            Answer::Rehearsed { change, origin, result }
        }
        Request::Judge { ticket, job, edit } => {
            let options = EditOptions { dry_run: true, if_version: None };
            Answer::Judged { ticket, result: door.edit_job(&job, edit, options).await }
        }
        Request::Preview { ticket, schedule, timezone } => {
            let result = door.preview(&schedule, timezone.as_deref(), PREVIEWED).await;
            Answer::Previewed { ticket, result }
        }
        Request::Versions(job) => {
            let result = door.versions(&job, VERSIONS).await;
            Answer::Versions { job, result }
        }
        Request::Each(requests) => {
            let mut answers = Vec::with_capacity(requests.len());
            for request in requests {
                answers.push(Box::pin(perform(door, request)).await);
            }
            Answer::Each(answers)
        }
        Request::PlanReload => Answer::Plan(door.plan_reload().await),
        Request::Reload => Answer::Reloaded(door.reload().await),
        Request::Executions { ticket, place, query } => {
            Answer::Page { ticket, place, result: door.executions(&query).await }
        }
        Request::JobFacts { job, from } => {
            let result = job_facts(door, &job, from).await;
            Answer::JobFacts { job, result }
        }
        Request::WhyJob(job, at) => {
            Answer::Why { about: job.to_string(), result: door.why_job(&job, at).await }
        }
        Request::WhyExecution(job, id) => {
            let about = format!("{job} {}", id.short());
            Answer::Why { about, result: door.why_execution(id).await }
        }
        Request::Execution(id) => Answer::Found(door.execution(&id.to_string()).await),
        Request::Counts(since) => Answer::Counts(door.counts(since).await),
        Request::Events => Answer::Events(door.newest_events(EVENTS).await),
        Request::Output { key, from } => {
            Answer::Output { key, from, result: door.output(key, from, OUTPUT_BYTES).await }
        }
        Request::Save { path, text } => {
            let target = path.clone();
            let written = tokio::task::spawn_blocking(move || save(&target, &text)).await;
            let result = match written {
                Ok(result) => result.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            Answer::Saved { path, result }
        }
    }
}

async fn carry_out(door: &Arc<dyn Door>, change: Change) -> Result<Outcome, Refusal> {
    let worker = |worker| Outcome::Worker(Box::new(worker));
    match change {
        Change::Pause { job, until, reason } => {
            door.pause(&job, until, reason).await.map(Outcome::Job)
        }
        Change::Resume { job } => door.resume(&job).await.map(Outcome::Job),
        Change::SkipNext { job, undo } => door.skip_next(&job, undo).await.map(Outcome::Job),
        Change::Acknowledge { execution, note, .. } => {
            door.acknowledge(execution, note).await.map(Outcome::Job)
        }
        Change::Drain { worker: id, drain, reason } => {
            door.drain(&id, drain, reason).await.map(worker)
        }
        Change::Capacity { worker: id, capacity } => {
            door.set_capacity(&id, capacity).await.map(worker)
        }
        Change::Edit { job, edit, if_version } => {
            let options = EditOptions { dry_run: false, if_version };
            door.edit_job(&job, edit, options).await.map(Outcome::Edited)
        }
    }
}

/// What an edit would change; nothing else can be rehearsed.
async fn rehearse(door: &Arc<dyn Door>, change: Change) -> Result<Edited, Refusal> {
    let Change::Edit { job, edit, if_version } = change else {
        return Err(Refusal::NotPossible("only an edit can be looked at before".to_owned()));
    };
    door.edit_job(&job, edit, EditOptions { dry_run: true, if_version }).await
}

async fn job_facts(
    door: &Arc<dyn Door>,
    job: &JobId,
    from: DateTime<Utc>,
) -> Result<JobFacts, Refusal> {
    let query =
        ExecutionQuery { job: Some(job.clone()), limit: RECENT, ..ExecutionQuery::default() };
    Ok(JobFacts {
        next: door.next_fire_times(job, from, NEXT).await?,
        executions: door.executions(&query).await?.items,
        ledger: door.ledger(job, RANGES).await?,
    })
}

/// Writes a file that does not exist yet: nothing is overwritten.
fn save(path: &str, text: &str) -> std::io::Result<usize> {
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    Ok(text.len())
}
