//! Texts that are no YAML, or none that belongs here.

use crate::jobfile::diagnostics::{Diagnostic, Diagnostics};
use crate::jobfile::syntax::read;
use crate::jobfile::tree;

/// The errors of a text, one a line.
fn faults(text: &str) -> String {
    let mut diagnostics = Diagnostics::default();
    read(text, 0, &mut diagnostics);
    let (errors, _) = diagnostics.into_sorted();
    let line = |diagnostic: &Diagnostic| {
        format!("{}:{} {}", diagnostic.at.line, diagnostic.at.column, diagnostic.message)
    };
    errors.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_bare_schedule_is_mended_and_reading_goes_on() {
    let text = "a:\n  schedule: * * * * *\n  timeout: 1s\nb:\n  - schedule: @daily # x\nc: \"x";
    insta::assert_snapshot!(faults(text), @r#"
    2:13 put the schedule in quotes: `schedule: "* * * * *"`
    5:15 put the schedule in quotes: `schedule: "@daily"`
    6:4 this quote is never closed
    "#);
}

#[test]
fn every_common_mistake_has_its_words() {
    let texts = [
        "a:\n\tb: 1\n",
        "a:\n  b: 1\n\tc: 2\n",
        "a: \"x\nb: c\n",
        "a: 'it's'\n",
        "a: [1, 2\nb: c\n",
        "a: {b: 1\n",
        "run: echo a: b\n",
        "a: b\n  c: d\n",
        "key:value\nfoo: bar\n",
        "a:\n    b: 1\n  c: 2\n",
        "jobs:\n  - id: x\n   run: y\n",
        "name: - x\n",
        "a: `x`\n",
        "a: \u{7}\n",
        "a: \"\\q\"\n",
        "a: \"x\" y\n",
        "a: x # y\n  z\n",
        "a: *nowhere\n",
        "a\nb: c\n",
        "a: !mine x\n",
        "a: 1\n---\nb: 2\n",
        "? [x]\n: y\n",
        "a: 1\nb: 2\na: 3\n",
        "a: &a [*a]\n",
    ];
    let described: Vec<String> =
        texts.iter().map(|text| format!("{text:?}\n  {}", faults(text))).collect();
    insta::assert_snapshot!(described.join("\n"), @r#"
    "a:\n\tb: 1\n"
      2:1 YAML does not allow a tab here: indent with spaces
    "a:\n  b: 1\n\tc: 2\n"
      3:1 YAML does not allow a tab here: indent with spaces
    "a: \"x\nb: c\n"
      1:4 this quote is never closed
    "a: 'it's'\n"
      1:8 text after the closing quote: inside '…' a quote is written ''
    "a: [1, 2\nb: c\n"
      2:2 a key cannot begin here: is a closing `]` or `}` missing above?
    "a: {b: 1\n"
      1:4 this `{` is never closed
    "run: echo a: b\n"
      1:12 the value of `run` contains `: `: put it in quotes, or write it below `run: |`
    "a: b\n  c: d\n"
      2:3 this key is indented more than the keys around it, or the line above is missing quotes or a `:`
    "key:value\nfoo: bar\n"
      1:4 a space is missing after this `:`
    "a:\n    b: 1\n  c: 2\n"
      3:3 the indentation of this line matches nothing above it: align the keys of a job, and begin each job with `- `
    "jobs:\n  - id: x\n   run: y\n"
      3:4 the indentation of this line matches nothing above it: align the keys of a job, and begin each job with `- `
    "name: - x\n"
      1:7 a list cannot begin on the line of its key: put each `- ` on a separate line, or write `[a, b]`
    "a: `x`\n"
      1:4 put the value in quotes: `a: "`x`"`
    "a: \u{7}\n"
      1:4 the control character \u{7} is not allowed here
    "a: \"\\q\"\n"
      1:4 an unknown escape in "…": write `\\` for a backslash, or use '…' quotes
    "a: \"x\" y\n"
      1:8 text after the closing quote: put the whole value in '…' quotes, or write it below `|`
    "a: x # y\n  z\n"
      1:6 a comment cannot be inside a multi-line text: write the text below `|`
    "a: *nowhere\n"
      1:4 unknown alias `*nowhere`: put it in quotes if it is text
    "a\nb: c\n"
      2:1 this key is indented more than the keys around it, or the line above is missing quotes or a `:`
    "a: !mine x\n"
      1:10 YAML tags such as `!mine` are not supported
    "a: 1\n---\nb: 2\n"
      2:1 a jobs file must be a single YAML document: remove this `---` and everything above or below it
    "? [x]\n: y\n"
      1:3 a key must be a word, found a list
    "a: 1\nb: 2\na: 3\n"
      3:1 duplicate key `a`: first set on line 1
    "a: &a [*a]\n"
      1:8 an alias cannot be inside the value that it repeats
    "#);
}

#[test]
fn hostile_inputs_end_in_an_error() {
    let bomb = (1..40).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
        format!("{text}a{n}: &a{n} [*a{m}, *a{m}]\n", m = n - 1)
    });
    let texts = [
        "[".repeat(10 << 20),
        "{a: ".repeat(1 << 20),
        "- ".repeat(1 << 20),
        "? ".repeat(1 << 20),
        format!("a: \"{}", "x".repeat(1 << 20)),
        "a: b\n".repeat(2 << 20).replace("a: b", "- *"),
        "*\n".repeat(100_000),
        bomb,
    ];
    let described: Vec<String> = texts
        .iter()
        .map(|text| faults(text).lines().next().unwrap_or("no error").to_owned())
        .collect();
    insta::assert_snapshot!(described.join("\n"), @r"
    1:65 lists and maps are nested too deep here
    1:257 lists and maps are nested too deep here
    1:129 lists and maps are nested too deep here
    1:129 lists and maps are nested too deep here
    1:4 this quote is never closed
    1:3 unknown alias `*`
    1:1 unknown alias `*`
    17:18 the aliases in this file expand to too many values: write them out
    ");
}

#[test]
fn too_many_values_end_in_an_error() {
    insta::assert_snapshot!(faults(&format!("[{}", "a,".repeat(210_000))), @"1:400002 the file has more than 200000 values: split it");
}

#[test]
fn merged_keys_give_way_to_own_ones() {
    let text = "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n";
    let root = read(text, 0, &mut Diagnostics::default()).unwrap();
    let tree::Content::Map(entries) = root.content else { panic!("a map") };
    let tree::Content::Map(b) = &entries[1].value.content else { panic!("a map") };
    let keys: Vec<&str> = b.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["x", "y"]);
}
