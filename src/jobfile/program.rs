//! A job as a program gives it: an object of JSON, with the keys of jobs.yaml or those of the other
//! system.
//!
//! Owns the paths in its errors. Judges with the same rules as a file, except that nothing is laid
//! under it, and that it has no folder.

use serde_json::{Map, Value};

use super::findings::{Finding, Findings, Mark, printable};
use super::graph::{self, Vertex};
use super::job::{self, Context, Origin};
use super::timing::Told;
use super::tree::{Content, Entry, Node, Scalar};
use super::{Rules, edit};
use crate::model::{Job, Problem, Settings};

/// Maps and lists within each other.
const DEEPEST: usize = 128;
/// Characters of a path that are shown.
const PATH_CHARS: usize = 200;
/// What the engine tells about a job beside its definition: a program that sends back what it was
/// given sends it, too.
pub(super) const TOLD: [&str; 11] = [
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

/// What a new job finds in the engine.
#[derive(Debug, Clone)]
pub struct Among<'a> {
    /// The settings in force.
    pub settings: &'a Settings,
    /// The jobs in force. One with the new job's id is the one that it replaces.
    pub jobs: Vec<&'a Job>,
}

/// Reads and judges one job.
///
/// # Errors
/// Everything that is wrong, each with the path of the field.
pub fn parse_job(value: &Value, rules: &Rules<'_>, among: &Among<'_>) -> Result<Job, Vec<Problem>> {
    let mut paths = Paths::of(0);
    let mut out = Findings::default();
    let mut node = paths.node(value, paths.root(), 0, &mut out);
    if let Content::Map(entries) = &mut node.content {
        entries.retain(|entry| !TOLD.contains(&entry.key.as_str()));
    }
    judge(&node, &paths, rules, among, out)
}

/// Changes keys of a job: those that the patch names; one that is `null` goes (RFC 7396).
///
/// # Errors
/// Everything that is wrong, each with the path of the field.
pub fn patch_job(
    job: &Job,
    patch: &Map<String, Value>,
    rules: &Rules<'_>,
    among: &Among<'_>,
) -> Result<Job, Vec<Problem>> {
    let mut paths = Paths::of(0);
    let mut out = Findings::default();
    let value = serde_json::to_value(job).unwrap_or_default();
    let mut node = paths.node(&value, paths.root(), 0, &mut out);
    edit::patch(&mut node, patch, &mut paths, &mut out);
    judge(&node, &paths, rules, among, out)
}

fn judge(
    node: &Node,
    paths: &Paths,
    rules: &Rules<'_>,
    among: &Among<'_>,
    mut out: Findings,
) -> Result<Job, Vec<Problem>> {
    let context = Context::new(rules, among.settings, Origin::Program);
    let base = job::defaults(None, &context, &mut out);
    let read = job::read(node, &base, &context, &mut out);
    if let Some(read) = &read {
        let others = among.jobs.iter().filter(|other| other.id != read.job.id);
        let others = others.map(|other| Vertex {
            id: other.id.as_str(),
            waits_for: other.dependencies.iter().map(|on| (on.job.as_str(), node.at)).collect(),
            judged: false,
        });
        let waits_for = read.job.dependencies.iter().map(|dependency| dependency.job.as_str());
        let waits_for = waits_for.zip(read.dependencies_at.iter().copied()).collect();
        // First, so that a circle is told from it.
        let mut vertices = vec![Vertex { id: read.job.id.as_str(), waits_for, judged: true }];
        vertices.extend(others);
        graph::judge(&vertices, &mut out);
        Told::new(rules.now).judge(read, &context, &mut out);
    }
    let failed = out.has_errors();
    match read {
        Some(read) if !failed => Ok(read.job),
        _ => Err(out.into_sorted().0.into_iter().map(|finding| paths.problem(finding)).collect()),
    }
}

/// The path of each node, as its last part and the number of the node it is in; a mark's line is
/// its number here.
#[derive(Debug)]
pub(super) struct Paths {
    source: u32,
    parts: Vec<(u32, String)>,
}

impl Paths {
    /// Of an object that is told apart from other sources by this number. The object itself is the
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

    pub(super) fn problem(&self, finding: Finding) -> Problem {
        let mut parts = Vec::new();
        let mut number = finding.at.line;
        while number != 0 {
            let Some((parent, part)) = self.parts.get(number as usize) else { break };
            parts.push(part.as_str());
            number = *parent;
        }
        parts.reverse();
        let path = printable(parts.concat().trim_start_matches('.'), PATH_CHARS);
        Problem { path, message: finding.message }
    }

    /// The same tree that YAML is read into.
    pub(super) fn node(
        &mut self,
        value: &Value,
        at: Mark,
        depth: usize,
        out: &mut Findings,
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
