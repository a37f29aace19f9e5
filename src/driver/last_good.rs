//! The definitions in the store in place of a jobs file that is gone or has errors (`--last-good`).
//!
//! Owns what the store has to hold for that beside the jobs: the settings of the file that was in force last.

use super::source::Read;
use crate::jobfile::Loaded;
use crate::model::{Change, Image, JobSet, Settings, Source};
use crate::store::{Store, StoreError};

/// Under which key the settings are in the store.
const SETTINGS: &str = "settings";

/// What saves the settings that are in force.
pub(super) fn save(settings: &Settings) -> Option<Change> {
    let value = serde_json::to_string(settings);
    let value = value.inspect_err(|error| tracing::warn!(%error, "the settings are not saved"));
    Some(Change::Meta { key: SETTINGS, value: value.ok()? })
}

/// The jobs and settings of the file that was in force last; `None` where the store holds none.
pub(super) async fn read(store: &dyn Store, saved: &Image) -> Result<Option<Read>, StoreError> {
    let settings = store.meta(SETTINGS).await?;
    let of_file = saved.jobs.iter().filter(|job| job.source == Source::File);
    let jobs: Vec<_> = of_file.map(|job| (*job.definition).clone()).collect();
    let settings = match settings {
        Some(text) => serde_json::from_str(&text)
            .inspect_err(|error| tracing::warn!(%error, "the settings in the store are unreadable"))
            .unwrap_or_default(),
        None if jobs.is_empty() => return Ok(None),
        // A version that did not save them has left this store.
        None => Settings::default(),
    };
    let loaded = Loaded {
        set: JobSet { settings, jobs },
        warnings: Vec::new(),
        places: std::collections::BTreeMap::new(),
        calendars: Vec::new(),
    };
    // No file has this fingerprint: the one on the disk counts as changed.
    Ok(Some(Read { loaded, fingerprint: 0 }))
}
