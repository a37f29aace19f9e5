//! Noticing that someone touched jobs.yaml. Editors write beside and rename, so the folder is watched, not the file.
//!
//! Only says that something may have changed; whether it has is seen by reading. Never applies anything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};

use super::handle::Message;

/// An editor's several steps are taken for one when they come as close as this.
const QUIET: Duration = Duration::from_millis(200);

/// Watches for as long as it lives.
#[derive(Debug)]
pub(super) struct FileWatch {
    _watcher: RecommendedWatcher,
}

impl FileWatch {
    /// Begins to watch a file or folder; what happens to it is told as [`Message::FileTouched`].
    pub(super) fn begin(path: &Path, messages: mpsc::Sender<Message>) -> notify::Result<Self> {
        let (touched, news) = watch::channel(());
        let file = path.file_name().map(PathBuf::from).filter(|_| !path.is_dir());
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let Ok(event) = event else { return };
                let concerns =
                    |path: &PathBuf| file.as_ref().is_none_or(|file| path.ends_with(file));
                if !event.kind.is_access() && event.paths.iter().any(concerns) {
                    touched.send_replace(());
                }
            })?;
        watcher.watch(&folder_of(path), RecursiveMode::NonRecursive)?;
        tokio::spawn(tell(news, messages));
        Ok(Self { _watcher: watcher })
    }
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
