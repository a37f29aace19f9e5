//! A second opinion: the `croner` crate on random expressions in UTC.
//!
//! Known differences, and why SEMANTICS decides otherwise:
//! - `*/2` or `*,15` in a day field: croner takes only a bare `*` as a star; Debian's cron any text
//!   that begins with `*`.
//! - `5/2`, in any field: croner refuses it; Debian's cron runs from 5 to the end.
//! - `L-3`, `H`: unknown to croner.
//! - In a zone croner runs `0 1,13` twice in autumn and loses it in spring: hence UTC only.
//! - Dates that never come: croner searches for milliseconds and gives an error; here parsing
//!   refuses them.

use croner::parser::{CronParser, Seconds};

use super::debian::random_field;
use super::{Dice, at, try_table};
use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;

fn theirs(text: &str, from: DateTime<Utc>) -> Option<Vec<DateTime<Utc>>> {
    let cron = CronParser::builder().seconds(Seconds::Optional).build().parse(text).ok()?;
    // Our calendar ends with 2100.
    Some(cron.iter_after(from).take(6).take_while(|fire| fire.year() <= 2100).collect())
}

/// A day field without the forms on which the two are known to differ.
fn day_field(dice: &mut Dice, low: u32, high: u32, specials: &[&str]) -> String {
    if dice.below(4) == 0 {
        return dice.pick(specials).to_owned();
    }
    loop {
        let field = random_field(dice, low, high);
        let stepped_star = field.starts_with('*') && field != "*";
        let open_step = field.contains('/') && !field.contains('-');
        if !stepped_star && !open_step {
            return field;
        }
    }
}

#[test]
fn croner_agrees_in_utc() {
    let mut dice = Dice(6);
    let mut compared = 0;
    for _ in 0..700 {
        let doms = ["L", "15W", "LW", "1,L", "1W", "31W"];
        let dows = ["MON#1", "5#3", "friL", "0#5", "1,3", "MON-FRI", "FRI-SUN"];
        let mut text = [
            random_field(&mut dice, 0, 59),
            random_field(&mut dice, 0, 23),
            day_field(&mut dice, 1, 31, &doms),
            random_field(&mut dice, 1, 12),
            day_field(&mut dice, 0, 6, &dows),
        ]
        .join(" ");
        if dice.below(4) == 0 {
            text = format!("{} {text}", random_field(&mut dice, 0, 59));
        }
        let from = at("2026-11-23T12:00:00Z");
        let (Some(theirs), Ok(table)) = (theirs(&text, from), try_table(&text, Tz::UTC)) else {
            continue;
        };
        let next = |after: &DateTime<Utc>| table.fire_time_after(*after);
        let ours: Vec<_> = std::iter::successors(next(&from), next).take(theirs.len()).collect();
        assert_eq!(ours, theirs, "{text}");
        compared += usize::from(!theirs.is_empty());
    }
    assert!(compared > 300, "only {compared} were compared");
}

#[test]
fn the_known_differences_are_still_there() {
    let from = at("2026-11-23T12:00:00Z");
    for text in ["0 0 * * 5/2", "5/20 * * * *", "0 0 L-3 * *", "H * * * *"] {
        assert_eq!(theirs(text, from), None, "{text}: take it off the list");
        assert!(try_table(text, Tz::UTC).is_ok(), "{text}");
    }
    let text = "0 0 */2 * MON";
    let first = try_table(text, Tz::UTC).unwrap().fire_time_after(from);
    assert_ne!(first, theirs(text, from).unwrap().first().copied(), "take it off the list");
}
