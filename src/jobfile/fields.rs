//! Reading the keys of a map and the values behind them.
//!
//! Owns "unknown key", "expected …, found …". Knows the table of keys, not
//! what they mean.

use std::time::Duration;

use serde_json::{Map, Number, Value};

use super::diagnostics::{Diagnostics, Mark, Subject, is_hostile, quoted};
use super::keys::{self, Key, Scope};
use super::tree::{Content, Entry, Node, Scalar};
use crate::model::text;

/// Maps and lists within each other in a free value.
const DEEPEST: usize = 32;
/// Characters of a one-line text.
const LINE_CHARS: usize = 500;

/// The keys of a map that are known and have a value.
#[derive(Debug)]
pub(super) struct Fields<'t> {
    /// Where the map begins.
    pub(super) at: Mark,
    slots: Vec<Slot<'t>>,
}

/// A key that was given, and its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'t> {
    pub(super) key: &'static Key,
    /// The key as it was written: `delayMs`.
    written: &'t str,
    pub(super) key_at: Mark,
    pub(super) node: &'t Node,
    milliseconds: bool,
}

impl<'t> Fields<'t> {
    /// Sorts out the keys of a map; `None` when the node is none. `what` is for "expected …".
    pub(super) fn read(
        node: &'t Node,
        scope: Scope,
        what: &str,
        out: &mut Diagnostics,
    ) -> Option<Self> {
        let Content::Map(entries) = &node.content else {
            out.error(node.at, format!("expected {what}, found {}", node.describe()));
            return None;
        };
        Some(Self::of(entries.iter(), node.at, scope, out))
    }

    /// Sorts out entries that may come from several maps.
    pub(super) fn of(
        entries: impl Iterator<Item = &'t Entry>,
        at: Mark,
        scope: Scope,
        out: &mut Diagnostics,
    ) -> Self {
        let mut fields = Self { at, slots: Vec::new() };
        for entry in entries {
            fields.admit(entry, scope, out);
        }
        fields
    }

    fn admit(&mut self, entry: &'t Entry, scope: Scope, out: &mut Diagnostics) {
        let written = quoted(&entry.key);
        let Some((key, milliseconds)) = keys::find(scope, &entry.key) else {
            let names = keys::keys_of(scope).map(|key| key.name);
            let hint = match keys::called_elsewhere(scope, &entry.key) {
                Some(name) => format!(": here it is `{name}`"),
                None => out.did_you_mean(&entry.key, names),
            };
            let rest = if hint.is_empty() { format!(" {}", keys::place(scope)) } else { hint };
            out.error(entry.key_at, format!("unknown key {written}{rest}"));
            return;
        };
        if entry.value.is_null() {
            let without = match key.default {
                "" => String::new(),
                default => format!(" (default: {})", default.replace('`', "")),
            };
            let message = format!("{written} has no value: set one or remove the key{without}");
            out.error_about(Subject::Key(key.name), entry.key_at, message);
        } else if let Some(first) = self.get(key.name) {
            let message = format!("{written} is the same key as `{}`: use only one", first.written);
            out.error_about(Subject::Key(key.name), entry.key_at, message);
        } else {
            let (written, key_at, node) = (entry.key.as_str(), entry.key_at, &entry.value);
            self.slots.push(Slot { key, written, key_at, node, milliseconds });
        }
    }

    /// What was given for a key.
    pub(super) fn get(&self, name: &str) -> Option<Slot<'t>> {
        debug_assert!(
            crate::model::KEYS.iter().any(|key| key.name == name),
            "{name} is not in the table"
        );
        self.slots.iter().find(|slot| slot.key.name == name).copied()
    }

    /// An error about a key that is missing, reported at `at`.
    pub(super) fn missing(
        &self,
        key: &'static str,
        at: Mark,
        message: impl AsRef<str>,
        out: &mut Diagnostics,
    ) {
        out.error_about(Subject::Missing(key, self.at), at, message);
    }

    /// All that was given.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot<'t>> {
        self.slots.iter()
    }
}

/// Reads a value if it was given.
macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident -> $type:ty;)*) => {
        impl Fields<'_> {
            $(
                $(#[$doc])*
                pub(super) fn $name(&self, name: &str, out: &mut Diagnostics) -> Option<$type> {
                    self.get(name)?.$name(out)
                }
            )*
        }
    };
}

readers! {
    /// Any text.
    text -> String;
    /// A text of one line.
    line -> String;
    /// A list of one-line texts.
    lines -> Vec<String>;
    /// `true` or `false`.
    flag -> bool;
    /// A duration.
    duration -> Duration;
    /// A duration that is not zero.
    positive_duration -> Duration;
    /// A size in bytes.
    size -> u64;
    /// A free map.
    map -> Map<String, Value>;
}

impl<'t> Slot<'t> {
    /// The same key with another value: an item of its list.
    pub(super) const fn item(self, node: &'t Node) -> Self {
        Self { node, ..self }
    }

    /// The keys of a map.
    pub(super) fn fields(
        &self,
        scope: Scope,
        what: &str,
        out: &mut Diagnostics,
    ) -> Option<Fields<'t>> {
        let entries = self.entries(what, out)?;
        Some(Fields::of(entries.iter(), self.node.at, scope, out))
    }

    /// What a diagnostic about the key or its value is about.
    pub(super) const fn subject(&self) -> Subject {
        Subject::Key(self.key.name)
    }

    /// An error about the key itself, in a whole sentence.
    pub(super) fn wrong_key(&self, message: impl AsRef<str>, out: &mut Diagnostics) {
        out.error_about(self.subject(), self.key_at, message);
    }

    /// An error about the value.
    pub(super) fn wrong(&self, message: impl AsRef<str>, out: &mut Diagnostics) {
        let message = format!("`{}`: {}", self.written, message.as_ref());
        out.error_about(self.subject(), self.node.at, message);
    }

    /// A warning about the value.
    pub(super) fn warn(&self, message: impl AsRef<str>, out: &mut Diagnostics) {
        let message = format!("`{}`: {}", self.written, message.as_ref());
        out.warning_about(self.subject(), self.node.at, message);
    }

    /// "expected …, found …".
    fn expected(&self, what: &str, out: &mut Diagnostics) {
        self.wrong(format!("expected {what}, found {}", self.node.describe()), out);
    }

    fn scalar(&self, what: &str, out: &mut Diagnostics) -> Option<&'t Scalar> {
        match &self.node.content {
            Content::Scalar(scalar) if !self.node.is_null() => Some(scalar),
            _ => {
                self.expected(what, out);
                None
            }
        }
    }

    /// Any text without NUL, which no program can be given.
    pub(super) fn text(&self, out: &mut Diagnostics) -> Option<String> {
        let scalar = self.scalar("text", out)?;
        if scalar.text.contains('\0') {
            self.wrong("must not contain NUL characters", out);
            return None;
        }
        Some(scalar.text.clone())
    }

    /// A text of one line that can be shown as it is.
    pub(super) fn line(&self, out: &mut Diagnostics) -> Option<String> {
        let text = &self.scalar("text", out)?.text;
        let problem = if text.trim().is_empty() {
            "must not be empty".to_owned()
        } else if text.contains('\n') {
            "must be a single line".to_owned()
        } else if text.chars().any(is_hostile) {
            "must not contain control characters".to_owned()
        } else if text.chars().nth(LINE_CHARS).is_some() {
            format!("must not be longer than {LINE_CHARS} characters")
        } else {
            return Some(text.clone());
        };
        self.wrong(problem, out);
        None
    }

    /// The items of a list.
    pub(super) fn list(&self, what: &str, out: &mut Diagnostics) -> Option<&'t [Node]> {
        match &self.node.content {
            Content::List(items) => Some(items),
            _ => {
                self.expected(what, out);
                None
            }
        }
    }

    pub(super) fn lines(&self, out: &mut Diagnostics) -> Option<Vec<String>> {
        let items = self.list("a list such as [a, b]", out)?;
        Some(items.iter().filter_map(|item| self.item(item).line(out)).collect())
    }

    pub(super) fn flag(&self, out: &mut Diagnostics) -> Option<bool> {
        let scalar = self.scalar("true or false", out)?;
        match scalar.text.as_str() {
            "true" | "True" | "TRUE" if scalar.plain => Some(true),
            "false" | "False" | "FALSE" if scalar.plain => Some(false),
            _ => {
                self.expected("true or false", out);
                None
            }
        }
    }

    /// A whole number in a range.
    pub(super) fn integer(&self, low: i64, high: i64, out: &mut Diagnostics) -> Option<i64> {
        self.whole(low, high, &format!("a whole number from {low} to {high}"), out)
    }

    fn whole(&self, low: i64, high: i64, what: &str, out: &mut Diagnostics) -> Option<i64> {
        let scalar = self.scalar(what, out)?;
        let number = scalar.plain.then(|| scalar.text.parse().ok()).flatten();
        let number = number.filter(|number| (low..=high).contains(number));
        if number.is_none() {
            self.expected(what, out);
        }
        number
    }

    /// A count from 1, of things of which no one needs more than 10,000.
    pub(super) fn count(&self, out: &mut Diagnostics) -> Option<u32> {
        self.integer(1, 10_000, out).and_then(|number| u32::try_from(number).ok())
    }

    pub(super) fn fraction(&self, out: &mut Diagnostics) -> Option<f64> {
        let what = "a number from 0 to 1";
        let scalar = self.scalar(what, out)?;
        let number: Option<f64> = scalar.plain.then(|| scalar.text.parse().ok()).flatten();
        let number = number.filter(|number| (0.0..=1.0).contains(number));
        if number.is_none() {
            self.expected(what, out);
        }
        number
    }

    pub(super) fn duration(&self, out: &mut Diagnostics) -> Option<Duration> {
        if self.milliseconds {
            const YEAR: i64 = 366 * 86_400_000;
            let number = self.whole(0, 100 * YEAR, "a number of milliseconds", out)?;
            return u64::try_from(number).ok().map(Duration::from_millis);
        }
        let scalar = self.scalar("a duration such as 10s", out)?;
        let duration = text::parse_duration(&scalar.text);
        duration.map_err(|problem| self.wrong(problem, out)).ok()
    }

    pub(super) fn positive_duration(&self, out: &mut Diagnostics) -> Option<Duration> {
        let duration = self.duration(out)?;
        if duration.is_zero() {
            self.wrong("must be greater than 0", out);
            return None;
        }
        Some(duration)
    }

    pub(super) fn size(&self, out: &mut Diagnostics) -> Option<u64> {
        let scalar = self.scalar("a size such as 10MiB", out)?;
        let size = text::parse_size(&scalar.text).and_then(|size| {
            if size <= 1 << 40 { Ok(size) } else { Err("at most 1024GiB".into()) }
        });
        size.map_err(|problem| self.wrong(problem, out)).ok()
    }

    /// One of a few words, in any case.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)], out: &mut Diagnostics) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let what = format!("one of {}", names.join(", "));
        let scalar = self.scalar(&what, out)?;
        let found = words.iter().find(|(name, _)| name.eq_ignore_ascii_case(&scalar.text));
        if found.is_none() {
            let hint = out.did_you_mean(&scalar.text, names);
            self.wrong(format!("expected {what}, found {}{hint}", self.node.describe()), out);
        }
        found.map(|(_, value)| *value)
    }

    /// A free map.
    pub(super) fn map(&self, out: &mut Diagnostics) -> Option<Map<String, Value>> {
        match self.free_value(self.node, 0, out)? {
            Value::Object(map) => Some(map),
            _ => {
                self.expected("a map such as {key: value}", out);
                None
            }
        }
    }

    /// The entries of a map.
    pub(super) fn entries(&self, what: &str, out: &mut Diagnostics) -> Option<&'t [Entry]> {
        match &self.node.content {
            Content::Map(entries) => Some(entries),
            _ => {
                self.expected(what, out);
                None
            }
        }
    }

    /// Any value, as YAML's core rules read it.
    fn free_value(&self, node: &Node, depth: usize, out: &mut Diagnostics) -> Option<Value> {
        if depth > DEEPEST {
            let message = format!("`{}`: nested deeper than {DEEPEST} levels", self.key.name);
            out.error_about(self.subject(), node.at, message);
            return None;
        }
        match &node.content {
            Content::Scalar(_) if node.is_null() => Some(Value::Null),
            Content::Scalar(scalar) => free_scalar(scalar)
                .map_err(|problem| {
                    let message = format!("`{}`: {problem}", self.key.name);
                    out.error_about(self.subject(), node.at, message);
                })
                .ok(),
            Content::List(items) => items
                .iter()
                .map(|item| self.free_value(item, depth + 1, out))
                .collect::<Option<Vec<_>>>()
                .map(Value::Array),
            Content::Map(entries) => entries
                .iter()
                .map(|e| Some((e.key.clone(), self.free_value(&e.value, depth + 1, out)?)))
                .collect::<Option<Map<_, _>>>()
                .map(Value::Object),
        }
    }
}

/// A plain scalar as YAML 1.2's core schema resolves it; a number that would lose digits is an
/// error.
fn free_scalar(scalar: &Scalar) -> Result<Value, String> {
    let text = scalar.text.as_str();
    if !scalar.plain {
        return Ok(Value::from(text));
    }
    match text {
        "true" | "True" | "TRUE" => return Ok(Value::from(true)),
        "false" | "False" | "FALSE" => return Ok(Value::from(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit());
    if whole {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let number = digits.parse::<i64>().map(Value::from);
        return number
            .or_else(|_| digits.parse::<u64>().map(Value::from))
            .map_err(|_| format!("{} is too large for a number: put it in quotes", quoted(text)));
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix).filter(|digits| !digits.starts_with('+'))
            && let Ok(number) = u64::from_str_radix(digits, radix)
        {
            return Ok(Value::from(number));
        }
    }
    let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    let float = numeric.then(|| text.parse::<f64>().ok()).flatten();
    match float.map(Number::from_f64) {
        Some(Some(number)) => Ok(Value::Number(number)),
        Some(None) => Err(format!("{} is too large for a number: put it in quotes", quoted(text))),
        None => Ok(Value::from(text)),
    }
}

/// Whether a plain text would be read as something else.
pub(super) fn reads_as_other(text: &str) -> bool {
    let scalar = Scalar { text: text.to_owned(), plain: true, offset: None };
    let null = matches!(text, "" | "~" | "null" | "Null" | "NULL");
    null || free_scalar(&scalar).map_or(true, |value| !value.is_string())
}

/// Replaces what holds if something was given.
pub(super) fn set<T>(field: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *field = given;
    }
}

/// Likewise, of what may be absent.
pub(super) fn set_some<T>(field: &mut Option<T>, given: Option<T>) {
    if given.is_some() {
        *field = given;
    }
}
