//! The common form of the built-in commands: arguments are checked once, into a type that cannot be wrong.
//!
//! Owns the step from checked arguments to [`Command`]. Knows none of the commands.

use async_trait::async_trait;
use serde_json::Value;

use super::args;
use super::command::{ArgProblem, Args, Command, CommandError, Context};

/// A command whose arguments are checked once, into a type that cannot be wrong.
#[async_trait]
pub(super) trait BuiltIn: Send + Sync + 'static {
    /// The checked arguments.
    type Parsed: Send;

    /// Checks the arguments; on failure returns everything that is wrong with them.
    fn parse(args: &Args) -> Result<Self::Parsed, Vec<ArgProblem>>;

    /// Does the work.
    async fn carry_out(context: Context, args: Self::Parsed) -> Result<Value, CommandError>;
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
pub(super) fn stopped() -> CommandError {
    CommandError("stopped before it was done".to_owned())
}
