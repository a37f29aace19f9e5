//! What the documents say of the repository: links lead to files, and tests that they name exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
}

/// The documents for people, with their text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    files(&root().join("docs"), "md", &mut paths);
    files(&root().join("crates"), "md", &mut paths);
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Every function of the sources and tests.
fn functions() -> BTreeSet<String> {
    let mut paths = Vec::new();
    for folder in ["src", "crates", "tests"] {
        files(&root().join(folder), "rs", &mut paths);
    }
    let mut names = BTreeSet::new();
    for path in paths {
        let text = fs::read_to_string(path).unwrap();
        let heads = text.split("fn ").skip(1);
        names.extend(heads.filter_map(|rest| Some(rest.split_once(['(', '<'])?.0.to_owned())));
    }
    names
}

/// The texts between backticks in the paragraphs that begin with `Tests:`.
fn named_tests(text: &str) -> Vec<String> {
    let paragraphs = text.split("\n\n").filter(|paragraph| paragraph.starts_with("Tests:"));
    paragraphs
        .flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2))
        .map(|name| name.rsplit("::").next().unwrap_or(name).to_owned())
        .collect()
}

/// The targets of Markdown links that lead to files of the repository.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets
        .map(|(target, _)| target.split('#').next().unwrap_or(target).to_owned())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .collect()
}

#[test]
fn tests_that_documents_name_exist() {
    let functions = functions();
    let mut found = Vec::new();
    let mut named = 0;
    for (path, text) in documents() {
        let names = named_tests(&text);
        named += names.len();
        let missing = names.into_iter().filter(|name| !functions.contains(name));
        found.extend(missing.map(|name| format!("{}: no test `{name}`", path.display())));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    assert!(named > 30, "{named} tests named: is the form of the paragraphs still the same?");
}

#[test]
fn links_of_documents_lead_somewhere() {
    let mut found = Vec::new();
    for (path, text) in documents() {
        let folder = path.parent().unwrap();
        let broken = links(&text).into_iter().filter(|target| !folder.join(target).exists());
        found.extend(broken.map(|target| format!("{}: broken link {target}", path.display())));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
