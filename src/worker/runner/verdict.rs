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

/// The largest result that is passed on, as JSON.
const LARGEST_RESULT: usize = 64 << 10;

/// What stands in a result for a member that is too large.
const LEFT_OUT: &str = "left out: the result is larger than 64 KiB";

/// How an attempt ended.
#[derive(Debug, PartialEq)]
pub(in crate::worker) struct Verdict {
    pub(in crate::worker) outcome: Outcome,
    pub(in crate::worker) exit_code: Option<i32>,
    pub(in crate::worker) error: Option<String>,
    pub(in crate::worker) result: Option<Value>,
}

impl Verdict {
    /// It could not be started.
    pub(in crate::worker) fn not_started(error: String) -> Self {
        Self { outcome: Outcome::NotStarted, ..Self::failed(error) }
    }

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
            output_lost: 0,
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

/// A result that is not larger than [`LARGEST_RESULT`]. Of a map the largest members are shortened (texts) or left out,
/// so that all others stay: the status and the time of an HTTP call, say.
fn bounded(result: Value) -> Value {
    let length = encoded(&result);
    if length <= LARGEST_RESULT {
        return result;
    }
    match result {
        Value::String(text) => Value::String(shortened_text(text, length, LARGEST_RESULT)),
        Value::Object(mut members) => {
            let mut left = length;
            for _ in 0..members.len() {
                let Some((_, largest)) =
                    members.iter_mut().max_by_key(|(_, member)| encoded(member))
                else {
                    break;
                };
                let before = encoded(largest);
                let room = before.saturating_sub(left - LARGEST_RESULT);
                *largest = match largest.take() {
                    Value::String(text) if room > LEFT_OUT.len() + 2 => {
                        Value::String(shortened_text(text, before, room))
                    }
                    _ => Value::String(LEFT_OUT.to_owned()),
                };
                left = left - before + encoded(largest);
                if left <= LARGEST_RESULT {
                    return Value::Object(members);
                }
            }
            Value::String(LEFT_OUT.to_owned())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Value::String(LEFT_OUT.to_owned())
        }
    }
}

/// How many bytes a value takes as JSON.
fn encoded(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |text| text.len())
}

/// The beginning of a text of `length` bytes as JSON that takes at most `room`, with a sign that it was cut.
fn shortened_text(mut text: String, length: usize, room: usize) -> String {
    let sign = '…';
    let mut excess = (length + sign.len_utf8()).saturating_sub(room);
    while excess > 0
        && let Some(last) = text.pop()
    {
        let freed = serde_json::to_string(&last).map_or(1, |one| one.len().saturating_sub(2));
        excess = excess.saturating_sub(freed);
    }
    text.push(sign);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_large_member_is_shortened_and_all_others_stay() {
        let part = "\u{1}ä\"x".repeat(20_000);
        let result = bounded(json!({"status": 200, "time_ms": 7, "body": part, "groups": ["x"]}));
        assert_eq!((&result["status"], &result["time_ms"]), (&json!(200), &json!(7)));
        assert_eq!(result["groups"], json!(["x"]));
        let body = result["body"].as_str().unwrap();
        assert!(part.starts_with(body.strip_suffix('…').unwrap()));
        let length = encoded(&result);
        assert!((LARGEST_RESULT - 8..=LARGEST_RESULT).contains(&length), "{length}");
    }

    #[test]
    fn what_cannot_be_shortened_is_left_out_by_itself() {
        let many: Vec<u32> = (0..100_000).collect();
        let result = bounded(json!({"rows_read": 5, "groups": many, "more": "y".repeat(70_000)}));
        assert_eq!((&result["rows_read"], &result["groups"]), (&json!(5), &json!(LEFT_OUT)));
        assert!(result["more"].as_str().unwrap().starts_with("yyyy"));
        assert!(encoded(&result) <= LARGEST_RESULT);
        assert_eq!(bounded(json!(many)), json!(LEFT_OUT));
        let key = "k".repeat(70_000);
        assert_eq!(bounded(json!({key: 1})), json!(LEFT_OUT));
        let exact = json!("z".repeat(LARGEST_RESULT - 2));
        assert_eq!(bounded(exact.clone()), exact);
        assert!(encoded(&bounded(json!("z".repeat(LARGEST_RESULT)))) <= LARGEST_RESULT);
    }
}
