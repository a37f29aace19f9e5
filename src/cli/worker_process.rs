//! `crontower worker-process`: what the engine starts to carry out attempts. Not for people, so not in the help.

use super::Context;
use super::exit::{Exit, Failure};
use super::logging;
use crate::commands::Registry;
use crate::worker::process::{ServeOptions, serve};

/// Carry out attempts for the engine on the data folder.
#[derive(Debug, clap::Args)]
pub(super) struct WorkerProcess {}

impl WorkerProcess {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        // Standard error is worker.log.
        logging::to_stderr()?;
        let options = ServeOptions::new(context.target.data_dir()?, Registry::builtin());
        serve(options).await.map_err(|error| Failure::new(Exit::Failed, error.to_string()))
    }
}
