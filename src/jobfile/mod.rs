//! jobs.yaml ⇄ model: parse, judge, locate errors, diff two versions.
//!
//! Owns the spelling of a job in YAML and JSON. Never touches the engine; judges with `schedule` and a list of known commands.

mod plan;

pub use plan::{FieldChange, JobChange, Plan};
