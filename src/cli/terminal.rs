//! What is known about the terminal, and writing to stdout and stderr.
//!
//! A reader that closes its end of the pipe has seen enough: that is no failure. Nothing that a job or its author wrote
//! reaches the terminal as a control sequence.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use super::exit::Failure;

/// Stdout and stderr as this process found them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    /// Columns; `None` = stdout is no terminal, nothing is cut.
    pub(super) width: Option<usize>,
    /// Whether stdout shows colours.
    pub(super) colour: bool,
    /// Whether stdout and stderr go to one place, where lines of one follow those of the other.
    pub(super) shares_output: bool,
    /// Whether stderr does.
    colour_errors: bool,
}

impl Terminal {
    /// Looks at stdout, stderr and NO_COLOR.
    pub(super) fn detect() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let width = rustix::termios::tcgetwinsize(&stdout).map(|size| usize::from(size.ws_col));
        Self {
            width: width.ok().filter(|width| is_terminal && *width > 0),
            colour: is_terminal && !no_colour,
            shares_output: is_same_file(&stdout, &io::stderr()),
            colour_errors: io::stderr().is_terminal() && !no_colour,
        }
    }

    /// Whether stdout is a terminal.
    pub(super) const fn is_terminal(self) -> bool {
        self.width.is_some()
    }

    /// Writes text to stdout, with a line end if it lacks one.
    pub(super) fn say(self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()?;
        Ok(())
    }

    /// Writes bytes to stdout as they are, or, on a terminal, without what could harm it.
    pub(super) fn pour(self, bytes: &[u8], scrubber: &mut Scrubber) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        if self.is_terminal() {
            stdout.write_all(&scrubber.sanitize(bytes))?;
        } else {
            stdout.write_all(bytes)?;
        }
        stdout.flush()?;
        Ok(())
    }

    /// Writes a line to stderr. There is nobody to tell when that fails.
    pub(super) fn note(self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Tells a failure on stderr.
    pub(super) fn tell(self, failure: &Failure) {
        let Some(message) = &failure.message else { return };
        let (red, normal) = if self.colour_errors { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        // What is quoted in it may come from anywhere.
        let message: Vec<String> = message.lines().map(plain).collect();
        self.note(&format!("{red}error:{normal} {}", message.join("\n")));
        if let Some(hint) = &failure.hint {
            self.note(&format!("hint: {}", plain(hint)));
        }
    }
}

fn is_same_file(one: &impl AsFd, other: &impl AsFd) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

/// Takes control characters out of a stream, except line ends, tabs and colours (`ESC [ … m`), which end with their line.
/// The stream may be cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Scrubber {
    /// An escape sequence that has begun and may go on in the next piece.
    begun: Vec<u8>,
    /// The line has set a colour that it has not reset.
    coloured: bool,
    /// `0xC2`, which with the next byte may be a control character.
    lead: bool,
}

impl Scrubber {
    /// No colour is longer.
    const LONGEST: usize = 64;

    pub(super) fn sanitize(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if self.begun.is_empty() {
                match byte {
                    0x1b => self.begun.push(byte),
                    b'\n' | b'\t' | b' '..=b'~' | 0x80.. => self.push(byte, &mut clean),
                    _ => {}
                }
                continue;
            }
            self.begun.push(byte);
            match (self.begun.len(), byte) {
                (2, b'[') => {}
                (3.., b'0'..=b'9' | b';' | b':') if self.begun.len() < Self::LONGEST => {}
                (3.., b'm') => {
                    self.coloured = !matches!(self.begun.as_slice(), b"\x1b[m" | b"\x1b[0m");
                    clean.append(&mut self.begun);
                }
                // Not a colour: the introducer goes, what could be text stays.
                _ => {
                    self.begun.clear();
                    if byte == b'\n' {
                        self.push(byte, &mut clean);
                    }
                }
            }
        }
        clean
    }

    /// Adds a byte of text. `0xC2 0x80..0x9F` are control characters in UTF-8 (among them a one-character `ESC [`).
    fn push(&mut self, byte: u8, clean: &mut Vec<u8>) {
        if std::mem::take(&mut self.lead) {
            if (0x80..0xa0).contains(&byte) {
                return;
            }
            clean.push(0xc2);
        }
        match byte {
            0xc2 => self.lead = true,
            b'\n' if std::mem::take(&mut self.coloured) => clean.extend(b"\x1b[0m\n"),
            _ => clean.push(byte),
        }
    }
}

/// Text for a table or a sentence: on one line, nothing in it that moves the cursor or turns the writing round.
pub(super) fn plain(text: &str) -> String {
    let harmful =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if harmful(c) { ' ' } else { c }).collect()
}

/// The same for text of several lines.
pub(super) fn plain_lines(text: &str) -> String {
    text.lines().map(|line| plain(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_and_all_else_goes() {
        let sanitize =
            |text: &str| String::from_utf8(Scrubber::default().sanitize(text.as_bytes())).unwrap();
        assert_eq!(sanitize("a\x1b[1;31mred\x1b[0m\tb\n"), "a\x1b[1;31mred\x1b[0m\tb\n");
        assert_eq!(sanitize("a\x1b[2Jb\x1b]0;title\x07c\rd\x08"), "ab0;titlecd");
        assert_eq!(sanitize("\u{9b}2Jä\x1b\n"), "2Jä\n");
        assert_eq!(sanitize(&format!("\x1b[{}m", "1;".repeat(100))).find('\x1b'), None);
    }

    #[test]
    fn a_sequence_cut_in_two_is_still_one() {
        let mut scrubber = Scrubber::default();
        let mut whole = scrubber.sanitize(b"x\x1b[3");
        whole.extend(scrubber.sanitize(b"1my\x1b"));
        whole.extend(scrubber.sanitize(b"[Kz"));
        assert_eq!(whole, b"x\x1b[31myz");
        // U+009B is a one-character `ESC [`; U+00A9 is text.
        let mut whole = scrubber.sanitize(b"\xc2");
        whole.extend(scrubber.sanitize(b"\x9b2J\xc2"));
        whole.extend(scrubber.sanitize(b"\xa9"));
        assert_eq!(whole, b"2J\xc2\xa9");
    }

    #[test]
    fn a_colour_ends_with_its_line() {
        let mut scrubber = Scrubber::default();
        let lines = scrubber.sanitize(b"\x1b[31mred\nplain\n\x1b[32mgreen\x1b[0m\n");
        assert_eq!(lines, b"\x1b[31mred\x1b[0m\nplain\n\x1b[32mgreen\x1b[0m\n");
    }

    #[test]
    fn text_in_a_table_stays_on_its_line() {
        assert_eq!(plain("a\nb\x1b[2J\u{202e}c"), "a b [2J c");
    }
}
