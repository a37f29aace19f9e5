//! Edits of one job in the text of a file: what changes, and that nothing else does.

use serde_json::json;

use super::*;
use crate::model::JobId;

/// The new text, or why there is none.
fn edited(text: &str, job: &str, what: &Edit) -> String {
    match edit(&sources(&[("jobs.yaml", text)]), &rules(), &job.parse().unwrap(), what) {
        Ok(edited) if edited.source.is_none() => "nothing changes".to_owned(),
        Ok(mut edited) => edited.sources.remove(0).text,
        Err(EditError::Invalid(problems)) => {
            let line = |problem: &crate::model::Problem| {
                without_schedule_words(&format!("{}: {}", problem.path, problem.message))
            };
            problems.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Err(EditError::NotPossible(why)) => why,
        Err(other) => format!("{other:?}"),
    }
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn patched(text: &str, job: &str, patch: Value) -> String {
    edited(text, job, &Edit::Patch(object(patch)))
}

/// The lines that go and come, and nothing else.
fn changed(text: &str, job: &str, patch: Value) -> String {
    let after = patched(text, job, patch);
    if !after.contains("jobs") || after.starts_with("job ") {
        return after;
    }
    let diff = unified_diff("jobs.yaml", text, &after);
    let lines = diff.lines().filter(|line| !line.starts_with(['@', ' ']));
    lines.skip(2).collect::<Vec<_>>().join("\n")
}

const FILE: &str = "\
# Of the backup host.
timezone: UTC   # for all
defaults: {timeout: 1h, priority: low}

jobs:
  # Every night.
  - id: backup   # the oldest job
    name: 'Backup'
    schedule: daily at 4 AM
    # It takes long.
    timeout:  2h   # rare_dependencies more than one
    run: |  # a script
      pg_dump mydb

      echo done
    env:   # what it needs
      # the host
      HOST: db1   # primary
      PORT: 5432
    dependencies:
      - fetch   # first
      # then
      - {job: load, within: 1d}
    priority: high

  - {id: fetch, run: \"curl x\", tags: [a, b]}

  # Loads.
  - id: load
    command: echo
    args: {message: hi}
    # nothing more

# The end.
";

#[test]
fn a_value_changes_and_its_neighbours_stay() {
    let cases = [
        json!({"timeout": "3h"}),
        json!({"name": "Big backup: all", "priority": "medium"}),
        json!({"run": "pg_dump all"}),
        json!({"run": "a\nb\n"}),
        json!({"schedule": "*/5 * * * *"}),
        json!({"timeout": null}),
        json!({"priority": null, "name": null}),
        json!({"env": {"PORT": 5433, "USER": "me"}}),
        json!({"env": {"HOST": null}}),
        json!({"env": null}),
        json!({"env": {"HOST": null, "PORT": null}}),
        json!({"dependencies": ["fetch"]}),
        json!({"dependencies": ["fetch", {"job": "load", "within": "1d"}]}),
        json!({"dependencies": [{"job": "load", "within": "2d"}, "fetch"]}),
        json!({"dependencies": []}),
        json!({"retry": {"type": "fixed", "max_retries": 2}, "tags": ["x"], "description": "a\nb"}),
        json!({"run": null, "command": "echo", "args": {"message": "x".repeat(80)}}),
        json!({"timeout": "2h"}),
    ];
    let described: Vec<String> = cases
        .into_iter()
        .map(|patch| format!("{patch}\n{}\n", changed(FILE, "backup", patch.clone())))
        .collect();
    insta::assert_snapshot!(described.join("\n"), @r#"
    {"timeout":"3h"}
    -    timeout:  2h   # rare_dependencies more than one
    +    timeout:  3h   # rare_dependencies more than one

    {"name":"Big backup: all","priority":"medium"}
    -    name: 'Backup'
    +    name: "Big backup: all"
    -    priority: high
    +    priority: medium

    {"run":"pg_dump all"}
    -    run: |  # a script
    -      pg_dump mydb
    -
    -      echo done
    +    run: pg_dump all  # a script

    {"run":"a\nb\n"}
    -      pg_dump mydb
    -
    -      echo done
    +      a
    +      b

    {"schedule":"*/5 * * * *"}
    -    schedule: daily at 4 AM
    +    schedule: "*/5 * * * *"

    {"timeout":null}
    -    timeout:  2h   # rare_dependencies more than one

    {"name":null,"priority":null}
    -    name: 'Backup'
    -    priority: high

    {"env":{"PORT":5433,"USER":"me"}}
    -      PORT: 5432
    +      PORT: 5433
    +      USER: me

    {"env":{"HOST":null}}
    -      HOST: db1   # primary

    {"env":null}
    -    env:   # what it needs
    -      # the host
    -      HOST: db1   # primary
    -      PORT: 5432

    {"env":{"HOST":null,"PORT":null}}
    -    env:   # what it needs
    -      # the host
    -      HOST: db1   # primary
    -      PORT: 5432
    +    env: {}  # what it needs

    {"dependencies":["fetch"]}
    -      - {job: load, within: 1d}

    {"dependencies":["fetch",{"job":"load","within":"1d"}]}
    nothing changes

    {"dependencies":[{"job":"load","within":"2d"},"fetch"]}
    +      - {job: load, within: 2d}
    -      - {job: load, within: 1d}

    {"dependencies":[]}
    -    dependencies:
    -      - fetch   # first
    -      # then
    -      - {job: load, within: 1d}
    +    dependencies: []

    {"description":"a\nb","retry":{"max_retries":2,"type":"fixed"},"tags":["x"]}
    +    description: |-
    +      a
    +      b
    +    retry: {type: fixed, max_retries: 2}
    +    tags: [x]

    {"args":{"message":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},"command":"echo","run":null}
    +    command: echo
    +    args:
    +      message: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    -    run: |  # a script
    -      pg_dump mydb
    -
    -      echo done

    {"timeout":"2h"}
    nothing changes
    "#);
}

#[test]
fn a_job_on_one_line_stays_on_it() {
    let cases = [
        json!({"run": "x, y"}),
        json!({"timeout": "3h", "name": "F"}),
        json!({"tags": null}),
        json!({"tags": ["c"], "env": {"A": "b"}}),
        json!({"run": "a\nb\n"}),
    ];
    let described: Vec<String> =
        cases.into_iter().map(|patch| changed(FILE, "fetch", patch) + "\n").collect();
    insta::assert_snapshot!(described.join("\n"), @r#"
    -  - {id: fetch, run: "curl x", tags: [a, b]}
    +  - {id: fetch, run: "x, y", tags: [a, b]}

    -  - {id: fetch, run: "curl x", tags: [a, b]}
    +  - {id: fetch, name: F, run: "curl x", timeout: 3h, tags: [a, b]}

    -  - {id: fetch, run: "curl x", tags: [a, b]}
    +  - {id: fetch, run: "curl x"}

    -  - {id: fetch, run: "curl x", tags: [a, b]}
    +  - {id: fetch, run: "curl x", env: {A: b}, tags: [c]}

    -  - {id: fetch, run: "curl x", tags: [a, b]}
    +  - {id: fetch, run: "a\nb\n", tags: [a, b]}
    "#);
}

#[test]
fn a_job_in_brackets_over_several_lines_keeps_its_lines() {
    let text = "jobs: [\n  {\n    id: a, # the id\n    # of it\n    timeout: 1h, # long\n    run: x\n  },\n  {id: b, run: x}, # b\n]\n";
    let described = [
        changed(text, "a", json!({"timeout": null})),
        changed(text, "a", json!({"timeout": "2h", "name": "A"})),
        changed(text, "a", json!({"run": null, "command": "echo"})),
        edited(text, "b", &Edit::Remove),
        edited(text, "a", &Edit::Remove),
        edited(text, "c", &Edit::Add(object(json!({"id": "c", "run": "x"})))),
    ];
    insta::assert_snapshot!(described.join("\n\n"), @"
    -    timeout: 1h, # long

    -    id: a, # the id
    +    id: a, name: A, # the id
    -    timeout: 1h, # long
    +    timeout: 2h, # long

    -    id: a, # the id
    +    id: a, command: echo, # the id
    -    run: x

    jobs: [
      {
        id: a, # the id
        # of it
        timeout: 1h, # long
        run: x
      },
    ]


    jobs: [
      {id: b, run: x}, # b
    ]


    jobs: [
      {
        id: a, # the id
        # of it
        timeout: 1h, # long
        run: x
      },
      {id: b, run: x},
      {id: c, run: x}, # b
    ]
    ");
}

#[test]
fn a_job_goes_with_its_own_comments() {
    let text = FILE
        .replace("      - fetch   # first\n", "")
        .replace("      - {job: load, within: 1d}\n", "      []\n");
    let describe = |job: &str| {
        let after = edited(&text, job, &Edit::Remove);
        let diff = unified_diff("jobs.yaml", &text, &after);
        diff.lines().skip(2).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!([describe("backup"), describe("fetch"), describe("load")].join("\n\n"), @r#"
    @@ -3,25 +3,6 @@
     defaults: {timeout: 1h, priority: low}
     
     jobs:
    -  # Every night.
    -  - id: backup   # the oldest job
    -    name: 'Backup'
    -    schedule: daily at 4 AM
    -    # It takes long.
    -    timeout:  2h   # rare_dependencies more than one
    -    run: |  # a script
    -      pg_dump mydb
    -
    -      echo done
    -    env:   # what it needs
    -      # the host
    -      HOST: db1   # primary
    -      PORT: 5432
    -    dependencies:
    -      # then
    -      []
    -    priority: high
    -
       - {id: fetch, run: "curl x", tags: [a, b]}
     
       # Loads.

    @@ -22,8 +22,6 @@
           []
         priority: high
     
    -  - {id: fetch, run: "curl x", tags: [a, b]}
    -
       # Loads.
       - id: load
         command: echo

    @@ -24,10 +24,4 @@
     
       - {id: fetch, run: "curl x", tags: [a, b]}
     
    -  # Loads.
    -  - id: load
    -    command: echo
    -    args: {message: hi}
    -    # nothing more
    -
     # The end.
    "#);
    assert_eq!(edited("jobs:\n- id: a\n  run: x\n", "a", &Edit::Remove), "jobs: []\n");
    assert_eq!(edited("jobs: # c\n- id: a\n  run: x", "a", &Edit::Remove), "jobs: [] # c");
    assert_eq!(edited("jobs: [{id: a, run: x}]", "a", &Edit::Remove), "jobs: []");
}

#[test]
fn a_job_that_others_wait_for_cannot_go() {
    insta::assert_snapshot!(edited(FILE, "fetch", &Edit::Remove), @"jobs.yaml:21:9: `dependencies`: no job named `fetch`");
}

#[test]
fn a_new_job_stands_behind_the_last() {
    let definition = json!({
        "run": "a\nb\n", "id": "new", "timeout": "1h", "priority": "low", "enabled": true,
        "retryPolicy": {"type": "FIXED", "delayMs": 500}, "dependencies": ["b"], "working_dir": "./x",
    });
    let add = Edit::Add(object(definition));
    let texts = [
        "jobs:\n- id: b\n  run: x\n\n-  id: c\n   run: x\n   # of c\n\n# end\n",
        "jobs:\n    -\n        id: b\n        run: |\n            x",
        "jobs: [{id: b, run: x}]\n",
    ];
    let described: Vec<String> = texts.iter().map(|text| edited(text, "new", &add)).collect();
    insta::assert_snapshot!(described.join("\n----\n").replace(" \n", "·\n"), @r#"
    jobs:
    - id: b
      run: x

    -  id: c
       run: x
       # of c

    -  id: new
       run: |
         a
         b
       dependencies: [b]
       priority: low
       timeout: 1h
       retry: {type: fixed, max_retries: 3, delay: 500ms}
       working_dir: x

    # end

    ----
    jobs:
        -
            id: b
            run: |
                x
        - id: new
          run: |
            a
            b
          dependencies: [b]
          priority: low
          timeout: 1h
          retry: {type: fixed, max_retries: 3, delay: 500ms}
          working_dir: x
    ----
    jobs: [{id: b, run: x}, {id: new, run: "a\nb\n", dependencies: [b], priority: low, timeout: 1h, retry: {type: fixed, max_retries: 3, delay: 500ms}, working_dir: x}]
    "#);
    let add = Edit::Add(object(json!({"id": "new", "command": "echo"})));
    let texts = [
        "# c\ntimezone: UTC\njobs: []  # none\nlimits: {db: 2}\n",
        "# only\n# comments",
        "timezone: UTC",
        "{timezone: UTC}\n",
        "  limits:\n    db: 2\n",
        "\u{feff}timezone: UTC\r\n",
        "jobs: [\n]\n",
        "jobs: [ ]\n",
        "timezone: UTC\n...\n",
    ];
    let described: Vec<String> =
        texts.iter().map(|text| format!("{:?}", edited(text, "new", &add))).collect();
    insta::assert_snapshot!(described.join("\n"), @r##"
    "# c\ntimezone: UTC\njobs:  # none\n  - id: new\n    command: echo\nlimits: {db: 2}\n"
    "the file already has errors: jobs.yaml:1:1: the file is empty: to have no jobs, write `jobs: []`"
    "timezone: UTC\njobs:\n  - id: new\n    command: echo"
    "{timezone: UTC, jobs: [{id: new, command: echo}]}\n"
    "  limits:\n    db: 2\n  jobs:\n    - id: new\n      command: echo\n"
    "\u{feff}timezone: UTC\r\njobs:\r\n  - id: new\r\n    command: echo\r\n"
    "jobs: [{id: new, command: echo}\n]\n"
    "jobs: [{id: new, command: echo} ]\n"
    "job `new` cannot be edited automatically: its layout in the file does not allow the change: edit the file by hand"
    "##);
}

#[test]
fn what_cannot_be_is_reported_with_its_path() {
    let described = [
        patched(FILE, "backup", json!({"schedule": "every elephant", "retry": {"typ": "fixed"}})),
        patched(FILE, "backup", json!({"id": "other"})),
        patched(FILE, "backup", json!({"run": null})),
        patched(FILE, "fetch", json!({"dependencies": ["backup"]})),
        patched(FILE, "nobody", json!({})),
        edited(FILE, "load", &Edit::Add(object(json!({"id": "load", "run": "x"})))),
        edited(FILE, "new", &Edit::Add(object(json!({"id": "New", "run": "x"})))),
        edited(FILE, "new", &Edit::Add(object(json!({"id": "new", "env": {"A": []}})))),
        patched("jobs: [", "a", json!({})),
    ];
    insta::assert_snapshot!(described.join("\n"), @"
    retry.type: `retry` needs a `type`: none, fixed or exponential
    retry.typ: unknown key `typ`: did you mean `type`?
    schedule: `schedule`: `elephant` …
    id: `id`: the id of job `backup` cannot be changed
    jobs.yaml:7:5: a job needs `run` (a script) or `command` (the name of a command)
    jobs.yaml:21:9: `dependencies`: dependency cycle: backup → fetch → backup
    Unknown
    Taken
    id: `id`: the id of job `new` cannot be changed
    env.A: `env`: expected text, found a list
    run: a job needs `run` (a script) or `command` (the name of a command)
    the file already has errors: jobs.yaml:1:7: this `[` is never closed
    ");
}

#[test]
fn what_is_repeated_elsewhere_is_left_alone() {
    let text = "defaults: &d {retry: {type: none}}\njobs:\n- &a\n  id: a\n  run: x\n  env: &e {A: b}\n- <<: *a\n  id: b\n  env: *e\n- {<<: *d, id: c, run: x}\n- &x {id: d, run: y}\n";
    let described = [
        changed(text, "a", json!({"run": "y"})),
        changed(text, "a", json!({"env": {"A": "c"}})),
        changed(text, "b", json!({"run": null, "command": "echo"})),
        changed(text, "b", json!({"run": "y"})),
        changed(text, "b", json!({"env": {"A": "c"}})),
        changed(text, "c", json!({"retry": {"type": "fixed"}})),
        changed(text, "c", json!({"retry": null})),
        changed(text, "d", json!({"run": "z"})),
        edited(text, "a", &Edit::Remove),
    ];
    insta::assert_snapshot!(described.join("\n"), @"
    job `a` cannot be edited automatically: other parts of the file may repeat parts of it (`&name`): edit the file by hand
    job `a` cannot be edited automatically: other parts of the file may repeat parts of it (`&name`): edit the file by hand
    job `b` cannot be edited automatically: `run` comes from a merge key (`<<`): edit the file by hand
    +  run: y
    -  env: *e
    +  env: {A: c}
    -- {<<: *d, id: c, run: x}
    +- {<<: *d, id: c, run: x, retry: {type: fixed}}
    nothing changes
    -- &x {id: d, run: y}
    +- &x {id: d, run: z}
    job `a` cannot be edited automatically: other parts of the file may repeat parts of it (`&name`): edit the file by hand
    ");
}

#[test]
fn line_ends_and_the_end_of_the_file_stay_as_they_are() {
    let text = "jobs:\r\n  - id: a\r\n    run: |\r\n      x\r\n\r\n    timeout: 1h\t# tab\r\n  - id: b\r\n    run: x";
    let described = [
        patched(text, "a", json!({"run": "x\ny\n", "name": "é"})),
        patched(text, "a", json!({"timeout": null})),
        patched(text, "b", json!({"timeout": "1h"})),
        patched(text, "b", json!({"run": null, "command": "echo"})),
        edited(text, "b", &Edit::Remove),
        edited(text, "c", &Edit::Add(object(json!({"id": "c", "run": "x\ny\n"})))),
    ];
    let described: Vec<String> = described.iter().map(|text| format!("{text:?}")).collect();
    insta::assert_snapshot!(described.join("\n"), @r#"
    "jobs:\r\n  - id: a\r\n    name: é\r\n    run: |\r\n      x\r\n      y\r\n\r\n    timeout: 1h\t# tab\r\n  - id: b\r\n    run: x"
    "jobs:\r\n  - id: a\r\n    run: |\r\n      x\r\n\r\n  - id: b\r\n    run: x"
    "jobs:\r\n  - id: a\r\n    run: |\r\n      x\r\n\r\n    timeout: 1h\t# tab\r\n  - id: b\r\n    run: x\r\n    timeout: 1h"
    "jobs:\r\n  - id: a\r\n    run: |\r\n      x\r\n\r\n    timeout: 1h\t# tab\r\n  - id: b\r\n    command: echo"
    "jobs:\r\n  - id: a\r\n    run: |\r\n      x\r\n\r\n    timeout: 1h\t# tab"
    "jobs:\r\n  - id: a\r\n    run: |\r\n      x\r\n\r\n    timeout: 1h\t# tab\r\n  - id: b\r\n    run: x\r\n  - id: c\r\n    run: |\r\n      x\r\n      y"
    "#);
}

#[test]
fn a_whole_definition_changes_only_what_differs() {
    let before = load(FILE);
    let job = |id: &str| before.set.jobs.iter().find(|job| job.id == id.parse::<JobId>().unwrap());
    let as_reported = |id: &str| object(serde_json::to_value(job(id).unwrap()).unwrap());
    for id in ["backup", "fetch", "load"] {
        assert_eq!(edited(FILE, id, &Edit::Replace(as_reported(id))), "nothing changes");
        let again = Edit::Restore(Box::new(job(id).unwrap().clone()));
        assert_eq!(edited(FILE, id, &again), "nothing changes");
    }
    let mut other = as_reported("backup");
    other.insert("timeout".to_owned(), json!("1h"));
    other.insert("priority".to_owned(), json!("medium"));
    other.insert("version".to_owned(), json!(7));
    other.remove("name");
    let diff = unified_diff("jobs.yaml", FILE, &edited(FILE, "backup", &Edit::Replace(other)));
    insta::assert_snapshot!(diff, @r#"
    --- jobs.yaml
    +++ jobs.yaml
    @@ -5,10 +5,8 @@
     jobs:
       # Every night.
       - id: backup   # the oldest job
    -    name: 'Backup'
         schedule: daily at 4 AM
         # It takes long.
    -    timeout:  2h   # rare_dependencies more than one
         run: |  # a script
           pg_dump mydb
     
    @@ -21,7 +19,7 @@
           - fetch   # first
           # then
           - {job: load, within: 1d}
    -    priority: high
    +    priority: medium
     
       - {id: fetch, run: "curl x", tags: [a, b]}
    "#);
    let mut without = job("load").unwrap().clone();
    without.timeout = None;
    insta::assert_snapshot!(edited(FILE, "load", &Edit::Restore(Box::new(without))), @"the job cannot be restored exactly: `defaults` in its file set `timeout`");
}

#[test]
fn the_other_systems_names_are_kept_and_understood() {
    let text = "jobs:\n- id: a\n  command: echo\n  retryPolicy: {type: 'FIXED', delayMs: 1000} # r\n  metadata: {commandArgs: {message: hi}, x: 1}\n";
    let described = [
        changed(text, "a", json!({"retryPolicy": {"maxRetries": 5}})),
        changed(text, "a", json!({"retry": {"delay": "5s"}})),
        changed(text, "a", json!({"retry": null})),
        changed(text, "a", json!({"metadata": {"commandArgs": {"message": "ho"}}})),
    ];
    insta::assert_snapshot!(described.join("\n"), @"
    -  retryPolicy: {type: 'FIXED', delayMs: 1000} # r
    +  retryPolicy: {type: 'FIXED', delayMs: 1000, maxRetries: 5} # r
    -  retryPolicy: {type: 'FIXED', delayMs: 1000} # r
    +  retry: {type: FIXED, delay: 5s}
    -  retryPolicy: {type: 'FIXED', delayMs: 1000} # r
    -  metadata: {commandArgs: {message: hi}, x: 1}
    +  metadata: {commandArgs: {message: ho}, x: 1}
    ");
}

#[test]
fn of_a_folder_the_file_that_holds_the_job_is_edited() {
    let files = sources(&[
        ("d/a.yaml", "# a\njobs: [{id: a, run: x}]\n"),
        ("d/jobs.yaml", "# jobs\njobs: [{id: b, run: x}]\n"),
        ("d/z.yaml", "timezone: UTC\n"),
    ]);
    let of = |job: &str, what: Edit| {
        let edited = edit(&files, &rules(), &job.parse().unwrap(), &what).unwrap();
        edited.sources[edited.source.unwrap()].clone()
    };
    let changed = of("a", Edit::Patch(object(json!({"run": "y"}))));
    assert_eq!(
        (changed.name.as_str(), changed.text.as_str()),
        ("d/a.yaml", "# a\njobs: [{id: a, run: y}]\n")
    );
    let added = of("c", Edit::Add(object(json!({"id": "c", "run": "y"}))));
    assert_eq!(added.text, "# jobs\njobs: [{id: b, run: x}, {id: c, run: y}]\n");
    let last = edit(
        &files[..1],
        &rules(),
        &"c".parse().unwrap(),
        &Edit::Add(object(json!({"id": "c", "run": "y"}))),
    );
    assert_eq!(last.unwrap().source, Some(0));
}
