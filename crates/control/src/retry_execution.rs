//! Running a final execution again.

use serde::{Deserialize, Serialize};

use crate::{Command, ExecutionView, Method};
use crontower_model::Role;

/// Run a final execution again, as a new one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Examples:
  crontower retry nightly-backup             its newest execution that is over
  crontower retry 1a2b3c4d")
)]
#[serde(deny_unknown_fields)]
pub struct RetryExecution {
    /// Any unique beginning or end of the execution's id
    #[cfg_attr(
        feature = "cli",
        arg(
            value_name = "JOB|EXECUTION",
            help = "A job's id (its newest execution that is over is meant), or any unique beginning or end of an execution's, which wins"
        )
    )]
    pub id: String,
}

impl Command for RetryExecution {
    const NAME: &str = "retry";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/executions/{id}/retry";
    const ROLE: Role = Role::Operator;
    const STATUS: u16 = 202;
    type Answer = ExecutionView;
}
