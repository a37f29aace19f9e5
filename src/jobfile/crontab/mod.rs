//! A crontab as jobs: what cron would do with it, in the words of jobs.yaml.
//!
//! Whatever is carried out otherwise than by cron is reported; a line that cannot be read is an error, and so is a file
//! that can be read in two ways. `origin` is what is known before, `line` reads lines, `columns` the times before a
//! command, `kind` tells a system crontab from a user's, `name` makes ids, `import` jobs, `file` writes them. Never does
//! I/O: what is known of the machine comes from its [`Machine`].
//!
//! This file only declares and re-exports.

mod columns;
mod file;
mod import;
mod kind;
mod line;
mod name;
mod origin;

pub(crate) use file::{as_file, as_top};
pub(crate) use import::import_crontab;
pub(crate) use origin::{Imported, Kind, Machine, Origin, SixthColumn};
