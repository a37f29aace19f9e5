//! Counting by days is held to the plain walk from each fire time to the next.
//!
//! `CRONTOWER_COUNT_TESTS=20000 cargo test --lib schedule::tests::count` looks at so many spans.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::{at, table, timing};
use crate::{CalendarRule, FireTimes, Timetable, Timing, zone};

/// No walk is longer than this.
const LONGEST_WALK: usize = 4000;

const ZONES: [&str; 20] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Pyongyang",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Antarctica/Troll",
    "Antarctica/Casey",
    "Africa/Casablanca",
    "America/Caracas",
    "America/St_Johns",
    "America/Havana",
    "America/Nuuk",
    "Atlantic/Azores",
];

const PHRASES: [&str; 36] = [
    "* * * * *",
    "* * * * * *",
    "*/10 */30 * * * *",
    "@hourly",
    "30 2 * * *",
    "0,30 0-3 * * *",
    "0-59/20 2 * * *",
    "*/20 1,2 * * *",
    "59 23 * * *",
    "0 0 L * *",
    "15 3 LW,15W * 5L",
    "H H * * *",
    "0 12 * * MON#2",
    "0 0 13 * FRI",
    "every 7 minutes",
    "every 90 minutes",
    "every 45 seconds on weekdays",
    "every 7 minutes except on saturdays",
    "every 11 hours in october and march",
    "every 5 minutes except on sundays",
    "every other day at 4 AM",
    "every 3 days at 00:15 and 02:30",
    "every 2 weeks on sunday at 2:15",
    "every 2 months",
    "every 5 months at 1:30",
    "every hour from 22:00 to 04:00",
    "every 25 minutes from 23:10 to 02:45 on saturdays",
    "every 7 minutes from 22:00 to 21:00",
    "every 20 minutes between 0:30 and 3:10",
    "every 2 hours between 9 AM and 5 PM on weekdays",
    "at 0:00, 0:30, 1:15 and 3:00",
    "at 1:59:59, 2:00, 2:59:59 and 23:59:59 except on mondays",
    "daily at 2:30 AM except holidays",
    "every 10 minutes except in october",
    "last day of the month at 23:00",
    "once at 2010-10-31 02:30",
];

fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let value = move || low..=high;
    prop_oneof![
        4 => Just("*".to_owned()),
        2 => (1..=high).prop_map(|step| format!("*/{step}")),
        2 => value().prop_map(|one| one.to_string()),
        1 => (value(), value()).prop_map(|(a, b)| format!("{},{}", a.min(b), a.max(b))),
        2 => (value(), value(), 1..9u32)
            .prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
    ]
}

fn cron() -> impl Strategy<Value = String> {
    let seconds = prop_oneof![3 => Just(String::new()), 1 => field(0, 59)];
    // Most fire on every day: the others would leave most spans empty.
    let day = |low, high| prop_oneof![5 => Just("*".to_owned()), 1 => field(low, high)];
    let fields = (seconds, field(0, 59), field(0, 23), day(1, 28), day(1, 12), day(0, 6));
    fields.prop_map(|(seconds, minutes, hours, dom, month, dow)| {
        format!("{seconds} {minutes} {hours} {dom} {month} {dow}").trim().to_owned()
    })
}

fn phrase() -> impl Strategy<Value = String> {
    let clock = || (0..24u32, 0..60u32).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"));
    let window = (1..200u32, clock(), clock())
        .prop_map(|(step, open, close)| format!("every {step} minutes from {open} to {close}"));
    let listed = (clock(), clock(), clock()).prop_map(|(a, b, c)| format!("at {a}, {b} and {c}"));
    let even = (1..5000u32, select(&["seconds", "minutes", "hours"][..]))
        .prop_map(|(step, unit)| format!("every {step} {unit}"));
    let rhythm = (2..9u32, select(&["days", "months"][..]), clock())
        .prop_map(|(step, unit, clock)| format!("every {step} {unit} at {clock}"));
    let tail = select(
        &["", "", " on weekdays", " except on sundays", " except in october", " in march"][..],
    );
    let head = prop_oneof![window, listed, even, rhythm];
    (head, tail).prop_map(|(head, tail)| format!("{head}{tail}"))
}

/// Everything that makes up one look; of no use where the schedule is none.
#[derive(Debug, Clone)]
struct Case {
    text: String,
    zone: Tz,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    calendar: u32,
    jitter: u64,
    start_at: Option<DateTime<Utc>>,
    end_at: Option<DateTime<Utc>>,
}

fn case() -> impl Strategy<Value = Case> {
    let text = prop_oneof![select(&PHRASES[..]).prop_map(str::to_owned), cron(), phrase()];
    let zone = prop_oneof![
        5 => select(&ZONES[..]).prop_map(|name| name.parse::<Tz>().unwrap()),
        1 => select(&TZ_VARIANTS[..]),
    ];
    let span =
        prop_oneof![1 => 0..300i64, 2 => 0..20_000i64, 3 => 0..200_000i64, 3 => 0..5_184_000i64];
    let jitter = prop_oneof![4 => Just(0u64), 1 => 1..5000u64, 1 => 5000..20_000_000u64];
    let bound = || prop::option::weighted(0.15, -2_000_000..2_000_000i64);
    let near = (any::<bool>(), any::<u32>(), -90_000..90_000i64, 631_152_000..2_145_000_000i64);
    let nanos = select(&[0u32, 0, 1, 500_000_000, 999_999_999][..]);
    (text, zone, near, nanos, span, 0..5u32, jitter, (bound(), bound())).prop_map(
        |(text, zone, (near, pick, beside, any), nanos, span, calendar, jitter, bounds)| {
            let changes = if near { changes(zone) } else { Vec::new() };
            let from = match changes.len() {
                0 => any,
                many => changes[usize::try_from(pick).unwrap() % many] + beside,
            };
            let instant = |second: i64| DateTime::from_timestamp(second, nanos).unwrap();
            Case {
                text,
                zone,
                from: instant(from),
                until: instant(from + span),
                calendar,
                jitter,
                start_at: bounds.0.map(|second| instant(from + second)),
                end_at: bounds.1.map(|second| instant(from + second)),
            }
        },
    )
}

fn changes(zone: Tz) -> Vec<i64> {
    let (from, until) = (at("1990-01-01T00:00:00Z"), at("2037-12-31T00:00:00Z"));
    let changes = zone::changes(zone, from, until, TimeDelta::days(4));
    changes.into_iter().map(|change| change.at.timestamp()).collect()
}

/// Days around the span: every third, and a rest that is never reached.
fn holidays(case: &Case) -> BTreeSet<NaiveDate> {
    let day = case.from.date_naive();
    (-5..70).filter(|day| day % 3 == 0).map(|days| day + TimeDelta::days(days)).collect()
}

fn timetable(case: &Case) -> Option<Timetable> {
    let timing = Timing {
        calendar: match case.calendar {
            0 => Some(CalendarRule::Skip("days")),
            1 => Some(CalendarRule::Only("days")),
            _ => None,
        },
        calendars: [("days", Arc::new(holidays(case)))].into(),
        jitter: (case.jitter > 0).then(|| Duration::from_millis(case.jitter)),
        start_at: case.start_at,
        end_at: case.end_at,
        ..timing(&case.text)
    };
    Timetable::new(&timing, case.zone).ok()
}

/// Whether anything was there to be compared.
fn agrees(case: &Case) -> Result<bool, TestCaseError> {
    let Some(table) = timetable(case) else { return Ok(false) };
    let next = |after: &DateTime<Utc>| table.fire_time_after(*after);
    let walk = std::iter::successors(next(&case.from), next).take_while(|at| *at <= case.until);
    // A walk that would be too long ends where it is.
    let walk: Vec<_> = walk.take(LONGEST_WALK).collect();
    let until = if walk.len() == LONGEST_WALK { walk[LONGEST_WALK - 1] } else { case.until };
    let expected = walk.first().map(|first| FireTimes {
        first: *first,
        last: walk[walk.len() - 1],
        count: u64::try_from(walk.len()).unwrap(),
    });
    prop_assert_eq!(table.fire_times(case.from, until), expected);
    for most in [1, 7, 300] {
        let newest = table.newest_fire_times(case.from, until, most);
        prop_assert_eq!(&newest[..], &walk[walk.len().saturating_sub(most)..]);
    }
    Ok(!walk.is_empty())
}

#[test]
fn a_count_is_what_a_walk_finds() {
    let cases = std::env::var("CRONTOWER_COUNT_TESTS").ok().and_then(|cases| cases.parse().ok());
    let cases = cases.unwrap_or(250);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let compared = Cell::new(0);
    let outcome = TestRunner::new(config).run(&case(), |case| {
        compared.set(compared.get() + u32::from(agrees(&case)?));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let compared = compared.get();
    assert!(compared > cases / 3, "only {compared} of {cases} spans had fire times");
    println!("{compared} of {cases} spans had fire times");
}

#[test]
fn a_count_ends_with_the_calendar() {
    let edges = [
        ("1969-12-29T00:00:00Z", "1970-01-03T00:00:00Z"),
        ("2100-12-30T20:00:00Z", "2101-01-09T00:00:00Z"),
    ];
    let schedules = [
        "*/10 * * * *",
        "30 * * * *",
        "every 7 minutes",
        "every hour from 22:00 to 04:00",
        "every 11 minutes on thursdays and fridays",
    ];
    for zone in [Tz::UTC, Tz::Pacific__Kiritimati, Tz::America__Los_Angeles] {
        for (text, jitter) in schedules.into_iter().flat_map(|text| [(text, 0), (text, 4_000_000)])
        {
            for (from, until) in edges {
                let case = Case {
                    text: text.to_owned(),
                    zone,
                    from: at(from),
                    until: at(until),
                    calendar: 9,
                    jitter,
                    start_at: None,
                    end_at: None,
                };
                assert!(agrees(&case).unwrap(), "{text} in {zone} from {from}");
            }
        }
    }
    let every_second = table("* * * * * *", Tz::UTC);
    let all = every_second.fire_times(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC).unwrap();
    let (first, last) = (at("1970-01-01T00:00:00Z"), at("2100-12-31T23:59:59Z"));
    assert_eq!((all.first, all.last), (first, last));
    assert_eq!(i64::try_from(all.count), Ok((last - first).num_seconds() + 1));
}

#[test]
fn half_a_century_of_seconds_is_counted_through_every_change_of_clocks() {
    let (from, until) = (at("2000-01-01T00:00:00Z"), at("2050-01-01T00:00:00Z"));
    let seconds = u64::try_from((until - from).num_seconds()).unwrap();
    let count = |text| table(text, Tz::Europe__Berlin).fire_times(from, until).unwrap().count;
    assert_eq!(count("* * * * * *"), seconds);
    assert_eq!(count("* * * * *"), seconds / 60);
    // Once a day, also on the days with 23 hours and with 25.
    assert_eq!(count("30 2 * * *"), seconds / 86_400);
}

#[test]
fn no_zone_changes_its_clocks_twice_within_two_days() {
    let all = std::env::var("CRONTOWER_ZONE_TESTS").is_ok_and(|value| value == "all");
    let (from, until) = (at("1969-12-30T00:00:00Z"), at("2101-01-04T00:00:00Z"));
    let step = TimeDelta::hours(if all { 1 } else { 24 });
    for zone in TZ_VARIANTS {
        let changes = zone::changes(zone, from, until, step);
        for pair in changes.windows(2) {
            let between = pair[1].at - pair[0].at;
            assert!(between > TimeDelta::days(2), "{zone} at {}: {between}", pair[0].at);
        }
    }
}
