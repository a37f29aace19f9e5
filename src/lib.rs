//! crontower: a job scheduler that people watch and drive from a terminal.
//!
//! The rooms, from what is known to what is shown: `model` (what a thing is), `schedule` (when), `jobfile` (jobs.yaml),
//! `engine` (what happens next), `store` (what survives), `commands` (what a job can name), `worker` (carrying it out), `clock` (what time it is), `driver` (the
//! only loop and the only door), `tui`, `api` and `cli`. An embedding program begins at [`Engine::builder`].

pub mod api;
mod atomic_file;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod driver;
mod embed;
pub mod jobfile;
pub mod store;
pub mod tui;
pub mod worker;

pub use crontower_engine as engine;
pub use crontower_model as model;
pub use crontower_schedule as schedule;
pub use embed::{BuildError, Builder, Engine, worker_main};
