//! Any edit of any file: what was asked for is there, and every line of anything else.

use serde_json::json;

use super::edits::object;
use super::*;

/// A file of jobs with comments everywhere, and what is written into it.
mod any {
    use proptest::prelude::*;

    use super::*;

    /// A key of a job and its value, as lines without indentation.
    fn key() -> impl Strategy<Value = Vec<String>> {
        let lines = prop::sample::select(vec![
            "timeout: 1h",
            "timeout:   2h   # long",
            "priority: 'HIGH'",
            "name: \"É # no comment\"",
            "description: plain text\n  over two lines",
            "description: >- # folded\n  a\n  b\n\n  c",
            "description: |+\n  kept\n\n",
            "env:\n  # of A\n  A: x # a\n\n  B: 'y'",
            "env: {A: x, B: y}",
            "env: # nothing much\n    A: x",
            "tags: [a, b] # tags",
            "tags:\n- a # first\n# second\n- b",
            "tags:\n  - a\n  - c\n\n  - b",
            "retry: {type: fixed, delay: 2s}",
            "retry:\n  type: exponential # doubles\n  max_retries: 2",
            "metadata: {a: [1, {b: null}]}",
            "metadata:\n  a: # later\n  b: [\n    1, # one\n    2\n  ]",
            "# a comment of the job",
            "",
            "# \ttabs\tin it",
        ]);
        lines.prop_map(|text| text.split('\n').map(str::to_owned).collect())
    }

    fn job(id: usize) -> impl Strategy<Value = String> {
        let keys = prop::collection::vec(key(), 0..7);
        let runs = ["run: echo x # runs", "run: |\n  a: 'b'\n\n  # no comment", "command: echo"];
        let run = prop::sample::select(runs.to_vec());
        (keys, 1usize..4, any::<bool>(), any::<bool>(), run).prop_map(
            move |(keys, gap, above, swapped, run)| {
                let mut seen = std::collections::HashSet::new();
                let fresh = |lines: &Vec<String>| {
                    let name = lines[0].split(':').next().unwrap_or_default().to_owned();
                    name.is_empty() || name.starts_with('#') || seen.insert(name)
                };
                let mut lines = vec![format!("id: job-{id}  # {id}")];
                lines.extend(run.split('\n').map(str::to_owned));
                lines.extend(keys.into_iter().filter(fresh).flatten());
                if swapped && !run.contains('\n') {
                    lines.swap(0, 1);
                }
                let mut out = if above { "\n  # above\n".to_owned() } else { String::new() };
                for (number, line) in lines.iter().enumerate() {
                    let dash = if number == 0 { "  -" } else { "   " };
                    let full = format!("{dash}{}{line}\n", " ".repeat(gap));
                    out += if line.is_empty() { "\n" } else { &full };
                }
                out
            },
        )
    }

    pub(super) fn file() -> impl Strategy<Value = String> {
        let head = prop::sample::select(vec![
            "# head\njobs: # all\n",
            "defaults: {timeout: 1h, env: {D: d}, priority: low}\njobs:\n",
            "jobs:\n  # of the list\n",
        ]);
        let tail = prop::sample::select(vec![
            "",
            "\n# tail\n",
            "limits: {db: 1}\n",
            "  # commented out\n",
        ]);
        (head, job(0), job(1), job(2), tail, any::<bool>(), any::<bool>()).prop_map(
            |(head, a, b, c, tail, crlf, open)| {
                let mut text = [head, &a, &b, &c, tail].concat();
                if open {
                    text.truncate(text.trim_end_matches('\n').len());
                }
                if crlf { text.replace('\n', "\r\n") } else { text }
            },
        )
    }

    pub(super) fn patch() -> impl Strategy<Value = Map<String, Value>> {
        let one = prop::sample::select(vec![
            ("timeout", json!("3h")),
            ("timeout", json!(null)),
            ("priority", json!("medium")),
            ("name", json!("new: name")),
            ("name", json!(null)),
            ("description", json!("one line")),
            ("description", json!("two\nlines\n")),
            ("description", json!(null)),
            ("env", json!({"A": "z", "C": "c"})),
            ("env", json!({"A": null})),
            ("env", json!(null)),
            ("tags", json!(["a", "x", "b"])),
            ("tags", json!(["b"])),
            ("tags", json!(null)),
            ("retry", json!({"type": "exponential", "delay": "5s"})),
            ("metadata", json!({"b": 5, "c": {"d": []}})),
            ("metadata", json!({"a": null})),
            ("run", json!("exit 1")),
        ]);
        prop::collection::vec(one, 1..4)
            .prop_map(|keys| keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

/// Lines that stay in `after`, in their order, none of those that may not go missing.
fn lost<'t>(before: &'t str, after: &str, may_go: impl Fn(&str) -> bool) -> Option<&'t str> {
    let mut left = after.lines();
    before.lines().filter(|line| !may_go(line)).find(|line| !left.any(|other| other == *line))
}

/// The lines of a file that belong to some keys of one job, with all that stands within them.
fn lines_of<'t>(text: &'t str, id: &str, keys: &[&str]) -> Vec<&'t str> {
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> =
        (0..lines.len()).filter(|number| lines[*number].starts_with("  - ")).collect();
    let end_of = |start: usize| starts.iter().find(|next| **next > start).copied();
    let job = starts.iter().map(|start| &lines[*start..end_of(*start).unwrap_or(lines.len())]);
    let id = format!("id: {id} ");
    let mut found = Vec::new();
    for job in job.filter(|job| job.iter().any(|line| line.contains(&id))) {
        let key_column = job[0].len() - job[0][3..].trim_start().len();
        let mut own = false;
        for (number, line) in job.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let column = if number == 0 { key_column } else { indent };
            let name = line.get(key_column..).unwrap_or_default();
            let name = name.split(':').next().unwrap_or_default();
            if column < key_column && !line.trim().is_empty() {
                own = false;
            } else if column == key_column && !name.starts_with(['#', '-']) && !name.is_empty() {
                own = keys.contains(&name);
            }
            found.extend(own.then_some(*line));
        }
    }
    found
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn an_edit_does_what_was_asked_and_touches_nothing_else(
        text in any::file(), patch in any::patch(), number in 0usize..3,
    ) {
        let id = format!("job-{number}");
        let mut patch = patch;
        if text.lines().any(|line| line.contains("command: echo")) {
            patch.remove("run");
        }
        let before = load(&text);
        let edited = edit(&sources(&[("jobs.yaml", &text)]), &rules(), &id.parse().unwrap(), &Edit::Patch(patch.clone()));
        // What a patch asks for may be illegal for this job, but an edit that is legal can be written.
        let edited = match edited {
            Err(EditError::Invalid(_)) => return Ok(()),
            other => other.unwrap_or_else(|error| panic!("{error:?}\n{text}\n{patch:?}")),
        };
        let after = &edited.sources[0].text;
        let loaded = load(after);
        for (old, new) in before.set.jobs.iter().zip(&loaded.set.jobs) {
            if old.id.as_str() != id {
                proptest::prop_assert_eq!(old, new);
            }
        }
        for (key, value) in &patch {
            let job = serde_json::to_value(&loaded.set.jobs[number]).unwrap();
            if value.is_string() {
                proptest::prop_assert_eq!(&job[key], value, "{}", after);
            }
        }
        let keys: Vec<&str> = patch.keys().map(String::as_str).collect();
        let own = lines_of(&text, &id, &keys);
        let missing = lost(&text, after, |line| own.contains(&line));
        proptest::prop_assert_eq!(missing, None, "\n{}\n---\n{}\n{:?}", text, after, patch);
    }

    #[test]
    fn jobs_come_and_go_and_the_others_stay(text in any::file(), number in 0usize..3) {
        let files = sources(&[("jobs.yaml", &text)]);
        let before = load(&text);
        let add = Edit::Add(object(json!({"id": "new", "run": "a\nb\n", "env": {"X": "1"}})));
        let added = edit(&files, &rules(), &"new".parse().unwrap(), &add);
        let added = added.unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        proptest::prop_assert_eq!(lost(&text, &added.sources[0].text, |_| false), None);
        proptest::prop_assert_eq!(&added.loaded.set.jobs[..3], &before.set.jobs[..]);
        // Taken out again, the file is what it was.
        let gone = edit(&added.sources, &rules(), &"new".parse().unwrap(), &Edit::Remove).unwrap();
        proptest::prop_assert_eq!(lost(&text, &gone.sources[0].text, |line| line.trim().is_empty()), None);
        let id = format!("job-{number}");
        let gone = edit(&files, &rules(), &id.parse().unwrap(), &Edit::Remove);
        let gone = gone.unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        let mut jobs = before.set.jobs;
        jobs.remove(number);
        proptest::prop_assert_eq!(gone.loaded.set.jobs, jobs);
    }
}

#[test]
fn blank_lines_below_what_goes_do_not_join_the_text_above() {
    let text = "jobs:\n  - id: job-0\n    run: echo x\n    description: |+\n      kept\n\n    env:\n      A: x\n\n  # above\n  - id: job-1\n    run: echo x\n";
    let patch = Edit::Patch(object(json!({"env": null})));
    let edited =
        edit(&sources(&[("jobs.yaml", text)]), &rules(), &"job-0".parse().unwrap(), &patch);
    let after = edited.unwrap().sources[0].text.clone();
    assert_eq!(after, text.replace("    env:\n      A: x\n\n", ""));
}
