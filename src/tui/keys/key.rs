//! A key: how a terminal sends it, and how it is written on the screen and in the config file.
//!
//! Owns the names. Never knows what a key means.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::model::text::nearest;

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(KeyCode, KeyModifiers);

/// Keys that have a name instead of a sign.
const NAMED: [(&str, KeyCode); 15] = [
    ("space", KeyCode::Char(' ')),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("S-Tab", KeyCode::BackTab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
];

/// With Ctrl these are other keys to a terminal.
const OTHERS: [(char, &str); 4] =
    [('h', "Backspace"), ('i', "Tab"), ('j', "Enter"), ('m', "Enter")];

pub(super) const fn key(c: char) -> Key {
    Key(KeyCode::Char(c), KeyModifiers::NONE)
}

pub(super) const fn ctrl(c: char) -> Key {
    Key(KeyCode::Char(c), KeyModifiers::CONTROL)
}

pub(super) const fn named(code: KeyCode) -> Key {
    Key(code, KeyModifiers::NONE)
}

impl Key {
    pub(super) fn of(event: KeyEvent) -> Self {
        // The character, or BackTab, says already that Shift was held.
        let said = matches!(event.code, KeyCode::Char(_) | KeyCode::BackTab);
        let modifiers = if said { event.modifiers - KeyModifiers::SHIFT } else { event.modifiers };
        Self(event.code, modifiers)
    }

    /// As it is written on screen, in the guide and in the config file.
    pub(crate) fn name(self) -> String {
        let name = NAMED.iter().find(|(_, code)| *code == self.0).map(|(name, _)| *name);
        let name = match (name, self.0) {
            (Some(name), _) => name.to_owned(),
            (None, KeyCode::Char(c)) => c.to_string(),
            (None, KeyCode::F(number)) => format!("F{number}"),
            (None, other) => format!("{other:?}"),
        };
        if self.1.contains(KeyModifiers::CONTROL) { format!("^{name}") } else { name }
    }

    /// The key of that name.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that names it.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let mut chars = name.chars();
        match (chars.next(), chars.next(), chars.next()) {
            (Some(' '), None, _) => Ok(key(' ')),
            (Some(c), None, _) if !c.is_control() && !c.is_whitespace() => Ok(key(c)),
            (Some('^'), Some(c), None) if c.is_ascii_alphabetic() => {
                let c = c.to_ascii_lowercase();
                match OTHERS.iter().find(|(other, _)| *other == c) {
                    Some((_, other)) => Err(format!("is the same key as {other} to a terminal")),
                    None => Ok(ctrl(c)),
                }
            }
            _ => Self::parse_name(name),
        }
    }

    fn parse_name(name: &str) -> Result<Self, String> {
        let found = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, code)) = found {
            return Ok(named(*code));
        }
        let number = name.strip_prefix(['F', 'f']).and_then(|number| number.parse().ok());
        if let Some(number @ 1..=12) = number {
            return Ok(named(KeyCode::F(number)));
        }
        let near = nearest(name, NAMED.iter().map(|(known, _)| *known));
        let hint = near.map_or_else(
            || {
                "a key is a character, ^ and a letter, F1 to F12, or a name such as space or PgDn"
                    .into()
            },
            |near| format!("did you mean `{near}`?"),
        );
        Err(format!("is not a key: {hint}"))
    }

    /// Whether tmux, screen, flow control or the shell may take it, or a keyboard may lack it.
    #[cfg(test)]
    pub(super) fn may_be_taken(self) -> bool {
        let taken = matches!(self.0, KeyCode::Char('a' | 'b' | 's' | 'q' | 'z'));
        matches!(self.0, KeyCode::F(_))
            || self.1.contains(KeyModifiers::ALT)
            || (self.1.contains(KeyModifiers::CONTROL) && taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_its_key() {
        let signs = "aZ1?:[]^ é".chars().map(key);
        let names = NAMED.iter().map(|(_, code)| named(*code));
        for one in signs.chain(names).chain([ctrl('r'), named(KeyCode::F(12))]) {
            assert_eq!(Key::parse(&one.name()), Ok(one), "{}", one.name());
        }
        assert_eq!(Key::parse("^R"), Ok(ctrl('r')));
        assert_eq!(Key::parse("pgdn"), Ok(named(KeyCode::PageDown)));
    }

    #[test]
    fn what_is_no_key_is_shown_with_the_nearest_one() {
        let shown_text = |name| Key::parse(name).unwrap_err();
        assert_eq!(shown_text("PgDwn"), "is not a key: did you mean `PgDn`?");
        assert_eq!(shown_text("^i"), "is the same key as Tab to a terminal");
        for nonsense in ["", "F0", "F13", "^", "^1x", "Alt-x", "\t", "rr"] {
            assert!(
                nonsense == "^" || shown_text(nonsense).starts_with("is not a key"),
                "{nonsense}"
            );
        }
    }
}
