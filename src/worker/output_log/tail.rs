//! The last bytes of an attempt's output, found from its end: however long the output is, little is read.
//!
//! Owns the way back to the beginning of a block: a place from which whole blocks lead to the very end of the file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::block::{Decoded, Header, LONGEST_HEADER};
use super::layout::{LONGEST_LINE, head_path, tail_path};
use super::reader::segments;
use crate::model::AttemptKey;
use crate::model::Stream;

/// The last `most` bytes, or fewer, of what an attempt has written to both of its streams.
///
/// # Errors
/// When files are there and cannot be read.
pub(crate) fn read_tail(data_dir: &Path, key: AttemptKey, most: usize) -> io::Result<Vec<u8>> {
    let head = head_path(data_dir, key);
    let mut files: Vec<_> = segments(&tail_path(&head))?.into_iter().map(|it| it.2).collect();
    files.insert(0, head);
    let mut tail = Vec::new();
    for path in files.iter().rev() {
        if tail.len() >= most {
            break;
        }
        match last_of_file(path, most - tail.len()) {
            Ok(mut earlier) => {
                earlier.append(&mut tail);
                tail = earlier;
            }
            // None was ever made, or it was the oldest segment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    tail.drain(..tail.len().saturating_sub(most));
    Ok(tail)
}

fn last_of_file(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    // So much holds the beginning of at least one block before the bytes that are wanted.
    let window = (most + most / 8 + 2 * (LONGEST_LINE + LONGEST_HEADER)) as u64;
    let from = length.saturating_sub(window);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(window).read_to_end(&mut bytes)?;
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'@').map(|(at, _)| at);
    let text = starts.into_iter().find_map(|start| blocks_to_the_end(&bytes[start..]));
    let mut text = text.unwrap_or_default();
    text.drain(..text.len().saturating_sub(most));
    Ok(text)
}

/// The payload of blocks, if these bytes are whole blocks, one after the other.
fn blocks_to_the_end(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while !bytes.is_empty() {
        let Decoded::Header(header, begins) = Header::decode(bytes) else { return None };
        let payload = bytes.get(begins..begins + header.length)?;
        if header.stream != Stream::Gap {
            text.extend_from_slice(payload);
        }
        bytes = &bytes[begins + header.length..];
    }
    Some(text)
}
