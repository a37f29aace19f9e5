//! The filter line: words, `state:…`, `job:…`, `tag:…`, `worker:…`, `!word`.
//!
//! Owns its grammar and what it means for jobs; for executions it becomes a query to the store.
//! Never fails: what is no known key is a word.

use crate::model::{ExecutionQuery, JobId, JobStatus, StateName, WorkerId};
use crate::tui::fuzzy::Fuzzy;

/// Words beyond this many are not looked at.
const MOST_WORDS: usize = 16;

/// A filter line, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// As typed.
    pub(crate) text: String,
    /// After `state:`.
    pub(crate) states: Vec<String>,
    /// After `job:`.
    pub(crate) jobs: Vec<String>,
    /// After `tag:`.
    pub(crate) tags: Vec<String>,
    /// After `worker:`.
    pub(crate) worker: Option<String>,
    /// Plain words.
    pub(crate) words: Vec<String>,
    /// After `!`.
    pub(crate) without: Vec<String>,
}

impl Filter {
    pub(crate) fn parse(text: &str) -> Self {
        let mut filter = Self { text: text.trim().to_owned(), ..Self::default() };
        for word in text.split_whitespace().take(MOST_WORDS) {
            let lower = word.to_lowercase();
            let (key, value) = lower.split_once(':').unwrap_or(("", &lower));
            match key {
                _ if value.is_empty() => {} // Still being typed.
                "state" => filter.states.extend(value.split(',').map(str::to_owned)),
                "job" => filter.jobs.push(value.to_owned()),
                "tag" => filter.tags.push(value.to_owned()),
                "worker" => filter.worker = Some(value.to_owned()),
                _ => match lower.strip_prefix('!') {
                    Some("") => {}
                    Some(without) => filter.without.push(without.to_owned()),
                    None => filter.words.push(lower),
                },
            }
        }
        filter
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The states that `state:` may mean: names that begin with it, blank or underscore alike.
    fn states_meant(&self) -> Vec<StateName> {
        let meant = |state: &StateName| {
            self.states.iter().any(|word| state.as_str().starts_with(&word.replace('-', "_")))
        };
        StateName::ALL.into_iter().filter(meant).collect()
    }

    /// What the store is asked for. `jobs` names the known ones.
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

    /// Whether a state was asked for that does not exist: then nothing matches.
    pub(crate) fn names_no_state(&self) -> bool {
        !self.states.is_empty() && self.states_meant().is_empty()
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
        if self.states.is_empty() && self.jobs.is_empty() && self.tags.is_empty() {
            return true; // Ten thousand jobs need not be looked at for that.
        }
        let definition = &job.definition;
        let state = |word: &String| {
            let last = super::last_result(job).map_or("", |summary| summary.state.as_str());
            condition(job).starts_with(word.as_str()) || last.starts_with(word.as_str())
        };
        let tag = |word: &String| definition.tags.iter().any(|tag| tag.to_lowercase() == *word);
        (self.states.is_empty() || self.states.iter().any(state))
            && self.jobs.iter().all(|word| definition.id.as_str().contains(word.as_str()))
            && self.tags.iter().all(tag)
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
        let at = Filter::parse(text).matching(all, |at| &texts[at], |_| "fine").into_iter();
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
        assert_eq!(found("state:fi"), "nightly-backup etl-load cleanup");
        assert_eq!(found("state:running"), "");
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
        assert!(Filter::parse("state:elephant").names_no_state());
    }
}
