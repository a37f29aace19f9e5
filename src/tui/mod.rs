//! The screen: facts arrive (`message`), change what is known (`model`, by `update`), and are drawn
//! (`view`).
//!
//! Owns keys, views and the terminal. Speaks to the engine through `driver::Door` alone, in its own
//! process or from any other; never to store, engine or worker.
//!
//! - `run` turns sources into messages and commands into calls, and decides when a frame is drawn.
//! - `update` is pure: it changes the model and returns the commands that follow. It never names
//!   `view`: what it must know of the screen it gets from `layout`, or from `run`.
//! - `view` is pure: the same model makes the same frame. It never names `update`.
//! - `model` is the state of both, and knows neither.
//! - `keys` is the one table of keys; `terminal` takes the terminal and gives it back.

mod change;
mod config;
mod cursor;
mod editor;
mod fuzzy;
mod keys;
mod layout;
mod message;
mod model;
mod options;
mod perform;
mod run;
mod terminal;
mod text;
mod theme;
mod update;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use config::Config;
pub(crate) use options::{Exit, Hosting, TuiError, TuiOptions};
pub(crate) use run::run;
