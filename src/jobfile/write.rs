//! The way back: a job as YAML, with what is the default left out, so that reading it gives the
//! same job.
//!
//! Owns the order of keys and the quoting of texts. Writes no comments: a file that people wrote is
//! edited, not rewritten.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::SecondsFormat;
use serde_json::{Map, Value};

use super::diagnostics::is_hostile;
use super::fields::reads_as_other;
use crate::model::text::{format_duration, format_size};
use crate::model::{
    CalendarRule, CatchUp, Condition, Dependency, EnvValue, Job, JobCommand, NamedCause, OnFailure,
    OnStop, Overlap, Pool, Retention, Retry, RetryCause, RunArgs, Settings,
};

/// A map that is no longer than this stands on the line of its key.
const SHORT_MAP: usize = 72;

/// A value to be written, with its keys in the order in which they are to stand.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Yaml {
    /// A text, quoted where it must be.
    Text(String),
    /// A number, `true`, `null`: written as it is.
    Bare(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// The keys of a job or of the settings.
pub(super) type Definition = Vec<(&'static str, Yaml)>;

/// The job as a map in YAML, defaults left out. Read back, it is the same job.
#[must_use]
pub(crate) fn to_yaml(job: &Job) -> String {
    let command = match &job.command {
        JobCommand::Run { .. } => JobCommand::script(""),
        JobCommand::Named { .. } => JobCommand::Named { command: String::new(), args: Map::new() },
    };
    let defaults = definition(&Job::new(job.id.clone(), command));
    let mut out = String::new();
    for (key, value) in definition(job) {
        let default = defaults.iter().find(|(name, _)| *name == key);
        if key != "id" && default.is_some_and(|(_, default)| *default == value) {
            continue;
        }
        out += &entry(key, &value);
    }
    out
}

/// The job as an item of a list, two columns deep.
pub(super) fn as_item(job: &Job) -> String {
    let mut out = String::new();
    for (number, line) in to_yaml(job).lines().enumerate() {
        let lead = if number == 0 { "  - " } else { "    " };
        if !line.is_empty() {
            out += lead;
            out += line;
        }
        out.push('\n');
    }
    out
}

/// Every key of a job that has a value, defaults too.
pub(super) fn definition(job: &Job) -> Definition {
    let mut keys: Definition = vec![("id", text(job.id.as_str()))];
    let mut add = |key, value: Option<Yaml>| keys.extend(value.map(|value| (key, value)));
    add("name", job.name.as_deref().map(text));
    add("description", job.description.as_deref().map(text));
    add("schedule", job.schedule.as_deref().map(text));
    add("timezone", job.timezone.as_deref().map(text));
    add("calendar", job.calendar.as_ref().map(calendar));
    let time = |time: chrono::DateTime<chrono::Utc>| {
        text(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    };
    add("start_at", job.start_at.map(time));
    add("end_at", job.end_at.map(time));
    add("jitter", job.jitter.map(duration));
    match &job.command {
        JobCommand::Run { run, shell } => {
            add("run", Some(text(run)));
            add("shell", Some(texts(shell)));
        }
        JobCommand::Named { command, args } => {
            add("command", Some(text(command)));
            add("args", free_map(args));
        }
    }
    let dependencies: Vec<Yaml> = job.dependencies.iter().map(dependency).collect();
    add("dependencies", some_list(dependencies));
    add("dependency_timeout", job.dependency_timeout.map(duration));
    add("priority", Some(text(job.priority.as_str())));
    add("priority_aging", Some(duration(job.priority_aging)));
    add("enabled", Some(Yaml::Bare(job.enabled.to_string())));
    policies(job, &mut add);
    add("concurrency", job.concurrency.map(number));
    add("limits", some_list(job.limits.iter().map(|limit| text(limit)).collect()));
    add(
        "workers",
        job.workers.as_ref().map(|selector| {
            let ids: Vec<&str> = selector.ids.iter().map(crate::model::WorkerId::as_str).collect();
            map([("ids", texts(&ids)), ("labels", texts(&selector.labels))])
        }),
    );
    let env = job.env.iter().map(|(name, value)| match value {
        EnvValue::Text(value) => (name.clone(), text(value)),
        EnvValue::SecretFile { secret_file } => {
            (name.clone(), map([("secret_file", text(secret_file))]))
        }
    });
    let env: Vec<_> = env.collect();
    add("env", (!env.is_empty()).then_some(Yaml::Map(env)));
    add("working_dir", job.working_dir.as_deref().map(text));
    add("output_limit", Some(text(&format_size(job.output_limit))));
    add("tags", some_list(job.tags.iter().map(|tag| text(tag)).collect()));
    add("metadata", free_map(&job.metadata));
    add("on_failure", job.on_failure.as_ref().map(on_failure));
    add("user", job.user.as_deref().map(text));
    let word = |args| match args {
        RunArgs::Allowed => "allowed",
        RunArgs::Refused => "refused",
    };
    add("run_args", job.run_args.map(|args| text(word(args))));
    keys
}

fn policies(job: &Job, add: &mut impl FnMut(&'static str, Option<Yaml>)) {
    add("timeout", job.timeout.map(duration));
    add("deadline", job.deadline.map(duration));
    add("start_timeout", job.start_timeout.map(duration));
    add("kill_grace", Some(duration(job.kill_grace)));
    add("retry", Some(retry(&job.retry)));
    add("retry_on", some_list(job.retry_on.iter().map(cause).collect()));
    add("no_retry_on", some_list(job.no_retry_on.iter().map(cause).collect()));
    let codes = job.success_exit_codes.iter().map(number).collect();
    add("success_exit_codes", Some(Yaml::List(codes)));
    let overlap = match job.overlap {
        Overlap::Skip => "skip",
        Overlap::Queue => "queue",
        Overlap::QueueAll => "queue_all",
        Overlap::Allow => "allow",
        Overlap::Replace => "replace",
    };
    add("overlap", Some(text(overlap)));
    let catch_up = match job.catch_up {
        CatchUp::None => "none",
        CatchUp::Latest => "latest",
        CatchUp::All => "all",
    };
    add("catch_up", Some(text(catch_up)));
    add("catch_up_window", Some(duration(job.catch_up_window)));
}

/// Every top-level key that has a value, defaults too.
pub(super) fn settings_definition(settings: &Settings) -> Definition {
    let mut keys: Definition = Vec::new();
    let mut add = |key, value: Option<Yaml>| keys.extend(value.map(|value| (key, value)));
    add("timezone", settings.timezone.as_deref().map(text));
    let on_stop = match settings.on_stop {
        OnStop::Leave => "leave",
        OnStop::Wait => "wait",
        OnStop::Cancel => "cancel",
    };
    add("on_stop", Some(text(on_stop)));
    add("shutdown_grace", Some(duration(settings.shutdown_grace)));
    let pools = settings.workers.as_ref();
    add("workers", pools.map(|pools| Yaml::List(pools.iter().map(pool).collect())));
    let limits: Vec<_> =
        settings.limits.iter().map(|(name, limit)| (name.clone(), number(limit))).collect();
    add("limits", (!limits.is_empty()).then_some(Yaml::Map(limits)));
    let calendars = settings.calendars.iter().map(|(name, calendar)| {
        let days = calendar.holidays.iter().map(|day| text(&day.to_string())).collect();
        (name.clone(), map([("holidays", Yaml::List(days))]))
    });
    let calendars: Vec<_> = calendars.collect();
    add("calendars", (!calendars.is_empty()).then_some(Yaml::Map(calendars)));
    let Retention { days, per_job, output, events } = settings.retention;
    let output = text(&format_size(output));
    add(
        "retention",
        Some(map([
            ("days", number(days)),
            ("per_job", number(per_job)),
            ("output", output),
            ("events", number(events)),
        ])),
    );
    keys
}

fn on_failure(what: &OnFailure) -> Yaml {
    match what {
        OnFailure::Run { run } => map([("run", text(run))]),
        OnFailure::Url { url } => map([("url", text(url))]),
    }
}

fn pool(pool: &Pool) -> Yaml {
    let mut keys = vec![("id", text(pool.id.as_str()))];
    keys.extend(pool.host.as_deref().map(|host| ("host", text(host))));
    keys.push(("capacity", number(pool.capacity)));
    if !pool.labels.is_empty() {
        keys.push(("labels", texts(&pool.labels)));
    }
    map(keys)
}

fn calendar(rule: &CalendarRule) -> Yaml {
    match rule {
        CalendarRule::Skip(name) => map([("skip", text(name))]),
        CalendarRule::Only(name) => map([("only", text(name))]),
    }
}

fn dependency(dependency: &Dependency) -> Yaml {
    let job = text(dependency.job.as_str());
    if dependency.on == Condition::Success && dependency.within.is_none() {
        return job;
    }
    let on = match dependency.on {
        Condition::Success => "success",
        Condition::Failure => "failure",
        Condition::Completion => "completion",
    };
    let mut keys = vec![("job", job), ("on", text(on))];
    keys.extend(dependency.within.map(|within| ("within", duration(within))));
    map(keys)
}

fn retry(retry: &Retry) -> Yaml {
    let mut keys = Vec::new();
    let jitter = match retry {
        Retry::None => return map([("type", text("none"))]),
        Retry::Fixed { max_retries, delay, jitter } => {
            keys.push(("type", text("fixed")));
            keys.push(("max_retries", number(max_retries)));
            keys.push(("delay", duration(*delay)));
            *jitter
        }
        Retry::Exponential { max_retries, delay, max_delay, jitter } => {
            keys.push(("type", text("exponential")));
            keys.push(("max_retries", number(max_retries)));
            keys.push(("delay", duration(*delay)));
            keys.push(("max_delay", duration(*max_delay)));
            *jitter
        }
    };
    if jitter != 0.0 {
        keys.push(("jitter", number(jitter)));
    }
    map(keys)
}

fn cause(cause: &RetryCause) -> Yaml {
    match cause {
        RetryCause::ExitCode(code) => number(code),
        RetryCause::Named(NamedCause::Timeout) => text("timeout"),
        RetryCause::Named(NamedCause::WorkerLost) => text("worker_lost"),
        RetryCause::Named(NamedCause::NotStarted) => text("not_started"),
    }
}

fn text(text: &str) -> Yaml {
    Yaml::Text(text.to_owned())
}

fn texts(items: &[impl AsRef<str>]) -> Yaml {
    Yaml::List(items.iter().map(|item| text(item.as_ref())).collect())
}

fn number(number: impl ToString) -> Yaml {
    Yaml::Bare(number.to_string())
}

fn duration(duration: Duration) -> Yaml {
    text(&format_duration(duration))
}

fn map(keys: impl IntoIterator<Item = (&'static str, Yaml)>) -> Yaml {
    Yaml::Map(keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn some_list(items: Vec<Yaml>) -> Option<Yaml> {
    (!items.is_empty()).then_some(Yaml::List(items))
}

fn free_map(map: &Map<String, Value>) -> Option<Yaml> {
    (!map.is_empty()).then(|| free(&Value::Object(map.clone())))
}

fn free(value: &Value) -> Yaml {
    match value {
        Value::String(text) => Yaml::Text(text.clone()),
        Value::Array(items) => Yaml::List(items.iter().map(free).collect()),
        Value::Object(map) => {
            Yaml::Map(map.iter().map(|(key, value)| (key.clone(), free(value))).collect())
        }
        bare => Yaml::Bare(bare.to_string()),
    }
}

/// A value as one line of YAML.
pub(super) fn one_line(value: &Yaml) -> String {
    let mut out = String::new();
    flow(value, &mut out);
    out
}

fn flow(value: &Yaml, out: &mut String) {
    match value {
        Yaml::Text(text) => out.push_str(&scalar(text)),
        Yaml::Bare(text) => out.push_str(text),
        Yaml::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                flow(item, out);
            }
            out.push(']');
        }
        Yaml::Map(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                let _ = write!(out, "{comma}{}: ", scalar(key));
                flow(value, out);
            }
            out.push('}');
        }
    }
}

/// A key as it is written.
pub(super) fn entry_key(key: &str) -> String {
    scalar(key)
}

/// A key and its value as lines, those below the first two columns deep.
pub(super) fn entry(key: &str, value: &Yaml) -> String {
    let mut out = scalar(key) + ":";
    block(value, 1, &mut out);
    out
}

/// A value behind its `key:`, over several lines where that reads better.
fn block(value: &Yaml, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Yaml::Text(text) if text.contains('\n') && fits_literal(text) => {
            let chomp = if text.ends_with('\n') { "" } else { "-" };
            let _ = writeln!(out, " |{chomp}");
            for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                let indent = if line.is_empty() { "" } else { &indent };
                let _ = writeln!(out, "{indent}{line}");
            }
        }
        Yaml::Map(entries) if one_line(value).len() > SHORT_MAP => {
            out.push('\n');
            for (key, value) in entries {
                let _ = write!(out, "{indent}{}:", scalar(key));
                block(value, depth + 1, out);
            }
        }
        value => {
            let _ = writeln!(out, " {}", one_line(value));
        }
    }
}

/// Whether a text of several lines can stand below `|` as it is, whatever follows it.
fn fits_literal(text: &str) -> bool {
    let first = text.split('\n').next().unwrap_or_default();
    let plain = |c: char| c == '\n' || !is_hostile(c);
    !first.is_empty()
        && !first.starts_with(' ')
        && !text.ends_with("\n\n")
        && text.chars().all(plain)
        && text.split('\n').all(|line| !line.trim().is_empty() || line.is_empty())
}

/// A text as a scalar that reads as that text wherever it stands.
fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { double_quoted(text) }
}

/// Whether a text needs no quotes.
fn is_plain(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || "_/.".contains(c);
    let inner = |c: char| c.is_alphanumeric() || " _/.-+@%*=~()".contains(c) || c == ':';
    let start = text.strip_prefix('-').unwrap_or(text);
    start.starts_with(|c: char| word(c) || c.is_alphabetic())
        && text.chars().all(inner)
        && !text.contains(": ")
        && !text.ends_with([' ', ':'])
        && !text.starts_with("...")
        && !reads_as_other(text)
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_hostile(c) && (c as u32) < 0x1_0000 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c if is_hostile(c) => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
