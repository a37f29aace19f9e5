//! Keys and actions: what can be pressed where, and what it does.
//!
//! `table` is the one table of keys; `keymap` is that table with the keys of a person's config file.

mod action;
mod key;
mod keymap;
mod scope;
mod table;

pub(crate) use action::Action;
pub(crate) use key::Key;
pub(crate) use keymap::Keymap;
pub(crate) use scope::{KeyContext, Scope, Tab};
pub(crate) use table::{BINDINGS, Binding};
