//! Calling off a single fire time.

use serde::{Deserialize, Serialize};

use crate::{Command, Method};
use crontower_model::{JobStatus, Role};

/// Call off the next fire time of a job, and only that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Examples:
  crontower skip-next nightly-backup
  crontower skip-next nightly-backup --undo")
)]
#[serde(deny_unknown_fields)]
pub struct SkipNextFireTime {
    /// The job's id
    #[cfg_attr(feature = "cli", arg(value_name = "JOB"))]
    pub id: String,
    /// Let it fire after all
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long))]
    pub undo: bool,
}

impl Command for SkipNextFireTime {
    const NAME: &str = "skip-next";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/jobs/{id}/skip-next";
    const ROLE: Role = Role::Operator;
    type Answer = JobStatus;
}
