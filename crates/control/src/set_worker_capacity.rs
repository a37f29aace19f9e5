//! Changing how many attempts a worker runs at once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Command, Method};
use crontower_model::{Refusal, Role, Worker};

/// No worker has more slots.
const MOST_SLOTS: u32 = 10_000;

/// Change how many attempts a worker runs at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Examples:
  crontower capacity worker-1 8
  crontower capacity worker-1 default      as jobs.yaml says")
)]
#[serde(deny_unknown_fields)]
pub struct SetWorkerCapacity {
    /// The worker's id
    #[cfg_attr(feature = "cli", arg(value_name = "WORKER"))]
    pub id: String,
    /// Slots from now on; null = as jobs.yaml says
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required = true))]
    #[cfg_attr(
        feature = "cli",
        arg(value_name = "SLOTS", help = "Slots, or `default`", required = true, value_parser = slots)
    )]
    // The full path keeps clap from taking it for an argument that may be left out.
    pub capacity: std::option::Option<u32>,
}

#[cfg(feature = "cli")]
fn slots(text: &str) -> Result<Option<u32>, String> {
    match (text, text.parse()) {
        ("default", _) => Ok(None),
        (_, Ok(slots)) if slots > 0 => Ok(Some(slots)),
        _ => Err("it is a number from 1 on, or `default`".to_owned()),
    }
}

impl Command for SetWorkerCapacity {
    const NAME: &str = "capacity";
    const METHOD: Method = Method::Patch;
    const PATH: &str = "/api/v1/workers/{id}";
    const ROLE: Role = Role::Operator;
    const NULLABLE: &[&str] = &["capacity"];
    type Answer = Worker;

    fn check(&self, _: DateTime<Utc>) -> Result<(), Refusal> {
        if self.capacity.is_some_and(|slots| slots == 0 || slots > MOST_SLOTS) {
            let detail = format!(
                "`capacity` is a number from 1 to {MOST_SLOTS}, or null for what jobs.yaml says; a worker that is to \
                 take nothing is drained"
            );
            return Err(Refusal::Malformed(detail));
        }
        Ok(())
    }
}
