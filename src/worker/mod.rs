//! Carrying out attempts: process groups, output, time-outs, the worker process and the link to it.
//!
//! Owns everything that acts on the operating system on behalf of a job. Never decides what runs,
//! where or again.

mod frames;
pub(crate) mod in_process;
mod journal;
pub(crate) mod link;
pub(crate) mod output_log;
pub(crate) mod process;
mod processes;
pub(crate) mod protocol;
mod redact;
mod runner;
mod stuck;
mod wait;
