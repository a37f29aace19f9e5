//! Answers that are not simply a type of the model: what is computed for those who read.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crontower_model::{Execution, JobStatus, Plan, WorkerId};

/// A definition as a program or a person gives it: the keys of jobs.yaml.
pub type Definition = serde_json::Map<String, serde_json::Value>;

/// What an edit changed, or with `dry_run` would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Change {
    /// The difference between the definitions.
    #[serde(flatten)]
    pub plan: Plan,
    /// Of a job of jobs.yaml: the difference in the file, as a unified diff.
    pub diff: Option<String>,
}

/// A job as an edit left it (nothing of it with `dry_run`, or when it went), and what the edit changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EditedJob {
    /// The job.
    #[serde(flatten)]
    pub job: Option<Arc<JobStatus>>,
    /// What was changed.
    pub change: Change,
}

impl<'de> Deserialize<'de> for EditedJob {
    /// By hand: an optional part that is flattened would be left out in silence when it is not understood.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut all = serde_json::Map::deserialize(from)?;
        let change = all.remove("change").ok_or_else(|| D::Error::missing_field("change"))?;
        let change = serde_json::from_value(change).map_err(D::Error::custom)?;
        let job = match all.is_empty() {
            true => None,
            false => Some(serde_json::from_value(all.into()).map_err(D::Error::custom)?),
        };
        Ok(Self { job, change })
    }
}

/// An execution with what is computed from its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExecutionView {
    /// The execution.
    #[serde(flatten)]
    pub execution: Arc<Execution>,
    /// The number of the newest attempt; 0 before the first.
    pub attempt: u32,
    /// The worker of the newest attempt.
    pub worker_id: Option<WorkerId>,
}

impl From<Arc<Execution>> for ExecutionView {
    fn from(execution: Arc<Execution>) -> Self {
        let attempt = execution.attempt_number();
        let worker_id = execution.worker_id().cloned();
        Self { execution, attempt, worker_id }
    }
}

#[cfg(feature = "schema")]
mod schema {
    //! The schema of what is flattened by hand.

    use std::borrow::Cow;

    use utoipa::openapi::schema::{
        AdditionalProperties, AllOfBuilder, ObjectBuilder, OneOfBuilder, Schema,
    };
    use utoipa::openapi::{Ref, RefOr};
    use utoipa::{PartialSchema, ToSchema};

    use super::{Change, EditedJob};
    use crontower_model::JobStatus;

    impl ToSchema for EditedJob {
        fn name() -> Cow<'static, str> {
            "EditedJob".into()
        }

        fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            schemas.push((Change::name().into(), Change::schema()));
            Change::schemas(schemas);
            schemas.push((JobStatus::name().into(), JobStatus::schema()));
            JobStatus::schemas(schemas);
        }
    }

    impl PartialSchema for EditedJob {
        fn schema() -> RefOr<Schema> {
            let change = || {
                let change = Ref::from_schema_name(Change::name());
                ObjectBuilder::new().property("change", change).required("change")
            };
            let whole =
                AllOfBuilder::new().item(Ref::from_schema_name(JobStatus::name())).item(change());
            let alone = change().additional_properties(Some(AdditionalProperties::FreeForm(false)));
            let described = "The job as the edit left it, and what was changed; with `dry_run`, or of a job that went, the latter alone.";
            OneOfBuilder::new().description(Some(described)).item(whole).item(alone).into()
        }
    }
}
