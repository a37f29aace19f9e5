//! The rules of the house that a compiler does not know: which room may name which, that the files of a room do not lean on
//! each other in circles, and how large things may get.

mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use imports::{File, circles, module_of};

/// A room, or a folder of a room, and what no file in it may name. Tests may.
const NEVER: &[(&str, &[&str])] = &[
    // What else a crate of the core cannot name, its Cargo.toml says; these are of the standard library.
    ("model", &["std::net", "std::thread"]),
    ("schedule", &["std::fs", "std::net", "std::thread"]),
    ("engine", &["std::fs", "std::net", "std::thread"]),
    (
        "jobfile",
        &[
            "crate::engine",
            "crate::store",
            "crate::worker",
            "crate::commands",
            "crate::driver",
            "crate::tui",
            "crate::api",
            "crate::cli",
            "tokio",
            "reqwest",
            "axum",
            "hyper",
            "sqlx",
        ],
    ),
    ("store", &["crate::engine", "crate::worker", "crate::driver", "crate::tui", "crate::api"]),
    (
        "commands",
        &[
            "crate::engine",
            "crate::store",
            "crate::worker",
            "crate::driver",
            "crate::tui",
            "crate::api",
            "sqlx",
        ],
    ),
    (
        "worker",
        &["crate::engine", "crate::store", "crate::driver", "crate::tui", "crate::api", "sqlx"],
    ),
    ("tui", &["crate::engine", "crate::store", "sqlx"]),
    // The layers of the screen: see src/tui/mod.rs.
    (
        "tui/keys",
        &["crate::tui::model", "crate::tui::update", "crate::tui::view", "crate::tui::run"],
    ),
    (
        "tui/model",
        &["crate::tui::update", "crate::tui::view", "crate::tui::run", "crate::driver::EngineApi"],
    ),
    ("tui/update", &["crate::tui::view", "crate::tui::run", "crate::driver::EngineApi"]),
    ("tui/view", &["crate::tui::update", "crate::tui::run", "crate::driver::EngineApi"]),
    ("api", &["crate::engine", "crate::store", "sqlx"]),
    ("driver", &["crate::tui", "crate::api", "crate::cli", "axum", "ratatui", "clap"]),
    ("cli", &["crate::engine", "sqlx", "axum"]),
];

/// Rooms whose files may still lean on each other in circles. Whoever ends them takes his room off.
const CIRCLES: &[&str] = &["api", "cli", "driver", "engine", "model", "store"];

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

/// The folders of sources: the shell's, and those of the crates below it.
fn source_folders() -> Vec<PathBuf> {
    let mut folders = vec![root().join("src")];
    if let Ok(crates) = fs::read_dir(root().join("crates")) {
        folders.extend(crates.map(|entry| entry.unwrap().path().join("src")));
    }
    folders.sort();
    folders
}

fn check(judge: impl Fn(&Path, &str) -> Vec<String>) {
    let mut found = Vec::new();
    for path in source_folders().iter().flat_map(|folder| sources(folder)) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        found.extend(judge(&path, &text).into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// The files of each room that are no tests, with their paths: a room is a folder of the shell, or a crate.
fn rooms() -> BTreeMap<String, Vec<(String, File)>> {
    let mut rooms: BTreeMap<String, Vec<(String, File)>> = BTreeMap::new();
    for path in source_folders().iter().flat_map(|folder| sources(folder)) {
        let name = path.strip_prefix(root()).unwrap();
        let parts: Vec<String> =
            name.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let (room, inside) = match parts.as_slice() {
            [crates, room, _, inside @ ..] if crates == "crates" => (room, inside),
            [_, inside @ ..] => (&inside[0], inside),
            [] => continue,
        };
        if is_test(&path) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let file = File::read(&text, &module_of(inside));
        rooms.entry(room.clone()).or_default().push((name.display().to_string(), file));
    }
    rooms
}

#[test]
fn no_room_names_what_it_must_not_know() {
    let rooms = rooms();
    let mut found = Vec::new();
    for (room, never) in NEVER {
        let never: Vec<Vec<&str>> = never.iter().map(|path| path.split("::").collect()).collect();
        let name = room.split('/').next().unwrap_or(room);
        let in_folder = |(path, _): &&(String, File)| {
            name == *room || path.starts_with(&format!("src/{room}/"))
        };
        let mut files = rooms.get(name).into_iter().flatten().filter(in_folder).peekable();
        if files.peek().is_none() {
            found.push(format!("there is no room {room}"));
        }
        for (path, file) in files {
            let names = file.all_names().filter(|name| never.iter().any(|it| begins(name, it)));
            found.extend(names.map(|name| format!("{path}: names {}", name.join("::"))));
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

fn begins(path: &[String], with: &[&str]) -> bool {
    path.len() >= with.len() && path.iter().zip(with).all(|(a, b)| a == b)
}

#[test]
fn no_files_of_a_room_lean_on_each_other_in_a_circle() {
    let mut found = Vec::new();
    for (room, files) in rooms() {
        if !CIRCLES.contains(&room.as_str()) {
            let files: Vec<File> = files.into_iter().map(|(_, file)| file).collect();
            found.extend(circles(&files));
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
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

/// Functions longer than [`LONGEST_FUNCTION`], by their indentation. One that says beside
/// `#[expect(clippy::too_many_lines, reason = …)]` why it is long may be: it is an exhaustive match.
fn long_functions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize, String)> = None;
    let mut excused = false;
    for (number, line) in text.lines().enumerate() {
        excused |= line.contains("clippy::too_many_lines");
        let indent = line.len() - line.trim_start().len();
        let is_head = line.trim_start().split(' ').take(4).any(|word| word == "fn");
        if is_head && line.trim_end().ends_with('{') && open.is_none() {
            open = Some((number, indent, line.trim().to_owned()));
        }
        if let Some((start, depth, head)) = &open
            && line.trim() == "}"
            && indent == *depth
        {
            if number - start > LONGEST_FUNCTION && !std::mem::take(&mut excused) {
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
