//! What a reload would change: the difference between two sets of jobs.

use serde::{Deserialize, Serialize};

use super::JobId;

/// The difference between the jobs in force and a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Plan {
    /// Jobs that come.
    pub added: Vec<JobId>,
    /// Jobs that change.
    pub changed: Vec<JobChange>,
    /// Jobs that go.
    pub removed: Vec<JobId>,
    /// Top-level keys that change.
    pub settings: Vec<FieldChange>,
    /// Things that are legal but likely wrong, one sentence each.
    pub warnings: Vec<String>,
}

/// What changes in one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobChange {
    /// Which.
    pub job: JobId,
    /// Key by key.
    pub fields: Vec<FieldChange>,
}

/// A key whose value changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FieldChange {
    /// The key, as in jobs.yaml.
    pub key: String,
    /// Its value before, as one line of YAML; `None` = it was not there.
    pub before: Option<String>,
    /// Its value after; `None` = it goes.
    pub after: Option<String>,
}

impl Plan {
    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.changed.is_empty()
            && self.removed.is_empty()
            && self.settings.is_empty()
    }
}
