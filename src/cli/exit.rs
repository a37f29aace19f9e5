//! Exit codes, and the failures that lead to them.

use std::io;
use std::process::ExitCode;

use crate::api::client::ClientError;
use crate::model::Refusal;

/// What the process tells whoever started it. Scripts rely on these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It is done.
    Done = 0,
    /// It failed; of `run --wait`: the execution did not succeed.
    Failed = 1,
    /// Wrong use or invalid input.
    Usage = 2,
    /// No engine is reachable.
    Unreachable = 3,
    /// There is no such thing.
    NotFound = 4,
    /// It is not allowed.
    NotAllowed = 5,
    /// Ctrl-C ended the waiting, and not what was waited for.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ends early: the code, what failed on what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// For stderr; `None` when everything has been said.
    pub(super) message: Option<String>,
    pub(super) hint: Option<String>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: Some(message.into()), hint: None }
    }

    /// Ends with `exit` without another word.
    pub(super) const fn silent(exit: Exit) -> Self {
        Self { exit, message: None, hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<io::Error> for Failure {
    /// Of writing to stdout: a reader that has seen enough is no failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::silent(Exit::Done)
        } else {
            Self::new(Exit::Failed, format!("cannot write to stdout: {error}"))
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Unreachable { .. }
            | ClientError::Silent { .. }
            | ClientError::Untrusted { .. }
            | ClientError::WrongHost { .. } => Exit::Unreachable,
            ClientError::NotYours { .. } => Exit::NotAllowed,
            ClientError::Url { .. }
            | ClientError::Scheme { .. }
            | ClientError::Authorities { .. }
            | ClientError::Token => Exit::Usage,
            ClientError::NotUnderstood { .. } => Exit::Failed,
            ClientError::Refused(problem) => match problem.status {
                400 | 413 | 422 => Exit::Usage,
                401 | 403 => Exit::NotAllowed,
                404 => Exit::NotFound,
                _ => Exit::Failed,
            },
        };
        let mut failure = Self::new(exit, error.to_string());
        if let ClientError::Refused(problem) = &error
            && let Some(diff) = problem.about.get("diff").and_then(|diff| diff.as_str())
        {
            failure.message = Some(format!("{error}; what was wanted:\n{diff}"));
        }
        let unknown = matches!(&error, ClientError::Refused(problem) if problem.status == 401);
        match exit {
            Exit::Unreachable if matches!(error, ClientError::WrongHost { .. }) => {
                failure.hint("name the host as the certificate does")
            }
            Exit::Unreachable if matches!(error, ClientError::Silent { .. }) => failure.hint(
                "an engine is there; `crontower.log` of its data folder, or its stderr, says what keeps it",
            ),
            Exit::NotAllowed if matches!(error, ClientError::NotYours { .. }) => failure.hint(
                "--data-dir DIR names a folder of your own, --server URL with a token asks over TCP",
            ),
            Exit::Unreachable if matches!(error, ClientError::Untrusted { .. }) => failure.hint(
                "--tls-ca FILE trusts the authority in a PEM file, or a self-signed certificate that is no authority itself",
            ),
            Exit::Unreachable => failure.hint(
                "`crontower --headless` starts an engine; --data-dir DIR or --server URL names another",
            ),
            Exit::NotAllowed if unknown => failure.hint(
                "give a token with --token or CRONTOWER_TOKEN; the first one stands in the file `token` of the data folder",
            ),
            _ => failure,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let exit = match refusal {
            Refusal::UnknownJob { .. }
            | Refusal::UnknownExecution { .. }
            | Refusal::UnknownWorker { .. } => Exit::NotFound,
            Refusal::AmbiguousExecution { .. } | Refusal::Invalid(_) | Refusal::File(_) => {
                Exit::Usage
            }
            Refusal::Unreachable(_) => Exit::Unreachable,
            _ => Exit::Failed,
        };
        Self::new(exit, refusal.to_string())
    }
}
