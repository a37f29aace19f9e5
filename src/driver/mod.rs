//! The only loop, and the only door: drain inputs, step the engine, commit, act.
//!
//! Owns the order of those four, the clock, and what is told to whom. Never holds a rule, a line of SQL or a widget.

pub mod clock;
pub mod door;
pub mod feed;

pub use door::{Door, RunOptions};
pub use feed::{Batch, EngineInfo, Feed, FileState, Snapshot, Subscription};
