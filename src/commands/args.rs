//! Reading the arguments of a command: every problem is reported, each with its path and its remedy.
//!
//! Owns the wording of wrong types and unknown keys. Knows no command.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use crate::commands::command::{ArgProblem, Args, CommandError};
use crate::model::text;

/// Reads arguments by key and collects what is wrong with them. Every key that is asked for is a
/// known one; [`ArgReader::finish`] refuses all others.
pub(super) struct ArgReader<'a> {
    args: &'a Args,
    prefix: &'static str,
    known: Vec<&'static str>,
    problems: Vec<ArgProblem>,
}

impl<'a> ArgReader<'a> {
    pub(super) const fn new(args: &'a Args) -> Self {
        Self { args, prefix: "", known: Vec::new(), problems: Vec::new() }
    }

    /// A reader of a map inside the arguments; `prefix` is its path with a dot.
    pub(super) const fn nested(args: &'a Args, prefix: &'static str) -> Self {
        Self { args, prefix, known: Vec::new(), problems: Vec::new() }
    }

    /// The value of a key, whatever its type.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.args.get(key)
    }

    /// A text that may be absent.
    pub(super) fn text(&mut self, key: &'static str) -> Option<&'a str> {
        match self.value(key)? {
            Value::String(text) => Some(text),
            other => self.wrong_type(key, "text", other),
        }
    }

    /// A text that must be there and must not be blank.
    pub(super) fn required_text(&mut self, key: &'static str, example: &str) -> Option<&'a str> {
        if !self.args.contains_key(key) {
            self.known.push(key);
            self.problem(key, format_args!("is missing: write it like {example}"));
            return None;
        }
        let text = self.text(key)?;
        if text.trim().is_empty() {
            self.problem(key, format_args!("is empty: write it like {example}"));
            return None;
        }
        Some(text)
    }

    /// A list of texts, none of them blank; a single text stands for a list of one.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let items = match self.value(key)? {
            Value::Array(items) => items.as_slice(),
            text @ Value::String(_) => std::slice::from_ref(text),
            other => return self.wrong_type(key, "a list of texts", other),
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::String(text) if !text.trim().is_empty() => texts.push(text.clone()),
                Value::String(_) => self.problem(&format!("{key}[{index}]"), "is empty"),
                other => {
                    let message = format!("must be text, not {}", kind(other));
                    self.problem(&format!("{key}[{index}]"), message);
                }
            }
        }
        Some(texts)
    }

    /// A duration as text that may be absent.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        match self.value(key)? {
            Value::String(text) if text.len() > 70 => {
                let message = format!("`{}…` is not a duration: write it like 10s", clip(text));
                self.problem(key, message);
                None
            }
            Value::String(text) => match text::parse_duration(text) {
                Ok(duration) => Some(duration),
                Err(message) => {
                    self.problem(key, message);
                    None
                }
            },
            Value::Number(number) => {
                self.problem(key, format_args!("{number} has no unit: write it like 500ms or 10s"));
                None
            }
            other => self.wrong_type(key, "a duration such as 500ms, 10s or 1h30m", other),
        }
    }

    /// A whole number within bounds that may be absent.
    pub(super) fn whole(&mut self, key: &'static str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(key)?;
        let number = value.as_u64().filter(|number| bounds.contains(number));
        if number.is_none() {
            let (low, high) = bounds.into_inner();
            let shown = if value.is_number() { value.to_string() } else { kind(value).to_owned() };
            self.problem(key, format_args!("must be a whole number {low}-{high}, not {shown}"));
        }
        number
    }

    /// One of a few words, in any case, that may be absent.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let given = self.text(key)?;
        let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(given.trim()));
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let hint = match text::nearest(given, names.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", names.join(", ")),
            };
            let message = format!("`{}` is unknown: {hint}", clip(given));
            self.problem(key, message);
        }
        found.map(|(_, choice)| *choice)
    }

    /// Notes something wrong with an argument.
    pub(super) fn problem(&mut self, path: &str, message: impl fmt::Display) {
        let path = if path.is_empty() {
            self.prefix.trim_end_matches('.').to_owned()
        } else {
            format!("{}{path}", self.prefix)
        };
        self.problems.push(ArgProblem { path, message: message.to_string() });
    }

    /// Notes a value of the wrong type; the answer is always `None`.
    pub(super) fn wrong_type<T>(&mut self, key: &str, wanted: &str, given: &Value) -> Option<T> {
        self.problem(key, format_args!("must be {wanted}, not {}", kind(given)));
        None
    }

    /// Takes over what a nested reader found.
    pub(super) fn absorb(&mut self, problems: Vec<ArgProblem>) {
        self.problems.extend(problems);
    }

    /// Refuses unknown keys; the order counts only if nothing is wrong.
    pub(super) fn finish<T>(mut self, order: Option<T>) -> Result<T, Vec<ArgProblem>> {
        for key in self.args.keys() {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            let message = match text::nearest(key, self.known.iter().copied()) {
                Some(near) => format!("is not an argument of this command: did you mean `{near}`?"),
                None => {
                    format!("is not an argument of this command: it takes {}", list(&self.known))
                }
            };
            self.problem(clip(key), message);
        }
        match order {
            Some(order) if self.problems.is_empty() => Ok(order),
            _ => Err(self.problems),
        }
    }
}

/// All problems as one sentence, for arguments that were not checked before the command ran.
pub(super) fn refusal(problems: &[ArgProblem]) -> CommandError {
    let sentences: Vec<_> = problems
        .iter()
        .map(|problem| match problem.path.as_str() {
            "" => problem.message.clone(),
            path => format!("`{path}` {}", problem.message),
        })
        .collect();
    CommandError(sentences.join("; "))
}

/// What a value is, in the words of the reader of jobs.yaml.
pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// The beginning of a text of unknown length, for messages.
pub(super) fn clip(text: &str) -> &str {
    text.char_indices().nth(70).map_or(text, |(end, _)| &text[..end])
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{args, problems_text};
    use serde_json::json;

    fn read(given: Value) -> String {
        let given = args(given);
        let mut reader = ArgReader::new(&given);
        reader.required_text("name", "a name");
        reader.duration("timeout");
        reader.whole("keep", 1..=9);
        reader.texts("paths");
        reader.choice("op", &[("sum", 1), ("mean", 2)]);
        problems_text(reader.finish(Some(())))
    }

    #[test]
    fn every_problem_is_reported_with_its_path_and_remedy() {
        insta::assert_snapshot!(read(json!({
            "timeout": 5, "keep": 0, "paths": ["a", "", 3], "op": "summ", "nmae": "x", "zebra": 1
        })), @r"
        name: is missing: write it like a name
        timeout: 5 has no unit: write it like 500ms or 10s
        keep: must be a whole number 1-9, not 0
        paths[1]: is empty
        paths[2]: must be text, not a number
        op: `summ` is unknown: did you mean sum?
        nmae: is not an argument of this command: did you mean `name`?
        zebra: is not an argument of this command: it takes `name`, `timeout`, `keep`, `paths`, `op`
        ");
    }

    #[test]
    fn wrong_types_are_named() {
        insta::assert_snapshot!(read(json!({
            "name": null, "timeout": [], "keep": "two", "paths": {}, "op": true
        })), @r"
        name: must be text, not null
        timeout: must be a duration such as 500ms, 10s or 1h30m, not a list
        keep: must be a whole number 1-9, not text
        paths: must be a list of texts, not a map
        op: must be text, not true or false
        ");
    }

    #[test]
    fn a_single_text_is_a_list_of_one() {
        assert_eq!(read(json!({"name": "x", "paths": "a", "op": "SUM", "keep": 9})), "fine");
    }
}
