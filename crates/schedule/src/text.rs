//! Text that people write and read: durations such as `1h30m`, the nearest of some words, a text from outside made safe
//! to print. Owns no meaning: what a word or a duration is for is the caller's.

use std::time::Duration;

/// The units of a duration, largest first, in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// How many characters of a text that was not understood are shown.
const QUOTED_CHARS: usize = 40;

/// A text from outside between backticks, cut to what fits a sentence and safe to print.
#[must_use]
pub fn quoted(text: &str) -> String {
    let cut = if text.chars().nth(QUOTED_CHARS).is_some() { "…" } else { "" };
    let shown: String = text.chars().take(QUOTED_CHARS).flat_map(escaped).collect();
    format!("`{shown}{cut}`")
}

/// The text with an escape for each character that cannot be seen or could disturb a terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().flat_map(escaped).collect()
}

/// The character itself, or an escape where it could disturb a terminal.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let hostile = c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let escape = hostile.then(|| c.escape_default()).into_iter().flatten();
    escape.chain((!hostile).then_some(c))
}

/// Reads `500ms`, `10s`, `5m`, `1h30m`, `2d`, `1w`; blanks between parts are fine, a bare `0` too.
///
/// # Errors
/// A sentence that names what was not understood.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let hint = "write it like 500ms, 10s, 5m, 1h30m or 2d";
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(format!("an empty duration: {hint}"));
    }
    let mut total = 0u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let meant = || {
            let meant = meant_duration(text).map(format_duration);
            meant.map(|meant| format!("{} is not a duration: write it `{meant}`", quoted(text)))
        };
        let number: u64 = number.parse().map_err(|_| {
            meant().unwrap_or_else(|| format!("{} is not a duration: {hint}", quoted(text)))
        })?;
        if unit.is_empty() {
            let error = || format!("{} has no unit: {hint}", quoted(text));
            return Err(meant().unwrap_or_else(error));
        }
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| {
            meant().unwrap_or_else(|| {
                format!("{} in {} is not a unit of time: {hint}", quoted(unit), quoted(text))
            })
        })?;
        total = number
            .checked_mul(*factor)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= 100 * 366 * 86_400_000)
            .ok_or_else(|| format!("{} is longer than 100 years", quoted(text)))?;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// What other ways of writing a duration mean: `10 minutes`, `1.5h`, `2 hours and 30 min`, ISO 8601's `PT10M`.
fn meant_duration(text: &str) -> Option<Duration> {
    let text = text.trim().to_ascii_lowercase();
    let iso = text.strip_prefix('p').filter(|rest| rest.len() > 1);
    // Of ISO's `P1M` it is not known how long a month is.
    let (days, time) =
        iso.map_or(("", text.as_str()), |rest| rest.split_once('t').unwrap_or((rest, "")));
    if iso.is_some() && days.contains('m') {
        return None;
    }
    let mut milliseconds = 0.0;
    for mut rest in [days, time] {
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let after = after.trim_start();
            let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(letters);
            milliseconds += number.parse::<f64>().ok()? * factor_of_word(unit)?;
            let after = after.trim_start_matches([' ', '\t', ',']);
            rest = after.strip_prefix("and ").unwrap_or(after).trim_start();
        }
    }
    let duration = Duration::try_from_secs_f64((milliseconds / 1_000.0_f64).min(1e10)).ok()?;
    let rounded = Duration::from_millis(u64::try_from(duration.as_micros().div_ceil(1_000)).ok()?);
    // Only what can be written is proposed.
    let exact = rounded.abs_diff(duration) < Duration::from_micros(1);
    (exact && parse_duration(&format_duration(rounded)).is_ok()).then_some(rounded)
}

/// The milliseconds of a unit that is written out or shortened in one of the usual ways.
fn factor_of_word(unit: &str) -> Option<f64> {
    let unit = match unit {
        "w" | "wk" | "wks" | "week" | "weeks" => "w",
        "d" | "day" | "days" => "d",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => "ms",
        _ => return None,
    };
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    // A week in milliseconds is far below what a float holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "the largest factor is a week in milliseconds")]
    Some(*factor as f64)
}

/// Writes a duration so that [`parse_duration`] reads it back (to the millisecond): `1h30m`, `0s`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, factor) in &UNITS[1..] {
        if left / factor > 0 {
            text.push_str(&format!("{}{unit}", left / factor));
            left %= factor;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// The candidate nearest to `wrong`, if one is near enough to be what was meant (case is ignored).
#[must_use]
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    if wrong.chars().count() > 100 {
        return None;
    }
    let most = |candidate: &str| 1 + candidate.chars().count() / 4;
    candidates
        .into_iter()
        // Most are told apart by their letters alone: there may be a hundred thousand.
        .filter(|candidate| least_distance(&wrong, candidate) <= most(candidate))
        .map(|candidate| (strsim::osa_distance(&wrong, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= most(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What the distance is at least, judged by which letters there are (other than ASCII ones count as equal).
fn least_distance(a: &str, b: &str) -> usize {
    let mut counts = [0i32; 129];
    let place = |c: char| if c.is_ascii() { c.to_ascii_lowercase() as usize } else { 128 };
    a.chars().for_each(|c| counts[place(c)] += 1);
    b.chars().for_each(|c| counts[place(c)] -= 1);
    let (more, fewer) = counts
        .iter()
        .fold((0, 0), |(more, fewer), count| (more + (*count).max(0), fewer + (-*count).max(0)));
    more.max(fewer).unsigned_abs() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_in_other_words_is_reported_in_the_right_ones() {
        let cases = [
            ("10 minutes", "10m"),
            ("2 hours", "2h"),
            ("30 sec", "30s"),
            ("1 day", "1d"),
            ("10 m", "10m"),
            ("10M", "10m"),
            ("1.5h", "1h30m"),
            ("90 mins", "1h30m"),
            ("1 week", "7d"),
            ("2 hours and 30 minutes", "2h30m"),
            ("1 hour, 5 sec", "1h5s"),
            ("250 milliseconds", "250ms"),
            ("PT10M", "10m"),
            ("P1DT2H", "1d2h"),
            ("pt0.5s", "500ms"),
            ("P2W", "14d"),
        ];
        for (written, right) in cases {
            let error = parse_duration(written).unwrap_err();
            assert_eq!(error, format!("`{written}` is not a duration: write it `{right}`"));
            assert!(parse_duration(right).is_ok(), "{right}");
        }
        for unclear in [
            "30",
            "P1M",
            "P",
            "PT",
            "1 month",
            "soon",
            "1.2.3 h",
            "1e9d",
            "-5m",
            "9999999999999 weeks",
        ] {
            let error = parse_duration(unclear).unwrap_err();
            assert!(!error.contains("write it `"), "{error}");
        }
    }

    #[test]
    fn durations_read_and_write() {
        for (text, ms) in
            [("500ms", 500), ("10s", 10_000), ("1h30m", 5_400_000), ("2d", 172_800_000)]
        {
            let duration = Duration::from_millis(ms);
            assert_eq!(parse_duration(text).unwrap(), duration);
            assert_eq!(format_duration(duration), text);
        }
        for bad in ["", "5", "5x", "m", "-5s", "1.5h", "99999999999999999999d", "9999999d"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_not_understood_is_reported_in_part_and_harmless() {
        let hostile = format!("5\u{1b}[2J\n\u{202e}{}", "x".repeat(10_000));
        for error in [
            parse_duration(&hostile).unwrap_err(),
            parse_duration(&format!("5{}", "x".repeat(10_000))).unwrap_err(),
            parse_duration(&"9".repeat(10_000)).unwrap_err(),
            parse_duration(&format!("{}w", "9".repeat(15))).unwrap_err(),
        ] {
            assert!(error.chars().count() < 250, "{error}");
            assert!(!error.contains(['\u{1b}', '\n', '\u{202e}']), "{error:?}");
        }
        let error = parse_duration("5\tyears").unwrap_err();
        assert!(error.starts_with("`5\\tyears` has no unit"), "{error}");
        let exactly = "7".repeat(QUOTED_CHARS);
        assert!(parse_duration(&exactly).unwrap_err().starts_with(&format!("`{exactly}` is not")));
    }

    #[test]
    fn the_nearest_word_is_offered_only_when_near() {
        assert_eq!(nearest("shcedule", ["schedule", "shell"]), Some("schedule"));
        assert_eq!(nearest("elephant", ["schedule", "shell"]), None);
    }
}
