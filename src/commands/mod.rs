//! The commands that jobs can name: the built-in ones, one file (or folder) each, and the registry they are found in.
//!
//! Owns their names, arguments and results. Knows nothing of jobs, schedules, retries or workers, and never starts a
//! process: `shell` only has its arguments checked here, the worker runs it.

mod api_call;
mod args;
mod backup;
mod blocking;
mod builtin;
mod calculate;
mod command;
mod data_processing;
mod echo;
mod number;
mod partial_file;
mod registry;
mod shell;
mod sleep;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use command::OutputSink;
pub use command::{ArgProblem, Args, Command, CommandError, Context};
pub(crate) use registry::Entry;
pub use registry::Registry;
