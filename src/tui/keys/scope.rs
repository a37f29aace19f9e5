//! Where a key is valid: the tabs and what is opened over them.
//!
//! Owns the set of places and their words. Never knows a key or an action.

use crate::model::Role;

/// A tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Jobs,
    Executions,
    Workers,
    System,
}

impl Tab {
    pub(crate) const ALL: [Self; 4] = [Self::Jobs, Self::Executions, Self::Workers, Self::System];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Jobs => "Jobs",
            Self::Executions => "Executions",
            Self::Workers => "Workers",
            Self::System => "System",
        }
    }

    pub(crate) const fn scope(self) -> Scope {
        match self {
            Self::Jobs => Scope::JOBS,
            Self::Executions => Scope::EXECUTIONS,
            Self::Workers => Scope::WORKERS,
            Self::System => Scope::SYSTEM,
        }
    }
}

/// A set of places in which a key is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope(u16);

impl Scope {
    pub(crate) const JOBS: Self = Self(1);
    pub(crate) const EXECUTIONS: Self = Self(2);
    pub(crate) const WORKERS: Self = Self(4);
    pub(crate) const SYSTEM: Self = Self(8);
    pub(crate) const JOB: Self = Self(16);
    pub(crate) const EXECUTION: Self = Self(32);
    pub(crate) const WORKER: Self = Self(64);
    pub(crate) const OUTPUT: Self = Self(128);
    pub(crate) const PLAN: Self = Self(256);
    pub(crate) const PAGE: Self = Self(512);
    pub(crate) const VERSIONS: Self = Self(1024);
    pub(crate) const ALL: Self = Self(2047);
    /// The tabs themselves.
    pub(super) const LISTS: Self = Self(15);
    /// Places about a job.
    pub(super) const OF_JOB: Self = Self::JOBS.and(Self::JOB);
    /// Places about an execution.
    pub(super) const OF_EXECUTION: Self = Self::EXECUTIONS.and(Self::EXECUTION);

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn but(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The first place that the two have in common.
    pub(super) fn common(self, other: Self) -> Option<Self> {
        let both = self.0 & other.0;
        (both != 0).then(|| Self(1 << both.trailing_zeros()))
    }

    /// Each place by itself.
    #[cfg(test)]
    pub(crate) fn nth(bit: usize) -> Option<Self> {
        (bit < SCOPE_WORDS.len()).then(|| Self(1 << bit))
    }

    /// Where it is, as the end of a sentence.
    pub(crate) fn words(self) -> &'static str {
        let at = usize::try_from(self.0.trailing_zeros()).unwrap_or(usize::MAX);
        SCOPE_WORDS.get(at).copied().unwrap_or_default()
    }

    /// Whether the two have a place in common.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// In the order of the bits of [`Scope`].
const SCOPE_WORDS: [&str; 11] = [
    "in Jobs",
    "in Executions",
    "in Workers",
    "in System",
    "in an opened job",
    "in an opened execution",
    "in an opened worker",
    "in the output",
    "in the preview of a change",
    "in a text page",
    "in the versions of a job",
];

/// Where one is, and what one may do there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyContext {
    pub(crate) scope: Scope,
    pub(crate) role: Role,
}
