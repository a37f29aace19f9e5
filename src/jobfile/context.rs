//! What the keys of a job are read against: the rules, the settings of its file, and where it comes from.
//!
//! Below every file that reads keys.

use super::rules::Rules;
use crate::model::Settings;

/// Where a job comes from: what is relative or missing is read accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// From a file: paths are meant from its folder, and what is missing is reported at the job's `id`.
    File,
    /// From a program: what is missing is reported at the object as a whole.
    Program,
}

/// What jobs are read against.
pub(super) struct Context<'a> {
    pub(super) rules: &'a Rules<'a>,
    pub(super) settings: &'a Settings,
    pub(super) origin: Origin,
    pub(super) commands: Vec<String>,
}

impl<'a> Context<'a> {
    pub(super) fn new(rules: &'a Rules<'a>, settings: &'a Settings, origin: Origin) -> Self {
        let commands = rules.catalog.names();
        Self { rules, settings, origin, commands }
    }
}
