//! How the engine is: one verdict that screen, status, probes, metrics and events share.
//!
//! Owns the verdict and its words. Never computes it: that is the engine's. What is wrong with jobs is another fact
//! ([`super::Wrong`]): a failing job does not make an engine degraded.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the engine is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "health", rename_all = "snake_case")]
pub enum Health {
    /// It works, and nothing is wrong with it or its workers.
    #[default]
    Ok,
    /// It works, but something is wrong with it or its workers.
    Degraded {
        /// What, one sentence each; never empty.
        problems: Vec<String>,
    },
    /// It cannot commit, so nothing fires.
    Down {
        /// Why, one sentence each; never empty.
        problems: Vec<String>,
    },
}

impl Health {
    /// All words, as `/metrics` lists them.
    pub const WORDS: [&'static str; 3] = ["ok", "degraded", "down"];

    /// The word used in JSON, by the probes and on screen.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded { .. } => "degraded",
            Self::Down { .. } => "down",
        }
    }

    /// What is wrong, one sentence each.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        match self {
            Self::Ok => &[],
            Self::Degraded { problems } | Self::Down { problems } => problems,
        }
    }
}

impl fmt::Display for Health {
    /// As an event says it: `engine degraded: worker w is offline`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("engine ok again"),
            Self::Degraded { problems } => write!(f, "engine degraded: {}", problems.join("; ")),
            Self::Down { problems } => write!(f, "engine down: {}", problems.join("; ")),
        }
    }
}

/// What makes an engine degraded beside its workers. There is at most one sentence for each; they are listed in this
/// order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemCause {
    /// The file of the store is damaged.
    StoreDamaged,
    /// The store holds rows that cannot be read.
    Unreadable,
    /// The jobs file was refused, and the definitions in the store are in force.
    JobsFile,
    /// The disk did not take all output of an attempt.
    OutputLost,
}
