//! The phrases that people typed in the field (phrases.tsv), each held to what it has to give.

use super::{at, timing};
use crate::{Schedule, Timetable};

const PHRASES: &str = include_str!("phrases.tsv");

fn wrong(schedule: &str, zone: &str, from: &str, wanted: &str) -> Option<String> {
    let zone = zone.parse().unwrap();
    let read = Timetable::new(&timing(schedule), zone);
    let read = match (wanted, read) {
        ("REFUSE", Ok(table)) => return Some(format!("taken as {}", table.in_words())),
        ("REFUSE", Err(_)) => return None,
        (_, Err(error)) => return Some(format!("refused: {error}")),
        (_, Ok(table)) => table,
    };
    match wanted {
        "WARN" => read.warnings(at(from)).is_empty().then(|| "no warning".to_owned()),
        // `words` holds every sentence to the fire times.
        "WORDS" => super::words::wrong(schedule),
        wanted => {
            let mut after = at(from);
            for wanted in wanted.split(' ') {
                let next = read.fire_time_after(after);
                if next != Some(at(wanted)) {
                    let words = read.in_words();
                    return Some(format!("{next:?} instead of {wanted}: {words}"));
                }
                after = at(wanted);
            }
            None
        }
    }
}

#[test]
fn phrases_of_the_field_give_what_is_wanted() {
    let rows = PHRASES.lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    let found: Vec<String> = rows
        .filter_map(|row| {
            count += 1;
            let [kind, schedule, zone, from, wanted, _] =
                row.split('\t').collect::<Vec<_>>().try_into().expect("six columns");
            wrong(schedule, zone, from, wanted).map(|what| format!("{kind}: {schedule}: {what}"))
        })
        .collect();
    assert!(count > 30, "{count} rows");
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// What is offered for the refused ones, as they name it.
#[test]
fn refused_phrases_of_the_field_are_answered() {
    let offers = [
        ("2026-12-24 18:00", "once at 2026-12-24 18:00"),
        ("0~30 2 * * *", "H(0-30) 2 * * *"),
        ("every 4 years on february 29", "every february 29"),
    ];
    for (phrase, offer) in offers {
        let error = Schedule::parse(phrase).unwrap_err();
        assert_eq!(error.suggestion.as_deref(), Some(offer), "{phrase}: {error}");
    }
    let readings = [
        (
            "every hour from 9 to 5",
            ["every hour from 9 AM to 5 PM", "every hour from 9 PM to 5 AM"],
        ),
        (
            "every 2nd friday at 16:00",
            ["every 2 weeks on friday at 16:00", "2nd friday of the month at 16:00"],
        ),
        (
            "first monday, thursday at 9",
            [
                "first monday and first thursday of the month at 9",
                "first monday of the month or on thursday at 9",
            ],
        ),
    ];
    for (phrase, both) in readings {
        let error = Schedule::parse(phrase).unwrap_err();
        assert_eq!(
            (error.readings.as_slice(), error.suggestion),
            (both.map(str::to_owned).as_slice(), None),
            "{phrase}"
        );
        for reading in both {
            Schedule::parse(reading).unwrap();
        }
    }
    for phrase in ["daily at 9am UTC", "CRON_TZ=Europe/Berlin 0 9 * * *"] {
        let error = Schedule::parse(phrase).unwrap_err();
        assert!(error.message.contains("`timezone:`") && error.suggestion.is_none(), "{error:?}");
    }
}
