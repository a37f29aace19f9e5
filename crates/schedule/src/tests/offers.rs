//! Offers never mean another thing: over many phrases with slips, whatever is offered can be read
//! and has every number, negation, unit, day and zone of the phrase.

use super::Dice;
use crate::Schedule;

/// Words that may stand in the place of each other.
const SAME: [&[&str]; 9] = [
    &["minute", "minutes", "min", "minuts"],
    &["hour", "hours", "huors"],
    &["day", "days", "dayz"],
    &["week", "weeks"],
    &["month", "months", "mnoth"],
    &["monday", "mon", "mondya"],
    &["friday", "fri", "firday"],
    &["weekdays", "weekday", "wekdays"],
    &["except", "exept"],
];

/// Small words, which an offer may add or leave out.
const SMALL: [&str; 8] = ["at", "on", "the", "of", "a", "every", "in", "st"];

fn plain(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.to_lowercase().split([' ', ',', ':']) {
        let class = SAME.iter().find(|class| class.contains(&word)).map_or(word, |class| class[0]);
        let number = class.parse::<u32>().map(|number| number.to_string());
        words.extend(Some(number.unwrap_or_else(|_| class.to_owned())).filter(|it| !it.is_empty()));
    }
    words.retain(|word| !SMALL.contains(&word.as_str()));
    words
}

#[test]
fn what_is_offered_has_all_that_was_written() {
    let pieces = [
        "every",
        "every 5 minuts",
        "every 90 min",
        "every 2 huors",
        "daily",
        "weekly",
        "monthly",
        "biweekly",
        "monday",
        "mondya",
        "firday",
        "on fri",
        "wekdays",
        "first",
        "last",
        "of the mnoth",
        "at 9",
        "9",
        "17:30",
        "9:5",
        "25:00",
        "at 6 and 8 PM",
        "noon",
        "in march",
        "march 1",
        "2027",
        "utc",
        "Europe/Berlin",
        "cet",
        "not",
        "but",
        "except mondays",
        "exept firday",
        "unless",
        "without",
        "twice",
        "or",
        "and",
        "between 9 and 5",
        "from 9 to 17",
        "from",
        "for 2 hours",
        "only",
        "5",
        "half",
        "in the evening",
        "until june",
        "starting",
        "never",
        "dayz",
        "the 32nd",
    ];
    let mut dice = Dice(21);
    let (mut refused, mut offered) = (0, 0);
    for _ in 0..6000 {
        let count = 1 + dice.below(4);
        let words: Vec<&str> = (0..count).map(|_| dice.pick(&pieces)).collect();
        let text = words.join(" ");
        let Err(error) = Schedule::parse(&text) else { continue };
        refused += 1;
        assert!(error.suggestion.is_none() || error.readings.is_empty(), "{text}: {error}");
        for offer in error.suggestion.iter().chain(&error.readings) {
            offered += 1;
            assert!(Schedule::parse(offer).is_ok(), "{text}: `{offer}` is refused");
            let mut has = plain(offer);
            for word in plain(&text) {
                let found = has.iter().position(|other| *other == word);
                let found = found.unwrap_or_else(|| panic!("{text}: `{offer}` has no {word}"));
                has.swap_remove(found);
            }
        }
    }
    assert!(refused > 3000 && offered > 200, "{refused} refused, {offered} offers: no bite");
}
