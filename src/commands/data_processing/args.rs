//! The arguments of `data_processing`, and how they are checked.

use serde_json::Value;

use super::filter::Filter;
use super::format::{Format, is_text_field};
use crate::commands::args::ArgReader;
use crate::commands::command::{ArgProblem, Args};

/// What to work out over the numbers of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Count,
    Sum,
    Mean,
    Min,
    Max,
}

impl Operation {
    pub(super) const NAMES: [(&'static str, Self); 5] = [
        ("count", Self::Count),
        ("sum", Self::Sum),
        ("mean", Self::Mean),
        ("min", Self::Min),
        ("max", Self::Max),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

/// How rows are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grouping {
    /// Without it, all rows are one group.
    pub(super) by: Option<String>,
    pub(super) operation: Operation,
    /// `None` only for `count`, which then counts rows.
    pub(super) field: Option<String>,
}

/// The checked arguments.
pub(in crate::commands) struct DataProcessingArgs {
    pub(super) input: String,
    pub(super) format: Format,
    pub(super) filter: Option<Filter>,
    pub(super) grouping: Option<Grouping>,
    pub(super) output: Option<String>,
}

impl DataProcessingArgs {
    /// All fields that rows are asked for.
    pub(super) fn fields(&self) -> Vec<&str> {
        let mut fields: Vec<&str> = self.filter.iter().flat_map(Filter::fields).collect();
        if let Some(grouping) = &self.grouping {
            fields.extend(grouping.by.as_deref());
            fields.extend(grouping.field.as_deref());
        }
        fields
    }
}

/// Checks the arguments. Without `format`, the end of the input's name decides.
pub(super) fn parse(args: &Args) -> Result<DataProcessingArgs, Vec<ArgProblem>> {
    const FORMATS: [(&str, Format); 3] =
        [("text", Format::Text), ("csv", Format::Csv), ("jsonl", Format::Jsonl)];
    let mut reader = ArgReader::new(args);
    let input = reader.required_text("input", "data/orders.csv").map(str::to_owned);
    let format = reader
        .choice("format", &FORMATS)
        .or_else(|| input.as_deref().and_then(Format::of_path))
        .unwrap_or(Format::Text);
    let filter = filter(&mut reader, format);
    let by = reader.text("group_by").map(str::to_owned);
    let aggregate = aggregate(&mut reader);
    let grouping = match (by, aggregate) {
        (None, None) => None,
        (by, None) => Some(Grouping { by, operation: Operation::Count, field: None }),
        (by, Some((operation, field))) => Some(Grouping { by, operation, field }),
    };
    if let Some(grouping) = &grouping {
        check_field(&mut reader, "group_by", format, grouping.by.as_deref());
        check_field(&mut reader, "aggregate.field", format, grouping.field.as_deref());
    }
    let output = output(&mut reader, format, grouping.is_some());
    if output.is_some() && output == input {
        reader.problem("output", "is the input: name another file");
    }
    reader.finish(input.map(|input| DataProcessingArgs { input, format, filter, grouping, output }))
}

fn filter(reader: &mut ArgReader<'_>, format: Format) -> Option<Filter> {
    let text = reader.text("filter")?;
    match Filter::parse(text, format) {
        Ok(filter) => Some(filter),
        Err(message) => {
            reader.problem("filter", message);
            None
        }
    }
}

/// `{field, op}`; every `op` but `count` needs the field.
fn aggregate(reader: &mut ArgReader<'_>) -> Option<(Operation, Option<String>)> {
    let given = match reader.value("aggregate")? {
        Value::Object(given) => given,
        other => {
            return reader.wrong_type("aggregate", "a map such as {field: size, op: sum}", other);
        }
    };
    let mut inner = ArgReader::nested(given, "aggregate.");
    let operation = inner.choice("op", &Operation::NAMES);
    let field = inner.text("field").map(str::to_owned);
    if !given.contains_key("op") {
        inner.problem("op", "is missing: one of count, sum, mean, min, max");
    }
    if let (Some(operation), false) = (operation, given.contains_key("field"))
        && operation != Operation::Count
    {
        inner.problem("field", format_args!("is missing: {} of what?", operation.name()));
    }
    match inner.finish(operation.map(|operation| (operation, field))) {
        Ok(aggregate) => Some(aggregate),
        Err(problems) => {
            reader.absorb(problems);
            None
        }
    }
}

/// Lines have no named fields: `line`, or the number of a word.
fn check_field(reader: &mut ArgReader<'_>, path: &str, format: Format, field: Option<&str>) {
    let Some(field) = field else { return };
    if field.trim().is_empty() {
        reader.problem(path, "is empty: name a field");
    } else if format == Format::Text && !is_text_field(field) {
        reader.problem(
            path,
            "is not a field of a text line: use `line` for all of it, `1` for its first word",
        );
    }
}

/// Groups are written as the end of the name says; kept rows as they were read.
fn output(reader: &mut ArgReader<'_>, format: Format, grouped: bool) -> Option<String> {
    let path = reader.text("output")?;
    if path.trim().is_empty() || path.ends_with('/') {
        reader.problem("output", "does not name a file");
        return None;
    }
    match Format::of_path(path) {
        None if grouped => {
            reader.problem("output", "must end in .csv or .jsonl, which groups are written as");
        }
        Some(wanted) if !grouped && wanted != format => {
            let message = format!(
                "must not end like {}: kept rows stay {}, as they were read",
                wanted.name(),
                format.name()
            );
            reader.problem("output", message);
        }
        _ => {}
    }
    Some(path.to_owned())
}
