//! Cron expressions: what is taken, what it means, what is refused.

use chrono_tz::Tz;

use super::{local, table, timing, try_table, words};
use crate::{Schedule, Timetable, Timing};

fn days(schedule: &str, count: usize) -> Vec<String> {
    let fires = local(schedule, Tz::UTC, "2026-11-23T12:00:00Z", count);
    fires.iter().map(|fire| fire[..14].to_owned()).collect()
}

fn same(one: &str, other: &str) {
    let fires = |text| local(text, Tz::UTC, "2026-11-23T12:00:00Z", 12);
    assert_eq!(fires(one), fires(other), "{one} is not {other}");
}

#[test]
fn one_is_monday_and_seven_is_sunday() {
    assert_eq!(days("0 0 * * 1", 1), ["Mon 2026-11-30"]);
    same("0 0 * * 0", "0 0 * * 7");
    same("0 0 * * 5-7", "0 0 * * FRI-SUN");
    same("0 0 * * SUN-TUE", "0 0 * * 0,1,2");
    same("0 0 * * 4/1", "0 0 * * 4-6");
    same("0 0 * * sun", "0 0 * * 7");
}

#[test]
fn a_star_at_the_beginning_makes_and_of_or() {
    assert_eq!(days("0 0 13 * FRI", 3), ["Fri 2026-11-27", "Fri 2026-12-04", "Fri 2026-12-11"]);
    assert_eq!(days("0 0 */2 * MON", 2), ["Mon 2026-12-07", "Mon 2026-12-21"]);
    same("0 0 *,13 * FRI", "0 0 * * FRI");
    same("0 0 ? * MON", "0 0 * * MON");
    same("0 0 1-31 * MON", "0 0 * * *");
}

#[test]
fn specials_are_exact() {
    assert_eq!(days("0 0 L * *", 4)[3], "Sun 2027-02-28");
    assert_eq!(days("0 0 LW * *", 3), ["Mon 2026-11-30", "Thu 2026-12-31", "Fri 2027-01-29"]);
    assert_eq!(days("0 0 L-3 * *", 2), ["Fri 2026-11-27", "Mon 2026-12-28"]);
    // The 1st of May 2027 is a Saturday, the 31st of January a Sunday: both stay in their month.
    assert_eq!(days("0 0 1W 5 *", 1), ["Mon 2027-05-03"]);
    assert_eq!(days("0 0 31W 1 *", 1), ["Fri 2027-01-29"]);
    // No month without the day.
    assert_eq!(days("0 0 31W * *", 3), ["Thu 2026-12-31", "Fri 2027-01-29", "Wed 2027-03-31"]);
    assert_eq!(
        days("0 0 * * MON#1,friL", 3),
        ["Fri 2026-11-27", "Mon 2026-12-07", "Fri 2026-12-25"]
    );
    same("0 0 * * 0#2", "0 0 * * 7#2");
    // Inside a list, and under the OR rule.
    assert_eq!(
        days("0 0 L,15 * SUN#1", 4)[..3],
        ["Mon 2026-11-30", "Sun 2026-12-06", "Tue 2026-12-15"]
    );
    same("0 0 l * *", "0 0 L * *");
    same("0 0 15w * *", "0 0 15W * *");
}

#[test]
fn steps_and_numbers_are_read_as_cron_reads_them() {
    same("5/20 * * * *", "5,25,45 * * * *");
    same("*/61 * * * *", "0 * * * *");
    same("007 * * * *", "7 * * * *");
    same("  0\t 12  *  * * ", "0 12 * * *");
    same("10-50/10 * * * *", "10,20,30,40,50 * * * *");
    same("0 0 1 JAN,mar-May *", "0 0 1 1,3,4,5 *");
    same("0 30 9 * * *", "30 9 * * *");
    same("*/99999999999999999999 * * * *", "0 * * * *");
}

#[test]
fn nicknames_are_lower_case() {
    for (name, fields) in [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ] {
        same(name, fields);
        assert_eq!(Schedule::parse(name).unwrap().as_cron().as_deref(), Some(fields));
    }
    assert!(Schedule::parse("@Daily").is_err());
    let reboot = table("@reboot", Tz::UTC);
    assert!(reboot.is_reboot());
    assert_eq!(reboot.fire_time_after(super::at("2026-01-01T00:00:00Z")), None);
}

#[test]
fn a_hash_is_fixed_by_the_job_and_spreads_jobs() {
    let fires = |id: &str, schedule: &str| {
        let table = Timetable::new(&Timing { seed: id, ..timing(schedule) }, Tz::UTC).unwrap();
        table.fire_time_after(super::at("2026-11-23T11:59:59Z")).unwrap()
    };
    assert_eq!(fires("a", "H * * * *"), fires("a", "h * * * *"));
    let ids: Vec<String> = (0..200).map(|number| format!("job-{number}")).collect();
    let minutes: std::collections::BTreeSet<_> =
        ids.iter().map(|id| fires(id, "H * * * *")).collect();
    assert!(minutes.len() > 50, "200 jobs fall on {} minutes only", minutes.len());
    for id in &ids {
        let minute =
            |schedule| fires(id, schedule).format("%M").to_string().parse::<u32>().unwrap();
        assert!(minute("H(0-29) * * * *") < 30);
        assert!(minute("H/15 * * * *") < 15);
    }
    let fourth = local("H/15 * * * *", Tz::UTC, "2026-11-23T12:00:00Z", 5);
    assert_eq!(fourth[0][17..19], fourth[4][17..19], "four an hour: {fourth:?}");
    assert!(words("H 3 * * *").contains("fixed by the job's id"));
    assert!(table("H 3 * * *", Tz::UTC).in_words().starts_with("At 03:"));
}

#[test]
fn what_cron_would_not_mean_is_refused() {
    for bad in [
        "+5 * * * *",
        "0x5 * * * *",
        "1,,2 * * * *",
        ",1 * * * *",
        "1-1_0 * * * *",
        "60 * * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 32 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "1-5/0 * * * *",
        "0 0 32W * *",
        "0 0 0W * *",
        "0 0 W * *",
        "0 0 L-31 * *",
        "0 0 * * MON#0",
        "0 0 * * MON#6",
        "0 0 * * L",
        "* * * *",
        "* * * * * * *",
        "*",
        "1 2 3",
        "0 0 * * monday",
        "H(5) * * * *",
        "H(9-2) * * * *",
        "HH * * * *",
        "1--2 * * * *",
        "1-2-3 * * * *",
        "*5 * * * *",
        "*/ * * * *",
        "0 0 L/2 * *",
        "0 0 * * 1#",
        "0 0 30 2 *",
        "0 0 31 4 *",
        "0 0 5 L *",
        "1.5 * * * *",
        "-1 * * * *",
        "0 0 15WL * *",
        "٣ * * * *",
    ] {
        assert!(Schedule::parse(bad).is_err(), "`{bad}` was taken");
        assert!(try_table(bad, Tz::UTC).is_err(), "`{bad}` was taken for a job");
    }
}

#[test]
fn english_gives_the_cron_it_equals_and_both_fire_alike() {
    for phrase in super::guide::phrases() {
        let schedule = Schedule::parse(&phrase).unwrap();
        let Some(cron) = schedule.as_cron() else {
            continue;
        };
        for zone in [Tz::UTC, Tz::Europe__Berlin, Tz::America__New_York] {
            let fires = |text: &str| {
                let mut fires = local(text, zone, "2026-03-27T12:00:00Z", 150);
                fires.extend(local(text, zone, "2026-10-24T12:00:00Z", 150));
                fires
            };
            assert_eq!(fires(&phrase), fires(&cron), "{phrase} is not {cron} in {zone}");
        }
    }
}
