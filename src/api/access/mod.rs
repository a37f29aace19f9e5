//! Who may do what over TCP: bearer tokens with roles.
//!
//! Owns the tokens' files and the guard before every route. The unix socket needs none of it: its file mode says who may
//! open it, and whoever may is an admin.

mod guard;
mod tokens;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(super) use guard::{authenticate, in_time, owner, require};
pub use tokens::{TokenError, TokenInfo, Tokens};

use crate::driver::Door;
use crate::model::Actor;

/// What a caller may do; each role may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Run, cancel, retry, pause, resume.
    Operator,
    /// Change what the engine runs: reload.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word used in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| "a role is viewer, operator or admin".to_owned())
    }
}

/// Gives the door that speaks for an actor.
pub type DoorOf = Arc<dyn Fn(Actor) -> Arc<dyn Door> + Send + Sync>;

/// What TCP is guarded with.
#[derive(Clone)]
pub struct Access {
    /// The tokens that are let in.
    pub tokens: Tokens,
    /// The door for each of them.
    pub door_of: DoorOf,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
