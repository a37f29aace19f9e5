//! The only loop, and the only door: drain inputs, step the engine, commit, act.
//!
//! Owns the order of those four, the clock, and what is told to whom. Never holds a rule, a line of SQL or a widget.

mod alarm;
mod changes;
pub mod data_dir;
pub mod door;
mod edit;
pub mod feed;
mod handle;
mod hands;
mod identity;
mod last_good;
mod metrics;
mod output_space;
mod preview;
mod problems;
mod retention;
mod run;
mod source;
mod start;
mod text_file;
mod watch;

pub use door::{Definition, Door, EditOptions, Edited, JobEdit, Note, Preview, RunOptions};
pub use feed::{Batch, EngineInfo, Feed, FileState, HistoryState, Snapshot, Subscription};
pub use handle::Handle;
pub use metrics::{Metrics, Spread};
pub use source::JobsFrom;
pub use start::{Recovery, Running, StartError, StartOptions, start, system_zone};
