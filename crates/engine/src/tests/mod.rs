//! Rules of the engine as scripts in, transcripts out, on virtual time.

mod acknowledge;
mod catch_up;
mod clock_steps;
mod dependencies;
mod edits;
mod elsewhere;
mod forecast;
mod health;
mod on_failure;
mod overlap;
mod reload;
mod retries;
mod run_with;
mod simulation;
mod skip_next;
mod why;
mod worker_overrides;
mod workers;
mod world;
mod wrong;

use world::{World, job};
