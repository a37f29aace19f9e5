//! Which execution is meant: by its own id, or by its job's.
//!
//! Owns the rule that an execution's id wins where both could be meant, and what of a job's executions each command takes.

use chrono::{DateTime, Utc};

use super::exit::{Exit, Failure};
use crate::api::List;
use crate::api::client::{Client, ClientError};
use crate::control::ExecutionView;
use crate::model::JobStatus;

/// Which of a job's executions is taken where the job is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The newest.
    Newest,
    /// The newest that is over.
    Over,
    /// The only one that is not over.
    Live,
}

/// The id of the execution that `what` names, and the execution itself where `what` is its job.
pub(super) async fn execution(
    client: &Client,
    what: &str,
    wanted: Wanted,
) -> Result<(String, Option<ExecutionView>), Failure> {
    match target(client, what).await? {
        Target::Execution(id) => Ok((id, None)),
        Target::Job(job) => {
            let found = of_job(client, &job, wanted).await?;
            Ok((found.execution.id.to_string(), Some(found)))
        }
    }
}

/// What a word names.
pub(super) enum Target {
    /// An execution, by this beginning or end of its id.
    Execution(String),
    /// A job.
    Job(Box<JobStatus>),
}

/// The execution or job that `what` names.
pub(super) async fn target(client: &Client, what: &str) -> Result<Target, Failure> {
    let no_execution = match client.get(&["executions", what], &[]).await {
        Ok(_) => return Ok(Target::Execution(what.to_owned())),
        Err(error @ ClientError::Refused(_)) => error,
        Err(error) => return Err(error.into()),
    };
    match client.get(&["jobs", what], &[]).await {
        Ok(job) => Ok(Target::Job(Box::new(client.parse::<JobStatus>(&job)?))),
        Err(no_job) if is_not_found(&no_job) && is_not_found(&no_execution) => {
            Err(Failure::from(no_job).hint("nor is it an execution"))
        }
        // It begins the ids of several executions, and is no job.
        Err(no_job) if is_not_found(&no_job) => Err(no_execution.into()),
        Err(error) => Err(error.into()),
    }
}

async fn of_job(
    client: &Client,
    job: &JobStatus,
    wanted: Wanted,
) -> Result<ExecutionView, Failure> {
    let id = job.definition.id.as_str();
    let none = |what: &str| Failure::new(Exit::NotFound, format!("job `{id}` has {what}"));
    let (states, missing) = match wanted {
        Wanted::Newest => ("", "not run yet"),
        Wanted::Over => ("succeeded,failed,timed_out,cancelled,skipped", "not run to an end yet"),
        Wanted::Live => ("waiting,queued,running,retrying", "no live execution"),
    };
    let mut query = vec![("job", id), ("limit", "20")];
    query.extend((!states.is_empty()).then_some(("status", states)));
    let list: List<ExecutionView> = client.parse(&client.get(&["executions"], &query).await?)?;
    let mut found = list.items.into_iter();
    let first = found.next().ok_or_else(|| none(missing))?;
    let others: Vec<ExecutionView> = found.collect();
    if wanted == Wanted::Live && !others.is_empty() {
        let ids = std::iter::once(&first).chain(&others).map(|one| one.execution.id.short());
        let ids = ids.collect::<Vec<_>>().join(", ");
        let message = format!("job `{id}` has {} live executions: {ids}", others.len() + 1);
        return Err(Failure::new(Exit::Usage, message).hint("name one of them"));
    }
    Ok(first)
}

/// Whether there is no such thing.
pub(super) fn is_not_found(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.status == 404)
}

/// When an execution began: started, or else made.
pub(super) fn began(view: &ExecutionView) -> DateTime<Utc> {
    view.execution.started_at.unwrap_or(view.execution.created_at)
}
