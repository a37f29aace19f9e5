//! What an edit means: the job made in the tree and checked with the whole set, before a byte of the
//! text is touched.
//!
//! Owns how a patch is laid over what the file says, and what of a whole definition is worth
//! writing: what `defaults` say anyway is left out, and what the file says already stays as it is
//! written. Problems have the path of what was asked for.

use serde_json::{Map, Value};

use super::files::{Edit, EditError, Files, id_of, jobs_of};
use crate::jobfile::check;
use crate::jobfile::diagnostics::{Diagnostic, Diagnostics, Mark, quoted};
use crate::jobfile::job::Base;
use crate::jobfile::json::{Paths, READ_ONLY_KEYS};
use crate::jobfile::keys::{self, Scope};
use crate::jobfile::loaded::Loaded;
use crate::jobfile::patch::patch;
use crate::jobfile::rules::Rules;
use crate::jobfile::tree::{Content, Entry, Node, Scalar};
use crate::jobfile::write::{Definition, Yaml, definition};
use crate::model::{Job, JobCommand, JobId, Problem};

/// The source of what an edit says, among those of the files.
const EDIT_SOURCE: u32 = u32::MAX;

/// What an edit means.
pub(super) struct Desired {
    /// The job; `None` = it goes.
    pub(super) node: Option<Node>,
    /// The whole set with it.
    pub(super) loaded: Loaded,
}

/// The files with one job in them changed.
struct Draft<'a> {
    files: &'a Files<'a>,
    rules: &'a Rules<'a>,
    source: usize,
    number: Option<usize>,
    paths: Paths,
}

impl Desired {
    /// `at` is the source and, of a job that is there, its number in the list.
    pub(super) fn of(
        files: &Files<'_>,
        rules: &Rules<'_>,
        (source, number): (usize, Option<usize>),
        job: &JobId,
        edit: &Edit,
        before: &Loaded,
    ) -> Result<Self, EditError> {
        let paths = Paths::of(EDIT_SOURCE);
        let mut draft = Draft { files, rules, source, number, paths };
        let old = before.set.jobs.iter().find(|known| known.id == *job);
        let node = match edit {
            Edit::Remove => None,
            Edit::Patch(keys) => {
                let mut out = Diagnostics::default();
                let mut node = draft.node().cloned().ok_or(EditError::Unknown)?;
                patch(&mut node, keys, &mut draft.paths, &mut out);
                draft.keeps_its_id(&node, job, &mut out);
                draft.no_errors(out)?;
                Some(node)
            }
            Edit::Add(definition) | Edit::Replace(definition) => {
                let mut out = Diagnostics::default();
                let asked = Value::Object(definition.clone());
                let root = draft.paths.root();
                let mut node = draft.paths.node(&asked, root, 0, &mut out);
                if let Content::Map(entries) = &mut node.content {
                    entries.retain(|entry| !READ_ONLY_KEYS.contains(&entry.key.as_str()));
                }
                draft.keeps_its_id(&node, job, &mut out);
                draft.no_errors(out)?;
                let loaded = draft.check(Some(&node))?;
                let desired = loaded.set.jobs.into_iter().find(|known| known.id == *job);
                Some(draft.written(&desired.ok_or(EditError::Unknown)?, old))
            }
            Edit::Restore(desired) => {
                let node = draft.written(desired, old);
                let loaded = draft.check(Some(&node))?;
                let made = loaded.set.jobs.iter().find(|known| known.id == *job);
                if let Some(made) = made.filter(|made| *made != &**desired) {
                    return Err(EditError::NotPossible(differs(made, desired)));
                }
                Some(node)
            }
        };
        let loaded = draft.check(node.as_ref())?;
        Ok(Self { node, loaded })
    }
}

/// Says which keys of a job its file decides.
fn differs(made: &Job, desired: &Job) -> String {
    let (made, desired) = (definition(made), definition(desired));
    let names = made.iter().chain(&desired).map(|(key, _)| *key);
    let mut keys: Vec<&str> = names.filter(|key| find(&made, key) != find(&desired, key)).collect();
    keys.sort_unstable();
    keys.dedup();
    format!(
        "the job cannot be restored exactly: `defaults` in its file set `{}`",
        keys.join("`, `")
    )
}

fn find<'d>(definition: &'d Definition, key: &str) -> Option<&'d Yaml> {
    definition.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}

impl Draft<'_> {
    /// The job as the file says it.
    fn node(&self) -> Option<&Node> {
        let root = self.files.roots.get(self.source)?.as_ref()?;
        jobs_of(root)?.get(self.number?)
    }

    fn keeps_its_id(&self, node: &Node, job: &JobId, out: &mut Diagnostics) {
        let Content::Map(entries) = &node.content else { return };
        if let Some(id) = entries.iter().find(|entry| entry.key == "id")
            && id_of(node) != Some(job.as_str())
        {
            let message = format!("`id`: the id of job {} cannot be changed", quoted(job.as_str()));
            out.error(id.value.at, message);
        }
    }

    fn no_errors(&self, out: Diagnostics) -> Result<(), EditError> {
        if out.has_errors() { Err(self.invalid(out.into_sorted().0)) } else { Ok(()) }
    }

    fn invalid(&self, errors: Vec<Diagnostic>) -> EditError {
        let sources = self.files.sources;
        let problem = |diagnostic: Diagnostic| {
            if diagnostic.at.source == EDIT_SOURCE {
                return self.paths.problem(diagnostic);
            }
            let Mark { line, column, .. } = diagnostic.at;
            let path = format!("{}:{line}:{column}", check::name(diagnostic.at.source, sources));
            Problem { path, message: diagnostic.message }
        };
        EditError::Invalid(errors.into_iter().map(problem).collect())
    }

    /// The files with the job as it is to be.
    fn roots(&self, job: Option<&Node>) -> Vec<Node> {
        let mut roots = self.files.roots.clone();
        if let Some(root) = roots.get_mut(self.source) {
            let root = root.get_or_insert_with(|| Node {
                at: Mark { source: EDIT_SOURCE, line: 0, column: 0 },
                content: Content::Map(Vec::new()),
            });
            if root.is_null() {
                root.content = Content::Map(Vec::new());
            }
            put(root, self.number, job);
        }
        roots.into_iter().flatten().collect()
    }

    fn check(&self, job: Option<&Node>) -> Result<Loaded, EditError> {
        check::check(&self.roots(job), self.files.sources, self.rules, Diagnostics::default())
            .map_err(|errors| self.invalid(errors))
    }

    /// The job as it is to be written into its file.
    fn written(&mut self, job: &Job, old: Option<&Job>) -> Node {
        let Base { job: mut base, shell, .. } =
            check::base(&self.roots(None), self.files.sources, self.rules);
        base.command = match &job.command {
            JobCommand::Run { .. } => JobCommand::Run { run: String::new(), shell },
            JobCommand::Named { .. } => {
                JobCommand::Named { command: String::new(), args: Map::new() }
            }
        };
        let (new, base) = (definition(job), definition(&base));
        let old = old.map(definition);
        let mut entries: Vec<Entry> = Vec::new();
        if let (Some(old), Some(Content::Map(written))) = (&old, self.node().map(|n| &n.content)) {
            let stays = |entry: &&Entry| is_unchanged(entry, old, &new);
            entries.extend(written.iter().filter(stays).cloned());
        }
        let kept: Vec<&str> =
            entries.iter().filter_map(|e| Some(keys::find(Scope::Job, &e.key)?.0.name)).collect();
        let foreign_args = entries.iter().any(|entry| has_foreign_args(&entry.value));
        let add: Vec<(&str, &Yaml)> = new
            .iter()
            .filter(|(key, _)| !(kept.contains(key) || foreign_args && *key == "args"))
            .filter(|(key, value)| {
                matches!(*key, "id" | "run" | "command") || find(&base, key) != Some(value)
            })
            .map(|(key, value)| (*key, value))
            .collect();
        for (key, value) in add {
            let at = self.paths.mark(0, format!(".{key}"));
            let value = node(&self.relative(key, value), at);
            entries.push(Entry { key: key.to_owned(), key_at: at, value });
        }
        Node {
            at: Mark { source: EDIT_SOURCE, line: 0, column: 0 },
            content: Content::Map(entries),
        }
    }

    /// Paths below the folder of the file are written as people write them.
    fn relative(&self, key: &str, value: &Yaml) -> Yaml {
        match value {
            Yaml::Text(path) if matches!(key, "working_dir" | "secret_file") => {
                let inner = std::path::Path::new(path).strip_prefix(&self.rules.base_dir).ok();
                let inner = inner.and_then(std::path::Path::to_str);
                let inner = inner.filter(|inner| !inner.is_empty() && !inner.starts_with('~'));
                Yaml::Text(inner.unwrap_or(path).to_owned())
            }
            Yaml::Map(entries) if key == "env" => {
                let value = |value: &Yaml| match value {
                    Yaml::Map(inner) => Yaml::Map(
                        inner.iter().map(|(k, v)| (k.clone(), self.relative(k, v))).collect(),
                    ),
                    other => other.clone(),
                };
                Yaml::Map(entries.iter().map(|(name, v)| (name.clone(), value(v))).collect())
            }
            other => other.clone(),
        }
    }
}

/// Whether a key of the file can stay as it is written.
fn is_unchanged(entry: &Entry, old: &Definition, new: &Definition) -> bool {
    let Some((key, _)) = keys::find(Scope::Job, &entry.key) else { return false };
    let moved = has_foreign_args(&entry.value) && find(old, "args") != find(new, "args");
    !(key.name == "metadata" && moved) && find(old, key.name) == find(new, key.name)
}

/// Whether it is metadata in which the other system keeps a command's arguments.
fn has_foreign_args(metadata: &Node) -> bool {
    matches!(&metadata.content, Content::Map(entries) if entries.iter().any(|e| e.key == "commandArgs"))
}

/// Puts a job into the list of a file: in place of another, or behind the last.
fn put(root: &mut Node, number: Option<usize>, job: Option<&Node>) {
    let at = root.at;
    let Content::Map(entries) = &mut root.content else { return };
    if !entries.iter().any(|entry| entry.key == "jobs") {
        let value = Node { at, content: Content::List(Vec::new()) };
        entries.push(Entry { key: "jobs".to_owned(), key_at: at, value });
    }
    let jobs = entries.iter_mut().find(|entry| entry.key == "jobs");
    let Some(Content::List(items)) = jobs.map(|jobs| &mut jobs.value.content) else { return };
    match (number.filter(|number| *number < items.len()), job) {
        (Some(number), Some(job)) => items[number] = job.clone(),
        (Some(number), None) => {
            items.remove(number);
        }
        (None, Some(job)) => items.push(job.clone()),
        (None, None) => {}
    }
}

/// What is written, as a tree.
fn node(value: &Yaml, at: Mark) -> Node {
    let scalar =
        |text: &str, plain| Content::Scalar(Scalar { text: text.to_owned(), plain, offset: None });
    let content = match value {
        Yaml::Text(text) => scalar(text, false),
        Yaml::Bare(text) => scalar(text, true),
        Yaml::List(items) => Content::List(items.iter().map(|item| node(item, at)).collect()),
        Yaml::Map(entries) => Content::Map(
            entries
                .iter()
                .map(|(key, value)| Entry { key: key.clone(), key_at: at, value: node(value, at) })
                .collect(),
        ),
    };
    Node { at, content }
}
