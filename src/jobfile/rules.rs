//! What a jobs file is checked against: the commands that exist, the folder it is in, the zone, the time.
//!
//! Owns the interface to the catalog of commands. Never knows who runs them.

use std::fmt;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use crate::model::Problem;

/// The commands that jobs can name.
pub trait CommandCatalog {
    /// All names.
    fn names(&self) -> Vec<String>;

    /// Checks the arguments of a command that is one of [`CommandCatalog::names`].
    ///
    /// # Errors
    /// Everything that is wrong with them. The path of a problem is that of the argument, such as `aggregate.op`; it is
    /// empty where the arguments as a whole are meant.
    fn check(&self, command: &str, args: &Map<String, Value>) -> Result<(), Vec<Problem>>;
}

/// What a jobs file is checked against.
pub struct Rules<'a> {
    /// The commands that jobs can name.
    pub catalog: &'a dyn CommandCatalog,
    /// Absolute path of the folder that relative paths are meant from, and where jobs work if they
    /// do not say: the jobs file's.
    pub base_dir: PathBuf,
    /// The zone of jobs where neither they nor the file name one.
    pub system_zone: Tz,
    /// For warnings such as "ends in the past".
    pub now: DateTime<Utc>,
    /// Whether the engine runs as root: only then can a job be another user's.
    pub is_root: bool,
}

impl fmt::Debug for Rules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("base_dir", &self.base_dir).finish_non_exhaustive()
    }
}
