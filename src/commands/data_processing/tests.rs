use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::filter::Filter;
use super::format::Format;
use super::rows::{Read, Rows};

use crate::commands::testing::{Bench, check};

const ORDERS: &str = "\
id,customer,amount,note
1,ann,10.5,\"says \"\"hi\"\", twice\"
2,bob,7,
3,ann,abc,broken amount
4,cid
5,bob,0.5,\"two
lines\"
";

async fn run(bench: &Bench, args: Value) -> String {
    match bench.run("data_processing", args).await {
        Ok(result) => format!("{}{result:#}", bench.output()),
        Err(failure) => failure,
    }
}

#[tokio::test]
async fn csv_is_filtered_grouped_and_added_up() {
    let bench = Bench::new();
    bench.write("orders.csv", ORDERS);
    let message = run(
        &bench,
        json!({
            "input": "orders.csv", "filter": "id >= 2", "group_by": "customer",
            "aggregate": { "field": "amount", "op": "sum" }, "output": "sums/by-customer.csv",
        }),
    )
    .await
    .replace(bench.path().to_str().unwrap(), "");
    insta::assert_snapshot!(message, @r#"
    line 5: 2 fields, the header has 4
    4 rows read, 3 kept
    malformed rows left out: 1
    kept rows without a number for sum of amount: 1
    ann: 0
    bob: 7.5
    written to /sums/by-customer.csv
    {
      "group_count": 2,
      "groups": {
        "ann": 0,
        "bob": 7.5
      },
      "output": "/sums/by-customer.csv",
      "rows_kept": 3,
      "rows_malformed": 1,
      "rows_read": 4,
      "rows_without_number": 1
    }
    "#);
    insta::assert_snapshot!(bench.read("sums/by-customer.csv"), @r"
    customer,sum_amount
    ann,0
    bob,7.5
    ");
    assert_eq!(bench.list("sums"), ["by-customer.csv"]);
}

#[tokio::test]
async fn kept_rows_are_written_as_they_were_read() {
    let bench = Bench::new();
    bench.write("orders.csv", ORDERS);
    let args = json!({ "input": "orders.csv", "filter": "amount < 100 and note != ''",
        "output": "kept.csv" });
    bench.run("data_processing", args).await.unwrap();
    insta::assert_snapshot!(bench.read("kept.csv"), @r#"
    id,customer,amount,note
    1,ann,10.5,"says ""hi"", twice"
    5,bob,0.5,"two
    lines"
    "#);

    bench.write("app.log", "a ERROR\r\n\u{feff}b\nERROR c");
    let args = json!({ "input": "app.log", "filter": "ERROR", "output": "errors.log" });
    let result = bench.run("data_processing", args).await.unwrap();
    assert_eq!((&result["rows_read"], &result["rows_kept"]), (&json!(3), &json!(2)));
    assert_eq!(bench.read("errors.log"), "a ERROR\nERROR c\n");
}

#[tokio::test]
async fn json_lines_are_asked_by_path_and_broken_ones_are_named() {
    let bench = Bench::new();
    let rows = [
        r#"{"user": {"name": "ann"}, "ms": 5, "ok": true}"#,
        r#"{"user": {"name": "bob"}, "ms": "7", "ok": true}"#,
        "",
        r#"{"user": {"name": "ann"}, "ms": 15, "ok": false}"#,
        r#"{"user": {"name": "ann"}, "ok": true, "ms": null}"#,
        r#"{"ms": 1.5, "ok": true}"#,
        r#"{"user": {"#,
        "[1, 2]",
    ];
    bench.write("calls.jsonl", rows.join("\n"));
    let message = run(
        &bench,
        json!({
            "input": "calls.jsonl", "filter": "ok = true", "group_by": "user.name",
            "aggregate": { "field": "ms", "op": "mean" }, "output": "means.jsonl",
        }),
    )
    .await
    .replace(bench.path().to_str().unwrap(), "");
    insta::assert_snapshot!(message, @r#"
    line 7: EOF while parsing an object at column 10
    line 8: invalid type: sequence, expected a map at column 0
    5 rows read, 4 kept
    malformed rows left out: 2
    kept rows without a number for mean of ms: 1
    (none): 1.5
    ann: 5
    bob: 7
    written to /means.jsonl
    {
      "group_count": 3,
      "groups": {
        "": 1.5,
        "ann": 5,
        "bob": 7
      },
      "output": "/means.jsonl",
      "rows_kept": 4,
      "rows_malformed": 2,
      "rows_read": 5,
      "rows_without_number": 1
    }
    "#);
    insta::assert_snapshot!(bench.read("means.jsonl"), @r#"
    {"mean_ms":1.5,"user.name":""}
    {"mean_ms":5,"user.name":"ann"}
    {"mean_ms":7,"user.name":"bob"}
    "#);
}

#[tokio::test]
async fn words_of_lines_can_be_grouped_and_one_value_needs_no_group() {
    let bench = Bench::new();
    bench.write("app.log", "10:00 ERROR 5\n10:01 INFO 7\n10:02 ERROR 1\n\nshort\n");
    let by_level = json!({ "input": "app.log", "group_by": "2" });
    let result = bench.run("data_processing", by_level).await.unwrap();
    assert_eq!(result["groups"], json!({ "": 2, "ERROR": 2, "INFO": 1 }));
    let greatest = json!({ "input": "app.log", "aggregate": { "op": "max", "field": "3" } });
    let result = bench.run("data_processing", greatest).await.unwrap();
    assert_eq!((&result["value"], &result["rows_without_number"]), (&json!(7), &json!(2)));
}

#[tokio::test]
async fn too_many_groups_are_an_error_and_leave_no_output() {
    let bench = Bench::new();
    let lines: Vec<_> = (0..=10_000).map(|n| n.to_string()).collect();
    bench.write("many.log", lines.join("\n"));
    let args = json!({ "input": "many.log", "group_by": "line", "output": "out.csv" });
    let failed = run(&bench, args).await;
    assert_eq!(
        failed,
        "more than 10000 groups by `line`: group by a field with fewer values, or filter first"
    );
    assert_eq!(bench.list("."), ["many.log"]);
}

#[tokio::test]
async fn the_result_shows_the_first_groups_and_the_file_has_all() {
    let bench = Bench::new();
    let lines: Vec<_> = (0..250).map(|n| n.to_string()).collect();
    bench.write("many.log", lines.join("\n"));
    let args = json!({ "input": "many.log", "group_by": "line", "output": "out.csv" });
    let result = bench.run("data_processing", args).await.unwrap();
    assert_eq!(result["groups"].as_object().unwrap().len(), 100);
    assert_eq!(result["group_count"], 250);
    assert_eq!(bench.read("out.csv").lines().count(), 251);
}

#[tokio::test]
async fn rows_without_end_are_bounded() {
    let bench = Bench::new();
    let long = "x".repeat(super::rows::MAX_ROW + 1);
    bench.write("long.log", format!("{long}\nshort\n"));
    let result = bench.run("data_processing", json!({ "input": "long.log" })).await.unwrap();
    assert_eq!((&result["rows_read"], &result["rows_malformed"]), (&json!(1), &json!(1)));
    assert_eq!(bench.output().lines().next(), Some("line 1: longer than 1MiB"));

    bench.write("open.csv", format!("a,b\n1,2\n3,\"{}", "x,\n".repeat(1 << 20)));
    let failed = run(&bench, json!({ "input": "open.csv" })).await;
    let place = "line 3: a row longer than 1MiB (a quote that is never closed?)";
    assert!(failed.ends_with(place), "{failed}");
}

#[tokio::test]
async fn fields_that_are_not_there_are_named_before_anything_is_written() {
    let bench = Bench::new();
    bench.write("orders.csv", ORDERS);
    let args = json!({ "input": "orders.csv", "group_by": "custmer", "output": "out.csv" });
    let failed = run(&bench, args).await;
    assert!(failed.ends_with("has no field `custmer`: did you mean `customer`?"), "{failed}");
    bench.write("twice.csv", "a,a\n1,2\n");
    let failed = run(&bench, json!({ "input": "twice.csv", "filter": "a = 1" })).await;
    assert!(failed.ends_with("has more than one field `a` in its header"), "{failed}");
    assert_eq!(bench.list("."), ["orders.csv", "twice.csv"]);
}

#[tokio::test]
async fn a_file_that_is_none_of_its_format_fails() {
    let bench = Bench::new();
    bench.write("app.log", "one\ntwo\n");
    let failed = run(&bench, json!({ "input": "app.log", "format": "jsonl" })).await;
    assert!(failed.starts_with("none of the 2 rows of "), "{failed}");
    assert!(failed.contains("could be read as jsonl; line 1: expected"), "{failed}");
    let failed = run(&bench, json!({ "input": "." })).await;
    assert!(failed.ends_with("is not a regular file"), "{failed}");
    let failed = run(&bench, json!({ "input": "nowhere.csv" })).await;
    assert!(failed.ends_with("nowhere.csv: No such file or directory (os error 2)"), "{failed}");
}

#[tokio::test]
async fn nothing_in_the_file_is_no_failure() {
    let bench = Bench::new();
    bench.write("empty.csv", "");
    let args = json!({ "input": "empty.csv", "aggregate": { "op": "sum", "field": "a" } });
    let result = bench.run("data_processing", args).await.unwrap();
    assert_eq!((&result["rows_read"], &result["value"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn the_input_is_never_overwritten() {
    let bench = Bench::new();
    bench.write("a.log", "x\n");
    std::os::unix::fs::symlink("a.log", bench.path().join("b.log")).unwrap();
    let failed = run(&bench, json!({ "input": "a.log", "output": "b.log" })).await;
    assert!(failed.ends_with("is the input: name another file"), "{failed}");
    assert_eq!(bench.read("a.log"), "x\n");
}

#[tokio::test]
async fn a_stop_leaves_the_old_output() {
    let bench = Bench::new();
    bench.write("in.jsonl", "{}\nbroken\n{}\n");
    bench.write("out.jsonl", "old");
    bench.stop_at("line 2");
    let args = json!({ "input": "in.jsonl", "output": "out.jsonl" });
    let stopped = bench.run("data_processing", args).await;
    assert_eq!(stopped, Err("stopped before it was done".to_owned()));
    assert_eq!(bench.read("out.jsonl"), "old");
    assert_eq!(bench.list("."), ["in.jsonl", "out.jsonl"]);
}

#[test]
fn wrong_arguments_are_reported() {
    insta::assert_snapshot!(check("data_processing", json!({
        "inptu": "x", "format": "xml", "filter": "", "group_by": "level",
        "aggregate": { "op": "median", "field": 5, "by": "x" }, "output": "groups.txt",
    })), @r"
    input: is missing: write it like data/orders.csv
    format: `xml` is unknown: there are text, csv, jsonl
    filter: is empty: leave it out to keep every row
    aggregate.op: `median` is unknown: did you mean mean?
    aggregate.field: must be text, not a number
    aggregate.by: is not an argument of this command: it takes `op`, `field`
    group_by: is not a field of a text line: use `line` for all of it, `1` for its first word
    output: must end in .csv or .jsonl, which groups are written as
    inptu: is not an argument of this command: did you mean `input`?
    ");
    insta::assert_snapshot!(check("data_processing", json!({
        "input": "a.csv", "filter": "a = 5 b", "aggregate": { "op": "sum" }, "output": "a.csv",
    })), @r"
    filter: has `b` at character 7 where `and` must stand: as in `status >= 500 and path ~ '/api/'`
    aggregate.field: is missing: sum of what?
    output: is the input: name another file
    ");
    insta::assert_snapshot!(check("data_processing", json!({
        "input": "a.log", "output": "b.csv", "group_by": "0", "aggregate": "sum",
    })), @r"
    aggregate: must be a map such as {field: size, op: sum}, not text
    group_by: is not a field of a text line: use `line` for all of it, `1` for its first word
    ");
    insta::assert_snapshot!(check("data_processing", json!({
        "input": "a.csv", "output": "b.jsonl",
    })), @"output: must not end like jsonl: kept rows stay csv, as they were read");
}

/// Bytes that mean something to one of the readers, and any other.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'"'), Just(b','), Just(b'{'), any::<u8>()]
}

/// Words and signs that mean something to a filter, and any other text.
const FILTER_LIKE: &str = r#"([a-z.]{1,5}|[=!<>~'"\\ ]|[0-9]{1,3}| and ){0,12}|\PC{0,30}"#;

proptest! {
    #[test]
    fn no_filter_breaks_it(text in FILTER_LIKE) {
        for format in [Format::Text, Format::Csv] {
            if let Err(message) = Filter::parse(&text, format) {
                prop_assert!(!message.is_empty());
            }
        }
    }

    #[test]
    fn no_bytes_break_a_reader(bytes in proptest::collection::vec(byte(), 0..300)) {
        let bench = Bench::new();
        bench.write("input", &bytes);
        for format in [Format::Text, Format::Csv, Format::Jsonl] {
            let path = bench.path().join("input");
            let mut rows = Rows::open(&path, format, &[], CancellationToken::new()).unwrap();
            let mut count = 0;
            while let Some(read) = rows.next().unwrap() {
                count += 1;
                if let Read::Row(row) = read {
                    row.field("line");
                    row.raw();
                }
            }
            let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
            match format {
                Format::Text => prop_assert_eq!(count, lines),
                // A bare `\r` ends a row of CSV too.
                Format::Csv => prop_assert!(count <= bytes.len()),
                Format::Jsonl => prop_assert!(count <= lines),
            }
        }
    }
}
