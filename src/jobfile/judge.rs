//! A whole jobs file, or a folder of them: from text to a set of jobs that cannot be wrong, or to
//! all that is.
//!
//! Owns the order of judgement: syntax, top of the file, each job, then the jobs among each other.

use std::collections::{BTreeMap, HashMap};

use super::context::{Context, Origin};
use super::fields::Fields;
use super::findings::{Finding, Findings, Mark, printable, quoted};
use super::foresight::{self, Tables};
use super::graph::{self, Vertex};
use super::job::{self, Base, Read};
use super::keys::Scope;
use super::loaded::{FileErrors, Loaded, Located, Place};
use super::rules::Rules;
use super::schedules::Told;
use super::source::SourceText;
use super::tree::{Content, Entry, Node};
use super::{settings, syntax};
use crate::model::{JobId, JobSet};

/// Reads and judges jobs files. Those of a folder are one set; each top-level key but `jobs` stands
/// in one of them only.
///
/// # Errors
/// Everything that is wrong, in the order of the files.
pub fn parse(sources: &[SourceText], rules: &Rules<'_>) -> Result<Loaded, FileErrors> {
    let mut out = Findings::default();
    let (mut roots, mut empty) = (Vec::new(), Vec::new());
    for (number, source) in (0u32..).zip(sources) {
        let errors = out.error_count();
        let root = syntax::read(&source.text, number, &mut out);
        if root.as_ref().is_none_or(Node::is_null) && out.error_count() == errors {
            empty.push(Mark { source: number, line: 1, column: 1 });
        }
        roots.extend(root);
    }
    without_content(&empty, sources.len(), &mut out);
    judge(&roots, sources, rules, out).map_err(|errors| FileErrors(located(errors, sources)))
}

/// Files in which nothing stands: an accident more often than a wish, and taken at its word it would
/// remove every job.
fn without_content(empty: &[Mark], sources: usize, out: &mut Findings) {
    let all = empty.len() == sources;
    for at in empty.iter().take(if all { 1 } else { sources }) {
        if all {
            out.error(*at, "the file is empty: to have no jobs, write `jobs: []`");
        } else {
            out.warning(*at, "the file is empty: no job comes from it");
        }
    }
}

/// What lies under the jobs of these files. Files that are wrong lay the defaults of the house.
pub(super) fn base(roots: &[Node], sources: &[SourceText], rules: &Rules<'_>) -> Base {
    let mut out = Findings::default();
    let top = Top::gather(roots, sources, &mut out);
    let fields = top.fields(&mut out);
    let settings = settings::read(&fields, rules, &mut out);
    let context = Context::new(rules, &settings, Origin::File);
    job::defaults(fields.get("defaults"), &context, &mut out)
}

/// Judges files that were read; `out` is what was found in doing so.
pub(super) fn judge(
    roots: &[Node],
    sources: &[SourceText],
    rules: &Rules<'_>,
    mut out: Findings,
) -> Result<Loaded, Vec<Finding>> {
    let top = Top::gather(roots, sources, &mut out);
    let fields = top.fields(&mut out);
    let settings = settings::read(&fields, rules, &mut out);
    let context = Context::new(rules, &settings, Origin::File);
    let base = job::defaults(fields.get("defaults"), &context, &mut out);
    let nodes = top.jobs.iter();
    let jobs: Vec<Read> =
        nodes.filter_map(|node| job::read(node, &base, &context, &mut out)).collect();
    let places = unique(&jobs, sources, &mut out);
    let vertices: Vec<Vertex<'_>> = jobs.iter().map(vertex).collect();
    graph::judge(&vertices, &mut out);
    let mut told = Told::new(rules.now);
    let mut tables = Tables::new();
    for (number, job) in jobs.iter().enumerate() {
        // What would be found beyond that would not be kept.
        if out.is_full() {
            break;
        }
        tables.extend(told.judge(job, &context, &mut out).map(|table| (number, table)));
    }
    if !out.has_errors() {
        foresight::pile_up(&jobs, &tables, &fields, &context, &mut out);
        foresight::seldom(&jobs, &tables, &context, &mut out);
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
    fn fields(&self, out: &mut Findings) -> Fields<'t> {
        let at = Mark { source: 0, line: 1, column: 1 };
        Fields::of(self.keys.iter().copied(), at, Scope::Top, out)
    }

    fn gather(roots: &'t [Node], sources: &[SourceText], out: &mut Findings) -> Self {
        let mut top = Self::default();
        let mut first: HashMap<&str, Mark> = HashMap::new();
        let mut has_jobs = false;
        for root in roots.iter().filter(|root| !root.is_null()) {
            let Content::Map(entries) = &root.content else {
                let found = root.describe();
                let message = format!("a jobs file is a map with the key `jobs:`, found {found}");
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
                    let message =
                        format!("{key} is already given in {file} on line {}", first.line);
                    out.error(entry.key_at, message);
                } else {
                    first.insert(&entry.key, entry.key_at);
                    top.keys.push(entry);
                }
            }
        }
        if let (false, Some(first)) = (has_jobs, top.keys.first()) {
            let message = "no jobs: the key `jobs` is missing; write `jobs: []` if none is meant";
            out.warning(first.key_at, message);
        }
        top
    }

    fn take_jobs(&mut self, entry: &'t Entry, out: &mut Findings) {
        match &entry.value.content {
            Content::List(jobs) => self.jobs.extend(jobs),
            _ if entry.value.is_null() => {
                out.error(entry.key_at, "`jobs` has no value: write `jobs: []` for no jobs");
            }
            _ => {
                let found = entry.value.describe();
                let message =
                    format!("`jobs` is a list, each job beginning with `- id: …`; found {found}");
                out.error(entry.value.at, message);
            }
        }
    }
}

/// Where each job is, by id; tells of ids that are taken.
fn unique(
    jobs: &[Read],
    sources: &[SourceText],
    out: &mut Findings,
) -> BTreeMap<JobId, (usize, Place)> {
    let mut places = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        let Some((id, at)) = &job.id else { continue };
        if let Some((first, _)) = places.get(id) {
            let first: &Read = &jobs[*first];
            let Some((_, first)) = &first.id else { continue };
            let place = format!("{}:{}:{}", name(first.source, sources), first.line, first.column);
            let message =
                format!("job id {} is taken: it is first given at {place}", quoted(id.as_str()));
            out.error(*at, message);
            continue;
        }
        let file = sources.get(at.source as usize);
        let file = file.map(|source| source.name.clone()).unwrap_or_default();
        places.insert(id.clone(), (index, Place { file, line: job.home.line as usize }));
    }
    places
}

fn vertex(read: &Read) -> Vertex<'_> {
    let id = read.id.as_ref().map_or("", |(id, _)| id.as_str());
    let waits_for = read.job.dependencies.iter().map(|dependency| dependency.job.as_str());
    let waits_for = waits_for.zip(read.dependencies_at.iter().copied()).collect();
    Vertex { id, waits_for, judged: true }
}

/// The name of a source, as the user gave it.
pub(super) fn name(source: u32, sources: &[SourceText]) -> String {
    sources.get(source as usize).map_or_else(String::new, |source| printable(&source.name, 4096))
}

fn located(findings: Vec<Finding>, sources: &[SourceText]) -> Vec<Located> {
    let located = |finding: Finding| Located {
        file: name(finding.at.source, sources),
        line: finding.at.line as usize,
        column: finding.at.column as usize,
        message: finding.message,
    };
    findings.into_iter().map(located).collect()
}
