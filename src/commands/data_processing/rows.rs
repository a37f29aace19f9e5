//! Reading rows, one at a time, of at most [`MAX_ROW`] bytes each.
//!
//! Owns what a row is in each format and what a field of it is. Only what was in the file when it
//! was opened is read, so that a log which is being written comes to an end.

use std::borrow::Cow;
use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Take};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;

use csv::ByteRecord;
use rustix::fs::OFlags;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::csv_line::csv_line;
use super::format::Format;
use crate::commands::blocking::StopReader;
use crate::model::text;

/// The longest row.
pub(super) const MAX_ROW: usize = 1 << 20;

/// How much a CSV reader may read ahead of the row it is at.
const READ_AHEAD: usize = 64 * 1024;

/// What was in a file when it was opened, until the stop.
type Source = StopReader<Take<File>>;

/// What the next row turned out to be.
pub(super) enum Read<'a> {
    Row(Row<'a>),
    /// It is left out. Lines count from 1.
    Malformed {
        line: u64,
        what: String,
    },
}

/// The rows of a file.
pub(super) enum Rows {
    Text(Lines),
    Jsonl(Lines),
    Csv(Box<Csv>),
}

impl Rows {
    /// Opens a regular file; `fields` are those that rows will be asked for.
    pub(super) fn open(
        path: &Path,
        format: Format,
        fields: &[&str],
        stop: CancellationToken,
    ) -> Result<Self, String> {
        // Opening a pipe must not wait for its other end.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
            .map_err(|fault| fault.to_string())?;
        let metadata = file.metadata().map_err(|fault| fault.to_string())?;
        if !metadata.is_file() {
            return Err("is not a regular file".to_owned());
        }
        let source = StopReader::new(file.take(metadata.len()), stop);
        Ok(match format {
            Format::Text => Self::Text(Lines::new(source)),
            Format::Jsonl => Self::Jsonl(Lines::new(source)),
            Format::Csv => Self::Csv(Box::new(Csv::new(source, fields)?)),
        })
    }

    /// The first line of a file of kept rows, if it has one.
    pub(super) fn header(&self) -> Option<Vec<u8>> {
        match self {
            Self::Csv(csv) if !csv.header.is_empty() => Some(csv_line(csv.header.iter())),
            _ => None,
        }
    }

    /// The next row; `None` at the end. An error ends the pass.
    pub(super) fn next(&mut self) -> Result<Option<Read<'_>>, String> {
        match self {
            Self::Text(lines) => Ok(lines.advance()?.then(|| lines.row(Row::line))),
            Self::Jsonl(lines) => {
                while lines.advance()? {
                    if lines.too_long || !lines.buffer.trim_ascii().is_empty() {
                        return Ok(Some(lines.row(Row::map)));
                    }
                }
                Ok(None)
            }
            Self::Csv(csv) => csv.next(),
        }
    }
}

/// Lines of bounded length.
pub(super) struct Lines {
    reader: BufReader<Source>,
    buffer: Vec<u8>,
    line: u64,
    too_long: bool,
}

impl Lines {
    fn new(source: Source) -> Self {
        let reader = BufReader::with_capacity(READ_AHEAD, source);
        Self { reader, buffer: Vec::new(), line: 0, too_long: false }
    }

    /// Goes to the next line, without its end; of one that is too long only the beginning is kept.
    fn advance(&mut self) -> Result<bool, String> {
        self.buffer.clear();
        self.too_long = false;
        let mut any = false;
        loop {
            let available = self.reader.fill_buf().map_err(|fault| fault.to_string())?;
            if available.is_empty() {
                break;
            }
            any = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            let room = MAX_ROW - self.buffer.len();
            self.too_long |= part.len() > room;
            self.buffer.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        self.line += u64::from(any);
        if self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        if self.line == 1 && self.buffer.starts_with(b"\xEF\xBB\xBF") {
            self.buffer.drain(..3); // the mark of UTF-8 that some editors put first
        }
        Ok(any)
    }

    fn row<'a>(&'a self, make: impl FnOnce(&'a [u8]) -> Result<Row<'a>, String>) -> Read<'a> {
        let row = if self.too_long {
            Err(format!("longer than {}", text::format_size(MAX_ROW as u64)))
        } else {
            make(&self.buffer)
        };
        match row {
            Ok(row) => Read::Row(row),
            Err(what) => Read::Malformed { line: self.line, what },
        }
    }
}

/// Comma-separated values under a header.
pub(super) struct Csv {
    reader: csv::Reader<Metered>,
    header: ByteRecord,
    record: ByteRecord,
    /// The fields that are asked for, and where they are.
    columns: Vec<(String, usize)>,
    since_row: Rc<Cell<usize>>,
}

impl Csv {
    fn new(source: Source, fields: &[&str]) -> Result<Self, String> {
        let since_row = Rc::new(Cell::new(0));
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(READ_AHEAD)
            .from_reader(Metered { source, since_row: Rc::clone(&since_row) });
        let (header, record) = (ByteRecord::new(), ByteRecord::new());
        let mut csv = Self { reader, header, record, columns: Vec::new(), since_row };
        if csv.advance()? {
            csv.header = std::mem::take(&mut csv.record);
            for field in fields {
                let column = column(&csv.header, field)?;
                csv.columns.push(((*field).to_owned(), column));
            }
        }
        Ok(csv)
    }

    fn advance(&mut self) -> Result<bool, String> {
        self.since_row.set(0);
        let line = self.reader.position().line();
        self.reader.read_byte_record(&mut self.record).map_err(|fault| match fault.into_kind() {
            csv::ErrorKind::Io(fault) => format!("line {line}: {fault}"),
            other => format!("line {line}: {other:?}"),
        })
    }

    fn next(&mut self) -> Result<Option<Read<'_>>, String> {
        if !self.advance()? {
            return Ok(None);
        }
        let (found, wanted) = (self.record.len(), self.header.len());
        if found != wanted {
            let line = self.record.position().map_or(0, csv::Position::line);
            let what = format!("{found} fields, the header has {wanted}");
            return Ok(Some(Read::Malformed { line, what }));
        }
        Ok(Some(Read::Row(Row::Record { record: &self.record, columns: &self.columns })))
    }
}

/// Where a field is; there must be exactly one of that name.
fn column(header: &ByteRecord, field: &str) -> Result<usize, String> {
    let mut found = header.iter().enumerate().filter(|(_, name)| *name == field.as_bytes());
    match (found.next(), found.next()) {
        (Some((column, _)), None) => Ok(column),
        (Some(_), Some(_)) => Err(format!("has more than one field `{field}` in its header")),
        (None, _) => {
            let names: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
            let hint = match text::nearest(field, names.iter().map(AsRef::as_ref)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let shown: Vec<_> = names.iter().take(20).map(AsRef::as_ref).collect();
                    format!("the header has {}", shown.join(", "))
                }
            };
            Err(format!("has no field `{field}`: {hint}"))
        }
    }
}

/// Ends with an error where a row is too long: a quote that is never closed would otherwise take
/// the rest of the file for one field.
struct Metered {
    source: Source,
    since_row: Rc<Cell<usize>>,
}

impl io::Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row.get() > MAX_ROW {
            let most = text::format_size(MAX_ROW as u64);
            let what = format!("a row longer than {most} (a quote that is never closed?)");
            return Err(io::Error::other(what));
        }
        let read = self.source.read(buffer)?;
        self.since_row.set(self.since_row.get() + read);
        Ok(read)
    }
}

/// One row.
pub(super) enum Row<'a> {
    Line { raw: &'a [u8], text: Cow<'a, str> },
    Record { record: &'a ByteRecord, columns: &'a [(String, usize)] },
    Map { raw: &'a [u8], map: Map<String, Value> },
}

impl<'a> Row<'a> {
    #[expect(clippy::unnecessary_wraps, reason = "beside `map`, which can fail")]
    fn line(raw: &'a [u8]) -> Result<Self, String> {
        Ok(Self::Line { raw, text: String::from_utf8_lossy(raw) })
    }

    fn map(raw: &'a [u8]) -> Result<Self, String> {
        match serde_json::from_slice(raw) {
            Ok(map) => Ok(Self::Map { raw, map }),
            Err(fault) => Err(fault.to_string().replace(" at line 1 column", " at column")),
        }
    }

    /// A field as text; `None` if the row has none of that name, or null there.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Line { text, .. } if name == "line" => Some(Cow::Borrowed(text)),
            Self::Line { text, .. } => {
                let number: usize = name.parse().ok()?;
                text.split_whitespace().nth(number.checked_sub(1)?).map(Cow::Borrowed)
            }
            Self::Record { record, columns } => {
                let (_, column) = columns.iter().find(|(known, _)| known == name)?;
                record.get(*column).map(String::from_utf8_lossy)
            }
            Self::Map { map, .. } => match inside(map, name)? {
                Value::Null => None,
                Value::String(text) => Some(Cow::Borrowed(text)),
                other => Some(Cow::Owned(other.to_string())),
            },
        }
    }

    /// The row as it was read, without its line end.
    pub(super) fn raw(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Line { raw, .. } | Self::Map { raw, .. } => Cow::Borrowed(raw),
            Self::Record { record, .. } => Cow::Owned(csv_line(record.iter())),
        }
    }
}

/// The value of a key, else of a path through maps: `user.name`.
fn inside<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).or_else(|| {
        let (outer, inner) = name.split_once('.')?;
        inside(map.get(outer)?.as_object()?, inner)
    })
}
