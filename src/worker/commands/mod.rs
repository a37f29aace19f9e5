//! The built-in commands: one file (or folder) each, and what they share.
//!
//! Owns their names, their arguments and their work. Knows nothing of jobs, schedules or retries,
//! and never starts a process: `shell` is only judged here, the process runner carries it out.

mod api_call;
mod args;
mod backup;
mod blocking;
mod calculate;
mod data_processing;
mod echo;
mod partial_file;
pub mod shell;
mod sleep;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Number, Value};

use super::registry::{ArgProblem, Args, Command, CommandError, Context, Entry};

/// Every built-in command by name.
pub(super) fn builtin() -> impl Iterator<Item = (&'static str, Entry)> {
    [
        ("api_call", in_process(api_call::ApiCall)),
        ("backup", in_process(backup::Backup)),
        ("calculate", in_process(calculate::Calculate)),
        ("data_processing", in_process(data_processing::DataProcessing)),
        ("echo", in_process(echo::Echo)),
        ("shell", Entry::Process(|args| shell::Shell::parse(args).map(drop))),
        ("sleep", in_process(sleep::Sleep)),
    ]
    .into_iter()
}

fn in_process(command: impl BuiltIn) -> Entry {
    Entry::BuiltIn(Arc::new(command))
}

/// A command whose arguments are judged once, into a type that cannot be wrong.
#[async_trait]
trait BuiltIn: Send + Sync + 'static {
    /// The arguments, judged.
    type Order: Send;

    /// Judges the arguments; on failure tells everything that is wrong with them.
    fn parse(args: &Args) -> Result<Self::Order, Vec<ArgProblem>>;

    /// Does the work.
    async fn carry_out(context: Context, order: Self::Order) -> Result<Value, CommandError>;
}

#[async_trait]
impl<B: BuiltIn> Command for B {
    fn check(&self, args: &Args) -> Result<(), Vec<ArgProblem>> {
        B::parse(args).map(drop)
    }

    async fn run(&self, context: Context, args: Args) -> Result<Value, CommandError> {
        let order = B::parse(&args).map_err(|problems| args::refusal(&problems))?;
        B::carry_out(context, order).await
    }
}

/// What a command answers that was stopped: it left nothing half done.
fn stopped() -> CommandError {
    CommandError("stopped before it was done".to_owned())
}

/// A whole number is written without a fraction as long as doubles hold it exactly.
fn number(value: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::testing::{self, judge};
    use super::*;
    use crate::worker::registry::Registry;

    #[test]
    fn no_argument_breaks_a_check() {
        let keys = "aggregate argv body ca_file destination duration expect_status expression \
            filter format group_by headers input keep max_redirects message method ms output paths \
            script timeout url";
        let odd = [
            json!(null),
            json!(true),
            json!(-1),
            json!(1e308),
            json!(u64::MAX),
            json!(""),
            json!("\u{0}"),
            json!("\u{1F4A5} ' \" ( http://[ ="),
            json!("9".repeat(100_000)),
            json!([]),
            json!([null, "", [[]]]),
            json!({}),
            json!({ "op": null, "field": [], "": "\n" }),
        ];
        for name in Registry::builtin().names() {
            for key in keys.split_whitespace() {
                for value in &odd {
                    let told = judge(name, json!({ key: value }));
                    assert!(told.len() < 2_000, "{name} {key}: {}", args::clip(&told));
                    assert!(!value.is_null() || told != "fine", "{name} {key} takes null");
                }
            }
        }
    }

    #[test]
    fn a_huge_unknown_key_is_cut_short() {
        let key = "x".repeat(100_000);
        assert!(judge("echo", json!({ "message": "m", key: 1 })).len() < 200);
    }

    #[tokio::test]
    async fn arguments_that_nobody_checked_are_refused_when_it_runs() {
        let registry = Registry::builtin();
        let bench = testing::Bench::new();
        let sleep = registry.get("sleep").unwrap();
        let failed = sleep.run(bench.context(), testing::args(json!({ "ms": "x", "n": 1 }))).await;
        let CommandError(told) = failed.unwrap_err();
        insta::assert_snapshot!(told.replace("; ", "\n"), @r"
        `ms` must be a whole number 0-3162240000000, not text
        `n` is no argument of this command: it takes `duration`, `ms`
        ");
    }
}
