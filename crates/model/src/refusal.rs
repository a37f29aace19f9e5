//! What the engine answers when it will not do what was asked: a value, never a failure.

use serde::{Deserialize, Serialize};

use super::{ExecutionId, JobId, Role, StateName};

/// One thing that is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Where: a path such as `jobs[3].schedule`, or a job's id.
    pub path: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Why a request was not carried out, in words for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such job.
    #[error("no job named `{job}`{}", hint(.nearest))]
    UnknownJob {
        /// What was asked for.
        job: String,
        /// What may have been meant.
        nearest: Option<JobId>,
    },
    /// There is no such execution.
    #[error("no execution `{execution}`")]
    UnknownExecution {
        /// What was asked for.
        execution: String,
    },
    /// The part of an id fits more than one execution.
    #[error(
        "`{execution}` is the beginning or end of {count} executions: give more of its characters"
    )]
    AmbiguousExecution {
        /// What was asked for.
        execution: String,
        /// How many it fits.
        count: usize,
    },
    /// There is no such worker.
    #[error("no worker named `{worker}`")]
    UnknownWorker {
        /// What was asked for.
        worker: String,
    },
    /// A final execution cannot be cancelled.
    #[error("execution {} is already {state}", .execution.short())]
    AlreadyFinal {
        /// Which.
        execution: ExecutionId,
        /// Its final state.
        state: StateName,
    },
    /// A live execution cannot be retried.
    #[error("execution {} is still {state}: cancel it first, or wait for its end", .execution.short())]
    StillLive {
        /// Which.
        execution: ExecutionId,
        /// Its state.
        state: StateName,
    },
    /// The job was not paused.
    #[error("job `{job}` is not paused")]
    NotPaused {
        /// Which.
        job: JobId,
    },
    /// The id of a new job is taken.
    #[error("a job named `{job}` is there already: change it, or take another id")]
    JobExists {
        /// Which.
        job: JobId,
    },
    /// There is no such version of the job.
    #[error("job `{job}` has no version {version}")]
    UnknownVersion {
        /// Which job.
        job: JobId,
        /// What was asked for.
        version: u32,
    },
    /// Someone else was faster.
    #[error("job `{job}` has version {current}, not {expected}: look at it again")]
    AnotherVersion {
        /// Which job.
        job: JobId,
        /// The version that the change was made from.
        expected: u32,
        /// The version in force.
        current: u32,
    },
    /// jobs.yaml was changed by someone else, or cannot be written: it was left alone.
    #[error("{message}")]
    FileLeftAlone {
        /// What stands against the change, and what to do.
        message: String,
        /// The change that was wanted, as a unified diff.
        diff: String,
    },
    /// What was asked for does not fit what is there.
    #[error("{0}")]
    NotPossible(String),
    /// A set of jobs is not legal.
    #[error("{}", problems_text(.0))]
    Invalid(Vec<Problem>),
    /// jobs.yaml is wrong, or cannot be read or written; one located error a line.
    #[error("{0}")]
    File(String),
    /// A value of the request is not legal in itself.
    #[error("{0}")]
    Malformed(String),
    /// Whoever asks may not.
    #[error("a token with the role {role} may not do it: {needed} may")]
    Forbidden {
        /// The role they have.
        role: Role,
        /// The least role that may.
        needed: Role,
    },
    /// The store did not take it.
    #[error("the store is unavailable: {0}")]
    Store(String),
    /// The engine is ending.
    #[error("the engine is stopping")]
    Stopping,
    /// No engine answers: said by a client of one, never by an engine.
    #[error("no engine is reachable {0}")]
    Unreachable(String),
    /// An engine in another process answered something that has no word here.
    #[error("{0}")]
    Other(String),
}

fn hint(nearest: &Option<JobId>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
}

fn problems_text(problems: &[Problem]) -> String {
    let lines: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
    lines.join("\n")
}
