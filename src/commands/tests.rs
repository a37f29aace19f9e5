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
    `n` is no argument of this command: it takes `duration`, `ms`
    ");
}
