//! Times and durations as people read them, and as they write them.

use std::time::Duration;

use chrono::{DateTime, Local, TimeDelta, Utc};

use crate::clock::Clock;
use crate::model::text::{format_duration, parse_duration};

/// The time.
pub(super) fn now() -> DateTime<Utc> {
    Clock.now().wall
}

/// An instant in the zone of whoever reads: `2026-11-23 14:03:18`.
pub(super) fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The same, or a dash.
pub(super) fn local_or_dash(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "-".to_owned(), local)
}

/// How long it took from one instant to the other: `1.24s`, `3m5s`.
pub(super) fn took(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let took = (to - from).to_std().unwrap_or_default();
    match took {
        short if short < Duration::from_secs(1) => format!("{}ms", short.as_millis()),
        short if short < Duration::from_secs(60) => format!("{:.1}s", short.as_secs_f64()),
        long => format_duration(Duration::from_secs(long.as_secs())),
    }
}

/// An instant as written by a person: RFC 3339, or how long ago (`2h`).
pub(super) fn instant_ago(text: &str) -> Result<DateTime<Utc>, String> {
    instant(text, |now, span| now.checked_sub_signed(span))
}

/// An instant as written by a person: RFC 3339, or how long from now (`2h`).
pub(super) fn instant_ahead(text: &str) -> Result<DateTime<Utc>, String> {
    instant(text, |now, span| now.checked_add_signed(span))
}

fn instant(
    text: &str,
    shift: impl Fn(DateTime<Utc>, TimeDelta) -> Option<DateTime<Utc>>,
) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let hint = "write a time like 2026-12-24T18:00:00Z or a span like 2h";
    let span = parse_duration(text).map_err(|_| hint.to_owned())?;
    let span = TimeDelta::from_std(span).map_err(|_| hint.to_owned())?;
    shift(now(), span).ok_or_else(|| hint.to_owned())
}
