//! The config file of the screen: colours, zone, mouse, keys.
//!
//! Owns where it is and what is wrong with it. A file with an error never keeps anyone from the
//! screen: what is wrong is ignored, and reported there. Never reads the environment
//! itself: that comes in as a function.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::keys::{BINDINGS, Key, Keymap};
use super::theme::Palette;
use crate::jobfile::FileDiagnostic;
use crate::jobfile::located::{Content, Diagnostics, Entry, Node, quoted, read};

/// Bytes that are read.
const MOST_BYTES: u64 = 256 << 10;

/// What the config file says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    pub(crate) palette: Palette,
    pub(crate) utc: bool,
    pub(crate) mouse: bool,
    pub(crate) keymap: Keymap,
    /// What is wrong with it, in its order.
    errors: Vec<FileDiagnostic>,
}

impl Config {
    /// Reads the file that `CRONTOWER_CONFIG` names, else `crontower/config.yaml` below
    /// `XDG_CONFIG_HOME` or `~/.config`; without one all is as it comes. `variable` answers for the
    /// environment.
    #[must_use]
    pub(crate) fn load(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let named = set("CRONTOWER_CONFIG").map(PathBuf::from);
        let absolute = |path: String| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let folder = || {
            let home = || set("HOME").map(|home| Path::new(&home).join(".config"));
            set("XDG_CONFIG_HOME").and_then(absolute).or_else(home)
        };
        let usual = || folder().map(|folder| folder.join("crontower/config.yaml"));
        let must_be_there = named.is_some();
        let Some(path) = named.or_else(usual) else {
            return Self::default();
        };
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        match text_of(&path) {
            Ok(text) => Self::parse(&name, &text),
            Err(error) if error.kind() == ErrorKind::NotFound && !must_be_there => Self::default(),
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                let error = FileDiagnostic { file: name, line: 1, column: 1, key: None, message };
                Self { errors: vec![error], ..Self::default() }
            }
        }
    }

    /// Reads a text.
    pub(crate) fn parse(file: &str, text: &str) -> Self {
        let mut out = Diagnostics::default();
        let mut config = Self::default();
        let root = read(text, 0, &mut out);
        // Where the structure is lost it is mostly a sign that YAML keeps to itself.
        let lost = root.is_none();
        if let Some(root) = root {
            config.take(&root, &mut out);
        }
        let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let located = out.into_sorted().0.into_iter().map(|error| FileDiagnostic {
            file: file.to_owned(),
            line: whole(error.at.line),
            column: whole(error.at.column),
            key: None,
            message: if lost {
                format!("{}: a key that is punctuation must be in quotes", error.message)
            } else {
                error.message
            },
        });
        Self { errors: located.collect(), ..config }
    }

    /// What is wrong with the file, as `FILE:LINE:COLUMN: what`.
    pub(crate) fn errors(&self) -> impl DoubleEndedIterator<Item = String> {
        self.errors.iter().map(ToString::to_string)
    }

    fn take(&mut self, root: &Node, out: &mut Diagnostics) {
        let Some(entries) = map(root, "a map such as {theme: light}", out) else {
            return;
        };
        for entry in entries {
            match entry.key.as_str() {
                "theme" => self.palette = theme(&entry.value, out).unwrap_or_default(),
                "utc" => self.utc = switch(entry, out).unwrap_or_default(),
                "mouse" => self.mouse = switch(entry, out).unwrap_or_default(),
                "keys" => self.keymap = keymap(&entry.value, out).unwrap_or_default(),
                key => {
                    let near = out.did_you_mean(key, ["theme", "utc", "mouse", "keys"]);
                    out.error(entry.key_at, format!("unknown key {}{near}", quoted(key)));
                }
            }
        }
    }
}

/// As much of a file as is taken for a config file.
fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// The entries of a map; an empty value has none.
fn map<'n>(node: &'n Node, what: &str, out: &mut Diagnostics) -> Option<&'n [Entry]> {
    match &node.content {
        Content::Map(entries) => Some(entries),
        _ if node.is_null() => Some(&[]),
        _ => {
            out.error(node.at, format!("expected {what}, found {}", node.describe()));
            None
        }
    }
}

fn word(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar(scalar) if !node.is_null() => Some(&scalar.text),
        _ => None,
    }
}

fn theme(node: &Node, out: &mut Diagnostics) -> Option<Palette> {
    let found = word(node).and_then(|word| Palette::ALL.into_iter().find(|it| it.id() == word));
    if found.is_none() {
        let names = Palette::ALL.map(Palette::id);
        let near = out.did_you_mean(word(node).unwrap_or_default(), names);
        let message =
            format!("expected one of {}, found {}{near}", names.join(", "), node.describe());
        out.error(node.at, message);
    }
    found
}

fn switch(entry: &Entry, out: &mut Diagnostics) -> Option<bool> {
    match word(&entry.value) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => {
            let found = entry.value.describe();
            let message = format!("{}: expected true or false, found {found}", quoted(&entry.key));
            out.error(entry.value.at, message);
            None
        }
    }
}

/// The keys; `None` when anything is wrong with them: half a set of keys is worse than the usual
/// one, which is documented.
fn keymap(node: &Node, out: &mut Diagnostics) -> Option<Keymap> {
    let entries = map(node, "a map of actions to keys such as {run: R}", out)?;
    let mut keymap = Keymap::default();
    let mut right = true;
    for entry in entries {
        let Some(keys) = keys(entry, out) else {
            right = false;
            continue;
        };
        if !keymap.set(&entry.key, keys) {
            let near = out.did_you_mean(&entry.key, BINDINGS.iter().map(|it| it.name));
            let rest = if near.is_empty() { ": the palette (:) lists all" } else { &near };
            out.error(entry.key_at, format!("no action is named {}{rest}", quoted(&entry.key)));
            right = false;
        }
    }
    if !right {
        return None;
    }
    let place_of = |name: &str| entries.iter().find(|it| it.key == name).map(|it| it.value.at);
    for clash in keymap.clashes() {
        let (key, place) = (clash.key.name(), clash.scope.words());
        let at = place_of(clash.one).max(place_of(clash.other)).unwrap_or(node.at);
        let given = if place_of(clash.one) == Some(at) { clash.other } else { clash.one };
        let message = format!(
            "`{key}` is both `{}` and `{}` {place}: give `{given}` another key, or [] for none",
            clash.one, clash.other
        );
        out.error(at, message);
        right = false;
    }
    for name in keymap.unreachable() {
        let at = place_of(name).unwrap_or(node.at);
        out.error(at, format!("`{name}` needs a key"));
        right = false;
    }
    right.then_some(keymap)
}

/// The keys of an entry: one, or a list.
fn keys(entry: &Entry, out: &mut Diagnostics) -> Option<Vec<Key>> {
    let nodes = match &entry.value.content {
        Content::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(&entry.value),
    };
    let mut keys = Vec::new();
    for node in nodes {
        let Some(name) = word(node) else {
            let action = quoted(&entry.key);
            let found = node.describe();
            let message = format!("{action}: expected a key or a list of keys, found {found}");
            let hint = "; `#`, `~` and the like must be in quotes";
            let hint = if node.is_null() { hint } else { "" };
            out.error(node.at, format!("{message}{hint}"));
            return None;
        };
        match Key::parse(name) {
            Ok(key) => keys.push(key),
            Err(why) => {
                out.error(node.at, format!("{} {why}", quoted(name)));
                return None;
            }
        }
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_text(text: &str) -> Vec<String> {
        Config::parse("config.yaml", text).errors().collect()
    }

    #[test]
    fn what_is_right_holds() {
        let text = "theme: colour-blind\nutc: true\nmouse: true\n\
                    keys:\n  run: [M, ^t]\n  cancel: X\n  zoom: []\n  palette: [\":\", \"?\"]\n  keys: H\n";
        assert_eq!(shown_text(text), [""; 0]);
        let config = Config::parse("config.yaml", text);
        assert_eq!((config.palette, config.utc, config.mouse), (Palette::ColourBlind, true, true));
        let way = |action| config.keymap.way(crate::tui::keys::Scope::JOBS, action);
        use crate::tui::keys::Action;
        assert_eq!(way(Action::Run), "M");
        assert_eq!(way(Action::CancelExecution), "X");
        assert_eq!(way(Action::Zoom), ":zoom");
        assert_eq!(way(Action::Help), "H");
        for empty in ["", "# nothing\n", "keys:\n"] {
            assert_eq!(shown_text(empty), [""; 0]);
        }
    }

    #[test]
    fn what_is_wrong_is_shown_with_its_place_and_the_rest_holds() {
        let text = "tehme: light\nutc: yes\nmouse: true\ntheme: ligth\nkeys:\n  rnu: o\n  cancel: PgDwn\n  sort: #\n";
        insta::assert_snapshot!(shown_text(text).join("\n"), @"
        config.yaml:1:1: unknown key `tehme`: did you mean `theme`?
        config.yaml:2:6: `utc`: expected true or false, found `yes`
        config.yaml:4:8: expected one of dark, light, high-contrast, colour-blind, found `ligth`: did you mean `light`?
        config.yaml:6:3: no action is named `rnu`: did you mean `run`?
        config.yaml:7:11: `PgDwn` is not a key: did you mean `PgDn`?
        config.yaml:8:7: `sort`: expected a key or a list of keys, found nothing; `#`, `~` and the like must be in quotes
        ");
        assert!(Config::parse("config.yaml", text).mouse);
    }

    #[test]
    fn two_actions_on_one_key_are_an_error_that_names_both() {
        let text = "keys:\n  run: x\n  quit: []\n";
        insta::assert_snapshot!(shown_text(text).join("\n"), @"
        config.yaml:2:8: `x` is both `run` and `cancel` in Jobs: give `cancel` another key, or [] for none
        config.yaml:3:9: `quit` needs a key
        ");
        assert_eq!(Config::parse("config.yaml", text).keymap, Keymap::default());
        // In different places a key may mean different things.
        assert_eq!(shown_text("keys: {tree: m, wrap: m}"), [""; 0]);
    }

    #[test]
    fn what_yaml_cannot_read_is_shown_with_a_way_out() {
        let shown_text = |text| shown_text(text).join("\n");
        assert_eq!(
            shown_text("keys:\n  palette: [\n"),
            "config.yaml:2:12: this `[` is never closed: a key that is punctuation must be in quotes"
        );
        assert_eq!(
            shown_text("keys:\n  palette: @\n"),
            "config.yaml:2:12: put the value in quotes: `palette: \"@\"`"
        );
        let map = "expected a map of actions to keys such as {run: R}";
        assert_eq!(shown_text("keys: [a, b]"), format!("config.yaml:1:7: {map}, found a list"));
        let map = "expected a map such as {theme: light}";
        assert_eq!(shown_text("- a"), format!("config.yaml:1:1: {map}, found a list"));
    }

    #[test]
    fn the_file_is_looked_for_where_it_should_lie() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap().to_owned();
        let load = |pairs: &[(&str, &str)]| {
            let found = |name: &str| pairs.iter().find(|(key, _)| *key == name);
            Config::load(|name| found(name).map(|(_, value)| (*value).to_owned()))
        };
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(load(&[("HOME", &home)]).errors().count(), 0);
        write(".config/crontower/config.yaml", "utc: true");
        assert!(load(&[("HOME", &home)]).utc);
        write("other/crontower/config.yaml", "mouse: true");
        let other = format!("{home}/other");
        let config = load(&[("HOME", &home), ("XDG_CONFIG_HOME", &other)]);
        assert_eq!((config.utc, config.mouse), (false, true));
        let missing = format!("{home}/missing.yaml");
        let config = load(&[("HOME", &home), ("CRONTOWER_CONFIG", &missing)]);
        let shown_text: Vec<String> = config.errors().collect();
        assert!(shown_text[0].starts_with("missing.yaml:1:1: cannot read "), "{shown_text:?}");
        assert!(!config.utc);
    }
}
