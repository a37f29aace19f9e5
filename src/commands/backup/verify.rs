//! Reading an archive back: every entry, every byte, the checksums of gzip and our own.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use rustix::fs::Advice;
use tar::Archive;
use tokio_util::sync::CancellationToken;

use super::archive::{Hashing, Tally};
use crate::commands::blocking::{StopReader, go_on};
use crate::commands::command::CommandError;

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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::commands::backup::archive;
    use crate::commands::partial_file::PartialFile;
    use crate::commands::testing::Bench;

    #[test]
    fn every_damage_is_noticed() {
        let bench = Bench::new();
        bench.write("data/a", "some content, some content");
        bench.write("data/b", "x".repeat(10_000));
        let context = bench.context();
        let target = bench.path().join("a.tar.gz");
        let mut partial = PartialFile::create(&target, context.key, 0o600).unwrap();
        let roots = [bench.path().join("data")];
        let tally = archive::write(&mut partial, &roots, bench.path(), &context);
        let tally = tally.map_err(|fault| fault.describe(&target)).unwrap();
        let check = || read_back(partial.path(), &tally, &context.stop);
        assert_eq!(check(), Ok(()));

        let whole = fs::read(partial.path()).unwrap();
        for place in [0, 20, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x10;
            fs::write(partial.path(), &damaged).unwrap();
            assert!(check().is_err(), "byte {place}");
        }
        fs::write(partial.path(), &whole[..whole.len() - 1]).unwrap();
        assert!(check().is_err(), "cut");
        fs::write(partial.path(), [whole.as_slice(), b"x"].concat()).unwrap();
        assert!(check().is_err(), "longer");
        fs::write(partial.path(), &whole).unwrap();
        assert_eq!(check(), Ok(()));
    }
}
