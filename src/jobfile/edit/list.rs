//! Lists in the text: the jobs of a file, and lists within a job.
//!
//! Owns what goes with a job that is removed: the comment right above it, the comments inside it, and
//! one blank line.

use super::lines::Rewrite;
use super::spans::{Entry, Span};
use super::value;
use crate::jobfile::tree::{Content, Node};

/// Where the `-` of each item of a list without brackets stands; the list is the value of a key that
/// ends at `key_end`.
fn dashes(rewrite: &Rewrite<'_>, key_end: usize, items: &[Span]) -> Option<Vec<usize>> {
    let mut from = rewrite.skip_blanks(key_end) + 1;
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        let dash = rewrite.skip_to_content(from);
        if !rewrite.text[dash..].starts_with('-') || !rewrite.before(dash).trim().is_empty() {
            return None;
        }
        found.push(dash);
        from = item.end.max(dash + 1);
    }
    Some(found)
}

/// Turns a list of lines into another by taking out and putting in some of them. `false` = it is not
/// such a list, or the order changes: nothing was done.
pub(super) fn change(rewrite: &mut Rewrite<'_>, entry: &Entry, old: &Node, new: &Node) -> bool {
    let (Some((false, items)), Content::List(old), Content::List(new)) =
        (entry.value.items(), &old.content, &new.content)
    else {
        return false;
    };
    let Some(dashes) = dashes(rewrite, entry.key_end, items) else { return false };
    let mut next = 0;
    let mut kept = vec![false; items.len()];
    let mut plan: Vec<(Option<usize>, &Node)> = Vec::new();
    for node in new {
        let found = (next..old.len().min(items.len())).find(|n| value::same(&old[*n], node));
        match found {
            Some(number) => {
                kept[number] = true;
                next = number + 1;
            }
            None => plan.push((next.checked_sub(1), node)),
        }
    }
    let Some(first) = dashes.first().filter(|_| kept.contains(&true)) else { return false };
    let indent = rewrite.before(*first).to_owned();
    for (behind, node) in plan {
        let line = format!("{indent}- {}", value::one_line(node));
        match behind {
            Some(number) => {
                let stop = rewrite.line_stop(items[number].end);
                rewrite.insert(stop, &format!("\n{line}"));
            }
            None => rewrite.insert(rewrite.line_start(*first), &format!("{line}\n")),
        }
    }
    for ((dash, item), _) in dashes.iter().zip(items).zip(kept).filter(|(_, kept)| !kept) {
        rewrite.remove_lines(*dash..item.end.max(dash + 1));
    }
    true
}

/// Removes parts of `{…}` or `[…]`, given where each begins and ends.
pub(super) fn remove_flow(rewrite: &mut Rewrite<'_>, parts: &[(usize, usize)], gone: &[bool]) {
    let text = rewrite.text;
    let last_kept = gone.iter().rposition(|gone| !gone);
    let mut trailing: Option<(usize, usize)> = None;
    for (number, (start, end)) in parts.iter().enumerate().filter(|(n, _)| gone[*n]) {
        let comma = rewrite.skip_blanks(*end);
        let behind = if text[comma..].starts_with(',') { comma + 1 } else { *end };
        let rest = text[behind..rewrite.line_stop(behind)].trim_start();
        let alone = rewrite.before(*start).trim().is_empty();
        if alone && (rest.is_empty() || rest.starts_with('#')) {
            rewrite.remove_lines(*start..behind);
            continue;
        }
        if last_kept.is_some_and(|kept| number < kept) {
            let comma = rewrite.skip_to_content(*end);
            let behind = if text[comma..].starts_with(',') { comma + 1 } else { *end };
            let next = rewrite.skip_blanks(behind);
            let stop = if next < rewrite.line_stop(behind) { next } else { behind };
            rewrite.remove(*start..stop);
        } else {
            let from = trailing
                .map_or_else(|| last_kept.map_or(*start, |kept| parts[kept].1), |(from, _)| from);
            trailing = Some((from, *end));
        }
    }
    if let Some((from, mut until)) = trailing {
        let comma = rewrite.skip_blanks(until);
        if last_kept.is_none() && text[comma..].starts_with(',') {
            until = comma + 1;
        }
        rewrite.remove(from..until);
    }
}

/// The last line that belongs to a job: comments below it that are indented deeper than its `-` do.
fn last_line(rewrite: &Rewrite<'_>, dash: usize, end: usize) -> usize {
    let column = rewrite.column(dash);
    let mut last = end;
    let mut at = rewrite.next_line(end);
    while at < rewrite.text.len() {
        let line = rewrite.line_at(at);
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with('#') && indent > column {
            last = at;
        } else if !line.trim().is_empty() {
            break;
        }
        at = rewrite.next_line(at);
    }
    last
}

/// Removes a job from the list of a file.
pub(super) fn remove_job(
    rewrite: &mut Rewrite<'_>,
    (key_end, jobs): (usize, &Span),
    number: usize,
) -> Result<(), String> {
    let Some((flow, items)) = jobs.items() else { return Err("it is an alias".to_owned()) };
    if flow {
        let ends: Vec<_> = items.iter().map(|item| (item.start, item.end)).collect();
        let gone: Vec<bool> = (0..items.len()).map(|n| n == number).collect();
        remove_flow(rewrite, &ends, &gone);
        return Ok(());
    }
    let dashes =
        dashes(rewrite, key_end, items).ok_or("the layout of its list of jobs is not supported")?;
    let (Some(dash), Some(item)) = (dashes.get(number), items.get(number)) else {
        return Err("it is not where it was expected".to_owned());
    };
    if items.len() == 1 {
        let colon = rewrite.skip_blanks(key_end);
        rewrite.insert(colon + 1, " []");
    }
    // Blank lines may be part of a text that ends the job above.
    let above = number.checked_sub(1).and_then(|above| items.get(above));
    let bound = above.map_or(0, |above| rewrite.next_line(above.end));
    let mut start = rewrite.line_start(*dash);
    let column = rewrite.before(*dash);
    while start > 0 {
        let above = rewrite.line_start(start - 1);
        let line = rewrite.line_at(above);
        let comment = line.strip_prefix(column).is_some_and(|rest| rest.starts_with('#'));
        if !comment || above == start {
            break;
        }
        start = above;
    }
    let mut last = last_line(rewrite, *dash, item.end.max(dash + 1));
    let blank = |at: usize| rewrite.line_at(at).trim().is_empty();
    let above = start.checked_sub(1).map(|above| rewrite.line_start(above));
    if above.is_none_or(|above| blank(above) || number == 0) {
        let mut next = rewrite.next_line(last);
        while next < rewrite.text.len() && blank(next) {
            last = next;
            next = rewrite.next_line(next);
        }
        if next >= rewrite.text.len() {
            // The last of the file: the blank lines above it are in nobody's way any more.
            while let Some(above) = start.checked_sub(1).map(|at| rewrite.line_start(at))
                && above < start
                && above >= bound
                && blank(above)
            {
                start = above;
            }
        }
    }
    rewrite.remove_lines(start..last);
    Ok(())
}

/// A job as an item of a list without brackets, without the last line end.
fn item(job: &Node, column: usize, gap: usize) -> String {
    let Content::Map(entries) = &job.content else { return String::new() };
    let (dash, indent) = (" ".repeat(column), column + 1 + gap);
    let mut out = format!("{dash}-{}", " ".repeat(gap));
    for (number, entry) in entries.iter().enumerate() {
        if number > 0 {
            out.push('\n');
            out += &" ".repeat(indent);
        }
        out += &value::lines(&entry.key, &entry.value, indent);
    }
    out
}

/// Adds a job to the list of a file, which may not have one yet.
pub(super) fn add_job(
    rewrite: &mut Rewrite<'_>,
    root: Option<&Span>,
    job: &Node,
) -> Result<(), String> {
    let Some((flow, entries)) = root.and_then(Span::entries) else {
        if root.is_some_and(|root| root.start < root.end) {
            return Err("its file is not a map".to_owned());
        }
        append(rewrite, &format!("jobs:\n{}", item(job, 2, 1)));
        return Ok(());
    };
    let Some(jobs) = entries.iter().find(|entry| entry.key == "jobs") else {
        match entries.last().filter(|_| flow) {
            Some(last) => {
                let all = format!(", jobs: [{}]", value::one_line(job));
                rewrite.insert(value::end(rewrite, last), &all);
            }
            None => {
                let indent = entries.first().map_or(0, |first| rewrite.column(first.start));
                let list = item(job, indent + 2, 1);
                append(rewrite, &format!("{}jobs:\n{list}", " ".repeat(indent)));
            }
        }
        return Ok(());
    };
    let Some((in_brackets, items)) = jobs.value.items() else {
        return Err("the list of jobs is an alias".to_owned());
    };
    if in_brackets {
        return add_in_brackets(rewrite, jobs, flow, items, job);
    }
    let dashes =
        dashes(rewrite, jobs.key_end, items).ok_or("the layout of its list is not supported")?;
    let (Some(dash), Some(last)) = (dashes.last(), items.last()) else {
        return Err("the layout of its list is not supported".to_owned());
    };
    let column = rewrite.column(*dash);
    let beside = rewrite.line_start(last.start) == rewrite.line_start(*dash);
    let flow = last.entries().is_none_or(|(flow, _)| flow);
    let gap = if beside && !flow { rewrite.column(last.start) - column - 1 } else { 1 };
    let apart = match items {
        [.., above, last] if !last.keeps_blank_lines() => {
            let between = &rewrite.text[rewrite.line_stop(above.end)..*dash];
            between.lines().skip(1).any(|line| line.is_empty())
        }
        _ => false,
    };
    let stop = rewrite.line_stop(last_line(rewrite, *dash, last.end.max(dash + 1)));
    let blank = if apart { "\n" } else { "" };
    rewrite.insert(stop, &format!("\n{blank}{}", item(job, column, gap)));
    Ok(())
}

fn add_in_brackets(
    rewrite: &mut Rewrite<'_>,
    jobs: &Entry,
    flow: bool,
    items: &[Span],
    job: &Node,
) -> Result<(), String> {
    let span = &jobs.value;
    if let Some(last) = items.last() {
        let before = rewrite.before(last.start);
        let line = if before.trim().is_empty() { format!("\n{before}") } else { " ".to_owned() };
        rewrite.insert(last.end, &format!(",{line}{}", value::one_line(job)));
        return Ok(());
    }
    let colon = rewrite.skip_blanks(jobs.key_end);
    let plain = &rewrite.text[span.start..span.end] == "[]" && !span.anchored;
    if flow || !plain || !rewrite.text[colon..].starts_with(':') {
        rewrite.insert(span.start + 1, &value::one_line(job));
        return Ok(());
    }
    let column = rewrite.column(jobs.start) + 2;
    rewrite.remove(colon + 1..span.end);
    rewrite.insert(rewrite.line_stop(span.end), &format!("\n{}", item(job, column, 1)));
    Ok(())
}

/// Adds lines to the end of the text.
fn append(rewrite: &mut Rewrite<'_>, lines: &str) {
    let text = rewrite.text;
    let open = !text.is_empty() && !text.ends_with('\n');
    let (before, after) = if open { ("\n", "") } else { ("", "\n") };
    rewrite.insert(text.len(), &format!("{before}{lines}{after}"));
}
