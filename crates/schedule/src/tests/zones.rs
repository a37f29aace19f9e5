//! Every zone that chrono-tz knows, around changes of clocks from 2000 to 2037: fire times rise
//! strictly, none is missing, none is too many, none is at a wall time that does not exist unless
//! the rule for gaps says so.
//!
//! By default one change of each zone is looked at; `CRONTOWER_ZONE_TESTS=all` takes every one of
//! them.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::debian::{Crontab, Window};
use super::{Dice, at, between, table};
use crate::zone;

/// A schedule, whether it is a wildcard, and its wall times stated anew.
type Case = (&'static str, bool, fn(NaiveDateTime) -> bool);

/// Minutes after midnight.
fn minute(wall: NaiveDateTime) -> u32 {
    wall.hour() * 60 + wall.minute()
}

const PHRASES: [Case; 7] = [
    ("daily at 2:30 AM", false, |wall| minute(wall) == 150),
    ("at 0:00, 0:30, 1:15 and 3:00", false, |wall| [0, 30, 75, 180].contains(&minute(wall))),
    ("every 30 minutes", true, |wall| wall.minute() % 30 == 0),
    ("hourly at :30", true, |wall| wall.minute() == 30),
    ("every 20 minutes between 0:30 and 3:10", true, |wall| {
        (30..=190).contains(&minute(wall)) && (minute(wall) - 30).is_multiple_of(20)
    }),
    ("every hour from 22:00 to 04:00", true, |wall| {
        wall.minute() == 0 && (wall.hour() >= 22 || wall.hour() <= 4)
    }),
    ("midnight", false, |wall| minute(wall) == 0),
];

const EXPRESSIONS: [&str; 5] =
    ["30 2 * * *", "*/15 * * * *", "0,30 0-3 * * *", "*/20 1,2 * * *", "59 23 * * *"];

fn changes(zone: Tz, all: bool) -> Vec<DateTime<Utc>> {
    let (from, until) = (at("2000-01-01T00:00:00Z"), at("2037-12-31T00:00:00Z"));
    let step = TimeDelta::days(if all { 1 } else { 6 });
    zone::changes(zone, from, until, step).into_iter().map(|change| change.at).collect()
}

#[test]
fn no_zone_loses_or_doubles_a_fire_time() {
    let all = std::env::var("CRONTOWER_ZONE_TESTS").is_ok_and(|value| value == "all");
    let mut dice = Dice(3);
    let mut looked_at = 0;
    for zone in TZ_VARIANTS {
        let mut changes = changes(zone, all);
        if !all {
            changes = (0..1.min(changes.len())).map(|_| dice.pick(&changes)).collect();
        }
        for change in changes {
            looked_at += 1;
            check(zone, change);
        }
    }
    assert!(looked_at > 300, "only {looked_at} changes were looked at");
}

fn check(zone: Tz, change: DateTime<Utc>) {
    // Whole minutes: some offsets of the past had seconds, none has since 2000.
    let hours = TimeDelta::hours(15);
    let (from, until) = (change - hours, change + hours);
    let minutes = Window::new(zone, from, until);
    for (text, wildcard, wanted) in PHRASES {
        let expected = minutes.run(wildcard, wanted);
        compare(text, zone, (from, until), &expected);
    }
    for text in EXPRESSIONS {
        let crontab = Crontab::new(text);
        let expected = minutes.run(crontab.wildcard, |wall| crontab.wants(wall));
        compare(text, zone, (from, until), &expected);
    }
}

fn compare(
    text: &str,
    zone: Tz,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    expected: &[DateTime<Utc>],
) {
    let table = table(text, zone);
    let fires = between(&table, from, until);
    assert_eq!(fires, expected, "{text} in {zone} from {from}");
    assert!(fires.is_sorted_by(|one, next| one < next), "{text} in {zone}: {fires:?}");
    // Asked from between two fire times, the answer is the later one.
    for pair in fires.windows(2).take(20) {
        let middle = pair[0] + (pair[1] - pair[0]) / 2;
        assert_eq!(table.fire_time_after(middle), Some(pair[1]), "{text} in {zone} at {middle}");
    }
}

#[test]
fn even_spacing_knows_no_change_of_clocks() {
    for zone in [Tz::Europe__Berlin, Tz::Australia__Lord_Howe, Tz::America__Sao_Paulo] {
        let fires = between(
            &table("every 90 minutes", zone),
            at("2026-01-01T00:00:00Z"),
            at("2026-12-31T00:00:00Z"),
        );
        assert!(fires.iter().all(|fire| fire.timestamp() % 5400 == 0));
        assert!(fires.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::minutes(90)));
    }
}

#[test]
fn even_spacing_sees_both_passes_of_a_repeated_midnight() {
    // At 00:01 on a Sunday the clocks went back to 23:01 on Saturday.
    let change = at("2006-10-29T02:31:00Z");
    let hours = |text| {
        let table = table(text, Tz::America__St_Johns);
        let fires = between(&table, change - TimeDelta::minutes(20), change + TimeDelta::hours(2));
        fires.into_iter().map(|fire| (fire - change).num_minutes()).collect::<Vec<_>>()
    };
    // Each 7 minutes from the epoch, as minutes after the change; Saturday is over at +59 only.
    let all = hours("every 7 minutes");
    let sunday = |minute: &i64| *minute >= 59 || (-1..0).contains(minute);
    let (sundays, saturdays): (Vec<i64>, Vec<i64>) = all.into_iter().partition(sunday);
    assert_eq!(hours("every 7 minutes except on saturdays"), sundays);
    assert_eq!(hours("every 7 minutes except on sundays"), saturdays);
}

#[test]
fn a_repeated_second_fires_in_both_passes_in_order() {
    let table = table("*/10 */30 * * * *", Tz::Australia__Lord_Howe);
    let change = at("2026-04-04T15:00:00Z");
    let fires = between(&table, change - TimeDelta::hours(1), change + TimeDelta::hours(1));
    // After 14:00 to 16:00 UTC: each half hour has one minute with six fires; wall 01:30 comes
    // twice.
    assert_eq!(fires.len(), 4 * 6, "{fires:?}");
    assert!(fires.is_sorted_by(|one, next| one < next));
}

#[test]
fn an_instant_is_read_in_many_forms() {
    let berlin = |text| zone::parse_instant(text, Tz::Europe__Berlin);
    for (text, instant) in [
        ("2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"),
        ("2026-07-01 12:00:00z", "2026-07-01T12:00:00Z"),
        ("2026-07-01T12:00Z", "2026-07-01T12:00:00Z"),
        ("2026-07-01T12:00+01:00", "2026-07-01T11:00:00Z"),
        ("2026-07-01 12:00+0100", "2026-07-01T11:00:00Z"),
        ("2026-07-01T12:00:00.25-05:00", "2026-07-01T17:00:00.25Z"),
        ("2026-07-01T12:00:00.25", "2026-07-01T10:00:00.25Z"),
        ("2026-07-01T12:00", "2026-07-01T10:00:00Z"),
        (" 2026-07-01 ", "2026-06-30T22:00:00Z"),
        // The earlier of two.
        ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
    ] {
        assert_eq!(berlin(text), Ok(at(instant)), "{text}");
    }
    // A date is its first instant, also where midnight does not exist, or all of the day.
    let first = |date, zone| zone::parse_instant(date, zone);
    assert_eq!(first("2017-10-15", Tz::America__Sao_Paulo), Ok(at("2017-10-15T03:00:00Z")));
    assert_eq!(first("2011-12-30", Tz::Pacific__Apia), Ok(at("2011-12-30T10:00:00Z")));
    let gap = berlin("2026-03-29T02:30").unwrap_err();
    assert_eq!(
        gap.to_string(),
        "does not exist in Europe/Berlin: the clocks go forward to 2026-03-29 03:00:00"
    );
    for far in ["-262143-01-01", "262142-12-31T23:59:59Z", "+262142-12-31", "0000-01-01T00:00"] {
        let _ = berlin(far);
    }
    for bad in ["", "soon", "2026-02-30", "2026-07-01T25:00", "12:00", "1795000000"] {
        assert!(berlin(bad).is_err(), "{bad}");
    }
}
