//! "I have seen that it fails": noting it, and taking the note back.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::command::{check_reason, check_until};
use crate::{Command, Method};
use crontower_model::{JobStatus, Refusal, Role};

/// Note that a failure was seen: its job does not count as failing until it succeeds and fails again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Examples:
  crontower acknowledge nightly-backup --note 'disk is ordered'
  crontower acknowledge 1a2b3c4d --note 'disk is ordered' --until 2d
  crontower acknowledge 1a2b3c4d --undo")
)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeExecution {
    /// Any unique beginning or end of the execution's id
    #[cfg_attr(
        feature = "cli",
        arg(
            value_name = "JOB|EXECUTION",
            help = "A job's id (whatever is wrong with it), or any unique beginning or end of a failed execution's, which wins"
        )
    )]
    pub id: String,
    /// What is known about it
    #[cfg_attr(feature = "cli", arg(long))]
    pub note: Option<String>,
    /// When the note ends by itself; without it: with the next success
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            value_name = "TIME",
            help = "The note ends at a time ('2026-12-24 18:00', 'tomorrow 8:00'), or after so long (2d); without it: with the next success"
        )
    )]
    pub until: Option<DateTime<Utc>>,
}

impl Command for AcknowledgeExecution {
    const NAME: &str = "acknowledge";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/executions/{id}/acknowledge";
    const ROLE: Role = Role::Operator;
    type Answer = JobStatus;

    fn check(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        check_until(self.until, now)?;
        check_reason(self.note.as_deref())
    }
}

/// Take back the note that a failure was seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UnacknowledgeExecution {
    /// Any unique beginning or end of the execution's id
    pub id: String,
}

impl Command for UnacknowledgeExecution {
    const NAME: &str = "unacknowledge";
    const METHOD: Method = Method::Delete;
    const PATH: &str = "/api/v1/executions/{id}/acknowledge";
    const ROLE: Role = Role::Operator;
    type Answer = JobStatus;
}
