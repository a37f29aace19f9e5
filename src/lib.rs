//! crontower: a job scheduler that people watch and drive from a terminal.
//!
//! The rooms, from what is known to what is shown: `model` (what a thing is), `schedule` (when), `jobfile` (jobs.yaml),
//! `engine` (what happens next), `store` (what survives), `commands` (what a job can name), `worker` (carrying it out), `clock` (what time it is), `driver` (the
//! only loop and the only door), `tui`, `api` and `cli`. An embedding program begins at [`Engine::builder`].

mod api;
mod atomic_file;
mod cli;
mod clock;
mod commands;
mod driver;
mod embed;
mod jobfile;
mod store;
mod tui;
mod worker;

pub use api::SystemStatus;
pub use commands::{ArgProblem, Args, Command, CommandError, Context};
#[doc(hidden)]
pub use crontower_control as control;
pub use crontower_engine as engine;
pub use crontower_model as model;
pub use crontower_schedule as schedule;
pub use driver::{Feed, RunOptions, Subscription};
pub use embed::{BuildError, Builder, Engine, worker_main};

/// What the binary, the integration tests, the benches and the fuzz targets of this package use. No promise is made
/// about it.
#[doc(hidden)]
pub mod internals {
    pub use crate::cli::run;
    pub use crate::clock::Clock;
    pub use crate::commands::Registry;
    pub use crate::driver::{
        EditOptions, EngineApi, Feed, FileState, Handle, JobEdit, JobsFrom, Recovery, RunOptions,
        Running, StartOptions, Subscription, ask, start,
    };
    pub use crate::jobfile::{CommandCatalog, Rules, SourceText, parse};
    pub use crate::store::{Expired, SqliteStore, Store, open};
}
