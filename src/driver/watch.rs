//! Noticing that someone touched jobs.yaml or a calendar that it names. Editors write beside and rename, so folders are
//! watched, not files; of a link also the folder that it leads to.
//!
//! Only says that something may have changed; whether it has is seen by reading. Never applies anything.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};

use super::handle::Message;

/// An editor's several steps are taken for one when they come as close as this.
const QUIET: Duration = Duration::from_millis(200);

/// Watches for as long as it lives.
#[derive(Debug)]
pub(super) struct FileWatch {
    watcher: Mutex<RecommendedWatcher>,
    jobs: PathBuf,
    watched: Mutex<Watched>,
    names: Names,
}

/// The names of files that count; `None` = all.
type Names = Arc<Mutex<Option<BTreeSet<OsString>>>>;

/// The folders that are watched.
#[derive(Debug, Default)]
struct Watched(BTreeSet<PathBuf>);

impl FileWatch {
    /// Begins to watch a file or folder; what happens to it is told as [`Message::FileTouched`].
    pub(super) fn begin(path: &Path, messages: mpsc::Sender<Message>) -> notify::Result<Self> {
        let (touched, news) = watch::channel(());
        let names = Names::default();
        let counting = Arc::clone(&names);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            let names = counting.lock().unwrap_or_else(PoisonError::into_inner);
            let concerns = |path: &PathBuf| {
                let name = path.file_name().unwrap_or_default();
                names.as_ref().is_none_or(|names| names.contains(name))
            };
            if !event.kind.is_access() && event.paths.iter().any(concerns) {
                touched.send_replace(());
            }
        })?;
        let (watcher, watched) = (Mutex::new(watcher), Mutex::default());
        let this = Self { watcher, jobs: path.to_owned(), watched, names };
        this.look_at(&folders_of(path))?;
        this.follow(&[]);
        tokio::spawn(tell(news, messages));
        Ok(this)
    }

    /// Watches these files, too, instead of those that were named before.
    pub(super) fn follow(&self, files: &[PathBuf]) {
        let mut folders = folders_of(&self.jobs);
        let mut names = BTreeSet::new();
        for file in files.iter().chain([&self.jobs]) {
            folders.extend(folders_of(file));
            let leads_to = std::fs::canonicalize(file).ok();
            let both = [Some(file.clone()), leads_to].into_iter().flatten();
            names.extend(both.filter_map(|file| Some(file.file_name()?.to_owned())));
        }
        let names = (!self.jobs.is_dir()).then_some(names);
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
        if let Err(error) = self.look_at(&folders) {
            tracing::warn!(%error, "changes of some calendars are not noticed");
        }
    }

    /// Watches these folders and no other.
    fn look_at(&self, folders: &BTreeSet<PathBuf>) -> notify::Result<()> {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in watched.0.difference(folders) {
            // A folder that was removed is no longer watched anyway.
            let _ = watcher.unwatch(gone);
        }
        watched.0.retain(|folder| folders.contains(folder));
        let mut result = Ok(());
        for folder in folders {
            if !watched.0.contains(folder) {
                match watcher.watch(folder, RecursiveMode::NonRecursive) {
                    Ok(()) => {
                        watched.0.insert(folder.clone());
                    }
                    Err(error) => result = Err(error),
                }
            }
        }
        result
    }
}

/// The folder of a file, and that of what it leads to.
fn folders_of(path: &Path) -> BTreeSet<PathBuf> {
    let leads_to = std::fs::canonicalize(path).ok();
    [Some(path), leads_to.as_deref()].into_iter().flatten().map(folder_of).collect()
}

fn folder_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

async fn tell(mut news: watch::Receiver<()>, messages: mpsc::Sender<Message>) {
    while news.changed().await.is_ok() {
        while let Ok(Ok(())) = tokio::time::timeout(QUIET, news.changed()).await {}
        if messages.send(Message::FileTouched).await.is_err() {
            return;
        }
    }
}
