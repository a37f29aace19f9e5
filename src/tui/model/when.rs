//! Until when, and when it was: `2h`, `18:00`, `tomorrow 9:00`, `2026-12-24 18:00`, as a person
//! writes it.
//!
//! Owns that small grammar. Never asks the clock: now and zone come in.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::model::text::parse_duration;

/// What can be written.
const HINT: &str = "write 2h, 18:00, tomorrow 9:00 or 2026-12-24 18:00";

/// The instant that is meant; `None` where nothing is written.
///
/// # Errors
/// What was not understood, or that it is past.
pub(crate) fn until(
    text: &str,
    now: DateTime<Utc>,
    zone: Tz,
) -> Result<Option<DateTime<Utc>>, String> {
    let lower = text.trim().to_lowercase();
    let words = lower.strip_prefix("until").or(lower.strip_prefix("for")).unwrap_or(&lower).trim();
    if words.is_empty() {
        return Ok(None);
    }
    let at = instant(words, now, zone).ok_or_else(|| format!("`{}`? {HINT}", text.trim()))?;
    if at <= now {
        return Err(format!("that is in the past: {HINT}"));
    }
    Ok(Some(at))
}

/// What can be written of an instant that may be past.
pub(crate) const PAST_HINT: &str = "03:00, yesterday 18:00, 2026-11-24 03:00 or 2h ago";

/// The instant that is meant, past or to come; a time of day is the last one that was.
///
/// # Errors
/// What was not understood.
pub(crate) fn when(text: &str, now: DateTime<Utc>, zone: Tz) -> Result<DateTime<Utc>, String> {
    let lower = text.trim().to_lowercase();
    let words = lower.strip_prefix("at ").unwrap_or(&lower).trim();
    past(words, now, zone)
        .or_else(|| instant(words, now, zone))
        .ok_or_else(|| format!("`{}`? write {PAST_HINT}", text.trim()))
}

fn past(words: &str, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    let today = now.with_timezone(&zone).date_naive();
    let yesterday = today.checked_sub_days(Days::new(1))?;
    if let Some(span) = words.strip_suffix("ago") {
        let span = parse_duration(span.trim()).ok()?;
        return now.checked_sub_signed(TimeDelta::from_std(span).ok()?);
    }
    if let Some(rest) = words.strip_prefix("yesterday") {
        let rest = rest.trim();
        let time = if rest.is_empty() { NaiveTime::MIN } else { time_of_day(rest)? };
        return local(yesterday.and_time(time), zone);
    }
    let time = time_of_day(words)?;
    let at = local(today.and_time(time), zone).filter(|at| *at <= now);
    at.or_else(|| local(yesterday.and_time(time), zone))
}

fn instant(words: &str, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(span) = parse_duration(words) {
        return now.checked_add_signed(TimeDelta::from_std(span).ok()?);
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(&words.to_uppercase()) {
        return Some(at.to_utc());
    }
    let today = now.with_timezone(&zone).date_naive();
    if let Some(time) = time_of_day(words) {
        let at = local(today.and_time(time), zone)?;
        let tomorrow = || local(today.checked_add_days(Days::new(1))?.and_time(time), zone);
        return if at > now { Some(at) } else { tomorrow() };
    }
    let (day, time) = match words.split_once([' ', 't']) {
        Some(("omorrow", _)) | None => (words, NaiveTime::MIN),
        Some(_) if words.starts_with("tomorrow") => {
            let rest = words.trim_start_matches("tomorrow").trim();
            let time = if rest.is_empty() { NaiveTime::MIN } else { time_of_day(rest)? };
            ("tomorrow", time)
        }
        Some((day, time)) => (day, time_of_day(time.trim())?),
    };
    let day = match day {
        "tomorrow" => today.checked_add_days(Days::new(1))?,
        day => NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?,
    };
    local(day.and_time(time), zone)
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok())
}

/// Where a clock time comes twice, the first one; where it is left out, none.
fn local(at: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    at.and_local_timezone(zone).earliest().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::text::instant as shown_text;

    #[test]
    fn what_was_is_understood() {
        let now = crate::tui::tests::fixtures::at(0); // Mon 23 Nov 2026 14:03:18 CET
        let zone = Tz::Europe__Berlin;
        let read = |text| when(text, now, zone).map_or_else(|why| why, |at| shown_text(zone, at));
        assert_eq!(read("03:00"), "Mon 23 Nov 2026 03:00:00 CET");
        assert_eq!(read("at 18:00"), "Sun 22 Nov 2026 18:00:00 CET", "today's is still to come");
        assert_eq!(read("yesterday 3:00"), "Sun 22 Nov 2026 03:00:00 CET");
        assert_eq!(read("yesterday"), "Sun 22 Nov 2026 00:00:00 CET");
        assert_eq!(read("2h ago"), "Mon 23 Nov 2026 12:03:18 CET");
        assert_eq!(read("2026-11-01 02:00"), "Sun 01 Nov 2026 02:00:00 CET");
        assert_eq!(read("tomorrow 9:00"), "Tue 24 Nov 2026 09:00:00 CET");
        assert!(read("elephant").starts_with("`elephant`? write 03:00"));
        assert!(read("").contains("write 03:00"));
    }

    #[test]
    fn spans_clock_times_and_days_are_understood() {
        let now = crate::tui::tests::fixtures::at(0); // Mon 23 Nov 2026 14:03:18 CET
        let zone = Tz::Europe__Berlin;
        let read = |text| match until(text, now, zone) {
            Ok(at) => at.map_or_else(String::new, |at| shown_text(zone, at)),
            Err(why) => why,
        };
        assert_eq!(read(""), "");
        assert_eq!(read("2h"), "Mon 23 Nov 2026 16:03:18 CET");
        assert_eq!(read("for 1h30m"), "Mon 23 Nov 2026 15:33:18 CET");
        assert_eq!(read("until 18:00"), "Mon 23 Nov 2026 18:00:00 CET");
        assert_eq!(read("9:30"), "Tue 24 Nov 2026 09:30:00 CET", "today's is past");
        assert_eq!(read("tomorrow"), "Tue 24 Nov 2026 00:00:00 CET");
        assert_eq!(read("tomorrow 9:00"), "Tue 24 Nov 2026 09:00:00 CET");
        assert_eq!(read("2026-12-24 18:00"), "Thu 24 Dec 2026 18:00:00 CET");
        assert_eq!(read("2026-12-24"), "Thu 24 Dec 2026 00:00:00 CET");
        assert_eq!(read("2026-12-24T18:00:00Z"), "Thu 24 Dec 2026 19:00:00 CET");
        assert!(read("2020-01-01").starts_with("that is in the past"));
        assert!(read("elephant").starts_with("`elephant`? write 2h"));
        assert!(read("2027-03-28 02:30").contains("write 2h"), "that time is left out");
        assert!(read("99999999999999d").contains("write 2h"));
    }
}
