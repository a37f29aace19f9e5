//! The engine that goes on where another stopped: on this machine or another one, with the jobs of the file or with those
//! in force.
//!
//! Owns which definitions that is. Never opens a store or begins anything: that is `start`.

use std::path::PathBuf;

use super::data_dir::DataDir;
use super::last_good;
use super::run::unreadable;
use super::source::Read;
use super::start::{Recovery, StartError, StartOptions, host};
use crate::clock::Clock;
use crate::engine::{Config, Effect, Engine, Input};
use crate::model::{BOOT_ID, Change, Image, ProblemCause, Refusal};
use crate::store::{self, Store};

/// Where the leader of a shared store runs: the machine and the data folder, with which goes a worker process.
pub(super) struct LeaderSite {
    /// `None` where the store is this machine's alone.
    name: Option<String>,
    /// Whether another one led before: what runs, runs in its worker process, and its boot is none of this machine's.
    pub(super) is_new: bool,
}

impl LeaderSite {
    /// Under which key the store has it.
    const KEY: &str = "leader_site";

    pub(super) async fn read(
        store: &dyn Store,
        options: &StartOptions,
        data_dir: &DataDir,
    ) -> Result<Self, StartError> {
        if !store::is_postgres(&options.store) {
            return Ok(Self { name: None, is_new: false });
        }
        let name = format!("{}:{}", host(), data_dir.root().display());
        let before = store.meta(Self::KEY).await?;
        let is_new = before.is_some_and(|before| before != name);
        Ok(Self { name: Some(name), is_new })
    }

    /// On another machine than before, no boot has come between.
    fn move_to(&self, image: &mut Image, config: &Config) {
        if self.is_new {
            image.boot_id = Some(config.boot_id.clone());
        }
    }

    /// What saves it, and with a new one the boot that counts from now on.
    pub(super) fn save(&self, boot_id: &str) -> Vec<Change> {
        let site = self.name.clone().map(|value| Change::Meta { key: Self::KEY, value });
        let boot = Change::Meta { key: BOOT_ID, value: boot_id.to_owned() };
        site.into_iter().chain(self.is_new.then_some(boot)).collect()
    }
}

/// An engine from what the store holds and the jobs file says.
pub(super) struct Restored {
    pub(super) newest_event: u64,
    pub(super) engine: Engine,
    pub(super) effects: Vec<Effect>,
    pub(super) read: Read,
}

/// Goes on where another engine stopped, with the jobs of the file, or where those are refused and that is asked for, with
/// the definitions in the store.
pub(super) async fn restore(
    config: &Config,
    store: &dyn Store,
    read: Result<Read, Refusal>,
    recovery: Recovery,
    site: &LeaderSite,
) -> Result<Restored, StartError> {
    let mut image = store.load().await?;
    site.move_to(&mut image, config);
    let newest_event = image.last_seq;
    let unreadable = unreadable(&image.unreadable);
    let with = |image, read: &Read| -> Result<_, Refusal> {
        let set = read.loaded.set.clone();
        let (mut engine, mut effects) = Engine::start(config.clone(), image, set, Clock.now())?;
        effects.extend(engine.handle(Clock.now(), unreadable.clone()));
        Ok((engine, effects))
    };
    let refusal = match read {
        Ok(read) => match with(image, &read) {
            Ok((engine, effects)) => return Ok(Restored { newest_event, engine, effects, read }),
            Err(refusal) => refusal,
        },
        Err(refusal) => refusal,
    };
    if !recovery.last_good {
        return Err(StartError::Jobs(refusal));
    }
    let mut image = store.load().await?;
    site.move_to(&mut image, config);
    let Some(read) = last_good::read(store, &image).await? else {
        return Err(StartError::Jobs(refusal));
    };
    let Ok((mut engine, mut effects)) = with(image, &read) else {
        return Err(StartError::Jobs(refusal));
    };
    let sentence = format!(
        "the jobs file was refused at the start, so the definitions of the last good one are in force: {refusal}"
    );
    tracing::error!("{sentence}");
    let input = Input::Problem { cause: ProblemCause::JobsFile, problem: Some(sentence) };
    effects.extend(engine.handle(Clock.now(), input));
    Ok(Restored { newest_event, engine, effects, read })
}

/// Goes on with the definitions that are in force by the store, whatever the own jobs file says; with that file only where
/// the store holds none. Says whether the file is another.
pub(super) async fn take_over(
    config: &Config,
    store: &dyn Store,
    file: Result<Read, Refusal>,
    site: &LeaderSite,
) -> Result<(Restored, bool), StartError> {
    let mut image = store.load().await?;
    let newest_event = image.last_seq;
    let unreadable = unreadable(&image.unreadable);
    site.move_to(&mut image, config);
    let (read, changed) = match (last_good::read(store, &image).await?, file) {
        (Some(in_force), file) => {
            let same = file.as_ref().ok().filter(|file| file.fingerprint == in_force.fingerprint);
            let calendars = same.map(|file| file.loaded.calendars.clone());
            let changed = calendars.is_none();
            (with_calendars(in_force, calendars), changed)
        }
        (None, file) => (file.map_err(StartError::Jobs)?, false),
    };
    if changed {
        tracing::warn!(
            "the jobs file here is not the one in force: the jobs go on as they are until a reload takes this file"
        );
    }
    let started = Engine::start(config.clone(), image, read.loaded.set.clone(), Clock.now());
    let (mut engine, mut effects) = started.map_err(StartError::Jobs)?;
    effects.extend(engine.handle(Clock.now(), unreadable));
    Ok((Restored { newest_event, engine, effects, read }, changed))
}

fn with_calendars(mut read: Read, calendars: Option<Vec<PathBuf>>) -> Read {
    read.loaded.calendars = calendars.unwrap_or_default();
    read
}
