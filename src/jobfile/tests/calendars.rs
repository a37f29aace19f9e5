//! Calendars that are read from iCalendar files.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::jobfile::ics;

const HOLIDAYS: &str = include_str!("holidays.ics");

/// A calendar of one event.
fn event(lines: &str) -> String {
    format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Feast\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n")
}

/// The days of a calendar, or what is wrong with it.
fn days(text: &str) -> String {
    match ics::days(text) {
        Ok(days) => {
            let days: Vec<String> = days.iter().map(ToString::to_string).collect();
            match days.as_slice() {
                [] => "no day".to_owned(),
                [head @ .., last] if head.len() > 5 => {
                    format!("{}, … {} more …, {last}", days[..3].join(", "), head.len() - 3)
                }
                days => days.join(", "),
            }
        }
        Err(problem) => format!("error: {problem}"),
    }
}

fn days_of(lines: &str) -> String {
    days(&event(lines))
}

/// What is told about a jobs file beside a calendar `days.ics`.
fn reported_beside(calendar: &[u8], jobs: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("days.ics"), calendar).unwrap();
    let rules = Rules { base_dir: folder.path().to_owned(), ..rules() };
    let described = match parse(&sources(&[("jobs.yaml", jobs)]), &rules) {
        Err(errors) => errors.to_string(),
        Ok(loaded) => format!("{:?}\n{:?}", loaded.set.settings.calendars, loaded.warnings),
    };
    described.replace(&folder.path().display().to_string(), "")
}

#[test]
fn a_file_of_holidays_becomes_days() {
    let days = ics::days(HOLIDAYS).unwrap();
    let of_2026: Vec<String> = days
        .iter()
        .map(ToString::to_string)
        .filter(|day| day.starts_with("2026") || day.starts_with("2100"))
        .collect();
    assert_eq!(of_2026, ["2026-01-01", "2026-12-25", "2026-12-26", "2100-01-01"]);
    assert_eq!(days.len(), 81 + 2);
}

#[test]
fn an_event_takes_the_days_that_it_touches() {
    let days = [
        "DTSTART;VALUE=DATE:20261225",
        "DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261225",
        "DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261228",
        "DTSTART;VALUE=DATE:20261225\nDURATION:P2D",
        "DTSTART;TZID=Europe/Berlin:20261225T220000\nDTEND;TZID=Europe/Berlin:20261226T000000",
        "DTSTART;TZID=Europe/Berlin:20261225T220000\nDTEND;TZID=Europe/Berlin:20261226T000001",
        "DTSTART;TZID=Asia/Tokyo:20261225T220000\nDTEND;TZID=Europe/Berlin:20261225T200000",
        "DTSTART;TZID=No Such Zone:20261225T220000\nDURATION:PT3H",
        "DTSTART:20261225T233000Z\nDURATION:PT1H",
        "DTSTART:20261225T120000",
        "DTSTART;VALUE=DATE:20261225\nRDATE;VALUE=DATE:20270105,20270110",
        "DTSTART;VALUE=DATE:20261225\nSTATUS:CANCELLED",
        "DTSTART;VALUE=DATE:19691230\nDTEND;VALUE=DATE:19700103",
        "DTSTART;VALUE=DATE:21001230\nDTEND;VALUE=DATE:30000101",
    ]
    .map(|lines| format!("{lines}\n  {}\n", days_of(lines)));
    insta::assert_snapshot!(days.concat(), @r"
    DTSTART;VALUE=DATE:20261225
      2026-12-25
    DTSTART;VALUE=DATE:20261225
    DTEND;VALUE=DATE:20261225
      2026-12-25
    DTSTART;VALUE=DATE:20261225
    DTEND;VALUE=DATE:20261228
      2026-12-25, 2026-12-26, 2026-12-27
    DTSTART;VALUE=DATE:20261225
    DURATION:P2D
      2026-12-25, 2026-12-26
    DTSTART;TZID=Europe/Berlin:20261225T220000
    DTEND;TZID=Europe/Berlin:20261226T000000
      2026-12-25
    DTSTART;TZID=Europe/Berlin:20261225T220000
    DTEND;TZID=Europe/Berlin:20261226T000001
      2026-12-25, 2026-12-26
    DTSTART;TZID=Asia/Tokyo:20261225T220000
    DTEND;TZID=Europe/Berlin:20261225T200000
      2026-12-25, 2026-12-26
    DTSTART;TZID=No Such Zone:20261225T220000
    DURATION:PT3H
      2026-12-25, 2026-12-26
    DTSTART:20261225T233000Z
    DURATION:PT1H
      2026-12-25, 2026-12-26
    DTSTART:20261225T120000
      2026-12-25
    DTSTART;VALUE=DATE:20261225
    RDATE;VALUE=DATE:20270105,20270110
      2026-12-25, 2027-01-05, 2027-01-10
    DTSTART;VALUE=DATE:20261225
    STATUS:CANCELLED
      no day
    DTSTART;VALUE=DATE:19691230
    DTEND;VALUE=DATE:19700103
      1970-01-01, 1970-01-02
    DTSTART;VALUE=DATE:21001230
    DTEND;VALUE=DATE:30000101
      2100-12-30, 2100-12-31
    ");
}

#[test]
fn an_event_repeats_as_its_rule_says() {
    let days = [
        "DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY",
        "DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;COUNT=3",
        "DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;INTERVAL=2;UNTIL=20301225",
        "DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;COUNT=3\nEXDATE;VALUE=DATE:20271225",
        "DTSTART;VALUE=DATE:20261126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3",
        "DTSTART;VALUE=DATE:20260131\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3",
        "DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227\nRRULE:FREQ=YEARLY;COUNT=2",
        "DTSTART;TZID=Europe/Berlin:20261225T090000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20261226",
        "DTSTART;TZID=Europe/Berlin:20261225T090000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20261226T080000Z",
        "DTSTART;TZID=Europe/Berlin:20260101T000000\nRRULE:FREQ=YEARLY;UNTIL=20271231T230000Z",
        "DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY;COUNT=2",
    ]
    .map(|lines| format!("{lines}\n  {}\n", days_of(lines)));
    insta::assert_snapshot!(days.concat(), @r"
    DTSTART;VALUE=DATE:20261225
    RRULE:FREQ=YEARLY
      2026-12-25, 2027-12-25, 2028-12-25, … 71 more …, 2100-12-25
    DTSTART;VALUE=DATE:20261225
    RRULE:FREQ=YEARLY;COUNT=3
      2026-12-25, 2027-12-25, 2028-12-25
    DTSTART;VALUE=DATE:20261225
    RRULE:FREQ=YEARLY;INTERVAL=2;UNTIL=20301225
      2026-12-25, 2028-12-25, 2030-12-25
    DTSTART;VALUE=DATE:20261225
    RRULE:FREQ=YEARLY;COUNT=3
    EXDATE;VALUE=DATE:20271225
      2026-12-25, 2028-12-25
    DTSTART;VALUE=DATE:20261126
    RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3
      2026-11-26, 2027-11-25, 2028-11-23
    DTSTART;VALUE=DATE:20260131
    RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3
      2026-01-31, 2026-02-28, 2026-03-31
    DTSTART;VALUE=DATE:20261225
    DTEND;VALUE=DATE:20261227
    RRULE:FREQ=YEARLY;COUNT=2
      2026-12-25, 2026-12-26, 2027-12-25, 2027-12-26
    DTSTART;TZID=Europe/Berlin:20261225T090000
    RRULE:FREQ=DAILY;COUNT=3
    EXDATE;VALUE=DATE:20261226
      2026-12-25, 2026-12-27
    DTSTART;TZID=Europe/Berlin:20261225T090000
    RRULE:FREQ=DAILY;COUNT=3
    EXDATE:20261226T080000Z
      2026-12-25, 2026-12-27
    DTSTART;TZID=Europe/Berlin:20260101T000000
    RRULE:FREQ=YEARLY;UNTIL=20271231T230000Z
      2026-01-01, 2027-01-01, 2028-01-01
    DTSTART;VALUE=DATE:20240229
    RRULE:FREQ=YEARLY;COUNT=2
      2024-02-29, 2028-02-29
    ");
}

#[test]
fn single_times_that_were_moved_or_cancelled_count() {
    let calendar = |moved: &str| {
        format!(
            "BEGIN:VCALENDAR
BEGIN:VEVENT
UID:a
SEQUENCE:3
DTSTART;VALUE=DATE:20261201
RRULE:FREQ=DAILY;COUNT=3
END:VEVENT
BEGIN:VEVENT
UID:a
RECURRENCE-ID;VALUE=DATE:20261202
{moved}
END:VEVENT
BEGIN:VEVENT
UID:b
SEQUENCE:3
DTSTART;VALUE=DATE:20270101
END:VEVENT
END:VCALENDAR
"
        )
    };
    assert_eq!(
        days(&calendar("DTSTART;VALUE=DATE:20261224")),
        "2026-12-01, 2026-12-03, 2026-12-24, 2027-01-01"
    );
    assert_eq!(
        days(&calendar("DTSTART;VALUE=DATE:20261202\nSTATUS:CANCELLED")),
        "2026-12-01, 2026-12-03, 2027-01-01"
    );
}

#[test]
fn what_cannot_be_read_names_the_event() {
    let texts = [
        String::new(),
        "hello\n".to_owned(),
        "BEGIN:VCARD\nVERSION:4.0\nFN:Ada\nEND:VCARD\n".to_owned(),
        "BEGIN:VEVENT\nDTSTART:20261225\nEND:VEVENT\n".to_owned(),
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\n".to_owned(),
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\nEND:VEVENT\n".to_owned(),
        "BEGIN:VCALENDAR\nEND:VCALENDAR\n<html>\n".to_owned(),
        event("DTEND;VALUE=DATE:20261225"),
        event("DTSTART;VALUE=DATE:20261340"),
        event("DTSTART:tomorrow"),
        event("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261220"),
        event("DTSTART;VALUE=DATE:20261225\nDURATION:-P2D"),
        event("DTSTART;VALUE=DATE:20261225\nDURATION:soon"),
        event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=FORTNIGHTLY"),
        event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;BYMONTH=elephant"),
        event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=HOURLY"),
        event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
        event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;RSCALE=HEBREW;SKIP=BACKWARD"),
        event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY\nRRULE:FREQ=MONTHLY"),
        event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY\nEXRULE:FREQ=YEARLY;INTERVAL=2"),
        event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY\nEXDATE:never"),
        event("DTSTART;VALUE=DATE:00010101\nRRULE:FREQ=DAILY;COUNT=4000000000"),
    ];
    let described: Vec<String> = texts.iter().map(|text| days(text)).collect();
    insta::assert_snapshot!(described.join("\n"), @"
    error: is not an iCalendar file: they begin with BEGIN:VCALENDAR
    error: is not an iCalendar file: they begin with BEGIN:VCALENDAR
    error: is not an iCalendar file: they begin with BEGIN:VCALENDAR
    error: is not an iCalendar file: they begin with BEGIN:VCALENDAR
    error: `END:VEVENT` is missing: the file is cut short
    error: line 3: `END:VCALENDAR` stands where `END:VEVENT` belongs
    error: line 3: `<html>` stands outside of a calendar
    error: line 2: event `Feast`: it has no DTSTART
    error: line 4: event `Feast`: its DTSTART cannot be read
    error: line 4: event `Feast`: its DTSTART cannot be read
    error: line 5: event `Feast`: it ends before it begins
    error: line 5: event `Feast`: it ends before it begins
    error: line 5: event `Feast`: its DURATION cannot be read
    error: line 5: event `Feast`: its RRULE cannot be read
    error: line 5: event `Feast`: `elephant` in its RRULE is not a value of BYMONTH
    error: line 5: event `Feast`: its RRULE repeats within a day: a calendar is made of days
    error: line 5: event `Feast`: its RRULE names no day
    error: line 5: event `Feast`: RSCALE in its RRULE is not supported
    error: line 5: event `Feast`: it has more than one RRULE
    error: line 6: event `Feast`: EXRULE is not supported: name the days with EXDATE
    error: line 6: event `Feast`: its EXDATE cannot be read
    error: line 5: event `Feast`: the events of the file take more than 200000 days
    ");
}

#[test]
fn the_work_that_a_file_can_cause_is_bounded() {
    let many = |lines: &str, count: usize| {
        let event = format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n");
        format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", event.repeat(count))
    };
    let described = days(&many("DTSTART;VALUE=DATE:20000101\nDTEND;VALUE=DATE:21000101", 100));
    assert!(
        described.ends_with("the events of the file take more than 200000 days"),
        "{described}"
    );
    let described = days(&many("DTSTART;VALUE=DATE:20000101\nRRULE:FREQ=DAILY", 1_001));
    assert!(
        described.ends_with("the events of the file take more than 200000 days"),
        "{described}"
    );
    let described = days(&many("DTSTART;VALUE=DATE:20000101\nRRULE:FREQ=YEARLY;COUNT=1", 1_001));
    assert!(described.ends_with("more than 1000 events of the file repeat"), "{described}");
    let nested = format!("BEGIN:VCALENDAR\n{}", "BEGIN:VEVENT\n".repeat(100_000));
    assert_eq!(days(&nested), "error: `END:VEVENT` is missing: the file is cut short");
}

#[test]
fn a_calendar_is_read_beside_the_jobs_file() {
    let described = reported_beside(
        HOLIDAYS.as_bytes(),
        "calendars: {de: {file: ./days.ics, holidays: [2026-12-24]}}\n\
         jobs: [{id: a, run: x, schedule: every day at 9, calendar: {skip: de}}]\n",
    );
    assert!(described.contains("2026-12-24, 2026-12-25, 2026-12-26, 2027-01-01"), "{described}");
    assert!(described.ends_with("\n[]"), "{described}");
}

#[test]
fn a_calendar_that_cannot_be_read_is_reported_at_its_key() {
    let jobs = |file: &str| format!("calendars:\n  de: {{file: {file}}}\njobs: []\n");
    let large = vec![b' '; (4 << 20) + 1];
    let described = [
        reported_beside(b"", &jobs("no.ics")),
        reported_beside(b"", &jobs(".")),
        reported_beside(b"", &jobs("~/days.ics")),
        reported_beside(b"", "calendars: {de: {}, fr: {fiel: x}}\njobs: []\n"),
        reported_beside(b"hello\n", &jobs("days.ics")),
        reported_beside(b"BEGIN:VCALENDAR\n\xff\n", &jobs("days.ics")),
        reported_beside(&large, &jobs("days.ics")),
        reported_beside(event("DTSTART:x").as_bytes(), &jobs("days.ics")),
        reported_beside(event("DTSTART;VALUE=DATE:20201225").as_bytes(), &jobs("days.ics")),
    ];
    insta::assert_snapshot!(described.join("\n"), @r#"
    jobs.yaml:2:14: `file`: /no.ics: no such file or folder
    jobs.yaml:2:14: `file`: /.: is neither a file nor a folder
    jobs.yaml:2:14: `file`: `~` is not expanded: write the full path
    jobs.yaml:1:13: calendar `de` needs `holidays` or `file`
    jobs.yaml:1:21: calendar `fr` needs `holidays` or `file`
    jobs.yaml:1:26: unknown key `fiel`: did you mean `file`?
    jobs.yaml:2:14: `file`: `days.ics`: is not an iCalendar file: they begin with BEGIN:VCALENDAR
    jobs.yaml:2:14: `file`: /days.ics:2: is not UTF-8 text: save it as UTF-8
    jobs.yaml:2:14: `file`: /days.ics: a calendar file may have at most 4 MiB
    jobs.yaml:2:14: `file`: `days.ics`: line 4: event `Feast`: its DTSTART cannot be read
    {"de": Calendar { holidays: {2020-12-25} }}
    [FileDiagnostic { file: "jobs.yaml", line: 2, column: 3, key: None, message: "calendar `de` ends on 2020-12-25: no day of it is still to come" }]
    "#);
}

#[test]
fn parts_of_a_rule_that_are_not_carried_out_are_errors_at_their_line() {
    let of = |rule: &str| days_of(&format!("UID:u\nDTSTART;VALUE=DATE:20261225\nRRULE:{rule}"));
    for (rule, problem) in [
        ("FREQ=YEARLY;UNTL=20301225", "`UNTL` is not a part of an RRULE: did you mean UNTIL?"),
        (
            "FREQ=YEARLY;BYEASTER=0",
            "BYEASTER in its RRULE is not supported: name the days with RDATE",
        ),
        ("FREQ=YEARLY;X-FOO=1", "`X-FOO` is not a part of an RRULE"),
        ("FREQ=YEARLY;COUNT", "COUNT in its RRULE has no value"),
        ("FREQ=YEARLY;UNTIL=", "UNTIL in its RRULE has no value"),
        ("FREQ=YEARLY;COUNT=0", "`0` in its RRULE is not a value of COUNT"),
        ("FREQ=YEARLY;COUNT=-3", "`-3` in its RRULE is not a value of COUNT"),
        ("FREQ=YEARLY;COUNT=4294967299", "`4294967299` in its RRULE is not a value of COUNT"),
        ("FREQ=DAILY;INTERVAL=65537", "`65537` in its RRULE is not a value of INTERVAL"),
        ("FREQ=MONTHLY;BYMONTHDAY=257", "`257` in its RRULE is not a value of BYMONTHDAY"),
        ("FREQ=YEARLY;BYMONTH=0", "`0` in its RRULE is not a value of BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=1,13", "`1,13` in its RRULE is not a value of BYMONTH"),
        ("FREQ=YEARLY;COUNT=2;COUNT=3", "its RRULE has COUNT twice"),
        ("COUNT=3", "its RRULE has no FREQ"),
        ("FREQ=YEARLY;UNTIL=20261340", "UNTIL in its RRULE is not a date"),
        ("FREQ=MONTHLY;BYWEEKNO=3", "BYWEEKNO cannot stand in an RRULE with FREQ=MONTHLY"),
    ] {
        assert_eq!(of(rule), format!("error: line 6: event `Feast`: {problem}"), "{rule}");
    }
    // Folded, in lower case, with an empty part at its end: all of it is legal.
    assert_eq!(of("freq=yearly;\n until=20271225;"), "2026-12-25, 2027-12-25");
    // The name of the event stands behind the rule, and that of an alarm is not its name.
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nRRULE:FREQ=DAILY;UNTL=x\nBEGIN:VALARM\nSUMMARY:Ring\n\
                END:VALARM\nSUMMARY:Easter\\, late\nEND:VEVENT\nEND:VCALENDAR\n";
    assert!(
        days(text).starts_with("error: line 3: event `Easter, late`: `UNTL` is not"),
        "{}",
        days(text)
    );
}

#[test]
fn days_that_are_left_out_count_however_they_are_written() {
    let daily = "DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=DAILY;COUNT=3";
    for exception in [
        "EXDATE;VALUE=DATE:20261226",
        "EXDATE:20261226",
        "EXDATE:20261226T000000",
        "EXDATE:20261226T120000Z",
        "EXDATE;TZID=America/New_York:20261226T233000",
        "EXDATE;TZID=No Such Zone:20261226T233000",
    ] {
        assert_eq!(
            days_of(&format!("{daily}\n{exception}")),
            "2026-12-25, 2026-12-27",
            "{exception}"
        );
    }
    let daily =
        "DTSTART;TZID=Europe/Berlin:20261225T003000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3";
    for exception in [
        "EXDATE;VALUE=DATE:20261226",
        "EXDATE;TZID=Europe/Berlin:20261226T003000",
        "EXDATE:20261225T233000Z",
        "EXDATE;TZID=America/New_York:20261225T183000",
    ] {
        assert_eq!(
            days_of(&format!("{daily}\n{exception}")),
            "2026-12-25, 2026-12-27",
            "{exception}"
        );
    }
    // Another time of a series with times leaves nothing out.
    assert_eq!(
        days_of(&format!("{daily}\nEXDATE;TZID=Europe/Berlin:20261226T013000")),
        "2026-12-25, 2026-12-26, 2026-12-27"
    );
    // What has no value says nothing.
    assert_eq!(
        days_of("DTSTART;VALUE=DATE:20261225\nRRULE:\nEXDATE:\nRDATE;VALUE=DATE:"),
        "2026-12-25"
    );
}

#[test]
fn the_end_of_a_rule_includes_its_day() {
    for (start, until) in [
        (";VALUE=DATE:20261225", "20261227"),
        (";VALUE=DATE:20261225", "20261227T000000Z"),
        (";VALUE=DATE:20261225", "20261227T225959Z"),
        (";TZID=Europe/Berlin:20261225T233000", "20261227"),
        (":20261225T233000", "20261227"),
        (":20261225T233000Z", "20261227"),
        (";TZID=Europe/Berlin:20261225T233000", "20261227T223000Z"),
        (";TZID=Asia/Tokyo:20261225T003000", "20261226T153000Z"),
    ] {
        let event = format!("DTSTART{start}\nDURATION:PT15M\nRRULE:FREQ=DAILY;UNTIL={until}");
        let event = if start.contains("DATE:") { event.replace("PT15M", "P1D") } else { event };
        assert_eq!(days_of(&event), "2026-12-25, 2026-12-26, 2026-12-27", "{start} {until}");
    }
    // One that is over before the event begins names no day, and the rest of the file counts.
    let event = "DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=DAILY;UNTIL=20261224";
    assert_eq!(days_of(event), "no day");
    assert_eq!(days_of(&format!("{event}\nRDATE;VALUE=DATE:20270106")), "2027-01-06");
    assert_eq!(days_of("DTSTART;VALUE=DATE:21500101\nRRULE:FREQ=DAILY"), "no day");
}

#[test]
fn what_real_programs_write_refuses_no_file() {
    let two = |other: &str| {
        days(&format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\n{other}\nEND:VEVENT\nBEGIN:VEVENT\nUID:z\n\
             DTSTART;VALUE=DATE:20270101\nEND:VEVENT\nEND:VCALENDAR\n"
        ))
    };
    assert_eq!(two("UID:a\nSTATUS:CANCELLED"), "2027-01-01");
    assert_eq!(two("UID:a\nSUMMARY:x"), "error: line 2: event `x`: it has no DTSTART");
    // A clock that leaves 02:30 out, and one that shows it twice.
    for start in ["20260329T023000", "20261025T023000"] {
        let described = two(&format!("DTSTART;TZID=Europe/Berlin:{start}\nDURATION:PT1H"));
        assert!(described.starts_with(&format!("2026-{}-", &start[4..6])), "{described}");
        let described = two(&format!("DTSTART:20260101T000000Z\nDTEND;TZID=Europe/Berlin:{start}"));
        assert!(described.starts_with("2026-01-01, "), "{described}");
        let described =
            two(&format!("DTSTART;TZID=Europe/Berlin:{start}\nRRULE:FREQ=YEARLY;COUNT=2"));
        assert!(described.starts_with("2026-"), "{described}");
    }
    // A single time of a series, moved or called off, with its name in another zone or form.
    let series = |name: &str, rest: &str| {
        days(&format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART;TZID=Europe/Berlin:20261201T003000\n\
             DURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT\nBEGIN:VEVENT\nUID:a\n\
             RECURRENCE-ID{name}\n{rest}\nEND:VEVENT\nEND:VCALENDAR\n"
        ))
    };
    for name in [
        ";TZID=Europe/Berlin:20261202T003000",
        ":20261201T233000Z",
        ";VALUE=DATE:20261202",
        ";TZID=America/New_York:20261201T183000",
    ] {
        let moved = series(name, "DTSTART;TZID=Asia/Tokyo:20261210T003000\nDURATION:PT1H");
        assert_eq!(moved, "2026-12-01, 2026-12-03, 2026-12-10", "{name}");
        assert_eq!(series(name, "STATUS:CANCELLED"), "2026-12-01, 2026-12-03", "{name}");
    }
}

#[test]
fn files_of_real_programs_become_days() {
    let outlook = "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nBEGIN:STANDARD\r\n\
        DTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n\
        RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n\
        UID:1\r\nDTSTART;TZID=W. Europe Standard Time:20270104T090000\r\n\
        DTEND;TZID=W. Europe Standard Time:20270104T170000\r\n\
        RRULE:FREQ=WEEKLY;UNTIL=20270118T080000Z;INTERVAL=1;BYDAY=MO;WKST=MO\r\n\
        EXDATE;TZID=W. Europe Standard Time:20270111T090000\r\nSUMMARY:Maintenance\r\nBEGIN:VALARM\r\n\
        ACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    assert_eq!(days(outlook), "2027-01-04, 2027-01-18");
    // Tasks and journals are no events, whatever they hold.
    let others = "BEGIN:VCALENDAR\nMETHOD:PUBLISH\nBEGIN:VTO\u{44}O\nDUE:20270101\nRRULE:FREQ=X;Y=Z\nEND:VTO\u{44}O\n\
                  BEGIN:VJOURNAL\nDTSTART:20270101\nEND:VJOURNAL\nEND:VCALENDAR\n";
    assert_eq!(days(others), "no day");
    let two = event("DTSTART:20270101")
        + &event(
            "DTSTART;VALUE=DATE:20270531\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;UNTIL=20280529",
        );
    assert_eq!(days(&two), "2027-01-01, 2027-05-31, 2028-05-29");
}

#[test]
fn a_fold_inside_a_character_is_none() {
    let folded = |fold: &[u8], at: usize| {
        let name = "SUMMARY:Ostern – früh 🐣".as_bytes();
        let mut bytes = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n".to_vec();
        bytes.extend(&name[..at]);
        bytes.extend(fold);
        bytes.extend(&name[at..]);
        bytes.extend(
            b"\nDTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;UNTL=2\nEND:VEVENT\nEND:VCALENDAR\n",
        );
        String::from_utf8(ics::with_whole_characters(bytes)).unwrap()
    };
    for at in 9.."SUMMARY:Ostern – früh 🐣".len() {
        for fold in [&b"\r\n "[..], b"\n\t", b"\n "] {
            let described = days(&folded(fold, at));
            let expected =
                "error: line 6: event `Ostern – früh 🐣`: `UNTL` is not a part of an RRULE";
            assert!(described.starts_with(expected), "{at}: {described}");
        }
    }
    // Text in another encoding stays what it is.
    let latin = b"SUMMARY:fr\xfch\n jahr\n".to_vec();
    assert_eq!(ics::with_whole_characters(latin.clone()), latin);
}

#[test]
fn a_calendar_without_a_day_to_come_warns() {
    let jobs = "calendars: {de: {file: days.ics}}\n\
                jobs: [{id: a, run: x, schedule: every day at 9, calendar: {skip: de}}]\n";
    let none = reported_beside(b"BEGIN:VCALENDAR\nEND:VCALENDAR\n", jobs);
    assert!(none.contains("calendar `de` has no day"), "{none}");
    let cancelled = event("DTSTART;VALUE=DATE:20301225\nSTATUS:CANCELLED");
    let cancelled = reported_beside(cancelled.as_bytes(), jobs);
    assert!(cancelled.contains("calendar `de` has no day"), "{cancelled}");
    let past = reported_beside(event("DTSTART;VALUE=DATE:20201225").as_bytes(), jobs);
    assert!(past.contains("calendar `de` ends on 2020-12-25"), "{past}");
    let inline = describe("calendars: {de: {holidays: []}}\njobs: []\n");
    assert_eq!(inline, "warning: jobs.yaml:1:13: calendar `de` has no day\n");
    // One that cannot be read is wrong, and nothing else is said of it.
    let wrong = reported_beside(b"hello\n", jobs);
    assert!(!wrong.contains("has no day"), "{wrong}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_calendar_makes_it_stumble(
        lines in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    "BEGIN:VEVENT", "END:VEVENT", "UID:a", "SEQUENCE:1", "STATUS:CANCELLED",
                    "DTSTART;VALUE=DATE:20240229", "DTSTART;TZID=Europe/Berlin:20261025T023000",
                    "DTEND:99991231T235959Z", "DURATION:P4294967295W", "DTSTART:00000101",
                    "RRULE:FREQ=WEEKLY;BYDAY=MO,TU;WKST=SU;COUNT=9", "RRULE:FREQ=DAILY;INTERVAL=65535",
                    "RRULE:FREQ=MONTHLY;BYDAY=-5FR;BYSETPOS=-1,366", "RRULE:FREQ=YEARLY;BYWEEKNO=-53",
                    "RRULE:FREQ=YEARLY;BYYEARDAY=-366,366;UNTIL=99991231", "RDATE;VALUE=PERIOD:20260101T000000Z/P1D",
                    "RECURRENCE-ID;RANGE=THISANDFUTURE:20261025T023000", "EXDATE:20261025T023000",
                ]).prop_map(str::to_owned),
                "[A-Z]{1,8}[;:=,\"]{0,2}[A-Z0-9+:;=-]{0,12}",
            ],
            0..16,
        ),
        text in any::<String>(),
    ) {
        let _ = ics::days(&text);
        let _ = ics::days(&format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{}\nEND:VEVENT\nEND:VCALENDAR\n", lines.join("\n")));
    }
}
