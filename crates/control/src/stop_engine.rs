//! Ending the engine.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::command::check_reason;
use crate::{Command, Method};
use crontower_model::{Refusal, Role};

/// Stop the engine. Without an option, running commands are treated as `on_stop` in jobs.yaml says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Examples:
  crontower stop
  crontower stop --wait                      start nothing more and wait for what runs, however long it takes
  crontower stop --cancel --reason 'the machine is replaced'

Exit code 0 once the engine is gone, 3 when none runs.")
)]
#[serde(deny_unknown_fields)]
pub struct StopEngine {
    /// Wait until running commands have ended, however long it takes
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long, conflicts_with = "cancel"))]
    pub wait: bool,
    /// Cancel running commands
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long))]
    pub cancel: bool,
    /// Why, for the record
    #[cfg_attr(feature = "cli", arg(long))]
    pub reason: Option<String>,
}

impl Command for StopEngine {
    const NAME: &str = "stop";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/stop";
    const ROLE: Role = Role::Admin;
    const STATUS: u16 = 204;
    const WHILE_STOPPING: bool = true;
    const MAY_CONFLICT: bool = false;
    type Answer = ();

    fn check(&self, _: DateTime<Utc>) -> Result<(), Refusal> {
        if self.wait && self.cancel {
            let detail = "`wait` and `cancel` exclude each other".to_owned();
            return Err(Refusal::Malformed(detail));
        }
        check_reason(self.reason.as_deref())
    }
}
