//! What surrounds an attempt's command: its environment, its folder, whom it runs as, what of it is secret, and, for a
//! job's `on_failure`, what it receives about the failure.
//!
//! Owns the order in which variables replace each other. Never starts anything.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::run_as::{RunAs, is_for_linker};
use super::secrets::{self, Missing};
use crate::commands::Args;
use crate::model::{Assignment, AttemptKey, Failure, JobCommand};
use crate::worker::output_log::read_tail;
use crate::worker::redact::RedactPatterns;

/// Bytes of the failed attempt's output that its `on_failure` receives.
const TAIL: usize = 4 << 10;

/// See the module's first lines.
#[derive(Debug)]
pub(in crate::worker) struct Environment {
    pub(super) dir: PathBuf,
    /// The environment of the engine that starts the attempt.
    inherited: Arc<Vec<(OsString, OsString)>>,
    pub(super) run_as: Option<RunAs>,
    pub(in crate::worker) redact: Option<Arc<RedactPatterns>>,
    /// The job's own variables.
    job: BTreeMap<String, OsString>,
    /// Those of crontower.
    own: Vec<(&'static str, String)>,
    failure: Option<Value>,
    /// Of `on_failure`: in place of what it has something else, a sentence each. The job may have failed for want of it.
    pub(super) fallbacks: Vec<String>,
}

/// How long the folder of `on_failure` may take to respond.
const FOLDER_TIMEOUT: Duration = Duration::from_secs(5);

impl Environment {
    /// Finds out all that there is to know before a command is started.
    ///
    /// # Errors
    /// A sentence that says why it cannot be started.
    pub(in crate::worker) async fn of(
        assignment: &Assignment,
        data_dir: &Path,
        inherited: Arc<Vec<(OsString, OsString)>>,
    ) -> Result<Self, String> {
        let mut fallbacks = Vec::new();
        let run_as = match &assignment.user {
            Some(user) if needs_run_as(assignment)? => match RunAs::find(user).await {
                Ok(run_as) => Some(run_as),
                Err(error) if assignment.failure.is_some() => {
                    // Never with more rights than the job has.
                    let nobody = RunAs::find(NOBODY).await.map_err(|_| error.clone())?;
                    fallbacks.push(format!("{}: it runs as `{NOBODY}`", reason_of(&error)));
                    Some(nobody)
                }
                Err(error) => return Err(error),
            },
            _ => None,
        };
        let mut dir = working_dir(assignment, run_as.as_ref());
        let mut missing = Missing::Refused;
        if assignment.failure.is_some() {
            missing = Missing::LeftOut;
            if !responds(&dir).await {
                let home =
                    run_as.as_ref().map_or_else(std::env::home_dir, |it| Some(it.home.clone()));
                let other = match home.filter(|home| *home != dir) {
                    Some(home) if responds(&home).await => home,
                    _ => Path::new("/").to_owned(),
                };
                let (missing, other_shown) = (dir.display(), other.display());
                fallbacks.push(format!("no folder `{missing}`: it runs in `{other_shown}`"));
                dir = other;
            }
        }
        let values = secrets::read(&assignment.env, &dir, missing).await?;
        fallbacks.extend(values.missing.iter().map(|why| format!("{why}: it runs without it")));
        let hidden = values.secret.iter().filter_map(|name| values.all.get(name));
        let redact = match values.secret.is_empty() {
            true => None,
            false => {
                RedactPatterns::new(hidden.map(|value| value.as_encoded_bytes())).map(Arc::new)
            }
        };
        let mut own = own_variables(assignment);
        let mut failure = None;
        if let Some(known) = &assignment.failure {
            let tail = output_tail(data_dir, assignment.key, known).await;
            failure = Some(body(assignment, known, &tail));
            own.extend([
                ("CRONTOWER_STATE", known.state.as_str().to_owned()),
                ("CRONTOWER_REASON", sanitized(&known.reason)),
                ("CRONTOWER_OUTPUT_TAIL", tail),
            ]);
        }
        Ok(Self { dir, inherited, run_as, redact, job: values.all, own, failure, fallbacks })
    }

    /// The environment of a process, those that count less first.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let inherited = self.inherited.iter().map(|(name, value)| (&**name, &**value));
        let run_as = self.run_as.as_ref();
        // As cron does: a job may have another home, but no other name.
        let home = run_as.map(|run_as| ("HOME".as_ref(), run_as.home.as_os_str()));
        let job = self.job.iter().map(|(name, value)| (name.as_ref(), &**value));
        let names = run_as.into_iter().flat_map(|run_as| {
            ["USER", "LOGNAME"].map(|name| (name.as_ref(), run_as.name.as_ref()))
        });
        let own = self.own.iter().map(|(name, value)| ((*name).as_ref(), value.as_ref()));
        inherited.chain(home).chain(job).chain(names).chain(own)
    }

    /// The job's variables that must not reach a program which runs as root on the way to the command.
    pub(super) fn for_linker(&self) -> impl Iterator<Item = (OsString, OsString)> {
        let linker = self.job.iter().filter(|(name, _)| is_for_linker(name));
        linker.map(|(name, value)| (name.into(), value.clone()))
    }

    /// The job's variables as texts.
    ///
    /// # Errors
    /// When one is none.
    pub(in crate::worker) fn texts(&self) -> Result<BTreeMap<String, String>, String> {
        let text = |(name, value): (&String, &OsString)| match value.to_str() {
            Some(text) => Ok((name.clone(), text.to_owned())),
            None => Err(format!("not started: the secret file of `{name}` holds no UTF-8 text")),
        };
        self.job.iter().map(text).collect()
    }

    /// The arguments of a command: a call that reports a failure sends all that is known, unless it has a
    /// body of its own.
    pub(in crate::worker) fn args(&self, command: &str, args: &Args) -> Args {
        let mut args = args.clone();
        if let Some(failure) = &self.failure
            && command == "api_call"
        {
            if !args.contains_key("body") {
                args.insert("body".to_owned(), failure.clone());
            }
            // The address was chosen for it; another one was not.
            args.insert("max_redirects".to_owned(), 0.into());
        }
        args
    }
}

/// Whether the command has a process of its own. One that runs inside the worker process cannot be another user's.
fn needs_run_as(assignment: &Assignment) -> Result<bool, String> {
    match assignment.command.name() {
        "shell" => Ok(true),
        // Reporting a failure needs nobody's rights.
        "api_call" if assignment.failure.is_some() => Ok(false),
        other => {
            Err(format!("not started: `{other}` cannot run as another user; `run` and `shell` can"))
        }
    }
}

/// Whom `on_failure` runs as where the job's user cannot be had.
const NOBODY: &str = "nobody";

/// Why an attempt did not start, without that it did not.
fn reason_of(error: &str) -> &str {
    error.strip_prefix("not started: ").unwrap_or(error)
}

/// Whether a folder is there, and its disk responds.
async fn responds(dir: &Path) -> bool {
    let dir = dir.to_owned();
    let looking = tokio::task::spawn_blocking(move || dir.is_dir());
    matches!(tokio::time::timeout(FOLDER_TIMEOUT, looking).await, Ok(Ok(true)))
}

/// Where an attempt works: as the job says, else at home.
fn working_dir(assignment: &Assignment, run_as: Option<&RunAs>) -> PathBuf {
    let home = || match run_as {
        Some(run_as) => Some(run_as.home.clone()),
        None => std::env::home_dir().filter(|home| home.is_dir()),
    };
    let given = assignment.working_dir.as_ref().map(PathBuf::from);
    given.or_else(home).unwrap_or_else(|| Path::new("/").to_owned())
}

fn own_variables(assignment: &Assignment) -> Vec<(&'static str, String)> {
    let key = assignment.key;
    let attempt = assignment.failure.as_ref().map_or(key.attempt, |failure| failure.attempt);
    vec![
        ("CRONTOWER_JOB_ID", assignment.job_id.to_string()),
        ("CRONTOWER_EXECUTION_ID", key.execution_id.to_string()),
        ("CRONTOWER_ATTEMPT", attempt.to_string()),
        ("CRONTOWER_FIRE_TIME", fire_time(assignment)),
        ("CRONTOWER_TRIGGER", assignment.trigger.as_str().to_owned()),
    ]
}

fn fire_time(assignment: &Assignment) -> String {
    assignment.fire_time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The JSON body that reports a failure.
fn body(assignment: &Assignment, failure: &Failure, tail: &str) -> Value {
    json!({
        "job_id": assignment.job_id,
        "execution_id": assignment.key.execution_id,
        "state": failure.state,
        "reason": sanitized(&failure.reason),
        "attempt": failure.attempt,
        "fire_time": fire_time(assignment),
        "output_tail": tail,
    })
}

/// The end of the failed attempt's output, as text; nothing where it wrote nothing or that cannot be read.
async fn output_tail(data_dir: &Path, key: AttemptKey, failure: &Failure) -> String {
    if failure.attempt == 0 {
        return String::new();
    }
    let failed = AttemptKey { attempt: failure.attempt, ..key };
    let data_dir = data_dir.to_owned();
    let reading = tokio::task::spawn_blocking(move || read_tail(&data_dir, failed, TAIL));
    match reading.await {
        Ok(Ok(tail)) => {
            let mut tail = sanitized(&String::from_utf8_lossy(&tail));
            // What is no text has become longer.
            tail.drain(..tail.ceil_char_boundary(tail.len().saturating_sub(TAIL)));
            tail
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, execution = %key.execution_id, "the output of a failed attempt cannot be read");
            String::new()
        }
        Err(_) => String::new(),
    }
}

/// A text without what a terminal or a variable would take for more than text; lines stay.
fn sanitized(text: &str) -> String {
    let mut sanitized = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' && letters.next_if_eq(&'[').is_some() {
            // Colours and the like, up to their last letter.
            while letters.next_if(|letter| matches!(letter, ' '..='?')).is_some() {}
            _ = letters.next_if(|letter| matches!(letter, '@'..='~'));
        } else if !letter.is_control() || matches!(letter, '\n' | '\t') {
            sanitized.push(letter);
        }
    }
    sanitized
}

/// Whether a command is a process.
pub(super) fn is_process(command: &JobCommand) -> bool {
    command.name() == "shell"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_text_is_reported() {
        let hostile = "a\0b\u{1b}[31mred\u{1b}[0m\r\n\tc\u{7}\u{9b}\u{1b}]0;x\u{1b}[";
        assert_eq!(sanitized(hostile), "abred\n\tc]0;x");
    }
}
