//! Reading jobs.yaml again.

use serde::{Deserialize, Serialize};

use crate::{Command, Method};
use crontower_model::{Plan, Role};

/// Read jobs.yaml again: all of it or, if it is wrong, nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "cli",
    derive(clap::Args),
    command(after_help = "Example:\n  crontower reload --dry-run")
)]
#[serde(deny_unknown_fields)]
pub struct ReloadJobs {
    /// Tell what would change, and change nothing
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long))]
    pub dry_run: bool,
}

impl Command for ReloadJobs {
    const NAME: &str = "reload";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/reload";
    const ROLE: Role = Role::Admin;
    const QUERY: &[&str] = &["dry_run"];
    const MAY_BE_INVALID: bool = true;
    type Answer = Plan;
}
