//! The HTTP API over the unix socket and TCP, and the client that speaks to it.
//!
//! Owns routes, the JSON shapes that programs rely on, and problems (RFC 9457). Everything is asked of a
//! [`EngineApi`](crate::driver::EngineApi): this room never names a store or an engine and decides nothing.
//!
//! One table of routes, served twice: on the socket, which its file mode guards, and over TCP behind bearer tokens.

mod access;
mod app;
mod body;
pub(crate) mod client;
mod docs;
mod dto;
mod event_fanout;
mod events;
mod executions;
mod feed;
mod health;
mod if_match;
mod jobs;
mod listen;
mod metrics;
mod openapi;
mod output;
mod params;
mod preview;
mod problem;
mod router;
mod serve;
mod server;
mod settings;
mod status;
mod tls;
mod verbs;
mod why;
mod workers;
mod write_timeout;

#[cfg(test)]
mod tests;

pub(crate) use access::{Access, Role, TokenError, Tokens};
pub(crate) use app::WallClock;
pub(crate) use dto::List;
pub(crate) use listen::{Listen, ListenError, Listeners};
pub(crate) use serve::Service;
#[cfg(test)]
pub(crate) use serve::serve;
pub(crate) use server::Server;
pub use status::SystemStatus;
pub(crate) use status::glance;
pub(crate) use tls::Tls;
