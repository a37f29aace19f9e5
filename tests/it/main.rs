//! Tests of the whole: one binary, a module a subject.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cli;
mod cli_edit;
mod cli_engine;
mod cli_files;
mod cli_import;
mod cli_next;
mod cli_screen;
mod cli_tcp;
mod cli_validate;
mod cli_ways;
mod daemon;
mod docs;
mod edits;
mod embedded;
mod engine;
mod faults;
mod health;
mod kill;
mod postgres;
#[path = "../../src/store/postgres/server.rs"]
mod postgres_server;
mod recovery;
mod standby;
mod stored;
mod tidy;
mod worker_process;
