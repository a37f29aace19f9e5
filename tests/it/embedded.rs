//! The example of an embedding program does what it says.

use std::path::Path;
use std::process::Command;

#[test]
fn the_example_registers_a_command_makes_jobs_and_watches_events() {
    let binaries = Path::new(env!("CARGO_BIN_EXE_crontower")).parent().unwrap();
    let example = binaries.join("examples/embedded");
    assert!(example.exists(), "`cargo test` builds it; with --test it, `cargo build --examples`");
    let output = Command::new(example).output().unwrap();
    let described = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{described}{error}");
    for line in ["hello", "afterwards", "the chain has succeeded", "2 jobs", r#"{"greeted":"ann"}"#]
    {
        assert!(described.contains(line), "no `{line}` in\n{described}{error}");
    }
}
