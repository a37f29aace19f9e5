//! Files that are wrong in every way there is.

use super::*;

#[test]
fn all_errors_are_reported_at_once() {
    let text = "timezone: Europe/Berln
on_stop: halt
workers:
  - { id: w, capacity: 0 }
  - { id: w, capacity: 2 }
  - { id: v }
defaults:
  timeout: soon
  run: x
jobs:
  - id: a
    shcedule: daily
    run: x
    command: echo
  - id: a
    run: y
    schedule: every minute of the elephant
    dependencies: [a, nobody, c, c]
  - name: nameless
    timeout: [10s]
  - id: c
    command: bakcup
    schedule: @daily
    dependencies: [d]
    priority: urgent
  - id: d
    command: calculate
    dependencies: [c]
    env: {A: , B: [x], '': y}
    overlap: replcae
    elephant: 5
  - just text
";
    insta::assert_snapshot!(describe(text), @r#"
    jobs.yaml:1:11: `timezone`: `Europe/Berln` is not a time zone: did you mean `Europe/Berlin`?
    jobs.yaml:2:10: `on_stop`: expected one of leave, wait, cancel, found `halt`: did you mean `wait`?
    jobs.yaml:4:24: `capacity`: expected a whole number from 1 to 10000, found `0`
    jobs.yaml:5:11: `id`: `w` is already the id of the worker on line 4
    jobs.yaml:6:7: a worker needs a `capacity`: how many jobs it runs at once
    jobs.yaml:8:12: `timeout`: `soon` is not a duration: write it like 500ms, 10s, 5m, 1h30m or 2d
    jobs.yaml:9:3: `run` is not allowed in `defaults`: it belongs to one job
    jobs.yaml:12:5: unknown key `shcedule`: did you mean `schedule`?
    jobs.yaml:14:5: a job has `run` or `command`, not both
    jobs.yaml:15:9: duplicate job id `a`: first defined at jobs.yaml:11:9
    jobs.yaml:17:35: `schedule`: `elephant` …
    jobs.yaml:18:20: `dependencies`: `a` cannot depend on itself
    jobs.yaml:18:23: `dependencies`: no job named `nobody`
    jobs.yaml:18:34: `dependencies`: `c` is listed twice
    jobs.yaml:19:5: a job needs `run` (a script) or `command` (the name of a command)
    jobs.yaml:19:5: a job needs an `id`
    jobs.yaml:20:14: `timeout`: expected a duration such as 10s, found a list
    jobs.yaml:22:14: `command`: unknown command `bakcup`: did you mean `backup`?
    jobs.yaml:23:15: put the schedule in quotes: `schedule: "@daily"`
    jobs.yaml:24:20: `dependencies`: dependency cycle: c → d → c
    jobs.yaml:25:15: `priority`: expected one of high, medium, low, found `urgent`
    jobs.yaml:27:5: command `calculate`: argument `expression` is missing: write it like 6 * 7
    jobs.yaml:29:11: `env`: `A` has no value: write "" for an empty one
    jobs.yaml:29:19: `env`: expected text, found a list
    jobs.yaml:29:24: `env`: `` is not a valid variable name
    jobs.yaml:30:14: `overlap`: expected one of skip, queue, queue_all, allow, replace, found `replcae`: did you mean `replace`?
    jobs.yaml:31:5: unknown key `elephant` in a job
    jobs.yaml:32:5: expected a job: a map with `id`, and `run` or `command`, found `just text`
    "#);
}

/// Each job alone, with what is told about it.
fn reported_each(jobs: &[&str]) -> String {
    let each = jobs.iter().map(|job| {
        let described = describe(&format!("jobs:\n- id: x\n  {}\n", job.replace('\n', "\n  ")));
        let described = described.replace("jobs.yaml:", "  ");
        format!("{job}\n{described}\n")
    });
    each.collect()
}

#[test]
fn wrong_values_are_reported_with_what_would_be_right() {
    insta::assert_snapshot!(reported_each(&[
        "run: ' '",
        "run: [a]",
        "run: x\nname: \"a\\nb\"",
        "run: x\nname: \"\\e[2J\"",
        "run: x\nschedule: ",
        "run: x\nschedule: {a: b}",
        "run: x\nenabled: yes",
        "run: x\nenabled: 'true'",
        "run: x\ntimeout: 30",
        "run: x\ntimeout: 0s",
        "run: x\ntimeout_ms: 5s",
        "run: x\ntimeout_ms: 5000\ntimeout: 5s",
        "run: x\nretry: 3",
        "run: x\nretry: {max_retries: 3}",
        "run: x\nretry: {type: linear}",
        "run: x\nretry: {type: fixed, max_retries: 1.5, jitter: 2, dealy: 1s}",
        "run: x\nretryPolicy: {type: NONE}\nretry: {type: none}",
        "run: x\nsuccess_exit_codes: [256]",
        "run: x\nsuccess_exit_codes: []",
        "run: x\nsuccess_exit_codes: 0",
        "run: x\noutput_limit: 10 parsecs",
        "run: x\noutput_limit: 9999GiB",
        "run: x\noverlap: alow",
        "run: x\nworking_dir: ~/x",
        "run: x\ntimezone: Berlin/Europe",
        "run: x\ncalendar: {skip: de}",
        "run: x\ncalendar: {skip: a, only: b}",
        "run: x\nstart_at: tomorrow",
        "run: x\nstart_at: 2026-12-24\nend_at: 2026-12-23",
        "run: x\ntimezone: Europe/Berlin\nstart_at: 2026-03-29 02:30",
        "run: x\nargs: {a: 1}",
        "command: echo\nshell: [sh]",
        "command: elephant",
        "command: calculate\nargs: [1]",
        "command: calculate\nargs: {n: 123456789012345678901234567890}",
        "command: data_processing\nargs: {aggregate: {op: mode}}",
        "command: shell",
        "command: echo\nargs: {}\nmetadata: {commandArgs: {}}",
        "run: x\ndependencies: x",
        "run: x\ndependencies: [X Y]",
        "run: x\ndependencies: [{job: y, on: failure}]",
        "run: x\nenv: {A: {secret: /a}, B: {}, C: {secret_file: ~/a}}",
        "run: x\nconcurrency: 0\ndeadline: 0s\nuser: -u root",
        "run: x\non_failure: mail",
        "run: x\non_failure: {}",
        "run: x\non_failure: {run: x, url: x}",
        "run: x\non_failure: {url: \"ftp://x\", runn: y}",
        "run: x\non_failure: {url: example.com}",
        "run: x\non_failure: {run: ' '}",
        "run: x\nlimits: [db]\nworkers: {label: [db]}",
        "run: x\nworkers: [worker-1]",
        "run: x\nworkers: {ids: [Worker One]}",
        "run: x\nretry_on: [256, timeot]\nno_retry_on: '75'",
        "run: x\ndependencies: [{on: failure}, {job: y, on: fail, within: 0s}]",
        "run: x\nid: y",
        "elephants: 5",
        "run: x\ncron: '@daily'",
    ]), @r#"
    run: ' '
      3:8: `run`: the script is empty
    run: [a]
      3:8: `run`: expected text, found a list
    run: x
    name: "a\nb"
      4:9: `name`: must be a single line
    run: x
    name: "\e[2J"
      4:9: `name`: must not contain control characters
    run: x
    schedule: 
      4:3: `schedule` has no value: set one or remove the key
    run: x
    schedule: {a: b}
      4:13: `schedule`: expected text, found a map
    run: x
    enabled: yes
      4:12: `enabled`: expected true or false, found `yes`
    run: x
    enabled: 'true'
      4:12: `enabled`: expected true or false, found the text `true`
    run: x
    timeout: 30
      4:12: `timeout`: `30` has no unit: write it like 500ms, 10s, 5m, 1h30m or 2d
    run: x
    timeout: 0s
      4:12: `timeout`: must be greater than 0
    run: x
    timeout_ms: 5s
      4:15: `timeout_ms`: expected a number of milliseconds, found `5s`
    run: x
    timeout_ms: 5000
    timeout: 5s
      5:3: `timeout` is the same key as `timeout_ms`: use only one
    run: x
    retry: 3
      4:10: `retry`: expected a map such as {type: fixed, max_retries: 3, delay: 10s}, found `3`
    run: x
    retry: {max_retries: 3}
      4:3: `retry` needs a `type`: none, fixed or exponential
    run: x
    retry: {type: linear}
      4:17: `type`: expected one of none, fixed, exponential, found `linear`
    run: x
    retry: {type: fixed, max_retries: 1.5, jitter: 2, dealy: 1s}
      4:37: `max_retries`: expected a whole number from 0 to 10000, found `1.5`
      4:50: `jitter`: expected a number from 0 to 1, found `2`
      4:53: unknown key `dealy`: did you mean `delay`?
    run: x
    retryPolicy: {type: NONE}
    retry: {type: none}
      5:3: `retry` is the same key as `retryPolicy`: use only one
    run: x
    success_exit_codes: [256]
      4:24: `success_exit_codes`: expected a whole number from 0 to 255, found `256`
    run: x
    success_exit_codes: []
      4:23: `success_exit_codes`: must list at least one exit code, or the job can never succeed
    run: x
    success_exit_codes: 0
      4:23: `success_exit_codes`: expected a list such as [0, 3], found `0`
    run: x
    output_limit: 10 parsecs
      4:17: `output_limit`: `parsecs` in `10 parsecs` is not a unit of size: write it like 10MiB, 500kB or 4096
    run: x
    output_limit: 9999GiB
      4:17: `output_limit`: at most 1024GiB
    run: x
    overlap: alow
      4:12: `overlap`: expected one of skip, queue, queue_all, allow, replace, found `alow`: did you mean `allow`?
    run: x
    working_dir: ~/x
      4:16: `working_dir`: `~` is not expanded: write the full path
    run: x
    timezone: Berlin/Europe
      4:13: `timezone`: `Berlin/Europe` is not a time zone: write it like Europe/Berlin or UTC
    run: x
    calendar: {skip: de}
      4:20: `skip`: no calendar named `de`: define it in `calendars`
    run: x
    calendar: {skip: a, only: b}
      4:13: `calendar`: needs exactly one of `skip` and `only`
    run: x
    start_at: tomorrow
      4:13: `start_at`: `tomorrow` is not a time such as 2026-12-24 18:00 or 2026-12-24T18:00:00+01:00
    run: x
    start_at: 2026-12-24
    end_at: 2026-12-23
      5:11: `end_at`: must not be before `start_at`
    run: x
    timezone: Europe/Berlin
    start_at: 2026-03-29 02:30
      5:13: `start_at`: `2026-03-29 02:30` does not exist in Europe/Berlin: the clocks go forward to 2026-03-29 03:00:00
    run: x
    args: {a: 1}
      4:3: `args` is only allowed with `command`
    command: echo
    shell: [sh]
      4:3: `shell` is only allowed with `run`
    command: elephant
      3:12: `command`: unknown command `elephant`: available commands are api_call, backup, calculate, data_processing, echo, shell; put a shell command in `run`
    command: calculate
    args: [1]
      4:9: `args`: expected a map such as {key: value}, found a list
    command: calculate
    args: {n: 123456789012345678901234567890}
      4:13: `args`: `123456789012345678901234567890` is too large for a number: put it in quotes
    command: data_processing
    args: {aggregate: {op: mode}}
      4:26: command `data_processing`: argument `aggregate.op` is none of count, sum, mean, min, max
    command: shell
      3:3: command `shell`: `script` or `argv` is missing
    command: echo
    args: {}
    metadata: {commandArgs: {}}
      5:14: `args` and `metadata.commandArgs` are the same: use only one
    run: x
    dependencies: x
      4:17: `dependencies`: expected a list of job ids such as [fetch, load], found `x`
    run: x
    dependencies: [X Y]
      4:18: `dependencies`: `X Y` is not a legal id: it takes 1 to 64 of a-z, 0-9, `.`, `_`, `-`, and begins with a letter or digit
    run: x
    dependencies: [{job: y, on: failure}]
      4:18: `dependencies`: no job named `y`
    run: x
    env: {A: {secret: /a}, B: {}, C: {secret_file: ~/a}}
      4:12: `env`: a value must be text or a map such as {secret_file: /etc/secrets/db}
      4:13: unknown key `secret` in a value of `env`
      4:29: `env`: a value must be text or a map such as {secret_file: /etc/secrets/db}
      4:50: `secret_file`: `~` is not expanded: write the full path
    run: x
    concurrency: 0
    deadline: 0s
    user: -u root
      4:16: `concurrency`: expected a whole number from 1 to 10000, found `0`
      5:13: `deadline`: must be greater than 0
      6:9: `user`: `-u root` is not a valid user name
    run: x
    on_failure: mail
      4:15: `on_failure`: expected a map such as {run: ./tell.sh} or {url: "https://example.com/hook"}, found `mail`
    run: x
    on_failure: {}
      4:15: `on_failure`: needs exactly one of `run` and `url`
    run: x
    on_failure: {run: x, url: x}
      4:15: `on_failure`: needs exactly one of `run` and `url`
    run: x
    on_failure: {url: "ftp://x", runn: y}
      4:21: `url`: `ftp://x` must begin with http:// or https://, not ftp:
      4:32: unknown key `runn`: did you mean `run`?
    run: x
    on_failure: {url: example.com}
      4:21: `url`: `example.com` is not a valid URL (relative URL without a base): write it like https://example.com/hook
    run: x
    on_failure: {run: ' '}
      4:21: `run`: the script is empty
    run: x
    limits: [db]
    workers: {label: [db]}
      4:12: `limits`: no limit named `db`: define it in the file's `limits`
      5:13: unknown key `label`: did you mean `labels`?
    run: x
    workers: [worker-1]
      4:12: `workers`: expected a map such as {labels: [db]}, found a list
    run: x
    workers: {ids: [Worker One]}
      4:19: `ids`: `Worker One` is not a legal id: it takes 1 to 64 of a-z, 0-9, `.`, `_`, `-`, and begins with a letter or digit
    run: x
    retry_on: [256, timeot]
    no_retry_on: '75'
      4:14: `retry_on`: expected a whole number from 0 to 255, found `256`
      4:19: `retry_on`: expected one of timeout, worker_lost, not_started, found `timeot`: did you mean `timeout`?
      5:16: `no_retry_on`: expected a list such as [75, timeout], found the text `75`
    run: x
    dependencies: [{on: failure}, {job: y, on: fail, within: 0s}]
      4:18: a dependency needs a `job`
      4:33: `dependencies`: no job named `y`
      4:46: `on`: expected one of success, failure, completion, found `fail`
      4:60: `within`: must be greater than 0
    run: x
    id: y
      4:3: duplicate key `id`: first set on line 2
    elephants: 5
      2:3: a job needs `run` (a script) or `command` (the name of a command)
      3:3: unknown key `elephants` in a job
    run: x
    cron: '@daily'
      4:3: unknown key `cron`: here it is `schedule`
    "#);
}

#[test]
fn the_column_of_a_schedule_error_points_into_the_text() {
    let schedules =
        ["every elephant", "\"every elephant\"", "\"\\u0065very elephant\"", ">\n  every elephant"];
    let places: Vec<String> = schedules
        .iter()
        .map(|schedule| {
            let described =
                describe(&format!("jobs:\n- id: x\n  run: x\n  schedule: {schedule}\n"));
            described.split(": ").next().unwrap_or_default().to_owned()
        })
        .collect();
    assert_eq!(places, ["jobs.yaml:4:19", "jobs.yaml:4:20", "jobs.yaml:4:13", "jobs.yaml:5:3"]);
}

#[test]
fn a_file_of_another_shape_is_reported_what_is_expected() {
    let texts = [
        "- id: a\n  run: x\n",
        "hello",
        "jobs:\n  a: {run: x}\n",
        "jobs:\n",
        "jobs: 5\n",
        "job:\n- id: a\n",
        "workers: {a: 5}\ncalendars: [a]\nlimits: {db: 2}\nretention: {days: 0, per_jobs: 5}\n",
        "calendars: {de: {holidays: [2026-13-01, 2026-12-25]}, 'a b': {}}\n",
        "on_stop: wait\nshutdown_grace: never\ndefaults: [x]\n",
    ];
    let described: Vec<String> =
        texts.iter().map(|text| format!("{text}{}\n", describe(text))).collect();
    insta::assert_snapshot!(described.join("\n"), @r#"
    - id: a
      run: x
    jobs.yaml:1:1: expected a map with the key `jobs`, found a list

    hellojobs.yaml:1:1: expected a map with the key `jobs`, found `hello`

    jobs:
      a: {run: x}
    jobs.yaml:2:3: `jobs`: expected a list of jobs, each beginning with `- id: …`, found a map

    jobs:
    jobs.yaml:1:1: `jobs` has no value: write `jobs: []` for no jobs

    jobs: 5
    jobs.yaml:1:7: `jobs`: expected a list of jobs, each beginning with `- id: …`, found `5`

    job:
    - id: a
    jobs.yaml:1:1: unknown key `job`: did you mean `jobs`?

    workers: {a: 5}
    calendars: [a]
    limits: {db: 2}
    retention: {days: 0, per_jobs: 5}
    jobs.yaml:1:10: `workers`: expected a list of workers such as [{id: worker-1, capacity: 4}], found a map
    jobs.yaml:2:12: `calendars`: expected a map such as {de: {holidays: ["2026-12-25"]}}, found a list
    jobs.yaml:4:19: `days`: expected a whole number from 1 to 36500, found `0`
    jobs.yaml:4:22: unknown key `per_jobs`: did you mean `per_job`?

    calendars: {de: {holidays: [2026-13-01, 2026-12-25]}, 'a b': {}}
    jobs.yaml:1:29: `holidays`: `2026-13-01` is not a date such as 2026-12-25
    jobs.yaml:1:55: `calendars`: `a b` is not a valid name: use a-z, 0-9, `.`, `_`, `-`
    jobs.yaml:1:55: calendar `a b` needs `holidays` or `file`

    on_stop: wait
    shutdown_grace: never
    defaults: [x]
    jobs.yaml:2:17: `shutdown_grace`: `never` is not a duration: write it like 500ms, 10s, 5m, 1h30m or 2d
    jobs.yaml:3:11: `defaults`: expected a map of keys of a job, such as {timeout: 1h}, found a list
    "#);
}

#[test]
fn warnings_are_reported_of_each_job() {
    let job =
        |id: &str, schedule: &str| format!("- {{ id: {id}, run: x, schedule: {schedule} }}\n");
    let text = format!(
        "timezone: Europe/Berlin\njobs:\n{}{}{}{}",
        job("a", "daily at 02:30"),
        job("b", "daily at 02:30"),
        job("c", "0 0 31 * *"),
        job("d", "once at 2020-01-01 00:00"),
    );
    // Up to where `schedule` begins to speak.
    let words = |line: &str| line.splitn(6, ':').take(5).collect::<Vec<_>>().join(":");
    let warnings: Vec<String> = describe(&text).lines().map(words).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r"
    warning: jobs.yaml:3:30: `schedule` of `a`
    warning: jobs.yaml:4:30: `schedule` of `b`
    warning: jobs.yaml:5:30: `schedule` of `c`
    warning: jobs.yaml:6:30: `schedule` of `d`
    ");
}

#[test]
fn a_limit_has_to_be_one_of_the_file() {
    let described = describe(
        "limits: {db: 2, api: 0}\njobs:\n- {id: a, run: x, limits: [db]}\n\
         - {id: b, run: x, limits: [bd, db, db, elephant]}\n",
    );
    insta::assert_snapshot!(described, @r"
    jobs.yaml:1:22: `limits`: expected a whole number from 1 to 10000, found `0`
    jobs.yaml:4:28: `limits`: no limit named `bd`: did you mean `db`?
    jobs.yaml:4:36: `limits`: `db` is listed twice
    jobs.yaml:4:40: `limits`: no limit named `elephant`: define it in the file's `limits`
    ");
}

#[test]
fn what_the_workers_of_the_file_cannot_do_is_a_warning() {
    let jobs = |workers: &str| {
        format!(
            "{workers}jobs:\n- {{id: a, run: x, workers: {{labels: [db]}}}}\n\
             - {{id: b, run: x, workers: {{ids: [w]}}, concurrency: 5}}\n\
             - {{id: c, run: x, workers: {{ids: [w], labels: [db]}}}}\n"
        )
    };
    let of = |workers: &str| format!("{workers}{}\n", describe(&jobs(workers)));
    let described = [
        of("workers: [{id: v, capacity: 2, labels: [db, big]}, {id: w, capacity: 2}]\n"),
        of(""),
        of("workers: []\n"),
    ];
    insta::assert_snapshot!(described.concat(), @r"
    workers: [{id: v, capacity: 2, labels: [db, big]}, {id: w, capacity: 2}]
    warning: jobs.yaml:4:53: `concurrency`: 5 is more than the 4 slots of this file's workers
    warning: jobs.yaml:5:28: `workers`: no worker in this file matches: the job waits until one does

    warning: jobs.yaml:2:28: `workers`: no worker in this file matches: the job waits until one does
    warning: jobs.yaml:3:28: `workers`: no worker in this file matches: the job waits until one does
    warning: jobs.yaml:4:28: `workers`: no worker in this file matches: the job waits until one does

    workers: []
    ");
}

#[test]
fn more_jobs_at_once_than_slots_are_a_warning() {
    let jobs = |workers: &str| {
        let job = |id: &str| format!("- {{id: {id}, run: x, schedule: daily at 2}}\n");
        let off = "- {id: off, run: x, schedule: daily at 2, enabled: false}\n";
        format!("{workers}jobs:\n{}{}{off}", job("a"), job("b"))
    };
    assert_eq!(describe(&jobs("")), "");
    assert_eq!(describe(&jobs("workers: []\n")), "");
    assert_eq!(describe(&jobs("workers: [{id: w, capacity: 2}]\n")), "");
    insta::assert_snapshot!(describe(&jobs("workers: [{id: w, capacity: 1}]\n")), @"warning: jobs.yaml:1:1: 2 jobs are due at 2026-11-24 02:00:00 UTC for 1 slot: a, b; spread them with `H` or `jitter`");
}

#[test]
fn a_dependency_that_fires_less_often_is_a_warning() {
    let each = [
        ("hourly", "every 30 minutes", ""),
        ("hourly", "hourly", ""),
        ("daily at 6", "hourly at :30", ""),
        ("hourly", "daily at 1", ""),
        ("hourly", "daily at 1", ", within: 1d"),
        ("daily at 6", "weekdays at 5", ""),
        ("hourly", "@reboot", ""),
        ("hourly", "once at 2020-01-01 00:00", ""),
    ]
    .map(|(schedule, on, within)| {
        let text = format!(
            "jobs:\n- {{id: d, run: x, schedule: '{on}'}}\n- {{id: j, run: x, schedule: {schedule}, dependencies: [{{job: d{within}}}]}}\n"
        );
        let described = describe(&text);
        let described = described.lines().filter(|line| line.contains("dependencies")).collect::<String>();
        format!("{schedule} after {on}{within}\n{described}\n")
    });
    insta::assert_snapshot!(each.concat(), @r"
    hourly after every 30 minutes

    hourly after hourly

    daily at 6 after hourly at :30

    hourly after daily at 1
    warning: jobs.yaml:3:52: `dependencies` of `j`: `d` fires less often and not between Mon 2026-11-23 13:00:00 and Mon 2026-11-23 14:00:00, so `j` would wait for nothing: set `within`, the maximum age of its result
    hourly after daily at 1, within: 1d

    daily at 6 after weekdays at 5
    warning: jobs.yaml:3:56: `dependencies` of `j`: `d` fires less often and not between Fri 2026-11-27 06:00:00 and Sat 2026-11-28 06:00:00, so `j` would wait for nothing: set `within`, the maximum age of its result
    hourly after @reboot

    hourly after once at 2020-01-01 00:00
    warning: jobs.yaml:3:52: `dependencies` of `j`: `d` fires less often and not between Mon 2026-11-23 13:00:00 and Mon 2026-11-23 14:00:00, so `j` would wait for nothing: set `within`, the maximum age of its result
    ");
}

#[test]
fn a_circle_is_printed_as_a_path() {
    let job = |id: &str, on: &str| format!("- {{ id: {id}, run: x, dependencies: [{on}] }}\n");
    let text = format!("jobs:\n{}{}{}", job("b", "c"), job("c", "a"), job("a", "b"));
    insta::assert_snapshot!(describe(&text), @"jobs.yaml:2:35: `dependencies`: dependency cycle: b → c → a → b");
}

#[test]
fn hostile_text_is_never_echoed_raw() {
    let text = format!(
        "jobs:\n- id: \"\\e[2J\\u202e\"\n  run: x\n  \"\\e]0;x\\a\": {}\n",
        "y".repeat(500)
    );
    let described = describe(&text);
    assert!(!described.chars().any(|c| c != '\n' && diagnostics::is_hostile(c)), "{described:?}");
    insta::assert_snapshot!(described, @r"
    jobs.yaml:2:7: `id`: must not contain control characters
    jobs.yaml:4:3: unknown key `\u{1b}]0;x\u{7}` in a job
    ");
}

#[test]
fn a_text_that_is_not_indented_is_reported_as_that() {
    let described: Vec<String> = [
        "jobs:\n- id: a\n  run: |\necho hello\n",
        "jobs:\n- id: a\n  run: |\n  echo hello\n",
        "jobs:\n- id: a\n  run: |\n  echo one\n  echo two\n  timeout: 5m\n",
        "jobs:\n- id: a\n  run: >-  # folded\n\n  echo one\n  echo two\n",
        "jobs:\n- run: |\n  echo *\n  id: a\n",
        "jobs:\n- id: a\n  run: |\n  *.sh\n",
        "jobs:\n- id: a\n  run: |\n  set -e; echo a: b\n",
        // These are something else.
        "jobs:\n- id: a\n  run: |\n    echo\n  timeout\n",
        "jobs:\n- id: a\n  run: |\n  timeout: 5m\n",
        "jobs:\n- id: a\n  run: |\n    echo\n  schedule: @daily\n",
    ]
    .iter()
    .map(|text| describe(text))
    .collect();
    insta::assert_snapshot!(described.join("\n"));
}

#[test]
fn an_error_carries_the_key_that_it_is_about() {
    let text = "timezone: X
jobs:
- {id: a, timeout: soon, retry: {max_retries: 2}, dependencies: [b], run: x, elephant: 1}
- {id: a, schedule: every elephant, env: {A: }}
";
    let errors = parse(&sources(&[("jobs.yaml", text)]), &rules()).unwrap_err().0;
    let line = |error: &FileDiagnostic| {
        format!("{}:{} {}", error.line, error.column, error.key.unwrap_or("-"))
    };
    insta::assert_snapshot!(errors.iter().map(line).collect::<Vec<_>>().join("\n"), @r"
    1:11 timezone
    3:20 timeout
    3:26 type
    3:66 dependencies
    3:78 -
    4:4 run
    4:8 id
    4:27 schedule
    4:43 env
    ");
}

#[test]
fn a_program_that_no_longer_gets_arguments_is_warned_of() {
    let of = |keys: &str| describe(&format!("jobs:\n  - id: a\n    run: x\n    {keys}\n"));
    let warned = of("shell: [tar, -cf]");
    assert!(
        warned.contains("jobs.yaml:4:5: ") && warned.contains("`run_args: allowed`"),
        "{warned}"
    );
    assert_eq!(of("shell: [tar, -cf]\n    run_args: allowed"), "");
    assert_eq!(of("shell: [tar, -cf]\n    run_args: refused"), "");
    assert_eq!(of("shell: [bash, -c]"), "");
    let wrong = of("run_args: maybe");
    assert!(wrong.contains("`run_args`") && wrong.contains("refused"), "{wrong}");
}
