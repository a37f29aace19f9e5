//! Where the log goes: to stderr of an engine without a screen, into the data folder beside one.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::exit::{Exit, Failure};
use super::target::from_environment;

/// A log file that would grow beyond this is turned over.
const LARGEST: u64 = 10 << 20;
/// What is logged unless CRONTOWER_LOG says otherwise.
const USUAL: &str = "info,sqlx=warn";

/// Logs to stderr.
pub(super) fn to_stderr() -> Result<(), Failure> {
    let no_colour = from_environment("NO_COLOR").is_some();
    begin(io::stderr, io::stderr().is_terminal() && !no_colour)
}

/// Logs to a file that is turned over at 10 MiB: the one before is kept as `….1`.
pub(super) fn to_file(path: &Path) -> Result<(), Failure> {
    let file = TurnedFile::open(path).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot write the log {}: {error}", path.display()))
            .hint("check that the data folder can be written to, or give another with --data-dir")
    })?;
    begin(LogFile(Arc::new(Mutex::new(file))), false)
}

fn begin<W>(writer: W, ansi: bool) -> Result<(), Failure>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let wanted = from_environment("CRONTOWER_LOG");
    let wanted = wanted.as_ref().map_or_else(|| USUAL.into(), |text| text.to_string_lossy());
    let filter = EnvFilter::try_new(&wanted).map_err(|error| {
        Failure::new(Exit::Usage, format!("CRONTOWER_LOG: `{wanted}` is no filter: {error}"))
            .hint("write it like info, debug or warn,crontower=debug")
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(ansi)
        .with_target(false);
    let format = from_environment("CRONTOWER_LOG_FORMAT");
    let begun = match format.as_ref().and_then(|format| format.to_str()) {
        None if format.is_none() => log.try_init(),
        Some("text") => log.try_init(),
        Some("json") => log.json().try_init(),
        _ => {
            let message = "CRONTOWER_LOG_FORMAT is `text` or `json`";
            return Err(Failure::new(Exit::Usage, message));
        }
    };
    begun.map_err(|error| Failure::new(Exit::Failed, format!("cannot begin to log: {error}")))
}

/// The log file as threads share it.
#[derive(Debug, Clone)]
struct LogFile(Arc<Mutex<TurnedFile>>);

impl<'writer> MakeWriter<'writer> for LogFile {
    type Writer = Self;

    fn make_writer(&'writer self) -> Self {
        self.clone()
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file with a bound: beyond it the file becomes `….1` and a new one begins.
#[derive(Debug)]
struct TurnedFile {
    path: PathBuf,
    file: File,
    size: u64,
}

impl TurnedFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size })
    }

    /// A line is written whole, into one file or the next.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.size > 0 && self.size.saturating_add(length) > LARGEST {
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            std::fs::rename(&self.path, old)?;
            *self = Self::open(&self.path)?;
        }
        self.file.write_all(line)?;
        self.size += length;
        Ok(line.len())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_log_is_turned_over_before_it_grows_too_large() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("crontower.log");
        let line = vec![b'x'; 1 << 20];
        let mut file = TurnedFile::open(&path).unwrap();
        for _ in 0..10 {
            file.write(&line).unwrap();
        }
        assert!(!dir.path().join("crontower.log.1").exists());
        drop(file);
        // What an earlier process wrote counts.
        TurnedFile::open(&path).unwrap().write(b"next\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"next\n");
        let size = std::fs::metadata(dir.path().join("crontower.log.1")).unwrap().len();
        assert_eq!(size, LARGEST);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
