//! Tests of the program as a whole, from outside.

mod cli;
mod cli_next;
