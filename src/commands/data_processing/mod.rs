//! `data_processing`: one pass over a file of lines, CSV or JSON Lines, in bounded memory.
//!
//! Owns the pass; `order` judges the arguments, `filter` the small language of conditions, `rows`
//! reads, `groups` counts and adds up, `output` writes. What bounds memory: a row is at most
//! 1 MiB, the groups are at most 10,000, kept rows are written as they come.

mod args;
mod csv_line;
mod filter;
mod format;
mod groups;
mod output;
mod rows;
#[cfg(test)]
mod tests;

use std::path::Path;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use self::args::Order;
use self::groups::Groups;
use self::output::Output;
use self::rows::{Read, Row, Rows};
use super::blocking;
use super::builtin::BuiltIn;
use crate::commands::command::{ArgProblem, Args, CommandError, Context};

/// How many rows lie between two lines of progress.
const PROGRESS: u64 = 1_000_000;

/// How many malformed rows are told one by one.
const TOLD_MALFORMED: u64 = 10;

/// How many groups the result shows; all of them are in the output file.
const SHOWN_GROUPS: usize = 100;

/// Reads `input`, keeps what `filter` lets through, groups and adds up.
pub(super) struct DataProcessing;

#[async_trait]
impl BuiltIn for DataProcessing {
    type Order = Order;

    fn parse(args: &Args) -> Result<Order, Vec<ArgProblem>> {
        args::parse(args)
    }

    async fn carry_out(context: Context, order: Order) -> Result<Value, CommandError> {
        blocking::run(move || process(&context, &order)).await
    }
}

/// What was counted in a pass.
#[derive(Default)]
struct Tally {
    read: u64,
    kept: u64,
    malformed: u64,
    first_malformed: Option<String>,
}

fn process(context: &Context, order: &Order) -> Result<Value, CommandError> {
    let input = context.working_dir.join(&order.input);
    let mut rows = Rows::open(&input, order.format, &order.fields(), context.stop.clone())
        .map_err(|fault| in_file(&input, &fault))?;
    let mut groups = order.grouping.as_ref().map(Groups::new);
    let mut output = match &order.output {
        Some(path) => Some(Output::create(&context.working_dir.join(path), &input, context)?),
        None => None,
    };
    if let (Some(output), None, Some(header)) = (&mut output, &groups, rows.header()) {
        output.row(&header)?;
    }

    let mut tally = Tally::default();
    loop {
        let next = rows.next();
        // Reading fails once the stop is set: that is no fault of the file.
        blocking::go_on(&context.stop)?;
        let Some(read) = next.map_err(|fault| in_file(&input, &fault))? else { break };
        match read {
            Read::Malformed { line, what } => tally.malformed(context, line, &what),
            Read::Row(row) => {
                keep(&row, order, &mut tally, &mut groups, &mut output)?;
                if tally.read.is_multiple_of(PROGRESS) {
                    context.say(&format!("{} rows so far", tally.read));
                }
            }
        }
    }
    finish(context, order, &input, &tally, groups, output)
}

/// Takes one row through filter, groups and output.
fn keep(
    row: &Row<'_>,
    order: &Order,
    tally: &mut Tally,
    groups: &mut Option<Groups<'_>>,
    output: &mut Option<Output>,
) -> Result<(), CommandError> {
    tally.read += 1;
    if order.filter.as_ref().is_some_and(|filter| !filter.accepts(row)) {
        return Ok(());
    }
    tally.kept += 1;
    match (groups, output) {
        (Some(groups), _) => groups.add(row).map_err(CommandError),
        (None, Some(output)) => output.row(&row.raw()),
        (None, None) => Ok(()),
    }
}

fn finish(
    context: &Context,
    order: &Order,
    input: &Path,
    tally: &Tally,
    groups: Option<Groups<'_>>,
    output: Option<Output>,
) -> Result<Value, CommandError> {
    if let (0, Some(first)) = (tally.read, &tally.first_malformed) {
        return Err(CommandError(format!(
            "none of the {} rows of {} could be read as {}; {first}",
            tally.malformed,
            input.display(),
            order.format.name()
        )));
    }
    let mut result = Map::new();
    context.say(&format!("{} rows read, {} kept", tally.read, tally.kept));
    if tally.malformed > 0 {
        context.say(&format!("malformed rows left out: {}", tally.malformed));
    }
    result.insert("rows_read".into(), json!(tally.read));
    result.insert("rows_kept".into(), json!(tally.kept));
    result.insert("rows_malformed".into(), json!(tally.malformed));
    let rows = groups.as_ref().map(Groups::rows).transpose().map_err(CommandError)?;
    if let (Some(groups), Some(rows)) = (&groups, &rows) {
        tell_groups(context, groups, rows, &mut result);
    }
    if let Some(mut output) = output {
        if let (Some(groups), Some(rows)) = (&groups, &rows) {
            output.groups(groups, rows)?;
        }
        let path = output.commit()?;
        context.say(&format!("written to {}", path.display()));
        result.insert("output".into(), json!(path.to_string_lossy()));
    }
    Ok(Value::Object(result))
}

/// Puts the groups (or the one value, without `group_by`) into the result and the output.
fn tell_groups(
    context: &Context,
    groups: &Groups<'_>,
    rows: &[(String, Value)],
    result: &mut Map<String, Value>,
) {
    if groups.unusable() > 0 {
        let (count, what) = (groups.unusable(), groups.label());
        context.say(&format!("kept rows without a number for {what}: {count}"));
        result.insert("rows_without_number".into(), json!(groups.unusable()));
    }
    if !groups.are_named() {
        let value = rows.first().map_or(Value::Null, |(_, value)| value.clone());
        context.say(&format!("{} = {value}", groups.label()));
        result.insert("value".into(), value);
        return;
    }
    let shown: Map<String, Value> = rows.iter().take(SHOWN_GROUPS).cloned().collect();
    for (name, value) in &shown {
        let name = if name.is_empty() { "(none)" } else { name.as_str() };
        context.say(&format!("{name}: {value}"));
    }
    if rows.len() > SHOWN_GROUPS {
        context.say(&format!("and {} more groups", rows.len() - SHOWN_GROUPS));
    }
    result.insert("group_count".into(), json!(rows.len()));
    result.insert("groups".into(), Value::Object(shown));
}

impl Tally {
    fn malformed(&mut self, context: &Context, line: u64, what: &str) {
        self.malformed += 1;
        let told = format!("line {line}: {what}");
        if self.malformed <= TOLD_MALFORMED {
            context.say(&told);
        } else if self.malformed == TOLD_MALFORMED + 1 {
            context.say("further malformed rows are only counted");
        }
        self.first_malformed.get_or_insert(told);
    }
}

fn in_file(path: &Path, fault: &str) -> CommandError {
    CommandError(format!("{}: {fault}", path.display()))
}
