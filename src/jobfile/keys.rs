//! The table of every key of jobs.yaml: where it stands, what it takes, and its default.
//!
//! The reference (docs/jobs-yaml.md) is checked against it.

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// At the top of the file.
    Top,
    /// In a worker of `workers`.
    Worker,
    /// In a calendar of `calendars`.
    Calendar,
    /// In `retention`.
    Retention,
    /// In a job; those without [`Key::own`] also in `defaults`.
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

impl Scope {
    /// For "unknown key … in …".
    pub(super) const fn place(self) -> &'static str {
        match self {
            Self::Top => "at the top of a jobs file",
            Self::Worker => "in a worker",
            Self::Calendar => "in a calendar",
            Self::Retention => "in `retention`",
            Self::Job => "in a job",
            Self::Retry => "in `retry`",
            Self::CalendarRule => "in `calendar`",
            Self::Dependency => "in a dependency",
            Self::Selector => "in a worker selector",
            Self::EnvValue => "in a value of `env`",
            Self::OnFailure => "in `on_failure`",
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) scope: Scope,
    pub(super) name: &'static str,
    /// What it takes, as the reference says it. A `duration` can also be given in milliseconds, as
    /// `NAME_ms` or `NameMs`.
    pub(super) takes: &'static str,
    /// What holds without it; empty = nothing.
    pub(super) default: &'static str,
    /// In a job: it is the job's own and cannot stand in `defaults`.
    pub(super) own: bool,
}

const fn key(scope: Scope, name: &'static str, takes: &'static str, default: &'static str) -> Key {
    Key { scope, name, takes, default, own: false }
}

impl Key {
    const fn own(self) -> Self {
        Self { own: true, ..self }
    }

    /// The name in the spelling of the system whose job object is taken as it is: `maxRetries`.
    fn camel(&self) -> String {
        let mut words = self.name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| {
            let (head, tail) = word.split_at(word.len().min(1));
            name + &head.to_ascii_uppercase() + tail
        })
    }

    /// Whether `written` names this key, and if so whether its value is in milliseconds.
    fn matches(&self, written: &str) -> Option<bool> {
        if written == self.name {
            return Some(false);
        }
        match self.scope {
            Scope::Job if self.name == "retry" && written == "retryPolicy" => return Some(false),
            Scope::Retry if written == self.camel() => return Some(false),
            _ => {}
        }
        let milliseconds = self.takes == "duration"
            && (written.strip_suffix("_ms") == Some(self.name)
                || written.strip_suffix("Ms").is_some_and(|name| name == self.camel()));
        milliseconds.then_some(true)
    }
}

/// The row that `written` names in a scope, and whether its value is in milliseconds.
pub(super) fn find(scope: Scope, written: &str) -> Option<(&'static Key, bool)> {
    in_scope(scope).find_map(|key| Some((key, key.matches(written)?)))
}

/// A key of a job, for those who describe what a definition may hold.
#[derive(Debug, Clone, Copy)]
pub struct JobKey {
    /// Its name.
    pub name: &'static str,
    /// What it takes, as the reference says it.
    pub takes: &'static str,
    /// What holds without it; empty = nothing.
    pub default: &'static str,
}

/// Every key of a job.
pub fn job_keys() -> impl Iterator<Item = JobKey> {
    let tell = |key: &Key| JobKey { name: key.name, takes: key.takes, default: key.default };
    in_scope(Scope::Job).map(tell)
}

/// What other schedulers call a key of a job.
const ELSEWHERE: &[(&str, &str)] = &[
    ("after", "dependencies"),
    ("arguments", "args"),
    ("cmd", "run"),
    ("cron", "schedule"),
    ("cwd", "working_dir"),
    ("depends", "dependencies"),
    ("depends_on", "dependencies"),
    ("disabled", "enabled"),
    ("environment", "env"),
    ("exec", "run"),
    ("labels", "tags"),
    ("max_retries", "retry"),
    ("maxRetries", "retry"),
    ("needs", "dependencies"),
    ("retries", "retry"),
    ("script", "run"),
    ("suspend", "enabled"),
    ("time_zone", "timezone"),
    ("title", "name"),
    ("tz", "timezone"),
    ("when", "schedule"),
];

/// What may be meant by a key that other schedulers know.
pub(super) fn called_elsewhere(scope: Scope, written: &str) -> Option<&'static str> {
    let found = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == written);
    found.filter(|_| scope == Scope::Job).map(|(_, name)| *name)
}

/// The rows of a scope.
pub(super) fn in_scope(scope: Scope) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.scope == scope)
}

use Scope::{
    Calendar, CalendarRule, Dependency, EnvValue, Job, OnFailure, Retention, Retry, Selector, Top,
    Worker,
};

/// Every key.
pub(super) const KEYS: &[Key] = &[
    key(Top, "timezone", "IANA name", "the system's zone"),
    key(Top, "on_stop", "leave, wait, cancel", "leave"),
    key(Top, "shutdown_grace", "duration", "30s"),
    key(Top, "workers", "list of workers", "one, `local`, a slot a core"),
    key(Top, "limits", "map of numbers", ""),
    key(Top, "defaults", "keys of a job", ""),
    key(Top, "calendars", "map of calendars", ""),
    key(Top, "jobs", "list of jobs", ""),
    key(Top, "retention", "`{days, per_job}`", "30 days, 1,000 executions a job"),
    key(Worker, "id", "id", ""),
    key(Worker, "host", "text", ""),
    key(Worker, "capacity", "number", ""),
    key(Worker, "labels", "list of words", ""),
    key(Calendar, "holidays", "list of dates", ""),
    key(Calendar, "file", "path", ""),
    key(Retention, "days", "number", "30"),
    key(Retention, "per_job", "number", "1000"),
    key(Job, "id", "id", "").own(),
    key(Job, "name", "text", "").own(),
    key(Job, "description", "text", ""),
    key(Job, "run", "script", "").own(),
    key(Job, "shell", "list of words", "`[/bin/sh, -c]`"),
    key(Job, "command", "name of a command", "").own(),
    key(Job, "args", "map", "").own(),
    key(Job, "schedule", "cron or English", ""),
    key(Job, "timezone", "IANA name", "the file's `timezone`"),
    key(Job, "calendar", "`{skip: name}` or `{only: name}`", ""),
    key(Job, "start_at", "time", "").own(),
    key(Job, "end_at", "time", "").own(),
    key(Job, "jitter", "duration", ""),
    key(Job, "dependencies", "list of ids or `{job, on, within}`", "").own(),
    key(Job, "dependency_timeout", "duration", "none"),
    key(Job, "priority", "high, medium, low", "medium"),
    key(Job, "priority_aging", "duration", "5m"),
    key(Job, "enabled", "true, false", "true"),
    key(Job, "timeout", "duration", "none"),
    key(Job, "deadline", "duration", "none"),
    key(Job, "kill_grace", "duration", "10s"),
    key(Job, "retry", "`{type, max_retries, delay, max_delay, jitter}`", "`{type: none}`"),
    key(Job, "retry_on", "list of exit codes, timeout, worker_lost, not_started", ""),
    key(Job, "no_retry_on", "list of exit codes, timeout, worker_lost, not_started", ""),
    key(Job, "success_exit_codes", "list of numbers", "`[0]`"),
    key(Job, "overlap", "skip, queue, queue_all, allow, replace", "skip"),
    key(Job, "catch_up", "none, latest, all", "latest"),
    key(Job, "catch_up_window", "duration", "24h"),
    key(Job, "concurrency", "number", ""),
    key(Job, "limits", "list of names", ""),
    key(Job, "workers", "`{ids, labels}`", ""),
    key(Job, "env", "map of texts or `{secret_file: path}`", ""),
    key(Job, "working_dir", "path", "the jobs file's folder"),
    key(Job, "output_limit", "size", "10MiB"),
    key(Job, "tags", "list of words", ""),
    key(Job, "metadata", "map", ""),
    key(Job, "on_failure", "`{run: script}` or `{url: address}`", ""),
    key(Job, "user", "name of a user", ""),
    key(Retry, "type", "none, fixed, exponential", ""),
    key(Retry, "max_retries", "number", "3"),
    key(Retry, "delay", "duration", "1s"),
    key(Retry, "max_delay", "duration", "5m"),
    key(Retry, "jitter", "number from 0 to 1", "0"),
    key(CalendarRule, "skip", "name of a calendar", ""),
    key(CalendarRule, "only", "name of a calendar", ""),
    key(Dependency, "job", "id", ""),
    key(Dependency, "on", "success, failure, completion", "success"),
    key(Dependency, "within", "duration", ""),
    key(Selector, "ids", "list of worker ids", ""),
    key(Selector, "labels", "list of words", ""),
    key(EnvValue, "secret_file", "path", ""),
    key(OnFailure, "run", "script", ""),
    key(OnFailure, "url", "address", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_schedulers_call_a_key_leads_to_a_key() {
        for (elsewhere, name) in ELSEWHERE {
            assert!(find(Job, elsewhere).is_none(), "{elsewhere} is a key");
            assert!(find(Job, name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_other_systems_spelling_is_known() {
        assert_eq!(find(Job, "retryPolicy").unwrap().0.name, "retry");
        assert_eq!(find(Retry, "maxRetries").unwrap().0.name, "max_retries");
        for (written, name) in
            [("delayMs", "delay"), ("maxDelayMs", "max_delay"), ("max_delay_ms", "max_delay")]
        {
            let (key, milliseconds) = find(Retry, written).unwrap();
            assert_eq!((key.name, milliseconds), (name, true), "{written}");
        }
        assert!(find(Job, "killGraceMs").unwrap().1);
        assert!(find(Job, "scheduleMs").is_none());
    }
}
