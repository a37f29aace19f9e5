//! "I have seen what is wrong with this job": noting it, and taking the note back.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::command::{check_reason, check_until};
use crate::{Command, Method};
use crontower_model::{JobStatus, Refusal, Role};

/// Note that whatever is wrong with a job was seen: it does not count as wrong until its next success, or until it is
/// wrong in another way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeJob {
    /// The job's id
    pub id: String,
    /// What is known about it
    pub note: Option<String>,
    /// When the note ends by itself; without it: with the next success
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<DateTime<Utc>>,
}

impl Command for AcknowledgeJob {
    const NAME: &str = "acknowledge-job";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/jobs/{id}/acknowledge";
    const ROLE: Role = Role::Operator;
    type Answer = JobStatus;

    fn check(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        check_until(self.until, now)?;
        check_reason(self.note.as_deref())
    }
}

/// Take back the note that what is wrong with a job was seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UnacknowledgeJob {
    /// The job's id
    pub id: String,
}

impl Command for UnacknowledgeJob {
    const NAME: &str = "unacknowledge-job";
    const METHOD: Method = Method::Delete;
    const PATH: &str = "/api/v1/jobs/{id}/acknowledge";
    const ROLE: Role = Role::Operator;
    type Answer = JobStatus;
}
