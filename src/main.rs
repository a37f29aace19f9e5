//! The binary: hands the arguments to the command line and its verdict to the system.

use std::process::ExitCode;

fn main() -> ExitCode {
    crontower::internals::run(std::env::args_os()).into()
}
