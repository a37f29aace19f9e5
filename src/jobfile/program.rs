//! A job as a program gives it: an object of JSON, with the keys of jobs.yaml or those of the other
//! system.
//!
//! Owns the paths in its errors. Checks by the same rules as for a file, except that there are no
//! `defaults` and no folder.

use serde_json::{Map, Value};

use super::context::{Context, Origin};
use super::diagnostics::Diagnostics;
use super::graph::{self, GraphNode};
use super::job;
use super::json::{Paths, READ_ONLY_KEYS};
use super::patch::patch;
use super::rules::Rules;
use super::schedules::ScheduleCheck;
use super::tree::{Content, Node};
use crate::model::{DependencyNode, Job, Problem, Settings};

/// What a new job finds in the engine.
#[derive(Debug, Clone)]
pub(crate) struct CurrentJobs<'a> {
    /// The settings in force.
    pub settings: &'a Settings,
    /// The jobs in force. One with the new job's id is the one that it replaces.
    pub jobs: Vec<&'a Job>,
}

/// Reads and checks one job.
///
/// # Errors
/// Everything that is wrong, each with the path of the field.
pub(crate) fn parse_job(
    value: &Value,
    rules: &Rules<'_>,
    among: &CurrentJobs<'_>,
) -> Result<Job, Vec<Problem>> {
    let mut paths = Paths::of(0);
    let mut out = Diagnostics::default();
    let mut node = paths.node(value, paths.root(), 0, &mut out);
    if let Content::Map(entries) = &mut node.content {
        entries.retain(|entry| !READ_ONLY_KEYS.contains(&entry.key.as_str()));
    }
    check(&node, &paths, rules, among, out)
}

/// Changes keys of a job: those that `keys` has; one that is `null` goes (RFC 7396).
///
/// # Errors
/// Everything that is wrong, each with the path of the field.
pub(crate) fn patch_job(
    job: &Job,
    keys: &Map<String, Value>,
    rules: &Rules<'_>,
    among: &CurrentJobs<'_>,
) -> Result<Job, Vec<Problem>> {
    let mut paths = Paths::of(0);
    let mut out = Diagnostics::default();
    let value = serde_json::to_value(job).unwrap_or_default();
    let mut node = paths.node(&value, paths.root(), 0, &mut out);
    patch(&mut node, keys, &mut paths, &mut out);
    check(&node, &paths, rules, among, out)
}

fn check(
    node: &Node,
    paths: &Paths,
    rules: &Rules<'_>,
    among: &CurrentJobs<'_>,
    mut out: Diagnostics,
) -> Result<Job, Vec<Problem>> {
    let context = Context::new(rules, among.settings, Origin::Program);
    let base = job::defaults(None, &context, &mut out);
    let read = job::read(node, &base, &context, &mut out);
    if let Some(read) = &read {
        let others = among.jobs.iter().filter(|other| other.id != read.job.id);
        let others = others.map(|other| GraphNode { node: dependencies_of(other), places: None });
        // First, so that a cycle is reported from it.
        let places = Some(read.dependencies_at.as_slice());
        let mut nodes = vec![GraphNode { node: dependencies_of(&read.job), places }];
        nodes.extend(others);
        graph::check(&nodes, &mut out);
        ScheduleCheck::new(rules.now).check(read, &context, &mut out);
    }
    let failed = out.has_errors();
    match read {
        Some(read) if !failed => Ok(read.job),
        _ => Err(out
            .into_sorted()
            .0
            .into_iter()
            .map(|diagnostic| paths.problem(diagnostic))
            .collect()),
    }
}

fn dependencies_of(job: &Job) -> DependencyNode<'_> {
    let dependencies = job.dependencies.iter().map(|on| on.job.as_str()).collect();
    DependencyNode { id: job.id.as_str(), dependencies }
}
