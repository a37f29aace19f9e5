//! Removing a worker that is gone for good.

use serde::{Deserialize, Serialize};

use crate::{Command, Method};
use crontower_model::Role;

/// Remove an offline worker that runs nothing from the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Example:\n  crontower delete-worker worker-1")
)]
#[serde(deny_unknown_fields)]
pub struct DeleteWorker {
    /// The worker's id
    #[cfg_attr(feature = "cli", arg(value_name = "WORKER"))]
    pub id: String,
}

impl Command for DeleteWorker {
    const NAME: &str = "delete-worker";
    const METHOD: Method = Method::Delete;
    const PATH: &str = "/api/v1/workers/{id}";
    const ROLE: Role = Role::Operator;
    const STATUS: u16 = 204;
    type Answer = ();
}
