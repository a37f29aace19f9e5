//! Diagnostic a key of jobs.yaml by what is written: its name, its milliseconds form, or the camel case of the compatible
//! job format.
//!
//! Owns the spellings. The table of keys is the model's, where the engine and the API read it, too.

pub(super) use crate::model::{Key, Scope, keys_of};

/// For "unknown key … in …".
pub(super) const fn place(scope: Scope) -> &'static str {
    match scope {
        Scope::Top => "at the top of a jobs file",
        Scope::Worker => "in a worker",
        Scope::Calendar => "in a calendar",
        Scope::Retention => "in `retention`",
        Scope::Job => "in a job",
        Scope::Retry => "in `retry`",
        Scope::CalendarRule => "in `calendar`",
        Scope::Dependency => "in a dependency",
        Scope::Selector => "in a worker selector",
        Scope::EnvValue => "in a value of `env`",
        Scope::OnFailure => "in `on_failure`",
    }
}

/// The name in camel case: `maxRetries`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        name + &head.to_ascii_uppercase() + tail
    })
}

/// Whether `written` names this key, and if so whether its value is in milliseconds.
fn matches(key: &Key, written: &str) -> Option<bool> {
    if written == key.name {
        return Some(false);
    }
    match key.scope {
        Scope::Job if key.name == "retry" && written == "retryPolicy" => return Some(false),
        Scope::Retry if written == camel(key.name) => return Some(false),
        _ => {}
    }
    let milliseconds = key.takes == "duration"
        && (written.strip_suffix("_ms") == Some(key.name)
            || written.strip_suffix("Ms").is_some_and(|name| name == camel(key.name)));
    milliseconds.then_some(true)
}

/// The row that `written` names in a scope, and whether its value is in milliseconds.
pub(super) fn find(scope: Scope, written: &str) -> Option<(&'static Key, bool)> {
    keys_of(scope).find_map(|key| Some((key, matches(key, written)?)))
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

#[cfg(test)]
mod tests {
    use Scope::{Job, Retry};

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
