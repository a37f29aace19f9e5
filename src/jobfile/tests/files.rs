//! Files that are right, and what they come to.

use std::time::Duration;

use super::*;
use crate::model::{EnvValue, JobCommand, OnStop, Priority, Retry};

#[test]
fn the_sample_is_right_and_raises_no_warning() {
    let source = SourceText { name: "jobs.yaml".to_owned(), text: SAMPLE.to_owned() };
    let loaded = parse(&[source], &rules()).unwrap();
    assert_eq!(loaded.warnings, []);
    let ids: Vec<&str> = loaded.set.jobs.iter().map(|job| job.id.as_str()).collect();
    insta::assert_snapshot!(ids.join(" "), @"database-backup log-processing data-synchronization cleanup report-generation");
    let pools = loaded.set.settings.workers.unwrap();
    let pools: Vec<_> = pools.iter().map(|pool| format!("{} {}", pool.id, pool.capacity)).collect();
    assert_eq!(pools, ["worker-1 5", "worker-2 8", "worker-3 10", "worker-4 6"]);
    assert!(loaded.set.jobs.iter().all(|job| job.working_dir.as_deref() == Some("/srv/jobs")));
}

#[test]
fn no_jobs_are_written_as_an_empty_list_and_an_emptied_file_is_an_error() {
    for text in ["jobs: []\n", "---\njobs: []", "\u{feff}jobs: []"] {
        let loaded = load(text);
        assert_eq!((loaded.set, loaded.warnings), (JobSet::default(), vec![]), "{text:?}");
    }
    for text in ["", "\n", "  \n\n", "# nothing\n", "---\n", "~", "\u{feff}"] {
        let error = "jobs.yaml:1:1: the file is empty: to have no jobs, write `jobs: []`";
        assert_eq!(describe(text), error, "{text:?}");
    }
    // Without a file there is nothing that could have been emptied.
    assert_eq!(parse(&[], &rules()).unwrap().set, JobSet::default());
}

#[test]
fn an_emptied_file_of_a_folder_is_reported() {
    let folder = |a, b| reported_of(&[("a.yaml", a), ("b.yaml", b)]);
    insta::assert_snapshot!(folder("", "# nothing"), @"a.yaml:1:1: the file is empty: to have no jobs, write `jobs: []`");
    insta::assert_snapshot!(folder("jobs: []", "# nothing"), @"warning: b.yaml:1:1: the file is empty: it defines no jobs");
    insta::assert_snapshot!(folder("timezone: UTC", "limits: {}"), @"warning: a.yaml:1:1: the key `jobs` is missing: write `jobs: []` if there are no jobs");
    assert_eq!(folder("timezone: UTC", "jobs: []"), "");
}

#[test]
fn a_file_without_the_key_jobs_is_warned_of() {
    insta::assert_snapshot!(describe("timezone: UTC\n"), @"warning: jobs.yaml:1:1: the key `jobs` is missing: write `jobs: []` if there are no jobs");
}

#[test]
fn every_supported_key_arrives_in_the_model() {
    let loaded = load(include_str!("every_key.yaml"));
    assert_eq!(loaded.set.settings.on_stop, OnStop::Wait);
    insta::assert_debug_snapshot!(loaded.set.settings);
    insta::assert_debug_snapshot!(loaded.set.jobs);
}

#[test]
fn defaults_are_laid_under_key_by_key() {
    let loaded = load(
        "defaults:
  timeout: 1h
  env: { A: base, B: base }
  shell: [bash, -c]
  retry: { type: exponential, max_retries: 9, delay: 9s }
jobs:
  - { id: a, run: x, env: { B: own }, retry: { type: fixed } }
  - { id: b, run: x, timeout: 5m, shell: [sh, -c] }
",
    );
    let [a, b] = &loaded.set.jobs[..] else { panic!("two jobs") };
    let text = |text: &str| EnvValue::Text(text.to_owned());
    assert_eq!(a.env.values().cloned().collect::<Vec<_>>(), [text("base"), text("own")]);
    let second = Duration::from_secs(1);
    assert_eq!(a.retry, Retry::Fixed { max_retries: 3, delay: second, jitter: 0.0 });
    assert_eq!(a.timeout, Some(second * 3600));
    assert_eq!(b.timeout, Some(second * 300));
    let shells: Vec<&str> = [a, b]
        .iter()
        .filter_map(|job| match &job.command {
            JobCommand::Run { shell, .. } => Some(shell[0].as_str()),
            JobCommand::Named { .. } => None,
        })
        .collect();
    assert_eq!(shells, ["bash", "sh"]);
}

#[test]
fn the_other_systems_job_object_is_taken_as_it_is() {
    let loaded = load(
        "jobs:
  - id: job-id-1
    run: 'true'
  - id: job-id-2
    name: Backup
    description: nightly
    schedule: '0 2 * * *'
    command: backup
    priority: 'HIGH'
    dependencies: ['job-id-1']
    retryPolicy: {type: 'EXPONENTIAL', maxRetries: 5, delayMs: 1500, maxDelayMs: 60000}
    enabled: false
    metadata: {commandArgs: {paths: [/etc]}, owner: ops}
",
    );
    let job = &loaded.set.jobs[1];
    assert_eq!(job.priority, Priority::High);
    assert_eq!(job.metadata, serde_json::json!({"owner": "ops"}).as_object().unwrap().clone());
    insta::assert_snapshot!(to_yaml(job), @r"
    id: job-id-2
    name: Backup
    description: nightly
    schedule: 0 2 * * *
    command: backup
    args: {paths: [/etc]}
    dependencies: [job-id-1]
    priority: high
    enabled: false
    retry: {type: exponential, max_retries: 5, delay: 1s500ms, max_delay: 1m}
    working_dir: /srv/jobs
    metadata: {owner: ops}
    ");
}

#[test]
fn jobs_of_a_folder_are_one_set() {
    let files = [
        ("d/a.yaml", "jobs: [{id: a, run: x, dependencies: [b]}]"),
        ("d/b.yaml", "timezone: Europe/Berlin\njobs:\n- id: b\n  run: x"),
    ];
    let loaded = parse(&sources(&files), &rules()).unwrap();
    assert_eq!(loaded.set.jobs.len(), 2);
    let place = &loaded.places["b"];
    assert_eq!((place.file.as_str(), place.line), ("d/b.yaml", 3));
    let described = reported_of(&[
        ("d/a.yaml", "timezone: UTC\njobs: [{id: a, run: x}]"),
        (
            "d/b.yaml",
            "timezone: Europe/Berlin\njobs:\n- id: a\n  run: x\n- id: c\n  run: x\n  dependencies: [d]",
        ),
        ("d/c.yaml", "jobs: {"),
    ]);
    insta::assert_snapshot!(described, @r"
    d/b.yaml:1:1: `timezone` is already set in d/a.yaml on line 1
    d/b.yaml:3:7: duplicate job id `a`: first defined at d/a.yaml:2:13
    d/b.yaml:7:18: `dependencies`: no job named `d`: did you mean `a`?
    d/c.yaml:1:7: this `{` is never closed
    ");
}

#[test]
fn ten_thousand_jobs_are_read() {
    let jobs: String = (0..10_000)
        .map(|n| format!("  - id: job-{n}\n    name: Job {n}\n    schedule: daily at 2 AM\n    run: echo {n}\n"))
        .collect();
    assert_eq!(load(&format!("jobs:\n{jobs}")).set.jobs.len(), 10_000);
}

#[test]
fn a_file_full_of_mistakes_ends_in_a_bounded_list() {
    let text = format!("jobs:\n{}", "- {idd: x, dependencies: [nobody]}\n".repeat(30_000));
    let Err(errors) = parse(&sources(&[("jobs.yaml", &text)]), &rules()) else { panic!("errors") };
    assert!(errors.0.len() <= 20_001, "{}", errors.0.len());
    let last = &errors.0.last().unwrap().message;
    assert!(last.ends_with("more errors are not listed"), "{last}");
}

#[test]
fn a_diff_names_what_changes_key_by_key() {
    let before = load(
        "timezone: UTC\njobs:\n- {id: a, run: x, priority: low, timeout: 1h}\n- {id: b, run: x}\n",
    );
    let after = load(
        "timezone: UTC\nworkers: []\njobs:\n- {id: c, run: x}\n- {id: a, run: \"x\\ny\", tags: [t, 'u: v'], dependencies: [c]}\n",
    );
    let plan = diff(&before.set, &after.set);
    insta::assert_debug_snapshot!(plan, @r#"
    Plan {
        added: [
            "c",
        ],
        changed: [
            JobChange {
                job: "a",
                fields: [
                    FieldChange {
                        key: "run",
                        before: Some(
                            "x",
                        ),
                        after: Some(
                            "\"x\\ny\"",
                        ),
                    },
                    FieldChange {
                        key: "priority",
                        before: Some(
                            "low",
                        ),
                        after: Some(
                            "medium",
                        ),
                    },
                    FieldChange {
                        key: "timeout",
                        before: Some(
                            "1h",
                        ),
                        after: None,
                    },
                    FieldChange {
                        key: "dependencies",
                        before: None,
                        after: Some(
                            "[c]",
                        ),
                    },
                    FieldChange {
                        key: "tags",
                        before: None,
                        after: Some(
                            "[t, \"u: v\"]",
                        ),
                    },
                ],
            },
        ],
        removed: [
            "b",
        ],
        settings: [
            FieldChange {
                key: "workers",
                before: None,
                after: Some(
                    "[]",
                ),
            },
        ],
        warnings: [],
    }
    "#);
    assert!(diff(&after.set, &after.set).is_empty());
}

#[test]
fn the_file_of_a_secret_is_looked_at_but_not_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let describe = |file: &str| {
        let rules = Rules { base_dir: folder.path().to_owned(), ..rules() };
        let text = format!("jobs: [{{id: a, run: x, env: {{A: {{secret_file: {file}}}}}}}]");
        let loaded = parse(&sources(&[("jobs.yaml", &text)]), &rules).unwrap();
        let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        warnings.join("\n").replace(folder.path().to_str().unwrap(), "")
    };
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s3cret").unwrap();
    let mode = |mode| std::fs::set_permissions(&secret, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o600);
    assert_eq!(describe("secret"), "");
    mode(0o644);
    insta::assert_snapshot!(describe("./secret"), @"jobs.yaml:1:47: `secret_file`: `/secret` is readable by every user of this machine: run `chmod o-r` on it");
    insta::assert_snapshot!(describe("gone"), @"jobs.yaml:1:47: `secret_file`: `/gone` does not exist: attempts will fail until it does");
    insta::assert_snapshot!(describe("."), @"jobs.yaml:1:47: `secret_file`: `` is not a file: attempts will fail");
}

#[test]
fn what_the_machine_does_not_have_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let describe = |job: &str| {
        let rules = Rules { base_dir: folder.path().to_owned(), ..rules() };
        let text = format!("jobs: [{{id: a, run: x, {job}, run_args: allowed}}]");
        let loaded = parse(&sources(&[("jobs.yaml", &text)]), &rules).unwrap();
        let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        warnings.join("\n").replace(folder.path().to_str().unwrap(), "…")
    };
    std::fs::write(folder.path().join("file"), "").unwrap();
    let file = folder.path().join("file");
    insta::assert_snapshot!(describe("working_dir: gone"), @"jobs.yaml:1:37: `working_dir`: `…/gone` does not exist: attempts will fail until it does");
    insta::assert_snapshot!(describe("working_dir: file"), @"jobs.yaml:1:37: `working_dir`: `…/file` is not a folder: attempts will fail");
    insta::assert_snapshot!(describe("shell: [/bin/zshx, -c]"), @"jobs.yaml:1:31: `shell`: `/bin/zshx` does not exist: attempts will fail until it does");
    insta::assert_snapshot!(describe("shell: [no-such-shell, -c]"), @"jobs.yaml:1:31: `shell`: `no-such-shell` is not in PATH: attempts will fail until it is");
    insta::assert_snapshot!(describe(&format!("shell: [{}]", file.display())), @"jobs.yaml:1:31: `shell`: `…/file` is not executable: attempts will fail");
    insta::assert_snapshot!(describe("user: nobodyhere"), @"jobs.yaml:1:30: `user`: `nobodyhere` is not a user of this machine: attempts will fail until it is");
    for right in [
        "working_dir: .",
        "working_dir: /",
        "shell: [/bin/sh, -c]",
        "shell: [sh, -c]",
        // These depend on what is not known here.
        "shell: [./shell, -c]",
        "shell: [no-such-shell, -c], env: {PATH: /opt/bin}",
        "user: root",
    ] {
        assert_eq!(describe(right), "", "{right}");
    }
}

#[test]
fn only_root_can_start_commands_as_someone_else() {
    let rules = Rules { is_root: false, ..rules() };
    let files = sources(&[("jobs.yaml", "jobs: [{id: a, run: x, user: postgres}]")]);
    insta::assert_snapshot!(parse(&files, &rules).unwrap_err(), @"jobs.yaml:1:30: `user`: only an engine that runs as root can start commands as another user: remove this key, or run crontower as root");
}
