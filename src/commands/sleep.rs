//! `sleep`: lets time pass, and ends at once when stopped.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::args::ArgReader;
use super::builtin::{BuiltIn, stopped};
use crate::commands::command::{ArgProblem, Args, CommandError, Context};
use crate::model::text;

/// Sleeps for `duration` (`10s`) or `ms` milliseconds.
pub(super) struct Sleep;

/// The longest sleep in milliseconds: what `duration` allows too, 100 years.
const LONGEST_MS: u64 = 100 * 366 * 86_400_000;

#[async_trait]
impl BuiltIn for Sleep {
    type Parsed = Duration;

    fn parse(args: &Args) -> Result<Duration, Vec<ArgProblem>> {
        let mut reader = ArgReader::new(args);
        let duration = reader.duration("duration");
        let ms = reader.whole("ms", 0..=LONGEST_MS).map(Duration::from_millis);
        match (args.contains_key("duration"), args.contains_key("ms")) {
            (true, true) => reader.problem("", "give `duration` or `ms`, not both"),
            (false, false) => reader.problem("duration", "is missing: write it like 10s or 1h30m"),
            _ => {}
        }
        reader.finish(duration.or(ms))
    }

    async fn carry_out(context: Context, duration: Duration) -> Result<Value, CommandError> {
        let shown = text::format_duration(duration);
        context.say(&format!("sleeping for {shown}"));
        match tokio::time::timeout(duration, context.stop.cancelled()).await {
            Err(_elapsed) => Ok(json!({ "slept": shown })),
            Ok(()) => Err(stopped()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{Bench, check};
    use tokio::time::Instant;

    #[tokio::test]
    async fn it_sleeps_as_long_as_asked() {
        for (args, shown) in [(json!({"duration": "30ms"}), "30ms"), (json!({"ms": 30}), "30ms")] {
            let bench = Bench::new();
            let start = Instant::now();
            assert_eq!(bench.run("sleep", args).await, Ok(json!({ "slept": shown })));
            assert!(start.elapsed() >= Duration::from_millis(30));
            assert_eq!(bench.output(), "sleeping for 30ms\n");
        }
    }

    #[tokio::test]
    async fn a_stop_ends_it_at_once() {
        let bench = Bench::new();
        bench.stop_at("sleeping");
        let sleep = bench.run("sleep", json!({ "duration": "2d" }));
        let answer = tokio::time::timeout(Duration::from_secs(10), sleep).await;
        assert_eq!(answer, Ok(Err("stopped before it was done".to_owned())));
    }

    #[test]
    fn wrong_arguments_are_reported() {
        insta::assert_snapshot!(check("sleep", json!({})),
            @"duration: is missing: write it like 10s or 1h30m");
        insta::assert_snapshot!(check("sleep", json!({ "duration": "1s", "ms": 5 })),
            @": give `duration` or `ms`, not both");
        let unit = check("sleep", json!({ "duration": "5parsecs" }));
        assert!(unit.starts_with("duration: `parsecs` in `5parsecs` is not a unit"), "{unit}");
        insta::assert_snapshot!(check("sleep", json!({ "ms": -1 })),
            @"ms: must be a whole number 0-3162240000000, not -1");
    }
}
