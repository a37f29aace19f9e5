//! Writing a compressed archive of live files, in memory that does not grow with them.
//!
//! Links are kept as links. A file that vanishes is left out; one that shrinks or grows while it
//! is read has the size that it had when it was opened (zeros at the end, or no tail). Sockets,
//! pipes and devices are left out. All that is counted and reported. A file that cannot be read is a
//! failure: a backup that lacks it must not look like one.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::names::ArchiveName;
use crate::commands::command::{CommandError, Context};
use crate::commands::partial_file::{PartialFile, is_partial};
use crate::commands::{blocking, builtin::stopped};

/// How many lines are printed about files that needed a remark; the rest is only counted.
const MAX_REMARKS: u64 = 20;

/// How many files lie between two lines of progress.
const PROGRESS: u64 = 10_000;

/// What an archive holds.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Everything: files, folders, links.
    pub(super) entries: u64,
    pub(super) files: u64,
    /// Content of the files.
    pub(super) bytes: u64,
    pub(super) changed: u64,
    pub(super) vanished: u64,
    pub(super) skipped: u64,
    pub(super) archive_bytes: u64,
    pub(super) sha256: String,
}

/// Why an archive could not be written.
pub(super) enum Fault {
    Stopped,
    /// A file to be backed up cannot be read.
    Source(PathBuf, io::Error),
    /// The archive itself.
    Archive(io::Error),
}

impl Fault {
    pub(super) fn describe(self, archive: &Path) -> CommandError {
        match self {
            Self::Stopped => stopped(),
            Self::Source(path, fault) => {
                CommandError(format!("cannot read {}: {fault}", path.display()))
            }
            Self::Archive(fault) => {
                CommandError(format!("cannot write {}: {fault}", archive.display()))
            }
        }
    }
}

/// Writes everything at and below `roots`; of `destination` all but archives, whole or not.
pub(super) fn write(
    to: &mut PartialFile,
    roots: &[PathBuf],
    destination: &Path,
    context: &Context,
) -> Result<Tally, Fault> {
    let encoder = GzEncoder::new(Hashing::new(to), Compression::default());
    let mut writer =
        Writer { builder: Builder::new(encoder), tally: Tally::default(), destination, context };
    // The next to write is the last; so the order is that of the names, folder by folder.
    let mut pending: Vec<PathBuf> = roots.iter().rev().cloned().collect();
    while let Some(path) = pending.pop() {
        if context.stop.is_cancelled() {
            return Err(Fault::Stopped);
        }
        pending.extend(writer.put(&path)?);
    }
    writer.finish()
}

struct Writer<'a, W: Write> {
    builder: Builder<GzEncoder<Hashing<W>>>,
    tally: Tally,
    destination: &'a Path,
    context: &'a Context,
}

impl<W: Write> Writer<'_, W> {
    /// Puts one path in; of a folder, answers what is in it, last name first.
    fn put(&mut self, path: &Path) -> Result<Vec<PathBuf>, Fault> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(fault) => return self.unreadable(path, fault),
        };
        let kind = metadata.file_type();
        if kind.is_dir() {
            return self.put_folder(path, &metadata);
        }
        if kind.is_symlink() {
            return self.put_link(path, &metadata);
        }
        if kind.is_file() && !self.is_archive(path) {
            return self.put_file(path);
        }
        if !kind.is_file() {
            self.tally.skipped += 1;
            self.remark(self.tally.skipped, path, "skipped: not a file, folder or link");
        }
        Ok(Vec::new())
    }

    fn put_folder(&mut self, path: &Path, metadata: &Metadata) -> Result<Vec<PathBuf>, Fault> {
        let listed = fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect());
        let mut inside: Vec<PathBuf> = match listed {
            Ok(inside) => inside,
            Err(fault) => return self.unreadable(path, fault),
        };
        let mut header = header(metadata);
        self.append(&mut header, path, io::empty())?;
        inside.sort_by(|a, b| b.cmp(a));
        Ok(inside)
    }

    fn put_link(&mut self, path: &Path, metadata: &Metadata) -> Result<Vec<PathBuf>, Fault> {
        let target = match fs::read_link(path) {
            Ok(target) => target,
            Err(fault) => return self.unreadable(path, fault),
        };
        let mut header = header(metadata);
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        // Taken literally where it fits; a longer one goes into an entry of its own.
        let written = if header.set_link_name_literal(target.as_os_str().as_bytes()).is_ok() {
            self.builder.append_data(&mut header, name_of(path), io::empty())
        } else {
            self.builder.append_link(&mut header, name_of(path), target)
        };
        written.map_err(Fault::Archive)?;
        self.tally.entries += 1;
        Ok(Vec::new())
    }

    fn put_file(&mut self, path: &Path) -> Result<Vec<PathBuf>, Fault> {
        // What was a file a moment ago may be a link or a pipe by now: neither is waited for.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
            .and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = match opened {
            Ok((file, metadata)) if metadata.is_file() => (file, metadata),
            Ok(_) => return self.unreadable(path, io::ErrorKind::NotFound.into()),
            Err(fault) => return self.unreadable(path, fault),
        };
        let size = metadata.len();
        let mut header = header(&metadata);
        let mut content = Exactly::new(&file, size, self.context);
        let appended = self.append(&mut header, path, &mut content);
        let (fault, short) = (content.fault.take(), content.short);
        match fault {
            Some(_) if self.context.stop.is_cancelled() => return Err(Fault::Stopped),
            Some(fault) => return Err(Fault::Source(path.to_owned(), fault)),
            None => appended?,
        }
        self.tally.files += 1;
        self.tally.bytes += size;
        if short || file.metadata().is_ok_and(|now| now.len() != size) {
            self.tally.changed += 1;
            self.remark(self.tally.changed, path, "changed its size while it was read");
        }
        if self.tally.files.is_multiple_of(PROGRESS) {
            self.context.say(&format!("{} files so far", self.tally.files));
        }
        Ok(Vec::new())
    }

    fn append(&mut self, header: &mut Header, path: &Path, data: impl Read) -> Result<(), Fault> {
        let name = name_of(path);
        if name.as_os_str().is_empty() {
            return Ok(()); // `/` itself has no name in an archive
        }
        self.builder.append_data(header, name, data).map_err(Fault::Archive)?;
        self.tally.entries += 1;
        Ok(())
    }

    /// What is gone is counted; any other failure to read ends the backup.
    fn unreadable(&mut self, path: &Path, fault: io::Error) -> Result<Vec<PathBuf>, Fault> {
        if fault.kind() != io::ErrorKind::NotFound {
            return Err(Fault::Source(path.to_owned(), fault));
        }
        self.tally.vanished += 1;
        self.remark(self.tally.vanished, path, "vanished before it was read");
        Ok(Vec::new())
    }

    fn remark(&self, nth: u64, path: &Path, what: &str) {
        match nth {
            1..=MAX_REMARKS => self.context.say(&format!("{}: {what}", path.display())),
            nth if nth == MAX_REMARKS + 1 => self.context.say(&format!("more files: {what}")),
            _ => {}
        }
    }

    /// Whether it is an archive of ours in the destination: the one being written must not
    /// swallow itself, and none the ones before it.
    fn is_archive(&self, path: &Path) -> bool {
        path.parent() == Some(self.destination)
            && path.file_name().is_some_and(|name| {
                is_partial(name) || name.to_str().and_then(ArchiveName::parse).is_some()
            })
    }

    fn finish(self) -> Result<Tally, Fault> {
        let encoder = self.builder.into_inner().map_err(Fault::Archive)?;
        let mut hashing = encoder.finish().map_err(Fault::Archive)?;
        hashing.flush().map_err(Fault::Archive)?;
        let (archive_bytes, sha256) = hashing.finish();
        Ok(Tally { archive_bytes, sha256, ..self.tally })
    }
}

fn header(metadata: &Metadata) -> Header {
    let mut header = Header::new_gnu();
    header.set_metadata(metadata);
    if metadata.mtime() < 0 {
        header.set_mtime(0); // an archive knows no time before 1970
    }
    header
}

/// The name of a real path in an archive: without the leading `/`.
fn name_of(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// Exactly `left` bytes of a file, whatever becomes of it meanwhile.
struct Exactly<'a> {
    file: &'a File,
    left: u64,
    context: &'a Context,
    /// The file ended too early; zeros stand for the rest.
    short: bool,
    /// A failure of the file, as opposed to one of the archive.
    fault: Option<io::Error>,
}

impl<'a> Exactly<'a> {
    const fn new(file: &'a File, left: u64, context: &'a Context) -> Self {
        Self { file, left, context, short: false, fault: None }
    }

    fn fail(&mut self, fault: io::Error) -> io::Error {
        let shown = io::Error::new(fault.kind(), "the file cannot be read");
        self.fault = Some(fault);
        shown
    }
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.context.stop.is_cancelled() {
            return Err(self.fail(io::Error::other("stopped")));
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let most = most.min(buffer.len()).min(blocking::BLOCK);
        let buffer = &mut buffer[..most];
        let read = match self.file.read(buffer) {
            Ok(0) if most > 0 => {
                self.short = true;
                buffer.fill(0);
                most
            }
            Ok(read) => read,
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => return Err(fault),
            Err(fault) => return Err(self.fail(fault)),
        };
        self.left -= read as u64;
        Ok(read)
    }
}

/// Counts and hashes what passes through.
pub(super) struct Hashing<T> {
    inner: T,
    bytes: u64,
    digest: Sha256,
}

impl<T> Hashing<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, bytes: 0, digest: Sha256::new() }
    }

    /// How many bytes passed, and their SHA-256 in hexadecimal.
    pub(super) fn finish(self) -> (u64, String) {
        let digest = self.digest.finalize();
        (self.bytes, digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn count(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digest.update(bytes);
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::Bench;

    #[test]
    fn a_file_that_shrank_is_filled_up_and_one_that_grew_is_cut() {
        let bench = Bench::new();
        bench.write("file", "0123456789");
        let read = |size| {
            let (file, context) = (File::open(bench.path().join("file")).unwrap(), bench.context());
            let mut content = Exactly::new(&file, size, &context);
            let mut text = String::new();
            content.read_to_string(&mut text).unwrap();
            (text, content.short)
        };
        assert_eq!(read(12), ("0123456789\0\0".to_owned(), true));
        assert_eq!(read(4), ("0123".to_owned(), false));
    }

    #[test]
    fn what_vanished_is_counted_and_reported() {
        let bench = Bench::new();
        bench.write("there", "x");
        let target = bench.path().join("a.tar.gz");
        let mut partial = PartialFile::create(&target, bench.context().key, 0o600).unwrap();
        let roots = ["gone", "there"].map(|name| bench.path().join(name));
        let tally = write(&mut partial, &roots, bench.path(), &bench.context());
        let tally = tally.map_err(|fault| fault.describe(&target)).unwrap();
        assert_eq!((tally.vanished, tally.files, tally.entries), (1, 1, 1));
        let message = format!("{}: vanished before it was read\n", roots[0].display());
        assert_eq!(bench.output(), message);
    }

    #[test]
    fn what_cannot_be_read_is_a_failure() {
        let bench = Bench::new();
        bench.write("file", "x");
        let target = bench.path().join("a.tar.gz");
        let mut partial = PartialFile::create(&target, bench.context().key, 0o600).unwrap();
        let below_a_file = bench.path().join("file/below");
        let roots = [below_a_file.clone()];
        let Err(fault) = write(&mut partial, &roots, bench.path(), &bench.context()) else {
            panic!("it was taken for a backup");
        };
        let CommandError(message) = fault.describe(&target);
        let expected = format!("cannot read {}: Not a directory", below_a_file.display());
        assert!(message.starts_with(&expected), "{message}");
    }
}
