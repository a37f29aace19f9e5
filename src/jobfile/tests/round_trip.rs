//! Writing a job and reading it back gives the same job.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::RunArgs;
use crate::model::{
    CatchUp, EnvValue, Job, JobCommand, NamedCause, OnFailure, Overlap, Priority, Retry,
    RetryCause, WorkerSelector,
};

/// Reads back what was written, as the only job of a file.
fn back(job: &Job) -> Job {
    let yaml = to_yaml(job);
    let indented: Vec<String> = yaml
        .split('\n')
        .map(|line| if line.is_empty() { String::new() } else { format!("    {line}") })
        .collect();
    let file = format!("limits: {{db: 2, api: 5}}\njobs:\n  -\n{}\n", indented.join("\n"));
    let loaded = parse(&sources(&[("jobs.yaml", &file)]), &rules());
    let mut loaded = loaded.unwrap_or_else(|errors| panic!("{errors}\n{file}"));
    loaded.set.jobs.remove(0)
}

/// A text of any characters but NUL.
fn text() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec("[ a-c:#|\"'\\\\\t-]{0,8}", 0..4).prop_map(|l| l.join("\n"));
    let odd = prop::sample::select(vec![
        "true",
        "null",
        "~",
        "5",
        "1e3",
        "0x1f",
        "-",
        "- a",
        "a: b",
        "a #b",
        "*x",
        "&x",
        "!x",
        "%x",
        "@x",
        "`x",
        "[",
        "{",
        "]",
        ",",
        "a,b",
        "a\n",
        "a\n\n",
        "\na",
        " a",
        "a ",
        "...",
        "---",
        "=",
        "<<",
        "a:",
        "é",
        "\u{feff}x",
        "a\r\nb",
        "\u{85}",
        "\u{2028}",
        "😀",
        "a\n  b\n c",
        "  a\nb",
        "a\n \nb",
        "#",
        "?",
        "? a",
        ".5",
        "+5",
        "no",
    ]);
    prop_oneof![odd.prop_map(str::to_owned), lines, any::<String>()]
        .prop_map(|text| text.replace('\0', ""))
}

/// A text of one line that can be shown.
fn line() -> impl Strategy<Value = String> {
    let fit = |c: char| !diagnostics::is_hostile(c);
    text()
        .prop_map(move |text| text.chars().filter(|c| fit(*c)).take(100).collect::<String>())
        .prop_filter("blank", |text| !text.trim().is_empty())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn map() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("[a-zA-Z_]{1,6}", value(), 0..4)
        .prop_map(|map| map.into_iter().filter(|(key, _)| key != "commandArgs").collect())
}

fn command() -> impl Strategy<Value = JobCommand> {
    let script = text().prop_filter("blank", |text| !text.trim().is_empty());
    let shell = prop::collection::vec(line(), 1..3);
    prop_oneof![
        (script, shell).prop_map(|(run, shell)| JobCommand::Run { run, shell }),
        map().prop_map(|args| JobCommand::Named { command: "echo".to_owned(), args }),
    ]
}

fn retry() -> impl Strategy<Value = Retry> {
    let ms = || (0u64..1_000_000_000).prop_map(Duration::from_millis);
    let jitter = || prop_oneof![Just(0.0), 0.0..1.0f64];
    prop_oneof![
        Just(Retry::None),
        (0u32..100, ms(), jitter()).prop_map(|(max_retries, delay, jitter)| Retry::Fixed {
            max_retries,
            delay,
            jitter
        }),
        (0u32..100, ms(), ms(), jitter()).prop_map(|(max_retries, delay, max_delay, jitter)| {
            Retry::Exponential { max_retries, delay, max_delay, jitter }
        }),
    ]
}

fn causes() -> impl Strategy<Value = Vec<RetryCause>> {
    let named = prop::sample::select(vec![NamedCause::Timeout, NamedCause::WorkerLost]);
    let cause =
        prop_oneof![(0i32..256).prop_map(RetryCause::ExitCode), named.prop_map(RetryCause::Named),];
    prop::collection::vec(cause, 0..3)
}

fn selector() -> impl Strategy<Value = WorkerSelector> {
    let id = "[a-z0-9][a-z0-9._-]{0,8}".prop_map(|id| id.parse().unwrap());
    (prop::collection::vec(id, 0..3), prop::collection::vec(line(), 0..3))
        .prop_map(|(ids, labels)| WorkerSelector { ids, labels })
}

fn env_value() -> impl Strategy<Value = EnvValue> {
    let path = line().prop_map(|name| format!("/s{}", name.replace('/', "_")));
    prop_oneof![
        text().prop_map(EnvValue::Text),
        path.prop_map(|secret_file| EnvValue::SecretFile { secret_file }),
    ]
}

fn on_failure() -> impl Strategy<Value = OnFailure> {
    let script = text().prop_filter("blank", |text| !text.trim().is_empty());
    prop_oneof![
        script.prop_map(|run| OnFailure::Run { run }),
        "https?://[a-z]{1,8}/[a-z#&:?=,{}]{0,8}".prop_map(|url| OnFailure::Url { url }),
    ]
}

prop_compose! {
    fn job()(
        command in command(),
        name in prop::option::of(line()),
        description in prop::option::of(text()),
        retry in retry(),
        env in prop::collection::btree_map("[A-Z_]{1,5}", env_value(), 0..4),
        tags in prop::collection::vec(line(), 0..3),
        metadata in map(),
        (priority, overlap, catch_up, enabled) in (
            prop::sample::select(vec![Priority::High, Priority::Medium, Priority::Low]),
            prop::sample::select(vec![
                Overlap::Skip, Overlap::Queue, Overlap::QueueAll, Overlap::Allow, Overlap::Replace,
            ]),
            prop::sample::select(vec![CatchUp::None, CatchUp::Latest, CatchUp::All]),
            any::<bool>(),
        ),
        (timeout, limit, codes, start) in (
            prop::option::of(1u64..1_000_000_000),
            0u64..1 << 40,
            prop::collection::vec(0i32..256, 1..4),
            prop::option::of(0i64..4_000_000_000_000),
        ),
        (deadline, dependency_timeout, aging, concurrency) in (
            prop::option::of(1u64..1_000_000_000),
            prop::option::of(1u64..1_000_000_000),
            1u64..1_000_000_000,
            prop::option::of(1u32..10_000),
        ),
        (retry_on, no_retry_on) in (causes(), causes()),
        limits in prop::sample::subsequence(vec!["api", "db"], 0..=2),
        workers in prop::option::of(selector()),
        on_failure in prop::option::of(on_failure()),
        user in prop::option::of("[a-z_][a-z0-9_-]{0,8}"),
    ) -> Job {
        let mut job = Job::new("some-job".parse().unwrap(), command);
        (job.name, job.description, job.retry, job.env) = (name, description, retry, env);
        (job.tags, job.metadata) = (tags, metadata);
        (job.priority, job.overlap, job.catch_up, job.enabled) = (priority, overlap, catch_up, enabled);
        job.timeout = timeout.map(Duration::from_millis);
        job.start_at = start.and_then(chrono::DateTime::from_timestamp_millis);
        (job.output_limit, job.success_exit_codes) = (limit, codes);
        job.working_dir = Some("/srv/jobs".to_owned());
        job.deadline = deadline.map(Duration::from_millis);
        job.dependency_timeout = dependency_timeout.map(Duration::from_millis);
        job.priority_aging = Duration::from_millis(aging);
        (job.concurrency, job.workers) = (concurrency, workers);
        (job.on_failure, job.user) = (on_failure, user);
        job.run_args = match job.overlap {
            Overlap::Skip => Some(RunArgs::Allowed),
            Overlap::Queue => Some(RunArgs::Refused),
            _ => None,
        };
        (job.retry_on, job.no_retry_on) = (retry_on, no_retry_on);
        job.limits = limits.into_iter().map(str::to_owned).collect();
        job
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_as_the_same_job(job in job()) {
        prop_assert_eq!(back(&job), job);
    }

    #[test]
    fn no_text_makes_the_judge_stumble(text in any::<String>(), lines in prop::collection::vec("[ ]{0,4}[-a-z:*&@'\"\\[{|> ]{0,12}", 0..8)) {
        describe(&text);
        describe(&format!("jobs:\n- id: a\n  run: x\n{}", lines.join("\n")));
    }
}

#[test]
fn what_is_the_default_is_left_out() {
    let job = Job::new("a".parse().unwrap(), JobCommand::script("echo a\necho b\n"));
    insta::assert_snapshot!(to_yaml(&job), @r"
    id: a
    run: |
      echo a
      echo b
    ");
}

#[test]
fn every_key_is_written_and_read_back() {
    for job in load(include_str!("every_key.yaml")).set.jobs {
        let mut job = job;
        job.dependencies.clear();
        job.calendar = None;
        assert_eq!(back(&job), job);
    }
}

#[test]
fn a_dependency_is_written_and_read_back() {
    for written in [
        "[d]",
        "[{job: d, on: failure}]",
        "[{job: d, on: success, within: 6h}]",
        "[{job: d, on: completion, within: 1m30s}]",
    ] {
        let file = |dependencies: &str| {
            format!("jobs:\n- {{id: d, run: x}}\n- {{id: a, run: x, dependencies: {dependencies}}}")
        };
        let read = load(&file(written)).set.jobs.remove(1);
        let yaml = to_yaml(&read);
        assert!(yaml.contains(&format!("dependencies: {written}\n")), "{yaml}");
    }
}

#[test]
fn a_job_reads_well() {
    let mut job =
        Job::new("a".parse().unwrap(), JobCommand::script("set -e\n\nif x; then\n  y\nfi\n"));
    job.schedule = Some("*/5 * * * *".to_owned());
    job.env = BTreeMap::from([("LANG".to_owned(), EnvValue::Text("C".to_owned()))]);
    job.retry = Retry::Fixed { max_retries: 2, delay: Duration::from_secs(90), jitter: 0.0 };
    job.tags = vec!["a, b".to_owned(), "c".to_owned()];
    job.metadata = json!({"n": 5, "text": "5", "list": [true, null]}).as_object().unwrap().clone();
    insta::assert_snapshot!(to_yaml(&job), @r#"
    id: a
    schedule: "*/5 * * * *"
    run: |
      set -e

      if x; then
        y
      fi
    retry: {type: fixed, max_retries: 2, delay: 1m30s}
    env: {LANG: C}
    tags: ["a, b", c]
    metadata: {list: [true, null], n: 5, text: "5"}
    "#);
}
