//! The filter line: words, `state:…`, `job:…`, `tag:…`, `worker:…`, `!word`.
//!
//! Owns its grammar and what it means for jobs; for executions it becomes a query to the store.
//! Never fails: what is no known key is a word.

use crate::model::{ExecutionQuery, JobId, JobStatus, StateName, WorkerId};
use crate::tui::fuzzy::Fuzzy;

/// Words beyond this many are not looked at.
const MOST_WORDS: usize = 16;

/// What a filter narrows: not every key means something for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    Jobs,
    Executions,
}

/// Words for the conditions of jobs that are not states of executions.
const CONDITIONS: [&str; 8] =
    ["acknowledged", "disabled", "failing", "missed", "new", "ok", "overlap", "paused"];

/// A filter line, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// As typed.
    pub(crate) text: String,
    /// After `state:`.
    states: Vec<String>,
    /// After `!state:`.
    without_states: Vec<String>,
    /// After `job:`.
    jobs: Vec<String>,
    /// After `!job:`.
    without_jobs: Vec<String>,
    /// After `tag:`.
    tags: Vec<String>,
    /// After `!tag:`.
    without_tags: Vec<String>,
    /// After `worker:`.
    worker: Option<String>,
    /// Plain words.
    words: Vec<String>,
    /// After `!`.
    without: Vec<String>,
    /// What looks like a key and is none, as typed.
    unknown: Option<String>,
}

impl Filter {
    pub(crate) fn parse(text: &str) -> Self {
        let mut filter = Self { text: text.trim().to_owned(), ..Self::default() };
        for word in text.split_whitespace().take(MOST_WORDS) {
            filter.take(word);
        }
        filter
    }

    fn take(&mut self, typed: &str) {
        let lower = typed.to_lowercase();
        let (negated, word) = match lower.strip_prefix('!') {
            Some(word) => (true, word),
            None => (false, lower.as_str()),
        };
        let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphabetic());
        let (key, value) = match word.split_once(':') {
            // `12:30` is a word.
            Some((key, value)) if is_key(key) => (key, value),
            _ => ("", word),
        };
        let states = || value.split(',').filter(|it| !it.is_empty()).map(|it| it.replace('-', "_"));
        match (key, negated) {
            ("state" | "job" | "tag" | "worker" | "", _) if value.is_empty() => {} // Still being typed.
            ("state", false) => self.states.extend(states()),
            ("state", true) => self.without_states.extend(states()),
            ("job", false) => self.jobs.push(value.to_owned()),
            ("job", true) => self.without_jobs.push(value.to_owned()),
            ("tag", false) => self.tags.push(value.to_owned()),
            ("tag", true) => self.without_tags.push(value.to_owned()),
            ("worker", false) => self.worker = Some(value.to_owned()),
            ("", false) => self.words.push(word.to_owned()),
            ("", true) => self.without.push(word.to_owned()),
            (_, _) => self.unknown = Some(typed.to_owned()),
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Why the filter cannot be carried out as typed: then nothing is listed, instead of something else.
    pub(crate) fn problem(&self, listed: Listed) -> Option<String> {
        if let Some(typed) = &self.unknown {
            return Some(format!("unknown filter `{typed}` (keys: state, job, tag, worker)"));
        }
        let means = |word: &&String| {
            let begins = |name: &str| name.starts_with(word.as_str());
            StateName::ALL.iter().any(|state| begins(state.as_str()))
                || (listed == Listed::Jobs && CONDITIONS.iter().any(|name| begins(name)))
        };
        let mut states = self.states.iter().chain(&self.without_states);
        if let Some(word) = states.find(|word| !means(word)) {
            return Some(format!("unknown state `{word}`"));
        }
        let only = match listed {
            Listed::Jobs if self.worker.is_some() => Some("`worker:` filters executions only"),
            Listed::Executions if !self.tags.is_empty() || !self.without_tags.is_empty() => {
                Some("`tag:` filters jobs only")
            }
            Listed::Executions if !self.without_jobs.is_empty() => {
                Some("`!job:` filters jobs only")
            }
            Listed::Jobs | Listed::Executions => None,
        };
        only.map(str::to_owned)
    }

    /// Whether it says anything about states.
    pub(crate) const fn names_states(&self) -> bool {
        !self.states.is_empty() || !self.without_states.is_empty()
    }

    /// The states that `state:` and `!state:` leave; empty where they say nothing.
    fn states_meant(&self) -> Vec<StateName> {
        if !self.names_states() {
            return Vec::new();
        }
        let is_one = |state: &StateName, words: &[String]| {
            words.iter().any(|word| state.as_str().starts_with(word.as_str()))
        };
        let meant = |state: &StateName| {
            (self.states.is_empty() || is_one(state, &self.states))
                && !is_one(state, &self.without_states)
        };
        StateName::ALL.into_iter().filter(meant).collect()
    }

    /// What the store is asked for. `is_job` says whether there is a job of that id.
    pub(crate) fn query(&self, is_job: impl Fn(&str) -> bool) -> ExecutionQuery {
        let exact = self.jobs.iter().find(|job| is_job(job));
        let words = self.words.iter().chain(self.jobs.iter().filter(|job| Some(*job) != exact));
        ExecutionQuery {
            job: exact.and_then(|job| JobId::new(job).ok()),
            states: self.states_meant(),
            words: words.cloned().collect(),
            without: self.without.clone(),
            worker: self.worker.as_ref().and_then(|worker| WorkerId::new(worker).ok()),
            ..ExecutionQuery::default()
        }
    }

    /// What words are looked for in.
    pub(crate) fn text_of(job: &JobStatus) -> String {
        let definition = &job.definition;
        match &definition.name {
            Some(name) => format!("{} {}", definition.id, name.to_lowercase()),
            None => definition.id.to_string(),
        }
    }

    /// The places in `jobs` that match. Words are parts of id or name; where nothing holds them
    /// all, their letters in order are enough (`bkup` finds `backup`). `text` is what
    /// [`Self::text_of`] says of a job, `condition` the word that the list shows for it.
    pub(crate) fn matching<'a>(
        &self,
        jobs: impl Iterator<Item = (usize, &'a JobStatus)>,
        text: impl Fn(usize) -> &'a str,
        condition: impl Fn(&JobStatus) -> &'static str,
    ) -> Vec<usize> {
        if self.problem(Listed::Jobs).is_some() {
            return Vec::new();
        }
        let candidates: Vec<(usize, &str)> = jobs
            .filter(|(_, job)| self.keys_match(job, &condition))
            .map(|(at, _)| (at, text(at)))
            .filter(|(_, text)| !self.without.iter().any(|word| text.contains(word)))
            .collect();
        let holds_all = |text: &str| self.words.iter().all(|word| text.contains(word.as_str()));
        let exact: Vec<usize> =
            candidates.iter().filter(|(_, text)| holds_all(text)).map(|(at, _)| *at).collect();
        if !exact.is_empty() || self.words.is_empty() {
            return exact;
        }
        let mut fuzzy = Fuzzy::new(&self.words);
        candidates
            .iter()
            .filter(|(_, text)| fuzzy.score(text).is_some())
            .map(|(at, _)| *at)
            .collect()
    }

    fn keys_match(&self, job: &JobStatus, condition: impl Fn(&JobStatus) -> &'static str) -> bool {
        let says_nothing = !self.names_states()
            && self.jobs.is_empty()
            && self.without_jobs.is_empty()
            && self.tags.is_empty()
            && self.without_tags.is_empty();
        if says_nothing {
            return true; // Ten thousand jobs need not be looked at for that.
        }
        let definition = &job.definition;
        let state = |word: &String| {
            let last = super::last_result(job).map_or("", |summary| summary.state.as_str());
            condition(job).starts_with(word.as_str()) || last.starts_with(word.as_str())
        };
        let tag = |word: &String| definition.tags.iter().any(|tag| tag.to_lowercase() == *word);
        let id = |word: &String| definition.id.as_str().contains(word.as_str());
        (self.states.is_empty() || self.states.iter().any(state))
            && !self.without_states.iter().any(state)
            && self.jobs.iter().all(id)
            && !self.without_jobs.iter().any(id)
            && self.tags.iter().all(tag)
            && !self.without_tags.iter().any(tag)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tui::tests::fixtures::job;

    fn found(text: &str) -> String {
        let jobs = [
            job("nightly-backup", |it| it.tags = vec!["db".to_owned()]),
            job("etl-load", |it| it.name = Some("Load the Warehouse".to_owned())),
            job("cleanup", |_| {}),
        ];
        let texts: Vec<String> = jobs.iter().map(|job| Filter::text_of(job)).collect();
        let all = jobs.iter().map(Arc::as_ref).enumerate();
        let at = Filter::parse(text).matching(all, |at| &texts[at], |_| "ok").into_iter();
        at.map(|at| jobs[at].definition.id.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_keys_and_exclusions_narrow() {
        assert_eq!(found(""), "nightly-backup etl-load cleanup");
        assert_eq!(found("up"), "nightly-backup cleanup");
        assert_eq!(found("up !night"), "cleanup");
        assert_eq!(found("warehouse LOAD"), "etl-load");
        assert_eq!(found("tag:db"), "nightly-backup");
        assert_eq!(found("job:etl"), "etl-load");
        assert_eq!(found("state:o"), "nightly-backup etl-load cleanup");
        assert_eq!(found("state:running"), "");
        assert_eq!(found("!state:ok"), "");
        assert_eq!(found("!state:skipped"), "nightly-backup etl-load cleanup");
        assert_eq!(found("!tag:db"), "etl-load cleanup");
        assert_eq!(found("!job:etl !tag:db"), "cleanup");
    }

    #[test]
    fn what_is_not_understood_lists_nothing_and_is_named_as_typed() {
        let problem = |text: &str, listed| Filter::parse(text).problem(listed);
        for (text, part) in [
            ("Stat:failed", "`Stat:failed`"),
            ("!colour:red", "`!colour:red`"),
            ("!worker:a", "`!worker:a`"),
            ("up state:elephant", "`elephant`"),
            ("!state:elephant", "`elephant`"),
        ] {
            for listed in [Listed::Jobs, Listed::Executions] {
                let shown_text = problem(text, listed).unwrap_or_default();
                assert!(shown_text.contains(part), "{text}: {shown_text}");
            }
            assert_eq!(found(text), "", "{text}");
        }
        for (text, listed) in [
            ("worker:w1", Listed::Jobs),
            ("tag:db", Listed::Executions),
            ("!tag:db", Listed::Executions),
            ("!job:etl", Listed::Executions),
            ("state:paused", Listed::Executions),
        ] {
            assert!(problem(text, listed).is_some(), "{text}");
        }
        for text in ["", "state:", "!", "12:30", "state:failing", "state:timed-out,ok", "tag:x"] {
            assert_eq!(problem(text, Listed::Jobs), None, "{text}");
        }
    }

    #[test]
    fn states_that_are_left_out_become_the_others_of_a_query() {
        let states = |text: &str| Filter::parse(text).query(|_| false).states;
        assert_eq!(states("!state:skipped").len(), StateName::ALL.len() - 1);
        assert!(!states("!state:skipped").contains(&StateName::Skipped));
        assert_eq!(states("state:failed,skipped !state:skipped"), [StateName::Failed]);
        assert_eq!(states("word"), []);
    }

    #[test]
    fn letters_in_order_are_enough_where_nothing_holds_the_word() {
        assert_eq!(found("bkup"), "nightly-backup");
        assert_eq!(found("zzz"), "");
    }

    #[test]
    fn a_filter_becomes_a_query() {
        let filter = Filter::parse("state:failed,timed job:etl job:xyz boom !lost state:");
        let query = filter.query(|job| job == "etl");
        assert_eq!(query.job, Some(JobId::new("etl").unwrap()));
        assert_eq!(query.states, [StateName::Failed, StateName::TimedOut]);
        assert_eq!(
            (query.words, query.without),
            (vec!["boom".to_owned(), "xyz".to_owned()], vec!["lost".to_owned()])
        );
    }
}
