//! What follows a failed attempt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::text;

/// When and how often a failed attempt is followed by another.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Retry {
    /// Never.
    #[default]
    None,
    /// After the same delay each time.
    Fixed {
        /// Attempts after the first.
        max_retries: u32,
        /// Before each retry.
        #[serde(with = "text::duration")]
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        delay: Duration,
        /// Fraction (0 to 1) by which a delay is varied.
        #[serde(default)]
        jitter: f64,
    },
    /// After `min(delay · 2^(n-1), max_delay)` before retry n.
    Exponential {
        /// Attempts after the first.
        max_retries: u32,
        /// Before the first retry.
        #[serde(with = "text::duration")]
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        delay: Duration,
        /// No delay is longer.
        #[serde(with = "text::duration")]
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        max_delay: Duration,
        /// Fraction (0 to 1) by which a delay is varied.
        #[serde(default)]
        jitter: f64,
    },
}

impl Retry {
    /// Attempts that may follow the first.
    #[must_use]
    pub const fn max_retries(&self) -> u32 {
        match self {
            Self::None => 0,
            Self::Fixed { max_retries, .. } | Self::Exponential { max_retries, .. } => *max_retries,
        }
    }

    /// How long to wait after attempt number `attempt` failed, or `None` when it was the last one allowed.
    /// `spread` in [0, 1) places the delay within the policy's jitter: 0.5 leaves it as it is.
    #[must_use]
    pub fn delay_after(&self, attempt: u32, spread: f64) -> Option<Duration> {
        if attempt == 0 || attempt > self.max_retries() {
            return None;
        }
        let (delay, jitter) = match self {
            Self::None => return None,
            Self::Fixed { delay, jitter, .. } => (*delay, *jitter),
            Self::Exponential { delay, max_delay, jitter, .. } => {
                let factor = 1u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
                (delay.saturating_mul(factor).min(*max_delay), *jitter)
            }
        };
        Some(delay.mul_f64((1.0 + jitter * (2.0 * spread - 1.0)).max(0.0)))
    }
}

/// What a retry may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", untagged)]
pub enum RetryCause {
    /// The command ended with this code.
    ExitCode(i32),
    /// A named cause.
    Named(NamedCause),
}

/// Causes that are no exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NamedCause {
    /// The attempt ran into its time-out.
    Timeout,
    /// Its worker died or lost its lease.
    WorkerLost,
    /// It could not be started.
    NotStarted,
}
