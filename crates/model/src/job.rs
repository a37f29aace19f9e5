//! A job: the definition that an author writes, with every default already filled in.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::retry::{Retry, RetryCause};
use super::text;
use super::{JobId, WorkerId};

/// What to run, when, where, with which policies. Holding one is proof that each field is legal by itself; whether its
/// schedule and its dependencies are is judged where the whole set is known (`jobfile`, and again by the engine).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Job {
    /// The author's id, unique in the engine.
    pub id: JobId,
    /// A title for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A cron expression or an English phrase. Without one the job is a chain (with dependencies) or manual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// IANA name of the zone the schedule is read in; `None` = the settings' default zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Days on which the schedule is suppressed, or the only ones on which it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarRule>,
    /// No fire time lies before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<DateTime<Utc>>,
    /// No fire time lies after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_at: Option<DateTime<Utc>>,
    /// Fire times are spread deterministically over so long.
    #[serde(default, with = "text::optional_duration", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub jitter: Option<Duration>,
    /// `run` + `shell`, or `command` + `args`.
    #[serde(flatten)]
    pub command: JobCommand,
    /// Jobs that this one waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// How long an execution may wait for its dependencies.
    #[serde(default, with = "text::optional_duration", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub dependency_timeout: Option<Duration>,
    /// Rank in the queue.
    pub priority: Priority,
    /// A queued execution rises one level of priority for each such time it has waited.
    #[serde(with = "text::duration")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub priority_aging: Duration,
    /// `false`: the schedule does not fire.
    pub enabled: bool,
    /// Bounds one attempt.
    #[serde(default, with = "text::optional_duration", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub timeout: Option<Duration>,
    /// Bounds the whole execution from its fire time.
    #[serde(default, with = "text::optional_duration", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub deadline: Option<Duration>,
    /// How long a start may take; `None` = 30 s. Then the attempt ends as `not_started`.
    #[serde(default, with = "text::optional_duration", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub start_timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL.
    #[serde(with = "text::duration")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub kill_grace: Duration,
    /// What follows a failed attempt.
    pub retry: Retry,
    /// Retry only on these; empty = on all but a cancel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retry_on: Vec<RetryCause>,
    /// Never retry on these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_retry_on: Vec<RetryCause>,
    /// Exit codes that count as success.
    pub success_exit_codes: Vec<i32>,
    /// What happens when a fire time comes while an execution of the job is live.
    pub overlap: Overlap,
    /// What becomes of missed fire times.
    pub catch_up: CatchUp,
    /// How far back missed fire times are looked at.
    #[serde(with = "text::duration")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub catch_up_window: Duration,
    /// How many attempts of this job may run at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Named limits, shared with other jobs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
    /// Which workers may carry it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkerSelector>,
    /// Added to the environment of the command.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, EnvValue>,
    /// Where the command starts; absolute once loaded from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Bytes of output kept per attempt.
    pub output_limit: u64,
    /// What is started once per failed execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Whom its commands run as; `None` = whoever runs the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whether a run by hand may add arguments; `None` = where only a script can receive them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_args: Option<RunArgs>,
    /// Free words to filter by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Kept and shown, never interpreted.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

impl Job {
    /// A job with every default of SEMANTICS ("Defaults") and no schedule.
    #[must_use]
    pub fn new(id: JobId, command: JobCommand) -> Self {
        Self {
            id,
            name: None,
            description: None,
            schedule: None,
            timezone: None,
            calendar: None,
            start_at: None,
            end_at: None,
            jitter: None,
            command,
            dependencies: Vec::new(),
            dependency_timeout: None,
            priority: Priority::Medium,
            priority_aging: Duration::from_secs(300),
            enabled: true,
            timeout: None,
            deadline: None,
            start_timeout: None,
            kill_grace: Duration::from_secs(10),
            retry: Retry::None,
            retry_on: Vec::new(),
            no_retry_on: Vec::new(),
            success_exit_codes: vec![0],
            overlap: Overlap::Skip,
            catch_up: CatchUp::Latest,
            catch_up_window: Duration::from_secs(86_400),
            concurrency: None,
            limits: Vec::new(),
            workers: None,
            env: BTreeMap::new(),
            working_dir: None,
            output_limit: 10 << 20,
            on_failure: None,
            user: None,
            run_args: None,
            tags: Vec::new(),
            metadata: Map::new(),
        }
    }

    /// The title where there is one, else the id.
    #[must_use]
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }

    /// Whether a run by hand may add arguments to the command.
    #[must_use]
    pub fn takes_run_args(&self) -> bool {
        match self.run_args {
            Some(RunArgs::Allowed) => true,
            Some(RunArgs::Refused) => false,
            None => self.command.is_script(),
        }
    }
}

/// `run_args: allowed` or `refused`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunArgs {
    /// A run may add arguments, whatever the program makes of them.
    Allowed,
    /// A run may add none.
    Refused,
}

/// What an attempt does: a script for a shell, or a command from the registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum JobCommand {
    /// `run: script`, carried out by `shell`.
    Run {
        /// The script.
        run: String,
        /// Program and arguments that take the script as their last argument.
        #[serde(default = "default_shell")]
        shell: Vec<String>,
    },
    /// `command: name` with `args`.
    Named {
        /// A built-in or registered command.
        command: String,
        /// Its arguments, judged by the command itself.
        #[serde(default)]
        args: Map<String, Value>,
    },
}

fn default_shell() -> Vec<String> {
    JobCommand::default_shell()
}

impl JobCommand {
    /// `/bin/sh -c`.
    #[must_use]
    pub fn default_shell() -> Vec<String> {
        vec!["/bin/sh".to_owned(), "-c".to_owned()]
    }

    /// A script for the default shell.
    #[must_use]
    pub fn script(run: &str) -> Self {
        Self::Run { run: run.to_owned(), shell: Self::default_shell() }
    }

    /// The name it has in the registry: `shell` for a script.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Run { .. } => "shell",
            Self::Named { command, .. } => command,
        }
    }

    /// Whether it is a script that receives a run's arguments as `$1 …`: they decide nothing that the script does not let
    /// them decide. As arguments of another program they could be options, such as tar's `--checkpoint-action`.
    #[must_use]
    pub fn is_script(&self) -> bool {
        match self {
            // The kernel gives such a script to its interpreter by path, before the arguments.
            Self::Run { run, shell } => run.starts_with("#!") || passes_args_to_script(shell),
            Self::Named { command, args } => command == "shell" && args.contains_key("script"),
        }
    }
}

/// Shells that pass what follows the script to the script, as `$1 …`.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish"];
/// Interpreters that do so after `-c`.
const INTERPRETERS: [&str; 3] = ["python3", "perl", "ruby"];

/// Whether arguments after the script reach the script, and cannot become options of the program that reads it.
fn passes_args_to_script(shell: &[String]) -> bool {
    let Some((program, options)) = shell.split_first() else { return false };
    let name = program.rsplit('/').next().unwrap_or_default();
    if name == "busybox" {
        // Its other applets are programs with options of their own.
        return options.first().is_some_and(|applet| SHELLS.contains(&applet.as_str()));
    }
    let ends_in_c = options.last().is_some_and(|last| last == "-c");
    SHELLS.contains(&name) || (INTERPRETERS.contains(&name) && ends_in_c)
}

/// A value of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum EnvValue {
    /// The text itself.
    Text(String),
    /// What a file holds when an attempt starts; masked wherever it would be shown.
    SecretFile {
        /// Its path; absolute once loaded from a file.
        secret_file: String,
    },
}

/// What is started once per failed execution, with its job, its reason and the tail of its output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged, deny_unknown_fields)]
pub enum OnFailure {
    /// A script for `/bin/sh -c`.
    Run {
        /// The script.
        run: String,
    },
    /// An address that gets a JSON POST.
    Url {
        /// The address.
        url: String,
    },
}

/// `calendar: {skip: name}` or `{only: name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CalendarRule {
    /// No fire time on the calendar's days.
    Skip(String),
    /// Fire times on the calendar's days only.
    Only(String),
}

/// An edge "this job waits for that job".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Dependency {
    /// The job waited for.
    pub job: JobId,
    /// The result asked of it.
    #[serde(default)]
    pub on: Condition,
    /// Fresh = finished within so long before the fire time.
    #[serde(default, with = "text::optional_duration", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub within: Option<Duration>,
}

/// The result that meets a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It succeeded.
    #[default]
    Success,
    /// It failed or timed out.
    Failure,
    /// Either, or it was cancelled.
    Completion,
}

/// Rank in the queue; `High` goes first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Before all others.
    High,
    /// The default.
    #[default]
    Medium,
    /// After all others.
    Low,
}

impl Priority {
    /// `high`, `medium`, `low`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// What happens when a fire time comes while an execution of the job is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The new one is recorded as skipped.
    #[default]
    Skip,
    /// One more waits; a further one is skipped.
    Queue,
    /// All wait, one after the other.
    QueueAll,
    /// They run side by side.
    Allow,
    /// The old one is cancelled.
    Replace,
}

/// What becomes of missed fire times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// They are recorded, nothing runs.
    None,
    /// One execution, for the newest.
    #[default]
    Latest,
    /// Each, oldest first, at most 100.
    All,
}

/// Which workers may carry a job out: the id is one of `ids` (if any are given) and every label is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkerSelector {
    /// Worker ids; empty = any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<WorkerId>,
    /// Labels that a worker must carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NamedCause;

    #[test]
    fn arguments_of_a_run_reach_scripts_only() {
        let run = |script: &str, shell: &[&str]| {
            let shell = shell.iter().map(ToString::to_string).collect();
            Job::new(JobId::new("a").unwrap(), JobCommand::Run { run: script.to_owned(), shell })
        };
        let shells: [&[&str]; 6] = [
            &["/bin/sh", "-c"],
            &["/usr/bin/bash", "-euo", "pipefail", "-c"],
            &["fish", "-c"],
            &["busybox", "ash", "-c"],
            &["python3", "-c"],
            &["/usr/bin/ruby", "-w", "-c"],
        ];
        for shell in shells {
            assert!(run("x", shell).takes_run_args(), "{shell:?}");
        }
        let others: [&[&str]; 7] = [
            &["tar", "-cf"],
            &["/usr/bin/env", "bash", "-c"],
            &["busybox", "tar", "-c"],
            &["busybox"],
            &["python3"],
            &["rbash", "-c"],
            &[],
        ];
        for shell in others {
            assert!(!run("x", shell).takes_run_args(), "{shell:?}");
            assert!(run("#!/bin/sh\nx", shell).takes_run_args(), "{shell:?}");
        }
        let mut job = run("x", &["tar", "-cf"]);
        job.run_args = Some(RunArgs::Allowed);
        assert!(job.takes_run_args());
        let mut job = run("x", &["sh", "-c"]);
        job.run_args = Some(RunArgs::Refused);
        assert!(!job.takes_run_args());
        let named = |key: &str, value: Value| JobCommand::Named {
            command: "shell".to_owned(),
            args: Map::from_iter([(key.to_owned(), value)]),
        };
        assert!(named("script", "x".into()).is_script());
        assert!(!named("argv", vec!["tar", "-cf", "a.tar"].into()).is_script());
    }

    #[test]
    fn a_fixed_delay_never_grows() {
        let retry = Retry::Fixed { max_retries: 2, delay: Duration::from_secs(5), jitter: 0.0 };
        let delays: Vec<_> = (1..=3).map(|attempt| retry.delay_after(attempt, 0.5)).collect();
        assert_eq!(delays, [Some(Duration::from_secs(5)), Some(Duration::from_secs(5)), None]);
    }

    #[test]
    fn an_exponential_delay_doubles_up_to_its_bound() {
        let retry = Retry::Exponential {
            max_retries: 100,
            delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(300),
            jitter: 0.0,
        };
        let seconds = |attempt| retry.delay_after(attempt, 0.5).map(|delay| delay.as_secs());
        assert_eq!([seconds(1), seconds(2), seconds(3)], [Some(1), Some(2), Some(4)]);
        assert_eq!([seconds(10), seconds(99), seconds(101)], [Some(300), Some(300), None]);
    }

    #[test]
    fn a_job_survives_json() {
        let mut job = Job::new(JobId::new("a").unwrap(), JobCommand::script("true"));
        job.retry =
            Retry::Fixed { max_retries: 1, delay: Duration::from_millis(1500), jitter: 0.1 };
        job.retry_on = vec![RetryCause::ExitCode(3), RetryCause::Named(NamedCause::Timeout)];
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
    }
}
