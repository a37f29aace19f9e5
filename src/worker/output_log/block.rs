//! The form of a block in a file of output.

use std::io::Write as _;

use chrono::{DateTime, Utc};

use super::layout::LONGEST_LINE;
use crate::model::{OutputLine, Stream};

/// No header is longer.
pub(super) const LONGEST_HEADER: usize = 40;

/// What stands before the bytes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// When the bytes arrived, in microseconds since 1970.
    pub(super) at: i64,
    pub(super) stream: Stream,
    pub(super) length: usize,
}

impl Header {
    /// Appends it as text.
    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        let letter = match self.stream {
            Stream::Stdout => 'o',
            Stream::Stderr => 'e',
            Stream::Gap => 'g',
        };
        // Writing to a Vec cannot fail.
        _ = writeln!(into, "@{} {letter} {}", self.at, self.length);
    }

    /// Reads it from the front of `bytes`, with its own length.
    pub(super) fn decode(bytes: &[u8]) -> Decoded {
        let window = &bytes[..bytes.len().min(LONGEST_HEADER)];
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            return if window.len() < LONGEST_HEADER { Decoded::Short } else { Decoded::Garbage };
        };
        match Self::parse(&window[..end]) {
            Some(header) => Decoded::Header(header, end + 1),
            None => Decoded::Garbage,
        }
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = str::from_utf8(line).ok()?.strip_prefix('@')?.split(' ');
        let at = fields.next()?.parse().ok()?;
        let stream = match fields.next()? {
            "o" => Stream::Stdout,
            "e" => Stream::Stderr,
            "g" => Stream::Gap,
            _ => return None,
        };
        let length = fields.next()?.parse().ok().filter(|length| *length <= LONGEST_LINE)?;
        fields.next().is_none().then_some(Self { at, stream, length })
    }

    /// When its lines arrived.
    pub(super) fn time(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.at).unwrap_or_default()
    }

    /// Its bytes as lines.
    pub(super) fn lines(&self, payload: &[u8], into: &mut Vec<OutputLine>) {
        for line in payload.split_inclusive(|byte| *byte == b'\n') {
            let (text, complete) = match line.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (line, false),
            };
            let (at, stream) = (self.time(), self.stream);
            into.push(OutputLine { at, stream, text: text.to_vec(), complete });
        }
    }
}

/// What stands at a place where a header is expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// A header and its length.
    Header(Header, usize),
    /// The beginning of one.
    Short,
    /// Something else.
    Garbage,
}

/// The longest run of whole lines in the first `room` bytes; 0 = the first line does not fit.
pub(super) fn whole_lines(bytes: &[u8], room: usize) -> usize {
    if bytes.len() <= room {
        return bytes.len();
    }
    bytes[..room].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

/// The longest run of whole lines in the first `room` bytes, else a part of the first line. Never 0
/// of a non-empty slice.
pub(super) fn piece(bytes: &[u8], room: usize) -> usize {
    match whole_lines(bytes, room) {
        0 => room.clamp(1, bytes.len().max(1)),
        length => length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_they_are_written() {
        let header = Header { at: 1_763_921_234_123_456, stream: Stream::Stderr, length: 65_536 };
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        assert_eq!(bytes, b"@1763921234123456 e 65536\n");
        assert_eq!(Header::decode(&bytes), Decoded::Header(header, bytes.len()));
        assert_eq!(Header::decode(&bytes[..9]), Decoded::Short);
        for bad in ["@1 x 1\n", "1 o 1\n", "@1 o 65537\n", "@1 o -1\n", "@1 o 1 1\n", "\n"] {
            assert_eq!(Header::decode(bad.as_bytes()), Decoded::Garbage, "{bad}");
        }
        assert_eq!(Header::decode(&[b'@'; 80]), Decoded::Garbage);
    }

    #[test]
    fn blocks_are_cut_at_line_ends_where_there_are_any() {
        assert_eq!(whole_lines(b"ab\ncd\nef", 7), 6);
        assert_eq!(whole_lines(b"ab\ncd\nef", 8), 8);
        assert_eq!(whole_lines(b"abcdef\n", 3), 0);
        assert_eq!(piece(b"abcdef\n", 3), 3);
        assert_eq!(piece(b"a\nbcdef\n", 3), 2);
        assert_eq!(piece(b"abc", 0), 1);
    }
}
