use serde_json::json;

use super::testing::{self, check};
use super::{CommandError, Registry, args};

#[test]
fn no_argument_breaks_a_check() {
    let keys = "aggregate argv body ca_file destination duration expect_status expression \
        filter format group_by headers input keep max_redirects message method ms output paths \
        script timeout url";
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e308),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}"),
        json!("\u{1F4A5} ' \" ( http://[ ="),
        json!("9".repeat(100_000)),
        json!([]),
        json!([null, "", [[]]]),
        json!({}),
        json!({ "op": null, "field": [], "": "\n" }),
    ];
    for name in Registry::builtin().names() {
        for key in keys.split_whitespace() {
            for value in &odd {
                let message = check(name, json!({ key: value }));
                assert!(message.len() < 2_000, "{name} {key}: {}", args::clip(&message));
                assert!(!value.is_null() || message != "fine", "{name} {key} takes null");
            }
        }
    }
}

#[test]
fn a_huge_unknown_key_is_cut_short() {
    let key = "x".repeat(100_000);
    assert!(check("echo", json!({ "message": "m", key: 1 })).len() < 200);
}

#[tokio::test]
async fn arguments_that_nobody_checked_are_refused_when_it_runs() {
    let registry = Registry::builtin();
    let bench = testing::Bench::new();
    let sleep = registry.get("sleep").unwrap();
    let failed = sleep.run(bench.context(), testing::args(json!({ "ms": "x", "n": 1 }))).await;
    let CommandError(message) = failed.unwrap_err();
    insta::assert_snapshot!(message.replace("; ", "\n"), @r"
    `ms` must be a whole number 0-3162240000000, not text
    `n` is not an argument of this command: it takes `duration`, `ms`
    ");
}

/// The first cells of the rows of the table below `head` in a section: names in backticks.
fn column(section: &str, head: &str) -> std::collections::BTreeSet<String> {
    let rows = section.lines().skip_while(|line| !line.starts_with(&format!("| {head} |")));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect()
}

/// The section of each command in docs/commands.md.
fn sections() -> std::collections::BTreeMap<&'static str, &'static str> {
    let page = include_str!("../../docs/commands.md");
    page.split("\n## ").skip(1).map(|text| text.split_once('\n').unwrap()).collect()
}

#[test]
fn the_page_of_commands_has_every_command_and_every_argument() {
    let sections = sections();
    let registry = Registry::builtin();
    assert!(sections.keys().copied().eq(registry.names()), "{:?}", sections.keys());
    for (name, section) in sections {
        // An unknown argument of no likeness is answered with all that are known.
        let message = check(name, json!({ "0000000000": 0 }));
        let known = message.split("it takes ").nth(1).unwrap();
        let known = known.lines().next().unwrap().split('`').skip(1).step_by(2);
        let known: std::collections::BTreeSet<_> = known.map(str::to_owned).collect();
        assert_eq!(column(section, "argument"), known, "{name}");
        let example = section.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        let jobs: Vec<serde_json::Value> = serde_yaml::from_str(example).unwrap();
        assert_eq!(jobs[0]["command"], name);
        assert_eq!(check(name, jobs[0]["args"].clone()), "fine", "{name}");
    }
    let calculate = self::sections()["calculate"];
    for function in ["abs", "atan", "log", "max", "trunc"] {
        assert!(calculate.contains(function), "{function}");
    }
}

#[tokio::test]
async fn the_page_of_commands_has_every_member_of_a_result() {
    let server = wiremock::MockServer::start().await;
    let ok = wiremock::ResponseTemplate::new(200);
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(ok).mount(&server).await;
    let bench = testing::Bench::new();
    bench.write("in.csv", "path,ms\na,1\nb,x\n\"bad");
    let aggregate = json!({ "op": "sum", "field": "ms" });
    let runs = [
        ("api_call", json!({ "url": server.uri() })),
        ("backup", json!({ "paths": "in.csv", "destination": "out" })),
        ("calculate", json!({ "expression": "1" })),
        ("data_processing", json!({ "input": "in.csv", "aggregate": aggregate })),
        ("data_processing", json!({ "input": "in.csv", "group_by": "path", "output": "o.csv" })),
        ("echo", json!({ "message": "x" })),
        ("sleep", json!({ "ms": 1 })),
    ];
    let mut seen = std::collections::BTreeMap::<&str, std::collections::BTreeSet<String>>::new();
    for (name, args) in runs {
        let result = bench.run(name, args).await.unwrap();
        seen.entry(name).or_default().extend(result.as_object().unwrap().keys().cloned());
    }
    for (name, section) in sections() {
        let result = seen.remove(name).unwrap_or_default();
        assert_eq!(column(section, "result"), result, "{name}");
    }
}
