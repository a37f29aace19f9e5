//! Carries requests out: each is a call through the door, and becomes an answer.
//!
//! Owns the translation between the screen's vocabulary and the door's. Never touches the model:
//! answers come back as messages, so drawing is never held up.

use std::io::Write;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::message::{Answer, Asked, JobFacts, Request};
use crate::driver::Door;
use crate::model::{JobId, Refusal};
use crate::store::ExecutionQuery;

/// Fire times in a job's details.
const NEXT: usize = 10;
/// Executions that a job's rates are worked out from.
const RECENT: u32 = 50;
/// Ranges of the ledger in a job's details.
const RANGES: u32 = 5;
/// Events in the log at its opening.
const EVENTS: u32 = 200;
/// Bytes of output that are read at once.
const OUTPUT_BYTES: u64 = 256 << 10;

/// Carries a request out.
pub(crate) async fn perform(door: &Arc<dyn Door>, request: Request) -> Answer {
    let execution = |asked| move |result| Answer::Execution { asked, result };
    let job = |asked| move |result| Answer::Job { asked, result };
    match request {
        Request::Run(id, options) => execution(Asked::Run)(door.run_job(&id, options).await),
        Request::Retry(id) => execution(Asked::Retry)(door.retry(id).await),
        Request::CancelExecution(id) => execution(Asked::Cancel)(door.cancel(id).await),
        Request::Pause(id) => job(Asked::Pause)(door.pause(&id, None, None).await),
        Request::Resume(id) => job(Asked::Resume)(door.resume(&id).await),
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
