//! Having a worker take attempts again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::command::check_reason;
use crate::{Command, Method};
use crontower_model::{Refusal, Role, Worker};

/// Let a worker take attempts again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Example:\n  crontower undrain worker-1")
)]
#[serde(deny_unknown_fields)]
pub struct UndrainWorker {
    /// The worker's id
    #[cfg_attr(feature = "cli", arg(value_name = "WORKER"))]
    pub id: String,
    /// Why, for the record
    #[cfg_attr(feature = "cli", arg(long))]
    pub reason: Option<String>,
}

impl Command for UndrainWorker {
    const NAME: &str = "undrain";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/workers/{id}/undrain";
    const ROLE: Role = Role::Operator;
    type Answer = Worker;

    fn check(&self, _: DateTime<Utc>) -> Result<(), Refusal> {
        check_reason(self.reason.as_deref())
    }
}
