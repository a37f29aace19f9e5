//! Prints the next fire times of a schedule: `cargo run --example next -- "weekdays at 9:30"`.

use std::io::Write as _;

use chrono::Utc;
use crontower_schedule::{Timetable, Timing};

#[expect(clippy::disallowed_methods, reason = "a program asks the clock, the library never does")]
fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let schedule = std::env::args().nth(1).unwrap_or_else(|| "weekdays at 9:30".to_owned());
    let timing = Timing { seed: "example", schedule: &schedule, ..Timing::default() };
    let table = match Timetable::new(&timing, chrono_tz::Tz::UTC) {
        Ok(table) => table,
        Err(error) => return writeln!(out, "{}", error.pretty(&schedule)),
    };
    writeln!(out, "{}", table.in_words())?;
    let next = |after: &chrono::DateTime<Utc>| table.fire_time_after(*after);
    for fire in std::iter::successors(next(&Utc::now()), next).take(5) {
        writeln!(out, "{fire}")?;
    }
    Ok(())
}
