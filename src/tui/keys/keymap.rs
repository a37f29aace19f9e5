//! The table of keys as one person uses it: with the keys that their config file gives.
//!
//! Owns which keys an action has now. Dispatch, footer, help, palette and all sentences that name a
//! key ask here.

use crossterm::event::KeyEvent;

use super::{Action, BINDINGS, Binding, Key, KeyContext, Scope};
use crate::model::Role;
use crate::tui::fuzzy::Fuzzy;

/// Actions that must keep a key: by the one all others can be reached, by the other the way out.
const NEEDED: [&str; 2] = ["palette", "quit"];

/// Which keys each line of the table has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keymap {
    /// In the order of [`BINDINGS`].
    keys: Vec<Vec<Key>>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { keys: BINDINGS.iter().map(|it| it.keys.to_vec()).collect() }
    }
}

/// Two actions on one key in one context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clash {
    pub(crate) key: Key,
    /// The name of the one…
    pub(crate) one: &'static str,
    /// …and of the other.
    pub(crate) other: &'static str,
    /// A context where both are valid.
    pub(crate) scope: Scope,
}

impl Keymap {
    /// Gives the action of that name these keys instead of its own; whether there is one.
    pub(crate) fn set(&mut self, name: &str, keys: Vec<Key>) -> bool {
        let at = BINDINGS.iter().position(|it| it.name == name);
        let found = at.and_then(|at| self.keys.get_mut(at));
        found.map(|it| *it = keys).is_some()
    }

    /// Everything that means two things in one context.
    pub(crate) fn clashes(&self) -> Vec<Clash> {
        let all = || BINDINGS.iter().zip(&self.keys);
        let mut clashes = Vec::new();
        for (at, (one, keys)) in all().enumerate() {
            for (other, others) in all().skip(at + 1) {
                let key = keys.iter().find(|key| others.contains(key));
                if let (Some(key), Some(scope)) = (key, one.scope.common(other.scope)) {
                    clashes.push(Clash { key: *key, one: one.name, other: other.name, scope });
                }
            }
        }
        clashes
    }

    /// Actions that need a key and have none.
    pub(crate) fn unreachable(&self) -> impl Iterator<Item = &'static str> {
        let named = |name: &&str| {
            let at = BINDINGS.iter().position(|it| it.name == *name);
            at.and_then(|at| self.keys.get(at)).is_none_or(Vec::is_empty)
        };
        NEEDED.into_iter().filter(named)
    }

    /// The action of a key, if it has one there.
    pub(crate) fn action(&self, context: KeyContext, event: KeyEvent) -> Option<Action> {
        let pressed = Key::of(event);
        self.valid(context).find(|(_, keys)| keys.contains(&pressed)).map(|(it, _)| it.action)
    }

    /// The lines that are valid there, with their keys.
    pub(crate) fn valid(
        &self,
        context: KeyContext,
    ) -> impl Iterator<Item = (&'static Binding, &[Key])> {
        let all = BINDINGS.iter().zip(self.keys.iter().map(Vec::as_slice));
        all.filter(move |(it, _)| it.scope.meets(context.scope) && it.role <= context.role)
    }

    /// How an action is reached, for a sentence: by its shortest first key, there or else where it
    /// is valid, or by its name in the palette.
    pub(crate) fn way(&self, scope: Scope, action: Action) -> String {
        let all = || self.valid(KeyContext { scope: Scope::ALL, role: Role::Admin });
        let ways = |scope: Scope| {
            let valid = all().filter(move |(it, _)| it.action == action && it.scope.meets(scope));
            let names = valid.map(|(it, keys)| {
                keys.first().map_or_else(|| format!(":{}", it.name), |key| key.name())
            });
            names.min_by_key(|name| (name.starts_with(':') && name.len() > 1, name.len()))
        };
        ways(scope).or_else(|| ways(Scope::ALL)).unwrap_or_default()
    }

    /// The actions that a typed text may mean: their names and what they do, best first.
    pub(crate) fn palette(
        &self,
        context: KeyContext,
        typed: &str,
    ) -> Vec<(Action, &'static str, &'static str)> {
        let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
        let mut fuzzy = Fuzzy::new(&words);
        let valid = self.valid(context).map(|(it, _)| it);
        let offered = valid.filter(|it| !matches!(it.action, Action::Palette));
        let mut found: Vec<_> = offered
            .filter_map(|it| {
                let named = fuzzy.score(it.name).map(|score| score + 1_000);
                // Of the longer help whole words count: letters would be found in most of it.
                let helped = words.iter().all(|word| it.help.contains(word.as_str())).then_some(0);
                let score = named.or(helped)?;
                Some((score, (it.action, it.name, it.help)))
            })
            .collect();
        // A name that is typed in full is meant, whatever else holds its letters.
        let whole = typed.trim();
        found.sort_by_key(|(score, (_, name, _))| (*name != whole, std::cmp::Reverse(*score)));
        found.into_iter().map(|(_, line)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn here(scope: Scope) -> KeyContext {
        KeyContext { scope, role: Role::Admin }
    }

    #[test]
    fn no_key_means_two_things_in_one_place() {
        assert_eq!(Keymap::default().clashes(), []);
        let mut keymap = Keymap::default();
        assert!(keymap.set("run", vec![super::super::key::key('x')]));
        let shown_text: Vec<_> = keymap.clashes().iter().map(|it| (it.one, it.other)).collect();
        assert_eq!(shown_text, [("run", "cancel")]);
        assert!(!keymap.set("rum", Vec::new()));
    }

    #[test]
    fn names_are_unique_and_every_line_is_reachable() {
        for (at, binding) in BINDINGS.iter().enumerate() {
            let twin = BINDINGS[..at].iter().find(|it| it.name == binding.name);
            assert!(twin.is_none(), "two actions are named {}", binding.name);
            assert!(Scope::ALL.meets(binding.scope), "{} is valid nowhere", binding.name);
        }
    }

    #[test]
    fn no_action_needs_a_key_that_others_take() {
        for binding in BINDINGS {
            // To suspend is what ^z means everywhere.
            let taken = binding.keys.iter().any(|key| key.may_be_taken());
            assert!(!taken || binding.name == "suspend", "{}", binding.name);
        }
    }

    #[test]
    fn the_palette_finds_by_letters_and_puts_the_whole_name_first() {
        let keymap = Keymap::default();
        let first =
            |typed| keymap.palette(here(Scope::JOBS), typed).first().map(|(_, name, _)| *name);
        assert_eq!(first("utc"), Some("utc"));
        assert_eq!(first("ca"), Some("cancel"));
        assert_eq!(first("rld"), Some("reload"));
        assert_eq!(first("zzzz"), None);
        let offered = keymap.palette(here(Scope::JOBS), "");
        assert!(!offered.iter().any(|(_, name, _)| *name == "wrap"), "wrap is for outputs");
    }

    #[test]
    fn a_sentence_names_the_key_that_holds() {
        let mut keymap = Keymap::default();
        assert_eq!(keymap.way(Scope::JOBS, Action::Run), "r");
        assert_eq!(keymap.way(Scope::JOBS, Action::Retry), ":retry");
        keymap.set("run", Vec::new());
        assert_eq!(keymap.way(Scope::JOBS, Action::Run), ":run");
    }
}
