//! The answer to "why": sentences for people about one job at an instant, or about one execution.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a job does or does not run at an instant, or why an execution stands where it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Why {
    /// The job's id, or the execution's.
    pub subject: String,
    /// The instant that is asked about.
    pub at: DateTime<Utc>,
    /// Sentences for people, the most important first; never empty.
    pub lines: Vec<String>,
    /// Field by field why the instant (of an execution: its fire time) is or is not one of the job's fire times; `None`
    /// where there is no schedule that names instants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Value>,
}
