//! What the user changes, in words, and what takes it back.
//!
//! Owns the vocabulary of changes and of their undoing. Never carries anything out.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::model::World;
use crate::control::{Definition, enables};
use crate::driver::JobEdit;
use crate::jobfile;
use crate::model::{Job, JobId, Source, WorkerId};

/// What is noted about a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// In words.
    pub(crate) text: Option<String>,
    /// When the note ends by itself; `None` = with the next success.
    pub(crate) until: Option<DateTime<Utc>>,
}

/// Something that the user changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// The schedule of a job stops firing.
    Pause { job: JobId, until: Option<DateTime<Utc>>, reason: Option<String> },
    /// It fires again.
    Resume { job: JobId },
    /// The next fire time, and only that, is called off; or is not, after all.
    SkipNext { job: JobId, undo: bool },
    /// A failure was seen; `None` = it was not, after all.
    Acknowledge { job: JobId, note: Option<Note> },
    /// A worker takes no more attempts, or takes them again.
    Drain { worker: WorkerId, drain: bool, reason: Option<String> },
    /// A worker runs so many attempts at once; `None` = as jobs.yaml says.
    Capacity { worker: WorkerId, capacity: Option<u32> },
    /// A definition changes.
    Edit { job: JobId, edit: JobEdit, if_version: Option<u32> },
}

/// What takes a change back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Back {
    /// Another change.
    By(Box<Change>),
    /// Nothing does; and what to do instead.
    No(String),
}

/// Why a change is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Origin {
    /// The user wants it; this takes it back.
    User(Back),
    /// It takes back what is told here.
    Undo(String),
}

/// Something of the user's that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Done {
    /// In the past: `cleanup paused`.
    pub(crate) what: String,
    /// What takes it back, one for each thing that was changed.
    pub(crate) back: Vec<Back>,
}

impl Change {
    /// In the past: `cleanup paused`.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Pause { job, .. } => format!("{job} paused"),
            Self::Resume { job } => format!("{job} resumed"),
            Self::SkipNext { job, undo: false } => format!("{job} skips its next fire time"),
            Self::SkipNext { job, undo: true } => format!("{job} fires next as its schedule says"),
            Self::Acknowledge { job, note: Some(_), .. } => {
                format!("{job} acknowledged")
            }
            Self::Acknowledge { job, note: None, .. } => {
                format!("{job} no longer acknowledged")
            }
            Self::Drain { worker, drain: true, .. } => format!("{worker} drained"),
            Self::Drain { worker, drain: false, .. } => format!("{worker} takes attempts again"),
            Self::Capacity { worker, capacity: Some(slots) } => {
                format!("{worker} has {slots} slots")
            }
            Self::Capacity { worker, capacity: None } => {
                format!("{worker} has as many slots as jobs.yaml says")
            }
            Self::Edit { job, edit, .. } => match edit {
                JobEdit::Create { .. } => format!("{job} created"),
                JobEdit::Patch(patch) => match only_enables(patch) {
                    Some(true) => format!("{job} enabled"),
                    Some(false) => format!("{job} disabled"),
                    None => format!("{job} changed"),
                },
                JobEdit::Replace(_) => format!("{job} changed"),
                JobEdit::RollBack(version) => format!("{job} rolled back to version {version}"),
                JobEdit::Delete => format!("{job} deleted"),
            },
        }
    }

    /// Whether what it would write is to be seen before it is written.
    pub(crate) fn is_shown_first(&self) -> bool {
        match self {
            Self::Edit { edit: JobEdit::Patch(patch), .. } => only_enables(patch).is_none(),
            Self::Edit { .. } => true,
            _ => false,
        }
    }

    /// What takes it back, as the world is before it.
    pub(crate) fn back(&self, world: &World) -> Back {
        let by = |change| Back::By(Box::new(change));
        match self.clone() {
            Self::Pause { job, .. } => match world.job(&job).and_then(|it| it.paused.clone()) {
                Some(pause) => by(Self::Pause { job, until: pause.until, reason: pause.reason }),
                None => by(Self::Resume { job }),
            },
            Self::Resume { job } => {
                let pause = world.job(&job).and_then(|it| it.paused.clone());
                let (until, reason) = pause.map_or((None, None), |it| (it.until, it.reason));
                by(Self::Pause { job, until, reason })
            }
            Self::SkipNext { job, undo } => by(Self::SkipNext { job, undo: !undo }),
            Self::Acknowledge { job, .. } => {
                let before = world.job(&job).and_then(|it| it.acknowledged.clone());
                let note = before.map(|it| Note { text: it.note, until: it.until });
                by(Self::Acknowledge { job, note })
            }
            Self::Drain { worker, drain, .. } => {
                let before = world.worker(&worker).and_then(|it| it.drained.clone());
                let reason = before.and_then(|it| it.reason);
                by(Self::Drain { worker, drain: !drain, reason })
            }
            Self::Capacity { worker, .. } => match world.worker(&worker) {
                Some(before) => by(Self::Capacity { worker, capacity: Some(before.capacity) }),
                None => Back::No(format!("{worker} was not known before")),
            },
            Self::Edit { job, edit, .. } => edit_back(world, job, &edit),
        }
    }
}

/// Whether a patch says nothing but this about `enabled`.
fn only_enables(patch: &Definition) -> Option<bool> {
    patch.get("enabled").and_then(Value::as_bool).filter(|_| patch.len() == 1)
}

fn edit_back(world: &World, job: JobId, edit: &JobEdit) -> Back {
    let change = |job, edit| Back::By(Box::new(Change::Edit { job, edit, if_version: None }));
    let before = world.job(&job);
    match (edit, before) {
        (JobEdit::Create { .. }, _) => change(job, JobEdit::Delete),
        (JobEdit::Patch(patch), _) if only_enables(patch).is_some() => {
            let enabled = only_enables(patch) != Some(true);
            change(job, JobEdit::Patch(enables(enabled)))
        }
        (JobEdit::Delete, Some(before)) => match definition_of(&before.definition) {
            Some(definition) => change(job, JobEdit::Create { definition, source: before.source }),
            None => Back::No("n creates a new one".to_owned()),
        },
        (_, Some(before)) => change(job, JobEdit::RollBack(before.version)),
        (_, None) => Back::No(format!("{job} was not known before")),
    }
}

/// The keys of jobs.yaml that say what a job says.
pub(crate) fn definition_of(job: &Job) -> Option<Definition> {
    read_yaml(&jobfile::to_yaml(job)).ok()
}

/// Reads YAML as jobs.yaml is read: `no` is a word.
///
/// # Errors
/// What is no YAML, and where.
pub(crate) fn read_yaml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(text, options).map_err(|error| error.to_string())
}

/// Where a job lives, as a person calls it.
pub(crate) const fn place(source: Source) -> &'static str {
    match source {
        Source::File => "jobs.yaml",
        Source::Api => "the store",
    }
}
