//! Running a job now.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::command::check_reason;
use crate::{Command, ExecutionView, Method};
use crontower_model::{Refusal, Role};

/// Run a job now.
///
/// One that `overlap` refuses is answered as the skipped execution that it became.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct RunJob {
    /// The job's id
    #[cfg_attr(feature = "cli", arg(value_name = "JOB"))]
    pub id: String,
    /// Run even though `overlap` would not have it
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long))]
    pub force: bool,
    /// Run those of its dependencies that are not fresh first
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long))]
    pub with_dependencies: bool,
    /// Why, for the record
    #[cfg_attr(feature = "cli", arg(long))]
    pub reason: Option<String>,
    /// Arguments for the script
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(last = true))]
    pub args: Vec<String>,
}

impl Command for RunJob {
    const NAME: &str = "run";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/jobs/{id}/run";
    const ROLE: Role = Role::Operator;
    const STATUS: u16 = 202;
    type Answer = ExecutionView;

    fn check(&self, _: DateTime<Utc>) -> Result<(), Refusal> {
        if self.args.iter().any(|arg| arg.contains('\0')) {
            let detail = "an argument holds a NUL byte, which no program can be given";
            return Err(Refusal::Malformed(detail.to_owned()));
        }
        check_reason(self.reason.as_deref())
    }
}
