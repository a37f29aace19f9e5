//! Stopping a job's schedule from firing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::command::{check_reason, check_until};
use crate::{Command, Method};
use crontower_model::{JobStatus, Refusal, Role};

/// Stop the schedule of a job from firing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Examples:
  crontower pause nightly-backup --for 2h --reason 'disk is being replaced'
  crontower pause nightly-backup --until '2026-12-24 18:00'")
)]
#[serde(deny_unknown_fields)]
pub struct PauseJob {
    /// The job's id
    #[cfg_attr(feature = "cli", arg(value_name = "JOB"))]
    pub id: String,
    /// When the pause ends by itself; without it: with `resume`
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            visible_alias = "for",
            value_name = "TIME",
            help = "Until a time ('2026-12-24 18:00', 'tomorrow 8:00'), or for so long (2h); without it: until `resume`"
        )
    )]
    pub until: Option<DateTime<Utc>>,
    /// Why, for the record
    #[cfg_attr(feature = "cli", arg(long))]
    pub reason: Option<String>,
}

impl Command for PauseJob {
    const NAME: &str = "pause";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/jobs/{id}/pause";
    const ROLE: Role = Role::Operator;
    type Answer = JobStatus;

    fn check(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        check_until(self.until, now)?;
        check_reason(self.reason.as_deref())
    }
}
