//! The only loop, and the engine's API: drain inputs, step the engine, commit, act.
//!
//! Owns the order of those four, the clock, and what is told to whom. Never holds a rule, a line of SQL or a widget.

mod alarm;
mod carried;
mod changes;
pub(crate) mod data_dir;
mod edit;
pub(crate) mod engine_api;
pub(crate) mod feed;
mod handle;
mod identity;
mod last_good;
mod leadership;
mod local;
mod metrics;
mod output_space;
#[cfg(test)]
pub(crate) mod played;
mod preview;
mod recovery;
mod restore;
mod retention;
mod run;
mod source;
mod start;
mod text_file;
mod watch;
mod worker_links;

pub(crate) use carried::{CarriedPort, CarriedVerdicts, CarriedWork};
pub(crate) use engine_api::Preview;
pub use engine_api::{EditOptions, EngineApi, JobEdit, RunOptions, ask};
#[cfg(test)]
pub(crate) use feed::HistoryState;
pub(crate) use feed::{Batch, EngineInfo, Leader, SchedulerRole, Snapshot};
pub use feed::{Feed, FileState, Subscription};
pub use handle::Handle;
pub(crate) use leadership::{Standby, StandbyView};
pub(crate) use metrics::{Metrics, Spread};
pub use source::JobsFrom;
pub(crate) use start::{EngineEnd, StartError, Started, start_or_stand_by, system_zone};
pub use start::{Recovery, Running, StartOptions, start};
