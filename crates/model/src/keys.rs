//! The table of every key of jobs.yaml: where it belongs, what it takes, its type in JSON, its default, and whether it
//! decides when jobs fire.
//!
//! Owns the table. How the keys are read is `jobfile`'s; its reference, docs/jobs-yaml.md, is checked against the table.

/// The map that a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// At the top of the file.
    Top,
    /// In a worker of `workers`.
    Worker,
    /// In a calendar of `calendars`.
    Calendar,
    /// In `retention`.
    Retention,
    /// In a job; those without `own` also in `defaults`.
    Job,
    /// In a job's `retry` (or `retryPolicy`).
    Retry,
    /// In a job's `calendar`.
    CalendarRule,
    /// In an item of a job's `dependencies`.
    Dependency,
    /// In a job's `workers`.
    Selector,
    /// In a value of a job's `env`.
    EnvValue,
    /// In a job's `on_failure`.
    OnFailure,
}

/// What a key holds in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number, with a fraction or without.
    Number,
    /// A string. Durations and times are strings, too.
    Text,
    /// A size: a string, or a number of bytes.
    TextOrInteger,
    /// A list.
    Array,
    /// A map.
    Object,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The map it belongs to.
    pub scope: Scope,
    /// Its name.
    pub name: &'static str,
    /// Its type in JSON.
    pub json: JsonType,
    /// What it takes, as the reference says it. A `duration` can also be given in milliseconds, as `NAME_ms` or `NameMs`.
    pub takes: &'static str,
    /// The value without it; empty = none.
    pub default: &'static str,
    /// Of a job's key: it belongs to one job and is not allowed in `defaults`.
    pub own: bool,
    /// Whether a change of its value can change when jobs fire.
    pub affects_firing: bool,
}

const fn key(
    scope: Scope,
    name: &'static str,
    json: JsonType,
    takes: &'static str,
    default: &'static str,
) -> Key {
    Key { scope, name, json, takes, default, own: false, affects_firing: false }
}

impl Key {
    const fn own(self) -> Self {
        Self { own: true, ..self }
    }

    const fn fires(self) -> Self {
        Self { affects_firing: true, ..self }
    }
}

/// The rows of a scope, in the order of the reference.
pub fn keys_of(scope: Scope) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.scope == scope)
}

use JsonType::{Array, Boolean, Integer, Number, Object, Text, TextOrInteger};
use Scope::{
    Calendar, CalendarRule, Dependency, EnvValue, Job, OnFailure, Retention, Retry, Selector, Top,
    Worker,
};

/// Every key.
pub const KEYS: &[Key] = &[
    key(Top, "timezone", Text, "IANA name", "the system's zone").fires(),
    key(Top, "on_stop", Text, "leave, wait, cancel", "leave"),
    key(Top, "shutdown_grace", Text, "duration", "30s"),
    key(Top, "workers", Array, "list of workers", "one, `local`, 16 slots or 4 a core"),
    key(Top, "limits", Object, "map of numbers", ""),
    key(Top, "defaults", Object, "keys of a job", ""),
    key(Top, "calendars", Object, "map of calendars", "").fires(),
    key(Top, "jobs", Array, "list of jobs", ""),
    key(
        Top,
        "retention",
        Object,
        "`{days, per_job, output, events}`",
        "30 days, 1,000 executions a job, 10 GiB, 1,000,000 events",
    ),
    key(Worker, "id", Text, "id", ""),
    key(Worker, "host", Text, "text", ""),
    key(Worker, "capacity", Integer, "number", ""),
    key(Worker, "labels", Array, "list of words", ""),
    key(Calendar, "holidays", Array, "list of dates", "").fires(),
    key(Calendar, "file", Text, "path", "").fires(),
    key(Retention, "days", Integer, "number", "30"),
    key(Retention, "per_job", Integer, "number", "1000"),
    key(Retention, "output", TextOrInteger, "size", "10GiB"),
    key(Retention, "events", Integer, "number", "1000000"),
    key(Job, "id", Text, "id", "").own(),
    key(Job, "name", Text, "text", "").own(),
    key(Job, "description", Text, "text", ""),
    key(Job, "run", Text, "script", "").own(),
    key(Job, "shell", Array, "list of words", "`[/bin/sh, -c]`"),
    key(Job, "command", Text, "name of a command", "").own(),
    key(Job, "args", Object, "map", "").own(),
    key(Job, "schedule", Text, "cron or English", "").fires(),
    key(Job, "timezone", Text, "IANA name", "the file's `timezone`").fires(),
    key(Job, "calendar", Object, "`{skip: name}` or `{only: name}`", "").fires(),
    key(Job, "start_at", Text, "time", "").own().fires(),
    key(Job, "end_at", Text, "time", "").own().fires(),
    key(Job, "jitter", Text, "duration", "").fires(),
    key(Job, "dependencies", Array, "list of ids or `{job, on, within}`", "").own(),
    key(Job, "dependency_timeout", Text, "duration", "none"),
    key(Job, "priority", Text, "high, medium, low", "medium"),
    key(Job, "priority_aging", Text, "duration", "5m"),
    key(Job, "enabled", Boolean, "true, false", "true").fires(),
    key(Job, "timeout", Text, "duration", "none"),
    key(Job, "deadline", Text, "duration", "none"),
    key(Job, "start_timeout", Text, "duration", "30s"),
    key(Job, "kill_grace", Text, "duration", "10s"),
    key(Job, "retry", Object, "`{type, max_retries, delay, max_delay, jitter}`", "`{type: none}`"),
    key(Job, "retry_on", Array, "list of exit codes, timeout, worker_lost, not_started", ""),
    key(Job, "no_retry_on", Array, "list of exit codes, timeout, worker_lost, not_started", ""),
    key(Job, "success_exit_codes", Array, "list of numbers", "`[0]`"),
    key(Job, "overlap", Text, "skip, queue, queue_all, allow, replace", "skip"),
    key(Job, "catch_up", Text, "none, latest, all", "latest"),
    key(Job, "catch_up_window", Text, "duration", "24h"),
    key(Job, "concurrency", Integer, "number", ""),
    key(Job, "limits", Array, "list of names", ""),
    key(Job, "workers", Object, "`{ids, labels}`", ""),
    key(Job, "env", Object, "map of texts or `{secret_file: path}`", ""),
    key(Job, "working_dir", Text, "path", "the jobs file's folder"),
    key(Job, "output_limit", TextOrInteger, "size", "10MiB"),
    key(Job, "tags", Array, "list of words", ""),
    key(Job, "metadata", Object, "map", ""),
    key(Job, "on_failure", Object, "`{run: script}` or `{url: address}`", ""),
    key(Job, "user", Text, "name of a user", ""),
    key(Job, "run_args", Text, "allowed, refused", "allowed for scripts"),
    key(Retry, "type", Text, "none, fixed, exponential", ""),
    key(Retry, "max_retries", Integer, "number", "3"),
    key(Retry, "delay", Text, "duration", "1s"),
    key(Retry, "max_delay", Text, "duration", "5m"),
    key(Retry, "jitter", Number, "number from 0 to 1", "0"),
    key(CalendarRule, "skip", Text, "name of a calendar", "").fires(),
    key(CalendarRule, "only", Text, "name of a calendar", "").fires(),
    key(Dependency, "job", Text, "id", ""),
    key(Dependency, "on", Text, "success, failure, completion", "success"),
    key(Dependency, "within", Text, "duration", ""),
    key(Selector, "ids", Array, "list of worker ids", ""),
    key(Selector, "labels", Array, "list of words", ""),
    key(EnvValue, "secret_file", Text, "path", ""),
    key(OnFailure, "run", Text, "script", ""),
    key(OnFailure, "url", Text, "address", ""),
];
