//! What the YAML parser could not read, in words that help, and how reading can go on behind it.
//!
//! Owns the parser's errors. Knows of jobs only that a schedule that begins with `*` or `@` wants quotes: the mistake
//! that everyone makes once.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::findings::{Findings, Mark, quoted};
use super::tree::{self, Node};

/// How often one source is mended and read again, and how many bytes that may cost in all.
const MOST_MENDS: usize = 20;
const MOST_MENDED_BYTES: usize = 32 << 20;

/// Reads a source into a tree. Where a line can be understood although YAML cannot read it, it is told and mended in
/// memory, so that what is wrong further down is told too.
pub(super) fn read(text: &str, source: u32, findings: &mut Findings) -> Option<Node> {
    let mut text = Cow::Borrowed(text);
    let mut mended: HashSet<u32> = HashSet::new();
    loop {
        // What a reading that broke off has found is found again by the next one, and told once.
        let error = match tree::parse(&text, source, &mended, findings) {
            Ok(root) => return root,
            Err(error) => error,
        };
        let fault = Fault::new(&text, source, &error);
        findings.error(fault.at, &fault.message);
        let affordable = mended.len() < MOST_MENDS && mended.len() * text.len() < MOST_MENDED_BYTES;
        match fault.mended.filter(|_| affordable && mended.insert(fault.at.line)) {
            Some(better) => text = Cow::Owned(better),
            None => return None,
        }
    }
}

/// A syntax error in our words.
struct Fault {
    at: Mark,
    message: String,
    /// The whole text with the line mended.
    mended: Option<String>,
}

/// A line of the form `key: value`.
struct Line<'a> {
    key: &'a str,
    /// Bytes before the value.
    value_start: usize,
    value: &'a str,
}

impl Fault {
    fn new(text: &str, source: u32, error: &ScanError) -> Self {
        let at = tree::mark_of(*error.marker(), source);
        let line = line_of(text, at.line);
        let kind = error.kind();
        match kind {
            ErrorKind::UnknownAnchor | ErrorKind::MissingAnchorOrAliasName => {
                Self::star(text, at, line)
            }
            ErrorKind::UnexpectedCharacter { character: '@' | '`' | '%' } => {
                Self::reserved(text, at, line)
            }
            ErrorKind::MappingValueNotAllowed => Self::second_colon(text, at, line),
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart => Self::tab(text, at),
            ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::ExpectedBlockSequenceEntry
            | ErrorKind::InvalidIndentation => Self::indentation(at, line),
            _ => Self { at, message: words(kind), mended: None },
        }
    }

    /// `schedule: */5 * * * *`: YAML takes `*` for an alias.
    fn star(text: &str, at: Mark, line: &str) -> Self {
        let Some(parts) = split(line).filter(|parts| parts.value.starts_with('*')) else {
            let name = line.chars().skip(at.column as usize - 1).collect::<String>();
            let message = format!("no anchor has the name of the alias {}", quoted(name.trim()));
            return Self { at, message, mended: None };
        };
        let cron = parts.value[1..].starts_with([' ', '\t', '/', ',', '-'])
            || parts.value.split_whitespace().count() > 4;
        let message = if parts.key == "schedule" || cron {
            in_quotes(&parts)
        } else {
            let name = quoted(parts.value);
            format!("no anchor has the name of the alias {name}: put it in quotes if it is text")
        };
        Self { at, message, mended: quote_value(text, at.line, &parts) }
    }

    /// `schedule: @daily`: YAML keeps `@` to itself.
    fn reserved(text: &str, at: Mark, line: &str) -> Self {
        match split(line).filter(|parts| parts.value.starts_with(['@', '`', '%'])) {
            Some(parts) => {
                let message = in_quotes(&parts);
                Self { at, message, mended: quote_value(text, at.line, &parts) }
            }
            None => {
                let message = "text that begins with `@`, `%` or a backtick must be in quotes";
                Self { at, message: message.to_owned(), mended: None }
            }
        }
    }

    /// `run: echo a: b`, a key too deep, or a `key:value` without its blank on the line before.
    fn second_colon(text: &str, at: Mark, line: &str) -> Self {
        let column = at.column as usize - 1;
        let before: String = line.chars().take(column).collect();
        if let Some(parts) = split(line).filter(|parts| before.len() > parts.value_start) {
            let message = format!(
                "the value of {} holds `: `: put it in quotes, or write it below `{}: |`",
                quoted(parts.key),
                parts.key
            );
            let plain = !parts.value.starts_with(['"', '\'', '[', '{', '|', '>', '&', '!']);
            let mended = plain.then(|| quote_value(text, at.line, &parts)).flatten();
            return Self { at, message, mended };
        }
        let previous = text.lines().take(at.line as usize - 1).enumerate();
        let previous = previous.filter(|(_, line)| !line.trim().is_empty()).last();
        let no_blank = previous.and_then(|(index, line)| Some((index, missing_blank(line)?)));
        if let Some((index, colon)) = no_blank {
            let (line, column) = (u32::try_from(index + 1), u32::try_from(colon + 1));
            let at =
                Mark { line: line.unwrap_or(u32::MAX), column: column.unwrap_or(u32::MAX), ..at };
            let message = "a blank is missing after this `:`".to_owned();
            return Self { at, message, mended: None };
        }
        let message = "this key is indented deeper than its neighbours, or the line above lacks \
                       its quotes or its `:`";
        let indent = u32::try_from(line.len() - line.trim_start().len() + 1).unwrap_or(1);
        Self { at: Mark { column: indent, ..at }, message: message.to_owned(), mended: None }
    }

    /// Points at the first line from here on that is indented with a tab.
    fn tab(text: &str, at: Mark) -> Self {
        let indented = |line: &str| {
            let indent = line.len() - line.trim_start().len();
            line[..indent].find('\t')
        };
        let lines = text.lines().enumerate().skip(at.line as usize - 1).take(2);
        let found = lines.filter_map(|(index, line)| Some((index, indented(line)?))).next();
        let at = found.map_or(at, |(index, tab)| Mark {
            line: u32::try_from(index + 1).unwrap_or(u32::MAX),
            column: u32::try_from(tab + 1).unwrap_or(u32::MAX),
            ..at
        });
        let message = "YAML takes no tab here: indent with blanks".to_owned();
        Self { at, message, mended: None }
    }

    fn indentation(at: Mark, line: &str) -> Self {
        let message = if line.trim_start().starts_with("- ") {
            "this `-` does not stand under the one above: give both the same indentation"
        } else {
            "the indentation of this line fits nothing above it: keys of one job stand under each \
             other, and each job begins with `- `"
        };
        Self { at, message: message.to_owned(), mended: None }
    }
}

fn in_quotes(parts: &Line<'_>) -> String {
    let value = quoted(&format!("{}: {}", parts.key, double_quoted(parts.value)));
    if parts.key == "schedule" {
        format!("put the schedule in quotes: {value}")
    } else {
        format!("put the value in quotes: {value}")
    }
}

fn double_quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn line_of(text: &str, line: u32) -> &str {
    text.lines().nth(line as usize - 1).unwrap_or("")
}

/// Splits `  - key: value  # comment`; `None` when there is no value on the line.
fn split(line: &str) -> Option<Line<'_>> {
    let mut start = line.len() - line.trim_start().len();
    while let Some(rest) = line[start..].strip_prefix("- ") {
        start = line.len() - rest.trim_start().len();
    }
    let colon = start + line[start..].find(": ")?;
    let key = &line[start..colon];
    let word = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if key.is_empty() || !key.chars().all(word) {
        return None;
    }
    let value_start = line.len() - line[colon + 1..].trim_start().len();
    let value = &line[value_start..];
    let value = value.find(" #").map_or(value, |comment| &value[..comment]).trim_end();
    (!value.is_empty()).then_some(Line { key, value_start, value })
}

/// The place of the colon in `key:value`.
fn missing_blank(line: &str) -> Option<usize> {
    let start = line.len() - line.trim_start_matches([' ', '-']).len();
    let rest = &line[start..];
    let word = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"_.-".contains(b)).count();
    let after = rest[word..].strip_prefix(':')?;
    (word > 0 && after.starts_with(|c: char| !c.is_whitespace())).then_some(start + word)
}

/// The whole text with the value of a line in quotes.
fn quote_value(text: &str, line: u32, parts: &Line<'_>) -> Option<String> {
    let start = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum::<usize>();
    let from = start + parts.value_start;
    let until = from + parts.value.len();
    (text.get(from..until)? == parts.value)
        .then(|| [&text[..from], &double_quoted(parts.value), &text[until..]].concat())
}

/// The errors that need no look at the line.
fn words(kind: &ErrorKind) -> String {
    let fixed = match kind {
        ErrorKind::UnclosedQuotedScalar => "this quote is never closed",
        ErrorKind::UnclosedFlowCollection { open: '[' } => "this `[` is never closed",
        ErrorKind::UnclosedFlowCollection { .. } => "this `{` is never closed",
        ErrorKind::ExpectedFlowSequenceSeparator => "a `,` or the closing `]` is missing here",
        ErrorKind::ExpectedFlowMappingSeparator => "a `,` or the closing `}` is missing here",
        ErrorKind::InvalidColonPlacement => {
            "a key cannot begin here: is a closing `]` or `}` missing above?"
        }
        ErrorKind::RecursionLimitExceeded => "lists and maps are nested too deep here",
        ErrorKind::BlockSequenceEntryNotAllowed => {
            "a list cannot begin behind its key: put each `- ` on a line of its own, or write `[a, b]`"
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            "an unknown escape in \"…\": write `\\\\` for a backslash, or use '…' quotes"
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            "text behind the closing quote: put the whole value in '…' quotes, or write it below `|`"
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            "text behind the closing quote: inside '…' a quote is written ''"
        }
        ErrorKind::CommentInterceptedScalar => {
            "a comment cannot stand inside a text of several lines: write the text below `|`"
        }
        ErrorKind::InvalidQuotedScalarIndent => {
            "a quoted text of several lines must be indented deeper than its key (or a quote is \
             never closed)"
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            "a `:` is missing behind this key"
        }
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            return format!(
                "the control character {} cannot stand here",
                character.escape_unicode()
            );
        }
        other => return format!("this is not YAML: {other}"),
    };
    fixed.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The errors of a text, one a line.
    fn faults(text: &str) -> String {
        let mut findings = Findings::default();
        read(text, 0, &mut findings);
        let (errors, _) = findings.into_sorted();
        let line = |finding: &super::super::findings::Finding| {
            format!("{}:{} {}", finding.at.line, finding.at.column, finding.message)
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
        let told: Vec<String> =
            texts.iter().map(|text| format!("{text:?}\n  {}", faults(text))).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        "a:\n\tb: 1\n"
          2:1 YAML takes no tab here: indent with blanks
        "a:\n  b: 1\n\tc: 2\n"
          3:1 YAML takes no tab here: indent with blanks
        "a: \"x\nb: c\n"
          1:4 this quote is never closed
        "a: 'it's'\n"
          1:8 text behind the closing quote: inside '…' a quote is written ''
        "a: [1, 2\nb: c\n"
          2:2 a key cannot begin here: is a closing `]` or `}` missing above?
        "a: {b: 1\n"
          1:4 this `{` is never closed
        "run: echo a: b\n"
          1:12 the value of `run` holds `: `: put it in quotes, or write it below `run: |`
        "a: b\n  c: d\n"
          2:3 this key is indented deeper than its neighbours, or the line above lacks its quotes or its `:`
        "key:value\nfoo: bar\n"
          1:4 a blank is missing after this `:`
        "a:\n    b: 1\n  c: 2\n"
          3:3 the indentation of this line fits nothing above it: keys of one job stand under each other, and each job begins with `- `
        "jobs:\n  - id: x\n   run: y\n"
          3:4 the indentation of this line fits nothing above it: keys of one job stand under each other, and each job begins with `- `
        "name: - x\n"
          1:7 a list cannot begin behind its key: put each `- ` on a line of its own, or write `[a, b]`
        "a: `x`\n"
          1:4 put the value in quotes: `a: "`x`"`
        "a: \u{7}\n"
          1:4 the control character \u{7} cannot stand here
        "a: \"\\q\"\n"
          1:4 an unknown escape in "…": write `\\` for a backslash, or use '…' quotes
        "a: \"x\" y\n"
          1:8 text behind the closing quote: put the whole value in '…' quotes, or write it below `|`
        "a: x # y\n  z\n"
          1:6 a comment cannot stand inside a text of several lines: write the text below `|`
        "a: *nowhere\n"
          1:4 no anchor has the name of the alias `*nowhere`: put it in quotes if it is text
        "a\nb: c\n"
          2:1 this key is indented deeper than its neighbours, or the line above lacks its quotes or its `:`
        "a: !mine x\n"
          1:10 tags such as `!mine` have no meaning here
        "a: 1\n---\nb: 2\n"
          2:1 a jobs file is one YAML document: remove this `---` and what is above or below it
        "? [x]\n: y\n"
          1:3 a key must be a word, found a list
        "a: 1\nb: 2\na: 3\n"
          3:1 `a` is given twice: the first is on line 1
        "a: &a [*a]\n"
          1:8 an alias cannot stand inside the value it repeats
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
            "a: b\n".repeat(MOST_MENDED_BYTES / 16).replace("a: b", "- *"),
            "*\n".repeat(100_000),
            bomb,
        ];
        let told: Vec<String> = texts
            .iter()
            .map(|text| faults(text).lines().next().unwrap_or("no error").to_owned())
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        1:65 lists and maps are nested too deep here
        1:257 lists and maps are nested too deep here
        1:129 lists and maps are nested too deep here
        1:129 lists and maps are nested too deep here
        1:4 this quote is never closed
        1:3 no anchor has the name of the alias `*`
        1:1 no anchor has the name of the alias `*`
        17:18 the aliases of this file expand to too much: write it out
        ");
    }

    #[test]
    fn too_many_values_end_in_an_error() {
        insta::assert_snapshot!(faults(&format!("[{}", "a,".repeat(210_000))), @"1:400002 more than 200000 values: split the file");
    }

    #[test]
    fn merged_keys_give_way_to_own_ones() {
        let text = "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n";
        let root = read(text, 0, &mut Findings::default()).unwrap();
        let tree::Content::Map(entries) = root.content else { panic!("a map") };
        let tree::Content::Map(b) = &entries[1].value.content else { panic!("a map") };
        let keys: Vec<&str> = b.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["x", "y"]);
    }
}
