//! `crontower next` as transcripts.

use crate::cli::say;

fn next(args: &str) -> String {
    let args: Vec<&str> = std::iter::once("next").chain(args.split('|')).collect();
    say(&args)
}

#[test]
fn fire_times_are_one_a_line_with_their_offset() {
    insta::assert_snapshot!(next("30 2 * * *|--tz|Europe/Berlin|--from|2026-03-28T12:00:00Z|--count|3"), @"
    exit code 0
    -- stdout
    2026-03-29T03:00:00+02:00
    2026-03-30T02:30:00+02:00
    2026-03-31T02:30:00+02:00
    -- stderr
    warning: 02:30:00 does not exist on 2026-03-29 in Europe/Berlin: it fires at the first instant after the gap
    ");
    insta::assert_snapshot!(next("weekdays|at|9:30|--from|2026-11-23T09:30:00Z|--count|2"), @"
    exit code 0
    -- stdout
    2026-11-24T09:30:00+00:00
    2026-11-25T09:30:00+00:00
    ");
    insta::assert_snapshot!(next("once at 2026-12-24 18:00|--from|2026-11-23"), @"
    exit code 0
    -- stdout
    2026-12-24T18:00:00+00:00
    ");
}

#[test]
fn what_never_fires_or_cannot_be_read_is_exit_code_2() {
    insta::assert_snapshot!(next("every minute of the elephant"), @"
    exit code 2
    -- stderr
    error: cannot read the schedule
    every minute of the elephant
                        ^^^^^^^^ `elephant` was not understood
    understood: Every minute
    ");
    insta::assert_snapshot!(next("0 0 30 2 *"), @"
    exit code 2
    -- stderr
    error: cannot read the schedule
    0 0 30 2 *
    ^^^^^^^^^^ it never fires: February never has a day 30
    understood: At 00:00 on the 30th of February
    ");
    insta::assert_snapshot!(next("@reboot"), @"
    exit code 2
    -- stderr
    error: @reboot has no fire times: it fires at the first start after a boot
    ");
    insta::assert_snapshot!(next("once at 2020-01-01 00:00|--from|2026-11-23"), @"
    exit code 2
    -- stderr
    error: `once at 2020-01-01 00:00` has no fire time after 2026-11-23T00:00:00+00:00
    ");
    insta::assert_snapshot!(next("* * * * *|--tz|Europe/Berlni"), @"
    exit code 2
    -- stderr
    error: `Europe/Berlni` is not a time zone: write it like Europe/Berlin or UTC; try `Europe/Berlin`
    ");
    insta::assert_snapshot!(next("* * * * *|--from|soon"), @"
    exit code 2
    -- stderr
    error: --from: `soon` is not a time such as 2026-12-24 18:00, tomorrow 18:00, 2026-12-24T18:00:00Z or a span like 2h
    ");
    for args in [
        "",
        " ",
        "* * * *",
        "\u{1b}[2J",
        "💥 * * * *",
        "* * * * *|--job|Not A Job",
        "* * * * *|--count|0",
    ] {
        assert!(next(args).starts_with("exit code 2\n-- stderr\n"), "{args}");
    }
    let long = "* ".repeat(5_000);
    assert!(next(&long).starts_with("exit code 2\n"));
}

#[test]
fn an_explanation_says_how_a_schedule_is_read() {
    let args = "0 0 31 * *|--from|2026-11-23T00:00:00Z|--count|1|--explain|--tz|UTC";
    insta::assert_snapshot!(next(args), @"
    exit code 0
    -- stdout
    2026-12-31T00:00:00+00:00
    -- stderr
    At 00:00 on the 31st of the month, UTC
    as cron: 0 0 31 * *
    warning: day 31 skips 5 months: February, April, June, September and November; `L` is the last day of every month
    Mon 2026-11-23 00:00:00 +00:00 (UTC) is no fire time of: At 00:00 on the 31st of the month
      yes  second: 0; wanted: 0
      yes  minute: 0; wanted: 0
      yes  hour: 0; wanted: 0
      yes  month: November; wanted: *
      no   day: Monday the 23; wanted: day of month 31 and day of week *
      next: Thu 2026-12-31 00:00:00 +00:00
    ");
    insta::assert_snapshot!(next("H H * * *|--job|backup|--from|2026-11-23|--count|1"), @"
    exit code 0
    -- stdout
    2026-11-23T23:12:00+00:00
    ");
}

#[test]
fn the_ends_of_the_calendar_and_missing_holidays_are_reported() {
    insta::assert_snapshot!(next("daily at 9|--from|2100-12-30T12:00:00Z|--tz|UTC"), @"
    exit code 0
    -- stdout
    2100-12-31T09:00:00+00:00
    -- stderr
    warning: the calendar ends with 2100
    ");
    insta::assert_snapshot!(next("daily at 9|--from|2101-01-01|--tz|UTC"), @"
    exit code 2
    -- stderr
    error: `daily at 9` has no fire time after 2101-01-01T00:00:00+00:00: the calendar ends with 2100
    ");
    insta::assert_snapshot!(next("daily at 9|--from|0800-12-25|--count|1|--tz|UTC"), @"
    exit code 0
    -- stdout
    1970-01-01T09:00:00+00:00
    -- stderr
    warning: the calendar begins with 1970
    ");
    insta::assert_snapshot!(next("daily at 9 except holidays|--from|2026-12-25|--count|1|--tz|UTC"), @"
    exit code 0
    -- stdout
    2026-12-25T09:00:00+00:00
    -- stderr
    warning: no calendar is known here: no day is left out as a holiday
    ");
}

#[test]
fn a_hostile_text_is_not_thrown_back_whole() {
    for text in ["a".repeat(100_000), "* ".repeat(50_000), format!("\u{202e}{}", "9".repeat(300))] {
        let said = next(&text);
        assert!(said.starts_with("exit code 2\n-- stderr\n"), "{said}");
        assert!(said.len() < 1_000 && !said.contains('\u{202e}'), "{said}");
    }
}

#[test]
fn json_is_one_object() {
    let said = next("*/7 * * * *|--from|2026-11-23T00:00:00Z|--count|2|--json|--tz|Asia/Tokyo");
    let json = said.strip_prefix("exit code 0\n-- stdout\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let times = serde_json::json!(["2026-11-23T09:07:00+09:00", "2026-11-23T09:14:00+09:00"]);
    assert_eq!(json["items"], times);
    assert_eq!((&json["timezone"], &json["cron"]), (&"Asia/Tokyo".into(), &"*/7 * * * *".into()));
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
    assert!(json["in_words"].is_string() && json["explanation"].is_null());
}
