//! A job as a program gives it: an object of JSON, with the keys of jobs.yaml or those of the other
//! system.
//!
//! Owns the paths in its errors. Judges with the same rules as a file, except that nothing is laid
//! under it, and that it has no folder.

use serde_json::{Map, Value};

use super::context::{Context, Origin};
use super::findings::Findings;
use super::graph::{self, Vertex};
use super::job;
use super::json::{Paths, TOLD};
use super::patch::patch;
use super::rules::Rules;
use super::schedules::Told;
use super::tree::{Content, Node};
use crate::model::{Job, Problem, Settings};

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

/// Changes keys of a job: those that `keys` has; one that is `null` goes (RFC 7396).
///
/// # Errors
/// Everything that is wrong, each with the path of the field.
pub fn patch_job(
    job: &Job,
    keys: &Map<String, Value>,
    rules: &Rules<'_>,
    among: &Among<'_>,
) -> Result<Job, Vec<Problem>> {
    let mut paths = Paths::of(0);
    let mut out = Findings::default();
    let value = serde_json::to_value(job).unwrap_or_default();
    let mut node = paths.node(&value, paths.root(), 0, &mut out);
    patch(&mut node, keys, &mut paths, &mut out);
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
