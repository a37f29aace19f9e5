//! What is known of a crontab before it is read, and what comes of it.
//!
//! Owns the questions that an import has to the machine and to whoever asks for it. Knows nothing of lines.

/// What an import may ask about the machine that it runs on.
pub(crate) trait Machine {
    /// The home folder of a user, as the list of users has it.
    fn home(&self, user: &str) -> Option<String>;
    /// Whether there is such a user.
    fn is_user(&self, name: &str) -> bool;
    /// Whether a program of this name can be started without a path.
    fn is_command(&self, name: &str) -> bool;
    /// Whether there is such a folder.
    fn is_folder(&self, path: &str) -> bool;
}

/// Whether entries name a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// They do, as those of /etc/crontab and /etc/cron.d.
    System,
    /// They do not: all are the same user's.
    User,
}

/// What the sixth of six columns is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SixthColumn {
    /// The day of week: the first column is seconds.
    Seconds,
    /// The year, behind cron's five columns.
    Year,
}

/// What is known about where a crontab comes from.
pub(crate) struct Origin<'a> {
    /// Its name, for messages.
    pub name: String,
    /// Whether its entries name a user; `None` = its content decides.
    pub kind: Option<Kind>,
    /// What six columns are; `None` = an entry with two readings is an error.
    pub sixth: Option<SixthColumn>,
    /// Whether it is for busybox' crond: to which `%` means nothing, and which hands its environment on.
    pub is_busybox: bool,
    /// Whose it can be, unless it is a system's: of several one must be named, none is a user without a name.
    pub owners: Vec<String>,
    /// Who imports it, unless that is root: whose jobs need no `user`, for the engine is theirs.
    pub importer: Option<String>,
    /// Where it is imported.
    pub machine: &'a dyn Machine,
}

impl std::fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Origin").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A crontab as a jobs file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Imported {
    /// The jobs file.
    pub yaml: String,
    /// How many jobs are in it.
    pub jobs: usize,
    /// What to look at, each with its place.
    pub notes: Vec<String>,
    /// Lines that cannot be read, each with its place: they are left out.
    pub errors: Vec<String>,
}

/// Why a crontab cannot be imported without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unclear {
    /// What is unclear.
    pub message: String,
    /// The options that settle it.
    pub hint: String,
}
