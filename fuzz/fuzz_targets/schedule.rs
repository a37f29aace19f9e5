//! Both parsers of schedules, the searches behind them and everything that is told about them: no panic, no hang.
//!
//! `cargo +nightly fuzz run schedule -- -max_len=256 -timeout=5`; a bounded run of the same is an ordinary test.

#![no_main]

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use crontower::schedule::{Schedule, Timetable, Timing, parse_instant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = parse_instant(text, Tz::America__Sao_Paulo);
    let schedule = match Schedule::parse(text) {
        Ok(schedule) => schedule,
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= text.len());
            let _ = (error.to_string(), error.pretty(text));
            return;
        }
    };
    let _ = (schedule.in_words(), schedule.as_cron());
    let timing = Timing { seed: "job", schedule: text, ..Timing::default() };
    let Ok(table) = Timetable::new(&timing, Tz::Europe__Berlin) else {
        return;
    };
    for start in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC] {
        let mut after = start;
        for _ in 0..5 {
            let Some(next) = table.fire_time_after(after) else { break };
            assert!(next > after);
            after = next;
        }
        let _ = (table.warnings(start), table.explain(after).to_string());
    }
});
