//! The files of one attempt's output as their writer sees them.
//!
//! Owns the limit: a head, then segments of which only the newest stay. Never reads them.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::block::{Header, piece, whole_lines};
use super::layout::{LONGEST_LINE, tail_path};
use super::lines::Blocks;
use crate::model::Stream;

/// The files of one attempt's output. None is made before there is output.
#[derive(Debug)]
pub(super) struct Files {
    head_path: PathBuf,
    head: Option<Segment>,
    /// Set once the head is full.
    tail: Option<Tail>,
    /// Bytes of output that each half may hold.
    half: u64,
    /// Where in the stream the next block goes.
    offset: u64,
    /// Bytes lost since the last block, and why.
    lost: u64,
    lost_why: String,
    /// All bytes lost so far, marked or not.
    lost_in_all: u64,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Segment {
    file: File,
    /// Bytes in the file.
    length: u64,
    /// Bytes of output in it.
    kept: u64,
}

#[derive(Debug)]
struct Tail {
    dir: PathBuf,
    current: Option<Segment>,
    /// Older segments, oldest first: where they begin and the bytes of output in them.
    older: VecDeque<(u64, u64)>,
    older_kept: u64,
    begins: u64,
}

impl Files {
    pub(super) fn new(head_path: PathBuf, limit: u64) -> Self {
        let half = limit / 2;
        let (lost_why, scratch) = (String::new(), Vec::new());
        Self {
            head_path,
            head: None,
            tail: None,
            half,
            offset: 0,
            lost: 0,
            lost_why,
            lost_in_all: 0,
            scratch,
        }
    }

    /// Where in the stream the next block goes.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// All bytes of output that the disk did not take.
    pub(super) fn lost_bytes(&self) -> u64 {
        self.lost_in_all
    }

    /// Writes blocks. What the disk does not take is lost, and the loss marked before what it takes
    /// next.
    pub(super) fn append(&mut self, blocks: &Blocks) {
        let mut rest = &blocks.bytes[..];
        for header in &blocks.headers {
            let (payload, after) = rest.split_at(header.length.min(rest.len()));
            rest = after;
            self.append_block(*header, payload);
        }
        // A burst's worth of memory is not held for the life of the attempt.
        self.scratch = Vec::new();
    }

    /// Marks a loss that nothing followed.
    pub(super) fn finish(&mut self, at: i64) {
        if self.lost > 0 {
            self.append_block(Header { at, stream: Stream::Gap, length: 0 }, &[]);
        }
    }

    fn append_block(&mut self, header: Header, payload: &[u8]) {
        if let Err(error) = self.mark_loss(header.at).and_then(|()| self.place(header, payload)) {
            self.lost += payload.len() as u64;
            if header.stream != Stream::Gap {
                self.lost_in_all += payload.len() as u64;
            }
            self.lost_why = error.to_string();
        }
    }

    fn mark_loss(&mut self, at: i64) -> io::Result<()> {
        if self.lost == 0 {
            return Ok(());
        }
        let text = format!("{} bytes of output were lost: {}\n", self.lost, self.lost_why);
        self.place(Header { at, stream: Stream::Gap, length: text.len() }, text.as_bytes())?;
        self.lost = 0;
        Ok(())
    }

    /// Puts a block where it belongs, cut where the head ends.
    fn place(&mut self, header: Header, payload: &[u8]) -> io::Result<()> {
        let mut rest = payload;
        if self.tail.is_none() {
            let used = self.head.as_ref().map_or(0, |head| head.kept);
            let room = usize::try_from(self.half.saturating_sub(used)).unwrap_or(usize::MAX);
            let fits = whole_lines(rest, room);
            if fits > 0 {
                self.write_head(header, &rest[..fits])?;
                rest = &rest[fits..];
            }
            if rest.is_empty() {
                return Ok(());
            }
            let dir = tail_path(&self.head_path);
            let (older, older_kept, begins) = (VecDeque::new(), 0, 0);
            self.tail = Some(Tail { dir, current: None, older, older_kept, begins });
        }
        let longest = usize::try_from(self.half / 2).unwrap_or(usize::MAX).clamp(1, LONGEST_LINE);
        while !rest.is_empty() {
            let length = piece(rest, longest);
            self.write_tail(header, &rest[..length])?;
            rest = &rest[length..];
        }
        Ok(())
    }

    fn write_head(&mut self, header: Header, payload: &[u8]) -> io::Result<()> {
        let head = match &mut self.head {
            Some(head) => head,
            None => self.head.insert(Segment::create(&self.head_path)?),
        };
        self.offset += head.write(header, payload, &mut self.scratch)?;
        Ok(())
    }

    fn write_tail(&mut self, header: Header, payload: &[u8]) -> io::Result<()> {
        let Some(tail) = &mut self.tail else { return Ok(()) };
        if self.half == 0 {
            // Nothing may be kept, but the stream goes on.
            self.offset += payload.len() as u64;
            return Ok(());
        }
        if let Some(full) = tail.current.take_if(|current| current.kept >= (self.half / 8).max(1)) {
            tail.older.push_back((tail.begins, full.kept));
            tail.older_kept += full.kept;
        }
        let current = match &mut tail.current {
            Some(current) => current,
            None => {
                tail.begins = self.offset;
                tail.current.insert(Segment::create(&tail.dir.join(segment_name(self.offset)))?)
            }
        };
        self.offset += current.write(header, payload, &mut self.scratch)?;
        while tail.older_kept + current.kept > self.half {
            let Some((begins, kept)) = tail.older.pop_front() else { break };
            tail.older_kept -= kept;
            // One that cannot be removed is only more than was asked for.
            _ = fs::remove_file(tail.dir.join(segment_name(begins)));
        }
        Ok(())
    }
}

impl Segment {
    fn create(path: &Path) -> io::Result<Self> {
        let open =
            || File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let dir = path.parent().unwrap_or(path);
                DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
                open()?
            }
            other => other?,
        };
        Ok(Self { file, length: 0, kept: 0 })
    }

    /// Appends a block whole or not at all; answers its length in the file.
    fn write(&mut self, header: Header, payload: &[u8], scratch: &mut Vec<u8>) -> io::Result<u64> {
        scratch.clear();
        Header { length: payload.len(), ..header }.encode(scratch);
        scratch.extend_from_slice(payload);
        if let Err(error) = self.file.write_all(scratch) {
            // Cutting off half a block needs no space; the place to write at goes back with it.
            self.file.set_len(self.length)?;
            io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.length))?;
            return Err(error);
        }
        let length = scratch.len() as u64;
        self.length += length;
        self.kept += payload.len() as u64;
        Ok(length)
    }
}

/// The name of the segment that begins there: of a fixed width, so names sort as offsets do.
pub(super) fn segment_name(begins: u64) -> String {
    format!("{begins:016x}")
}
