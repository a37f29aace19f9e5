//! Writing the outcome of a pass into a file that appears only when it is whole.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::csv_line::csv_line;
use super::format::Format;
use super::groups::Groups;
use crate::commands::command::{CommandError, Context};
use crate::commands::partial_file::PartialFile;

/// The file that is being written.
pub(super) struct Output {
    writer: BufWriter<PartialFile>,
    target: PathBuf,
}

impl Output {
    /// Begins it; folders on the way are made. It must not be the input, by whatever name.
    pub(super) fn create(
        target: &Path,
        input: &Path,
        context: &Context,
    ) -> Result<Self, CommandError> {
        if let (Ok(target), Ok(input)) = (target.canonicalize(), input.canonicalize())
            && target == input
        {
            let message = format!("`output` {} is the input: name another file", target.display());
            return Err(CommandError(message));
        }
        let begun = target
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| PartialFile::create(target, context.key, 0o666));
        match begun {
            Ok(partial) => Ok(Self { writer: BufWriter::new(partial), target: target.to_owned() }),
            Err(fault) => Err(cannot_write(target, &fault)),
        }
    }

    /// Writes a row and a line end.
    pub(super) fn row(&mut self, row: &[u8]) -> Result<(), CommandError> {
        let written = self.writer.write_all(row).and_then(|()| self.writer.write_all(b"\n"));
        written.map_err(|fault| cannot_write(&self.target, &fault))
    }

    /// Writes a table of groups, as CSV or JSON Lines by the end of the file's name.
    pub(super) fn groups(
        &mut self,
        groups: &Groups<'_>,
        rows: &[(String, Value)],
    ) -> Result<(), CommandError> {
        let (by, column) = groups.columns();
        let csv = Format::of_path(&self.target.to_string_lossy()) == Some(Format::Csv);
        if csv {
            let header = by.into_iter().chain([column.as_str()]);
            self.row(&csv_line(header.map(str::as_bytes)))?;
        }
        for (name, value) in rows {
            let line = if csv {
                let value = if value.is_null() { String::new() } else { value.to_string() };
                let name = by.map(|_| name.as_str());
                csv_line(name.into_iter().chain([value.as_str()]).map(str::as_bytes))
            } else {
                let mut map = Map::new();
                by.map(|by| map.insert(by.to_owned(), Value::from(name.as_str())));
                map.insert(column.clone(), value.clone());
                Value::Object(map).to_string().into_bytes()
            };
            self.row(&line)?;
        }
        Ok(())
    }

    /// Makes it appear; answers where.
    pub(super) fn commit(self) -> Result<PathBuf, CommandError> {
        let Self { writer, target } = self;
        let written: io::Result<()> = writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(PartialFile::commit);
        match written {
            Ok(()) => Ok(target),
            Err(fault) => Err(cannot_write(&target, &fault)),
        }
    }
}

fn cannot_write(target: &Path, fault: &io::Error) -> CommandError {
    CommandError(format!("cannot write {}: {fault}", target.display()))
}
