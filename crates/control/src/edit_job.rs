//! Changing definitions where they live: in jobs.yaml, or in the store.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Command, Definition, EditedJob, Method, WholeBody};
use crontower_model::{Problem, Refusal, Role, Source};

/// Declares an edit: its own fields, then those that every edit takes.
macro_rules! edit {
    (
        $(#[$about:meta])*
        $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty,)* }
    ) => {
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "cli", derive(clap::Args))]
        $(#[$about])*
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The job's id
            #[cfg_attr(feature = "cli", arg(value_name = "JOB"))]
            pub id: String,
            $($(#[$doc])* pub $field: $kind,)*
            /// Tell what would change, and change nothing
            #[serde(default)]
            #[cfg_attr(feature = "cli", arg(long))]
            pub dry_run: bool,
            /// Refuse unless the job has this version
            #[cfg_attr(feature = "cli", arg(long, value_name = "VERSION"))]
            pub if_version: Option<u32>,
        }
    };
}

/// The patch that enables a job, or disables it.
#[must_use]
pub fn enables(enabled: bool) -> Definition {
    Definition::from_iter([("enabled".to_owned(), enabled.into())])
}

/// Make a job. It lives in the store, or in jobs.yaml.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateJob {
    /// What it says; a key `source` in it counts where none is given beside it
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub definition: Definition,
    /// Where the job is to live: in jobs.yaml or in the store
    pub source: Option<Source>,
    /// Say what would change, and change nothing
    #[serde(default)]
    pub dry_run: bool,
}

edit! {
    /// Give a job another definition: it says this from now on, and no more.
    ReplaceJob {
        /// What it says
        #[cfg_attr(feature = "schema", schema(value_type = Object))]
        #[cfg_attr(feature = "cli", arg(skip))]
        definition: Definition,
    }
}

edit! {
    /// Change keys of a job's definition.
    #[cfg_attr(feature = "cli", command(after_help = "Examples:
  crontower set hello schedule='weekdays at 9:30' timeout=10m
  crontower set hello 'retry={\"type\": \"fixed\", \"max_retries\": 2}' --dry-run
  crontower set hello timeout=               the key goes"))]
    PatchJob {
        /// The keys that change; one that is null goes (RFC 7396)
        #[cfg_attr(feature = "schema", schema(value_type = Object))]
        #[cfg_attr(feature = "cli", arg(skip))]
        patch: Definition,
    }
}

edit! {
    /// Delete a job; its history stays.
    #[cfg_attr(feature = "cli", command(after_help = "Example:\n  crontower delete old-report --dry-run"))]
    DeleteJob {}
}

edit! {
    /// Let the schedule of a job fire again.
    #[cfg_attr(feature = "cli", command(after_help = "Example:\n  crontower enable nightly-backup"))]
    EnableJob {}
}

edit! {
    /// Let the schedule of a job fire no more: a change of its definition, other than a pause.
    #[cfg_attr(feature = "cli", command(after_help = "Example:\n  crontower disable nightly-backup --dry-run"))]
    DisableJob {}
}

edit! {
    /// Let a job's definition say again what it said in an earlier version.
    #[cfg_attr(feature = "cli", command(after_help = "Examples:
  crontower rollback nightly-backup 3 --dry-run
  crontower rollback nightly-backup 3"))]
    RollBackJob {
        /// The number of the version
        #[cfg_attr(feature = "cli", arg(value_parser = clap::value_parser!(u32).range(1..)))]
        version: u32,
    }
}

/// What all edits share.
macro_rules! is_edit {
    () => {
        const ROLE: Role = Role::Admin;
        const MAY_BE_INVALID: bool = true;
        const TAGGED: bool = true;
        type Answer = EditedJob;

        fn version(answer: &EditedJob) -> Option<u32> {
            answer.job.as_ref().map(|job| job.version)
        }
    };
}

impl Command for CreateJob {
    const NAME: &str = "create";
    const METHOD: Method = Method::Post;
    const PATH: &str = "/api/v1/jobs";
    const QUERY: &[&str] = &["source", "dry_run"];
    const BODY: Option<WholeBody> = Some(WholeBody::Definition("definition"));
    const STATUS: u16 = 201;
    is_edit!();

    fn status(&self) -> u16 {
        if self.dry_run { 200 } else { Self::STATUS }
    }

    fn location(answer: &EditedJob) -> Option<String> {
        answer.job.as_ref().map(|job| format!("/api/v1/jobs/{}", job.definition.id))
    }
}

impl Command for ReplaceJob {
    const NAME: &str = "replace";
    const METHOD: Method = Method::Put;
    const PATH: &str = "/api/v1/jobs/{id}";
    const QUERY: &[&str] = &["dry_run"];
    const BODY: Option<WholeBody> = Some(WholeBody::Definition("definition"));
    is_edit!();

    fn check(&self, _: DateTime<Utc>) -> Result<(), Refusal> {
        same_id(&self.id, &self.definition)
    }
}

impl Command for PatchJob {
    const NAME: &str = "set";
    const METHOD: Method = Method::Patch;
    const PATH: &str = "/api/v1/jobs/{id}";
    const QUERY: &[&str] = &["dry_run"];
    const BODY: Option<WholeBody> = Some(WholeBody::Patch("patch"));
    is_edit!();
}

impl Command for DeleteJob {
    const NAME: &str = "delete";
    const METHOD: Method = Method::Delete;
    const PATH: &str = "/api/v1/jobs/{id}";
    is_edit!();
}

/// Of an edit without a body of its own.
macro_rules! posted {
    ($name:ident, $word:literal, $path:literal) => {
        impl Command for $name {
            const NAME: &str = $word;
            const METHOD: Method = Method::Post;
            const PATH: &str = $path;
            const QUERY: &[&str] = &["dry_run"];
            is_edit!();
        }
    };
}

posted!(EnableJob, "enable", "/api/v1/jobs/{id}/enable");
posted!(DisableJob, "disable", "/api/v1/jobs/{id}/disable");
posted!(RollBackJob, "rollback", "/api/v1/jobs/{id}/versions/{version}/rollback");

fn same_id(id: &str, definition: &Definition) -> Result<(), Refusal> {
    match definition.get("id") {
        None => Ok(()),
        Some(said) if said.as_str() == Some(id) => Ok(()),
        Some(_) => {
            let message = format!("job `{id}` keeps its id: make a new job, and delete this one");
            Err(Refusal::Invalid(vec![Problem { path: "id".to_owned(), message }]))
        }
    }
}
