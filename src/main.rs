//! The binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    match args.split_first() {
        Some((first, rest)) if first == "worker-process" => {
            crontower::worker::process::main_worker(
                rest,
                crontower::worker::registry::Registry::default(),
            )
        }
        _ => ExitCode::SUCCESS,
    }
}
