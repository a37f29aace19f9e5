//! Changing one job of a jobs file: text in, text out. Comments, blank lines, order, indentation and
//! quotes of everything else survive byte for byte.
//!
//! An edit is first made in the tree and checked with the whole set, so that what it means is known
//! (`desired`); then it is made in the text (`spans` tells where things stand, `map`, `list` and
//! `value` cut and join `lines`), and the new text is read and checked again: unless it says exactly
//! what was meant, nothing comes out. Never touches a disk.

mod desired;
mod files;
mod lines;
mod list;
mod map;
mod spans;
mod value;

use self::desired::Desired;
use self::files::{Files, jobs_of};
use self::lines::Rewrite;
use self::spans::Span;
use super::check::parse;
use super::diagnostics::{Diagnostics, printable, quoted};
use super::loaded::{FileErrors, Loaded};
use super::rules::Rules;
use super::source::SourceText;
use super::syntax;
use super::tree::Node;
use crate::model::JobId;

pub(crate) use self::files::{Edit, EditError};

/// What an edit came to.
#[derive(Debug, Clone)]
pub(crate) struct Edited {
    /// Which source has changed, counted from 0; `None` = the file says so already.
    pub source: Option<usize>,
    /// All sources, the changed one among them.
    pub sources: Vec<SourceText>,
    /// What they say now.
    pub loaded: Loaded,
}

/// Edits one job of the files. Files that are wrong themselves are not edited.
///
/// # Errors
/// When it is not legal, or cannot be written without touching more than was meant.
pub(crate) fn edit(
    sources: &[SourceText],
    rules: &Rules<'_>,
    job: &JobId,
    edit: &Edit,
) -> Result<Edited, EditError> {
    let mut out = Diagnostics::default();
    let roots = (0u32..).zip(sources).map(|(n, source)| syntax::read(&source.text, n, &mut out));
    let files = Files { roots: roots.collect(), sources };
    let wrong = |errors: FileErrors| {
        let message = format!("the file already has errors: {errors}");
        EditError::NotPossible(message)
    };
    let before = parse(sources, rules).map_err(wrong)?;
    let found = files.find(job);
    let (source, number) = match (edit, found) {
        (Edit::Add(_), Some(_)) => return Err(EditError::Taken),
        (Edit::Add(_), None) => (files.home(), None),
        (_, Some((source, number))) => (source, Some(number)),
        (_, None) => return Err(EditError::Unknown),
    };
    let desired = Desired::of(&files, rules, (source, number), job, edit, &before)?;
    if desired.loaded.set == before.set {
        return Ok(Edited { source: None, sources: sources.to_vec(), loaded: before });
    }
    let Some(old) = sources.get(source) else { return Err(EditError::Unknown) };
    let text = rewrite(&old.text, number, files.roots.get(source), &desired)
        .map_err(|why| by_hand(job, &why))?;
    let mut sources = sources.to_vec();
    if let Some(old) = sources.get_mut(source) {
        old.text = text;
    }
    match parse(&sources, rules) {
        Ok(loaded) if loaded.set == desired.loaded.set => {
            Ok(Edited { source: Some(source), sources, loaded })
        }
        _ => Err(by_hand(job, suspicion(&old.text, number))),
    }
}

fn by_hand(job: &JobId, why: &str) -> EditError {
    let job = quoted(job.as_str());
    EditError::NotPossible(format!(
        "job {job} cannot be edited automatically: {why}: edit the file by hand"
    ))
}

/// What may stand against an edit that did not come out as it was meant.
fn suspicion(text: &str, number: Option<usize>) -> &'static str {
    let spans = spans::parse(text).ok().flatten();
    let jobs = jobs_span(spans.as_ref()).ok().and_then(|(_, jobs)| jobs.items());
    let job = number.zip(jobs).and_then(|(number, (_, items))| items.get(number));
    if job.is_some_and(Span::holds_anchor) {
        "other parts of the file may repeat parts of it (`&name`)"
    } else {
        "its layout in the file does not allow the change"
    }
}

/// Makes the edit in the text.
fn rewrite(
    text: &str,
    number: Option<usize>,
    root: Option<&Option<Node>>,
    desired: &Desired,
) -> Result<String, String> {
    let unreadable = || "its file cannot be read".to_owned();
    let spans = spans::parse(text).map_err(|_| unreadable())?;
    let old = root.and_then(Option::as_ref).and_then(jobs_of);
    let mut rewrite = Rewrite::of(text);
    match (number, &desired.node) {
        (None, Some(node)) => list::add_job(&mut rewrite, spans.as_ref(), node)?,
        (Some(number), None) => {
            list::remove_job(&mut rewrite, jobs_span(spans.as_ref())?, number)?;
        }
        (Some(number), Some(node)) => {
            let (_, jobs) = jobs_span(spans.as_ref())?;
            let span = jobs.items().and_then(|(_, items)| items.get(number));
            let old = old.and_then(|jobs| jobs.get(number));
            let (Some(span), Some(old)) = (span, old) else { return Err(unreadable()) };
            map::change(&mut rewrite, span, old, node, true)?;
        }
        (None, None) => {}
    }
    rewrite.finish().ok_or_else(|| "its keys are too close together".to_owned())
}

/// Where the key `jobs` ends, and its list.
fn jobs_span(root: Option<&Span>) -> Result<(usize, &Span), String> {
    let entries = root.and_then(Span::entries).map(|(_, entries)| entries);
    let jobs = entries.and_then(|entries| entries.iter().find(|entry| entry.key == "jobs"));
    let jobs = jobs.ok_or("its file cannot be read")?;
    match jobs.value.kind {
        spans::Kind::List { .. } => Ok((jobs.key_end, &jobs.value)),
        _ => Err("the list of jobs is an alias".to_owned()),
    }
}

/// The difference between two texts of a file, as a unified diff.
#[must_use]
pub(crate) fn unified_diff(name: &str, before: &str, after: &str) -> String {
    let name = printable(name, 4096);
    let diff = similar::TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(3).header(&name, &name).to_string()
}
