//! The form of a job: which keys of jobs.yaml it has fields for, and what of it is to be written.
//!
//! Owns the way from a definition to texts and back. Never judges what it says: the engine does,
//! while it is typed.

use serde_json::Value;

use super::form::{Field, Form, FormKind, JobForm};
use crate::control::Definition;
use crate::driver::JobEdit;
use crate::model::text::parse_duration;
use crate::model::{JobId, JobStatus, Source};
use crate::tui::change::{definition_of, place, read_yaml};

/// What a text of a field is in a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A text.
    Text,
    /// `yes` or `no`.
    Flag,
    /// What YAML makes of it.
    Yaml,
    /// Items with commas between them.
    List,
}

const KEYS: [(&str, Sort, &str); 15] = [
    ("id", Sort::Text, "lowercase letters, digits, - and _"),
    ("name", Sort::Text, ""),
    ("description", Sort::Text, ""),
    (
        "schedule",
        Sort::Text,
        "every weekday at 9:30, or 30 9 * * 1-5; empty: by hand or after dependencies",
    ),
    ("timezone", Sort::Text, "as jobs.yaml says, or Europe/Berlin"),
    ("run", Sort::Text, "a line for /bin/sh -c, or a command below"),
    ("command", Sort::Text, "a built-in command, instead of run"),
    ("args", Sort::Yaml, "{ message: hello }"),
    ("priority", Sort::Text, ""),
    ("overlap", Sort::Text, ""),
    ("timeout", Sort::Text, "10m, for each attempt"),
    ("retry", Sort::Yaml, "{ type: exponential, max_retries: 3, delay: 10s }"),
    ("dependencies", Sort::List, "sync, { job: load, on: completion }"),
    ("tags", Sort::List, "db, nightly"),
    ("enabled", Sort::Flag, ""),
];

const PRIORITIES: &[&str] = &["medium", "high", "low"];
const OVERLAPS: &[&str] = &["skip", "queue", "queue_all", "allow", "replace"];
const FLAGS: &[&str] = &["yes", "no"];
const PLACES: &[&str] = &["jobs.yaml", "the store"];

/// The form of a job that is there.
pub(crate) fn edit(job: &JobStatus) -> Option<Form> {
    let definition = definition_of(&job.definition)?;
    let id = job.definition.id.clone();
    let is_field = |key: &&String| KEYS.iter().any(|(field, ..)| field == key);
    let more = match definition.keys().filter(|key| !is_field(key)).count() {
        0 => String::new(),
        1 => "; 1 more key in the editor".to_owned(),
        more => format!("; {more} more keys in the editor"),
    };
    let title = format!("{id}, version {} in {}{more}", job.version, place(job.source));
    let fields = KEYS.iter().map(|(key, sort, hint)| field(key, *sort, hint, &definition));
    let mut fields: Vec<Field> = fields.collect();
    fields[0] = Field::fixed("id", id.to_string());
    let of = Some((id, job.version));
    let kind = JobForm { of, schedule_stale: true, ..JobForm::default() };
    Some(Form::new(FormKind::Job(Box::new(kind)), title, fields))
}

/// The form of a new job.
pub(crate) fn create(source: Source) -> Form {
    let none = Definition::new();
    let fields = KEYS.iter().map(|(key, sort, hint)| field(key, *sort, hint, &none));
    let mut fields: Vec<Field> = fields.collect();
    fields.push(Field::choice("stored in", PLACES, place(source)));
    Form::new(FormKind::Job(Box::default()), "new job".to_owned(), fields)
}

fn field(key: &'static str, sort: Sort, hint: &'static str, definition: &Definition) -> Field {
    let value = definition.get(key);
    let text = match (value, sort) {
        (None | Some(Value::Null), _) => String::new(),
        (Some(Value::String(text)), _) => text.clone(),
        (Some(Value::Array(items)), Sort::List) => {
            items.iter().map(flow).collect::<Vec<_>>().join(", ")
        }
        (Some(value), _) => flow(value),
    };
    match key {
        "priority" => Field::choice(key, PRIORITIES, &text),
        "overlap" => Field::choice(key, OVERLAPS, &text),
        "enabled" => Field::choice(key, FLAGS, if text == "false" { "no" } else { "yes" }),
        _ if text.lines().count() > 1 => {
            let first = text.lines().next().unwrap_or_default();
            let lines = text.lines().count();
            Field::fixed(key, format!("{first} ({lines} lines: E edits them)"))
        }
        _ => Field::text(key, &text, hint),
    }
}

/// A value on one line, as YAML and JSON read it.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{key}: {}", flow(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether YAML reads a text as itself, whatever stands around it.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let span = parse_duration(text).is_ok() && text.ends_with(|c: char| c.is_ascii_alphabetic());
    let starts = span || text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let other = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    starts && text.chars().all(plain) && !other.contains(&text.to_lowercase().as_str())
}

/// The edit that the form stands for: of a job that is there only what has changed.
///
/// # Errors
/// The key and what is wrong with its text.
pub(crate) fn to_edit(form: &Form, of: Option<&JobId>) -> Result<JobEdit, (&'static str, String)> {
    let mut definition = Definition::new();
    for (key, sort, _) in KEYS {
        let Some(field) = form.field(key) else { continue };
        let text = field.value().trim();
        let wanted = if of.is_some() { field.is_changed() } else { !text.is_empty() };
        if wanted {
            definition.insert(key.to_owned(), value(sort, text).map_err(|why| (key, why))?);
        }
    }
    if of.is_some() {
        return Ok(JobEdit::Patch(definition));
    }
    JobId::new(form.value("id")).map_err(|error| ("id", error.to_string()))?;
    // A new job need not say what holds without its saying so.
    for (key, default) in [("priority", "medium"), ("overlap", "skip")] {
        if definition.get(key).and_then(Value::as_str) == Some(default) {
            definition.remove(key);
        }
    }
    if definition.get("enabled") == Some(&Value::Bool(true)) {
        definition.remove("enabled");
    }
    let source = if form.value("stored in") == PLACES[0] { Source::File } else { Source::Api };
    Ok(JobEdit::Create { definition, source })
}

fn value(sort: Sort, text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let yaml = |text: &str| {
        read_yaml::<Value>(text).map_err(|_| "not YAML: write { key: value } or [a, b]".to_owned())
    };
    match sort {
        Sort::Text => Ok(Value::String(text.to_owned())),
        Sort::Flag => Ok(Value::Bool(text == "yes")),
        Sort::Yaml => yaml(text),
        Sort::List => yaml(&format!("[{text}]")),
    }
}

/// The field that a problem's path is about: `retry.delay` is about `retry`.
pub(crate) fn field_of(form: &Form, path: &str) -> Option<&'static str> {
    let mut parts = path.split(['.', '[', ']', ':']).map(str::trim);
    let known = |part: &str| form.fields.iter().map(|field| field.key).find(|key| *key == part);
    parts.find_map(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Condition, Dependency, JobCommand, Priority};
    use crate::tui::tests::fixtures::{job, job_id};

    fn texts(form: &Form) -> String {
        let filled = form.fields.iter().filter(|field| !field.value().is_empty());
        filled
            .map(|field| format!("{}={}", field.key, field.value()))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn a_job_fills_its_form_and_only_what_changed_is_written() {
        let status = job("a", |job| {
            job.schedule = Some("*/5 * * * *".to_owned());
            job.priority = Priority::High;
            job.tags = vec!["db".to_owned(), "two words".to_owned(), "no".to_owned()];
            job.dependencies = vec![
                Dependency { job: job_id("b"), on: Condition::Success, within: None },
                Dependency { job: job_id("c"), on: Condition::Failure, within: None },
            ];
        });
        let mut form = edit(&status).unwrap();
        insta::assert_snapshot!(texts(&form), @r#"
        id=a
        schedule=*/5 * * * *
        run=true
        priority=high
        overlap=skip
        dependencies=b, { job: c, on: failure }
        tags=db, "two words", "no"
        enabled=yes
        "#);
        let id = job_id("a");
        assert_eq!(to_edit(&form, Some(&id)), Ok(JobEdit::Patch(Definition::new())));
        for (key, text) in [("schedule", "hourly"), ("tags", ""), ("retry", "{ type: fixed }")] {
            *form.field_mut(key).unwrap() = Field::text(key, "before", "");
            form.at = form.fields.iter().position(|field| field.key == key).unwrap();
            let (input, _) = form.input().unwrap();
            *input = tui_input::Input::new(text.to_owned());
        }
        let JobEdit::Patch(patch) = to_edit(&form, Some(&id)).unwrap() else {
            panic!("a job that is there is patched");
        };
        let expected =
            serde_json::json!({"schedule": "hourly", "tags": null, "retry": {"type": "fixed"}});
        assert_eq!(Value::Object(patch), expected);
    }

    #[test]
    fn a_script_of_several_lines_is_for_an_editor() {
        let status = job("a", |job| job.command = JobCommand::script("set -e\nmake\n"));
        let form = edit(&status).unwrap();
        assert_eq!(form.value("run"), "set -e (2 lines: E edits them)");
        assert_eq!(to_edit(&form, Some(&job_id("a"))), Ok(JobEdit::Patch(Definition::new())));
    }

    #[test]
    fn what_is_no_yaml_is_shown_at_its_field() {
        let mut form = create(Source::File);
        *form.field_mut("id").unwrap() = Field::text("id", "a", "");
        *form.field_mut("args").unwrap() = Field::text("args", "{ message: ", "");
        assert_eq!(to_edit(&form, None).unwrap_err().0, "args");
        *form.field_mut("args").unwrap() = Field::text("args", "{ n: 1 }", "");
        let Ok(JobEdit::Create { definition, source: Source::File }) = to_edit(&form, None) else {
            panic!("a new job of the file");
        };
        assert_eq!(Value::Object(definition), serde_json::json!({"id": "a", "args": {"n": 1}}));
        assert_eq!(field_of(&form, "jobs[3].retry.max_retries"), Some("retry"));
        assert_eq!(field_of(&form, "a"), None);
    }
}
