//! `data_processing`: one pass over a file of lines, CSV or JSON Lines, in bounded memory.
//!
//! Owns the pass; `args` checks the arguments, `filter` the small language of conditions, `rows`
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

use self::args::DataProcessingArgs;
use self::groups::Groups;
use self::output::Output;
use self::rows::{Read, Row, Rows};
use super::blocking;
use super::builtin::BuiltIn;
use crate::commands::command::{ArgProblem, Args, CommandError, Context};

/// How many rows lie between two lines of progress.
const PROGRESS: u64 = 1_000_000;

/// How many malformed rows are reported one by one.
const MAX_REPORTED_MALFORMED: u64 = 10;

/// How many groups the result shows; all of them are in the output file.
const SHOWN_GROUPS: usize = 100;

/// Reads `input`, keeps what `filter` lets through, groups and adds up.
pub(super) struct DataProcessing;

#[async_trait]
impl BuiltIn for DataProcessing {
    type Parsed = DataProcessingArgs;

    fn parse(args: &Args) -> Result<DataProcessingArgs, Vec<ArgProblem>> {
        args::parse(args)
    }

    async fn carry_out(context: Context, args: DataProcessingArgs) -> Result<Value, CommandError> {
        blocking::run(move || process(&context, &args)).await
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

fn process(context: &Context, args: &DataProcessingArgs) -> Result<Value, CommandError> {
    let input = context.working_dir.join(&args.input);
    let mut rows = Rows::open(&input, args.format, &args.fields(), context.stop.clone())
        .map_err(|fault| in_file(&input, &fault))?;
    let mut groups = args.grouping.as_ref().map(Groups::new);
    let mut output = match &args.output {
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
                keep(&row, args, &mut tally, &mut groups, &mut output)?;
                if tally.read.is_multiple_of(PROGRESS) {
                    context.say(&format!("{} rows so far", tally.read));
                }
            }
        }
    }
    finish(context, args, &input, &tally, groups, output)
}

/// Takes one row through filter, groups and output.
fn keep(
    row: &Row<'_>,
    args: &DataProcessingArgs,
    tally: &mut Tally,
    groups: &mut Option<Groups<'_>>,
    output: &mut Option<Output>,
) -> Result<(), CommandError> {
    tally.read += 1;
    if args.filter.as_ref().is_some_and(|filter| !filter.accepts(row)) {
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
    args: &DataProcessingArgs,
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
            args.format.name()
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
        report_groups(context, groups, rows, &mut result);
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
fn report_groups(
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
        let message = format!("line {line}: {what}");
        if self.malformed <= MAX_REPORTED_MALFORMED {
            context.say(&message);
        } else if self.malformed == MAX_REPORTED_MALFORMED + 1 {
            context.say("further malformed rows are only counted");
        }
        self.first_malformed.get_or_insert(message);
    }
}

fn in_file(path: &Path, fault: &str) -> CommandError {
    CommandError(format!("{}: {fault}", path.display()))
}
