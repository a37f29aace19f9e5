//! How long the next fire time takes, beside the crates `cron` and `croner`, how long all those of
//! a span take, and how long a large set of jobs takes to load.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds};
use crontower_schedule::{Schedule, Timetable, Timing};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// Often, seldom, and seldom with a special.
const EXPRESSIONS: [&str; 3] = ["* * * * *", "0 0 29 2 *", "0 0 * 2 MON#5"];

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap_or_default()
}

fn table(id: &str, schedule: &str, zone: Tz) -> Option<Timetable> {
    Timetable::new(&Timing { seed: id, schedule, ..Timing::default() }, zone).ok()
}

#[divan::bench(args = EXPRESSIONS)]
fn next_crontower_utc(bencher: Bencher<'_, '_>, expression: &str) {
    let table = table("job", expression, Tz::UTC);
    bencher.bench(|| table.as_ref()?.fire_time_after(black_box(start())));
}

#[divan::bench(args = EXPRESSIONS)]
fn next_crontower_berlin(bencher: Bencher<'_, '_>, expression: &str) {
    let table = table("job", expression, Tz::Europe__Berlin);
    bencher.bench(|| table.as_ref()?.fire_time_after(black_box(start())));
}

/// The crate has no `#`: the third expression is every Monday of February there.
#[divan::bench(args = EXPRESSIONS)]
fn next_cron_utc(bencher: Bencher<'_, '_>, expression: &str) {
    let with_seconds = format!("0 {}", expression.replace("#5", ""));
    let schedule = cron::Schedule::from_str(&with_seconds).ok();
    bencher.bench(|| schedule.as_ref()?.after(&black_box(start())).next());
}

#[divan::bench(args = EXPRESSIONS)]
fn next_croner_utc(bencher: Bencher<'_, '_>, expression: &str) {
    let cron = CronParser::builder().seconds(Seconds::Optional).build().parse(expression).ok();
    bencher.bench(|| cron.as_ref()?.find_next_occurrence(&black_box(start()), false).ok());
}

#[divan::bench(args = ["30 9 * * 1-5", "first monday of the month at 10:00", "every minute of the elephant"])]
fn parse(text: &str) -> bool {
    Schedule::parse(black_box(text)).is_ok()
}

/// All that passed while nobody looked: a week of minutes, a year of seconds.
#[divan::bench(args = [("* * * * *", 7), ("* * * * * *", 365)])]
fn count_days(bencher: Bencher<'_, '_>, (expression, days): (&str, i64)) {
    let table = table("job", expression, Tz::Europe__Berlin);
    let until = start() + TimeDelta::days(days);
    bencher.bench(|| table.as_ref()?.fire_times(black_box(start()), until));
}

/// A hundred thousand jobs of many kinds, from text to next fire time: below a second on one core.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn load_100_000(bencher: Bencher<'_, '_>) {
    let schedule = |number: u32| match number % 8 {
        0 => format!("{} {} * * *", number % 60, number / 60 % 24),
        1 => "*/5 * * * *".to_owned(),
        2 => "H H * * *".to_owned(),
        3 => format!("weekdays at {}:30", number % 24),
        4 => format!("every {} minutes", 1 + number % 90),
        5 => "first monday of the month at 10:00".to_owned(),
        6 => format!("{} 2 {} * FRI", number % 60, 1 + number % 28),
        _ => "every 2 hours between 9 AM and 5 PM on weekdays".to_owned(),
    };
    let jobs: Vec<(String, String)> =
        (0..100_000).map(|number| (format!("job-{number}"), schedule(number))).collect();
    bencher.bench(|| {
        let next = |(id, schedule): &(String, String)| {
            let table = table(id, schedule, Tz::Europe__Berlin)?;
            let next = table.fire_time_after(start())?;
            Some((table, next))
        };
        let tables: Vec<_> = jobs.iter().filter_map(next).collect();
        assert_eq!(tables.len(), 100_000);
        tables
    });
}
