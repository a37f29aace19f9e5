//! Bytes from a terminal → keys and pastes.
//!
//! Own rather than crossterm's reader, which spins for ever once a terminal is gone and cannot be
//! stopped. Owns the sequences that xterm and its kin send. Never reads anything, never waits: a
//! lone Esc is told from the beginning of a sequence by whoever owns the timer.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Bytes of a paste that are kept; what is beyond is left out.
const PASTE_LIMIT: usize = 64 << 10;
/// A sequence longer than this is no key.
const SEQUENCE_LIMIT: usize = 4 << 10;

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A key.
    Key(KeyEvent),
    /// A paste (bracketed), as one.
    Paste(String),
    /// The mouse did something, at that column and row from 0.
    Mouse(Mouse, u16, u16),
}

/// What a mouse does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mouse {
    /// Its first button went down.
    Press,
    WheelUp,
    WheelDown,
}

/// What the beginning of the pending bytes is.
enum Step {
    /// So many bytes that mean this.
    Taken(usize, Option<Typed>),
    /// A bracketed paste begins after so many bytes.
    PasteBegins(usize),
    /// The beginning of something longer.
    Incomplete,
}

/// Turns bytes into keys; keeps what is not complete yet.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

impl Decoder {
    /// Takes bytes and answers all that is complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Typed> {
        self.pending.extend_from_slice(bytes);
        let mut typed = Vec::new();
        loop {
            if self.paste.is_some() {
                match self.take_paste() {
                    Some(text) => typed.push(Typed::Paste(text)),
                    None => return typed,
                }
            }
            match step(&self.pending) {
                Step::Taken(0, _) => return typed,
                Step::Taken(count, key) => {
                    self.pending.drain(..count);
                    typed.extend(key);
                }
                Step::PasteBegins(count) => {
                    self.pending.drain(..count);
                    self.paste = Some(Vec::new());
                }
                Step::Incomplete if self.pending.len() > SEQUENCE_LIMIT => self.pending.clear(),
                Step::Incomplete => return typed,
            }
        }
    }

    /// Whether a lone Esc may be all there is: then [`Decoder::flush`] after a moment.
    pub(crate) fn is_waiting(&self) -> bool {
        self.paste.is_none() && self.pending.first() == Some(&0x1b)
    }

    /// Nothing followed: a lone Esc was the key; a half sequence is forgotten.
    pub(crate) fn flush(&mut self) -> Option<Typed> {
        let alone = self.pending == [0x1b];
        if self.is_waiting() {
            self.pending.clear();
        }
        alone.then(|| Typed::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)))
    }

    /// Moves pending bytes into the paste; `Some` when its end is there.
    fn take_paste(&mut self) -> Option<String> {
        const END: &[u8] = b"\x1b[201~";
        let paste = self.paste.as_mut()?;
        let end = self.pending.windows(END.len()).position(|window| window == END);
        // The end may be cut in two: its longest possible beginning stays.
        let upto = end.unwrap_or_else(|| self.pending.len().saturating_sub(END.len() - 1));
        let room = PASTE_LIMIT.saturating_sub(paste.len());
        paste.extend(self.pending.drain(..upto).take(room));
        end?;
        self.pending.drain(..END.len());
        self.paste.take().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Option<Typed> {
    Some(Typed::Key(KeyEvent::new(code, modifiers)))
}

fn step(bytes: &[u8]) -> Step {
    match bytes {
        [] => Step::Taken(0, None),
        [0x1b] => Step::Incomplete,
        [0x1b, b'[', rest @ ..] => control_sequence(rest),
        [0x1b, b'O', rest @ ..] => match rest.first() {
            None => Step::Incomplete,
            Some(last) => {
                Step::Taken(3, named(*last).and_then(|code| key(code, KeyModifiers::NONE)))
            }
        },
        [0x1b, b']' | b'P' | b'_' | b'^', rest @ ..] => answer_string(rest),
        // Alt with a key, or Esc and then a key: no key of ours wants Alt, and on a slow line they
        // look alike.
        [0x1b, _, ..] => Step::Taken(1, key(KeyCode::Esc, KeyModifiers::NONE)),
        bytes => plain(bytes),
    }
}

/// A terminal's answer to a question (OSC, DCS …): nothing that was typed.
fn answer_string(rest: &[u8]) -> Step {
    let bell = rest.iter().position(|byte| *byte == 0x07).map(|at| at + 1);
    let terminator = rest.windows(2).position(|two| two == b"\x1b\\").map(|at| at + 2);
    match bell.into_iter().chain(terminator).min() {
        Some(count) => Step::Taken(count + 2, None),
        None => Step::Incomplete,
    }
}

/// What follows `ESC [`.
fn control_sequence(rest: &[u8]) -> Step {
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        return Step::Incomplete;
    };
    let taken = end + 3;
    let parameters = String::from_utf8_lossy(&rest[..end]);
    if let Some(report) = parameters.strip_prefix('<') {
        return Step::Taken(taken, mouse(report, rest[end]));
    }
    let mut numbers = parameters.split(';').map(|part| part.parse::<u8>().unwrap_or(0));
    let first = numbers.next().unwrap_or(0);
    let modifiers = modifiers_of(numbers.next().unwrap_or(1));
    let typed = match rest[end] {
        b'~' if first == 200 => return Step::PasteBegins(taken),
        b'~' => tilde(first).and_then(|code| key(code, modifiers)),
        b'Z' => key(KeyCode::BackTab, KeyModifiers::SHIFT),
        last => named(last).and_then(|code| key(code, modifiers)),
    };
    Step::Taken(taken, typed)
}

/// What follows `ESC [ <`: button, column and row from 1; `M` = it went down, `m` = it went up.
fn mouse(report: &str, last: u8) -> Option<Typed> {
    let mut numbers = report.split(';').map(|part| part.parse::<u16>().ok());
    let mut next = || numbers.next().flatten();
    let (button, x, y) = (next()?, next()?, next()?);
    // Shift, Alt and Ctrl (4, 8, 16) do not matter; 32 = it was only moved.
    let what = match (button & !0b1_1100, last) {
        (0, b'M') => Mouse::Press,
        (64, b'M') => Mouse::WheelUp,
        (65, b'M') => Mouse::WheelDown,
        _ => return None,
    };
    Some(Typed::Mouse(what, x.checked_sub(1)?, y.checked_sub(1)?))
}

fn modifiers_of(parameter: u8) -> KeyModifiers {
    let bits = parameter.saturating_sub(1);
    let mut modifiers = KeyModifiers::NONE;
    modifiers.set(KeyModifiers::SHIFT, bits & 1 != 0);
    modifiers.set(KeyModifiers::ALT, bits & 2 != 0);
    modifiers.set(KeyModifiers::CONTROL, bits & 4 != 0);
    modifiers
}

const fn named(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P' => KeyCode::F(1),
        b'Q' => KeyCode::F(2),
        b'R' => KeyCode::F(3),
        b'S' => KeyCode::F(4),
        _ => return None,
    })
}

const fn tilde(number: u8) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number - 10),
        17..=21 => KeyCode::F(number - 11),
        23..=24 => KeyCode::F(number - 12),
        _ => return None,
    })
}

/// A key that is no escape sequence.
fn plain(bytes: &[u8]) -> Step {
    let none = KeyModifiers::NONE;
    let Some(first) = bytes.first() else {
        return Step::Incomplete;
    };
    let typed = match first {
        b'\r' | b'\n' => key(KeyCode::Enter, none),
        b'\t' => key(KeyCode::Tab, none),
        0x7f | 0x08 => key(KeyCode::Backspace, none),
        0 => key(KeyCode::Char(' '), KeyModifiers::CONTROL),
        1..=26 => key(KeyCode::Char(char::from(b'a' + first - 1)), KeyModifiers::CONTROL),
        27..=31 => None,
        0x20..=0x7e => key(KeyCode::Char(char::from(*first)), none),
        _ => return utf8(bytes),
    };
    Step::Taken(1, typed)
}

/// A character beyond ASCII; bytes that are none are dropped one by one.
fn utf8(bytes: &[u8]) -> Step {
    let wanted = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => return Step::Taken(1, None),
    };
    let held = &bytes[..wanted.min(bytes.len())];
    match std::str::from_utf8(held) {
        Ok(text) => {
            let code = text.chars().next().map(KeyCode::Char);
            Step::Taken(wanted, code.and_then(|code| key(code, KeyModifiers::NONE)))
        }
        Err(error) if error.error_len().is_none() && held.len() < wanted => Step::Incomplete,
        Err(_) => Step::Taken(1, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was typed, as one line.
    fn shown_text(typed: &[Typed]) -> String {
        let one = |typed: &Typed| match typed {
            Typed::Key(event) => {
                let mut text = String::new();
                for (name, bit) in [
                    ("c-", KeyModifiers::CONTROL),
                    ("a-", KeyModifiers::ALT),
                    ("s-", KeyModifiers::SHIFT),
                ] {
                    if event.modifiers.contains(bit) {
                        text.push_str(name);
                    }
                }
                match event.code {
                    KeyCode::Char(c) => text.push(c),
                    other => text.push_str(&format!("{other:?}")),
                }
                text
            }
            Typed::Paste(text) => format!("paste({text})"),
            Typed::Mouse(what, x, y) => format!("{what:?}@{x},{y}"),
        };
        typed.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn check(bytes: &[u8], expected: &str) {
        let whole = Decoder::default().feed(bytes);
        assert_eq!(shown_text(&whole), expected, "{:?}", String::from_utf8_lossy(bytes));
        let mut decoder = Decoder::default();
        let split: Vec<Typed> = bytes.iter().flat_map(|byte| decoder.feed(&[*byte])).collect();
        assert_eq!(
            shown_text(&split),
            expected,
            "byte by byte: {:?}",
            String::from_utf8_lossy(bytes)
        );
    }

    #[test]
    fn keys_are_shown_whole_and_byte_by_byte() {
        check(b"jG\r\t\x7f", "j G Enter Tab Backspace");
        check(b"\x03\x12\x04", "c-c c-r c-d");
        check(b"\x1b[A\x1b[B\x1bOC\x1b[1;5D", "Up Down Right c-Left");
        check(b"\x1b[5~\x1b[6~\x1b[H\x1b[4~\x1b[Z", "PageUp PageDown Home End s-BackTab");
        check("\u{1b}xäß漢😀".as_bytes(), "Esc x ä ß 漢 😀");
        check(b"\x1b[200~a\x1b[31mb\nc\x1b[201~q", "paste(a\u{1b}[31mb\nc) q");
    }

    #[test]
    fn a_mouse_tells_presses_and_its_wheel_only() {
        check(b"\x1b[<0;5;300M\x1b[<0;5;300mj", "Press@4,299 j");
        check(
            b"\x1b[<64;1;1M\x1b[<65;1;1M\x1b[<81;2;1M",
            "WheelUp@0,0 WheelDown@0,0 WheelDown@1,0",
        );
        check(b"\x1b[<35;5;5M\x1b[<2;5;5M\x1b[<0;0;5M\x1b[<0Mk", "k");
    }

    #[test]
    fn answers_and_nonsense_are_no_keys() {
        check(b"\x1b]11;rgb:0/0/0\x07j\x1b[?62;22cj\x1bP1$r\x1b\\k", "j j k");
        check(b"\xff\xc3j", "j");
    }

    #[test]
    fn a_lone_esc_is_shown_when_nothing_follows() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.feed(b"\x1b"), []);
        assert!(decoder.is_waiting());
        assert_eq!(shown_text(&decoder.flush().into_iter().collect::<Vec<_>>()), "Esc");
        assert!(!decoder.is_waiting());
        assert_eq!(shown_text(&decoder.feed(b"j")), "j");
    }

    #[test]
    fn an_endless_paste_is_bounded() {
        let mut decoder = Decoder::default();
        decoder.feed(b"\x1b[200~");
        for _ in 0..100 {
            decoder.feed(&[b'x'; 4096]);
        }
        let typed = decoder.feed(b"\x1b[201~");
        assert!(matches!(&typed[..], [Typed::Paste(text)] if text.len() == PASTE_LIMIT));
    }
}
