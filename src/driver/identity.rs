//! `store.json`: which store the data folder has, and how far it had come. It tells a store of another time or place, put
//! or left beside a history that is not its own.
//!
//! Owns that file. The counter of commits is the number of the newest event: it never falls, and it is in the store without
//! a write of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::start::{Recovery, StartError};
use super::text_file::{LeftAlone, replace};
use crate::model::Change;
use crate::store::{Store, StoreError};

/// Under which key a store has its id.
const STORE_ID: &str = "store_id";

/// What is in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// The store's id.
    id: String,
    /// The number of its newest event.
    commits: u64,
}

/// The file beside the store of a running engine.
#[derive(Debug)]
pub(super) struct StoreMark {
    path: PathBuf,
    id: String,
}

/// What the folder says of its store, before that is opened.
#[derive(Debug)]
pub(super) struct Expected {
    folder: PathBuf,
    mark: Option<Mark>,
}

fn refused(folder: &Path, what: &str, remedy: &str) -> StartError {
    StartError::OtherStore(format!("the store in {} {what}; {remedy}", folder.display()))
}

const RESTORE: &str = "put the right crontower.db back, or begin with what is there: --new-store";

impl Expected {
    /// Reads what is expected, and refuses a store that is missing or empty where there was one: opening it would make a
    /// new one.
    pub(super) fn read(folder: &Path, recovery: Recovery) -> Result<Self, StartError> {
        let path = folder.join("store.json");
        let mark = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .inspect_err(
                    |error| tracing::warn!(%error, "store.json is unreadable and made again"),
                )
                .ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let length = fs::metadata(folder.join("crontower.db")).map_or(0, |found| found.len());
        if mark.is_some() && length == 0 && !recovery.new_store {
            return Err(refused(folder, "is missing or empty, and there was one", RESTORE));
        }
        Ok(Self { folder: folder.to_owned(), mark })
    }

    /// Compares the store with what was expected, gives it an id where it has none, and takes it as the folder's from now
    /// on.
    pub(super) async fn check(
        self,
        store: &dyn Store,
        newest_event: u64,
        recovery: Recovery,
    ) -> Result<Arc<StoreMark>, StartError> {
        let found = store.meta(STORE_ID).await?;
        if let Some(mark) = &self.mark {
            if found.as_ref() != Some(&mark.id) {
                if !recovery.new_store {
                    return Err(refused(&self.folder, "is not the one that was here", RESTORE));
                }
                let aside = self.folder.join(format!("store.json.{}", mark.id));
                fs::rename(self.folder.join("store.json"), &aside)?;
                tracing::warn!(
                    "another store than before is in use: {} was set aside",
                    aside.display()
                );
            } else if newest_event < mark.commits {
                let what = format!(
                    "ends at event {newest_event}, this folder had come to {}",
                    mark.commits
                );
                if !recovery.accept_older_store {
                    let remedy = "put its newest copy back (with the -wal file of that time), or go on with this one: \
                                  --accept-older-store";
                    return Err(refused(
                        &self.folder,
                        &format!("is older than this folder: it {what}"),
                        remedy,
                    ));
                }
                tracing::warn!(
                    "an older store is in use: it {what}; what was between is not known to it"
                );
            }
        }
        let id = match found {
            Some(id) => id,
            None => {
                let id = uuid::Uuid::now_v7().simple().to_string();
                store.commit(&[Change::Meta { key: STORE_ID, value: id.clone() }]).await?;
                id
            }
        };
        let mark = StoreMark { path: self.folder.join("store.json"), id };
        mark.write(newest_event);
        Ok(Arc::new(mark))
    }
}

impl StoreMark {
    /// Notes how far the store has come. Where that cannot be written, the file says less than it could.
    pub(super) fn write(&self, newest_event: u64) {
        let mark = Mark { id: self.id.clone(), commits: newest_event };
        let Ok(text) = serde_json::to_string(&mark) else { return };
        let before = fs::read_to_string(&self.path).ok();
        if before.as_deref() == Some(&text) {
            return;
        }
        match replace(&self.path, before.as_deref(), &text) {
            Ok(()) => {}
            Err(LeftAlone::Changed) => {
                tracing::warn!("store.json is being written by another program")
            }
            Err(LeftAlone::Refused(error)) => {
                tracing::warn!(%error, "store.json cannot be written")
            }
        }
    }
}

/// Renames a store that cannot be opened, with its side files, so that a new one can take its place.
pub(super) fn set_aside(folder: &Path, why: &StoreError, at: i64) -> io::Result<()> {
    for side in ["", "-wal", "-shm"] {
        let from = folder.join(format!("crontower.db{side}"));
        let to = folder.join(format!("crontower.db.set-aside-{at}{side}"));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    tracing::warn!("{why}: it was set aside as crontower.db.set-aside-{at}");
    Ok(())
}
