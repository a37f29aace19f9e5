//! Words for times, ages and durations, and the sanitizing of text from outside.
//!
//! Owns how much of an instant is shown: as much as helps, and no more often changed than it must
//! be (each changed cell travels down the line). Never asks the clock.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use chrono_tz::Tz;
use ratatui::text::Span;

/// Makes text from outside fit for a cell: line ends become blanks, control and direction
/// characters vanish.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| c.is_control() || is_unseen(c) || letter_of_flag(c).is_some()) {
        let kept = text.trim_end().chars().filter_map(|c| match c {
            '\n' | '\t' => Some(' '),
            c if letter_of_flag(c).is_some() => letter_of_flag(c),
            c if c.is_control() || is_unseen(c) => None,
            c => Some(c),
        });
        Cow::Owned(kept.collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Terminals do not agree on how many cells the letters of a flag take: they are written as
/// letters.
pub(crate) fn letter_of_flag(c: char) -> Option<char> {
    let at = u32::from(c).checked_sub(0x1_f1e6).filter(|at| *at < 26)?;
    char::from_u32(u32::from('A') + at)
}

/// Characters that take no cell but change how others look, how wide they are or where they stand.
pub(crate) const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{1f3fb}'..='\u{1f3ff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// How many cells a text takes.
pub(crate) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// The text, cut to `cells` with an ellipsis where it is longer.
pub(crate) fn fit<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    // Almost all text is short ASCII: its bytes are its cells.
    if (text.is_ascii() && text.len() <= cells) || (!text.is_ascii() && width(text) <= cells) {
        return Cow::Borrowed(text);
    }
    let room = cells.saturating_sub(width(ellipsis));
    let mut kept = String::new();
    let mut taken = 0;
    let mut buffer = [0; 4];
    for c in text.chars() {
        taken += width(c.encode_utf8(&mut buffer));
        if taken > room {
            break;
        }
        kept.push(c);
    }
    if cells > 0 {
        kept.push_str(ellipsis);
    }
    Cow::Owned(kept)
}

/// The text, cut between words to `cells` with an ellipsis where it is longer.
pub(crate) fn fit_words<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    let cut = match fit(text, cells, ellipsis) {
        Cow::Owned(cut) => cut,
        whole => return whole,
    };
    let kept = cut.strip_suffix(ellipsis).unwrap_or(&cut);
    let next = text.get(kept.len()..).and_then(|rest| rest.chars().next());
    let words = if next == Some(' ') { Some(kept.len()) } else { kept.rfind(' ') };
    // A word that would take most of the room with it is cut itself.
    let words = words.filter(|end| end * 3 >= kept.len() * 2);
    let idle = [' ', ';', ',', ':', '('];
    let mut kept = words.map_or(kept, |end| kept[..end].trim_end_matches(idle));
    // A lone letter is a key whose use is cut off.
    while let Some((before, _)) = kept.rsplit_once(' ').filter(|(_, word)| word.len() == 1) {
        kept = before.trim_end_matches(idle);
    }
    if cells > 0 { Cow::Owned(format!("{kept}{ellipsis}")) } else { Cow::Borrowed("") }
}

/// How long until `at`: `0:42`, `4:05`, `12m`, `3h 07m`, `2d 4h`; `due` once it is there.
pub(crate) fn countdown(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    // The whole second in which `at` is reached is still counted: 0.2 s to go is 0:01.
    let milliseconds = (at - now).num_milliseconds();
    let seconds = milliseconds.saturating_add(999) / 1000;
    match seconds {
        ..=0 => "due".to_owned(),
        1..600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => coarse(seconds),
    }
}

/// How long ago `at` was: `now`, `20s`, `5m`, `3h`, `2d`.
pub(crate) fn age(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    match (now - at).num_seconds() {
        ..10 => "now".to_owned(),
        // By tens: an age that ticks each second adds nothing and costs bytes.
        seconds @ 10..60 => format!("{}s", seconds / 10 * 10),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..86_400 => format!("{}h", seconds / 3_600),
        seconds @ 86_400..31_536_000 => format!("{}d", seconds / 86_400),
        seconds => format!("{}y", seconds / 31_536_000),
    }
}

/// An age in a sentence: `now`, `5m ago`.
pub(crate) fn ago(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    let age = age(now, at);
    if age == "now" { age } else { format!("{age} ago") }
}

/// `12m`, `3h 07m`, `2d 4h`.
fn coarse(seconds: i64) -> String {
    match seconds {
        ..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        86_400..8_640_000 => {
            format!("{}d {}h", seconds / 86_400, seconds / 3_600 % 24)
        }
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long something has been up: `42s`, `12m`, `3h 07m`, `2d 4h`.
pub(crate) fn uptime(now: DateTime<Utc>, since: DateTime<Utc>) -> String {
    match (now - since).num_seconds() {
        // Just after the start each second shows that it is alive.
        seconds @ ..60 => format!("{}s", seconds.max(0)),
        seconds => coarse(seconds),
    }
}

/// How long something took: `12 ms`, `1.4 s`, `42 s`, `3m 05s`, `2h 10m`.
pub(crate) fn took(duration: TimeDelta) -> String {
    let milliseconds = duration.num_milliseconds().max(0);
    match milliseconds {
        ..1_000 => format!("{milliseconds} ms"),
        1_000..10_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds / 100 % 10),
        10_000..60_000 => format!("{} s", milliseconds / 1_000),
        60_000..3_600_000 => {
            format!("{}m {:02}s", milliseconds / 60_000, milliseconds / 1_000 % 60)
        }
        _ => coarse(milliseconds / 1_000),
    }
}

/// How long something has been running, in whole seconds: `7 s`, `3m 05s`.
pub(crate) fn running_for(now: DateTime<Utc>, since: DateTime<Utc>) -> String {
    match (now - since).num_seconds() {
        seconds @ ..60 => format!("{} s", seconds.max(0)),
        _ => took(now - since),
    }
}

/// A schedule in words without the name of its zone, where that is the viewer's own.
pub(crate) fn without_zone(words: &str, zone: Tz) -> Cow<'_, str> {
    const UTC: [&str; 2] = ["UTC", "Etc/UTC"];
    let names: &[&str] = if UTC.contains(&zone.name()) { &UTC } else { &[zone.name()] };
    for name in names {
        // What follows the zone is how the schedule is modified.
        for (at, _) in words.match_indices(name) {
            let (before, after) = (&words[..at], &words[at + name.len()..]);
            let ends = after.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '/');
            if let (Some(before), true) = (before.strip_suffix(", "), ends) {
                return Cow::Owned(format!("{before}{after}"));
            }
        }
    }
    Cow::Borrowed(words)
}

/// A time of day, with the day where it is another one than today's.
pub(crate) fn moment(zone: Tz, now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    let (here, today) = (at.with_timezone(&zone), now.with_timezone(&zone));
    if here.date_naive() == today.date_naive() {
        here.format("%H:%M:%S").to_string()
    } else if here.year() == today.year() {
        here.format("%d %b %H:%M").to_string()
    } else {
        here.format("%Y-%m-%d").to_string()
    }
}

/// An instant in full: `Tue 24 Nov 2026 09:30:00 CET`.
pub(crate) fn instant(zone: Tz, at: DateTime<Utc>) -> String {
    at.with_timezone(&zone).format("%a %d %b %Y %H:%M:%S %Z").to_string()
}

/// A fire time in a list: `Tue 24 Nov 09:30`, with seconds only where there are any. The header names
/// the zone; it stands here only where its offset is another one by then: `Thu 07 May 15:00 CEST`.
pub(crate) fn fire_time(zone: Tz, now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    let here = at.with_timezone(&zone);
    let time = if at.timestamp() % 60 == 0 { "%a %d %b %H:%M" } else { "%a %d %b %H:%M:%S" };
    let same = here.format("%Z").to_string() == now.with_timezone(&zone).format("%Z").to_string();
    let zone = if same { "" } else { " %Z" };
    here.format(&format!("{time}{zone}")).to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 23, 13, 0, 0).unwrap() + TimeDelta::seconds(seconds)
    }

    #[test]
    fn control_characters_never_reach_a_cell() {
        assert_eq!(clean("plain"), "plain");
        assert_eq!(clean("a\x1b[31mb\rc\n d\u{9b}2J\u{202e}e\u{200b}\n"), "a[31mbc  d2Je");
    }

    #[test]
    fn what_terminals_do_not_agree_on_is_made_plain() {
        let made = clean("\u{1f1e9}\u{1f1ea} \u{2601}\u{fe0f} \u{1f44b}\u{1f3fd} e\u{301}");
        assert_eq!(made, "DE \u{2601} \u{1f44b} e\u{301}");
    }

    #[test]
    fn a_text_is_cut_by_cells() {
        assert_eq!(fit("backup", 6, "…"), "backup");
        assert_eq!(fit("backups", 6, "…"), "backu…");
        assert_eq!(fit("漢字漢字", 5, "…"), "漢字…");
        assert_eq!(fit("漢字漢字", 4, "…"), "漢…");
        assert_eq!(fit("abc", 0, "…"), "");
    }

    #[test]
    fn a_sentence_is_cut_between_words() {
        let text = "cannot undo: run of stubborn; x cancels it";
        assert_eq!(fit_words(text, 80, "…"), text);
        assert_eq!(fit_words(text, 42, "…"), text);
        assert_eq!(fit_words(text, 41, "…"), "cannot undo: run of stubborn; x cancels…");
        assert_eq!(fit_words(text, 33, "…"), "cannot undo: run of stubborn…");
        assert_eq!(fit_words(text, 31, "…"), "cannot undo: run of stubborn…");
        assert_eq!(fit_words("a /very/long/path/in/one/word", 20, "…"), "a /very/long/path/i…");
        assert_eq!(fit_words("漢字 漢字漢字", 8, "…"), "漢字 漢…");
        assert_eq!(fit_words("abc", 0, "…"), "");
    }

    #[test]
    fn countdowns_tick_only_when_near() {
        let shown_text = |seconds| countdown(at(0), at(seconds));
        assert_eq!(
            [-5, 0, 1, 42, 245, 600, 3_599, 11_220, 190_000].map(shown_text),
            ["due", "due", "0:01", "0:42", "4:05", "10m", "59m", "3h 07m", "2d 4h"]
        );
        assert_eq!(shown_text(364 * 86_400 + 80_000), "364d");
        let soon = at(0) + TimeDelta::milliseconds(200);
        assert_eq!(countdown(at(0), soon), "0:01");
    }

    #[test]
    fn ages_and_durations_are_short() {
        let shown_text = |seconds| age(at(seconds), at(0));
        assert_eq!(
            [-3, 9, 19, 59, 61, 7_300, 90_000, 40_000_000].map(shown_text),
            ["now", "now", "10s", "50s", "1m", "2h", "1d", "1y"]
        );
        let shown_text = |milliseconds| took(TimeDelta::milliseconds(milliseconds));
        assert_eq!(
            [-1, 12, 1_450, 59_999, 185_000, 7_800_000].map(shown_text),
            ["0 ms", "12 ms", "1.4 s", "59 s", "3m 05s", "2h 10m"]
        );
    }

    #[test]
    fn the_viewers_own_zone_is_left_out_and_no_other() {
        let shown_text = |words, zone| without_zone(words, zone).into_owned();
        let berlin = "At 01:00 every day, Europe/Berlin";
        assert_eq!(shown_text(berlin, Tz::Europe__Berlin), "At 01:00 every day");
        assert_eq!(shown_text(berlin, Tz::UTC), berlin);
        let modified = "Every hour, Etc/UTC; not on de holidays";
        assert_eq!(shown_text(modified, Tz::UTC), "Every hour; not on de holidays");
        assert_eq!(shown_text("Daily, America/Indiana/Knox", Tz::America__Indiana__Knox), "Daily");
        let longer = "Daily, Europe/Berlin/Mitte";
        assert_eq!(shown_text(longer, Tz::Europe__Berlin), longer);
    }

    #[test]
    fn times_name_their_zone_and_day() {
        let zone = Tz::Europe__Berlin;
        assert_eq!(moment(zone, at(0), at(-60)), "13:59:00");
        assert_eq!(moment(zone, at(0), at(86_400)), "24 Nov 14:00");
        assert_eq!(instant(zone, at(0)), "Mon 23 Nov 2026 14:00:00 CET");
        assert_eq!(fire_time(zone, at(0), at(0) - TimeDelta::days(200)), "Thu 07 May 15:00 CEST");
    }
}
