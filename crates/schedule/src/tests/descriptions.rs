//! What people are told: words, warnings, explanations.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::{at, table, timing, words};
use crate::{Outlook, Timetable, Timing, WarningKind, pile_ups};

#[test]
fn cron_is_reported_in_words() {
    let described: Vec<String> = [
        "30 9 * * 1-5",
        "*/5 9-17 * * MON",
        "0 0 13 * FRI",
        "0 0 */2 * MON",
        "0 9 LW * *",
        "0 0 15W * *",
        "0 0 L-3 * *",
        "*/7 * * * *",
        "0 0 1 */3 *",
        "0 0 * * 6,0",
        "0 0 * * 5-7",
        "* * * * * *",
        "*/10 0 3 * * *",
        "15,45 9-16 * * *",
        "0 0 1 1 *",
        "5 4 * 6-8 2",
        "10,40 8,20 * * *",
        "* 2 * * *",
        "0 9-17/2 * * *",
        "@reboot",
    ]
    .iter()
    .map(|text| format!("{text}: {}", words(text)))
    .collect();
    insta::assert_snapshot!(described.join("\n"), @r"
    30 9 * * 1-5: At 09:30 on weekdays
    */5 9-17 * * MON: Every 5 minutes from 09:00 to 17:55 on Monday
    0 0 13 * FRI: At 00:00 on the 13th of the month or on Friday
    0 0 */2 * MON: At 00:00 on Monday, only on days 1, 3, … 31 of the month
    0 9 LW * *: At 09:00 on the last weekday of the month
    0 0 15W * *: At 00:00 on the weekday nearest to the 15th of the month
    0 0 L-3 * *: At 00:00 on the 3rd day before the last of the month
    */7 * * * *: Every hour at minutes 0, 7, … 56
    0 0 1 */3 *: At 00:00 on the 1st of January, April, July and October
    0 0 * * 6,0: At 00:00 on weekends
    0 0 * * 5-7: At 00:00 on Friday to Sunday
    * * * * * *: Every second
    */10 0 3 * * *: At 03:00, 03:00:10, 03:00:20, 03:00:30, 03:00:40 and 03:00:50 every day
    15,45 9-16 * * *: At minutes 15 and 45 of hours 9 to 16 every day
    0 0 1 1 *: At 00:00 on the 1st of January
    5 4 * 6-8 2: At 04:05 on Tuesday in June to August
    10,40 8,20 * * *: At 08:10, 08:40, 20:10 and 20:40 every day
    * 2 * * *: Every minute from 02:00 to 02:59
    0 9-17/2 * * *: Every 2 hours from 09:00 to 17:00
    @reboot: At the first start after each boot of the machine
    ");
}

#[test]
fn a_timetable_is_reported_with_its_zone_and_modifiers() {
    let mut job = timing("weekdays at 9:30");
    job.timezone = Some("Europe/Berlin");
    let describe =
        |job: &Timing<'_>| -> String { Timetable::new(job, Tz::UTC).unwrap().in_words() };
    assert_eq!(describe(&job), "At 09:30 on weekdays, Europe/Berlin");
    job.jitter = Some(std::time::Duration::from_secs(300));
    job.end_at = Some(at("2027-01-01T00:00:00Z"));
    assert_eq!(
        describe(&job),
        "At 09:30 on weekdays, Europe/Berlin, spread over 5m, until 2027-01-01 01:00:00"
    );
}

fn kinds(schedule: &str) -> Vec<WarningKind> {
    let warnings = table(schedule, Tz::Europe__Berlin).warnings(at("2026-11-23T12:00:00Z"));
    warnings.iter().map(|warning| warning.kind).collect()
}

#[test]
fn what_is_likely_not_meant_is_warned_about() {
    use WarningKind::{
        InsideGap, LeapDayOnly, NeverAgain, SkipsMonths, TwiceInOverlap, UnevenStep,
    };
    assert_eq!(kinds("0 0 31 * *"), [SkipsMonths]);
    assert_eq!(kinds("monthly on the 30th"), [SkipsMonths]);
    assert_eq!(kinds("0 0 * * MON#5"), [SkipsMonths]);
    assert_eq!(kinds("*/7 * * * *"), [UnevenStep]);
    assert_eq!(kinds("0 */5 * * *"), [UnevenStep]);
    assert_eq!(kinds("0 12 */2 * *"), [UnevenStep]);
    assert_eq!(kinds("*/45 12 * * *"), [UnevenStep]);
    assert_eq!(kinds("*/90 * * * *"), [UnevenStep]);
    assert_eq!(kinds("H/7 * * * *"), [UnevenStep]);
    assert_eq!(kinds("0-59/7 * * * *"), [UnevenStep]);
    assert_eq!(kinds("*/7 */30 * * * *"), [UnevenStep]);
    assert_eq!(kinds("0 12 * * */2"), [UnevenStep]);
    assert_eq!(kinds("0 12 1 */5 *"), [UnevenStep]);
    assert_eq!(kinds("0 12 L-30 * *"), [SkipsMonths]);
    assert_eq!(kinds("0 12 31W * *"), [SkipsMonths]);
    assert_eq!(kinds("0 12 29W 2 *"), [LeapDayOnly]);
    assert_eq!(kinds("30 2 * * *"), [InsideGap]);
    assert_eq!(kinds("daily at 2:30 AM"), [InsideGap]);
    assert_eq!(kinds("*/15 2 * * *"), [InsideGap, TwiceInOverlap]);
    assert_eq!(kinds("0 12 29 2 *"), [LeapDayOnly]);
    assert_eq!(kinds("29 february at noon"), [LeapDayOnly]);
    assert_eq!(kinds("once at 2020-01-01 12:00"), [NeverAgain]);
    for fine in [
        "*/5 * * * *",
        "*/60 * * * *",
        "0,45 12 * * *",
        "0 */24 * * *",
        "H/15 * * * *",
        "5/20 * * * *",
        "hourly",
        "0 12 * * *",
        "0 0 L * *",
        "every 90 minutes",
        "0 0 1,31 * *",
        "0 12 28W * *",
        "at 5:00, 10:00, 15:00 and 20:00",
    ] {
        assert_eq!(kinds(fine), [], "{fine}");
    }
    // Only on days on which it would fire, only in zones that change their clocks.
    assert_eq!(kinds("30 2 * * 1-5"), []);
    assert_eq!(table("30 2 * * *", Tz::UTC).warnings(at("2026-11-23T12:00:00Z")), []);
}

#[test]
fn an_end_in_the_past_is_warned_about() {
    let mut job = timing("hourly");
    job.end_at = Some(at("2026-01-01T00:00:00Z"));
    let table = Timetable::new(&job, Tz::UTC).unwrap();
    let warnings = table.warnings(at("2026-11-23T12:00:00Z"));
    assert_eq!(warnings[0].kind, WarningKind::NeverAgain);
    assert!(warnings[0].message.contains("end_at"), "{}", warnings[0].message);
}

#[test]
fn a_pile_up_is_reported_once() {
    let named = |id: &'static str, schedule| (id, table(schedule, Tz::UTC));
    let tables = [named("a", "hourly"), named("b", "hourly"), named("c", "*/30 * * * *")];
    let from = at("2026-11-23T12:00:00Z");
    let warnings = pile_ups(&tables, 2, from, TimeDelta::days(1));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].message.contains("3 jobs are due at 2026-11-23 13:00:00 UTC for 2 slots"));
    assert_eq!(pile_ups(&tables, 3, from, TimeDelta::days(1)), []);
}

#[test]
fn the_worst_pile_ups_are_reported_first() {
    let hours = ["1", "2,3", "3", "3,4", "4,5", "5", "6", "6"];
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let tables: Vec<(&str, Timetable)> = ids
        .into_iter()
        .zip(hours)
        .map(|(id, hours)| (id, table(&format!("0 {hours} * * *"), Tz::UTC)))
        .collect();
    let described = pile_ups(&tables, 1, at("2026-11-23T12:00:00Z"), TimeDelta::days(7));
    let described: Vec<&str> = described.iter().map(|warning| warning.message.as_str()).collect();
    insta::assert_snapshot!(described.join("\n"), @r"
    3 jobs are due at 2026-11-24 03:00:00 UTC for 1 slot: b, c, d; spread them with `H` or `jitter`
    2 jobs are due at 2026-11-24 04:00:00 UTC for 1 slot: d, e; spread them with `H` or `jitter`
    2 jobs are due at 2026-11-24 05:00:00 UTC for 1 slot: e, f; spread them with `H` or `jitter`
    ");
}

#[test]
fn an_outlook_says_of_many_timetables_what_each_says_alone() {
    let now = at("2026-11-23T12:00:00Z");
    let mut outlook = Outlook::from(now);
    for zone in [Tz::Europe__Berlin, Tz::America__New_York, Tz::UTC, Tz::Europe__Berlin] {
        for text in ["30 2 * * *", "*/7 1 * * *", "0 0 31 * *", "hourly"] {
            let table = table(text, zone);
            assert_eq!(outlook.warnings(&table), table.warnings(now), "{text} in {zone}");
        }
    }
    assert!(!outlook.warnings(&table("30 2 * * *", Tz::America__New_York)).is_empty());
}

#[test]
fn an_explanation_goes_field_by_field() {
    let table = table("30 9 * * 1-5", Tz::Europe__Berlin);
    let no = table.explain(at("2026-11-22T08:31:00Z"));
    insta::assert_snapshot!(no, @r"
    Sun 2026-11-22 09:31:00 +01:00 (Europe/Berlin) is no fire time of: At 09:30 on weekdays
      yes  second: 0; wanted: 0
      no   minute: 31; wanted: 30
      yes  hour: 9; wanted: 9
      yes  month: November; wanted: *
      no   day: Sunday the 22; wanted: day of month * and day of week 1-5
      next: Mon 2026-11-23 09:30:00 +01:00
    ");
    let yes = table.explain(at("2026-11-23T08:30:00Z"));
    assert!(yes.fires && yes.verdicts.iter().all(|verdict| verdict.fits));
    #[cfg(feature = "serde")]
    assert!(serde_json::to_string(&yes).unwrap().contains("\"fires\":true"));
}

#[test]
fn an_instant_between_two_seconds_is_reported_as_such() {
    let every_second = table("* * * * * *", Tz::UTC);
    let between = every_second.explain(at("2026-03-29T01:00:07.25Z"));
    let unfit = between.verdicts.iter().filter(|verdict| !verdict.fits);
    let unfit: Vec<_> = unfit.map(|it| (it.field.as_str(), it.found.as_str())).collect();
    assert_eq!(unfit, [("fraction", "07.250")]);
}

#[test]
fn an_explanation_knows_of_clocks_and_jitter() {
    let gap = table("30 2 * * *", Tz::Europe__Berlin).explain(at("2026-03-29T01:00:00Z"));
    assert!(gap.fires);
    assert_eq!(gap.verdicts.last().unwrap().field, "clocks");
    let fold = table("30 2 * * *", Tz::Europe__Berlin).explain(at("2026-10-25T01:30:00Z"));
    assert!(!fold.fires, "the second pass of a fixed time");
    let over_midnight = table("every hour from 22:00 to 04:00 on fridays", Tz::UTC);
    let saturday = over_midnight.explain(at("2026-11-28T02:00:00Z"));
    assert!(saturday.fires && saturday.verdicts.iter().all(|verdict| verdict.fits), "{saturday}");
}
