//! The keys of a map in the text: a job, or a map within one.
//!
//! Owns where a new key goes: behind the last of those that stand before it in the reference; in a free map to the end.

use super::lines::Rewrite;
use super::spans::{Entry, Kind, Span};
use super::{list, value};
use crate::jobfile::keys::{self, Scope};
use crate::jobfile::tree::{self, Content, Node};

/// Turns the map that says `old` into one that says `new`.
pub(super) fn change(
    rewrite: &mut Rewrite<'_>,
    span: &Span,
    old: &Node,
    new: &Node,
    is_job: bool,
) -> Result<(), String> {
    let (Some((flow, entries)), Content::Map(old), Content::Map(new)) =
        (span.entries(), &old.content, &new.content)
    else {
        return Err("it is an alias".to_owned());
    };
    let in_new = |key: &str| new.iter().find(|entry| entry.key == key);
    let written = |key: &str| entries.iter().any(|entry| entry.key == key);
    if let Some(merged) = old.iter().find(|e| in_new(&e.key).is_none() && !written(&e.key)) {
        return Err(format!("`{}` comes from a merge key (`<<`)", merged.key));
    }
    let gone: Vec<bool> =
        entries.iter().map(|e| e.key != "<<" && in_new(&e.key).is_none()).collect();
    let before = |key: &str| old.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
    for entry in entries {
        let (Some(old), Some(new)) = (before(&entry.key), in_new(&entry.key)) else { continue };
        if !value::same(old, &new.value) {
            if flow {
                flow_value(rewrite, entry, old, &new.value)?;
            } else {
                block_value(rewrite, entry, old, &new.value)?;
            }
        }
    }
    // What a merge key brings along needs no line of its own.
    let merged =
        |entry: &tree::Entry| before(&entry.key).is_some_and(|v| value::same(v, &entry.value));
    let new = new.iter().filter(|entry| !written(&entry.key) && !merged(entry));
    let mut added: Vec<&tree::Entry> = new.collect();
    if is_job {
        added.sort_by_key(|entry| rank(&entry.key));
    }
    for new in added {
        let behind = behind(entries, &gone, &new.key, is_job);
        let behind = behind.ok_or("none of its keys remains")?;
        let end = value::end(rewrite, behind);
        if flow {
            rewrite.insert(end, &format!(", {}", value::pair(&new.key, &new.value)));
        } else {
            let indent = indent_of(rewrite, entries);
            let lines = value::lines(&new.key, &new.value, indent);
            let stop = rewrite.line_stop(end);
            rewrite.insert(stop, &format!("\n{}{lines}", " ".repeat(indent)));
        }
    }
    if flow {
        let ends: Vec<(usize, usize)> =
            entries.iter().map(|entry| (entry.start, value::end(rewrite, entry))).collect();
        list::remove_flow(rewrite, &ends, &gone);
    } else {
        remove_lines(rewrite, entries, &gone);
    }
    Ok(())
}

/// The place of a key of a job in the reference.
fn rank(key: &str) -> Option<usize> {
    let (row, _) = keys::find(Scope::Job, key)?;
    keys::keys_of(Scope::Job).position(|key| key.name == row.name)
}

/// The entry that a new key goes behind.
fn behind<'e>(entries: &'e [Entry], gone: &[bool], key: &str, is_job: bool) -> Option<&'e Entry> {
    let mut kept = entries.iter().zip(gone).filter(|(_, gone)| !**gone).map(|(entry, _)| entry);
    match rank(key).filter(|_| is_job) {
        Some(own) => kept.rfind(|entry| rank(&entry.key) < Some(own)),
        None => kept.next_back(),
    }
}

/// The column of the keys of a map without brackets.
fn indent_of(rewrite: &Rewrite<'_>, entries: &[Entry]) -> usize {
    entries.first().map_or(0, |entry| rewrite.column(entry.start))
}

fn flow_value(
    rewrite: &mut Rewrite<'_>,
    entry: &Entry,
    old: &Node,
    new: &Node,
) -> Result<(), String> {
    if goes_on(entry, old, new) {
        return change(rewrite, &entry.value, old, new, false);
    }
    let text = rewrite.text;
    let written = value::one_line(new);
    let colon = rewrite.skip_blanks(entry.key_end);
    if !text[colon..].starts_with(':') {
        rewrite.insert(entry.key_end, &format!(": {written}"));
        return Ok(());
    }
    let begin = rewrite.skip_blanks(colon + 1);
    let end = entry.value.end.max(colon + 1);
    if begin > colon + 1 && begin < end {
        rewrite.replace(begin..end, &written);
    } else {
        rewrite.replace(colon + 1..end, &format!(" {written}"));
    }
    Ok(())
}

fn block_value(
    rewrite: &mut Rewrite<'_>,
    entry: &Entry,
    old: &Node,
    new: &Node,
) -> Result<(), String> {
    if goes_on(entry, old, new) {
        return change(rewrite, &entry.value, old, new, false);
    }
    if list::change(rewrite, entry, old, new) {
        return Ok(());
    }
    let indent = rewrite.column(entry.start);
    value::replace(rewrite, entry, new, indent)
}

/// Whether it is a map that keeps some of its keys: then only the others are touched.
fn goes_on(entry: &Entry, old: &Node, new: &Node) -> bool {
    let (Kind::Map { entries, .. }, Content::Map(_), Content::Map(new)) =
        (&entry.value.kind, &old.content, &new.content)
    else {
        return false;
    };
    entries.iter().any(|entry| new.iter().any(|new| new.key == entry.key))
}

/// Removes entries of a map without brackets: each has its lines, but the first of a job stands
/// behind the job's `-`.
fn remove_lines(rewrite: &mut Rewrite<'_>, entries: &[Entry], gone: &[bool]) {
    let text = rewrite.text;
    let ends: Vec<usize> = entries.iter().map(|entry| value::end(rewrite, entry)).collect();
    let leading = gone.iter().take_while(|gone| **gone).count();
    let mut from = 0;
    if let (Some(first), Some(kept), 1..) = (entries.first(), entries.get(leading), leading)
        && !rewrite.before(first.start).trim().is_empty()
    {
        let gaps = ends.iter().zip(&entries[1..]).take(leading);
        let mut blank = gaps.map(|(end, next)| &text[rewrite.line_stop(*end)..next.start]);
        if blank.all(|gap| gap.trim().is_empty()) {
            rewrite.remove(first.start..kept.start);
            from = leading;
        } else {
            let dash = first.start - rewrite.before(first.start).len()
                + rewrite.before(first.start).trim_end().len();
            rewrite.remove(dash..rewrite.line_stop(ends[0]));
            from = 1;
        }
    }
    for (index, (entry, mut end)) in entries.iter().zip(ends).enumerate().skip(from) {
        if !gone[index] {
            continue;
        }
        let above = (0..index).rev().find(|above| !gone[*above]);
        if above.is_some_and(|above| entries[above].value.keeps_blank_lines()) {
            // Blank lines below would become part of the text above.
            let mut next = rewrite.next_line(end);
            while next < text.len() && rewrite.line_at(next).trim().is_empty() {
                end = next;
                next = rewrite.next_line(next);
            }
        }
        rewrite.remove_lines(entry.start..end);
    }
}
