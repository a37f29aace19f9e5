//! Jobs as programs give them.

use serde_json::json;

use super::*;
use crate::model::{Job, JobCommand, Settings};

/// What is told about an object, among jobs `a` (which waits for `b`) and `b`.
fn describe(value: &Value) -> String {
    let file = load("jobs:\n- {id: a, run: x, dependencies: [b]}\n- {id: b, run: x}\n");
    let among = CurrentJobs { settings: &file.set.settings, jobs: file.set.jobs.iter().collect() };
    match parse_job(value, &rules(), &among) {
        Ok(job) => to_yaml(&job),
        Err(problems) => {
            let line = |problem: &crate::model::Problem| {
                without_schedule_words(&format!("{}: {}", problem.path, problem.message)) + "\n"
            };
            problems.iter().map(line).collect()
        }
    }
}

#[test]
fn both_spellings_are_taken() {
    insta::assert_snapshot!(describe(&json!({
        "id": "c", "name": "C", "schedule": "daily at 2 AM", "command": "backup", "priority": "HIGH",
        "dependencies": ["a"], "enabled": true,
        "retryPolicy": {"type": "FIXED", "maxRetries": 2, "delayMs": 1500},
        "metadata": {"commandArgs": {"paths": ["/etc"], "keep": 3}, "x": 1.5},
    })), @r"
    id: c
    name: C
    schedule: daily at 2 AM
    command: backup
    args: {keep: 3, paths: [/etc]}
    dependencies: [a]
    priority: high
    retry: {type: fixed, max_retries: 2, delay: 1s500ms}
    metadata: {x: 1.5}
    ");
    insta::assert_snapshot!(describe(&json!({
        "id": "c", "run": "echo", "timeout": "5m", "kill_grace_ms": 100,
        "retry": {"type": "exponential"}, "tags": ["x"], "working_dir": "/tmp",
    })), @r"
    id: c
    run: echo
    timeout: 5m
    kill_grace: 100ms
    retry: {type: exponential, max_retries: 3, delay: 1s, max_delay: 5m}
    working_dir: /tmp
    tags: [x]
    ");
}

#[test]
fn what_the_engine_tells_beside_a_job_is_no_mistake() {
    let value =
        json!({"id": "c", "run": "x", "version": 3, "source": "api", "next_fire_time": null});
    assert_eq!(describe(&value), "id: c\nrun: x\n");
}

#[test]
fn a_job_of_a_program_has_no_folder() {
    let among = CurrentJobs { settings: &Settings::default(), jobs: Vec::new() };
    let value = json!({"id": "c", "run": "x"});
    let job = parse_job(&value, &rules(), &among).unwrap();
    assert_eq!(job, Job::new("c".parse().unwrap(), JobCommand::script("x")));
}

#[test]
fn problems_name_the_path() {
    insta::assert_snapshot!(describe(&json!({
        "shcedule": "x", "command": "data_processing", "args": {"aggregate": {"op": "mode"}},
        "retry": {"type": "fixed", "delay": []}, "dependencies": ["a", "zz"], "tags": ["a", 5, {}],
        "schedule": "every elephant", "working_dir": "x", "env": {"A": null}, "timeout": 5,
    })), @r#"
    id: a job needs an `id`
    args.aggregate.op: command `data_processing`: argument `aggregate.op` is none of count, sum, mean, min, max
    dependencies[1]: `dependencies`: no job named `zz`
    env.A: `env`: `A` has no value: write "" for an empty one
    retry.delay: `delay`: expected a duration such as 10s, found a list
    schedule: `schedule`: `elephant` …
    shcedule: unknown key `shcedule`: did you mean `schedule`?
    tags[2]: `tags`: expected text, found a map
    timeout: `timeout`: `5` has no unit: write it like 500ms, 10s, 5m, 1h30m or 2d
    working_dir: `working_dir`: must be an absolute path
    "#);
    insta::assert_snapshot!(describe(&json!([1])), @": expected a job: a map with `id`, and `run` or `command`, found a list");
    insta::assert_snapshot!(describe(&json!(null)), @": expected a job: a map with `id`, and `run` or `command`, found nothing");
}

#[test]
fn a_circle_with_the_jobs_in_force_is_found() {
    let value = json!({"id": "b", "run": "x", "dependencies": ["a"]});
    insta::assert_snapshot!(describe(&value), @"dependencies[0]: `dependencies`: dependency cycle: b → a → b");
    assert_eq!(describe(&json!({"id": "a", "run": "y"})), "id: a\nrun: y\n");
}

#[test]
fn a_deep_object_ends_in_an_error() {
    let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
    insta::assert_snapshot!(describe(&json!({"id": "c", "run": "x", "metadata": {"deep": deep}})), @"metadata.deep[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: `metadata`: nested deeper than 32 levels");
}
