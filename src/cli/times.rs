//! Times and durations as people read them, and as they write them.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::clock::Clock;
use crate::driver::system_zone;
use crate::model::text::{format_duration, parse_duration};
use crate::schedule::{InstantError, parse_instant};

/// The time.
pub(super) fn now() -> DateTime<Utc> {
    Clock.now().wall
}

/// The zone of whoever reads: TZ where it names one, else the system's.
pub(super) fn zone() -> Tz {
    // Asked for with each cell of a table: looked up once.
    static ZONE: LazyLock<Tz> = LazyLock::new(system_zone);
    *ZONE
}

/// Its name for the title of a column: `UTC`, `Berlin`.
pub(super) fn zone_in_title() -> &'static str {
    let name = zone().name();
    name.rsplit('/').next().unwrap_or(name)
}

/// An instant in the zone of whoever reads: `2026-11-23 14:03:18`.
pub(super) fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&zone()).format("%Y-%m-%d %H:%M:%S").to_string()
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

/// Which way a span leads from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// `2h` is two hours ago.
    Ago,
    /// `2h` is in two hours.
    Ahead,
}

/// What is read as an instant, for messages.
const LIKE: &str =
    "such as 2026-12-24 18:00, tomorrow 18:00, 2026-12-24T18:00:00Z or a span like 2h";

/// An instant as written by a person in the viewer's zone; spans lead into the past.
pub(super) fn instant_ago(text: &str) -> Result<DateTime<Utc>, String> {
    instant(text, now(), zone(), Span::Ago).map_err(|problem| format!("it {problem}"))
}

/// An instant as written by a person in the viewer's zone; spans lead into the future.
pub(super) fn instant_ahead(text: &str) -> Result<DateTime<Utc>, String> {
    instant(text, now(), zone(), Span::Ahead).map_err(|problem| format!("it {problem}"))
}

/// An instant as written by a person: RFC 3339, a wall time or a date in `zone` (`2026-12-24 18:00`), `yesterday`, `today` or
/// `tomorrow` with a time of day or without, or a span from `now`.
///
/// # Errors
/// What is wrong with the text, as the rest of a sentence that begins with it.
pub(super) fn instant(
    text: &str,
    now: DateTime<Utc>,
    zone: Tz,
    span: Span,
) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let unreadable = || format!("is not a time {LIKE}");
    let problem = |error: InstantError| match error {
        InstantError::Unreadable => unreadable(),
        InstantError::Gap { .. } => error.to_string(),
    };
    if let Some((days, time)) = day(text) {
        let date = now.with_timezone(&zone).date_naive().checked_add_signed(days);
        let dated = date.map(|date| format!("{date} {time}"));
        return parse_instant(dated.ok_or_else(unreadable)?.trim(), zone).map_err(problem);
    }
    if let Ok(length) = parse_duration(text) {
        let length = TimeDelta::from_std(length).map_err(|_| unreadable())?;
        let moved = match span {
            Span::Ago => now.checked_sub_signed(length),
            Span::Ahead => now.checked_add_signed(length),
        };
        return moved.ok_or_else(unreadable);
    }
    parse_instant(text, zone).map_err(problem)
}

/// A day told by its distance from today, and the time of day that follows.
fn day(text: &str) -> Option<(TimeDelta, &str)> {
    let (word, time) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let days = match word.to_ascii_lowercase().as_str() {
        "yesterday" => -1,
        "today" => 0,
        "tomorrow" => 1,
        _ => return None,
    };
    Some((TimeDelta::days(days), time.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_times_in_many_ways() {
        let now = "2026-11-25T23:30:00Z".parse().unwrap();
        let mut described = String::new();
        for text in [
            "2026-11-30 08:00",
            "2026-11-30",
            "2026-11-30T08:00:00-05:00",
            "today",
            "Today 09:00",
            "yesterday 18:30:10",
            "tomorrow",
            "2h",
            "tomorrow noon",
            "soon",
            "2026-03-29 02:30",
            "9999999999d",
        ] {
            let read = |span| match instant(text, now, Tz::Europe__Berlin, span) {
                Ok(at) => at.to_rfc3339(),
                Err(problem) => problem,
            };
            let (ago, ahead) = (read(Span::Ago), read(Span::Ahead));
            let both = if ago == ahead { ago } else { format!("{ago} or {ahead}") };
            described += &format!("{text}: {both}\n");
        }
        insta::assert_snapshot!(described, @"
        2026-11-30 08:00: 2026-11-30T07:00:00+00:00
        2026-11-30: 2026-11-29T23:00:00+00:00
        2026-11-30T08:00:00-05:00: 2026-11-30T13:00:00+00:00
        today: 2026-11-25T23:00:00+00:00
        Today 09:00: 2026-11-26T08:00:00+00:00
        yesterday 18:30:10: 2026-11-25T17:30:10+00:00
        tomorrow: 2026-11-26T23:00:00+00:00
        2h: 2026-11-25T21:30:00+00:00 or 2026-11-26T01:30:00+00:00
        tomorrow noon: is not a time such as 2026-12-24 18:00, tomorrow 18:00, 2026-12-24T18:00:00Z or a span like 2h
        soon: is not a time such as 2026-12-24 18:00, tomorrow 18:00, 2026-12-24T18:00:00Z or a span like 2h
        2026-03-29 02:30: does not exist in Europe/Berlin: the clocks go forward to 2026-03-29 03:00:00
        9999999999d: is not a time such as 2026-12-24 18:00, tomorrow 18:00, 2026-12-24T18:00:00Z or a span like 2h
        ");
    }
}
