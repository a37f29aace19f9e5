//! Random and hostile texts: no panic, no hang, every answer within a bounded search. The fuzz
//! target does the same for as long as one likes.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{Dice, at, try_table};
use crate::Schedule;

const PIECES: [&str; 78] = [
    "*",
    "*/5",
    "?",
    "H",
    "H/7",
    "H(1-5)",
    "L",
    "LW",
    "15W",
    "L-3",
    "MON#5",
    "friL",
    "1-5",
    "FRI-SUN",
    "0",
    "7",
    "29",
    "30",
    "31",
    "2",
    "feb",
    "59",
    "@daily",
    "@reboot",
    "1,2",
    "10-50/10",
    "5/7",
    "every",
    "each",
    "other",
    "second",
    "minute",
    "minutes",
    "hours",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "quarter",
    "year",
    "at",
    "on",
    "in",
    "of",
    "the",
    "and",
    ",",
    "-",
    "to",
    "from",
    "between",
    "except",
    "holidays",
    "once",
    "2026-12-24",
    "18:00",
    "9",
    "9:30:15",
    "am",
    "PM",
    "noon",
    "midnight",
    "monday",
    "weekdays",
    "weekends",
    "last",
    "first",
    "15th",
    "31st",
    "february",
    "march",
    "hourly",
    "weekly",
    ":30",
    "past",
    "twelve",
];

/// Parses a text and asks a table for a few fire times from hard places.
fn exercise(text: &str) {
    let Ok(schedule) = Schedule::parse(text) else {
        let error = Schedule::parse(text).unwrap_err();
        assert!(!error.to_string().is_empty());
        assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{text:?}");
        assert!(error.pretty(text).lines().count() >= 2);
        return;
    };
    assert!(!schedule.in_words().is_empty());
    let _ = schedule.as_cron();
    let Ok(table) = try_table(text, Tz::America__New_York) else {
        return;
    };
    for from in [DateTime::<Utc>::MIN_UTC, at("2026-03-08T06:59:59Z"), DateTime::<Utc>::MAX_UTC] {
        let mut after = from;
        for _ in 0..3 {
            let Some(next) = table.fire_time_after(after) else {
                break;
            };
            assert!(next > after, "{text:?} does not rise");
            after = next;
        }
        assert!(table.explain(from).to_string().contains("next"));
        let _ = table.warnings(from);
    }
    let explanation = table.explain(at("2026-11-01T05:30:00Z"));
    assert!(explanation.to_string().contains("next"));
    let _ = table.warnings(at("2026-11-01T05:30:00Z"));
}

#[test]
fn random_sentences_are_read_or_refused() {
    let mut dice = Dice(4);
    let mut read = 0;
    for _ in 0..4000 {
        let count = 1 + dice.below(7);
        let words: Vec<&str> = (0..count).map(|_| dice.pick(&PIECES)).collect();
        let text = words.join(" ");
        read += usize::from(Schedule::parse(&text).is_ok());
        exercise(&text);
    }
    assert!(read > 50, "only {read} were schedules: the test has no bite");
}

#[test]
fn random_characters_are_refused_without_harm() {
    const SIGNS: [char; 24] = [
        '0', '9', '5', ' ', '\t', '*', '/', '-', ',', '#', 'L', 'W', 'H', '(', ')', '@', ':', '.',
        'a', 'é', '–', '\u{0}', '\u{301}', '🦀',
    ];
    let mut dice = Dice(5);
    for _ in 0..4000 {
        let count = dice.below(30);
        let text: String = (0..count).map(|_| dice.pick(&SIGNS)).collect();
        exercise(&text);
    }
}

#[test]
fn hard_texts_are_answered() {
    let long = format!("every {}", "9".repeat(240));
    let lists = format!("{} * * * *", ["*"; 120].join(","));
    let many = format!(
        "0 0 {} * */1",
        (1..=31).map(|day| format!("{day}W")).collect::<Vec<_>>().join(",")
    );
    for text in [
        "",
        " ",
        "\u{a0}",
        &long,
        &lists,
        &many,
        &"x".repeat(100_000),
        &"🦀".repeat(300),
        &"every ".repeat(42),
        &"except on mondays and ".repeat(11),
        "every 4294967295 weeks on monday",
        "every 99999999999999999999 months",
        "every 366 days on the 1st in february except on mondays and tuesdays",
        "every 31536000 seconds on the 30th",
        "0 0 29 2 MON#5",
        "0 0 31 2,4,6,9,11 *",
        "* * * * * *",
        "59 59 23 31 12 *",
        "daily at 9 except january to december",
        "daily at 9 except monday to sunday",
    ] {
        exercise(text);
    }
}

#[test]
fn seldom_and_never_are_both_answers() {
    let far = super::table("0 0 * 2 MON#5", Tz::UTC);
    assert_eq!(far.fire_time_after(at("2044-03-01T00:00:00Z")), Some(at("2072-02-29T00:00:00Z")));
    // The next would be in 2112: the calendar ends with 2100.
    assert_eq!(far.fire_time_after(at("2072-03-01T00:00:00Z")), None);
    for never in
        ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 L-30 2 *", "daily at 9 except monday to sunday"]
    {
        assert!(Schedule::parse(never).is_err(), "{never}");
    }
}
