//! Zones, calendars, bounds and jitter of a job.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{at, between, timing};
use crate::{CalendarDays, CalendarRule, ScheduleError, Timetable, Timing, parse_zone};

/// The days of the calendar `de`.
fn holidays() -> CalendarDays {
    let days = ["2026-12-25", "2026-12-26", "2027-01-01"];
    Arc::new(days.iter().map(|day| day.parse().unwrap()).collect())
}

fn try_new(timing: &Timing<'_>) -> Result<Timetable, ScheduleError> {
    Timetable::new(&Timing { calendars: [("de", holidays())].into(), ..timing.clone() }, Tz::UTC)
}

fn new(timing: &Timing<'_>) -> Timetable {
    try_new(timing).unwrap()
}

fn dates(table: &Timetable, from: &str, count: usize) -> Vec<String> {
    let next = |after: &DateTime<Utc>| table.fire_time_after(*after);
    let fires = std::iter::successors(next(&at(from)), next).take(count);
    fires.map(|fire| fire.format("%Y-%m-%d %H:%M").to_string()).collect()
}

#[test]
fn the_nearest_zone_is_offered() {
    assert_eq!(parse_zone("Europe/Berlin").unwrap(), Tz::Europe__Berlin);
    assert_eq!(parse_zone("europe/berlin").unwrap(), Tz::Europe__Berlin);
    assert_eq!(
        parse_zone("Europe/Berln").unwrap_err().suggestion.as_deref(),
        Some("Europe/Berlin")
    );
    assert_eq!(parse_zone("berlin").unwrap_err().suggestion.as_deref(), Some("Europe/Berlin"));
    assert_eq!(parse_zone("New York").unwrap_err().suggestion.as_deref(), Some("America/New_York"));
    assert_eq!(parse_zone("the moon's dark side").unwrap_err().suggestion, None);
    assert!(parse_zone(&"x".repeat(100_000)).unwrap_err().to_string().len() < 300);
}

#[test]
fn a_zone_goes_before_the_systems() {
    let mut noon = timing("noon");
    let zone = |timing: &Timing<'_>| Timetable::new(timing, Tz::Asia__Tokyo).unwrap().zone();
    assert_eq!(zone(&noon), Tz::Asia__Tokyo);
    noon.timezone = Some("Europe/Paris");
    assert_eq!(zone(&noon), Tz::Europe__Paris);
    noon.timezone = Some("Mars/Base");
    assert!(Timetable::new(&noon, Tz::UTC).is_err());
}

#[test]
fn calendars_skip_or_leave_only_their_days() {
    let mut timing = super::timing("daily at 9");
    timing.calendar = Some(CalendarRule::Skip("de"));
    assert_eq!(
        dates(&new(&timing), "2026-12-24T00:00:00Z", 2),
        ["2026-12-24 09:00", "2026-12-27 09:00"]
    );
    timing.calendar = Some(CalendarRule::Only("de"));
    assert_eq!(
        dates(&new(&timing), "2026-01-01T00:00:00Z", 9),
        ["2026-12-25 09:00", "2026-12-26 09:00", "2027-01-01 09:00"]
    );
    assert_eq!(new(&timing).in_words(), "At 09:00 every day, only on the days of `de`, UTC");
    timing.calendar = Some(CalendarRule::Skip("ed"));
    assert_eq!(try_new(&timing).unwrap_err().suggestion.as_deref(), Some("de"));
    // Mondays that are holidays: none of the three days is one.
    timing.schedule = "weekly on monday";
    timing.calendar = Some(CalendarRule::Only("de"));
    assert!(try_new(&timing).unwrap_err().message.contains("never fires"));
}

#[test]
fn except_holidays_takes_the_calendar_that_is_there() {
    let timing = super::timing("every 6 hours except holidays");
    assert_eq!(
        dates(&new(&timing), "2026-12-24T18:00:00Z", 2),
        ["2026-12-27 00:00", "2026-12-27 06:00"]
    );
    let none = Timetable::new(&timing, Tz::UTC);
    assert!(none.unwrap_err().message.contains("calendar"));
}

#[test]
fn an_even_interval_keeps_to_its_days() {
    let mut timing = super::timing("every 7 hours on fridays and saturdays");
    timing.calendar = Some(CalendarRule::Skip("de"));
    let fires = between(&new(&timing), at("2026-12-20T00:00:00Z"), at("2027-01-10T00:00:00Z"));
    // Fridays and Saturdays in that time: 25 and 26 December and 1 January are holidays; 2, 8 and 9
    // January are left.
    let days: std::collections::BTreeSet<_> =
        fires.iter().map(|fire| fire.format("%m-%d").to_string()).collect();
    assert_eq!(days.into_iter().collect::<Vec<_>>(), ["01-02", "01-08", "01-09"]);
    assert!(fires.iter().all(|fire| fire.timestamp() % (7 * 3600) == 0));
}

#[test]
fn both_bounds_belong_to_the_time_between() {
    let mut timing = super::timing("hourly");
    timing.start_at = Some(at("2026-11-23T12:00:00Z"));
    timing.end_at = Some(at("2026-11-23T14:00:00Z"));
    let hours = ["2026-11-23 12:00", "2026-11-23 13:00", "2026-11-23 14:00"];
    assert_eq!(dates(&new(&timing), "2020-01-01T00:00:00Z", 9), hours);
    timing.end_at = Some(at("2026-11-23T11:00:00Z"));
    assert!(try_new(&timing).unwrap_err().message.contains("start_at lies after end_at"));
    timing.start_at = Some(at("2026-11-23T10:01:00Z"));
    timing.end_at = Some(at("2026-11-23T10:59:00Z"));
    assert!(try_new(&timing).unwrap_err().message.contains("never fires"));
}

#[test]
fn jitter_spreads_without_changing_order_or_number() {
    for (schedule, jitter, minutes) in [
        ("*/5 * * * *", 120, 150),
        ("* * * * *", 3600, 90),
        ("*/10 * 9 * * *", 86_400, 80),
        ("* * * * * *", 30, 2),
    ] {
        let mut timing = super::timing(schedule);
        let (from, until) =
            (at("2026-11-23T08:00:00Z"), at("2026-11-23T08:00:00Z") + TimeDelta::minutes(minutes));
        let plain = between(&new(&timing), from, until);
        timing.jitter = Some(Duration::from_secs(jitter));
        let table = new(&timing);
        let next = |after: &DateTime<Utc>| table.fire_time_after(*after);
        let spread: Vec<_> = std::iter::successors(next(&from), next).take(plain.len()).collect();
        // The one before `from` may be spread behind it: look for the first that belongs to the
        // first base.
        let first = spread.iter().position(|fire| *fire >= plain[0]).unwrap();
        for (base, pair) in plain.iter().zip(spread[first..].windows(2)) {
            assert!(pair[0] < pair[1], "{schedule}: {pair:?}");
            let moved = pair[0] - *base;
            let most = TimeDelta::seconds(i64::try_from(jitter).unwrap());
            assert!(
                (TimeDelta::zero()..=most).contains(&moved),
                "{schedule}: {base} moved by {moved}"
            );
        }
        // Whatever instant one asks from, the answer is the same list.
        for pair in spread.windows(2).take(30) {
            let middle = pair[0] + (pair[1] - pair[0]) / 2;
            assert_eq!(table.fire_time_after(middle), Some(pair[1]), "{schedule}");
            assert_eq!(table.fire_time_after(pair[1] - TimeDelta::milliseconds(1)), Some(pair[1]));
        }
    }
}

#[test]
fn jitter_is_the_jobs_own_and_stays_before_the_end() {
    let fire = |id: &str| {
        let mut timing = super::timing("daily at 3 AM");
        timing.seed = id;
        timing.jitter = Some(Duration::from_secs(3600));
        new(&timing).fire_time_after(at("2026-11-23T12:00:00Z")).unwrap()
    };
    assert_eq!(fire("a"), fire("a"));
    let different: std::collections::BTreeSet<_> =
        (0..50).map(|n| fire(&format!("job-{n}"))).collect();
    assert!(different.len() > 40);
    let mut timing = super::timing("hourly");
    timing.jitter = Some(Duration::from_secs(3000));
    timing.end_at = Some(at("2026-11-23T15:00:00Z"));
    let fires = between(&new(&timing), at("2026-11-23T12:30:00Z"), at("2026-11-24T00:00:00Z"));
    assert_eq!(
        fires.last(),
        Some(&at("2026-11-23T15:00:00Z")),
        "no room behind the end: {fires:?}"
    );
}

#[test]
fn jitter_never_leaves_the_day_that_the_calendar_let_through() {
    let rule = |skip: bool| match skip {
        true => CalendarRule::Skip("de"),
        false => CalendarRule::Only("de"),
    };
    for (schedule, zone) in [
        ("50 23 * * *", "Europe/Berlin"),
        ("daily at 23:59:59", "America/New_York"),
        ("0 12,23 * * *", "Asia/Kolkata"),
        ("every 7 hours", "Europe/Berlin"),
    ] {
        for number in 0..40 {
            for skip in [true, false] {
                let timing = Timing {
                    seed: &format!("job-{number}"),
                    timezone: Some(zone),
                    calendar: Some(rule(skip)),
                    jitter: Some(Duration::from_secs(6 * 3600)),
                    ..timing(schedule)
                };
                let fires =
                    between(&new(&timing), at("2026-12-20T12:00:00Z"), at("2027-01-04T12:00:00Z"));
                assert!(!fires.is_empty());
                let zone = parse_zone(zone).unwrap();
                for fire in fires {
                    let day = fire.with_timezone(&zone).date_naive();
                    let is_holiday = holidays().contains(&day);
                    assert_eq!(is_holiday, !skip, "{schedule} {zone}: {fire}");
                }
            }
        }
    }
    // Without a calendar it may end on the next day, as before.
    let jitter = Some(Duration::from_secs(6 * 3600));
    let days: std::collections::BTreeSet<_> = (0..40)
        .map(|number| {
            let timing = Timing { seed: &format!("job-{number}"), jitter, ..timing("0 21 * * *") };
            new(&timing).fire_time_after(at("2026-12-20T20:59:00Z")).unwrap().date_naive()
        })
        .collect();
    assert_eq!(days.len(), 2);
}
