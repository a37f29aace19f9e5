//! Laying a patch over a job (RFC 7396), as JSON over the tree that its definition was read into.
//!
//! Owns that a key goes by any of its names, and that a program's keys, which have no order, get that of the reference.

use serde_json::{Map, Value};

use super::diagnostics::{Diagnostics, Mark};
use super::json::{Paths, READ_ONLY_KEYS};
use super::keys::{self, Scope};
use super::tree::{Content, Entry, Node};

/// Lays a patch over a job: keys that it names change, one that is `null` goes, in maps within it
/// likewise. A key can be named as it is in jobs.yaml or as the other system names it, whichever of
/// the two the job has.
pub(super) fn patch(
    job: &mut Node,
    patch: &Map<String, Value>,
    paths: &mut Paths,
    out: &mut Diagnostics,
) {
    merge_into(job, patch, paths.root(), Some(Scope::Job), paths, out);
}

fn merge_into(
    node: &mut Node,
    patch: &Map<String, Value>,
    at: Mark,
    scope: Option<Scope>,
    paths: &mut Paths,
    out: &mut Diagnostics,
) {
    let Content::Map(entries) = &mut node.content else { return };
    for (key, value) in patch {
        if scope == Some(Scope::Job) && READ_ONLY_KEYS.contains(&key.as_str()) {
            continue;
        }
        let named = |written: &str| Some(keys::find(scope?, written)?.0.name);
        let name = named(key);
        if value.is_null() {
            entries.retain(|e| e.key != *key && (name.is_none() || named(&e.key) != name));
            continue;
        }
        let key_at = paths.mark(at.line, format!(".{key}"));
        // Another name of the same key gives way to this one.
        if let Some(other) =
            entries.iter_mut().find(|e| e.key != *key && name.is_some() && named(&e.key) == name)
        {
            key.clone_into(&mut other.key);
        }
        let found = entries.iter().position(|entry| entry.key == *key);
        let inner = if name == Some("retry") { Some(Scope::Retry) } else { None };
        match (value, found) {
            (Value::Object(map), found) => {
                let index = found.unwrap_or(entries.len());
                if found.is_none() {
                    let value = Node { at: key_at, content: Content::Map(Vec::new()) };
                    entries.push(Entry { key: key.clone(), key_at, value });
                }
                let Some(entry) = entries.get_mut(index) else { continue };
                if !matches!(entry.value.content, Content::Map(_)) {
                    entry.value = Node { at: key_at, content: Content::Map(Vec::new()) };
                }
                merge_into(&mut entry.value, map, key_at, inner, paths, out);
                in_order(&mut entry.value, inner);
            }
            (value, found) => {
                let value = paths.node(value, key_at, 0, out);
                match found.and_then(|index| entries.get_mut(index)) {
                    Some(entry) => entry.value = value,
                    None => entries.push(Entry { key: key.clone(), key_at, value }),
                }
            }
        }
    }
}

/// Puts keys into the order of the reference: a program's have none.
fn in_order(node: &mut Node, scope: Option<Scope>) {
    if let (Some(scope), Content::Map(entries)) = (scope, &mut node.content) {
        entries.sort_by_key(|entry| {
            let row = keys::find(scope, &entry.key).map(|(key, _)| key.name);
            keys::keys_of(scope).position(|key| Some(key.name) == row)
        });
    }
}
