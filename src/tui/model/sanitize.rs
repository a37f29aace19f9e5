//! Output of jobs, made harmless: colours stay, everything else that a terminal would obey goes.
//!
//! Owns the reading of escape sequences in untrusted bytes. What comes out holds printable
//! characters and complete `ESC [ … m` sequences of digits and semicolons, nothing else.

use crate::tui::text::{is_unseen, letter_of_flag};

/// Where tabs stop.
const TAB: usize = 8;

/// Makes a line harmless. Carriage returns and backspaces are carried out as a terminal would on
/// one line.
pub(crate) fn sanitize(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut kept = String::with_capacity(text.len());
    let mut column = 0_usize;
    let mut rest = text.trim_end_matches(['\r', '\n']);
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\x1b' => {
                let (sequence, after) = escape(rest);
                if let Some(colours) = sequence {
                    kept.push_str("\x1b[");
                    kept.push_str(colours);
                    kept.push('m');
                }
                rest = after;
            }
            '\u{9b}' => rest = control_sequence(rest).1,
            '\r' => {
                kept.clear();
                column = 0;
            }
            '\x08' => {
                if kept.ends_with(|last: char| last != 'm') || !ends_in_colour(&kept) {
                    kept.pop();
                    column = column.saturating_sub(1);
                }
            }
            '\t' => {
                let blanks = TAB - column % TAB;
                kept.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            c if c.is_control() || is_unseen(c) => {}
            c => {
                kept.push(letter_of_flag(c).unwrap_or(c));
                column += 1;
            }
        }
    }
    kept
}

fn ends_in_colour(text: &str) -> bool {
    text.rfind('\x1b').is_some_and(|at| plain(&text[at..]).is_empty())
}

/// What follows an ESC: the parameters of a colour sequence if it is one, and the rest behind it.
fn escape(rest: &str) -> (Option<&str>, &str) {
    let mut chars = rest.chars();
    match chars.next() {
        Some('[') => control_sequence(chars.as_str()),
        // A string (title, hyperlink, clipboard, picture …) up to its terminator.
        Some(']' | 'P' | 'X' | '^' | '_') => (None, after_string(chars.as_str())),
        // An escape with intermediates, such as a choice of charset.
        Some(' '..='/') => {
            let after = chars.as_str().trim_start_matches(|c| (' '..='/').contains(&c));
            let mut after = after.chars();
            after.next();
            (None, after.as_str())
        }
        Some('0'..='~') => (None, chars.as_str()),
        _ => (None, rest),
    }
}

fn control_sequence(rest: &str) -> (Option<&str>, &str) {
    let end = rest.find(|c: char| !(' '..='?').contains(&c));
    let Some(end) = end else {
        return (None, ""); // Cut off.
    };
    let parameters = &rest[..end];
    let last = rest[end..].chars().next().unwrap_or_default();
    if !('@'..='~').contains(&last) {
        return (None, &rest[end..]); // Broken off by something else, which counts for itself.
    }
    let after = &rest[end + last.len_utf8()..];
    let colours = last == 'm' && parameters.bytes().all(|b| b.is_ascii_digit() || b == b';');
    (colours.then_some(parameters), after)
}

fn after_string(rest: &str) -> &str {
    let bell = rest.find('\x07').map(|at| at + 1);
    let terminator = rest.find("\x1b\\").map(|at| at + 2);
    let short = rest.find('\u{9c}').map(|at| at + '\u{9c}'.len_utf8());
    let end = [bell, terminator, short].into_iter().flatten().min();
    end.map_or("", |end| &rest[end..])
}

/// A sanitized text without its colours.
pub(crate) fn plain(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut in_colour = false;
    for c in text.chars() {
        match c {
            '\x1b' => in_colour = true,
            'm' if in_colour => in_colour = false,
            _ if in_colour => {}
            c => kept.push(c),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_stay_and_all_else_goes() {
        for (bytes, kept) in [
            (&b"\x1b[1;31mred\x1b[0m"[..], "\x1b[1;31mred\x1b[0m"),
            (b"a\x1b[2J\x1b[H\x1b[?1049lb", "ab"),
            (b"\x1b]0;title\x07a\x1b]52;c;aGk=\x1b\\b", "ab"),
            (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\x1bPq#0\x1b\\a\x1bcb\x1b(Bc\x1b7d", "abcd"),
            (b"\x1b]never ends", ""),
            (b"\x1b[31", ""),
            (b"a\x1b[>4;2mb\x1b[4:3mc", "abc"),
            (b"10%\r50%\r100%\r\n", "100%"),
            (b"ab\x08c\tX", "ac      X"),
            (b"\x1b[31m\x08x", "\x1b[31mx"),
            (b"a\xffb", "a\u{fffd}b"),
            ("x\u{202e}y\u{9b}2Jz".as_bytes(), "xyz"),
        ] {
            assert_eq!(sanitize(bytes), kept, "{:?}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(plain("\x1b[1;31mred\x1b[0m mm"), "red mm");
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_comes_out(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(0x1b), Just(b'['), Just(b'm'), Just(b']'), Just(8)],
                0..200,
            )
        ) {
            let kept = sanitize(&bytes);
            let printable = plain(&kept);
            prop_assert!(!printable.chars().any(char::is_control), "{:?}", kept);
            for sequence in kept.split('\x1b').skip(1) {
                let end = sequence.find('m');
                let colours = end.and_then(|end| sequence[..end].strip_prefix('['));
                let is_colour = |it: &str| it.bytes().all(|b| b.is_ascii_digit() || b == b';');
                prop_assert!(colours.is_some_and(is_colour), "{:?}", kept);
            }
        }
    }
}
