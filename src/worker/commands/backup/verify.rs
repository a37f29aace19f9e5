//! Reading an archive back: every entry, every byte, the checksums of gzip and our own.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use rustix::fs::Advice;
use tar::Archive;
use tokio_util::sync::CancellationToken;

use super::archive::{Hashing, Tally};
use crate::worker::commands::blocking::{StopReader, go_on};
use crate::worker::registry::CommandError;

/// What was found in an archive.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    entries: u64,
    bytes: u64,
    archive_bytes: u64,
    sha256: String,
}

/// Makes sure that what is on the disk is what was written.
pub(super) fn read_back(
    path: &Path,
    tally: &Tally,
    stop: &CancellationToken,
) -> Result<(), CommandError> {
    let found = read(path, stop);
    go_on(stop)?;
    let wrong = |what: String| {
        CommandError(format!(
            "the archive was written but does not read back: {what}; the disk \
            may be failing, the archive was removed"
        ))
    };
    let found = found.map_err(|fault| wrong(fault.to_string()))?;
    let written = Found {
        entries: tally.entries,
        bytes: tally.bytes,
        archive_bytes: tally.archive_bytes,
        sha256: tally.sha256.clone(),
    };
    if found == written { Ok(()) } else { Err(wrong(format!("{found:?} is not {written:?}"))) }
}

fn read(path: &Path, stop: &CancellationToken) -> io::Result<Found> {
    let file = File::open(path)?;
    // Ask for what is on the disk, not for what is still in memory. Only advice: a file system
    // that does not take it is no failure.
    file.sync_all()?;
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);

    let hashing = Hashing::new(StopReader::new(file, stop.clone()));
    let mut archive = Archive::new(GzDecoder::new(hashing));
    let (mut entries, mut bytes) = (0, 0);
    for entry in archive.entries()? {
        bytes += io::copy(&mut entry?, &mut io::sink())?;
        entries += 1;
    }
    // Behind the last entry are the end marks and gzip's own checksum.
    let mut decoder = archive.into_inner();
    io::copy(&mut decoder, &mut io::sink())?;
    let mut hashing = decoder.into_inner();
    if hashing.read(&mut [0])? > 0 {
        return Err(io::Error::other("there is something behind its end"));
    }
    let (archive_bytes, sha256) = hashing.finish();
    Ok(Found { entries, bytes, archive_bytes, sha256 })
}
