//! Puts lines together: what has arrived of an attempt's output and is not yet on its way to the
//! disk.
//!
//! Owns the cutting into blocks and the bound of memory. Never touches a file.

use super::block::{Header, piece};
use super::layout::LONGEST_LINE;
use crate::model::Stream;

/// Above this many bytes, a producer that can wait should.
pub(super) const PENDING_FULL: usize = 1 << 20;

/// Above this many bytes output is lost, and the loss marked.
const MAX_PENDING: usize = 4 << 20;

/// Blocks and the bytes they stand for, one after the other.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) headers: Vec<Header>,
    pub(super) bytes: Vec<u8>,
}

impl Blocks {
    fn push(&mut self, at: i64, stream: Stream, bytes: &[u8]) {
        self.headers.push(Header { at, stream, length: bytes.len() });
        self.bytes.extend_from_slice(bytes);
    }
}

/// The bytes of an attempt's output that have arrived.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    pub(super) blocks: Blocks,
    /// The beginnings of lines without their ends, of both streams.
    partial: [Vec<u8>; 2],
    /// Bytes lost since the last block.
    lost: u64,
    /// All bytes lost so far, marked or not.
    pub(super) lost_in_all: u64,
}

impl Arrived {
    /// Takes bytes of a stream.
    pub(super) fn take(&mut self, at: i64, stream: Stream, bytes: &[u8]) {
        let Some(partial) = self.partial.get_mut(stream as usize) else { return };
        if self.blocks.bytes.len() + bytes.len() > MAX_PENDING {
            let lost = (partial.len() + bytes.len()) as u64;
            self.lost += lost;
            self.lost_in_all += lost;
            *partial = Vec::new();
            return;
        }
        let mut partial = std::mem::take(partial);
        let mut rest = bytes;
        if !partial.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
            partial.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
            if partial.last() == Some(&b'\n') || partial.len() > LONGEST_LINE {
                let kept = self.emit(at, stream, &partial);
                partial.drain(..kept);
            }
        }
        let kept = self.emit(at, stream, rest);
        partial.extend_from_slice(&rest[kept..]);
        self.partial[stream as usize] = partial;
    }

    /// Makes blocks of all whole lines and of all full parts of lines; answers how many bytes those
    /// are.
    fn emit(&mut self, at: i64, stream: Stream, bytes: &[u8]) -> usize {
        let last_end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut done = 0;
        while done < last_end || bytes.len() - done > LONGEST_LINE {
            let until = if done < last_end { last_end } else { bytes.len() };
            let length = piece(&bytes[done..until], LONGEST_LINE);
            self.mark_loss(at);
            self.blocks.push(at, stream, &bytes[done..done + length]);
            done += length;
        }
        done
    }

    /// Makes blocks of lines that have not ended.
    pub(super) fn flush_partial(&mut self, at: i64) {
        for (stream, index) in [(Stream::Stdout, 0), (Stream::Stderr, 1)] {
            let partial = std::mem::take(&mut self.partial[index]);
            if !partial.is_empty() {
                self.mark_loss(at);
                self.blocks.push(at, stream, &partial);
            }
        }
    }

    /// Whether a line has begun and not ended.
    pub(super) fn has_partial(&self) -> bool {
        self.partial.iter().any(|partial| !partial.is_empty())
    }

    /// Says how much was lost where it was.
    pub(super) fn mark_loss(&mut self, at: i64) {
        if self.lost > 0 {
            let text =
                format!("{} bytes of output were lost: the disk did not keep up\n", self.lost);
            self.blocks.push(at, Stream::Gap, text.as_bytes());
            self.lost = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(arrived: &Arrived) -> Vec<(Stream, String)> {
        let mut bytes = &arrived.blocks.bytes[..];
        let mut shown = Vec::new();
        for header in &arrived.blocks.headers {
            let (block, rest) = bytes.split_at(header.length);
            shown.push((header.stream, String::from_utf8_lossy(block).into_owned()));
            bytes = rest;
        }
        shown
    }

    #[test]
    fn lines_are_put_together_stream_by_stream() {
        let mut arrived = Arrived::default();
        arrived.take(1, Stream::Stdout, b"on");
        arrived.take(2, Stream::Stderr, b"oops\n");
        arrived.take(3, Stream::Stdout, b"e\ntwo\nthr");
        arrived.take(4, Stream::Stdout, b"ee");
        assert!(arrived.has_partial());
        arrived.flush_partial(5);
        let out = |text: &str| (Stream::Stdout, text.to_owned());
        let err = (Stream::Stderr, "oops\n".to_owned());
        assert_eq!(shown(&arrived), [err, out("one\n"), out("two\n"), out("three")]);
        assert_eq!(arrived.blocks.headers[3].at, 5);
        assert!(!arrived.has_partial());
    }

    #[test]
    fn a_line_without_end_is_cut_into_parts_and_held_in_bounded_memory() {
        let mut arrived = Arrived::default();
        for _ in 0..10 {
            arrived.take(1, Stream::Stdout, &[b'x'; 30_000]);
        }
        let lengths: Vec<usize> = arrived.blocks.headers.iter().map(|h| h.length).collect();
        assert_eq!(lengths, [LONGEST_LINE; 4]);
        assert!(arrived.partial[0].len() <= LONGEST_LINE);
    }

    #[test]
    fn what_is_beyond_the_bound_is_lost_and_that_is_said() {
        let mut arrived = Arrived::default();
        let line = [&[b'x'; 9_999][..], b"\n"].concat();
        for _ in 0..1_000 {
            arrived.take(1, Stream::Stdout, &line);
        }
        assert!(arrived.blocks.bytes.len() <= MAX_PENDING);
        let kept = arrived.blocks.bytes.len();
        arrived.blocks = Blocks::default();
        arrived.take(2, Stream::Stdout, b"again\n");
        let gap =
            format!("{} bytes of output were lost: the disk did not keep up\n", 10_000_000 - kept);
        assert_eq!(shown(&arrived), [(Stream::Gap, gap), (Stream::Stdout, "again\n".to_owned())]);
    }
}
