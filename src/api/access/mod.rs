//! Who may do what over TCP: bearer tokens with roles.
//!
//! Owns the tokens' files and the guard before every route. The unix socket needs none of it: its file mode says who may
//! open it, and whoever may is an admin.

mod guard;
mod tokens;

use std::fmt;
use std::sync::Arc;

pub(super) use guard::{authenticate, in_time, owner, require};
pub(crate) use tokens::{TokenError, Tokens};

use crate::driver::EngineApi;
use crate::model::Actor;
pub(crate) use crate::model::Role;

/// Gives the door that speaks for an actor.
pub(super) type EngineApiOf = Arc<dyn Fn(Actor, Role) -> Arc<dyn EngineApi> + Send + Sync>;

/// What TCP is guarded with.
#[derive(Clone)]
pub(crate) struct Access {
    /// The tokens that are let in.
    pub tokens: Tokens,
    /// The door for each of them.
    pub engine_api_of: EngineApiOf,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
