//! Reading the output of an attempt, also while it is being written.
//!
//! Owns the way back from files to lines. What it finds may have been damaged or removed meanwhile:
//! that is shown as a gap, never as an error of the reader.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::block::{Decoded, Header, LONGEST_HEADER};
use super::layout::{LONGEST_LINE, head_path, tail_path};
use crate::model::AttemptKey;
use crate::model::{OutputChunk, OutputLine, Stream};

/// No chunk is larger, whatever is asked for.
const LARGEST_CHUNK: u64 = 8 << 20;

/// Lines of an attempt's output from offset `from` of its stream on, about `max_bytes` of them (at
/// least one block, where there is one). An attempt without output, or unknown, has none.
///
/// # Errors
/// When files are there and cannot be read.
pub(crate) fn read_output(
    data_dir: &Path,
    key: AttemptKey,
    from: u64,
    max_bytes: u64,
) -> io::Result<OutputChunk> {
    let head = head_path(data_dir, key);
    // The tail is listed first: if it exists, the head no longer grows.
    let mut files = segments(&tail_path(&head))?;
    match fs::metadata(&head) {
        // Opening a pipe would wait for its writer.
        Ok(found) if found.is_file() => files.insert(0, (0, found.len(), head)),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut chunk = OutputChunk { lines: Vec::new(), next: from, at_end: true };
    let mut left = max_bytes.clamp(1, LARGEST_CHUNK);
    let count = files.len();
    for (index, (begins, length, path)) in files.into_iter().enumerate() {
        let last = index + 1 == count;
        // Also where damaged files overlap, the reader never goes back: it would come by again and again.
        if chunk.next >= begins + length {
            continue;
        }
        let mut gap = None;
        let before_gap = chunk.next;
        if chunk.next < begins {
            gap = Some(format!("{} bytes left out", begins - chunk.next));
            chunk.next = begins;
        }
        let bytes = match read_part(&path, chunk.next - begins, left) {
            Ok(bytes) => bytes,
            // Removed meanwhile, as the oldest segment: the next one begins with a gap.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                chunk.next = before_gap;
                continue;
            }
            Err(error) => return Err(error),
        };
        let used = parse(&bytes, left, last, gap, &mut chunk.lines);
        if used == 0 && before_gap < begins {
            // Nothing follows the gap yet, so it has not been shown.
            chunk.next = before_gap;
            break;
        }
        chunk.next += used;
        left = left.saturating_sub(used);
        if chunk.next < begins + length {
            // In the last file, what is left without a whole block is being written. In any other it is missing: the
            // file has become shorter.
            chunk.at_end = used == 0;
            if last || used > 0 {
                break;
            }
            chunk.at_end = false;
            let missing = begins + length - chunk.next;
            chunk.lines.push(gap_line(format!("{missing} bytes are missing"), chunk.lines.last()));
            chunk.next = begins + length;
        }
        if left == 0 {
            chunk.at_end = last;
            break;
        }
        chunk.at_end = true;
    }
    Ok(chunk)
}

/// Removes the output of an attempt.
///
/// # Errors
/// When it is there and cannot be removed.
pub(crate) fn remove_output(data_dir: &Path, key: AttemptKey) -> io::Result<()> {
    let head = head_path(data_dir, key);
    for result in [fs::remove_dir_all(tail_path(&head)), fs::remove_file(&head)] {
        match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The segments of a tail: offset, length, path; in the order of the stream.
pub(super) fn segments(dir: &Path) -> io::Result<Vec<(u64, u64, PathBuf)>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found: Vec<(u64, u64, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let begins = u64::from_str_radix(entry.file_name().to_str()?, 16).ok()?;
            let found = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((begins, found.len(), entry.path()))
        })
        // An offset beyond any real one would overflow what is counted with it.
        .filter(|(begins, ..)| *begins < 1 << 60)
        .collect();
    found.sort();
    Ok(found)
}

/// Enough of a file, from `from` on, for `wanted` bytes of blocks and the rest of the last of them.
fn read_part(path: &Path, from: u64, wanted: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(wanted + (LONGEST_LINE + LONGEST_HEADER) as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes lines of blocks until `wanted` bytes are used; answers how many were.
fn parse(
    bytes: &[u8],
    wanted: u64,
    last: bool,
    mut gap: Option<String>,
    lines: &mut Vec<OutputLine>,
) -> u64 {
    let mut used = 0;
    while (used as u64) < wanted && used < bytes.len() {
        let rest = &bytes[used..];
        let (header, begins) = match Header::decode(rest) {
            Decoded::Header(header, begins) => (header, begins),
            Decoded::Short if last => break,
            Decoded::Short | Decoded::Garbage => {
                // Where the next block begins cannot be known: the rest of what was read is passed
                // over.
                lines.push(gap_line(format!("{} bytes cannot be read", rest.len()), lines.last()));
                return bytes.len() as u64;
            }
        };
        let Some(payload) = rest.get(begins..begins + header.length) else {
            if last {
                break;
            }
            lines.push(gap_line(format!("{} bytes cannot be read", rest.len()), lines.last()));
            return bytes.len() as u64;
        };
        if let Some(text) = gap.take() {
            let (at, text) = (header.time(), text.into_bytes());
            lines.push(OutputLine { at, stream: Stream::Gap, text, complete: true });
        }
        header.lines(payload, lines);
        used += begins + header.length;
    }
    used as u64
}

fn gap_line(text: String, after: Option<&OutputLine>) -> OutputLine {
    let at = after.map_or_else(Default::default, |line| line.at);
    OutputLine { at, stream: Stream::Gap, text: text.into_bytes(), complete: true }
}
