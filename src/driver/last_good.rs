//! The definitions in the store in place of a jobs file: where that is gone or has errors (`--last-good`), and where a
//! scheduler takes over from another one.
//!
//! Owns what the store has to hold for that beside the jobs: the settings of the file that is in force, and its
//! fingerprint, by which any scheduler tells whether its own file is another.

use super::source::Read;
use crate::jobfile::Loaded;
use crate::model::{Change, Image, JobSet, Settings, Source};
use crate::store::{Store, StoreError};

/// Under which key the settings are in the store.
const SETTINGS: &str = "settings";

/// Under which key the fingerprint of the file in force is in the store.
pub(super) const FINGERPRINT: &str = "jobs_file";

/// What saves the fingerprint of the file that is in force.
pub(super) fn save_fingerprint(fingerprint: u64) -> Change {
    Change::Meta { key: FINGERPRINT, value: format!("{fingerprint:016x}") }
}

/// A fingerprint as it was saved; `None` where there is none: then no file is the one in force.
pub(super) fn saved_fingerprint(value: Option<&str>) -> Option<u64> {
    value.and_then(|text| u64::from_str_radix(text, 16).ok())
}

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
    // No file has the fingerprint 0: the one on the disk counts as changed.
    let saved = store.meta(FINGERPRINT).await?;
    let fingerprint = saved_fingerprint(saved.as_deref()).unwrap_or_default();
    Ok(Some(Read { loaded, fingerprint }))
}
