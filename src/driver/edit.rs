//! Changing definitions where they live: in jobs.yaml, of which every comment survives, or in the store.
//!
//! Owns the order of an edit of a file: judged as a whole, written in one step, put in force; put back when the engine
//! refuses. Edits and reloads take turns, so that none is lost. What an edit does to a text is `jobfile`'s.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::engine_api::{EditOptions, JobEdit};
use super::handle::{Handle, Message, refused};
use super::source::{JobsFrom, JobsSource, Read, fingerprint};
use super::text_file::{LeftAlone, replace};
use crate::clock::Clock;
use crate::control::{Change, Definition, EditedJob};
use crate::engine::{Engine, Expected};
use crate::jobfile::{self, CurrentJobs, EditError, SourceText};
use crate::model::{Job, JobId, JobSet, JobStatus, Plan, Problem, Refusal, Settings, Source};

/// An edit of a file that was made in its text and judged.
struct Prepared {
    file: PathBuf,
    /// `None` = there is no such file yet.
    old: Option<String>,
    new: String,
    diff: String,
    read: Read,
}

impl Handle {
    /// Changes a definition where it lives: in jobs.yaml, or in the store.
    pub(super) async fn edit(
        &self,
        job: &JobId,
        edit: JobEdit,
        options: EditOptions,
    ) -> Result<EditedJob, Refusal> {
        let (handle, job) = (self.clone(), job.clone());
        // Whoever asked may go away meanwhile: what is begun is brought to its end.
        let done = tokio::spawn(async move { handle.edit_in_turn(&job, edit, options).await });
        done.await.map_err(|_| Refusal::Stopping)?
    }

    async fn edit_in_turn(
        &self,
        job: &JobId,
        edit: JobEdit,
        options: EditOptions,
    ) -> Result<EditedJob, Refusal> {
        let mut turn = self.source.turn.lock().await;
        let id = job.clone();
        let look = move |engine: &Engine| (engine.known(&id), engine.job_status(id.as_str()));
        let (known, status) = self.look(look).await?;
        let source = match (&edit, &status) {
            (JobEdit::Create { .. }, Some(_)) => {
                return Err(Refusal::JobExists { job: job.clone() });
            }
            (JobEdit::Create { source, .. }, None) => *source,
            (_, Some(status)) => status.source,
            (_, None) => return known.and(Err(Refusal::Stopping)),
        };
        if let (Some(expected), Some(status)) = (options.if_version, &status)
            && status.version != expected
        {
            let (job, current) = (job.clone(), status.version);
            return Err(Refusal::AnotherVersion { job, expected, current });
        }
        match source {
            Source::File => {
                let what = self.what(job, edit).await?;
                let edited = self.edit_file(&mut turn, job, what, options).await?;
                let job = edited.job.or_else(|| unchanged(&edited.change.plan, status));
                Ok(EditedJob { job: job.filter(|_| !options.dry_run), ..edited })
            }
            Source::Api => self.edit_stored(job, edit, options, status.as_deref()).await,
        }
    }

    /// An edit in the words of `jobfile`.
    async fn what(&self, job: &JobId, edit: JobEdit) -> Result<jobfile::Edit, Refusal> {
        Ok(match edit {
            JobEdit::Create { definition, .. } => jobfile::Edit::Add(with_id(definition, job)?),
            JobEdit::Replace(definition) => jobfile::Edit::Replace(with_id(definition, job)?),
            JobEdit::Patch(patch) => jobfile::Edit::Patch(patch),
            JobEdit::Delete => jobfile::Edit::Remove,
            JobEdit::RollBack(version) => {
                jobfile::Edit::Restore(Box::new(self.version(job, version).await?))
            }
        })
    }

    async fn version(&self, job: &JobId, version: u32) -> Result<Job, Refusal> {
        let found = self.store.job_version(job, version).await.map_err(refused)?;
        let unknown = Refusal::UnknownVersion { job: job.clone(), version };
        found.map(|definition| Job::clone(&definition)).ok_or(unknown)
    }

    async fn edit_file(
        &self,
        turn: &mut u64,
        job: &JobId,
        what: jobfile::Edit,
        options: EditOptions,
    ) -> Result<EditedJob, Refusal> {
        let (source, id, in_force) = (self.source.clone(), job.clone(), *turn);
        let prepare = move || prepare(&source, &id, &what, in_force);
        let Some(prepared) = blocking(prepare).await? else {
            return Ok(edited(None, Plan::default(), None));
        };
        let before = self.look(Engine::file_jobs).await?;
        let mut plan = jobfile::diff(&before, &prepared.read.loaded.set);
        let warnings = prepared.read.loaded.warnings.iter();
        plan.warnings = warnings.map(ToString::to_string).collect();
        let diff = Some(prepared.diff.clone());
        if options.dry_run {
            return Ok(edited(None, plan, diff));
        }
        let Prepared { file, old, new, read, .. } = prepared;
        self.source.expect(Some(read.fingerprint));
        write(&file, old.as_deref(), &new).await.map_err(|left| {
            self.source.expect(None);
            left_alone(&file, left, diff.clone().unwrap_or_default())
        })?;
        let applied = self.apply(read.loaded.set.clone()).await;
        if let Err(refusal) = applied {
            return Err(self.take_back(&file, old.as_deref(), &new, refusal).await);
        }
        self.source.put_in_force(turn, &read);
        let loaded = Message::Loaded(read.fingerprint);
        self.messages.send(loaded).await.map_err(|_| Refusal::Stopping)?;
        let id = job.clone();
        let job = self.look(move |engine| engine.job_status(id.as_str())).await?;
        Ok(edited(job, plan, diff))
    }

    /// What was written is not in force: the file says again what is.
    async fn take_back(
        &self,
        file: &Path,
        old: Option<&str>,
        new: &str,
        refusal: Refusal,
    ) -> Refusal {
        self.source.expect(None);
        if let Refusal::Store(trouble) = refusal {
            // Whether it is in force shows when the store works again. The file says what was asked for.
            let described =
                format!("{trouble}; the file has been changed: reload it when the store works");
            return Refusal::Store(described);
        }
        let undone = match old {
            Some(old) => write(file, Some(new), old).await,
            None => std::fs::remove_file(file).map_err(LeftAlone::Refused),
        };
        if let Err(left) = undone {
            tracing::error!(?left, file = %file.display(), "an edit that was refused is still in the file");
        }
        refusal
    }

    async fn edit_stored(
        &self,
        job: &JobId,
        edit: JobEdit,
        options: EditOptions,
        status: Option<&JobStatus>,
    ) -> Result<EditedJob, Refusal> {
        let old = status.map(|status| Job::clone(&status.definition));
        let new = match edit {
            JobEdit::Delete => None,
            JobEdit::RollBack(version) => Some(self.version(job, version).await?),
            JobEdit::Create { definition, .. } | JobEdit::Replace(definition) => {
                let value = Value::Object(with_id(definition, job)?);
                let judge = |rules: &jobfile::Rules<'_>, among: &CurrentJobs<'_>| {
                    jobfile::parse_job(&value, rules, among)
                };
                Some(self.judged(judge).await?)
            }
            JobEdit::Patch(patch) => {
                let Some(old) = &old else { return Err(Refusal::Stopping) };
                let judge = |rules: &jobfile::Rules<'_>, among: &CurrentJobs<'_>| {
                    jobfile::patch_job(old, &patch, rules, among)
                };
                Some(self.judged(judge).await?)
            }
        };
        if new.as_ref().is_some_and(|new| new.id != *job) {
            return Err(keeps_its_id(job));
        }
        let set = |job: &Option<Job>| {
            let (settings, jobs) = (Settings::default(), job.iter().cloned().collect());
            JobSet { settings, jobs }
        };
        let plan = jobfile::diff(&set(&old), &set(&new));
        if options.dry_run || plan.is_empty() {
            let current = status.filter(|_| plan.is_empty()).cloned().map(std::sync::Arc::new);
            return Ok(edited(current.filter(|_| !options.dry_run), plan, None));
        }
        let (by, if_version) = (self.caller.actor.clone(), options.if_version);
        let job = match new {
            None => {
                let job = job.clone();
                self.act(move |engine, now| engine.delete_job(now, by, &job, if_version)).await?;
                None
            }
            Some(new) => {
                let expected = match (old, if_version) {
                    (None, _) => Expected::Absent,
                    (Some(_), Some(version)) => Expected::Version(version),
                    (Some(_), None) => Expected::Present,
                };
                let put = move |engine: &mut Engine, now| engine.put_job(now, by, new, expected);
                Some(std::sync::Arc::new(self.act(put).await?))
            }
        };
        Ok(edited(job, plan, None))
    }

    /// Has a job of a program judged among the jobs in force.
    async fn judged(
        &self,
        judge: impl FnOnce(&jobfile::Rules<'_>, &CurrentJobs<'_>) -> Result<Job, Vec<Problem>>,
    ) -> Result<Job, Refusal> {
        let look = |engine: &Engine| (engine.settings().clone(), engine.job_statuses());
        let (settings, jobs) = self.look(look).await?;
        let jobs = jobs.iter().map(|status| &*status.definition).collect();
        let rules = self.source.rules(Clock.now().wall);
        judge(&rules, &CurrentJobs { settings: &settings, jobs }).map_err(Refusal::Invalid)
    }
}

fn edited(job: Option<std::sync::Arc<JobStatus>>, plan: Plan, diff: Option<String>) -> EditedJob {
    EditedJob { job, change: Change { plan, diff } }
}

/// The job, where the edit changed nothing.
fn unchanged(
    plan: &Plan,
    status: Option<std::sync::Arc<JobStatus>>,
) -> Option<std::sync::Arc<JobStatus>> {
    status.filter(|_| plan.is_empty())
}

fn keeps_its_id(job: &JobId) -> Refusal {
    let message = format!("`id`: job `{job}` keeps its id: make a new job, and delete this one");
    Refusal::Invalid(vec![Problem { path: "id".to_owned(), message }])
}

/// The definition with the id that it was asked for under.
fn with_id(mut definition: Definition, job: &JobId) -> Result<Definition, Refusal> {
    match definition.get("id") {
        None => {
            definition.insert("id".to_owned(), Value::from(job.as_str()));
        }
        Some(id) if id.as_str() != Some(job.as_str()) => return Err(keeps_its_id(job)),
        Some(_) => {}
    }
    Ok(definition)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Refusal::File(error.to_string()))?
}

/// Reads the files and makes the edit in the text. `None` = they say so already.
fn prepare(
    source: &JobsSource,
    job: &JobId,
    what: &jobfile::Edit,
    in_force: u64,
) -> Result<Option<Prepared>, Refusal> {
    let path = match &source.from {
        JobsFrom::Path(path) => path,
        JobsFrom::Sample => {
            let message = "the built-in sample is in force, which is no file: write one with `crontower init`, and \
                           start crontower with it";
            return Err(Refusal::NotPossible(message.to_owned()));
        }
        JobsFrom::Nowhere => {
            let message = "this engine has no jobs file: make the job one of the API";
            return Err(Refusal::NotPossible(message.to_owned()));
        }
    };
    let mut texts = source.texts()?;
    let known = source.fingerprint_of(&texts) == in_force;
    if texts.is_empty() {
        let name = path.join("jobs.yaml").display().to_string();
        texts.push(SourceText { name, text: String::new() });
    }
    let edited = jobfile::edit(&texts, &source.rules(Clock.now().wall), job, what);
    if !known {
        // What was wanted is told as far as the files as they are now allow it.
        let diff = edited.ok().and_then(|edited| difference(&texts, &edited)).unwrap_or_default();
        let message = format!(
            "{} has been changed by hand and is not in force as it is now: reload it (`crontower reload`), then try again",
            path.display()
        );
        return Err(Refusal::FileLeftAlone { message, diff });
    }
    let edited = edited.map_err(|error| match error {
        EditError::Taken => Refusal::JobExists { job: job.clone() },
        EditError::Unknown => Refusal::UnknownJob { job: job.to_string(), nearest: None },
        EditError::Invalid(problems) => Refusal::Invalid(problems),
        EditError::NotPossible(why) => Refusal::NotPossible(why),
    })?;
    let Some(number) = edited.source else { return Ok(None) };
    let diff = difference(&texts, &edited).unwrap_or_default();
    let (Some(before), Some(after)) = (texts.get(number), edited.sources.get(number)) else {
        return Ok(None);
    };
    let file = PathBuf::from(&before.name);
    let old = (!before.text.is_empty() || file.exists()).then(|| before.text.clone());
    let new = after.text.clone();
    let fingerprint = fingerprint(&edited.sources, &edited.loaded.calendars);
    let read = Read { loaded: edited.loaded, fingerprint };
    Ok(Some(Prepared { file, old, new, diff, read }))
}

fn difference(before: &[SourceText], edited: &jobfile::Edited) -> Option<String> {
    let number = edited.source?;
    let (before, after) = (before.get(number)?, edited.sources.get(number)?);
    Some(jobfile::unified_diff(&before.name, &before.text, &after.text))
}

async fn write(file: &Path, old: Option<&str>, new: &str) -> Result<(), LeftAlone> {
    let (file, old, new) = (file.to_owned(), old.map(str::to_owned), new.to_owned());
    let done = tokio::task::spawn_blocking(move || replace(&file, old.as_deref(), &new)).await;
    done.map_err(|error| LeftAlone::Refused(std::io::Error::other(error)))?
}

fn left_alone(file: &Path, left: LeftAlone, diff: String) -> Refusal {
    let file = file.display();
    let message = match left {
        LeftAlone::Changed => {
            format!("{file} was changed by someone else this moment: look at it again")
        }
        LeftAlone::Refused(error) => format!("{file} cannot be written: {error}"),
    };
    Refusal::FileLeftAlone { message, diff }
}
