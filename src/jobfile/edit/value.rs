//! Values in the text: how a new one is written, and how it takes the place of an old one.
//!
//! Owns what becomes of comments beside a value. A value that stood on one line and takes several
//! now goes on below it, at the indentation of its key.

use super::lines::Rewrite;
use super::spans::{Entry, Kind};
use crate::jobfile::fields::reads_as_other;
use crate::jobfile::tree::{Content, Node};
use crate::jobfile::write::{self, Yaml};

/// Whether two values say the same, wherever they stand.
pub(super) fn same(a: &Node, b: &Node) -> bool {
    match (&a.content, &b.content) {
        (Content::Scalar(a), Content::Scalar(b)) => {
            a.text == b.text && (a.plain == b.plain || !reads_as_other(&a.text))
        }
        (Content::List(a), Content::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Content::Map(a), Content::Map(b)) => {
            a.len() == b.len()
                && a.iter().all(|a| b.iter().any(|b| a.key == b.key && same(&a.value, &b.value)))
        }
        _ => false,
    }
}

/// A value as it is to be written.
pub(super) fn yaml(node: &Node) -> Yaml {
    match &node.content {
        Content::Scalar(_) if node.is_null() => Yaml::Bare("null".to_owned()),
        Content::Scalar(scalar) if scalar.plain && reads_as_other(&scalar.text) => {
            Yaml::Bare(scalar.text.clone())
        }
        Content::Scalar(scalar) => Yaml::Text(scalar.text.clone()),
        Content::List(items) => Yaml::List(items.iter().map(yaml).collect()),
        Content::Map(entries) => {
            Yaml::Map(entries.iter().map(|e| (e.key.clone(), yaml(&e.value))).collect())
        }
    }
}

/// A value on one line.
pub(super) fn one_line(node: &Node) -> String {
    write::one_line(&yaml(node))
}

/// `key: value` on one line.
pub(super) fn pair(key: &str, value: &Node) -> String {
    let map = Yaml::Map(vec![(key.to_owned(), yaml(value))]);
    let braces = write::one_line(&map);
    braces.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(&braces).to_owned()
}

/// `key: value` as lines without the last line end, those after the first `indent` columns deep.
pub(super) fn lines(key: &str, value: &Node, indent: usize) -> String {
    let text = write::entry(key, &yaml(value));
    let mut lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push('\n');
        if !line.is_empty() {
            out += &" ".repeat(indent);
            out += line;
        }
    }
    out
}

/// Where an entry ends.
pub(super) fn end(rewrite: &Rewrite<'_>, entry: &Entry) -> usize {
    let value = &entry.value;
    let empty = rewrite.text[value.start..value.end].trim().is_empty();
    match value.kind {
        Kind::Block { .. } if empty => rewrite.line_stop(entry.key_end),
        _ => value.end.max(entry.key_end),
    }
}

/// Puts a new value in place of that of an entry of a map without brackets.
pub(super) fn replace(
    rewrite: &mut Rewrite<'_>,
    entry: &Entry,
    value: &Node,
    indent: usize,
) -> Result<(), String> {
    let text = rewrite.text;
    let colon = rewrite.skip_blanks(entry.key_end);
    if !text[colon..].starts_with(':') {
        return Err(format!("`{}` is written with a `?`", entry.key));
    }
    let behind = colon + 1;
    let written = lines(&entry.key, value, indent);
    let written = &written[write::entry_key(&entry.key).len() + 1..];
    let (first, below) = written
        .split_once('\n')
        .map_or((written, ""), |(first, _)| (first, &written[first.len()..]));
    let begin = rewrite.skip_blanks(behind);
    let line_stop = rewrite.line_stop(behind);
    let end = end(rewrite, entry).max(behind);
    let head = &text[begin..line_stop];
    if end <= line_stop {
        // On one line: what stands behind it stays.
        if begin < end && begin > behind {
            rewrite.replace(begin..end, first.trim_start());
        } else {
            rewrite.replace(behind..end, first);
        }
        rewrite.insert(line_stop, below);
        return Ok(());
    }
    let comment = match entry.value.kind {
        Kind::Block { .. } => head.find(" #").map(|at| head[at..].trim()),
        _ => head.starts_with('#').then_some(head.trim()),
    };
    let stop = rewrite.line_stop(end);
    let tail =
        if matches!(entry.value.kind, Kind::Block { .. }) { "" } else { text[end..stop].trim() };
    let mut all = first.to_owned();
    for comment in comment.into_iter().chain((!tail.is_empty()).then_some(tail)) {
        all += "  ";
        all += comment;
    }
    all += below;
    rewrite.replace(behind..stop, &all);
    Ok(())
}
