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
