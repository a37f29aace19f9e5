//! The rules of the house that a compiler does not know: which room may name which, and how large things may get.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and what no file in it may name. Tests may.
const NEVER: &[(&str, &[&str])] = &[
    // What a crate of the core cannot name its Cargo.toml says; these are of the standard library.
    ("model", &["std::net", "std::thread"]),
    ("schedule", &["std::fs", "std::net", "std::thread"]),
    ("engine", &["std::fs", "std::net", "std::thread"]),
    ("jobfile", &["crate::engine", "crate::driver", "crate::tui", "tokio"]),
    ("store", &["crate::engine", "crate::worker", "crate::driver", "crate::tui", "crate::api"]),
    (
        "worker",
        &["crate::engine", "crate::store", "crate::driver", "crate::tui", "crate::api", "sqlx"],
    ),
    ("tui", &["crate::engine", "crate::store", "sqlx"]),
    ("api", &["crate::engine", "crate::store", "sqlx"]),
];

/// Columns of a line, lines of a file, lines of a function.
const WIDEST_LINE: usize = 120;
const LONGEST_FILE: usize = 600;
const LONGEST_FUNCTION: usize = 70;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The part of a file that is not its test module.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text).trim_end()
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

/// The room of a file: the folder under src/ or crates/.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root()).unwrap();
    inside.components().nth(1).unwrap().as_os_str().to_string_lossy().into_owned()
}

fn check(judge: impl Fn(&Path, &str) -> Vec<String>) {
    let mut found = Vec::new();
    let crates = fs::read_dir(root().join("crates")).unwrap();
    let crates = crates.flat_map(|entry| sources(&entry.unwrap().path().join("src")));
    for path in sources(&root().join("src")).into_iter().chain(crates) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        found.extend(judge(&path, &text).into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn no_room_names_what_it_must_not_know() {
    check(|path, text| {
        let room = room(path);
        let Some((_, never)) = NEVER.iter().find(|(name, _)| *name == room) else {
            return Vec::new();
        };
        if is_test(path) {
            return Vec::new();
        }
        let lines = code(text).lines().filter(|line| !line.trim_start().starts_with("//"));
        lines
            .flat_map(|line| never.iter().filter(move |word| line.contains(*word)))
            .map(|word| format!("names {word}"))
            .collect()
    });
}

#[test]
fn every_file_says_what_it_owns() {
    check(|path, text| {
        let fine = text.starts_with("//!") || is_test(path);
        if fine { Vec::new() } else { vec!["begins without `//!`".to_owned()] }
    });
}

#[test]
fn nothing_outgrows_a_head() {
    check(|path, text| {
        // A test is a list of examples: long, but not deep.
        if is_test(path) {
            return Vec::new();
        }
        let text = code(text);
        let mut found = Vec::new();
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            found.push(format!("{lines} lines"));
        }
        let wide = |(number, line): (usize, &str)| {
            (line.chars().count() > WIDEST_LINE && !line.contains('"') && !line.contains("//"))
                .then(|| format!("line {} is wider than {WIDEST_LINE}", number + 1))
        };
        found.extend(text.lines().enumerate().filter_map(wide));
        found.extend(long_functions(text));
        found
    });
}

/// Functions longer than [`LONGEST_FUNCTION`], by their indentation.
fn long_functions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let is_head = line.trim_start().split(' ').take(4).any(|word| word == "fn");
        if is_head && line.trim_end().ends_with('{') && open.is_none() {
            open = Some((number, indent, line.trim().to_owned()));
        }
        if let Some((start, depth, head)) = &open
            && line.trim() == "}"
            && indent == *depth
        {
            if number - start > LONGEST_FUNCTION {
                found.push(format!("{} lines: {head}", number - start));
            }
            open = None;
        }
    }
    found
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME", "XX".to_owned() + "X"];
    check(|_, text| words.iter().filter(|word| text.contains(word.as_str())).cloned().collect());
}
