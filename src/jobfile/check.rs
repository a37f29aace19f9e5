//! A whole jobs file, or a folder of them: from text to a set of jobs that cannot be wrong, or to
//! all that is.
//!
//! Owns the order of checks: syntax, top of the file, each job, then the jobs among each other.

use std::collections::{BTreeMap, HashMap};

use super::context::{Context, Origin};
use super::diagnostics::{Diagnostic, Diagnostics, Mark, Subject, printable, quoted};
use super::fields::Fields;
use super::graph::{self, GraphNode};
use super::job::{self, Base, Read};
use super::keys::Scope;
use super::lints::{self, Tables};
use super::loaded::{FileDiagnostic, FileErrors, JobLocation, Loaded};
use super::rules::Rules;
use super::schedules::ScheduleCheck;
use super::source::SourceText;
use super::tree::{Content, Entry, Node};
use super::{settings, syntax};
use crate::model::{DependencyNode, JobId, JobSet};

/// Reads and checks jobs files. Those of a folder are one set; each top-level key but `jobs` stands
/// in one of them only.
///
/// # Errors
/// Everything that is wrong, in the order of the files.
pub fn parse(sources: &[SourceText], rules: &Rules<'_>) -> Result<Loaded, FileErrors> {
    let mut out = Diagnostics::default();
    let (mut roots, mut empty) = (Vec::new(), Vec::new());
    for (number, source) in (0u32..).zip(sources) {
        let errors = out.error_count();
        let root = syntax::read(&source.text, number, &mut out);
        if root.as_ref().is_none_or(Node::is_null) && out.error_count() == errors {
            empty.push(Mark { source: number, line: 1, column: 1 });
        }
        roots.extend(root);
    }
    report_empty(&empty, sources.len(), &mut out);
    check(&roots, sources, rules, out).map_err(|errors| FileErrors(located(errors, sources)))
}

/// Files in which nothing stands: an accident more often than a wish, and taken at its word it would
/// remove every job.
fn report_empty(empty: &[Mark], sources: usize, out: &mut Diagnostics) {
    let all = empty.len() == sources;
    for at in empty.iter().take(if all { 1 } else { sources }) {
        if all {
            out.error(*at, "the file is empty: to have no jobs, write `jobs: []`");
        } else {
            out.warning(*at, "the file is empty: it defines no jobs");
        }
    }
}

/// The defaults of the jobs in these files. Files with errors have the built-in defaults.
pub(super) fn base(roots: &[Node], sources: &[SourceText], rules: &Rules<'_>) -> Base {
    let mut out = Diagnostics::default();
    let top = Top::gather(roots, sources, &mut out);
    let fields = top.fields(&mut out);
    let settings = settings::read(&fields, rules, &mut out);
    let context = Context::new(rules, &settings, Origin::File);
    job::defaults(fields.get("defaults"), &context, &mut out)
}

/// Checks files that were read; `out` is what was found in doing so.
pub(super) fn check(
    roots: &[Node],
    sources: &[SourceText],
    rules: &Rules<'_>,
    mut out: Diagnostics,
) -> Result<Loaded, Vec<Diagnostic>> {
    let top = Top::gather(roots, sources, &mut out);
    let fields = top.fields(&mut out);
    let settings = settings::read(&fields, rules, &mut out);
    let context = Context::new(rules, &settings, Origin::File);
    let base = job::defaults(fields.get("defaults"), &context, &mut out);
    let nodes = top.jobs.iter();
    let jobs: Vec<Read> =
        nodes.filter_map(|node| job::read(node, &base, &context, &mut out)).collect();
    let places = unique(&jobs, sources, &mut out);
    let nodes: Vec<GraphNode<'_>> = jobs.iter().map(graph_node).collect();
    graph::check(&nodes, &mut out);
    let mut schedules = ScheduleCheck::new(rules.now);
    let mut tables = Tables::new();
    for (number, job) in jobs.iter().enumerate() {
        // What would be found beyond that would not be kept.
        if out.is_full() {
            break;
        }
        tables.extend(schedules.check(job, &context, &mut out).map(|table| (number, table)));
    }
    if !out.has_errors() {
        lints::pile_up(&jobs, &tables, &fields, &context, &mut out);
        lints::rare_dependencies(&jobs, &tables, &context, &mut out);
    }
    let calendars = settings::calendar_files(&fields, rules);
    let failed = out.has_errors();
    let (errors, warnings) = out.into_sorted();
    if failed {
        return Err(errors);
    }
    let jobs = jobs.into_iter().map(|read| read.job).collect();
    let places = places.into_iter().map(|(id, (_, place))| (id, place)).collect();
    let set = JobSet { settings, jobs };
    Ok(Loaded { set, warnings: located(warnings, sources), places, calendars })
}

/// The top-level keys of all files, and their jobs.
#[derive(Default)]
struct Top<'t> {
    keys: Vec<&'t Entry>,
    jobs: Vec<&'t Node>,
}

impl<'t> Top<'t> {
    fn fields(&self, out: &mut Diagnostics) -> Fields<'t> {
        let at = Mark { source: 0, line: 1, column: 1 };
        Fields::of(self.keys.iter().copied(), at, Scope::Top, out)
    }

    fn gather(roots: &'t [Node], sources: &[SourceText], out: &mut Diagnostics) -> Self {
        let mut top = Self::default();
        let mut first: HashMap<&str, Mark> = HashMap::new();
        let mut has_jobs = false;
        for root in roots.iter().filter(|root| !root.is_null()) {
            let Content::Map(entries) = &root.content else {
                let found = root.describe();
                let message = format!("expected a map with the key `jobs`, found {found}");
                out.error(root.at, message);
                continue;
            };
            for entry in entries {
                if entry.key == "jobs" {
                    has_jobs = true;
                    top.take_jobs(entry, out);
                } else if let Some(first) = first.get(entry.key.as_str()) {
                    let file = name(first.source, sources);
                    let key = quoted(&entry.key);
                    let message = format!("{key} is already set in {file} on line {}", first.line);
                    out.error(entry.key_at, message);
                } else {
                    first.insert(&entry.key, entry.key_at);
                    top.keys.push(entry);
                }
            }
        }
        if let (false, Some(first)) = (has_jobs, top.keys.first()) {
            let message = "the key `jobs` is missing: write `jobs: []` if there are no jobs";
            out.warning(first.key_at, message);
        }
        top
    }

    fn take_jobs(&mut self, entry: &'t Entry, out: &mut Diagnostics) {
        match &entry.value.content {
            Content::List(jobs) => self.jobs.extend(jobs),
            _ if entry.value.is_null() => {
                out.error(entry.key_at, "`jobs` has no value: write `jobs: []` for no jobs");
            }
            _ => {
                let found = entry.value.describe();
                let message = format!(
                    "`jobs`: expected a list of jobs, each beginning with `- id: …`, found {found}"
                );
                out.error(entry.value.at, message);
            }
        }
    }
}

/// Where each job is, by id; reports duplicate ids.
fn unique(
    jobs: &[Read],
    sources: &[SourceText],
    out: &mut Diagnostics,
) -> BTreeMap<JobId, (usize, JobLocation)> {
    let mut places = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        let Some((id, at)) = &job.id else { continue };
        if let Some((first, _)) = places.get(id) {
            let first: &Read = &jobs[*first];
            let Some((_, first)) = &first.id else { continue };
            let place = format!("{}:{}:{}", name(first.source, sources), first.line, first.column);
            let message =
                format!("duplicate job id {}: first defined at {place}", quoted(id.as_str()));
            out.error_about(Subject::Key("id"), *at, message);
            continue;
        }
        let file = sources.get(at.source as usize);
        let file = file.map(|source| source.name.clone()).unwrap_or_default();
        places.insert(id.clone(), (index, JobLocation { file, line: job.home.line as usize }));
    }
    places
}

fn graph_node(read: &Read) -> GraphNode<'_> {
    let id = read.id.as_ref().map_or("", |(id, _)| id.as_str());
    let dependencies = read.job.dependencies.iter().map(|on| on.job.as_str()).collect();
    let node = DependencyNode { id, dependencies };
    GraphNode { node, places: Some(&read.dependencies_at) }
}

/// The name of a source, as the user gave it.
pub(super) fn name(source: u32, sources: &[SourceText]) -> String {
    sources.get(source as usize).map_or_else(String::new, |source| printable(&source.name, 4096))
}

fn located(diagnostics: Vec<Diagnostic>, sources: &[SourceText]) -> Vec<FileDiagnostic> {
    let located = |diagnostic: Diagnostic| FileDiagnostic {
        file: name(diagnostic.at.source, sources),
        line: diagnostic.at.line as usize,
        column: diagnostic.at.column as usize,
        key: diagnostic.subject.key(),
        message: diagnostic.message,
    };
    diagnostics.into_iter().map(located).collect()
}
