//! The command line as transcripts: exit code, stdout, stderr.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program, in an environment that is nobody's.
pub(crate) fn crontower(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crontower"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TZ", "UTC");
    command.env("CRONTOWER_DATA_DIR", data_dir).current_dir(data_dir);
    command
}

/// What came out, with the data folder's path left out.
pub(crate) fn transcript(output: &Output, data_dir: &Path) -> String {
    let mut text = format!("exit code {}\n", output.status.code().unwrap());
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let said = String::from_utf8(bytes.clone()).unwrap();
        if !said.is_empty() {
            text += &format!("-- {name}\n{said}");
        }
    }
    text.replace(data_dir.to_str().unwrap(), "[DATA]")
}

/// Runs the program and tells what came out.
pub(crate) fn say(args: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let output = crontower(dir.path()).args(args).output().unwrap();
    transcript(&output, dir.path())
}

#[test]
fn help_names_every_command_that_works() {
    insta::assert_snapshot!(say(&["--help"]), @"
    exit code 0
    -- stdout
    A job scheduler that people watch and drive from a terminal

    Usage: crontower [OPTIONS] [COMMAND]

    Commands:
      init           Write a small jobs file to start from
      import         Make a jobs file of what another scheduler has
      export         Print all jobs in force as one jobs file
      validate       Judge a jobs file
      next           Tell when a schedule fires next
      jobs           List the jobs
      executions     List executions, newest first
      workers        List the workers
      status         Tell how the engine is
      events         List the newest events, or follow them
      show           Show a job or an execution
      why            Say why a job does or does not run, or why an execution waits
      run            Run a job now
      pause          Stop the schedule of a job from firing
      resume         End a pause
      skip-next      Call off the next fire time of a job
      enable         Let the schedule of a job fire again
      disable        Let the schedule of a job fire no more
      apply          Make a job out of a file, or change it to what the file says
      set            Change keys of a job
      delete         Delete a job; its history stays
      versions       List the versions of a job
      rollback       Go back to an earlier version of a job
      cancel         End a live execution
      retry          Run a final execution again
      acknowledge    Note that a failure was seen
      logs           Print the output of an execution, or of a job's newest
      drain          Let a worker finish what it has and take no more
      undrain        Let a worker take attempts again
      capacity       Change how many attempts a worker runs at once
      delete-worker  Remove an offline worker from the list
      reload         Read jobs.yaml again: all of it or, if it is wrong, nothing
      migrate        Bring the schema of a PostgreSQL store up to date
      token          Make, list and revoke the tokens that let programs in over TCP
      attach         Open the screen of a running engine
      completions    Print a completion script for a shell
      man            Print a manual page
      help           Print this message or the help of the given subcommand(s)

    Options:
          --data-dir <DIR>  The data folder [env: CRONTOWER_DATA_DIR; default: $XDG_DATA_HOME/crontower]
          --server <URL>    Speak to the engine at this URL instead of the data folder's socket [env:
                            CRONTOWER_SERVER]
          --token <TOKEN>   Show this token to the engine at a URL [env: CRONTOWER_TOKEN, which no other
                            user of the machine can read]
          --tls-ca <FILE>   Trust the certificates in this PEM file, too, for an engine at https://…
                            [env: CRONTOWER_TLS_CA]
      -h, --help            Print help
      -V, --version         Print version

    Engine:
          --headless                 No screen: logs on stderr, SIGHUP reloads jobs.yaml, SIGTERM ends
          --jobs <FILE>              The jobs file, or a folder of *.yaml [env: CRONTOWER_JOBS; default:
                                     jobs.yaml, else a built-in sample]
          --store <STORE>            Where history is kept: `sqlite` (in the data folder), `memory`
                                     (nowhere; for trying things out), or a PostgreSQL,
                                     postgres://USER@HOST/DATABASE [env: CRONTOWER_STORE, or the file
                                     that CRONTOWER_STORE_FILE names; default: sqlite]
          --listen <ADDR:PORT|none>  Where the API is served over TCP, or `none` [default:
                                     127.0.0.1:7117]
          --insecure-listen          Take a --listen address that others can reach, although there is no
                                     TLS: they can read tokens on their way
          --tls-cert <FILE>          Speak TLS over TCP with this certificate (PEM, its chain after it);
                                     SIGHUP reads it again
          --tls-key <FILE>           The certificate's private key (PEM)
          --last-good                Start with the definitions in the store where the jobs file is gone
                                     or has errors, and say so
          --new-store                Take the store that is there for this data folder, or begin a new
                                     one where it is missing or cannot be opened
          --accept-older-store       Take a store that is older than this data folder: one from a backup

    Examples:
      crontower                               the engine and its screen, or the screen of one that runs
      crontower --headless                    the engine alone
      crontower next 'weekdays at 9:30'       when a schedule fires
      crontower run nightly-backup --wait     run a job now and see its output
      crontower logs -f 1a2b3c4d              follow an execution

    Exit codes: 0 done, 1 failed, 2 wrong use or invalid input, 3 no engine reachable, 4 not found, 5
    not allowed,
    130 left with Ctrl-C.
    ");
}

#[test]
fn no_engine_is_exit_code_3() {
    insta::assert_snapshot!(say(&["jobs"]), @"
    exit code 3
    -- stderr
    error: no engine is reachable at [DATA]/crontower.sock: No such file or directory (os error 2)
    hint: `crontower --headless` starts an engine; --data-dir DIR or --server URL names another
    ");
    for args in [
        &["executions"][..],
        &["status", "--json"],
        &["workers"],
        &["events"],
        &["events", "-f"],
        &["show", "x"],
        &["run", "x", "--wait"],
        &["pause", "x"],
        &["resume", "x"],
        &["cancel", "00"],
        &["retry", "00"],
        &["logs", "-f", "00"],
        &["reload", "--dry-run"],
        &["jobs", "--server", "http://127.0.0.1:1"],
    ] {
        assert!(say(args).starts_with("exit code 3\n-- stderr\n"), "{args:?}");
    }
}

#[test]
fn wrong_use_is_exit_code_2() {
    insta::assert_snapshot!(say(&["jbos"]), @"
    exit code 2
    -- stderr
    error: unrecognized subcommand 'jbos'

      tip: a similar subcommand exists: 'jobs'

    Usage: crontower [OPTIONS] [COMMAND]

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(say(&["jobs", "--server", "nonsense"]), @"
    exit code 2
    -- stderr
    error: `nonsense` is no URL of an engine: relative URL without a base; write it like http://127.0.0.1:7117
    ");
    insta::assert_snapshot!(say(&["executions", "--since", "soon"]), @"
    exit code 2
    -- stderr
    error: invalid value 'soon' for '--since <TIME>': it is not a time such as 2026-12-24 18:00, tomorrow 18:00, 2026-12-24T18:00:00Z or a span like 2h

    For more information, try '--help'.
    ");
    for args in [
        &["run"][..],
        &["logs", "x", "--attempt", "0"],
        &["executions", "--limit", "0"],
        &["executions", "--limit", "1001"],
        &["pause", "x", "--until", "9999999999d"],
        &["jobs", "--data-dir"],
        &["completions", "tcsh"],
    ] {
        assert!(say(args).starts_with("exit code 2\n-- stderr\n"), "{args:?}");
    }
}

#[test]
fn an_empty_variable_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let output = crontower(dir.path())
        .env("CRONTOWER_DATA_DIR", "")
        .env("CRONTOWER_SERVER", "")
        .env("XDG_DATA_HOME", dir.path())
        .arg("status")
        .output()
        .unwrap();
    let said = transcript(&output, dir.path());
    assert!(said.contains("at [DATA]/crontower/crontower.sock:"), "{said}");
}

#[test]
fn completions_and_manual_pages_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        let said = say(&["completions", shell]);
        assert!(said.starts_with("exit code 0\n") && said.contains("executions"), "{shell}");
    }
    assert!(say(&["man"]).contains(".TH crontower 1"));
    assert!(
        say(&["man", "run"]).contains("run a job") || say(&["man", "run"]).contains("Run a job")
    );
    insta::assert_snapshot!(say(&["man", "rnu"]), @"
    exit code 4
    -- stderr
    error: no command named `rnu`
    hint: did you mean `run`?
    ");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = crontower(dir.path())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(transcript(&output, dir.path()), "exit code 0\n");
}

#[test]
fn a_full_disk_is_a_failure() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let dir = tempfile::tempdir().unwrap();
    let output = crontower(dir.path()).arg("man").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot write to stdout"));
    std::io::stdout().flush().unwrap();
}
