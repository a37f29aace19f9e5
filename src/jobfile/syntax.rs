//! What the YAML parser could not read, in words that help, and how reading can go on behind it.
//!
//! Owns the parser's errors. Knows of jobs only that a schedule that begins with `*` or `@` wants
//! quotes: the mistake that everyone makes once.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::diagnostics::{Diagnostics, Mark, quoted};
use super::tree::{self, Node};

/// How often one source is repaired and read again, and how many bytes that may cost in all.
const MOST_REPAIRS: usize = 20;
const MOST_REPAIRED_BYTES: usize = 32 << 20;

/// Reads a source into a tree. Where a line can be understood although YAML cannot read it, it is
/// reported and repaired in memory, so that errors further down are reported, too.
pub(crate) fn read(text: &str, source: u32, diagnostics: &mut Diagnostics) -> Option<Node> {
    let mut text = Cow::Borrowed(text);
    let mut repaired: HashSet<u32> = HashSet::new();
    loop {
        // What a reading that broke off has found is found again by the next one, and reported once.
        let error = match tree::parse(&text, source, &repaired, diagnostics) {
            Ok(root) => return root,
            Err(error) => error,
        };
        let fault = Fault::new(&text, source, &error);
        diagnostics.error(fault.at, &fault.message);
        let affordable =
            repaired.len() < MOST_REPAIRS && repaired.len() * text.len() < MOST_REPAIRED_BYTES;
        match fault.repaired.filter(|_| affordable && repaired.insert(fault.at.line)) {
            Some(better) => text = Cow::Owned(better),
            None => return None,
        }
    }
}

/// A syntax error in our words.
struct Fault {
    at: Mark,
    message: String,
    /// The whole text with the line repaired.
    repaired: Option<String>,
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
        if let Some(fault) = Self::unindented(text, at) {
            return fault;
        }
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
            _ => Self { at, message: words(kind), repaired: None },
        }
    }

    /// `run: |` whose text is not deeper than `run`: to YAML it is the next key.
    fn unindented(text: &str, at: Mark) -> Option<Self> {
        let lines = text.lines().enumerate().take(at.line as usize);
        let lines = lines.filter(|(_, line)| !line.trim().is_empty()).collect::<Vec<_>>();
        let indent = |line: &str| line.len() - line.trim_start().len();
        let (mut first, last) = (lines.last()?, lines.last()?);
        // The parser may see it only some lines further down.
        for above in lines.iter().rev() {
            if let Some(key) = block_key(above.1) {
                let deep = indent(first.1) > key_column(above.1);
                if above.0 == last.0 || deep || is_entry(first.1) {
                    return None;
                }
                let at = Mark {
                    line: u32::try_from(first.0 + 1).unwrap_or(u32::MAX),
                    column: u32::try_from(indent(first.1) + 1).unwrap_or(u32::MAX),
                    ..at
                };
                let message = format!(
                    "indent the text under {}: it must be deeper than the key",
                    quoted(key)
                );
                return Some(Self { at, message, repaired: None });
            }
            if above.0 != last.0 && is_entry(above.1) {
                return None;
            }
            first = above;
        }
        None
    }

    /// `schedule: */5 * * * *`: YAML takes `*` for an alias.
    fn star(text: &str, at: Mark, line: &str) -> Self {
        let Some(parts) = split(line).filter(|parts| parts.value.starts_with('*')) else {
            let name = line.chars().skip(at.column as usize - 1).collect::<String>();
            let message = format!("unknown alias {}", quoted(name.trim()));
            return Self { at, message, repaired: None };
        };
        let cron = parts.value[1..].starts_with([' ', '\t', '/', ',', '-'])
            || parts.value.split_whitespace().count() > 4;
        let message = if parts.key == "schedule" || cron {
            in_quotes(&parts)
        } else {
            let name = quoted(parts.value);
            format!("unknown alias {name}: put it in quotes if it is text")
        };
        Self { at, message, repaired: quote_value(text, at.line, &parts) }
    }

    /// `schedule: @daily`: YAML keeps `@` to itself.
    fn reserved(text: &str, at: Mark, line: &str) -> Self {
        match split(line).filter(|parts| parts.value.starts_with(['@', '`', '%'])) {
            Some(parts) => {
                let message = in_quotes(&parts);
                Self { at, message, repaired: quote_value(text, at.line, &parts) }
            }
            None => {
                let message = "text that begins with `@`, `%` or a backtick must be in quotes";
                Self { at, message: message.to_owned(), repaired: None }
            }
        }
    }

    /// `run: echo a: b`, a key too deep, or a `key:value` without its blank on the line before.
    fn second_colon(text: &str, at: Mark, line: &str) -> Self {
        let column = at.column as usize - 1;
        let before: String = line.chars().take(column).collect();
        if let Some(parts) = split(line).filter(|parts| before.len() > parts.value_start) {
            let message = format!(
                "the value of {} contains `: `: put it in quotes, or write it below `{}: |`",
                quoted(parts.key),
                parts.key
            );
            let plain = !parts.value.starts_with(['"', '\'', '[', '{', '|', '>', '&', '!']);
            let repaired = plain.then(|| quote_value(text, at.line, &parts)).flatten();
            return Self { at, message, repaired };
        }
        let previous = text.lines().take(at.line as usize - 1).enumerate();
        let previous = previous.filter(|(_, line)| !line.trim().is_empty()).last();
        let no_blank = previous.and_then(|(index, line)| Some((index, missing_blank(line)?)));
        if let Some((index, colon)) = no_blank {
            let (line, column) = (u32::try_from(index + 1), u32::try_from(colon + 1));
            let at =
                Mark { line: line.unwrap_or(u32::MAX), column: column.unwrap_or(u32::MAX), ..at };
            let message = "a space is missing after this `:`".to_owned();
            return Self { at, message, repaired: None };
        }
        let message = "this key is indented more than the keys around it, or the line above is \
                       missing quotes or a `:`";
        let indent = u32::try_from(line.len() - line.trim_start().len() + 1).unwrap_or(1);
        Self { at: Mark { column: indent, ..at }, message: message.to_owned(), repaired: None }
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
        let message = "YAML does not allow a tab here: indent with spaces".to_owned();
        Self { at, message, repaired: None }
    }

    fn indentation(at: Mark, line: &str) -> Self {
        let message = if line.trim_start().starts_with("- ") {
            "this `-` is not aligned with the one above: give both the same indentation"
        } else {
            "the indentation of this line matches nothing above it: align the keys of a job, and \
             begin each job with `- `"
        };
        Self { at, message: message.to_owned(), repaired: None }
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

/// `run: |`, of a line `  - run: |  # comment` that begins a text of several lines.
fn block_key(line: &str) -> Option<&str> {
    let parts = split(line)?;
    let marks = parts.value.strip_prefix(['|', '>'])?;
    let header = marks.chars().all(|c| c.is_ascii_digit() || "+-".contains(c));
    let start = key_column(line);
    (header && marks.len() <= 2).then(|| &line[start..parts.value_start + parts.value.len()])
}

/// Bytes before the key of a line: `- ` in front of it counts.
fn key_column(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-']).len()
}

/// Whether the line is an item of a list, a key, or a comment: no text that should stand deeper.
fn is_entry(line: &str) -> bool {
    let line = line.trim_start();
    let key = line.split(':').next().unwrap_or("");
    let word = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let rest = &line[key.len()..];
    let is_key = !key.is_empty()
        && key.chars().all(word)
        && (rest.starts_with(": ") || rest.trim_end() == ":");
    line.starts_with("- ") || line.starts_with('#') || is_key
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
            "a list cannot begin on the line of its key: put each `- ` on a separate line, or \
             write `[a, b]`"
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            "an unknown escape in \"…\": write `\\\\` for a backslash, or use '…' quotes"
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            "text after the closing quote: put the whole value in '…' quotes, or write it below \
             `|`"
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            "text after the closing quote: inside '…' a quote is written ''"
        }
        ErrorKind::CommentInterceptedScalar => {
            "a comment cannot be inside a multi-line text: write the text below `|`"
        }
        ErrorKind::InvalidQuotedScalarIndent => {
            "a multi-line quoted text must be indented deeper than its key (or a quote is \
             never closed)"
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            "a `:` is missing after this key"
        }
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            return format!(
                "the control character {} is not allowed here",
                character.escape_unicode()
            );
        }
        other => return format!("invalid YAML: {other}"),
    };
    fixed.to_owned()
}
