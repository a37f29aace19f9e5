//! How an attempt ended, as a report that is bounded and holds no secret.
//!
//! Owns the bounds of errors and results. Never decides how an attempt ended.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::clock::Clock;
use crate::model::{Assignment, Ended, Outcome};
use crate::worker::redact::RedactPatterns;

/// The longest error that is passed on.
const LONGEST_ERROR: usize = 4 << 10;

/// The largest result that is passed on.
const LARGEST_RESULT: usize = 64 << 10;

/// How an attempt ended.
#[derive(Debug, PartialEq)]
pub(in crate::worker) struct Verdict {
    pub(in crate::worker) outcome: Outcome,
    pub(in crate::worker) exit_code: Option<i32>,
    pub(in crate::worker) error: Option<String>,
    pub(in crate::worker) result: Option<Value>,
}

impl Verdict {
    pub(in crate::worker) fn failed(error: String) -> Self {
        Self { outcome: Outcome::Failed, exit_code: None, error: Some(error), result: None }
    }

    /// With the secrets in error and result redacted.
    pub(in crate::worker) fn redacted(self, patterns: Option<&RedactPatterns>) -> Self {
        let Some(patterns) = patterns else { return self };
        let error = self.error.map(|error| patterns.redact_text(&error));
        let result = self.result.map(|result| patterns.redact_value(result));
        Self { error, result, ..self }
    }

    /// As a report, with what is beyond all bounds left out.
    pub(in crate::worker) fn ended(
        self,
        assignment: &Assignment,
        started_at: Option<DateTime<Utc>>,
    ) -> Ended {
        Ended {
            key: assignment.key,
            started_at,
            finished_at: Clock.now().wall,
            outcome: self.outcome,
            exit_code: self.exit_code,
            error: self.error.map(shortened),
            result: self.result.map(bounded),
        }
    }
}

fn shortened(mut error: String) -> String {
    if error.len() > LONGEST_ERROR {
        error.truncate(error.floor_char_boundary(LONGEST_ERROR));
        error.push('…');
    }
    error
}

fn bounded(result: Value) -> Value {
    let length = serde_json::to_vec(&result).map_or(0, |text| text.len());
    if length <= LARGEST_RESULT {
        return result;
    }
    Value::String(format!(
        "a result of {length} bytes was left out: at most {LARGEST_RESULT} are kept"
    ))
}
