//! Ending a pause.

use serde::{Deserialize, Serialize};

use crate::{Command, Method};
use crontower_model::{JobStatus, Role};

/// End a pause.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Example:\n  crontower resume nightly-backup")
)]
#[serde(deny_unknown_fields)]
pub struct ResumeJob {
    /// The job's id
    #[cfg_attr(feature = "cli", arg(value_name = "JOB"))]
    pub id: String,
}

impl Command for ResumeJob {
    const NAME: &str = "resume";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/jobs/{id}/resume";
    const ROLE: Role = Role::Operator;
    type Answer = JobStatus;
}
