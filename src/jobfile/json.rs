//! An object of JSON as the same tree that YAML is read into.
//!
//! Owns the paths in the errors about it: a [`Mark`]'s line is the number of a node here.

use serde_json::Value;

use super::diagnostics::{Diagnostic, Diagnostics, Mark, Subject, printable};
use super::tree::{Content, Entry, Node, Scalar};
use crate::model::Problem;

/// Maps and lists within each other.
const DEEPEST: usize = 128;
/// Characters of a path that are shown.
const PATH_CHARS: usize = 200;
/// What the engine reports about a job beside its definition: a program that sends back what it was
/// given sends it, too.
pub(super) const READ_ONLY_KEYS: [&str; 11] = [
    "source",
    "version",
    "next_fire_time",
    "paused",
    "skip_next",
    "acknowledged",
    "last_execution",
    "schedule_in_words",
    "live",
    "waiting_for",
    "recent",
];

/// The path of each node, as its last part and the number of the node it is in; a mark's line is
/// its number here.
#[derive(Debug)]
pub(super) struct Paths {
    source: u32,
    parts: Vec<(u32, String)>,
}

impl Paths {
    /// Of an object that differs from other sources by this number. The object itself is the
    /// first node.
    pub(super) fn of(source: u32) -> Self {
        Self { source, parts: vec![(0, String::new())] }
    }

    pub(super) fn root(&self) -> Mark {
        Mark { source: self.source, line: 0, column: 0 }
    }

    /// The place of a part of the node on line `parent`.
    pub(super) fn mark(&mut self, parent: u32, part: String) -> Mark {
        let line = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.parts.push((parent, part));
        Mark { line, ..self.root() }
    }

    /// The problem at the path of what it is about. That of a missing key is the one that the key would have.
    pub(super) fn problem(&self, diagnostic: Diagnostic) -> Problem {
        let (at, missing) = match diagnostic.subject {
            Subject::Missing(key, map) if map.source == self.source => (map, Some(key)),
            Subject::Missing(..) | Subject::Key(_) | Subject::Place => (diagnostic.at, None),
        };
        let mut parts: Vec<&str> = missing.into_iter().flat_map(|key| [key, "."]).collect();
        let mut number = at.line;
        while number != 0 {
            let Some((parent, part)) = self.parts.get(number as usize) else { break };
            parts.push(part.as_str());
            number = *parent;
        }
        parts.reverse();
        let path = printable(parts.concat().trim_start_matches('.'), PATH_CHARS);
        Problem { path, message: diagnostic.message }
    }

    /// The same tree that YAML is read into.
    pub(super) fn node(
        &mut self,
        value: &Value,
        at: Mark,
        depth: usize,
        out: &mut Diagnostics,
    ) -> Node {
        let scalar = |text: String, plain| Content::Scalar(Scalar { text, plain, offset: None });
        let content = match value {
            _ if depth > DEEPEST => {
                out.error(at, "lists and maps are nested too deep here");
                scalar(String::new(), false)
            }
            Value::Null => scalar("null".to_owned(), true),
            Value::Bool(flag) => scalar(flag.to_string(), true),
            Value::Number(number) => scalar(number.to_string(), true),
            Value::String(text) => scalar(text.clone(), false),
            Value::Array(items) => {
                let item = |(index, item): (usize, &Value)| {
                    let at = self.mark(at.line, format!("[{index}]"));
                    self.node(item, at, depth + 1, out)
                };
                Content::List(items.iter().enumerate().map(item).collect())
            }
            Value::Object(map) => {
                let entry = |(key, value): (&String, &Value)| {
                    let key_at = self.mark(at.line, format!(".{key}"));
                    let value = self.node(value, key_at, depth + 1, out);
                    Entry { key: key.clone(), key_at, value }
                };
                Content::Map(map.iter().map(entry).collect())
            }
        };
        Node { at, content }
    }
}
