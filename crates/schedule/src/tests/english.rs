//! English phrases: forms that differ in words only, rhythms, windows, and errors that teach.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::{at, between, local, table, words};
use crate::Schedule;

fn same(phrases: &[&str]) {
    let fires = |text| local(text, Tz::Europe__Berlin, "2026-11-23T12:00:00Z", 20);
    for phrase in &phrases[1..] {
        assert_eq!(fires(phrase), fires(phrases[0]), "`{phrase}` is not `{}`", phrases[0]);
    }
}

#[test]
fn many_ways_say_the_same() {
    same(&[
        "daily at 3 AM",
        "every day at 3am",
        "each day at 03:00",
        "at 3 a.m.",
        "Every  Night AT 3",
        "at three AM",
    ]);
    same(&[
        "weekdays at 9:30",
        "every weekday at 9:30",
        "at 9:30 on weekdays",
        "monday to friday at 9:30 AM",
    ]);
    same(&[
        "mon-fri at 9:30",
        "monday through friday at 9:30",
        "on mon, tue, wed, thu and fri at 9:30",
    ]);
    same(&[
        "hourly at :30",
        "every hour at minute 30",
        "30 minutes past every hour",
        "every hour at :30",
    ]);
    same(&["every 5 minutes", "every five min", "each 5 mins", "every 300 seconds"]);
    same(&[
        "every other day at 4",
        "every 2 days at 4",
        "every second day at 4",
        "at 4 every 2nd day",
    ]);
    same(&["daily at 6 AM and 6 PM", "daily at 6 AM and at 6 PM", "at 6:00, at 18:00"]);
    same(&[
        "every hour at minute 15",
        "15 min past every hour",
        "15 mins past the hour",
        "every hour at min 15",
    ]);
    same(&[
        "yearly on march 21",
        "march twenty-first",
        "yearly on march twenty first",
        "on the twenty-first of march",
        "march 21st",
    ]);
    same(&["april first and second at 9", "april 1 and 2 at 9", "1 and 2 april at 9"]);
    same(&["in march, first monday", "first monday of march", "first monday in march"]);
    same(&[
        "monthly on the 15th at 8",
        "on the 15th of every month at 8",
        "at 8 on the fifteenth",
        "every 15th at 8",
    ]);
    same(&[
        "yearly on march 1",
        "1 march",
        "march 1st",
        "every year on the 1st of march",
        "annually in march",
    ]);
    same(&[
        "last friday of january at 17:00",
        "at 5 PM on the last friday in january",
        "every last friday of jan at 17:00",
    ]);
    same(&["quarterly", "every 3 months", "every quarter", "on the first day of the quarter"]);
    same(&[
        "every 2 weeks on monday at 9",
        "every other monday at 9",
        "every other week on mondays at 9:00",
    ]);
    same(&["daily at 12 AM", "midnight", "every day", "at 0:00", "nightly"]);
    same(&["daily at 12 PM", "noon", "at 12", "at 12:00 PM"]);
    same(&["weekends", "saturday and sunday", "on saturdays and sundays at midnight"]);
    same(&["friday to monday at 9", "fri, sat, sun and mon at 9"]);
    same(&[
        "the 21st at 9",
        "on the twenty-first of the month at 9",
        "twenty first of the month at 9",
    ]);
}

#[test]
fn intervals_that_do_not_divide_are_even_from_the_epoch() {
    let fires = between(
        &table("every 7 hours", Tz::Europe__Berlin),
        at("2026-10-24T00:00:00Z"),
        at("2026-10-27T00:00:00Z"),
    );
    assert!(fires.iter().all(|fire| fire.timestamp() % (7 * 3600) == 0));
    assert!(fires.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::hours(7)));
    // 2026-11-24 is day 20,781: odd. The other days are even ones.
    assert_eq!(
        local("every other day at 4 AM", Tz::UTC, "2026-11-23T12:00:00Z", 2),
        ["Wed 2026-11-25 04:00 +0000", "Fri 2026-11-27 04:00 +0000"]
    );
    let days: Vec<i32> = between(
        &table("every 3 days", Tz::UTC),
        at("2026-11-23T12:00:00Z"),
        at("2027-11-23T12:00:00Z"),
    )
    .iter()
    .map(|fire| fire.date_naive().to_epoch_days())
    .collect();
    assert!(days.len() > 120 && days.iter().all(|day| day % 3 == 0));
    let weeks: Vec<i32> = between(
        &table("every 3 weeks on monday and friday", Tz::UTC),
        at("2026-11-23T12:00:00Z"),
        at("2027-11-23T12:00:00Z"),
    )
    .iter()
    .map(|fire| (fire.date_naive().to_epoch_days() - 4) / 7)
    .collect();
    assert!(weeks.len() > 30 && weeks.iter().all(|week| week % 3 == 0));
    let months = local("every 5 months", Tz::UTC, "2026-11-23T12:00:00Z", 3);
    // Months since 1970-01 that 5 divides: 685, 690, 695.
    assert_eq!(months.map_dates(), ["2027-02-01", "2027-07-01", "2027-12-01"]);
}

trait Dates {
    fn map_dates(&self) -> Vec<String>;
}

impl Dates for Vec<String> {
    fn map_dates(&self) -> Vec<String> {
        self.iter().map(|fire| fire[4..14].to_owned()).collect()
    }
}

#[test]
fn windows_count_from_their_opening() {
    let hours = |phrase: &str, count| -> Vec<String> {
        let fires = local(phrase, Tz::UTC, "2026-11-23T23:59:00Z", count);
        fires.iter().map(|fire| format!("{} {}", &fire[..3], &fire[15..20])).collect()
    };
    assert_eq!(
        hours("every 2 hours between 9 AM and 5 PM on weekdays", 6),
        ["Tue 09:00", "Tue 11:00", "Tue 13:00", "Tue 15:00", "Tue 17:00", "Wed 09:00"]
    );
    assert_eq!(
        hours("every 90 minutes from 9 to 12:00", 4),
        ["Tue 09:00", "Tue 10:30", "Tue 12:00", "Wed 09:00"]
    );
    // A window over midnight belongs to the day on which it opens.
    assert_eq!(
        hours("every 3 hours from 22:00 to 04:00 on fridays", 4),
        ["Fri 22:00", "Sat 01:00", "Sat 04:00", "Fri 22:00"]
    );
    assert_eq!(
        hours("hourly at :15 and :45 between 9 and 10:30", 4),
        ["Tue 09:15", "Tue 09:45", "Tue 10:15", "Wed 09:15"]
    );
}

#[test]
fn a_window_over_midnight_goes_as_a_whole() {
    let fires = local(
        "every 3 hours from 22:00 to 04:00 except on mondays",
        Tz::UTC,
        "2026-11-22T23:00:00Z",
        4,
    );
    // Sunday's tail is there, Monday's evening is not, nor is its tail on Tuesday.
    assert_eq!(
        fires,
        [
            "Mon 2026-11-23 01:00 +0000",
            "Mon 2026-11-23 04:00 +0000",
            "Tue 2026-11-24 22:00 +0000",
            "Wed 2026-11-25 01:00 +0000",
        ]
    );
}

#[test]
fn exceptions_are_taken_out() {
    let dates =
        |phrase: &str, count| local(phrase, Tz::UTC, "2026-12-22T12:00:00Z", count).map_dates();
    assert_eq!(
        dates("daily at 9 except on 24 december and 2026-12-26", 4),
        ["2026-12-23", "2026-12-25", "2026-12-27", "2026-12-28"]
    );
    assert_eq!(dates("weekdays at 9 except on fridays and in january", 7)[6], "2027-02-01");
    assert_eq!(dates("daily at 9 except the 23rd and 24th", 1), ["2026-12-25"]);
    assert_eq!(dates("daily at 9 except weekends", 4)[3], "2026-12-28");
}

#[test]
fn once_is_once() {
    assert_eq!(
        local("once at 2026-12-24 18:00", Tz::Europe__Berlin, "2026-11-23T12:00:00Z", 5),
        ["Thu 2026-12-24 18:00 +0100"]
    );
    same(&["once at 2026-12-24 18:00", "once on 2026-12-24 at 6 PM", "once at 2026-12-24T18:00"]);
    // Inside a gap: at its end. In a repeated hour: the first.
    assert_eq!(
        local("once at 2026-03-29 02:30", Tz::Europe__Berlin, "2026-01-01T00:00:00Z", 5),
        ["Sun 2026-03-29 03:00 +0200"]
    );
    assert_eq!(
        local("once at 2026-10-25 02:30", Tz::Europe__Berlin, "2026-01-01T00:00:00Z", 5),
        ["Sun 2026-10-25 02:30 +0200"]
    );
}

#[test]
fn what_is_reported_can_be_read_again() {
    for phrase in super::guide::phrases() {
        let described = words(&phrase);
        let again = Schedule::parse(&described)
            .unwrap_or_else(|error| panic!("{phrase} → {described}: {error}"));
        assert_eq!(again.in_words(), described, "{phrase}");
        for zone in [Tz::UTC, Tz::Europe__Berlin] {
            // Both with the same exceptions, so that holidays need no calendar here.
            if described.contains("holidays") {
                continue;
            }
            let fires = |text: &str| local(text, zone, "2026-03-27T12:00:00Z", 60);
            assert_eq!(fires(&phrase), fires(&described), "{phrase} → {described}");
        }
    }
}

#[test]
fn nothing_is_guessed() {
    for bad in [
        "every minute of the elephant",
        "daily at 25:00",
        "3 AM PM",
        "weekly",
        "every week",
        "every 2 weeks",
        "daily 9",
        "at 6 and 8 PM",
        "between 9 and 5 PM",
        "every hour between 9 AM and 5",
        "13 PM",
        "0 AM",
        "15:00 PM",
        "at 9:5",
        "at 9:60",
        "at 24:00",
        "every 0 minutes",
        "every -5 minutes",
        "every second monday",
        "monthly on monday",
        "friday the 13th",
        "every 5 hours at minute 30",
        "every 5 minutes at 9",
        "at 9 at 10",
        "every 5 minutes hourly",
        "30 february",
        "the 32nd",
        "the 0th",
        "sixth monday of the month",
        "last of the month",
        "second weekday of the month",
        "once",
        "once at 18:00",
        "once at 2026-02-30 18:00",
        "once at 1969-01-01 18:00",
        "except on mondays",
        "at",
        "every",
        "on",
        "in march",
        "daily at 3 AM extra",
        "daily at 3 AM and",
        "every other second monday",
        "every other second friday at 9",
        "jan to mar at 9",
        "march at 9",
        "march first and monday",
        "every 5 minutes from monday",
        "weekdays at 9 from march",
        "february thirtieth",
        "at 9 or 10",
        "between 9 and 9",
        "daily between 9 and 17",
        "hourly at :7",
        "twice daily",
        "daily at 9 except on mondayz",
        "weekdays at 9 exept holidays",
        "march",
        "quarterly on monday",
        "yearly on friday",
        "every 400 days of the week",
        "daily at 9 except monday to sunday",
        "every fifth blue moon",
        "jeden Tag um 9",
    ] {
        let error = match Schedule::parse(bad) {
            Ok(schedule) => panic!("`{bad}` was taken as {}", schedule.in_words()),
            Err(error) => error,
        };
        if let Some(suggestion) = &error.suggestion {
            let taken = Schedule::parse(suggestion);
            assert!(taken.is_ok(), "{bad}: `{suggestion}` is offered, but refused");
        }
    }
}

#[test]
fn errors_teach() {
    let pretty = |text: &&str| Schedule::parse(text).unwrap_err().pretty(text);
    let described: Vec<String> = [
        "every minute of the elephant",
        "daily at 25:00",
        "daily at 3 AM PM",
        "first mondy of the month at 10",
        "weekly at 9",
        "at 6 and 8 PM",
        "0 0 30 2 *",
        "5 9 * * monday",
        "75 * * * *",
        "* * * *",
    ]
    .iter()
    .map(pretty)
    .collect();
    insta::assert_snapshot!(described.join("\n\n"), @r"
    every minute of the elephant
                        ^^^^^^^^ `elephant` was not understood
    understood: Every minute

    daily at 25:00
             ^^^^^ hour 25 of `25:00` is outside 0-23
    understood: At 00:00 every day

    daily at 3 AM PM
                  ^^ `PM` was not understood here
    understood: At 03:00 every day

    first mondy of the month at 10
          ^^^^^ `mondy` was not understood
    understood: At 00:00 on the 1st of the month
    try: first monday of the month at 10

    weekly at 9
    ^^^^^^ which day of the week? Name it: `weekly on monday`

    at 6 and 8 PM
       ^ 6 in the morning or in the evening? Write 6 AM or 6 PM
    try: at 6 AM and 8 PM
     or: at 6 PM and 8 PM

    0 0 30 2 *
    ^^^^^^^^^^ it never fires: February never has a day 30
    understood: At 00:00 on the 30th of February

    5 9 * * monday
            ^^^^^^ `monday` is not a day of week (0-7)
    understood: minute 5, hour 9, day of month *, month *
    try: 5 9 * * mon

    75 * * * *
    ^^ minute 75 is outside 0-59

    * * * *
    ^^^^^^^ a cron expression has 5 fields (minute, hour, day of month, month, day of week) or 6 with leading seconds, not 4 fields
    try: * * * * *
    ");
}

#[test]
fn the_nearest_phrase_is_near() {
    for (wrong, nearest) in [
        ("daily at 9:5", "daily at 9:05"),
        ("every ５ minutes", "every 5 minutes"),
        ("5 minutes", "every 5 minutes"),
        ("minutes", "every minutes"),
        ("9, 12 and 15", "at 9, 12 and 15"),
        ("jan to mar at 9", "in jan to mar at 9"),
        ("every\u{200b}minute", "every minute"),
        ("0 0 * * sat-mon", "0 0 * * sat,0-mon"),
        ("0 0 * dec-jan *", "0 0 * dec,jan *"),
        ("5-1 * * * *", "5-59,0-1 * * * *"),
        ("0 0 * * * # nightly", "0 0 * * *"),
        ("0\u{a0}0\u{a0}*\u{a0}*\u{a0}*", "0 0 * * *"),
    ] {
        let error = match Schedule::parse(wrong) {
            Ok(schedule) => panic!("`{wrong}` was taken as {}", schedule.in_words()),
            Err(error) => error,
        };
        assert_eq!(error.suggestion.as_deref(), Some(nearest), "{wrong}: {error}");
        assert!(Schedule::parse(nearest).is_ok(), "`{nearest}` is offered, but refused");
    }
}

/// An offer would have to leave something out, or to say another thing.
#[test]
fn nothing_is_offered_that_means_another_thing() {
    for wrong in [
        "daily at 25:00",
        "daily at 24:00",
        "daily at 12:60",
        "at 9:30:99",
        "at 99999999999999999999",
        "30 february at 9",
        "on 31 april",
        "once at 2026-02-30 10:00",
        "once at 2026-13-01 10:00",
        "once at 2101-05-06 10:00",
        "sixth monday of the month",
        "every 0 minutes",
        "every other",
        "every 1000000000000 minutes",
        "every 5 minutes from monday",
        "at 9 from march",
        "every hour between 9 and 5 PM",
        "every hour between 1 and 5 PM",
        "every hour between 9 AM and 5",
        "every hour between 8 PM and 6",
        "at 6 and 8 PM",
        "@daily at 9",
        "H(5) * * * *",
        "0 0 12 * * ? 2027",
        "0 10 ? * MON-FRI *",
        "every minute of the elephant",
        "daily at 9 unless it is a holiday",
        "twice daily",
        "yearly on march 1 2027",
        "every 500ms",
        "daily at 9 but on sundays at 10",
        "weekly at 9",
        "semiweekly on monday",
        "daily at 9 Berlin time",
        "once at 2026-12-24 18:00Z",
        "daily except on mondays in march at 9",
        "munday at 9",
        "tursday at 9",
    ] {
        let error = match Schedule::parse(wrong) {
            Ok(schedule) => panic!("`{wrong}` was taken as {}", schedule.in_words()),
            Err(error) => error,
        };
        assert_eq!(error.suggestion, None, "{wrong}");
    }
}

#[test]
fn what_people_mean_is_read() {
    same(&[
        "every 90 minutes",
        "every 1h30m",
        "every 1.5 hours",
        "@every 1h30m",
        "every hour and a half",
    ]);
    same(&["every 30 minutes", "every half hour", "every half an hour", "every thirty minutes"]);
    same(&["daily at 20:00", "every evening at 8", "daily at 8 in the evening", "evenings at 8"]);
    same(&["daily at 23:30", "every night at 11:30", "nightly at 11:30 PM", "at 11:30 at night"]);
    same(&["monday at 7", "monday mornings at 7", "mondays at 0700"]);
    same(&["daily at 17:30", "daily at 17h30", "daily at 17.30", "at 1730", "at 1730 hours"]);
    same(&["last working day of the month", "last business day of the month", "0 0 LW * *"]);
    same(&[
        "every 2 weeks on monday at 9",
        "fortnightly on monday at 9",
        "every fortnight on monday at 9",
    ]);
    same(&["daily at 9", "once a day at 9", "once daily at 9"]);
    same(&["last day of the year", "yearly on the last day", "december 31"]);
    same(&[
        "second to last friday of the month",
        "penultimate friday of the month",
        "last but one friday of the month",
    ]);
    same(&["first and last day of the year", "january 1 and december 31"]);
    same(&[
        "daily at 9 except weekends",
        "daily at 9 but not on saturdays and sundays",
        "daily at 9 except saturday sunday",
    ]);
    same(&["every day except sunday", "every day but sunday"]);
    same(&["hourly at :15", "at quarter past every hour", "every hour at 15 past the hour"]);
}

#[test]
fn what_has_two_readings_is_refused_with_both() {
    for (wrong, both) in [
        ("at 6 and 8 PM", ["at 6 AM and 8 PM", "at 6 PM and 8 PM"]),
        (
            "every hour between 9 and 5 PM",
            ["every hour between 9 AM and 5 PM", "every hour between 9 PM and 5 PM"],
        ),
        (
            "every hour from 10:30 to 2",
            ["every hour from 10:30 AM to 2 PM", "every hour from 10:30 PM to 2 AM"],
        ),
        (
            "every hour from 12 to 6",
            ["every hour from 12 PM to 6 PM", "every hour from 12 AM to 6 AM"],
        ),
        ("every 5M", ["every 5 minutes", "every 5 months"]),
        (
            "every third monday at 9",
            ["every 3 weeks on monday at 9", "third monday of the month at 9"],
        ),
    ] {
        let error = Schedule::parse(wrong).unwrap_err();
        assert_eq!(error.readings, both, "{wrong}: {error}");
        assert_eq!(error.suggestion, None);
    }
}

#[test]
fn errors_name_what_was_written() {
    for (wrong, message) in [
        ("at 99999999999999999999", "hour 99999999999999999999 is outside 0-23"),
        ("-5 * * * *", "a minute is missing in `-5`"),
        ("* 5- * * *", "an hour is missing in `5-`"),
        ("* L * * *", "`L` is not an hour (0-23)"),
        ("*/ * * * *", "a step is missing in `*/`"),
        ("0 0 L- * *", "a number is missing in `L-`"),
        ("0 0 31 4,6 *", "it never fires: April and June never have a day 31"),
        ("@daily at 9", "nothing can follow the nickname `@daily`"),
    ] {
        let error = Schedule::parse(wrong).unwrap_err();
        assert_eq!(error.message, message, "{wrong}");
    }
}
