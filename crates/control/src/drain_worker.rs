//! Having a worker take no more attempts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::command::check_reason;
use crate::{Command, Method};
use crontower_model::{Refusal, Role, Worker};

/// Let a worker finish what it has and take no more.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Example:\n  crontower drain worker-1 --reason 'kernel update'")
)]
#[serde(deny_unknown_fields)]
pub struct DrainWorker {
    /// The worker's id
    #[cfg_attr(feature = "cli", arg(value_name = "WORKER"))]
    pub id: String,
    /// Why, for the record
    #[cfg_attr(feature = "cli", arg(long))]
    pub reason: Option<String>,
}

impl Command for DrainWorker {
    const NAME: &str = "drain";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/workers/{id}/drain";
    const ROLE: Role = Role::Operator;
    type Answer = Worker;

    fn check(&self, _: DateTime<Utc>) -> Result<(), Refusal> {
        check_reason(self.reason.as_deref())
    }
}
