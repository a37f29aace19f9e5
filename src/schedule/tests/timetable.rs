//! Zones, calendars, bounds and jitter of a job.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{at, between, job};
use crate::model::{Calendar, CalendarRule, Job, JobId, Settings};
use crate::schedule::{ScheduleError, Timetable, parse_zone};

fn settings() -> Settings {
    let days = ["2026-12-25", "2026-12-26", "2027-01-01"];
    let holidays = days.iter().map(|day| day.parse().unwrap()).collect();
    let mut settings = Settings::default();
    settings.calendars.insert("de".to_owned(), Calendar { holidays });
    settings
}

fn try_new(job: &Job) -> Result<Timetable, ScheduleError> {
    Timetable::new(job, &settings(), Tz::UTC).map(Option::unwrap)
}

fn new(job: &Job) -> Timetable {
    try_new(job).unwrap()
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
fn the_jobs_zone_goes_before_the_files_and_the_systems() {
    let mut settings = Settings::default();
    let mut job = job("noon");
    let zone = |job: &Job, settings: &Settings| {
        Timetable::new(job, settings, Tz::Asia__Tokyo).unwrap().unwrap().zone()
    };
    assert_eq!(zone(&job, &settings), Tz::Asia__Tokyo);
    settings.timezone = Some("Europe/Paris".to_owned());
    assert_eq!(zone(&job, &settings), Tz::Europe__Paris);
    job.timezone = Some("America/Lima".to_owned());
    assert_eq!(zone(&job, &settings), Tz::America__Lima);
    job.timezone = Some("Mars/Base".to_owned());
    assert!(Timetable::new(&job, &settings, Tz::UTC).is_err());
    job.schedule = None;
    assert!(Timetable::new(&job, &settings, Tz::UTC).unwrap().is_none());
}

#[test]
fn calendars_skip_or_leave_only_their_days() {
    let mut job = job("daily at 9");
    job.calendar = Some(CalendarRule::Skip("de".to_owned()));
    assert_eq!(
        dates(&new(&job), "2026-12-24T00:00:00Z", 2),
        ["2026-12-24 09:00", "2026-12-27 09:00"]
    );
    job.calendar = Some(CalendarRule::Only("de".to_owned()));
    assert_eq!(
        dates(&new(&job), "2026-01-01T00:00:00Z", 9),
        ["2026-12-25 09:00", "2026-12-26 09:00", "2027-01-01 09:00"]
    );
    assert_eq!(new(&job).in_words(), "At 09:00 every day, only on the days of `de`, UTC");
    job.calendar = Some(CalendarRule::Skip("ed".to_owned()));
    assert_eq!(try_new(&job).unwrap_err().suggestion.as_deref(), Some("de"));
    // Mondays that are holidays: none of the three days is one.
    job.schedule = Some("weekly on monday".to_owned());
    job.calendar = Some(CalendarRule::Only("de".to_owned()));
    assert!(try_new(&job).unwrap_err().message.contains("never fires"));
}

#[test]
fn except_holidays_takes_the_calendar_that_is_there() {
    let job = job("every 6 hours except holidays");
    assert_eq!(
        dates(&new(&job), "2026-12-24T18:00:00Z", 2),
        ["2026-12-27 00:00", "2026-12-27 06:00"]
    );
    let none = Timetable::new(&job, &Settings::default(), Tz::UTC);
    assert!(none.unwrap_err().message.contains("calendar"));
}

#[test]
fn an_even_interval_keeps_to_its_days() {
    let mut job = job("every 7 hours on fridays and saturdays");
    job.calendar = Some(CalendarRule::Skip("de".to_owned()));
    let fires = between(&new(&job), at("2026-12-20T00:00:00Z"), at("2027-01-10T00:00:00Z"));
    // Fridays and Saturdays in that time: 25 and 26 December and 1 January are holidays; 2, 8 and 9
    // January are left.
    let days: std::collections::BTreeSet<_> =
        fires.iter().map(|fire| fire.format("%m-%d").to_string()).collect();
    assert_eq!(days.into_iter().collect::<Vec<_>>(), ["01-02", "01-08", "01-09"]);
    assert!(fires.iter().all(|fire| fire.timestamp() % (7 * 3600) == 0));
}

#[test]
fn both_bounds_belong_to_the_time_between() {
    let mut job = job("hourly");
    job.start_at = Some(at("2026-11-23T12:00:00Z"));
    job.end_at = Some(at("2026-11-23T14:00:00Z"));
    let hours = ["2026-11-23 12:00", "2026-11-23 13:00", "2026-11-23 14:00"];
    assert_eq!(dates(&new(&job), "2020-01-01T00:00:00Z", 9), hours);
    job.end_at = Some(at("2026-11-23T11:00:00Z"));
    assert!(try_new(&job).unwrap_err().message.contains("start_at lies after end_at"));
    job.start_at = Some(at("2026-11-23T10:01:00Z"));
    job.end_at = Some(at("2026-11-23T10:59:00Z"));
    assert!(try_new(&job).unwrap_err().message.contains("never fires"));
}

#[test]
fn jitter_spreads_without_changing_order_or_number() {
    for (schedule, jitter, minutes) in [
        ("*/5 * * * *", 120, 150),
        ("* * * * *", 3600, 90),
        ("*/10 * 9 * * *", 86_400, 80),
        ("* * * * * *", 30, 2),
    ] {
        let mut job = job(schedule);
        let (from, until) =
            (at("2026-11-23T08:00:00Z"), at("2026-11-23T08:00:00Z") + TimeDelta::minutes(minutes));
        let plain = between(&new(&job), from, until);
        job.jitter = Some(Duration::from_secs(jitter));
        let table = new(&job);
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
        let mut job = job("daily at 3 AM");
        job.id = JobId::new(id).unwrap();
        job.jitter = Some(Duration::from_secs(3600));
        new(&job).fire_time_after(at("2026-11-23T12:00:00Z")).unwrap()
    };
    assert_eq!(fire("a"), fire("a"));
    let different: std::collections::BTreeSet<_> =
        (0..50).map(|n| fire(&format!("job-{n}"))).collect();
    assert!(different.len() > 40);
    let mut job = job("hourly");
    job.jitter = Some(Duration::from_secs(3000));
    job.end_at = Some(at("2026-11-23T15:00:00Z"));
    let fires = between(&new(&job), at("2026-11-23T12:30:00Z"), at("2026-11-24T00:00:00Z"));
    assert_eq!(
        fires.last(),
        Some(&at("2026-11-23T15:00:00Z")),
        "no room behind the end: {fires:?}"
    );
}

#[test]
fn jitter_never_leaves_the_day_that_the_calendar_let_through() {
    let rule = |skip: bool| match skip {
        true => CalendarRule::Skip("de".to_owned()),
        false => CalendarRule::Only("de".to_owned()),
    };
    for (schedule, zone) in [
        ("50 23 * * *", "Europe/Berlin"),
        ("daily at 23:59:59", "America/New_York"),
        ("0 12,23 * * *", "Asia/Kolkata"),
        ("every 7 hours", "Europe/Berlin"),
    ] {
        for number in 0..40 {
            for skip in [true, false] {
                let mut job = job(schedule);
                job.id = JobId::new(&format!("job-{number}")).unwrap();
                (job.timezone, job.calendar) = (Some(zone.to_owned()), Some(rule(skip)));
                job.jitter = Some(Duration::from_secs(6 * 3600));
                let fires =
                    between(&new(&job), at("2026-12-20T12:00:00Z"), at("2027-01-04T12:00:00Z"));
                assert!(!fires.is_empty());
                let zone = parse_zone(zone).unwrap();
                for fire in fires {
                    let day = fire.with_timezone(&zone).date_naive();
                    let is_holiday = settings().calendars["de"].holidays.contains(&day);
                    assert_eq!(is_holiday, !skip, "{schedule} {zone}: {fire}");
                }
            }
        }
    }
    // Without a calendar it may end on the next day, as before.
    let mut job = job("0 21 * * *");
    job.jitter = Some(Duration::from_secs(6 * 3600));
    let days: std::collections::BTreeSet<_> = (0..40)
        .map(|number| {
            job.id = JobId::new(&format!("job-{number}")).unwrap();
            new(&job).fire_time_after(at("2026-12-20T20:59:00Z")).unwrap().date_naive()
        })
        .collect();
    assert_eq!(days.len(), 2);
}
