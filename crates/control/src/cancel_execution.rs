//! Ending a live execution.

use serde::{Deserialize, Serialize};

use crate::{Command, ExecutionView, Method};
use crontower_model::Role;

/// End a live execution: SIGTERM to its processes, after their grace SIGKILL.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Examples:
  crontower cancel nightly-backup            its live execution, if there is one only
  crontower cancel 1a2b3c4d")
)]
#[serde(deny_unknown_fields)]
pub struct CancelExecution {
    /// Any unique beginning or end of the execution's id
    #[cfg_attr(
        feature = "cli",
        arg(
            value_name = "JOB|EXECUTION",
            help = "A job's id (its only live execution is meant), or any unique beginning or end of an execution's, which wins"
        )
    )]
    pub id: String,
    /// Give its attempt up where its processes do not end (role admin): they are left to themselves
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long))]
    pub abandon: bool,
}

impl Command for CancelExecution {
    const NAME: &str = "cancel";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/executions/{id}/cancel";
    const ROLE: Role = Role::Operator;
    const STATUS: u16 = 202;
    const WHILE_STOPPING: bool = true;
    type Answer = ExecutionView;

    fn role(&self) -> Role {
        if self.abandon { Role::Admin } else { Self::ROLE }
    }
}
