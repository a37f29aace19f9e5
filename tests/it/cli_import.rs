//! `crontower import crontab` as transcripts, and the sessions of the guides about crontabs and calendars.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::{crontower, transcript};

fn say_in(dir: &Path, args: &[&str]) -> String {
    transcript(&crontower(dir).env("HOME", "/home/me").args(args).output().unwrap(), dir)
}

/// Imports a file of this text.
fn import(text: &str, options: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tab"), text).unwrap();
    say_in(dir.path(), &[&["import", "crontab", "tab"], options].concat())
}

#[test]
fn a_crontab_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let tab = "MAILTO=ops\n# The backup.\n0 2 * * * /usr/bin/backup.sh\n@daily mail me%hi\n";
    fs::write(dir.path().join("tab"), tab).unwrap();
    let args = ["import", "crontab", "tab", "--user", "nobody"];
    insta::assert_snapshot!(say_in(dir.path(), &args), @r#"
    exit code 0
    -- stdout
    # Made by `crontower import crontab` from tab.

    # As under cron: all due jobs start at once, runs of a job may overlap,
    # and missed runs are not made up for.
    workers: [{id: local, capacity: 1000}]
    defaults:
      overlap: allow
      catch_up: none
      working_dir: /
      user: nobody
      env: {PATH: /usr/bin:/bin, SHELL: /bin/sh}

    jobs:
      - id: backup
        description: The backup.
        schedule: 0 2 * * *
        run: /usr/bin/backup.sh

      - id: mail
        schedule: "@daily"
        run: |
          { mail me
          } <<'STDIN'
          hi
          STDIN
    -- stderr
    tab:1: MAILTO: crontower sends no mail; to report failures, give the jobs an `on_failure` such as {run: 'echo "$CRONTOWER_OUTPUT_TAIL" | mail -s "$CRONTOWER_JOB_ID: $CRONTOWER_REASON" ops'}
    tab:3: the home folder of `nobody` (`/nonexistent`) does not exist: its jobs start in /
    imported 2 jobs, 2 things to look at
    "#);
    let args = [&args[..], &["-o", "jobs.yaml"]].concat();
    let written = say_in(dir.path(), &args);
    assert!(written.ends_with("imported 2 jobs, 2 things to look at\n"), "{written}");
    let again = say_in(dir.path(), &args);
    assert!(again.starts_with("exit code 2\n") && again.contains("jobs.yaml"), "{again}");
    let judged = say_in(dir.path(), &["validate"]);
    let root = rustix::process::geteuid().is_root();
    assert!(!root || judged.contains("jobs.yaml: 2 jobs, no errors"), "{judged}");
}

#[test]
fn a_crontab_comes_through_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = |options: &[&str], sudo: bool| {
        let mut command = crontower(dir.path());
        command.args(["import", "crontab"]).args(options).env("HOME", "/home/me");
        if sudo {
            command.env("SUDO_USER", "daemon");
        }
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"* * * * * daemon true\n").unwrap();
        transcript(&child.wait_with_output().unwrap(), dir.path())
    };
    for options in [&["-", "--system"][..], &["--system"], &[]] {
        let said = pipe(options, false);
        assert!(
            said.contains("    user: daemon\n") && said.ends_with("imported 1 job\n"),
            "{said}"
        );
    }
    if rustix::process::geteuid().is_root() {
        let said = pipe(&["--user", "root"], true);
        assert!(said.contains("run: daemon true\n") && said.contains("user: root\n"), "{said}");
    }
}

#[test]
fn under_sudo_it_is_asked_whose_a_crontab_is() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tab"), "0 2 * * * /usr/bin/x\n").unwrap();
    let mut command = crontower(dir.path());
    let command = command.env("SUDO_USER", "daemon").args(["import", "crontab", "tab"]);
    insta::assert_snapshot!(transcript(&command.output().unwrap(), dir.path()), @"
    exit code 2
    -- stderr
    error: tab: whose crontab is it, `root` or `daemon`?
    hint: say --user NAME
    ");
}

#[test]
fn a_file_of_cron_d_is_known_whatever_the_current_folder_is() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("etc/cron.d");
    fs::create_dir_all(&folder).unwrap();
    // By its content it could be either.
    fs::write(folder.join("job"), "0 5 * * * backup /srv/data || /srv/alarm\n").unwrap();
    let asked = say_in(&folder, &["import", "crontab", "../../etc/cron.d/job"]);
    for said in [
        asked,
        say_in(&folder, &["import", "crontab", "job"]),
        say_in(dir.path(), &["import", "crontab", "etc/cron.d/job"]),
    ] {
        assert!(said.contains("run: \"/srv/data || /srv/alarm\"\n"), "{said}");
        assert!(said.contains("user: backup\n"), "{said}");
    }
    let redirected = crontower(&folder)
        .args(["import", "crontab"])
        .stdin(fs::File::open(folder.join("job")).unwrap())
        .output()
        .unwrap();
    assert!(transcript(&redirected, &folder).contains("user: backup\n"));
    let spool = dir.path().join("var/spool/cron/crontabs");
    fs::create_dir_all(&spool).unwrap();
    fs::write(spool.join("daemon"), "0 5 * * * backup /srv/data\n").unwrap();
    let said = say_in(&spool, &["import", "crontab", "daemon"]);
    assert!(said.contains("run: backup /srv/data\n") && said.contains("user: daemon\n"), "{said}");
}

#[test]
fn what_has_two_readings_is_not_imported() {
    insta::assert_snapshot!(import("* * * * * * /x\n", &["-o", "f"]), @"
    exit code 2
    -- stderr
    tab:1: `* * * * * *` has six columns and two readings: seconds first (node-cron, Quartz, Spring), or a year last (supercronic); say which with --seconds or --years
    error: 1 line cannot be read: nothing was imported
    hint: fix the line, or leave it out with --skip-bad
    ");
    assert!(import("* * * * * * /x\n", &["--seconds"]).contains("schedule: \"* * * * * *\"\n"));
    assert!(import("* * * * * * /x\n", &["--years"]).contains("schedule: \"* * * * *\"\n"));
    for options in [["--seconds", "--years", ""], ["--system", "--user", "root"]] {
        let options: Vec<&str> = options.into_iter().filter(|word| !word.is_empty()).collect();
        let said = import("* * * * * /x\n", &options);
        assert!(
            said.starts_with("exit code 2\n") && said.contains("cannot be used with"),
            "{said}"
        );
    }
}

#[test]
fn a_crontab_without_entries_has_no_jobs() {
    for text in ["", "# m h dom mon dow command\nPATH=/bin\n"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(import(text, &[]), @"
            exit code 0
            -- stdout
            # Made by `crontower import crontab` from tab.

            # As under cron: all due jobs start at once, runs of a job may overlap,
            # and missed runs are not made up for.
            workers: [{id: local, capacity: 1000}]
            defaults:
              overlap: allow
              catch_up: none

            jobs: []
            -- stderr
            imported 0 jobs
            ");
        }
    }
}

#[test]
fn what_all_entries_have_alike_is_imported_once() {
    let tab = "SHELL=/bin/bash\nCRON_TZ=Asia/Tokyo\nPATH=/bin\nA=1\n@reboot one\nA=2\n@daily two\n";
    insta::assert_snapshot!(import(tab, &["--user", "nobody"]), @r#"
    exit code 0
    -- stdout
    # Made by `crontower import crontab` from tab.

    # As under cron: all due jobs start at once, runs of a job may overlap,
    # and missed runs are not made up for.
    workers: [{id: local, capacity: 1000}]
    defaults:
      overlap: allow
      catch_up: none
      working_dir: /
      timezone: Asia/Tokyo
      user: nobody
      shell: [/bin/bash, -c]
      env: {PATH: /bin, SHELL: /bin/bash}

    jobs:
      - id: one
        schedule: "@reboot"
        run: one
        env: {A: "1"}

      - id: two
        schedule: "@daily"
        run: two
        env: {A: "2"}
    -- stderr
    tab:2: CRON_TZ: the entries below are scheduled in this zone, as cronie does; Debian's cron ignores it and uses the system's
    tab:5: @reboot: runs at the engine's first start after each boot; the first time as soon as an engine has the job, however long ago that boot was
    tab:5: the home folder of `nobody` (`/nonexistent`) does not exist: its jobs start in /
    imported 2 jobs, 3 things to look at
    "#);
}

#[test]
fn a_crontab_with_bad_lines_is_refused_unless_they_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tab"), "61 * * * * x\n* * * * * fine\nnonsense\n").unwrap();
    let file = dir.path().join("out.yaml");
    let args = ["import", "crontab", "tab", "-o", "out.yaml"];
    insta::assert_snapshot!(say_in(dir.path(), &args), @"
    exit code 2
    -- stderr
    tab:1: `schedule`: minute 61 is outside 0-59
    tab:3: `nonsense` has fewer than five fields and a command
    error: 2 lines cannot be read: nothing was imported
    hint: fix the line, or leave it out with --skip-bad
    ");
    assert!(!file.exists());
    insta::assert_snapshot!(say_in(dir.path(), &[&args[..], &["--skip-bad"]].concat()), @"
    exit code 0
    -- stderr
    tab:1: `schedule`: minute 61 is outside 0-59
    tab:3: `nonsense` has fewer than five fields and a command
    imported 1 job, 2 things to look at
    ");
    assert!(file.exists());
    insta::assert_snapshot!(say_in(dir.path(), &["import", "crontab", "gone"]), @"
    exit code 2
    -- stderr
    error: gone: No such file or directory (os error 2)
    ");
    let said = say_in(dir.path(), &["import", "crontab", "."]);
    assert!(said.ends_with("hint: import its files one by one\n"), "{said}");
    fs::write(dir.path().join("tab"), b"# a\n# \xff\n").unwrap();
    insta::assert_snapshot!(say_in(dir.path(), &["import", "crontab", "tab"]), @"
    exit code 2
    -- stderr
    error: tab: line 2 is not UTF-8 text: convert the file, such as with `iconv -f LATIN1 -t UTF-8`
    ");
}

/// The commands of a guide that show what comes out, each with that.
fn sessions(guide: &str) -> Vec<(String, String)> {
    let mut sessions: Vec<(String, String)> = Vec::new();
    let blocks = guide.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    for block in blocks.filter(|block| block.lines().any(|line| !line.starts_with(['$', '>']))) {
        for line in block.lines() {
            match (line.strip_prefix("$ "), line.strip_prefix("> "), sessions.last_mut()) {
                (Some(command), ..) => sessions.push((format!("{command}\n"), String::new())),
                (_, Some(more), Some((command, _))) => *command += &format!("{more}\n"),
                (_, _, Some((_, output))) => *output += &format!("{line}\n"),
                (None, _, None) => panic!("{line}"),
            }
        }
    }
    sessions
}

#[test]
fn the_sessions_of_the_guides_run_as_written() {
    let program = Path::new(env!("CARGO_BIN_EXE_crontower")).parent().unwrap();
    for (guide, least) in
        [(include_str!("../../docs/crontabs.md"), 3), (include_str!("../../docs/calendars.md"), 5)]
    {
        let dir = tempfile::tempdir().unwrap();
        let sessions = sessions(guide);
        assert!(sessions.len() >= least);
        for (command, expected) in sessions {
            let output = Command::new("/bin/sh")
                .args(["-c", &format!("exec 2>&1\n{command}")])
                .env("PATH", format!("{}:/usr/bin:/bin", program.display()))
                .env("CRONTOWER_DATA_DIR", dir.path())
                .current_dir(dir.path())
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{command}");
        }
    }
}
